package proxy

import (
	"context"
	"os"
	"sync"
	"syscall"
)

// departures is one set of sockets for all clients that wait, and one goroutine that hears of those who leave. The zero departures
// opens its set when it is first needed. (How epoll behaves: epoll(7).)
type departures struct {
	mu      sync.Mutex
	set     *os.File // nil before the first client, and where there can be none
	closed  bool
	waiting map[uint64]*session
	last    uint64 // number given to a client
	ended   chan struct{}
}

// hangUp is what a client that leaves does: it says so (RDHUP), or is cut off.
const hangUp = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR | syscall.EPOLLONESHOT

// add watches the client of ss. It is false when the client has no socket to watch.
func (d *departures) add(ss *session) bool {
	socket, ok := ss.conn.Conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.open() {
		return false
	}
	d.last++
	ss.ticket = d.last
	d.waiting[ss.ticket] = ss // before the event can come
	if d.control(raw, syscall.EPOLL_CTL_ADD, ss.ticket) != nil {
		delete(d.waiting, ss.ticket)
		return false
	}
	return true
}

// remove forgets the client of ss.
func (d *departures) remove(ss *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.waiting, ss.ticket)
	if raw, err := ss.conn.Conn.(syscall.Conn).SyscallConn(); err == nil && d.set != nil {
		d.control(raw, syscall.EPOLL_CTL_DEL, 0) // a closed socket has left the set by itself
	}
}

func (d *departures) control(raw syscall.RawConn, op int, ticket uint64) error {
	set, err := d.set.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = set.Control(func(epfd uintptr) {
		failed = raw.Control(func(fd uintptr) {
			event := syscall.EpollEvent{Events: hangUp, Fd: int32(ticket), Pad: int32(ticket >> 32)}
			if e := syscall.EpollCtl(int(epfd), op, int(fd), &event); e != nil {
				err = e
			}
		})
	})
	if failed != nil {
		return failed
	}
	return err
}

// open makes the set. The runtime waits for it as for a connection, so that no thread is held.
func (d *departures) open() bool {
	if d.set != nil || d.closed {
		return d.set != nil
	}
	epfd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return false
	}
	if syscall.SetNonblock(epfd, true) != nil {
		syscall.Close(epfd)
		return false
	}
	d.set, d.waiting, d.ended = os.NewFile(uintptr(epfd), "clients that wait"), map[uint64]*session{}, make(chan struct{})
	go d.listen(d.set)
	return true
}

// listen hears of clients that leave until the set is closed.
func (d *departures) listen(set *os.File) {
	defer close(d.ended)
	raw, err := set.SyscallConn()
	if err != nil {
		return
	}
	var events [64]syscall.EpollEvent
	for err == nil {
		n := 0
		err = raw.Read(func(epfd uintptr) bool {
			n, _ = syscall.EpollWait(int(epfd), events[:], 0)
			return n > 0
		})
		for _, e := range events[:max(n, 0)] {
			d.left(uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32)
		}
	}
}

func (d *departures) left(ticket uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ss := d.waiting[ticket]; ss != nil {
		ss.conn.brake.pull(context.Canceled)
	}
}

// close ends the watching for good.
func (d *departures) close() {
	d.mu.Lock()
	d.closed = true
	set := d.set
	d.set = nil
	d.mu.Unlock()
	if set != nil {
		set.Close()
		<-d.ended
	}
}
