package proxy_test

import (
	"bytes"
	"net"
	"testing"

	"lyncpin/proxy"
)

// BenchmarkSmallRequest is one client that asks for a small document again and again, without TLS, so that what is allocated for
// a request shows: the client and the web server of the benchmark allocate nothing.
func BenchmarkSmallRequest(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1200\r\n\r\n" + string(bytes.Repeat([]byte("x"), 1200)))
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				buf := make([]byte, 4096)
				for {
					if _, err := conn.Read(buf); err != nil {
						return
					}
					conn.Write(answer)
				}
			}()
		}
	}()
	w := newWorld(b)
	w.cfg.WebServers = []proxy.WebServer{{Alias: "fe1", Address: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, Scheme: "http"}}
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	conn := w.raw("http")
	request := []byte("GET /ucwa/v1/applications HTTP/1.1\r\nHost: " + published + "\r\nAccept: application/json\r\nAuthorization: Bearer x\r\n\r\n")
	buf := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		conn.Write(request)
		for got := 0; got < len(answer); {
			n, err := conn.Read(buf)
			if err != nil {
				b.Fatal(err)
			}
			got += n
		}
	}
}
