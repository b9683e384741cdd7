package failure

import (
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsInternalWebFQDNExposed = Mode{
	Rule: probe.Rule{
		ID:       "dns.internal-web-fqdn-exposed",
		Severity: probe.Low,
		Title:    "the internal web services FQDN exists in the public DNS",
		Cause:    "the internal name was put into the public zone; with any other mistake it makes the internal site reachable",
		Remedy:   "Remove the internal web services FQDN from the public zone: it must resolve only inside.",
		Sources:  []string{"Plan for Mobility for Skype for Business Server"},
		Reads:    probe.Lookups | probe.Exchanges | probe.Expectations,
		Detect:   detectDNSInternalWebFQDNExposed,
	},
	Confused: []probe.ID{"dns.internal-record-leaks-externally"},
	Cases: []Case{
		{Name: "proxy-address", Edit: func(t *topology.Topology) {
			t.External.Address(topology.ProxyPublic, t.InternalWeb())
		}},
	},
	Near: []Case{
		{Name: "inside-only", Edit: func(t *topology.Topology) {
			t.Internal.Address(topology.FE1Inside, t.InternalWeb())
		}},
	},
}

func detectDNSInternalWebFQDNExposed(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	hosts := slices.Clone(v.Expected().InternalWeb)
	in := v.At(probe.Internal)
	for _, x := range in.Exchanges(probe.GetRoot, probe.GetRootLegacy) {
		if x.Document != nil && x.Document.Redirect() == "" && in.SiteOf(x) == probe.InternalSite {
			hosts = append(hosts, x.Document.Hosts()...)
		}
	}
	slices.Sort(hosts)
	external := externalWebHosts(v)
	var evidence []probe.Evidence
	for _, host := range slices.Compact(hosts) {
		_, below, _ := strings.Cut(host, ".")
		wildcard := out.Resolve(unknownLabel + below)
		if r := out.Resolve(host); r.Exists() && !commonAddress(r, wildcard) && !slices.Contains(external, host) {
			evidence = append(evidence, out.SawLookup(r, "%s, the internal web services FQDN, resolves to %s outside", host, addressList(r)))
		}
	}
	return verdict(evidence)
}
