package load

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Plan says who comes how fast and does what.
type Plan struct {
	// Clients is how many sign in; more than zero.
	Clients int
	// SignIns is how many come per second; they leave as fast. Zero means that all have come after ten seconds.
	SignIns float64
	// WarmUp begins when the last has come; latencies count from its end. Faults always count.
	WarmUp time.Duration
	// Duration follows the warm-up. Zero means a minute.
	Duration time.Duration
	// Presence and Messages are how often each client changes its presence and writes to its partner, per minute; zero
	// means never.
	Presence, Messages float64
	// Churn is how often each client signs out and comes back at once, per minute; zero means never.
	Churn float64
	// PollTime is how long a silent poll is held; zero means 180 s, which is what servers do unless more is asked for. More
	// is asked for, up to 1800 s. Less is for servers whose time runs faster.
	PollTime time.Duration
	// Grace is how much later than expected a poll's answer and an event may come. Zero means 15 s. To it comes the time of
	// the slowest answer so far: where everything is slow, what is slow is not lost.
	Grace time.Duration
	// NTLM is the share of clients, from 0 to 1, that log on by NTLM over their connection. The others use the password
	// grant.
	NTLM float64
	// Progress is told of every second, by one goroutine. Nil means nobody is.
	Progress func(Second)
}

const (
	standardPoll  = 180 * time.Second // UCWA SDK, "events": the default, and the least that can be asked for
	longestPoll   = 1800 * time.Second
	standardGrace = 15 * time.Second
	standardRamp  = 10 // seconds
	maxClients    = 1_000_000
)

// The named levels.
const (
	lowClients    = 100
	mediumClients = 1_000
	highClients   = 10_000
)

// Low, Medium and High are plans of 100, 1,000 and 10,000 clients that stay a minute and do what phones do in a lively
// office: a presence change in two minutes, a message each minute, and every fifty minutes out and in again.
func Low() Plan { return level(lowClients, 20) }

// Medium is the plan of 1,000 clients.
func Medium() Plan { return level(mediumClients, 50) }

// High is the plan of 10,000 clients.
func High() Plan { return level(highClients, 200) }

func level(clients int, signIns float64) Plan {
	return Plan{
		Clients: clients, SignIns: signIns, WarmUp: 5 * time.Second, Duration: time.Minute, Presence: 0.5, Messages: 1, Churn: 0.02, NTLM: 0.1,
	}
}

// complete fills in what is zero.
func (p Plan) complete() Plan {
	p.Duration = cmp.Or(p.Duration, time.Minute)
	p.PollTime = cmp.Or(p.PollTime, standardPoll)
	p.Grace = cmp.Or(p.Grace, standardGrace)
	if p.SignIns == 0 {
		p.SignIns = max(1, float64(p.Clients)/standardRamp)
	}
	return p
}

// Validate tells what makes no sense in the plan.
func (p Plan) Validate() error {
	p = p.complete()
	switch {
	case p.Clients < 1 || p.Clients > maxClients:
		return fmt.Errorf("%d clients: want 1 to %d", p.Clients, maxClients)
	case !(p.SignIns > 0 && p.SignIns <= 1e5):
		return fmt.Errorf("%g sign-ins per second: want more than 0, and at most 100000", p.SignIns)
	case p.WarmUp < 0 || p.Duration < 0 || p.Grace < 0:
		return errors.New("a time of the plan is negative")
	case !(p.Presence >= 0 && p.Messages >= 0 && p.Presence <= maxPerMinute && p.Messages <= maxPerMinute):
		return fmt.Errorf("presence %g and messages %g per minute: want 0 to %d", p.Presence, p.Messages, maxPerMinute)
	case !(p.Churn >= 0 && p.Churn <= maxPerMinute):
		return fmt.Errorf("a churn of %g per minute: want 0 to %d", p.Churn, maxPerMinute)
	case p.PollTime < 0 || p.PollTime > longestPoll:
		return fmt.Errorf("polls of %s: want at most %s", p.PollTime, longestPoll)
	case !(p.NTLM >= 0 && p.NTLM <= 1):
		return fmt.Errorf("a share of %g that logs on by NTLM: want 0 to 1", p.NTLM)
	}
	return nil
}

// maxPerMinute is far beyond what a person does.
const maxPerMinute = 6000

// byNTLM tells whether the client of that index logs on by NTLM: the share is spread evenly.
func (p *Plan) byNTLM(index int) bool {
	return int(float64(index+1)*p.NTLM) > int(float64(index)*p.NTLM)
}
