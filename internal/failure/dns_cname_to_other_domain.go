package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsCNAMEToOtherDomain = Mode{
	Rule: probe.Rule{
		ID:       "dns.cname-to-other-domain",
		Severity: probe.High,
		Title:    "the public discovery name is an alias into another domain, and the certificate is not for it",
		Cause:    "a CNAME does not change the name that clients check in the certificate",
		Remedy:   "Add the alias name to the certificate of the reverse proxy, or publish that SIP domain over HTTP on port 80 only.",
		Settings: listenerCertificate(),
		Sources:  []string{"DNS summary - Autodiscover in Lync Server 2013", "Five FAQs about Lync Server 2010 Mobility Service"},
		Reads:    probe.Lookups | probe.Handshakes,
		Detect:   detectDNSCNAMEToOtherDomain,
		Explains: []probe.ID{"tls.missing-san-lyncdiscover", "tls.san-missing-second-sip-domain"},
	},
	Confused: []probe.ID{"tls.san-missing-second-sip-domain"},
	Cases: []Case{
		{Name: "second-domain", Edit: func(t *topology.Topology) {
			t.External.Set(t.Discovery(1), "CNAME", t.ExternalWeb())
			t.ProxyCertificate().WithoutNames(t.Discovery(1))
		}},
	},
	Near: []Case{
		{Name: "name-in-certificate", Edit: func(t *topology.Topology) {
			t.External.Set(t.Discovery(1), "CNAME", t.ExternalWeb())
		}},
	},
}

func detectDNSCNAMEToOtherDomain(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, d := range v.Domains() {
		host := publicLabel + d
		r := out.Resolve(host)
		if len(r.Aliases) == 0 {
			continue
		}
		target := r.Aliases[len(r.Aliases)-1]
		if probe.RegistrableDomain(target) == probe.RegistrableDomain(host) {
			continue
		}
		for _, h := range out.HandshakesFor(host) {
			if h.NameMatch.Code == probe.TLSNameMismatch {
				evidence = append(evidence, out.SawLookup(r, "%s is an alias of %s", host, target),
					out.SawHandshake(h, "the certificate there is not for %s: %s", host, h.NameMatch.Text))
			}
		}
	}
	return verdict(evidence)
}
