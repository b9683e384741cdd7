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
	doStepOut
	doings
)

// scheduleLocked sets the time for what is done next: at random, as often as the plan says.
func (c *client) scheduleLocked(ctx context.Context, d doing) {
	perMinute := [doings]float64{c.run.plan.Presence, c.run.plan.Messages, c.run.plan.Churn}[d]
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
		switch d {
		case doPresence:
			c.doLocked(ctx, c.changePresence)
		case doMessage:
			c.doLocked(ctx, c.write)
		case doStepOut:
			c.run.work.Go(func() { c.stepOut(ctx) })
		}
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
	c.mu.Lock()
	c.presenceOpenLocked(time.Now())
	quiet := c.run.quiet.Load() // looked at last: who waits for the end sees either this change, or that there is none
	if c.busy = busy; quiet {
		c.presenceOpenLocked(time.Time{})
	}
	c.mu.Unlock()
	if quiet {
		return
	}
	asked := time.Now()
	a, ok := l.ask(setPresence, q)
	a.release()
	if !since.IsZero() && asked.Sub(since) > c.run.patience() {
		l.fault(EventLost, &q, lostPresence(since))
	}
	if !ok {
		c.mu.Lock()
		c.presenceOpenLocked(time.Time{}) // nobody knows whether it was done
		c.mu.Unlock()
	}
}

// presenceOpenLocked notes since when there is a change of presence that no event has told of; zero means that there is none.
func (c *client) presenceOpenLocked(since time.Time) {
	if was, is := c.presenceSince.IsZero(), since.IsZero(); was && !is {
		c.run.unsettled.Add(1)
	} else if is && !was {
		c.run.unsettled.Add(-1)
	}
	c.presenceSince = since
}

func lostPresence(since time.Time) string {
	return "no event of the last change of presence after " + time.Since(since).Round(time.Millisecond).String()
}

// forgetLocked forgets what the events of an application said.
func (c *client) forgetLocked() {
	c.presenceAt, c.sendAt, c.busy = "", "", false
	c.presenceOpenLocked(time.Time{})
}

// lose notes the events that have not come, and forgets them.
func (c *client) lose() {
	c.mu.Lock()
	since := c.presenceSince
	c.presenceOpenLocked(time.Time{})
	c.mu.Unlock()
	if !since.IsZero() {
		c.run.stats.fault(EventLost, c, "presence", lostPresence(since))
	}
	for _, lost := range c.pair.overdue(c, 0) {
		c.run.stats.fault(EventLost, c, "message", lost)
	}
	if late, waiting := c.pair.inviting(); waiting && c.side == 0 {
		c.run.stats.fault(EventLost, c, "invitation", lostInvitation(late))
		c.pair.over()
	}
}

func lostInvitation(late time.Duration) string {
	return "nothing became of the last invitation after " + late.Round(time.Millisecond).String()
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
	case waiting && late < 2*(requestTime+c.run.patience()): // it takes two requests and two events
		return
	case waiting:
		l.fault(EventLost, &q, lostInvitation(late))
	}
	if !c.pair.open() {
		return
	}
	a, ok := l.ask(invite, q)
	a.release()
	if !ok {
		c.pair.over()
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
	n, ok := c.pair.next(c)
	if !ok {
		return
	}
	q := query{method: http.MethodPost, host: l.s.host, target: at, media: "text/plain", body: n.text(c), expect: http.StatusCreated}
	a, ok := l.ask(sendMessage, q)
	a.release()
	for _, lost := range c.pair.overdue(c, c.run.patience()) { // after the answer, whose own time is known now
		l.fault(EventLost, &q, lost)
	}
	if !ok {
		c.pair.excuse(c, n)
		return
	}
	c.run.stats.sent.Add(1)
}
