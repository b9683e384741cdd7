package proxy

import (
	"bytes"
	"testing"
)

// Whatever comes, no byte behind a header is taken, and nothing panics.
func FuzzProxyHeader(f *testing.F) {
	for _, seed := range []string{
		"PROXY TCP4 198.51.100.7 203.0.113.10 56324 443\r\n", "PROXY UNKNOWN\r\n", "PROXY  \r\n", "GET / HTTP/1.1\r\n",
		proxySignature + "\x20\x00\x00\x00", proxySignature + "\x21\x11\x00\x0c\xc6\x33\x64\x07\xcb\x00\x71\x0a\xdc\x04\x01\xbb", proxySignature + "\x21\x21\xff\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, header []byte) {
		r := bytes.NewReader(append(bytes.Clone(header), "behind"...))
		if _, err := readProxyHeader(bytes.NewReader(header)); err != nil {
			return // it is none, or not whole
		}
		if _, err := readProxyHeader(r); err != nil || r.Len() < len("behind") {
			t.Errorf("%v; %d bytes are left", err, r.Len())
		}
	})
}
