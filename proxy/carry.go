package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// carry takes the request to a web server and its answer back.
func (ss *session) carry() {
	if b := ss.ex.rule.Balance; b == "cookie" {
		ss.ex.cookie = ss.head.cookie(ss.ex.rule.Cookie.name())
	}
	ss.body.most = ss.ex.rule.MaxBody
	err := ss.forward()
	ss.lookAway()
	if err == nil {
		return
	}
	if cause := ss.conn.brake.pulled(); cause != nil {
		err = cause
	}
	fail := classify(&ss.ex, err)
	if fail.code == "client-gone" || ss.ex.status != 0 {
		ss.ex.failure, ss.keep = fail, false
		return
	}
	if _, odd := errors.AsType[*borderError](err); odd || fail.status == http.StatusRequestTimeout {
		ss.keep = false
	}
	ss.conn.brake.release()
	ss.ex.refuse(fail)
}

// forward tries one web server after the other until one can be connected to.
func (ss *session) forward() error {
	ex := &ss.ex
	ss.held = nil
	nodes, err := ss.candidates()
	if err != nil {
		return err
	}
	if err := ss.holdBody(); err != nil {
		return err
	}
	if ex.rule.RetrySilent > 0 && len(nodes) > 0 && ss.body.done() {
		return ss.insist(nodes)
	}
	err = errNoWebServer
	for _, n := range nodes {
		err = ss.attempt(n)
		if _, unsent := errors.AsType[*dialError](err); !unsent || ss.conn.brake.pulled() != nil {
			return err
		}
		n.failed.Store(time.Now().UnixNano())
		ss.conn.unpin(n.server)
	}
	return err
}

// candidates waits, where it must, for first health checks.
func (ss *session) candidates() ([]*node, error) {
	if !ss.ex.rule.group(ss.ex.scheme).awaitsChecks() {
		return ss.ex.rule.candidates(context.Background(), &ss.ex)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := ss.conn.brake.governs(cancel); err != nil {
		return nil, err
	}
	defer ss.conn.brake.governs(nil)
	defer ss.watchClient()()
	return ss.ex.rule.candidates(ctx, &ss.ex)
}

// watchClient has a client that leaves end a wait before the request is sent, until done is called. Nothing else may be done with the
// session meanwhile. It begins late, like lookOut elsewhere: who has only ended its own sending gets a quick answer all the same.
func (ss *session) watchClient() (done func()) {
	began := make(chan struct{})
	timer := time.AfterFunc(attentive, func() {
		defer close(began)
		ss.lookOut()
		if ss.looking != nil { // what it reads comes where the head lies, which is needed afterwards
			ss.head.own()
		}
	})
	return func() {
		if !timer.Stop() {
			<-began
		}
		ss.lookAway()
	}
}

// holdBody reads the whole body where it must be known before it is sent, or may be sent twice.
func (ss *session) holdBody() error {
	rule := ss.ex.rule
	if ss.body.done() || !(rule.HTTP10 && ss.body.framing == chunked || rule.RetrySilent > 0) {
		return nil
	}
	if err := ss.tellToGoOn(); err != nil {
		return err
	}
	ss.head.own() // the body comes where it lies
	ss.held = []byte{}
	for {
		p, err := ss.body.next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		ss.held = append(ss.held, p...)
		if len(ss.held) > maxHeld {
			if rule.HTTP10 && ss.body.framing == chunked {
				return errUnmeasured
			}
			return nil
		}
		if p == nil {
			if err := ss.readBody(); err != nil {
				return err
			}
		}
	}
}

// readBody reads more of the body in the goroutine of the session.
func (ss *session) readBody() error {
	if err := ss.conn.brake.reading(ss.in.conn, after(time.Now(), ss.ex.bodyPatience())); err != nil {
		return err
	}
	err := ss.in.read()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errClientSilent
	}
	return context.Canceled
}

// tellToGoOn answers a client that waits for 100, where the web server is not asked.
func (ss *session) tellToGoOn() error {
	if !ss.expecting {
		return nil
	}
	ss.goOn()
	_, err := io.WriteString(ss.out.conn, "HTTP/1.1 100 Continue\r\n\r\n")
	return err
}

