package fakelync_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lyncpin/fakelync"
)

func TestHistoryKeepsWhatArrived(t *testing.T) {
	t.Parallel()
	cfg := healthy()
	cfg.Now = func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	srv := start(t, cfg)

	c := connect(t, srv, extHTTPS, "lyncdiscover.contoso.example")
	got := exchange(t, c, request{target: "/?sipuri=user1%40contoso.example&X=%2f", host: "LyncDiscover.contoso.example:4443", header: "User-Agent: probe\r\nX-Two: a\r\nX-Two: b\r\n"})
	if d := got.header.Get("Date"); d != "Sun, 01 Mar 2026 12:00:00 GMT" {
		t.Errorf("Date = %q, want the configured clock's", d)
	}
	exchange(t, c, request{method: "POST", target: "/WebTicket/%6Fauthtoken/../oauthtoken", host: "10.10.10.11", body: strings.Repeat("x", 1000)})
	ask(t, srv, intHTTP, request{method: "PUT", target: "//MEET/%e4", host: "meet.contoso.example", header: "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"})
	ask(t, srv, extHTTPS, request{target: "http://other.example/a?b", host: "lyncweb-ext.contoso.example"})

	want := []fakelync.Request{{
		Site: "external", Scheme: "https", Conn: 1, SNI: "lyncdiscover.contoso.example", TLS: tls.VersionTLS12,
		Method: "GET", RequestURI: "/?sipuri=user1%40contoso.example&X=%2f", Proto: "HTTP/1.1", Host: "LyncDiscover.contoso.example:4443",
		Header: http.Header{"User-Agent": {"probe"}, "X-Two": {"a", "b"}}, Status: 200,
	}, {
		Site: "external", Scheme: "https", Conn: 1, SNI: "lyncdiscover.contoso.example", TLS: tls.VersionTLS12,
		Method: "POST", RequestURI: "/WebTicket/%6Fauthtoken/../oauthtoken", Proto: "HTTP/1.1", Host: "10.10.10.11",
		Header: http.Header{"Content-Length": {"1000"}}, BodyBytes: 1000, Status: 400,
	}, {
		Site: "internal", Scheme: "http", Conn: 2,
		Method: "PUT", RequestURI: "//MEET/%e4", Proto: "HTTP/1.1", Host: "meet.contoso.example",
		Header: http.Header{}, TransferEncoding: []string{"chunked"}, BodyBytes: 3, Status: 403, SubStatus: 4,
	}, {
		Site: "external", Scheme: "https", Conn: 3, SNI: "lyncweb-ext.contoso.example", TLS: tls.VersionTLS12,
		Method: "GET", RequestURI: "http://other.example/a?b", Proto: "HTTP/1.1", Host: "other.example",
		Header: http.Header{}, Status: 404,
	}}
	history := srv.History()
	if diff := cmp.Diff(want, history, cmpopts.IgnoreFields(fakelync.Request{}, "Time", "Client")); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if len(history) > 0 && (history[0].Client != c.LocalAddr().String() || !history[0].Time.Equal(cfg.Now())) {
		t.Errorf("client %s at %v, want %s at %v", history[0].Client, history[0].Time, c.LocalAddr(), cfg.Now())
	}
}

func TestLargeUploadsAreCounted(t *testing.T) {
	t.Parallel()
	const size = 2 << 20
	srv := start(t, healthy())
	c := connect(t, srv, extHTTPS, "")
	got := exchange(t, c, request{method: "POST", target: "/DataCollabWeb", host: "lyncweb-ext.contoso.example", body: strings.Repeat("x", size)})
	if h := last(t, srv); got.status != 403 || h.BodyBytes != size {
		t.Errorf("status %d with %d bytes, want 403 with %d", got.status, h.BodyBytes, size)
	}
	if got := exchange(t, c, request{target: "/", host: "lyncdiscover.contoso.example"}); got.status != 200 || last(t, srv).Conn != 1 {
		t.Errorf("the connection did not outlive the upload: %d on connection %d", got.status, last(t, srv).Conn)
	}
}

