package proxy_test

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lyncpin/proxy"
)

// pool is a world with web servers fe1, fe2 and fe3 behind one rule.
func pool(t *testing.T, r proxy.Rule) *world {
	w := newWorld(t)
	r.WebServers = []string{"fe1", "fe2", "fe3"}
	for _, alias := range r.WebServers {
		w.server(alias, "https", nil)
	}
	w.rule(r)
	return w
}

// turns asks n times, each over a connection of its own, and returns who answered.
func (w *world) turns(n int, header http.Header) []string {
	var out []string
	for range n {
		_, body, _ := w.do(w.client(), "GET", "https://"+published+"/", header, nil)
		out = append(out, body)
	}
	return out
}

func TestRoundRobin(t *testing.T) {
	t.Parallel()
	w := pool(t, proxy.Rule{}).start()
	want := []string{"fe1", "fe2", "fe3", "fe1", "fe2", "fe3"}
	if got := w.turns(6, nil); !slices.Equal(got, want) {
		t.Errorf("answered: %v, want %v", got, want)
	}
}

func TestSourceAffinity(t *testing.T) {
	t.Parallel()
	w := pool(t, proxy.Rule{Balance: "source"}).start()
	got := w.turns(6, nil)
	if slices.Sort(got); got[0] != got[5] {
		t.Errorf("one client was answered by %v, want one web server", got)
	}
}

func TestCookieAffinity(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		cookie proxy.Cookie
		want   string // with V for the value
	}{
		{"microsoft", proxy.Cookie{}, "MS-WSMAN=V; Path=/"},
		{"malformed", proxy.Cookie{Name: "LB", HTTPOnly: true, Secure: true, MaxAge: time.Hour}, "LB=V; Path=/; Max-Age=3600; HttpOnly; Secure"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := pool(t, proxy.Rule{Balance: "cookie", Cookie: tc.cookie}).start()
			_, first, h := w.get("https://" + published + "/")
			set := h.Get("Set-Cookie")
			name, rest, _ := strings.Cut(set, "=")
			value, _, _ := strings.Cut(rest, ";")
			if got := strings.Replace(set, value, "V", 1); got != tc.want {
				t.Errorf("Set-Cookie: %s, want %s", got, tc.want)
			}
			for _, got := range w.turns(4, http.Header{"Cookie": {name + "=" + value}}) {
				if got != first {
					t.Errorf("with the cookie of %s: %s", first, got)
				}
			}
			_, _, h = w.do(w.client(), "GET", "https://"+published+"/", http.Header{"Cookie": {name + "=" + value}}, nil)
			if got := h.Get("Set-Cookie"); got != "" {
				t.Errorf("with the cookie: Set-Cookie: %s, want none", got)
			}
			_, _, h = w.do(w.client(), "GET", "https://"+published+"/", http.Header{"Cookie": {name + "=forged"}}, nil)
			if got := h.Get("Set-Cookie"); got == "" {
				t.Error("with a forged cookie: no new one")
			}
		})
	}
}

func TestDeadNodeIsPassedOver(t *testing.T) {
	t.Parallel()
	w := pool(t, proxy.Rule{})
	w.cfg.WebServers[1].Port = nobody
	var tries atomic.Int32
	w.cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == "127.0.0.1:1" {
			tries.Add(1)
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	w.start()
	for i := range 12 { // a third of which would begin with the dead one
		status, body, _ := w.do(w.client(), "POST", "https://"+published+"/", nil, strings.NewReader("whole"))
		if status != 200 || body == "fe2" || w.last().body != "whole" {
			t.Errorf("request %d: %d by %s, body %q; want 200 by a living one with the whole body", i, status, body, w.last().body)
		}
	}
	if n := tries.Load(); n != 1 {
		t.Errorf("the dead one was tried %d times, want once", n)
	}
}

func TestAllNodesDead(t *testing.T) {
	t.Parallel()
	w := pool(t, proxy.Rule{})
	for i := range w.cfg.WebServers {
		w.cfg.WebServers[i].Port = nobody
	}
	w.start()
	for range 2 { // the second finds all of them passed over
		if status, _, h := w.get("https://" + published + "/"); status != 502 || h.Get("X-Proxy-Error") != "refused" {
			t.Errorf("got %d %q, want 502 refused", status, h.Get("X-Proxy-Error"))
		}
	}
}

func TestOnlyConnectingIsRetried(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "POST"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var asked atomic.Int32
			count := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				hangUp().ServeHTTP(rw, r)
			})
			w.server("fe1", "https", count)
			w.server("fe2", "https", count)
			w.rule(proxy.Rule{WebServers: []string{"fe1", "fe2"}})
			w.start()
			if status, _, _ := w.do(w.client(), method, "https://"+published+"/", nil, nil); status != 502 || asked.Load() != 1 {
				t.Errorf("status %d after %d attempts, want 502 after one", status, asked.Load())
			}
		})
	}
}

