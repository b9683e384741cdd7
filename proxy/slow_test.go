package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lyncpin/proxy"
)

// dripping starts a proxy in the bubble of the caller. Its connections are pipes: dial makes one to it, serve is the web server.
func dripping(t *testing.T, edit func(*proxy.Config), serve func(net.Conn)) (dial func() net.Conn, stop func()) {
	w := newWorld(t)
	ln := w.pipes()
	w.cfg.WebServers = []proxy.WebServer{{Alias: "fe1", Address: "192.0.2.10", Port: 8080, Scheme: "http"}}
	var serving sync.WaitGroup
	w.cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		serving.Go(func() {
			defer far.Close()
			serve(far)
		})
		return near, nil
	}
	w.rule(proxy.Rule{Hosts: []string{"*"}, WebServers: []string{"fe1"}})
	if edit != nil {
		edit(&w.cfg)
	}
	s, err := proxy.Start(t.Context(), w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	return func() net.Conn {
			client, server := net.Pipe()
			ln.conns <- server
			return client
		}, func() {
			s.Close()
			serving.Wait()
		}
}

// drip writes text byte by byte, one each pause, and reports whether all was taken.
func drip(conn net.Conn, text string, pause time.Duration) bool {
	for i := range len(text) {
		<-time.After(pause)
		if _, err := io.WriteString(conn, text[i:i+1]); err != nil {
			return false
		}
	}
	return true
}

// bubble runs a test in time of its own, with a proxy that has ended before it does.
func bubble(t *testing.T, edit func(*proxy.Config), serve func(net.Conn), test func(t *testing.T, dial func() net.Conn)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dial, stop := dripping(t, edit, serve)
		defer stop()
		test(t, dial)
	})
}

// status reads an answer; zero is none.
func status(conn net.Conn) int {
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// A head has its time in all, however busy the client looks.
func TestSlowHeads(t *testing.T) {
	for name, head := range map[string]string{
		"line":   "GET /" + strings.Repeat("a", 1000),
		"fields": "GET / HTTP/1.1\r\nHost: " + published + "\r\n" + strings.Repeat("X-A: b\r\n", 100),
		"value":  "GET / HTTP/1.1\r\nHost: " + published + "\r\nX-A: " + strings.Repeat("b", 1000),
	} {
		for _, over := range []string{"plain", "tls"} {
			t.Run(name+"-"+over, func(t *testing.T) {
				edit := func(cfg *proxy.Config) {
					cfg.Timeouts.Header = 20 * time.Second
					if over == "tls" {
						cfg.HTTPS, cfg.HTTP = cfg.HTTP, nil
					}
				}
				bubble(t, edit, nil, func(t *testing.T, dial func() net.Conn) {
					conn := dial()
					if over == "tls" {
						conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
					}
					var dripping sync.WaitGroup
					defer dripping.Wait()
					defer conn.Close()
					began := time.Now()
					dripping.Go(func() { drip(conn, head, time.Second) }) // with TLS, a record for each byte
					if got := status(conn); got != 408 {
						t.Errorf("answered %d, want 408", got)
					}
					if took := time.Since(began); took > 22*time.Second {
						t.Errorf("it took %v", took)
					}
				})
			})
		}
	}
}

// What a web server says slowly without an end is not waited for without an end.
func TestSlowAnswerHeads(t *testing.T) {
	serve := func(conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			drip(conn, "HTTP/1.1 200 OK\r\nX-A: "+strings.Repeat("b", 10_000), time.Second)
		}
	}
	bubble(t, func(cfg *proxy.Config) { cfg.Timeouts.Response = time.Minute }, serve, func(t *testing.T, dial func() net.Conn) {
		conn := dial()
		defer conn.Close()
		began := time.Now()
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", published)
		if got := status(conn); got != 504 {
			t.Errorf("answered %d, want 504", got)
		}
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

// A body may take its time as long as it comes; one that stops ends.
func TestSlowBodies(t *testing.T) {
	serve := func(conn net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		if n, err := io.Copy(io.Discard, r.Body); n == 100 && err == nil {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
		io.Copy(io.Discard, conn)
	}
	for name, tc := range map[string]struct {
		comes, status int
	}{"slow": {100, 200}, "stops": {50, 408}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(cfg *proxy.Config) { cfg.Timeouts.Idle = time.Minute }, serve, func(t *testing.T, dial func() net.Conn) {
				conn := dial()
				var dripping sync.WaitGroup
				defer dripping.Wait()
				defer conn.Close()
				began := time.Now()
				dripping.Go(func() {
					fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 100\r\n\r\n", published)
					drip(conn, strings.Repeat("x", tc.comes), 10*time.Second)
				})
				if got := status(conn); got != tc.status {
					t.Errorf("answered %d, want %d", got, tc.status)
				}
				if took, most := time.Since(began), time.Duration(tc.comes)*10*time.Second+2*time.Minute; took > most {
					t.Errorf("it took %v, at most %v wanted", took, most)
				}
			})
		})
	}
}

// Who only holds connections is let go, and keeps nobody from being served meanwhile.
func TestIdleCrowd(t *testing.T) {
	const crowd = 3000 // the race detector counts up to 8128 goroutines
	serve := func(conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
		io.Copy(io.Discard, conn)
	}
	edit := func(cfg *proxy.Config) { cfg.Timeouts.Header, cfg.Timeouts.Idle = 30*time.Second, 30*time.Second }
	bubble(t, edit, serve, func(t *testing.T, dial func() net.Conn) {
		began := time.Now()
		gone := make(chan error, crowd)
		for range crowd {
			conn := dial()
			go func() {
				defer conn.Close()
				_, err := conn.Read(make([]byte, 1))
				gone <- err
			}()
		}
		conn := dial()
		defer conn.Close()
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", published)
		if got := status(conn); got != 200 {
			t.Errorf("answered %d, want 200", got)
		}
		for range crowd {
			if err := <-gone; err != io.EOF {
				t.Fatalf("an idle connection ended with %v", err)
			}
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}