func TestExpectContinue(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	c := connect(t, srv, extHTTPS, "")
	io.WriteString(c, "POST /abs HTTP/1.1\r\nHost: lyncweb-ext.contoso.example\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
	interim := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	if _, err := io.ReadFull(c, interim); err != nil || string(interim) != "HTTP/1.1 100 Continue\r\n\r\n" {
		t.Fatalf("interim answer %q, %v", interim, err)
	}
	io.WriteString(c, "abc")
	if got := receive(t, c, "POST"); got.status != 401 || last(t, srv).BodyBytes != 3 {
		t.Errorf("status %d with %d bytes, want 401 with 3", got.status, last(t, srv).BodyBytes)
	}
}

func TestAbandonedUploadIsInTheHistory(t *testing.T) {
	t.Parallel()
	srv, err := fakelync.Start(t.Context(), healthy())
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, srv, extHTTP, "")
	io.WriteString(c, "POST /abs HTTP/1.1\r\nHost: x.example\r\nContent-Length: 100\r\n\r\nabc")
	c.(*net.TCPConn).CloseWrite()
	if text, _ := io.ReadAll(c); len(text) != 0 { // ends when the server has dropped the connection
		t.Errorf("half a request is answered %q, want nothing", text)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if h := last(t, srv); h.Status != 0 || h.BodyBytes != 3 {
		t.Errorf("status %d with %d bytes, want 0 with 3", h.Status, h.BodyBytes)
	}
}

func TestTLSOfASite(t *testing.T) {
	t.Parallel()
	cfg := healthy()
	cfg.Internal.Certificate = tls.Certificate{}
	cfg.External.RequireSNI = true
	cfg.External.MinTLS, cfg.External.MaxTLS = tls.VersionTLS11, tls.VersionTLS11
	srv := start(t, cfg)
	wasReset := func(err error) bool {
		return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || strings.Contains(fmt.Sprint(err), "forcibly closed")
	}
	handshake := func(addr, name string, version uint16) error {
		c, err := tls.Dial("tcp", addr, &tls.Config{ServerName: name, InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		if err == nil {
			c.Close()
		}
		return err
	}
	a := srv.Addrs()
	if err := handshake(a.InternalHTTPS, "fe1.corp.contoso.example", tls.VersionTLS12); !wasReset(err) {
		t.Errorf("without certificate: %v, want a reset", err)
	}
	if err := handshake(a.ExternalHTTPS, "fe1.corp.contoso.example", tls.VersionTLS11); err != nil {
		t.Errorf("TLS 1.1 with a name: %v", err)
	}
	if err := handshake(a.ExternalHTTPS, "127.0.0.1", tls.VersionTLS11); !wasReset(err) { // an address is never sent as a name
		t.Errorf("without name: %v, want a reset", err)
	}
	if err := handshake(a.ExternalHTTPS, "fe1.corp.contoso.example", tls.VersionTLS12); err == nil || wasReset(err) {
		t.Errorf("TLS 1.2 at a TLS 1.1 site: %v, want an alert", err)
	}
	c, err := net.Dial("tcp", a.ExternalHTTPS)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, request{target: "/", host: "x.example"}.String())
	if text, err := io.ReadAll(c); len(text) != 0 || err != nil && !wasReset(err) {
		t.Errorf("plain HTTP at the TLS port: %q, %v, want a reset", text, err)
	}
	if n := len(srv.History()); n != 0 {
		t.Errorf("%d requests in the history, want none", n)
	}
}

func TestDefaultTLSVersions(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	for version, want := range map[uint16]bool{tls.VersionTLS10: true, tls.VersionTLS11: true, tls.VersionTLS12: true, tls.VersionTLS13: false} {
		c, err := tls.Dial("tcp", srv.Addrs().ExternalHTTPS, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		if err == nil {
			c.Close()
		}
		if (err == nil) != want {
			t.Errorf("%s: %v, want success %v", tls.VersionName(version), err, want)
		}
	}
}

func TestOnlyHTTP1IsSpoken(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	c, err := tls.Dial("tcp", srv.Addrs().ExternalHTTPS, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if p := c.ConnectionState().NegotiatedProtocol; p != "" {
		t.Errorf("ALPN chose %q, want nothing", p)
	}
}

func TestMissingBindings(t *testing.T) {
	t.Parallel()
	cfg := healthy()
	cfg.External.HTTP = ""
	cfg.Internal = fakelync.Site{}
	srv := start(t, cfg)
	a := srv.Addrs()
	if a.ExternalHTTPS == "" || a.ExternalHTTP != "" || a.InternalHTTP != "" || a.InternalHTTPS != "" {
		t.Errorf("Addrs() = %+v, want the external HTTPS address only", a)
	}
	stopped := healthy()
	stopped.Internal, stopped.External = fakelync.Site{}, fakelync.Site{}
	if a := start(t, stopped).Addrs(); a != (fakelync.Addrs{}) {
		t.Errorf("Addrs() of a stopped machine = %+v", a)
	}
}

func TestStartFailsWhole(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := healthy()
	cfg.External.HTTPS = taken.Addr().String()
	bound := recordListeners(&cfg)
	_, err = fakelync.Start(t.Context(), cfg)
	if err == nil || !strings.HasPrefix(err.Error(), "fakelync: external site: listen "+cfg.External.HTTPS) {
		t.Errorf("Start = %v, want the address that is taken", err)
	}
	wantClosed(t, *bound, 3)
}

// recordListeners makes cfg remember what it binds.
func recordListeners(cfg *fakelync.Config) *[]net.Listener {
	bound := new([]net.Listener)
	cfg.Listen = func(ctx context.Context, network, addr string) (net.Listener, error) {
		ln, err := (&net.ListenConfig{}).Listen(ctx, network, addr)
		if err == nil {
			*bound = append(*bound, ln)
		}
		return ln, err
	}
	return bound
}

// wantClosed checks the listeners themselves: their ports may be someone else's by now.
func wantClosed(t *testing.T, bound []net.Listener, want int) {
	t.Helper()
	if len(bound) != want {
		t.Errorf("%d listeners were bound, want %d", len(bound), want)
	}
	for _, ln := range bound {
		if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s was still bound (closing it: %v)", ln.Addr(), err)
		}
	}
}

func TestCloseIsIdempotentAndWaits(t *testing.T) {
	t.Parallel()
	cfg := healthy()
	bound := recordListeners(&cfg)
	srv, err := fakelync.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	before := srv.Addrs()
	c := connect(t, srv, intHTTP, "") // a request in flight
	io.WriteString(c, "POST /abs HTTP/1.1\r\nHost: x.example\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	io.ReadFull(c, make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n")))
	var closers sync.WaitGroup
	for range 4 {
		closers.Go(func() {
			if err := srv.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	closers.Wait()
	if h := last(t, srv); h.Status != 0 { // its handler has ended, or it would not be here
		t.Errorf("status = %d, want 0", h.Status)
	}
	wantClosed(t, *bound, 4)
	if srv.Addrs() != before {
		t.Errorf("Addrs() changed from %v to %v", before, srv.Addrs())
	}
}

func TestManyClients(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	var clients sync.WaitGroup
	for range 20 {
		clients.Go(func() {
			resp, err := http.Get("http://" + srv.Addrs().ExternalHTTP + rootTarget)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if resp.StatusCode != 200 {
				t.Errorf("status = %d", resp.StatusCode)
			}
		})
	}
	clients.Wait()
	if n := len(srv.History()); n != 20 {
		t.Errorf("%d requests in the history, want 20", n)
	}
}

func TestStartRejects(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		edit func(*fakelync.Config)
		want string
	}{
		{"product", func(c *fakelync.Config) { c.Product = "ocs" }, `fakelync: product: unknown product "ocs" (want lync-2010, lync-2013, sfb-2015 or sfb-2019)`},
		{"fqdn", func(c *fakelync.Config) { c.FQDN = "" }, "fakelync: fqdn: a host name is needed"},
		{"fqdn-with-port", func(c *fakelync.Config) { c.FQDN = "fe1:443" }, `fakelync: fqdn: "fe1:443" is no host name`},
		{"no-domain", func(c *fakelync.Config) { c.SIPDomains = nil }, "fakelync: sip_domains: at least one is needed"},
		{"domain-twice", func(c *fakelync.Config) { c.SIPDomains[1] = "Contoso.example" }, `fakelync: sip_domains[1]: "Contoso.example" is there twice`},
		{"document", func(c *fakelync.Config) { c.DefaultDocument = "html" }, `fakelync: default_document: unknown document "html"`},
		{"idle", func(c *fakelync.Config) { c.IdleTimeout = -1 }, "fakelync: idle_timeout: -1ns is negative"},
		{"kind", func(c *fakelync.Config) { c.SimpleURLs[1].Kind = "meeting" }, `fakelync: simple_urls[1].kind: unknown kind "meeting" (want meet, dialin, admin or scheduler)`},
		{"simple-url-host", func(c *fakelync.Config) { c.SimpleURLs[0].Host = "https://meet" }, `fakelync: simple_urls[0].host: "https://meet" is no host name`},
		{"simple-url-path", func(c *fakelync.Config) { c.SimpleURLs[0].Path = "meet/" }, `fakelync: simple_urls[0].path: "meet/" must start with a slash, not end with one, and be a plain path`},
		{"redirect", func(c *fakelync.Config) { c.Redirects = map[string]string{"online.example": "webdir.online.example"} }, `fakelync: redirects.online.example: next hop "webdir.online.example" is no http or https URL`},
		{"web-fqdn", func(c *fakelync.Config) { c.External.WebFQDN = "" }, "fakelync: external.web_fqdn: a host name is needed"},
		{"web-ticket-host", func(c *fakelync.Config) { c.Internal.WebTicketHost = "a/b" }, `fakelync: internal.web_ticket_host: "a/b" is no host name`},
		{"port", func(c *fakelync.Config) { c.External.PublishedPort = 70000 }, "fakelync: external.published_port: 70000 is no port"},
		{"tls", func(c *fakelync.Config) { c.External.MaxTLS = 1 }, "fakelync: external.max_tls: unknown TLS version 0x0001"},
		{"tls-range", func(c *fakelync.Config) { c.External.MinTLS, c.External.MaxTLS = tls.VersionTLS13, tls.VersionTLS12 }, "fakelync: external.min_tls: TLS 1.3 is above the highest version, TLS 1.2"},
		{"host-names", func(c *fakelync.Config) { c.External.HostNames = []string{"*"} }, `fakelync: external.host_names[0]: "*" is no host name`},
		{"filtering", func(c *fakelync.Config) { c.External.Filtering.MaxURL = -1 }, "fakelync: external.filtering: a limit is negative"},
		{"windows-auth", func(c *fakelync.Config) { c.External.WindowsAuth = []string{"Basic realm"} }, `fakelync: external.windows_auth[0]: "Basic realm" is no authentication scheme`},
		{"grants", func(c *fakelync.Config) { c.External.Grants = []string{"a", ""} }, `fakelync: external.grants[1]: "" is no grant type`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := healthy()
			tc.edit(&cfg)
			srv, err := fakelync.Start(t.Context(), cfg)
			if err == nil {
				srv.Close()
			}
			if got := fmt.Sprint(err); got != tc.want {
				t.Errorf("Start = %s\nwant    %s", got, tc.want)
			}
		})
	}
}

func TestApplicationsAreSorted(t *testing.T) {
	t.Parallel()
	names := fakelync.Applications()
	if !slices.IsSorted(names) || !slices.Contains(names, "ucwa") || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("Applications() = %v", names)
	}
}

func BenchmarkStart(b *testing.B) {
	cfg := healthy()
	for b.Loop() {
		srv, err := fakelync.Start(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		srv.Close()
	}
}
