package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsLyncdiscoverPointsToAccessEdge = Mode{
	Rule: probe.Rule{
		ID:       "dns.lyncdiscover-points-to-access-edge",
		Severity: probe.Critical,
		Title:    "the public discovery name points at the Access Edge",
		Cause:    "the record was copied from sip.<domain>; the Access Edge speaks SIP on port 443, not HTTP",
		Remedy:   "Point lyncdiscover.<SIP domain> at the address of the reverse proxy.",
		Sources:  []string{"DNS requirements for Skype for Business Server", "DNS summary - Autodiscover in Lync Server 2013", "Edge Server environmental requirements"},
		Reads:    probe.Lookups | probe.Handshakes | probe.Exchanges,
		Detect:   detectDNSLyncdiscoverPointsToAccessEdge,
		Explains: []probe.ID{"tls.missing-san-lyncdiscover", "tls.san-missing-second-sip-domain", "proxy.http80-closed", "proxy.unmapped-tcp-reset", "dns.multiple-a-one-dead"},
	},
	Confused: []probe.ID{"dns.lyncdiscover-points-to-company-website", "tls.missing-san-lyncdiscover"},
	Cases: []Case{
		{Name: "edge-address", Edit: func(t *topology.Topology) {
			t.External.Address(topology.EdgePublic, t.Discovery(0), t.Discovery(1))
		}},
	},
	More: []Case{
		{Name: "cname-to-sip", Edit: func(t *topology.Topology) {
			t.External.Set(t.Discovery(0), "CNAME", "sip."+t.SIPDomains[0])
		}},
	},
	Near: []Case{
		{Name: "own-record-beside-edge", Edit: func(t *topology.Topology) {
			t.External.Set("edge."+t.SIPDomains[0], "A", topology.EdgePublic.String())
		}},
	},
}

func detectDNSLyncdiscoverPointsToAccessEdge(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, d := range v.Domains() {
		host := publicLabel + d
		r := out.Resolve(host)
		if !r.Exists() || answersDiscovery(out, host) {
			continue
		}
		for _, edge := range edgeNames(out, d) {
			e := out.Resolve(edge)
			if !commonAddress(r, e) {
				continue
			}
			evidence = append(evidence, out.SawLookup(r, "%s and %s have the same address, %s", host, edge, addressList(r)))
			for _, h := range out.HandshakesFor(host) {
				if leaf := out.Leaf(h); leaf != nil {
					evidence = append(evidence, out.SawHandshake(h, "the certificate there is for %s", strings.Join(leaf.Names, ", ")))
				}
			}
			for _, x := range out.ExchangesFor(host, probe.GetRoot) {
				evidence = append(evidence, out.SawExchange(x, "an HTTP request there gets no HTTP answer (%s)", x.Outcome.Words()))
			}
			break
		}
	}
	return verdict(evidence)
}

// edgeNames are sip.<domain> and the targets of the SIP service record.
func edgeNames(p *probe.Place, domain string) []string {
	names := []string{"sip." + domain}
	if l := p.Lookup("_sip._tls."+domain, "SRV"); l != nil {
		for _, r := range l.Answers {
			if fields := strings.Fields(r.Value); len(fields) == 4 {
				names = append(names, strings.TrimSuffix(fields[3], "."))
			}
		}
	}
	return names
}
