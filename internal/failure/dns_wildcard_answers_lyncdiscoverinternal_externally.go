package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsWildcardAnswersLyncdiscoverinternalExternally = Mode{
	Rule: probe.Rule{
		ID:       "dns.wildcard-answers-lyncdiscoverinternal-externally",
		Severity: probe.Medium,
		Title:    "a wildcard record answers for the internal discovery name outside",
		Cause:    "clients ask for lyncdiscoverinternal first, so outside they talk to whatever the wildcard names before they try the right host",
		Remedy:   "Remove the wildcard record from the public zone, or make lyncdiscoverinternal an explicit name without address.",
		Sources:  []string{"Advanced Edge Server DNS planning", "RFC 4592 section 2.2"},
		Reads:    probe.Lookups,
		Detect:   detectDNSWildcardAnswersLyncdiscoverinternalExternally,
	},
	Confused: []probe.ID{"dns.lyncdiscoverinternal-published-externally"},
	Cases: []Case{
		{Name: "wildcard", Edit: func(t *topology.Topology) {
			addWebsite(t)
			t.External.Add("*."+t.SIPDomains[0], "A", topology.WebsitePublic.String())
		}},
	},
	Near: []Case{
		{Name: "wildcard-below-another-label", Edit: func(t *topology.Topology) {
			addWebsite(t)
			t.External.Add("*.shop."+t.SIPDomains[0], "A", topology.WebsitePublic.String())
		}},
	},
}

func detectDNSWildcardAnswersLyncdiscoverinternalExternally(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, d := range v.Domains() {
		r, stray := out.Resolve(internalLabel+d), out.Resolve(unknownLabel+d)
		if r.Exists() && commonAddress(r, stray) {
			evidence = append(evidence, out.SawLookup(r, "%s resolves to %s outside, and so does %s, which nobody made", r.Name, addressList(r), stray.Name))
		}
	}
	return verdict(evidence)
}
