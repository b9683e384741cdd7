package probe

import (
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
)

// Where every handshake is cut, one more is tried behind a PROXY header, and nowhere else.
func TestHandshakeBehindAProxyHeader(t *testing.T) {
	t.Parallel()
	served := overTLS(answering(func(*http.Request) string { return replyText("404 Not Found", "text/plain", "no") }))
	waits := func(c net.Conn) {
		head := make([]byte, 16)
		if _, err := io.ReadFull(c, head); err == nil && string(head) == "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00" {
			served(c)
		}
	}
	cuts := func(c net.Conn) { readRequest(c) }
	for _, tc := range []struct {
		name  string
		serve func(net.Conn)
		want  []string
	}{
		{"waits-for-it", waits, []string{OK}},
		{"cuts-all", cuts, []string{Closed}},
		{"serves", served, nil},
		{"is-silent", silent, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{answer: onlyDiscovery(), tcp: map[string]func(net.Conn){proxyIP + ":443": tc.serve}}
				var got []string
				for _, h := range handshakesFor(w.observe(t), HandshakeProxied) {
					got = append(got, h.Outcome.Code)
				}
				if len(got) != len(tc.want) || len(got) == 1 && got[0] != tc.want[0] {
					t.Errorf("handshakes behind a PROXY header ended in %v, want %v", got, tc.want)
				}
			})
		})
	}
}
