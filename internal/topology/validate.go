package topology

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"lyncpin/internal/nearest"
)

// Words of fields that have a fixed vocabulary. The empty word, where it has a meaning, is not among them.
var (
	products   = []string{"lync2010", "lync2013", "sfb2015", "sfb2019"}
	issuers    = []string{PublicCA, EnterpriseCA, SelfSigned, OtherCA}
	tlsWords   = []string{"1.0", "1.1", "1.2", "1.3"}
	siteWords  = []string{"internal", "external"}
	places     = []string{"external", "internal", "wifi", "proxy"}
	schemes    = []string{"https", "http"}
	recordKind = []string{"A", "AAAA", "CNAME", "SRV", "TXT", "NS", "MX", "PTR", "SOA", "CAA", "NAPTR", "DNAME"}
	providers  = []string{"Negotiate", "NTLM", "Kerberos", "Basic"}
	grants     = []string{"password", "windows", "anonmeeting", "passive"}
	rcodes     = []string{"NXDOMAIN", "SERVFAIL", "REFUSED", "FORMERR", "NOTIMP", "NOTAUTH", "YXDOMAIN", "NOTZONE"}
)

// Validate returns what no lab could run, the first thing found, with the field as it is written in a file. What is
// merely wrong is fine: topologies may be.
func (t *Topology) Validate() error {
	v := validator{taken: map[netip.AddrPort]string{}}
	v.topology(t)
	if v.err != nil {
		return fmt.Errorf("topology: %w", v.err)
	}
	return nil
}

// validator keeps the first error. Its checks go on after one, and find nothing more.
type validator struct {
	err   error
	taken map[netip.AddrPort]string // who listens there
}

func (v *validator) fail(path, format string, args ...any) {
	if v.err == nil {
		v.err = fmt.Errorf("%s: %w", path, fmt.Errorf(format, args...))
	}
}

// word reports a value that is not one of the words; empty is fine when optional.
func (v *validator) word(path, value string, words []string, optional bool) {
	switch {
	case slices.Contains(words, value), value == "" && optional:
	case value == "":
		v.fail(path, "missing (one of %s)", strings.Join(words, ", "))
	default:
		v.fail(path, "%q is not one of %s%s", value, strings.Join(words, ", "), nearest.Hint(value, words))
	}
}

