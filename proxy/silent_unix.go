//go:build unix

package proxy

import "syscall"

// silentSocket reports whether nothing waits to be read, not even the end.
func silentSocket(s syscall.Conn) (silent, known bool) {
	raw, err := s.SyscallConn()
	if err != nil {
		return false, false
	}
	err = raw.Control(func(fd uintptr) {
		var one [1]byte
		_, _, e := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		silent = e == syscall.EAGAIN
	})
	return silent, err == nil
}
