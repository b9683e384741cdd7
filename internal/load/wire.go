package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	bufferSize = 16 << 10
	// maxHead and maxBody bound what a server may say.
	maxHead = 128 << 10
	maxBody = 4 << 20
)

// buffers are borrowed while there is something to read or to write, never while somebody waits.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, bufferSize); return &b }}

// errUnreadable is the error of an answer that is no HTTP.
var errUnreadable = errors.New("no HTTP answer")

// conn is a client's connection: TLS, HTTP/1.1, one request at a time.
type conn struct {
	tls  *tls.Conn
	host string // whom it is to, as links name it
	// answered says that the connection has carried an answer: a server may close it between two requests.
	answered bool
	ended    bool // after this answer the server speaks no more
	first    [1]byte
}

// dial connects and shakes hands.
func (r *run) dial(ctx context.Context, host string) (*conn, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	nc, err := r.dialer.DialContext(ctx, "tcp", r.address(host))
	if err != nil {
		return nil, err
	}
	t := tls.Client(nc, r.config(host))
	if err := t.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	r.stats.took(connecting, time.Since(began))
	return &conn{tls: t, host: host}, nil
}

// config is the one for a host; all its connections share it.
func (r *run) config(host string) *tls.Config {
	if cfg, ok := r.byHost.Load(host); ok {
		return cfg.(*tls.Config)
	}
	cfg := r.tls.Clone()
	if cfg.ServerName = host; strings.Contains(host, ":") {
		cfg.ServerName, _, _ = net.SplitHostPort(host)
	}
	r.byHost.Store(host, cfg)
	return cfg
}

// close ends the connection, without waiting for anybody.
func (c *conn) close() { c.tls.NetConn().Close() }

// answer is what came back. Its body is borrowed: release it.
type answer struct {
	status int
	head   []byte // status line and fields
	body   []byte
	held   *[]byte
	// firstByte says that the server said something at all, also when the answer is not whole.
	firstByte bool
}

func (a *answer) release() {
	if a.held != nil {
		*a.held = (*a.held)[:0]
		if cap(*a.held) <= 4*bufferSize {
			buffers.Put(a.held)
		}
		a.held, a.head, a.body = nil, nil, nil
	}
}

// values calls yield with each value of a header field.
func (a *answer) values(name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for line := range bytes.Lines(a.head) {
			field, value, ok := bytes.Cut(line, []byte(":"))
			if ok && strings.EqualFold(string(field), name) && !yield(string(bytes.TrimSpace(value))) {
				return
			}
		}
	}
}

func (a *answer) value(name string) string {
	for v := range a.values(name) {
		return v
	}
	return ""
}

// send writes a request. The deadline is that of its answer, too.
func (c *conn) send(request []byte, deadline time.Time) error {
	c.tls.SetDeadline(deadline)
	_, err := c.tls.Write(request)
	return err
}

// receive reads an answer, which the caller must release, also with an error. While nothing comes it holds no buffer.
func (c *conn) receive() (a answer, err error) {
	n, err := c.tls.Read(c.first[:])
	if n == 0 {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.EOF
		}
		return a, err
	}
	a.firstByte = true
	a.held = buffers.Get().(*[]byte)
	r := reader{from: c.tls, buf: append((*a.held)[:0], c.first[0])}
	defer func() { *a.held = r.buf }()
	if err := r.answer(&a, c); err != nil {
		return a, err
	}
	c.answered = true
	return a, nil
}

// reader collects what comes; at is where the part begins that nobody has looked at.
type reader struct {
	from io.Reader
	buf  []byte
	at   int
}

