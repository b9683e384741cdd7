package load

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// stage is where a client is in its life.
type stage int

const (
	away     stage = iota // not yet there, or thrown out and waiting to come again
	arriving              // signing in
	here                  // its poll is held
	going                 // signing out
	gone
)

// again is how long a client waits after a failure before it tries the same once more.
const again = time.Second

// maxRefused is after how many refused log-ons in a row a client stays away: a directory locks accounts after five to ten wrong
// passwords, as a rule.
const maxRefused = 3

// client is one simulated phone.
type client struct {
	run     *run
	index   int
	account *Account
	pair    *pair
	side    int // in the pair
	tries   int // to sign in
	refused int // log-ons in a row

	mu        sync.Mutex // of all below
	stage     stage
	timers    [doings]*time.Timer // of what is to be done next
	returning *time.Timer         // for another sign-in
	poll      *conn               // over which it signed in, and holds its poll
	second    *conn               // for everything else
	tasks     []func(*line)
	working   bool
	returns   bool // it is going to come again

	session *session // of the newest sign-in

	// What events said.
	presenceAt, sendAt string
	busy               bool
	presenceSince      time.Time // a change that no event has told of, by presenceOpenLocked; zero when there is none
}

// session is what a sign-in came to. It does not change once the client is here.
type session struct {
	token  string // after Bearer
	host   string // of the external web site
	app    string // the application's path
	events string // where the first poll goes
	invite string // where conversations begin
}

// own tells whether a link leads below the session's application.
func (s *session) own(link string) bool {
	n := len(s.app)
	return len(link) > n && strings.EqualFold(link[:n], s.app) && (link[n] == '/' || link[n] == '?')
}

// begin signs in, and goes on to the poll.
func (c *client) begin(ctx context.Context) {
	c.mu.Lock()
	if c.stage != away || c.run.leaving.Load() || ctx.Err() != nil {
		c.goneLocked()
		c.mu.Unlock()
		return
	}
	c.stage = arriving
	c.mu.Unlock()
	made, ok := c.signIn(ctx)
	if c.tries++; c.tries == 1 {
		c.run.tried.Add(1)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case ctx.Err() != nil, !ok && c.run.leaving.Load(), c.refused == maxRefused:
		c.closeLocked()
		c.goneLocked()
	case !ok:
		c.closeLocked()
		c.comeAgainLocked(ctx)
	default:
		c.stage, c.session = here, made
		c.run.stats.signIns.Add(1)
		go c.hold(ctx, made) // one that is new: the handshake made the stack of this one large
		for d := range doings {
			c.scheduleLocked(ctx, d)
		}
		if c.run.leaving.Load() {
			c.leaveLocked(ctx)
		}
	}
}

// comeAgainLocked has the client sign in after a while.
func (c *client) comeAgainLocked(ctx context.Context) {
	c.stage = away
	c.returning = time.AfterFunc(again, func() { c.begin(ctx) })
}

// goneLocked ends the client's life, once.
func (c *client) goneLocked() {
	if c.stage != gone {
		c.stage = gone
		c.run.alive.Done()
	}
}

// closeLocked ends the connection of the poll.
func (c *client) closeLocked() {
	if c.poll != nil {
		c.poll.close()
		c.poll = nil
	}
}

// leave signs out.
func (c *client) leave(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaveLocked(ctx)
}

func (c *client) leaveLocked(ctx context.Context) {
	switch c.stage {
	case away:
		if c.returning != nil && c.returning.Stop() {
			c.goneLocked() // otherwise it is about to begin, and will see that all leave
		}
	case here:
		c.stage = going
		c.stopTimersLocked()
		c.doLocked(ctx, c.signOut)
	}
}

// abandon cuts the client off.
func (c *client) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopTimersLocked()
	c.closeLocked()
	if c.second != nil {
		c.second.close()
	}
	if c.returning != nil && c.returning.Stop() && c.stage == away {
		c.goneLocked()
	}
}

func (c *client) stopTimersLocked() {
	for _, t := range c.timers {
		if t != nil {
			t.Stop()
		}
	}
}

// line is a client's connection while it is used by one goroutine; it is made when it is needed.
type line struct {
	c    *client
	ctx  context.Context
	s    *session
	slot **conn // of the client, so that it can be cut off; under the client's mu
}

// query is a request of a client.
type query struct {
	method, host, target string
	media, body          string // none when empty
	authorization        string // empty means the client's token, "-" none
	expect               int    // the status; any when zero
}

func (q *query) String() string {
	path, _, _ := strings.Cut(q.target, "?")
	return q.method + " " + q.host + path
}

