package dns_test

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	miekg "github.com/miekg/dns"
)

// memory is a network without sockets, for tests in a bubble and for clients at any address. A server gets its
// listeners with listen and listenPacket; there is one of each.
type memory struct {
	toServer chan packet
	toClient chan packet
	conns    chan net.Conn
	done     chan struct{}
	once     sync.Once
}

type packet struct {
	wire []byte
	addr netip.AddrPort // of the client
}

func newMemory() *memory {
	return &memory{
		toServer: make(chan packet), toClient: make(chan packet, 2000),
		conns: make(chan net.Conn), done: make(chan struct{}),
	}
}

func (m *memory) listen(context.Context, string, string) (net.Listener, error) {
	return memoryListener{m}, nil
}
func (m *memory) listenPacket(context.Context, string, string) (net.PacketConn, error) {
	return memoryPackets{m}, nil
}

// send sends a question over UDP.
func (m *memory) send(client, name string, qtype uint16) {
	wire, err := new(miekg.Msg).SetQuestion(name, qtype).Pack()
	if err != nil {
		panic(err)
	}
	m.toServer <- packet{wire, netip.MustParseAddrPort(client)}
}

// answer is the next answer over UDP that arrives within d, or nil.
func (m *memory) answer(d time.Duration) *miekg.Msg {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case p := <-m.toClient:
		out := new(miekg.Msg)
		if err := out.Unpack(p.wire); err != nil {
			panic(err)
		}
		return out
	case <-timer.C:
		return nil
	}
}

// dial opens a TCP connection to the server.
func (m *memory) dial(client string) *miekg.Conn {
	here, there := net.Pipe()
	m.conns <- memoryConn{there, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(client))}
	return &miekg.Conn{Conn: here}
}

func (m *memory) close() error {
	m.once.Do(func() { close(m.done) })
	return nil
}

type memoryConn struct {
	net.Conn
	client net.Addr
}

func (c memoryConn) RemoteAddr() net.Addr { return c.client }

type memoryListener struct{ *memory }

func (l memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l memoryListener) Close() error   { return l.close() }
func (l memoryListener) Addr() net.Addr { return memoryAddr }

var memoryAddr = net.UDPAddrFromAddrPort(netip.MustParseAddrPort("198.51.100.53:53"))

type memoryPackets struct{ *memory }

func (p memoryPackets) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case got := <-p.toServer:
		return copy(b, got.wire), net.UDPAddrFromAddrPort(got.addr), nil
	case <-p.done:
		return 0, nil, net.ErrClosed
	}
}

func (p memoryPackets) WriteTo(b []byte, addr net.Addr) (int, error) {
	select {
	case p.toClient <- packet{append([]byte(nil), b...), addr.(*net.UDPAddr).AddrPort()}:
		return len(b), nil
	case <-p.done:
		return 0, net.ErrClosed
	}
}

func (p memoryPackets) Close() error                     { return p.close() }
func (p memoryPackets) LocalAddr() net.Addr              { return memoryAddr }
func (p memoryPackets) SetDeadline(time.Time) error      { return nil }
func (p memoryPackets) SetReadDeadline(time.Time) error  { return nil }
func (p memoryPackets) SetWriteDeadline(time.Time) error { return nil }
