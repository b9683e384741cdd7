package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsLyncdiscoverinternalMissingInternally = Mode{
	Rule: probe.Rule{
		ID:       "dns.lyncdiscoverinternal-missing-internally",
		Severity: probe.High,
		Title:    "the internal discovery name does not exist inside",
		Cause:    "the internal zone lacks the record, so clients inside take the way over the Internet or fail",
		Remedy:   "Add lyncdiscoverinternal.<SIP domain> to the internal zone, pointing at the internal web services of the pool or Director.",
		Sources:  []string{"DNS requirements for Skype for Business Server", "DNS summary - Autodiscover in Lync Server 2013"},
		Reads:    probe.Lookups,
		Detect:   detectDNSLyncdiscoverinternalMissingInternally,
	},
	Confused: []probe.ID{"dns.lyncdiscover-missing", "dns.split-zone-shadow-missing-names"},
	Cases: []Case{
		{Name: "no-record", Edit: func(t *topology.Topology) {
			t.Internal.Remove(t.InternalDiscovery(0), t.InternalDiscovery(1))
		}},
	},
	More: []Case{
		{Name: "second-domain", Edit: func(t *topology.Topology) {
			t.Internal.Remove(t.InternalDiscovery(1))
		}},
	},
	Near: []Case{
		{Name: "by-cname", Edit: func(t *topology.Topology) {
			t.Internal.Set(t.InternalDiscovery(0), "CNAME", t.InternalWeb())
		}},
	},
}

func detectDNSLyncdiscoverinternalMissingInternally(v *probe.View) probe.Verdict {
	in := v.At(probe.Internal)
	if !in.Seen() {
		return notSeenInside
	}
	var evidence []probe.Evidence
	for _, d := range v.Domains() {
		if r := in.Resolve(internalLabel + d); r.Missing() {
			evidence = append(evidence, in.SawLookup(r, "%s does not exist inside (%s)", r.Name, r.Outcome.Words()))
		}
	}
	return verdict(evidence)
}
