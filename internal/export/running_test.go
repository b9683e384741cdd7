package export_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"lyncpin/internal/export"
	"lyncpin/internal/peer"
	"lyncpin/internal/pki"
	"lyncpin/internal/topology"
)

// running is a product with the configuration of a shape, and web servers behind it that say who they are.
type running struct {
	peer      *peer.Peer
	authority *pki.Authority
}

// run starts the product with what is written for p, or skips when it cannot be written or the product is missing.
func run(t *testing.T, authority *pki.Authority, product string, p *topology.Proxy) *running {
	t.Helper()
	if _, err := peer.Find(product); err != nil {
		if _, ok := errors.AsType[*peer.MissingError](err); ok && os.Getenv("LYNCPIN_REQUIRE_PEERS") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	names := defaults(product, p)
	text, err := export.Write(product, names)
	if u, ok := errors.AsType[*export.UnsupportedError](err); ok {
		t.Skip(u)
	}
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string][]byte{
		names.Files.Roots[topology.EnterpriseCA]: authority.RootPEM(pki.Enterprise),
		names.Files.Roots[topology.PublicCA]:     authority.RootPEM(pki.Public),
	}
	for i, c := range p.Certificates {
		issued := issue(t, authority, pki.Public, c.Names)
		key, err := pki.KeyPEM(issued)
		if err != nil {
			t.Fatal(err)
		}
		f := names.Files.Certificates[i]
		contents[f.FullChain], contents[f.Key] = pki.FullChainPEM(issued), key
		contents[f.Combined] = append(pki.FullChainPEM(issued), key...)
	}
	where := map[netip.AddrPort]netip.AddrPort{}
	var accepted []string
	for _, r := range p.Rules {
		accepted = append(accepted, r.Hosts...)
	}
	for i := range p.WebServers {
		w := &p.WebServers[i]
		addr, err := netip.ParseAddr(w.Address)
		if err != nil {
			continue // a name is not led anywhere
		}
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			size, err := io.Copy(io.Discard, r.Body)
			if err != nil {
				return
			}
			fmt.Fprintf(rw, "%s %s %s %s %d", w.Alias, r.Proto, r.Host, r.RequestURI, size)
		}))
		if w.Scheme == "https" {
			cert := issue(t, authority, pki.Enterprise, append([]string{w.Name, "a.b.contoso.example"}, accepted...))
			s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
			s.StartTLS()
		} else {
			s.Start()
		}
		t.Cleanup(s.Close)
		where[netip.AddrPortFrom(addr, uint16(w.Port))] = netip.MustParseAddrPort(s.Listener.Addr().String())
	}
	var listen []netip.AddrPort
	for _, a := range p.Addresses {
		for _, port := range []int{p.HTTPS, p.HTTP} {
			if port != 0 {
				listen = append(listen, netip.AddrPortFrom(a, uint16(port)))
			}
		}
	}
	started, err := peer.Start(t.Context(), peer.Config{
		Product: product, Text: text, Files: contents, Listen: listen,
		WebServer: func(a netip.AddrPort) netip.AddrPort { return where[a] },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := started.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", product, started.Log())
		}
	})
	return &running{started, authority}
}

func issue(t *testing.T, authority *pki.Authority, issuer string, names []string) tls.Certificate {
	t.Helper()
	var dns []string
	for _, n := range names {
		if n != "" && n != "*" {
			dns = append(dns, n)
		}
	}
	c, err := authority.Issue(pki.Spec{Names: dns, Issuer: issuer})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ask sends one request to a listener of the plan, as host; it returns the answer in a line: its status and where it leads or
// what the web server said; "cut" when the connection ends without one.
func (r *running) ask(t *testing.T, url, listener string, size int) (answer string, names []string) {
	t.Helper()
	at := r.peer.Addr(netip.MustParseAddrPort(listener))
	client := &http.Client{
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, network, at.String())
			},
			// What certificate is shown is looked at, not judged: unknown names get one as well.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		},
	}
	res, err := client.Post(url, "text/plain", strings.NewReader(strings.Repeat("x", size)))
	if err != nil {
		return "cut", nil
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.TLS != nil {
		names = res.TLS.PeerCertificates[0].DNSNames
	}
	switch {
	case res.StatusCode == http.StatusOK:
		return "200 " + string(body), names
	case res.Header.Get("Location") != "":
		return fmt.Sprintf("%d to %s", res.StatusCode, res.Header.Get("Location")), names
	}
	return fmt.Sprint(res.StatusCode), names
}

