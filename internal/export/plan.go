package export

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"lyncpin/internal/topology"
)

// silence is what is borne when the topology names no time: the 960 s that mobile clients need, rounded up.
const silence = 1200 * time.Second

// Schemes of listeners and web servers.
const (
	https = "https"
	http  = "http"
)

// plan is what is to be published, checked and in the form that several products want.
type plan struct {
	*topology.Proxy
	product string
	files   Files
	// response and idle are the times of the topology, never zero.
	response, idle time.Duration
}

// listener is an address and port that clients come to.
type listener struct {
	at  netip.AddrPort
	tls bool
}

// route is a publishing rule as a listener of one scheme sees it.
type route struct {
	*topology.Rule
	// id is a word for the rule and the scheme that configurations can use as a name.
	id string
	// servers are those that requests go to; none when the rule responds itself.
	servers []*topology.WebServer
}

// site is hosts for which the same routes count, the first that fits. None means that only the certificate is for them.
type site struct {
	hosts []string
	// certificate is the index of the one to show.
	certificate int
	routes      []route
}

// reasons are why a product cannot do what others can.
var reasons = map[string]map[string]string{
	NginxStream: {"certificates": "one certificate is for all names"},
	Squid: {"certificates": "one certificate is for all names", "cookie": "it sets no cookies",
		"host_header": "it sends the name on that the client asked for, and forcedomain= changes nothing in Squid 5"},
	Apache: {"reset_unknown": "it answers every request", "balance": "it has no method that goes by the client's address"},
}

// newPlan checks that the product can do what is asked. can are the fields beyond the ordinary that its writer knows.
func newPlan(product string, in Input, can ...string) (*plan, error) {
	p := &plan{
		Proxy: &in.Proxy, product: product, files: in.Files,
		response: cmp.Or(in.Proxy.ResponseTimeout, silence),
		idle:     cmp.Or(in.Proxy.IdleTimeout, silence),
	}
	if err := p.wellFormed(); err != nil {
		return nil, err
	}
	for _, f := range p.fields() {
		if f.set && !slices.Contains(can, f.word) {
			return nil, p.cannot(f.at(), cmp.Or(reasons[product][f.word], "Lync has no use for it, and this program writes none"))
		}
	}
	return p, nil
}

// field is a word of the topology that not every writer knows.
type field struct {
	rule, word string
	set        bool
}

func (f field) at() string {
	if f.rule == "" {
		return f.word
	}
	return fmt.Sprintf("publishing_rules[%s].%s", f.rule, f.word)
}

// fields are those whose zero value is what every product does.
func (p *plan) fields() []field {
	out := []field{
		{word: "certificates", set: len(p.Certificates) > 1},
		{word: "strict_sni", set: p.StrictSNI},
		{word: "client_certificates", set: p.ClientCertificates != ""},
		{word: "reset_unknown", set: p.ResetUnknown},
		{word: "lifetime", set: p.Lifetime != 0},
		{word: "max_header", set: p.MaxHeader != 0},
		{word: "http2", set: p.HTTP2},
		{word: "proxy_protocol", set: p.ProxyProtocol},
	}
	for i := range p.Rules {
		r := &p.Rules[i]
		for _, f := range []field{
			{word: "paths", set: len(r.Paths) > 0},
			{word: "host_header", set: r.HostHeader != "" && r.HostHeader != "preserve"},
			{word: "add_prefix", set: r.AddPrefix != ""},
			{word: "drop_query", set: r.DropQuery},
			{word: "normalize", set: r.Normalize},
			{word: "lower_case", set: r.LowerCase},
			{word: "methods", set: len(r.Methods) > 0},
			{word: "rate", set: r.Rate != 0},
			{word: "remove_request_headers", set: len(r.RemoveRequestHeaders) > 0},
			{word: "remove_response_headers", set: len(r.RemoveResponseHeaders) > 0},
			{word: "connections", set: r.Connections != "" && r.Connections != "pin"},
			{word: "balance", set: r.Balance == "source" && len(r.WebServers) > 1},
			{word: "cookie", set: r.Balance == "cookie" && len(r.WebServers) > 1},
			{word: "http10", set: r.HTTP10},
			{word: "buffer_response", set: r.BufferResponse != 0},
			{word: "max_body", set: r.MaxBody != 0},
			{word: "max_url", set: r.MaxURL != 0},
			{word: "verify_normalization", set: r.VerifyNormalization},
			{word: "retry_silent", set: r.RetrySilent != 0},
			{word: "max_requests_per_source", set: r.MaxRequestsPerSource != 0},
			{word: "match_headers", set: len(r.MatchHeaders) > 0},
			{word: "set_request_headers", set: len(r.SetRequestHeaders) > 0},
			{word: "set_response_headers", set: len(r.SetResponseHeaders) > 0},
			{word: "respond", set: r.Respond != nil},
		} {
			f.rule = p.ruleName(i)
			out = append(out, f)
		}
	}
	return out
}

