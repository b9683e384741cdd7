package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// A socket is a TCP connection that is read and written without telling the scheduler. The runtime takes every system call for
// one that may last, and has a thread of its own look after those that last longer than some 20 µs, as all do on a machine that is
// busy. But no call here ever waits: a socket of the runtime's is always non-blocking, and the wait goes by its poller.
//
// One goroutine at a time may read, and one may write.
type socket struct {
	*net.TCPConn
	raw     syscall.RawConn
	quiet   bool        // what look saw
	abrupt  atomic.Bool // it is cut off when it is closed
	in, out transfer
	read    func(fd uintptr) bool // in.read, made once
	write   func(fd uintptr) bool // out.write, likewise
	look    func(fd uintptr)
}

// A transfer is one read or write.
type transfer struct {
	p   []byte
	n   int
	err syscall.Errno
}

// quick is conn as a socket, where it is a TCP connection.
func quick(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	s := &socket{TCPConn: tcp, raw: raw}
	s.read, s.write, s.look = s.in.read, s.out.write, s.peek
	return s
}

func (s *socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.in = transfer{p: p}
	err := s.raw.Read(s.read)
	n, errno := s.in.n, s.in.err
	s.in.p = nil
	switch {
	case err != nil:
		return 0, s.failed("read", err)
	case errno != 0:
		return 0, s.failed("read", os.NewSyscallError("read", errno))
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func (s *socket) Write(p []byte) (int, error) {
	s.out = transfer{p: p}
	err := s.raw.Write(s.write)
	n, errno := s.out.n, s.out.err
	s.out.p = nil
	switch {
	case err != nil:
		return n, s.failed("write", err)
	case errno != 0:
		return n, s.failed("write", os.NewSyscallError("write", errno))
	}
	return n, nil
}

// failed is an error as package net gives it.
func (s *socket) failed(op string, err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: err}
}

// read reports whether something came, be it the end or an error; without, the poller waits.
func (t *transfer) read(fd uintptr) bool {
	for {
		n, _, e := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&t.p[0])), uintptr(len(t.p)))
		switch e {
		case 0:
			t.n = int(n)
			return true
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			t.err = e
			return true
		}
	}
}

// write reports whether all was written, or an error came.
func (t *transfer) write(fd uintptr) bool {
	for t.n < len(t.p) {
		rest := t.p[t.n:]
		n, _, e := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&rest[0])), uintptr(len(rest)))
		switch e {
		case 0:
			t.n += int(n)
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			t.err = e
			return true
		}
	}
	return true
}

// silent reports whether nothing waits to be read, not even the end. Nobody may read meanwhile.
func (s *socket) silent() (silent, known bool) {
	s.quiet = false
	err := s.raw.Control(s.look)
	return s.quiet, err == nil
}

// peek looks without waiting.
func (s *socket) peek(fd uintptr) {
	asked := struct {
		fd             int32
		events, result int16
	}{int32(fd), pollIn, 0}
	var noTime syscall.Timespec
	n, _, e := syscall.RawSyscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&asked)), 1, uintptr(unsafe.Pointer(&noTime)), 0, 0, 0)
	s.quiet = e == 0 && n == 0
}

// pollIn is POLLIN of poll(2).
const pollIn = 1

// SetLinger is that of the connection; with zero, Close cuts it off.
func (s *socket) SetLinger(sec int) error {
	s.abrupt.Store(sec == 0)
	return s.TCPConn.SetLinger(sec)
}

// Close says goodbye first, as the other calls are made. What takes long in closing a connection is done then, so that the scheduler,
// who is told of the rest, does not see a call that lasts.
func (s *socket) Close() error {
	if !s.abrupt.Load() {
		s.raw.Control(func(fd uintptr) { syscall.RawSyscall(syscall.SYS_SHUTDOWN, fd, syscall.SHUT_WR, 0) })
	}
	return s.TCPConn.Close()
}
