package proxy

import (
	"context"
	"time"
)

// insist sends the request to the first web server, and to the next one as well when that is silent. The first answer counts. The
// body is at hand.
func (ss *session) insist(nodes []*node) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ss.ex.node = nodes[0]
	c, err := ss.connect(nodes[0], false)
	if err != nil {
		return err
	}
	if err := ss.conn.brake.governs(cancel); err != nil {
		c.Close()
		return err
	}
	first := ss.ask(ctx, nodes[0], c)
	watched := ss.watchClient()
	timer := time.NewTimer(ss.ex.rule.RetrySilent)
	defer timer.Stop()
	winner, late := first, (*asking)(nil)
	select {
	case <-first.done:
		watched()
	case <-timer.C:
		watched()
		second := ss.ask(ctx, nodes[1%len(nodes)], nil)
		ss.lookOut()
		select {
		case <-first.done:
			late = second
		case <-second.done:
			winner, late = second, first
		}
	}
	if late != nil {
		late.cancel()
		<-late.done
		if late.conn != nil {
			late.conn.Close()
		}
	}
	if winner.err == nil {
		ss.ex.node = winner.node
		ss.latency = winner.took
		_, winner.err = ss.answer(winner.conn)
	}
	if winner.err != nil && winner.conn != nil {
		winner.conn.Close()
	}
	return winner.err
}

// asking is a request on its way, until the first bytes of its answer. Its end is that of done.
type asking struct {
	node   *node
	cancel context.CancelFunc
	done   chan struct{}
	conn   *serverConn // nil when there came to be none
	took   time.Duration
	err    error
}

// ask sends the request to a web server in the background, over c or a new connection.
func (ss *session) ask(ctx context.Context, n *node, c *serverConn) *asking {
	ctx, cancel := context.WithCancel(ctx)
	a := &asking{node: n, cancel: cancel, done: make(chan struct{}), conn: c}
	before := ss.ex.node
	ss.ex.node = n
	var o outlet
	ss.compose(&o)
	ss.ex.node = before
	message := append(o.buf, ss.held...)
	key := n.server.poolKey(ss.ex.host)
	go func() {
		defer close(a.done)
		defer cancel()
		if a.conn == nil {
			if a.conn, a.err = n.server.open(ctx, key, &ss.s.blocks); a.err != nil {
				return
			}
			n.server.counts.made.Add(1)
		}
		conn := a.conn.conn
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		conn.SetReadDeadline(after(time.Now(), within(n.server.timeouts.Response, responseDefault)))
		began := time.Now()
		if _, a.err = conn.Write(message); a.err == nil {
			a.err = a.conn.readSparing()
		}
		a.took = time.Since(began)
		if !stop() && a.err == nil {
			a.err = context.Cause(ctx)
		}
	}()
	return a
}
