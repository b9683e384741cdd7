package fakelync

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// urgency is how soon an event must reach the client: high ones end a poll at once, the others when the delay is over
// that the client asked for (UCWA SDK, "events").
type urgency int

const (
	high urgency = iota
	medium
	low
)

// event is one thing that happened (UCWA SDK, "Events in UCWA").
type event struct {
	sender   link   // the resource that tells of it
	kind     string // added, updated, deleted, started, completed
	link     link   // what it happened to
	in       link   // the collection that it is in; none when its name is empty
	status   string // of completed ones: Success or Failure
	reason   *fault // of failures
	embedded *resource
	urgency  urgency
	at       time.Time // by the wall clock, which the waits run by
}

// channel is an application's queue of events. Its zero value is empty, with the delays and the time-out that are
// documented as the defaults.
type channel struct {
	answered int     // polls answered; the next one acknowledges so many, and one more
	pending  []event // in no answer yet
	last     []event // of the newest answer, until a request acknowledges it
	lost     bool    // too much was pending and is gone
	ended    bool
	poll     *poll // the one that waits, nil when none does

	timeout, medium, low time.Duration // as last asked for; zero means the default
}

const (
	// maxPending is how many events are kept for a client that does not ask. A client that missed some is told to
	// start afresh; the number is inferred.
	maxPending = 1000
	// The defaults and limits are those of UCWA SDK, "events".
	standardTimeout, minTimeout = 180 * time.Second, 180 * time.Second
	standardMedium, minDelay    = 5 * time.Second, 5 * time.Second
	standardLow                 = 15 * time.Second
	maxWait                     = 1800 * time.Second
)

func (c *channel) add(e event) {
	e.at = time.Now()
	if len(c.pending) == maxPending {
		c.pending, c.lost = nil, true
	}
	c.pending = append(c.pending, e)
	c.changed()
}

// end lets the poll that waits see that the application is gone.
func (c *channel) end() {
	c.ended = true
	c.changed()
}

func (c *channel) changed() {
	if c.poll != nil {
		c.poll.reconsider()
	}
}

// due is when a poll that began then is to be answered, if nothing else happens.
func (c *channel) due(o *Organisation, began time.Time) time.Time {
	at := began.Add(o.scaled(orElse(c.timeout, standardTimeout)))
	for _, e := range c.pending {
		delay := time.Duration(0)
		switch e.urgency {
		case medium:
			delay = orElse(c.medium, standardMedium)
		case low:
			delay = orElse(c.low, standardLow)
		}
		if t := e.at.Add(o.scaled(delay)); t.Before(at) {
			at = t
		}
	}
	return at
}

func orElse(d, standard time.Duration) time.Duration {
	if d == 0 {
		return standard
	}
	return d
}

// ask takes the parameters of a poll; they hold until others are asked for. It names the one that is out of range.
func (c *channel) ask(q *query) (wrong string) {
	for _, p := range []struct {
		name string
		to   *time.Duration
		min  time.Duration
	}{{"timeout", &c.timeout, minTimeout}, {"medium", &c.medium, minDelay}, {"low", &c.low, minDelay}} {
		text := q.param(p.name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 32)
		d := time.Duration(n) * time.Second
		if err != nil || d < p.min || d > maxWait {
			return p.name
		}
		*p.to = d
	}
	if text := q.param("priority"); text != "" {
		if _, err := strconv.ParseInt(text, 10, 32); err != nil {
			return "priority"
		}
	}
	return ""
}

// events is the event channel, a long poll (UCWA SDK, "Event channel details"): nothing is written until there is an
// answer. ack says how many answers the client has, and one more. Whoever asks for an answer again gets it again;
// whoever missed one, or was away for too long, is told to start afresh. That no other request makes a poll end but a
// second poll, which the first is told of with 409, is documented.
func (c *ucwaCall) events() response {
	ch := &c.app.channel
	if wrong := ch.ask(c.q); wrong != "" {
		return c.invalid(wrong)
	}
	ack, err := strconv.Atoi(c.q.param("ack"))
	if err != nil {
		return c.invalid("ack")
	}
	switch {
	case ack == ch.answered && ack > 0:
		return c.eventsDocument(ack, ch.last, false)
	case ack != ch.answered+1:
		return c.eventsDocument(ack, nil, true)
	}
	if c.q.param("resync") != "" {
		ch.lost, ch.pending = false, nil
		c.standing()
	}
	ch.last = nil
	if ch.poll != nil {
		ch.poll.replaced = true
		ch.changed()
	}
	p := c.newPoll(ack)
	ch.poll = p
	if p.due() > 0 {
		return response{later: p}
	}
	return p.end()
}

