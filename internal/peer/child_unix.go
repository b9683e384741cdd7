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

// guardScript ends a process group and removes a directory, and the files of a pattern, when its standard input ends, unless it was told that all is done. A line
// is the group, once there is one. It is asked first: killed, Apache would leave shared memory behind.
const guardScript = `trap '' INT HUP TERM
while read -r word; do
	[ "$word" = done ] && exit
	group=$word
done
exec 2>/dev/null
if [ -n "$group" ]; then
	kill -15 "-$group"
	n=0
	while kill -0 "-$group" && [ $n -lt 20 ]; do
		sleep 0.1
		n=$((n + 1))
	done
	kill -9 "-$group"
fi
rm -rf -- "$1" || rm -rf -- "$1"
[ -z "$2" ] || rm -f -- $2`

// entryScript becomes the program of its arguments when it is told to: by then the guard knows of it.
const entryScript = `read -r go <&3 && exec 3<&- && exec "$@"`

// shell runs both.
const shell = "/bin/sh"

// supported says why products cannot be started on this system.
func supported() error { return nil }

// guard outlives this process, to tidy up after it.
type guard struct {
	cmd      *exec.Cmd
	lifeline io.WriteCloser
}

// newGuard watches over a directory that is made only afterwards, and over the files of a pattern; empty means none.
func newGuard(dir, pattern string) (*guard, error) {
	g := &guard{cmd: exec.Command(shell, "-c", guardScript, "lyncpin-guard", dir, pattern)}
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt of the terminal is not for it
	var err error
	if g.lifeline, err = g.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := g.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s, which is to tidy up if this process cannot: %w", shell, err)
	}
	return g, nil
}

// watch adds a process group to what it ends.
func (g *guard) watch(group int) { fmt.Fprintln(g.lifeline, group) }

// release lets the guard go.
func (g *guard) release() {
	fmt.Fprintln(g.lifeline, "done")
	g.lifeline.Close()
	g.cmd.Wait()
}

// child is a product's process, in a group of its own.
type child struct {
	cmd     *exec.Cmd
	ended   chan struct{}
	waitErr error
}

// spawn starts a process that writes into the log of its directory.
func spawn(g *guard, path string, args, env []string, dir string) (*child, error) {
	log, err := os.OpenFile(filepath.Join(dir, logName), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	entry, begin, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer entry.Close()
	defer begin.Close()
	c := &child{ended: make(chan struct{})}
	c.cmd = exec.Command(shell, append([]string{"-c", entryScript, filepath.Base(path), path}, args...)...)
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.Dir = dir
	c.cmd.Stdout, c.cmd.Stderr = log, log
	c.cmd.ExtraFiles = []*os.File{entry}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	g.watch(c.cmd.Process.Pid)
	fmt.Fprintln(begin, "go")
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
