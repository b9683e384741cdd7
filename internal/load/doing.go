package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// doing is something that a client does now and then beside its poll.
type doing int

const (
	doPresence doing = iota
	doMessage
	doings
)

// scheduleLocked sets the time for what is done next: at random, as often as the plan says.
func (c *client) scheduleLocked(ctx context.Context, d doing) {
	perMinute := c.run.plan.Presence
	if d == doMessage {
		perMinute = c.run.plan.Messages
	}
	if perMinute == 0 || d == doMessage && c.partner() == nil || c.run.quiet.Load() {
		return
	}
	next := time.Duration(rand.ExpFloat64() * float64(time.Minute) / perMinute)
	c.timers[d] = time.AfterFunc(next, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.stage != here || c.run.quiet.Load() || ctx.Err() != nil {
			return
		}
		task := c.changePresence
		if d == doMessage {
			task = c.write
		}
		c.doLocked(ctx, task)
		c.scheduleLocked(ctx, d)
	})
}

// changePresence sets the other of two states, of which an event tells the client itself.
func (c *client) changePresence(l *line) {
	c.mu.Lock()
	at, busy, since := c.presenceAt, !c.busy, c.presenceSince
	c.mu.Unlock()
	if at == "" {
		return // the first events have not come
	}
	state := "Online"
	if busy {
		state = "Busy"
	}
	q := query{method: http.MethodPost, host: l.s.host, target: at, media: mediaJSON, body: `{"availability":"` + state + `"}`, expect: http.StatusNoContent}
	if late := time.Since(since); !since.IsZero() && late > c.run.plan.Grace {
		l.fault(EventLost, &q, "no event of the last change of presence after "+late.Round(time.Second).String())
	}
	c.mu.Lock()
	c.presenceSince, c.busy = time.Now(), busy
	c.mu.Unlock()
	a, ok := l.ask(setPresence, q)
	a.release()
	if !ok {
		c.mu.Lock()
		c.presenceSince = time.Time{} // nobody knows whether it was done
		c.mu.Unlock()
	}
}

// write sends a message to the partner, once there is a conversation; the first of a pair begins it.
func (c *client) write(l *line) {
	c.mu.Lock()
	at := c.sendAt
	c.mu.Unlock()
	switch {
	case at != "":
		c.send(l, at)
	case c.side == 0 && c.partner().isHere():
		c.converse(l)
	}
}

func (c *client) isHere() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stage == here && c.presenceAt != "" // the server knows that it is available
}

// converse invites the partner.
func (c *client) converse(l *line) {
	q := query{method: http.MethodPost, host: l.s.host, target: l.s.invite, media: mediaJSON, expect: http.StatusCreated,
		body: fmt.Sprintf(`{"to":"sip:%s","operationId":"load-%s-%d","subject":"load"}`, c.partner().account.SIP, c.run.name, c.run.since())}
	late, waiting := c.pair.inviting()
	switch {
	case waiting && late < 2*(requestTime+c.run.plan.Grace): // it takes two requests and two events
		return
	case waiting:
		l.fault(EventLost, &q, "nothing became of the last invitation after "+late.Round(time.Second).String())
	}
	c.pair.invited(true)
	a, ok := l.ask(invite, q)
	a.release()
	if !ok {
		c.pair.invited(false)
	}
}

// accept takes an invitation.
func (c *client) accept(l *line, at string) {
	host, target, err := locate(l.s.host, at)
	q := query{method: http.MethodPost, host: host, target: target, expect: http.StatusNoContent}
	if err != nil || !l.s.own(target) {
		q.host, q.target = l.s.host, l.s.app
		l.fault(BadAnswer, &q, "an invitation without a link to accept it")
		return
	}
	a, _ := l.ask(accept, q)
	a.release()
}

// send writes the next message of this side.
func (c *client) send(l *line, at string) {
	n := c.pair.next(c)
	q := query{method: http.MethodPost, host: l.s.host, target: at, media: "text/plain", body: n.text(c), expect: http.StatusCreated}
	for _, lost := range c.pair.overdue(c) {
		l.fault(EventLost, &q, lost)
	}
	a, ok := l.ask(sendMessage, q)
	a.release()
	if !ok {
		c.pair.excuse(c, n)
		return
	}
	c.run.stats.sent.Add(1)
}
