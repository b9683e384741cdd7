package probe

import (
	"cmp"
	"context"
	"strings"
	"sync"
)

// NewGuard returns a Guard that remembers refused passwords for as long as it lives.
func NewGuard() Guard { return &memory{refused: map[Account]bool{}} }

type memory struct {
	mu      sync.Mutex
	refused map[Account]bool
}

func (m *memory) Refused(a Account) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refused[a.sameAs()]
}

func (m *memory) Note(a Account) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused[a.sameAs()] = true
	return nil
}

// login is what the account logs on as.
func (a Account) login() string { return cmp.Or(a.Login, a.SIP) }

// sameAs is the account in one spelling: what counts is which Windows account a password is tried for.
func (a Account) sameAs() Account {
	return Account{SIP: strings.ToLower(a.SIP), Login: strings.ToLower(a.login()), Password: a.Password}
}

const (
	// maxUnclear is how many log-ons may end without a word on the password before it is used no more: a directory may
	// have counted each as a wrong one, and locks an account after five to ten as a rule.
	maxUnclear = 3
	// maxLogons is how often one client uses the password: at the server that discovery names, at a second one that it
	// is sent on to, and at its home pool.
	maxLogons = 3
)

// RefusedBefore is the text of a skipped step where a password was refused, in this run or lately, and is not used again.
const RefusedBefore = "the password was refused before"

// Other reasons not to use a password.
const (
	unclearBefore  = "the password was used several times before without a clear answer, and is not risked again"
	stoppedBefore  = "the probe was stopped"
	tooManyLogons  = "this client has logged on often enough"
	neverOverPlain = "nothing secret goes over plain HTTP"
)

// trial lets the clients of all places use an account's password. Until it has been granted or refused once, one client
// at a time uses it: the one of the lowest rank that has not left. So a wrong password is used once, and who uses it
// does not depend on timing. Clients enter before the first starts.
type trial struct {
	account Account
	guards  []Guard

	mu      sync.Mutex
	granted bool
	refused bool
	unclear int
	inside  map[int]bool  // ranks of those who may yet use the password
	changed chan struct{} // closed, and made anew, with every change
}

func newTrial(a Account) *trial {
	return &trial{account: a, inside: map[int]bool{}, changed: make(chan struct{})}
}

// turn waits until the client of that rank may use the password. It returns the reason when it must not.
func (t *trial) turn(ctx context.Context, rank int) string {
	for {
		t.mu.Lock()
		first := true
		for r := range t.inside {
			first = first && r >= rank
		}
		granted, changed := t.granted, t.changed
		why := ""
		switch {
		case granted:
		case t.refused:
			why = RefusedBefore
		case t.unclear >= maxUnclear:
			why = unclearBefore
		}
		t.mu.Unlock()
		if granted || why != "" {
			return why
		}
		if first {
			for _, g := range t.guards {
				if g.Refused(t.account) {
					return RefusedBefore
				}
			}
			return ""
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return stoppedBefore
		}
	}
}

// What a log-on said of the password.
type passwordVerdict int

const (
	saysNothing passwordVerdict = iota // it was used, and nobody knows what became of it
	saysRight
	saysWrong
)

// note tells all what a log-on said of the password.
func (t *trial) note(v passwordVerdict) {
	t.change(func() {
		switch {
		case v == saysRight:
			t.granted = true
		case v == saysWrong && !t.granted: // after it was granted, a refusal is not the password's fault
			t.refused = true
			for _, g := range t.guards {
				// What could not be noted is not known in the next run. This one knows.
				_ = g.Note(t.account)
			}
		case v == saysNothing:
			t.unclear++
		}
	})
}

func (t *trial) enter(rank int) { t.change(func() { t.inside[rank] = true }) }
func (t *trial) leave(rank int) { t.change(func() { delete(t.inside, rank) }) }

func (t *trial) change(how func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	how()
	close(t.changed)
	t.changed = make(chan struct{})
}