// more reads what is there, up to a bound of the whole.
func (r *reader) more(bound int) error {
	if len(r.buf) >= bound {
		return fmt.Errorf("%w: larger than %d KiB", errUnreadable, bound>>10)
	}
	if len(r.buf) == cap(r.buf) {
		r.buf = append(r.buf, 0)[:len(r.buf)]
	}
	n, err := r.from.Read(r.buf[len(r.buf):cap(r.buf)])
	r.buf = r.buf[:len(r.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}

// line returns the next line without its end.
func (r *reader) line(bound int) ([]byte, error) {
	for from := r.at; ; {
		if i := bytes.IndexByte(r.buf[from:], '\n'); i >= 0 {
			line := r.buf[r.at : from+i]
			r.at = from + i + 1
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
		from = len(r.buf)
		if err := r.more(bound); err != nil {
			return nil, unexpectedEnd(err)
		}
	}
}

// answer reads one, past those that are only on the way to it (RFC 9110 15.2).
func (r *reader) answer(a *answer, c *conn) error {
	for {
		begin := r.at
		if err := r.head(a); err != nil {
			return err
		}
		head := [2]int{begin, r.at}
		a.head = r.buf[head[0]:head[1]]
		if a.status < 200 {
			continue
		}
		body, ended, err := r.body(a)
		a.head = r.buf[head[0]:head[1]] // the buffer may have moved
		a.body = body
		c.ended = ended
		return err
	}
}

// head reads the status line and the fields.
func (r *reader) head(a *answer) error {
	line, err := r.line(maxHead)
	if err != nil {
		return err
	}
	version, rest, _ := bytes.Cut(line, []byte(" "))
	code, _, _ := bytes.Cut(rest, []byte(" "))
	a.status, err = strconv.Atoi(string(code))
	if !bytes.HasPrefix(version, []byte("HTTP/1.")) || err != nil || len(code) != 3 || a.status < 100 {
		return errUnreadable
	}
	for {
		line, err := r.line(maxHead)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return nil
		}
	}
}

// body reads what follows the head (RFC 9112 6.3), and tells whether the connection is over then.
func (r *reader) body(a *answer) (body []byte, ended bool, err error) {
	connection := strings.ToLower(a.value("Connection"))
	ended = strings.Contains(connection, "close") || bytes.HasPrefix(a.head, []byte("HTTP/1.0")) && !strings.Contains(connection, "keep-alive")
	switch length := a.value("Content-Length"); {
	case a.status == 204 || a.status == 304:
		return nil, ended, nil
	case strings.EqualFold(a.value("Transfer-Encoding"), "chunked"):
		body, err = r.chunks()
		return body, ended, err
	case length != "":
		n, err := strconv.ParseUint(length, 10, 31)
		if err != nil || n > maxBody {
			return nil, true, fmt.Errorf("%w: its length is %.20q", errUnreadable, length)
		}
		begin := r.at
		for len(r.buf)-begin < int(n) {
			if err := r.more(begin + int(n)); err != nil {
				return nil, true, unexpectedEnd(err)
			}
		}
		return r.buf[begin : begin+int(n)], ended || len(r.buf) > begin+int(n), nil
	}
	begin := r.at
	for {
		if err := r.more(maxBody); errors.Is(err, io.EOF) {
			return r.buf[begin:], true, nil
		} else if err != nil {
			return nil, true, err
		}
	}
}

// chunks reads a body in chunks, and moves it together.
func (r *reader) chunks() ([]byte, error) {
	begin, end := r.at, r.at
	for {
		line, err := r.line(maxBody)
		if err != nil {
			return nil, err
		}
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 31)
		if err != nil || n > maxBody {
			return nil, fmt.Errorf("%w: a chunk of %.20q bytes", errUnreadable, size)
		}
		if n == 0 {
			break
		}
		for len(r.buf)-r.at < int(n)+2 {
			if err := r.more(maxBody); err != nil {
				return nil, unexpectedEnd(err)
			}
		}
		copy(r.buf[end:], r.buf[r.at:r.at+int(n)])
		end += int(n)
		r.at += int(n)
		if line, err := r.line(maxBody); err != nil || len(line) > 0 {
			return nil, errUnreadable
		}
	}
	for { // trailers
		line, err := r.line(maxBody)
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			return r.buf[begin:end], nil
		}
	}
}

func unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
