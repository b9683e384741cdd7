package export

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lyncpin/internal/topology"
)

func writeNginx(in Input) (string, error) {
	p, err := newPlan(Nginx, in, "certificates", "reset_unknown", "paths", "host_header", "balance", "cookie", "max_body", "respond")
	if err != nil {
		return "", err
	}
	t := &page{}
	p.head(t, productText{
		title: "nginx", versions: "nginx 1.18 and later, open source", place: "/etc/nginx/nginx.conf, in place of what is there",
		check: "nginx -t",
		limits: []string{
			"keep a connection to the Front End for one client, which NTLM and Negotiate need: sign-in with Windows",
			"credentials fails, other ways work. nginx-stream, HAProxy and Squid can.",
		},
	})
	t.line(`worker_processes auto;
# Files for the connections below, two for each request.
worker_rlimit_nofile 20000;

events {
  # A phone holds a connection here and one to the Front End all day. The default, 512, is enough for 250 phones.
  worker_connections 8192;
}

http {`)
	if err := p.nginxHTTP(t, p.schemes()); err != nil {
		return "", err
	}
	t.line("}")
	return t.String(), nil
}

// nginxHTTP writes what stands inside of http {}, for the listeners of some schemes.
func (p *plan) nginxHTTP(t *page, schemes []string) error {
	t.line(`  server_tokens off;

  # Negotiate and tickets make heads of up to 64 KB. The default, 8 KB, answers 400.
  large_client_header_buffers 4 64k;
  # Meeting content is uploaded in one piece. The default, 1 MB, answers 413.
  client_max_body_size 0;

  # Long polls are silent for up to 15 minutes. The default, 60 seconds, answers 504.
  proxy_read_timeout %[1]s;
  proxy_send_timeout %[2]s;
  send_timeout %[2]s;
  client_body_timeout %[2]s;
  keepalive_timeout %[2]s;
  # A Front End that is off is passed over soon.
  proxy_connect_timeout 10s;
  # A request is repeated only when a connection failed: a silent one may be a poll, or be done twice.
  proxy_next_upstream error;

  # HTTP/1.0, the default, has no chunked answers.
  proxy_http_version 1.1;
  # No connection to a Front End is kept for another request: NTLM signs the connection in, and the next client would
  # go on as that user. Where nobody uses Windows credentials: "" here, and keepalive 64; in each upstream.
  proxy_set_header Connection close;
  # The Front End chooses site and links by the name that the client asked for.
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  # Locations are right as the Front End writes them.
  proxy_redirect off;

  # News must pass at once, in answers that do not end, and uploads too.
  proxy_buffering off;
  proxy_request_buffering off;
  # The head of an answer must fit, offers and cookies included. The default, 4 KB, answers 502.
  proxy_buffer_size 64k;
  proxy_buffers 4 64k;`, duration(p.response), duration(p.idle))
	if p.reencrypts(schemes) {
		t.line(`
  # The default takes any certificate, sends no name, and looks no further than one intermediate.
  proxy_ssl_server_name on;
  proxy_ssl_verify_depth 3;
  proxy_ssl_protocols TLSv1.2 TLSv1.3;`)
	}
	if slices.Contains(schemes, https) {
		p.nginxListenerTLS(t, "  ")
	}
	if p.ResetUnknown {
		t.line(`
  # What is not published is answered with a reset: 444 below.
  reset_timedout_connection on;`)
	}
	for _, scheme := range schemes {
		routes := p.routes(scheme)
		for _, r := range routes {
			if err := p.nginxUpstream(t, r); err != nil {
				return err
			}
		}
	}
	for _, scheme := range schemes {
		if err := p.nginxServers(t, scheme); err != nil {
			return err
		}
	}
	return nil
}

// reencrypts tells whether requests to listeners of the schemes go on with TLS.
func (p *plan) reencrypts(schemes []string) bool {
	for _, scheme := range schemes {
		for _, r := range p.routes(scheme) {
			if slices.ContainsFunc(r.servers, func(w *topology.WebServer) bool { return w.Scheme == https }) {
				return true
			}
		}
	}
	return false
}

