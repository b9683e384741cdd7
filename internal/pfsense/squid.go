package pfsense

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// squid is Squid's reverse proxy as its pages have it.
type squid struct {
	general *element
	// enabled is nil when the page of Squid itself is not in the backup.
	enabled       *bool
	enabledLine   int
	addresses     []netip.Addr
	fqdn          string
	reset         bool
	http, https   bool
	httpPort      int
	httpsPort     int
	httpSite      string
	httpsSite     string
	certificate   string
	intermediate  *certificate
	ignoresPeer   bool
	clientCheck   bool
	modern        bool
	ownDH         bool
	exchange      bool
	exchangeHTTP  bool
	exchangePeers int
	xForwarded    string
	peers         []peer
	mappings      []mapping
	redirects     []redirect
	options       []line
}

// peer is a web server.
type peer struct {
	name, ip string
	port     int
	protocol string // HTTP or HTTPS
	enabled  bool
	line     int
	portLine int
}

func (p *peer) where() string { return "Squid web server " + p.name }

// mapping is a mapping group, one of several of its name maybe.
type mapping struct {
	name     string
	enabled  bool
	peers    []string
	patterns []pattern
	lines    []int // of the patterns
	line     int
	// rowless says that the entry came from the oldest package and is passed over.
	rowless bool
}

func (m *mapping) where() string { return "Squid mapping " + m.name }

// redirect answers some requests by itself.
type redirect struct {
	name, path, to string
	enabled        bool
	http, https    bool
	hosts          []string
	line           int
}

func (b *Backup) readSquid(packages *element) *squid {
	g := packages.at("squidreversegeneral", "config")
	peers, mappings := packages.child("squidreversepeer").all("config"), packages.child("squidreverseuri").all("config")
	if oldest := packages.at("squidreverse", "config"); g.line == 0 && oldest.line > 0 {
		b.note("The reverse proxy is that of the oldest Squid package (squidreverse): what could be read of it was taken over, " +
			"and how that package read its mappings is inferred.")
		g = oldest
		peers, mappings = oldestPeers(oldest), oldestMappings(oldest)
	}
	if g.line == 0 && len(peers) == 0 && len(mappings) == 0 {
		return nil
	}
	s := &squid{
		general: g, fqdn: strings.ToLower(clean(g.value("reverse_external_fqdn"))),
		reset: g.on("deny_info_tcp_reset"), http: g.on("reverse_http"), https: g.on("reverse_https"),
		httpPort: cmp.Or(port(g.value("reverse_http_port")), 80), httpsPort: cmp.Or(port(g.value("reverse_https_port")), 443),
		certificate: clean(g.value("reverse_ssl_cert")), ignoresPeer: g.on("reverse_ignore_ssl_valid"),
		clientCheck: g.on("reverse_check_clientca"), modern: g.value("reverse_compatibility_mode") == "modern",
		ownDH: g.value("dhparams_size") == "2048", exchange: g.on("reverse_owa"), exchangeHTTP: g.on("reverse_owa_autodiscover"),
		exchangePeers: len(list(g.value("reverse_owa_ip"), ";")),
	}
	s.httpSite = cmp.Or(strings.ToLower(clean(g.value("reverse_http_defsite"))), s.fqdn)
	s.httpsSite = cmp.Or(strings.ToLower(clean(g.value("reverse_https_defsite"))), s.fqdn)
	if ca := g.child("reverse_int_ca"); ca.filled && strings.TrimSpace(ca.text) != "" {
		s.intermediate = &certificate{line: ca.line, chain: readChain(ca.text), removed: takenOut(ca.text)}
	}
	s.addresses = b.squidAddresses(g)
	if own := packages.at("squid", "config"); own.line > 0 {
		// Packages before pfSense 2.3 (version 15) have no such box.
		if on := own.on("enable_squid"); own.has("enable_squid") || major(b.Version) >= 15 {
			s.enabled, s.enabledLine = &on, cmp.Or(own.child("enable_squid").line, own.line)
		}
		s.xForwarded = clean(own.value("xforward_mode"))
		var dropped int
		s.options, dropped = freeText(own.child("custom_options"), own.child("custom_options_squid3"), own.child("custom_options2_squid3"), own.child("custom_options3_squid3"))
		if dropped > 0 {
			b.note("Squid's custom options hold %d lines that are not understood and were left out.", dropped)
		}
	}
	for _, e := range peers {
		s.peers = append(s.peers, readPeer(e))
	}
	for _, e := range mappings {
		s.mappings = append(s.mappings, readMapping(e, s.fqdn))
	}
	for _, e := range packages.child("squidreverseredir").all("config") {
		s.redirects = append(s.redirects, readRedirect(e))
	}
	return s
}

