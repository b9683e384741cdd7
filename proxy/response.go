package proxy

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxHeld is the largest body text is replaced in: web pages and documents are far smaller, downloads should stream.
const maxHeld = 4 << 20

// modifyResponse does to an answer what the rule says, and nothing by itself.
func modifyResponse(res *http.Response) error {
	ex := exchangeOf(res.Request.Context())
	rule := ex.rule
	for _, f := range rule.removeResponse {
		f.remove(res.Header)
	}
	for _, l := range res.Header["Location"] {
		for _, rep := range rule.ReplaceLocation {
			l = strings.ReplaceAll(l, rep.From, rep.To)
		}
		res.Header.Set("Location", l)
	}
	for name, value := range rule.SetResponseHeaders {
		res.Header.Set(name, ex.fill(value))
	}
	if rule.Balance == "cookie" && ex.cookie != ex.node.id() {
		res.Header.Add("Set-Cookie", rule.Cookie.to(ex.node).String())
	}
	for _, name := range []string{"Content-Type", "Date"} { // net/http would add its own
		if len(res.Header[name]) == 0 {
			ex.out.Header()[name] = nil
		}
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return nil // its body is the tunnel
	}
	res.Body = &watchedBody{
		ReadCloser: res.Body, patience: ex.patience(), silent: errServerSilent,
		fire: func() { ex.abort(errServerSilent) },
	}
	if len(rule.ReplaceBody) > 0 && replaceable(res) {
		if err := replaceBody(res, rule.ReplaceBody); err != nil {
			return err
		}
	}
	if n := rule.BufferResponse; n > 0 && res.Request.Method != http.MethodHead {
		held := &heldBody{body: res.Body, buf: make([]byte, n)}
		held.fill()
		res.Body = held
	}
	return nil
}

// replaceable reports whether the body is text as it stands.
func replaceable(res *http.Response) bool {
	if res.Header.Get("Content-Encoding") != "" || res.Request.Method == http.MethodHead {
		return false
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return strings.HasPrefix(kind, "text/") ||
		slices.ContainsFunc([]string{"json", "xml", "javascript"}, func(s string) bool { return strings.HasSuffix(kind, s) })
}

func replaceBody(res *http.Response, list []Replacement) error {
	text, err := io.ReadAll(io.LimitReader(res.Body, maxHeld+1))
	if err != nil {
		return err
	}
	if len(text) > maxHeld {
		res.Body = readCloser{io.MultiReader(bytes.NewReader(text), res.Body), res.Body}
		return nil
	}
	for _, rep := range list {
		text = bytes.ReplaceAll(text, []byte(rep.From), []byte(rep.To))
	}
	if res.ContentLength >= 0 {
		res.ContentLength = int64(len(text))
		res.Header.Set("Content-Length", strconv.Itoa(len(text)))
	}
	res.Body = readCloser{bytes.NewReader(text), res.Body}
	return nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// A heldBody gives nothing away before its buffer is full or the body has ended.
type heldBody struct {
	body       io.ReadCloser
	buf        []byte
	from, upTo int
	err        error // of the body, once buf is given away
}

func (h *heldBody) fill() {
	h.from = 0
	h.upTo, h.err = io.ReadFull(h.body, h.buf)
	if h.err == io.ErrUnexpectedEOF {
		h.err = io.EOF
	}
}

func (h *heldBody) Read(p []byte) (int, error) {
	if h.from == h.upTo {
		if h.err != nil {
			return 0, h.err
		}
		h.fill()
	}
	n := copy(p, h.buf[h.from:h.upTo])
	h.from += n
	return n, nil
}

func (h *heldBody) Close() error { return h.body.Close() }
