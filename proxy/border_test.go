package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"lyncpin/proxy"
)

// A hop's own fields must not be a way to take others away from the next one, or to reach it past the rules.
func TestConnectionOptionsDoNotReachFraming(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "http", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	res := w.say(w.raw("http"), "POST / HTTP/1.1\r\nHost: "+published+"\r\nContent-Length: 5\r\n"+
		"Connection: Host, Content-Length, X-Forwarded-For, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\nhello")
	got := w.last()
	if res.StatusCode != 200 || got.host != published || got.body != "hello" || got.header.Get("X-Forwarded-For") != "127.0.0.1" {
		t.Errorf("%s, web server got %+v", res.Status, got)
	}
	if got.header.Get("Upgrade") != "" || got.header.Get("Http2-Settings") != "" {
		t.Errorf("an upgrade to HTTP/2 was passed on: %v", got.header)
	}
}

func TestSlowHeadsEnd(t *testing.T) {
	t.Parallel()
	for _, begin := range []string{"G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: " + published + "\r\nX-A: b\r\n"} {
		t.Run(fmt.Sprint(len(begin)), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.server("fe1", "http", nil)
			w.rule(proxy.Rule{WebServers: []string{"fe1"}})
			w.cfg.Timeouts.Header = 50 * time.Millisecond
			w.start()
			if res := w.say(w.raw("http"), begin); res.StatusCode != 408 || !res.Close {
				t.Errorf("got %s, closing: %v; want 408 and the end of the connection", res.Status, res.Close)
			}
		})
	}
}

// Requests that come at once are answered one after the other, each its own.
func TestPipelining(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(rw, "%s %s", r.URL.Path, body)
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	conn := w.raw("https")
	const head = " HTTP/1.1\r\nHost: " + published + "\r\n"
	io.WriteString(conn, "POST /1"+head+"Content-Length: 3\r\n\r\none"+
		"GET /2"+head+"\r\n"+
		"POST /3"+head+"Transfer-Encoding: chunked\r\n\r\n5\r\nthree\r\n0\r\n\r\n"+
		"GET /4"+head+"Connection: close\r\n\r\n")
	br := bufio.NewReader(conn)
	for _, want := range []string{"/1 one", "/2 ", "/3 three", "/4 "} {
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(res.Body); string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if _, err := br.ReadByte(); err != io.EOF {
		t.Errorf("after Connection: close: %v, want the end", err)
	}
}
