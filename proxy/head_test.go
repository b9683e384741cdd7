package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// memory is a connection that says what it holds.
type memory struct {
	net.Conn
	io.Reader
}

func (m memory) Read(p []byte) (int, error) { return m.Reader.Read(p) }

// readWhole reads a request as a session does.
func readWhole(r io.Reader) (h head, text, trailer, rest []byte, err error) {
	in := wire{conn: memory{Reader: r}, blocks: new(blocks)}
	from := 0
	for {
		end, next, err := headEnd(in.unused(), from, true)
		if err != nil {
			return h, nil, nil, nil, err
		}
		if end > 0 {
			if err := h.parseRequest(in.unused()[:end]); err != nil {
				return h, nil, nil, nil, err
			}
			in.take(end)
			break
		}
		from = next
		if err := in.read(); err != nil {
			return h, nil, nil, nil, err
		}
	}
	h.own()
	h.method, h.target, h.host = bytes.Clone(h.method), bytes.Clone(h.target), bytes.Clone(h.host)
	b := newBody(&in, &h)
	if text, err = readBody(&in, &b); err != nil {
		return h, nil, nil, nil, err
	}
	rest = append(rest, in.unused()...)
	more, _ := io.ReadAll(r)
	return h, text, b.trailer, append(rest, more...), nil
}

// readBody reads a body to its end.
func readBody(in *wire, b *body) (text []byte, err error) {
	for {
		p, err := b.next()
		if err == nil && p == nil {
			err = b.ended(in.read())
		}
		if err == io.EOF {
			return text, nil
		}
		if err != nil {
			return nil, err
		}
		text = append(text, p...)
	}
}

// FuzzRequest wants every request that is taken, and those behind it, to mean to net/http what it means here, whatever the pieces it
// comes in.
func FuzzRequest(f *testing.F) {
	const host = "Host: meet.contoso.example\r\n"
	for _, s := range []string{
		"GET / HTTP/1.1\r\n" + host + "\r\n",
		"POST /x?y HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhelloGET /",
		"POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-A: b\r\n\r\nGET",
		"POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
		"GET http://dialin.contoso.example/?a HTTP/1.1\r\n" + host + "\r\n",
		"OPTIONS * HTTP/1.1\r\n" + host + "Connection: close, x\r\nX: y\r\n\r\n",
		"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		"GET /a%2Fb//c HTTP/1.1\r\n" + host + "X-A:\t b \r\nExpect: 100-continue\r\n\r\n",
		"CONNECT meet.contoso.example:443 HTTP/1.1\r\n" + host + "\r\n",
		"POST / HTTP/1.1\r\n" + host + "Content-Length: 2\r\n\r\nhiGET /x HTTP/1.1\r\n" + host + "\r\nPOST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost:meet\n\n", "GET / HTTP/1.1\r\n folded\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for len(data) > 0 {
			data = compareRequest(t, data)
		}
	})
}

// compareRequest looks at the first request of data, and returns what is behind it.
func compareRequest(t *testing.T, data []byte) (behind []byte) {
	h, text, trailer, rest, err := readWhole(bytes.NewReader(data))
	h2, text2, trailer2, _, err2 := readWhole(iotest.OneByteReader(bytes.NewReader(data)))
	if (err == nil) != (err2 == nil) || err == nil && (!bytes.Equal(text, text2) || !bytes.Equal(trailer, trailer2) || !bytes.Equal(h.target, h2.target)) {
		t.Fatalf("in one piece: %q, %v; byte by byte: %q, %v", text, err, text2, err2)
	}
	if err != nil {
		return nil
	}
	br := bufio.NewReader(bytes.NewReader(data))
	req, err := http.ReadRequest(br)
	if err != nil {
		// What net/http refuses besides are URLs that cannot be decoded, which the rules refuse.
		if !strings.Contains(err.Error(), "parse") && !strings.Contains(err.Error(), "invalid") {
			t.Fatalf("net/http refuses: %v", err)
		}
		return nil
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Fatalf("net/http refuses the body: %v", err)
	}
	if req.Method == "CONNECT" {
		return nil // which net/http takes for the host, and the rules for nothing
	}
	if req.Method != string(h.method) || req.RequestURI != string(h.target) || req.Host != string(h.host) {
		t.Errorf("net/http reads %s %s for %s; here %s %s for %s", req.Method, req.RequestURI, req.Host, h.method, h.target, h.host)
	}
	if !bytes.Equal(body, text) {
		t.Errorf("net/http reads the body %q, here %q", body, text)
	}
	if left, _ := io.ReadAll(br); !bytes.Equal(left, rest) {
		t.Errorf("net/http leaves %q, here %q", left, rest)
	}
	if req.Close == h.keep {
		t.Errorf("net/http closes: %v, here keeps: %v", req.Close, h.keep)
	}
	if !h.keep {
		return nil
	}
	return rest
}

// FuzzAnswer wants answers read without panic, and those that are taken to be what net/http reads.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n2;a\nhi\n0\nX-A: b\n\n", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.0 200 OK\r\n\r\nto the end", "HTTP/1.1 304 Not Modified\nContent-Length: 5\n\n", "HTTP/1.1 101\r\nUpgrade: x\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		end, _, _ := headEnd(data, 0, false)
		var h head
		if end == 0 || h.parseAnswer(data[:end], "GET") != nil {
			return
		}
		res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(data)), nil)
		if err != nil {
			return // it knows more that is wrong
		}
		if res.StatusCode != h.status {
			t.Errorf("net/http reads status %d, here %d", res.StatusCode, h.status)
		}
		want := map[framing]bool{h.framing: true}
		switch {
		case len(res.TransferEncoding) > 0:
			if !want[chunked] {
				t.Errorf("net/http reads chunks, here framing %d", h.framing)
			}
		case res.ContentLength > 0 && h.framing == sized && res.ContentLength != h.length:
			t.Errorf("net/http reads length %d, here %d", res.ContentLength, h.length)
		}
		in := wire{conn: memory{Reader: bytes.NewReader(data[end:])}, blocks: new(blocks)}
		b := newBody(&in, &h)
		text, failed := readBody(&in, &b)
		body, err := io.ReadAll(res.Body)
		switch {
		case failed != nil || h.status < 200: // or it is no answer yet
		case err != nil:
			t.Errorf("net/http refuses the body %q: %v", text, err)
		case !bytes.Equal(body, text):
			t.Errorf("net/http reads the body %q, here %q", body, text)
		}
	})
}

func TestChunkedBodiesInPieces(t *testing.T) {
	t.Parallel()
	const message = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x\r\n!\r\n0\r\nX-A: b\r\nHost: y\r\n\r\nrest"
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(message), "bytes": iotest.OneByteReader(strings.NewReader(message)), "halves": iotest.HalfReader(strings.NewReader(message)),
	} {
		_, text, trailer, rest, err := readWhole(r)
		if string(text) != "hello!" || string(trailer) != "X-A: b\r\n" || string(rest) != "rest" || err != nil {
			t.Errorf("%s: %q, trailer %q, rest %q, %v", name, text, trailer, rest, err)
		}
	}
	if _, _, _, _, err := readWhole(strings.NewReader(message[:80])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut off: %v", err)
	}
}
