package lab_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"lyncpin/internal/lab"
	"lyncpin/internal/pki"
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// dropTime keeps silence short: nothing in a lab takes as long to answer.
const dropTime = 40 * time.Millisecond

func start(t testing.TB, top *topology.Topology, opts lab.Options) *lab.Lab {
	t.Helper()
	if opts.DropTime == 0 {
		opts.DropTime = dropTime
	}
	l, err := lab.Start(t.Context(), top, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// client is an HTTP client at a place, which finds names by the place's name server.
func client(t testing.TB, v *probe.Vantage) *http.Client {
	t.Helper()
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return v.Dial(ctx, network, v.Resolvers[0])
	}}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: v.PublicRoots},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			if net.ParseIP(host) == nil {
				found, err := resolver.LookupHost(ctx, host+".")
				if err != nil {
					return nil, err
				}
				host = found[0]
			}
			return v.Dial(ctx, network, net.JoinHostPort(host, port))
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func get(t testing.TB, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatalf("get %s: %v", url, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("get %s: %v", url, err)
	}
	return resp, string(body)
}

func TestHealthy(t *testing.T) {
	t.Parallel()
	l := start(t, topology.Healthy(), lab.Options{})
	tests := []struct {
		name, place, url, want string
	}{
		{"outside", probe.External, "https://lyncdiscover.contoso.example/", "https://lyncweb-ext.contoso.example/"},
		{"outside-second-domain", probe.External, "https://lyncdiscover.fabrikam.example/", "https://lyncweb-ext.contoso.example/"},
		{"outside-http", probe.External, "http://lyncdiscover.contoso.example/", "https://lyncweb-ext.contoso.example/"},
		{"inside-by-balancer", probe.Internal, "https://lyncdiscoverinternal.contoso.example/", "https://lyncweb-int.contoso.example/"},
		{"phone-by-hairpin", probe.WiFi, "https://lyncdiscover.contoso.example/", "https://lyncweb-ext.contoso.example/"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			resp, body := get(t, client(t, l.Vantage(tt.place)), tt.url)
			if resp.StatusCode != http.StatusOK || !strings.Contains(body, tt.want) {
				t.Errorf("got %s and %s, want links to %s", resp.Status, body, tt.want)
			}
			if resp.Header.Get("X-MS-Server-Fqdn") == "" {
				t.Error("no Front End has answered")
			}
		})
	}
}

func TestManyLabs(t *testing.T) {
	t.Parallel()
	ca, err := pki.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			l, err := lab.Start(t.Context(), topology.Healthy(), lab.Options{Authority: ca, DropTime: dropTime})
			if err != nil {
				t.Error(err)
				return
			}
			defer l.Close()
			_, body := get(t, client(t, l.Vantage(probe.External)), "https://lyncdiscover.contoso.example/")
			if !strings.Contains(body, "lyncweb-ext.contoso.example") {
				t.Errorf("got %s, want links to the external web FQDN", body)
			}
		})
	}
	group.Wait()
}

func BenchmarkStartClose(b *testing.B) {
	ca, err := pki.New(time.Now())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		l, err := lab.Start(b.Context(), topology.Healthy(), lab.Options{Authority: ca})
		if err != nil {
			b.Fatal(err)
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleStart() {
	ctx := context.Background()
	l, err := lab.Start(ctx, topology.Healthy(), lab.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	v := l.Vantage(probe.External)
	conn, err := v.Dial(ctx, "tcp", "203.0.113.10:443")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	secure := tls.Client(conn, &tls.Config{RootCAs: v.PublicRoots, ServerName: "lyncdiscover.contoso.example"})
	fmt.Println(conn.RemoteAddr(), secure.HandshakeContext(ctx))
	// Output: 203.0.113.10:443 <nil>
}
