package proxy

import (
	"context"
	"net/http"
	"time"
)

// insist sends req to the first web server, and to the next one as well when that is silent. The first answer counts.
func (ex *exchange) insist(req *http.Request, nodes []*node) (*http.Response, error) {
	req = req.WithContext(req.Context()) // a copy, whose body may be replaced
	whole, err := hold(req)
	if err != nil {
		return nil, err
	}
	first := ex.begin(req, nodes[0])
	if !whole {
		a := <-first.done
		return a.res, a.err
	}
	timer := time.NewTimer(ex.rule.RetrySilent)
	defer timer.Stop()
	select {
	case a := <-first.done:
		return a.res, a.err
	case <-timer.C:
	}
	again := req.WithContext(req.Context())
	if req.GetBody != nil {
		again.Body, _ = req.GetBody() // it never fails
	}
	second := ex.begin(again, nodes[1%len(nodes)])
	var a answer
	var late *asking
	select {
	case a = <-first.done:
		late = second
	case a = <-second.done:
		late = first
	}
	late.cancel()
	if b := <-late.done; b.res != nil {
		b.res.Body.Close()
	}
	return a.res, a.err
}

// asking is a request on its way. Its context ends with that of the exchange, or by cancel.
type asking struct {
	cancel context.CancelFunc
	done   chan answer
}

type answer struct {
	res *http.Response
	err error
}

// begin sends req to a web server in the background.
func (ex *exchange) begin(req *http.Request, n *node) *asking {
	ctx, cancel := context.WithCancel(req.Context())
	a := &asking{cancel: cancel, done: make(chan answer, 1)}
	send := ex.addressed(req.WithContext(ctx), n)
	go func() {
		res, err := send()
		a.done <- answer{res, err}
	}()
	return a
}
