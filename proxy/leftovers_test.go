package proxy_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"

	"lyncpin/proxy"
)

// Polls that end leave no goroutine, no descriptor and no request at the web server, however they end. It counts what the whole
// process has, and so runs beside no other test.
func TestNothingIsLeftBehind(t *testing.T) {
	const many = 100
	polling, freed, answer := make(chan struct{}, many), make(chan struct{}, many), make(chan struct{})
	w := newWorld(t)
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		polling <- struct{}{}
		select {
		case <-r.Context().Done():
		case <-answer:
		}
		freed <- struct{}{}
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	hold := func() (conns []*tls.Conn) {
		for range many {
			conn := w.raw("https").(*tls.Conn)
			io.WriteString(conn, "GET /ucwa/events HTTP/1.1\r\nHost: "+published+"\r\n\r\n")
			conns = append(conns, conn)
		}
		for range many {
			wait(t, "the poll", polling)
		}
		return conns
	}
	end := func() {
		for range many {
			wait(t, "the end of the poll", freed)
		}
	}
	ways := []func(*tls.Conn){
		func(c *tls.Conn) { c.Close() },                                // says goodbye
		func(c *tls.Conn) { c.NetConn().Close() },                      // hangs up
		func(c *tls.Conn) { tcp(c).SetLinger(0); c.NetConn().Close() }, // resets
		func(c *tls.Conn) { tcp(c).CloseWrite() },                      // says no more
	}
	leave := func(conns []*tls.Conn) {
		for i, c := range conns {
			ways[i%len(ways)](c)
		}
		end()
		for _, c := range conns {
			c.NetConn().Close()
		}
	}
	before := holdings()
	before.goroutines, before.descriptors = before.goroutines+3, before.descriptors+3 // some things are made once

	conns := hold()
	// Polls stay where they are while the rules change.
	w.cfg.Rules = append([]proxy.Rule{{Hosts: []string{"other.contoso.example"}, WebServers: []string{"fe1"}}}, w.cfg.Rules...)
	if err := w.proxy.Reload(w.cfg); err != nil {
		t.Fatal(err)
	}
	leave(conns)
	before.wait(t, "clients that left")

	conns = hold()
	for range many {
		answer <- struct{}{}
	}
	end()
	for _, c := range conns {
		if _, err := io.ReadFull(c, make([]byte, len("HTTP/1.1 200 OK"))); err != nil {
			t.Error(err)
		}
		c.Close()
	}
	kept := before
	kept.descriptors += 2 * many // both ends of what is kept for the next requests
	kept.goroutines += many      // of the web server, which waits for them
	kept.wait(t, "answers")

	conns = hold()
	closed := make(chan struct{})
	go func() {
		w.proxy.Close()
		close(closed)
	}()
	wait(t, "the end of Close", closed)
	leave(conns)
	before.wait(t, "Close")

	gone := 0
	for _, r := range w.proxy.History() {
		if r.Status == 499 {
			gone++
		}
	}
	if want := many; gone < want {
		t.Errorf("%d polls are said to have been left by their clients, want %d at least", gone, want)
	}
}

func tcp(c *tls.Conn) *net.TCPConn { return c.NetConn().(*net.TCPConn) }

// has is what a process holds on to.
type has struct{ goroutines, descriptors int }

// holdings counts; descriptors are zero on a system that does not show them.
func holdings() has {
	files, _ := os.ReadDir("/proc/self/fd")
	return has{runtime.NumGoroutine(), len(files)}
}

// wait waits until the process holds no more than h.
func (h has) wait(t *testing.T, what string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var now has
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-tick.C {
		if now = holdings(); now.goroutines <= h.goroutines && now.descriptors <= h.descriptors {
			return
		}
	}
	stacks := make([]byte, 64<<10)
	t.Errorf("after %s: %d goroutines and %d descriptors, want %d and %d at most:\n%s", what, now.goroutines, now.descriptors, h.goroutines, h.descriptors,
		stacks[:runtime.Stack(stacks, true)])
}
