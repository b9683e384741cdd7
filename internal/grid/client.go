package grid

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// How a client's wait for an answer ended.
const (
	endComplete = "complete" // all answers came whole
	endClosed   = "closed"   // the connection was ended in good order before they had
	endReset    = "reset"    // or torn down
	endTimeout  = "time-out" // or nothing more came
	endLeft     = "left"     // the client went away, as it was meant to
	endRefused  = "refused"  // no connection or no TLS came about
)

// reply is an answer as a client got it.
type reply struct {
	interim  []int // statuses of the answers before it, 100 and 103
	message  message
	body     body
	complete bool
	// first and last are when the body's first and last bytes came, since the step began.
	first, last time.Duration
	begin, size int // of the body's first byte, and of all of it, counted from the end of the answer before
}

// heard is what a client got in one step.
type heard struct {
	replies []reply
	raw     []byte // all bytes, as they came
	extra   int    // bytes behind the last answer
	end     string
	err     string        // why no connection came about
	took    time.Duration // from the step's begin to the last byte
	reused  bool          // it went over a connection that an earlier step opened
	left    time.Time
}

// dialer opens connections to a column.
type dialer struct {
	tls, plain netip.AddrPort
	roots      *x509.CertPool
}

// frontAddress is in the certificate, so that a client that asks for no name can verify it.
const frontAddress = "203.0.113.10"

func (d *dialer) dial(ctx context.Context, c *Case) (net.Conn, error) {
	var nd net.Dialer
	if c.Plain {
		return nd.DialContext(ctx, "tcp", d.plain.String())
	}
	cfg := &tls.Config{RootCAs: d.roots, ServerName: Host, NextProtos: []string{"http/1.1"}}
	switch c.SNI {
	case "":
	case noSNI:
		cfg.ServerName = frontAddress // an address is verified, and never asked for
	default:
		cfg.ServerName = c.SNI
	}
	td := tls.Dialer{NetDialer: &nd, Config: cfg}
	return td.DialContext(ctx, "tcp", d.tls.String())
}

// line is a client's connection, and what has come on it.
type line struct {
	conn net.Conn

	mu      sync.Mutex
	data    []byte
	stamps  []stamp // when data had which length
	err     error   // why nothing more comes
	changed chan struct{}
	used    int // bytes that belong to earlier steps
	reading sync.WaitGroup
}

type stamp struct {
	size int
	at   time.Time
}

// lingerWait is enough for a second answer from the same machine.
const lingerWait = 150 * time.Millisecond

const maxHeard = 12 << 20 // bytes that a connection may bring

func newLine(c net.Conn) *line {
	l := &line{conn: c, changed: make(chan struct{})}
	l.reading.Go(l.read)
	return l
}

func (l *line) read() {
	part := make([]byte, 32<<10)
	for {
		n, err := l.conn.Read(part)
		l.mu.Lock()
		l.data = append(l.data, part[:n]...)
		if n > 0 {
			l.stamps = append(l.stamps, stamp{len(l.data), time.Now()})
		}
		if err == nil && len(l.data) > maxHeard {
			err = errBody
		}
		l.err = err
		close(l.changed)
		l.changed = make(chan struct{})
		l.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (l *line) close() {
	_ = l.conn.Close()
	l.reading.Wait()
}

// await waits until enough tells that what has come since the last step is enough, or nothing more comes, or ctx ends.
func (l *line) await(ctx context.Context, enough func(data []byte, ended bool) bool) (data []byte, err error) {
	for {
		l.mu.Lock()
		data, err, changed := l.data[l.used:], l.err, l.changed
		l.mu.Unlock()
		if enough(data, err != nil) || err != nil {
			return data, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return data, ctx.Err()
		}
	}
}

// when is the time at which so many bytes of this step had come.
func (l *line) when(size int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.stamps {
		if s.size >= l.used+size {
			return s.at
		}
	}
	return time.Time{}
}

// say does a step on the connection.
func (l *line) say(ctx context.Context, c *Case, number int) heard {
	step := &c.Steps[number]
	want := max(step.Answers, 1)
	begin := time.Now()
	var h heard
	var sent strings.Builder
	for _, p := range step.Send {
		wait(ctx, p.Pause)
		if p.Await != "" {
			short, cancel := context.WithTimeout(ctx, awaitWait)
			_, _ = l.await(short, func(data []byte, _ bool) bool {
				return bytes.Contains(data, []byte(p.Await)) || len(replies(data, nil, false)) > 0
			})
			cancel()
		}
		text := tagged(p.Text, c.ID, number)
		sent.WriteString(text)
		_ = l.conn.SetWriteDeadline(time.Now().Add(clientWait))
		if _, err := l.conn.Write([]byte(text)); err != nil {
			break // there may be an answer all the same
		}
	}
	if step.Leave > 0 {
		wait(ctx, step.Leave)
		h.left, h.end = time.Now(), endLeft
		_ = l.conn.Close()
		return h
	}
	limit := step.Wait
	if limit == 0 {
		limit = clientWait
	}
	short, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	methods := methodsOf(sent.String())
	data, err := l.await(short, func(data []byte, ended bool) bool { return len(whole(replies(data, methods, ended))) >= want })
	// A request that is read as two gets two answers; behind a change of the protocol comes something else.
	if err == nil && (c.Malformed || bytes.HasPrefix(data, []byte("HTTP/1.1 101 "))) {
		more, cancel := context.WithTimeout(ctx, lingerWait)
		data, err = l.await(more, func(_ []byte, ended bool) bool { return ended })
		cancel()
	}
	h.raw = data
	h.replies = replies(data, methods, err != nil && !errors.Is(err, context.DeadlineExceeded))
	end := 0
	for i := range h.replies {
		r := &h.replies[i]
		start := end + r.begin
		end += r.size
		if len(r.body.data) > 0 {
			r.first, r.last = l.when(start+1).Sub(begin), l.when(end).Sub(begin)
		}
	}
	if len(data) > 0 {
		h.took = l.when(len(data)).Sub(begin)
	}
	h.extra = len(data) - end
	l.used += len(data)
	h.end = ending(err, len(whole(h.replies)) >= want)
	return h
}

// ending is the word for how a wait ended.
func ending(err error, complete bool) string {
	switch {
	case complete:
		return endComplete
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.Canceled):
		return endTimeout
	case errors.Is(err, io.EOF):
		return endClosed
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrUnexpectedEOF):
		return endReset
	}
	return endClosed
}
