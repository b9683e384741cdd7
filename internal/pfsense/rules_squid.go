package pfsense

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

// checkSquid judges Squid's reverse proxy.
func (c *checker) checkSquid(s *squid) {
	at := func(field string) place {
		e := s.general.child(field)
		return place{line: cmp.Or(e.line, s.general.line), where: "Squid reverse proxy", excerpt: fieldAt(field, clean(e.text))}
	}
	if s.enabled != nil && !*s.enabled {
		c.add("PFS-SQ-15", place{s.enabledLine, "Squid", fieldAt("enable_squid", "")},
			"The reverse proxy runs inside Squid, and Squid is off: nothing listens.", "Services > Squid Proxy Server > General: Enable Squid Proxy. <enable_squid>on</enable_squid>")
	}
	c.squidTargets(s)
	c.squidMappings(s)
	c.squidPublished(s)
	c.squidDuplicates(s)
	if s.https {
		c.squidCertificate(s, at)
	}
	if s.clientCheck {
		c.add("PFS-SQ-12", at("reverse_check_clientca"), "Squid asks every client for a certificate of the chosen authority, and phones have none.",
			"Services > Squid Reverse Proxy > General: clear Check Client Certificate. <reverse_check_clientca/>")
	}
	if s.https && s.modern && c.oldPhones(s) {
		c.add("PFS-SQ-11", at("reverse_compatibility_mode"), "Mcx is published, the service of the phones of Lync 2010, and phones of that age speak TLS 1.0 only, which the mode modern refuses.",
			"<reverse_compatibility_mode>intermediate</reverse_compatibility_mode>, as long as such phones are in use")
	}
	if s.https && s.ownDH {
		c.add("PFS-SQ-17", at("dhparams_size"), "Some versions of the package write /dh-parameters.2048 for this choice, a path that does not exist, where they mean /etc/dh-parameters.2048.",
			"look for it in Squid's cache.log; <dhparams_size>4096</dhparams_size> is written with the right path")
	}
	c.squidOptions(s)
}

// oldPhones tells whether a mapping spells out the service of the phones of Lync 2010.
func (c *checker) oldPhones(s *squid) bool {
	return slices.ContainsFunc(s.mappings, func(m mapping) bool {
		return m.used() && slices.ContainsFunc(m.patterns, func(p pattern) bool { return strings.Contains(strings.ToLower(p.text), "mcx") })
	})
}

// requests are those that tell where the names lead, over HTTPS and, when plain is set, over HTTP.
func (c *checker) requests(plain bool) []request {
	var out []request
	for _, h := range c.names.all() {
		for _, p := range c.names.pathsOf(h) {
			out = append(out, request{host: h, path: p.path, https: true})
			if plain {
				out = append(out, request{host: h, path: p.path})
			}
		}
	}
	return out
}

// flipped is the port of the external web site for one of the internal.
func flipped(port int) int { return map[int]int{443: 4443, 80: 8080}[port] }

// encrypted tells whether a port of the two web sites speaks TLS; known is false for other ports.
func encrypted(port int) (tls, known bool) {
	return port == 443 || port == 4443, port == 443 || port == 4443 || port == 80 || port == 8080
}

func (c *checker) squidTargets(s *squid) {
	for _, r := range c.requests(s.http) {
		_, peers := s.route(r.url())
		var secure, plain []string
		for _, p := range peers {
			c.squidPeer(p)
			if p.protocol == "HTTPS" {
				secure = append(secure, p.name)
			} else {
				plain = append(plain, p.name)
			}
		}
		if len(secure) > 0 && len(plain) > 0 {
			p := s.peer(plain[0])
			f := c.add("PFS-SQ-02", place{line: p.line, where: p.where(), excerpt: fieldAt("protocol", p.protocol)},
				fmt.Sprintf("The same requests go in turn to %s over HTTPS and to %s over HTTP: every other one reaches the wrong port.", and(secure), and(plain)),
				"two mappings: ^https://… with the web servers of port 4443 only, ^http://… with those of port 8080 only")
			f.Rule.Mode = "proxy.mixed-scheme-peers-round-robin"
		} else if r.https && len(plain) > 0 {
			p := s.peer(plain[0])
			f := c.add("PFS-SQ-02", place{line: p.line, where: p.where(), excerpt: fieldAt("protocol", p.protocol)},
				"Requests that came over HTTPS are sent on over HTTP: the Front End takes them for plain ones, and refuses to sign anybody in.",
				"<port>4443</port> <protocol>HTTPS</protocol> for the mapping of ^https://…")
			f.Rule.Mode = "proxy.tls-offload-to-8080"
		}
	}
}