// TestRunningProducts asks each product, running, what its configuration was written for.
func TestRunningProducts(t *testing.T) {
	t.Parallel()
	authority, err := pki.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	const (
		tls443  = "203.0.113.10:443"
		plain80 = "203.0.113.10:80"
	)
	type request struct {
		url, listener string
		size          int
		// want are parts of the answer, each with those that may stand in its place after a bar.
		want string
	}
	for _, c := range []struct {
		shape    string
		requests []request
	}{
		{"healthy", []request{
			{"https://lyncdiscover.contoso.example/", tls443, 0, "200 fe?-https HTTP/1.1 lyncdiscover.contoso.example / 0"},
			{"https://LyncWeb-Ext.contoso.example:443/a%2Fb//c?d=%20e", "172.16.5.5:443", 3_000_000, "200 fe?-https HTTP/1.1 LyncWeb-Ext.contoso.example:443 /a%2Fb//c?d=%20e 3000000|200 fe?-https HTTP/1.1 lyncweb-ext.contoso.example /a%2Fb//c?d=%20e 3000000"},
			{"https://wac.contoso.example/hosting", tls443, 0, "200 wac-https HTTP/1.1 wac.contoso.example /hosting 0"},
			{"http://lyncdiscover.fabrikam.example/x", plain80, 0, "200 fe?-http HTTP/1.1 lyncdiscover.fabrikam.example /x 0"},
			{"http://wac.contoso.example/", plain80, 0, "421"},
			{"https://other.contoso.example/", tls443, 0, "421|cut"},
		}},
		{"affinity", []request{
			{"https://meet.contoso.example/", tls443, 0, "200 fe?-https HTTP/1.1 meet.contoso.example / 0"},
		}},
		{"reset", []request{
			{"http://other.contoso.example/", plain80, 0, "cut"},
			{"https://other.contoso.example/", tls443, 0, "cut"},
			{"http://meet.contoso.example/", plain80, 0, "200 fe?-http HTTP/1.1 meet.contoso.example / 0"},
		}},
		{"old-clients", []request{
			{"https://meet.contoso.example/", tls443, 0, "200 fe?-https HTTP/1.1 meet.contoso.example / 0"},
		}},
		{"offload", []request{
			{"http://meet.contoso.example/", tls443, 0, "200 fe1-http HTTP/1.1 meet.contoso.example / 0"},
			{"http://wac.contoso.example/", plain80, 0, "200 wac-https HTTP/1.1 wac.contoso.example / 0"},
		}},
		{"wide", []request{
			{"https://www.contoso.example/a%2Fb?c", tls443, 0, "301 to https://contoso.example/a%2Fb?c"},
			{"https://a.b.contoso.example/x", tls443, 0, "200 fe?-https HTTP/1.1 a.b.contoso.example /x 0"},
			{"https://contoso.example/x", tls443, 0, "421|cut"},
			{"https://lyncdiscover.fabrikam.example/x", "[2001:db8::10]:443", 0, "200 fe?-https HTTP/1.1 lyncdiscover.fabrikam.example /x 0"},
			{"http://other.fabrikam.example/x?y=z", plain80, 0, "302 to https://other.fabrikam.example/x?y=z"},
			{"http://meet.fabrikam.example/x", plain80, 0, "200 fe?-http HTTP/1.1 meet.fabrikam.example /x 0"},
		}},
		{"rewritten", []request{
			{"https://meet.contoso.example/x", tls443, 0, "200 fe1-https HTTP/1.1 10.10.10.11 /x 0"},
			{"https://wac.contoso.example/x", tls443, 0, "200 wac-https HTTP/1.1 office.contoso.example /x 0"},
		}},
		{"narrow", []request{
			{"https://meet.contoso.example/MEET/a", tls443, 0, "200 fe?-https HTTP/1.1 meet.contoso.example /MEET/a 0"},
			{"https://meet.contoso.example/meet?a=%2Fb", tls443, 0, "200 fe?-https HTTP/1.1 meet.contoso.example /meet?a=%2Fb 0"},
			{"https://meet.contoso.example/ucwaX/%2F", tls443, 0, "200 fe?-https HTTP/1.1 meet.contoso.example /ucwaX/%2F 0"},
			{"https://meet.contoso.example/meeting", tls443, 0, "404"},
			{"https://meet.contoso.example/webticket", tls443, 0, "404"},
			{"https://meet.contoso.example/", tls443, 0, "404"},
			{"https://meet.contoso.example/meet", tls443, 1_100_000, "413|cut"},
			{"https://wac.contoso.example/hosting/x", tls443, 0, "200 wac-https HTTP/1.1 wac.contoso.example /hosting/x 0"},
			{"https://wac.contoso.example/Hosting/x", tls443, 0, "404"},
			{"https://other.contoso.example/meet", tls443, 0, "421|cut"},
		}},
	} {
		var edit func(*topology.Proxy)
		for _, s := range shapesOfGoldens() {
			if s.name == c.shape {
				edit = s.edit
			}
		}
		for product := range checks {
			t.Run(product+"/"+c.shape, func(t *testing.T) {
				t.Parallel()
				r := run(t, authority, product, proxyWith(edit))
				for _, q := range c.requests {
					got, _ := r.ask(t, q.url, q.listener, q.size)
					if !fits(got, q.want) {
						t.Errorf("%s at %s: got %q, want %q", q.url, q.listener, got, q.want)
					}
				}
			})
		}
	}
}

