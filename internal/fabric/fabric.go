// Package fabric is the network of a lab: it maps the addresses and port numbers of a plan, such as 203.0.113.10:443,
// to unprivileged listeners on loopback, and shows them as each place sees them through firewalls and NAT.
//
//	f, err := fabric.New(fabric.Config{Places: map[string]netip.Addr{"external": …}})
//	…
//	defer f.Close()
//	ln, err := f.Listen(ctx, "tcp", "203.0.113.10:443") // a hook for servers
//	…
//	conn, err := f.Dialer("external")(ctx, "tcp", "203.0.113.10:443") // a hook for clients
//
// # Model
//
// Every [Fabric] is a world of its own, so hundreds run beside one another. Connections report the plan's addresses at
// both ends. A dial is decided in this order:
//
//   - the first [Path] that names the destination: it drops, refuses or translates, or lets pass and loses something later;
//   - from [Config.Outside], private destinations (RFC 1918, RFC 4193) are silent, as they are on the Internet;
//   - an address at which nothing listens is silent; one that has other listeners refuses.
//
// Silence is a time-out: after [Config.DropTime], or when the context or the connection's deadline ends. Both ends of
// a connection are real sockets of the system, so half-closes, resets and full buffers are real too.
//
// [Direct] has the same methods and no map: it binds the plan's own addresses, for machines that have them.
//
// # Limits
//
// TCP and UDP. Everything runs over 127.0.0.1, for IPv6 destinations as well. A client that comes to a loopback port
// by itself, not through the fabric, is shown with its loopback address.
package fabric

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Actions of a Path.
const (
	Drop      = "drop"      // silence
	Refuse    = "refuse"    // TCP reset, ICMP port unreachable
	Translate = "translate" // to another address and port
	Forget    = "forget"    // connections that were idle for a while are lost without a word
	MTU       = "mtu"       // what is sent in packets of full size is lost without a word
)

// Config says what lies between the places. The zero Config is a network without firewalls.
type Config struct {
	// Places are the addresses clients have, by place, and what servers see of them. A place that is not here
	// dials from 127.0.0.1.
	Places map[string]netip.Addr
	// Outside are the places on the Internet.
	Outside []string
	// Paths are tried first to last; the first that fits decides.
	Paths []Path
	// DropTime is how long silence lasts, when no deadline ends it before. Zero means until the deadline.
	DropTime time.Duration
	// Real are addresses of the plan that are bound at an address of this machine, with the plan's own ports, for programs
	// of other machines. All others are bound at loopback, and so is a port that this process may not bind: then it is
	// there for who dials through the fabric only.
	Real map[netip.Addr]netip.Addr
	// Now is the clock by which connections are idle. Nil means time.Now.
	Now func() time.Time
}

// Path is a firewall or NAT rule.
type Path struct {
	// From is the place; empty means all.
	From string
	// To is the destination.
	To netip.Prefix
	// Port is the destination port; zero means all.
	Port int
	// Action is Drop, Refuse, Translate, Forget or MTU. The last two let connections begin, and are for TCP.
	Action string
	// After is how long a connection may be idle before Forget loses it.
	After time.Duration
	// Target is where Translate leads to. Port zero keeps the port.
	Target netip.AddrPort
}

// fits tells whether the path is about the destination.
func (p *Path) fits(place string, dst netip.AddrPort) bool {
	return (p.From == "" || p.From == place) && p.To.Contains(dst.Addr()) && (p.Port == 0 || p.Port == int(dst.Port()))
}

// Network is what Fabric and Direct have in common.
type Network interface {
	// Listen and ListenPacket bind an address of the plan.
	Listen(ctx context.Context, network, addr string) (net.Listener, error)
	ListenPacket(ctx context.Context, network, addr string) (net.PacketConn, error)
	// Dialer is how a place opens connections.
	Dialer(place string) DialFunc
	// Bound is the address of the system behind an address of the plan that is being listened at, "" if it is not.
	Bound(network, addr string) string
	// Close frees what the network itself holds. Listeners and connections belong to those who opened them.
	Close() error
}

// DialFunc opens a connection, as net.Dialer.DialContext does.
type DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// Fabric maps a plan's addresses to loopback. Its methods may be called by several goroutines.
type Fabric struct {
	cfg Config

	mu     sync.Mutex
	closed bool
	bound  map[endpoint]*socket
	hosts  map[netip.Addr]int // how many sockets an address has
	sink   *net.UDPConn       // swallows what is sent into silence; nil until needed
	left   []net.Conn         // whose clients have gone without their servers being told
}