// host reports what cannot be a host name; the first label may be a wildcard.
func (v *validator) host(path, name string) {
	if name == "" {
		v.fail(path, "missing: a host name")
		return
	}
	rest := strings.TrimPrefix(name, "*.")
	bad := rest == "" || len(name) > 253 || strings.ContainsFunc(rest, func(r rune) bool {
		return !(r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	})
	for _, label := range strings.Split(strings.TrimSuffix(rest, "."), ".") {
		bad = bad || label == "" || len(label) > 63
	}
	if bad {
		v.fail(path, "%q is not a host name", name)
	}
}

func (v *validator) port(path string, port int, optional bool) {
	if port < 0 || port > 65535 || port == 0 && !optional {
		v.fail(path, "%d is not a port", port)
	}
}

func (v *validator) address(path string, a netip.Addr) bool {
	switch {
	case !a.IsValid():
		v.fail(path, "missing: an IP address")
	case a.Zone() != "" || a.IsUnspecified():
		v.fail(path, "%s is not the address of one machine", a)
	default:
		return true
	}
	return false
}

// listen takes an address and port for what the words say; port zero means that nothing listens.
func (v *validator) listen(path, what string, a netip.Addr, port int) {
	if port == 0 || !a.IsValid() {
		return
	}
	at := netip.AddrPortFrom(a.Unmap(), uint16(port))
	if other, ok := v.taken[at]; ok {
		v.fail(path, "%s would listen at %s, where %s does", what, at, other)
		return
	}
	v.taken[at] = what
}

func (v *validator) topology(t *Topology) {
	v.word("product", t.Product, products, false)
	if len(t.SIPDomains) == 0 {
		v.fail("sip_domains", "at least one is needed")
	}
	for i, d := range t.SIPDomains {
		path := fmt.Sprintf("sip_domains[%d]", i)
		v.host(path, d)
		if containsFold(t.SIPDomains[:i], d) {
			v.fail(path, "%q is there twice", d)
		}
	}
	v.view("external_dns", &t.External)
	v.view("internal_dns", &t.Internal)
	nodes := map[string]bool{}
	for i := range t.Pools {
		v.pool(fmt.Sprintf("pools[%d]", i), &t.Pools[i], nodes)
	}
	if len(t.Pools) == 0 {
		v.fail("pools", "at least one is needed")
	}
	v.people(t)
	for i := range t.Apps {
		v.app(fmt.Sprintf("apps[%d]", i), &t.Apps[i])
	}
	v.proxy("proxy", &t.Proxy)
	v.word("wifi.dns_view", t.WiFi.View, siteWords, true)
	for i := range t.Paths {
		v.path(fmt.Sprintf("paths[%d]", i), &t.Paths[i])
	}
}

func (v *validator) pool(path string, p *Pool, nodes map[string]bool) {
	v.host(path+".name", p.Name)
	v.word(path+".role", p.Role, []string{FrontEnd, Director}, true)
	v.word(path+".product", p.Product, products, true)
	v.site(path+".internal", &p.Internal)
	v.site(path+".external", &p.External)
	for i, u := range p.SimpleURLs {
		v.host(fmt.Sprintf("%s.simple_urls[%d]", path, i), u)
	}
	for _, d := range slices.Sorted(maps.Keys(p.Redirects)) {
		v.host(path+".redirects", d)
		v.url(path+".redirects."+d, p.Redirects[d], false)
	}
	v.port(path+".sip", p.SIP, true)
	if p.SIPAccess != "" && p.SIPAccess != "-" {
		v.hostPort(path+".sip_access", p.SIPAccess)
	}
	v.url(path+".authorization_uri", p.AuthorizationURI, true)
	v.url(path+".passive_uri", p.PassiveURI, true)
	for i := range p.Nodes {
		n := &p.Nodes[i]
		at := fmt.Sprintf("%s.nodes[%d]", path, i)
		v.host(at+".fqdn", n.FQDN)
		if nodes[strings.ToLower(n.FQDN)] {
			v.fail(at+".fqdn", "%q is there twice", n.FQDN)
		}
		nodes[strings.ToLower(n.FQDN)] = true
		v.address(at+".address", n.Address)
		for j, s := range n.Stopped {
			v.word(fmt.Sprintf("%s.stopped[%d]", at, j), s, siteWords, false)
		}
		for _, l := range []struct {
			site string
			port int
		}{{"internal", p.Internal.HTTPS}, {"internal", p.Internal.HTTP}, {"external", p.External.HTTPS}, {"external", p.External.HTTP}} {
			if !slices.Contains(n.Stopped, l.site) {
				v.listen(at, "the "+l.site+" site of "+n.FQDN, n.Address, l.port)
			}
		}
		if !n.Off() {
			v.listen(at, "the registrar of "+n.FQDN, n.Address, p.SIP)
		}
	}
	if b := p.Balancer; b != nil {
		v.address(path+".balancer.address", b.Address)
		if len(p.Nodes) == 0 {
			v.fail(path+".balancer", "there are no nodes to balance")
		}
		for _, port := range slices.Sorted(maps.Keys(b.Ports)) {
			v.port(path+".balancer.ports", port, false)
			v.port(fmt.Sprintf("%s.balancer.ports.%d", path, port), b.Ports[port], false)
			v.listen(path+".balancer", "the balancer of "+p.Name, b.Address, port)
		}
	}
}

func (v *validator) site(path string, s *Site) {
	if s.HTTPS != 0 || s.HTTP != 0 {
		v.host(path+".web_fqdn", s.WebFQDN)
	}
	v.port(path+".https", s.HTTPS, true)
	v.port(path+".http", s.HTTP, true)
	v.certificate(path+".certificate", s.Certificate)
	v.versions(path, s.MinTLS, s.MaxTLS)
	v.words(path+".windows_auth", s.WindowsAuth, providers)
	v.word(path+".ntlm", s.NTLM, []string{"v2", "deny"}, true)
	v.word(path+".extended_protection", s.ExtendedProtection, []string{"require"}, true)
	v.words(path+".grants", s.Grants, grants)
	if s.WebTicketHost != "" {
		v.host(path+".web_ticket_host", s.WebTicketHost)
	}
	v.atLeastZero(path+".max_body", s.MaxBody)
}

// versions also reports an empty range, which no TLS library takes.
func (v *validator) versions(path, least, most string) {
	v.word(path+".min_tls", least, tlsWords, true)
	v.word(path+".max_tls", most, tlsWords, true)
	if least != "" && most != "" && least > most {
		v.fail(path+".min_tls", "%s is above max_tls, %s", least, most)
	}
}

func (v *validator) certificate(path string, c *Certificate) {
	if c == nil {
		return
	}
	if c.CommonName == "" && len(c.Names) == 0 {
		v.fail(path, "neither a common name nor names")
	}
	for i, n := range c.Names {
		if _, err := netip.ParseAddr(n); err != nil {
			v.host(fmt.Sprintf("%s.names[%d]", path, i), n)
		}
	}
	v.word(path+".issuer", c.Issuer, issuers, false)
	v.word(path+".chain", c.Chain, []string{LeafOnly, ReversedChain, WithRoot}, true)
	v.word(path+".usage", c.Usage, []string{"server", "client"}, true)
	if c.Starts != 0 && c.Ends != 0 && c.Ends < c.Starts {
		v.fail(path+".ends", "%s is before starts, %s", c.Ends, c.Starts)
	}
}

func (v *validator) app(path string, a *App) {
	v.word(path+".kind", a.Kind, []string{OfficeWebApps, Exchange, Website, AccessEdge, Appliance, OnlineService}, false)
	v.host(path+".fqdn", a.FQDN)
	v.address(path+".address", a.Address)
	v.port(path+".https", a.HTTPS, true)
	v.port(path+".http", a.HTTP, true)
	v.certificate(path+".certificate", a.Certificate)
	v.listen(path+".https", a.FQDN, a.Address, a.HTTPS)
	v.listen(path+".http", a.FQDN, a.Address, a.HTTP)
	v.url(path+".redirect", a.Redirect, true)
	if a.Refuses != 0 && (a.Refuses < 400 || a.Refuses > 599) {
		v.fail(path+".refuses", "%d is not the status of a refusal", a.Refuses)
	}
}

func (v *validator) view(path string, view *View) {
	if v.address(path+".resolver", view.Resolver) {
		v.listen(path+".resolver", "the name server of "+path, view.Resolver, 53)
	}
	for i, z := range view.Zones {
		at := fmt.Sprintf("%s.zones[%d]", path, i)
		v.host(at, z)
		if containsFold(view.Zones[:i], z) {
			v.fail(at, "%q is there twice", z)
		}
	}
	for i := range view.Records {
		v.record(fmt.Sprintf("%s.records[%d]", path, i), &view.Records[i])
	}
	for i, a := range view.Answers {
		at := fmt.Sprintf("%s.answers[%d]", path, i)
		if a.Name != "*" {
			v.host(at+".name", a.Name)
		}
		v.word(at+".rcode", a.RCode, rcodes, true)
		if a.Delay < 0 {
			v.fail(at+".delay", "%s is negative", a.Delay)
		}
	}
}

func (v *validator) record(path string, r *Record) {
	v.host(path+".name", r.Name)
	v.word(path+".type", strings.ToUpper(r.Type), recordKind, false)
	addr, addrErr := netip.ParseAddr(r.Value)
	switch strings.ToUpper(r.Type) {
	case "A":
		if addrErr != nil || !addr.Is4() {
			v.fail(path+".value", "%q is not an IPv4 address", r.Value)
		}
	case "AAAA":
		if addrErr != nil || !addr.Is6() || addr.Zone() != "" {
			v.fail(path+".value", "%q is not an IPv6 address", r.Value)
		}
	case "CNAME", "NS", "PTR", "DNAME":
		v.host(path+".value", r.Value)
	case "MX":
		if words := strings.Fields(r.Value); len(words) != 2 || !numbers(words[:1]) {
			v.fail(path+".value", "%q is not \"preference host\"", r.Value)
		}
	case "SRV":
		if words := strings.Fields(r.Value); len(words) != 4 || !numbers(words[:3]) {
			v.fail(path+".value", "%q is not \"priority weight port host\"", r.Value)
		}
	default:
		if strings.TrimSpace(r.Value) == "" {
			v.fail(path+".value", "missing")
		}
	}
}

// numbers tells whether all words are numbers of 16 bits.
func numbers(words []string) bool {
	for _, w := range words {
		if _, err := strconv.ParseUint(w, 10, 16); err != nil {
			return false
		}
	}
	return true
}

func (v *validator) proxy(path string, p *Proxy) {
	v.port(path+".https", p.HTTPS, true)
	v.port(path+".http", p.HTTP, true)
	if len(p.Addresses) == 0 && (p.HTTPS != 0 || p.HTTP != 0) {
		v.fail(path+".addresses", "at least one is needed")
	}
	for i, a := range p.Addresses {
		at := fmt.Sprintf("%s.addresses[%d]", path, i)
		v.address(at, a)
		v.listen(at, "the reverse proxy", a, p.HTTPS)
		v.listen(at, "the reverse proxy", a, p.HTTP)
	}
	if p.HTTPS != 0 && !p.PlainHTTPS && len(p.Certificates) == 0 {
		v.fail(path+".certificates", "the https listener needs one")
	}
	for i := range p.Certificates {
		v.certificate(fmt.Sprintf("%s.certificates[%d]", path, i), &p.Certificates[i])
	}
	v.versions(path, p.MinTLS, p.MaxTLS)
	v.word(path+".client_certificates", p.ClientCertificates, []string{RequestCertificate, RequireCertificate}, true)
	v.notNegative(path+".response_timeout", p.ResponseTimeout)
	v.notNegative(path+".idle_timeout", p.IdleTimeout)
	v.notNegative(path+".lifetime", p.Lifetime)
	v.atLeastZero(path+".max_header", int64(p.MaxHeader))
	if p.HTTP2 && (p.HTTPS == 0 || p.PlainHTTPS) {
		v.fail(path+".http2", "it is offered in the TLS handshake, and there is no https listener")
	}
	var aliases, rules []string
	for i := range p.WebServers {
		w := &p.WebServers[i]
		at := fmt.Sprintf("%s.web_servers[%d]", path, i)
		switch {
		case w.Alias == "":
			v.fail(at+".alias", "missing")
		case slices.Contains(aliases, w.Alias):
			v.fail(at+".alias", "%q is used twice", w.Alias)
		}
		aliases = append(aliases, w.Alias)
		if _, err := netip.ParseAddr(w.Address); err != nil {
			v.host(at+".address", w.Address)
		}
		v.port(at+".port", w.Port, false)
		v.word(at+".scheme", w.Scheme, schemes, false)
		v.word(at+".verify", w.Verify, []string{EnterpriseCA, PublicCA, "none"}, true)
	}
	for i := range p.Rules {
		r := &p.Rules[i]
		v.rule(fmt.Sprintf("%s.publishing_rules[%d]", path, i), r, aliases)
		if r.Name != "" && slices.Contains(rules, r.Name) {
			v.fail(fmt.Sprintf("%s.publishing_rules[%d].name", path, i), "%q is used twice", r.Name)
		}
		rules = append(rules, r.Name)
	}
}

func (v *validator) rule(path string, r *Rule, aliases []string) {
	for i, h := range r.Hosts {
		if h != "*" {
			v.host(fmt.Sprintf("%s.hosts[%d]", path, i), h)
		}
	}
	for i, p := range r.Paths {
		if !strings.HasPrefix(p, "/") {
			v.fail(fmt.Sprintf("%s.paths[%d]", path, i), "%q does not begin with a slash", p)
		}
	}
	v.word(path+".listener", r.Listener, schemes, true)
	for i, alias := range r.WebServers {
		if !slices.Contains(aliases, alias) {
			v.fail(fmt.Sprintf("%s.web_servers[%d]", path, i), "there is no web server %q%s", alias, nearest.Hint(alias, aliases))
		}
	}
	if (len(r.WebServers) > 0) == (r.Respond != nil) {
		v.fail(path, "needs either web_servers or respond")
	}
	v.word(path+".connections", r.Connections, []string{"pin", "shared", "close"}, true)
	v.word(path+".balance", r.Balance, []string{"round-robin", "source", "cookie"}, true)
	v.notNegative(path+".retry_silent", r.RetrySilent)
	for _, n := range []struct {
		field string
		value int64
	}{
		{"rate", int64(r.Rate)}, {"buffer_response", int64(r.BufferResponse)}, {"max_body", r.MaxBody},
		{"max_url", int64(r.MaxURL)}, {"max_requests_per_source", int64(r.MaxRequestsPerSource)},
	} {
		v.atLeastZero(path+"."+n.field, n.value)
	}
	if r.DropQuery && r.Normalize {
		v.fail(path+".normalize", "drop_query says already what is sent on")
	}
	if r.LowerCase && (r.DropQuery || r.Normalize) {
		v.fail(path+".lower_case", "drop_query or normalize says already what is sent on")
	}
	if r.Cookie != nil && r.Balance != "cookie" {
		v.fail(path+".cookie", "only balance: cookie sets one")
	}
	if r.Cookie != nil {
		v.notNegative(path+".cookie.max_age", r.Cookie.MaxAge)
	}
	if r.AddPrefix != "" && !strings.HasPrefix(r.AddPrefix, "/") {
		v.fail(path+".add_prefix", "%q does not begin with a slash", r.AddPrefix)
	}
	if r.Respond != nil && r.Respond.Status != 0 && (r.Respond.Status < 200 || r.Respond.Status > 599) {
		v.fail(path+".respond.status", "%d is not a final status", r.Respond.Status)
	}
}

func (v *validator) path(path string, p *Path) {
	v.word(path+".from", p.From, places, true)
	if _, err := netip.ParseAddr(p.To); err != nil {
		if _, err := netip.ParsePrefix(p.To); err != nil {
			v.fail(path+".to", "%q is neither an address nor a prefix", p.To)
		}
	}
	v.port(path+".port", p.Port, true)
	v.word(path+".action", p.Action, []string{Drop, Refuse, Translate, Forget, MTU}, false)
	switch {
	case p.Action == Forget && p.After <= 0:
		v.fail(path+".after", "missing: how long a connection may be idle before it is forgotten")
	case p.Action != Forget && p.After != 0:
		v.fail(path+".after", "%w", errors.New("only forget has one"))
	}
	switch {
	case p.Action == Translate:
		if _, err := netip.ParseAddrPort(p.Target); err != nil {
			v.fail(path+".target", "%q is not address:port", p.Target)
		}
	case p.Target != "":
		v.fail(path+".target", "%w", errors.New("only translate has one"))
	}
}
