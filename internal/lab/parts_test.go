package lab_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lyncpin/internal/lab"
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

func isTimeout(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

// dial connects at once or says why not.
func dial(t *testing.T, v *probe.Vantage, addr string) error {
	t.Helper()
	c, err := v.Dial(t.Context(), "tcp", addr)
	if err == nil {
		c.Close()
	}
	return err
}

func TestPlacesReach(t *testing.T) {
	t.Parallel()
	top := topology.Healthy()
	top.Paths = []topology.Path{
		{From: probe.WiFi, To: "203.0.113.10", Action: topology.Drop},
		{From: probe.Proxy, To: "10.10.10.11", Port: 4443, Action: topology.Refuse},
		{From: probe.External, To: "203.0.113.99/32", Port: 443, Action: topology.Translate, Target: "10.10.10.11:4443"},
	}
	l := start(t, top, lab.Options{})
	refused := func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
	fine := func(err error) bool { return err == nil }
	tests := []struct {
		name, place, addr string
		want              func(error) bool
	}{
		{"outside-to-proxy", probe.External, "203.0.113.10:443", fine},
		{"outside-to-closed-port", probe.External, "203.0.113.10:4443", refused},
		{"outside-to-front-end", probe.External, "10.10.10.11:4443", isTimeout},
		{"outside-to-inner-resolver", probe.External, "10.10.10.53:53", isTimeout},
		{"outside-by-nat", probe.External, "203.0.113.99:443", fine},
		{"inside-not-by-nat", probe.Internal, "203.0.113.99:443", isTimeout},
		{"inside-to-front-end", probe.Internal, "10.10.10.11:4443", fine},
		{"phone-without-hairpin", probe.WiFi, "203.0.113.10:443", isTimeout},
		{"phone-to-balancer", probe.WiFi, "10.10.10.10:443", fine},
		{"proxy-refused", probe.Proxy, "10.10.10.11:4443", refused},
		{"proxy-to-other-port", probe.Proxy, "10.10.10.11:8080", fine},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := dial(t, l.Vantage(tt.place), tt.addr); !tt.want(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// The proxy's own way is subject to the paths too, and its history shows clients with their addresses in the plan.
func TestServersSeeThePlan(t *testing.T) {
	t.Parallel()
	l := start(t, topology.Healthy(), lab.Options{})
	get(t, client(t, l.Vantage(probe.External)), "https://lyncdiscover.contoso.example/")
	for name, fe := range l.FrontEnds() {
		for _, r := range fe.History() {
			if host, _, _ := net.SplitHostPort(r.Client); host != "172.16.5.5" {
				t.Errorf("%s was asked by %s, want the proxy's inside address", name, r.Client)
			}
		}
	}
	var views []string
	for _, q := range l.DNS().History() {
		views = append(views, q.View+" "+q.Client.Addr().String())
	}
	slices.Sort(views)
	if got := slices.Compact(views); !slices.Equal(got, []string{"external 192.0.2.50"}) {
		t.Errorf("the name server was asked by %v, want the external view by 192.0.2.50", got)
	}
}

// answering asks for discovery on fresh connections and counts who answers.
func answering(t *testing.T, l *lab.Lab, place, url string, times int) map[string]int {
	t.Helper()
	c := client(t, l.Vantage(place))
	c.Transport.(*http.Transport).DisableKeepAlives = true
	out := map[string]int{}
	for range times {
		resp, _ := get(t, c, url)
		out[resp.Header.Get("X-MS-Server-Fqdn")]++
	}
	return out
}

func TestBalancer(t *testing.T) {
	t.Parallel()
	const inside = "https://lyncdiscoverinternal.contoso.example/"
	tests := []struct {
		name string
		edit func(*topology.Topology)
		want map[string]int
	}{
		{"takes-turns", func(*topology.Topology) {}, map[string]int{"fe1.contoso.example": 3, "fe2.contoso.example": 3}},
		{"passes-over-a-stopped-site", func(t *topology.Topology) { t.Pools[0].Nodes[0].Stopped = []string{"internal"} },
			map[string]int{"fe2.contoso.example": 6}},
		{"passes-over-a-silent-node", func(t *topology.Topology) {
			t.Paths = []topology.Path{{To: topology.FE2Inside.String(), Action: topology.Drop}}
		}, map[string]int{"fe1.contoso.example": 6}},
		{"other-site-stopped", func(t *topology.Topology) { t.Pools[0].Nodes[0].Stopped = []string{"external"} },
			map[string]int{"fe1.contoso.example": 3, "fe2.contoso.example": 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			top := topology.Healthy()
			tt.edit(top)
			l := start(t, top, lab.Options{})
			if got := answering(t, l, probe.Internal, inside, 6); !maps.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestBalancerWithoutMembers(t *testing.T) {
	t.Parallel()
	top := topology.Healthy()
	for i := range top.Pools[0].Nodes {
		top.Pools[0].Nodes[i].Stopped = []string{"internal"}
	}
	v := start(t, top, lab.Options{}).Vantage(probe.Internal)
	c, err := v.Dial(t.Context(), "tcp", "10.10.10.10:443")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "hello")
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a reset", err)
	}
}

// A reset by the member arrives as a reset.
func TestBalancerPassesResets(t *testing.T) {
	t.Parallel()
	top := topology.Healthy()
	top.Pools[0].Internal.Certificate = nil
	v := start(t, top, lab.Options{}).Vantage(probe.Internal)
	for range 10 {
		c, err := v.Dial(t.Context(), "tcp", "10.10.10.10:443")
		if err != nil {
			t.Fatal(err)
		}
		if err := tls.Client(c, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(t.Context()); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, want a reset", err)
		}
		c.Close()
	}
}

// A port of the virtual address may lead to another port of the members.
func TestBalancerPortMap(t *testing.T) {
	t.Parallel()
	top := topology.Healthy()
	top.Pools[0].Balancer.Ports = map[int]int{443: 4443}
	v := start(t, top, lab.Options{}).Vantage(probe.Internal)
	c, err := v.Dial(t.Context(), "tcp", "10.10.10.10:443")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	conn := tls.Client(c, &tls.Config{RootCAs: v.EnterpriseRoots, ServerName: "lyncweb-ext.contoso.example"})
	if err := conn.HandshakeContext(t.Context()); err != nil {
		t.Errorf("the external site's certificate: %v", err)
	}
	if err := dial(t, v, "10.10.10.10:80"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a port that is not mapped: got %v, want that it is refused", err)
	}
}

func TestProxyRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		edit   func(*topology.Topology)
		url    string
		status int
		want   string // in the body or the Location
	}{
		{"no-rule", func(t *topology.Topology) { t.Proxy.Unpublish("lyncdiscover.contoso.example") }, "https://lyncdiscover.contoso.example/", 421, ""},
		{"respond", func(t *topology.Topology) {
			r := t.Proxy.Rule("lyncdiscover.contoso.example")
			r.WebServers, r.Respond = nil, &topology.Response{Status: 301, Header: map[string]string{"Location": "https://www.example/{host}{uri}"}}
		}, "http://lyncdiscover.contoso.example/a?b=c", 301, "https://www.example/lyncdiscover.contoso.example/a?b=c"},
		{"wrong-port", func(t *topology.Topology) {
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Port = 443
				w.Verify = "none"
			}
		}, "https://lyncdiscover.contoso.example/", 200, "https://lyncweb-int.contoso.example/"},
		{"untrusted-web-server", func(t *topology.Topology) {
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Verify = topology.PublicCA
			}
		}, "https://lyncdiscover.contoso.example/", 502, ""},
		{"by-name", func(t *topology.Topology) {
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Address = "pool01.contoso.example"
			}
		}, "https://lyncdiscover.contoso.example/", 200, "https://lyncweb-ext.contoso.example/"},
		{"by-unknown-name", func(t *topology.Topology) {
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Address = "fe9.contoso.example"
			}
		}, "https://lyncdiscover.contoso.example/", 502, ""},
		{"app-pool", func(t *topology.Topology) { t.Pools[0].External.StoppedAppPools = []string{"/Autodiscover"} }, "https://lyncdiscover.contoso.example/", 503, ""},
		{"require-ssl", func(t *topology.Topology) { t.Pools[0].External.RequireSSL = true }, "http://lyncdiscover.contoso.example/", 403, ""},
		{"meet", func(*topology.Topology) {}, "https://meet.contoso.example/user1/ABCD1234", 200, "lyncweb-ext"},
		{"meet-not-registered", func(t *topology.Topology) { t.Pools[0].SimpleURLs = nil }, "https://meet.contoso.example/user1/ABCD1234", 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			top := topology.Healthy()
			tt.edit(top)
			l := start(t, top, lab.Options{})
			resp, body := get(t, client(t, l.Vantage(probe.External)), tt.url)
			if resp.StatusCode != tt.status || !strings.Contains(body+resp.Header.Get("Location"), tt.want) {
				t.Errorf("got %s, Location %q, body\n%s\nwant %d and %q", resp.Status, resp.Header.Get("Location"), body, tt.status, tt.want)
			}
		})
	}
}

