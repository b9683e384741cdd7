package proxy_test

import (
	"testing"

	"lyncpin/proxy"
)

func TestRequestsGoToTheWebServerOfTheListener(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.server("fe1-http", "http", nil)
	w.rule(proxy.Rule{Name: "lync", WebServers: []string{"fe1", "fe1-http"}})
	w.start()
	for _, tc := range []struct{ url, want string }{
		{"https://" + published + "/", "fe1"},
		{"http://" + published + "/", "fe1-http"},
	} {
		if status, body, _ := w.get(tc.url); status != 200 || body != tc.want {
			t.Errorf("GET %s = %d %q, want 200 %q", tc.url, status, body, tc.want)
		}
		if got := w.last().host; got != published {
			t.Errorf("Host = %q, want %q", got, published)
		}
	}
}