// endpoint is an address of the plan.
type endpoint struct {
	network string // "tcp" or "udp"
	addr    netip.AddrPort
}

// New makes a network without listeners. The caller must Close it.
func New(cfg Config) (*Fabric, error) {
	for i, p := range cfg.Paths {
		if err := p.validate(); err != nil {
			return nil, fmt.Errorf("fabric: path %d: %w", i+1, err)
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Fabric{cfg: cfg, bound: map[endpoint]*socket{}, hosts: map[netip.Addr]int{}}, nil
}

func (p *Path) validate() error {
	if !p.To.IsValid() {
		return errors.New("no destination")
	}
	switch p.Action {
	case Drop, Refuse, MTU:
	case Forget:
		if p.After <= 0 {
			return errors.New("forget needs a time")
		}
	case Translate:
		if !p.Target.Addr().IsValid() {
			return errors.New("translate needs a target")
		}
	default:
		return fmt.Errorf("unknown action %q (known are %s, %s, %s, %s and %s)", p.Action, Drop, Refuse, Translate, Forget, MTU)
	}
	return nil
}

// parse reads a network and an address of the plan.
func parse(network, addr string) (endpoint, error) {
	var e endpoint
	switch network {
	case "tcp", "tcp4", "tcp6":
		e.network = "tcp"
	case "udp", "udp4", "udp6":
		e.network = "udp"
	default:
		return e, net.UnknownNetworkError(network)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return e, err
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return e, &net.AddrError{Err: "not an IP address: the network resolves no names", Addr: addr}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return e, &net.AddrError{Err: "not a port of the plan", Addr: addr}
	}
	e.addr = netip.AddrPortFrom(ip.Unmap().WithZone(""), uint16(n))
	return e, nil
}

// netAddr is the address as the net package shows it.
func (e endpoint) netAddr() net.Addr { return addrOf(e.network, e.addr) }

func addrOf(network string, a netip.AddrPort) net.Addr {
	if network == "udp" {
		return net.UDPAddrFromAddrPort(a)
	}
	return net.TCPAddrFromAddrPort(a)
}

// reach says where a dial from a place ends: at a socket, or with Drop or Refuse. The path, which may be nil, is the one that
// decided.
func (f *Fabric) reach(place string, dst endpoint) (s *socket, action string, by *Path) {
	if i := slices.IndexFunc(f.cfg.Paths, func(p Path) bool { return p.fits(place, dst.addr) }); i >= 0 {
		by = &f.cfg.Paths[i]
	}
	switch {
	case by == nil || by.Action == Forget || by.Action == MTU:
		if dst.addr.Addr().IsPrivate() && slices.Contains(f.cfg.Outside, place) {
			return nil, Drop, by
		}
	case by.Action == Translate:
		port := by.Target.Port()
		if port == 0 {
			port = dst.addr.Port()
		}
		dst.addr = netip.AddrPortFrom(by.Target.Addr().Unmap(), port)
	default:
		return nil, by.Action, by
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.bound[dst]; s != nil {
		return s, "", by
	}
	if f.hosts[dst.addr.Addr()] > 0 {
		return nil, Refuse, by
	}
	return nil, Drop, by
}

// source is the address a place dials from, with the port its socket has.
func (f *Fabric) source(place string, real net.Addr) netip.AddrPort {
	addr := addrPort(real)
	if a, ok := f.cfg.Places[place]; ok {
		return netip.AddrPortFrom(a, addr.Port())
	}
	return addr
}

// addrPort is the address of a socket of this package, which is TCP or UDP.
func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.TCPAddr:
		ap = a.AddrPort()
	case *net.UDPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// Bound is the loopback address behind an address of the plan that is being listened at, "" if it is not.
func (f *Fabric) Bound(network, addr string) string {
	e, err := parse(network, addr)
	if err != nil {
		return ""
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.bound[e]; s != nil {
		return s.real.String()
	}
	return ""
}

// Close frees what the network itself holds. Listeners and connections belong to those who opened them. It may be
// called more than once.
func (f *Fabric) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, c := range f.left {
		c.Close() // its server has its own end to close
	}
	f.left = nil
	if f.sink != nil {
		return ignoreClosed(f.sink.Close())
	}
	return nil
}

// leave keeps open, until Close, what a server must not know to be closed.
func (f *Fabric) leave(c net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		c.Close()
		return
	}
	f.left = append(f.left, c)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
