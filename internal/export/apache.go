package export

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// apacheModules are what the configuration needs, and packages of Debian have as files.
var apacheModules = []string{"mpm_event", "authz_core", "env", "headers", "rewrite", "proxy", "proxy_http", "slotmem_shm",
	"proxy_balancer", "lbmethod_byrequests", "ssl", "socache_shmcb"}

func writeApache(in Input) (string, error) {
	p, err := newPlan(Apache, in, "certificates", "paths", "host_header", "cookie", "max_body", "respond")
	if err != nil {
		return "", err
	}
	t := &page{}
	p.head(t, productText{
		title: "Apache httpd", versions: "Apache httpd 2.4.39 and later",
		place: "/etc/apache2/apache2.conf, in place of what is there; or /etc/apache2/sites-enabled/lync.conf, with ports.conf empty",
		check: "apache2ctl -t",
		limits: []string{
			"keep a connection to the Front End for one client, which NTLM and Negotiate need: sign-in with Windows",
			"credentials fails, other ways work. HAProxy and Squid can. Nor does it notice that a client has left before",
			"the poll it waited for ends.",
		},
	})
	t.line(`# Modules that are not loaded yet.
<IfDefine !LYNC_MODULES>
  Define LYNC_MODULES /usr/lib/apache2/modules
</IfDefine>`)
	for _, m := range apacheModules {
		t.line("<IfModule !%[1]s_module>\n  LoadModule %[1]s_module ${LYNC_MODULES}/mod_%[1]s.so\n</IfModule>", m)
	}
	t.line(`
User www-data
Group www-data
ErrorLog /var/log/apache2/error.log
ServerName %[1]s
ServerTokens Prod
TraceEnable Off

# Each phone that waits for news holds one of these threads all day. Debian's 150 are used up by 150 phones, and then
# nobody gets an answer.
<IfModule mpm_event_module>
  ServerLimit 16
  StartServers 1
  ThreadLimit 250
  ThreadsPerChild 250
  MinSpareThreads 75
  MaxSpareThreads 750
  MaxRequestWorkers 4000
</IfModule>

# Long polls are silent for up to 15 minutes. The default, 60 seconds, answers 502.
Timeout %[2]d
ProxyTimeout %[3]d
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout %[2]d
# Uploads may be slow.
<IfModule reqtimeout_module>
  RequestReadTimeout header=40 body=0
</IfModule>

# Negotiate and tickets make heads of up to 64 KB. The default, 8 KB, answers 400.
LimitRequestFieldSize 65536
LimitRequestLine 65536
# Meeting content is uploaded in one piece.
LimitRequestBody 0
# Uploads pass as they come.
SetEnv proxy-sendchunked 1
# HTTP/1.1 only: connection-bound authentication cannot live on HTTP/2.
Protocols http/1.1
`, p.apacheServerName(), seconds(p.idle), seconds(p.response))
	for _, scheme := range p.schemes() {
		for _, l := range p.listeners(scheme) {
			t.line("Listen %s", apacheListen(l.at, ""))
		}
	}
	if len(p.listeners(https)) > 0 {
		t.line("\nSSLSessionCache shmcb:lync-tls(512000)\nSSLProtocol -all %s", p.tlsNames([4]string{"+TLSv1", "+TLSv1.1", "+TLSv1.2", "+TLSv1.3"}))
		if p.old() {
			t.line("# OpenSSL 3 speaks the old versions at this level only.\nSSLCipherSuite DEFAULT@SECLEVEL=0")
		}
	}
	for _, scheme := range p.schemes() {
		for _, r := range p.routes(scheme) {
			if err := p.apacheBalancer(t, r); err != nil {
				return "", err
			}
		}
	}
	for _, scheme := range p.schemes() {
		if err := p.apacheHosts(t, scheme); err != nil {
			return "", err
		}
	}
	return t.String(), nil
}

// apacheServerName is what the server calls itself where no host fits.
func (p *plan) apacheServerName() string {
	for i := range p.Rules {
		for _, h := range p.Rules[i].Hosts {
			if !strings.HasPrefix(h, "*") {
				return hostKey(h)
			}
		}
	}
	return "localhost"
}

// apacheListen is an address and port; every is the word for all addresses.
func apacheListen(at netip.AddrPort, every string) string {
	if at.Addr().IsUnspecified() {
		return fmt.Sprintf("%s%d", every, at.Port())
	}
	return at.String()
}

