package peer_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"lyncpin/internal/peer"
)

// Addresses of the plan that the configurations below name.
var (
	listener  = netip.MustParseAddrPort("203.0.113.10:80")
	webServer = netip.MustParseAddrPort("10.10.10.11:8080")
)

// texts are configurations that people would write for plain HTTP, with time-outs.
var texts = map[string]string{
	"nginx": `user www-data;
pid /run/nginx.pid;
events { worker_connections 512; }
http {
  access_log /var/log/nginx/access.log;
  proxy_read_timeout 50s;
  send_timeout 50s;
  server { listen 203.0.113.10:80; location / { proxy_pass http://10.10.10.11:8080; } }
}`,
	"nginx-stream": `load_module modules/ngx_stream_module.so;
events { }
stream { server { listen 203.0.113.10:80; proxy_timeout 50s; proxy_pass 10.10.10.11:8080; } }`,
	"haproxy": `global
  log /dev/log local0
  chroot /var/lib/haproxy
  user haproxy
  daemon
defaults
  mode http
  timeout connect 5s
  timeout client 1m
  timeout server 50000
frontend f
  bind 203.0.113.10:80
  default_backend b
backend b
  server s 10.10.10.11:8080`,
	"squid": `http_port 203.0.113.10:80 accel defaultsite=web.contoso.example vhost
cache_peer 10.10.10.11 parent 8080 0 no-query originserver name=fe
acl all_sites dstdomain .contoso.example
http_access allow all_sites
cache_peer_access fe allow all
read_timeout 50 seconds
pid_filename /run/squid.pid`,
	"apache": `LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
User ${APACHE_RUN_USER}
PidFile /run/apache2.pid
ServerName proxy.contoso.example
Listen 203.0.113.10:80
ProxyPass / http://10.10.10.11:8080/ timeout=50`,
	"caddy": `{
	auto_https off
}
http://web.contoso.example:80 {
	bind 203.0.113.10
	reverse_proxy http://10.10.10.11:8080 {
		transport http {
			response_header_timeout 50s
		}
	}
}`,
}

// need skips where a product is missing, and fails where it must be there.
func need(t testing.TB, product string) {
	t.Helper()
	_, err := peer.Find(product)
	missing, ok := errors.AsType[*peer.MissingError](err)
	switch {
	case err == nil:
	case ok && os.Getenv("LYNCPIN_REQUIRE_PEERS") == "":
		t.Skip(missing)
	default:
		t.Fatal(err)
	}
}

func start(t testing.TB, product string, handler http.Handler) *peer.Peer {
	t.Helper()
	return startText(t, product, texts[product], handler)
}

func startText(t testing.TB, product, text string, handler http.Handler) *peer.Peer {
	t.Helper()
	behind := httptest.NewServer(handler)
	t.Cleanup(behind.Close)
	p, err := peer.Start(t.Context(), peer.Config{
		Product: product, Text: text, Listen: []netip.AddrPort{listener}, Speed: 50,
		WebServer: func(a netip.AddrPort) netip.AddrPort {
			if a == webServer {
				return netip.MustParseAddrPort(behind.Listener.Addr().String())
			}
			return netip.AddrPort{}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func get(t testing.TB, p *peer.Peer, path string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.Addr(listener).String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "web.contoso.example"
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func TestEveryProductForwards(t *testing.T) {
	t.Parallel()
	for _, product := range peer.Products() {
		t.Run(product, func(t *testing.T) {
			t.Parallel()
			need(t, product)
			p := start(t, product, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "behind") }))
			if status, body := get(t, p, "/"); status != 200 || body != "behind" {
				t.Errorf("got %d %q\n%s", status, body, p.Log())
			}
		})
	}
}

// A time-out of the text is as many times shorter as the lab's time is faster: 50 s are 1 s.
func TestTimeRunsFaster(t *testing.T) {
	t.Parallel()
	for _, product := range peer.Products() {
		t.Run(product, func(t *testing.T) {
			t.Parallel()
			need(t, product)
			p := start(t, product, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
			began := time.Now()
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.Addr(listener).String()+"/", nil)
			req.Host = "web.contoso.example"
			resp, err := new(http.Transport).RoundTrip(req)
			if err == nil {
				resp.Body.Close()
			}
			if took := time.Since(began); took < 500*time.Millisecond || took > 8*time.Second {
				t.Errorf("gave up after %v, want about a second\n%s", took, p.Text())
			}
		})
	}
}

func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	for _, product := range peer.Products() {
		t.Run(product, func(t *testing.T) {
			t.Parallel()
			need(t, product)
			p := start(t, product, http.NotFoundHandler())
			addr := p.Addr(listener).String()
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			if c, err := net.Dial("tcp", addr); err == nil {
				c.Close()
				t.Error("somebody still listens")
			}
			if err := p.Close(); err != nil {
				t.Errorf("second Close: %v", err)
			}
		})
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("not within 10 s: %s", what)
		case <-tick.C:
		}
	}
}

func TestLastWords(t *testing.T) {
	t.Parallel()
	need(t, "nginx")
	_, err := peer.Start(t.Context(), peer.Config{Product: "nginx", Text: "events { } http { server { listen 203.0.113.10:80; nonsense on; } }", Listen: []netip.AddrPort{listener}})
	if err == nil || !strings.Contains(err.Error(), `unknown directive "nonsense"`) {
		t.Errorf("got %v", err)
	}
}

func TestUnknownProduct(t *testing.T) {
	t.Parallel()
	_, err := peer.Start(t.Context(), peer.Config{Product: "ngnix"})
	if err == nil || !strings.Contains(err.Error(), "known are nginx") {
		t.Errorf("got %v", err)
	}
}

// Somebody who forgot a port has a proxy nonetheless.
func TestListenerThatIsNotThere(t *testing.T) {
	t.Parallel()
	need(t, "nginx")
	forgotten := netip.MustParseAddrPort("203.0.113.10:443")
	p, err := peer.Start(t.Context(), peer.Config{Product: "nginx", Text: texts["nginx"], Listen: []netip.AddrPort{listener, forgotten}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if c, err := net.Dial("tcp", p.Addr(forgotten).String()); err == nil {
		c.Close()
		t.Errorf("%s takes connections", p.Addr(forgotten))
	}
}

// Who listens everywhere is found at the plan's address.
func TestListeningEverywhere(t *testing.T) {
	t.Parallel()
	for product, lines := range map[string][2]string{
		"nginx":        {"listen 203.0.113.10:80;", "listen 80;"},
		"nginx-stream": {"listen 203.0.113.10:80;", "listen 0.0.0.0:80;"},
		"haproxy":      {"bind 203.0.113.10:80", "bind *:80"},
		"squid":        {"http_port 203.0.113.10:80 accel", "http_port 80 accel"},
		"apache":       {"Listen 203.0.113.10:80", "Listen 80"},
		"caddy":        {"bind 203.0.113.10", "bind 0.0.0.0"},
	} {
		t.Run(product, func(t *testing.T) {
			t.Parallel()
			need(t, product)
			text := strings.Replace(texts[product], lines[0], lines[1], 1)
			if text == texts[product] {
				t.Fatalf("the text holds no %q", lines[0])
			}
			p := startText(t, product, text, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "behind") }))
			if status, body := get(t, p, "/"); status != 200 || body != "behind" {
				t.Errorf("got %d %q\n%s", status, body, p.Log())
			}
		})
	}
}
