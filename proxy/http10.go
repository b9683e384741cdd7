package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
)

// newHTTP10 makes a pool without connections: each request of HTTP/1.0 has one to itself.
func (w *webServer) newHTTP10() *http.Transport {
	t := w.newTransport()
	t.DisableKeepAlives = true
	old := func(dial func(ctx context.Context, network, addr string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
		return func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &http10Conn{Conn: conn}, nil
		}
	}
	t.DialContext, t.DialTLSContext = old(w.dialPlain), old(w.dialTLS)
	return t
}

// http10Conn makes HTTP/1.0 of the request line that goes out over it. It is for one request.
type http10Conn struct {
	net.Conn
	line []byte // as far as it has come
	sent bool
}

func (c *http10Conn) Write(p []byte) (int, error) {
	if c.sent {
		return c.Conn.Write(p)
	}
	c.line = append(c.line, p...)
	line, rest, whole := bytes.Cut(c.line, []byte("\r\n"))
	if !whole {
		return len(p), nil
	}
	c.sent = true
	line = append(bytes.TrimSuffix(line, []byte("HTTP/1.1")), "HTTP/1.0\r\n"...)
	_, err := c.Conn.Write(append(line, rest...))
	c.line = nil
	return len(p), err
}

var errUnmeasured = errors.New("a body of unknown length")

// complete makes req one that HTTP/1.0 can carry: its body has a length, and nobody waits for a 100.
func complete(req *http.Request) error {
	req.Header = req.Header.Clone()
	req.Header.Del("Expect")
	if req.Body == nil || req.ContentLength >= 0 {
		return nil
	}
	whole, err := hold(req)
	if err == nil && !whole {
		err = errUnmeasured
	}
	return err
}

// hold reads the body of req, which then can be read again, and knows its length. It is false when there is more of it than
// the proxy holds: then it is as it was.
func hold(req *http.Request) (bool, error) {
	if req.Body == nil {
		return true, nil
	}
	text, err := io.ReadAll(io.LimitReader(req.Body, maxHeld+1))
	if err != nil {
		return false, err
	}
	if len(text) > maxHeld {
		req.Body = readCloser{io.MultiReader(bytes.NewReader(text), req.Body), req.Body}
		return false, nil
	}
	req.ContentLength, req.TransferEncoding, req.Trailer = int64(len(text)), nil, nil
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	req.Body, _ = req.GetBody()
	return true, nil
}
