//go:build unix

package cli

import (
	"os/exec"
	"syscall"
)

// openFiles is how many files a process may have open here. Go raises its own limit as far as it may when it starts, and so do
// the products.
func openFiles() (limit int, known bool) {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 0, false
	}
	return int(min(uint64(l.Max), 1<<30)), true
}

// apart keeps the interrupt of a terminal from a child: it ends when it is told to.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