// nginxListenerTLS writes what the HTTPS listeners have in common.
func (p *plan) nginxListenerTLS(t *page, indent string) {
	t.line("\n%[1]s# No http2 at the listeners: connection-bound authentication cannot live on it.\n%[1]sssl_protocols %[2]s;\n%[1]sssl_session_cache shared:tls:10m;",
		indent, p.tlsNames([4]string{"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}))
	if p.old() {
		t.line("%[1]s# OpenSSL 3 speaks the old versions at this level only.\n%[1]sssl_ciphers DEFAULT@SECLEVEL=0;", indent)
	}
}

// nginxUpstream writes the web servers of a route.
func (p *plan) nginxUpstream(t *page, r route) error {
	if r.Respond != nil {
		return nil
	}
	if err := p.uniform(r); err != nil {
		return err
	}
	t.line("\n  # %s", r.Name)
	if r.Balance == "cookie" && len(r.servers) > 1 {
		p.nginxCookie(t, r)
	}
	t.line("  upstream %s {", r.id)
	if len(r.servers) > 1 {
		switch r.Balance {
		case "source":
			t.line("    hash $remote_addr consistent;")
		case "cookie":
			t.line("    hash $%s consistent;", variable(r, "affinity"))
		}
	}
	for _, w := range r.servers {
		t.line("    server %s;", endpoint(w))
	}
	t.line("  }")
	return nil
}

// variable is a name for a value of a route.
func variable(r route, what string) string { return strings.ReplaceAll(r.id, "-", "_") + "_" + what }

// nginxCookie writes the two values that keep a client at its Front End: what it said, and what it is told.
func (p *plan) nginxCookie(t *page, r route) {
	c := cookieOf(r)
	said := fmt.Sprintf(`"~(?:^|; *)%s=(?<%s>[0-9a-f]+)"`, c.Name, variable(r, "said"))
	t.line(`  # Sessions of Lync 2010's mobility live on one Front End: a cookie leads the client back to it.
  map $http_cookie $%s {
    default $request_id;
    %s $%s;
  }
  map $http_cookie $%s {
    default "%s=$request_id%s";
    %s "";
  }`, variable(r, "affinity"), said, variable(r, "said"), variable(r, "cookie"), c.Name, c.attributes(), strings.Replace(said, variable(r, "said"), variable(r, "known"), 1))
}

// nginxServers writes a server for each site, and one for what is not published.
func (p *plan) nginxServers(t *page, scheme string) error {
	sites := p.sites(scheme)
	hasDefault := slices.ContainsFunc(sites, func(s site) bool { return slices.Contains(s.hosts, "*") })
	if !hasDefault {
		t.line("\n  # Names that are not published go nowhere; without this server the first of the others would take them.")
		t.line("  server {")
		p.nginxListen(t, scheme, true, 0)
		t.line("    return %s;\n  }", p.nginxRefusal("421"))
	}
	for _, s := range sites {
		t.line("\n  server {")
		if slices.Contains(s.hosts, "*") {
			p.nginxListen(t, scheme, true, s.certificate)
		} else {
			p.nginxListen(t, scheme, false, s.certificate)
			t.line("    server_name %s;", strings.Join(s.hosts, "\n                "))
		}
		for _, r := range s.routes {
			if err := p.nginxLocation(t, r); err != nil {
				return err
			}
		}
		switch {
		case len(s.routes) == 0:
			t.line("    return %s;", p.nginxRefusal("421"))
		case !s.whole():
			t.line("\n    location / {\n      return %s;\n    }", p.nginxRefusal("404"))
		}
		t.line("  }")
	}
	return nil
}

// nginxRefusal is how a request that is not published is answered.
func (p *plan) nginxRefusal(status string) string {
	if p.ResetUnknown {
		return "444"
	}
	return status
}

func (p *plan) nginxListen(t *page, scheme string, first bool, certificate int) {
	for _, l := range p.listeners(scheme) {
		words := l.at.String()
		if l.tls {
			words += " ssl"
		}
		if first {
			words += " default_server"
		}
		t.line("    listen %s;", words)
	}
	if scheme == https {
		f := p.files.Certificates[certificate]
		t.line("    ssl_certificate %s;\n    ssl_certificate_key %s;", f.FullChain, f.Key)
	}
}

func (p *plan) nginxLocation(t *page, r route) error {
	match := "/"
	if len(r.Paths) > 0 {
		operator := "~*"
		if r.CaseSensitive {
			operator = "~"
		}
		match = fmt.Sprintf("%s %q", operator, pathPattern(r, "(?:/|$)"))
		match = strings.ReplaceAll(match, `\\`, `\`)
	}
	t.line("\n    location %s {", match)
	defer t.line("    }")
	if r.MaxBody > 0 {
		t.line("      client_max_body_size %d;", r.MaxBody)
	}
	if r.Respond != nil {
		return p.nginxRespond(t, r)
	}
	if r.Balance == "cookie" && len(r.servers) > 1 {
		t.line("      add_header Set-Cookie $%s always;", variable(r, "cookie"))
	}
	host, ok := hostToSend(r)
	if !ok {
		return p.cannotRule(r, "host_header", "all web servers of a rule are sent the same Host")
	}
	if host != "" {
		t.line(`      proxy_set_header Connection close;
      proxy_set_header Host %s;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;`, host)
	}
	w := r.servers[0]
	if name := commonName(r); name != "" && w.Scheme == https {
		if len(r.servers) > 1 {
			t.line("      # One name for all of them: it must be in the certificate of each.")
		}
		t.line("      proxy_ssl_name %s;", name)
	}
	if verifies(w) {
		if err := p.needsName(r); err != nil {
			return err
		}
		t.line("      proxy_ssl_verify on;\n      proxy_ssl_trusted_certificate %s;", p.files.Roots[w.Verify])
	}
	t.line("%s      proxy_pass %s://%s;", flip(r, "      #"), w.Scheme, r.id)
	return nil
}

// flip is the comment at what leads to the external web site; empty for other ports.
func flip(r route, mark string) string {
	switch r.servers[0].Port {
	case 4443:
		return mark + " 4443 is the external web site. On 443 the internal one would answer, with internal links.\n"
	case 8080:
		return mark + " 8080 is the external web site. On 80 the internal one would answer, with internal links.\n"
	}
	return ""
}

func (p *plan) nginxRespond(t *page, r route) error {
	a := r.Respond
	status := cmp.Or(a.Status, 200)
	location := ""
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		value := fill(a.Header[name], "$host", "$request_uri")
		switch {
		case strings.EqualFold(name, "Location") && status >= 300 && status < 400:
			location = value
		case strings.EqualFold(name, "Content-Type"):
			t.line("      default_type \"%s\";", value)
		default:
			t.line("      add_header %s \"%s\" always;", name, value)
		}
	}
	switch {
	case location != "":
		t.line("      return %d \"%s\";", status, location)
	case a.Body != "":
		t.line("      return %d \"%s\";", status, a.Body)
	default:
		t.line("      return %d;", status)
	}
	return nil
}

// affinity is a cookie as a product writes it.
type affinity struct{ topology.Cookie }

// cookieOf is the cookie of a route that balances by one.
func cookieOf(r route) affinity {
	var c affinity
	if r.Cookie != nil {
		c.Cookie = *r.Cookie
	}
	if c.Name == "" {
		c.Name = "MS-WSMAN"
	}
	return c
}

// attributes are what follows the value in Set-Cookie.
func (c affinity) attributes() string {
	out := "; Path=/"
	if c.MaxAge > 0 {
		out += fmt.Sprintf("; Max-Age=%d", seconds(c.MaxAge))
	}
	if c.HTTPOnly {
		out += "; HttpOnly"
	}
	return out
}
