package proxy_test

import (
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
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

// Over HTTP/2 nobody is logged on, and nobody gets another one's session: who tries is told to come over HTTP/1.1.
func TestHTTP2RequiresHTTP11ForConnectionAuth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.TLS.HTTP2 = true
	w.server("fe1", "https", new(connectionAuth).handler())
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	alice := w.http2Client()
	ask := func(method, authorization string) (int, error) {
		req, err := http.NewRequestWithContext(t.Context(), method, "https://"+published+"/webticket", strings.NewReader(strings.Repeat("x", 100<<10)))
		if err != nil {
			t.Fatal(err)
		}
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		res, err := alice.Do(req)
		if err != nil {
			return 0, err
		}
		defer res.Body.Close()
		_, err = io.Copy(io.Discard, res.Body)
		return res.StatusCode, err
	}
	for range 3 { // the connection goes on, and its table of fields with it
		for _, authorization := range []string{"NTLM leg1", "Negotiate leg1", "ntlm leg1"} {
			for _, method := range []string{"GET", "POST"} {
				if status, err := ask(method, authorization); err == nil || !strings.Contains(err.Error(), "HTTP_1_1_REQUIRED") {
					t.Errorf("%s with %s: %d, %v; want HTTP_1_1_REQUIRED", method, authorization, status, err) // the bundled client exports no type for it
				}
			}
		}
		for _, authorization := range []string{"", "Bearer x", "NTLMish x"} {
			if status, err := ask("GET", authorization); status != 401 || err != nil {
				t.Errorf("with %q: %d, %v; want 401", authorization, status, err)
			}
		}
	}
	for _, r := range w.requests() {
		if strings.HasPrefix(r.header.Get("Authorization"), "N") && r.header.Get("Authorization") != "NTLMish x" {
			t.Errorf("fe1 was sent %q", r.header.Get("Authorization"))
		}
	}
	if got := w.proxy.Counters().Refusals["http11-required"]; got != 18 {
		t.Errorf("%d refusals are counted, want 18", got)
	}
	w.session().logIn("NTLM", "bob", nil) // HTTP/1.1 works as ever
}

// A reset for another reason keeps its code.
func TestHTTP2ResetsOfBrokenAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.TLS.HTTP2 = true
	w.server("fe1", "http", says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}, AnyScheme: true})
	w.start()
	res, err := w.http2Client().Get("https://" + published + "/")
	if err == nil {
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "INTERNAL_ERROR") {
		t.Errorf("half an answer: %v, want INTERNAL_ERROR", err)
	}
}

// ntlm is a web server that takes any user, but only in three legs over one connection, with messages as real clients read them.
func ntlm() http.Handler {
	challenge := append([]byte("NTLMSSP\x00\x02\x00\x00\x00"), make([]byte, 44)...)
	challenge[16] = 56                                       // where the empty name of the target lies
	copy(challenge[20:], "\x01\x82\x00\x00")                 // Unicode, NTLM, always sign
	copy(challenge[24:], "\x01\x23\x45\x67\x89\xab\xcd\xef") // the challenge
	challenge[44] = 56
	var mu sync.Mutex
	greeted := map[string]bool{}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, text, _ := strings.Cut(r.Header.Get("Authorization"), "NTLM ")
		message, _ := base64.StdEncoding.DecodeString(text)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case len(message) > 8 && message[8] == 1:
			greeted[r.RemoteAddr] = true
			rw.Header().Set("WWW-Authenticate", "NTLM "+base64.StdEncoding.EncodeToString(challenge))
			rw.WriteHeader(401)
		case len(message) > 8 && message[8] == 3 && greeted[r.RemoteAddr]:
			io.WriteString(rw, "logged on")
		default:
			rw.Header().Set("WWW-Authenticate", "NTLM")
			rw.WriteHeader(401)
		}
	})
}

func TestCurlLogsOnDespiteHTTP2(t *testing.T) {
	t.Parallel()
	curl := tool(t, "curl")
	w := newWorld(t)
	w.cfg.TLS.HTTP2 = true
	w.server("fe1", "https", ntlm())
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	for _, auth := range []string{"--ntlm", "--anyauth"} {
		_, port, _ := net.SplitHostPort(w.proxy.HTTPSAddrs()[0].String())
		out, err := exec.CommandContext(t.Context(), curl, "-sS", "-k", "--http2", auth, "-u", "alice:none", "--max-time", "20",
			"--connect-to", published+":443:127.0.0.1:"+port, "-w", " %{http_code} HTTP/%{http_version}", "https://"+published+"/webticket").CombinedOutput()
		if err != nil || string(out) != "logged on 200 HTTP/1.1" {
			t.Errorf("curl %s: %v %s", auth, err, out)
		}
	}
}