func TestDNSAnswers(t *testing.T) {
	t.Parallel()
	top := topology.Healthy()
	top.External.Set("dialin.contoso.example", "CNAME", "meet.contoso.example")
	top.External.Answers = []topology.Answer{{Name: "meet.fabrikam.example", RCode: "SERVFAIL"}, {Name: "wac.contoso.example", Drop: true}}
	l := start(t, top, lab.Options{})
	v := l.Vantage(probe.External)
	resolver := &net.Resolver{PreferGo: true, StrictErrors: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return v.Dial(ctx, network, v.Resolvers[0])
	}}
	if got, err := resolver.LookupHost(t.Context(), "dialin.contoso.example."); err != nil || !slices.Equal(got, []string{"203.0.113.10"}) {
		t.Errorf("CNAME: got %v, %v, want the proxy's address", got, err)
	}
	if _, got, err := resolver.LookupSRV(t.Context(), "sip", "tls", "contoso.example."); err != nil || len(got) != 1 || got[0].Target != "sip.contoso.example." || got[0].Port != 443 {
		t.Errorf("SRV: got %v, %v, want sip.contoso.example. at 443", got, err)
	}
	dnsError := func(err error) *net.DNSError {
		de, ok := errors.AsType[*net.DNSError](err)
		if !ok {
			t.Fatalf("got %v, want a *net.DNSError", err)
		}
		return de
	}
	_, err := resolver.LookupHost(t.Context(), "lyncdiscoverinternal.contoso.example.")
	if !dnsError(err).IsNotFound {
		t.Errorf("the inside name outside: got %v, want that there is none", err)
	}
	_, err = resolver.LookupHost(t.Context(), "meet.fabrikam.example.")
	if de := dnsError(err); de.IsNotFound || de.IsTimeout {
		t.Errorf("SERVFAIL: got %v, want a failing server", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), dropTime)
	defer cancel()
	_, err = resolver.LookupHost(ctx, "wac.contoso.example.")
	if !dnsError(err).IsTimeout {
		t.Errorf("drop: got %v, want a time-out", err)
	}
}

