package pfsense

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"

	"net/netip"
	"slices"
	"strings"
	"time"

	"lyncpin/internal/topology"
)

// Translated is a backup in the words of a topology.
type Translated struct {
	// Deployment is a whole one around the proxy, which a lab can run: Front Ends at the addresses that the proxy forwards to, names
	// in both DNS views, certificates with the names, dates and kinds of issuer of the backup's.
	Deployment *topology.Topology
	// Certificates is how many the proxy has.
	Certificates int
	// Notes say what was made up, and what could not be said, in sentences.
	Notes []string
}

// ErrNoNames says that a proxy publishes nothing that is known to be Lync's.
var ErrNoNames = errors.New("nothing in it shows a SIP domain of Lync or Skype for Business: no lyncdiscover, no port 4443")

// From words for Translate.
const (
	FromSquid   = "squid"
	FromHAProxy = "haproxy"
)

// Translate says what one of a backup's two proxies publishes, as a deployment. Now is what the dates of certificates are relative to.
// An error says that this proxy is not set up, or is ErrNoNames.
func Translate(b *Backup, from string, opts Options, now time.Time) (*Translated, error) {
	t := &translator{Backup: b, now: now}
	switch {
	case from == FromSquid && b.squid != nil:
		t.router = squidRouter{b.squid, b}
	case from == FromHAProxy && b.haproxy != nil:
		t.router = haproxyRouter{b.haproxy, b}
	case from == FromSquid:
		return nil, errors.New("the reverse proxy of Squid is not set up in the backup")
	default:
		return nil, errors.New("the HAProxy package has no frontend in the backup")
	}
	n := b.namesOf(t.router, opts)
	if n == nil || len(n.domains) == 0 {
		return nil, ErrNoNames
	}
	t.names = *n
	proxy := t.proxy(opts)
	out := &Translated{Deployment: t.deployment(proxy), Certificates: len(proxy.Certificates), Notes: t.notes}
	if err := out.Deployment.Validate(); err != nil {
		return nil, err
	}
	return out, nil
}

type translator struct {
	*Backup
	router router
	now    time.Time
	names  names
	notes  []string
	// web servers by their alias, in the order in which they were met.
	servers []topology.WebServer
}

func (t *translator) say(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(t.notes, n) {
		t.notes = append(t.notes, n)
	}
}

// proxy is the proxy as a topology has it.
func (t *translator) proxy(opts Options) topology.Proxy {
	var p topology.Proxy
	if s, ok := t.router.(squidRouter); ok {
		p = t.fromSquid(s.squid)
	} else {
		p = t.fromHAProxy(t.haproxy, opts)
	}
	p.Rules = append(p.Rules, t.rules(p)...)
	p.WebServers = t.servers
	return p
}

func (t *translator) fromSquid(s *squid) topology.Proxy {
	p := topology.Proxy{Addresses: []netip.Addr{t.squidAddress()}, ResetUnknown: s.reset}
	if s.enabled != nil && !*s.enabled {
		t.say("Squid is not enabled in the backup; here it runs.")
	}
	if s.http || s.exchangeHTTP {
		p.HTTP = s.httpPort
	}
	if s.clientCheck {
		p.ClientCertificates = topology.RequireCertificate
	}
	if s.https {
		p.HTTPS = s.httpsPort
		chain := topology.FullChain
		cert := t.certificateOf(s.certificate)
		if cert.leaf() != nil && s.intermediate.leaf() == nil && !t.ends(cert.chain) {
			chain = topology.LeafOnly
		}
		p.Certificates = []topology.Certificate{t.certificate(cert, chain)}
	}
	for _, o := range s.options {
		if rest, ok := strings.CutPrefix(o.text, "read_timeout "); ok {
			p.ResponseTimeout = squidTime(strings.Fields(rest))
			p.IdleTimeout = p.ResponseTimeout
		}
	}
	for i := range s.redirects {
		r := &s.redirects[i]
		rule := topology.Rule{Name: "redirect " + r.name, Respond: &topology.Response{Status: 302, Header: map[string]string{"Location": r.to}}}
		for _, h := range r.hosts {
			if rest, ok := strings.CutPrefix(h, "."); ok {
				h = "*." + rest
			}
			if hostLike(strings.TrimPrefix(h, "*.")) {
				rule.Hosts = append(rule.Hosts, h)
			}
		}
		switch {
		case !r.enabled || len(rule.Hosts) == 0 || r.to == "" || !r.http && !r.https:
			continue
		case r.http != r.https:
			rule.Listener = map[bool]string{true: "http", false: "https"}[r.http]
		}
		if path := strings.TrimRight(strings.TrimPrefix(r.path, "^"), ".*$"); strings.HasPrefix(path, "/") && path != "/" && !strings.ContainsAny(path, `\[](){}|+?^`) {
			rule.Paths = []string{path}
		} else if !squidPathPattern(r.path).matches("/any/path") {
			t.say("The redirect %q is for some paths only, which cannot be said; it is left out.", r.name)
			continue
		}
		p.Rules = append(p.Rules, rule)
	}
	return p
}

