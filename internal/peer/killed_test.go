//go:build linux

package peer_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// ownerVariable makes this test binary the owner of products: of one until it is ended, or of one after the other.
const ownerVariable = "LYNCPIN_OWNER"

// TestOwner is the owner, in a process of its own.
func TestOwner(t *testing.T) {
	product := os.Getenv(ownerVariable)
	if product == "" {
		t.Skip("only as a child of other tests")
	}
	p := start(t, product, http.NotFoundHandler())
	if _, err := os.Stdout.WriteString("ready\n"); err != nil {
		t.Fatal(err)
	}
	<-t.Context().Done()
	p.Close()
}

// owner is this test binary as the owner of a product.
type owner struct {
	cmd  *exec.Cmd
	temp string
}

func newOwner(t *testing.T, product string, ready chan<- struct{}) *owner {
	t.Helper()
	o := &owner{temp: t.TempDir()}
	for d := o.temp; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	o.cmd = exec.Command(os.Args[0], "-test.run=^TestOwner$")
	o.cmd.Env = append(os.Environ(), ownerVariable+"="+product, "TMPDIR="+o.temp)
	o.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.cmd.Process.Kill() }) // of a test that failed
	go func() {
		defer close(ready)
		word := make([]byte, len("ready"))
		out.Read(word)
	}()
	return o
}

// gone waits until nothing is left of the owner: no process, and no file.
func (o *owner) gone(t *testing.T) {
	t.Helper()
	o.cmd.Wait()
	eventually(t, "its processes are gone", func() bool { return len(o.processes(t)) == 0 })
	eventually(t, "its directories are gone", func() bool {
		left, err := os.ReadDir(o.temp)
		return err == nil && len(left) == 0
	})
}

// processes are those that have inherited the owner's directory for temporary files, or work below it.
func (o *owner) processes(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil || len(all) == 0 {
		t.Fatalf("no processes are seen: %v", err)
	}
	var out []string
	for _, name := range all {
		process := filepath.Dir(name)
		data, _ := os.ReadFile(name) // a process may be gone
		where, _ := os.Readlink(filepath.Join(process, "cwd"))
		if bytes.Contains(data, []byte("TMPDIR="+o.temp+"\x00")) || strings.HasPrefix(where, o.temp) {
			out = append(out, process)
		}
	}
	return out
}

// An owner that is killed had no chance to tidy up, whatever it was doing.
func TestOwnerIsKilled(t *testing.T) {
	t.Parallel()
	for _, product := range []string{"nginx", "squid"} {
		t.Run(product, func(t *testing.T) {
			t.Parallel()
			need(t, product)
			ready := make(chan struct{})
			o := newOwner(t, product, ready)
			<-ready
			if len(o.processes(t)) < 3 {
				t.Errorf("the owner, its guard and the product are %v", o.processes(t))
			}
			o.cmd.Process.Signal(syscall.SIGKILL)
			o.gone(t)
		})
	}
}

// Phases are told by what there is: the owner, a guard, a directory, a child that waits, a product.
func TestOwnerIsKilledInEveryPhase(t *testing.T) {
	t.Parallel()
	need(t, "nginx")
	phases := []int{1, 3}
	if os.Getenv("LYNCPIN_REQUIRE_PEERS") != "" {
		phases = []int{0, 1, 2, 3, 4}
	}
	for _, phase := range phases {
		o := newOwner(t, "nginx", make(chan struct{}))
		eventually(t, "something was started", func() bool {
			left, err := os.ReadDir(o.temp)
			return err == nil && len(left)+len(o.processes(t)) > phase
		})
		o.cmd.Process.Signal(syscall.SIGKILL)
		o.gone(t)
	}
}

// The second interrupt of a terminal comes while the first one is still obeyed; products and guards hear of neither.
func TestGroupIsInterruptedTwice(t *testing.T) {
	t.Parallel()
	need(t, "nginx")
	ready := make(chan struct{})
	o := newOwner(t, "nginx", ready)
	<-ready
	for range 2 {
		if err := syscall.Kill(-o.cmd.Process.Pid, syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
	}
	o.gone(t)
}
