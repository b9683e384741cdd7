package fakelync

import (
	"crypto/rand"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// mobility is what an organisation remembers of its mobile and web clients. The zero mobility is that nobody is there.
type mobility struct {
	mu           sync.Mutex
	applications map[string]*application // by their ids
	people       map[string]*person      // by identity
	sessions     map[string]*session     // of Mcx, by their tickets
	// watchers are the applications that subscribed to a user's presence, by the user's folded address, each with how
	// often it did.
	watchers map[string]map[*application]int
	// nextSweep and nextExpiry are when applications and sessions are looked through again.
	nextSweep, nextExpiry time.Time
}

// person is somebody with applications, a user or an anonymous participant.
type person struct {
	caller
	// presence, note and location are shared by all applications. An empty presence is that of somebody who is offline.
	presence, note, location string
	applications             []*application
	outstanding              int // requests in processing
}

// application is one client that is signed in.
type application struct {
	id       string
	base     string // the address of UCWA that it was made at
	owner    *person
	machine  *Config // which holds it
	pool     string
	endpoint string
	culture  string
	agent    string
	kind     string
	// putName is the property that a PUT to the communication resource must pass, etag what it must match.
	putName    string
	etag       int
	modalities []string
	formats    []string

	available bool
	used      time.Time // by the organisation's clock
	channel   channel
	// conversations and invitations are both by the conversation's id.
	conversations map[string]*conversation
	subscriptions map[string][]string // contacts whose presence the client wants to know, by subscription
}

const (
	// expiry is how long an application lives without a request. UCWA SDK, "Event channel details": 15 minutes without
	// a new poll, or without a report of activity. That any other request counts as either is inferred.
	expiry = 15 * time.Minute
	// remembered is how long it is told apart from one that never was. It is inferred.
	remembered = 4 * expiry
	// maxOutstanding is how many requests of one user may be in processing (UCWA SDK, "Generic synchronous errors").
	maxOutstanding = 100
	// standardApplications is how many applications a user may have unless the organisation says something else. The
	// number is inferred; the refusal of one too many is documented (UCWA SDK, "applications").
	standardApplications = 25
)

// identity tells callers apart.
func (c *caller) identity() string {
	if c.user != nil {
		return strings.ToLower(c.user.SIP)
	}
	return "anonymous " + c.meeting
}

// address is the caller's SIP URI: a user's own; of an anonymous participant one that nobody can call, which is inferred.
func (c *caller) address() string {
	if c.user != nil {
		return "sip:" + c.user.SIP
	}
	return "sip:anonymous@anonymous.invalid"
}

// display is the caller's name as others see it.
func (c *caller) display() string {
	switch {
	case c.user == nil:
		return "Guest"
	case c.user.Name != "":
		return c.user.Name
	}
	name, _, _ := strings.Cut(c.user.SIP, "@")
	return name
}

// person is the record of a caller, made when there is none.
func (m *mobility) person(c caller) *person {
	p := m.people[c.identity()]
	if p == nil {
		p = &person{caller: c}
		if m.people == nil {
			m.people = map[string]*person{}
		}
		m.people[c.identity()] = p
	}
	return p
}

// add makes an application. Its id has twelve digits, as in captures.
func (m *mobility) add(a *application) {
	if m.applications == nil {
		m.applications = map[string]*application{}
	}
	for a.id == "" || m.applications[a.id] != nil {
		var b [8]byte
		rand.Read(b[:])
		a.id = strconv.FormatUint(1e11+binary.BigEndian.Uint64(b[:])%9e11, 10)
	}
	m.applications[a.id] = a
	a.owner.applications = append(a.owner.applications, a)
}

// remove ends an application, and what it was part of.
func (m *mobility) remove(a *application) {
	for _, c := range a.conversations {
		c.leave(a)
	}
	delete(m.applications, a.id)
	p := a.owner
	p.applications = slices.DeleteFunc(p.applications, func(other *application) bool { return other == a })
	if len(p.applications) == 0 {
		p.presence = ""
	}
	for _, uris := range a.subscriptions {
		m.unwatch(a, uris)
	}
	a.channel.end()
	m.forget(p)
}

// answered is called when a request of somebody has its answer, or none.
func (m *mobility) answered(p *person) {
	p.outstanding--
	m.forget(p)
}

// forget drops the record of somebody of whom there is nothing to remember.
func (m *mobility) forget(p *person) {
	if p.outstanding == 0 && len(p.applications) == 0 && p.note == "" && p.location == "" {
		delete(m.people, p.identity())
	}
}

// watched is what a user's watchers are found by.
func watched(uri string) string { return strings.ToLower(strings.TrimPrefix(uri, "sip:")) }

func (m *mobility) watch(a *application, uris []string) {
	if m.watchers == nil {
		m.watchers = map[string]map[*application]int{}
	}
	for _, uri := range uris {
		who := watched(uri)
		if m.watchers[who] == nil {
			m.watchers[who] = map[*application]int{}
		}
		m.watchers[who][a]++
	}
}

func (m *mobility) unwatch(a *application, uris []string) {
	for _, uri := range uris {
		who := watched(uri)
		if m.watchers[who][a]--; m.watchers[who][a] == 0 {
			delete(m.watchers[who], a)
		}
		if len(m.watchers[who]) == 0 {
			delete(m.watchers, who)
		}
	}
}

// sweep forgets those of a person's applications that expired long ago, and now and then those of all others.
func (o *Organisation) sweep(p *person) {
	m, now := &o.mobility, o.now()
	old := func(a *application) bool { return a.channel.poll == nil && now.Sub(a.used) > o.scaled(remembered) }
	for _, a := range slices.Clone(p.applications) {
		if old(a) {
			m.remove(a)
		}
	}
	if now.Before(m.nextSweep) {
		return
	}
	m.nextSweep = now.Add(o.scaled(expiry))
	for _, a := range m.applications {
		if old(a) {
			m.remove(a)
		}
	}
}

// live tells whether the application has not expired.
func (a *application) live(o *Organisation) bool {
	return a.channel.poll != nil || o.now().Sub(a.used) <= o.scaled(expiry)
}

// reachable tells whether a machine of this configuration knows the application: its own does, and another one of the
// pool unless either of them is cut off.
func (a *application) reachable(machine *Config, pool string) bool {
	return a.machine == machine || strings.EqualFold(a.pool, pool) && !a.machine.Isolated && !machine.Isolated
}

// tell puts an event into the channels of those of a person's applications that are available.
func (p *person) tell(o *Organisation, event func(*application) event) {
	for _, a := range p.applications {
		if a.available && a.live(o) {
			a.channel.add(event(a))
		}
	}
}
