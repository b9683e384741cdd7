package failure

import (
	"fmt"
	"slices"
	"time"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var networkFirewallStateTimeout = Mode{
	Rule: probe.Rule{
		ID:       "network.firewall-state-timeout",
		Severity: probe.Medium,
		Title:    "a firewall forgets silent connections without telling anybody",
		Cause:    "its state for an idle connection ends before the clients' long poll does; events are sent into nothing, and the client notices when its own time is over",
		Remedy:   "Raise the firewall's or NAT device's time for established idle TCP connections to 1800 s or more (and of any balancer in that way), or have the reverse proxy send TCP keep-alives more often than that.",
		Settings: settings(
			pfSquid, "System > Advanced > Firewall & NAT: Firewall Optimization Options: Conservative; or State Timeouts: TCP Established 86400.",
			pfHAProxy, "System > Advanced > Firewall & NAT: Firewall Optimization Options: Conservative; backend and frontend advanced: option tcpka",
			haproxy, "option clitcpka and option srvtcpka; sysctl -w net.ipv4.tcp_keepalive_time=60",
			nginx, "listen 443 ssl so_keepalive=60s:30s:4; proxy_socket_keepalive on;",
			apache, "ProxyPass / https://10.10.10.11:4443/ keepalive=On; sysctl -w net.ipv4.tcp_keepalive_time=60",
			caddy, "sysctl -w net.ipv4.tcp_keepalive_time=60  # Caddy has its connections probed by itself, every 15 or 30 s",
			arr, `HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters: KeepAliveTime (DWORD) 60000, and restart.`,
		),
		Sources: []string{"Load balancing requirements for Skype for Business", "RFC 5382 section 5"},
		Reads:   probe.Polls | probe.Exchanges,
		Detect:  detectNetworkFirewallStateTimeout,
	},
	SignsIn: true, Holds: true,
	Confused: []probe.ID{"mobility.long-poll-cut-by-idle-timeout"},
	Cases: []Case{
		{Name: "before-the-proxy", Edit: func(t *topology.Topology) {
			for _, from := range []string{probe.External, probe.Internal, probe.WiFi} {
				t.Paths = append(t.Paths, topology.Path{From: from, To: topology.ProxyPublic.String(), Action: topology.Forget, After: 2 * time.Minute})
			}
		}},
	},
	Near: []Case{
		{Name: "half-an-hour", Edit: func(t *topology.Topology) {
			t.Paths = append(t.Paths, topology.Path{From: probe.External, To: topology.ProxyPublic.String(), Action: topology.Forget, After: 30 * time.Minute})
		}},
	},
}

func detectNetworkFirewallStateTimeout(v *probe.View) probe.Verdict {
	held := false
	var evidence []probe.Evidence
	for _, p := range v.Places() {
		for _, l := range pollsFor(p, probe.PollSilent) {
			held = true
			if !l.lost() {
				continue
			}
			what := fmt.Sprintf("a long poll of %s was not answered", seconds(l.Asked))
			if l.Event > 0 {
				what += fmt.Sprintf(", and did not tell of what happened after %s", seconds(l.Event))
			}
			evidence = append(evidence, p.SawPoll(l.Poll, "%s: no answer came, and no end of the connection; on a fresh connection the server answers", what))
			if aged := lifeOf(p); aged != nil {
				evidence = append(evidence, *aged)
			}
		}
	}
	switch {
	case !held:
		return noPollHeld
	case len(evidence) > 0 && slices.ContainsFunc(pollsFor(v.At(probe.Proxy), probe.PollSilent), poll.whole):
		evidence = append(evidence, v.At(probe.Proxy).Saw("beside the proxy such a poll is answered: what forgets stands in front of the reverse proxy"))
	}
	return verdict(evidence)
}

// lifeOf says how long a silent connection lived, as far as a poll on which something happened tells; nil when none
// does.
func lifeOf(p *probe.Place) *probe.Evidence {
	for _, l := range pollsFor(p, probe.PollBusy) {
		if l.Event == 0 {
			continue
		}
		lived := "was dead already"
		if l.Delivered {
			lived = "still lived"
		}
		e := p.SawPoll(l.Poll, "a connection that had been silent for %s %s", seconds(l.Event), lived)
		return &e
	}
	return nil
}
