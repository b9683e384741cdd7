package pfsense

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Silences that a proxy must bear: the least time of a long poll, below which every one is cut, and what Microsoft gives for
// phones, which is above their push time-out.
const (
	leastPoll  = 200 * time.Second
	phoneWaits = 960 * time.Second
)

// checkHAProxy judges the HAProxy package.
func (c *checker) checkHAProxy(h *haproxy) {
	if !h.enabled {
		c.add("PFS-11", place{line: h.line, where: "HAProxy"}, "The package is not enabled: nothing listens.", "Services > HAProxy > Settings: Enable HAProxy. <enable/>")
	}
	c.haproxyFrontends(h)
	c.haproxyPublished(h)
	listeners, backends := c.haproxyUsed(h)
	for _, l := range listeners {
		c.haproxyListener(l)
	}
	for _, b := range backends {
		c.haproxyBackend(b)
	}
	c.haproxyCertificates(listeners)
	c.haproxyPlain(h)
}

// haproxyUsed are the listeners and backends that requests for the public names come through.
func (c *checker) haproxyUsed(h *haproxy) (listeners []listener, backends []*backend) {
	for _, r := range c.requests(true) {
		bs, through, _ := h.backendsFor(r)
		for i, b := range bs {
			if !slices.Contains(backends, b) {
				backends = append(backends, b)
			}
			if !slices.ContainsFunc(listeners, func(l listener) bool { return l.frontend == through[i].frontend }) {
				listeners = append(listeners, through[i])
			}
			c.haproxyTarget(r, through[i], b)
		}
	}
	return listeners, backends
}

// haproxyTarget judges the servers that a request may get to.
func (c *checker) haproxyTarget(r request, l listener, b *backend) {
	for i := range b.servers {
		s := &b.servers[i]
		if !s.live() || s.forwardTo != "" {
			continue
		}
		at := place{s.portLine, b.where() + ", server " + s.name, fieldAt("port", fmt.Sprint(s.port))}
		if to := flipped(s.port); to != 0 {
			f := c.add("PFS-HA-01", at, fmt.Sprintf("Port %d of a Front End is the internal web site: people outside are led to internal names, which they cannot reach.", s.port),
				fmt.Sprintf("<port>%d</port>", to))
			if s.port == 80 {
				f.Rule.Mode = "proxy.port-80-not-flipped"
			}
		}
		if l.kind != "http" {
			if s.port == 4443 || s.port == 443 {
				c.add("PFS-HA-03", place{l.line, l.where(), fieldAt("type", l.kind)},
					"TLS goes through to the Front End, which shows its own certificate: it is of the internal authority, lacks the public names, and phones refuse it.",
					"<type>http</type>, with SSL Offloading and a public certificate, and Encrypt(SSL) for the server")
			}
			continue
		}
		if tls, known := encrypted(s.port); known && tls != s.tls {
			want, what := "", "a TLS handshake meets a port that speaks plain HTTP: 503"
			if tls {
				want, what = "yes", "a plain request meets a port that speaks TLS: 400 or 502"
			}
			at.excerpt = fieldAt("ssl", map[bool]string{true: "yes"}[s.tls])
			at.line = s.line
			c.add("PFS-HA-02", at, fmt.Sprintf("Port %d, and %s.", s.port, what), fieldAt("ssl", want))
		} else if known && !tls && r.https {
			f := c.add("PFS-HA-02", at, "Requests that came over HTTPS are sent on over HTTP: the Front End takes them for plain ones, and refuses to sign anybody in.",
				"<port>4443</port> <ssl>yes</ssl>")
			f.Rule.Mode = "proxy.tls-offload-to-8080"
		}
	}
}

