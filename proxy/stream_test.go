package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"lyncpin/proxy"
)

// wait fails the test if nothing comes: a broken proxy must not hang it.
func wait[T any](t testing.TB, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(10 * time.Second):
		t.Fatalf("%s did not come", what)
		panic("unreachable")
	}
}

func TestAnswersStream(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, length string }{{"chunked", ""}, {"with-length", "6"}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			next := make(chan string)
			w := newWorld(t)
			w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if tc.length != "" {
					rw.Header().Set("Content-Length", tc.length)
				}
				for s := range next {
					io.WriteString(rw, s)
					rw.(http.Flusher).Flush()
				}
			}))
			w.rule(proxy.Rule{WebServers: []string{"fe1"}})
			w.start()
			got := make(chan string)
			go func() {
				res, err := w.client().Get("https://" + published + "/")
				if err != nil {
					return
				}
				defer res.Body.Close()
				buf := make([]byte, 64)
				for err == nil {
					var n int
					n, err = res.Body.Read(buf)
					if n > 0 {
						got <- string(buf[:n])
					}
				}
				close(got)
			}()
			for _, s := range []string{"one", "two"} {
				next <- s
				if g := wait(t, s, got); g != s { // the next one is not sent before this one has come
					t.Errorf("got %q, want %q", g, s)
				}
			}
			close(next)
			wait(t, "the end", got)
		})
	}
}

func TestRequestsStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	arrived := make(chan string)
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.NewResponseController(rw).EnableFullDuplex()
		buf := make([]byte, 64)
		for {
			n, err := r.Body.Read(buf)
			if n > 0 {
				arrived <- string(buf[:n])
				fmt.Fprintf(rw, "%s!", buf[:n])
				rw.(http.Flusher).Flush()
			}
			if err != nil {
				return
			}
		}
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	conn := w.raw("https")
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: "+published+"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
	if got := wait(t, "the first chunk", arrived); got != "one" {
		t.Errorf("web server got %q, want one", got)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil) // while the request goes on
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4)
	if _, err := io.ReadFull(res.Body, buf); err != nil || string(buf) != "one!" {
		t.Errorf("answer to the first chunk = %q, %v, want one!", buf, err)
	}
	io.WriteString(conn, "3\r\ntwo\r\n0\r\n\r\n")
	if got := wait(t, "the second chunk", arrived); got != "two" {
		t.Errorf("web server got %q, want two", got)
	}
	if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != "two!" {
		t.Errorf("rest of the answer = %q, %v, want two!", rest, err)
	}
}

func TestLargeBodies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		n, _ := io.Copy(sum, r.Body)
		fmt.Fprintf(rw, "%d %x length=%d chunked=%v", n, sum.Sum(nil), r.ContentLength, len(r.TransferEncoding) > 0)
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	data := bytes.Repeat([]byte("0123456789abcdef"), 16<<16) // 16 MiB
	for _, tc := range []struct {
		name string
		body io.Reader
		want string
	}{
		{"sized", bytes.NewReader(data), fmt.Sprintf("%d %x length=%d chunked=false", len(data), sha256.Sum256(data), len(data))},
		{"chunked", io.MultiReader(bytes.NewReader(data)), fmt.Sprintf("%d %x length=-1 chunked=true", len(data), sha256.Sum256(data))},
		{"empty", nil, fmt.Sprintf("0 %x length=0 chunked=false", sha256.Sum256(nil))},
	} {
		if status, got, _ := w.do(w.client(), "POST", "https://"+published+"/", nil, tc.body); status != 200 || got != tc.want {
			t.Errorf("%s: got %d %q, want 200 %q", tc.name, status, got, tc.want)
		}
	}
}

func TestExpectContinue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refuse" {
			w.mu.Lock()
			w.seen = append(w.seen, seen{server: "fe1", header: r.Header.Clone()})
			w.mu.Unlock()
			rw.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		w.note("fe1", r)
		io.WriteString(rw, "taken")
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()

	t.Run("continues-once", func(t *testing.T) {
		conn := w.raw("https")
		io.WriteString(conn, "POST /take HTTP/1.1\r\nHost: "+published+"\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
		br := bufio.NewReader(conn)
		if line, _ := br.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("before the body: %q, want 100 Continue", line)
		}
		br.ReadString('\n')
		io.WriteString(conn, "hello")
		if line, _ := br.ReadString('\n'); line != "HTTP/1.1 200 OK\r\n" {
			t.Errorf("after the body: %q, want 200 OK", line)
		}
		if got := w.last(); got.body != "hello" || got.header.Get("Expect") != "100-continue" {
			t.Errorf("web server got %q with Expect %q, want hello with 100-continue", got.body, got.header.Get("Expect"))
		}
	})
	t.Run("refused-early", func(t *testing.T) {
		conn := w.raw("https")
		io.WriteString(conn, "POST /refuse HTTP/1.1\r\nHost: "+published+"\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
		if line, _ := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 413 ") {
			t.Errorf("answer %q, want 413 and no 100", line)
		}
	})
}

func TestEarlyRefusalOfALargeBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.NewResponseController(rw).EnableFullDuplex() // or the test server waits for the body
		rw.WriteHeader(http.StatusForbidden)
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	conn := w.raw("https")
	// Half of the body stays with the client: the answer must come all the same.
	res := w.say(conn, "POST / HTTP/1.1\r\nHost: "+published+"\r\nContent-Length: 100\r\n\r\n"+strings.Repeat("x", 50))
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("status %d, want 403", res.StatusCode)
	}
}

func TestUpgradePasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ended := make(chan error, 1)
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		conn, brw, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(brw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\nX-Kept: yes\r\n\r\n", r.Header.Get("Upgrade"))
		brw.Flush()
		line, _ := brw.ReadString('\n')
		brw.WriteString("echo " + line)
		brw.Flush()
		_, err = brw.ReadByte()
		ended <- err
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	conn := w.raw("https")
	io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: "+published+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	br := bufio.NewReader(conn)
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 101 || res.Header.Get("Upgrade") != "websocket" || res.Header.Get("X-Kept") != "yes" {
		t.Errorf("got %d, Upgrade %q, X-Kept %q", res.StatusCode, res.Header.Get("Upgrade"), res.Header.Get("X-Kept"))
	}
	io.WriteString(conn, "hello\n")
	if line, _ := br.ReadString('\n'); line != "echo hello\n" {
		t.Errorf("through the tunnel: %q, want echo hello", line)
	}
	conn.Close()
	wait(t, "the end at the web server", ended)
}

func TestClientThatLeavesFreesItsPoll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	polling, freed := make(chan struct{}), make(chan struct{})
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		close(polling)
		<-r.Context().Done()
		close(freed)
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	ctx, leave := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", "https://"+published+"/ucwa/events", nil)
	go func() {
		if res, err := w.client().Do(req); err == nil {
			res.Body.Close()
		}
	}()
	wait(t, "the poll", polling)
	leave()
	wait(t, "the end of the poll", freed)
	w.proxy.Close() // the history is complete after it
	got := w.proxy.History()
	if len(got) != 1 || got[0].Status != 499 || got[0].Error != "client-gone" {
		t.Errorf("history = %+v, want one request with status 499", got)
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	const short = 50 * time.Millisecond
	t.Run("response", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		w.rule(proxy.Rule{WebServers: []string{"fe1"}})
		w.cfg.Timeouts.Response = short
		w.start()
		status, body, h := w.get("https://" + published + "/")
		if status != 504 || h.Get("X-Proxy-Error") != "response-timeout" || !strings.Contains(body, "fe1") {
			t.Errorf("got %d %q:\n%s", status, h.Get("X-Proxy-Error"), body)
		}
	})
	t.Run("idle-answer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			io.WriteString(rw, "begin")
			rw.(http.Flusher).Flush()
			<-r.Context().Done()
		}))
		w.rule(proxy.Rule{WebServers: []string{"fe1"}})
		w.cfg.Timeouts.Idle = short
		w.start()
		res, err := w.client().Get("https://" + published + "/")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if got, err := io.ReadAll(res.Body); err == nil || string(got) != "begin" {
			t.Errorf("read %q, %v; want begin and an error", got, err)
		}
	})
	t.Run("idle-request", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.server("fe1", "https", nil)
		w.rule(proxy.Rule{WebServers: []string{"fe1"}})
		w.cfg.Timeouts.Idle = short
		w.start()
		res := w.say(w.raw("https"), "POST / HTTP/1.1\r\nHost: "+published+"\r\nContent-Length: 10\r\n\r\nhalf")
		if res.StatusCode != 408 || res.Header.Get("X-Proxy-Error") != "client-silent" {
			t.Errorf("got %d %q, want 408 client-silent", res.StatusCode, res.Header.Get("X-Proxy-Error"))
		}
	})
	t.Run("connect", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.server("fe1", "https", nil)
		w.rule(proxy.Rule{WebServers: []string{"fe1"}})
		w.cfg.Timeouts.Connect = short
		w.cfg.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		w.start()
		if status, _, h := w.get("https://" + published + "/"); status != 504 || h.Get("X-Proxy-Error") != "connect-timeout" {
			t.Errorf("got %d %q, want 504 connect-timeout", status, h.Get("X-Proxy-Error"))
		}
	})
	t.Run("lifetime", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.server("fe1", "https", nil)
		w.rule(proxy.Rule{WebServers: []string{"fe1"}})
		w.cfg.Timeouts.Lifetime = short
		w.start()
		conn := w.raw("http")
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("read: %v, want the end of the connection", err)
		}
	})
}
