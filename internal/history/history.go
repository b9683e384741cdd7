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
	// Size says how many bytes an entry takes, and Bytes how many all may take together; the newest entry is kept
	// whatever its size. A nil Size or zero Bytes means that entries are only counted. Set both before the first Add.
	Size  func(*T) int
	Bytes int

	mu      sync.Mutex
	ring    []T // grows up to Limit
	first   int // where the oldest entry is
	count   int
	bytes   int
	dropped int
}

// Add appends e, and drops the oldest entries when the log is full.
func (l *Log[T]) Add(e T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	limit := l.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	l.bytes += l.size(&e)
	for l.count == limit || l.count > 0 && l.Bytes > 0 && l.bytes > l.Bytes {
		l.drop()
	}
	if l.count == len(l.ring) {
		l.grow(limit)
	}
	l.ring[(l.first+l.count)%len(l.ring)] = e
	l.count++
}

func (l *Log[T]) size(e *T) int {
	if l.Size == nil {
		return 0
	}
	return l.Size(e)
}

// drop forgets the oldest entry.
func (l *Log[T]) drop() {
	var none T
	l.bytes -= l.size(&l.ring[l.first])
	l.ring[l.first] = none
	l.first = (l.first + 1) % len(l.ring)
	l.count--
	l.dropped++
}

// grow makes room for as many entries again.
func (l *Log[T]) grow(limit int) {
	const smallest = 16
	larger := make([]T, min(limit, max(smallest, 2*len(l.ring))))
	l.copyTo(larger)
	l.ring, l.first = larger, 0
}

// copyTo copies the entries, oldest first.
func (l *Log[T]) copyTo(out []T) {
	if l.count == 0 {
		return
	}
	n := copy(out, l.ring[l.first:min(len(l.ring), l.first+l.count)])
	copy(out[n:], l.ring[:l.count-n])
}

// All returns a copy of the entries, oldest first.
func (l *Log[T]) All() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]T, l.count)
	l.copyTo(out)
	return out
}

// Dropped is the number of entries lost to the limits.
func (l *Log[T]) Dropped() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}
