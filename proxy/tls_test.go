package proxy_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lyncpin/proxy"
)

func TestCertificateBySNI(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	first, wild, exact := a.issue(t, nil, "first.contoso.example"), a.issue(t, nil, "*.fabrikam.example"), a.issue(t, nil, "www.fabrikam.example")
	named := a.issue(t, nil, "appliance.local")
	cfg := proxy.Config{
		HTTPS: []string{"127.0.0.1:0"},
		Certificates: []proxy.Certificate{
			{Certificate: first}, {Certificate: wild}, {Certificate: exact},
			{Certificate: named, Names: []string{"meet.contoso.example"}},
		},
		Grace: -1,
	}
	for _, tc := range []struct {
		name, sni string
		strict    bool
		want      string // common name
		refused   bool
	}{
		{name: "exact", sni: "www.fabrikam.example", want: "www.fabrikam.example"},
		{name: "case", sni: "WWW.Fabrikam.example", want: "www.fabrikam.example"},
		{name: "wildcard", sni: "dialin.fabrikam.example", want: "*.fabrikam.example"},
		{name: "wildcard-depth", sni: "a.b.fabrikam.example", want: "first.contoso.example"},
		{name: "explicit-name", sni: "meet.contoso.example", want: "appliance.local"},
		{name: "unknown", sni: "nobody.example", want: "first.contoso.example"},
		{name: "missing", want: "first.contoso.example"},
		{name: "strict-known", sni: "first.contoso.example", strict: true, want: "first.contoso.example"},
		{name: "strict-unknown", sni: "nobody.example", strict: true, refused: true},
		{name: "strict-missing", strict: true, refused: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := cfg
			c.TLS.StrictSNI = tc.strict
			s, err := proxy.Start(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			conn, err := tls.Dial("tcp", s.HTTPSAddrs()[0].String(), &tls.Config{ServerName: tc.sni, InsecureSkipVerify: true})
			if tc.refused {
				if err == nil || !strings.Contains(err.Error(), "unrecognized name") { // crypto/tls has no type for alerts it gets
					t.Errorf("handshake: %v, want the alert unrecognized_name", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if got := conn.ConnectionState().PeerCertificates[0].Subject.CommonName; got != tc.want {
				t.Errorf("certificate of %q, want %q", got, tc.want)
			}
		})
	}
}

func TestListenerVersionsAndProtocols(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.cfg.TLS.Max = tls.VersionTLS12
	w.start()
	try := func(edit func(*tls.Config)) (tls.ConnectionState, error) {
		conf := &tls.Config{RootCAs: w.ca.pool, ServerName: published}
		edit(conf)
		conn, err := tls.Dial("tcp", w.proxy.HTTPSAddrs()[0].String(), conf)
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer conn.Close()
		return conn.ConnectionState(), nil
	}
	if _, err := try(func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }); err == nil {
		t.Error("TLS 1.3 alone was taken, want a refusal")
	}
	if _, err := try(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }); err == nil {
		t.Error("TLS 1.1 was taken, want a refusal")
	}
	cs, err := try(func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} })
	if err != nil || cs.Version != tls.VersionTLS12 || cs.NegotiatedProtocol != "http/1.1" {
		t.Errorf("got version %x, protocol %q, %v; want TLS 1.2, http/1.1", cs.Version, cs.NegotiatedProtocol, err)
	}
}

