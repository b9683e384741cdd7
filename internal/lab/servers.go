package lab

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"lyncpin/dns"
	"lyncpin/fakelync"
	"lyncpin/internal/pki"
	"lyncpin/internal/topology"
	"lyncpin/probe"
	"lyncpin/proxy"
)

// Names of the name server's views.
const (
	externalView = "external"
	internalView = "internal"
)

func hostPort(addr netip.Addr, port int) string {
	return netip.AddrPortFrom(addr, uint16(port)).String()
}

func (l *Lab) startDNS(ctx context.Context) error {
	srv, err := dns.Start(ctx, dns.Config{
		Views:        []dns.View{l.view(externalView, &l.top.External), l.view(internalView, &l.top.Internal)},
		Listen:       l.net.Listen,
		ListenPacket: l.net.ListenPacket,
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.dns = srv
	l.mu.Unlock()
	l.keep(srv)
	return nil
}

// everybody are the clients of a view that nobody outside this machine can reach.
var everybody = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

func (l *Lab) view(name string, v *topology.View) dns.View {
	out := dns.View{Name: name, Addrs: []string{hostPort(v.Resolver, 53)}}
	if l.opts.Bind != Plan {
		out.Clients = everybody // whatever addresses the plan's clients have
	}
	text := map[string]string{} // one text for a zone is read in a fraction of the time of its records one by one
	for _, r := range v.Records {
		if zone, ok := zoneOf(v.Zones, r.Name); ok {
			text[zone] += recordText(r) + "\n"
		}
	}
	for _, z := range v.Zones {
		out.Zones = append(out.Zones, dns.Zone{Name: z, Text: text[z]})
	}
	for _, a := range v.Answers {
		out.Behaviours = append(out.Behaviours, dns.Behaviour{Name: a.Name, RCode: a.RCode, Delay: a.Delay, Drop: a.Drop})
	}
	return out
}

// zoneOf is the zone with the longest name that holds name.
func zoneOf(zones []string, name string) (string, bool) {
	best, found := "", false
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for _, z := range zones {
		apex := strings.ToLower(strings.TrimSuffix(z, "."))
		if (name == apex || strings.HasSuffix(name, "."+apex)) && len(z) >= len(best) {
			best, found = z, true
		}
	}
	return best, found
}

// recordText is the record in zone-file form. Names in it are whole names, which zone files end with a dot.
func recordText(r topology.Record) string {
	value := r.Value
	switch strings.ToUpper(r.Type) {
	case "CNAME", "NS", "PTR", "DNAME", "MX", "SRV": // the name is the last word
		value = strings.TrimSuffix(value, ".") + "."
	}
	return strings.TrimSuffix(r.Name, ".") + ". " + r.Type + " " + value
}

func (l *Lab) startNode(ctx context.Context, p *topology.Pool, n *topology.Node) error {
	cfg := fakelync.Config{
		Product:            l.product(p),
		FQDN:               n.FQDN,
		SIPDomains:         l.top.SIPDomains,
		SimpleURLs:         l.simpleURLs(p),
		Redirects:          p.Redirects,
		Organisation:       l.directory,
		Pool:               p.Name,
		Isolated:           n.Isolated,
		NoTokenCertificate: p.NoTokenCertificate,
		NoAnonymous:        p.NoAnonymous,
		OldJoinLauncher:    p.OldJoinLauncher,
		AuthorizationURI:   p.AuthorizationURI,
		PassiveURI:         p.PassiveURI,
		Listen:             l.net.Listen,
		Log:                l.opts.Logger,
	}
	if n.ClockSkew != 0 {
		cfg.Now = func() time.Time { return time.Now().Add(n.ClockSkew) }
	}
	var err error
	if cfg.Internal, err = l.site(&p.Internal, n, "internal"); err != nil {
		return err
	}
	if cfg.External, err = l.site(&p.External, n, "external"); err != nil {
		return err
	}
	cfg.External.StoppedAppPools = append(cfg.External.StoppedAppPools, appPools(n.StoppedAppPools)...)
	srv, err := fakelync.Start(ctx, cfg)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.frontEnds[n.FQDN] = srv
	l.mu.Unlock()
	l.keep(srv)
	return nil
}

func (l *Lab) site(s *topology.Site, n *topology.Node, name string) (fakelync.Site, error) {
	out := fakelync.Site{
		WebFQDN:         s.WebFQDN,
		RequireSSL:      s.RequireSSL,
		StoppedAppPools: appPools(s.StoppedAppPools),
		MinTLS:          tlsVersion(s.MinTLS, tls.VersionTLS10),
		MaxTLS:          tlsVersion(s.MaxTLS, tls.VersionTLS13),

		FailedApps:         appPools(s.FailedApps),
		WebTicketHost:      s.WebTicketHost,
		WindowsAuth:        s.WindowsAuth,
		NTLM:               s.NTLM,
		ExtendedProtection: s.ExtendedProtection,
		Filtering:          fakelync.RequestFiltering{DenyVerbs: s.DenyVerbs, DenySequences: s.DenySequences, MaxBody: s.MaxBody},
	}
	for _, g := range s.Grants {
		out.Grants = append(out.Grants, grants[g])
	}
	if s.Certificate != nil {
		var err error
		if out.Certificate, err = l.issue(s.Certificate); err != nil {
			return out, err
		}
	}
	if slices.Contains(n.Stopped, name) {
		return out, nil
	}
	if s.HTTP != 0 {
		out.HTTP = hostPort(n.Address, s.HTTP)
	}
	if s.HTTPS != 0 {
		out.HTTPS = hostPort(n.Address, s.HTTPS)
	}
	return out, nil
}

// appPools are the names of virtual directories, which may be written as paths: "ucwa" or "/ucwa".
func appPools(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, strings.Trim(n, "/"))
	}
	return out
}

