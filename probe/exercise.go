package probe

import (
	"context"
	"net/netip"
	"sync"
)

// exercise does what clients do once they have an application: it holds the long poll, sends a message, and asks
// again and again. It adds the steps of the first client that came of it. The second account is nil when there is only
// one; the first is nil when nobody could sign in, and then only such requests are made as need no ticket.
func (o *observer) exercise(ctx context.Context, first, second *signedIn) {
	brief := o.v.SignIn.Brief
	if first == nil {
		if !brief {
			o.uploadAnonymously(ctx)
		}
		return
	}
	o.ownEvent(ctx, first)
	if second != nil {
		o.message(ctx, first, second)
	} else {
		first.step(SignInStep{Name: StepMessage, Result: StepSkipped, Text: "there is no second account to write to"})
	}
	var holding sync.WaitGroup
	if o.v.SignIn.Hold > 0 {
		holding.Go(func() { o.holdPolls(ctx, first) })
	}
	o.put(ctx, first)
	o.logonOverHTTP2(ctx, first)
	if !brief {
		o.again(ctx, first)
		o.upload(ctx, first)
		if second != nil {
			o.crowd(ctx, first, second)
		}
		o.strangers(ctx, first)
	}
	holding.Wait()
}

// step adds a step to the client's sign-in.
func (in *signedIn) step(s SignInStep) {
	if in.steps != nil {
		*in.steps = append(*in.steps, s)
	}
}

// uploadAnonymously uploads where a Front End asks for a ticket: also its refusal says that it was reached.
func (o *observer) uploadAnonymously(ctx context.Context) {
	if o.v.Name != External {
		return
	}
	for _, host := range o.webHosts() {
		for _, a := range o.resolve(ctx, host) {
			at := endpoint{scheme: "https", host: host, addr: netip.AddrPortFrom(a, 443)}
			if !o.reach(ctx, host, at.addr).outcome.OK() {
				continue
			}
			for _, r := range uploads("/ucwa/v1/applications") {
				line := o.newClientConn(at, "upload", &secrets{})
				line.do(ctx, r)
				line.close()
			}
			break
		}
	}
}
