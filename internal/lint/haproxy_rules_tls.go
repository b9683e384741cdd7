package lint

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

func haproxyPlain443(c *haproxyConfig) (found []Finding) {
	c.lyncBinds(func(p *haproxyPart, b haproxyBind) {
		if p.mode() == "http" && slices.Contains(b.ports, "443") && !b.tls() && !b.local && !b.has("accept-proxy") {
			found = append(found, b.finding("The listener lacks \"ssl crt …\", so clients that begin a TLS handshake at port 443 get plain HTTP, or nothing.", quoted(b.words)+" ssl crt /etc/haproxy/tls/lync.pem alpn http/1.1"))
		}
	})
	return found
}

func haproxyNoCertificate(c *haproxyConfig) (found []Finding) {
	c.lyncBinds(func(p *haproxyPart, b haproxyBind) {
		if b.tls() && !b.has("crt") && !b.has("crt-list") && !b.has("generate-certificates") {
			found = append(found, b.finding("A listener with \"ssl\" needs a certificate, its intermediates and its key in one file; HAProxy does not start without.", quoted(b.words)+" crt /etc/haproxy/tls/lync.pem"))
		}
	})
	return found
}

func haproxyNoTLS12(c *haproxyConfig) (found []Finding) {
	c.lyncBinds(func(p *haproxyPart, b haproxyBind) {
		if !b.tls() {
			return
		}
		for _, option := range []string{"no-tlsv12", "force-tlsv10", "force-tlsv11", "force-sslv3", "force-tlsv13"} {
			if b.has(option) {
				found = append(found, b.finding(fmt.Sprintf("With %s clients that speak TLS 1.2 and no other, which is most of Lync's, cannot connect.", option), b.rewritten(option, "ssl-min-ver", "", "TLSv1.2")+" ssl-min-ver TLSv1.2"))
			}
		}
		if v := b.options["ssl-max-ver"]; v != "" && v < "TLSv1.2" {
			found = append(found, b.finding("Phones and browsers of today ask for TLS 1.2 at least.", b.rewritten(v, "TLSv1.3")))
		}
		if b.options["ssl-min-ver"] == "TLSv1.3" {
			found = append(found, b.finding("Lync's and Skype for Business's clients, and Windows before 11, speak TLS 1.2.", "ssl-min-ver TLSv1.2"))
		}
	})
	for i := range found {
		found[i].Fix = strings.Replace(found[i].Fix, "ssl-min-ver ssl-min-ver", "ssl-min-ver", 1)
	}
	return firstPerLine(found)
}

func haproxyOldTLS(c *haproxyConfig) (found []Finding) {
	c.lyncBinds(func(p *haproxyPart, b haproxyBind) {
		if v := b.options["ssl-min-ver"]; b.tls() && (v == "SSLv3" || v == "TLSv1.0" || v == "TLSv1.1") {
			at := b.statement
			for _, l := range c.global {
				if l.words[0] == "ssl-default-bind-options" && slices.Contains(l.words, v) && !slices.Contains(b.words, v) {
					at = l
				}
			}
			found = append(found, at.finding("No client that is still in use needs less than TLS 1.2, but for Lync 2010 on Windows of its time.", at.rewritten(v, "TLSv1.2")))
		}
	})
	return firstPerLine(found)
}

// verifies tells whether a server's certificate is verified: HAProxy does unless told not to.
func (c *haproxyConfig) verifies(s haproxyServer) bool {
	if v, ok := s.options["verify"]; ok {
		return v != "none"
	}
	for _, l := range c.global {
		if l.words[0] == "ssl-server-verify" {
			return l.word(1) != "none"
		}
		if l.words[0] == "ssl-default-server-options" {
			if v, ok := l.argument("verify"); ok {
				return v != "none"
			}
		}
	}
	return true
}

func haproxyNoRoots(c *haproxyConfig) (found []Finding) {
	c.lyncServers(func(b *haproxySection, s haproxyServer) {
		if s.has("ssl") && c.verifies(s) && !s.has("ca-file") && !slices.ContainsFunc(c.global, func(l statement) bool {
			return l.words[0] == "ssl-default-server-options" && slices.Contains(l.words, "ca-file")
		}) {
			fix := quoted(s.words)
			if !s.has("verify") {
				fix += " verify required"
			}
			found = append(found, s.finding("HAProxy verifies servers unless \"verify none\" says not to, and has no roots to do it with: it does not start. The Front End's certificate is of the internal authority.",
				fix+" ca-file /etc/haproxy/tls/enterprise-roots.pem"))
		}
	})
	return firstPerLine(found)
}

func haproxyNoName(c *haproxyConfig) (found []Finding) {
	c.lyncServers(func(b *haproxySection, s haproxyServer) {
		if s.has("ssl") && c.verifies(s) && s.has("ca-file") && !s.has("verifyhost") && !s.has("sni") {
			name := s.host
			if _, err := netip.ParseAddr(name); err == nil {
				name = "fe1.contoso.example"
			}
			found = append(found, s.finding("Without \"verifyhost\" or \"sni\" any certificate of the internal authority passes, that of a printer, too.", quoted(s.words)+" sni str("+name+") verifyhost "+name))
		}
	})
	return firstPerLine(found)
}