// haproxyFrontends judges frontends by themselves, as far as they name Lync's hosts.
func (c *checker) haproxyFrontends(h *haproxy) {
	for i := range h.frontends {
		f := &h.frontends[i]
		concerns := slices.ContainsFunc(f.acls, func(a acl) bool {
			return slices.ContainsFunc(a.hosts(), func(name string) bool {
				return slices.Contains(c.names.all(), name) || strings.HasPrefix(name, "*.") && slices.Contains(c.names.domains, name[2:])
			})
		})
		if !f.active || !concerns {
			continue
		}
		kind := f.kind
		if f.secondary {
			p := h.frontend(f.primary)
			if p == nil || !p.active || p.secondary {
				c.add("PFS-HA-09", place{f.line, f.where(), fieldAt("primary_frontend", f.primary)},
					fmt.Sprintf("It shares the listener of %q, which does not exist, is off, or shares one itself: nothing listens for it.", f.primary), "choose an active primary frontend")
				continue
			}
			kind = p.kind
		}
		for j := range f.acls {
			a := &f.acls[j]
			named := slices.ContainsFunc(f.actions, func(x action) bool { return slices.Contains(x.acls, a.name) })
			if !a.fits(kind) && named {
				c.add("PFS-HA-08", place{a.line, f.where() + ", ACL " + a.name, fieldAt("expression", a.expression)},
					fmt.Sprintf("The expression is for frontends of the type %s, and this one is of the type %s: the package leaves the ACL out, and HAProxy refuses an action that names one that is not there, or sends the traffic to the default backend.", modeOf(a.expression), kind),
					map[bool]string{true: "an expression host_…, or <type>https</type>", false: "<type>http</type>, or an expression ssl_sni_…"}[strings.HasPrefix(a.expression, "ssl_sni")])
			}
		}
	}
}

func (c *checker) haproxyPublished(h *haproxy) {
	for _, host := range c.names.all() {
		var lost []string
		paths := c.names.pathsOf(host)
		var at place
		for _, p := range paths {
			r := request{host: host, path: p.path, https: true}
			_, through, taken := h.backendsFor(r)
			if taken {
				for _, l := range through {
					at = place{line: l.line, where: l.where()}
				}
				continue
			}
			lost = append(lost, p.path+" ("+p.what+")")
		}
		switch {
		case len(lost) == len(paths):
			c.add("PFS-HA-12", place{line: h.line, where: "HAProxy"},
				fmt.Sprintf("No frontend for HTTPS has an action or a default backend for %s: clients get 503.", host),
				"in the frontend: <expression>host_matches</expression><value>"+host+"</value>, and a use_backend action for it")
		case len(lost) > 0:
			f := c.add("PFS-HA-12", at, fmt.Sprintf("https://%s is published for some paths only; what is left out gets 503 or a refusal: %s.", host, and(lost)),
				"no ACL of paths: the whole host goes to the backend")
			f.Rule.Mode, f.Rule.Severity = lostMode(lost), "high"
		}
	}
	if len(c.names.web) == 0 && !c.names.anyWeb {
		c.add("PFS-HA-12", place{line: h.line, where: "HAProxy"},
			"No frontend names the external web services FQDN: discovery answers, and leads clients to a name that is not published.",
			"the pool's external web services FQDN, as Get-CsService -WebServer shows it: <expression>host_matches</expression><value>lyncweb-ext."+c.firstDomain()+"</value>")
	}
	for i := range h.frontends {
		f := &h.frontends[i]
		for j := range f.actions {
			a := &f.actions[j]
			if f.active && a.kind == "use_backend" && a.target != "" && h.backend(a.target) == nil {
				c.add("PFS-HA-12", place{a.line, f.where(), fieldAt("use_backendbackend", a.target)},
					fmt.Sprintf("There is no backend %q: HAProxy refuses the whole configuration, and pfSense goes on with the old one without a word.", a.target), "choose the backend again")
			}
		}
	}
}

