package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsExternalWebFQDNUnresolvableInternally = Mode{
	Rule: probe.Rule{
		ID:       "dns.external-web-fqdn-unresolvable-internally",
		Severity: probe.High,
		Title:    "phones on the office network cannot resolve the external web services FQDN",
		Cause:    "mobility always uses the external web FQDN, and the internal zone has no such name",
		Remedy:   "Add the external web services FQDN to the internal zone, with an address of the reverse proxy that the office network reaches.",
		Settings: hairpin(),
		Sources:  []string{"Plan for Mobility for Skype for Business Server", "DNS requirements for Skype for Business Server"},
		Reads:    probe.Lookups | probe.Exchanges | probe.Expectations,
		Detect:   detectDNSExternalWebFQDNUnresolvableInternally,
	},
	Confused: []probe.ID{"network.hairpin-nat-refused", "dns.external-web-fqdn-missing", "dns.split-zone-shadow-missing-names"},
	Cases: []Case{
		{Name: "no-record", Edit: func(t *topology.Topology) {
			t.Internal.Remove(t.ExternalWeb())
		}},
	},
	Near: []Case{
		{Name: "inside-address", Edit: func(t *topology.Topology) {
			t.Internal.Address(topology.ProxyInside, t.ExternalWeb())
		}},
	},
}

func detectDNSExternalWebFQDNUnresolvableInternally(v *probe.View) probe.Verdict {
	in := insidePlace(v)
	if !in.Seen() {
		return notSeenInside
	}
	var evidence []probe.Evidence
	for _, host := range externalWebHosts(v) {
		r := in.Resolve(host)
		out := v.At(probe.External).Resolve(host)
		if !r.Missing() || (out.Asked() && !out.Exists()) {
			continue
		}
		evidence = append(evidence, in.SawLookup(r, "%s does not exist inside (%s)", host, r.Outcome.Words()))
		if out.Exists() {
			evidence = append(evidence, v.At(probe.External).SawLookup(out, "outside it resolves to %s", addressList(out)))
		}
	}
	return verdict(evidence)
}
