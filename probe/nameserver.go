package probe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	miekg "github.com/miekg/dns"
)

// nameServer is one name server as one vantage reaches it. All questions over UDP share one connected socket, so
// that the system drops what others than the server send; a reader hands each answer to the question it belongs to.
type nameServer struct {
	o    *observer
	addr string

	mu      sync.Mutex
	conn    net.Conn // nil before the first question, and after the socket failed
	waiting map[uint16]*question
	reading sync.WaitGroup
	// answered and silent tell a server that is dead from one that lost a packet.
	answered, silent bool
}

// question is one that waits for its answer.
type question struct {
	miekg.Question
	reply chan reply
	junk  error // a packet with the question's ID that is no answer to it
}

type reply struct {
	msg *miekg.Msg
	err error
}

// answer hands over a reply; of two the first counts.
func (w *question) answer(r reply) {
	select {
	case w.reply <- r:
	default:
	}
}

var errBadAnswer = errors.New("the name server sent something that is no answer to the question")

// server returns the name server at addr, the same one for all questions of this vantage.
func (o *observer) server(addr string) *nameServer {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.servers[addr]
	if s == nil {
		s = &nameServer{o: o, addr: addr, waiting: map[uint16]*question{}}
		o.servers[addr] = s
	}
	return s
}

// dead tells whether the server has been silent, and nothing else.
func (s *nameServer) dead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.silent && !s.answered
}

// ask asks over UDP, and over TCP when the answer was truncated. A server that knows no EDNS is asked without.
func (s *nameServer) ask(ctx context.Context, name, kind string) (answer *miekg.Msg, truncated bool, err error) {
	q := new(miekg.Msg)
	q.SetQuestion(miekg.Fqdn(name), miekg.StringToType[kind])
	q.SetEdns0(1232, false)
	answer, err = s.overUDP(ctx, q)
	if err == nil && (answer.Rcode == miekg.RcodeFormatError || answer.Rcode == miekg.RcodeNotImplemented) {
		q.Extra = nil
		answer, err = s.overUDP(ctx, q)
	}
	if err == nil && answer.Truncated {
		truncated = true
		answer, err = s.overTCP(ctx, q)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.answered = true
	} else if !over(ctx) {
		s.silent = true
	}
	return answer, truncated, err
}

// overUDP sends the question, once more after a third of the time, for a lost packet is no finding, and waits for
// the answer.
func (s *nameServer) overUDP(ctx context.Context, q *miekg.Msg) (*miekg.Msg, error) {
	limited, cancel := context.WithTimeout(ctx, s.o.limits.Query)
	defer cancel()
	w := &question{Question: q.Question[0], reply: make(chan reply, 1)}
	defer s.forget(w)
	var err error
	for try := range 2 {
		var conn net.Conn
		if conn, err = s.begin(limited, ctx, q, w); err != nil {
			return nil, err
		}
		var packet []byte
		if packet, err = q.Pack(); err != nil {
			return nil, err
		}
		wait := s.o.limits.Query / 3
		if try == 1 {
			wait = s.o.limits.Query
		}
		var r reply
		if r, err = s.exchange(limited, conn, packet, w, wait); err == nil {
			return r.msg, r.err
		}
		// A socket that failed under another question is worth a second try too.
		if code := classify(err).Code; code != Timeout && code != Closed || limited.Err() != nil {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.junk != nil {
		return nil, w.junk
	}
	return nil, err
}

// forget gives the question's ID back.
func (s *nameServer) forget(w *question) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.waiting, func(_ uint16, other *question) bool { return other == w })
}

