package failure

import (
	"net/netip"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsInternalRecordLeaksExternally = Mode{
	Rule: probe.Rule{
		ID:       "dns.internal-record-leaks-externally",
		Severity: probe.Critical,
		Title:    "a public name has a private address",
		Cause:    "the public zone holds an internal record; nobody on the Internet can reach such an address",
		Remedy:   "Publish the public address of the reverse proxy, and keep the internal zone separate.",
		Sources:  []string{"RFC 1918 section 3", "Plan for Mobility for Skype for Business Server"},
		Reads:    probe.Lookups | probe.Dials | probe.Exchanges | probe.Expectations,
		Detect:   detectDNSInternalRecordLeaksExternally,
		Explains: append([]probe.ID{"network.wan-rule-missing", "network.nat-to-wrong-host", "proxy.service-not-enabled", "proxy.http80-closed", "proxy.port-not-flipped", "proxy.port-443-not-flipped-80-is", "proxy.port-80-not-flipped", "tls.missing-san-lyncdiscover", "tls.san-missing-second-sip-domain"}, whatFollowsFromWrongSite...),
	},
	Confused: []probe.ID{"dns.lyncdiscoverinternal-published-externally", "network.wan-rule-missing"},
	Cases: []Case{
		{Name: "lyncdiscover", Edit: func(t *topology.Topology) {
			t.External.Address(topology.BalancerInside, t.Discovery(0))
		}},
	},
	More: []Case{
		{Name: "external-web", Edit: func(t *topology.Topology) {
			t.External.Address(topology.ProxyInside, t.ExternalWeb())
		}},
		{Name: "meet", Edit: func(t *topology.Topology) {
			t.External.Address(topology.BalancerInside, "meet."+t.SIPDomains[0])
		}},
	},
	Near: []Case{
		{Name: "private-address-inside-only", Edit: func(t *topology.Topology) {
			t.Internal.Address(topology.ProxyInside, t.ExternalWeb())
		}},
	},
}

func detectDNSInternalRecordLeaksExternally(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, host := range publishedHosts(v) {
		r := out.Resolve(host)
		for _, a := range r.Addrs {
			d := out.Dial(netip.AddrPortFrom(a, 443).String())
			switch {
			case !isPrivate(a) || d == nil:
			case !d.Outcome.OK():
				evidence = append(evidence, out.SawLookup(r, "%s resolves to %s outside, a private address, and no connection comes about (%s)", host, a, d.Outcome.Words()))
			case internalSigns(out, host): // a bench where everything is private shows the external site
				evidence = append(evidence, out.SawLookup(r, "%s resolves to %s outside, a private address, where the internal web site answers", host, a))
			}
		}
	}
	return verdict(evidence)
}

var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// isPrivate tells addresses that no packet from the Internet reaches: RFC 1918, RFC 4193, RFC 6598.
func isPrivate(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsLoopback() || sharedSpace.Contains(a)
}