func (c *checker) squidPeer(p *peer) {
	if to := flipped(p.port); to != 0 {
		f := c.add("PFS-SQ-01", place{p.portLine, p.where(), fieldAt("port", fmt.Sprint(p.port))},
			fmt.Sprintf("Port %d of a Front End is the internal web site: people outside are led to internal names, which they cannot reach.", p.port),
			fmt.Sprintf("Services > Squid Reverse Proxy > Web Servers > %s: <port>%d</port>", p.name, to))
		if p.port == 80 {
			f.Rule.Mode = "proxy.port-80-not-flipped"
		}
	}
	if tls, known := encrypted(p.port); known && tls != (p.protocol == "HTTPS") {
		want, what := "HTTP", "a TLS handshake meets a port that speaks plain HTTP"
		if tls {
			want, what = "HTTPS", "a plain request meets a port that speaks TLS"
		}
		c.add("PFS-SQ-02", place{p.line, p.where(), fieldAt("protocol", p.protocol)},
			fmt.Sprintf("Port %d with %s: %s, and clients get 502 or 400.", p.port, cmp.Or(p.protocol, "no protocol"), what),
			fmt.Sprintf("<protocol>%s</protocol>", want))
	}
}

// about tells whether a mapping is for one of the public names.
func (c *checker) about(m *mapping) bool {
	return slices.ContainsFunc(c.requests(true), func(r request) bool { return m.matches(r.url()) }) ||
		slices.ContainsFunc(m.patterns, func(p pattern) bool {
			return slices.ContainsFunc(p.hosts, func(h string) bool { return slices.Contains(c.names.all(), h) })
		})
}

func (c *checker) squidMappings(s *squid) {
	for i := range s.mappings {
		m := &s.mappings[i]
		if !m.enabled || !c.about(m) && !slices.ContainsFunc(m.patterns, func(p pattern) bool { return p.err != nil }) {
			continue
		}
		if m.rowless {
			c.add("PFS-SQ-05", place{line: m.line, where: m.where()},
				"The entry is in the form of the oldest package, without rows: the package passes it over, and its names are not published.",
				"enter the patterns again: <row><uri>^https://lyncdiscover\\.contoso\\.example/</uri></row>")
		}
		for _, name := range m.peers {
			c.squidPeerOf(s, m, name)
		}
		c.squidPatterns(s, m)
	}
}

func (c *checker) squidPeerOf(s *squid, m *mapping, name string) {
	p := s.peer(name)
	peers := place{m.line, m.where(), fieldAt("peers", strings.Join(m.peers, ","))}
	switch {
	case p == nil:
		c.add("PFS-SQ-04", peers, fmt.Sprintf("There is no web server %q: it was renamed or deleted, and the package passes over it without a word.", name),
			"choose the web servers of the mapping again: <peers>"+strings.Join(s.peerNames(), ",")+"</peers>")
	case s.written(p):
	case !p.enabled:
		c.add("PFS-SQ-03", place{p.line, p.where(), fieldAt("enable", "")}, fmt.Sprintf("The mapping %s needs this web server, and it is not enabled: the package does not write it.", m.name),
			"<enable>on</enable>, or take it out of the mapping")
	case p.ip == "" || p.port == 0:
		c.add("PFS-SQ-03", place{line: p.line, where: p.where()}, fmt.Sprintf("The mapping %s needs this web server, and it has no address or port: the package does not write it.", m.name),
			"enter its address and port: <ip>10.10.10.11</ip> <port>4443</port>")
	case p.protocol == "HTTPS" || p.protocol == "HTTP":
		switchName := map[string]string{"HTTPS": "reverse_https", "HTTP": "reverse_http"}[p.protocol]
		c.add("PFS-SQ-03", place{p.line, p.where(), fieldAt("protocol", p.protocol)},
			fmt.Sprintf("The mapping %s needs this web server, and the package writes web servers of %s only when the %s listener is on: it is off.", m.name, p.protocol, p.protocol),
			"<"+switchName+">on</"+switchName+">")
	default:
		c.add("PFS-SQ-03", place{p.line, p.where(), fieldAt("protocol", p.protocol)}, fmt.Sprintf("The mapping %s needs this web server, and its protocol is neither HTTP nor HTTPS: the package does not write it.", m.name),
			"<protocol>HTTPS</protocol>")
	}
}

