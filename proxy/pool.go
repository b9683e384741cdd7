package proxy

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A serverConn is a connection to a web server.
type serverConn struct {
	wire
	below  net.Conn // below TLS
	key    string   // of the pool
	since  time.Time
	reused bool
}

// Close ends the connection.
func (c *serverConn) Close() {
	c.drop()
	c.conn.Close()
}

// A pool keeps connections that nobody has authenticated, for whoever comes next. The newest is given away first, so that those a
// burst left behind end by their age. The zero pool is empty.
type pool struct {
	mu     sync.Mutex
	idle   map[string][]*serverConn // newest last
	closed bool
	sweep  *time.Timer // nil while there are none
}

// get returns the newest connection for key, or nil.
func (p *pool) get(key string) *serverConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.idle[key]
	if len(list) == 0 {
		return nil
	}
	c := list[len(list)-1]
	list[len(list)-1] = nil
	p.idle[key] = list[:len(list)-1]
	return c
}

// size is how many connections are kept.
func (p *pool) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, list := range p.idle {
		n += len(list)
	}
	return n
}

// put keeps c for at most keep; zero is for ever.
func (p *pool) put(c *serverConn, keep time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.Close()
		return
	}
	if p.idle == nil {
		p.idle = map[string][]*serverConn{}
	}
	c.since = time.Now()
	p.idle[c.key] = append(p.idle[c.key], c)
	if keep > 0 && p.sweep == nil {
		p.sweep = time.AfterFunc(keep, func() { p.expire(keep) })
	}
}

// expire closes what has been idle for keep, and comes again while something is left.
func (p *pool) expire(keep time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep = nil
	var next time.Time
	for key, list := range p.idle {
		n := 0
		for n < len(list) && time.Since(list[n].since) >= keep {
			list[n].Close()
			n++
		}
		if n == len(list) {
			delete(p.idle, key)
			continue
		}
		p.idle[key] = append([]*serverConn(nil), list[n:]...)
		if t := list[n].since; next.IsZero() || t.Before(next) {
			next = t
		}
	}
	if !next.IsZero() && !p.closed {
		p.sweep = time.AfterFunc(keep-time.Since(next), func() { p.expire(keep) })
	}
}

// close ends what is idle, and what is put afterwards.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.sweep != nil {
		p.sweep.Stop()
	}
	for _, list := range p.idle {
		for _, c := range list {
			c.Close()
		}
	}
	p.idle = nil
}

// open dials a connection to w for requests under key.
func (w *webServer) open(ctx context.Context, key string, b *blocks) (*serverConn, error) {
	dial := w.dialPlain
	if w.Scheme == "https" {
		dial = w.dialTLS
	}
	conn, err := dial(ctx, "tcp", key)
	if err != nil {
		return nil, err
	}
	below := conn
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		below = t.NetConn()
	}
	return &serverConn{wire: wire{conn: conn, blocks: b}, below: below, key: key}, nil
}

// alive looks whether the web server has said anything since the last answer, be it goodbye. Either way the connection is not fit
// for another request.
func (c *serverConn) alive() bool {
	var silent, known bool
	switch s := c.below.(type) {
	case interface{ silent() (silent, known bool) }:
		silent, known = s.silent()
	case syscall.Conn:
		silent, known = silentSocket(s)
	}
	if known {
		return silent
	}
	// What is not a socket of this system is asked in the slow way.
	c.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	return errors.Is(c.readSparing(), os.ErrDeadlineExceeded)
}
