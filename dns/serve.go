package dns

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	miekg "github.com/miekg/dns"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// The loops here are our own, for miekg.Server answers the questions of a TCP connection one after the other, so that
// a delayed answer would hold up the ones behind it, writes without a deadline, and takes any number of connections.

const (
	// maxConns is the most TCP connections at a time, over all addresses; one more is closed at once.
	maxConns = 256
	// idleTime is how long a TCP connection may sit without a whole question, unless an answer is outstanding:
	// "a few seconds", RFC 7766 section 6.2.3.
	idleTime = 10 * time.Second
	// writeTime is how long a TCP client may take to accept one answer.
	writeTime = 5 * time.Second
)

// servePackets answers over UDP until the socket is closed.
func (s *Server) servePackets(e *endpoint, conn net.PacketConn) {
	read := packetReader(conn)
	buf := make([]byte, miekg.MaxMsgSize)
	for {
		n, client, write, err := read(buf)
		if err != nil {
			// Windows reports the "port unreachable" of an earlier answer here: not the socket's end.
			if !s.goesOn(err) {
				return
			}
			continue
		}
		if client.Port() == 0 {
			continue // no client can be there
		}
		s.send(s.react(e, client, "udp", buf[:n]), write, nil) // a lost packet is the client's to notice
	}
}

// packetReader returns a function that reads a message and says who sent it and how to reply. At a wildcard address
// the reply leaves from the address the question came to, where the system can do that.
func packetReader(conn net.PacketConn) func([]byte) (int, netip.AddrPort, func([]byte) error, error) {
	udp, ok := conn.(*net.UDPConn)
	if local, isUDP := conn.LocalAddr().(*net.UDPAddr); !ok || !isUDP || !local.IP.IsUnspecified() {
		return func(buf []byte) (int, netip.AddrPort, func([]byte) error, error) {
			n, addr, err := conn.ReadFrom(buf)
			write := func(b []byte) error { _, err := conn.WriteTo(b, addr); return err }
			return n, clientOf(addr), write, err
		}
	}
	// One of the two fails, as a socket is of one family; both do where the system has no such thing, and then it
	// chooses the source by itself.
	_ = ipv4.NewPacketConn(udp).SetControlMessage(ipv4.FlagDst|ipv4.FlagInterface, true)
	_ = ipv6.NewPacketConn(udp).SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true)
	return func(buf []byte) (int, netip.AddrPort, func([]byte) error, error) {
		n, session, err := miekg.ReadFromSessionUDP(udp, buf)
		if err != nil {
			return 0, netip.AddrPort{}, nil, err
		}
		write := func(b []byte) error { _, err := miekg.WriteToSessionUDP(udp, b, session); return err }
		return n, clientOf(session.RemoteAddr()), write, nil
	}
}

// serveListener accepts TCP connections until the listener is closed.
func (s *Server) serveListener(e *endpoint, listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			if !s.goesOn(err) {
				return
			}
			continue
		}
		if !s.track(conn) {
			conn.Close()
			continue
		}
		s.running.Go(func() { s.serveConn(e, conn) })
	}
}

// track remembers conn for Close. It is false when the server closes or has connections enough.
func (s *Server) track(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || len(s.conns) >= maxConns {
		return false
	}
	s.conns[conn] = struct{}{}
	return true
}

func (s *Server) untrack(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
}

// pending counts the answers of a connection that are still held back.
type pending struct {
	group sync.WaitGroup
	count atomic.Int64
}

func (p *pending) add()  { p.group.Add(1); p.count.Add(1) }
func (p *pending) done() { p.count.Add(-1); p.group.Done() }

// serveConn answers the questions of a TCP connection, each when it is due, and closes it when the client has
// finished or idles.
func (s *Server) serveConn(e *endpoint, conn net.Conn) {
	defer s.untrack(conn)
	defer conn.Close()
	var held pending
	defer held.group.Wait() // first of the three: what is held back is still sent
	var writing sync.Mutex
	write := func(reply []byte) error {
		writing.Lock()
		defer writing.Unlock()
		framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(reply)), uint16(len(reply)))
		conn.SetWriteDeadline(time.Now().Add(writeTime))
		_, err := conn.Write(append(framed, reply...))
		return err
	}
	client := clientOf(conn.RemoteAddr())
	for {
		message, err := readMessage(conn, &held)
		if err != nil {
			return
		}
		if s.send(s.react(e, client, "tcp", message), write, &held) != nil {
			return
		}
	}
}

// readMessage reads one message in the framing of RFC 1035 section 4.2.2. Between messages it waits for idleTime,
// and longer while answers are held back.
func readMessage(conn net.Conn, held *pending) ([]byte, error) {
	var length [2]byte
	for {
		if err := conn.SetReadDeadline(time.Now().Add(idleTime)); err != nil {
			return nil, err
		}
		n, err := io.ReadFull(conn, length[:])
		if err == nil {
			break
		}
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || held.count.Load() == 0 {
			return nil, err
		}
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(conn, message)
	return message, err
}
