package failure

import (
	"net/netip"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsAAAAPresentV6Unreachable = Mode{
	Rule: probe.Rule{
		ID:       "dns.aaaa-present-v6-unreachable",
		Severity: probe.High,
		Title:    "a public name has an IPv6 address that does not work",
		Cause:    "the AAAA record was published, but the path or the listener for IPv6 is missing; many mobile carriers prefer IPv6",
		Remedy:   "Remove the AAAA record, or bind the reverse proxy and open the firewall on the IPv6 address.",
		Settings: settings(
			pfSquid, "Add the IPv6 address to the user-defined reverse proxy IPs, and a WAN rule for it.",
			pfHAProxy, "Frontend > External address: add the IPv6 address; WAN rule for it.",
			haproxy, "bind [2001:db8::10]:443 ssl crt site.pem",
			nginx, "listen [::]:443 ssl;",
			apache, "Listen [2001:db8::10]:443",
			caddy, "bind [2001:db8::10] 203.0.113.10  # in the sites of 443 and 80",
		),
		Sources:  []string{"RFC 8305 section 1"},
		Reads:    probe.Lookups | probe.Dials | probe.Exchanges | probe.Expectations,
		Detect:   detectDNSAAAAPresentV6Unreachable,
		Explains: []probe.ID{"proxy.http80-closed"},
	},
	Confused: []probe.ID{"network.wan-rule-missing", "dns.multiple-a-one-dead"},
	Cases: []Case{
		{Name: "nothing-there", Edit: func(t *topology.Topology) {
			t.External.Add(t.Discovery(0), "AAAA", topology.ProxyPublicV6.String())
			t.External.Add(t.ExternalWeb(), "AAAA", topology.ProxyPublicV6.String())
		}},
	},
	Near: []Case{
		{Name: "dual-stack", Edit: func(t *topology.Topology) {
			t.Proxy.Addresses = append(t.Proxy.Addresses, topology.ProxyPublicV6)
			t.External.Add(t.Discovery(0), "AAAA", topology.ProxyPublicV6.String())
		}},
	},
}

func detectDNSAAAAPresentV6Unreachable(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	blind := ""
	for _, host := range publishedHosts(v) {
		var four, six *probe.Dial
		for _, a := range out.Resolve(host).Addrs {
			d := out.Dial(netip.AddrPortFrom(a, 443).String())
			switch {
			case d == nil:
			case a.Is4() && d.Outcome.OK():
				four = d
			case a.Is6() && d.Outcome.Code == probe.Unreachable:
				blind = d.Addr // most likely this machine has no IPv6 itself
			case a.Is6() && !d.Outcome.OK():
				six = d
			}
		}
		if four != nil && six != nil {
			evidence = append(evidence, out.SawDial(six, "%s at its IPv6 address %s gives no connection (%s), while %s does", host, six.Addr, six.Outcome.Words(), four.Addr))
		}
	}
	if len(evidence) == 0 && blind != "" {
		return probe.NotApplicable("this machine has no way to " + blind + ": it seems to have no IPv6 itself")
	}
	return verdict(evidence)
}
