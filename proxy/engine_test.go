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
	"time"

	"lyncpin/proxy"
)

// pipes is a listener for connections within the process, which no system watches.
func (w *world) pipes() *pipeListener {
	ln := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	w.cfg.HTTPS = nil
	w.cfg.Listen = func(context.Context, string, string) (net.Listener, error) { return ln, nil }
	return ln
}

// A client that leaves frees its poll at once, whether the system tells or a goroutine has to read.
func TestPollsAreFreedWithoutSockets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	polling, freed := make(chan struct{}), make(chan struct{})
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		close(polling)
		<-r.Context().Done()
		close(freed)
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	ln := w.pipes()
	w.start()
	client, server := net.Pipe()
	ln.conns <- server
	fmt.Fprintf(client, "GET /ucwa/events HTTP/1.1\r\nHost: %s\r\n\r\n", published)
	wait(t, "the poll", polling)
	client.Close()
	wait(t, "the end of the poll", freed)
}

// What a client says while it waits is its next request, also where a goroutine reads it.
func TestRequestsBehindAPoll(t *testing.T) {
	t.Parallel()
	for _, listener := range []string{"socket", "pipe"} {
		t.Run(listener, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			free := make(chan struct{})
			w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/poll" {
					<-free
				}
				io.WriteString(rw, r.Method+" "+r.URL.Path)
			}))
			w.rule(proxy.Rule{WebServers: []string{"fe1"}})
			var conn net.Conn
			if listener == "pipe" {
				ln := w.pipes()
				w.start()
				var server net.Conn
				conn, server = net.Pipe()
				ln.conns <- server
				conn.SetDeadline(time.Now().Add(10 * time.Second))
			} else {
				w.start()
				conn = w.raw("https")
			}
			const rest = " HTTP/1.1\r\nHost: " + published + "\r\n\r\n"
			io.WriteString(conn, "GET /poll"+rest)
			written := make(chan error, 1)
			go func() {
				_, err := io.WriteString(conn, "GET /next"+rest) // over a pipe, until somebody reads
				written <- err
			}()
			timer := time.NewTimer(time.Second) // past the time in which everything is kept in hand
			defer timer.Stop()
			<-timer.C
			close(free)
			br := bufio.NewReader(conn)
			for _, want := range []string{"GET /poll", "GET /next"} {
				res, err := http.ReadResponse(br, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got, _ := io.ReadAll(res.Body); string(got) != want {
					t.Errorf("got %q, want %q", got, want)
				}
			}
			if err := wait(t, "the second request", written); err != nil {
				t.Error(err)
			}
		})
	}
}

// A connection that the web server has closed in the meantime is not what a client hears of.
func TestStaleConnections(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, method, body string }{{"get", "GET", ""}, {"post", "POST", "hello"}, {"post-empty", "POST", ""}} {
		for _, scheme := range []string{"https", "http"} {
			t.Run(tc.name+"-"+scheme, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				srv := w.server("fe1", scheme, nil)
				w.rule(proxy.Rule{WebServers: []string{"fe1"}})
				var dials atomic.Int32
				w.cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
					dials.Add(1)
					return new(net.Dialer).DialContext(ctx, network, addr)
				}
				w.cfg.HTTP = []string{"127.0.0.1:0"}
				w.start()
				c := w.client()
				for range 2 {
					w.do(c, "GET", scheme+"://"+published+"/", nil, nil)
				}
				if n := dials.Load(); n != 1 {
					t.Errorf("two requests took %d connections, want one", n)
				}
				srv.CloseClientConnections()
				for range 3 {
					if status, _, _ := w.do(c, tc.method, scheme+"://"+published+"/", nil, strings.NewReader(tc.body)); status != 200 {
						t.Errorf("after the web server had closed the connection: %d, want 200", status)
					}
				}
				if n := dials.Load(); n != 2 {
					t.Errorf("%d connections in all, want two", n)
				}
			})
		}
	}
}

// A request that may have been done is not done again.
func TestNothingButSafeRequestsIsRepeated(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]int32{"GET": 2, "POST": 1, "DELETE": 1} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var asked atomic.Int32
			w.server("fe1", "http", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/x" && asked.Add(1) == 1 {
					hangUp().ServeHTTP(rw, r)
				}
			}))
			w.rule(proxy.Rule{WebServers: []string{"fe1"}})
			w.start()
			c := w.client()
			w.do(c, "GET", "https://"+published+"/", nil, nil)
			status, _, _ := w.do(c, method, "https://"+published+"/x", nil, nil)
			if got := asked.Load(); got != want || (status == 200) != (want == 2) {
				t.Errorf("asked %d times, status %d; want %d times", got, status, want)
			}
		})
	}
}

