package probe

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// defaultTimeouts are the time-outs that products ship with or that guides set, in rising order: nginx, HAProxy and
// Apache 60 s; IIS ARR 30 to 120 s; the advice for Lync 200 and 960 s; F5 300 s; KEMP 660 s; Squid's read 900 s; pending
// GETs 180 s; others as found in the field.
var defaultTimeouts = []time.Duration{
	30 * time.Second, 50 * time.Second, 60 * time.Second, 100 * time.Second, 120 * time.Second, 180 * time.Second,
	200 * time.Second, 300 * time.Second, 600 * time.Second, 660 * time.Second, 900 * time.Second, 960 * time.Second,
}

// NearestDefault is the time-out that a long poll of that length ran into: the product default or advised setting
// within three seconds, or three hundredths of it, of d. Polls are cut a little later than the time-out says, never
// much earlier. False when none fits.
func NearestDefault(d time.Duration) (time.Duration, bool) {
	best, found := time.Duration(0), false
	for _, t := range defaultTimeouts {
		if (d-t).Abs() <= max(3*time.Second, t*3/100) && (!found || (d-t).Abs() < (d-best).Abs()) {
			best, found = t, true
		}
	}
	return best, found
}

// Numbers of the event channel: UCWA "events".
const (
	shortestAsk  = 180 * time.Second // the least time-out of a poll, and the usual one
	longestAsk   = 1800 * time.Second
	releaseDelay = "5" // seconds, the least: how long the server gathers events that are not urgent
)

const (
	// delivery is how long an event may take, in the deployment's time: the release delay, and three times as much for
	// the way.
	delivery = 20 * time.Second
	// leastWait is the least real time for whatever is waited for: a lab's computers are as slow as they are, however
	// fast its clock runs.
	leastWait = 3 * time.Second
	// chatter is how many answers may come before a poll is silent: of what had happened before it began.
	chatter = 10
	// maxPolls is how many polls may follow one another: a server that answers every one at once with nothing that is
	// wanted has no end.
	maxPolls = 64
)

// real is how long a time of the deployment takes here; theirs is the reverse.
func (o *observer) real(d time.Duration) time.Duration {
	return time.Duration(float64(d) / o.v.speed())
}

func (o *observer) theirs(d time.Duration) time.Duration {
	return time.Duration(float64(d) * o.v.speed())
}

// speed is Speed, or what its zero stands for.
func (v *Vantage) speed() float64 {
	if v.Speed > 0 {
		return v.Speed
	}
	return 1
}

// channel is the event channel of an application: polls follow one another over a connection of their own.
type channel struct {
	o    *observer
	who  *signedIn
	next string // the URL of the next poll
	line *clientConn
}

// channel returns the event channel. The caller must close it.
func (o *observer) channel(who *signedIn, task string) *channel {
	return &channel{o: o, who: who, next: who.links["events"], line: who.connect(task)}
}

func (c *channel) close() { c.line.close() }

// waiting is what a poll is held for. Times are real, and since it began.
type waiting struct {
	purpose string
	asked   time.Duration // of the server, in the deployment's time
	until   time.Duration // how long to wait in all
	// happen makes something happen at a time, and tells whether it did; nil for nothing. wanted is the event that tells
	// of it.
	at     time.Duration
	happen func(context.Context) bool
	wanted func(*event) bool
	// single says that any answer ends it.
	single bool
	// over is when it ends, though the wanted event has come before; last makes something happen then that ends the poll.
	// Nil means that the wanted event ends it.
	over time.Duration
	last func(context.Context)
}

