package probe

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

var signInWords = map[string]string{
	StepDiscovery: "discovery", StepChallenge: "where to get a ticket", StepMetadata: "description of the ticket service",
	StepTicket: "ticket", StepUser: "user document", StepPool: "the same at the home pool", StepSIP: "SIP access point",
	StepApplication: "application", StepAvailable: "makes itself available", StepEvents: "first events",
	StepMessage: "message to the other account", StepSession: "Mcx service", StepRepeat: "application again and again",
	StepUpload: "large requests", StepEnd: "application deleted",
}

var clientWords = map[string]string{
	ClientMobile2010: "a phone with Lync 2010", ClientMobile2013: "a phone", ClientWeb: "a web application", ClientDesktop: "a desktop client",
}

// signIns show each client's way from its credentials to its work.
func (t *tree) signIns() []Step {
	group := Step{ID: t.id("sign-ins"), Name: "signing in"}
	for i := range t.sec.SignIns {
		in := &t.sec.SignIns[i]
		path := "sign-in/" + in.Client + "/" + in.Account
		s := Step{ID: t.id(path), Name: in.Account + " as " + orSelf(clientWords, in.Client)}
		if x := t.firstOf(in); x != nil && t.sec.Vantage == Proxy {
			s.Name += " at " + x.Addr
		}
		for j := range in.Steps {
			s.Steps = append(s.Steps, t.signInStep(&in.Steps[j], strings.TrimPrefix(s.ID, t.at+"/")))
		}
		group.Steps = append(group.Steps, grouped(s))
	}
	if len(group.Steps) == 0 {
		return nil
	}
	return []Step{grouped(group)}
}

// firstOf is the first exchange of a sign-in; nil when it came to none.
func (t *tree) firstOf(in *SignIn) *Exchange {
	for i := range in.Steps {
		if x := t.exchanges[in.Steps[i].Exchange]; x != nil {
			return x
		}
	}
	return nil
}

func (t *tree) signInStep(p *SignInStep, path string) Step {
	s := Step{ID: t.id(path + "/" + p.Name), Name: orSelf(signInWords, p.Name), State: Noted, Detail: clip(p.Text)}
	switch p.Result {
	case StepOK:
		s.State = Passed
	case StepFailed:
		s.State = Failed
	case StepSkipped:
		s.State, s.Detail = NotTried, clip("not tried because "+p.Text)
	}
	if x := t.exchanges[p.Exchange]; x != nil {
		s = timed(s, x.Elapsed)
	}
	if at := slices.IndexFunc(t.sec.Logons, func(l Logon) bool { return l.ID == p.Logon }); at >= 0 && p.Logon != 0 {
		s.Steps = append(s.Steps, t.logon(&t.sec.Logons[at]))
	}
	return bounded(s)
}

var logonWords = map[string]string{
	LogonGranted: "granted", LogonRefused: "refused", LogonNotOffered: "not offered here",
	LogonNoChallenge: "the first message was not answered with a challenge", LogonFailed: "came to no end",
}

// logon shows one Windows authentication.
func (t *tree) logon(l *Logon) Step {
	s := Step{ID: t.id(fmt.Sprintf("logon/%d", l.ID)), Name: "log-on", State: Failed}
	if l.Scheme != "" {
		s.Name += " by " + l.Scheme
	}
	s.Name = clip(s.Name + " at " + l.URL)
	parts := []string{orSelf(logonWords, l.Result)}
	if l.Result == LogonGranted {
		s.State = Passed
	}
	if len(l.Offered) > 0 {
		parts = append(parts, "offered "+strings.Join(l.Offered, ", "))
	}
	if servers := slices.Compact(slices.DeleteFunc(slices.Clone(l.Servers), func(f string) bool { return f == "" })); len(servers) > 0 {
		parts = append(parts, "answered by "+strings.Join(servers, ", then "))
	}
	switch l.Kept {
	case "yes":
		parts = append(parts, "the connection stayed logged on")
	case "no":
		parts = append(parts, "the connection did not stay logged on")
	}
	if l.Bound {
		parts = append(parts, "bound to the TLS connection")
	}
	s.Detail = clip(strings.Join(parts, "; "))
	return s
}

// readable is a time as the report gives it: tenths of a second are enough for what lasts longer.
func readable(d time.Duration) time.Duration {
	if d > 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}

var pollWords = map[string]string{PollSilent: "a silent long poll", PollBusy: "a busy long poll", PollMessage: "a long poll that a message ends"}

// polls show the long polls that were held.
func (t *tree) polls() []Step {
	group := Step{ID: t.id("polls"), Name: "long polls"}
	for i := range t.sec.Polls {
		p := &t.sec.Polls[i]
		s := Step{ID: t.id(fmt.Sprintf("poll/%d", p.ID)), Name: orSelf(pollWords, p.Purpose) + " of " + orSelf(clientWords, p.Client), State: Passed}
		var parts []string
		switch {
		case p.Outcome.OK() && p.FrontEnd:
			parts = append(parts, fmt.Sprintf("answered with %d after %s", p.Status, readable(p.Elapsed)))
		case p.Outcome.OK():
			s.State = Failed
			parts = append(parts, fmt.Sprintf("answered with %d after %s by something that is no Front End", p.Status, readable(p.Elapsed)))
		case p.Outcome.Code == Timeout && (p.Event == 0 || p.Delivered):
			parts = append(parts, fmt.Sprintf("still waiting after %s, as it should be", readable(p.Elapsed)))
		default:
			s.State = Failed
			parts = append(parts, fmt.Sprintf("ended after %s: %s", readable(p.Elapsed), words(p.Outcome)))
		}
		switch {
		case p.Event == 0:
		case p.Delivered:
			parts = append(parts, fmt.Sprintf("told of what happened after %s", readable(p.Event)))
		default:
			s.State = Failed
			parts = append(parts, fmt.Sprintf("did not tell of what happened after %s", readable(p.Event)))
		}
		s.Detail = clip(strings.Join(parts, "; "))
		group.Steps = append(group.Steps, timed(s, readable(p.Elapsed)))
	}
	if len(group.Steps) == 0 {
		return nil
	}
	return []Step{grouped(group)}
}

// crowds show what came of many requests at once.
func (t *tree) crowds() []Step {
	var out []Step
	for i := range t.sec.Crowds {
		c := &t.sec.Crowds[i]
		s := Step{ID: t.id(fmt.Sprintf("crowd/%d", i+1)), State: Passed}
		s.Name = fmt.Sprintf("%s over %s", Count(c.Requests, "request at once", "requests at once"), Count(c.Connections, "connection", "connections"))
		switch {
		case c.Foreign > 0:
			s.State = Failed
			s.Detail = clip(fmt.Sprintf("%s as another account: %s was taken for %s", Count(c.Foreign, "was answered", "were answered"), c.Account, c.Taken))
		case c.Failed > 0:
			s.State, s.Detail = Noted, fmt.Sprintf("%d failed", c.Failed)
		default:
			s.Detail = "each was answered as the account that asked"
		}
		out = append(out, s)
	}
	return out
}

// orSelf is the word for a name, or the name when there is none.
func orSelf(words map[string]string, name string) string {
	if w, ok := words[name]; ok {
		return w
	}
	return clip(name)
}
