package proxy_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"lyncpin/proxy"
)

// A client that leaves ends whatever its request waits for, also before it is sent anywhere.
func TestClientLeavesEarly(t *testing.T) {
	t.Parallel()
	never := func(waits chan<- struct{}, ended chan<- error) func(context.Context, string, string) (net.Conn, error) {
		return func(ctx context.Context, _, _ string) (net.Conn, error) {
			waits <- struct{}{}
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return nil, ctx.Err()
		}
	}
	silent := func(waits chan<- struct{}, ended chan<- error) func(context.Context, string, string) (net.Conn, error) {
		return func(ctx context.Context, network, addr string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				if _, err := far.Read(make([]byte, 1)); err == nil {
					waits <- struct{}{}
				}
				_, err := io.Copy(io.Discard, far) // until the proxy gives up
				ended <- err
			}()
			return near, nil
		}
	}
	for _, tc := range []struct {
		name string
		rule proxy.Rule
		dial func(chan<- struct{}, chan<- error) func(context.Context, string, string) (net.Conn, error)
	}{
		{"while-dialling", proxy.Rule{}, never},
		{"in-the-handshake", proxy.Rule{}, silent},
		{"while-insisting", proxy.Rule{RetrySilent: time.Hour}, never},
	} {
		for _, over := range []string{"http", "https", "http2"} {
			t.Run(tc.name+"/"+over, func(t *testing.T) {
				t.Parallel()
				waits, ended := make(chan struct{}, 1), make(chan error, 1)
				w := newWorld(t)
				w.server("fe1", "https", nil)
				rule := tc.rule
				rule.WebServers = []string{"fe1"}
				w.rule(rule)
				w.cfg.Dial = tc.dial(waits, ended)
				w.cfg.Timeouts = proxy.Timeouts{Connect: time.Hour}
				w.cfg.TLS.HTTP2 = over == "http2"
				w.start()
				c, url := w.client(), "https://"+published+"/"
				switch over {
				case "http":
					url = "http://" + published + "/"
				case "http2":
					c = w.http2Client()
				}
				ctx, leave := context.WithCancel(t.Context())
				req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
				if err != nil {
					t.Fatal(err)
				}
				left := make(chan error, 1)
				go func() {
					_, err := c.Do(req)
					left <- err
				}()
				wait(t, "the wait", waits)
				leave()
				if err := wait(t, "the client", left); !errors.Is(err, context.Canceled) {
					t.Errorf("the client got %v", err)
				}
				wait(t, "the end of the wait", ended)
				w.proxy.Close()
				if got := w.proxy.History(); len(got) != 1 || got[0].Error != "client-gone" || got[0].Status != 499 {
					t.Errorf("history: %+v", got)
				}
			})
		}
	}
}

// A request that waits for the first health check is given up with its client.
func TestClientLeavesBeforeTheFirstCheck(t *testing.T) {
	t.Parallel()
	checking := make(chan struct{}, 1)
	lines := make(records, 10)
	w := newWorld(t)
	w.cfg.Log = slog.New(slog.NewTextHandler(lines, nil))
	w.server("fe1", "http", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		checking <- struct{}{}
		<-r.Context().Done()
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}, HealthCheck: &proxy.HealthCheck{Path: "/", Timeout: time.Hour}})
	w.start()
	wait(t, "the check", checking)
	conn := w.raw("http")
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+published+"\r\n\r\n")
	conn.Close()
	if line := wait(t, "the record", lines); !strings.Contains(line, "error=client-gone") {
		t.Errorf("the log says %s", line)
	}
}

// What a client sends beside its request while the web server is dialled is its next request, whole.
func TestNextRequestDuringTheDial(t *testing.T) {
	t.Parallel()
	waits, on := make(chan struct{}, 2), make(chan struct{})
	w := newWorld(t)
	w.server("fe1", "http", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		waits <- struct{}{}
		<-on
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	w.cfg.HTTPS = nil
	ln := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	w.cfg.Listen = func(context.Context, string, string) (net.Listener, error) { return ln, nil }
	w.start()
	client, server := net.Pipe() // no socket: the proxy must read to know
	defer client.Close()
	ln.conns <- server
	io.WriteString(client, "GET /one HTTP/1.1\r\nHost: "+published+"\r\n\r\n")
	wait(t, "the dial", waits)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		io.WriteString(client, "GET /two HTTP/1.1\r\nHost: "+published+"\r\nConnection: close\r\n\r\n")
	}()
	close(on)
	if _, err := io.ReadAll(client); err != nil {
		t.Fatal(err)
	}
	wait(t, "the second request", sent)
	var got []string
	for _, r := range w.requests() {
		got = append(got, r.host+r.target)
	}
	if len(got) != 2 || got[0] != published+"/one" || got[1] != published+"/two" {
		t.Errorf("fe1 got %q", got)
	}
}

// A client that has ended its sending, and waits for its answer, gets it.
func TestHalfClosedDuringTheDial(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	w := newWorld(t)
	w.server("fe1", "http", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		<-closed
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	w.start()
	conn := w.raw("http")
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+published+"\r\nConnection: close\r\n\r\n")
	conn.(*net.TCPConn).CloseWrite()
	close(closed)
	if text, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 200 ") {
		t.Errorf("got %q, %v", text, err)
	}
}