// hold waits as w says, in one poll or, when others answer before it is over, in several over the same connection: the
// times of the Poll are since the first began, and the rest is of the last. It returns the wanted event too, and the last
// answer, nil when that had not the form of UCWA. A Poll without an exchange is no observation.
func (c *channel) hold(ctx context.Context, w waiting) (Poll, *event, *resource) {
	p := Poll{Client: c.who.client, Purpose: w.purpose, Asked: w.asked, Held: c.o.theirs(w.until)}
	started := time.Now()
	cause := begin(ctx, w)
	var came *event
	var answer *resource
	for range maxPolls {
		var x *Exchange
		asked := time.Since(started)
		x, answer = c.poll(ctx, w.asked, w.until-asked)
		p.Exchange, p.Outcome, p.Status, p.FrontEnd, p.FirstByte = x.ID, x.Outcome, x.Status, answer != nil, 0
		if c.line.firstByte > 0 {
			p.FirstByte = c.o.theirs(asked + c.line.firstByte)
		}
		if answer == nil || x.Status != http.StatusOK {
			break
		}
		followed := c.follow(answer)
		if cause.begun() > 0 && came == nil {
			came = find(answer.events, w.wanted)
		}
		if w.single || !followed || came != nil && (w.last == nil || time.Since(started) >= w.over) {
			break
		}
		if time.Since(started) >= w.until {
			p.Outcome = Outcome{Code: Timeout, Text: "the time to wait was over"}
			break
		}
		if answer.links["resync"] == "" {
			c.o.forget(x)
		}
	}
	p.Elapsed = c.o.theirs(time.Since(started))
	if !c.line.made.IsZero() {
		p.Age = c.o.theirs(time.Since(c.line.made))
	}
	p.Event, p.Delivered = c.o.theirs(cause.stop()), came != nil
	return p, came, answer
}

// poll asks for the events once.
func (c *channel) poll(ctx context.Context, asked, within time.Duration) (*Exchange, *resource) {
	to, err := c.who.follow(withQuery(c.next, "timeout", strconv.Itoa(int(asked/time.Second)), "low", releaseDelay, "medium", releaseDelay))
	if err != nil {
		return &Exchange{Outcome: Outcome{Code: NotChecked, Text: "the application names no event channel on its own server"}}, nil
	}
	r := c.who.request(SignInEvents, http.MethodGet, to.target)
	r.timeout = max(within, time.Millisecond)
	r.same = c.line.s.conn != nil // a connection that is cut is what is looked for
	x, body := c.line.do(ctx, r)
	return x, ucwaOf(x, body)
}

// follow goes on to the poll that an answer names, and tells whether it named one of its own server.
func (c *channel) follow(answer *resource) bool {
	next := cmp.Or(answer.links["resync"], answer.links["next"])
	if _, err := c.who.follow(next); next == "" || err != nil {
		return false
	}
	c.next = next
	return true
}

// withQuery sets parameters of a URL's query, and leaves the others and their order as they are.
func withQuery(rawURL string, pairs ...string) string {
	path, query, _ := strings.Cut(rawURL, "?")
	parts := slices.DeleteFunc(strings.Split(query, "&"), func(part string) bool {
		name, _, _ := strings.Cut(part, "=")
		return name == "" || slices.Contains(pairs, name)
	})
	for i := 0; i < len(pairs); i += 2 {
		parts = append(parts, pairs[i]+"="+pairs[i+1])
	}
	return path + "?" + strings.Join(parts, "&")
}

// cause makes something happen while a poll is held.
type cause struct {
	started time.Time
	at      atomic.Int64 // since started, when it was begun; zero when it was not, or did not happen
	end     context.CancelFunc
	done    chan struct{}
}

// begin waits for the time when something is to happen, and makes it happen.
func begin(ctx context.Context, w waiting) *cause {
	waiting, end := context.WithCancel(ctx)
	c := &cause{started: time.Now(), end: end, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		if w.happen == nil {
			return
		}
		timer := time.NewTimer(w.at)
		defer timer.Stop()
		select {
		case <-waiting.Done():
			return
		case <-timer.C:
		}
		c.at.Store(int64(max(1, time.Since(c.started))))
		if !w.happen(ctx) {
			c.at.Store(0)
		}
		if w.last == nil {
			return
		}
		timer.Reset(w.over - time.Since(c.started))
		select {
		case <-waiting.Done():
		case <-timer.C:
			w.last(ctx)
		}
	}()
	return c
}

// begun is when it was made to happen; zero when it was not.
func (c *cause) begun() time.Duration { return time.Duration(c.at.Load()) }

// stop keeps it from happening when it has not begun, waits for it when it has, and returns begun.
func (c *cause) stop() time.Duration {
	c.end()
	<-c.done
	return c.begun()
}

// notePoll adds a poll to the section, unless it is no observation.
func (o *observer) notePoll(p Poll) {
	if p.Exchange == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	p.ID = len(o.section.Polls) + 1
	o.section.Polls = append(o.section.Polls, p)
}