// apacheBalancer writes the web servers of a route.
func (p *plan) apacheBalancer(t *page, r route) error {
	if r.Respond != nil {
		return nil
	}
	t.line("\n# %s", r.Name)
	t.line("# retry=0: a web server that failed once would be left alone for a minute, with 503 for everybody.")
	t.line("# disablereuse: NTLM signs a connection in, and the next client would go on as that user.")
	t.WriteString(flip(r, "#"))
	t.line("<Proxy balancer://%s>", r.id)
	byCookie := r.Balance == "cookie" && len(r.servers) > 1
	for i, w := range r.servers {
		words := ""
		if byCookie {
			words = fmt.Sprintf(" route=%d", i+1)
		}
		t.line("  BalancerMember %s://%s%s connectiontimeout=10 retry=0 disablereuse=on responsefieldsize=65536", w.Scheme, endpoint(w), words)
	}
	if byCookie {
		t.line("  # Sessions of Lync 2010's mobility live on one Front End: a cookie leads the client back to it.")
		t.line("  ProxySet stickysession=%s", cookieOf(r).Name)
	}
	t.line("</Proxy>")
	return nil
}

// apacheHosts writes a virtual host for each site, and first the one for what is not published: the first takes what
// fits no other.
func (p *plan) apacheHosts(t *page, scheme string) error {
	var at []string
	for _, l := range p.listeners(scheme) {
		at = append(at, apacheListen(l.at, "*:"))
	}
	open := func(certificate int) {
		t.line("<VirtualHost %s>", strings.Join(at, " "))
		if scheme == https {
			f := p.files.Certificates[certificate]
			t.line("  SSLEngine On\n  SSLCertificateFile %s\n  SSLCertificateKeyFile %s", f.FullChain, f.Key)
		}
	}
	t.line("\n# Names that are not published go nowhere; without this host the first of the others would take them.")
	open(0)
	t.line("  ServerName not-published.invalid\n  RewriteEngine On\n  RewriteRule ^ - [R=421,L]\n</VirtualHost>")
	for _, s := range p.sites(scheme) {
		t.line("")
		open(s.certificate)
		for i, h := range s.hosts {
			switch {
			case i == 0 && !strings.HasPrefix(h, "*"):
				t.line("  ServerName %s", h)
			case i == 0:
				t.line("  ServerName wildcard.invalid\n  ServerAlias %s", h)
			default:
				t.line("  ServerAlias %s", h)
			}
		}
		if err := p.apacheSite(t, s); err != nil {
			return err
		}
		t.line("</VirtualHost>")
	}
	return nil
}

// apacheSite writes the inside of a virtual host.
func (p *plan) apacheSite(t *page, s site) error {
	t.line("  # The Front End gets paths as they came, encoded slashes included.\n  AllowEncodedSlashes NoDecode")
	proxied := slices.DeleteFunc(slices.Clone(s.routes), func(r route) bool { return r.Respond != nil })
	if err := p.apacheRewrites(t, s); err != nil {
		return err
	}
	if len(proxied) == 0 {
		return nil
	}
	if err := p.apacheTLS(t, proxied); err != nil {
		return err
	}
	t.line("  # The Front End chooses site and links by the name that the client asked for.")
	host, ok := hostToSend(proxied[0])
	for _, r := range proxied {
		if other, same := hostToSend(r); !ok || !same || other != host {
			return p.cannotRule(r, "host_header", "all rules for one host name send the same Host")
		}
	}
	t.line("  ProxyPreserveHost On")
	if host != "" {
		t.line("  RequestHeader set Host %s", host)
	}
	for _, r := range proxied {
		if r.Balance == "cookie" && len(r.servers) > 1 {
			c := cookieOf(r)
			t.line(`  Header add Set-Cookie "%s=.%%{BALANCER_WORKER_ROUTE}e%s" env=BALANCER_ROUTE_CHANGED`, c.Name, c.attributes())
		}
	}
	for _, r := range proxied {
		if len(r.Paths) == 0 {
			t.line("  ProxyPass / balancer://%s/ nocanon", r.id)
			continue
		}
		t.line("  ProxyPassMatch \"%s\" balancer://%s$0 nocanon", apachePaths(r, "(?:[/?].*)?", ".*")+"$", r.id)
	}
	return nil
}

