package probe

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
)

// begin makes HTTP/2 of a connection whose handshake chose it.
func (c *clientConn) begin(ctx context.Context) Outcome {
	c.multiplexed = nil
	if c.s.handshook != HandshakeHTTP2 || !c.choseHTTP2() {
		return Outcome{Code: OK}
	}
	conn := c.s.conn
	transport := &http.Transport{
		Protocols: new(http.Protocols), DisableCompression: true, MaxResponseHeaderBytes: headLimit,
		DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil },
	}
	transport.Protocols.SetHTTP2(true)
	var err error
	if c.multiplexed, err = transport.NewClientConn(ctx, "https", c.at.addr.String()); err != nil {
		c.s.close()
	}
	return classify(err)
}

// choseHTTP2 tells what the last handshake chose.
func (c *clientConn) choseHTTP2() bool {
	o := c.s.o
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.section.Handshakes[c.s.handshake-1].ALPN == "h2"
}

// roundTripHTTP2 is roundTrip over HTTP/2, for requests in one go.
func (c *clientConn) roundTripHTTP2(ctx context.Context, r signedRequest, x *Exchange) (body []byte, keep bool, err error) {
	req, err := http.NewRequestWithContext(ctx, x.Method, "https://"+c.authority()+r.target, bytes.NewReader(r.body))
	if err != nil {
		return nil, false, err
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", cmp.Or(r.header.Get("User-Agent"), "lyncpin"))
	if r.accept != "" {
		req.Header.Set("Accept", r.accept)
	}
	resp, err := c.multiplexed.RoundTrip(req)
	if err != nil {
		return nil, false, err
	}
	defer resp.Body.Close()
	limit := c.s.o.limits.Body
	x.Status, x.Header = resp.StatusCode, kept(resp.Header)
	body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
	x.Size = len(body)
	switch {
	case int64(len(body)) > limit:
		return nil, false, errTooLarge
	case err != nil:
		return nil, false, err
	}
	c.s.used = true
	return body, true, nil
}

// offersHTTP2 tells whether the listener chose HTTP/2 when a browser's handshake offered it.
func (o *observer) offersHTTP2(at endpoint) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.section.Handshakes, func(h Handshake) bool {
		return h.Purpose == HandshakeHTTP2 && h.Host == at.host && h.Addr == at.addr.String() && h.ALPN == "h2"
	})
}

// logonHTTP2 logs on once more as browsers do, when they would choose HTTP/2 here: [MS-NTHT] and RFC 4559 know no
// authentication of connections that are shared.
func (w *way) logonHTTP2(ctx context.Context, at endpoint, r signedRequest) {
	if w.client != ClientDesktop || w.server != nil || w.logons >= maxLogons || !w.o.offersHTTP2(at) {
		return
	}
	w.logons++
	c := w.o.newClientConn(at, w.by+" over HTTP/2", w.secrets)
	c.s.handshook = HandshakeHTTP2
	defer c.close()
	if c.open(ctx).OK() && c.multiplexed != nil {
		w.logon(ctx, c, r)
	}
}
