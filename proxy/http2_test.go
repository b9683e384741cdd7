package proxy_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"lyncpin/proxy"
)

// http2Client speaks nothing else.
func (w *world) http2Client() *http.Client {
	c := w.client()
	tr := c.Transport.(*http.Transport)
	tr.Protocols = new(http.Protocols)
	tr.Protocols.SetHTTP2(true)
	return c
}

func TestHTTP2IsOfferedWhenAskedFor(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		w := newWorld(t)
		w.cfg.TLS.HTTP2 = on
		w.server("fe1", "https", nil)
		w.rule(proxy.Rule{WebServers: []string{"fe1"}})
		w.start()
		conn, err := tls.Dial("tcp", w.proxy.HTTPSAddrs()[0].String(), &tls.Config{
			RootCAs: w.ca.pool, ServerName: published, NextProtos: []string{"h2", "http/1.1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		want := map[bool]string{false: "http/1.1", true: "h2"}[on]
		if got := conn.ConnectionState().NegotiatedProtocol; got != want {
			t.Errorf("with HTTP2 %v: %q was chosen, want %q", on, got, want)
		}
	}
}

func TestHTTP2Passes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.TLS.HTTP2 = true
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	status, body, header := w.do(w.http2Client(), "POST", "https://"+published+"/WebTicket/x?a=b", nil, strings.NewReader("ticket"))
	if status != 200 || body != "fe1" || header.Get("X-Ms-Server-Fqdn") != "fe1.contoso.example" {
		t.Errorf("got %d %q %v, want fe1's answer", status, body, header)
	}
	if got := w.last(); got.target != "/WebTicket/x?a=b" || got.host != published || got.body != "ticket" {
		t.Errorf("fe1 got %+v", got)
	}
	if got := w.proxy.History(); len(got) > 0 && got[0].Listener != "https" {
		t.Errorf("history: %+v", got)
	}
	status, _, header = w.do(w.http2Client(), "GET", "https://elsewhere.fabrikam.example/", nil, nil)
	if status != http.StatusMisdirectedRequest || header.Get("X-Proxy-Error") != "unknown-host" {
		t.Errorf("an unknown host: %d %v, want 421", status, header)
	}
}

// Over HTTP/2 nobody is logged on, and nobody gets another one's session.
func TestHTTP2BreaksConnectionAuth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.TLS.HTTP2 = true
	w.server("fe1", "https", new(connectionAuth).handler())
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	alice := w.http2Client()
	ask := func(authorization string) (int, string, string) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+published+"/webticket", nil)
		if err != nil {
			t.Fatal(err)
		}
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		res, err := alice.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.ProtoMajor != 2 {
			t.Errorf("%s, %v", res.Proto, err)
		}
		return res.StatusCode, string(body), res.Header.Get("WWW-Authenticate")
	}
	if status, _, challenge := ask("NTLM leg1"); status != 401 || challenge != "NTLM challenge" {
		t.Errorf("leg 1: %d %q, want a challenge", status, challenge)
	}
	if status, body, _ := ask("NTLM leg3:alice"); status != 401 {
		t.Errorf("leg 3: %d %q, want 401", status, body)
	}
	for range 4 {
		if status, body, _ := ask(""); status != 401 {
			t.Errorf("without credentials: %d %q, want 401", status, body)
		}
	}
	w.session().logIn("NTLM", "bob", nil) // HTTP/1.1 works as ever
}