func (t *translator) fromHAProxy(h *haproxy, opts Options) topology.Proxy {
	u := t.written(opts)
	p := topology.Proxy{Addresses: []netip.Addr{u.addr}, HTTPS: u.https, HTTP: u.http}
	if !h.enabled {
		t.say("The HAProxy package is not enabled in the backup; here it runs.")
	}
	for _, ref := range u.certificates {
		cert := t.certificateOf(ref)
		chain := topology.FullChain
		if cert.leaf() != nil && !t.ends(t.sent(cert)) {
			chain = topology.LeafOnly
		}
		p.Certificates = append(p.Certificates, t.certificate(cert, chain))
	}
	if p.HTTPS != 0 && len(p.Certificates) == 0 {
		p.Certificates = []topology.Certificate{t.certificate(nil, topology.FullChain)}
	}
	least := func(a, b time.Duration) time.Duration {
		if a == 0 || b < a {
			return b
		}
		return a
	}
	for _, l := range u.listeners {
		p.HTTP2 = p.HTTP2 || l.http2 && l.kind == "http"
		p.IdleTimeout = least(p.IdleTimeout, silence(l.timeout, "client", l.options))
		if l.clientCA {
			p.ClientCertificates = map[bool]string{true: topology.RequestCertificate, false: topology.RequireCertificate}[l.clientOptional]
		}
	}
	for _, r := range t.requests() {
		backends, _, _ := h.backendsFor(r)
		for _, b := range backends {
			p.ResponseTimeout = least(p.ResponseTimeout, silence(b.timeout, "server", b.options))
		}
	}
	return p
}

func (t *translator) requests() []request { return (&checker{names: t.names}).requests(true) }

// Bounds of what the lab's authorities issue.
const farthest = 9 * 365 * 24 * time.Hour

// certificate says what to issue in place of a certificate: the same names, dates and kind of issuer.
func (t *translator) certificate(c *certificate, chain string) topology.Certificate {
	leaf := c.leaf()
	if leaf == nil {
		t.say("The backup holds no certificate that can be read; one with all public names stands for it.")
		return topology.Certificate{Names: t.hosts(), Issuer: topology.PublicCA}
	}
	out := topology.Certificate{Issuer: t.issuerOf(leaf), Chain: chain}
	for _, n := range leaf.DNSNames {
		if n = strings.ToLower(n); hostLike(strings.TrimPrefix(n, "*.")) {
			out.Names = append(out.Names, n)
		}
	}
	if cn := strings.ToLower(leaf.Subject.CommonName); hostLike(strings.TrimPrefix(cn, "*.")) {
		out.CommonName = cn
	}
	if out.CommonName == "" && len(out.Names) == 0 {
		t.say("A certificate holds no host name.")
		out.CommonName = "firewall.invalid"
	}
	if out.Issuer == topology.SelfSigned {
		out.Chain = topology.FullChain
	}
	clip := func(d time.Duration) time.Duration {
		d = min(max(d.Round(time.Hour), -farthest), farthest)
		if d == 0 {
			return -time.Minute
		}
		return d
	}
	out.Starts, out.Ends = clip(leaf.NotBefore.Sub(t.now)), clip(leaf.NotAfter.Sub(t.now))
	if out.Ends < out.Starts {
		out.Ends = out.Starts + time.Hour
	}
	return out
}

// issuerOf is the kind of authority: public unless the firewall itself is the authority.
func (t *translator) issuerOf(leaf *x509.Certificate) string {
	if selfSigned(leaf) {
		return topology.SelfSigned
	}
	for i := range t.authorities {
		if a := &t.authorities[i]; a.hasKey && a.leaf() != nil && issuedBy(leaf, a.leaf()) {
			return topology.OtherCA
		}
	}
	return topology.PublicCA
}

// hosts are the public names, with one for the web services where none is known.
func (t *translator) hosts() []string {
	out := t.names.all()
	if len(t.names.web) == 0 {
		out = append(out, t.web())
	}
	return out
}

