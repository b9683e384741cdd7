//go:build unix

package peer_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"lyncpin/internal/peer"
)

// Forty begin at once, and each is the one that was started.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	need(t, "nginx")
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			p := start(t, "nginx", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, i) }))
			if status, body := get(t, p, "/"); status != 200 || body != strconv.Itoa(i) {
				t.Errorf("got %d %q from the product before %d", status, body, i)
			}
		})
	}
	all.Wait()
}

// A product that crashes later says so itself.
func TestCrash(t *testing.T) {
	t.Parallel()
	need(t, "nginx")
	p := start(t, "nginx", http.NotFoundHandler())
	if strings.Contains(p.Log(), "ended by itself") {
		t.Errorf("it runs, and its log says %q", p.Log())
	}
	file := regexp.MustCompile(`(?m)^pid (.*);$`).FindStringSubmatch(p.Text())[1]
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	const words = "it ended by itself: signal: killed"
	eventually(t, "its end is in its log", func() bool { return strings.Contains(p.Log(), words) })
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(p.Log(), words) {
		t.Errorf("after Close: %q", p.Log())
	}
}

// Nobody waits for a poll that is held when a product is stopped.
func TestStopWhileAPollIsHeld(t *testing.T) {
	t.Parallel()
	for _, product := range peer.Products() {
		t.Run(product, func(t *testing.T) {
			t.Parallel()
			need(t, product)
			held := make(chan struct{})
			hold := sync.OnceFunc(func() { close(held) }) // some try again when they are stopped
			behind := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				hold()
				<-r.Context().Done()
			}))
			t.Cleanup(behind.Close)
			p, err := peer.Start(t.Context(), peer.Config{
				Product: product, Text: texts[product], Listen: []netip.AddrPort{listener},
				WebServer: func(netip.AddrPort) netip.AddrPort { return netip.MustParseAddrPort(behind.Listener.Addr().String()) },
			})
			if err != nil {
				t.Fatal(err)
			}
			var poll sync.WaitGroup
			poll.Go(func() {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.Addr(listener).String()+"/", nil)
				if err != nil {
					t.Error(err)
					return
				}
				req.Host = "web.contoso.example"
				if resp, err := new(http.Transport).RoundTrip(req); err == nil { // that it ends is all
					resp.Body.Close()
				}
			})
			<-held
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			poll.Wait()
		})
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	need(t, "nginx")
	tests := []struct {
		name, text, want string
	}{
		{"other-address", "events { } http { server { listen 198.51.100.1:80; } }", "the configuration listens at none of 203.0.113.10:80"},
		{"no-listener", "events { }", "the configuration listens at none of 203.0.113.10:80"},
		{"empty", "", "the configuration listens at none of 203.0.113.10:80"},
		{"huge", strings.Repeat("# 203.0.113.10:80\n", 1<<20), "the configuration is larger than 8 MiB"},
		{"nul", "events { } http { server { listen 203.0.113.10:80; \x00\x1b[31m } }", "it said: "},
		{"ends", "events { } http { server { listen 203.0.113.10:80; listen 203.0.113.10:80; } }", "duplicate listen"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := peer.Start(t.Context(), peer.Config{Product: "nginx", Text: tt.text, Listen: []netip.AddrPort{listener}})
			if err == nil {
				p.Close()
				t.Fatal("it runs")
			}
			if !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 4000 || strings.ContainsAny(err.Error(), "\x00\x1b") {
				t.Errorf("got %q, want %q", err, tt.want)
			}
		})
	}
}
