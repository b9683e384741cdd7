package probe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Observe looks at the target from every vantage at once and returns what it saw. It always returns a record
// when the arguments are valid: what could not be reached is an observation too. The end of ctx ends the
// observation early, and the sections say so.
func Observe(ctx context.Context, target Target, vantages []*Vantage, limits Limits) (*Record, error) {
	target, err := checked(target, vantages)
	if err != nil {
		return nil, err
	}
	limits = limits.withDefaults()
	limits.Total += holdingTime(vantages)
	ctx, cancel := context.WithTimeout(ctx, limits.Total)
	defer cancel()

	observers := make([]*observer, len(vantages))
	learned, named := &hostSet{most: maxHosts}, &hostSet{most: maxHosts}
	var run []string
	for _, v := range vantages {
		run = append(run, v.Name)
	}
	for i, v := range vantages {
		observers[i] = newObserver(v, run, target, limits, learned, named)
		observers[i].all = observers
	}
	for _, o := range observers {
		o.visiting.Go(func() {
			defer close(o.discovered)
			o.discover(ctx)
		})
		o.visiting.Go(func() { o.visit(ctx) })
		o.visiting.Go(func() { o.visitNamed(ctx) })
	}
	for _, o := range observers {
		o.visiting.Wait()
	}
	var signing sync.WaitGroup
	for o, ways := range waysOf(observers) {
		signing.Go(func() { o.signIn(ctx, ways) })
	}
	signing.Wait()

	rec := &Record{Schema: RecordSchema, Target: target, Certificates: map[string]Certificate{}}
	for _, o := range observers {
		rec.Sections = append(rec.Sections, o.finish(ctx, rec.Certificates))
	}
	return rec, nil
}

// checked returns the target as a run takes it, or why there can be none.
func checked(target Target, vantages []*Vantage) (Target, error) {
	target, err := target.Normalised()
	if err != nil {
		return target, err
	}
	if len(vantages) == 0 {
		return target, errors.New("probe: no vantage to observe from")
	}
	for _, v := range vantages {
		if v == nil {
			return target, errors.New("probe: a vantage is nil")
		}
		if !slices.Contains(Places(), v.Name) {
			return target, fmt.Errorf("probe: unknown vantage %q: use %s", v.Name, strings.Join(Places(), ", "))
		}
		if v.Seen != nil && v.Seen.section(v.Name) == nil {
			return target, fmt.Errorf("probe: nothing has been seen from %s", v.Name)
		}
	}
	return target, nil
}

// over tells whether a run has ended. A connection's deadline, which is the run's at the latest, may pass a moment
// before the context says so.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// Normalised returns the target in lower case, each SIP domain once, that of the user first. It is an error when no
// domain is left or one is no domain name.
func (t Target) Normalised() (Target, error) {
	t.User = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(t.User)), "sip:")
	var domains []string
	add := func(d string) {
		d = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(d)), ".")
		if d != "" && !slices.Contains(domains, d) {
			domains = append(domains, d)
		}
	}
	if _, d, ok := strings.Cut(t.User, "@"); ok {
		add(d)
	}
	for _, d := range t.SIPDomains {
		add(d)
	}
	if len(domains) == 0 {
		return t, errors.New("probe: no SIP domain to examine: give a sign-in address or a domain")
	}
	for _, d := range domains {
		if !validName(d) {
			return t, fmt.Errorf("probe: %q is no domain name", d)
		}
	}
	t.SIPDomains = domains
	if t.Meeting = strings.TrimSpace(t.Meeting); t.Meeting != "" {
		l, err := followable(t.Meeting)
		known := slices.Concat(t.Expected.Meet, t.Expected.ExternalWeb)
		switch {
		case err != nil || l.scheme != "https" || l.target == "/":
			return t, fmt.Errorf("probe: %q is no URL of a meeting: it begins with https:// and names the meeting", t.Meeting)
		case !below(l.host, domains...) && !containsFold(known, l.host):
			return t, fmt.Errorf("probe: %s is no host of this deployment: declare it under meet", l.host)
		}
		t.Meeting = l.String()
	}
	return t, nil
}