func (t *translator) web() string {
	if len(t.names.web) > 0 {
		return t.names.web[0]
	}
	t.say("No external web services FQDN can be told; lyncweb-ext.%s stands for it.", t.names.domains[0])
	return "lyncweb-ext." + t.names.domains[0]
}

// outcome is where the requests of a host and scheme go.
type outcome struct {
	listener string
	servers  string // aliases, joined
	paths    string // prefixes, joined; empty for all
	respond  bool
	status   int
	location string
	name     string
	header   string
}

// rules are publishing rules that do what the proxy does with each host that it names, in both schemes.
func (t *translator) rules(p topology.Proxy) []topology.Rule {
	published, _ := t.router.spelled()
	hosts := t.hosts()
	for _, h := range published {
		if !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	groups := map[outcome][]string{}
	var order []outcome
	for _, scheme := range []string{"https", "http"} {
		if scheme == "https" && p.HTTPS == 0 || scheme == "http" && p.HTTP == 0 {
			continue
		}
		for _, h := range hosts {
			for _, o := range t.outcomes(h, scheme) {
				if _, known := groups[o]; !known {
					order = append(order, o)
				}
				groups[o] = append(groups[o], h)
			}
		}
	}
	var out []topology.Rule
	taken := map[string]int{}
	for _, o := range order {
		name := cmp.Or(o.name, "lync web services") + ", " + o.listener
		if taken[name]++; taken[name] > 1 {
			name = fmt.Sprintf("%s %d", name, taken[name])
		}
		r := topology.Rule{Name: name, Hosts: groups[o], Listener: o.listener, HostHeader: o.header}
		if o.paths != "" {
			r.Paths = strings.Split(o.paths, " ")
		}
		if o.respond {
			r.Respond = &topology.Response{Status: o.status}
			if o.location != "" {
				r.Respond.Header = map[string]string{"Location": o.location}
			}
		} else {
			r.WebServers = strings.Split(o.servers, "\n")
			r.AnyScheme = slices.ContainsFunc(r.WebServers, func(alias string) bool {
				return slices.ContainsFunc(t.servers, func(w topology.WebServer) bool { return w.Alias == alias && w.Scheme != o.listener })
			})
			t.affinity(&r)
		}
		out = append(out, r)
	}
	// What names hosts exactly comes before what names many.
	slices.SortStableFunc(out, func(a, b topology.Rule) int { return cmp.Compare(wildcards(a.Hosts), wildcards(b.Hosts)) })
	return out
}

func wildcards(hosts []string) int {
	if slices.ContainsFunc(hosts, func(h string) bool { return strings.HasPrefix(h, "*") }) {
		return 1
	}
	return 0
}

// outcomes are what the proxy does with a host: one when all paths go the same way, else one for each way.
func (t *translator) outcomes(host, scheme string) []outcome {
	sample := strings.Replace(host, "*.", "any-name-at-all.", 1)
	paths := append(slices.Clone(t.names.pathsOf(host)), telling{path: "/"})
	byWay := map[outcome][]string{}
	var order []outcome
	lost := false
	for _, p := range paths {
		o, ok := t.outcome(request{host: sample, path: p.path, https: scheme == "https"})
		if !ok {
			lost = lost || p.path != "/"
			continue
		}
		o.listener = scheme
		if _, known := byWay[o]; !known {
			order = append(order, o)
		}
		if prefix := firstSegment(p.path); !slices.Contains(byWay[o], prefix) {
			byWay[o] = append(byWay[o], prefix)
		}
	}
	if len(order) == 1 && !lost {
		if _, ok := t.outcome(request{host: sample, path: "/", https: scheme == "https"}); ok {
			return order
		}
	}
	var out []outcome
	for _, o := range order {
		prefixes := slices.DeleteFunc(byWay[o], func(p string) bool { return p == "/" && len(byWay[o]) > 1 })
		if slices.Equal(prefixes, []string{"/"}) {
			t.say("Of %s only the root, or single addresses, are published over %s; here all of it is.", host, scheme)
			continue
		}
		o.paths = strings.Join(prefixes, " ")
		out = append(out, o)
	}
	return out
}

func firstSegment(path string) string {
	rest := strings.TrimPrefix(path, "/")
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		rest = rest[:i]
	}
	return "/" + strings.ToLower(rest)
}

// outcome sends one request; not ok when nobody takes it.
func (t *translator) outcome(r request) (o outcome, ok bool) {
	if s, isSquid := t.router.(squidRouter); isSquid {
		if s.redirected(r.https, r.host, r.path) != nil {
			return o, false // a rule of its own
		}
		_, peers := s.route(r.url())
		return t.squidOutcome(s.squid, peers, r)
	}
	return t.haproxyOutcome(r)
}