func TestApps(t *testing.T) {
	t.Parallel()
	addr := netip.MustParseAddr("203.0.113.80")
	tests := []struct {
		name, kind, fqdn, url string
		status                int
		header                map[string]string
		body                  string
	}{
		{"office-discovery", topology.OfficeWebApps, "wac2.contoso.example", "https://wac2.contoso.example/hosting/discovery", 200,
			map[string]string{"Content-Type": "text/xml"}, `<net-zone name="external-https"><app name="PowerPoint"`},
		{"office-presenter", topology.OfficeWebApps, "wac2.contoso.example", "https://wac2.contoso.example/m/Presenter.aspx?a=0&WopiSrc=https%3A%2F%2Ffe1.contoso.example%2Fwopi%2Ffiles%2F1", 200, nil, "PowerPoint"},
		{"office-presenter-decoded", topology.OfficeWebApps, "wac2.contoso.example", "https://wac2.contoso.example/m/Presenter.aspx?a=0&WopiSrc=https://fe1.contoso.example/wopi/files/1", 400, nil, ""},
		{"office-other", topology.OfficeWebApps, "wac2.contoso.example", "https://wac2.contoso.example/", 404, nil, ""},
		{"exchange-autodiscover", topology.Exchange, "mail.contoso.example", "https://mail.contoso.example/Autodiscover/Autodiscover.xml", 401,
			map[string]string{"X-FEServer": "MAIL", "WWW-Authenticate": "Negotiate"}, ""},
		{"exchange-root", topology.Exchange, "mail.contoso.example", "https://mail.contoso.example/", 302,
			map[string]string{"Location": "https://mail.contoso.example/owa/"}, ""},
		{"website", topology.Website, "contoso.example", "https://contoso.example/", 200, map[string]string{"Server": "Apache"}, "Welcome"},
		{"website-other-host", topology.Website, "contoso.example", "https://lyncdiscover.contoso.example/", 200, map[string]string{"Server": "Apache"}, "Welcome"},
		{"website-other-path", topology.Website, "contoso.example", "https://contoso.example/Autodiscover/AutodiscoverService.svc/root", 404, nil, "Not Found"},
		{"website-www", topology.Website, "www.contoso.example", "https://lyncdiscover.contoso.example/x?y=1", 301,
			map[string]string{"Location": "https://www.contoso.example/x?y=1"}, ""},
		{"website-www-itself", topology.Website, "www.contoso.example", "https://www.contoso.example/", 200, nil, "Welcome"},
		{"website-http", topology.Website, "contoso.example", "http://contoso.example/", 200, nil, "Welcome"},
		{"appliance", topology.Appliance, "firewall.contoso.example", "https://lyncdiscover.contoso.example/anything", 200, map[string]string{"Server": "nginx"}, "<form"},
		{"online", topology.OnlineService, "webdir.online.example", "https://lyncdiscover.contoso.example/", 200, nil, `"href":"https://webdir.online.example/Autodiscover`},
		{"online-http", topology.OnlineService, "webdir.online.example", "http://lyncdiscover.contoso.example/", 200, nil, `"redirect":{"href":"https://webdir.online.example/`},
		{"online-user", topology.OnlineService, "webdir.online.example", "https://webdir.online.example/Autodiscover/AutodiscoverService.svc/root/oauth/user", 401, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			top := topology.Healthy()
			host, _, _ := strings.Cut(strings.SplitN(tt.url, "/", 4)[2], "/")
			top.Apps = append(top.Apps, topology.App{Kind: tt.kind, FQDN: tt.fqdn, Address: addr, HTTPS: 443, HTTP: 80,
				Certificate: &topology.Certificate{Names: []string{host}, Issuer: topology.PublicCA}})
			top.External.Zones = append(top.External.Zones, "online.example")
			top.External.Address(addr, host)
			l := start(t, top, lab.Options{})
			resp, body := get(t, client(t, l.Vantage(probe.External)), tt.url)
			if resp.StatusCode != tt.status || !strings.Contains(body, tt.body) {
				t.Errorf("got %s and\n%s\nwant %d and %q", resp.Status, body, tt.status, tt.body)
			}
			for name, want := range tt.header {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
			if strings.HasSuffix(resp.Header.Get("X-MS-Server-Fqdn"), "contoso.example") {
				t.Errorf("it calls itself %s, a server of the company", resp.Header.Get("X-MS-Server-Fqdn"))
			}
		})
	}
}