// haproxyListener judges a frontend that publishes Lync.
func (c *checker) haproxyListener(l listener) {
	if got := silence(l.timeout, "client", l.options); got < phoneWaits {
		c.shortSilence(place{l.timeoutLine, l.where(), fieldAt("client_timeout", l.timeout)}, "client", got, "<client_timeout>960000</client_timeout>")
	}
	if l.kind == "http" {
		closing := []string{"httpclose", "forceclose", "http-server-close"}
		if slices.Contains(closing, l.closing) {
			c.add("PFS-HA-05", place{l.closingLine, l.where(), fieldAt("httpclose", l.closing)},
				"NTLM signs a connection in, and HAProxy closes it to the server after every answer: signing in goes round in circles.", "<httpclose>http-keep-alive</httpclose>")
		}
		for _, o := range l.options {
			if word, ok := strings.CutPrefix(o.text, "option "); ok && slices.Contains(closing, word) {
				c.add("PFS-HA-05", place{o.at, l.where(), o.text}, "NTLM signs a connection in, and HAProxy closes it to the server after every answer: signing in goes round in circles.", "leave the line out")
			}
		}
	}
	if l.clientCA && !l.clientOptional {
		c.add("PFS-HA-12", place{line: l.line, where: l.where()}, "Clients must show a certificate of a chosen authority, and phones have none.",
			"no Client verification CA for this frontend").Rule.Mode = "tls.client-certificate-requested"
	}
	if l.http2 && l.kind == "http" {
		c.add("PFS-14", place{line: l.line, where: l.where(), excerpt: "alpn h2"}, "HTTP/2 is offered to clients, and NTLM does not exist in it.", "alpn http/1.1").Rule.Mode = "proxy.http2-frontend-breaks-ntlm"
	}
	for _, m := range l.members {
		c.headerActions(m.where(), m.actions, m.options)
		for i := range m.actions {
			a := &m.actions[i]
			if a.kind == "http-request_auth" {
				c.add("PFS-HA-12", place{a.line, m.where(), fieldAt("action", a.kind)}, "HAProxy asks for a password of its own before clients reach the Front End, and they know none.",
					"no such action for Lync's names").Rule.Mode = "proxy.preauth-401"
			}
		}
	}
}

func (c *checker) shortSilence(at place, side string, got time.Duration, fix string) {
	reason := fmt.Sprintf("HAProxy waits %s for the %s. ", got, side)
	severity := "medium"
	if got < leastPoll {
		reason += "Long polls are silent for three minutes and more: each one is cut, and phones sign in again and again."
		severity = "high"
	} else {
		reason += "Phones let a poll wait for 15 minutes, and Microsoft gives 960 s for proxies."
	}
	c.add("PFS-HA-04", at, reason, fix).Rule.Severity = severity
}

// headerActions finds actions and lines that change headers clients and servers need.
func (c *checker) headerActions(where string, actions []action, options []line) {
	for i := range actions {
		a := &actions[i]
		sets := a.kind == "http-request_set-header" || strings.HasPrefix(a.kind, "http-request_replace-")
		deletes := strings.HasSuffix(a.kind, "_del-header")
		at := place{a.line, where, fieldAt(a.kind+"name", a.header)}
		switch {
		case (sets || deletes) && strings.EqualFold(a.header, "Host"), a.kind == "custom" && strings.HasPrefix(a.value, "http-request set-header Host"):
			c.add("PFS-HA-06", at, "The Front End tells sites and simple URLs apart by the Host header: discovery and meetings answer for the wrong name.", "no such action")
		case (sets || deletes) && strings.EqualFold(a.header, "Authorization"):
			c.add("PFS-14", at, "The header with which clients sign in is taken away or overwritten.", "no such action").Rule.Mode = "proxy.authorization-stripped"
		case deletes && strings.EqualFold(a.header, "WWW-Authenticate"):
			c.add("PFS-14", at, "The header that tells clients how to sign in is taken away.", "no such action").Rule.Mode = "proxy.www-authenticate-stripped"
		}
	}
	for _, o := range options {
		low := strings.ToLower(o.text)
		switch {
		case strings.HasPrefix(low, "http-request set-header host "), low == "http-request del-header host":
			c.add("PFS-HA-06", place{o.at, where, o.text}, "The Front End tells sites and simple URLs apart by the Host header: discovery and meetings answer for the wrong name.", "leave the line out")
		case low == "http-request del-header authorization":
			c.add("PFS-14", place{o.at, where, o.text}, "The header with which clients sign in is taken away.", "leave the line out").Rule.Mode = "proxy.authorization-stripped"
		case low == "http-response del-header www-authenticate":
			c.add("PFS-14", place{o.at, where, o.text}, "The header that tells clients how to sign in is taken away.", "leave the line out").Rule.Mode = "proxy.www-authenticate-stripped"
		case low == "http-reuse always":
			c.add("PFS-14", place{o.at, where, o.text}, "Connections to the servers are shared between clients, and NTLM signs connections in.", "http-reuse never").Rule.Mode = "proxy.ntlm-multiplexed"
		}
	}
}