func haproxyVerifyNone(c *haproxyConfig) (found []Finding) {
	c.lyncServers(func(b *haproxySection, s haproxyServer) {
		if s.has("ssl") && !c.verifies(s) {
			found = append(found, s.finding("Whoever gets between the proxy and the Front End can read and change everything.", s.rewritten("none", "required")+
				map[bool]string{true: "", false: " verify required"}[s.options["verify"] == "none"]+" ca-file /etc/haproxy/tls/enterprise-roots.pem"))
		}
	})
	return firstPerLine(found)
}

// active are the servers that share the load.
func (s *haproxySection) active() []haproxyServer {
	return slices.DeleteFunc(slices.Clone(s.servers), func(x haproxyServer) bool { return x.has("backup") || x.has("disabled") })
}

func haproxyAffinity(c *haproxyConfig) (found []Finding) {
	for _, b := range c.lyncBackends() {
		active := b.active()
		if len(active) < 2 && !slices.ContainsFunc(active, func(s haproxyServer) bool { return s.words[0] == "server-template" }) || active[0].port == "8080" || active[0].port == "80" {
			continue
		}
		if len(b.all("stick", "on")) > 0 || len(b.all("stick", "match")) > 0 || len(b.all("stick", "store-request")) > 0 || len(b.all("appsession")) > 0 {
			continue
		}
		fix := "balance source\nhash-type consistent\n# or, with cookies:\ncookie MS-WSMAN insert indirect nocache httponly secure"
		if cookie, ok := b.setting("cookie"); ok {
			without := slices.DeleteFunc(slices.Clone(active), func(s haproxyServer) bool { return s.has("cookie") || slices.Contains(cookie.words, "dynamic") })
			if len(without) > 0 {
				found = append(found, without[0].finding(fmt.Sprintf("Server %s has no value for the cookie %s, so HAProxy cannot send a client back to it.", without[0].name, cookie.word(1)), quoted(without[0].words)+" cookie "+without[0].name))
			}
			continue
		}
		l, ok := b.setting("balance")
		at := l
		if !ok {
			at = b.head
		}
		algorithm := l.word(1)
		if algorithm == "source" || algorithm == "hash" && strings.HasPrefix(l.word(2), "src") || algorithm == "first" || strings.HasPrefix(algorithm, "rdp-cookie") {
			continue
		}
		found = append(found, at.finding(fmt.Sprintf("%s spreads the requests of a client over %d Front Ends. Lync Server 2010's mobile service and web application keep their sessions on one and fail elsewhere; "+
			"from 2013 on the Front Ends pass requests on to the right one, at a price.", b, len(active)), fix))
	}
	return found
}

// lyncHealth is the request that Microsoft names for a monitor.
const lyncHealth = "option httpchk GET /autodiscover/autodiscoverservice.svc/root\nhttp-check expect status 200"

func haproxyHealth(c *haproxyConfig) (found []Finding) {
	for _, b := range c.lyncBackends() {
		l, ok := b.setting("option", "httpchk")
		if !ok || !slices.ContainsFunc(b.servers, func(s haproxyServer) bool { return s.has("check") }) {
			continue
		}
		request := strings.Join(l.words[2:], " ")
		for _, h := range b.all("http-check", "send") {
			request += " " + strings.Join(h.words[2:], " ")
		}
		lower := strings.ToLower(request)
		good := strings.Contains(lower, "/autodiscover/autodiscoverservice.svc/root") && !strings.Contains(lower, "/oauth")
		expectations := b.all("http-check", "expect")
		lenient := false
		for _, e := range expectations {
			rest := strings.Join(e.words[2:], " ")
			lenient = lenient || strings.HasPrefix(rest, "!") || strings.Contains(rest, "rstatus") || strings.Contains(rest, "401") || strings.Contains(rest, "403") || strings.Contains(rest, "404")
		}
		hosted := strings.Contains(lower, "host")
		switch {
		case !good && !lenient:
			found = append(found, l.finding(fmt.Sprintf("A healthy Front End answers %s with 401, 403 or 404 as often as with 200, and HAProxy takes it for dead: clients get 503.", cleanRequest(l)), lyncHealth))
		case strings.Contains(lower, "http/1.1") && !hosted:
			found = append(found, l.finding("A request of HTTP/1.1 needs a Host header. IIS answers 400 without, and HAProxy takes the Front End for dead.",
				lyncHealth+"\nhttp-check send hdr Host "+c.anyName()))
		}
	}
	return firstPerLine(found)
}

// cleanRequest is what a check asks, without the headers that may follow.
func cleanRequest(l statement) string {
	text := strings.Join(l.words[2:min(4, len(l.words))], " ")
	if text == "" {
		text = "OPTIONS /"
	}
	return text
}

func haproxyNoCheck(c *haproxyConfig) (found []Finding) {
	for _, b := range c.lyncBackends() {
		active := b.active()
		if _, again := b.setting("option", "redispatch"); again {
			continue // another one is tried when one refuses the connection
		}
		if len(active) < 2 || slices.ContainsFunc(active, func(s haproxyServer) bool {
			return s.has("check") || s.has("track") || s.has("agent-check") || s.has("observe")
		}) {
			continue
		}
		found = append(found, active[0].finding(fmt.Sprintf("No server of %s is checked. When one is down, every other client gets 503 until somebody sees it.", b), quoted(active[0].words)+" check"))
	}
	return found
}