// exchange sends a packet and waits for the reply to w.
func (s *nameServer) exchange(ctx context.Context, conn net.Conn, packet []byte, w *question, wait time.Duration) (reply, error) {
	deadline, _ := ctx.Deadline()
	err := conn.SetWriteDeadline(deadline)
	if err == nil {
		_, err = conn.Write(packet)
	}
	if err != nil {
		select {
		case r := <-w.reply: // the reader closed the socket, and knows why
			return r, r.err
		default:
			return reply{}, err
		}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case r := <-w.reply:
		if r.err != nil {
			return reply{}, r.err
		}
		return r, nil
	case <-timer.C:
		return reply{}, context.DeadlineExceeded
	case <-ctx.Done():
		return reply{}, ctx.Err()
	}
}

// begin opens the socket when there is none and registers the question under an ID that no other one has. The
// socket lives until the end of run.
func (s *nameServer) begin(ctx, run context.Context, q *miekg.Msg, w *question) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		conn, err := s.o.v.dial(ctx, "udp", s.addr)
		if err != nil {
			return nil, err
		}
		s.conn = conn
		stop := context.AfterFunc(run, func() { conn.Close() })
		s.reading.Go(func() {
			defer stop()
			s.read(conn)
		})
	}
	if s.waiting[q.Id] != w {
		for q.Id = uint16(rand.Uint32()); s.waiting[q.Id] != nil; {
			q.Id++
		}
		s.waiting[q.Id] = w
	}
	return s.conn, nil
}

// read hands answers to questions until the socket fails, which all questions then learn.
func (s *nameServer) read(conn net.Conn) {
	buffer := make([]byte, miekg.MaxMsgSize)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			s.failed(conn, err)
			return
		}
		if n >= 2 {
			s.hand(buffer[:n])
		}
	}
}

// hand gives a packet to the question that it answers. A late or forged packet has another ID or question
// (RFC 5452 section 9); it is noted, and the question waits on.
func (s *nameServer) hand(packet []byte) {
	id := uint16(packet[0])<<8 | uint16(packet[1])
	msg := new(miekg.Msg)
	err := msg.Unpack(packet)
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.waiting[id]
	switch {
	case w == nil:
	case err != nil:
		w.junk = fmt.Errorf("%w: %v", errBadAnswer, err)
	case !answers(msg, w.Question):
		w.junk = errBadAnswer
	default:
		delete(s.waiting, id)
		w.answer(reply{msg: msg})
	}
}

// answers tells whether a message answers a question. Servers that refuse may leave the question out.
func answers(msg *miekg.Msg, q miekg.Question) bool {
	if !msg.Response || len(msg.Question) > 1 {
		return false
	}
	if len(msg.Question) == 0 {
		return msg.Rcode != miekg.RcodeSuccess
	}
	got := msg.Question[0]
	return got.Qtype == q.Qtype && got.Qclass == q.Qclass && strings.EqualFold(got.Name, q.Name)
}

// failed ends a socket: its questions may be asked over another.
func (s *nameServer) failed(conn net.Conn, err error) {
	defer conn.Close() // after the others have stopped to use it
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = nil
	for id, w := range s.waiting {
		delete(s.waiting, id)
		w.answer(reply{err: err})
	}
}

// close closes the socket and waits for its reader.
func (s *nameServer) close() {
	s.mu.Lock()
	if s.conn != nil {
		s.conn.Close()
	}
	s.mu.Unlock()
	s.reading.Wait()
}

// overTCP asks over a connection of its own.
func (s *nameServer) overTCP(ctx context.Context, q *miekg.Msg) (*miekg.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.limits.Query)
	defer cancel()
	raw, err := s.o.v.dial(ctx, "tcp", s.addr)
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	conn := &miekg.Conn{Conn: raw}
	if err := conn.WriteMsg(q); err != nil {
		return nil, err
	}
	answer, err := conn.ReadMsg()
	switch {
	case err != nil && classify(err).Code == Other:
		return nil, fmt.Errorf("%w: %v", errBadAnswer, err)
	case err != nil:
		return nil, err
	case answer.Id != q.Id || !answers(answer, q.Question[0]):
		return nil, errBadAnswer
	}
	return answer, nil
}