// standing tells of everything that is there, for a client that starts afresh.
func (c *ucwaCall) standing() {
	if c.app.available {
		c.announceMe()
	}
	for _, v := range c.app.conversations {
		c.app.channel.add(v.event("added", c.app, high))
	}
}

// eventsDocument is the answer to a poll. One of a poll that nothing happened to has only its own link and the next.
func (c *ucwaCall) eventsDocument(ack int, events []event, lost bool) response {
	ch := &c.app.channel
	at := func(n int) string { return c.app.href("/events?ack=" + strconv.Itoa(n)) }
	self := at(ack)
	links := []link{{"next", at(ch.answered + 1)}}
	if lost {
		links = append(links, link{"resync", at(ch.answered+1) + "&resync=1"}) // the query is inferred
	}
	r := c.head(http.StatusOK)
	var b bytes.Buffer
	groups := runs(events)
	if c.form == UCWAXML {
		b.WriteString(`<events`)
		xmlAttribute(&b, "href", self)
		xmlAttribute(&b, "xmlns", ucwaSpace)
		b.WriteByte('>')
		for _, l := range links {
			xmlLink(&b, "link", l)
		}
		for _, g := range groups {
			b.WriteString(`<sender`)
			xmlAttribute(&b, "rel", g[0].sender.name)
			xmlAttribute(&b, "href", g[0].sender.href)
			b.WriteByte('>')
			for _, e := range g {
				e.xml(&b)
			}
			b.WriteString(`</sender>`)
		}
		b.WriteString(`</events>`)
	} else {
		b.WriteString(`{"_links":`)
		jsonLinks(&b, append([]link{{"self", self}}, links...), false)
		for i, g := range groups {
			b.WriteString([]string{`,"sender":[`, `,`}[min(i, 1)])
			fmt.Fprintf(&b, `{"rel":%s,"href":%s,"events":[`, jsonText(g[0].sender.name), jsonText(g[0].sender.href))
			for j, e := range g {
				if j > 0 {
					b.WriteByte(',')
				}
				e.json(&b)
			}
			b.WriteString(`]}`)
		}
		if len(groups) > 0 {
			b.WriteByte(']')
		}
		b.WriteByte('}')
	}
	r.body = b.Bytes()
	return r
}

// runs splits events into stretches of one sender each.
func runs(events []event) [][]event {
	var out [][]event
	for i, e := range events {
		if i == 0 || e.sender != events[i-1].sender {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], e)
	}
	return out
}

func (e *event) json(b *bytes.Buffer) {
	fmt.Fprintf(b, `{"link":{"rel":%s,"href":%s}`, jsonText(e.link.name), jsonText(e.link.href))
	if e.in.name != "" {
		fmt.Fprintf(b, `,"in":{"rel":%s,"href":%s}`, jsonText(e.in.name), jsonText(e.in.href))
	}
	fmt.Fprintf(b, `,"type":%s`, jsonText(e.kind))
	if e.status != "" {
		fmt.Fprintf(b, `,"status":%s`, jsonText(e.status))
	}
	if e.reason != nil {
		b.WriteString(`,"reason":`)
		e.reason.json(b)
	}
	if e.embedded != nil {
		fmt.Fprintf(b, `,"_embedded":{%s:`, jsonText(e.embedded.rel))
		e.embedded.json(b)
		b.WriteByte('}')
	}
	b.WriteByte('}')
}

// xml writes the event as an element of its kind. Where status, reason and collection go in it is inferred.
func (e *event) xml(b *bytes.Buffer) {
	b.WriteString(`<` + e.kind)
	xmlAttribute(b, "rel", e.link.name)
	xmlAttribute(b, "href", e.link.href)
	if e.status != "" {
		xmlAttribute(b, "status", e.status)
	}
	b.WriteByte('>')
	if e.in.name != "" {
		xmlLink(b, "in", e.in)
	}
	if e.reason != nil {
		e.reason.xml(b, "")
	}
	if e.embedded != nil {
		e.embedded.xml(b, "")
	}
	b.WriteString(`</` + e.kind + `>`)
}