func (s *squid) peerNames() []string {
	var out []string
	for i := range s.peers {
		if !slices.Contains(out, s.peers[i].name) {
			out = append(out, s.peers[i].name)
		}
	}
	return out
}

// squidPatterns judges how a mapping's patterns are written.
func (c *checker) squidPatterns(s *squid, m *mapping) {
	secureOnly := len(m.peers) > 0 && !slices.ContainsFunc(m.peers, func(name string) bool {
		p := s.peer(name)
		return p == nil || p.protocol != "HTTPS"
	})
	for i, p := range m.patterns {
		at := place{m.lines[i], m.where(), fieldAt("uri", p.text)}
		host := slices.IndexFunc(p.hosts, func(h string) bool { return slices.Contains(c.names.all(), h) })
		switch {
		case p.err != nil:
			f := c.add("PFS-SQ-06", at, "The pattern cannot be used: "+p.err.Error()+". Squid refuses it, and what it should publish is not.",
				`a POSIX extended regular expression: ^https://lyncdiscover\.contoso\.example/`)
			f.Rule.Severity = "high"
		case host < 0:
		case secureOnly && strings.HasPrefix(strings.TrimPrefix(p.text, "^"), "http://"):
			f := c.add("PFS-SQ-06", at, "The pattern begins with http:// and its web servers are for HTTPS: no request that came over HTTPS matches it.",
				"^https://"+regexpHost(p.hosts[host])+"/")
			f.Rule.Severity = "high"
		case looseDot(p.text) || !strings.HasPrefix(strings.TrimLeft(p.text, "("), "^"):
			c.add("PFS-SQ-06", at, "The pattern is not bound to the beginning of the URL, or holds a dot that stands for any character: other URLs match it as well.",
				"^https://"+regexpHost(p.hosts[host])+"/")
		}
	}
}

func regexpHost(h string) string { return strings.ReplaceAll(h, ".", `\.`) }

// looseDot tells whether the host of a pattern holds a dot that is not escaped, as part of a name.
func looseDot(text string) bool {
	if i := strings.Index(text, "//"); i >= 0 {
		text = text[i+2:]
	}
	text, _, _ = strings.Cut(text, "/")
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case text[i] == '[':
			if end := bracketEnd(text, i); end > 0 {
				i = end
			}
		case text[i] == '.' && (i+1 == len(text) || !strings.ContainsRune("*+?{", rune(text[i+1]))):
			return true
		}
	}
	return false
}

// squidPublished finds names and paths that no mapping is for.
func (c *checker) squidPublished(s *squid) {
	reset := "an error page"
	if s.reset {
		reset = "a connection reset after a good TLS handshake"
	}
	missing := func(name string, severity string) {
		at := place{line: s.general.line, where: "Squid reverse proxy"}
		why := ""
		for i := range s.mappings {
			m := &s.mappings[i]
			if m.rowless && m.enabled && c.names.mentions(m, name) {
				return // said already
			}
			if !m.used() && c.names.mentions(m, name) {
				at, why = place{line: m.line, where: m.where()}, fmt.Sprintf(" The mapping %s would match it, and is not enabled or has no web server.", m.name)
			}
		}
		f := c.add("PFS-SQ-05", at, fmt.Sprintf("No mapping matches https://%s/: clients get %s.%s", name, reset, why),
			"<row><uri>^https://"+regexpHost(name)+"/</uri></row> in the mapping whose web servers have port 4443")
		f.Rule.Severity = severity
	}
	for _, host := range c.names.all() {
		var lost []string
		paths := c.names.pathsOf(host)
		var through *mapping
		for _, p := range paths {
			url := request{host: host, path: p.path, https: true}.url()
			if allowed, _ := s.route(url); allowed {
				for i := range s.mappings {
					if m := &s.mappings[i]; through == nil && m.used() && m.matches(url) {
						through = m
					}
				}
			} else if c.squidRedirects(s, host, p.path) == nil {
				lost = append(lost, p.path+" ("+p.what+")")
			}
		}
		switch {
		case len(lost) == len(paths):
			severity := "critical"
			if slices.Contains(c.names.dialin, host) {
				severity = "high"
			}
			missing(host, severity)
		case len(lost) > 0 && through != nil:
			f := c.add("PFS-SQ-07", place{line: through.line, where: through.where()},
				fmt.Sprintf("https://%s is published for some paths only; what these patterns leave out gets %s: %s.", host, reset, and(lost)),
				"no path at all after the host: ^https://"+regexpHost(host)+"/")
			f.Rule.Mode = lostMode(lost)
		}
	}
	if len(c.names.web) == 0 && !c.names.anyWeb {
		c.add("PFS-SQ-05", place{line: s.general.line, where: "Squid reverse proxy"},
			"No mapping is for the external web services FQDN: discovery answers, and leads clients to a name that is not published.",
			"add the pool's external web services FQDN, as Get-CsService -WebServer shows it: <row><uri>^https://lyncweb-ext\\."+regexpHost(c.firstDomain())+"/</uri></row>")
	}
}