// ask makes a request and returns its answer, which the caller must release. What went wrong is noted; then ok is false. A
// poll is not asked for like this.
func (l *line) ask(m measure, q query) (a answer, ok bool) {
	r := l.c.run
	cn := l.connect(q)
	if cn == nil {
		return a, false
	}
	began := time.Now()
	b := buffers.Get().(*[]byte)
	*b = q.compose((*b)[:0], l.s.token)
	err := cn.send(*b, began.Add(requestTime))
	buffers.Put(b)
	if err == nil {
		a, err = cn.receive()
	}
	if err != nil {
		a.release()
		l.drop()
		l.fault(RequestError, &q, describe(err))
		return a, false
	}
	r.stats.requests.Add(1)
	r.stats.took(m, time.Since(began))
	if q.expect != 0 && a.status != q.expect {
		l.fault(BadStatus, &q, "status "+strconv.Itoa(a.status)+", want "+strconv.Itoa(q.expect))
		a.release()
		return a, false
	}
	return a, true
}

// fault notes what was wrong, unless everything is being cut off.
func (l *line) fault(kind string, q *query, came string) {
	if l.ctx.Err() == nil {
		l.c.run.stats.fault(kind, l.c, q.String(), came)
	}
}

// connect returns a connection to the query's host; nil when there is none.
func (l *line) connect(q query) *conn {
	l.c.mu.Lock()
	cn := *l.slot
	l.c.mu.Unlock()
	if cn != nil {
		if cn.host == q.host && !cn.ended {
			return cn
		}
		l.drop()
	}
	cn, err := l.c.run.dial(l.ctx, q.host)
	if err != nil {
		l.fault(ConnectError, &q, describe(err))
		return nil
	}
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	if l.ctx.Err() != nil {
		cn.close()
		return nil
	}
	*l.slot = cn
	return cn
}

// drop closes the connection.
func (l *line) drop() {
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	if *l.slot != nil {
		(*l.slot).close()
		*l.slot = nil
	}
}

// userAgent is what clients call themselves.
const userAgent = "lyncpin-load/1"

// compose writes a request.
func (q *query) compose(b []byte, token string) []byte {
	b = append(append(append(append(b, q.method...), ' '), q.target...), " HTTP/1.1\r\nHost: "...)
	b = append(append(b, q.host...), "\r\nAccept: application/json\r\nUser-Agent: "+userAgent+"\r\n"...)
	switch {
	case q.authorization == "" && token != "":
		b = append(append(append(b, "Authorization: Bearer "...), token...), "\r\n"...)
	case q.authorization != "" && q.authorization != "-":
		b = append(append(append(b, "Authorization: "...), q.authorization...), "\r\n"...)
	}
	if q.media != "" {
		b = append(append(append(b, "Content-Type: "...), q.media...), "\r\n"...)
	}
	if q.method != http.MethodGet && q.method != http.MethodDelete {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), int64(len(q.body)), 10), "\r\n"...)
	}
	return append(append(b, "\r\n"...), q.body...)
}

// do has a task done over the second connection, after those that wait already.
func (c *client) do(ctx context.Context, task func(*line)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doLocked(ctx, task)
}

func (c *client) doLocked(ctx context.Context, task func(*line)) {
	c.tasks = append(c.tasks, task)
	if !c.working {
		c.working = true
		c.run.work.Go(func() { c.workOff(ctx) })
	}
}

// workOff does what there is to do, and closes the connection.
func (c *client) workOff(ctx context.Context) {
	l := &line{c: c, ctx: ctx, slot: &c.second}
	defer l.drop()
	for {
		c.mu.Lock()
		if len(c.tasks) == 0 {
			c.working, c.tasks = false, nil
			c.mu.Unlock()
			return
		}
		task := c.tasks[0]
		c.tasks, l.s = c.tasks[1:], c.session
		c.mu.Unlock()
		task(l)
	}
}

// leaveTime is how long a poll may stay after its application was ended.
const leaveTime = 2 * time.Second

// signOut ends the application; the server ends the poll with it.
func (c *client) signOut(l *line) {
	ended, patience := l.s, leaveTime
	if a, ok := l.ask(signOut, query{method: http.MethodDelete, host: l.s.host, target: l.s.app, expect: http.StatusNoContent}); ok {
		a.release()
		c.run.stats.signOuts.Add(1)
	} else {
		patience = 0
	}
	time.AfterFunc(patience, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.stage == going && c.session == ended {
			c.closeLocked()
		}
	})
}

// locate takes a link apart. Links without a host stay where they came from.
func locate(host, href string) (newHost, target string, err error) {
	u, err := url.Parse(href)
	switch {
	case err != nil || href == "":
		return "", "", errors.New("no link")
	case u.Host == "" && strings.HasPrefix(u.Path, "/"):
		return host, u.RequestURI(), nil
	case u.Scheme != "https" || u.Host == "":
		return "", "", errors.New("a link that is not of https")
	}
	return strings.ToLower(u.Host), u.RequestURI(), nil
}

// href is a link in JSON.
type href struct {
	Href string `json:"href"`
}

// read decodes the answer, and releases it.
func (l *line) read(q *query, a *answer, into any) bool {
	defer a.release()
	if err := json.Unmarshal(a.body, into); err != nil {
		l.fault(BadAnswer, q, "no JSON that belongs here")
		return false
	}
	return true
}
