//go:build unix

package peer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// guardScript ends a process group and removes its directory when its standard input ends, unless it was told that all is done.
// The first line is the group.
const guardScript = `read -r group
read -r word
[ "$word" = done ] || { kill -9 "-$group"; rm -rf -- "$1"; } 2>/dev/null`

// child is a product's process, in a group of its own, with the guard that outlives this process.
type child struct {
	cmd      *exec.Cmd
	ended    chan struct{}
	waitErr  error
	guard    *exec.Cmd
	lifeline io.WriteCloser
}

// spawn starts a process that writes into the log of its directory.
func spawn(path string, args, env []string, dir string) (*child, error) {
	log, err := os.OpenFile(filepath.Join(dir, logName), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	c := &child{ended: make(chan struct{})}
	c.guard = exec.Command("/bin/sh", "-c", guardScript, "lyncpin-guard", dir)
	c.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt of the terminal is not for it
	if c.lifeline, err = c.guard.StdinPipe(); err != nil {
		return nil, err
	}
	if err := c.guard.Start(); err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	c.cmd = exec.Command(path, args...)
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.Dir = dir
	c.cmd.Stdout, c.cmd.Stderr = log, log
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.cmd.Start(); err != nil {
		c.release()
		return nil, err
	}
	fmt.Fprintln(c.lifeline, c.cmd.Process.Pid)
	go func() {
		c.waitErr = c.cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

// err says how the process ended; it must have.
func (c *child) err() error {
	if c.waitErr == nil {
		return errors.New("exit status 0")
	}
	return c.waitErr
}

// stop asks the process to end, insists when it does not, and ends what is left of its group.
func (c *child) stop(patience time.Duration) {
	c.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.ended:
	case <-timer.C:
	}
	syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	<-c.ended
}

// release lets the guard go.
func (c *child) release() {
	fmt.Fprintln(c.lifeline, "done")
	c.lifeline.Close()
	c.guard.Wait()
}
