package proxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lyncpin/proxy"
)

// refuse is a Dial that notes the address and connects to nothing.
func refuse(dialled chan<- string) func(context.Context, string, string) (net.Conn, error) {
	return func(_ context.Context, _, addr string) (net.Conn, error) {
		dialled <- addr
		return nil, errors.New("refused by the test")
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	listeners := 0
	_, err = proxy.Start(t.Context(), proxy.Config{
		HTTP: []string{"127.0.0.1:0", held.Addr().String()},
		Listen: func(ctx context.Context, network, addr string) (net.Listener, error) {
			ln, err := new(net.ListenConfig).Listen(ctx, network, addr)
			if err == nil {
				listeners++
				ln = &closeNoted{ln, &listeners}
			}
			return ln, err
		},
	})
	if err == nil || !strings.Contains(err.Error(), held.Addr().String()) {
		t.Errorf("Start on a held address: %v, want an error that names %s", err, held.Addr())
	}
	if listeners != 0 {
		t.Errorf("%d listeners stayed open", listeners)
	}
}

type closeNoted struct {
	net.Listener
	open *int
}

func (c *closeNoted) Close() error {
	*c.open--
	return c.Listener.Close()
}

func TestCloseIsIdempotentAndConcurrent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}, HealthCheck: &proxy.HealthCheck{Path: "/"}})
	w.start()
	idle := w.raw("https")
	w.get("https://" + published + "/")
	addr := w.proxy.HTTPSAddrs()[0].String()
	var closers sync.WaitGroup
	for range 4 {
		closers.Go(func() {
			if err := w.proxy.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	closers.Wait()
	if _, err := idle.Read(make([]byte, 1)); err == nil {
		t.Error("an idle connection outlived Close")
	}
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Error("a listener outlived Close")
	}
	if err := w.proxy.Reload(w.cfg); err == nil {
		t.Error("Reload after Close: no error")
	}
}

func TestCloseLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		grace  time.Duration
		status int // zero: cut
	}{
		{"within-grace", time.Minute, 200},
		{"cut", -1, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			polling, free := make(chan struct{}), make(chan struct{})
			w := newWorld(t)
			w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				close(polling)
				select {
				case <-free:
				case <-r.Context().Done():
				}
			}))
			w.rule(proxy.Rule{WebServers: []string{"fe1"}})
			w.cfg.Grace = tc.grace
			w.start()
			addr := w.proxy.HTTPSAddrs()[0].String()
			c := w.client()
			status := make(chan int, 1)
			go func() {
				res, err := c.Get("https://" + published + "/")
				if err != nil {
					status <- 0
					return
				}
				res.Body.Close()
				status <- res.StatusCode
			}()
			wait(t, "the request", polling)
			closed := make(chan struct{})
			go func() {
				w.proxy.Close()
				close(closed)
			}()
			if tc.status != 0 {
				for { // the listener closes first
					conn, err := net.Dial("tcp", addr)
					if err != nil {
						break
					}
					conn.Close()
				}
				close(free)
			}
			if got := wait(t, "the answer", status); got != tc.status {
				t.Errorf("status %d, want %d", got, tc.status)
			}
			wait(t, "the end of Close", closed)
		})
	}
}

func TestCloseDoesNotWaitForSilentClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.cfg.Grace = time.Minute
	w.start()
	w.raw("https") // connects and says nothing
	began := time.Now()
	w.proxy.Close()
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("Close took %v", took)
	}
}

func TestCloseCutsClientsThatDoNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "http", says("HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", 1<<20))) // more than the proxy holds
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.cfg.HTTPS = nil
	ln := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	w.cfg.Listen = func(context.Context, string, string) (net.Listener, error) { return ln, nil }
	w.start()
	client, server := net.Pipe() // which holds nothing: a write lasts until it is read
	defer client.Close()
	ln.conns <- server
	io.WriteString(client, "GET / HTTP/1.1\r\nHost: "+published+"\r\n\r\n")
	client.Read(make([]byte, 1)) // the proxy is in the middle of its write now
	closed := make(chan struct{})
	go func() {
		w.proxy.Close()
		close(closed)
	}()
	wait(t, "the end of Close", closed)
}

type pipeListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80} }

