package cli

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// thriftEvery is how often is looked whether a busy time has ended.
	thriftEvery = time.Second
	// calmBytes is how much may be allocated from one look to the next in a calm time.
	calmBytes = 1 << 20
	// leftBytes is how much must have been allocated, and leftGoroutines how many must have ended, for it to be worth collecting.
	leftBytes, leftGoroutines = 4 << 20, 250
	// smallHeap is what is collected less often: of so little, five times as much is still nothing to a server, and collecting it at
	// every doubling costs a new connection some percent.
	smallHeap, smallHeapPercent = 16 << 20, 400
)

// giveBack returns memory to the system that a busy time leaves behind, such as the handshakes of thousands of clients whose polls
// are then held, until stop is called. By itself Go collects a heap that does not grow every two minutes, and keeps what it freed.
func giveBack() (stop func()) {
	done := make(chan struct{})
	var running sync.WaitGroup
	usual := debug.SetGCPercent(smallHeapPercent)
	running.Go(func() {
		tick := time.NewTicker(thriftEvery)
		defer tick.Stop()
		defer debug.SetGCPercent(usual)
		var t thrift
		percent := smallHeapPercent
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			now := readMemory()
			want := usual
			if now.live < smallHeap {
				want = smallHeapPercent
			}
			if want != percent {
				debug.SetGCPercent(want)
				percent = want
			}
			if t.due(now) {
				runtime.GC() // what pools hold is freed by the second collection
				debug.FreeOSMemory()
			}
		}
	})
	return func() {
		close(done)
		running.Wait()
	}
}

// memory is what a process has done with its memory.
type memory struct {
	allocated  uint64 // bytes, ever
	live       uint64 // bytes, when they were last collected
	goroutines uint64
}

func readMemory() memory {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/sched/goroutines:goroutines"}}
	metrics.Read(s)
	return memory{s[0].Value.Uint64(), s[1].Value.Uint64(), s[2].Value.Uint64()}
}

// thrift decides when collecting pays. The zero thrift has seen nothing.
type thrift struct {
	looked    memory
	collected memory // when it was due
}

// due reports whether now is calm, and a busy time was before. A large heap takes long to look through: it waits for more.
func (t *thrift) due(now memory) bool {
	calm := now.allocated-t.looked.allocated < calmBytes
	t.looked = now
	t.collected.goroutines = max(t.collected.goroutines, now.goroutines)
	if !calm {
		return false
	}
	if now.allocated-t.collected.allocated < max(leftBytes, now.live/8) && t.collected.goroutines-now.goroutines < leftGoroutines {
		return false
	}
	t.collected = now
	return true
}