// hostSet is a set of host names that several observers add to. Of too many it keeps the first of the alphabet,
// so that what it holds does not depend on the order in which they came.
type hostSet struct {
	most int // zero means any number

	mu    sync.Mutex
	hosts []string // sorted
}

func (s *hostSet) add(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, found := slices.BinarySearch(s.hosts, host)
	if host == "" || found {
		return
	}
	s.hosts = slices.Insert(s.hosts, i, host)
	if s.most > 0 && len(s.hosts) > s.most {
		s.hosts = s.hosts[:s.most]
	}
}

func (s *hostSet) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hosts)
}

// once lets one goroutine do a thing that many want, and the others wait for it. It is sync.Once on a channel, for a
// wait on the network is long, and the clock of a test's bubble goes on only when all waits are of channels.
type once struct {
	begun atomic.Bool
	done  chan struct{}
}

func newOnce() once { return once{done: make(chan struct{})} }

func (o *once) do(f func()) {
	if !o.begun.CompareAndSwap(false, true) {
		<-o.done
		return
	}
	defer close(o.done)
	f()
}

// observer gathers one section.
type observer struct {
	v       *Vantage
	run     []string // the names of all vantages of this run
	target  Target
	limits  Limits
	started time.Time
	// learned are the hosts that discovery answers named, from any vantage's external-looking documents.
	learned *hostSet
	// named are the hosts that discovery answers named at any vantage: their records matter at all of them.
	named *hostSet
	// all are the observers of the run.
	all []*observer
	// visiting is all that this vantage asks before somebody signs in. discovered is closed when it has its documents.
	visiting   sync.WaitGroup
	discovered chan struct{}
	// challenged is closed when the user resources of all hosts were asked for.
	challenged chan struct{}

	mu       sync.Mutex
	section  Section
	certs    map[string]Certificate
	verified map[string]Outcome       // by roots and chain
	servers  map[string]*nameServer   // by ip:port
	lookups  map[string]*pending      // by name and type
	gates    map[string]*gate         // by ip:port, as dialled
	slots    map[string]*slot         // by scheme, host and address: connections that can serve again
	hops     map[string]*hop          // by URL and media type
	turns    map[string]chan struct{} // by ip:port
	distance map[string]time.Duration // by ip:port: the least that connecting took
	begun    map[string]bool          // hosts whose web services are being asked
	linked   hostSet                  // hosts that this vantage's own documents named
	users    map[string]string        // by host: the user link of its document, and "legacy "+host for the legacy one
	// Who asked and who shook hands, by the ID of the exchange or handshake: those who sign in do it side by side.
	asked, shook map[int]string
}

func newObserver(v *Vantage, run []string, target Target, limits Limits, learned, named *hostSet) *observer {
	return &observer{
		v: v, run: run, target: target, limits: limits, learned: learned, named: named, started: time.Now(),
		section: Section{Vantage: v.Name, Resolvers: v.Resolvers, ManagedDevices: v.Managed},
		certs:   map[string]Certificate{}, verified: map[string]Outcome{},
		servers: map[string]*nameServer{}, lookups: map[string]*pending{}, gates: map[string]*gate{},
		slots: map[string]*slot{}, hops: map[string]*hop{}, turns: map[string]chan struct{}{}, distance: map[string]time.Duration{}, begun: map[string]bool{},
		discovered: make(chan struct{}), challenged: make(chan struct{}), linked: hostSet{most: maxHosts}, users: map[string]string{},
		asked: map[int]string{}, shook: map[int]string{},
	}
}

