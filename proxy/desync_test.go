package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"lyncpin/proxy"
)

// An oddServer answers the first request on its first connection with odd bytes, and all others honestly.
type oddServer struct {
	early  string // sent before anything is asked
	answer string
	later  string        // sent when the first client has its answer
	heard  chan struct{} // closed when it has
	done   chan struct{} // closed when all odd bytes are out
}

// behind starts a proxy with it as the only web server.
func (o *oddServer) behind(t *testing.T, edits ...func(*proxy.Config)) *world {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.heard, o.done = make(chan struct{}), make(chan struct{})
	var serving sync.WaitGroup
	serving.Go(func() {
		for n := 0; ; n++ {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				o.serve(t.Context(), conn, n == 0)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		serving.Wait()
	})
	w := newWorld(t)
	w.cfg.WebServers = []proxy.WebServer{{Alias: "odd", Address: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, Scheme: "http"}}
	w.rule(proxy.Rule{WebServers: []string{"odd"}})
	for _, edit := range edits {
		edit(&w.cfg)
	}
	return w.start()
}

func (o *oddServer) serve(ctx context.Context, conn net.Conn, first bool) {
	if first {
		io.WriteString(conn, o.early)
	}
	br := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		io.Copy(io.Discard, r.Body)
		if !first {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhonest")
			continue
		}
		first = false
		io.WriteString(conn, o.answer)
		if o.later != "" {
			select {
			case <-o.heard:
			case <-ctx.Done():
			}
			io.WriteString(conn, o.later)
		}
		close(o.done)
	}
}

