package proxy_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lyncpin/proxy"
)

// until polls the counters for what the proxy notes a moment after its client has the answer.
func (w *world) until(what string, is func(proxy.Counters) bool) proxy.Counters {
	w.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(10 * time.Second)
	for {
		c := w.proxy.Counters()
		if is(c) {
			return c
		}
		select {
		case <-tick.C:
		case <-end:
			w.t.Fatalf("%s did not come: %+v", what, c)
		}
	}
}

func requests(c proxy.Counters) (n uint64) {
	for _, r := range c.Rules {
		for _, of := range r.Statuses {
			n += of
		}
	}
	return n
}

func TestCounters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/missing" {
			rw.WriteHeader(404)
		}
		fmt.Fprint(rw, "12345")
	}))
	w.server("fe2", "https", nil)
	w.cfg.WebServers[1].Port = nobody
	w.rule(proxy.Rule{Name: "down", Paths: []string{"/down"}, WebServers: []string{"fe2"}})
	w.rule(proxy.Rule{Name: "fixed", Paths: []string{"/fixed"}, Respond: &proxy.Response{Status: 302}})
	w.rule(proxy.Rule{Name: "lync", WebServers: []string{"fe1"}})
	w.start()
	c := w.client()
	for _, ask := range []struct {
		method, url, body string
	}{
		{"GET", "https://" + published + "/", ""},
		{"GET", "https://" + published + "/", ""},
		{"GET", "https://" + published + "/missing", ""},
		{"POST", "https://" + published + "/", "0123456789"},
		{"GET", "https://" + published + "/down", ""},
		{"GET", "https://" + published + "/fixed", ""},
		{"GET", "http://www.fabrikam.example/", ""},
	} {
		w.do(c, ask.method, ask.url, nil, strings.NewReader(ask.body))
	}
	w.say(w.raw("http"), "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
	got := w.until("eight requests", func(c proxy.Counters) bool { return requests(c) == 8 })
	page := got.Rules[0].BytesOut // the proxy's own
	if page < 100 || got.Rules[3].BytesOut < 2*100 {
		t.Errorf("pages of %d and %d bytes", page, got.Rules[3].BytesOut)
	}
	if diff := cmp.Diff([]proxy.RuleCounters{
		{Name: "down", Statuses: [6]uint64{5: 1}, BytesOut: page},
		{Name: "fixed", Statuses: [6]uint64{3: 1}},
		{Name: "lync", Statuses: [6]uint64{2: 3, 4: 1}, BytesIn: 10, BytesOut: 20},
		{Name: "", Statuses: [6]uint64{4: 2}, BytesOut: got.Rules[3].BytesOut},
	}, got.Rules); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	type server struct {
		Alias              string
		Answers            uint64
		Idle               int
		Made, Taken, Stale uint64
	}
	var servers []server
	for _, s := range got.WebServers {
		servers = append(servers, server{s.Alias, s.Latency.Count(), s.Idle, s.Made, s.Taken, s.Stale})
		if s.Latency.Count() > 0 && s.Latency.Sum <= 0 || len(s.Latency.Counts) != len(s.Latency.Bounds)+1 {
			t.Errorf("%s: latency %+v", s.Alias, s.Latency)
		}
	}
	if diff := cmp.Diff([]server{{"fe1", 4, 1, 1, 3, 0}, {"fe2", 0, 0, 0, 0, 0}}, servers); diff != "" {
		t.Errorf("web servers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]uint64{"refused": 1, "unknown-host": 1, "framing": 1}, got.Refusals); diff != "" {
		t.Errorf("refusals (-want +got):\n%s", diff)
	}
	c.CloseIdleConnections()
	got = w.until("the end of all connections but one", func(c proxy.Counters) bool { return c.Listeners[0].Open == 0 })
	for i := range got.Listeners {
		got.Listeners[i].Open = 0
	}
	if diff := cmp.Diff([]proxy.ListenerCounters{
		{Address: "127.0.0.1:0", Scheme: "https", Accepted: 1}, {Address: "127.0.0.1:0", Scheme: "http", Accepted: 2},
	}, got.Listeners); diff != "" {
		t.Errorf("listeners (-want +got):\n%s", diff)
	}
	if got.Handshakes != 1 || got.Resumed != 0 {
		t.Errorf("%d handshakes, %d resumed; want one", got.Handshakes, got.Resumed)
	}

	// What keeps its name keeps its figures.
	w.cfg.Rules = w.cfg.Rules[2:]
	w.cfg.Rules[0].CaseSensitive = true
	w.cfg.WebServers[0].NoVerify = true
	w.reload()
	after := w.proxy.Counters()
	if len(after.Rules) != 2 || after.Rules[0] != got.Rules[2] || after.Rules[1] != got.Rules[3] {
		t.Errorf("rules after a reload: %+v", after.Rules)
	}
	if after.WebServers[0].Made != 1 || after.WebServers[0].Latency.Count() != 4 || after.Refusals["framing"] != 1 {
		t.Errorf("after a reload: %+v", after)
	}
}

func TestCountersOfHandshakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.cfg.TLS.StrictSNI = true
	w.start()
	good := tls.Config{RootCAs: w.ca.pool, ServerName: published}
	try := func(edit func(*tls.Config)) {
		conf := good.Clone()
		edit(conf)
		if conn, err := tls.Dial("tcp", w.proxy.HTTPSAddrs()[0].String(), conf); err == nil {
			conn.Read(make([]byte, 1))
			conn.Close()
		}
	}
	say := func(text string) {
		conn, err := net.Dial("tcp", w.proxy.HTTPSAddrs()[0].String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, text)
		if text != "" {
			io.Copy(io.Discard, conn)
		}
	}
	expect := func(reason string, n uint64) {
		t.Helper()
		w.until(reason, func(c proxy.Counters) bool { return c.HandshakeFailures[reason] == n })
	}
	try(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11; c.MinVersion = tls.VersionTLS10 })
	expect("version", 1)
	try(func(c *tls.Config) {
		c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	})
	expect("cipher", 1)
	try(func(c *tls.Config) { c.ServerName = "nobody.example" })
	expect("name", 1)
	try(func(c *tls.Config) { c.RootCAs = newAuthority(t).pool })
	expect("alert", 1)
	say("GET / HTTP/1.1\r\n\r\n")
	expect("plain-http", 1)
	say("SSH-2.0-client\r\n")
	expect("not-tls", 1)
	say("")
	expect("left", 1)
	w.cfg.TLS.ClientAuth, w.cfg.TLS.ClientCAs = tls.RequireAndVerifyClientCert, w.ca.pool
	w.cfg.Timeouts.Header = time.Millisecond
	w.reload()
	silent := w.raw("http") // its time-out is another matter
	defer silent.Close()
	conn, err := net.Dial("tcp", w.proxy.HTTPSAddrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	expect("timeout", 1)
	w.cfg.Timeouts.Header = 0
	w.reload()
	try(func(*tls.Config) {})
	expect("client-certificate", 1)
	try(func(c *tls.Config) { c.Certificates = []tls.Certificate{newAuthority(t).issue(t, nil, "mallory")} })
	expect("client-certificate", 2)
	if got := w.proxy.Counters(); got.HandshakeFailures["other"] != 0 || got.Handshakes != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestCountersOfPollsAndThoseWhoLeave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	held := w.silentServers("fe1")
	w.rule(proxy.Rule{Name: "lync", WebServers: []string{"fe1"}})
	w.start()
	request := "GET /poll HTTP/1.1\r\nHost: " + published + "\r\n\r\n"
	stays, leaves := w.raw("https"), w.raw("https")
	io.WriteString(stays, request)
	first := wait(t, "the first poll", held)
	io.WriteString(leaves, request)
	wait(t, "the second poll", held)
	w.until("two polls", func(c proxy.Counters) bool { return c.Polls == 2 })
	leaves.Close()
	w.until("the end of one", func(c proxy.Counters) bool { return c.Polls == 1 && c.Rules[0].Abandoned == 1 })
	first.answer <- "event"
	res, err := http.ReadResponse(bufio.NewReader(stays), nil)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%+v, %v", res, err)
	}
	got := w.until("the answer", func(c proxy.Counters) bool { return c.Polls == 0 && c.Rules[0].Statuses[2] == 1 })
	if got.Rules[0].Statuses[0] != 1 || len(got.Refusals) != 0 {
		t.Errorf("a client that left: %+v", got)
	}
	if h := got.WebServers[0].Latency; h.Count() != 1 || h.Sum < 500*time.Millisecond || h.Counts[0] != 0 {
		t.Errorf("latency of a poll: %+v", h)
	}
}
