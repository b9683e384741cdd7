package export

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lyncpin/internal/topology"
)

func writeHAProxy(in Input) (string, error) {
	p, err := newPlan(HAProxy, in, "certificates", "reset_unknown", "paths", "host_header", "balance", "cookie", "max_body", "respond")
	if err != nil {
		return "", err
	}
	t := &page{}
	p.head(t, productText{
		title: "HAProxy", versions: "HAProxy 2.4 and later", place: "/etc/haproxy/haproxy.cfg, in place of what is there",
		check: "haproxy -c -f /etc/haproxy/haproxy.cfg", combined: true,
	})
	t.line(`global
  # A phone holds a connection all day. Two files for each are needed.
  maxconn 8000
  # Negotiate and tickets make heads of up to 64 KB. The default, 16 KB, answers 400.
  tune.bufsize 131072`)
	least, most := p.versions()
	t.line("  ssl-default-bind-options ssl-min-ver TLSv%s ssl-max-ver TLSv%s", least, most)
	if p.old() {
		t.line("  # OpenSSL 3 speaks the old versions at this level only.\n  ssl-default-bind-ciphers DEFAULT@SECLEVEL=0")
	}
	t.line(`
defaults
  mode http
  timeout connect 10s
  timeout http-request 30s
  # Long polls are silent for up to 15 minutes. The values of most examples, 30 to 50 seconds, answer 504.
  timeout client %[2]s
  timeout server %[1]s
  timeout http-keep-alive %[2]s
  # A client that leaves frees its poll on the Front End.
  option abortonclose
  # A Front End connection belongs to one client: NTLM signs the connection in.
  http-reuse never
  # Another Front End is tried at once when one refuses the connection.
  option redispatch 1
  option forwardfor`, duration(p.response), duration(p.idle))
	for _, scheme := range p.schemes() {
		p.haproxyFrontend(t, scheme)
	}
	for _, scheme := range p.schemes() {
		for _, r := range p.routes(scheme) {
			if err := p.haproxyBackend(t, r); err != nil {
				return "", err
			}
		}
	}
	refusal := func(status int) string {
		if p.ResetUnknown {
			return "http-request reject"
		}
		return fmt.Sprintf("http-request return status %d", status)
	}
	t.line("\n# A name that is not published.\nbackend not-published\n  %s", refusal(421))
	if anyPaths(append(p.routes(https), p.routes(http)...)) {
		t.line("\n# A path that is not published.\nbackend no-such-path\n  %s", refusal(404))
	}
	return t.String(), nil
}

func (p *plan) haproxyFrontend(t *page, scheme string) {
	t.line("\nfrontend lync-%s", scheme)
	if p.ResetUnknown {
		t.line("  # Rejected connections end with a reset.\n  option nolinger")
	}
	if scheme == https {
		t.line("  # HTTP/1.1 only: connection-bound authentication cannot live on HTTP/2.")
	}
	for _, l := range p.listeners(scheme) {
		words := ""
		if l.tls {
			words = " ssl"
			for _, f := range p.files.Certificates[:len(p.Certificates)] {
				words += " crt " + f.Combined
			}
			words += " alpn http/1.1"
		}
		t.line("  bind %s%s", l.at, words)
	}
	routes := p.routes(scheme)
	for _, r := range routes {
		t.line("  # %s", r.Name)
		for _, h := range r.Hosts {
			t.line("  acl %s-host %s", r.id, haproxyHost(h))
		}
		condition := r.id + "-host"
		if len(r.Paths) > 0 {
			flag := " -i"
			if r.CaseSensitive {
				flag = ""
			}
			t.line("  acl %s-path path,url_dec -m reg%s '%s'", r.id, flag, pathPattern(r, "(?:/|$)"))
			condition += " " + r.id + "-path"
		}
		t.line("  use_backend %s if %s", r.id, condition)
	}
	for _, r := range routes {
		if len(r.Paths) > 0 {
			t.line("  use_backend no-such-path if %s-host", r.id)
		}
	}
	t.line("  default_backend not-published")
}

