package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// An upload is the body of a request on its way to the web server, beside the goroutine that waits for the answer. A body that has
// come with its head is sent with it, and needs none of this.
type upload struct {
	running chan struct{} // closed when it has ended; nil without one
	leave   chan struct{} // closed when the body may be sent; nil when it may from the start
	left    bool          // leave is closed
	began   time.Time
	ended   atomic.Int64 // when it was complete, in Unix nanoseconds; zero before
	out     outlet
}

// sendBody sends what is at hand of the body behind the head that o holds, and the rest in the background.
func (ss *session) sendBody(c *serverConn, o *outlet) error {
	o.chunks = ss.sendsChunks()
	if ss.held != nil {
		if err := o.write(ss.held); err != nil {
			return err
		}
	}
	if ss.body.done() {
		if o.chunks {
			o.end(ss.body.trailer)
		}
		return o.flush()
	}
	if ss.expecting {
		if err := o.flush(); err != nil {
			return err
		}
	} else if over, err := ss.pour(o); over || err != nil {
		return err
	}
	ss.up = upload{running: make(chan struct{}), began: time.Now(), out: *o}
	*o = outlet{conn: o.conn, blocks: o.blocks}
	if ss.expecting {
		ss.up.leave = make(chan struct{})
	}
	go ss.upload()
	return nil
}

// pour passes on what has been read of the body. It reports whether that was all.
func (ss *session) pour(o *outlet) (over bool, err error) {
	for {
		p, err := ss.body.next()
		switch {
		case err == io.EOF:
			o.end(ss.body.trailer)
			return true, o.flush()
		case err != nil:
			return false, err
		case p == nil:
			return false, o.rest()
		}
		if err := o.write(p); err != nil {
			return false, err
		}
	}
}

// sendsChunks reports whether the web server gets the body in chunks.
func (ss *session) sendsChunks() bool {
	return ss.body.framing == chunked && (ss.held == nil || !ss.body.done())
}

// upload sends the rest of the body as it comes.
func (ss *session) upload() {
	u := &ss.up
	defer close(u.running)
	defer u.out.drop()
	if u.leave != nil {
		<-u.leave // closed at the latest when the exchange ends
	}
	patience := ss.ex.bodyPatience()
	for {
		over, err := ss.pour(&u.out)
		if over && err == nil {
			u.ended.Store(time.Now().UnixNano())
			return
		}
		if u.out.failed != nil {
			return // the answer, or its absence, says why
		}
		if err == nil {
			if ss.inlet.reading(ss.in.conn, after(time.Now(), patience)) != nil {
				return
			}
			err = ss.in.read()
		}
		switch {
		case err == nil:
		case ss.inlet.pulled() != nil:
			return
		case errors.Is(err, os.ErrDeadlineExceeded):
			ss.conn.brake.pull(errClientSilent)
			return
		case isBorder(err):
			ss.conn.brake.pull(err)
			return
		default:
			ss.conn.brake.pull(context.Canceled)
			return
		}
	}
}

// goOn lets the body be sent.
func (ss *session) goOn() {
	if u := &ss.up; u.leave != nil && !u.left {
		u.left = true
		close(u.leave)
	}
	ss.expecting = false
}

// uploading reports whether a body is still on its way.
func (ss *session) uploading() bool {
	if ss.up.running == nil {
		return false
	}
	select {
	case <-ss.up.running:
		return false
	default:
		return true
	}
}

// settle ends the upload over c, and reports whether the whole body was sent. One that is about to end may.
func (ss *session) settle(c *serverConn) (whole bool) {
	u := &ss.up
	if u.running == nil {
		return true
	}
	cut := ss.expecting
	if !cut {
		timer := time.NewTimer(settleFor)
		select {
		case <-u.running:
		case <-timer.C:
			cut = true
		}
		timer.Stop()
	}
	if cut {
		ss.inlet.pull(errEnough)
		c.below.SetWriteDeadline(time.Unix(1, 0)) // which has passed
		if u.leave != nil && !u.left {
			u.left = true
			close(u.leave)
		}
		<-u.running
	}
	whole = !cut && u.ended.Load() != 0
	ss.up = upload{}
	ss.inlet.release()
	return whole
}

// settleFor is for the bookkeeping between the last byte of a body and its end: an answer can be faster than that.
const settleFor = 20 * time.Millisecond

// isBorder reports whether the body itself is to blame.
func isBorder(err error) bool {
	_, odd := errors.AsType[*borderError](err)
	_, large := errors.AsType[*http.MaxBytesError](err)
	return odd || large
}