func TestOnlineServiceRedirects(t *testing.T) {
	t.Parallel()
	const next = "https://lyncdiscover.fabrikam.example/?a=b&c=d"
	const own = "https://webdir.online.example/Autodiscover/AutodiscoverService.svc/root"
	top := topology.Healthy()
	top.Apps = append(top.Apps, topology.App{Kind: topology.OnlineService, FQDN: "webdir.online.example", Address: topology.WebsitePublic, HTTPS: 443, HTTP: 80,
		Redirect: next, Certificate: &topology.Certificate{Names: []string{"webdir.online.example"}, Issuer: topology.PublicCA}})
	top.External.Zones = append(top.External.Zones, "online.example")
	top.External.Address(topology.WebsitePublic, "webdir.online.example")
	c := client(t, start(t, top, lab.Options{}).Vantage(probe.External))
	for _, tt := range []struct{ url, accept, want string }{
		{"https://webdir.online.example/", "application/json", `{"_links":{"redirect":{"href":"` + next + `"}}}`},
		{"http://webdir.online.example/", "application/json", `{"_links":{"redirect":{"href":"` + own + `"}}}`},
		{"https://webdir.online.example/", "application/vnd.microsoft.rtc.autodiscover+xml;v=1", `<Root><Link token="Redirect" href="https://lyncdiscover.fabrikam.example/?a=b&amp;c=d"/></Root>`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", tt.accept)
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(body), tt.want) {
			t.Errorf("%s as %s: got %s, %v, want %s", tt.url, tt.accept, body, err, tt.want)
		}
	}
}