// simpleURLs tells what each simple URL of the pool is for: as the plan says, else as its first label does.
func (l *Lab) simpleURLs(p *topology.Pool) []fakelync.SimpleURL {
	var out []fakelync.SimpleURL
	for _, host := range p.SimpleURLs {
		kind := fakelync.Meet
		label, _, _ := strings.Cut(strings.ToLower(host), ".")
		switch {
		case slices.Contains(l.top.Plan.Meet, host):
		case slices.Contains(l.top.Plan.Dialin, host), label == "dialin":
			kind = fakelync.Dialin
		case label == "admin":
			kind = fakelync.Admin
		case label == "scheduler":
			kind = fakelync.Scheduler
		}
		out = append(out, fakelync.SimpleURL{Kind: kind, Host: host})
	}
	return out
}

func (l *Lab) issue(c *topology.Certificate) (tls.Certificate, error) {
	return issueFrom(l.authority, c)
}

func issueFrom(authority *pki.Authority, c *topology.Certificate) (tls.Certificate, error) {
	return authority.Issue(pki.Spec{
		CommonName: c.CommonName,
		Names:      c.Names,
		Issuer:     c.Issuer,
		Starts:     c.Starts,
		Ends:       c.Ends,
		Chain:      c.Chain,
		Usage:      c.Usage,
	})
}

func tlsVersion(s string, standard uint16) uint16 {
	switch s {
	case "1.0":
		return tls.VersionTLS10
	case "1.1":
		return tls.VersionTLS11
	case "1.2":
		return tls.VersionTLS12
	case "1.3":
		return tls.VersionTLS13
	}
	return standard
}

func (l *Lab) startProxy(ctx context.Context) error {
	cfg, err := l.proxyConfig()
	if err != nil {
		return err
	}
	srv, err := proxy.Start(ctx, cfg)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proxy = srv
	return nil
}

func (l *Lab) proxyConfig() (proxy.Config, error) {
	p := &l.top.Proxy
	cfg := proxy.Config{
		TLS: proxy.TLSOptions{
			Min:        tlsVersion(p.MinTLS, 0),
			Max:        tlsVersion(p.MaxTLS, 0),
			StrictSNI:  p.StrictSNI,
			ClientAuth: clientAuth[p.ClientCertificates],
			HTTP2:      p.HTTP2,
		},
		MaxHeader:     p.MaxHeader,
		ProxyProtocol: p.ProxyProtocol,
		Timeouts: proxy.Timeouts{
			Response: l.opts.scaled(p.ResponseTimeout),
			Idle:     l.opts.scaled(p.IdleTimeout),
			Lifetime: l.opts.scaled(p.Lifetime),
		},
		Unknown: proxy.Unknown{Reset: p.ResetUnknown},
		Grace:   -1, // nobody is left to wait for when a lab closes
		Log:     l.opts.Logger,
		Listen:  l.net.Listen,
		Dial:    l.dialFromProxy(),
	}
	for _, a := range p.Addresses {
		if p.HTTPS != 0 {
			if p.PlainHTTPS {
				cfg.HTTP = append(cfg.HTTP, hostPort(a, p.HTTPS))
			} else {
				cfg.HTTPS = append(cfg.HTTPS, hostPort(a, p.HTTPS))
			}
		}
		if p.HTTP != 0 {
			cfg.HTTP = append(cfg.HTTP, hostPort(a, p.HTTP))
		}
	}
	for i := range p.Certificates {
		c, err := l.issue(&p.Certificates[i])
		if err != nil {
			return cfg, err
		}
		cfg.Certificates = append(cfg.Certificates, proxy.Certificate{Certificate: c})
	}
	for _, w := range p.WebServers {
		server := proxy.WebServer{Alias: w.Alias, Address: w.Address, Port: w.Port, Scheme: w.Scheme, Name: w.Name}
		if verifies(&w) {
			server.RootCAs = l.authority.Roots(w.Verify)
		} else {
			server.NoVerify = true
		}
		cfg.WebServers = append(cfg.WebServers, server)
	}
	for _, r := range p.Rules {
		if len(r.Hosts) > 0 { // one that publishes nothing is as good as none
			out := rule(r)
			out.RetrySilent = l.opts.scaled(r.RetrySilent)
			cfg.Rules = append(cfg.Rules, out)
		}
	}
	return cfg, nil
}

