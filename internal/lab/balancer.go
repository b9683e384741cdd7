package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lyncpin/internal/fabric"
	"lyncpin/internal/topology"
)

// memberRest is how long a member that could not be connected to is passed over: a few rounds of the health checks
// that a hardware balancer makes.
const memberRest = 2 * time.Second

// memberTimeout bounds a connection to a member, on loopback or a LAN.
const memberTimeout = 3 * time.Second

// streams serves TCP connections that are no business of net/http.
type streams struct {
	base    context.Context // ends with Close
	cut     context.CancelFunc
	running sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	listeners []net.Listener
	conns     map[net.Conn]struct{}
}

func newStreams(ctx context.Context) *streams {
	s := &streams{conns: map[net.Conn]struct{}{}}
	s.base, s.cut = context.WithCancel(context.WithoutCancel(ctx))
	return s
}

// serve hands every connection of ln to handle, which closes it.
func (s *streams) serve(ln net.Listener, handle func(ctx context.Context, conn net.Conn)) {
	s.mu.Lock()
	s.listeners = append(s.listeners, ln)
	s.mu.Unlock()
	s.running.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				if s.base.Err() != nil || errors.Is(err, net.ErrClosed) {
					return
				}
				continue
			}
			if !s.track(conn) {
				conn.Close()
				continue
			}
			s.running.Go(func() {
				defer s.untrack(conn)
				handle(s.base, conn)
			})
		}
	})
}

// track remembers a connection for Close. It is false when that has begun.
func (s *streams) track(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[conn] = struct{}{}
	return true
}

func (s *streams) untrack(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
}

// join passes on what either says until both have ended, and closes both.
func (s *streams) join(client, server net.Conn) {
	defer client.Close()
	defer server.Close()
	if !s.track(server) {
		return
	}
	defer s.untrack(server)
	var back sync.WaitGroup
	back.Go(func() { forward(client, server) })
	forward(server, client)
	back.Wait()
}

// Close cuts all connections and waits. It may be called more than once and by several goroutines.
func (s *streams) Close() error {
	s.cut()
	s.mu.Lock()
	s.closed = true
	for _, ln := range s.listeners {
		ln.Close()
	}
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
	return nil
}

// balancer is a hardware load balancer: the members take turns, one connection each.
type balancer struct {
	*streams
	dial    fabric.DialFunc
	members []string // IP addresses
	next    atomic.Uint64

	resting sync.Map // member:port → time.Time at which it is tried again
}

func (l *Lab) startBalancer(ctx context.Context, p *topology.Pool) error {
	b := &balancer{streams: newStreams(ctx), dial: l.net.Dialer(balancerPlace + p.Name)}
	for _, n := range p.Nodes {
		b.members = append(b.members, n.Address.String())
	}
	for _, port := range slices.Sorted(maps.Keys(p.Balancer.Ports)) {
		addr := hostPort(p.Balancer.Address, port)
		ln, err := l.net.Listen(ctx, "tcp", addr)
		if err != nil {
			return errors.Join(fmt.Errorf("listen %s: %w", addr, err), b.Close())
		}
		member := fmt.Sprint(p.Balancer.Ports[port])
		b.serve(ln, func(ctx context.Context, client net.Conn) { b.relay(ctx, client, member) })
	}
	l.keep(b)
	return nil
}

// relay joins a client with the member whose turn it is.
func (b *balancer) relay(ctx context.Context, client net.Conn, port string) {
	member := b.connect(ctx, port)
	if member == nil {
		defer client.Close()
		// What a balancer does when all members are down; not before the client speaks, as a reset that overtakes
		// the end of its connect would look like another fault.
		client.Read(make([]byte, 1))
		reset(client)
		return
	}
	b.join(client, member)
}

// connect tries the members in turn, those that failed lately last. Nil means that none could be reached.
func (b *balancer) connect(ctx context.Context, port string) net.Conn {
	start := b.next.Add(1) - 1
	var fresh, tired []string
	for i := range b.members {
		addr := net.JoinHostPort(b.members[(start+uint64(i))%uint64(len(b.members))], port)
		if until, ok := b.resting.Load(addr); ok && time.Now().Before(until.(time.Time)) {
			tired = append(tired, addr)
		} else {
			fresh = append(fresh, addr)
		}
	}
	for _, addr := range append(fresh, tired...) {
		dialCtx, cancel := context.WithTimeout(ctx, memberTimeout)
		conn, err := b.dial(dialCtx, "tcp", addr)
		cancel()
		if err == nil {
			b.resting.Delete(addr)
			return conn
		}
		if ctx.Err() != nil {
			return nil
		}
		b.resting.Store(addr, time.Now().Add(memberRest))
	}
	return nil
}

// forward copies until from has nothing more to say, and passes that on. An error, such as a reset, ends both.
func forward(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		reset(to)
		reset(from)
		return
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		half.CloseWrite() // fails only on a connection that is gone already
		return
	}
	to.Close()
}

// reset closes a connection so that its peer sees a reset.
func reset(c net.Conn) {
	if l, ok := c.(interface{ SetLinger(sec int) error }); ok {
		l.SetLinger(0) // fails only on a connection that is gone already
	}
	c.Close()
}
