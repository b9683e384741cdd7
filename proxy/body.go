package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

const (
	// maxChunkLine is room for a size and for extensions, which nobody uses.
	maxChunkLine = 4 << 10
	// maxTrailer is the most bytes of trailers that are held.
	maxTrailer = 16 << 10
)

var errBadChunk = &borderError{400, "framing", "the chunks of a body are malformed"}

type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkData
	chunkEnd // the line end behind the data
	chunkTrailer
	bodyDone
)

// A body is what follows a head, taken out of its framing.
type body struct {
	in      *wire
	framing framing
	state   chunkState
	left    int64 // of the body, or of the chunk
	most    int64 // more is refused; zero is any size
	taken   int64
	trailer []byte // checked lines of the trailer, as they are sent on
}

func newBody(in *wire, h *head) body {
	b := body{in: in, framing: h.framing, left: h.length}
	if h.framing == noBody || h.framing == sized && h.length == 0 {
		b.state = bodyDone
	}
	return b
}

// done reports whether all of it has been taken.
func (b *body) done() bool { return b.state == bodyDone }

// next takes what has been read already. It returns nothing when more must be read first, and io.EOF at the end. The bytes are valid
// until the wire is read again.
func (b *body) next() ([]byte, error) {
	if b.framing == chunked {
		return b.nextChunk()
	}
	if b.state == bodyDone {
		return nil, io.EOF
	}
	p := b.in.unused()
	if b.framing == sized {
		p = p[:min(int64(len(p)), b.left)]
		if b.left -= int64(len(p)); b.left == 0 {
			b.state = bodyDone
		}
	}
	return b.give(p)
}

func (b *body) give(p []byte) ([]byte, error) {
	b.in.take(len(p))
	if b.taken += int64(len(p)); b.most > 0 && b.taken > b.most {
		return nil, &http.MaxBytesError{Limit: b.most}
	}
	if len(p) == 0 {
		return nil, nil
	}
	return p, nil
}

func (b *body) nextChunk() ([]byte, error) {
	for {
		switch b.state {
		case chunkData:
			p := b.in.unused()
			p = p[:min(int64(len(p)), b.left)]
			if b.left -= int64(len(p)); b.left == 0 {
				b.state = chunkEnd
			}
			return b.give(p)
		case bodyDone:
			return nil, io.EOF
		}
		line, ok, err := b.line()
		if err != nil || !ok {
			return nil, err
		}
		if err := b.control(line); err != nil {
			return nil, err
		}
	}
}

// line takes a line of the framing.
func (b *body) line() (line []byte, ok bool, err error) {
	p := b.in.unused()
	i := bytes.IndexByte(p, '\n')
	if i > maxChunkLine || i < 0 && len(p) > maxChunkLine {
		return nil, false, errBadChunk
	}
	if i < 0 {
		return nil, false, nil
	}
	b.in.take(i + 1)
	line = p[:i]
	if i == 0 || line[i-1] != '\r' {
		return nil, false, errBadChunk
	}
	return line[:i-1], true, nil
}

// control goes on by a line of the framing.
func (b *body) control(line []byte) error {
	switch b.state {
	case chunkSize:
		n, err := parseChunkSize(line)
		if err != nil {
			return err
		}
		b.left, b.state = n, chunkData
		if n == 0 {
			b.state = chunkTrailer
		}
	case chunkEnd:
		if len(line) > 0 {
			return errBadChunk
		}
		b.state = chunkSize
	case chunkTrailer:
		if len(line) == 0 {
			b.state = bodyDone
			return nil
		}
		f, err := parseField(line)
		if err != nil {
			return err
		}
		if len(b.trailer)+len(line) > maxTrailer {
			return &borderError{431, "trailer-size", "the trailer is larger than the proxy allows"}
		}
		if f.kind == ordinary && !looksLikeFraming(f.name) { // the others belong into a head
			b.trailer = appendField(b.trailer, f.name, f.value)
		}
	}
	return nil
}

// parseChunkSize reads hexadecimal digits, and checks the extensions behind them, which are left out of what is sent on.
func parseChunkSize(line []byte) (int64, error) {
	digits := line
	if i := bytes.IndexByte(line, ';'); i >= 0 {
		digits = line[:i]
		for _, c := range line[i:] {
			if c < ' ' && c != '\t' || c == 0x7f {
				return 0, errBadChunk
			}
		}
	}
	if len(digits) == 0 || len(digits) > 15 { // fits an int64
		return 0, errBadChunk
	}
	var n int64
	for _, c := range digits {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | int64(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			n = n<<4 | int64(c|0x20-'a'+10)
		default:
			return 0, errBadChunk
		}
	}
	return n, nil
}

// ended says what the end of the connection means in the middle of reading.
func (b *body) ended(err error) error {
	if errors.Is(err, io.EOF) {
		if b.framing == untilClose {
			b.state = bodyDone
			return io.EOF
		}
		return io.ErrUnexpectedEOF
	}
	return err
}

func appendField[T ~[]byte | ~string](out []byte, name, value T) []byte {
	out = append(out, name...)
	out = append(out, ": "...)
	out = append(out, value...)
	return append(out, "\r\n"...)
}
