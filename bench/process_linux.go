package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// supported says why nothing can be measured on this system.
func supported() error { return nil }

const (
	// startPatience is how long a program may take until it accepts connections.
	startPatience = 10 * time.Second
	// stopPatience is how long it may take to end when it is asked to.
	stopPatience = 10 * time.Second
)

// process is a program in a process group of its own. It ends with this process.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// start runs a program that writes what it says into the file log of its directory. It must be called by the goroutine of main,
// which is bound to its thread: the program ends with the thread that started it.
func start(path string, args, env []string, dir string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	return begin(cmd)
}

func begin(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// group is the number of its process group.
func (p *process) group() int { return p.cmd.Process.Pid }

// ready waits until it accepts connections.
func (p *process) ready(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			return conn.Close()
		}
		select {
		case <-p.ended:
			return fmt.Errorf("it ended at once (%s)", p.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("it does not listen at %s: %w", addr, ctx.Err())
		case <-ticker.C:
		}
	}
}

// stop ends it, and what is left of its group.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(stopPatience)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
	}
	syscall.Kill(-p.group(), syscall.SIGKILL)
	<-p.ended
}

// kill ends its group at once.
func (p *process) kill() { syscall.Kill(-p.group(), syscall.SIGKILL) }