func TestAccessEdgeSpeaksNoHTTP(t *testing.T) {
	t.Parallel()
	v := start(t, topology.Healthy(), lab.Options{}).Vantage(probe.External)
	raw, err := v.Dial(t.Context(), "tcp", "203.0.113.20:443")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	c := tls.Client(raw, &tls.Config{RootCAs: v.PublicRoots, ServerName: "sip.contoso.example"})
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatalf("the handshake: %v", err)
	}
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: sip.contoso.example\r\n\r\n")
	if data, err := io.ReadAll(c); err != nil || len(data) > 0 {
		t.Errorf("got %q, %v, want a connection closed without a word", data, err)
	}
}

func TestProxyListeners(t *testing.T) {
	t.Parallel()
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		top := topology.Healthy()
		top.Proxy.HTTPS, top.Proxy.HTTP = 0, 0
		l := start(t, top, lab.Options{})
		if l.Proxy() != nil {
			t.Error("a proxy without listeners runs")
		}
		if err := dial(t, l.Vantage(probe.External), "203.0.113.10:443"); !isTimeout(err) {
			t.Errorf("got %v, want a time-out", err)
		}
	})
	t.Run("plain", func(t *testing.T) {
		t.Parallel()
		top := topology.Healthy()
		top.Proxy.PlainHTTPS = true
		l := start(t, top, lab.Options{})
		resp, _ := get(t, client(t, l.Vantage(probe.External)), "http://lyncdiscover.contoso.example:443/")
		if resp.StatusCode != http.StatusOK {
			t.Errorf("got %s, want an answer in plain HTTP", resp.Status)
		}
	})
	t.Run("ipv6", func(t *testing.T) {
		t.Parallel()
		top := topology.Healthy()
		top.Proxy.Addresses = append(top.Proxy.Addresses, topology.ProxyPublicV6)
		l := start(t, top, lab.Options{})
		if err := dial(t, l.Vantage(probe.External), "[2001:db8::10]:443"); err != nil {
			t.Error(err)
		}
	})
}