// verifies tells whether the proxy checks the certificate of the web server.
func verifies(w *topology.WebServer) bool {
	return w.Scheme == "https" && (w.Verify == topology.EnterpriseCA || w.Verify == topology.PublicCA)
}

// clientAuth is what a listener asks of clients, in the words of crypto/tls.
var clientAuth = map[string]tls.ClientAuthType{
	topology.RequestCertificate: tls.RequestClientCert,
	topology.RequireCertificate: tls.RequireAnyClientCert,
}

func rule(r topology.Rule) proxy.Rule {
	out := proxy.Rule{
		Name:                  r.Name,
		Hosts:                 r.Hosts,
		Paths:                 r.Paths,
		CaseSensitive:         r.CaseSensitive,
		Listener:              r.Listener,
		WebServers:            r.WebServers,
		AnyScheme:             r.AnyScheme,
		HostHeader:            r.HostHeader,
		AddPrefix:             r.AddPrefix,
		Methods:               r.Methods,
		Rate:                  r.Rate,
		RemoveRequestHeaders:  r.RemoveRequestHeaders,
		RemoveResponseHeaders: r.RemoveResponseHeaders,
		Connections:           r.Connections,
		HTTP10:                r.HTTP10,
		Balance:               r.Balance,
		BufferResponse:        r.BufferResponse,
		MaxBody:               r.MaxBody,
		MaxURL:                r.MaxURL,
		VerifyNormalization:   r.VerifyNormalization,
		MaxRequestsPerSource:  r.MaxRequestsPerSource,
		MatchHeaders:          r.MatchHeaders,
		SetRequestHeaders:     r.SetRequestHeaders,
		SetResponseHeaders:    r.SetResponseHeaders,
	}
	switch {
	case r.DropQuery:
		out.URI = "{path}"
	case r.Normalize:
		out.URI = "{normalized}{query}"
	case r.LowerCase:
		out.URI = "{lower}{query}"
	}
	if c := r.Cookie; c != nil {
		out.Cookie = proxy.Cookie{Name: c.Name, HTTPOnly: c.HTTPOnly, MaxAge: c.MaxAge}
	}
	if r.Respond != nil {
		out.Respond = &proxy.Response{Status: r.Respond.Status, Headers: r.Respond.Header, Body: r.Respond.Body}
	}
	return out
}

// dialFromProxy is the proxy's way to its web servers. Names are looked up where the proxy stands, in the internal view.
func (l *Lab) dialFromProxy() func(ctx context.Context, network, addr string) (net.Conn, error) {
	dial := l.net.Dialer(probe.Proxy)
	if l.opts.Bind == Plan && !l.opts.runs(DNS) {
		return dial // the system's own resolver is as good as any
	}
	resolver := l.resolver()
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, portText, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		if _, err := netip.ParseAddr(host); err == nil {
			return dial(ctx, network, addr)
		}
		port, err := strconv.ParseUint(portText, 10, 16)
		if err != nil {
			return nil, err
		}
		found, err := resolver.LookupNetIP(ctx, "ip", rooted(host))
		if err != nil {
			return nil, err
		}
		var conn net.Conn
		for _, a := range found {
			if conn, err = dial(ctx, network, netip.AddrPortFrom(a.Unmap(), uint16(port)).String()); err == nil {
				return conn, nil
			}
		}
		return nil, err
	}
}

// resolver asks the internal view, from where the proxy stands.
func (l *Lab) resolver() *net.Resolver {
	dial, server := l.net.Dialer(probe.Proxy), hostPort(l.top.Internal.Resolver, 53)
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, server)
	}}
}

// rooted is the whole name, which no search list is applied to.
func rooted(name string) string { return strings.TrimSuffix(name, ".") + "." }
