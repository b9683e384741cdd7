package probe

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

const (
	stepsKept  = 400 // below one step: more than any deployment has, and a hostile record ends somewhere
	detailKept = 300 // characters of a detail: three lines of a console
)

// stepsOf shows a record as trees of steps, one for each vantage: vantage, host name, then what was done for that
// name in the order it is done: DNS, TCP, TLS, HTTP, each below the one it needs. It does not judge. A step is
// failed by plain fact only (no address for a name that is needed here, no connection, no handshake, a certificate
// that a client refuses, no HTTP answer, 5xx); what a healthy deployment refuses too is passed or noted.
func stepsOf(rec *Record) []Step {
	out := []Step{}
	sections := slices.Clone(rec.Sections)
	rank := func(s *Section) int {
		if i := slices.Index(Places(), s.Vantage); i >= 0 {
			return i
		}
		return len(Places())
	}
	slices.SortStableFunc(sections, func(a, b *Section) int { return cmp.Compare(rank(a), rank(b)) })
	runs := map[string]int{}
	for _, s := range sections {
		runs[s.Vantage]++
		at := s.Vantage
		if n := runs[at]; n > 1 { // rules read the first section of a vantage, so that one has the plain IDs
			at = fmt.Sprintf("%s#%d", at, n)
		}
		out = append(out, newTree(rec, s, at).vantage())
	}
	return out
}

// tree makes the steps of one section.
type tree struct {
	rec   *Record
	sec   *Section
	at    string // start of all IDs
	used  map[string]int
	hosts []*hostTree
	named map[string]*hostTree

	dials      map[string]*Dial   // the first by ip:port
	byIP       map[string][]*Dial // in order
	handshakes map[int]*Handshake
	carried    map[int][]*Exchange // by handshake
	exchanges  map[int]*Exchange
	needed     map[string]bool // names that must have an address here
	outside    map[string]bool // names that clients outside use
}

// hostTree is what was done for one name.
type hostTree struct {
	name    string
	lookups []*Lookup
	ends    []*endTree
	loose   []*Exchange // without an address
}

// endTree is what was done at one ip:port for one name.
type endTree struct {
	addr       string
	handshakes []*Handshake
	exchanges  []*Exchange // without a handshake
}

func newTree(rec *Record, s *Section, at string) *tree {
	t := &tree{
		rec: rec, sec: s, at: at, used: map[string]int{}, named: map[string]*hostTree{},
		dials: map[string]*Dial{}, byIP: map[string][]*Dial{}, handshakes: map[int]*Handshake{},
		carried: map[int][]*Exchange{}, exchanges: map[int]*Exchange{},
	}
	for i := range s.Lookups {
		if l := &s.Lookups[i]; l.Type == "A" || l.Type == "AAAA" || l.Type == "CNAME" {
			h := t.host(l.Name)
			h.lookups = append(h.lookups, l)
		}
	}
	for i := range s.Dials {
		d := &s.Dials[i]
		ip, _, _ := net.SplitHostPort(d.Addr)
		if t.dials[d.Addr] == nil {
			t.dials[d.Addr] = d
			t.byIP[ip] = append(t.byIP[ip], d)
		}
		t.host(cmp.Or(d.Host, ip, d.Addr)).end(d.Addr)
	}
	for i := range s.Handshakes {
		h := &s.Handshakes[i]
		t.handshakes[h.ID] = h
		e := t.host(h.Host).end(h.Addr)
		e.handshakes = append(e.handshakes, h)
	}
	for i := range s.Exchanges {
		x := &s.Exchanges[i]
		t.exchanges[x.ID] = x
		switch {
		case x.Handshake != 0 && t.handshakes[x.Handshake] != nil:
			t.carried[x.Handshake] = append(t.carried[x.Handshake], x)
		case x.Addr == "":
			h := t.host(x.Host)
			h.loose = append(h.loose, x)
		default:
			e := t.host(x.Host).end(x.Addr)
			e.exchanges = append(e.exchanges, x)
		}
	}
	t.expect()
	slices.SortStableFunc(t.hosts, func(a, b *hostTree) int { return cmp.Compare(t.rank(a.name), t.rank(b.name)) })
	return t
}

// rank orders names as clients need them: discovery, web services, simple URLs and the rest, others.
func (t *tree) rank(name string) int {
	ex := &t.rec.Target.Expected
	switch {
	case strings.HasPrefix(name, "lyncdiscover.") || strings.HasPrefix(name, "lyncdiscoverinternal."):
		return 0
	case containsFold(ex.ExternalWeb, name) || containsFold(ex.InternalWeb, name):
		return 1
	case t.needed[name] || t.outside[name]:
		return 2
	}
	return 3
}

