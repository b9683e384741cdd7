package proxy

import (
	"io"
	"net"
	"sync"
)

// blockSize is what one TLS record carries at most.
const blockSize = 16 << 10

// A block is memory that is borrowed for as long as bytes are in it.
type block [blockSize]byte

// blocks lends memory. The zero blocks has none yet.
type blocks struct{ pool sync.Pool }

func (b *blocks) borrow() *block {
	if p, ok := b.pool.Get().(*block); ok {
		return p
	}
	return new(block)
}

func (b *blocks) giveBack(p *block) { b.pool.Put(p) }

// A wire is a connection and what has been read of it but not used. It holds memory only while there is something in it. It is not
// for several goroutines at once.
type wire struct {
	conn   net.Conn // with TLS, where there is some
	blocks *blocks
	block  *block // nil while nothing is held, or more than a block
	buf    []byte // nil while nothing is held
	r, w   int    // what is unused is buf[r:w]
	first  [64]byte
}

// unused is what has been read and not taken. It is valid until the next read.
func (l *wire) unused() []byte { return l.buf[l.r:l.w] }

// take marks n bytes as used.
func (l *wire) take(n int) { l.r += n }

// room makes room for more bytes.
func (l *wire) room() {
	switch {
	case l.buf == nil:
		l.block = l.blocks.borrow()
		l.buf, l.r, l.w = l.block[:], 0, 0
	case l.r == l.w:
		l.r, l.w = 0, 0
	case l.w < len(l.buf):
	case l.r > 0:
		l.w = copy(l.buf, l.buf[l.r:l.w])
		l.r = 0
	default:
		larger := make([]byte, 2*len(l.buf))
		copy(larger, l.buf)
		l.dropBlock()
		l.buf = larger
	}
}

// read adds what comes next to what is unused. Who reads again and again without taking must limit it.
func (l *wire) read() error {
	l.room()
	n, err := l.conn.Read(l.buf[l.w:])
	l.w += n
	if n > 0 {
		return nil // an error that came with bytes comes again
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// readSparing is read for a wait that may be long: it holds no block meanwhile.
func (l *wire) readSparing() error {
	l.release()
	if l.buf != nil {
		return l.read()
	}
	n, err := l.conn.Read(l.first[:])
	if n > 0 {
		l.add(l.first[:n])
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// add puts p, which was read by somebody else, behind what is unused.
func (l *wire) add(p []byte) {
	for len(p) > 0 {
		l.room()
		n := copy(l.buf[l.w:], p)
		l.w += n
		p = p[n:]
	}
}

// release gives the memory back, unless something is in it.
func (l *wire) release() {
	if l.buf != nil && l.r == l.w {
		l.dropBlock()
		l.buf, l.r, l.w = nil, 0, 0
	}
}

func (l *wire) dropBlock() {
	if l.block != nil {
		l.blocks.giveBack(l.block)
		l.block = nil
	}
}

// drop is release whatever is in it.
func (l *wire) drop() {
	l.r = l.w
	l.release()
}
