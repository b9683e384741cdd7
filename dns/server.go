package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	miekg "github.com/miekg/dns"

	"lyncpin/internal/history"
)

const (
	// maxHeld is the most answers held back by a Delay at one time; a question past it gets none. Well above what a
	// probe asks, little enough that a flood of questions for a slow name stays cheap.
	maxHeld = 1024
	// portTries is how often a free TCP port is sought whose UDP twin is free as well.
	portTries = 16
	// retryPause is the wait after a failed Accept or read, so that a lasting failure does not spin.
	retryPause = 10 * time.Millisecond
)

// Server is a running name server, made by [Start]. Its methods may be called by several goroutines.
type Server struct {
	now   func() time.Time
	addrs map[string]string // by view: the first bound address
	log   history.Log[Query]
	held  chan struct{} // one token per answer held back

	base    context.Context // ends with Close
	cut     context.CancelFunc
	running sync.WaitGroup

	closeOnce sync.Once
	mu        sync.Mutex
	closing   bool
	closers   []interface{ Close() error } // listeners and sockets
	conns     map[net.Conn]struct{}
}

// Start serves cfg and returns once all addresses are bound. The caller must Close the server.
// The end of ctx ends the start, not the server.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	endpoints, err := cfg.compile()
	if err != nil {
		return nil, fmt.Errorf("dns: %w", err)
	}
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{
		now:   time.Now,
		addrs: map[string]string{},
		held:  make(chan struct{}, maxHeld),
		base:  base,
		cut:   cut,
		conns: map[net.Conn]struct{}{},
	}
	if cfg.Now != nil {
		s.now = cfg.Now
	}
	var bound []binding
	for _, e := range endpoints {
		b, err := cfg.bind(ctx, e)
		if err != nil {
			s.closeAll()
			return nil, fmt.Errorf("dns: listen %s for view %q: %w", e.addr, e.views[0].name, err)
		}
		bound = append(bound, b)
		s.closers = append(s.closers, b.packets)
		if b.listener != nil {
			s.closers = append(s.closers, b.listener)
		}
		for _, v := range e.views {
			if _, ok := s.addrs[v.name]; !ok {
				s.addrs[v.name] = b.packets.LocalAddr().String()
			}
		}
	}
	for _, b := range bound {
		s.running.Go(func() { s.servePackets(b.endpoint, b.packets) })
		if b.listener != nil {
			s.running.Go(func() { s.serveListener(b.endpoint, b.listener) })
		}
	}
	return s, nil
}

// Close stops answering, drops the answers that are held back, and waits for every goroutine.
// It may be called more than once and by several goroutines. The error is always nil.
func (s *Server) Close() error {
	s.closeOnce.Do(s.closeAll)
	s.running.Wait()
	return nil
}

func (s *Server) closeAll() {
	s.cut()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for _, c := range s.closers {
		c.Close()
	}
	for c := range s.conns {
		c.Close()
	}
}

// Addr is the first address view is bound to, as ip:port, or "" if there is no such view.
func (s *Server) Addr(view string) string { return s.addrs[view] }

// History returns the questions received so far, oldest first; a question is in it before its answer is sent.
// The oldest go when it grows past [history.DefaultLimit].
func (s *Server) History() []Query { return s.log.All() }

// binding is an endpoint with its sockets.
type binding struct {
	endpoint *endpoint
	listener net.Listener // nil with UDPOnly
	packets  net.PacketConn
}

// bind opens the sockets of e, with one port for both.
func (cfg Config) bind(ctx context.Context, e *endpoint) (binding, error) {
	var lc net.ListenConfig
	listen, listenPacket := cfg.Listen, cfg.ListenPacket
	if listen == nil {
		listen = lc.Listen
	}
	if listenPacket == nil {
		listenPacket = lc.ListenPacket
	}
	tries := 1
	if e.addr.Port() == 0 {
		tries = portTries
	}
	var failed error
	for range tries {
		if err := ctx.Err(); err != nil {
			return binding{}, err
		}
		if e.udpOnly {
			packets, err := listenPacket(ctx, "udp", e.addr.String())
			return binding{endpoint: e, packets: packets}, err
		}
		listener, err := listen(ctx, "tcp", e.addr.String())
		if err != nil {
			return binding{}, err
		}
		addr := e.addr.String()
		if e.addr.Port() == 0 {
			addr = netip.AddrPortFrom(e.addr.Addr(), portOf(listener.Addr())).String()
		}
		packets, err := listenPacket(ctx, "udp", addr)
		if err == nil {
			return binding{endpoint: e, listener: listener, packets: packets}, nil
		}
		listener.Close()
		failed = err
	}
	return binding{}, failed
}

