package failure

import (
	"net/netip"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsMultipleAOneDead = Mode{
	Rule: probe.Rule{
		ID:       "dns.multiple-a-one-dead",
		Severity: probe.High,
		Title:    "one of several public addresses of a name does not work",
		Cause:    "round robin in the DNS has no fail-over: every client that draws the dead address fails",
		Remedy:   "Remove the dead address from the DNS or repair the listener there.",
		Sources:  []string{"Load balancing requirements for Skype for Business"},
		Reads:    probe.Lookups | probe.Dials | probe.Exchanges | probe.Expectations,
		Detect:   detectDNSMultipleAOneDead,
		Explains: []probe.ID{"proxy.service-not-enabled", "network.wan-rule-missing", "tls.missing-san-lyncdiscover"},
	},
	Confused: []probe.ID{"frontend.one-node-down", "dns.aaaa-present-v6-unreachable"},
	Cases: []Case{
		{Name: "closed", Edit: func(t *topology.Topology) {
			t.External.Add(t.Discovery(0), "A", "203.0.113.11")
			t.External.Add(t.ExternalWeb(), "A", "203.0.113.11")
		}},
	},
	Near: []Case{
		{Name: "two-live", Edit: func(t *topology.Topology) {
			second := netip.MustParseAddr("203.0.113.11")
			t.Proxy.Addresses = append(t.Proxy.Addresses, second)
			t.External.Add(t.Discovery(0), "A", second.String())
		}},
	},
}

func detectDNSMultipleAOneDead(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, host := range publishedHosts(v) {
		var alive, dead []*probe.Dial
		for _, a := range out.Resolve(host).Addrs {
			d := out.Dial(netip.AddrPortFrom(a, 443).String())
			switch {
			case d == nil || !a.Is4():
			case d.Outcome.OK():
				alive = append(alive, d)
			default:
				dead = append(dead, d)
			}
		}
		if len(alive) == 0 {
			continue
		}
		for _, d := range dead {
			evidence = append(evidence, out.SawDial(d, "%s has the addresses %s and %s: the second gives no connection (%s)", host, alive[0].Addr, d.Addr, d.Outcome.Words()))
		}
	}
	return verdict(evidence)
}
