package failure

import (
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsExternalWebFQDNMissing = Mode{
	Rule: probe.Rule{
		ID:       "dns.external-web-fqdn-missing",
		Severity: probe.Critical,
		Title:    "the external web services FQDN does not exist in the public DNS",
		Cause:    "only the discovery name was published; the links that discovery answers with point at a name without record",
		Remedy:   "Add an A record for the external web services FQDN of every pool and Director, pointing at the reverse proxy.",
		Sources:  []string{"DNS requirements for Skype for Business Server", "DNS summary - Autodiscover in Lync Server 2013"},
		Reads:    probe.Lookups | probe.Exchanges | probe.Handshakes | probe.Expectations,
		Detect:   detectDNSExternalWebFQDNMissing,
	},
	Confused: []probe.ID{"proxy.port-not-flipped", "frontend.external-web-fqdn-wrong-in-topology", "dns.external-web-fqdn-unresolvable-internally"},
	Cases: []Case{
		{Name: "no-record", Edit: func(t *topology.Topology) {
			t.External.Remove(t.ExternalWeb())
		}},
	},
	Near: []Case{
		{Name: "by-cname", Edit: func(t *topology.Topology) {
			t.External.Set(t.ExternalWeb(), "CNAME", "meet."+t.SIPDomains[0])
		}},
	},
}

func detectDNSExternalWebFQDNMissing(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	hosts := externalWebHosts(v)
	if len(hosts) == 0 {
		return nothingToJudge
	}
	var evidence []probe.Evidence
	for _, host := range hosts {
		r := out.Resolve(host)
		if !r.Missing() || len(r.Aliases) > 0 {
			continue
		}
		// A name that nobody prepared for is a mistake of the topology, not of the zone.
		switch in := insidePlace(v).Resolve(host); {
		case in.Exists():
			evidence = append(evidence, out.SawLookup(r, "%s does not exist in the public DNS (%s), though it does inside", host, r.Outcome.Words()))
		case slices.Contains(v.Expected().ExternalWeb, host):
			evidence = append(evidence, out.SawLookup(r, "%s, which is to be published, does not exist in the public DNS (%s)", host, r.Outcome.Words()))
		case inListenerCertificate(v, host):
			evidence = append(evidence, out.SawLookup(r, "%s does not exist in the public DNS (%s), though the certificate of the proxy is for it", host, r.Outcome.Words()))
		}
	}
	return verdict(evidence)
}

// inListenerCertificate tells whether a certificate shown outside names the host.
func inListenerCertificate(v *probe.View, host string) bool {
	out := v.At(probe.External)
	for _, h := range out.Handshakes(probe.HandshakeName) {
		if leaf := out.Leaf(h); leaf != nil && slices.ContainsFunc(leaf.Names, func(n string) bool { return nameCovers(n, host) }) {
			return true
		}
	}
	return false
}

// nameCovers tells whether a certificate's name is for the host: RFC 6125 section 6.4.3.
func nameCovers(name, host string) bool {
	if strings.EqualFold(name, host) {
		return true
	}
	_, below, ok := strings.Cut(host, ".")
	return ok && strings.EqualFold(name, "*."+below)
}