// logOnPaths begin what answers 401 or 403 without an account.
var logOnPaths = []string{"/ucwa", "/webticket", "/abs", "/groupexpansion", "/reach", "/autodiscover/autodiscoverservice.svc/root/user", "/scheduler", "/cscp", "/rgsclients"}

// haproxyBackend judges a backend that serves Lync.
func (c *checker) haproxyBackend(b *backend) {
	if got := silence(b.timeout, "server", b.options); got < phoneWaits {
		c.shortSilence(place{b.timeoutLine, b.where(), fieldAt("server_timeout", b.timeout)}, "server", got, "<server_timeout>960000</server_timeout>")
	}
	c.headerActions(b.where(), b.actions, b.options)
	live := 0
	for i := range b.servers {
		s := &b.servers[i]
		if s.status == "active" || s.status == "" {
			live++
		}
		if s.live() && s.verify && s.tls && s.authority == "" {
			c.add("PFS-HA-14", place{s.line, b.where() + ", server " + s.name, fieldAt("sslserververify", "yes")},
				"The Front End's certificate is of the internal authority, and the server's CA is not chosen: HAProxy verifies it against none that it could come from, and answers 503.",
				"import the enterprise root under System > Cert. Manager > CAs and choose it as the server's CA")
		}
	}
	sticks := slices.ContainsFunc(b.options, func(o line) bool { return strings.HasPrefix(o.text, "balance source") })
	if live > 1 && b.sticky == "" && b.cookie == "" && b.balance != "source" && !sticks {
		c.add("PFS-HA-07", place{line: b.line, where: b.where()},
			"Requests of a client go to the servers in turn. An application of UCWA, and a session of Mcx, lives on one Front End: the other one does not know it.",
			"<persist_cookie_enabled>yes</persist_cookie_enabled><persist_cookie_name>MS-WSMAN</persist_cookie_name><persist_cookie_mode>insert-only-silent</persist_cookie_mode>, or Balance: Source")
	}
	if b.check != "HTTP" {
		return
	}
	at := place{b.checkLine, b.where(), fieldAt("monitor_uri", b.checkURI)}
	const good = "<httpcheck_method>GET</httpcheck_method><monitor_uri>/Autodiscover/AutodiscoverService.svc/root</monitor_uri>, or <check_type>SSL</check_type>"
	switch {
	case b.checkURI == "":
		c.add("PFS-HA-10", at, "The check has no URI: HAProxy asks for OPTIONS /, which the web sites need not answer with success, and takes the server out.", good)
	case slices.ContainsFunc(logOnPaths, func(p string) bool { return strings.HasPrefix(strings.ToLower(b.checkURI), p) }):
		c.add("PFS-HA-10", at, "What the check asks for needs an account: the answer is 401, and HAProxy takes the server out.", good)
	}
}

