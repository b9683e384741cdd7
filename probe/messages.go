package probe

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// settling is how long the first events may take, which tell of what had been before: among them is the presence.
const settling = 200 * time.Millisecond

// soon is a poll for what happens at once.
func (o *observer) soon(happen func(context.Context) bool, wanted func(*event) bool) waiting {
	return waiting{
		purpose: PollMessage, asked: shortestAsk, until: max(o.real(delivery), leastWait), happen: happen, wanted: wanted,
	}
}

// ownEvent changes the presence of the account, of which its own application is told.
func (o *observer) ownEvent(ctx context.Context, who *signedIn) {
	c := o.channel(who, "own events")
	defer c.close()
	change := o.presenceOf(ctx, who)
	defer change.restore(ctx)
	w := o.soon(change.change, ofPresence)
	w.at = settling
	p, _, _ := c.hold(ctx, w)
	o.notePoll(p)
	// The next poll of the application goes on where this one ended.
	who.links["events"] = c.next

	s := SignInStep{Name: StepEvents, Result: StepFailed, Exchange: p.Exchange, Text: "no events came: " + p.Outcome.Words()}
	switch {
	case p.Delivered:
		s.Result, s.Text = StepOK, "the events tell of a change of presence"
	case p.FrontEnd && p.Status == http.StatusOK && p.Event == 0:
		s.Result, s.Text = StepOK, "events came; the presence could not be changed"
	case p.Event > 0 && (p.Status == http.StatusOK && p.FrontEnd || p.Outcome.Code == Timeout):
		s.Text = "no event told of a change of presence"
	case p.Outcome.OK():
		s.Text = "the answer is no list of events" + ofStatus(p.Status)
	}
	who.step(s)
}

// message sends a message from one account to the other, as people do: an invitation, which the other accepts, and the
// message itself.
func (o *observer) message(ctx context.Context, first, second *signedIn) {
	step := SignInStep{Name: StepMessage, Result: StepFailed}
	defer func() { first.step(step) }()
	// Other places may be writing to the same account at the same time.
	token := "lyncpin-" + newUUID()
	to, err := first.link("startMessaging", "/communication/messagingInvitations")
	if err != nil {
		step.Text = "the application names nowhere to start a conversation"
		return
	}
	o.makeAvailable(ctx, second) // for only those who are ring
	inbox, outbox := o.channel(second, "inbox"), o.channel(first, "outbox")
	defer inbox.close()
	defer outbox.close()
	defer func() { second.links["events"], first.links["events"] = inbox.next, outbox.next }()

	p, invitation, _ := inbox.hold(ctx, o.soon(
		o.doing(first, &step, request2xx(first, to, first.input(
			property{"operationId", newUUID()}, property{"to", "sip:" + second.account.SIP}, property{"subject", token}, property{"importance", "Normal"}))),
		func(e *event) bool { return e.links["accept"] != "" && e.has(token) }))
	if invitation == nil {
		o.notePoll(p)
		step.fail("the invitation to a conversation did not arrive")
		return
	}
	accept, err := second.follow(invitation.links["accept"])
	if err != nil {
		step.fail("the invitation cannot be accepted")
		return
	}
	p, begun, _ := outbox.hold(ctx, o.soon(
		o.doing(second, &step, request2xx(second, accept, second.input())),
		func(e *event) bool { return e.links["sendMessage"] != "" }))
	if begun == nil {
		o.notePoll(p)
		step.fail("no event told that the invitation was accepted")
		return
	}
	send, err := first.follow(begun.links["sendMessage"])
	if err != nil {
		step.fail("the conversation names nowhere to send a message")
		return
	}
	text := request2xx(first, send, []byte(token))
	text.header.Set("Content-Type", "text/plain")
	p, came, _ := inbox.hold(ctx, o.soon(
		o.doing(first, &step, text),
		func(e *event) bool {
			inline := e.links["plainMessage"]
			return e.rel == "message" && (inline == "" || strings.Contains(inline, token)) && e.values["message.direction"] != "Outgoing"
		}))
	o.notePoll(p)
	step.Exchange = p.Exchange
	if came == nil {
		step.fail("the message did not arrive")
		return
	}
	step.Result, step.Text = StepOK, "a message to "+second.account.SIP+" arrived"
}

// fail says why a step failed, unless that is known.
func (s *SignInStep) fail(why string) {
	if s.Text == "" {
		s.Text = why
	}
}

// request2xx is a POST that is answered with 2xx.
func request2xx(who *signedIn, to link, body []byte) signedRequest {
	return who.request(SignInUCWA, http.MethodPost, to.target).with(who.media, body)
}

// doing sends a request while a poll is held. When it is not answered with 2xx the step says so.
func (o *observer) doing(who *signedIn, step *SignInStep, r signedRequest) func(context.Context) bool {
	return func(ctx context.Context) bool {
		line := who.connect("messages")
		defer line.close()
		x, _ := line.do(ctx, r)
		if x.Outcome.OK() && x.Status >= 200 && x.Status <= 299 {
			o.forget(x)
			return true
		}
		step.Exchange = x.ID
		step.fail(r.method + " " + r.target + " was not done: " + x.Outcome.Words() + ofStatus(x.Status))
		return false
	}
}
