package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"lyncpin/proxy"
)

// What a web server of another make sees: the request line and the fields of HTTP/1.0.
func TestHTTP10(t *testing.T) {
	t.Parallel()
	long := "/" + strings.Repeat("a", 6000) // longer than what is written at once
	for _, tc := range []struct {
		name, scheme, path string
		body               io.Reader
		want               string
	}{
		{"get", "http", "/x?y=z", nil, "HTTP/1.0 GET /x?y=z close [] "},
		{"https", "https", "/x", nil, "HTTP/1.0 GET /x close [] "},
		{"long-line", "https", long, nil, "HTTP/1.0 GET " + long + " close [] "},
		{"body", "https", "/x", strings.NewReader("a ticket"), "HTTP/1.0 POST /x close [] a ticket"},
		{"body-of-unknown-length", "https", "/x", io.MultiReader(strings.NewReader("a "), strings.NewReader("ticket")), "HTTP/1.0 POST /x close [] a ticket"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.server("fe1", tc.scheme, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				rw.WriteHeader(200)
				rw.(http.Flusher).Flush() // so that its length is not known
				fmt.Fprintf(rw, "%s %s %s %s %v %s", r.Proto, r.Method, r.RequestURI, r.Header.Get("Connection"), r.TransferEncoding, body)
			}))
			w.rule(proxy.Rule{WebServers: []string{"fe1"}, HTTP10: true})
			w.start()
			method := "GET"
			if tc.body != nil {
				method = "POST"
			}
			if status, got, _ := w.do(w.client(), method, "https://"+published+tc.path, nil, tc.body); status != 200 || got != tc.want {
				t.Errorf("got %d %.100q, want %.100q", status, got, tc.want)
			}
		})
	}
}

func TestHTTP10EndsAuthentication(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", new(connectionAuth).handler())
	w.rule(proxy.Rule{WebServers: []string{"fe1"}, HTTP10: true})
	w.start()
	s := w.session()
	_, _, first := s.ask("NTLM leg1")
	if status, _, second := s.ask("NTLM leg3:alice"); status != 401 || first == second {
		t.Errorf("leg 3: %d on the same connection: %v; want 401 on another", status, first == second)
	}
}

func TestHTTP10HoldsNoEndlessBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}, HTTP10: true})
	w.start()
	res := w.say(w.raw("https"), "POST /x HTTP/1.1\r\nHost: "+published+"\r\nTransfer-Encoding: chunked\r\n\r\n"+
		strings.Repeat("100000\r\n"+strings.Repeat("x", 1<<20)+"\r\n", 5))
	if res.StatusCode != http.StatusLengthRequired || res.Header.Get("X-Proxy-Error") != "length-required" {
		t.Errorf("got %s %v, want 411", res.Status, res.Header)
	}
	if got := w.requests(); len(got) > 0 {
		t.Errorf("fe1 was asked: %d times", len(got))
	}
}