func TestAnySchemeAlternates(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		any  bool
		want []string
	}{
		{"by-listener", false, []string{"fe1", "fe1", "fe1", "fe1"}},
		{"any", true, []string{"fe1", "fe1-http", "fe1", "fe1-http"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.server("fe1", "https", nil)
			w.server("fe1-http", "http", nil)
			w.rule(proxy.Rule{WebServers: []string{"fe1", "fe1-http"}, AnyScheme: tc.any})
			w.start()
			if got := w.turns(4, nil); !slices.Equal(got, tc.want) {
				t.Errorf("answered: %v, want %v", got, tc.want)
			}
		})
	}
}

func TestOffloadAndDisabledPeer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.server("fe1-http", "http", nil)
	w.rule(proxy.Rule{Paths: []string{"/offload"}, WebServers: []string{"fe1-http"}})
	w.rule(proxy.Rule{WebServers: []string{"fe1", "fe1-http"}})
	w.cfg.WebServers[0].Disabled = true
	w.start()
	if status, body, _ := w.get("https://" + published + "/offload"); status != 200 || body != "fe1-http" {
		t.Errorf("offload: %d %q, want 200 fe1-http", status, body)
	}
	// The web server of this scheme is switched off: that of the other one does not step in.
	if status, _, h := w.get("https://" + published + "/"); status != 503 || h.Get("X-Proxy-Error") != "no-web-server" {
		t.Errorf("disabled: %d %q, want 503 no-web-server", status, h.Get("X-Proxy-Error"))
	}
}

func TestHealthChecks(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		check proxy.HealthCheck
		want  int
	}{
		{"good", proxy.HealthCheck{Path: "/autodiscover/autodiscoverservice.svc/root", Host: published}, 200},
		{"wrong-status", proxy.HealthCheck{Path: "/webticket"}, 503},
		{"right-status", proxy.HealthCheck{Path: "/webticket", Status: 401}, 200},
		{"tcp", proxy.HealthCheck{}, 200},
		{"tcp-other-port", proxy.HealthCheck{Port: nobody}, 503},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				w.note("fe1", r)
				if r.URL.Path == "/webticket" {
					rw.WriteHeader(401)
				}
			}))
			w.rule(proxy.Rule{WebServers: []string{"fe1"}, HealthCheck: &tc.check})
			w.start()
			status, body, _ := w.get("https://" + published + "/") // waits for the first check
			if status != tc.want {
				t.Errorf("status %d, want %d:\n%s", status, tc.want, body)
			}
			if tc.check.Path == "" {
				return
			}
			got := w.requests()[0]
			if got.target != tc.check.Path || got.header.Get("Accept") != "" {
				t.Errorf("the check asked %s with Accept %q, want %s with none", got.target, got.header.Get("Accept"), tc.check.Path)
			}
		})
	}
}

func TestHealthCheckBringsANodeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var healthy atomic.Bool
	checks := make(chan bool)
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/check" {
			return
		}
		select {
		case checks <- healthy.Load():
		case <-r.Context().Done():
		}
		if !healthy.Load() {
			rw.WriteHeader(500)
		}
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}, HealthCheck: &proxy.HealthCheck{Path: "/check", Interval: time.Millisecond}})
	w.start()
	wait(t, "the first check", checks)
	wait(t, "the second check", checks) // so the first has been judged
	go func() {
		for range checks { // the rest
		}
	}()
	if status, _, _ := w.get("https://" + published + "/"); status != 503 {
		t.Errorf("while sick: %d, want 503", status)
	}
	healthy.Store(true)
	deadline := time.Now().Add(10 * time.Second)
	for status := 0; status != 200; status, _, _ = w.get("https://" + published + "/") {
		if time.Now().After(deadline) {
			t.Fatal("the web server did not come back")
		}
	}
}

func TestPortsFlipByDefault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dialled := make(chan string, 1)
	w.cfg.Dial = refuse(dialled)
	w.cfg.WebServers = []proxy.WebServer{
		{Alias: "fe1", Address: "10.10.10.11"}, {Alias: "fe1-http", Address: "10.10.10.11", Scheme: "http"},
		{Alias: "wac", Address: "wac.contoso.example", Port: 443},
	}
	w.rule(proxy.Rule{Paths: []string{"/m"}, WebServers: []string{"wac"}})
	w.rule(proxy.Rule{WebServers: []string{"fe1", "fe1-http"}})
	w.start()
	for url, want := range map[string]string{
		"https://" + published + "/":  "10.10.10.11:4443",
		"http://" + published + "/":   "10.10.10.11:8080",
		"https://" + published + "/m": "wac.contoso.example:443",
	} {
		w.get(url)
		if got := wait(t, "the dial", dialled); got != want {
			t.Errorf("%s dialled %s, want %s", url, got, want)
		}
	}
}
