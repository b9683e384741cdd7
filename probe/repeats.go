package probe

import (
	"context"
	"fmt"
	"net/http"
	"sync"
)

// again asks for the application on fresh connections, a few at a time: a proxy keeps its connection to a server for the
// next request, so only requests that overlap show several servers, and whether all of them know the application.
func (o *observer) again(ctx context.Context, who *signedIn) {
	step := SignInStep{Name: StepRepeat, Result: StepOK}
	var failed, asked int
	for left := o.limits.Repeats; left > 0 && ctx.Err() == nil; left -= together {
		answers := make([]*Exchange, min(left, together))
		good := make([]bool, len(answers))
		var asking sync.WaitGroup
		for i := range answers {
			asking.Go(func() {
				line := who.connect("repeat")
				defer line.close()
				x, body := line.do(ctx, who.request(SignInRepeat, http.MethodGet, who.application.target))
				answers[i], good[i] = x, x.Status == http.StatusOK && ucwaOf(x, body) != nil
			})
		}
		asking.Wait()
		silent := false
		for i, x := range answers {
			if x.ID == 0 {
				continue
			}
			asked++
			if !good[i] {
				failed++
				step.Exchange = x.ID
				step.Text = x.Outcome.Words() + ofStatus(x.Status)
			}
			silent = silent || x.Outcome.Code == Timeout
		}
		if silent { // a server that does not answer has been seen not to
			break
		}
	}
	switch {
	case asked == 0:
		return
	case failed > 0:
		step.Result = StepFailed
		step.Text = fmt.Sprintf("%d of %d requests were not answered with the application: %s", failed, asked, step.Text)
	default:
		step.Text = fmt.Sprintf("%d requests were answered with the application", asked)
	}
	who.step(step)
}

// put sends a method that lists of methods forget. A Front End refuses it in its own words.
func (o *observer) put(ctx context.Context, who *signedIn) {
	line := who.connect("put")
	defer line.close()
	line.do(ctx, who.request(SignInPut, http.MethodPut, who.application.target).with(who.media, who.input(property{"culture", "en-US"})))
}

// ofStatus is the status in brackets; empty when there was no answer.
func ofStatus(status int) string {
	if status == 0 {
		return ""
	}
	return fmt.Sprintf(" (HTTP %d)", status)
}