func (t *tree) host(name string) *hostTree {
	name = strings.ToLower(name)
	h := t.named[name]
	if h == nil {
		h = &hostTree{name: name}
		t.named[name] = h
		t.hosts = append(t.hosts, h)
	}
	return h
}

func (h *hostTree) end(addr string) *endTree {
	for _, e := range h.ends {
		if e.addr == addr {
			return e
		}
	}
	e := &endTree{addr: addr}
	h.ends = append(h.ends, e)
	return e
}

// addresses are those of all lookups of the name.
func (h *hostTree) addresses() []netip.Addr {
	var out []netip.Addr
	for _, l := range h.lookups {
		out = append(out, l.Addresses()...)
	}
	return out
}

// expect notes which names must resolve here and which are for clients outside.
func (t *tree) expect() {
	t.needed, t.outside = map[string]bool{}, map[string]bool{}
	add := func(set map[string]bool, names ...string) {
		for _, n := range names {
			set[strings.ToLower(n)] = true
		}
	}
	ex := &t.rec.Target.Expected
	public := slices.Concat(ex.ExternalWeb, ex.Meet, ex.Dialin, ex.OfficeWebApps)
	for _, d := range t.rec.Target.SIPDomains {
		public = append(public, "lyncdiscover."+d)
		inside := "lyncdiscoverinternal." + d
		switch t.sec.Vantage {
		case External:
			add(t.needed, "lyncdiscover."+d)
		case Internal:
			add(t.needed, inside)
		case WiFi: // a phone asks for either, and one is enough
			if h := t.named["lyncdiscover."+d]; h == nil || len(h.addresses()) == 0 {
				add(t.needed, inside)
			}
		}
	}
	add(t.outside, public...)
	switch t.sec.Vantage {
	case External, WiFi:
		add(t.needed, slices.Concat(ex.ExternalWeb, ex.Meet, ex.Dialin, ex.OfficeWebApps)...)
	case Internal:
		add(t.needed, slices.Concat(ex.InternalWeb, ex.Meet, ex.Dialin)...)
	case Proxy:
		for _, w := range ex.WebServers {
			if host, _, err := net.SplitHostPort(w.Address); err == nil {
				add(t.needed, host)
			}
		}
	}
	// A client goes where a document sends it. A managed machine inside may do without what the outside name says.
	for _, s := range t.rec.Sections {
		for i := range s.Exchanges {
			x := &s.Exchanges[i]
			if s.Vantage == External {
				add(t.outside, x.Document.Hosts()...)
			}
			if s == t.sec && (s.Vantage != Internal || strings.HasPrefix(x.Host, "lyncdiscoverinternal.")) {
				add(t.needed, t.meant(x.Document)...)
			}
		}
	}
}

// meant are the hosts of a document for clients at this place. User documents name the other side's as well, whose
// names need not exist here ("Understanding Autodiscover in Lync Server 2013").
func (t *tree) meant(d *Document) []string {
	if d == nil {
		return nil
	}
	others := "internal/"
	if t.sec.Vantage == Internal {
		others = "external/"
	}
	links := maps.Clone(d.Links)
	maps.DeleteFunc(links, func(token, _ string) bool { return strings.HasPrefix(token, others) })
	return (&Document{Links: links}).Hosts()
}

// id makes an ID under the tree's vantage; a second step of the same ID gets a number.
func (t *tree) id(path string) string {
	id := t.at + "/" + path
	t.used[id]++
	if n := t.used[id]; n > 1 {
		return fmt.Sprintf("%s~%d", id, n)
	}
	return id
}

var vantageWords = map[string]string{
	External: "from the Internet", Internal: "from a machine on the LAN",
	WiFi: "from a phone on the office network", Proxy: "from beside the reverse proxy",
}

func (t *tree) vantage() Step {
	root := Step{ID: t.at, Name: t.at}
	if w := vantageWords[t.sec.Vantage]; w != "" {
		root.Name += ", " + w
	}
	for _, h := range t.hosts {
		root.Steps = append(root.Steps, t.hostStep(h))
	}
	root.Steps = append(root.Steps, t.records()...)
	root.Steps = append(root.Steps, t.walks()...)
	root.Steps = append(root.Steps, t.signIns()...)
	root.Steps = append(root.Steps, t.polls()...)
	root.Steps = append(root.Steps, t.crowds()...)
	if t.sec.Incomplete != "" {
		root.Detail = "ended early: " + clip(t.sec.Incomplete)
	}
	return grouped(timed(root, t.sec.Elapsed))
}

