package load

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// what is measured.
type measure int

const (
	connecting measure = iota
	discovery
	challenge
	token
	userDocument
	application
	makeAvailable
	signIn
	setPresence
	invite
	accept
	sendMessage
	delivery
	signOut
	measures
)

var measureNames = [measures]string{
	"connect", "discovery", "challenge", "token", "user document", "application", "make available", "sign-in", "presence",
	"invite", "accept", "message", "delivery", "sign-out",
}

// alone are those that count from the beginning: they happen before the warm-up is over.
func (m measure) early() bool { return m <= signIn || m == signOut }

// faultKinds are in the order of how bad they are.
var faultKinds = []string{
	WrongUser, WrongSite, PollLost, PollCut, EventLost, EventTwice, EventOrder, BadStatus, BadAnswer, ConnectError, RequestError,
}

// examplesKept is how many of each kind are kept: enough to see a pattern.
const examplesKept = 5

// stats is what all clients count together.
type stats struct {
	began time.Time
	warm  atomic.Bool

	latencies [measures]histogram
	signIns, signOuts, requests, polls, events,
	sent, received, reconnects, faultCount,
	held, mostHeld atomic.Int64
	recent  histogram    // of this second
	slowest atomic.Int64 // answer or connection, in nanoseconds; polls are none

	mu     sync.Mutex
	faults map[string]*Fault
	series []Second
}

func newStats(began time.Time) *stats { return &stats{began: began, faults: map[string]*Fault{}} }

// took notes how long something took.
func (s *stats) took(m measure, d time.Duration) {
	if m.early() || s.warm.Load() {
		s.latencies[m].add(d)
	}
	if m != connecting && m != signIn && m != delivery {
		s.recent.add(d)
	}
	if m == signIn || m == delivery {
		return // they are made of several
	}
	for {
		slowest := s.slowest.Load()
		if int64(d) <= slowest || s.slowest.CompareAndSwap(slowest, int64(d)) {
			return
		}
	}
}

// fault notes what was not correct.
func (s *stats) fault(kind string, c *client, request, came string) {
	s.faultCount.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.faults[kind]
	if f == nil {
		f = &Fault{Kind: kind}
		s.faults[kind] = f
	}
	if f.Count++; len(f.Examples) < examplesKept {
		f.Examples = append(f.Examples, Example{
			Second: float64(time.Since(s.began).Milliseconds()) / 1000, Client: c.index + 1, User: c.account.SIP,
			Request: plain(request), Came: plain(came),
		})
	}
}

// longestText bounds what an example quotes.
const longestText = 200

// plain is text that can be shown: of bounded length, and printable.
func plain(text string) string {
	if len(text) > longestText {
		text = text[:longestText] + "…"
	}
	out := []rune(text)
	for i, r := range out {
		if r < ' ' || r > 0x7e && r != '…' {
			out[i] = '?'
		}
	}
	return string(out)
}

// hold counts a poll that waits until the returned function is called.
func (s *stats) hold() (release func()) {
	n := s.held.Add(1)
	for {
		most := s.mostHeld.Load()
		if n <= most || s.mostHeld.CompareAndSwap(most, n) {
			break
		}
	}
	return func() { s.held.Add(-1) }
}

// tick adds to the series each second until stop is closed.
func (s *stats) tick(began time.Time, stop <-chan struct{}, progress func(Second)) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	var before Second
	for {
		select {
		case <-ticker.C:
		case <-stop:
			return
		}
		total := Second{
			SignIns: int(s.signIns.Load()), Requests: int(s.requests.Load()), Faults: int(s.faultCount.Load()), Events: int(s.events.Load()),
		}
		now := Second{
			Second: int(time.Since(began).Round(time.Second) / time.Second), PollsHeld: int(s.held.Load()),
			SignIns: total.SignIns - before.SignIns, Requests: total.Requests - before.Requests,
			Faults: total.Faults - before.Faults, Events: total.Events - before.Events,
			P99: milliseconds(s.recent.percentile(99)),
		}
		s.recent.clear()
		before = total
		s.mu.Lock()
		s.series = append(s.series, now)
		s.mu.Unlock()
		if progress != nil {
			progress(now)
		}
	}
}

// result sums up.
func (r *run) result(interrupted bool) *Result {
	s := r.stats
	s.mu.Lock()
	defer s.mu.Unlock()
	count := func(n *atomic.Int64) int { return int(n.Load()) }
	out := &Result{
		Schema: Schema, Began: r.began.UTC().Truncate(time.Millisecond), Seconds: float64(r.since().Milliseconds()) / 1000,
		Interrupted: interrupted, Clients: len(r.clients),
		Totals: Totals{
			SignIns: count(&s.signIns), SignOuts: count(&s.signOuts), Requests: count(&s.requests), Polls: count(&s.polls),
			Events: count(&s.events), MostPolls: count(&s.mostHeld), Sent: count(&s.sent), Received: count(&s.received),
			Reconnects: count(&s.reconnects),
		},
		Faults: []Fault{}, Latencies: []Latency{}, Series: append([]Second{}, s.series...),
	}
	for _, kind := range faultKinds {
		if f := s.faults[kind]; f != nil {
			out.Faults = append(out.Faults, Fault{Kind: f.Kind, Count: f.Count, Examples: slices.Clone(f.Examples)})
		}
	}
	for m := range measures {
		h := &s.latencies[m]
		n := h.count()
		if n == 0 {
			continue
		}
		out.Latencies = append(out.Latencies, Latency{
			What: measureNames[m], Count: n, P50: milliseconds(h.percentile(50)), P90: milliseconds(h.percentile(90)),
			P99: milliseconds(h.percentile(99)), Max: milliseconds(h.max()),
		})
	}
	return out
}