// squidAddresses are those that Squid listens at. An interface whose address the backup does not say (DHCP, PPPoE) has none.
func (b *Backup) squidAddresses(g *element) []netip.Addr {
	var out []netip.Addr
	for _, name := range list(cmp.Or(clean(g.value("reverse_interface")), "wan"), ",") {
		if a := b.addressOf(name); a.IsValid() {
			out = append(out, a)
		}
	}
	for _, text := range list(g.value("reverse_ip"), ";") {
		if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// addressOf is the address of an interface (wan, opt1, wan_ipv4) or of a virtual one; invalid when the backup does not say it.
func (b *Backup) addressOf(name string) netip.Addr {
	if a, ok := b.interfaces[strings.TrimSuffix(name, "_ipv4")]; ok {
		return a
	}
	switch name {
	case "any_ipv4", "any":
		return netip.IPv4Unspecified()
	case "any_ipv6":
		return netip.IPv6Unspecified()
	case "localhost_ipv4", "localhost", "lo0":
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	if a, ok := b.virtual[strings.TrimPrefix(strings.TrimSuffix(name, "_ipv4"), "_")]; ok {
		return a
	}
	a, _ := netip.ParseAddr(name)
	return a
}

func readPeer(e *element) peer {
	protocol := e.value("protocol")
	if protocol == "" {
		protocol = e.value("Protocol")
	}
	p := peer{
		name: clean(e.value("name")), ip: clean(e.value("ip")), port: port(e.value("port")), protocol: strings.ToUpper(clean(protocol)),
		enabled: e.on("enable"), line: e.line, portLine: cmp.Or(e.child("port").line, e.line),
	}
	return p
}

func readMapping(e *element, fqdn string) mapping {
	m := mapping{name: clean(e.value("name")), enabled: e.on("enable"), peers: list(e.value("peers"), ","), line: e.line}
	rows := e.all("row")
	m.rowless = len(rows) == 0
	if m.rowless && e.has("uri") {
		rows = []*element{e}
	}
	for _, row := range rows {
		// A text with blanks is several patterns for Squid; an empty one is the external name.
		for _, text := range strings.Fields(cmp.Or(clean(row.value("uri")), fqdn)) {
			m.patterns = append(m.patterns, squidPattern(text))
			m.lines = append(m.lines, cmp.Or(row.child("uri").line, row.line))
		}
	}
	return m
}

func readRedirect(e *element) redirect {
	r := redirect{
		name: clean(e.value("name")), path: clean(e.value("pathregex")), to: address(e.value("redirurl")), enabled: e.on("enable"), line: e.line,
	}
	for _, p := range list(e.value("protocol"), ",") {
		r.http = r.http || strings.EqualFold(p, "HTTP")
		r.https = r.https || strings.EqualFold(p, "HTTPS")
	}
	for _, row := range e.all("row") {
		if h := strings.ToLower(clean(row.value("uri"))); h != "" {
			r.hosts = append(r.hosts, h)
		}
	}
	return r
}

// oldestPeers reads lines of "name;address;port;protocol".
func oldestPeers(e *element) []*element {
	blob := e.child("reverse_cache_peer")
	return fromLines(blob, []string{"name", "ip", "port", "protocol"})
}

// oldestMappings reads lines of "group;path;host", and joins the web servers that lines of "group;web server" give to each.
func oldestMappings(e *element) []*element {
	peers := map[string][]string{}
	for _, l := range blobLines(e.child("reverse_acl")) {
		if f := strings.Split(l, ";"); len(f) >= 2 {
			peers[clean(f[0])] = append(peers[clean(f[0])], clean(f[1]))
		}
	}
	out := fromLines(e.child("reverse_uri"), []string{"name", "uri", "vhost"})
	for _, m := range out {
		pattern := "^https?://" + regexpHost(strings.ToLower(clean(m.value("vhost")))) + "/" + regexp.QuoteMeta(strings.Trim(clean(m.value("uri")), "/"))
		m.kids = append(m.kids, &element{name: "peers", line: m.line, text: strings.Join(peers[clean(m.value("name"))], ",")},
			&element{name: "row", line: m.line, kids: []*element{{name: "uri", line: m.line, text: pattern}}})
	}
	return out
}

func blobLines(blob *element) []string {
	lines := strings.FieldsFunc(decoded(blob.text), func(r rune) bool { return r == '\n' || r == '\r' })
	return lines[:min(len(lines), 1000)]
}

func fromLines(blob *element, fields []string) []*element {
	var out []*element
	for _, l := range blobLines(blob) {
		e := &element{name: "config", line: blob.line, kids: []*element{{name: "enable", text: "on", line: blob.line}}}
		for i, f := range strings.Split(l, ";") {
			if i < len(fields) {
				e.kids = append(e.kids, &element{name: fields[i], text: strings.TrimSpace(f), line: blob.line})
			}
		}
		if e.value("name") != "" {
			out = append(out, e)
		}
	}
	return out
}

// written tells whether the package writes a web server into squid.conf.
func (s *squid) written(p *peer) bool {
	return p.enabled && p.name != "" && p.ip != "" && p.port != 0 && (p.protocol == "HTTP" && s.http || p.protocol == "HTTPS" && s.https)
}

// peer is the first web server of the name.
func (s *squid) peer(name string) *peer {
	for i := range s.peers {
		if s.peers[i].name == name {
			return &s.peers[i]
		}
	}
	return nil
}

// used tells whether the package writes a mapping.
func (m *mapping) used() bool { return m.enabled && m.name != "" && len(m.peers) > 0 && !m.rowless }

// matches tells whether the mapping's own patterns match a URL.
func (m *mapping) matches(url string) bool {
	return slices.ContainsFunc(m.patterns, func(p pattern) bool { return p.matches(url) })
}

// route is what Squid does with a URL: whether it is let in, and the web servers that may get it. Patterns of all groups of a name
// are one ACL; a group's web servers count when its name differs from that of the group before.
func (s *squid) route(url string) (allowed bool, to []*peer) {
	last := ""
	for i := range s.mappings {
		m := &s.mappings[i]
		if !m.used() {
			continue
		}
		first := m.name != last
		last = m.name
		if !slices.ContainsFunc(s.mappings, func(o mapping) bool { return o.used() && o.name == m.name && o.matches(url) }) {
			continue
		}
		allowed = true
		if !first {
			continue
		}
		for _, name := range m.peers {
			if p := s.peer(name); p != nil && s.written(p) && !slices.Contains(to, p) {
				to = append(to, p)
			}
		}
	}
	return allowed, to
}

// redirected is the redirect that answers a request, nil when none does.
func (s *squid) redirected(https bool, host, path string) *redirect {
	for i := range s.redirects {
		r := &s.redirects[i]
		if !r.enabled || r.name == "" || r.path == "" || r.to == "" || !(https && r.https || !https && r.http) {
			continue
		}
		suits := slices.ContainsFunc(r.hosts, func(h string) bool { return h == host || strings.HasPrefix(h, ".") && strings.HasSuffix("."+host, h) })
		if suits && squidPathPattern(r.path).matches(path) {
			return r
		}
	}
	return nil
}

// squidPathPattern is a pattern that minds letter case.
func squidPathPattern(text string) pattern {
	p := pattern{text: text}
	var translated string
	if translated, p.err = fromERE(text); p.err == nil {
		p.compile(translated, false)
	}
	return p
}