// TestAnswersBelongToTheirRequests has a web server that sends what is no answer, or could be two, and wants the client to get one
// plain answer or 502, and the next client never what was left over. (RFC 9112, 6.3, 9.2, 9.3, 11.1; RFC 9110, 15.2, 15.3.5, 15.4.5.)
func TestAnswersBelongToTheirRequests(t *testing.T) {
	t.Parallel()
	const (
		ok     = "HTTP/1.1 200 OK\r\n"
		forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
		chunks = ok + "Transfer-Encoding: chunked\r\n\r\n"
	)
	for _, tc := range []struct {
		name string
		odd  oddServer
		want string // status and body; "cut" when the client must see that something is missing
	}{
		// One thing, said oddly.
		{"plain", oddServer{answer: ok + "Content-Length: 2\r\n\r\nhi"}, "200 hi"},
		{"line-feeds", oddServer{answer: "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi"}, "200 hi"},
		{"two-lengths-alike", oddServer{answer: ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi"}, "200 hi"},
		{"both-lengths", oddServer{answer: ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n" + forged}, "200 hi"},
		{"no-reason", oddServer{answer: "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi"}, "200 hi"},
		{"status-unknown", oddServer{answer: "HTTP/1.1 799 ?\r\nContent-Length: 2\r\n\r\nhi"}, "799 hi"},
		{"http-1.0-kept", oddServer{answer: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi" + forged}, "200 hi"},
		{"http-1.0-chunked", oddServer{answer: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n" + forged}, "200 hi"},
		{"trailer-length", oddServer{answer: chunks + "2\r\nhi\r\n0\r\nContent-Length: 50\r\n\r\n"}, "200 hi"},
		{"escaped-splitting", oddServer{answer: ok + "Location: /%0d%0a%0d%0aforged\r\nContent-Length: 2\r\n\r\nhi"}, "200 hi"},
		{"interim", oddServer{answer: "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nhi"}, "200 hi"},
		{"unasked-100", oddServer{answer: "HTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nhi"}, "200 hi"},
		{"interim-with-length", oddServer{answer: "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nhi"}, "200 hi"},

		// More than was asked for.
		{"extra-answer", oddServer{answer: ok + "Content-Length: 2\r\n\r\nhi" + forged}, "200 hi"},
		{"extra-answer-behind-chunks", oddServer{answer: chunks + "2\r\nhi\r\n0\r\n\r\n" + forged}, "200 hi"},
		{"extra-answer-behind-nothing", oddServer{answer: ok + "Content-Length: 0\r\n\r\n" + forged}, "200 "},
		{"extra-bytes", oddServer{answer: ok + "Content-Length: 2\r\n\r\nhi and more"}, "200 hi"},
		{"extra-line-end", oddServer{answer: ok + "Content-Length: 2\r\n\r\nhi\r\n"}, "200 hi"},
		{"204-with-body", oddServer{answer: "HTTP/1.1 204 No Content\r\nContent-Length: " + fmt.Sprint(len(forged)) + "\r\n\r\n" + forged}, "204 "},
		{"204-with-chunks", oddServer{answer: "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}, "204 "},
		{"304-with-body", oddServer{answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nhi" + forged}, "304 "},
		{"head-with-body", oddServer{answer: ok + "Content-Length: " + fmt.Sprint(len(forged)) + "\r\n\r\n" + forged}, "200 "},
		{"later-answer", oddServer{answer: ok + "Content-Length: 2\r\n\r\nhi", later: forged}, "200 hi"},
		{"later-answer-behind-chunks", oddServer{answer: chunks + "2\r\nhi\r\n0\r\n\r\n", later: forged}, "200 hi"},
		{"later-answer-behind-204", oddServer{answer: "HTTP/1.1 204 No Content\r\n\r\n", later: forged}, "204 "},
		{"later-bytes", oddServer{answer: ok + "Content-Length: 2\r\n\r\nhi", later: "x"}, "200 hi"},
		{"later-interim", oddServer{answer: ok + "Content-Length: 2\r\n\r\nhi", later: "HTTP/1.1 100 Continue\r\n\r\n"}, "200 hi"},
		{"head-with-later-body", oddServer{answer: ok + "Content-Length: " + fmt.Sprint(len(forged)) + "\r\n\r\n", later: forged}, "200 "},
		{"before-the-request", oddServer{early: ok + "Content-Length: 2\r\n\r\nhi", answer: forged}, "200 hi"},

		// No answer at all.
		{"two-lengths", oddServer{answer: ok + "Content-Length: 2\r\nContent-Length: 8\r\n\r\nhi" + forged}, "502"},
		{"length-list", oddServer{answer: ok + "Content-Length: 2, 2\r\n\r\nhi"}, "502"},
		{"length-minus", oddServer{answer: ok + "Content-Length: -2\r\n\r\nhi"}, "502"},
		{"length-huge", oddServer{answer: ok + "Content-Length: 99999999999999999999\r\n\r\nhi"}, "502"},
		{"length-empty", oddServer{answer: ok + "Content-Length:\r\n\r\nhi"}, "502"},
		{"coding-identity", oddServer{answer: ok + "Transfer-Encoding: identity\r\n\r\nhi"}, "502"},
		{"coding-twice", oddServer{answer: ok + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"}, "502"},
		{"coding-two-fields", oddServer{answer: ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}, "502"},
		{"coding-space-before-colon", oddServer{answer: ok + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"}, "502"},
		{"nul-in-value", oddServer{answer: ok + "X-A: b\x00c\r\nContent-Length: 0\r\n\r\n"}, "502"},
		{"splitting-by-cr", oddServer{answer: ok + "Location: /\r\rforged\r\nContent-Length: 0\r\n\r\n"}, "502"},
		{"no-colon", oddServer{answer: ok + "nothing\r\nContent-Length: 0\r\n\r\n"}, "502"},
		{"space-first", oddServer{answer: ok + " X-A: b\r\nContent-Length: 0\r\n\r\n"}, "502"},
		{"line-two-spaces", oddServer{answer: "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n"}, "502"},
		{"line-lower", oddServer{answer: "http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}, "502"},
		{"line-1.2", oddServer{answer: "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n"}, "502"},
		{"line-empty-first", oddServer{answer: "\r\n" + ok + "Content-Length: 0\r\n\r\n"}, "502"},
		{"status-four-digits", oddServer{answer: "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"}, "502"},
		{"status-plus", oddServer{answer: "HTTP/1.1 +20 OK\r\nContent-Length: 0\r\n\r\n"}, "502"},
		{"status-099", oddServer{answer: "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"}, "502"},
		{"reason-cr", oddServer{answer: "HTTP/1.1 200 OK\rX-A: b\r\nContent-Length: 0\r\n\r\n"}, "502"},
		{"reason-nul", oddServer{answer: "HTTP/1.1 200 \x00\r\nContent-Length: 0\r\n\r\n"}, "502"},
		{"fields", oddServer{answer: ok + strings.Repeat("X-A: b\r\n", 300) + "\r\n"}, "502"},
		{"head-endless", oddServer{answer: ok + "X-A: " + strings.Repeat("b", 3<<20)}, "502"},
		{"interims-endless", oddServer{answer: strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: "+strings.Repeat("x", 1000)+"\r\n\r\n", 3000)}, "502"},
		{"101-unasked", oddServer{answer: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + forged}, "502"},

		// Half of one.
		{"chunk-size-prefix", oddServer{answer: chunks + "2\r\nhi\r\n0x0\r\n\r\n"}, "cut"},
		{"chunk-line-feeds", oddServer{answer: chunks + "2\r\nhi\r\n0\n\n"}, "cut"},
		{"chunk-size-plus", oddServer{answer: chunks + "2\r\nhi\r\n+0\r\n\r\n"}, "cut"},
		{"chunk-size-blank", oddServer{answer: chunks + "2\r\nhi\r\n 0\r\n\r\n"}, "cut"},
		{"chunk-size-overflow", oddServer{answer: chunks + "2\r\nhi\r\n10000000000000000\r\n\r\n"}, "cut"},
		{"chunk-too-long", oddServer{answer: chunks + "1\r\nhi\r\n0\r\n\r\n"}, "cut"},
		{"trailer-bad", oddServer{answer: chunks + "2\r\nhi\r\n0\r\nX A: b\r\n\r\n"}, "cut"},
		{"trailer-folded", oddServer{answer: chunks + "2\r\nhi\r\n0\r\nX-A: b\r\n c\r\n\r\n"}, "cut"},
		{"trailer-endless", oddServer{answer: chunks + "2\r\nhi\r\n0\r\n" + strings.Repeat("X-A: b\r\n", 10_000)}, "cut"},
		{"extension-endless", oddServer{answer: chunks + "2\r\nhi\r\n0;" + strings.Repeat("x", 100_000)}, "cut"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := tc.odd.behind(t)
			method := "GET"
			if strings.HasPrefix(tc.name, "head-with") {
				method = "HEAD"
			}
			got := w.hear(w.raw("http"), method, "first")
			close(tc.odd.heard)
			if tc.want == "502" && !strings.HasPrefix(got, "502 ") || tc.want != "502" && got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if tc.want != "502" && tc.want != "cut" {
				<-tc.odd.done
			}
			// The next client has another connection. TLS takes it longer than the moment in which nobody looks.
			if got := w.hear(w.raw("https"), "GET", "second"); got != "200 honest" {
				t.Errorf("the next client got %q", got)
			}
		})
	}
}

// hear asks for a path and says what came: status and body, or "cut".
func (w *world) hear(conn net.Conn, method, path string) string {
	fmt.Fprintf(conn, "%s /%s HTTP/1.1\r\nHost: %s\r\n\r\n", method, path, published)
	return w.hearAnswer(conn, method)
}

func (w *world) hearAnswer(conn net.Conn, method string) string {
	br := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(br, &http.Request{Method: method})
		if err != nil {
			return "cut"
		}
		if res.StatusCode < 200 {
			continue
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return "cut"
		}
		return fmt.Sprintf("%d %s", res.StatusCode, body)
	}
}

// A web server that has not said 100 may read a body that came all the same as the next request: that one must not be another
// client's.
func TestUnsureConnectionsAreNotShared(t *testing.T) {
	t.Parallel()
	const final = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	for name, answer := range map[string]string{
		"never-said-100": final,
		"said-100":       "HTTP/1.1 100 Continue\r\n\r\n" + final,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			odd := oddServer{answer: answer}
			var dials atomic.Int32
			w := odd.behind(t, func(cfg *proxy.Config) {
				cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
					dials.Add(1)
					return new(net.Dialer).DialContext(ctx, network, addr)
				}
			})
			conn := w.raw("http")
			fmt.Fprintf(conn, "POST /first HTTP/1.1\r\nHost: %s\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", published)
			if got := w.hearAnswer(conn, "POST"); got != "200 hi" {
				t.Errorf("got %q", got)
			}
			<-odd.done
			if got := w.hear(w.raw("https"), "GET", "second"); got != "200 honest" {
				t.Errorf("the next client got %q", got)
			}
			if want := map[string]int32{"never-said-100": 2, "said-100": 1}[name]; dials.Load() != want {
				t.Errorf("%d connections to the web server, want %d", dials.Load(), want)
			}
		})
	}
}