func (p *plan) cannot(field, why string) error {
	return &UnsupportedError{Product: p.product, Field: field, Why: why}
}

// bySource tells whether a product that sets no cookies keeps a client at a web server by its address: because it is asked to, or
// because affinity by Lync's own cookie is, which comes to the same as long as clients do not share an address.
func bySource(r route) bool {
	return r.Balance == "source" || r.Balance == "cookie" && r.Cookie == nil
}

// cannotRule is for a field of a route's rule.
func (p *plan) cannotRule(r route, word, why string) error {
	return p.cannot(field{rule: r.Name, word: word}.at(), why)
}

func (p *plan) ruleName(i int) string { return cmp.Or(p.Rules[i].Name, strconv.Itoa(i)) }

// listeners are those of one scheme: what comes in on a port of 443 without TLS is plain HTTP.
func (p *plan) listeners(scheme string) []listener {
	var out []listener
	for _, a := range p.Addresses {
		for _, l := range []struct {
			port int
			tls  bool
		}{{p.HTTPS, !p.PlainHTTPS}, {p.HTTP, false}} {
			if l.port != 0 && l.tls == (scheme == https) {
				out = append(out, listener{netip.AddrPortFrom(a, uint16(l.port)), l.tls})
			}
		}
	}
	return out
}

// schemes are those that have listeners.
func (p *plan) schemes() []string {
	return slices.DeleteFunc([]string{https, http}, func(s string) bool { return len(p.listeners(s)) == 0 })
}

// routes are the rules of a scheme's listeners in their order.
func (p *plan) routes(scheme string) []route {
	var out []route
	used := map[string]bool{}
	for i := range p.Rules {
		r := p.Rules[i]
		r.Name = p.ruleName(i)
		if len(r.Hosts) == 0 { // it publishes nothing
			continue
		}
		id := slug(r.Name)
		if used[id] {
			id += "-" + strconv.Itoa(i)
		}
		used[id] = true
		if r.Listener != "" && r.Listener != scheme {
			continue
		}
		out = append(out, route{Rule: &r, id: id + "-" + scheme, servers: p.servers(&r, scheme)})
	}
	return out
}

// servers are those of the listener's scheme, or all when the rule wants that or there are none: TLS offload, for one.
func (p *plan) servers(r *topology.Rule, scheme string) []*topology.WebServer {
	var all, same []*topology.WebServer
	for _, alias := range r.WebServers {
		w := p.WebServer(alias)
		if w == nil {
			continue
		}
		all = append(all, w)
		if w.Scheme == scheme {
			same = append(same, w)
		}
	}
	if r.AnyScheme || len(same) == 0 {
		return all
	}
	return same
}

