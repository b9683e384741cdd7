package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsMissingSANLyncdiscover = Mode{
	Rule: probe.Rule{
		ID:       "tls.missing-san-lyncdiscover",
		Severity: probe.Critical,
		Title:    "the certificate outside is not for the discovery name",
		Cause:    "the reverse proxy's certificate lacks lyncdiscover.<SIP domain>; a CNAME record does not help, for clients check the name they asked for",
		Remedy:   "Reissue the certificate with lyncdiscover.<SIP domain> for every SIP domain, or publish that name on HTTP port 80 only.",
		Settings: listenerCertificate(),
		Sources:  []string{"Autodiscover service requirements for Lync Server 2013", "Five FAQs about Lync Server 2010 Mobility Service"},
		Reads:    probe.Handshakes | probe.Expectations,
		Detect:   detectTLSMissingSANLyncdiscover,
		Explains: []probe.ID{"tls.missing-san-external-web", "tls.missing-san-simple-url", "tls.san-missing-second-sip-domain"},
	},
	Confused: []probe.ID{"tls.sni-missing-gets-default-cert", "dns.lyncdiscover-points-to-company-website", "tls.san-missing-second-sip-domain"},
	Cases: []Case{
		{Name: "name-missing", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().WithoutNames(t.Discovery(0), t.Discovery(1))
		}},
	},
	More: []Case{
		{Name: "wildcard-of-another-domain", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().WithoutNames(t.Discovery(0), t.Discovery(1))
			t.ProxyCertificate().Names = append(t.ProxyCertificate().Names, "*.shop.contoso.example")
		}},
	},
	Near: []Case{
		{Name: "wildcard-covers", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().WithoutNames(t.Discovery(0))
			t.ProxyCertificate().Names = append(t.ProxyCertificate().Names, "*."+t.SIPDomains[0])
		}},
	},
}

func detectTLSMissingSANLyncdiscover(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	if v.Expected().HTTPOnlyDiscovery {
		return probe.NotApplicable("discovery is published over HTTP on purpose")
	}
	var evidence []probe.Evidence
	checked := false
	for _, d := range v.Domains() {
		for _, h := range out.HandshakesFor(publicLabel + d) {
			checked = checked || len(h.Chain) > 0
			switch {
			case h.NameMatch.OK():
				return probe.Clear() // of several domains, the one left out is a mode of its own
			case wrongName(v, h):
				evidence = append(evidence, out.SawHandshake(h, "%s at %s shows a certificate for %s", h.Host, h.Addr, strings.Join(out.Leaf(h).Names, ", ")))
			}
		}
	}
	if !checked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// wrongName tells whether a certificate that is otherwise one for a public listener is not for the host.
func wrongName(v *probe.View, h *probe.Handshake) bool {
	leaf := v.At(probe.External).Leaf(h)
	return leaf != nil && h.NameMatch.Code == probe.TLSNameMismatch && !leaf.SelfSigned
}
