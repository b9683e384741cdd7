package fakelync

import (
	"net/http"
	"time"
)

// poll is a request for events that waits. All but begin and giveUp is called with the lock of mobility.
type poll struct {
	call     ucwaCall // without the request itself, which need not be kept
	ack      int
	began    time.Time
	replaced bool // a second poll took its place
	over     bool

	timer   *time.Timer // asks whether the poll is due; nil before begin
	deliver func(response)
}

func (c *ucwaCall) newPoll(ack int) *poll {
	return &poll{
		call: ucwaCall{s: c.s, base: c.base, form: c.form, contentType: c.contentType, who: c.who, app: c.app},
		ack:  ack, began: time.Now(),
	}
}

func (p *poll) mobility() *mobility { return &p.call.s.organisation.mobility }

// due is how long the poll still waits if nothing else happens.
func (p *poll) due() time.Duration {
	ch := &p.call.app.channel
	if p.replaced || ch.ended {
		return 0
	}
	return max(0, time.Until(ch.due(p.call.s.organisation, p.began)))
}

// begin implements wait.
func (p *poll) begin(deliver func(response)) {
	m := p.mobility()
	m.mu.Lock()
	defer m.mu.Unlock()
	p.deliver = deliver
	p.timer = time.AfterFunc(p.due(), p.look)
}

// reconsider is called when the channel has changed.
func (p *poll) reconsider() {
	if p.timer != nil {
		p.timer.Reset(p.due())
	}
}

// look delivers the answer if it is due.
func (p *poll) look() {
	m := p.mobility()
	m.mu.Lock()
	if p.over {
		m.mu.Unlock()
		return
	}
	if left := p.due(); left > 0 {
		p.timer.Reset(left)
		m.mu.Unlock()
		return
	}
	answer := p.end()
	m.answered(p.call.who)
	m.mu.Unlock()
	p.deliver(answer)
}

// giveUp implements wait: what the poll would have told waits for the next.
func (p *poll) giveUp() bool {
	m := p.mobility()
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.over {
		return false
	}
	p.leave()
	m.answered(p.call.who)
	return true
}

// leave takes the poll out of its channel.
func (p *poll) leave() {
	p.over = true
	if p.timer != nil {
		p.timer.Stop()
	}
	p.call.app.used = p.call.s.organisation.now()
	if ch := &p.call.app.channel; ch.poll == p {
		ch.poll = nil
	}
}

// end is the answer of a poll that is due.
func (p *poll) end() response {
	p.leave()
	c, ch := &p.call, &p.call.app.channel
	switch {
	case p.replaced:
		return c.fault(http.StatusConflict, "Conflict", "PGetReplaced", "Another request for events took the place of this one.")
	case ch.ended:
		return c.noApplication()
	}
	ch.last, ch.pending = ch.pending, nil
	ch.answered++
	lost := ch.lost
	ch.lost = false
	return c.eventsDocument(p.ack, ch.last, lost)
}