// sites are the routes by host, for products that choose the host first: exact names, then wildcards, the longest first,
// then "*".
func (p *plan) sites(scheme string) []site {
	routes := p.routes(scheme)
	var hosts []string
	add := func(h string) {
		if h = hostKey(h); !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	for _, r := range routes {
		for _, h := range r.Hosts {
			add(h)
		}
	}
	if scheme == https {
		for i := 1; i < len(p.Certificates); i++ { // the first is shown to who asks for none of them
			for _, n := range p.Certificates[i].Names {
				add(n)
			}
		}
	}
	slices.SortStableFunc(hosts, func(a, b string) int { return cmp.Compare(specific(b), specific(a)) })
	var out []site
	index := map[string]int{}
	for _, h := range hosts {
		s := site{hosts: []string{h}}
		if scheme == https {
			s.certificate = p.certificate(h)
		}
		key := strconv.Itoa(s.certificate)
		for _, r := range routes {
			if slices.ContainsFunc(r.Hosts, func(pattern string) bool { return covers(hostKey(pattern), h) }) {
				s.routes = append(s.routes, r)
				key += " " + r.id
				if len(r.Paths) == 0 {
					break // nothing comes by
				}
			}
		}
		if strings.HasPrefix(h, "*") { // they are tried in their order
			key += " " + h
		}
		if i, ok := index[key]; ok {
			out[i].hosts = append(out[i].hosts, h)
			continue
		}
		index[key] = len(out)
		out = append(out, s)
	}
	return out
}

// certificate is the index of the one for a host: by its name, by a wildcard, else the first.
func (p *plan) certificate(host string) int {
	_, parent, _ := strings.Cut(host, ".")
	for _, name := range []string{host, "*." + parent} {
		for i, c := range p.Certificates {
			if slices.ContainsFunc(c.Names, func(n string) bool { return hostKey(n) == name }) {
				return i
			}
		}
	}
	return 0
}

func hostKey(h string) string { return strings.ToLower(strings.TrimSuffix(h, ".")) }

// specific orders patterns: exact names above wildcards, long wildcards above short ones.
func specific(host string) int {
	if !strings.HasPrefix(host, "*") {
		return 1 << 16
	}
	return len(host)
}

// covers tells whether every host of the narrow pattern is one of the wide pattern.
func covers(wide, narrow string) bool {
	if wide == "*" || wide == narrow {
		return true
	}
	suffix, ok := strings.CutPrefix(wide, "*")
	return ok && strings.HasSuffix(narrow, suffix) && len(narrow) > len(suffix)
}

// whole tells whether every path of the site is published.
func (s site) whole() bool {
	return len(s.routes) > 0 && len(s.routes[len(s.routes)-1].Paths) == 0
}

// anyPaths tells whether a route is for some paths only.
func anyPaths(routes []route) bool {
	return slices.ContainsFunc(routes, func(r route) bool { return len(r.Paths) > 0 })
}

// verifies tells whether the web server's certificate is checked.
func verifies(w *topology.WebServer) bool {
	return w.Scheme == https && (w.Verify == topology.EnterpriseCA || w.Verify == topology.PublicCA)
}

// serverName is the name that a web server is asked for and verified with; empty when it has none but an address.
func serverName(w *topology.WebServer) string {
	name := cmp.Or(w.Name, w.Address)
	if _, err := netip.ParseAddr(name); err == nil {
		return ""
	}
	return name
}

// commonName is the name for products that know only one for all web servers of a rule. Lync's own certificates carry the web
// FQDN on every node, while each carries only its own machine's name.
func commonName(r route) string {
	name := serverName(r.servers[0])
	same := !slices.ContainsFunc(r.servers, func(w *topology.WebServer) bool { return serverName(w) != name })
	if same {
		return name
	}
	exact := slices.DeleteFunc(slices.Clone(r.Hosts), func(h string) bool { return strings.HasPrefix(h, "*") })
	for _, h := range exact {
		if label, _, _ := strings.Cut(hostKey(h), "."); !slices.Contains([]string{"lyncdiscover", "meet", "dialin"}, label) {
			return h
		}
	}
	if len(exact) > 0 {
		return exact[0]
	}
	return name
}

// uniform reports web servers of a rule that a product cannot treat in different ways.
func (p *plan) uniform(r route) error {
	for _, w := range r.servers {
		if w.Scheme != r.servers[0].Scheme {
			return p.cannotRule(r, "any_scheme", "the web servers of a rule all speak TLS, or none does")
		}
		if w.Verify != r.servers[0].Verify && w.Scheme == https {
			return p.cannot(fmt.Sprintf("web_servers[%s].verify", w.Alias), "the web servers of a rule are verified alike")
		}
	}
	return nil
}

// needsName reports a certificate that is to be verified for an address, for products that know only names.
func (p *plan) needsName(r route) error {
	for _, w := range r.servers {
		if verifies(w) && serverName(w) == "" {
			return p.cannot(fmt.Sprintf("web_servers[%s].name", w.Alias), "it is an address, and only names are verified")
		}
	}
	return nil
}

// hostToSend is the Host that a rule sends instead of the client's; empty preserves it. ok is false when each web server wants
// another one.
func hostToSend(r route) (host string, ok bool) {
	switch r.HostHeader {
	case "", "preserve":
		return "", true
	case "web-server":
		host = r.servers[0].Address
		return host, !slices.ContainsFunc(r.servers, func(w *topology.WebServer) bool { return w.Address != host })
	}
	return r.HostHeader, true
}

// endpoint is address:port of a web server.
func endpoint(w *topology.WebServer) string {
	return net.JoinHostPort(strings.Trim(w.Address, "[]"), strconv.Itoa(w.Port))
}

// versions are the protocol versions of the listeners: 1.2 and 1.3 when the topology names none.
func (p *plan) versions() (least, most string) {
	return cmp.Or(p.MinTLS, "1.2"), cmp.Or(p.MaxTLS, "1.3")
}

// old tells whether clients may use versions that OpenSSL 3 refuses by default.
func (p *plan) old() bool { return p.MinTLS == "1.0" || p.MinTLS == "1.1" }

// tlsNames are the words of a product for the versions from least to most.
func (p *plan) tlsNames(words [4]string) string {
	least, most := p.versions()
	var out []string
	for i, v := range []string{"1.0", "1.1", "1.2", "1.3"} {
		if v >= least && v <= most {
			out = append(out, words[i])
		}
	}
	return strings.Join(out, " ")
}

// seconds is a time rounded up to whole seconds.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// duration is a time as nginx, HAProxy and Caddy write it.
func duration(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.Itoa(int(d/time.Second)) + "s"
	}
	return strconv.Itoa(int(d/time.Millisecond)) + "ms"
}

// slug makes a word that every product takes for a name.
func slug(s string) string {
	word := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, s)
	for strings.Contains(word, "--") {
		word = strings.ReplaceAll(word, "--", "-")
	}
	return cmp.Or(strings.Trim(word, "-"), "rule")
}
