package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"lyncpin/internal/peer"
)

// TestMain lets this binary play its roles, as bench does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == roleArg {
		os.Exit(mainCode(context.Background(), os.Args[1:]))
	}
	os.Exit(m.Run())
}

// worlds are as many as have addresses of their own.
var worlds atomic.Int32

// newAddresses is a world whose proxies have addresses that no other test's have.
func newAddresses(t *testing.T) *bench {
	b := newWorld(t)
	b.next = int(worlds.Add(1)) * 4
	return b
}

// Every product takes its configuration, forwards, and can be measured.
func TestProducts(t *testing.T) {
	t.Parallel()
	for _, c := range contestants() {
		if c.role == "" && c.product == "" {
			continue // TestChecks has ours
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			runtime.LockOSThread() // as main does
			path, _, err := c.find(t.Context(), nil)
			if _, absent := errors.AsType[*peer.MissingError](err); absent && os.Getenv("LYNCPIN_REQUIRE_PEERS") == "" {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			b := newAddresses(t)
			p, err := c.start(t.Context(), path, b.places(c.name, keyRSA))
			if err != nil {
				t.Fatal(err)
			}
			defer p.stop()
			v, err := b.visit(t.Context(), p.addr)
			if err != nil {
				t.Fatal(err)
			}
			resp, body, err := v.ask(pathSmall, "")
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != http.StatusOK || len(body) != smallSize {
				t.Errorf("%s with %d bytes, want 200 with %d", resp.Status, len(body), smallSize)
			}
			if pss, err := memory(p.group()); err != nil || pss < 1<<20 {
				t.Errorf("it holds %d bytes (%v)", pss, err)
			}
		})
	}
}

// A proxy of ours in a process is measured from another process: all of them are this binary.
func TestMeasure(t *testing.T) {
	t.Parallel()
	runtime.LockOSThread()
	b := newAddresses(t)
	var err error
	if b.self, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	c := contestant{name: "tuned", role: "go-tuned"}
	p, err := c.start(t.Context(), b.self, b.places(c.name, keyECDSA))
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	o := options{seconds: 50 * time.Millisecond, polls: 5}
	for _, m := range measures() {
		figure, err := m.figure(t.Context(), b, subject{p.addr, p.group()}, o)
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		if m.name == "added" && figure <= 0 { // processor time comes in ticks, and memory in pages: little of either is none
			t.Errorf("%s: %g", m.name, figure)
		}
	}
}
