package probe

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// View is a record as rules read it. It notes which kinds of observations were read, so that a test can hold a
// rule to what it declares. A View belongs to one rule; the record behind it is shared and read-only.
type View struct {
	record *Record
	read   Kind
	known  *sync.Map // what Once has worked out of this record
}

// NewView returns a view of rec.
func NewView(rec *Record) *View { return &View{record: rec, known: &sync.Map{}} }

// another is a view of the same record for another rule.
func (v *View) another() *View { return &View{record: v.record, known: v.known} }

// Once returns what work gives for the record, and works it out once for all rules that ask under the same key. Work
// must be a pure function of the view, and the result must not be changed.
func Once[T any](v *View, key string, work func(*View) T) T {
	type entry struct {
		value T
		read  Kind
	}
	if e, ok := v.known.Load(key); ok {
		have := e.(entry)
		v.read |= have.read
		return have.value
	}
	own := v.another()
	e := entry{value: work(own)}
	e.read = own.read
	v.read |= e.read
	v.known.Store(key, e)
	return e.value
}

// Read is the set of kinds read so far.
func (v *View) Read() Kind { return v.read }

// Domains are the SIP domains, the main one first.
func (v *View) Domains() []string { return v.record.Target.SIPDomains }

// Expected is what the operator declared.
func (v *View) Expected() Expected {
	v.read |= Expectations
	return v.record.Target.Expected
}

// At returns what was seen from the vantage. A Place that was not observed is empty, and Seen tells.
func (v *View) At(vantage string) *Place {
	for _, s := range v.record.Sections {
		if s.Vantage == vantage {
			return &Place{Section: s, view: v}
		}
	}
	return &Place{Section: &Section{Vantage: vantage}, view: v, absent: true}
}

// Places are all vantages observed, in the order of Places.
func (v *View) Places() []*Place {
	var out []*Place
	for _, name := range Places() {
		if p := v.At(name); p.Seen() {
			out = append(out, p)
		}
	}
	return out
}

// Certificate returns a certificate by its key; nil when the record lacks it.
func (v *View) Certificate(key string) *Certificate {
	v.read |= Handshakes
	c, ok := v.record.Certificates[key]
	if !ok {
		return nil
	}
	return &c
}

// Place is a vantage in a record.
type Place struct {
	// Section holds the raw observations. Rules use the methods, which note what was read.
	Section *Section
	view    *View
	absent  bool
}

// Seen tells whether the record has this vantage.
func (p *Place) Seen() bool { return !p.absent }

// Name is the vantage's.
func (p *Place) Name() string { return p.Section.Vantage }

// Saw is evidence from this place that no single step shows.
func (p *Place) Saw(format string, args ...any) Evidence {
	return Evidence{Vantage: p.Name(), Text: fmt.Sprintf(format, args...)}
}

// Lookup returns the observation of one question; nil when it was not asked.
func (p *Place) Lookup(name, kind string) *Lookup {
	p.view.read |= Lookups
	for i := range p.Section.Lookups {
		if l := &p.Section.Lookups[i]; l.Type == kind && strings.EqualFold(l.Name, name) {
			return l
		}
	}
	return nil
}

// Lookups are all questions and answers.
func (p *Place) Lookups() []Lookup {
	p.view.read |= Lookups
	return p.Section.Lookups
}

// Resolution sums up the A and AAAA lookups of a name.
type Resolution struct {
	Name string
	// Outcome is OK when there is an address, else the outcome that says most: NXDomain only when all lookups
	// say so. NotChecked means that the name was not asked.
	Outcome Outcome
	// Addrs and Aliases are of both lookups.
	Addrs   []netip.Addr
	Aliases []string
	// SOA is the zone that denied the name.
	SOA  string
	step string
}

// Exists tells whether the name has an address.
func (r *Resolution) Exists() bool { return r.Outcome.Code == OK }

// Missing tells whether the name surely has none: the servers answered, and said so.
func (r *Resolution) Missing() bool { return r.Outcome.Code == NXDomain || r.Outcome.Code == NoData }

// Asked tells whether the name was looked up at all.
func (r *Resolution) Asked() bool { return r.Outcome.Code != NotChecked }

// Resolve sums up what the place learned of a name.
func (p *Place) Resolve(name string) *Resolution {
	r := &Resolution{Name: name, Outcome: Outcome{Code: NotChecked}, step: p.Name() + "/lookup/" + strings.ToLower(name) + "/A"}
	for _, kind := range []string{"A", "AAAA"} {
		l := p.Lookup(name, kind)
		if l == nil {
			continue
		}
		r.Addrs = append(r.Addrs, l.Addresses()...)
		for _, a := range l.Aliases() {
			if !slices.Contains(r.Aliases, a) {
				r.Aliases = append(r.Aliases, a)
			}
		}
		if l.SOA != "" {
			r.SOA = l.SOA
		}
		if rankLookup(l.Outcome.Code) > rankLookup(r.Outcome.Code) {
			r.Outcome = l.Outcome
		}
	}
	return r
}

// rankLookup orders outcomes by how much they say of a name when its A and AAAA lookups differ.
func rankLookup(code string) int {
	switch code {
	case NotChecked:
		return 0
	case NXDomain:
		return 1
	case NoData:
		return 2
	case OK:
		return 4
	}
	return 3 // a failure of the resolver: the name may exist
}

