package main

import (
	"strings"
	"testing"
)

func TestReadHead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, head string
		want       int
		err        string
	}{
		{"plain", "HTTP/1.1 200 OK\r\nContent-Length: 1200\r\n", 1200, ""},
		{"spelling", "HTTP/1.1 200 \r\nServer: x\r\ncontent-length:7\r\n", 7, ""},
		{"another field", "HTTP/1.1 200 OK\r\nX-Content-Length: 5\r\nContent-Length: 6\r\n", 6, ""},
		{"refused", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n", 0, "502 Bad Gateway"},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", 0, "no Content-Length"},
		{"not HTTP", "SSH-2.0\r\n", 0, "SSH-2.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := readHead([]byte(c.head))
			if got != c.want || (err == nil) != (c.err == "") {
				t.Fatalf("got %d (%v), want %d (%s)", got, err, c.want, c.err)
			}
			if err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("the error %q does not say %q", err, c.err)
			}
		})
	}
}