func (c *checker) squidRedirects(s *squid, host, path string) *redirect {
	return s.redirected(true, host, path)
}

func (c *checker) firstDomain() string {
	if len(c.names.domains) > 0 {
		return c.names.domains[0]
	}
	return "contoso.example"
}

// mentions tells whether a mapping's patterns are for a name, used or not.
func (n *names) mentions(m *mapping, name string) bool {
	return m.matches("https://"+name+"/") || slices.ContainsFunc(m.patterns, func(p pattern) bool { return slices.Contains(p.hosts, name) })
}

// lostMode is the failure mode of the first path that matters.
func lostMode(lost []string) string {
	for _, known := range []struct{ part, mode string }{
		{"/Autodiscover", "proxy.path-allowlist-missing-autodiscover"}, {"/?sipuri", "proxy.query-string-dropped"}, {"/WebTicket", "proxy.path-allowlist-missing-webticket"},
		{"/ucwa", "proxy.path-allowlist-missing-ucwa"}, {"/abs", "proxy.path-allowlist-missing-content-services"}, {"/GroupExpansion", "proxy.path-allowlist-missing-content-services"},
		{"/Mcx", "proxy.path-allowlist-missing-mcx"}, {"/meet", "meeting.simple-url-not-published"}, {"/dialin", "meeting.dialin-not-published"},
	} {
		if slices.ContainsFunc(lost, func(l string) bool { return strings.HasPrefix(l, known.part) }) {
			return known.mode
		}
	}
	return "meeting.web-app-assets-blocked"
}

func (c *checker) squidDuplicates(s *squid) {
	for i := range s.peers {
		p := &s.peers[i]
		if first := s.peer(p.name); first != p && p.enabled && p.name != "" {
			c.add("PFS-SQ-14", place{p.line, p.where(), fieldAt("name", p.name)}, "Two web servers have this name: Squid gets one of them, or refuses its configuration.", "a name of its own for each web server")
		}
	}
	for i := range s.mappings {
		m := &s.mappings[i]
		for j := range i {
			o := &s.mappings[j]
			if m.used() && o.used() && m.name == o.name && strings.Join(m.peers, ",") != strings.Join(o.peers, ",") {
				c.add("PFS-SQ-14", place{m.line, m.where(), fieldAt("name", m.name)},
					"Two mappings have this name: the patterns of both are one list, and it goes to the web servers of the first.", "a name of its own for each mapping")
				break
			}
		}
	}
	plain := s.http || s.exchangeHTTP
	for _, host := range c.names.discovery {
		r := s.redirected(false, host, "/")
		if plain && r != nil {
			c.add("PFS-SQ-16", place{line: r.line, where: "Squid redirect " + r.name},
				fmt.Sprintf("Requests for http://%s/ are redirected: clients that discover over plain HTTP, because they do not trust the certificate or it lacks the name, go no further.", host),
				"take "+host+" out of the redirect, and map ^http://"+regexpHost(host)+"/ to a web server with port 8080 and protocol HTTP")
		}
	}
}