// SawLookup is evidence from a resolution.
func (p *Place) SawLookup(r *Resolution, format string, args ...any) Evidence {
	e := p.Saw(format, args...)
	e.Step = r.step
	return e
}

// Dials are all connection attempts.
func (p *Place) Dials() []Dial {
	p.view.read |= Dials
	return p.Section.Dials
}

// Dial returns the attempt to one ip:port; nil when there was none.
func (p *Place) Dial(addr string) *Dial {
	p.view.read |= Dials
	for i := range p.Section.Dials {
		if d := &p.Section.Dials[i]; d.Addr == addr {
			return d
		}
	}
	return nil
}

// SawDial is evidence from a connection attempt.
func (p *Place) SawDial(d *Dial, format string, args ...any) Evidence {
	e := p.Saw(format, args...)
	e.Step = p.Name() + "/dial/" + d.Addr
	return e
}

// Handshakes returns those of one of the purposes; all when none is given.
func (p *Place) Handshakes(purposes ...string) []*Handshake {
	p.view.read |= Handshakes
	var out []*Handshake
	for i := range p.Section.Handshakes {
		if h := &p.Section.Handshakes[i]; len(purposes) == 0 || slices.Contains(purposes, h.Purpose) {
			out = append(out, h)
		}
	}
	return out
}

// HandshakesFor returns the client's own handshakes with a host, one for each address.
func (p *Place) HandshakesFor(host string) []*Handshake {
	var out []*Handshake
	for _, h := range p.Handshakes(HandshakeName) {
		if strings.EqualFold(h.Host, host) {
			out = append(out, h)
		}
	}
	return out
}

// SawHandshake is evidence from a handshake.
func (p *Place) SawHandshake(h *Handshake, format string, args ...any) Evidence {
	e := p.Saw(format, args...)
	e.Step = fmt.Sprintf("%s/handshake/%d", p.Name(), h.ID)
	return e
}

// Leaf is the server's own certificate; nil when none was sent.
func (p *Place) Leaf(h *Handshake) *Certificate {
	if len(h.Chain) == 0 {
		return nil
	}
	return p.view.Certificate(h.Chain[0])
}

// Exchanges returns those of one of the purposes; all when none is given.
func (p *Place) Exchanges(purposes ...string) []*Exchange {
	p.view.read |= Exchanges
	var out []*Exchange
	for i := range p.Section.Exchanges {
		if x := &p.Section.Exchanges[i]; len(purposes) == 0 || slices.Contains(purposes, x.Purpose) {
			out = append(out, x)
		}
	}
	return out
}

// ExchangesFor returns the exchanges with a host.
func (p *Place) ExchangesFor(host string, purposes ...string) []*Exchange {
	return slices.DeleteFunc(p.Exchanges(purposes...), func(x *Exchange) bool { return !strings.EqualFold(x.Host, host) })
}

// SawExchange is evidence from an exchange.
func (p *Place) SawExchange(x *Exchange, format string, args ...any) Evidence {
	e := p.Saw(format, args...)
	e.Step = fmt.Sprintf("%s/exchange/%d", p.Name(), x.ID)
	return e
}

// Walks are the discoveries as each kind of client does them.
func (p *Place) Walks() []Walk {
	p.view.read |= Walks
	return p.Section.Walks
}

// Logons are all Windows authentications.
func (p *Place) Logons() []Logon {
	p.view.read |= Logons
	return p.Section.Logons
}

// SignIns are the ways of all clients that signed in, or tried to.
func (p *Place) SignIns() []SignIn {
	p.view.read |= SignIns
	return p.Section.SignIns
}

// SawLogon is evidence from a Windows authentication: its last leg.
func (p *Place) SawLogon(l *Logon, format string, args ...any) Evidence {
	e := p.Saw(format, args...)
	if n := len(l.Exchanges); n > 0 {
		e.Step = fmt.Sprintf("%s/exchange/%d", p.Name(), l.Exchanges[n-1])
	}
	return e
}

// SawStep is evidence from a step of a sign-in.
func (p *Place) SawStep(s *SignInStep, format string, args ...any) Evidence {
	e := p.Saw(format, args...)
	if s.Exchange != 0 {
		e.Step = fmt.Sprintf("%s/exchange/%d", p.Name(), s.Exchange)
	}
	return e
}

// Polls returns the long polls of one of the purposes; all when none is given.
func (p *Place) Polls(purposes ...string) []*Poll {
	p.view.read |= Polls
	var out []*Poll
	for i := range p.Section.Polls {
		if l := &p.Section.Polls[i]; len(purposes) == 0 || slices.Contains(purposes, l.Purpose) {
			out = append(out, l)
		}
	}
	return out
}

// SawPoll is evidence from a long poll.
func (p *Place) SawPoll(l *Poll, format string, args ...any) Evidence {
	e := p.Saw(format, args...)
	e.Step = fmt.Sprintf("%s/exchange/%d", p.Name(), l.Exchange)
	return e
}

// Crowds are what came of many requests at once.
func (p *Place) Crowds() []Crowd {
	p.view.read |= Crowds
	return p.Section.Crowds
}

// Exchange returns the exchange of that ID, nil when there is none.
func (p *Place) Exchange(id int) *Exchange {
	p.view.read |= Exchanges
	for i := range p.Section.Exchanges {
		if x := &p.Section.Exchanges[i]; x.ID == id {
			return x
		}
	}
	return nil
}
