package proxy

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A listener is one bound address. Its kind may change by a reload.
type listener struct {
	net.Listener
	server *Server
	https  atomic.Bool
	tls    *tls.Config
	counts listenerCounts
}

// A place is an address in the configuration, told from its equals ("127.0.0.1:0") by a number.
type place struct {
	key, addr string
	https     bool
}

func (c *Config) places() []place {
	seen := map[string]int{}
	var out []place
	add := func(list []string, https bool) {
		for _, a := range list {
			addr, _ := listenAddress(a) // validated
			seen[addr]++
			out = append(out, place{key: fmt.Sprintf("%s#%d", addr, seen[addr]), addr: addr, https: https})
		}
	}
	add(c.HTTPS, true)
	add(c.HTTP, false)
	return out
}

// bind binds what cfg has more than the server. After an error nothing is bound.
func (s *Server) bind(ctx context.Context, cfg Config) (map[string]*listener, error) {
	fresh := map[string]*listener{}
	for _, p := range cfg.places() {
		if s.listeners[p.key] != nil {
			continue
		}
		ln, err := cfg.Listen(ctx, "tcp", p.addr)
		if err != nil {
			for _, l := range fresh {
				l.Close()
			}
			return nil, fmt.Errorf("listen on %s: %w", p.addr, err)
		}
		fresh[p.key] = &listener{Listener: ln, server: s, tls: s.listenerTLS()}
	}
	return fresh, nil
}

// listen serves what is new, and closes what cfg no longer has.
func (s *Server) listen(cfg Config, fresh map[string]*listener) {
	stay := map[string]bool{}
	for _, p := range cfg.places() {
		stay[p.key] = true
		l := fresh[p.key]
		if l == nil {
			s.listeners[p.key].https.Store(p.https)
			continue
		}
		l.https.Store(p.https)
		s.listeners[p.key] = l
		s.serving.Go(func() { s.serveListener(l) })
	}
	for key, l := range s.listeners {
		if !stay[key] {
			l.Close()
			delete(s.listeners, key)
		}
	}
}

func (s *Server) serveListener(l *listener) {
	var pause time.Duration
	for {
		conn, err := l.Accept()
		if err == nil {
			pause = 0
			c := s.newConn(conn, l.https.Load(), &l.counts)
			s.sessions.Go(func() { s.serveConn(l, c) })
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if ne, ok := errors.AsType[net.Error](err); !ok || !ne.Timeout() && !outOfFiles(err) {
			s.log.Error("listener ended", "address", l.Addr().String(), "error", err)
			return
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.log.Warn("no connection can be taken, trying again", "address", l.Addr().String(), "error", err, "in", pause)
		select {
		case <-time.After(pause):
		case <-s.base.Done():
			return
		}
	}
}

// outOfFiles reports an error of Accept that passes by itself.
func outOfFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ECONNABORTED)
}

func (s *Server) addrs(https bool) []net.Addr {
	s.change.Lock()
	defer s.change.Unlock()
	var out []net.Addr
	for _, p := range s.table.Load().cfg.places() {
		if p.https == https {
			out = append(out, s.listeners[p.key].Addr())
		}
	}
	return out
}

// A clientConn is one connection of a client, below TLS.
type clientConn struct {
	net.Conn
	server   *Server
	https    bool
	client   netip.Addr
	text     string        // client, or what the transport says instead
	source   netip.Addr    // that it counts for, if it does
	outer    *clientConn   // of a request over HTTP/2, the connection it shares with others
	patience time.Duration // for a client that does not read; zero is for ever
	brake    brake         // for what its request waits for

	state    atomic.Int32 // http.ConnState
	deadline atomic.Bool  // somebody else sets write deadlines
	lifetime *time.Timer  // nil without one
	holding  bool         // what is written is held until leave; for the session alone
	held     []byte
	once     sync.Once
	closeErr error
	counts   *listenerCounts // nil for a request over HTTP/2

	mu     sync.Mutex
	pins   map[*webServer]*serverConn // not nil once the client has authenticated the connection; a nil one is in use
	closed bool
}

// newConn takes a connection in. count is nil for a request over HTTP/2.
func (s *Server) newConn(conn net.Conn, https bool, count *listenerCounts) *clientConn {
	t := s.table.Load().cfg.Timeouts
	c := &clientConn{
		Conn:     quick(conn),
		server:   s,
		https:    https,
		client:   addrOf(conn.RemoteAddr()),
		patience: within(t.Idle, idleDefault),
		counts:   count,
	}
	if count != nil {
		count.accepted.Add(1)
		count.open.Add(1)
	}
	c.text = clientText(c.client, conn)
	s.traffic.Lock()
	s.conns[c] = struct{}{}
	s.traffic.Unlock()
	if t.Lifetime > 0 {
		c.mu.Lock()
		c.lifetime = time.AfterFunc(t.Lifetime, func() { c.Close() })
		c.mu.Unlock()
	}
	return c
}