// holdingTime is how long the vantages' silent polls take at the most, beside everything else: when both polls are cut
// early, the second busy one lasts as long as the hold again.
func holdingTime(vantages []*Vantage) time.Duration {
	var most time.Duration
	for _, v := range vantages {
		if v.SignIn != nil && v.SignIn.Hold > 0 {
			hold := min(max(v.SignIn.Hold, shortestAsk), longestAsk) + 4*delivery
			most = max(most, 2*time.Duration(float64(hold)/v.speed())+8*leastWait)
		}
	}
	return most
}

// cut tells whether a poll ended otherwise than by its server: by an answer of somebody else, or by none.
func (p *Poll) cut() bool { return !p.Outcome.OK() || !p.FrontEnd }

// holdPolls holds a silent poll and, on another connection and application, one on which something happens. What ends
// both at the same age is a limit on connections, what ends only the silent one a limit on silence.
func (o *observer) holdPolls(ctx context.Context, who *signedIn) {
	hold := o.v.SignIn.Hold
	// The presence of the account changes on the way, which applications are told that made it available. The silent poll
	// is of one that did not.
	quiet := o.another(ctx, who)
	if quiet == nil {
		return
	}
	defer o.end(ctx, quiet)
	var silent, busy Poll
	var both sync.WaitGroup
	both.Go(func() { silent = o.holdSilent(ctx, quiet, hold) })
	both.Go(func() { busy = o.holdBusy(ctx, who, hold/2, hold) })
	both.Wait()
	if silent.cut() && silent.Outcome.Code != Timeout && busy.cut() && !busy.Delivered && silent.Elapsed > 0 {
		// Both were cut before anything had happened, which tells nothing.
		busy = o.holdBusy(ctx, who, silent.Elapsed/2, 2*silent.Elapsed)
	}
	o.notePoll(silent)
	o.notePoll(busy)
}

// holdSilent holds a poll for a time of the deployment. When it is silent still, something is made to happen, to tell a
// connection that waits from one that is dead.
func (o *observer) holdSilent(ctx context.Context, who *signedIn, hold time.Duration) Poll {
	asked := min(max(hold.Round(time.Second), shortestAsk), longestAsk)
	held := hold
	if hold >= asked { // long enough for the server's own answer
		held = asked + max(delivery, o.theirs(leastWait))
	}
	c := o.channel(who, "silent poll")
	defer c.close()
	var p Poll
	for range chatter {
		var answer *resource
		p, _, answer = c.hold(ctx, waiting{
			purpose: PollSilent, asked: asked, at: o.real(held), until: o.real(held) + max(o.real(delivery), leastWait), single: true,
			happen: func(ctx context.Context) bool { return o.makeAvailable(ctx, who) },
			wanted: func(*event) bool { return true },
		})
		p.Held = held
		if p.Event > 0 || answer == nil || p.Status != http.StatusOK || len(answer.events) == 0 {
			break
		}
		o.forget(&Exchange{ID: p.Exchange})
	}
	if p.cut() {
		p.Renewed = o.renewed(ctx, who)
	}
	return p
}

// holdBusy holds polls over one connection, makes something happen at a time of the deployment, and once more at the end.
func (o *observer) holdBusy(ctx context.Context, who *signedIn, at, until time.Duration) Poll {
	c := o.channel(who, "busy poll")
	defer c.close()
	change := o.presenceOf(ctx, who)
	defer change.restore(ctx)
	p, _, _ := c.hold(ctx, waiting{
		purpose: PollBusy, asked: min(max(until.Round(time.Second), shortestAsk), longestAsk),
		at: o.real(at), happen: change.change, wanted: ofPresence,
		over: o.real(until), last: change.stir, until: o.real(until) + max(o.real(delivery), leastWait),
	})
	p.Held = until
	if p.cut() {
		p.Renewed = o.renewed(ctx, who)
	}
	return p
}

// renewed tells whether the application answers on a fresh connection.
func (o *observer) renewed(ctx context.Context, who *signedIn) bool {
	line := who.connect("renewal")
	defer line.close()
	x, body := line.do(ctx, who.request(SignInUCWA, http.MethodGet, who.application.target))
	return ucwaOf(x, body) != nil
}
