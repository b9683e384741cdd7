package proxy_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"lyncpin/proxy"
)

// heard starts a web server that notes each head as it comes and answers with text.
func (w *world) heard(text string) <-chan string {
	heads := make(chan string, 10)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			var head strings.Builder
			for r := bufio.NewReader(conn); !strings.HasSuffix(head.String(), "\r\n\r\n"); {
				line, err := r.ReadString('\n')
				if err != nil {
					break
				}
				head.WriteString(line)
			}
			heads <- head.String()
			io.WriteString(conn, text)
			conn.Close()
		}
	}()
	w.cfg.WebServers = append(w.cfg.WebServers, proxy.WebServer{
		Alias: "fe1", Address: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, Scheme: "http",
	})
	return heads
}

// What RFC 9110 and RFC 9112 want of an intermediary, beyond what passes by itself.
func TestHeadsByTheRFCs(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
	for _, tc := range []struct {
		name, request, answer string
		sent, without         string // to the web server
		got                   string // by the client, a line
	}{
		{name: "te-is-named-in-connection", // RFC 9110, 10.1.4
			request: "GET / HTTP/1.1\r\nHost: " + published + "\r\nTE: trailers, deflate;q=0.5\r\nConnection: TE\r\n\r\n",
			sent:    "TE: trailers\r\nConnection: TE\r\n", without: "deflate"},
		{name: "te-without-trailers-ends-here",
			request: "GET / HTTP/1.1\r\nHost: " + published + "\r\nTE: deflate\r\nConnection: TE\r\n\r\n", without: "TE"},
		{name: "upgrade-required-says-to-what", // RFC 9110, 15.5.22
			request: "GET / HTTP/1.1\r\nHost: " + published + "\r\n\r\n",
			answer:  "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n",
			got:     "Upgrade: websocket\r\nConnection: Upgrade\r\n"},
		{name: "options-of-a-url-without-path", // RFC 9112, 3.2.4
			request: "OPTIONS http://" + published + " HTTP/1.1\r\nHost: other.example\r\n\r\n", sent: "OPTIONS * HTTP/1.1\r\nHost: " + published + "\r\n"},
		{name: "options-of-a-url-with-path",
			request: "OPTIONS http://" + published + "/ HTTP/1.1\r\nHost: other.example\r\n\r\n", sent: "OPTIONS / HTTP/1.1\r\n"},
		{name: "get-of-a-url-without-path",
			request: "GET http://" + published + " HTTP/1.1\r\nHost: other.example\r\n\r\n", sent: "GET / HTTP/1.1\r\nHost: " + published + "\r\n"},
		{name: "http-1.0-expects-nothing", // RFC 9110, 10.1.1
			request: "POST / HTTP/1.0\r\nHost: " + published + "\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx", sent: "Content-Length: 1\r\n", without: "Expect"},
		{name: "http-1.0-upgrades-nothing", // RFC 9110, 7.8
			request: "GET / HTTP/1.0\r\nHost: " + published + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", without: "Upgrade"},
		{name: "http-1.0-sees-no-interim-answers", // RFC 9110, 15.2
			request: "GET / HTTP/1.0\r\nHost: " + published + "\r\n\r\n", answer: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok, got: "HTTP/1.0 200 OK\r\n"},
		{name: "interim-answers-pass",
			request: "GET / HTTP/1.1\r\nHost: " + published + "\r\n\r\n", answer: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok, got: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"},
		{name: "upgrade-without-connection", // RFC 9110, 7.8
			request: "GET / HTTP/1.1\r\nHost: " + published + "\r\nUpgrade: websocket\r\n\r\n", without: "Upgrade"},
		{name: "fields-named-in-connection", // RFC 9110, 7.6.1
			request: "GET / HTTP/1.1\r\nHost: " + published + "\r\nX-Hop: 1\r\nX-End: 2\r\nConnection: x-hop\r\n\r\n", sent: "X-End: 2\r\n", without: "X-Hop"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if tc.answer == "" {
				tc.answer = ok
			}
			w := newWorld(t)
			heads := w.heard(tc.answer)
			w.rule(proxy.Rule{WebServers: []string{"fe1"}})
			w.start()
			conn := w.raw("http")
			io.WriteString(conn, tc.request)
			sent := wait(t, "the request", heads)
			if !strings.Contains(sent, tc.sent) || tc.without != "" && strings.Contains(sent, tc.without) {
				t.Errorf("sent %q, want %q without %q", sent, tc.sent, tc.without)
			}
			var got strings.Builder
			buf := make([]byte, 4096)
			for !strings.Contains(got.String(), tc.got) || tc.got == "" && !strings.Contains(got.String(), " 200 ") {
				n, err := conn.Read(buf)
				got.Write(buf[:n])
				if err != nil {
					t.Fatalf("got %q, want %q", got.String(), tc.got)
				}
			}
			if strings.HasPrefix(tc.got, "HTTP/1.0 200") && !strings.HasPrefix(got.String(), tc.got) {
				t.Errorf("got %q, want nothing before %q", got.String(), tc.got)
			}
		})
	}
}

// A trailer that the client says it takes arrives, and a field that belongs into a head does not come in one (RFC 9110, 6.5.1).
func TestTrailersByTheRFC(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.heard("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nContent-Length: 99\r\n\r\n")
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	res := w.say(w.raw("http"), "GET / HTTP/1.1\r\nHost: "+published+"\r\nTE: trailers\r\nConnection: TE\r\n\r\n")
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "ok" {
		t.Fatalf("%q, %v", body, err)
	}
	want := http.Header{"X-Sum": {"1"}}
	if got := res.Trailer; len(got) != 1 || got.Get("X-Sum") != want.Get("X-Sum") {
		t.Errorf("trailer %v, want %v", got, want)
	}
}
