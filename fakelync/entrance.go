package fakelync

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
)

// entrance is one of the four listeners. It alone decides the site. To net/http it is a listener whose connections have
// their TLS handshake behind them, and which gives a connection once more after a long poll.
type entrance struct {
	net.Listener
	server *Server
	site   *site
	tls    *tls.Config // nil for plain HTTP

	ready    chan arrival
	stopped  chan struct{}
	stopOnce sync.Once
	stopErr  error
}

// arrival is what net/http gets from Accept.
type arrival struct {
	conn *conn
	err  error
}

func newEntrance(s *Server, ln net.Listener, site *site, https bool) *entrance {
	e := &entrance{Listener: ln, server: s, site: site, ready: make(chan arrival), stopped: make(chan struct{})}
	if https {
		e.Listener, e.tls = tlsPort{ln}, site.conf.tlsConfig()
	}
	return e
}

// Accept returns the next connection that is ready for a request.
func (e *entrance) Accept() (net.Conn, error) {
	select {
	case a := <-e.ready:
		if a.err != nil {
			return nil, a.err
		}
		return a.conn, nil
	case <-e.stopped:
		return nil, net.ErrClosed
	}
}

// Close stops listening. It may be called more than once.
func (e *entrance) Close() error {
	e.stopOnce.Do(func() {
		close(e.stopped)
		e.stopErr = e.Listener.Close()
	})
	return e.stopErr
}

// offer gives net/http a connection or an error, unless the entrance is closed.
func (e *entrance) offer(a arrival) bool {
	select {
	case e.ready <- a:
		return true
	case <-e.stopped:
		return false
	}
}

// serve has net/http answer what is ready.
func (e *entrance) serve() {
	if err := e.server.http.Serve(e); !errors.Is(err, http.ErrServerClosed) {
		e.server.http.ErrorLog.Printf("%s site: %v", e.site.name, err)
	}
}

// listen takes connections in until the entrance is closed.
func (e *entrance) listen() {
	s := e.server
	for {
		raw, err := e.Listener.Accept()
		if err != nil {
			if !e.offer(arrival{err: err}) { // net/http waits a little where waiting helps
				return
			}
			continue
		}
		c := &conn{Conn: raw, entrance: e, number: int(s.numbers.Add(1))}
		s.conns.Add(1)
		if e.tls != nil {
			go c.greet()
			continue
		}
		c.proceed()
	}
}

// greet makes the TLS handshake, in a goroutine that ends with it: the stack that it takes is given back.
func (c *conn) greet() {
	s := c.entrance.server
	t := tls.Server(c.Conn, c.entrance.tls)
	ctx, cancel := context.WithTimeout(s.base, connectionTimeout)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		if s.base.Err() == nil {
			s.http.ErrorLog.Printf("TLS handshake error from %s: %v", c.RemoteAddr(), err)
		}
		c.end()
		return
	}
	state := t.ConnectionState()
	c.Conn, c.sni, c.version = t, state.ServerName, state.Version
	c.proceed()
}
