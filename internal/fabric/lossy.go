package fabric

import (
	"errors"
	"net"
	"sync"
	"time"
)

// mtuBurst is the most bytes that pass where packets of full size are lost: fewer than the 1,360 that the smallest common
// path, PPPoE within a tunnel, carries in one.
const mtuBurst = 1348

// lossy is the client's end of a connection on which bytes are lost without a word: from some moment on nothing that is
// written arrives, and nothing arrives to be read, neither an end nor a reset. Only deadlines and Close end a wait.
//
// What a TCP connection can do beyond net.Conn is not here, but for half-close and linger: the rest would go past the loss.
type lossy struct {
	conn   *dialled
	fabric *Fabric
	after  time.Duration // how long it may be idle; zero is for ever
	burst  int           // how many bytes may be sent at once; zero is any number

	reading sync.Mutex // one Read at a time
	buf     [4 * mtuBurst]byte
	rest    []byte   // of buf, read and not given away
	silence net.Conn // where reads wait once nothing arrives

	mu      sync.Mutex
	last    time.Time // when something was said
	in, out bool      // nothing passes any more
	closed  bool
}

func newLossy(f *Fabric, c *dialled, p *Path) *lossy {
	silence, _ := net.Pipe() // the other end never says anything
	l := &lossy{conn: c, fabric: f, last: f.cfg.Now(), silence: silence}
	if p.Action == Forget {
		l.after = p.After
	} else {
		l.burst = mtuBurst
	}
	return l
}

// passes tells whether n bytes, or an end, pass now in the direction that lost is of.
func (l *lossy) passes(lost *bool, n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.fabric.cfg.Now()
	if l.after > 0 && now.Sub(l.last) >= l.after {
		l.in, l.out = true, true
	}
	if l.burst > 0 && n > l.burst {
		*lost = true // what follows is lost too: TCP hands nothing on before it
	}
	if *lost {
		return false
	}
	l.last = now
	return true
}

// giveUp ends reads once a packet of full size was lost, after the fabric's DropTime, as it ends a dial into silence. The
// caller stops it when it has read.
func (l *lossy) giveUp() (stop func() bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	quiet := l.fabric.cfg.DropTime
	if quiet == 0 || l.burst == 0 || !l.in && !l.out {
		return func() bool { return false }
	}
	return time.AfterFunc(quiet, func() { l.SetReadDeadline(time.Now()) }).Stop
}

func (l *lossy) Write(p []byte) (int, error) {
	if l.isClosed() {
		return 0, net.ErrClosed
	}
	if !l.passes(&l.out, len(p)) {
		return len(p), nil
	}
	return l.conn.Write(p)
}

func (l *lossy) Read(p []byte) (int, error) {
	l.reading.Lock()
	defer l.reading.Unlock()
	defer l.giveUp()()
	if len(l.rest) == 0 {
		n, err := l.conn.Read(l.buf[:])
		switch {
		case l.isClosed():
			return 0, net.ErrClosed
		case n == 0 && timedOut(err): // it is the reader who has had enough
			return 0, err
		case !l.passes(&l.in, n):
			defer l.giveUp()()
			return l.silence.Read(p)
		case n == 0:
			return 0, err
		}
		l.rest = l.buf[:n]
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func timedOut(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

func (l *lossy) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

func (l *lossy) LocalAddr() net.Addr                { return l.conn.LocalAddr() }
func (l *lossy) RemoteAddr() net.Addr               { return l.conn.RemoteAddr() }
func (l *lossy) SetWriteDeadline(t time.Time) error { return l.conn.SetWriteDeadline(t) }

func (l *lossy) SetReadDeadline(t time.Time) error {
	return errors.Join(l.conn.SetReadDeadline(t), l.silence.SetReadDeadline(t))
}

func (l *lossy) SetDeadline(t time.Time) error {
	return errors.Join(l.SetReadDeadline(t), l.SetWriteDeadline(t))
}

// CloseWrite is lost as bytes are.
func (l *lossy) CloseWrite() error {
	if !l.passes(&l.out, 0) {
		return nil
	}
	return l.conn.CloseWrite()
}

// SetLinger is as that of net.TCPConn, for a Close that still arrives.
func (l *lossy) SetLinger(sec int) error { return l.conn.SetLinger(sec) }

// Close tells the peer only when that still arrives. If not, the peer's end stays as it is until the fabric is closed.
func (l *lossy) Close() error {
	arrives := l.passes(&l.out, 0)
	l.mu.Lock()
	again := l.closed
	l.closed = true
	l.mu.Unlock()
	if again {
		return net.ErrClosed
	}
	l.silence.Close() // never fails
	if arrives {
		return l.conn.Close()
	}
	l.fabric.leave(l.conn)
	return l.conn.SetReadDeadline(time.Now()) // ends a Read
}