// TestHopFailures asks through a broken hop, and wants the page to name it.
func TestHopFailures(t *testing.T) {
	t.Parallel()
	past := func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	}
	serve := func(w *world, cert tls.Certificate) {
		srv := httptest.NewUnstartedServer(w.echo("fe1"))
		srv.Config.ErrorLog = quiet()
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
		srv.StartTLS()
		w.t.Cleanup(srv.Close)
		w.cfg.WebServers = append(w.cfg.WebServers, proxy.WebServer{
			Alias: "fe1", Address: "127.0.0.1", Port: srv.Listener.Addr().(*net.TCPAddr).Port, RootCAs: w.ca.pool,
		})
	}
	for _, tc := range []struct {
		name   string
		build  func(w *world)
		status int // 200 for the near misses
		code   string
	}{
		{"refused", func(w *world) {
			w.server("fe1", "https", nil)
			w.cfg.WebServers[0].Port = nobody
		}, 502, "refused"},
		{"unresolvable", func(w *world) {
			w.server("fe1", "https", nil)
			w.cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "fe1", IsNotFound: true}}
			}
		}, 502, "unresolvable"},
		{"tls-name", func(w *world) { serve(w, w.ca.issue(t, nil, "pool.contoso.example")) }, 502, "tls-name"},
		{"tls-name-given", func(w *world) {
			serve(w, w.ca.issue(t, nil, "pool.contoso.example"))
			w.cfg.WebServers[0].Name = "pool.contoso.example"
		}, 200, ""},
		{"tls-name-of-host", func(w *world) {
			serve(w, w.ca.issue(t, nil, published))
			w.cfg.WebServers[0].Name = "{host}"
		}, 200, ""},
		{"tls-untrusted", func(w *world) { serve(w, newAuthority(t).issue(t, nil, "127.0.0.1")) }, 502, "tls-untrusted"},
		{"tls-untrusted-no-verify", func(w *world) {
			serve(w, newAuthority(t).issue(t, past, "other.example"))
			w.cfg.WebServers[0].NoVerify = true
		}, 200, ""},
		{"tls-expired", func(w *world) { serve(w, w.ca.issue(t, past, "127.0.0.1")) }, 502, "tls-expired"},
		{"tls-not-expired-then", func(w *world) {
			w.ca = newAuthorityAt(t, time.Now().Add(-36*time.Hour))
			w.cfg.Certificates[0].Certificate = w.ca.issue(t, nil, published)
			serve(w, w.ca.issue(t, past, "127.0.0.1"))
			w.cfg.Now = func() time.Time { return time.Now().Add(-36 * time.Hour) }
		}, 200, ""},
		{"tls-absent", func(w *world) {
			w.server("fe1", "http", nil)
			w.cfg.WebServers[0].Scheme = "https"
		}, 502, "tls-absent"},
		{"http-to-tls", func(w *world) {
			w.server("fe1", "https", nil)
			w.cfg.WebServers[0].Scheme = "http"
		}, 400, ""}, // the web server's own words
		{"tls-version", func(w *world) {
			w.server("fe1", "https", nil)
			w.cfg.WebServers[0].MinTLS, w.cfg.WebServers[0].MaxTLS = tls.VersionTLS10, tls.VersionTLS11
		}, 502, "tls"},
		{"disabled", func(w *world) {
			w.server("fe1", "https", nil)
			w.cfg.WebServers[0].Disabled = true
		}, 503, "no-web-server"},
		{"closed-without-answer", func(w *world) {
			w.server("fe1", "http", hangUp())
		}, 502, "no-answer"},
		{"not-http", func(w *world) {
			w.server("fe1", "http", says("220 mail.contoso.example ESMTP\r\n"))
		}, 502, "not-http"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tc.build(w)
			w.rule(proxy.Rule{Name: "lync <web>", WebServers: []string{"fe1"}})
			w.start()
			status, body, h := w.get("https://" + published + "/")
			if status != tc.status || h.Get("X-Proxy-Error") != tc.code {
				t.Fatalf("got %d %q, want %d %q:\n%s", status, h.Get("X-Proxy-Error"), tc.status, tc.code, body)
			}
			if tc.code == "" {
				return
			}
			want := []string{"lync &lt;web&gt;"}
			if tc.name != "disabled" {
				want = append(want, "<dd>fe1</dd>", "://127.0.0.1:")
			}
			for _, s := range want {
				if !strings.Contains(body, s) {
					t.Errorf("the page does not name %q:\n%s", s, body)
				}
			}
		})
	}
}

func TestHideHops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.cfg.WebServers[0].Port = nobody
	w.rule(proxy.Rule{Name: "lync", WebServers: []string{"fe1"}})
	w.cfg.HideHops = true
	w.start()
	if status, body, _ := w.get("https://" + published + "/"); status != 502 || strings.Contains(body, "fe1") || strings.Contains(body, "127.0.0.1") {
		t.Errorf("got %d:\n%s", status, body)
	}
}

func TestSNITowardsTheWebServer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, serverName, sni, want string }{
		{"address-is-ip", "", "", ""},
		{"of-name", "fe1.contoso.example", "", "fe1.contoso.example"},
		{"own", "", "other.contoso.example", "other.contoso.example"},
		{"host", "", "{host}", published},
		{"none", "fe1.contoso.example", "-", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			asked := make(chan string, 1)
			srv := httptest.NewUnstartedServer(w.echo("fe1"))
			cert := w.ca.issue(t, nil, "fe1.contoso.example", "127.0.0.1")
			srv.TLS = &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
				asked <- h.ServerName
				return &cert, nil
			}, Certificates: []tls.Certificate{cert}}
			srv.TLS.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
				if h.ServerName == "" {
					asked <- ""
				}
				return nil, nil
			}
			srv.StartTLS()
			t.Cleanup(srv.Close)
			w.cfg.WebServers = []proxy.WebServer{{
				Alias: "fe1", Address: "127.0.0.1", Port: srv.Listener.Addr().(*net.TCPAddr).Port,
				RootCAs: w.ca.pool, Name: tc.serverName, SNI: tc.sni,
			}}
			w.rule(proxy.Rule{WebServers: []string{"fe1"}})
			w.start()
			if status, body, _ := w.get("https://" + published + "/"); status != 200 {
				t.Fatalf("status %d:\n%s", status, body)
			}
			if got := wait(t, "the handshake", asked); got != tc.want {
				t.Errorf("SNI = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestClientCertificates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.cfg.TLS.ClientAuth, w.cfg.TLS.ClientCAs = tls.RequireAndVerifyClientCert, w.ca.pool
	w.start()
	if _, err := w.client().Get("https://" + published + "/"); err == nil {
		t.Error("a client without a certificate was let in")
	}
	if len(w.requests()) != 0 {
		t.Error("the web server got a request")
	}
}
