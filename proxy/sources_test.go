package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"lyncpin/proxy"
)

func TestConnectionsPerSource(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := newWorld(t)
	w.server("fe1", "http", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.cfg.ProxyProtocol, w.cfg.MaxConnectionsPerSource = true, 2
	w.cfg.Log = slog.New(slog.NewTextHandler(&out, nil))
	w.start()
	connect := func(client string) net.Conn {
		conn := w.raw("http")
		family, proxy := "TCP4", "203.0.113.10"
		if strings.Contains(client, ":") {
			family, proxy = "TCP6", "2001:db8::10"
		}
		fmt.Fprintf(conn, "PROXY %s %s %s 56324 80\r\n", family, client, proxy)
		return conn
	}
	served := func(client string) (net.Conn, bool) {
		conn := connect(client)
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", published)
		start := make([]byte, 12)
		_, err := io.ReadFull(conn, start)
		return conn, err == nil && string(start) == "HTTP/1.1 200"
	}
	var first net.Conn
	for _, tc := range []struct {
		client string
		want   bool
	}{
		{"198.51.100.7", true}, {"198.51.100.7", true}, {"198.51.100.7", false}, {"198.51.100.7", false},
		{"198.51.100.8", true},
		{"2001:db8::1", true}, {"2001:db8::2", true}, {"2001:db8::3", false}, // one network
		{"2001:db8:0:1::3", true},
	} {
		conn, ok := served(tc.client)
		if ok != tc.want {
			t.Errorf("%s: served %v, want %v", tc.client, ok, tc.want)
		}
		if first == nil {
			first = conn
		}
	}
	first.Close()
	w.until("the end of the first connection", func(c proxy.Counters) bool { return c.Listeners[1].Open == 5 })
	if _, ok := served("198.51.100.7"); !ok {
		t.Error("not served when another connection had ended")
	}
	if got := w.proxy.Counters().Refusals["connections-per-source"]; got != 3 {
		t.Errorf("%d refusals are counted, want 3", got)
	}
	w.cfg.MaxConnectionsPerSource = 0
	w.reload()
	if _, ok := served("198.51.100.7"); !ok {
		t.Error("not served when the limit was lifted")
	}
	w.proxy.Close()
	if n := strings.Count(out.String(), "connections refused"); n != 2 {
		t.Errorf("the log speaks %d times of refusals, want once for each source:\n%s", n, out.String())
	}
}

func TestMaxFields(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ most, fields, status int }{
		{0, 256, 200}, {0, 257, 431}, {10, 10, 200}, {10, 11, 431}, {300, 300, 200},
	} {
		w := newWorld(t)
		w.server("fe1", "http", nil)
		w.rule(proxy.Rule{WebServers: []string{"fe1"}})
		w.cfg.MaxFields = tc.most
		w.start()
		res := w.say(w.raw("http"), "GET / HTTP/1.1\r\nHost: "+published+"\r\n"+strings.Repeat("A: b\r\n", tc.fields-1)+"\r\n")
		if res.StatusCode != tc.status {
			t.Errorf("%d fields with most %d: %d, want %d", tc.fields, tc.most, res.StatusCode, tc.status)
		}
	}
}

// The time for a body is not the time between requests.
func TestBodyTimeout(t *testing.T) {
	t.Parallel()
	for _, timeouts := range []proxy.Timeouts{{Body: 10 * time.Millisecond}, {Idle: 10 * time.Millisecond, Response: time.Hour}, {Idle: -1, Body: 10 * time.Millisecond}} {
		w := newWorld(t)
		w.server("fe1", "http", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
		w.rule(proxy.Rule{WebServers: []string{"fe1"}})
		w.cfg.Timeouts = timeouts
		w.start()
		res := w.say(w.raw("http"), "POST / HTTP/1.1\r\nHost: "+published+"\r\nContent-Length: 10\r\n\r\n01234")
		if res.StatusCode != 408 || res.Header.Get("X-Proxy-Error") != "client-silent" {
			t.Errorf("%+v: %d %v, want 408", timeouts, res.StatusCode, res.Header)
		}
	}
	w := newWorld(t)
	w.server("fe1", "http", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.cfg.Timeouts = proxy.Timeouts{Body: time.Millisecond, Idle: time.Hour}
	w.start()
	conn := w.raw("http")
	conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := conn.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("a client between requests was cut: %v", err)
	}
}

func TestLimitsFromFile(t *testing.T) {
	t.Parallel()
	const rest = "http: [\":80\"]\npublishing_rules: [{hosts: [\"*\"], respond: {status: 204}}]\n"
	cfg, err := proxy.LoadConfig("proxy.yaml", []byte(rest+"max_header: 65536\nmax_fields: 64\nmax_connections_per_source: 4096\ntimeouts: {body: 20s}\n"))
	if err != nil || cfg.MaxHeader != 65536 || cfg.MaxFields != 64 || cfg.MaxConnectionsPerSource != 4096 || cfg.Timeouts.Body != 20*time.Second {
		t.Errorf("got %+v, %v", cfg, err)
	}
	for _, field := range []string{"max_header", "max_fields", "max_connections_per_source"} {
		_, err := proxy.LoadConfig("proxy.yaml", []byte(rest+field+": -1\n"))
		if want := "proxy.yaml:3:" + fmt.Sprint(len(field)+3) + ": " + field + ": -1 is negative"; err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", field, err, want)
		}
	}
}
