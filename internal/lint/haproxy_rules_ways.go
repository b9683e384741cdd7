package lint

import (
	"fmt"
	"slices"
	"strings"
)

// rewritten is the line with some words replaced, as it would be written.
func (s statement) rewritten(pairs ...string) string {
	words := slices.Clone(s.words)
	for i := 0; i+1 < len(pairs); i += 2 {
		if at := slices.Index(words, pairs[i]); at >= 0 {
			words[at] = pairs[i+1]
		}
	}
	return quoted(slices.DeleteFunc(words, func(w string) bool { return w == "" }))
}

// quoted joins words; one with a space gets quotes.
func quoted(words []string) string {
	all := slices.Clone(words)
	for i, w := range all {
		if strings.ContainsAny(w, " \t#") {
			all[i] = `"` + w + `"`
		}
	}
	return strings.Join(all, " ")
}

// withPort is the server's line with another port, and with TLS or without.
func (s haproxyServer) withPort(port string, tls bool) string {
	host := s.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	words := slices.Clone(s.words)
	at := 2
	if words[0] == "server-template" {
		at = 3
	}
	words[at] = host + ":" + port
	if tls && !s.has("ssl") {
		words = append(words, "ssl", "verify", "required", "ca-file", "/etc/haproxy/tls/enterprise-roots.pem")
	}
	if !tls {
		words = withoutTLS(words)
	}
	return quoted(words)
}

// withoutTLS leaves out the options of TLS.
func withoutTLS(words []string) []string {
	var rest []string
	for i := 0; i < len(words); i++ {
		switch words[i] {
		case "ssl", "check-ssl":
		case "verify", "ca-file", "sni", "verifyhost", "ssl-min-ver", "ssl-max-ver", "alpn", "ciphers", "check-sni":
			i++
		default:
			rest = append(rest, words[i])
		}
	}
	return rest
}

// lyncServers calls visit for every server of Lync's back ends.
func (c *haproxyConfig) lyncServers(visit func(*haproxySection, haproxyServer)) {
	for _, b := range c.lyncBackends() {
		if c.onlyInternal(b) {
			continue
		}
		for _, s := range b.servers {
			if !s.has("disabled") && kinshipOf(s.name) != officeWebApps && (s.port != "5061" && s.port != "443" || kinshipOf(s.host) != officeWebApps) {
				visit(b, s)
			}
		}
	}
}

// onlyInternal tells whether none but internal names lead to a back end: then the internal web site is what is meant.
func (c *haproxyConfig) onlyInternal(b *haproxySection) bool {
	internal := false
	for _, x := range c.analysis {
		if x.last().backend == b {
			if x.role != internalHost {
				return false
			}
			internal = true
		}
	}
	return internal
}

// cameOver tells which of HTTP and TLS the requests to a back end came over.
func (c *haproxyConfig) cameOver(b *haproxySection) (plain, tls []haproxyPublished) {
	for _, x := range c.analysis {
		for _, s := range x.steps {
			switch {
			case s.backend != b:
			case x.tls || slices.Contains(x.bind.ports, "443"):
				tls = append(tls, x)
			default:
				plain = append(plain, x)
			}
		}
	}
	return plain, tls
}

// internalPort is the port of the internal web site that a server leads to; empty for another. A server without one is
// reached at the port that the client came to.
func (c *haproxyConfig) internalPort(b *haproxySection, s haproxyServer) string {
	if s.port != "" {
		return s.port
	}
	if plain, tls := c.cameOver(b); len(tls) == 0 && len(plain) > 0 {
		return "80"
	}
	return "443"
}

func haproxyInternalTLS(c *haproxyConfig) (found []Finding) {
	c.lyncServers(func(b *haproxySection, s haproxyServer) {
		if c.internalPort(b, s) != "443" {
			return
		}
		where := s.host + ":443"
		why := ""
		if s.port == "" {
			why = " The address has no port, so HAProxy uses the one that the client came to."
		}
		found = append(found, s.finding(fmt.Sprintf("%s is the Front End's internal web site. Clients outside get the internal addresses from it, and sign-in, "+
			"meetings and phones fail. The external web site is at port 4443.%s", where, why), s.withPort("4443", b.mode() == "http")))
	})
	return found
}

func haproxyInternalPlain(c *haproxyConfig) (found []Finding) {
	c.lyncServers(func(b *haproxySection, s haproxyServer) {
		if c.internalPort(b, s) == "80" {
			found = append(found, s.finding(s.host+":80 is the Front End's internal web site. Discovery over HTTP gets internal addresses from it. "+
				"The external web site speaks HTTP at port 8080.", s.withPort("8080", false)))
		}
	})
	return found
}

func haproxyScheme(c *haproxyConfig) (found []Finding) {
	c.lyncServers(func(b *haproxySection, s haproxyServer) {
		_, tls := c.cameOver(b)
		switch {
		case b.mode() == "http" && s.port == "4443" && !s.has("ssl"):
			found = append(found, s.finding("Port 4443 of the Front End speaks TLS. HAProxy sends it plain HTTP, and IIS answers 400 or ends the connection.",
				s.withPort("4443", true)))
		case b.mode() == "tcp" && s.port == "4443" && !s.has("ssl") && slices.ContainsFunc(tls, func(x haproxyPublished) bool { return x.bind.tls() }):
			found = append(found, s.finding("The listener takes TLS off, and port 4443 of the Front End wants it. What arrives there is plain HTTP.",
				s.withPort("4443", true)))
		case s.port == "8080" && s.has("ssl"):
			found = append(found, s.finding("Port 8080 of the Front End speaks plain HTTP. The TLS handshake that HAProxy begins there fails, and clients get 503.",
				s.withPort("8080", false)+"\n# or, for what came over HTTPS:\n"+s.withPort("4443", true)))
		}
	})
	return found
}

