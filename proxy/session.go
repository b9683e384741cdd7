package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// attentive is how long a request is waited for with everything in hand. After it memory is given back, and the client is
	// watched: most requests are answered long before, and polls wait for minutes.
	attentive = 500 * time.Millisecond
	// maxDiscard is the most bytes of a body nobody wants that are read so that the connection can go on.
	maxDiscard = 256 << 10
	// lingerFor is how long a client may take to read a refusal while it still sends.
	lingerFor = 500 * time.Millisecond
)

// never is the deadline that does not come.
var never time.Time

var (
	errConnClosed = fmt.Errorf("the connection was closed: %w", context.Canceled)
	errEnough     = errors.New("no more is wanted")
)

// A session is one client connection that speaks HTTP/1: one goroutine, one request after the other.
type session struct {
	s    *Server
	conn *clientConn
	in   wire
	out  outlet
	head head // of the request
	ans  head // of the answer
	ex   exchange
	body body // of the request

	// keep says that another request may follow; unread that the client may still be sending what nobody will read.
	keep, unread bool
	expecting    bool   // the client waits for 100 before it sends its body
	unsure       bool   // the web server was asked for 100 and has not said it
	spent        bool   // the memory of the head has been given back
	broken       bool   // the request could not be sent whole
	held         []byte // of the body, where it is held; see holdBody
	early        []byte // of the answer's body, read before its head was sent
	up           upload
	latency      time.Duration // of what has come of the answer
	polling      bool          // its wait is counted as a poll

	// The client is watched while its request waits. See lookOut.
	watched  bool
	ticket   uint64
	looking  chan struct{}
	inlet    brake // for whoever reads the client beside the session
	ahead    [1]byte
	hasAhead bool
}

// serveConn serves one connection to its end. HTTP/2 is handed over to net/http.
func (s *Server) serveConn(l *listener, c *clientConn) {
	if !s.admit(c) {
		return
	}
	front := net.Conn(c)
	if c.https {
		t := tls.Server(c, l.tls)
		if err := s.handshake(c, t); err != nil {
			c.Close()
			return
		}
		if t.ConnectionState().NegotiatedProtocol == "h2" {
			s.http2.hand(newHTTP2Conn(t))
			return
		}
		front = t
	}
	// A handshake is deep. Its stack ends with this goroutine, where a poll would keep it for minutes.
	s.sessions.Go(newSession(s, c, front).serve)
}

// newSession makes a session that speaks over front, which is c or TLS above it.
func newSession(s *Server, c *clientConn, front net.Conn) *session {
	return &session{
		s: s, conn: c,
		in:  wire{conn: front, blocks: &s.blocks},
		out: outlet{conn: front, blocks: &s.blocks},
	}
}