// finish closes what is open, and sorts and numbers the observations, so that equal deployments give equal records
// whatever the timing. Nothing else runs any more.
func (o *observer) finish(ctx context.Context, certs map[string]Certificate) *Section {
	if seen := o.v.Seen; seen != nil {
		maps.Copy(certs, seen.Certificates)
		return seen.section(o.v.Name)
	}
	for _, server := range o.servers {
		server.close()
	}
	for _, slot := range o.slots {
		slot.session.close()
	}
	s := &o.section
	s.Exchanges = slices.DeleteFunc(s.Exchanges, func(x Exchange) bool { return x.Purpose == leftOut })
	s.Handshakes = slices.DeleteFunc(s.Handshakes, func(h Handshake) bool { return h.Purpose == leftOut })
	for _, g := range o.gates {
		if g.conn != nil {
			g.conn.Close()
		}
		if g.dial.Addr != "" {
			g.dial.Host = g.host
			s.Dials = append(s.Dials, g.dial)
		}
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		s.Incomplete = "the probe was stopped before everything was asked"
	case over(ctx):
		s.Incomplete = "the time was over before everything was asked"
	}
	s.Started = o.started
	s.Elapsed = time.Since(o.started)
	s.number(o.asked, o.shook)
	s.Walks = walksOf(s, o.target)
	for k, c := range o.certs {
		certs[k] = c
	}
	return s
}

// Labels that nobody publishes: a name that resolves although it does not exist shows a wildcard, and a host that
// is answered although nobody published it shows the default site.
const (
	unknownLabel = "nobody-publishes-this"
	maxHosts     = 32 // that documents named: more than any deployment has, few enough to bound a hostile one
	maxHops      = 10
	foretold     = 4 // that are visited as soon as a document names no more: as many as a deployment has
)

// srvNames are the service records of a SIP domain.
var srvNames = []string{"_sip._tls.", "_sipfederationtls._tcp.", "_sipinternaltls._tcp."}

// discover asks for the discovery names of every SIP domain and for all names that can be guessed.
func (o *observer) discover(ctx context.Context) {
	if seen := o.v.Seen; seen != nil {
		for _, x := range seen.section(o.v.Name).Exchanges {
			if x.Document.Redirect() == "" && !x.SignsIn() { // nobody signs in before all have discovered
				o.noteHosts(ctx, x.Document)
			}
		}
		return
	}
	if o.v.Name == Proxy {
		return
	}
	var all sync.WaitGroup
	for i, d := range o.target.SIPDomains {
		all.Go(func() { o.discoverDomain(ctx, d, i == 0) })
		for _, srv := range srvNames {
			all.Go(func() { o.lookupSRV(ctx, srv+d) })
		}
		all.Go(func() { o.resolve(ctx, unknownLabel+"."+d) })
		all.Go(func() { o.resolve(ctx, "sip."+d) })
	}
	all.Wait()
}

// visit asks for all that no document has to name: the web services and simple URLs of the plan, and the servers behind
// the proxy.
func (o *observer) visit(ctx context.Context) {
	if o.v.Seen != nil {
		return
	}
	if o.v.Name == Proxy {
		o.visitWebServers(ctx)
		return
	}
	expected := o.target.Expected
	web := expected.ExternalWeb
	if o.v.Name == Internal {
		web = expected.InternalWeb
	}
	for _, host := range web {
		o.begin(ctx, strings.ToLower(host), maxHosts)
	}
	for _, host := range slices.Concat(expected.InternalWeb, expected.ExternalWeb) {
		o.visiting.Go(func() { o.resolve(ctx, host) })
	}
	meet, dialin := o.simpleHosts()
	office := expected.OfficeWebApps
	if o.seconded() {
		// A browser on the Wi-Fi resolves these names as one on the LAN does; where they lead is seen from there.
		for _, host := range slices.Concat(meet, dialin, office) {
			o.visiting.Go(func() { o.resolve(ctx, host) })
		}
		return
	}
	for _, host := range meet {
		o.visiting.Go(func() { o.visitSimple(ctx, host, GetMeet) })
	}
	for _, host := range dialin {
		o.visiting.Go(func() { o.visitSimple(ctx, host, GetDialin) })
	}
	for _, host := range office {
		o.visiting.Go(func() { o.visitOffice(ctx, strings.ToLower(host)) })
	}
	for _, host := range expected.Exchange {
		o.visiting.Go(func() { o.visitExchange(ctx, strings.ToLower(host)) })
	}
	o.visitMeeting(ctx)
}

