package load

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// pair is two clients that write to one another. The last of an odd number has nobody.
type pair struct {
	clients [2]*client

	mu           sync.Mutex
	generation   int // counts conversations: what belongs to an earlier one is not looked for
	lanes        [2]lane
	invitedSince time.Time // zero when no invitation is open
	paused       bool      // one side is going to come again
}

// lane is what one side writes to the other.
type lane struct {
	sent    int // the number of the last message
	newest  int // the highest number that has come
	pending []message
	excused []int // those of which nobody knows whether they were sent, and those that were given up
}

// message is one that has been sent.
type message struct {
	generation, number int
	at                 time.Time
}

func (c *client) partner() *client { return c.pair.clients[1-c.side] }

// fresh begins anew: one side has a new application.
func (p *pair) fresh() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.lanes {
		if c := p.clients[i]; c != nil {
			c.run.unsettled.Add(int64(-len(p.lanes[i].pending)))
		}
		p.lanes[i] = lane{}
	}
	p.generation++
	p.overLocked()
	p.paused = false
}

// pause keeps both sides from writing until one of them has a new application. It returns false when it is not the time for
// that: an invitation is open, or somebody has asked already.
func (p *pair) pause() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused || !p.invitedSince.IsZero() {
		return false
	}
	p.paused = true
	return true
}

// resume ends a pause before anybody went.
func (p *pair) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = false
}

// isSettled tells whether all that either wrote has come, and whether both know of the conversation or neither does.
func (p *pair) isSettled() bool {
	p.mu.Lock()
	settled := len(p.lanes[0].pending)+len(p.lanes[1].pending) == 0
	p.mu.Unlock()
	know := 0
	for _, c := range p.clients {
		if c != nil && c.canSend() {
			know++
		}
	}
	return settled && know != 1
}

// inviting tells whether an invitation is open, and for how long.
func (p *pair) inviting() (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.invitedSince), !p.invitedSince.IsZero()
}

// open notes that an invitation is about to be sent. It returns false when nobody is to begin anything.
func (p *pair) open() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.overLocked()
	if !p.beginLocked() {
		return false
	}
	p.invitedSince = time.Now()
	return true
}

// over notes that no invitation is open.
func (p *pair) over() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.overLocked()
}

func (p *pair) overLocked() {
	if !p.invitedSince.IsZero() {
		p.clients[0].run.unsettled.Add(-1)
	}
	p.invitedSince = time.Time{}
}

// beginLocked counts one more event that has to come, unless nobody is to begin anything. It counts first: who waits for the
// end sees either this one, or that there is none.
func (p *pair) beginLocked() bool {
	r := p.clients[0].run
	r.unsettled.Add(1)
	if p.paused || r.quiet.Load() {
		r.unsettled.Add(-1)
		return false
	}
	return true
}

// next numbers a message that is about to be sent. It returns false when nobody is to begin anything.
func (p *pair) next(c *client) (m message, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.beginLocked() {
		return m, false
	}
	l := &p.lanes[c.side]
	l.sent++
	m = message{p.generation, l.sent, time.Now()}
	l.pending = append(l.pending, m)
	return m, true
}

// text is what is sent: whose it is, and which.
func (m message) text(c *client) string {
	return fmt.Sprintf("load %s %d %d %d", c.run.name, c.index, m.generation, m.number)
}

// excuse forgets a message whose sending failed.
func (p *pair) excuse(c *client, m message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := &p.lanes[c.side]; m.generation == p.generation && p.settle(c, m.number) {
		l.excused = append(l.excused, m.number)
	}
}

// settle takes a message out of those that are on their way; p.mu is held.
func (p *pair) settle(from *client, number int) bool {
	l := &p.lanes[from.side]
	i := slices.IndexFunc(l.pending, func(m message) bool { return m.number == number })
	if i < 0 {
		return false
	}
	l.pending = slices.Delete(l.pending, i, i+1)
	from.run.unsettled.Add(-1)
	return true
}

// overdue gives up those of the client's messages that are on their way for longer than that, and describes them.
func (p *pair) overdue(c *client, patience time.Duration) (lost []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &p.lanes[c.side]
	for _, m := range slices.Clone(l.pending) {
		if time.Since(m.at) >= patience && p.settle(c, m.number) {
			l.excused = append(l.excused, m.number) // should it come all the same, it has not come twice
			lost = append(lost, m.lost(c))
		}
	}
	return lost
}

func (m message) lost(c *client) string {
	return fmt.Sprintf("message %d to %s did not come in %s", m.number, c.partner().account.SIP, time.Since(m.at).Round(time.Millisecond))
}

// received takes a message that came to c.
func (c *client) received(l *line, q *query, participant, text string) {
	var name string
	var index int
	var m message
	if n, _ := fmt.Sscanf(text, "load %s %d %d %d", &name, &index, &m.generation, &m.number); n < 4 || name != c.run.name {
		return // of another run, or of a person
	}
	from := c.partner()
	if from == nil || index != from.index || !c.isPartner(participant) {
		l.fault(WrongUser, q, fmt.Sprintf("message %d of client %d, said to be from %s", m.number, index+1, participant))
		return
	}
	c.run.stats.received.Add(1)
	p := c.pair
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.generation != p.generation {
		return
	}
	lane := &p.lanes[from.side]
	i := slices.IndexFunc(lane.pending, func(sent message) bool { return sent.number == m.number })
	switch {
	case i >= 0:
		c.run.stats.took(delivery, time.Since(lane.pending[i].at))
		p.settle(from, m.number)
		if m.number < lane.newest {
			l.fault(EventOrder, q, fmt.Sprintf("message %d of %s after message %d", m.number, from.account.SIP, lane.newest))
		}
	case !slices.Contains(lane.excused, m.number):
		l.fault(EventTwice, q, fmt.Sprintf("message %d of %s once more", m.number, from.account.SIP))
	}
	lane.newest = max(lane.newest, m.number)
}
