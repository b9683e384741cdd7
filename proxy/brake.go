package proxy

import (
	"context"
	"net"
	"sync"
	"time"
)

// A brake lets somebody else end what a goroutine waits for: the reading of a connection, or what a context governs. The zero brake
// is released. All methods may be called by several goroutines.
type brake struct {
	mu     sync.Mutex
	cause  error
	conn   net.Conn
	cancel context.CancelFunc
}

// pull ends the wait of now, and those to come, with cause. The first cause counts.
func (b *brake) pull(cause error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cause != nil {
		return
	}
	b.cause = cause
	if b.conn != nil {
		b.conn.SetReadDeadline(time.Unix(1, 0)) // which has passed
	}
	if b.cancel != nil {
		b.cancel()
	}
}

// pulled is the cause, or nil.
func (b *brake) pulled() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cause
}

// reading prepares for a read from conn that lasts until deadline; zero is for ever. After an error nothing must be read.
func (b *brake) reading(conn net.Conn, deadline time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cause != nil {
		return b.cause
	}
	b.conn = conn
	return conn.SetReadDeadline(deadline)
}

// governs prepares for a wait that cancel ends.
func (b *brake) governs(cancel context.CancelFunc) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cancel = cancel
	return b.cause
}

// release makes the brake ready for the next request. A connection that was cut remains so.
func (b *brake) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cause != errConnClosed {
		b.cause = nil
	}
	b.conn, b.cancel = nil, nil
}
