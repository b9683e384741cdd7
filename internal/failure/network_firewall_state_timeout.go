package failure

import (
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
	More: []Case{
		{Name: "behind-the-proxy", Edit: func(t *topology.Topology) {
			for _, n := range t.FrontEndPool().Nodes {
				t.Paths = append(t.Paths, topology.Path{From: probe.Proxy, To: n.Address.String(), Action: topology.Forget, After: 2 * time.Minute})
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
			what := "its own time was over"
			if l.Event > 0 {
				what = "something happened after " + seconds(l.Event)
			}
			evidence = append(evidence, p.SawPoll(l.Poll, "a long poll was silent, %s, and within %s nothing came: no answer, no end of the connection; a fresh connection is answered", what, seconds(l.Held)))
		}
	}
	if !held {
		return noPollHeld
	}
	return verdict(evidence)
}
