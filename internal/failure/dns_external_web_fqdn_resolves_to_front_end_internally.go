package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsExternalWebFQDNResolvesToFrontEndInternally = Mode{
	Rule: probe.Rule{
		ID:       "dns.external-web-fqdn-resolves-to-front-end-internally",
		Severity: probe.Medium,
		Title:    "inside, the external web services FQDN leads to the internal web site",
		Cause:    "the internal record of the external name points at the Front End, where port 443 is the internal web site",
		Remedy:   "Point the external web services FQDN inside at the reverse proxy, or at a virtual address that maps 443 to 4443.",
		Settings: hairpin(),
		Sources:  []string{"Plan for Mobility for Skype for Business Server"},
		Reads:    probe.Lookups | probe.Exchanges | probe.Expectations,
		Detect:   detectDNSExternalWebFQDNResolvesToFrontEndInternally,
		Explains: []probe.ID{"network.hairpin-nat-refused"},
	},
	Confused: []probe.ID{"dns.external-web-fqdn-unresolvable-internally", "proxy.port-not-flipped"},
	Cases: []Case{
		{Name: "front-end-address", Edit: func(t *topology.Topology) {
			t.Internal.Address(topology.FE1Inside, t.ExternalWeb())
		}},
	},
	More: []Case{
		{Name: "balancer-address", Edit: func(t *topology.Topology) {
			t.Internal.Address(topology.BalancerInside, t.ExternalWeb())
		}},
	},
	Near: []Case{
		{Name: "inside-address-of-proxy", Edit: func(t *topology.Topology) {
			t.Internal.Address(topology.ProxyInside, t.ExternalWeb())
		}},
	},
}

func detectDNSExternalWebFQDNResolvesToFrontEndInternally(v *probe.View) probe.Verdict {
	in := insidePlace(v)
	if !in.Seen() {
		return notSeenInside
	}
	var evidence []probe.Evidence
	for _, host := range externalWebHosts(v) {
		r := in.Resolve(host)
		out := v.At(probe.External)
		// The internal site at the same address as outside is the proxy's mistake, not the zone's.
		if !r.Exists() || commonAddress(r, out.Resolve(host)) || slices.Contains(v.Expected().InternalWeb, host) {
			continue
		}
		for _, s := range in.SignsOf(host, probe.GetInternalOnly, probe.GetDeviceInternal, probe.GetService, probe.GetUserLegacy) {
			if s.Site == probe.InternalSite {
				evidence = append(evidence, s.Evidence)
			}
		}
		if len(evidence) > 0 {
			evidence = append([]probe.Evidence{in.SawLookup(r, "%s resolves to %s inside, and the internal web site answers there", host, addressList(r))}, evidence...)
		}
	}
	return verdict(evidence)
}