func (c *checker) squidCertificate(s *squid, at func(string) place) {
	here := at("reverse_ssl_cert")
	cert := c.certificateOf(s.certificate)
	switch {
	case s.certificate == "" || s.certificate == "none":
		c.add("PFS-SQ-08", here, "The HTTPS listener is on, and no certificate is chosen for it: Squid cannot listen.", "choose the certificate with all public names: Services > Squid Reverse Proxy > General > Reverse SSL Certificate")
		return
	case cert == nil && len(c.certificates) == 0 && c.Version == "":
		return // a backup of the packages alone holds no certificates
	case cert == nil:
		c.add("PFS-SQ-08", here, "The chosen certificate is not in the certificate manager (any more): Squid cannot listen.", "choose another certificate")
		return
	}
	here.line, here.where = cert.line, "certificate "+cert.name
	here.excerpt = fieldAt("refid", cert.ref)
	leaf := cert.leaf()
	if cert.removed {
		return
	}
	if leaf == nil {
		c.add("PFS-SQ-09", here, "The text of the certificate is damaged: it is no certificate in PEM.", "import the certificate again")
		return
	}
	if !cert.hasKey {
		c.add("PFS-SQ-09", here, "The certificate manager has no private key for this certificate, which a listener needs.", "import the certificate with its key, or choose another").Rule.Mode = "proxy.service-not-enabled"
	}
	c.validNow("PFS-SQ-09", here, leaf)
	c.untrusted("PFS-SQ-09", here, leaf)
	if lacks := c.lacking(leaf); len(lacks) > 0 {
		f := c.add("PFS-SQ-09", here, fmt.Sprintf("Squid has one certificate for all names, and it lacks %s.", and(lacks)), "order a certificate with all names: "+strings.Join(c.names.all(), ", "))
		f.Rule.Mode = c.sanMode(lacks[0])
	}
	if !s.http && !s.exchangeHTTP {
		c.plainDiscovery(leaf, at("reverse_http"))
	}
	c.squidChain(s, cert, at)
}

// plainDiscovery finds discovery names that are in no certificate and are not served over plain HTTP either.
func (c *checker) plainDiscovery(leaf *x509.Certificate, at place) {
	for _, h := range c.names.discovery {
		if !covers(leaf, h) {
			c.add("PFS-SQ-13", at, fmt.Sprintf("The certificate lacks %s, so that clients of that domain discover over plain HTTP, and the HTTP listener is off.", h),
				"<reverse_http>on</reverse_http>, a web server with port 8080 and protocol HTTP, and the mapping ^http://"+regexpHost(h)+"/")
		}
	}
}

func (c *checker) squidChain(s *squid, cert *certificate, at func(string) place) {
	chain := slices.Clone(cert.chain)
	if s.intermediate != nil {
		if s.intermediate.removed {
			return
		}
		if s.intermediate.leaf() == nil {
			c.add("PFS-SQ-10", at2(s.intermediate.line), "The text of the intermediate certificate is damaged.", "paste the issuer's intermediate certificate in PEM into Intermediate CA Certificate")
			return
		}
		chain = append(chain, s.intermediate.chain...)
	}
	for i := 1; i < len(chain); i++ {
		if !slices.ContainsFunc(chain[:i], func(x *x509.Certificate) bool { return issuedBy(x, chain[i]) }) && !selfSigned(chain[i]) {
			c.add("PFS-SQ-10", at("reverse_int_ca"), "The intermediate certificate did not issue the certificate: it belongs to another chain.", "the intermediate certificate of "+nameOfIssuer(chain[0]))
			return
		}
	}
	if !c.ends(chain) {
		c.add("PFS-SQ-10", at("reverse_int_ca"),
			fmt.Sprintf("The certificate was issued by %s, which is no root that the firewall knows, and Squid sends nothing above it: browsers fetch what is missing, phones refuse the certificate. Squid does not follow the certificate manager's links.", nameOfIssuer(chain[len(chain)-1])),
			"Services > Squid Reverse Proxy > General > Intermediate CA Certificate: the PEM text of the issuer")
	}
}

// at2 is a place of the intermediate certificate.
func at2(line int) place { return place{line: line, where: "Squid reverse proxy"} }

func issuedBy(c, issuer *x509.Certificate) bool {
	return string(c.RawIssuer) == string(issuer.RawSubject)
}

func nameOfIssuer(c *x509.Certificate) string {
	return "\"" + clean(cmp.Or(c.Issuer.CommonName, c.Issuer.String())) + "\""
}

// lacking are the public names that a certificate does not have. A discovery name may be missing on purpose.
func (c *checker) lacking(leaf *x509.Certificate) []string {
	var out []string
	for _, h := range c.names.all() {
		if !covers(leaf, h) {
			out = append(out, h)
		}
	}
	return out
}

