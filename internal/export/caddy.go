package export

import (
	"cmp"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

func writeCaddy(in Input) (string, error) {
	p, err := newPlan(Caddy, in, "certificates", "reset_unknown", "paths", "host_header", "balance", "cookie", "max_body", "respond")
	if err != nil {
		return "", err
	}
	if p.old() {
		return "", p.cannot("min_tls", "the oldest version it knows is 1.2")
	}
	if p.MaxTLS == "1.0" || p.MaxTLS == "1.1" {
		return "", p.cannot("max_tls", "the oldest version it knows is 1.2")
	}
	t := &page{}
	p.head(t, productText{
		title: "Caddy", versions: "Caddy 2.6 and later", place: "/etc/caddy/Caddyfile, in place of what is there",
		check: "caddy validate --config /etc/caddy/Caddyfile",
		limits: []string{
			"keep a connection to the Front End for one client, which NTLM and Negotiate need: sign-in with Windows",
			"credentials fails, other ways work. HAProxy and Squid can, and builds of Caddy with an NTLM transport.",
		},
	})
	t.line(`{
	# The certificates are given, and port 80 is published as it is: phones begin discovery there.
	auto_https off
	# Long polls would keep it from stopping.
	grace_period 10s`)
	if name := p.caddyDefaultName(); name != "" {
		t.line("	# Who asks for no name gets this certificate.\n	default_sni %s", name)
	}
	if p.PlainHTTPS && p.HTTPS == 443 {
		t.line("	# 443 is not the port for TLS here.\n	https_port 8443")
	}
	t.line(`	servers {
		# HTTP/1.1 only: connection-bound authentication cannot live on HTTP/2 or 3.
		protocols h1
		# Negotiate and tickets make heads of up to 64 KB.
		max_header_size 128KB
		timeouts {
			read_header 30s
			idle %s
		}
	}
}`, duration(p.idle))
	for _, scheme := range p.schemes() {
		if err := p.caddySites(t, scheme); err != nil {
			return "", err
		}
	}
	return t.String(), nil
}

// caddyDefaultName is a name in the first certificate.
func (p *plan) caddyDefaultName() string {
	if len(p.listeners(https)) == 0 {
		return ""
	}
	for _, n := range p.Certificates[0].Names {
		if _, err := netip.ParseAddr(n); err != nil && !strings.HasPrefix(n, "*") {
			return n
		}
	}
	return ""
}

// caddySites writes one site for each port, for all names: what is published is said by the matchers in it.
func (p *plan) caddySites(t *page, scheme string) error {
	ports := map[uint16][]string{}
	for _, l := range p.listeners(scheme) {
		ports[l.at.Port()] = append(ports[l.at.Port()], l.at.Addr().String())
	}
	for _, port := range slices.Sorted(maps.Keys(ports)) {
		t.line("\n%s://:%d {\n\tbind %s", scheme, port, strings.Join(ports[port], " "))
		if scheme == https {
			least, most := p.versions()
			for _, f := range p.files.Certificates[:len(p.Certificates)] {
				t.line("\ttls %s %s {\n\t\tprotocols tls%s tls%s\n\t\talpn http/1.1\n\t}", f.FullChain, f.Key, least, most)
			}
		}
		routes := p.routes(scheme)
		for _, r := range routes {
			caddyMatcher(t, r)
		}
		t.line("\n\troute {")
		for _, r := range routes {
			if err := p.caddyHandle(t, r); err != nil {
				return err
			}
		}
		for _, r := range routes {
			if len(r.Paths) > 0 {
				t.line("\t\thandle @%s-host {\n\t\t\t%s\n\t\t}", r.id, p.caddyRefusal("404"))
			}
		}
		t.line("\t\t# What is not published is refused; without this it would be answered with an empty 200.\n\t\thandle {\n\t\t\t%s\n\t\t}\n\t}\n}", p.caddyRefusal("421"))
	}
	return nil
}

func (p *plan) caddyRefusal(status string) string {
	if p.ResetUnknown {
		return "abort"
	}
	return "respond " + status
}

// caddyMatcher writes what a route is for, and its hosts alone when only some paths of them are published.
func caddyMatcher(t *page, r route) {
	hosts := caddyHosts(r)
	t.line("\n\t# %s\n\t@%s {\n\t\t%s", r.Name, r.id, hosts)
	if len(r.Paths) > 0 {
		flag := "(?i)"
		if r.CaseSensitive {
			flag = ""
		}
		t.line("\t\tpath_regexp `%s%s`", flag, pathPattern(r, "(?:/|$)"))
	}
	t.line("\t}")
	if len(r.Paths) > 0 {
		t.line("\t@%s-host {\n\t\t%s\n\t}", r.id, hosts)
	}
}

// caddyHosts is the condition for the names. Caddy's own wildcard stands for one label only.
func caddyHosts(r route) string {
	var names, patterns []string
	for _, h := range r.Hosts {
		h = hostKey(h)
		names = append(names, h)
		switch {
		case h == "*":
			return "path *"
		case strings.HasPrefix(h, "*"):
			patterns = append(patterns, "[^:]+"+regexp.QuoteMeta(h[1:]))
		default:
			patterns = append(patterns, regexp.QuoteMeta(h))
		}
	}
	if !slices.ContainsFunc(names, func(h string) bool { return strings.HasPrefix(h, "*") }) {
		return "host " + strings.Join(names, " ")
	}
	return "header_regexp Host `(?i)^(?:" + strings.Join(patterns, "|") + ")(?::[0-9]+)?$`"
}

func (p *plan) caddyHandle(t *page, r route) error {
	t.line("\t\thandle @%s {", r.id)
	defer t.line("\t\t}")
	if r.Respond != nil {
		caddyRespond(t, r)
		return nil
	}
	if err := p.uniform(r); err != nil {
		return err
	}
	if r.MaxBody > 0 {
		t.line("\t\t\trequest_body {\n\t\t\t\tmax_size %d\n\t\t\t}", r.MaxBody)
	}
	w := r.servers[0]
	t.WriteString(flip(r, "\t\t\t#"))
	var to []string
	for _, w := range r.servers {
		to = append(to, w.Scheme+"://"+endpoint(w))
	}
	t.line("\t\t\treverse_proxy %s {", strings.Join(to, " "))
	if len(to) > 1 {
		policy := "round_robin"
		switch r.Balance {
		case "source":
			policy = "ip_hash"
		case "cookie":
			c := cookieOf(r)
			if c.HTTPOnly || c.MaxAge > 0 {
				return p.cannotRule(r, "cookie", "it ends with the client, and scripts see it")
			}
			t.line("\t\t\t\t# Sessions of Lync 2010's mobility live on one Front End: a cookie leads the client back to it.")
			policy = "cookie " + c.Name
		}
		t.line("\t\t\t\tlb_policy %s\n\t\t\t\t# Another Front End is tried when one takes no connection; a poll that has failed after a while is not repeated.\n\t\t\t\tlb_retries %d\n\t\t\t\tlb_try_duration 5s\n\t\t\t\t# An upload that a client breaks off counts as a failure of the Front End too: one is not enough.\n\t\t\t\tfail_duration 10s\n\t\t\t\tmax_fails 3", policy, len(to)-1)
	}
	switch r.HostHeader {
	case "", "preserve":
	case "web-server":
		host, ok := hostToSend(r)
		if !ok {
			return p.cannotRule(r, "host_header", "all web servers of a rule are sent the same Host")
		}
		t.line("\t\t\t\theader_up Host %s", host)
	default:
		t.line("\t\t\t\theader_up Host %s", r.HostHeader)
	}
	t.line("\t\t\t\ttransport http {\n\t\t\t\t\tversions 1.1\n\t\t\t\t\tdial_timeout 3s")
	t.line("\t\t\t\t\t# Long polls are silent for up to 15 minutes.\n\t\t\t\t\tresponse_header_timeout %s", duration(p.response))
	t.line("\t\t\t\t\t# No connection is kept for another request: NTLM signs it in, and the next client would go on as that user.\n\t\t\t\t\tkeepalive off")
	t.line("\t\t\t\t\t# What a client takes is between it and the Front End.\n\t\t\t\t\tcompression off")
	if w.Scheme == https {
		t.line("\t\t\t\t\ttls")
		if name := commonName(r); name != "" {
			if len(to) > 1 {
				t.line("\t\t\t\t\t# One name for all of them: it must be in the certificate of each.")
			}
			t.line("\t\t\t\t\ttls_server_name %s", name)
		}
		if verifies(w) {
			t.line("\t\t\t\t\ttls_trusted_ca_certs %s", p.files.Roots[w.Verify])
		} else {
			t.line("\t\t\t\t\ttls_insecure_skip_verify")
		}
	}
	t.line("\t\t\t\t}\n\t\t\t}")
	return nil
}

func caddyRespond(t *page, r route) {
	a := r.Respond
	status := cmp.Or(a.Status, 200)
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		t.line("\t\t\theader %s \"%s\"", name, a.Header[name])
	}
	if a.Body != "" {
		t.line("\t\t\trespond \"%s\" %d", a.Body, status)
		return
	}
	t.line("\t\t\trespond %d", status)
}