// addrOf is the address without port and zone; the zero Addr when there is none.
func addrOf(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// clientText is the client's address, or what the transport says instead of one.
func clientText(client netip.Addr, conn net.Conn) string {
	if client.IsValid() {
		return client.String()
	}
	return conn.RemoteAddr().String()
}

// Write ends a connection whose client has not read for as long as Timeouts.Idle.
func (c *clientConn) Write(p []byte) (int, error) {
	if c.holding {
		c.held = append(c.held, p...)
		return len(p), nil
	}
	if c.patience > 0 && !c.deadline.Load() {
		c.Conn.SetWriteDeadline(time.Now().Add(c.patience))
	}
	return c.Conn.Write(p)
}

// leave sends what is held, the last answer and the goodbye of TLS, in one piece.
func (c *clientConn) leave() {
	c.holding = false
	c.Conn.SetWriteDeadline(after(time.Now(), cmp.Or(c.patience, idleDefault)))
	c.Conn.Write(c.held)
	c.held = nil
}

func (c *clientConn) SetWriteDeadline(t time.Time) error {
	c.deadline.Store(!t.IsZero())
	return c.Conn.SetWriteDeadline(t)
}

func (c *clientConn) SetDeadline(t time.Time) error {
	c.deadline.Store(!t.IsZero())
	return c.Conn.SetDeadline(t)
}

// CloseWrite passes a half-close on, for tunnels.
func (c *clientConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// Close also closes the upstream connections that were this client's alone.
func (c *clientConn) Close() error {
	c.once.Do(func() {
		c.closeErr = c.Conn.Close()
		if c.counts != nil {
			c.counts.open.Add(-1)
		}
		c.brake.pull(errConnClosed)
		c.mu.Lock()
		c.closed = true
		if c.lifetime != nil {
			c.lifetime.Stop()
		}
		for _, up := range c.pins {
			if up != nil {
				up.Close()
			}
		}
		clear(c.pins)
		if c.source.IsValid() {
			c.server.sources.leave(c.source)
		}
		c.mu.Unlock()
		c.server.traffic.Lock()
		delete(c.server.conns, c)
		c.server.traffic.Unlock()
	})
	return c.closeErr
}

// reset closes the connection with a TCP reset, where the transport below knows one.
func (c *clientConn) reset() {
	if c.outer != nil {
		c.outer.reset()
	}
	if l, ok := c.Conn.(interface{ SetLinger(sec int) error }); ok {
		l.SetLinger(0)
	}
	c.Close()
}

func (c *clientConn) resting() bool {
	st := http.ConnState(c.state.Load())
	return st == http.StateNew || st == http.StateIdle
}

type clientKey struct{}

// withClient is http.Server.ConnContext.
func withClient(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, clientKey{}, clientOf(c))
}

// noteState is http.Server.ConnState.
func noteState(c net.Conn, st http.ConnState) { clientOf(c).state.Store(int32(st)) }

func clientOf(c net.Conn) *clientConn {
	if h, ok := c.(*http2Conn); ok {
		c = h.Conn
	}
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return c.(*clientConn) // nothing else comes out of listener.Accept
}

// pin makes the connection one that nobody else's requests share, and returns what it has towards w, or nil.
func (c *clientConn) pin(w *webServer) *serverConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pins == nil {
		c.pins = map[*webServer]*serverConn{}
	}
	up := c.pins[w]
	if !c.closed {
		c.pins[w] = nil
	}
	return up
}

// park keeps up for the next request to w. It lives as long as the client's connection.
func (c *clientConn) park(w *webServer, up *serverConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.pins[w] != nil {
		up.Close()
		return
	}
	c.pins[w] = up
}

// unpin gives up the connection to w, which cannot be reached.
func (c *clientConn) unpin(w *webServer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if up := c.pins[w]; up != nil {
		up.Close()
	}
	delete(c.pins, w)
}

// pinned reports whether the client has authenticated the connection, and whether it was to w.
func (c *clientConn) pinned(w *webServer) (any, to bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, to = c.pins[w]
	return c.pins != nil, to
}

// scheme is that of the listener.
func (c *clientConn) scheme() string {
	if c.https {
		return "https"
	}
	return "http"
}

// authenticatesConnection reports whether an Authorization value is about the connection rather than the request.
func authenticatesConnection(value string) bool {
	scheme, _, _ := strings.Cut(value, " ")
	return strings.EqualFold(scheme, "NTLM") || strings.EqualFold(scheme, "Negotiate")
}