func (t *tree) hostStep(h *hostTree) Step {
	s := Step{ID: t.id("host/" + h.name), Name: cmp.Or(h.name, "without a name")}
	resolved := len(h.addresses()) > 0
	for i, l := range h.lookups {
		s.Steps = append(s.Steps, t.lookup(l, resolved, i == 0))
	}
	// A connection is tried once for each address, whatever the name: what failed there ends this name's way too.
	// Plain HTTP is for discovery names only.
	for _, a := range h.addresses() {
		for _, d := range t.byIP[a.String()] {
			if !d.Outcome.OK() && len(h.ends) < stepsKept && (!isPlain(d.Addr) || strings.HasPrefix(h.name, "lyncdiscover")) {
				h.end(d.Addr)
			}
		}
	}
	for _, e := range h.ends {
		s.Steps = append(s.Steps, t.end(h, e))
	}
	for _, x := range h.loose {
		s.Steps = append(s.Steps, t.exchange(x, ""))
	}
	if len(h.lookups) > 0 && len(h.ends) == 0 && len(h.loose) == 0 {
		switch {
		case resolved && t.sec.Incomplete != "":
			s.Steps = append(s.Steps, t.skipped(s.ID, "the probe ended early", "TCP", "TLS", "HTTP")...)
		case !resolved && t.needed[h.name]:
			s.Steps = append(s.Steps, t.skipped(s.ID, "the name did not resolve", "TCP", "TLS", "HTTP")...)
		case !resolved:
			s.Detail = "has no address here; nothing more was tried"
		}
	}
	return grouped(s)
}

// skipped are steps that were not tried because of something above them.
func (t *tree) skipped(parent, why string, names ...string) []Step {
	var out []Step
	for _, n := range names {
		path := strings.TrimPrefix(parent, t.at+"/") + "/" + strings.ToLower(n)
		out = append(out, Step{ID: t.id(path), Name: n, State: NotTried, Detail: "not tried because " + why})
	}
	return out
}

// lookup shows one question. Only the first of a name's questions fails for want of an address: the fact is one.
func (t *tree) lookup(l *Lookup, resolved, first bool) Step {
	s := Step{ID: t.id("lookup/" + strings.ToLower(l.Name) + "/" + l.Type), Name: "DNS " + l.Type + " of " + l.Name}
	missing := l.Outcome.Code == NXDomain || l.Outcome.Code == NoData || l.Outcome.OK()
	address := l.Type == "A" || l.Type == "AAAA" || l.Type == "CNAME"
	switch {
	case l.Outcome.OK() && (resolved || !address):
		s.State = Passed
	case !missing:
		s.State = Failed
	case !resolved && first && t.needed[strings.ToLower(l.Name)]:
		s.State = Failed
	default:
		s.State = Noted
	}
	s.Detail = clip(lookupWords(l))
	return timed(s, l.Elapsed)
}

func lookupWords(l *Lookup) string {
	var values []string
	for _, r := range l.Answers {
		if r.Type == "CNAME" {
			values = append(values, "alias of "+strings.TrimSuffix(r.Value, "."))
		} else {
			values = append(values, r.Value)
		}
	}
	text := ""
	switch l.Outcome.Code {
	case OK:
		text = cmp.Or(strings.Join(values, ", "), "an empty answer")
	case NXDomain:
		text = strings.Join(append(values, "the name does not exist (NXDOMAIN)"), ", ")
	case NoData:
		text = strings.Join(append(values, "the name has no record of this type"), ", ")
	case ServFail:
		text = "the name server failed (SERVFAIL)"
	case DNSRefused:
		text = "the name server refused (REFUSED)"
	default:
		text = words(l.Outcome)
	}
	if l.SOA != "" {
		text += "; zone " + l.SOA
	}
	if l.Server != "" {
		text += "; asked " + l.Server
	}
	return text
}

// records are the questions for anything but addresses.
func (t *tree) records() []Step {
	s := Step{ID: t.id("records"), Name: "other DNS records"}
	for i := range t.sec.Lookups {
		if l := &t.sec.Lookups[i]; l.Type != "A" && l.Type != "AAAA" && l.Type != "CNAME" {
			s.Steps = append(s.Steps, t.lookup(l, false, false))
		}
	}
	if len(s.Steps) == 0 {
		return nil
	}
	return []Step{grouped(s)}
}

