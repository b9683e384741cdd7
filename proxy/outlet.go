package proxy

import (
	"net"
	"strconv"
	"time"
)

// An outlet gathers a message and writes it in as few pieces as it can. It holds memory only while something is in it.
type outlet struct {
	conn   net.Conn
	blocks *blocks
	block  *block
	buf    []byte
	// chunks frames the body in chunks.
	chunks bool
	// hold is how many bytes of the body are waited for before anything is written; zero writes whenever nothing more is at hand.
	hold   int
	held   int
	failed error
	// patience is how long the receiver may leave a write waiting; zero is for ever, or that conn sees to it.
	patience time.Duration
}

// chunkOverhead is what a chunk takes beside its data: eight digits and two line ends.
const chunkOverhead = 12

// open gives buf room.
func (o *outlet) open() {
	if o.buf == nil {
		o.block = o.blocks.borrow()
		o.buf = o.block[:0]
	}
}

// write adds bytes of a body.
func (o *outlet) write(p []byte) error {
	if len(p) == 0 {
		return nil // a chunk of nothing would be the end
	}
	o.open()
	o.held += len(p)
	if o.hold > 0 {
		if o.chunks {
			o.buf = appendChunk(o.buf, p)
		} else {
			o.buf = append(o.buf, p...)
		}
		return o.rest()
	}
	if !o.chunks {
		if len(o.buf)+len(p) <= cap(o.buf) {
			o.buf = append(o.buf, p...)
			return nil
		}
		if err := o.flush(); err != nil {
			return err
		}
		o.send(p)
		return o.failed
	}
	for len(p) > 0 {
		o.open()
		n := min(len(p), cap(o.buf)-len(o.buf)-chunkOverhead)
		if n < 1024 && n < len(p) {
			if err := o.flush(); err != nil {
				return err
			}
			continue
		}
		o.buf = appendChunk(o.buf, p[:n])
		p = p[n:]
	}
	return nil
}

func appendChunk(out, p []byte) []byte {
	out = strconv.AppendInt(out, int64(len(p)), 16)
	out = append(out, "\r\n"...)
	out = append(out, p...)
	return append(out, "\r\n"...)
}

// end adds what ends the body. trailer is lines.
func (o *outlet) end(trailer []byte) {
	if o.chunks {
		o.open()
		o.buf = append(o.buf, "0\r\n"...)
		o.buf = append(o.buf, trailer...)
		o.buf = append(o.buf, "\r\n"...)
	}
}

// rest is called when nothing more is at hand: it writes what there is, unless more is to be waited for.
func (o *outlet) rest() error {
	if o.hold > 0 && o.held < o.hold {
		return nil
	}
	o.held = 0
	return o.flush()
}

// flush writes what there is, and gives the memory back.
func (o *outlet) flush() error {
	if o.failed != nil {
		o.drop()
		return o.failed
	}
	if len(o.buf) > 0 {
		o.send(o.buf)
	}
	o.drop()
	return o.failed
}

func (o *outlet) send(p []byte) {
	if o.patience > 0 {
		o.conn.SetWriteDeadline(time.Now().Add(o.patience))
	}
	_, o.failed = o.conn.Write(p)
}

func (o *outlet) drop() {
	if o.block != nil {
		o.blocks.giveBack(o.block)
		o.block = nil
	}
	o.buf = nil
}