// handshake is TLS, in the time that a head may take.
func (s *Server) handshake(c *clientConn, t *tls.Conn) error {
	if limit := within(s.table.Load().cfg.Timeouts.Header, headerDefault); limit > 0 {
		c.Conn.SetDeadline(time.Now().Add(limit))
	}
	err := t.Handshake()
	c.Conn.SetDeadline(never)
	if err == nil {
		s.counts.shook(t.ConnectionState().DidResume)
		return nil
	}
	s.counts.failed[handshakeReason(err)].Add(1)
	reason := err.Error()
	if r, ok := errors.AsType[tls.RecordHeaderError](err); ok && r.Conn != nil && saysHTTP(r.RecordHeader) {
		io.WriteString(r.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
		reason = "client sent an HTTP request to an HTTPS server"
	}
	s.log.Info("TLS handshake failed", "client", c.text, "reason", strings.TrimPrefix(reason, "tls: "))
	return err
}

// saysHTTP reports whether what came instead of a TLS record begins like a request.
func saysHTTP(p [5]byte) bool {
	switch string(p[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		return true
	}
	return false
}

// serve takes requests until one of them ends the connection, or nothing comes.
func (ss *session) serve() {
	defer ss.end()
	for ss.next() {
		ss.keep, ss.unread = ss.head.keep, false
		ss.exchange()
		if !ss.keep {
			return
		}
		ss.conn.state.Store(int32(http.StateIdle))
	}
}

// end closes the connection, and lets a client that still sends read what it was told before.
func (ss *session) end() {
	if r := recover(); r != nil {
		ss.s.log.Error("a request ended in a panic", "client", ss.conn.text, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	}
	if ss.conn.holding {
		if t, ok := ss.in.conn.(*tls.Conn); ok {
			t.CloseWrite() // its goodbye is held, too
		}
		ss.conn.leave()
	}
	if ss.unread {
		if half, ok := ss.in.conn.(interface{ CloseWrite() error }); ok {
			half.CloseWrite() // for TLS this is its goodbye alone
		}
		if ss.conn.https {
			ss.conn.CloseWrite()
		}
		ss.conn.Conn.SetReadDeadline(time.Now().Add(lingerFor))
		io.CopyN(io.Discard, ss.conn.Conn, maxDiscard)
	}
	ss.in.drop()
	ss.out.drop()
	if t, ok := ss.in.conn.(*tls.Conn); ok {
		t.Close() // says goodbye, and closes what is below
	}
	ss.conn.Close()
}

// next waits for a request and reads its head. It is false when the connection has ended, or must.
func (ss *session) next() bool {
	t := ss.s.table.Load()
	header := within(t.cfg.Timeouts.Header, headerDefault)
	if len(ss.in.unused()) == 0 {
		patience := within(t.cfg.Timeouts.Idle, idleDefault)
		if http.ConnState(ss.conn.state.Load()) == http.StateNew {
			patience = header
		}
		if ss.await(patience) != nil {
			return false
		}
	}
	ss.conn.state.Store(int32(http.StateActive))
	err := ss.readHead(t, header)
	if err == nil {
		return true
	}
	ss.refuseHead(t, err)
	return false
}

// await waits for the first bytes of a request.
func (ss *session) await(patience time.Duration) error {
	began := time.Now()
	first := began.Add(attentive)
	if patience > 0 && patience < attentive {
		first = began.Add(patience)
	}
	ss.conn.Conn.SetReadDeadline(first)
	err := ss.in.read()
	if !errors.Is(err, os.ErrDeadlineExceeded) || patience > 0 && patience <= attentive {
		return err
	}
	ss.conn.Conn.SetReadDeadline(after(began, patience))
	ss.spare()
	return ss.in.readSparing()
}

// spare gives back what a long wait does not need.
func (ss *session) spare() {
	ss.in.release()
	ss.head.forget()
	ss.ans.forget()
}

// after is when patience ends; zero patience never does.
func after(began time.Time, patience time.Duration) time.Time {
	if patience <= 0 {
		return never
	}
	return began.Add(patience)
}

// readHead reads a request up to its empty line, and understands it.
func (ss *session) readHead(t *table, patience time.Duration) error {
	most := t.maxHeader() + maxLine
	ss.head.most = t.cfg.MaxFields
	from, waited, began := 0, false, false
	for {
		p := ss.in.unused()
		if !began && len(p) > 1 {
			if began = true; p[0] == '\r' && p[1] == '\n' {
				ss.in.take(2) // some clients send an empty line after a body; RFC 9112, 2.2 wants one ignored
				continue
			}
		}
		end, next, err := headEnd(p, from, true)
		if err != nil {
			return err
		}
		if end > 0 && end <= most {
			err := ss.head.parseRequest(p[:end])
			ss.in.take(end)
			return err
		}
		if len(p) > most {
			return &borderError{431, "header-size", "the header fields are larger than the proxy allows"}
		}
		from = next
		if !waited {
			waited = true
			ss.conn.Conn.SetReadDeadline(after(time.Now(), patience))
		}
		if err := ss.in.read(); err != nil {
			return err
		}
	}
}

// refuseHead answers what is no request, or none that can be understood in one way only.
func (ss *session) refuseHead(t *table, err error) {
	border, ok := errors.AsType[*borderError](err)
	switch {
	case ok:
	case errors.Is(err, os.ErrDeadlineExceeded):
		border = &borderError{http.StatusRequestTimeout, "header-timeout", "the header fields took too long"}
	default:
		return // the client has left
	}
	if !ss.s.begin() {
		return
	}
	defer ss.s.requests.Done()
	ss.head.method, ss.head.host, ss.head.minor = nil, nil, 1
	ss.ex = exchange{
		s: ss.s, table: t, conn: ss.conn, ss: ss,
		clientText: ss.conn.text, scheme: ss.conn.scheme(), began: time.Now(),
	}
	ss.body = body{state: bodyDone}
	ss.keep, ss.unread = false, true
	ss.ex.refuse(&failure{border.status, border.code, border.text, ""})
	ss.s.finish(&ss.ex)
}

// exchange is one request and its answer.
func (ss *session) exchange() {
	if !ss.s.begin() {
		ss.keep = false
		io.WriteString(ss.out.conn, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		return
	}
	defer ss.s.requests.Done()
	ss.prepare()
	ss.conn.brake.release()
	defer ss.s.finish(&ss.ex)
	ss.s.route(&ss.ex)
	ss.conn.brake.release()
}

// prepare makes the exchange out of the head.
func (ss *session) prepare() {
	h := &ss.head
	// One copy holds all that outlives the head.
	text := string(h.method) + string(h.target) + string(h.host)
	method, uri, host := text[:len(h.method)], text[len(h.method):len(h.method)+len(h.target)], text[len(h.method)+len(h.target):]
	ss.ex = exchange{
		s: ss.s, table: ss.s.table.Load(), conn: ss.conn, ss: ss,
		scheme: ss.conn.scheme(), clientText: ss.conn.text, began: time.Now(),
		method: method, uri: uri, hostField: host, host: hostname(host), length: h.length,
	}
	ex := &ss.ex
	ex.path, ex.query = target(uri)
	if method == http.MethodOptions && ex.path == "/" && ex.query == "" && !strings.HasSuffix(uri, "/") {
		ex.path = "*" // a URL without a path asks about the server (RFC 9112, 3.2.4)
	}
	if h.framing == chunked {
		ex.length = -1
	}
	ex.upgrade = string(h.upgrade)
	ss.spent, ss.held, ss.early = false, nil, nil
	ss.body = newBody(&ss.in, h)
	ss.expecting = h.expects && !ss.body.done() && len(ss.in.unused()) == 0
}

// own sends an answer of the proxy's own.
func (ss *session) own(status int, h http.Header, text string) {
	ss.keep = ss.keep && ss.conn.brake.pulled() == nil && ss.discardable() && h.Get("Connection") != "close"
	ss.ex.status, ss.ex.bytes = status, int64(len(text))
	o := &ss.out
	o.open()
	o.chunks, o.hold = false, 0
	o.buf = ss.appendStatus(o.buf, status, http.StatusText(status))
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			if name != "Connection" {
				o.buf = appendField(o.buf, name, v)
			}
		}
	}
	if len(h["Date"]) == 0 {
		o.buf = append(time.Now().UTC().AppendFormat(append(o.buf, "Date: "...), http.TimeFormat), "\r\n"...)
	}
	if status != http.StatusNoContent && status != http.StatusNotModified {
		o.buf = append(strconv.AppendInt(append(o.buf, "Content-Length: "...), int64(len(text)), 10), "\r\n"...)
	} else {
		text = ""
	}
	o.buf = ss.appendConnection(o.buf)
	o.buf = append(o.buf, "\r\n"...)
	if ss.ex.method != http.MethodHead {
		o.buf = append(o.buf, text...)
	}
	if ss.flushLast() != nil {
		ss.keep = false
		return
	}
	if !ss.body.done() {
		ss.discard()
	}
}

// flushLast flushes the end of an answer. When the connection ends with it, the goodbye of TLS goes in the same packet.
func (ss *session) flushLast() error {
	if _, ok := ss.in.conn.(*tls.Conn); ok && !ss.keep {
		ss.conn.holding = true
	}
	return ss.out.flush()
}

func (ss *session) appendStatus(out []byte, status int, reason string) []byte {
	out = append(out, "HTTP/1."...)
	out = append(out, byte('0'+ss.head.minor), ' ')
	out = strconv.AppendInt(out, int64(status), 10)
	out = append(out, ' ')
	out = append(out, reason...)
	return append(out, "\r\n"...)
}

// appendConnection says how the connection goes on, where that is not what the version says.
func (ss *session) appendConnection(out []byte) []byte {
	switch {
	case !ss.keep && ss.head.minor > 0:
		return append(out, "Connection: close\r\n"...)
	case ss.keep && ss.head.minor == 0:
		return append(out, "Connection: keep-alive\r\n"...)
	}
	return out
}

// discardable reports whether it is worth reading a body that nobody wants. A client that waits for 100 may or may not send it.
func (ss *session) discardable() bool {
	return ss.body.done() || ss.up.running == nil && !ss.expecting && (ss.body.framing == chunked || ss.body.left <= maxDiscard)
}

// discard reads what is left of the body; where it cannot, the connection ends.
func (ss *session) discard() {
	if !ss.keep {
		ss.unread = true
		return
	}
	ss.body.most = 0
	deadline := time.Now().Add(lingerFor)
	for from := ss.body.taken; ; {
		p, err := ss.body.next()
		if err == io.EOF {
			return
		}
		if err == nil && p == nil {
			ss.conn.Conn.SetReadDeadline(deadline)
			err = ss.in.read()
		}
		if err != nil || ss.body.taken-from > maxDiscard {
			ss.keep, ss.unread = false, true
			return
		}
	}
}