// attempt is one web server's turn. A connection that was kept may have ended in the meantime: a request without a body that may
// be sent twice is then sent again, once, over a new one.
func (ss *session) attempt(n *node) error {
	ss.ex.node = n
	c, err := ss.connect(n, false)
	if err != nil {
		return err
	}
	stale, err := ss.over(c)
	if !stale {
		return err
	}
	n.server.counts.stale.Add(1)
	if c, err = ss.connect(n, true); err != nil {
		return err
	}
	_, err = ss.over(c)
	return err
}

// over sends the request over c and its answer back. stale reports that nothing came of it because c had ended before.
func (ss *session) over(c *serverConn) (stale bool, err error) {
	ss.latency = 0
	o := outlet{conn: c.conn, blocks: &ss.s.blocks, patience: ss.ex.patience()}
	o.open()
	asksToGoOn := ss.compose(&o)
	ss.unsure = asksToGoOn
	if ss.expecting && !asksToGoOn {
		if err := ss.tellToGoOn(); err != nil {
			c.Close()
			return false, context.Canceled
		}
	}
	err = ss.sendBody(c, &o)
	o.drop()
	if isBorder(err) {
		c.Close()
		return false, err
	}
	ss.broken = err != nil // an answer may wait all the same: a refusal of the body
	begun, err := ss.answer(c)
	if err != nil {
		ss.settle(c)
		c.Close()
		return c.reused && !begun && ss.repeatable() && ss.conn.brake.pulled() == nil, err
	}
	return false, nil
}

// repeatable reports whether sending the request twice does no more than sending it once.
func (ss *session) repeatable() bool {
	if ss.body.framing != noBody || ss.spent {
		return false
	}
	switch ss.ex.method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// connect finds a connection to n that this request may use, or opens one. A connection is made the client's own before the first
// leg of its authentication is sent, for afterwards it would be too late.
func (ss *session) connect(n *node, fresh bool) (*serverConn, error) {
	ex, w := &ss.ex, n.server
	key := w.poolKey(ex.host)
	ex.keeps = false
	switch {
	case ex.rule.HTTP10, ex.rule.Connections == "close":
		fresh = true
	case ex.rule.Connections == "shared", ex.conn.outer != nil: // over HTTP/2 nobody logs on: see failHTTP11
		ex.keeps = true
	default:
		ex.keeps = true
		if own, _ := ss.conn.pinned(w); own || ss.authenticates() {
			ex.pinned = true
			if c := ss.conn.pin(w); c != nil {
				if !fresh && c.key == key && c.alive() {
					w.counts.taken.Add(1)
					c.reused = true
					return c, nil
				}
				c.Close()
			}
			fresh = true
		}
	}
	for !fresh {
		c := w.pool.get(key)
		if c == nil {
			break
		}
		if c.alive() {
			w.counts.taken.Add(1)
			c.reused = true
			return c, nil
		}
		w.counts.stale.Add(1)
		c.Close()
	}
	return ss.dial(w, key)
}

func (ss *session) dial(w *webServer, key string) (*serverConn, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := ss.conn.brake.governs(cancel); err != nil {
		return nil, err
	}
	defer ss.conn.brake.governs(nil)
	defer ss.watchClient()()
	c, err := w.open(ctx, key, &ss.s.blocks)
	if err == nil {
		w.counts.made.Add(1)
	}
	return c, err
}

// recycle keeps c for the next request that may use it.
func (ss *session) recycle(c *serverConn) {
	w := ss.ex.node.server
	switch {
	case !ss.ex.keeps || len(c.unused()) > 0: // bytes nobody asked for
		c.Close()
	case ss.unsure && !ss.ex.pinned: // the next request of somebody else must not be read as the body that was not waited for
		c.Close()
	case ss.ex.pinned:
		c.release()
		ss.conn.park(w, c)
	default:
		c.release()
		w.pool.put(c, within(w.timeouts.UpstreamIdle, upstreamIdleDefault))
	}
}

// authenticates reports whether an Authorization field is about the connection rather than the request.
func (ss *session) authenticates() bool {
	for i := range ss.head.fields {
		if f := &ss.head.fields[i]; f.kind == kindAuthorization && authenticatesConnection(string(f.value)) {
			return true
		}
	}
	return false
}
