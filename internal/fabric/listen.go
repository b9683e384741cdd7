package fabric

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
)

// loopback is where everything really is.
const loopback = "127.0.0.1:0"

// noKeepAlive spares four system calls at each end of a connection: on loopback nobody vanishes without a word.
const noKeepAlive = -1

// candidates are the addresses to try for e, best first: on loopback, TCP and UDP at one address of the plan get the same
// port if it is free, for programs outside that know of one port only, such as dig.
func (f *Fabric) candidates(e endpoint) []string {
	twin := endpoint{network: "tcp", addr: e.addr}
	if e.network == "tcp" {
		twin.network = "udp"
	}
	if real, ok := f.cfg.Real[e.addr.Addr()]; ok {
		return []string{netip.AddrPortFrom(real, e.addr.Port()).String(), loopback}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.bound[twin]; s != nil {
		return []string{s.real.String(), loopback}
	}
	return []string{loopback}
}

// first is what open returns for the first candidate that it succeeds with. In place of an address of Config.Real there is another
// only where the process may not bind it.
func first[T any](f *Fabric, e endpoint, open func(addr string) (T, error)) (T, error) {
	_, real := f.cfg.Real[e.addr.Addr()]
	var out T
	var err error
	for _, addr := range f.candidates(e) {
		if out, err = open(addr); err == nil || real && !errors.Is(err, fs.ErrPermission) {
			break
		}
	}
	return out, err
}

// socket is a listener or packet socket behind an address of the plan.
type socket struct {
	fabric *Fabric
	plan   endpoint
	real   netip.AddrPort

	mu      sync.Mutex
	sources map[uint16]netip.AddrPort // the plan's address of a client, by the port of its loopback socket
	dialing map[*dialing]struct{}
}

// dialing is a dial to a socket that has not returned yet.
type dialing struct{ done chan struct{} }

// Listen binds an address of the plan.
func (f *Fabric) Listen(ctx context.Context, network, addr string) (net.Listener, error) {
	e, err := parse(network, addr)
	if err == nil && e.network != "tcp" {
		err = net.UnknownNetworkError(network)
	}
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	lc := net.ListenConfig{KeepAlive: noKeepAlive}
	lc.SetMultipathTCP(false) // of no use on loopback, and dearer
	ln, err := first(f, e, func(addr string) (net.Listener, error) { return lc.Listen(ctx, "tcp", addr) })
	if err != nil {
		return nil, err
	}
	s, err := f.bind(e, ln.Addr())
	if err != nil {
		ln.Close()
		return nil, err
	}
	return &listener{TCPListener: ln.(*net.TCPListener), socket: s}, nil
}

// ListenPacket binds an address of the plan for datagrams.
func (f *Fabric) ListenPacket(ctx context.Context, network, addr string) (net.PacketConn, error) {
	e, err := parse(network, addr)
	if err == nil && e.network != "udp" {
		err = net.UnknownNetworkError(network)
	}
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	var lc net.ListenConfig
	pc, err := first(f, e, func(addr string) (net.PacketConn, error) { return lc.ListenPacket(ctx, "udp4", addr) })
	if err != nil {
		return nil, err
	}
	s, err := f.bind(e, pc.LocalAddr())
	if err != nil {
		pc.Close()
		return nil, err
	}
	return &packetConn{PacketConn: pc, socket: s}, nil
}

// bind enters a socket into the map.
func (f *Fabric) bind(e endpoint, real net.Addr) (*socket, error) {
	s := &socket{
		fabric:  f,
		plan:    e,
		real:    addrPort(real),
		sources: map[uint16]netip.AddrPort{},
		dialing: map[*dialing]struct{}{},
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, &net.OpError{Op: "listen", Net: e.network, Addr: e.netAddr(), Err: net.ErrClosed}
	}
	if f.bound[e] != nil {
		return nil, &net.OpError{Op: "listen", Net: e.network, Addr: e.netAddr(), Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	f.bound[e] = s
	f.hosts[e.addr.Addr()]++
	return s, nil
}

// unbind takes the socket out of the map, once.
func (s *socket) unbind() {
	f := s.fabric
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bound[s.plan] == s {
		delete(f.bound, s.plan)
		f.hosts[s.plan.addr.Addr()]--
	}
}

// begin announces a dial, whose end the returned function tells, with the client's addresses if it came about.
func (s *socket) begin() func(real, plan netip.AddrPort) {
	d := &dialing{done: make(chan struct{})}
	s.mu.Lock()
	s.dialing[d] = struct{}{}
	s.mu.Unlock()
	return func(real, plan netip.AddrPort) {
		s.mu.Lock()
		if real.IsValid() {
			s.sources[real.Port()] = plan
		}
		delete(s.dialing, d)
		s.mu.Unlock()
		close(d.done)
	}
}

// take returns the plan's address of a client, once, and the one it has otherwise. The client may be known only a
// moment after the system has accepted it: then take waits for the dials that are about to return.
func (s *socket) take(real netip.AddrPort) netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	if plan, ok := s.sources[real.Port()]; ok {
		delete(s.sources, real.Port())
		return plan
	}
	var running []*dialing
	for d := range s.dialing {
		running = append(running, d)
	}
	for _, d := range running {
		s.mu.Unlock()
		<-d.done
		s.mu.Lock()
		if plan, ok := s.sources[real.Port()]; ok {
			delete(s.sources, real.Port())
			return plan
		}
	}
	return real
}

// listener shows the plan's address.
type listener struct {
	*net.TCPListener
	socket *socket
}

func (l *listener) Addr() net.Addr { return l.socket.plan.netAddr() }

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.TCPListener.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return &accepted{TCPConn: c, socket: l.socket}, nil
}

func (l *listener) Close() error {
	l.socket.unbind()
	return l.TCPListener.Close()
}

// accepted is the server's end of a connection. What a TCP connection can do beyond net.Conn (half-close, linger) it
// can do too.
type accepted struct {
	*net.TCPConn
	socket *socket
	once   sync.Once
	remote netip.AddrPort
}

func (c *accepted) LocalAddr() net.Addr { return c.socket.plan.netAddr() }

func (c *accepted) RemoteAddr() net.Addr {
	c.resolve()
	return net.TCPAddrFromAddrPort(c.remote)
}

func (c *accepted) resolve() {
	c.once.Do(func() { c.remote = c.socket.take(addrPort(c.TCPConn.RemoteAddr())) })
}

// Close also forgets the client, whose port another one may get next.
func (c *accepted) Close() error {
	err := c.TCPConn.Close()
	c.resolve()
	return err
}

// packetConn shows the plan's addresses.
type packetConn struct {
	net.PacketConn
	socket *socket
}

func (c *packetConn) LocalAddr() net.Addr { return c.socket.plan.netAddr() }

func (c *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.PacketConn.ReadFrom(b)
	if err != nil {
		return n, from, err
	}
	real := addrPort(from)
	c.socket.mu.Lock()
	plan, ok := c.socket.sources[real.Port()] // before its first datagram, a client is known
	c.socket.mu.Unlock()
	if ok {
		return n, net.UDPAddrFromAddrPort(plan), nil
	}
	return n, from, nil
}

// WriteTo sends to a client that ReadFrom has shown: whatever its address is in the plan, its port is the real one.
func (c *packetConn) WriteTo(b []byte, to net.Addr) (int, error) {
	real := netip.AddrPortFrom(c.socket.real.Addr(), addrPort(to).Port())
	return c.PacketConn.WriteTo(b, net.UDPAddrFromAddrPort(real))
}

func (c *packetConn) Close() error {
	c.socket.unbind()
	return c.PacketConn.Close()
}
