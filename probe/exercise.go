package probe

import (
	"context"
	"sync"
)

// exercise does what clients do once they have an application: it holds the long poll, sends a message, and asks
// again and again. It adds the steps of the first client that came of it. The second account is nil when there is only
// one; the first is nil when nobody could sign in, and then only such requests are made as need no ticket.
func (o *observer) exercise(ctx context.Context, first, second *signedIn) {
	if first == nil {
		return
	}
	var all sync.WaitGroup
	if o.v.SignIn.Hold > 0 {
		all.Go(func() { o.holdPolls(ctx, first) })
	}
	all.Wait()
}

// step adds a step to the client's sign-in.
func (in *signedIn) step(s SignInStep) {
	if in.steps != nil {
		*in.steps = append(*in.steps, s)
	}
}