// fits compares an answer with what may stand there: alternatives with a bar between them, a question mark for any character.
func fits(got, want string) bool {
	for alternative := range strings.SplitSeq(want, "|") {
		if len(got) != len(alternative) {
			continue
		}
		same := true
		for i := range alternative {
			same = same && (got[i] == alternative[i] || alternative[i] == '?')
		}
		if same {
			return true
		}
	}
	return false
}

func TestCertificateByName(t *testing.T) {
	t.Parallel()
	authority, err := pki.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for product := range checks {
		t.Run(product, func(t *testing.T) {
			t.Parallel()
			r := run(t, authority, product, proxyWith(certificates))
			for host, want := range map[string]string{
				"lyncdiscover.contoso.example":  "lyncweb-ext.contoso.example",
				"lyncdiscover.fabrikam.example": "lyncweb-ext.contoso.example", // by its full name, before the wildcard
				"old.contoso.example":           "*.fabrikam.example",
			} {
				_, names := r.ask(t, "https://"+host+"/", "203.0.113.10:443", 0)
				if len(names) == 0 || names[0] != want {
					t.Errorf("%s: certificate for %q, want that of %q", host, names, want)
				}
			}
		})
	}
}

// TestAffinity lets clients come back with the cookie they were given, and without it.
func TestAffinity(t *testing.T) {
	t.Parallel()
	authority, err := pki.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for product := range checks {
		t.Run(product, func(t *testing.T) {
			t.Parallel()
			r := run(t, authority, product, proxyWith(func(p *topology.Proxy) { p.Rules[0].Balance = "cookie" }))
			if product == export.Squid { // goes by the address, which is the same for all here
				first, cookie := r.visit(t, "")
				for range 5 {
					if again, _ := r.visit(t, ""); again != first || cookie != "" {
						t.Errorf("came to %s, want %s, with the cookie %q", again, first, cookie)
					}
				}
				return
			}
			seen := map[string]bool{}
			for range 24 { // by chance all come to one once in eight million times
				first, cookie := r.visit(t, "")
				if name, _, _ := strings.Cut(cookie, "="); name != "MS-WSMAN" {
					t.Fatalf("the cookie is %q, want MS-WSMAN", cookie)
				}
				seen[first] = true
				for range 3 {
					if again, more := r.visit(t, cookie); again != first || more != "" {
						t.Errorf("%s led to %s and the cookie %q, want %s and none", cookie, again, more, first)
					}
				}
			}
			if len(seen) != 2 {
				t.Errorf("24 clients came to %v, want both Front Ends", seen)
			}
		})
	}
}

// visit asks the meeting page over HTTP, with a cookie if there is one; it returns who answered and the cookie that was set.
func (r *running) visit(t *testing.T, cookie string) (server, set string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.peer.Addr(netip.MustParseAddrPort("203.0.113.10:80")).String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "meet.contoso.example"
	req.Close = true
	if cookie != "" {
		req.Header.Set("Cookie", "other=1; "+cookie)
	}
	res, err := (&http.Client{Transport: &http.Transport{}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	server, _, _ = strings.Cut(string(body), " ")
	set, _, _ = strings.Cut(res.Header.Get("Set-Cookie"), ";")
	return server, set
}
