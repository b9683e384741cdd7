package failure

import (
	"fmt"
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
		Remedy:   "Raise the time for which silence is borne on everything between client and Front End: at least 200 s, 960 s where phones are used, 1800 s on load balancers and firewalls. The second shown tells whose default it may be.",
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
	held := false
	var evidence []probe.Evidence
	var straight []poll // beside the proxy
	for _, l := range pollsFor(v.At(probe.Proxy), probe.PollSilent) {
		straight = append(straight, l)
	}
	for _, p := range v.Places() {
		for _, l := range pollsFor(p, probe.PollSilent) {
			held = true
			// A limit on the age of connections is another mode, when the proxy has it.
			if !l.cut() || cutByAge(p, l.Elapsed) != nil && cutByAge(v.At(probe.Proxy), l.Elapsed) == nil {
				continue
			}
			text := fmt.Sprintf("a long poll that was to be silent for %s was ended after %s (%s)", seconds(l.Asked), seconds(l.Elapsed), l.end())
			if whose := fits(l.Elapsed); whose != "" {
				text += ": as long as " + whose + " waits unless told otherwise"
			}
			evidence = append(evidence, p.SawPoll(l.Poll, "%s", text))
			if p.Name() == probe.Proxy {
				continue
			}
			for _, s := range straight {
				switch {
				case s.whole():
					evidence = append(evidence, s.at.SawPoll(s.Poll, "asked straight, the Front End is waited for: the time-out is the reverse proxy's, or that of something in front of it"))
				case s.cut() && near(s.Elapsed, l.Elapsed):
					evidence = append(evidence, s.at.SawPoll(s.Poll, "asked straight, it is the same: the time-out is that of something between the reverse proxy and the Front End"))
				}
			}
		}
	}
	if !held {
		return noPollHeld
	}
	return verdict(evidence)
}
