package probe

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// pollOf is the poll of a purpose.
func pollOf(t *testing.T, o *observer, purpose string) Poll {
	t.Helper()
	i := slices.IndexFunc(o.section.Polls, func(p Poll) bool { return p.Purpose == purpose })
	if i < 0 {
		t.Fatalf("no %s poll among %+v", purpose, o.section.Polls)
	}
	return o.section.Polls[i]
}

// Every way in which a long poll ends is told, with its time; and a limit on connections is told from one on silence.
func TestHeldPolls(t *testing.T) {
	t.Parallel()
	gateway := func(p *heldPoll) func() bool {
		return func() bool {
			return p.say(replyText("504 Gateway Time-out", "text/html", "<html><body>504</body></html>", "Server: nginx"))
		}
	}
	fin := func(p *heldPoll) func() bool { return func() bool { return false } }
	forget := func(p *heldPoll) func() bool { return func() bool { <-p.gone; return false } }
	idle := func(limit time.Duration, then func(*heldPoll) func() bool) func(*heldPoll) bool {
		return func(p *heldPoll) bool { return p.cutAt(time.Now(), limit, then(p)) }
	}
	old := func(limit time.Duration, then func(*heldPoll) func() bool) func(*heldPoll) bool {
		return func(p *heldPoll) bool { return p.cutAt(p.made, limit, then(p)) }
	}
	type want struct {
		code      string
		status    int
		frontEnd  bool
		elapsed   time.Duration
		delivered bool
		renewed   bool
	}
	for _, c := range []struct {
		name         string
		hold         time.Duration
		hang         func(*heldPoll) bool
		silent, busy want
	}{
		{
			name: "healthy-whole", hold: 960 * time.Second,
			silent: want{code: OK, status: 200, frontEnd: true, elapsed: 960 * time.Second},
			busy:   want{code: OK, status: 200, frontEnd: true, elapsed: 960 * time.Second, delivered: true},
		},
		{
			name: "healthy-shorter-than-asked", hold: 100 * time.Second,
			silent: want{code: OK, status: 200, frontEnd: true, elapsed: 100 * time.Second, delivered: true},
			busy:   want{code: OK, status: 200, frontEnd: true, elapsed: 100 * time.Second, delivered: true},
		},
		{
			name: "idle-504", hold: 960 * time.Second, hang: idle(60*time.Second, gateway),
			silent: want{code: OK, status: 504, elapsed: 60 * time.Second, renewed: true},
			busy:   want{code: OK, status: 504, elapsed: 90 * time.Second, delivered: true, renewed: true},
		},
		{
			name: "idle-close", hold: 200 * time.Second, hang: idle(120*time.Second, fin),
			silent: want{code: Closed, elapsed: 120 * time.Second, renewed: true},
			busy:   want{code: OK, status: 200, frontEnd: true, elapsed: 200 * time.Second, delivered: true},
		},
		{
			name: "age-close", hold: 200 * time.Second, hang: old(120*time.Second, fin),
			silent: want{code: Closed, elapsed: 120 * time.Second, renewed: true},
			busy:   want{code: Closed, elapsed: 120 * time.Second, delivered: true, renewed: true},
		},
		{
			name: "age-close-early", hold: 200 * time.Second, hang: old(60*time.Second, fin),
			silent: want{code: Closed, elapsed: 60 * time.Second, renewed: true},
			busy:   want{code: Closed, elapsed: 60 * time.Second, delivered: true, renewed: true},
		},
		{
			name: "close-within-answer", hold: 200 * time.Second, hang: idle(50*time.Second, func(p *heldPoll) func() bool {
				return func() bool { p.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"); return false }
			}),
			silent: want{code: Closed, status: 200, elapsed: 50 * time.Second, renewed: true},
			busy:   want{code: Closed, status: 200, elapsed: 75 * time.Second, delivered: true, renewed: true},
		},
		{
			name: "silent-death", hold: 200 * time.Second, hang: idle(30*time.Second, forget),
			silent: want{code: Timeout, elapsed: 240 * time.Second, renewed: true},
			busy:   want{code: Timeout, elapsed: 220 * time.Second, renewed: true},
		},
		{
			name: "replaced", hold: 200 * time.Second, hang: idle(10*time.Second, func(p *heldPoll) func() bool {
				return func() bool {
					return p.say(ucwaAnswer("409 Conflict", `{"code":"Conflict","subcode":"PGetReplaced"}`))
				}
			}),
			silent: want{code: OK, status: 409, frontEnd: true, elapsed: 10 * time.Second},
			busy:   want{code: OK, status: 409, frontEnd: true, elapsed: 10 * time.Second},
		},
		{
			name: "page-for-people", hold: 200 * time.Second, hang: func(p *heldPoll) bool {
				return p.say(replyText("200 OK", "text/html", "<html>Please wait</html>"))
			},
			silent: want{code: OK, status: 200, elapsed: 0, renewed: true},
			busy:   want{code: OK, status: 200, elapsed: 0, renewed: true},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o, who, w := signedInAt(t, &ucwaServer{hang: c.hang}, SigningIn{Hold: c.hold})
				o.holdPolls(t.Context(), who)
				w.served.Wait()
				for _, k := range []struct {
					purpose string
					want    want
				}{{PollSilent, c.silent}, {PollBusy, c.busy}} {
					p := pollOf(t, o, k.purpose)
					got := want{
						code: p.Outcome.Code, status: p.Status, frontEnd: p.FrontEnd, elapsed: p.Elapsed.Round(time.Second),
						delivered: p.Delivered, renewed: p.Renewed,
					}
					if got != k.want {
						t.Errorf("%s poll: got %+v, want %+v (%+v)", k.purpose, got, k.want, p)
					}
				}
			})
		})
	}
}