func TestReload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	polling, free := make(chan struct{}), make(chan struct{})
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/poll" {
			close(polling)
			<-free
		}
		io.WriteString(rw, "fe1")
	}))
	w.server("fe2", "https", nil)
	w.rule(proxy.Rule{Name: "lync", WebServers: []string{"fe1"}})
	w.start()
	kept := w.client() // one connection throughout
	poll := make(chan string, 1)
	go func() {
		_, body, _ := w.do(w.client(), "GET", "https://"+published+"/poll", nil, nil)
		poll <- body
	}()
	wait(t, "the poll", polling)
	w.do(kept, "GET", "https://"+published+"/", nil, nil)
	before := w.proxy.HTTPSAddrs()[0].String()

	bad := w.cfg
	bad.Rules = []proxy.Rule{{Hosts: []string{published}, WebServers: []string{"fe3"}}}
	if err := w.proxy.Reload(bad); err == nil || !strings.Contains(err.Error(), `no web server "fe3"`) {
		t.Errorf("Reload with a mistake: %v", err)
	}
	if _, body, _ := w.do(kept, "GET", "https://"+published+"/", nil, nil); body != "fe1" {
		t.Errorf("after the refused reload: %q, want fe1", body)
	}

	good := w.cfg
	good.Rules = []proxy.Rule{{Hosts: []string{published}, WebServers: []string{"fe2"}}}
	good.Certificates = []proxy.Certificate{{Certificate: w.ca.issue(t, nil, published, "new.contoso.example")}}
	good.HTTP = nil
	oldHTTP := w.proxy.HTTPAddrs()[0].String()
	if err := w.proxy.Reload(good); err != nil {
		t.Fatal(err)
	}
	if _, body, _ := w.do(kept, "GET", "https://"+published+"/", nil, nil); body != "fe2" {
		t.Errorf("after the reload, over the old connection: %q, want fe2", body)
	}
	if got := w.proxy.HTTPSAddrs()[0].String(); got != before {
		t.Errorf("https listener moved from %s to %s", before, got)
	}
	if conn, err := net.Dial("tcp", oldHTTP); err == nil {
		conn.Close()
		t.Error("the http listener still listens")
	}
	fresh := w.client()
	res, err := fresh.Get("https://" + published + "/")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := res.TLS.PeerCertificates[0].DNSNames; len(got) != 2 || got[1] != "new.contoso.example" {
		t.Errorf("new connections get the certificate for %v, want the new one", got)
	}
	close(free)
	if body := wait(t, "the poll's answer", poll); body != "fe1" {
		t.Errorf("the poll was answered by %q, want fe1", body)
	}

	good.HTTP = []string{"127.0.0.1:0"}
	if err := w.proxy.Reload(good); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := w.get("http://" + published + "/"); status != 200 {
		t.Errorf("over the new http listener: %d, want 200", status)
	}
}

func TestReloadTurnsAListenerIntoHTTPS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.cfg.HTTPS, w.cfg.HTTP = nil, []string{"127.0.0.1:0"}
	w.start()
	w.cfg.HTTPS, w.cfg.HTTP = w.cfg.HTTP, nil
	if err := w.proxy.Reload(w.cfg); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := w.get("https://" + published + "/"); status != 200 {
		t.Errorf("status %d, want 200", status)
	}
}

// records is a log whose lines can be waited for.
type records chan string

func (r records) Write(line []byte) (int, error) {
	r <- string(line)
	return len(line), nil
}

func TestRefusedHandshakesAreLogged(t *testing.T) {
	t.Parallel()
	lines := make(records, 10)
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.cfg.Log = slog.New(slog.NewJSONHandler(lines, nil))
	w.start()
	conn, err := tls.Dial("tcp", w.proxy.HTTPSAddrs()[0].String(), &tls.Config{
		RootCAs: w.ca.pool, ServerName: published, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10,
	})
	if err == nil {
		conn.Close()
		t.Fatal("TLS 1.0 was taken, want a refusal")
	}
	var got struct{ Level, Msg, Client, Reason string }
	if err := json.Unmarshal([]byte(<-lines), &got); err != nil {
		t.Fatal(err)
	}
	if got.Level != "INFO" || got.Msg != "TLS handshake failed" || got.Client != "127.0.0.1" ||
		got.Reason != "client offered only unsupported versions: [301]" {
		t.Errorf("record: %+v", got)
	}
}

func TestHistoryAndLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := newWorld(t)
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Set-Cookie", "s=secret-cookie")
		rw.WriteHeader(401)
		io.WriteString(rw, "12345")
	}))
	w.rule(proxy.Rule{Name: "lync", WebServers: []string{"fe1"}})
	w.cfg.Log = slog.New(slog.NewJSONHandler(&out, nil))
	w.start()
	w.do(w.client(), "GET", "https://"+published+"/a?ticket=secret-query", http.Header{
		"Authorization": {"NTLM secret-token"}, "Cookie": {"s=secret-cookie"},
	}, nil)
	w.get("http://www.fabrikam.example/b")
	w.proxy.Close()
	want := []proxy.Request{
		{Client: "127.0.0.1", Listener: "https", Method: "GET", Host: published, Path: "/a", Rule: "lync", WebServer: "fe1", Status: 401, Bytes: 5, Pinned: true},
		{Client: "127.0.0.1", Listener: "http", Method: "GET", Host: "www.fabrikam.example", Path: "/b", Status: 421, Error: "unknown-host"},
	}
	got := w.proxy.History()
	slices.SortFunc(got, func(a, b proxy.Request) int { return strings.Compare(a.Path, b.Path) }) // two connections, each at its pace
	// The size of the proxy's own page is its own.
	got[1].Bytes = 0
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(proxy.Request{}, "Time", "Duration")); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if strings.Contains(out.String(), "secret") {
		t.Errorf("the log holds a secret:\n%s", out.String())
	}
	type line struct{ Msg, Path, Rule, Web_Server string }
	var told line
	for d := json.NewDecoder(&out); told.Path != "/a"; {
		told = line{}
		if err := d.Decode(&told); err != nil {
			t.Fatalf("no record of the first request: %v", err)
		}
	}
	if told != (line{"request", "/a", "lync", "fe1"}) {
		t.Errorf("record: %+v", told)
	}
}
