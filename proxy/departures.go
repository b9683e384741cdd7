package proxy

import "context"

// lookOut watches the client of a request that waits for long. A client that leaves pulls the brake. Where the system tells, it is
// asked once for all waiting clients; otherwise a goroutine reads, and what it reads is what the client says next.
func (ss *session) lookOut() {
	if ss.watched || ss.looking != nil {
		return
	}
	if ss.s.departures.add(ss) {
		ss.watched = true
		return
	}
	ss.looking = make(chan struct{})
	if ss.inlet.reading(ss.in.conn, never) != nil { // it has left already
		close(ss.looking)
		ss.conn.brake.pull(context.Canceled)
		return
	}
	go ss.readAhead()
}

// readAhead reads one byte, which only a client that does not wait for its answer sends.
func (ss *session) readAhead() {
	defer close(ss.looking)
	n, err := ss.in.conn.Read(ss.ahead[:])
	ss.hasAhead = n > 0
	if n == 0 && err != nil && ss.inlet.pulled() == nil {
		ss.conn.brake.pull(context.Canceled)
	}
}

// lookAway ends lookOut.
func (ss *session) lookAway() {
	if ss.watched {
		ss.s.departures.remove(ss)
		ss.watched = false
	}
	if ss.looking == nil {
		return
	}
	ss.inlet.pull(errEnough)
	<-ss.looking
	ss.looking = nil
	ss.inlet.release()
	if ss.hasAhead {
		ss.hasAhead = false
		ss.in.add(ss.ahead[:])
	}
}