// visitNamed asks for what documents named, and is not being asked for yet. A phone on the office network uses the external
// web FQDN, which only the view from outside may have named; nobody else waits for the documents of others.
func (o *observer) visitNamed(ctx context.Context) {
	challenged := sync.OnceFunc(func() { close(o.challenged) })
	defer challenged()
	<-o.discovered
	if o.v.Seen == nil && o.v.Name != Proxy {
		for _, other := range o.all {
			if o.v.Name == WiFi && other.v.Name == External {
				<-other.discovered
			}
		}
		o.visitHosts(ctx, challenged)
	}
	for _, other := range o.all {
		<-other.discovered
	}
	if o.v.Seen == nil && o.v.Name != Proxy {
		for _, host := range o.named.all() {
			o.visiting.Go(func() { o.resolve(ctx, host) })
		}
	}
}

// visitHosts visits the hosts of the web services, and calls challenged when all user resources were asked for.
func (o *observer) visitHosts(ctx context.Context, challenged func()) {
	hosts := o.webHosts()
	for _, host := range hosts {
		o.begin(ctx, host, len(hosts)+foretold)
	}
	for _, purpose := range []string{GetUser, GetUserLegacy} {
		var asking sync.WaitGroup
		for _, host := range hosts {
			asking.Go(func() { o.visitUser(ctx, host, purpose) })
		}
		asking.Wait()
		challenged()
	}
}

// begin visits the web services of a host, once however often it is called, unless so many are visited.
func (o *observer) begin(ctx context.Context, host string, most int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.begun[host] || len(o.begun) >= most {
		return
	}
	o.begun[host] = true
	o.visiting.Go(func() { o.visitWeb(ctx, host) })
}

// heard visits hosts as soon as a document of some vantage has named them, where webHosts will have them in any case.
func (o *observer) heard(ctx context.Context, from *observer, hosts []string) {
	own := from == o && (o.v.Name == Internal || !slices.Contains(o.run, External) && len(o.target.Expected.ExternalWeb) == 0)
	outside := from.v.Name == External && (o == from || o.v.Name == WiFi)
	if o.v.Seen != nil || !own && !outside {
		return
	}
	for _, host := range hosts {
		o.begin(ctx, host, foretold)
	}
}

// seconded tells whether this is the office Wi-Fi and the run also looks from outside and from the LAN, so that only
// what is particular to phones there remains to be asked.
func (o *observer) seconded() bool {
	return o.v.Name == WiFi && slices.Contains(o.run, External) && slices.Contains(o.run, Internal)
}

// webHosts are the hosts whose web services this vantage's clients use: inside those that discovery named; outside
// and on the office Wi-Fi the external ones, for phones use these everywhere.
func (o *observer) webHosts() []string {
	hosts := hostSet{}
	named := slices.Concat(o.learned.all(), o.target.Expected.ExternalWeb)
	switch {
	case o.v.Name == Internal:
		named = append(o.linked.all(), o.target.Expected.InternalWeb...)
	case o.v.Name == External || len(named) == 0:
		named = append(named, o.linked.all()...)
	}
	for _, h := range named {
		hosts.add(strings.ToLower(h))
	}
	return hosts.all()
}

// simpleHosts are the hosts of the simple URLs: the declared ones, else the usual ones.
func (o *observer) simpleHosts() (meet, dialin []string) {
	meet, dialin = o.target.Expected.Meet, o.target.Expected.Dialin
	if len(meet) == 0 && len(dialin) == 0 {
		for _, d := range o.target.SIPDomains {
			meet = append(meet, "meet."+d)
		}
		dialin = []string{"dialin." + o.target.SIPDomains[0]}
	}
	lower := func(list []string) []string {
		hosts := hostSet{}
		for _, h := range list {
			hosts.add(strings.ToLower(h))
		}
		return hosts.all()
	}
	return lower(meet), lower(dialin)
}
