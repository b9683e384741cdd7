package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// answer reads the answer over c and passes it on. begun reports whether anything of it came. Without an error, c has been taken
// care of.
func (ss *session) answer(c *serverConn) (begun bool, err error) {
	for interim := 0; ; {
		if len(c.unused()) == 0 {
			err := ss.awaitAnswer(c)
			if ss.polling {
				ss.polling = false
				ss.s.counts.polls.Add(-1)
			}
			if err != nil {
				return begun, err
			}
		}
		begun = true
		if err := ss.readAnswerHead(c); err != nil {
			return true, err
		}
		status := ss.ans.status
		if status >= 200 || status == http.StatusSwitchingProtocols {
			ss.ex.server().counts.answered(ss.latency)
		}
		switch {
		case status == http.StatusSwitchingProtocols:
			return true, ss.tunnel(c)
		case status >= 200:
			return true, ss.relay(c)
		case interim > maxAnswerHead:
			return true, errNotHTTP // the last one will not come
		case status == http.StatusContinue && ss.up.leave != nil && ss.up.left:
			// The client was told already.
		case ss.head.minor > 0:
			if err := ss.passInterim(); err != nil {
				return true, err
			}
		}
		if ss.ans.status == http.StatusContinue {
			ss.goOn()
			ss.unsure = false
		}
		interim += ss.ans.size
	}
}

// passInterim passes an answer on that is not the last.
func (ss *session) passInterim() error {
	o := &ss.out
	o.open()
	o.chunks, o.hold = false, 0
	o.buf = ss.appendStatus(o.buf, ss.ans.status, string(ss.ans.reason))
	for i := range ss.ans.fields {
		if f := &ss.ans.fields[i]; f.kind == ordinary && !f.hop {
			o.buf = appendField(o.buf, f.name, f.value)
		}
	}
	o.buf = append(o.buf, "\r\n"...)
	if o.flush() != nil {
		return context.Canceled
	}
	return nil
}

// awaitAnswer waits for the first bytes of an answer: first with everything in hand, then, as polls do, sparingly, and with an
// eye on the client.
func (ss *session) awaitAnswer(c *serverConn) error {
	patience := within(ss.ex.server().timeouts.Response, responseDefault)
	began := time.Now()
	for sparing := false; ; {
		deadline := began.Add(attentive)
		switch {
		case ss.uploading(): // the time counts from the end of the request
			began = time.Now()
			deadline = began.Add(attentive)
		case sparing || patience > 0 && patience < attentive:
			deadline = after(began, patience)
		}
		if err := ss.conn.brake.reading(c.conn, deadline); err != nil {
			return err
		}
		read := c.read
		if sparing {
			read = c.readSparing
		}
		err := read()
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			ss.latency += time.Since(began)
			return err
		}
		if cause := ss.conn.brake.pulled(); cause != nil {
			return cause
		}
		if ss.uploading() {
			if ss.expecting && time.Since(ss.up.began) >= continueWait {
				if err := ss.tellToGoOn(); err != nil {
					return context.Canceled
				}
			}
			continue
		}
		if patience > 0 && time.Since(began) >= patience {
			return err
		}
		sparing, ss.spent = true, true
		if !ss.polling {
			ss.polling = true
			ss.s.counts.polls.Add(1)
		}
		c.release()
		ss.spare()
		ss.lookOut()
	}
}

// readAnswerHead reads an answer up to its empty line, and understands it.
func (ss *session) readAnswerHead(c *serverConn) error {
	began, patience := time.Now(), within(ss.ex.server().timeouts.Response, responseDefault)
	for from := 0; ; {
		p := c.unused()
		end, next, _ := headEnd(p, from, false) // it fails only when it is strict
		if end > 0 {
			err := ss.ans.parseAnswer(p[:end], ss.ex.method)
			c.take(end)
			return err
		}
		if len(p) > maxAnswerHead || !beginsLikeAnswer(p) {
			return errNotHTTP
		}
		if patience > 0 && time.Since(began) >= patience {
			return errServerSilent // it says something all the time, and nothing whole
		}
		from = next
		if err := ss.readMore(c); err != nil {
			return err
		}
	}
}

// beginsLikeAnswer lets what is not HTTP be known before it ends, which it may never do.
func beginsLikeAnswer(p []byte) bool {
	const want = "HTTP/1."
	n := min(len(p), len(want))
	return string(p[:n]) == want[:n]
}

// readMore reads what comes next of an answer that has begun.
func (ss *session) readMore(c *serverConn) error {
	began := time.Now()
	patience := ss.ex.patience()
	for watching := false; ; watching = true {
		deadline := began.Add(attentive)
		if watching && !ss.uploading() || patience > 0 && patience < attentive {
			deadline = after(began, patience)
		}
		if err := ss.conn.brake.reading(c.conn, deadline); err != nil {
			return err
		}
		err := c.read()
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if cause := ss.conn.brake.pulled(); cause != nil {
			return cause
		}
		if patience > 0 && time.Since(began) >= patience {
			return errServerSilent
		}
		if !ss.uploading() {
			ss.lookOut()
		}
	}
}

// relay passes the last answer on. Its head has been read.
func (ss *session) relay(c *serverConn) error {
	ex, h := &ss.ex, &ss.ans
	answer := newBody(&c.wire, h)
	o := &ss.out
	var text []byte // in place of the body
	if len(ex.rule.ReplaceBody) > 0 && h.replaceable(ex.method) {
		var err error
		if text, err = ss.replaceText(c, &answer); err != nil {
			return err
		}
	}
	o.open()
	ss.composeAnswer(o, &answer, text)
	if text == nil {
		text, ss.early = ss.early, nil
	}
	if len(text) > 0 {
		ex.bytes += int64(len(text))
		if o.write(text) != nil {
			return context.Canceled
		}
	}
	for {
		p, err := answer.next()
		if err == io.EOF {
			break
		}
		if err == nil && p == nil {
			if err = o.rest(); err != nil {
				return context.Canceled
			}
			if err = answer.ended(ss.readMore(c)); err == nil {
				continue
			}
			if err == io.EOF {
				break
			}
		}
		if isBorder(err) {
			err = errNotHTTP
		}
		if err != nil {
			o.drop() // half an answer must not look whole
			return err
		}
		ex.bytes += int64(len(p))
		if o.write(p) != nil {
			return context.Canceled
		}
	}
	// The connection is free before the client knows the end, so that its next request can have it.
	ss.lookAway()
	if whole := ss.settle(c) && !ss.broken; whole && h.keep {
		ss.recycle(c)
	} else {
		c.Close()
		if !whole && !ss.body.done() {
			ss.keep, ss.unread = false, true
		}
	}
	o.end(answer.trailer)
	if ss.flushLast() != nil {
		ss.keep = false
		ex.failure = classify(ex, context.Canceled)
	}
	return nil
}
