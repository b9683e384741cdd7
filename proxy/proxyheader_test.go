package proxy_test

import (
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"lyncpin/proxy"
)

// The forms of the PROXY protocol, and what is none. The header names the client; what follows it is served.
func TestProxyHeader(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, header, client string }{
		{"tcp4", "PROXY TCP4 198.51.100.7 203.0.113.10 56324 443\r\n", "198.51.100.7"},
		{"tcp6", "PROXY TCP6 2001:db8::7 2001:db8::10 56324 443\r\n", "2001:db8::7"},
		{"unknown", "PROXY UNKNOWN\r\n", "127.0.0.1"},
		{"unknown-with-addresses", "PROXY UNKNOWN ffff::1 ffff::1 65535 65535\r\n", "127.0.0.1"},
		{"local", "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00", "127.0.0.1"},
		{"binary-4", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x07\xcb\x00\x71\x0a\xdc\x04\x01\xbb", "198.51.100.7"},
		{"binary-6", "\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x24\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x07" + strings.Repeat("\x00", 16) + "\xdc\x04\x01\xbb", "2001:db8::7"},
		{"no-such-command", "\r\n\r\n\x00\r\nQUIT\n\x22\x11\x00\x00", ""},
		{"none", "", ""},
		{"no-such-protocol", "PROXY UDP4 198.51.100.7 203.0.113.10 56324 443\r\n", ""},
		{"no-address", "PROXY TCP4 client proxy 56324 443\r\n", ""},
		{"too-few-words", "PROXY TCP4 198.51.100.7\r\n", ""},
		{"no-end", "PROXY " + strings.Repeat("x", 200) + "\r\n", ""},
	} {
		for _, scheme := range []string{"https", "http"} {
			t.Run(tc.name+"/"+scheme, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.server("fe1", scheme, nil)
				w.rule(proxy.Rule{WebServers: []string{"fe1"}})
				w.cfg.ProxyProtocol = true
				w.start()
				conn := w.raw(scheme)
				below := conn
				if over, ok := conn.(*tls.Conn); ok {
					below = over.NetConn() // the header comes before TLS
				}
				if _, err := io.WriteString(below, tc.header); err != nil {
					t.Fatal(err)
				}
				_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+published+"\r\nConnection: close\r\n\r\n")
				if tc.client == "" {
					if err == nil {
						_, err = io.ReadAll(conn)
					}
					if err == nil || !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) && !errors.Is(err, syscall.EPIPE) {
						t.Errorf("got %v, want the connection to be reset", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				answer, err := io.ReadAll(conn)
				if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
					t.Fatalf("%v: %.80q", err, answer)
				}
				if got := w.last().header.Get("X-Forwarded-For"); got != tc.client {
					t.Errorf("the client is %q, want %q", got, tc.client)
				}
			})
		}
	}
}
