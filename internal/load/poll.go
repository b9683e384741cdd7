package load

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// atOnce is how soon a connection that was kept must fail for the reason to be that the server had closed it between two
// requests, which it may (RFC 9112 section 9.3.1).
const atOnce = time.Second

// hold polls until the client leaves (UCWA SDK, "Event channel details").
func (c *client) hold(ctx context.Context, s *session) {
	p := &poller{line: line{c: c, ctx: ctx, s: s, slot: &c.poll}, next: s.events}
	for p.once() {
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked()
	c.stopTimersLocked()
	c.forgetLocked()
	switch {
	case ctx.Err() != nil, c.stage == going && !c.returns:
		c.goneLocked()
	case c.stage == going:
		c.doLocked(ctx, func(*line) { c.comeBack(ctx) }) // after it has signed out
	default:
		c.comeAgainLocked(ctx)
		if c.run.leaving.Load() {
			c.leaveLocked(ctx)
		}
	}
}

// poller is a client's poll.
type poller struct {
	line
	next string // where the next one goes
}

// once asks for events once. It returns false when the client is to do so no more: it leaves, or its application is
// gone.
func (p *poller) once() bool {
	c := p.c
	q := query{method: http.MethodGet, host: p.s.host, target: p.next}
	if c.run.plan.PollTime > standardPoll && !strings.Contains(q.target, "timeout=") {
		q.target += "&timeout=" + strconv.Itoa(int(c.run.plan.PollTime/time.Second))
	}
	cn := p.connect(q)
	if cn == nil {
		return p.pause()
	}
	kept, began := cn.answered, time.Now()
	a, err := p.await(cn, &q, began)
	took := time.Since(began)
	defer a.release()
	if p.isOver() {
		return false
	}
	if err != nil {
		p.drop()
		switch timeout := isTimeout(err); {
		case kept && !a.firstByte && !timeout && took < atOnce:
			c.run.stats.reconnects.Add(1)
			return true
		case timeout:
			p.fault(PollLost, &q, "nothing after "+took.Round(time.Second).String())
		case errors.Is(err, errUnreadable):
			p.fault(BadAnswer, &q, describe(err))
		default:
			p.fault(PollCut, &q, describe(err)+" after "+took.Round(time.Millisecond).String())
		}
		return p.pause()
	}
	c.run.stats.requests.Add(1)
	switch s := a.status; {
	case s == http.StatusOK:
		c.run.stats.polls.Add(1)
		return p.take(&q, &a) || p.pause()
	case took >= atOnce && (s == http.StatusRequestTimeout || s >= 500):
		p.fault(PollCut, &q, "status "+strconv.Itoa(s)+" after "+took.Round(time.Millisecond).String())
	default:
		p.fault(BadStatus, &q, "status "+strconv.Itoa(s)+", want 200")
		if s == http.StatusUnauthorized || s == http.StatusForbidden || s == http.StatusNotFound || s == http.StatusGone {
			return false // the token or the application is gone
		}
	}
	return p.pause()
}

// await sends the poll and waits for its answer.
func (p *poller) await(cn *conn, q *query, began time.Time) (answer, error) {
	b := buffers.Get().(*[]byte)
	*b = q.compose((*b)[:0], p.s.token)
	err := cn.send(*b, began.Add(p.c.run.plan.PollTime+p.c.run.patience()))
	buffers.Put(b)
	if err != nil {
		return answer{}, err
	}
	defer p.c.run.stats.hold()()
	return cn.receive()
}

// isOver tells whether the client leaves.
func (p *poller) isOver() bool {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	return p.c.stage == going || p.ctx.Err() != nil
}

// pause waits before the same is tried again; it returns false when the client leaves.
func (p *poller) pause() bool {
	return wait(p.ctx, time.After(again)) && !p.isOver()
}

// eventsAnswer is the answer to a poll.
type eventsAnswer struct {
	Links struct {
		Self   href `json:"self"`
		Next   href `json:"next"`
		Resync href `json:"resync"`
	} `json:"_links"`
	Sender []struct {
		Rel    string  `json:"rel"`
		Href   string  `json:"href"`
		Events []event `json:"events"`
	} `json:"sender"`
}

// event is one of what an answer tells of.
type event struct {
	Link struct {
		Rel  string `json:"rel"`
		Href string `json:"href"`
	} `json:"link"`
	Type     string `json:"type"`
	Status   string `json:"status"`
	Embedded struct {
		Invitation struct {
			Direction string `json:"direction"`
			Links     struct {
				Accept href `json:"accept"`
			} `json:"_links"`
			Embedded struct {
				From struct {
					URI string `json:"uri"`
				} `json:"from"`
			} `json:"_embedded"`
		} `json:"messagingInvitation"`
		Messaging struct {
			Links struct {
				SendMessage href `json:"sendMessage"`
			} `json:"_links"`
		} `json:"messaging"`
		Message struct {
			Direction string `json:"direction"`
			Links     struct {
				Participant  href `json:"participant"`
				PlainMessage href `json:"plainMessage"`
			} `json:"_links"`
		} `json:"message"`
	} `json:"_embedded"`
}

// take reads an answer to a poll. It returns false when the answer leads nowhere.
func (p *poller) take(q *query, a *answer) bool {
	var doc eventsAnswer
	if err := json.Unmarshal(a.body, &doc); err != nil {
		p.fault(BadAnswer, q, "no JSON that belongs here")
		return false
	}
	if self := doc.Links.Self.Href; !p.s.own(self) {
		p.fault(WrongUser, q, "the events of "+self)
		return false
	}
	_, next, err := locate(p.s.host, doc.Links.Next.Href)
	if err != nil || !p.s.own(next) {
		p.fault(BadAnswer, q, "no next among the links")
		return false
	}
	if sync := doc.Links.Resync.Href; sync != "" {
		p.fault(EventLost, q, "the server says that events were missed")
		if _, target, err := locate(p.s.host, sync); err == nil && p.s.own(target) {
			next = target
		}
	}
	p.next = next
	for _, s := range doc.Sender {
		p.c.run.stats.events.Add(int64(len(s.Events)))
		if !p.s.own(s.Href) {
			p.fault(WrongUser, q, "an event of "+s.Href)
			continue
		}
		for i := range s.Events {
			p.happened(q, s.Rel, &s.Events[i])
		}
	}
	return true
}

// happened takes one event.
func (p *poller) happened(q *query, sender string, e *event) {
	c := p.c
	switch in := &e.Embedded; {
	case sender == "me" && e.Link.Rel == "presence":
		if e.Type == "updated" || e.Type == "added" {
			c.mu.Lock()
			c.presenceAt = e.Link.Href
			if e.Type == "updated" {
				c.presenceOpenLocked(time.Time{})
			}
			c.mu.Unlock()
		}
	case e.Link.Rel == "messagingInvitation" && e.Type == "started" && strings.EqualFold(in.Invitation.Direction, "Incoming"):
		if from := in.Invitation.Embedded.From.URI; !c.isPartner(from) {
			p.fault(WrongUser, q, "an invitation of "+from)
			return
		}
		accept := in.Invitation.Links.Accept.Href
		c.do(p.ctx, func(l *line) { c.accept(l, accept) })
	case e.Link.Rel == "messagingInvitation" && e.Type == "completed" && strings.EqualFold(e.Status, "Failure"):
		c.pair.over()
	case e.Link.Rel == "messaging" && e.Type == "updated":
		at := in.Messaging.Links.SendMessage.Href
		c.mu.Lock()
		c.sendAt = at
		c.mu.Unlock()
		if c.side == 0 && at != "" { // none says that the conversation is over
			c.pair.over()
		}
	case e.Link.Rel == "message" && strings.EqualFold(in.Message.Direction, "Incoming"):
		_, text, _ := strings.Cut(in.Message.Links.PlainMessage.Href, ",")
		if text, err := url.PathUnescape(text); err == nil {
			c.received(&p.line, q, in.Message.Links.Participant.Href, text)
		}
	}
}

// isPartner tells whether the SIP URI, or a link that ends with the address, is that of who this client talks to.
func (c *client) isPartner(who string) bool {
	partner := c.partner()
	if partner == nil {
		return false
	}
	if unescaped, err := url.PathUnescape(who[strings.LastIndexByte(who, '/')+1:]); err == nil {
		who = unescaped
	}
	return strings.EqualFold(strings.TrimPrefix(who, "sip:"), partner.account.SIP)
}
