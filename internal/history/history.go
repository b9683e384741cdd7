// Package history is the append-only log of what a fake server was asked.
//
//	var log history.Log[Request]
//	log.Add(Request{Path: "/"})
//	for _, r := range log.All() { … }
//
// A fake keeps one log; tests and labs read it to prove what arrived. The log is bounded: past its limit
// the oldest entries go, and Dropped says how many.
package history

import "sync"

// DefaultLimit is the number of entries a Log keeps when Limit is zero: enough for the longest probe
// (some hundred requests) many times over, little enough that a lab left running stays small.
const DefaultLimit = 10_000

// Log holds entries in the order they were added. The zero Log is empty and ready.
// All methods may be called by several goroutines.
type Log[T any] struct {
	// Limit is the most entries kept; zero means DefaultLimit. Set it before the first Add.
	Limit int

	mu      sync.Mutex
	entries []T // oldest first once next is zero; a ring after that
	next    int // where the ring's oldest entry is, once it is full
	dropped int
}

// Add appends e, and drops the oldest entry when the log is full.
func (l *Log[T]) Add(e T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	limit := l.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	if len(l.entries) < limit {
		l.entries = append(l.entries, e)
		return
	}
	l.entries[l.next] = e
	l.next = (l.next + 1) % limit
	l.dropped++
}

// All returns a copy of the entries, oldest first.
func (l *Log[T]) All() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]T, 0, len(l.entries))
	out = append(out, l.entries[l.next:]...)
	return append(out, l.entries[:l.next]...)
}

// Dropped is the number of entries lost to the limit.
func (l *Log[T]) Dropped() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}