// apachePaths is the pattern of a route's paths; end and rest are what may follow whole prefixes and others.
func apachePaths(r route, end, rest string) string {
	flag := "(?i)"
	if r.CaseSensitive {
		flag = ""
	}
	var parts []string
	for _, path := range r.Paths {
		one := r
		rule := *r.Rule
		rule.Paths = []string{path}
		one.Rule = &rule
		tail := rest
		if !strings.HasSuffix(path, "*") && !strings.HasSuffix(path, "/") {
			tail = ""
		}
		parts = append(parts, strings.TrimPrefix(pathPattern(one, end), "^")+tail)
	}
	return flag + "^(?:" + strings.Join(parts, "|") + ")"
}

// apacheRewrites writes what is answered without a web server: responses of rules, and paths that are not published.
func (p *plan) apacheRewrites(t *page, s site) error {
	var before []string // conditions that no earlier route fits
	started := false
	rule := func(conditions []string, line string) {
		if !started {
			t.line("  RewriteEngine On")
			started = true
		}
		for _, c := range conditions {
			t.line("  RewriteCond %s", c)
		}
		t.line("  RewriteRule %s", line)
	}
	for _, r := range s.routes {
		pattern := "^"
		if len(r.Paths) > 0 {
			pattern = apachePaths(r, "(?:/|$)", "")
		}
		if r.Respond != nil {
			if err := p.apacheRespond(r, pattern, before, rule); err != nil {
				return err
			}
		}
		if r.MaxBody > 0 { // LimitRequestBody is not for requests that go on to a web server
			rule(append(slices.Clone(before), fmt.Sprintf("%%{HTTP:Content-Length} -gt%d", r.MaxBody)), fmt.Sprintf(`"%s" - [R=413,L]`, pattern))
		}
		before = append(before, fmt.Sprintf(`%%{REQUEST_URI} "!%s"`, pattern))
	}
	switch {
	case len(s.routes) == 0:
		rule(nil, "^ - [R=421,L]")
	case !s.whole():
		rule(before, "^ - [R=404,L]")
	}
	return nil
}

// apacheRespond writes a route's own answer.
func (p *plan) apacheRespond(r route, pattern string, before []string, rule func([]string, string)) error {
	a := r.Respond
	names := slices.Collect(maps.Keys(a.Header))
	switch {
	case a.Status >= 300 && a.Status < 400 && a.Body == "" && len(names) == 1 && strings.EqualFold(names[0], "Location"):
		location := a.Header[names[0]]
		if strings.Contains(location, "%") {
			return p.cannotRule(r, "respond", "a percent sign means something in a redirection")
		}
		conditions := append(slices.Clone(before), `%{THE_REQUEST} "^\S+ (/[^?\s]*)"`)
		rule(conditions, fmt.Sprintf(`"%s" "%s" [R=%d,NE,L]`, pattern, fill(location, "%{SERVER_NAME}", "%1"), a.Status))
	case a.Status >= 400 && a.Body == "" && len(names) == 0:
		rule(before, fmt.Sprintf(`"%s" - [R=%d,L]`, pattern, a.Status))
	default:
		return p.cannotRule(r, "respond", "only redirections and refusals without text are possible")
	}
	return nil
}

// apacheTLS writes how the web servers of a site are spoken to.
func (p *plan) apacheTLS(t *page, routes []route) error {
	verify := ""
	for _, r := range routes {
		for _, w := range r.servers {
			if w.Scheme != https {
				continue
			}
			word := "none"
			if verifies(w) {
				word = w.Verify
			}
			if verify != "" && verify != word {
				return p.cannot(fmt.Sprintf("web_servers[%s].verify", w.Alias), "the web servers of a host name are verified alike")
			}
			verify = word
		}
	}
	if verify == "" {
		return nil
	}
	t.line("  SSLProxyEngine On\n  SSLProxyProtocol -all +TLSv1.2 +TLSv1.3")
	if verify == "none" {
		t.line("  SSLProxyVerify none\n  SSLProxyCheckPeerName Off\n  SSLProxyCheckPeerCN Off\n  SSLProxyCheckPeerExpire Off")
		return nil
	}
	t.line(`  # The name that the client asked for is sent as SNI, and must be in the web server's certificate, as Lync wants it
  # anyway. Where it is not: SSLProxyCheckPeerName Off, and the root is all that is verified.
  SSLProxyVerify require
  SSLProxyVerifyDepth 3
  SSLProxyCheckPeerName On
  SSLProxyCACertificateFile %s`, p.files.Roots[verify])
	return nil
}
