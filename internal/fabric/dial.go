package fabric

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// Dialer is how a place opens connections; addr is an ip:port of the plan. Silence is a time-out (net.Error), a refusal
// is ECONNREFUSED, both as the net package words them.
func (f *Fabric) Dialer(place string) DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		return f.dial(ctx, place, network, addr)
	}
}

func (f *Fabric) dial(ctx context.Context, place, network, addr string) (net.Conn, error) {
	dst, err := parse(network, addr)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	s, action, by := f.reach(place, dst)
	if dst.network == "udp" {
		return f.dialUDP(ctx, place, dst, s, action)
	}
	switch action {
	case Drop:
		return nil, dialError(dst, f.silence(ctx))
	case Refuse:
		return nil, dialError(dst, os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	end := s.begin()
	c, err := (&net.Dialer{KeepAlive: noKeepAlive}).DialContext(ctx, "tcp", s.real.String())
	if err != nil {
		end(netip.AddrPort{}, netip.AddrPort{})
		return nil, dialError(dst, cause(err))
	}
	source := f.source(place, c.LocalAddr())
	end(addrPort(c.LocalAddr()), source)
	conn := &dialled{TCPConn: c.(*net.TCPConn), local: source, remote: dst.addr}
	if by != nil && (by.Action == Forget || by.Action == MTU) {
		return newLossy(f, conn, by), nil
	}
	return conn, nil
}

// silence waits as for an answer that never comes, and says why the wait ended.
func (f *Fabric) silence(ctx context.Context) error {
	var over <-chan time.Time
	if f.cfg.DropTime > 0 {
		t := time.NewTimer(f.cfg.DropTime)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-over:
		return os.ErrDeadlineExceeded
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return os.ErrDeadlineExceeded
		}
		return ctx.Err()
	}
}

func dialError(dst endpoint, err error) error {
	return &net.OpError{Op: "dial", Net: dst.network, Addr: dst.netAddr(), Err: err}
}

// cause takes the loopback address off an error of the net package.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// dialled is the client's end of a connection. What a TCP connection can do beyond net.Conn (half-close, linger) it
// can do too.
type dialled struct {
	*net.TCPConn
	local, remote netip.AddrPort
}

func (c *dialled) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *dialled) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// dialUDP opens a socket towards s, or towards nothing: as in any network, a datagram's sender learns nothing at once.
func (f *Fabric) dialUDP(ctx context.Context, place string, dst endpoint, s *socket, action string) (net.Conn, error) {
	to := netip.AddrPort{}
	if s != nil {
		to = s.real
	} else {
		var err error
		if to, err = f.swallow(); err != nil {
			return nil, dialError(dst, err)
		}
	}
	conn, err := new(net.Dialer).DialContext(ctx, "udp4", to.String())
	if err != nil {
		return nil, dialError(dst, cause(err))
	}
	c := &datagrams{
		Conn:    conn,
		local:   f.source(place, conn.LocalAddr()),
		remote:  dst,
		refused: action == Refuse,
	}
	if s == nil {
		c.dropTime = f.cfg.DropTime
		return c, nil
	}
	c.socket = s
	s.mu.Lock()
	s.sources[addrPort(conn.LocalAddr()).Port()] = c.local
	s.mu.Unlock()
	return c, nil
}

// swallow is the address of a socket nobody reads.
func (f *Fabric) swallow() (netip.AddrPort, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return netip.AddrPort{}, net.ErrClosed
	}
	if f.sink == nil {
		c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(loopback)))
		if err != nil {
			return netip.AddrPort{}, err
		}
		f.sink = c
	}
	return addrPort(f.sink.LocalAddr()), nil
}

// datagrams is the client's end of a UDP association. It is a net.PacketConn as well, by which users of net.Conn tell
// UDP from TCP. The read deadline is kept here besides in the socket, to end silence early.
type datagrams struct {
	net.Conn
	socket   *socket // nil for one that leads nowhere
	local    netip.AddrPort
	remote   endpoint
	refused  bool
	dropTime time.Duration

	mu       sync.Mutex
	deadline time.Time // of reads, as its owner has set it
}

func (c *datagrams) LocalAddr() net.Addr  { return net.UDPAddrFromAddrPort(c.local) }
func (c *datagrams) RemoteAddr() net.Addr { return c.remote.netAddr() }

func (c *datagrams) Read(b []byte) (int, error) {
	if c.refused {
		return 0, c.readError(os.NewSyscallError("read", syscall.ECONNREFUSED))
	}
	if c.dropTime > 0 {
		c.mu.Lock()
		until := time.Now().Add(c.dropTime)
		if !c.deadline.IsZero() && c.deadline.Before(until) {
			until = c.deadline
		}
		c.Conn.SetReadDeadline(until) // fails only when closed, and then Read says so
		c.mu.Unlock()
	}
	n, err := c.Conn.Read(b)
	if err != nil {
		return n, c.readError(cause(err))
	}
	return n, nil
}

// ReadFrom is Read: there is one peer.
func (c *datagrams) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.Read(b)
	return n, c.RemoteAddr(), err
}

// WriteTo is Write, as there is one peer, and fails for any other.
func (c *datagrams) WriteTo(b []byte, to net.Addr) (int, error) {
	if addrPort(to) != c.remote.addr {
		return 0, &net.OpError{Op: "write", Net: c.remote.network, Source: c.LocalAddr(), Addr: to, Err: net.ErrWriteToConnected}
	}
	return c.Write(b)
}

func (c *datagrams) readError(err error) error {
	return &net.OpError{Op: "read", Net: c.remote.network, Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

func (c *datagrams) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *datagrams) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return c.Conn.SetReadDeadline(t)
}

// Close also forgets the client, whose port another one may get next.
func (c *datagrams) Close() error {
	if c.socket != nil {
		c.socket.mu.Lock()
		delete(c.socket.sources, addrPort(c.Conn.LocalAddr()).Port())
		c.socket.mu.Unlock()
	}
	return c.Conn.Close()
}
