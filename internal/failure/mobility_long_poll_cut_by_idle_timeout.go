package failure

import (
	"slices"
	"time"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var mobilityLongPollCutByIdleTimeout = Mode{
	Rule: probe.Rule{
		ID:       "mobility.long-poll-cut-by-idle-timeout",
		Severity: probe.High,
		Title:    "something on the way ends the clients' long poll before its time",
		Cause:    "a reverse proxy, load balancer or firewall gives up a connection that is silent for longer than its time-out; phones and web apps reconnect again and again, and messages come late",
		Remedy:   "Raise the time for which silence is borne on everything between client and Front End: at least 200 s, 960 s where phones are used, 1800 s on load balancers and firewalls. The time that is shown tells whose default it may be.",
		Settings: bearSilence(),
		Sources:  []string{"Deploy and configure mobility for Skype for Business Server", "Load balancing requirements for Skype for Business", "UCWA 2.0: Event channel details"},
		Reads:    probe.Polls | probe.Exchanges,
		Detect:   detectMobilityLongPollCutByIdleTimeout,
	},
	SignsIn: true, Holds: true,
	Confused: []probe.ID{"network.firewall-state-timeout"},
	Cases: []Case{
		{Name: "sixty-seconds", Edit: func(t *topology.Topology) { t.Proxy.ResponseTimeout = time.Minute }},
	},
	More: []Case{
		{Name: "thirty-seconds", Edit: func(t *topology.Topology) { t.Proxy.ResponseTimeout = 30 * time.Second }},
		{Name: "no-default-of-anybody", Edit: func(t *topology.Topology) { t.Proxy.ResponseTimeout = 75 * time.Second }},
	},
	Near: []Case{
		{Name: "five-minutes", Edit: func(t *topology.Topology) { t.Proxy.ResponseTimeout = 5 * time.Minute }},
	},
}

func detectMobilityLongPollCutByIdleTimeout(v *probe.View) probe.Verdict {
	straight := v.At(probe.Proxy)
	held := false
	var evidence, torn []probe.Evidence
	var least time.Duration // a clock that is late is late by chance: the shortest time is nearest to the setting
	for _, p := range v.Places() {
		for _, l := range pollsFor(p, probe.PollSilent) {
			held = true
			// A limit on the age of connections is another mode, when the proxy has it.
			if l.torn() {
				torn = append(torn, p.SawPoll(l.Poll, "a long poll of %s got no answer: the connection broke when it was due (%s), as it does when a time-out for writing counts from the request on", seconds(l.Asked), l.end()))
			}
			if !l.cut() || cutByAge(p, l.Elapsed) != nil && cutByAge(straight, l.Elapsed) == nil {
				continue
			}
			evidence = append(evidence, p.SawPoll(l.Poll, "a long poll that was to be silent for %s was ended after %s (%s)", seconds(l.Asked), seconds(l.Elapsed), l.end()))
			if least == 0 || l.Elapsed < least {
				least = l.Elapsed
			}
		}
	}
	switch {
	case !held:
		return noPollHeld
	case len(evidence) == 0:
		// Beside the proxy such a poll must have been answered.
		if len(torn) > 0 && slices.ContainsFunc(pollsFor(straight, probe.PollSilent), poll.whole) {
			return probe.Found(torn...)
		}
		return probe.Clear()
	}
	if whose := fits(least); whose != "" {
		evidence[0].Text += ": " + whose
	}
	for _, s := range pollsFor(straight, probe.PollSilent) {
		switch {
		case s.whole():
			return probe.Found(append(evidence, straight.SawPoll(s.Poll, "asked straight, the Front End is waited for: the time-out is the reverse proxy's, or that of something in front of it"))...)
		case s.cut():
			return probe.Found(append(evidence, straight.SawPoll(s.Poll, "it is so beside the reverse proxy too: the time-out is that of something between it and the Front End"))...)
		}
	}
	return probe.Found(evidence...)
}
