package failure

import (
	"net/netip"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var networkWANRuleMissing = Mode{
	Rule: probe.Rule{
		ID:       "network.wan-rule-missing",
		Severity: probe.Critical,
		Title:    "no packet gets through to the public address",
		Cause:    "the firewall has no pass rule to the listener, an outer device does not forward the ports, or the address is not yours (from outside these look the same)",
		Remedy:   "Let TCP 443 and 80 from anywhere pass to the address of the reverse proxy (the listener, not the Front End), and look whether a router in front forwards them.",
		Settings: openWAN(),
		Sources:  []string{"Port and protocol details for the Lync 2013 reverse proxy", "pfSense squid package: reverse proxy generator"},
		Reads:    probe.Lookups | probe.Dials | probe.Exchanges | probe.Expectations,
		Detect:   detectNetworkWANRuleMissing,
		Explains: []probe.ID{"proxy.http80-closed", "proxy.service-not-enabled"},
	},
	Confused: []probe.ID{"network.hairpin-nat-refused", "proxy.service-not-enabled", "dns.internal-record-leaks-externally"},
	Cases: []Case{
		{Name: "both-ports", Edit: func(t *topology.Topology) {
			t.Paths = append(t.Paths, topology.Path{From: "external", To: topology.ProxyPublic.String(), Action: topology.Drop})
		}},
	},
	More: []Case{
		{Name: "port-443", Edit: func(t *topology.Topology) {
			t.Paths = append(t.Paths, topology.Path{From: "external", To: topology.ProxyPublic.String(), Port: 443, Action: topology.Drop})
		}},
	},
	Near: []Case{
		{Name: "other-ports-filtered", Edit: func(t *topology.Topology) {
			t.Paths = append(t.Paths, topology.Path{From: "external", To: topology.ProxyPublic.String(), Port: 4443, Action: topology.Drop})
		}},
	},
}

func detectNetworkWANRuleMissing(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, host := range publishedHosts(v) {
		r := out.Resolve(host)
		silent := 0
		var last *probe.Dial
		for _, a := range r.Addrs {
			if d := out.Dial(netip.AddrPortFrom(a, 443).String()); d != nil && !isPrivate(a) &&
				(d.Outcome.Code == probe.Timeout || d.Outcome.Code == probe.Unreachable) {
				silent++
				last = d
			}
		}
		if silent > 0 && silent == len(r.Addrs) {
			evidence = append(evidence, out.SawDial(last, "%s at %s gives no answer to a connection (%s)", host, last.Addr, last.Outcome.Words()))
		}
	}
	if len(evidence) == 0 {
		return probe.Clear()
	}
	for _, d := range out.Dials() {
		if d.Outcome.OK() {
			evidence = append(evidence, out.SawDial(&d, "a connection to %s does come about", d.Addr))
			break
		}
	}
	return probe.Found(evidence...)
}