func (c *checker) haproxyCertificates(listeners []listener) {
	var leaves []*x509.Certificate
	var at place
	whole := true // all certificates could be read
	offloads := false
	for _, l := range listeners {
		if l.kind != "http" || !l.serves(true) {
			continue
		}
		offloads = true
		at = place{line: l.line, where: l.where()}
		for _, m := range l.members {
			for _, ref := range m.certificates {
				leaf := c.haproxyCertificate(m, ref)
				if leaf == nil {
					whole = false
				} else {
					leaves = append(leaves, leaf)
				}
			}
		}
	}
	if !offloads || !whole {
		return
	}
	if len(leaves) == 0 {
		c.add("PFS-09", at, "SSL offloading is on, and no certificate is chosen: HAProxy refuses the configuration.", "choose a certificate: <ssloffloadcert>")
		return
	}
	var lacks []string
	for _, h := range c.names.all() {
		if !slices.ContainsFunc(leaves, func(leaf *x509.Certificate) bool { return covers(leaf, h) }) {
			lacks = append(lacks, h)
		}
	}
	if len(lacks) > 0 {
		f := c.add("PFS-HA-13", at, fmt.Sprintf("None of the frontend's certificates has %s.", and(lacks)), "a certificate with these names, as Certificate or under Additional certificates")
		f.Rule.Mode = c.sanMode(lacks[0])
	}
}

// haproxyCertificate judges one certificate of a frontend and returns it; nil when it cannot be read.
func (c *checker) haproxyCertificate(f *frontend, ref string) *x509.Certificate {
	cert := c.certificateOf(ref)
	if cert == nil {
		if len(c.certificates) > 0 || c.Version != "" { // a backup of the packages alone holds none
			c.add("PFS-09", place{f.line, f.where(), fieldAt("ssl_certificate", ref)}, "The chosen certificate is not in the certificate manager (any more).", "choose another certificate")
		}
		return nil
	}
	at := place{cert.line, "certificate " + cert.name, fieldAt("refid", cert.ref)}
	leaf := cert.leaf()
	if cert.removed {
		return nil
	}
	if leaf == nil {
		c.add("PFS-09", at, "The text of the certificate is damaged: it is no certificate in PEM.", "import the certificate again")
		return nil
	}
	if !cert.hasKey {
		c.add("PFS-09", at, "The certificate manager has no private key for this certificate, which a listener needs.", "import the certificate with its key, or choose another")
	}
	c.validNow("PFS-08", at, leaf)
	c.untrusted("PFS-HA-13", at, leaf)
	if chain := c.sent(cert); !selfSigned(leaf) && !c.ends(chain) {
		c.add("PFS-10", at, fmt.Sprintf("HAProxy sends the certificate with the authorities that the certificate manager links to it, and %s is not among them: phones refuse a chain with a gap.", nameOfIssuer(chain[len(chain)-1])),
			"import the intermediate and the root under System > Cert. Manager > CAs; the manager links certificates to them")
	}
	return leaf
}

// haproxyPlain judges what happens to plain HTTP discovery.
func (c *checker) haproxyPlain(h *haproxy) {
	for _, l := range h.listeners() {
		if !l.serves(false) || l.kind != "http" {
			continue
		}
		for _, host := range c.names.discovery {
			if d := l.decide(request{host: host, path: "/"}); d.redirect != nil {
				c.add("PFS-HA-11", place{d.redirect.line, l.where(), fieldAt("action", d.redirect.kind)},
					fmt.Sprintf("Requests for http://%s/ are redirected to HTTPS: clients that discover over plain HTTP, because they do not trust the certificate or it lacks the name, go no further.", host),
					"an ACL host_starts_with lyncdiscover. with not on the redirect, and a backend with port 8080 without encryption for it")
			}
			for _, o := range l.options {
				if strings.Contains(o.text, "redirect scheme https") && !strings.Contains(strings.ReplaceAll(o.text, "{ ssl_fc }", ""), " if !") || strings.HasSuffix(o.text, "if !{ ssl_fc }") && strings.Contains(o.text, "redirect") {
					c.add("PFS-HA-11", place{o.at, l.where(), o.text},
						fmt.Sprintf("Requests for http://%s/ are redirected to HTTPS: clients that discover over plain HTTP, because they do not trust the certificate or it lacks the name, go no further.", host),
						"leave the line out, or except the discovery names")
				}
			}
		}
	}
}
