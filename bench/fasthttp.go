package main

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// serveFast is a proxy of the best kept library for it that is not net/http, with bodies that stream both ways. Its buffers for reading
// bound the size of a head, and each connection has one.
func serveFast(ctx context.Context, ln net.Listener, s settings) error {
	pool, err := roots(s.CA)
	if err != nil {
		return err
	}
	const largestHead = 128 << 10
	upstream := &fasthttp.HostClient{
		Addr: s.WebServer, IsTLS: true,
		TLSConfig:                     &tls.Config{RootCAs: pool, ServerName: s.Name},
		MaxConns:                      20000,
		MaxIdleConnDuration:           90 * time.Second,
		ReadBufferSize:                largestHead,
		StreamResponseBody:            true,
		NoDefaultUserAgentHeader:      true,
		DisableHeaderNamesNormalizing: true,
		DisablePathNormalizing:        true,
	}
	server := &fasthttp.Server{
		Handler:                       func(c *fasthttp.RequestCtx) { passFast(c, upstream) },
		ReadBufferSize:                largestHead,
		MaxRequestBodySize:            1 << 30,
		StreamRequestBody:             true,
		NoDefaultServerHeader:         true,
		NoDefaultDate:                 true,
		NoDefaultContentType:          true,
		DisableHeaderNamesNormalizing: true,
		Logger:                        quiet{},
	}
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	err = server.Serve(ln)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// hopByHop are fields that end at a proxy (RFC 9110 section 7.6.1).
var hopByHop = []string{"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Upgrade"}

// passFast sends a request on, and the answer back.
func passFast(c *fasthttp.RequestCtx, upstream *fasthttp.HostClient) {
	req, resp := &c.Request, &c.Response
	for _, name := range hopByHop {
		req.Header.Del(name)
	}
	client := c.RemoteIP().String()
	if before := req.Header.Peek("X-Forwarded-For"); len(before) > 0 {
		client = string(before) + ", " + client
	}
	req.Header.Set("X-Forwarded-For", client)
	req.UseHostHeader = true
	req.URI().SetScheme("https")
	resp.StreamBody = true
	if err := upstream.Do(req, resp); err != nil {
		c.Error(err.Error(), fasthttp.StatusBadGateway)
		return
	}
	for _, name := range hopByHop {
		resp.Header.Del(name)
	}
}

// quiet logs nothing.
type quiet struct{}

// Printf is fasthttp.Logger's.
func (quiet) Printf(string, ...any) {}
