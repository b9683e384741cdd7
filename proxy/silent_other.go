//go:build !unix

package proxy

import "syscall"

// silentSocket does not know on this system.
func silentSocket(syscall.Conn) (silent, known bool) { return false, false }
