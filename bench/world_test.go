package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
)

// newWorld is a bench whose web server runs within the test.
func newWorld(t *testing.T) *bench {
	t.Helper()
	dir, err := os.MkdirTemp("", "lyncpin-bench-") // not the test's: products become other users, who may not enter that
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b := &bench{dir: dir}
	if err := errors.Join(os.Chmod(dir, 0o755), b.certificates()); err != nil {
		t.Fatal(err)
	}
	b.webAddr = b.serve(t, serveWeb, settings{Cert: b.file("web.crt"), Key: b.file("web.key")})
	return b
}

// settings are a proxy's.
func (b *bench) settings() settings {
	return settings{Cert: b.file(keyECDSA + ".crt"), Key: b.file(keyECDSA + ".key"), CA: b.file("ca.crt"), WebServer: b.webAddr, Name: webServerName}
}

// serve runs a server within the test and returns its address.
func (b *bench) serve(t *testing.T, serve func(context.Context, net.Listener, settings) error, s settings) string {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(s.Cert, s.Key)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := serve(ctx, tls.NewListener(ln, serverTLS(cert)), s); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return ln.Addr().String()
}

// serveRelay copies the bytes of each connection over one of its own: nothing can go wrong with what it passes on.
func serveRelay(ctx context.Context, ln net.Listener, s settings) error {
	pool, err := roots(s.CA)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	for {
		conn, err := ln.Accept()
		if err != nil {
			return nil // closed
		}
		go func() {
			defer conn.Close()
			up, err := tls.Dial("tcp", s.WebServer, &tls.Config{RootCAs: pool, ServerName: s.Name})
			if err != nil {
				return
			}
			defer up.Close()
			go func() {
				io.Copy(up, conn)
				up.Close()
				conn.Close()
			}()
			io.Copy(conn, up)
		}()
	}
}

// serveBad is a proxy that does everything wrong: it has a small head, asks for bodies and keeps them until they are whole, keeps
// answers likewise, and does not notice who has left.
func serveBad(ctx context.Context, ln net.Listener, s settings) error {
	rp, _, err := newReverse(s)
	if err != nil {
		return err
	}
	rp.ModifyResponse = func(resp *http.Response) error {
		body, err := io.ReadAll(resp.Body)
		resp.Body = io.NopCloser(bytes.NewReader(body))
		return err
	}
	return serveHTTP(ctx, ln, &http.Server{MaxHeaderBytes: 4 << 10, ErrorLog: rp.ErrorLog, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Expect") != "" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		rp.ServeHTTP(w, r.WithContext(ctx)) // goes on when the client has left
	})})
}