func portOf(addr net.Addr) uint16 {
	_, text, err := net.SplitHostPort(addr.String())
	if err != nil {
		return 0
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0
	}
	return uint16(port)
}

// clientOf is the address of a client; the zero AddrPort, which no view serves, if it has no IP address.
func clientOf(addr net.Addr) netip.AddrPort {
	switch a := addr.(type) {
	case nil:
		return netip.AddrPort{}
	case *net.UDPAddr:
		return unmapped(a.AddrPort())
	case *net.TCPAddr:
		return unmapped(a.AddrPort())
	}
	client, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return unmapped(client)
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// reaction is what to do about a message.
type reaction struct {
	reply []byte // nil: nothing
	delay time.Duration
}

// react decides about a message, and writes it into the history.
func (s *Server) react(e *endpoint, client netip.AddrPort, network string, wire []byte) reaction {
	q := parse(wire)
	if q == nil {
		return reaction{}
	}
	entry := Query{Time: s.now(), Client: client, Network: network}
	if opt, _ := edns(q); opt != nil {
		entry.EDNSSize = int(opt.UDPSize())
	}
	if len(q.Question) == 1 {
		entry.Name, entry.Type = q.Question[0].Name, miekg.Type(q.Question[0].Qtype).String()
	}
	v := e.view(client.Addr())
	var r *rule
	if v != nil {
		entry.View, entry.Known = v.name, true
		if plain(q) {
			r = v.rule(q.Question[0])
		}
	}
	var do reaction
	if r != nil {
		do.delay = r.Delay
		entry.Delay = r.Delay
	}
	if r == nil || !r.Drop {
		m := answer(v, q, r, network)
		if do.reply = pack(m, sizeFor(q, network)); do.reply != nil {
			entry.RCode, entry.Truncated = rcodeText(m.Rcode), m.Truncated
		}
	}
	s.log.Add(entry)
	return do
}

func rcodeText(rcode int) string {
	if rcode == miekg.RcodeBadVers {
		return "BADVERS" // miekg knows the number by its other name, BADSIG
	}
	return miekg.RcodeToString[rcode]
}

// send calls write with the reply, now or after the delay. It does not wait, unless write does. It returns what
// write said, if it was called now. Goroutines for later are counted in pending as well, if that is not nil.
func (s *Server) send(do reaction, write func([]byte) error, pending *pending) error {
	if do.reply == nil {
		return nil
	}
	if do.delay <= 0 {
		return write(do.reply)
	}
	select {
	case s.held <- struct{}{}:
	default:
		return nil // full: this one is lost
	}
	if pending != nil {
		pending.add()
	}
	s.running.Go(func() { s.sendLater(do, write, pending) })
	return nil
}

// sendLater waits for the delay, unless the server closes, and calls write.
func (s *Server) sendLater(do reaction, write func([]byte) error, pending *pending) {
	defer func() {
		if pending != nil {
			pending.done()
		}
		<-s.held
	}()
	if s.pause(do.delay) {
		write(do.reply) // nobody to tell: the client sees that nothing came
	}
}

// pause waits for d. It is false if the server closed meanwhile.
func (s *Server) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return s.base.Err() == nil
	case <-s.base.Done():
		return false
	}
}

// goesOn tells, after a failed read or Accept, whether to try again, and waits a little if so.
func (s *Server) goesOn(err error) bool {
	return s.base.Err() == nil && !errors.Is(err, net.ErrClosed) && s.pause(retryPause)
}