func (t *translator) squidOutcome(s *squid, peers []*peer, r request) (outcome, bool) {
	var aliases []string
	for _, p := range peers {
		if !validHost(p.ip) {
			continue
		}
		verify := "none"
		if !s.ignoresPeer {
			verify = topology.PublicCA
		}
		w := topology.WebServer{Alias: p.name, Address: p.ip, Port: p.port, Scheme: strings.ToLower(p.protocol)}
		if w.Scheme == "https" {
			w.Verify = verify
		}
		aliases = append(aliases, t.server(w))
	}
	name := ""
	for i := range s.mappings {
		if m := &s.mappings[i]; name == "" && m.used() && m.matches(r.url()) {
			name = m.name
		}
	}
	return outcome{servers: strings.Join(aliases, "\n"), name: name}, len(aliases) > 0
}

func (t *translator) haproxyOutcome(r request) (outcome, bool) {
	for _, l := range t.haproxy.listeners() {
		if !l.serves(r.https) {
			continue
		}
		d := l.decide(r)
		switch {
		case d.unsure:
			t.say("What the frontend %q does hangs on more than host and path; that is left out.", l.name)
		case d.redirect != nil:
			return outcome{respond: true, status: 302, location: locationOf(d.redirect.value), name: "redirect of " + l.name}, true
		case d.refused != nil:
			return outcome{respond: true, status: 403, name: "refused by " + l.name}, true
		}
		b := t.haproxy.backend(d.backend)
		if b == nil {
			continue
		}
		if l.kind != "http" {
			t.say("The frontend %q passes TLS through; here it is ended.", l.name)
		}
		var aliases []string
		for i := range b.servers {
			s := &b.servers[i]
			if s.status == "backup" && len(b.servers) > 1 || !s.live() || s.forwardTo != "" || !validHost(s.address) || s.port == 0 {
				continue
			}
			w := topology.WebServer{Alias: b.name + "-" + s.name, Address: s.address, Port: s.port, Scheme: "http"}
			if s.tls || l.kind != "http" && r.https {
				w.Scheme, w.Verify = "https", "none"
				if s.verify && s.authority == "" {
					w.Verify = topology.PublicCA
				} else if s.verify {
					w.Verify = topology.EnterpriseCA
				}
			}
			aliases = append(aliases, t.server(w))
		}
		o := outcome{servers: strings.Join(aliases, "\n"), name: b.name}
		for _, m := range l.members {
			for _, a := range slices.Concat(m.actions, b.actions) {
				if a.kind == "http-request_set-header" && strings.EqualFold(a.header, "Host") && hostLike(strings.ToLower(a.value)) {
					o.header = a.value
				}
			}
		}
		return o, len(aliases) > 0
	}
	return outcome{}, false
}

// locationOf is where a redirect rule of HAProxy leads.
func locationOf(rule string) string {
	fields := strings.Fields(rule)
	for i, f := range fields[:max(0, len(fields)-1)] {
		switch f {
		case "scheme":
			return fields[i+1] + "://{host}{uri}"
		case "location":
			return fields[i+1]
		case "prefix":
			return fields[i+1] + "{uri}"
		}
	}
	return "https://{host}{uri}"
}

// server keeps a web server and returns its alias.
func (t *translator) server(w topology.WebServer) string {
	w.Alias = cmp.Or(word(w.Alias), "server")
	for _, known := range t.servers {
		if known.Alias == w.Alias {
			return w.Alias
		}
	}
	t.servers = append(t.servers, w)
	return w.Alias
}

// affinity gives a rule the way in which its backend keeps a client at a server.
func (t *translator) affinity(r *topology.Rule) {
	if t.haproxy == nil || len(r.WebServers) < 2 {
		return
	}
	for i := range t.haproxy.backends {
		b := &t.haproxy.backends[i]
		if !strings.HasPrefix(r.WebServers[0], word(b.name)+"-") {
			continue
		}
		switch {
		case b.cookie != "":
			r.Balance, r.Cookie = "cookie", &topology.Cookie{Name: b.cookie, HTTPOnly: b.httpOnly}
			if b.cookie == "MS-WSMAN" {
				r.Cookie.Name = ""
			}
			if *r.Cookie == (topology.Cookie{}) {
				r.Cookie = nil
			}
		case b.sticky != "" || b.balance == "source":
			r.Balance = "source"
		}
	}
}
