package probe

import (
	"context"
	"net/http"
	"sync"
)

// presence changes the presence of an account, and changes it back.
type presence struct {
	o           *observer
	who         *signedIn
	to          link
	was, other  string
	changed     bool
	unreachable bool
}

// ofPresence tells an event of the account's own presence.
func ofPresence(e *event) bool { return e.rel == "presence" }

// presenceAt is what each place sets: they change the presence of the same account at the same time, and what is so
// already is no change that anybody is told of.
var presenceAt = map[string]string{External: "Busy", Internal: "DoNotDisturb", WiFi: "BeRightBack", Proxy: "Away"}

// presences are those that accounts had before anybody of the run changed them. A nil one remembers nothing. It is safe for
// several goroutines.
type presences struct{ before sync.Map }

// of returns the presence that the account had when the first place looked: what the others see may be that one's.
func (p *presences) of(account Account, now string) string {
	if p == nil {
		return now
	}
	before, _ := p.before.LoadOrStore(account.SIP, now)
	return before.(string)
}

// presenceOf reads the presence of the client's account.
func (o *observer) presenceOf(ctx context.Context, who *signedIn) *presence {
	p := &presence{o: o, who: who}
	to, err := who.link("presence", "/me/presence")
	if err != nil {
		p.unreachable = true
		return p
	}
	p.to = to
	line := who.connect("presence")
	defer line.close()
	x, body := line.do(ctx, who.request(SignInUCWA, http.MethodGet, to.target))
	doc := ucwaOf(x, body)
	if doc == nil || x.Status != http.StatusOK {
		p.unreachable = true
		return p
	}
	o.forget(x)
	p.was, p.other = who.presences.of(who.account, doc.values["availability"]), presenceAt[o.v.Name]
	if p.was == p.other {
		p.other = "Online"
	}
	return p
}

// change sets another presence, and tells whether that was done.
func (p *presence) change(ctx context.Context) bool {
	p.changed = p.set(ctx, p.other)
	return p.changed
}

// restore sets the presence back, also when the run was stopped. What the server chose by itself it chooses again.
func (p *presence) restore(ctx context.Context) {
	switch p.was {
	case "Online", "Busy", "DoNotDisturb", "BeRightBack", "Away", "Offwork":
	default:
		p.was = "Online"
	}
	if p.changed {
		p.changed = false
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.o.limits.Request)
		defer cancel()
		p.set(ctx, p.was)
	}
}

// stir changes the presence and sets it back: one of the two is a change, whatever other places do to the same account
// meanwhile, and of either the account's applications are told.
func (p *presence) stir(ctx context.Context) {
	p.change(ctx)
	p.restore(ctx)
}

func (p *presence) set(ctx context.Context, availability string) bool {
	if p.unreachable {
		return false
	}
	line := p.who.connect("presence")
	defer line.close()
	x, _ := line.do(ctx, p.who.request(SignInUCWA, http.MethodPost, p.to.target).with(p.who.media, p.who.input(property{"availability", availability})))
	ok := x.Outcome.OK() && x.Status >= 200 && x.Status <= 299
	if ok {
		p.o.forget(x)
	}
	return ok
}

// makeAvailable says that the account is there, of which its application is told.
func (o *observer) makeAvailable(ctx context.Context, who *signedIn) bool {
	to, err := who.link("makeMeAvailable", "/me/makeMeAvailable")
	if err != nil {
		return false
	}
	line := who.connect("available")
	defer line.close()
	x, _ := line.do(ctx, who.request(SignInUCWA, http.MethodPost, to.target).with(who.media, who.input(
		property{"signInAs", "Online"}, property{"supportedModalities", []string{"Messaging"}}, property{"supportedMessageFormats", []string{"Plain"}})))
	switch ok := x.Outcome.OK() && x.Status >= 200 && x.Status <= 299; {
	case ok, x.Status == http.StatusConflict: // which means that it has been
		o.forget(x)
		return ok
	}
	return false
}
