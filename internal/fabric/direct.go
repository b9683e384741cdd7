package fabric

import (
	"context"
	"net"
	"sync"
)

// Direct is the network of a machine that has the plan's addresses: it listens at them, with their real ports, and
// dials plainly. Firewalls, NAT and places mean nothing to it: what is dropped, refused or translated is up to the
// machine. The zero Direct is ready, and its methods may be called by several goroutines.
type Direct struct {
	mu    sync.Mutex
	bound map[endpoint]int // how often; more than once is up to the system
}

// Listen binds addr itself.
func (d *Direct) Listen(ctx context.Context, network, addr string) (net.Listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &directListener{Listener: ln, forget: d.remember(ln.Addr())}, nil
}

// ListenPacket binds addr itself.
func (d *Direct) ListenPacket(ctx context.Context, network, addr string) (net.PacketConn, error) {
	pc, err := new(net.ListenConfig).ListenPacket(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &directPacketConn{PacketConn: pc, forget: d.remember(pc.LocalAddr())}, nil
}

// remember enters a bound address for Bound, and returns what takes it out again, once.
func (d *Direct) remember(addr net.Addr) func() {
	e := endpoint{network: addr.Network(), addr: addrPort(addr)}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bound == nil {
		d.bound = map[endpoint]int{}
	}
	d.bound[e]++
	return sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.bound[e]--
	})
}

// Dialer dials with the net package, whatever the place.
func (d *Direct) Dialer(string) DialFunc { return new(net.Dialer).DialContext }

// Bound is addr itself while it is being listened at, else "".
func (d *Direct) Bound(network, addr string) string {
	e, err := parse(network, addr)
	if err != nil {
		return ""
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bound[e] > 0 {
		return e.addr.String()
	}
	return ""
}

// Close does nothing: a Direct holds nothing.
func (d *Direct) Close() error { return nil }

type directListener struct {
	net.Listener
	forget func()
}

func (l *directListener) Close() error {
	l.forget()
	return l.Listener.Close()
}

type directPacketConn struct {
	net.PacketConn
	forget func()
}

func (c *directPacketConn) Close() error {
	c.forget()
	return c.PacketConn.Close()
}
