package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
)

// tunnel passes bytes both ways after 101, until both sides have ended or one has failed.
func (ss *session) tunnel(c *serverConn) error {
	ex, h := &ss.ex, &ss.ans
	if h.upgrade == nil || !offered(ex.upgrade, string(h.upgrade)) {
		return errNotHTTP // nobody asked for that
	}
	ss.lookAway()
	ss.keep = false
	o := &ss.out
	o.open()
	o.chunks, o.hold = false, 0
	o.buf = ss.appendStatus(o.buf, h.status, string(h.reason))
	for i := range h.fields {
		f := &h.fields[i]
		if f.kind == ordinary && !f.hop && !ex.rule.replacesAnswer(string(f.name), string(f.value)) {
			o.buf = appendField(o.buf, f.name, f.value)
		}
	}
	o.buf = append(appendField(o.buf, "Upgrade", string(h.upgrade)), "Connection: Upgrade\r\n"...)
	for _, f := range ex.rule.setResponse {
		o.buf = appendField(o.buf, f.name, ex.fill(f.value))
	}
	o.buf = append(o.buf, "\r\n"...)
	ex.status = http.StatusSwitchingProtocols
	o.buf = append(o.buf, c.unused()...)
	c.drop()
	if o.flush() != nil {
		c.Close()
		return nil
	}
	ss.conn.Conn.SetReadDeadline(never)
	if ss.conn.brake.reading(c.conn, never) != nil {
		c.Close()
		return nil
	}
	c.conn.SetWriteDeadline(never)
	sent := make(chan error, 1)
	go func() {
		_, err := c.conn.Write(ss.in.unused())
		if err == nil {
			err = ss.s.pipe(c.conn, ss.in.conn, &ex.counts().in)
		}
		if err != nil {
			ss.conn.brake.pull(context.Canceled)
		}
		sent <- err
	}()
	if ss.s.pipe(ss.in.conn, c.conn, &ex.counts().out) != nil {
		c.conn.Close()
		ss.conn.Close()
	}
	<-sent
	c.Close()
	return nil
}

// offered reports whether protocol is one of those in an Upgrade field.
func offered(upgrade, protocol string) bool {
	for p := range strings.SplitSeq(upgrade, ",") {
		if strings.EqualFold(strings.TrimSpace(p), protocol) {
			return true
		}
	}
	return upgrade != "" && strings.EqualFold(upgrade, protocol)
}

// pipe copies until from ends, passes the end on, and counts what it copied.
func (s *Server) pipe(to, from net.Conn, count *atomic.Uint64) error {
	b := s.blocks.borrow()
	defer s.blocks.giveBack(b)
	// The wrapping keeps io from looking for shortcuts that bring buffers of their own.
	n, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, b[:])
	count.Add(uint64(n))
	if err != nil {
		return err
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return to.Close()
}
