package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsSplitZoneShadowMissingNames = Mode{
	Rule: probe.Rule{
		ID:       "dns.split-zone-shadow-missing-names",
		Severity: probe.High,
		Title:    "names of the public zone are missing in the internal copy of it",
		Cause:    "the internal name server is authoritative for the same zone and hides the public records it does not have",
		Remedy:   "Add the missing names to the internal zone, or use pin-point zones for the single names instead of a copy of the whole zone.",
		Sources:  []string{"Advanced Edge Server DNS planning", "DNS requirements for Skype for Business Server"},
		Reads:    probe.Lookups | probe.Expectations,
		Detect:   detectDNSSplitZoneShadowMissingNames,
		Explains: []probe.ID{"dns.external-web-fqdn-unresolvable-internally"},
	},
	Confused: []probe.ID{"dns.lyncdiscover-missing", "dns.external-web-fqdn-unresolvable-internally", "meeting.simple-url-dns-missing"},
	Cases: []Case{
		{Name: "simple-urls", Edit: func(t *topology.Topology) {
			t.Internal.Remove("meet."+t.SIPDomains[0], "meet."+t.SIPDomains[1], "dialin."+t.SIPDomains[0])
		}},
	},
	More: []Case{
		{Name: "all-public-names", Edit: func(t *topology.Topology) {
			t.Internal.Remove("meet."+t.SIPDomains[0], "dialin."+t.SIPDomains[0], t.ExternalWeb(), t.Discovery(0), "wac."+t.SIPDomains[0])
		}},
	},
	Near: []Case{
		{Name: "no-public-discovery-inside", Edit: func(t *topology.Topology) {
			t.Internal.Remove(t.Discovery(0), t.Discovery(1))
		}},
	},
}

func detectDNSSplitZoneShadowMissingNames(v *probe.View) probe.Verdict {
	in, out := v.At(probe.Internal), v.At(probe.External)
	if !in.Seen() {
		in = v.At(probe.WiFi)
	}
	if !in.Seen() || !out.Seen() {
		return probe.NotApplicable("the record has not both a view from inside and one from outside")
	}
	var evidence []probe.Evidence
	for _, host := range slices.Concat(simpleHosts(v), v.Expected().OfficeWebApps) {
		r := in.Resolve(host)
		if r.Missing() && out.Resolve(host).Exists() {
			evidence = append(evidence, in.SawLookup(r, "%s does not exist inside (%s, zone %s), though it does outside", host, r.Outcome.Words(), r.SOA))
		}
	}
	return verdict(evidence)
}
