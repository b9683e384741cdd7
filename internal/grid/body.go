package grid

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"
)

// Ways in which a message says where its body ends.
const (
	framingNone    = "none"
	framingLength  = "length"
	framingChunked = "chunked"
	framingClose   = "close" // answers only: the end of the connection is the end of the body
)

const (
	maxBody   = 8 << 20 // bytes of a body; the largest that is sent has 5 MB
	maxHead   = 1 << 20 // bytes of a head; the largest that is sent has 100 KB
	maxChunks = 8       // lines of chunk sizes that are kept
)

// body is one as it came.
type body struct {
	framing  string
	data     []byte
	chunks   []string // the first lines with sizes, with their extensions
	trailers []Field
	bad      string // why it is no body that everybody reads in the same way
}

func (b *body) digest() string {
	if len(b.data) == 0 {
		return ""
	}
	sum := sha256.Sum256(b.data)
	return hex.EncodeToString(sum[:6])
}

var errBody = errors.New("no body that could be read")

// readRequestBody reads what belongs to the request. Chunks go before a length, as RFC 9112 §6.3 says.
func readRequestBody(r *bufio.Reader, m *message) (body, error) {
	if m.has("Transfer-Encoding", "chunked") {
		b := body{framing: framingChunked}
		return b, readChunks(r, &b)
	}
	n := m.length()
	if n < 0 {
		return body{framing: framingNone}, nil
	}
	b := body{framing: framingLength}
	if n > maxBody {
		return b, errBody
	}
	var got bytes.Buffer
	_, err := io.CopyN(&got, r, n)
	b.data = got.Bytes()
	return b, err
}

func readChunks(r *bufio.Reader, b *body) error {
	for {
		line, err := readLine(r)
		if err != nil {
			return err
		}
		text := strings.TrimSuffix(line, "\r")
		if text == line {
			b.bad = "a chunk size that ends with LF alone"
		}
		if len(b.chunks) < maxChunks {
			b.chunks = append(b.chunks, text)
		}
		word, _, _ := strings.Cut(text, ";")
		size, err := strconv.ParseUint(strings.TrimSpace(word), 16, 31)
		if err != nil || word == "" || strings.TrimLeft(word, "0123456789abcdefABCDEF") != "" {
			b.bad = "a chunk of the size " + strconv.Quote(word)
			if err != nil {
				return errBody
			}
		}
		if size == 0 {
			return readTrailers(r, b)
		}
		if len(b.data)+int(size) > maxBody {
			return errBody
		}
		at := len(b.data)
		b.data = append(b.data, make([]byte, size)...)
		if n, err := io.ReadFull(r, b.data[at:]); err != nil {
			b.data = b.data[:at+n]
			return err
		}
		if end, err := readLine(r); err != nil {
			return err
		} else if end != "\r" {
			b.bad = "a chunk that does not end where its size says"
			if end != "" {
				return errBody
			}
		}
	}
}

func readTrailers(r *bufio.Reader, b *body) error {
	for {
		line, err := readLine(r)
		if err != nil {
			return err
		}
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			return nil
		}
		name, value, _ := strings.Cut(line, ":")
		b.trailers = append(b.trailers, Field{strings.TrimSpace(name), strings.Trim(value, " \t")})
		if len(b.trailers) > 100 {
			return errBody
		}
	}
}

// readLine is a line without its LF, of bounded length.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return "", err // also bufio.ErrBufferFull: nobody's lines of chunks are that long
	}
	return string(line[:len(line)-1]), nil
}