// end shows the connection to one address and, below it, all that went over it.
func (t *tree) end(h *hostTree, e *endTree) Step {
	d := t.dials[e.addr]
	s := Step{Name: "TCP " + e.addr, State: Passed}
	plain := isPlain(e.addr)
	switch {
	case d == nil:
		s.ID = t.id("host/" + h.name + "/" + e.addr)
		s.Name = e.addr
	case t.used[t.at+"/dial/"+e.addr] == 0:
		s.ID = t.id("dial/" + e.addr)
		s = timed(s, d.Elapsed)
		s.Detail = "connected"
	default: // the first attempt counts for every name with that address
		s.ID = t.id("dial/" + e.addr + "/" + h.name)
		s.Detail = "connected, as above"
	}
	broken := ""
	if d != nil && !d.Outcome.OK() {
		s.State = t.dialState(d, plain)
		broken = words(d.Outcome)
		s.Detail = broken
		if s.State == Noted && plain && t.sec.Vantage != Proxy {
			s.Detail += "; port 80 is optional"
		}
		s.Detail = clip(s.Detail)
	}
	if s.State == Failed && len(e.handshakes)+len(e.exchanges) == 0 {
		layers := []string{"TLS", "HTTP"}
		if plain {
			layers = layers[1:]
		}
		s.Steps = append(s.Steps, t.skipped(s.ID, "the connection failed: "+broken, layers...)...)
	}
	again := Step{ID: s.ID + "/repeats", Name: "fresh connections"}
	for _, k := range e.handshakes {
		if k.Purpose == HandshakeRepeat {
			again.Steps = append(again.Steps, t.handshake(k))
		} else {
			s.Steps = append(s.Steps, t.handshake(k))
		}
	}
	for _, x := range e.exchanges {
		s.Steps = append(s.Steps, t.exchange(x, broken))
	}
	if n := len(again.Steps); n > 0 {
		again.Name = Count(n, "fresh connection", "fresh connections")
		s.Steps = append(s.Steps, grouped(again))
	}
	if d == nil {
		return grouped(s)
	}
	return bounded(s)
}

// dialState is for connections that failed. Port 80 may be closed on purpose unless discovery needs it; the way
// from the proxy need not lead to servers it does not forward to; and a machine without IPv6 says nothing of the
// deployment's.
func (t *tree) dialState(d *Dial, plain bool) string {
	ap, err := netip.ParseAddrPort(d.Addr)
	switch {
	case plain && t.sec.Vantage != Proxy && !t.rec.Target.Expected.HTTPOnlyDiscovery,
		t.sec.Vantage == Proxy && t.webServer(d.Addr) == nil,
		err == nil && ap.Addr().Is6() && d.Outcome.Code == Unreachable:
		return Noted
	}
	return Failed
}

// isPlain tells the ports of plain HTTP: those of clients and the external web site's.
func isPlain(addr string) bool {
	_, port, _ := net.SplitHostPort(addr)
	return port == "80" || port == "8080"
}

// words say how an operation failed; beyond plain network failures the system's text says more than the code.
func words(o Outcome) string {
	switch o.Code {
	case Timeout, Refused, Reset, Unreachable, Closed:
		return o.Words()
	}
	return cmp.Or(o.Text, o.Words())
}

// clip shortens a text to one that a console shows in three lines.
func clip(text string) string {
	n := 0
	for i := range text {
		if n++; n > detailKept {
			return text[:i] + " ..."
		}
	}
	return text
}

// timed sets how long a step took.
func timed(s Step, d time.Duration) Step {
	s.Elapsed = d
	s.Milliseconds = math.Round(float64(d)/float64(time.Millisecond)*10) / 10
	return s
}

// bounded cuts off the steps past the limit, and says so.
func bounded(s Step) Step {
	if n := len(s.Steps) - stepsKept; n > 0 {
		s.Steps = append(s.Steps[:stepsKept:stepsKept], Step{
			ID: s.ID + "/more", Name: "more", State: Noted, Detail: Count(n, "more step is", "more steps are") + " left out here",
		})
	}
	return s
}

// grouped gives a step that only holds others their state: failed when one failed, else passed when one passed.
func grouped(s Step) Step {
	states := map[string]bool{}
	var collect func([]Step)
	collect = func(steps []Step) {
		for i := range steps {
			states[steps[i].State] = true
			collect(steps[i].Steps)
		}
	}
	collect(s.Steps)
	s.State = Noted
	for _, state := range []string{Failed, Passed, Noted, NotTried} {
		if states[state] {
			s.State = state
			break
		}
	}
	return bounded(s)
}
