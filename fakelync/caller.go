package fakelync

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// caller is whom a ticket or token says a request is from.
type caller struct {
	// user is nil for an anonymous participant of a meeting.
	user *User
	// meeting is the conference of an anonymous participant, as its focus URI.
	meeting string
}

// ticket is what the organisation remembers of a ticket that it issued.
type ticket struct {
	caller
	pool            string // which alone takes it
	issued, expires time.Time
}

// tickets are what the organisation remembers, by the tickets' texts. The zero tickets are none. When as many as maxYoung
// are there that were issued or shown of late, what was not shown since as many were there before is forgotten: its
// clients ask for new ones, as after a change of the key that signs real ones.
type tickets struct{ young, old map[string]ticket }

// maxYoung is half of how many tickets are remembered: more than any lab has clients, little memory.
const maxYoung = 50_000

func (t *tickets) add(text string, issued ticket) {
	if t.young == nil || len(t.young) >= maxYoung {
		t.young, t.old = map[string]ticket{}, t.young
	}
	t.young[text] = issued
}

func (t *tickets) find(text string) (ticket, bool) {
	if found, ok := t.young[text]; ok {
		return found, true
	}
	found, ok := t.old[text]
	if ok {
		delete(t.old, text)
		t.add(text, found)
	}
	return found, ok
}

// Lifetimes of tickets: captures show just below eight hours for users; UCWA SDK, "Authentication in UCWA", says one
// hour for anonymous participants.
const (
	userLifetime      = 8 * time.Hour
	anonymousLifetime = time.Hour
)

// issue makes a ticket that the machines of the pool take from issued until expires. Its form is that of compact web
// tickets in captures: "cwt=AAEB" and more base64. It is a random name for what the organisation remembers.
func (o *Organisation) issue(c caller, pool string, issued, expires time.Time) string {
	var b [48]byte
	rand.Read(b[3:])
	b[0], b[1], b[2] = 0, 1, 1 // "AAEB" in base64
	text := "cwt=" + base64.StdEncoding.EncodeToString(b[:])
	o.remember(text, ticket{caller: c, pool: pool, issued: issued, expires: expires})
	return text
}

// caller is whom the request's ticket or token is from, or nil with the refusal: the challenge when there is no ticket or
// it is unknown or outside its lifetime by this machine's clock, 500 when another pool issued it (published trace of
// UCWA across pools), 403 when the user may not come in by this site. oauth chooses between the two challenges.
func (s *site) caller(q *query, oauth bool) (c *caller, refusal response) {
	challenge := s.ticketChallenge
	if oauth {
		challenge = s.oauthChallenge
	}
	text := q.presented()
	if text == "" {
		return nil, challenge()
	}
	return s.callerOf(q, text, func() response {
		r := challenge()
		s.diagnose(&r, noToken)
		return r
	})
}

// callerOf is whom a ticket is from. invalid makes the refusal of one that is unknown or outside its lifetime.
func (s *site) callerOf(q *query, text string, invalid func() response) (c *caller, refusal response) {
	t, ok := s.organisation.ticket(text)
	now := s.now()
	switch {
	case !ok, now.Add(clockTolerance).Before(t.issued), now.Add(-clockTolerance).After(t.expires):
		return nil, invalid()
	case !strings.EqualFold(t.pool, s.pool()):
		r := s.page(http.StatusInternalServerError, 0)
		s.diagnose(&r, wrongPool)
		return nil, r
	}
	if t.user != nil {
		q.user = t.user.SIP
		if r, refused := s.barred(t.user); refused {
			return nil, r
		}
	}
	return &t.caller, response{}
}

// clockTolerance is how far clocks may differ before a lifetime counts. Five minutes are the default of .NET's web
// services; that the products leave it so is inferred.
const clockTolerance = 5 * time.Minute

// ticket is what the organisation knows of a ticket.
func (o *Organisation) ticket(text string) (ticket, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tickets.find(text)
}

// now is the machine's clock, the organisation's if it has none of its own.
func (s *site) now() time.Time {
	if s.machine.Now != nil {
		return s.machine.Now()
	}
	return s.organisation.now()
}

// pool is the name of the pool the machine belongs to.
func (s *site) pool() string {
	switch {
	case s.machine.Pool != "":
		return s.machine.Pool
	case len(s.organisation.cfg.Pools) > 0:
		return s.organisation.cfg.Pools[0].Name
	}
	return s.machine.FQDN
}

// presented is the ticket that a request carries, by the name it is remembered by: in X-MS-WebTicket, or after Bearer in
// Authorization. It is empty when there is none.
func (q *query) presented() string {
	t := strings.TrimSpace(q.header.Get("X-MS-WebTicket"))
	if text, ok := strings.CutPrefix(t, "opaque="); ok {
		document, err := base64.StdEncoding.DecodeString(text)
		if key := assertionKey(string(document)); err == nil && key != "" {
			return key
		}
		return t // unknown
	}
	if t != "" {
		return t
	}
	scheme, token, _ := strings.Cut(q.header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// diagnosis is one of the products' error ids with its text.
type diagnosis struct {
	id     int
	reason string
}

// The diagnoses of sign-in ([MS-OCAUTHWS] IssueToken and published traces). The ids of noOutside and
// lockedOut are inferred: no source has them.
var (
	notEnabled     = diagnosis{28000, "User is not SIP enabled."}
	directoryError = diagnosis{28001, "Internal error while processing Windows authentication or authorization."}
	noToken        = diagnosis{28020, "No valid security token."}
	notAllowed     = diagnosis{28029, "Authentication type not allowed."}
	wrongPool      = diagnosis{28032, "The web ticket is invalid."}
	noOutside      = diagnosis{28033, "User is not enabled for remote access."}
	lockedOut      = diagnosis{28034, "The account is locked."}
)

// diagnose adds the diagnostics header. Its grammar is [MS-OCAUTHWS] IssueToken's.
func (s *site) diagnose(r *response, d diagnosis) {
	r.set("X-Ms-diagnostics", strconv.Itoa(d.id)+`;source="`+s.machine.FQDN+`";reason="`+d.reason+`"`)
}

// bars is why a user may not sign in, or not by this site; nil if nothing bars them.
func (s *site) bars(u *User) *diagnosis {
	switch {
	case u.NotEnabled:
		return &notEnabled
	case u.NoOutsideAccess && s.name == ExternalSite:
		return &noOutside
	}
	return nil
}

// barred is the 403 of a user whom something bars.
func (s *site) barred(u *User) (refusal response, refused bool) {
	why := s.bars(u)
	if why == nil {
		return response{}, false
	}
	return s.forbidden(*why), true
}

// forbidden is the 403 with its reason.
func (s *site) forbidden(why diagnosis) response {
	r := s.page(http.StatusForbidden, 0)
	s.diagnose(&r, why)
	return r
}
