package proxy

import (
	"encoding/binary"
	"net"
	"sync"

	"golang.org/x/net/http2/hpack"
)

// Connection-bound authentication over HTTP/2 is answered with a reset of the stream that says HTTP_1_1_REQUIRED (RFC 9113, 7), as
// IIS does, and browsers and curl come again over HTTP/1.1. The server of net/http resets streams with INTERNAL_ERROR alone. So the
// frames of a connection are looked at on their way: those of the client for the streams that it is about, those of the server for
// their reset, in which the code is changed.

// What RFC 9113 calls them: types of frames (6.2, 6.4, 6.10), flags (6.2) and error codes (7).
const (
	frameHeaders, frameReset, frameContinuation = 1, 3, 9
	flagEndHeaders, flagPadded, flagPriority    = 4, 8, 32
	codeInternalError, codeHTTP11Required       = 2, 13

	frameHeadSize   = 9
	http2Preface    = 24
	headerTableSize = 4096 // which the server of net/http keeps to
	// maxFrame is what the server of net/http takes; it ends the connection at more.
	maxFrame = 1 << 20
	// maxMarked is more than the streams that the server lets a client have open.
	maxMarked = 1024
)

// An http2Conn is a connection with HTTP/2 on it, above TLS. One goroutine reads and one writes, as net/http does it.
type http2Conn struct {
	net.Conn
	in, out frames
	fields  *hpack.Decoder
	block   []byte // of fields, until its frame is whole
	stream  uint32 // whose fields are read
	bad     bool   // the client is not understood: the server will say so

	mu     sync.Mutex
	marked map[uint32]bool // streams that need HTTP/1.1
}

func newHTTP2Conn(conn net.Conn) *http2Conn {
	c := &http2Conn{Conn: conn, in: frames{skip: http2Preface}, marked: map[uint32]bool{}}
	c.fields = hpack.NewDecoder(headerTableSize, func(f hpack.HeaderField) {
		if f.Name == "authorization" && authenticatesConnection(f.Value) {
			c.mark(c.stream)
		}
	})
	return c
}

// frames is a place in a sequence of frames.
type frames struct {
	skip int // bytes before the first
	head [frameHeadSize]byte
	have int // of head
	left int // of the payload
}

// next takes bytes off p: what there is of one payload, or of what lies between. A payload is whole when have is zero again.
func (f *frames) next(p []byte) (payload, rest []byte) {
	if f.skip > 0 {
		n := min(f.skip, len(p))
		f.skip -= n
		return nil, p[n:]
	}
	if f.have < frameHeadSize {
		n := copy(f.head[f.have:], p)
		f.have += n
		p = p[n:]
		if f.have < frameHeadSize {
			return nil, p
		}
		f.left = f.length()
	}
	n := min(f.left, len(p))
	if f.left -= n; f.left == 0 {
		f.have = 0 // the head stays legible
	}
	return p[:n], p[n:]
}

func (f *frames) length() int    { return int(f.head[0])<<16 | int(f.head[1])<<8 | int(f.head[2]) }
func (f *frames) kind() byte     { return f.head[3] }
func (f *frames) flags() byte    { return f.head[4] }
func (f *frames) stream() uint32 { return binary.BigEndian.Uint32(f.head[5:]) & (1<<31 - 1) }

func (c *http2Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for rest := p[:n]; len(rest) > 0 && !c.bad; {
		var payload []byte
		payload, rest = c.in.next(rest)
		if c.in.have == 0 || c.in.have == frameHeadSize {
			c.received(payload)
		}
	}
	return n, err
}

// received looks at what comes of a frame from the client.
func (c *http2Conn) received(payload []byte) {
	whole := c.in.have == 0 && c.in.skip == 0
	switch c.in.kind() {
	case frameReset:
		if whole {
			c.unmark(c.in.stream())
		}
	case frameHeaders, frameContinuation:
		if c.in.length() > maxFrame {
			c.bad = true
			return
		}
		c.block = append(c.block, payload...)
		if whole {
			c.stream = c.in.stream()
			c.bad = !c.decode(c.block)
			c.block = nil
		}
	}
}

// decode reads the fields in a whole frame. Every one must be read, for later ones refer to those before.
func (c *http2Conn) decode(p []byte) bool {
	flags := c.in.flags()
	if c.in.kind() == frameHeaders {
		padding := 0
		if flags&flagPadded != 0 {
			if len(p) == 0 {
				return false
			}
			padding, p = int(p[0]), p[1:]
		}
		if flags&flagPriority != 0 {
			if len(p) < 5 {
				return false
			}
			p = p[5:]
		}
		if padding > len(p) {
			return false
		}
		p = p[:len(p)-padding]
	}
	if _, err := c.fields.Write(p); err != nil {
		return false
	}
	return flags&flagEndHeaders == 0 || c.fields.Close() == nil
}

// Write changes the code in resets of streams that are marked.
func (c *http2Conn) Write(p []byte) (int, error) {
	out := p
	for rest := p; len(rest) > 0; {
		var payload []byte
		payload, rest = c.out.next(rest)
		last := len(p) - len(rest) - 1 // its code is a small number, in the last byte of four
		if len(payload) > 0 && c.out.have == 0 && c.out.kind() == frameReset && c.unmark(c.out.stream()) && p[last] == codeInternalError {
			if &out[0] == &p[0] {
				out = append([]byte(nil), p...)
			}
			out[last] = codeHTTP11Required
		}
	}
	return c.Conn.Write(out)
}

func (c *http2Conn) mark(stream uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.marked) < maxMarked {
		c.marked[stream] = true
	}
}

// unmark reports whether stream was marked.
func (c *http2Conn) unmark(stream uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.marked[stream]
	delete(c.marked, stream)
	return was
}
