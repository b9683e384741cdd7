package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsLyncdiscoverinternalPublishedExternally = Mode{
	Rule: probe.Rule{
		ID:       "dns.lyncdiscoverinternal-published-externally",
		Severity: probe.Medium,
		Title:    "the internal discovery name exists in the public DNS",
		Cause:    "the internal record was copied to the public zone, or one zone serves both sides",
		Remedy:   "Delete lyncdiscoverinternal from the public zone; it must resolve only inside.",
		Sources:  []string{"Plan for Mobility for Skype for Business Server", "DNS requirements for Skype for Business Server"},
		Reads:    probe.Lookups,
		Detect:   detectDNSLyncdiscoverinternalPublishedExternally,
		Explains: []probe.ID{"tls.missing-san-lyncdiscover"},
	},
	Confused: []probe.ID{"dns.wildcard-answers-lyncdiscoverinternal-externally", "dns.internal-record-leaks-externally"},
	Cases: []Case{
		{Name: "private-address", Edit: func(t *topology.Topology) {
			t.External.Address(topology.BalancerInside, t.InternalDiscovery(0))
		}},
	},
	More: []Case{
		{Name: "proxy-address", Edit: func(t *topology.Topology) {
			t.External.Address(topology.ProxyPublic, t.InternalDiscovery(0))
		}},
	},
	Near: []Case{
		{Name: "empty-name", Edit: func(t *topology.Topology) {
			t.External.Set(t.InternalDiscovery(0), "TXT", `"not here"`)
		}},
	},
}

func detectDNSLyncdiscoverinternalPublishedExternally(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, d := range v.Domains() {
		r, stray := out.Resolve(internalLabel+d), out.Resolve(unknownLabel+d)
		if r.Exists() && !commonAddress(r, stray) {
			evidence = append(evidence, out.SawLookup(r, "%s resolves to %s outside; a name that nobody made does not resolve", r.Name, addressList(r)))
		}
	}
	return verdict(evidence)
}