// What a web server sends that is no answer, or two, never reaches a client as one.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"two-lengths":       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
		"length-odd":        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab",
		"coding-unknown":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"folded":            "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
		"cr-in-value":       "HTTP/1.1 200 OK\r\nX-A: b\rSet-Cookie: c\r\nContent-Length: 0\r\n\r\n",
		"space-in-name":     "HTTP/1.1 200 OK\r\nX A: b\r\nContent-Length: 0\r\n\r\n",
		"status":            "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
		"version":           "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"unasked-101":       "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"head-without-end":  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
		"nothing-but-space": "  ",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.server("fe1", "http", says(answer))
			w.rule(proxy.Rule{WebServers: []string{"fe1"}})
			w.start()
			if status, body, _ := w.get("http://" + published + "/"); status != 502 {
				t.Errorf("got %d %q, want 502", status, body)
			}
		})
	}
	// Half an answer must not look whole.
	for name, answer := range map[string]string{
		"length-cut":     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
		"chunks-cut":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"chunk-size-odd": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.server("fe1", "http", says(answer))
			w.rule(proxy.Rule{WebServers: []string{"fe1"}})
			w.start()
			res, err := w.client().Get("http://" + published + "/")
			if err != nil {
				return
			}
			defer res.Body.Close()
			if text, err := io.ReadAll(res.Body); err == nil {
				t.Errorf("got %q as if whole", text)
			}
		})
	}
}

// Bytes a web server sends behind its answer are nobody's.
func TestNothingIsLeftForTheNextRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var n atomic.Int32
	w.server("fe1", "http", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		conn, brw, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(brw, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%dHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged", n.Add(1))
		brw.Flush()
		io.Copy(io.Discard, conn) // it stays open
		conn.Close()
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	c := w.client()
	for _, want := range []string{"1", "2"} {
		if _, got, _ := w.do(c, "GET", "http://"+published+"/", nil, nil); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestOldClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/chunked" {
			rw.(http.Flusher).Flush()
		}
		io.WriteString(rw, "hello")
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	for _, tc := range []struct {
		path, connection string
		close            bool
	}{{"/", "", true}, {"/", "keep-alive", false}, {"/chunked", "keep-alive", true}} {
		res := w.say(w.raw("https"), "GET "+tc.path+" HTTP/1.0\r\nHost: "+published+"\r\nConnection: "+tc.connection+"\r\n\r\n")
		body, err := io.ReadAll(res.Body)
		if res.Proto != "HTTP/1.0" || string(body) != "hello" || err != nil || res.Close != tc.close || len(res.TransferEncoding) > 0 {
			t.Errorf("%s with %q: %s %q, %v, closing: %v, coding %v", tc.path, tc.connection, res.Proto, body, err, res.Close, res.TransferEncoding)
		}
	}
}

// Bodies are measured and stopped while they come, whoever is to blame.
func TestUploadsThatBreakOff(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body   string
		status int
	}{
		"bad-chunk-later": {strings.Repeat("1000\r\n"+strings.Repeat("x", 4096)+"\r\n", 20) + "zz\r\n", 400},
		"too-much-later":  {strings.Repeat("1000\r\n"+strings.Repeat("x", 4096)+"\r\n", 40) + "0\r\n\r\n", 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			whole := make(chan bool, 1)
			w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				_, err := io.Copy(io.Discard, r.Body)
				whole <- err == nil
			}))
			w.rule(proxy.Rule{WebServers: []string{"fe1"}, MaxBody: 100 << 10})
			w.start()
			conn := w.raw("https")
			go io.WriteString(conn, "POST / HTTP/1.1\r\nHost: "+published+"\r\nTransfer-Encoding: chunked\r\n\r\n"+tc.body)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || res.StatusCode != tc.status {
				t.Fatalf("got %v, %v; want %d", res, err, tc.status)
			}
			if wait(t, "the end of the body", whole) {
				t.Error("the web server took it for a whole one")
			}
		})
	}
}

// Many clients at once, with everything they may do, for the race detector.
func TestEverybodyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(rw, "%s %d", r.URL.Path, n)
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			c := w.client()
			for j := range 10 {
				path, size := fmt.Sprintf("/%d/%d", i, j), 5000*j*(i%3)
				var body io.Reader = strings.NewReader(strings.Repeat("x", size))
				if j%2 == 0 {
					body = io.MultiReader(body) // of unknown length
				}
				if _, got, _ := w.do(c, "POST", "https://"+published+path, nil, body); got != fmt.Sprintf("%s %d", path, size) {
					t.Errorf("%s with %d bytes: %q", path, size, got)
				}
			}
		})
	}
	all.Wait()
}

// The last answer of a connection is whole, and TLS ends with its goodbye: without one a client must think that it was cut.
func TestGoodbye(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0123456789abcdef", 64<<10)
	w := newWorld(t)
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/large" {
			io.WriteString(rw, large)
			return
		}
		io.WriteString(rw, "small")
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	for _, c := range []struct{ name, request, end string }{
		{"small", "GET / HTTP/1.1\r\nHost: " + published + "\r\nConnection: close\r\n\r\n", "small"},
		{"large", "GET /large HTTP/1.0\r\nHost: " + published + "\r\n\r\n", large},
		{"refused", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "</html>\n"},
		{"refused with a body", "POST / HTTP/1.1\r\nHost: nowhere.example\r\nContent-Length: 9999999\r\n\r\nabc", "</html>\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := w.raw("https")
			if _, err := io.WriteString(conn, c.request); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(conn)
			if err != nil || !strings.HasSuffix(string(got), c.end) {
				t.Errorf("%d bytes, the last of them %q, error %v; want the answer and the goodbye", len(got), got[max(0, len(got)-20):], err)
			}
		})
	}
}
