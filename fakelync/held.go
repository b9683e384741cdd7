package fakelync

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// wait is an answer that is not due yet: a long poll.
type wait interface {
	// begin starts the wait. deliver is called once, with the answer and from a goroutine of its own, unless giveUp comes
	// first.
	begin(deliver func(response))
	// giveUp ends the wait without an answer. It reports whether it did so: false means that deliver was called, or is
	// about to be.
	giveUp() bool
}

// pause is an answer that comes after a time.
type pause struct {
	length time.Duration
	answer func() response
	timer  *time.Timer
}

func (p *pause) begin(deliver func(response)) {
	p.timer = time.AfterFunc(p.length, func() { deliver(p.answer()) })
}

func (p *pause) giveUp() bool { return p.timer == nil || p.timer.Stop() }

// held is a connection whose request waits for its answer. net/http has no part in it meanwhile: its goroutines and
// buffers are some twenty kilobytes, and there may be ten thousand polls. A small goroutine is left that notices when
// the client leaves, and gives the connection back to net/http when the client's next request begins.
type held struct {
	*conn
	wait      wait
	entry     Request // for the history, complete but for the answer
	requestID string
	old       bool          // the client speaks HTTP/1.0
	last      bool          // the client wants no other answer on this connection
	answered  chan struct{} // closed when the answer is written
}

// hold takes a request's connection from net/http until the wait is over. It is false where net/http does not give it.
func (s *Server) hold(w http.ResponseWriter, r *http.Request, c *conn, entry Request, later wait) bool {
	_, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		later.giveUp()
		return false
	}
	if n := rw.Reader.Buffered(); n > 0 {
		ahead, _ := rw.Reader.Peek(n) // what is buffered is there
		c.ahead = slices.Clone(ahead)
	}
	h := &held{
		conn: c, wait: later, entry: entry, requestID: r.Header.Get("client-request-id"),
		old: !r.ProtoAtLeast(1, 1), last: r.Close, answered: make(chan struct{}),
	}
	s.polls.add(h)
	h.wait.begin(h.deliver)
	go h.watch()
	return true
}

// deliver writes the answer. The history has it before the client.
func (h *held) deliver(answer response) {
	defer close(h.answered)
	s := h.entrance.server
	s.stamp(&answer, h.entrance, h.requestID)
	h.entry.Status, h.entry.SubStatus = answer.status, answer.sub
	s.log.Add(h.entry)
	h.entry = Request{}
	h.SetWriteDeadline(time.Now().Add(connectionTimeout)) // fails only on a connection that is gone, as writing does then
	_, err := h.Write(answer.wire(h.old, h.last))
	h.SetWriteDeadline(time.Time{})
	idle := time.Now().Add(s.http.IdleTimeout)
	if err != nil || h.last {
		idle = longAgo
	}
	s.polls.setReadDeadline(h, idle)
}

// longAgo as a deadline ends what is in progress.
var longAgo = time.Unix(1, 0)

// watch waits for the client's next request, and for the answer before it. It owns the connection.
func (h *held) watch() {
	s := h.entrance.server
	goesOn := h.begun()
	if goesOn {
		select {
		case <-h.answered:
		case <-s.base.Done():
			goesOn = false
		}
	}
	if !goesOn && h.wait.giveUp() {
		s.log.Add(h.entry)
	} else {
		<-h.answered
	}
	s.polls.remove(h)
	if !goesOn || h.last {
		h.end()
		return
	}
	h.proceed()
}

// begun waits until the client's next request begins. It is false when the connection ends instead.
func (h *held) begun() bool {
	if len(h.ahead) > 0 {
		return true
	}
	var first [1]byte
	n, _ := h.conn.Conn.Read(first[:])
	h.ahead = slices.Clone(first[:n])
	return n > 0
}

// polls are the connections of a machine that are held. The zero polls are none.
type polls struct {
	mu       sync.Mutex
	held     map[*held]struct{}
	stopping bool
}

func (p *polls) add(h *held) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = map[*held]struct{}{}
	}
	p.held[h] = struct{}{}
	if p.stopping {
		h.SetReadDeadline(longAgo)
	}
}

func (p *polls) remove(h *held) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.held, h)
}

// setReadDeadline says how long the client's next request may take, unless the machine stops.
func (p *polls) setReadDeadline(h *held, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopping {
		h.SetReadDeadline(at)
	}
}

// stop ends all polls that have no answer yet, and the connections of the others as soon as theirs is written.
func (p *polls) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopping = true
	for h := range p.held {
		h.SetReadDeadline(longAgo)
	}
}

// cut ends what is still being written.
func (p *polls) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for h := range p.held {
		h.SetDeadline(longAgo)
	}
}

// wire is the answer as it is sent where net/http does not do that, in the form that net/http gives it.
func (r *response) wire(old, last bool) []byte {
	proto, connection := "HTTP/1.1", ""
	switch {
	case old && last: // HTTP/1.0 says nothing of what is usual
		proto = "HTTP/1.0"
	case old:
		proto, connection = "HTTP/1.0", "Connection: keep-alive\r\n"
	case last:
		connection = "Connection: close\r\n"
	}
	r.set("Content-Length", strconv.Itoa(len(r.body)))
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %d %s\r\n", proto, r.status, http.StatusText(r.status))
	r.header.Write(&b) // a bytes.Buffer takes everything
	b.WriteString(connection)
	b.WriteString("\r\n")
	b.Write(r.body)
	return b.Bytes()
}
