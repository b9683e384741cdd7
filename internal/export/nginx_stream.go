package export

import (
	"fmt"
	"slices"
	"strings"
)

func writeNginxStream(in Input) (string, error) {
	p, err := newPlan(NginxStream, in, "reset_unknown", "paths", "host_header", "balance", "cookie", "max_body", "respond")
	if err != nil {
		return "", err
	}
	var routes []route
	if len(p.listeners(https)) > 0 {
		routes = p.routes(https)
	}
	for _, r := range routes {
		if err := p.streamable(r, routes[0]); err != nil {
			return "", err
		}
	}
	t := &page{}
	p.head(t, productText{
		title: "nginx, which takes TLS off and puts it on without looking at requests,", versions: "nginx 1.21.4 and later, open source",
		place: "/etc/nginx/nginx.conf, in place of what is there", check: "nginx -t",
		limits: []string{
			"publish paths, change requests, or tell the Front End the address of the client, on port 443. A client keeps",
			"its connection to one Front End, so that NTLM and Negotiate pass.",
		},
	})
	t.line(`# Debian and Ubuntu: libnginx-mod-stream. Leave the line out where nginx -V says --with-stream without "=dynamic".
load_module /usr/lib/nginx/modules/ngx_stream_module.so;

worker_processes auto;
# Files for the connections below, two for each client.
worker_rlimit_nofile 20000;

events {
  # A phone holds a connection here and one to the Front End all day. The default, 512, is enough for 250 phones.
  worker_connections 8192;
}`)
	if len(p.listeners(https)) > 0 {
		p.streamTLS(t, routes)
	}
	if len(p.listeners(http)) > 0 {
		t.line("\nhttp {")
		if err := p.nginxHTTP(t, []string{http}); err != nil {
			return "", err
		}
		t.line("}")
	}
	return t.String(), nil
}

// streamable reports what needs a look at requests. All web servers behind TLS are spoken to like those of first.
func (p *plan) streamable(r, first route) error {
	const blind = "requests within TLS are not looked at"
	for _, f := range p.fields() {
		if f.set && f.rule == r.Name && f.word != "balance" && (f.word != "cookie" || r.Cookie != nil) {
			return p.cannot(f.at(), blind)
		}
	}
	if err := p.uniform(r); err != nil {
		return err
	}
	if err := p.needsName(r); err != nil {
		return err
	}
	w, v := r.servers[0], first.servers[0]
	if w.Scheme != https {
		return p.cannotRule(r, "web_servers", "what comes in with TLS goes on with TLS")
	}
	if verifies(w) != verifies(v) || verifies(w) && w.Verify != v.Verify {
		return p.cannot(fmt.Sprintf("web_servers[%s].verify", w.Alias), "all web servers are verified alike")
	}
	return nil
}

// streamTLS writes stream {}: the name that a client asks for in its TLS handshake decides.
func (p *plan) streamTLS(t *page, routes []route) {
	chosen := func(variable, comment string, value func(route) string) {
		t.line("  # %s\n  map $ssl_server_name $%s {", comment, variable)
		if slices.ContainsFunc(routes, func(r route) bool {
			return slices.ContainsFunc(r.Hosts, func(h string) bool { return strings.HasPrefix(h, "*.") })
		}) {
			t.line("    hostnames;")
		}
		used := map[string]bool{}
		if none := value(routes[0]); none != "" {
			t.line(`    "" %s;`, none)
		}
		for _, r := range routes {
			for _, h := range r.Hosts {
				h = hostKey(h)
				if used[h] || value(r) == "" {
					continue
				}
				used[h] = true
				if h == "*" {
					h = "default"
				}
				t.line("    %s %s;", h, value(r))
			}
		}
		t.line("  }")
	}
	t.line("\nstream {")
	chosen("lync_servers", "Where a name leads. Old desk phones ask for none; a client that asks for another one is cut off.", func(r route) string { return r.id })
	chosen("lync_name", "The name that the web server's certificate must carry.", func(r route) string { return commonName(r) })
	for _, r := range routes {
		t.line("\n  # %s", r.Name)
		t.WriteString(flip(r, "  #"))
		t.line("  upstream %s {", r.id)
		if bySource(r) && len(r.servers) > 1 {
			t.line("    # A client stays at a Front End by its address: cookies are within TLS.")
			t.line("    hash $remote_addr consistent;")
		}
		for _, w := range r.servers {
			t.line("    server %s;", endpoint(w))
		}
		t.line("  }")
	}
	p.nginxListenerTLS(t, "  ")
	t.line("\n  server {")
	p.nginxListen(t, https, false, 0)
	t.line(`    proxy_pass $lync_servers;
    # Long polls are silent for up to 15 minutes. The default is 10 minutes.
    proxy_timeout %s;
    # A Front End that is off is passed over soon.
    proxy_connect_timeout 10s;

    # The default takes any certificate, sends no name, and looks no further than one intermediate.
    proxy_ssl on;
    proxy_ssl_server_name on;
    proxy_ssl_name $lync_name;
    proxy_ssl_protocols TLSv1.2 TLSv1.3;`, duration(max(p.response, p.idle)))
	if w := routes[0].servers[0]; verifies(w) {
		t.line("    proxy_ssl_verify on;\n    proxy_ssl_verify_depth 3;\n    proxy_ssl_trusted_certificate %s;", p.files.Roots[w.Verify])
	}
	t.line("  }\n}")
}
