package proxy

import (
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
	"time"
)

// A listener is one bound address. Its kind may change by a reload.
type listener struct {
	net.Listener
	server *Server
	https  atomic.Bool
	tls    *tls.Config
}

// Accept wraps connections so that the handler knows where they came in, and TLS may be below it.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := l.server.newConn(conn, l.https.Load())
	if c.https {
		return tls.Server(c, l.tls), nil
	}
	return c, nil
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
	err := s.http.Serve(l)
	if !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
		s.log.Error("listener ended", "address", l.Addr().String(), "error", err)
	}
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
	patience time.Duration // for a client that does not read; zero is for ever

	state    atomic.Int32 // http.ConnState
	deadline atomic.Bool  // somebody else sets write deadlines
	lifetime *time.Timer  // nil without one
	once     sync.Once
	closeErr error

	announced bool // the first bytes are a PROXY header
	header    sync.Once
	headerErr error

	mu     sync.Mutex
	pins   map[*webServer]*http.Transport // not nil once the client has authenticated the connection
	closed bool
}

func (s *Server) newConn(conn net.Conn, https bool) *clientConn {
	t := s.table.Load().cfg.Timeouts
	c := &clientConn{
		Conn:     conn,
		server:   s,
		https:    https,
		client:   addrOf(conn.RemoteAddr()),
		patience: within(t.Idle, idleDefault),

		announced: s.table.Load().cfg.ProxyProtocol,
	}
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
func (c *clientConn) clientText() string {
	if c.client.IsValid() {
		return c.client.String()
	}
	return c.RemoteAddr().String()
}

// Read takes the PROXY header first, where one must come. What comes without is reset, as HAProxy and nginx do.
func (c *clientConn) Read(p []byte) (int, error) {
	if c.announced {
		c.header.Do(func() {
			client, err := readProxyHeader(c.Conn)
			if err != nil {
				c.headerErr = err
				c.reset()
			}
			if client.IsValid() {
				c.client = client
			}
		})
		if c.headerErr != nil {
			return 0, c.headerErr
		}
	}
	return c.Conn.Read(p)
}

// Write ends a connection whose client has not read for as long as Timeouts.Idle.
func (c *clientConn) Write(p []byte) (int, error) {
	if c.patience > 0 && !c.deadline.Load() {
		c.Conn.SetWriteDeadline(time.Now().Add(c.patience))
	}
	return c.Conn.Write(p)
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
		c.mu.Lock()
		c.closed = true
		if c.lifetime != nil {
			c.lifetime.Stop()
		}
		for _, t := range c.pins {
			t.CloseIdleConnections() // those in use close when their request ends
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
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return c.(*clientConn) // nothing else comes out of listener.Accept
}

// pin returns the transport of this connection alone towards w.
func (c *clientConn) pin(w *webServer) *http.Transport {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.pins[w]; t != nil {
		return t
	}
	if c.pins == nil {
		c.pins = map[*webServer]*http.Transport{}
	}
	t := w.newTransport()
	t.MaxConnsPerHost = 1
	t.IdleConnTimeout = 0 // it lives as long as the client's
	c.pins[w] = t
	return t
}

// unpin gives up the connection to w, which cannot be reached.
func (c *clientConn) unpin(w *webServer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.pins[w]; t != nil {
		t.CloseIdleConnections()
		delete(c.pins, w)
	}
}

// pinned reports whether the client has authenticated the connection, and whether it was to w.
func (c *clientConn) pinned(w *webServer) (any, to bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pins != nil, c.pins[w] != nil
}

// authenticates reports whether an Authorization field is about the connection rather than the request.
func authenticates(h http.Header) bool {
	for _, v := range h["Authorization"] {
		scheme, _, _ := strings.Cut(strings.TrimSpace(v), " ")
		if strings.EqualFold(scheme, "NTLM") || strings.EqualFold(scheme, "Negotiate") {
			return true
		}
	}
	return false
}