// A site without certificate is bound and resets every handshake.
func TestNoCertificate(t *testing.T) {
	t.Parallel()
	top := topology.Healthy()
	top.App(topology.OfficeWebApps).Certificate = nil
	top.Pools[0].External.Certificate = nil
	v := start(t, top, lab.Options{}).Vantage(probe.Internal)
	for _, addr := range []string{"10.10.10.20:443", "10.10.10.11:4443"} {
		raw, err := v.Dial(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		err = tls.Client(raw, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(t.Context())
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: got %v, want a reset", addr, err)
		}
		raw.Close()
	}
}

// It runs before the parallel tests, alone: what belongs to this module when the lab is closed is a leak.
func TestCloseLeavesNothing(t *testing.T) {
	l, err := lab.Start(t.Context(), topology.Healthy(), lab.Options{DropTime: dropTime})
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, l.Vantage(probe.External))
	get(t, c, "https://lyncdiscover.contoso.example/")
	get(t, client(t, l.Vantage(probe.Internal)), "https://lyncdiscoverinternal.contoso.example/")
	for _, addr := range []string{"203.0.113.20:443", "203.0.113.10:443"} { // left open, without a word
		conn, err := l.Vantage(probe.External).Dial(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Errorf("Close twice: %v", err)
	}
	deadline := time.Now().Add(2 * time.Second) // for goroutines that have said goodbye and not yet ended
	var leaks []string
	for {
		leaks = leaks[:0]
		buf := make([]byte, 1<<20)
		for _, g := range bytes.Split(buf[:runtime.Stack(buf, true)], []byte("\n\n")) {
			for _, ours := range []string{"lyncpin/dns", "lyncpin/fakelync", "lyncpin/proxy", "lyncpin/internal/lab.", "lyncpin/internal/fabric", "net/http.(*conn)"} {
				if bytes.Contains(g, []byte(ours)) && !bytes.Contains(g, []byte("TestCloseLeavesNothing")) {
					leaks = append(leaks, string(g))
					break
				}
			}
		}
		if len(leaks) == 0 || time.Now().After(deadline) {
			break
		}
		runtime.Gosched()
	}
	for _, g := range leaks {
		t.Errorf("still running:\n%s", g)
	}
}

func TestStartFailures(t *testing.T) {
	t.Parallel()
	bad := topology.Healthy()
	bad.Product = "exchange"
	late := topology.Healthy() // what Validate does not see: two records the name server cannot have
	late.External.Add("x.contoso.example", "CAA", "what is this")
	tests := []struct {
		name string
		top  *topology.Topology
		opts lab.Options
		want string
	}{
		{"topology", bad, lab.Options{}, `lab: topology: product: "exchange"`},
		{"part", topology.Healthy(), lab.Options{Only: []string{"dsn"}}, `lab: unknown part "dsn"`},
		{"bind", topology.Healthy(), lab.Options{Bind: "lan"}, `lab: unknown way to bind "lan"`},
		{"a-server", late, lab.Options{}, "lab: name server: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, err := lab.Start(t.Context(), tt.top, tt.opts)
			if err == nil {
				l.Close()
			}
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want it to begin %q", err, tt.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if l, err := lab.Start(ctx, topology.Healthy(), lab.Options{}); err == nil {
		l.Close()
		t.Error("with a context that has ended: got no error, want one")
	}
}

// The lab has its own copy, whatever becomes of the caller's.
func TestStartCopies(t *testing.T) {
	t.Parallel()
	top := topology.Healthy()
	l := start(t, top, lab.Options{})
	top.Pools[0].External.WebFQDN = "changed.contoso.example"
	top.SIPDomains[0] = "changed.example"
	_, body := get(t, client(t, l.Vantage(probe.External)), "https://lyncdiscover.contoso.example/")
	if strings.Contains(body, "changed") || l.Target().SIPDomains[0] != "contoso.example" {
		t.Error("an edit after Start reached the lab")
	}
}
