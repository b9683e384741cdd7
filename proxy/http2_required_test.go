package proxy

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/net/http2/hpack"
)

// scripted is a connection that says what it was given, and keeps what it is told.
type scripted struct {
	net.Conn
	from io.Reader
	to   bytes.Buffer
}

func (s *scripted) Read(p []byte) (int, error)  { return s.from.Read(p) }
func (s *scripted) Write(p []byte) (int, error) { return s.to.Write(p) }

// preface is what a client of HTTP/2 says first (RFC 9113, 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// frame is laid out as RFC 9113, 4.1 has it.
func frame(kind, flags byte, stream uint32, payload string) string {
	n := len(payload)
	return string([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags, byte(stream >> 24), byte(stream >> 16), byte(stream >> 8), byte(stream)}) + payload
}

func TestHTTP2ConnChangesResets(t *testing.T) {
	t.Parallel()
	var fields bytes.Buffer
	encoder := hpack.NewEncoder(&fields)
	block := func(authorization string) string {
		fields.Reset()
		encoder.WriteField(hpack.HeaderField{Name: ":method", Value: "GET"})
		encoder.WriteField(hpack.HeaderField{Name: "authorization", Value: authorization}) // the second time it refers to the first
		return fields.String()
	}
	const (
		data, headers, reset, settings, continuation = 0, 1, 3, 4, 9
		endHeaders, padded, priority                 = 4, 8, 32

		internal, refused, cancel, required = "\x00\x00\x00\x02", "\x00\x00\x00\x07", "\x00\x00\x00\x08", "\x00\x00\x00\x0d"
	)
	first, other, cut := block("NTLM x"), block("Bearer x"), block("NTLM x")
	said := preface + frame(settings, 0, 0, "") +
		frame(headers, endHeaders|padded|priority, 1, "\x07\x00\x00\x00\x00\x03"+first+"\x00\x00\x00\x00\x00\x00\x00") +
		frame(data, 0, 1, strings.Repeat("\x00\x00\x04\x01", 100)) +
		frame(headers, endHeaders, 3, other) +
		frame(headers, 0, 5, cut[:1]) + frame(continuation, endHeaders, 5, cut[1:]) +
		frame(headers, endHeaders|padded, 7, "\x01"+block("Negotiate x")+"\x00") + frame(reset, 0, 7, cancel) +
		frame(headers, endHeaders, 9, block("NTLM x"))
	looksLikeReset := frame(data, 0, 3, frame(reset, 0, 1, internal))
	answer := frame(settings, 0, 0, "") + looksLikeReset +
		frame(reset, 0, 1, internal) + frame(reset, 0, 3, internal) + frame(reset, 0, 5, internal) + frame(reset, 0, 7, internal) + frame(reset, 0, 9, refused)
	want := frame(settings, 0, 0, "") + looksLikeReset +
		frame(reset, 0, 1, required) + frame(reset, 0, 3, internal) + frame(reset, 0, 5, required) + frame(reset, 0, 7, internal) + frame(reset, 0, 9, refused)
	for _, piece := range []int{1, 3, 10, 1 << 20} {
		under := &scripted{from: strings.NewReader(said)}
		if piece == 1 {
			under.from = iotest.OneByteReader(under.from)
		}
		c := newHTTP2Conn(under)
		if got, err := io.ReadAll(c); err != nil || string(got) != said {
			t.Fatalf("what the client said was changed: %q, %v", got, err)
		}
		given := []byte(answer)
		for p := given; len(p) > 0; {
			n := min(piece, len(p))
			if m, err := c.Write(p[:n]); m != n || err != nil {
				t.Fatal(m, err)
			}
			p = p[n:]
		}
		if string(given) != answer {
			t.Error("the bytes of the caller were changed")
		}
		if got := under.to.String(); got != want {
			t.Errorf("in pieces of %d: got %q, want %q", piece, got, want)
		}
		if len(c.marked) != 0 {
			t.Errorf("streams that have ended are kept: %v", c.marked)
		}
	}
}

// FuzzHTTP2Conn wants nothing but that bytes pass as they are, whatever a client says.
func FuzzHTTP2Conn(f *testing.F) {
	f.Add(preface + frame(1, 44, 1, "\xff"))
	f.Add(preface + "\xff\xff\xff\x09\x04\x80\x00\x00\x01")
	f.Fuzz(func(t *testing.T, said string) {
		c := newHTTP2Conn(&scripted{from: strings.NewReader(said)})
		if got, err := io.ReadAll(c); err != nil || string(got) != said {
			t.Errorf("got %q, %v; want %q", got, err, said)
		}
		if len(c.block) > maxFrame || len(c.marked) > maxMarked {
			t.Errorf("%d bytes and %d streams are held", len(c.block), len(c.marked))
		}
	})
}
