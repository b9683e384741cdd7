package main

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
)

// serveTuned is httputil.ReverseProxy as somebody writes it who has measured: a large pool, buffers that are used again, nothing
// flushed that need not be.
func serveTuned(ctx context.Context, ln net.Listener, s settings) error {
	rp, t, err := newReverse(s)
	if err != nil {
		return err
	}
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, 20000
	t.DisableCompression = true
	t.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(64)
	rp.BufferPool = &buffers{}
	return serveReverse(ctx, ln, rp)
}

// servePlain is httputil.ReverseProxy as it comes.
func servePlain(ctx context.Context, ln net.Listener, s settings) error {
	rp, _, err := newReverse(s)
	if err != nil {
		return err
	}
	return serveReverse(ctx, ln, rp)
}

func newReverse(s settings) (*httputil.ReverseProxy, *http.Transport, error) {
	pool, err := roots(s.CA)
	if err != nil {
		return nil, nil, err
	}
	target := &url.URL{Scheme: "https", Host: s.WebServer}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.ForceAttemptHTTP2 = false
	t.TLSClientConfig = &tls.Config{RootCAs: pool, ServerName: s.Name, NextProtos: []string{"http/1.1"}}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
			r.SetXForwarded()
		},
		Transport: t,
		ErrorLog:  log.New(io.Discard, "", 0),
	}, t, nil
}

func serveReverse(ctx context.Context, ln net.Listener, rp *httputil.ReverseProxy) error {
	return serveHTTP(ctx, ln, &http.Server{Handler: rp, ErrorLog: rp.ErrorLog})
}

// buffers are what bodies are copied with.
type buffers struct{ pool sync.Pool }

// Get is httputil.BufferPool's.
func (b *buffers) Get() []byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return *buf
	}
	return make([]byte, 32<<10)
}

// Put is httputil.BufferPool's.
func (b *buffers) Put(buf []byte) { b.pool.Put(&buf) }