// haproxyHost is the condition for one published name, with or without a port behind it.
func haproxyHost(h string) string {
	h = hostKey(h)
	switch {
	case h == "*":
		return "always_true"
	case strings.HasPrefix(h, "*"):
		return "req.hdr(host),field(1,:) -i -m end " + h[1:]
	}
	return "req.hdr(host),field(1,:) -i " + h
}

func (p *plan) haproxyBackend(t *page, r route) error {
	t.line("\n# %s\nbackend %s", r.Name, r.id)
	if r.Respond != nil {
		haproxyRespond(t, r.Respond)
		return nil
	}
	if r.MaxBody > 0 {
		t.line("  http-request deny deny_status 413 if { req.hdr(content-length) -m int gt %d }", r.MaxBody)
	}
	host, ok := hostToSend(r)
	if !ok {
		return p.cannotRule(r, "host_header", "all web servers of a rule are sent the same Host")
	}
	if host != "" {
		t.line("  http-request set-header Host %s", host)
	}
	byCookie := r.Balance == "cookie" && len(r.servers) > 1
	switch {
	case byCookie:
		c := cookieOf(r)
		words := ""
		if c.HTTPOnly {
			words += " httponly"
		}
		if c.MaxAge > 0 {
			words += fmt.Sprintf(` attr "Max-Age=%d"`, seconds(c.MaxAge))
		}
		t.line("  # Sessions of Lync 2010's mobility live on one Front End: a cookie leads the client back to it.")
		t.line("  balance roundrobin\n  cookie %s insert indirect nocache%s", c.Name, words)
	case r.Balance == "source" && len(r.servers) > 1:
		t.line("  balance source\n  hash-type consistent")
	default:
		if len(r.servers) > 1 {
			t.line("  # lyncpin: ignore HAP-70 from Lync 2013 on, a Front End passes requests on to the one that has the session")
		}
		t.line("  balance roundrobin")
	}
	if err := p.needsName(r); err != nil {
		return err
	}
	t.WriteString(flip(r, "  #"))
	if slices.ContainsFunc(r.servers, verifies) {
		t.line("  # Without sni and verifyhost any certificate of the same root would do.")
	}
	used := map[string]bool{}
	for _, w := range r.servers {
		name := slug(w.Alias)
		for used[name] {
			name += "-x"
		}
		used[name] = true
		words := haproxyTLS(p, w)
		if len(r.servers) > 1 { // alone it is asked in any case
			words += " check inter 10s"
			if name := serverName(w); name != "" && w.Scheme == https {
				words += " check-sni " + name
			}
		}
		if byCookie {
			words += " cookie " + name
		}
		t.line("  server %s %s%s", name, endpoint(w), words)
	}
	return nil
}

// haproxyTLS is what a web server's line says about TLS.
func haproxyTLS(p *plan, w *topology.WebServer) string {
	if w.Scheme != https {
		return ""
	}
	words := " ssl ssl-min-ver TLSv1.2 alpn http/1.1"
	name := serverName(w)
	if name != "" {
		words += " sni str(" + name + ")"
	}
	if !verifies(w) {
		return words + " verify none"
	}
	return words + " verify required ca-file " + p.files.Roots[w.Verify] + " verifyhost " + name
}

func haproxyRespond(t *page, a *topology.Response) {
	status := cmp.Or(a.Status, 200)
	contentType, headers := "text/html", ""
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		value := strings.ReplaceAll(a.Header[name], "%", "%%")
		value = fill(value, "%[req.hdr(host),field(1,:)]", "%[pathq]")
		if strings.EqualFold(name, "Content-Type") {
			contentType = a.Header[name]
			continue
		}
		headers += fmt.Sprintf(` hdr %s "%s"`, name, value)
	}
	body := ""
	if a.Body != "" {
		body = fmt.Sprintf(` content-type "%s" string "%s"`, contentType, strings.ReplaceAll(a.Body, "\n", `\n`))
	}
	t.line("  http-request return status %d%s%s", status, body, headers)
}
