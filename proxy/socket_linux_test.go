package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// TestQuickIsLikeNet does the same with a connection as it is and with one that quick has made of it: what comes of it, errors
// with their texts included, is what package net gives.
func TestQuickIsLikeNet(t *testing.T) {
	t.Parallel()
	past := time.Unix(1, 0)
	for _, c := range []struct {
		name string
		do   func(conn net.Conn, peer *net.TCPConn) (int, error)
		is   error
	}{
		{"some bytes", func(conn net.Conn, peer *net.TCPConn) (int, error) {
			peer.Write([]byte("abc"))
			return conn.Read(make([]byte, 8))
		}, nil},
		{"no room", func(conn net.Conn, peer *net.TCPConn) (int, error) { return conn.Read(nil) }, nil},
		{"nothing to say", func(conn net.Conn, peer *net.TCPConn) (int, error) { return conn.Write(nil) }, nil},
		{"the end", func(conn net.Conn, peer *net.TCPConn) (int, error) {
			peer.Close()
			return conn.Read(make([]byte, 8))
		}, io.EOF},
		{"a reset", func(conn net.Conn, peer *net.TCPConn) (int, error) {
			peer.SetLinger(0)
			peer.Close()
			return conn.Read(make([]byte, 8))
		}, syscall.ECONNRESET},
		{"too late for a read", func(conn net.Conn, peer *net.TCPConn) (int, error) {
			conn.SetReadDeadline(past)
			return conn.Read(make([]byte, 8))
		}, os.ErrDeadlineExceeded},
		{"too late for a write", func(conn net.Conn, peer *net.TCPConn) (int, error) {
			conn.SetWriteDeadline(past)
			return conn.Write([]byte("abc"))
		}, os.ErrDeadlineExceeded},
		{"a read after its end", func(conn net.Conn, peer *net.TCPConn) (int, error) {
			conn.Close()
			return conn.Read(make([]byte, 8))
		}, net.ErrClosed},
		{"a write after its end", func(conn net.Conn, peer *net.TCPConn) (int, error) {
			conn.Close()
			return conn.Write([]byte("abc"))
		}, net.ErrClosed},
		{"cut off", func(conn net.Conn, peer *net.TCPConn) (int, error) {
			conn.(interface{ SetLinger(int) error }).SetLinger(0)
			conn.Close()
			return peer.Read(make([]byte, 8))
		}, syscall.ECONNRESET},
		{"ended", func(conn net.Conn, peer *net.TCPConn) (int, error) {
			conn.Close()
			return peer.Read(make([]byte, 8))
		}, io.EOF},
		{"a write into what is gone", func(conn net.Conn, peer *net.TCPConn) (int, error) {
			conn.(interface{ CloseWrite() error }).CloseWrite()
			return conn.Write([]byte("abc"))
		}, syscall.EPIPE},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn, peer := connected(t)
			wantN, want := c.do(conn, peer)
			conn, peer = connected(t)
			n, err := c.do(quick(conn), peer)
			if n != wantN || withoutPorts(err) != withoutPorts(want) || !errors.Is(err, c.is) {
				t.Errorf("got %d, %v; want %d, %v", n, err, wantN, want)
			}
		})
	}
}

// TestQuickWaits reads what is not there yet, and writes more than fits anywhere.
func TestQuickWaits(t *testing.T) {
	t.Parallel()
	conn, peer := connected(t)
	c := quick(conn)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	echoed := make(chan error, 1)
	go func() {
		_, err := io.Copy(struct{ io.Writer }{peer}, struct{ io.Reader }{peer})
		peer.CloseWrite()
		echoed <- err
	}()
	written := make(chan error, 1)
	go func() {
		n, err := c.Write(sent)
		if err == nil && n != len(sent) {
			err = io.ErrShortWrite
		}
		c.(interface{ CloseWrite() error }).CloseWrite()
		written <- err
	}()
	got, err := io.ReadAll(struct{ io.Reader }{c})
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes came back, %v; want the %d that were sent", len(got), err, len(sent))
	}
	if err := errors.Join(<-written, <-echoed); err != nil {
		t.Error(err)
	}
}

// TestQuickIsWoken has somebody else end a wait, by a deadline and by closing.
func TestQuickIsWoken(t *testing.T) {
	t.Parallel()
	conn, _ := connected(t)
	c := quick(conn)
	ended := make(chan error)
	read := func() {
		_, err := c.Read(make([]byte, 8))
		ended <- err
	}
	go read()
	c.SetReadDeadline(time.Unix(1, 0))
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}
	c.SetReadDeadline(time.Time{})
	go read()
	c.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestQuickLooks looks at connections on which something, the end or a reset has come, and at one on which nothing has.
func TestQuickLooks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do     func(peer *net.TCPConn)
		silent bool
	}{
		"nothing": {func(*net.TCPConn) {}, true},
		"a byte":  {func(peer *net.TCPConn) { peer.Write([]byte("a")) }, false},
		"the end": {func(peer *net.TCPConn) { peer.CloseWrite() }, false},
		"a reset": {func(peer *net.TCPConn) { peer.SetLinger(0); peer.Close() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, peer := connected(t)
			c.do(peer)
			s := quick(conn).(*socket)
			for came := c.silent; !came; runtime.Gosched() { // over loopback it is there at once, or nearly
				silent, _ := s.silent()
				came = !silent
			}
			if silent, known := s.silent(); silent != c.silent || !known {
				t.Errorf("silent = %t, known = %t; want %t", silent, known, c.silent)
			}
			conn.Close()
			if _, known := s.silent(); known {
				t.Error("a closed connection can be looked at")
			}
		})
	}
}

// connected is a connection over loopback, and its other end.
func connected(t *testing.T) (net.Conn, *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	near, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return near, far.(*net.TCPConn)
}

// withoutPorts is the text of an error with the addresses of its connection left out.
func withoutPorts(err error) string {
	e, ok := errors.AsType[*net.OpError](err)
	if !ok {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	bare := *e
	bare.Source, bare.Addr = nil, nil
	return bare.Error()
}
