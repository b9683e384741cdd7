package probe

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
)

// unzip puts the body of a compressed answer into the exchange, as the client reads it. It is an error when the body is
// not what Content-Encoding says, or is compressed twice: RFC 9110 section 8.4.
func (o *observer) unzip(x *Exchange, body []byte) error {
	magic := []byte{0x1f, 0x8b} // RFC 1952 section 2.3.1
	if !strings.EqualFold(x.Header.Get("Content-Encoding"), "gzip") {
		if bytes.HasPrefix(body, magic) {
			return malformed{errors.New("the body is compressed, and the header does not say so")}
		}
		return nil
	}
	if len(body) == 0 {
		return nil
	}
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return malformed{errors.New("the header says gzip, and the body is not compressed")}
	}
	plain, err := io.ReadAll(io.LimitReader(r, o.limits.Body+1))
	switch {
	case err != nil:
		return malformed{errors.New("the compressed body is broken")}
	case int64(len(plain)) > o.limits.Body:
		return errTooLarge
	case bytes.HasPrefix(plain, magic):
		return malformed{errors.New("the body is compressed twice")}
	}
	x.Body = textOf(plain, bodyKept)
	x.Document = parseDocument(x.Header.Get("Content-Type"), plain)
	return nil
}