func haproxyMixed(c *haproxyConfig) (found []Finding) {
	for _, b := range c.lyncBackends() {
		var tls, plain []haproxyServer
		for _, s := range b.servers {
			switch s.port {
			case "443", "4443":
				tls = append(tls, s)
			case "80", "8080":
				plain = append(plain, s)
			}
		}
		if len(tls) > 0 && len(plain) > 0 {
			found = append(found, plain[0].finding(fmt.Sprintf("HAProxy takes turns between %s and %s. Every other request reaches the Front End over the wrong scheme and "+
				"gets another answer.", tls[0].host+":"+tls[0].port, plain[0].host+":"+plain[0].port),
				fmt.Sprintf("backend %s_tls\n    %s\nbackend %s_plain\n    %s", b.name, tls[0].withPort("4443", true), b.name, plain[0].withPort("8080", false))))
		}
	}
	return found
}

// leadsTo are the questions whose sure answer is a server at the port.
func (c *haproxyConfig) leadsTo(port string) []haproxyPublished {
	return c.published(func(x haproxyPublished) bool {
		b := x.last().backend
		return b != nil && c.lync[b] && len(b.servers) > 0 && b.first().port == port
	})
}

func haproxyOffload(c *haproxyConfig) (found []Finding) {
	for _, x := range c.leadsTo("8080") {
		b := x.last().backend
		if !x.bind.tls() || x.part.mode() != "http" || len(x.bind.ports) > 0 && !slices.Contains(x.bind.ports, "443") && slices.Contains(x.bind.ports, "80") || b.first().has("ssl") {
			continue
		}
		found = append(found, x.last().finding(fmt.Sprintf("Requests over HTTPS%s end in %s, which sends them on as plain HTTP. The Front End asks for TLS at sign-in, and discovery over "+
			"8080 gives only a redirect to HTTPS.", x.forName(), b), fmt.Sprintf("backend %s_tls\n    %s", b.name, b.first().withPort("4443", true))))
	}
	return firstPerLine(found)
}

// forName are the words for the host that a question is about; none when no list names it.
func (p haproxyPublished) forName() string {
	if strings.HasSuffix(p.host, unknownDomain) {
		return ""
	}
	return " for " + p.name()
}

// firstPerLine keeps one finding of each line.
func firstPerLine(found []Finding) []Finding {
	var all []Finding
	for _, x := range found {
		if !slices.ContainsFunc(all, func(y Finding) bool { return x.File == y.File && x.Line == y.Line }) {
			all = append(all, x)
		}
	}
	return all
}

func haproxyUpgrade(c *haproxyConfig) (found []Finding) {
	for _, x := range c.leadsTo("4443") {
		if !x.tls && x.role == discoverHost && slices.Equal(x.bind.ports, []string{"80"}) && x.last().backend.first().has("ssl") {
			b := x.last().backend
			found = append(found, x.last().finding("Who asks for discovery over HTTP expects a redirect to HTTPS in the answer, which the Front End gives at port 8080. "+
				"At 4443 it gives the whole answer, which then crosses the Internet in plain text.", fmt.Sprintf("backend %s_plain\n    %s", b.name, b.first().withPort("8080", false))))
		}
	}
	return firstPerLine(found)
}

func haproxyPassThrough(c *haproxyConfig) (found []Finding) {
	for _, x := range c.published(nil) {
		b := x.last().backend
		if x.part.mode() != "tcp" || x.bind.tls() || b == nil || !c.lync[b] || len(b.servers) == 0 || b.first().has("ssl") {
			continue
		}
		if s := b.first(); s.port == "4443" || s.port == "443" || s.port == "" && slices.Contains(x.bind.ports, "443") {
			found = append(found, s.finding("HAProxy passes TLS on as it is, so clients see the certificate of the Front End, which as a rule is of the internal authority "+
				"and names internal hosts. Phones and browsers refuse it. This is right only when the Front End's external web site has a public certificate with all public names.",
				fmt.Sprintf("frontend %s\n    mode http\n    bind :443 ssl crt /etc/haproxy/tls/lync.pem alpn http/1.1\n    default_backend %s\nbackend %s\n    mode http\n    %s",
					x.part.name, b.name, b.name, s.withPort("4443", true))))
		}
	}
	return firstPerLine(found)
}

func haproxySendProxy(c *haproxyConfig) (found []Finding) {
	c.lyncServers(func(b *haproxySection, s haproxyServer) {
		for _, option := range []string{"send-proxy", "send-proxy-v2", "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn"} {
			if s.has(option) {
				found = append(found, s.finding("IIS does not understand the PROXY protocol: it answers every request with 400. The client's address goes in X-Forwarded-For.",
					s.rewritten(option, "")+"\noption forwardfor"))
			}
		}
	})
	return found
}