func (c *checker) sanMode(host string) string {
	switch {
	case slices.Contains(c.names.discovery[min(1, len(c.names.discovery)):], host):
		return "tls.san-missing-second-sip-domain"
	case slices.Contains(c.names.discovery, host):
		return "tls.missing-san-lyncdiscover"
	case slices.Contains(c.names.web, host):
		return "tls.missing-san-external-web"
	}
	return "tls.missing-san-simple-url"
}

// validNow judges the dates of a certificate.
func (c *checker) validNow(id string, at place, leaf *x509.Certificate) {
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	switch {
	case c.now.After(leaf.NotAfter):
		c.add(id, at, "The certificate ended on "+day(leaf.NotAfter)+".", "renew it and choose the new one").Rule.Mode = "tls.expired"
	case c.now.Before(leaf.NotBefore):
		c.add(id, at, "The certificate begins on "+day(leaf.NotBefore)+" only.", "choose one that is valid, and look at the firewall's clock").Rule.Mode = "tls.not-yet-valid"
	}
}

// untrusted finds certificates that no phone trusts: the firewall's own.
func (c *checker) untrusted(id string, at place, leaf *x509.Certificate) {
	if selfSigned(leaf) {
		c.add(id, at, "The certificate is signed with its own key: nobody trusts it.", "order one of a public authority").Rule.Mode = "tls.self-signed-or-appliance-default"
		return
	}
	for i := range c.authorities {
		if a := &c.authorities[i]; a.hasKey && a.leaf() != nil && issuedBy(leaf, a.leaf()) {
			c.add(id, at, "The certificate was issued by an authority of this firewall, which no phone trusts.", "order one of a public authority").Rule.Mode = "tls.untrusted-internal-ca-external-listener"
		}
	}
}

// squidOptions judges lines of free text.
func (c *checker) squidOptions(s *squid) {
	for _, o := range s.options {
		fields := strings.Fields(o.text)
		at := place{o.at, "Squid custom options", o.text}
		switch {
		case fields[0] == "read_timeout" && squidTime(fields[1:]) < leastSilence:
			c.add("PFS-14", at, "Squid gives up on an answer that is silent for so long, and long polls are silent for up to 30 minutes.", "read_timeout 30 minutes").Rule.Mode = "mobility.long-poll-cut-by-idle-timeout"
		case fields[0] == "client_lifetime" && squidTime(fields[1:]) < time.Hour:
			c.add("PFS-14", at, "Squid ends every connection after so long, whatever it is in the middle of.", "leave the line out: the default is one day").Rule.Mode = "proxy.session-max-time"
		case strings.HasSuffix(fields[0], "_persistent_connections") && fields[1] == "off":
			c.add("PFS-14", at, "NTLM signs a connection in: without connections that last nobody signs in.", "leave the line out").Rule.Mode = "proxy.ntlm-multiplexed"
		case fields[0] == "request_header_access" && strings.EqualFold(fields[1], "Authorization"):
			c.add("PFS-14", at, "The header with which clients sign in is taken away.", "leave the line out").Rule.Mode = "proxy.authorization-stripped"
		case fields[0] == "reply_header_access" && strings.EqualFold(fields[1], "WWW-Authenticate"):
			c.add("PFS-14", at, "The header that tells clients how to sign in is taken away.", "leave the line out").Rule.Mode = "proxy.www-authenticate-stripped"
		case fields[0] == "request_body_max_size" && fields[1] != "0" && squidSize(fields[1:]) < 30<<20:
			c.add("PFS-14", at, "Files that are put into meetings may be larger.", "request_body_max_size 0").Rule.Mode = "proxy.body-size-413"
		}
	}
}

// leastSilence is what a proxy must bear: the 900 s of Squid's own default and of Microsoft's push time-out.
const leastSilence = 900 * time.Second

// squidTime reads a time as squid.conf writes it; without a unit it is in seconds.
func squidTime(fields []string) time.Duration {
	d := haproxyTime(fields[0] + "s")
	if len(fields) > 1 {
		switch strings.TrimSuffix(fields[1], "s") {
		case "minute":
			d *= 60
		case "hour":
			d *= 3600
		case "day":
			d *= 86400
		}
	}
	return d
}

// squidSize reads a size as squid.conf writes it; without a unit it is in bytes.
func squidSize(fields []string) int64 {
	n := int64(haproxyTime(fields[0]+"us") / time.Microsecond)
	if len(fields) > 1 {
		n <<= map[string]int{"KB": 10, "MB": 20, "GB": 30}[fields[1]]
	}
	return n
}
