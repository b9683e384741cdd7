package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsMissingSANSimpleURL = Mode{
	Rule: probe.Rule{
		ID:       "tls.missing-san-simple-url",
		Severity: probe.High,
		Title:    "the certificate outside is not for a meeting or dial-in URL",
		Cause:    "the simple URL was added or changed after the certificate was made",
		Remedy:   "Reissue the certificate with every meet and dialin host.",
		Settings: listenerCertificate(),
		Sources:  []string{"DNS requirements for simple URLs"},
		Reads:    probe.Handshakes | probe.Expectations,
		Detect:   detectTLSMissingSANSimpleURL,
		Explains: []probe.ID{"meeting.per-domain-meet-missing"},
	},
	Confused: []probe.ID{"meeting.simple-url-not-published", "tls.san-missing-second-sip-domain"},
	Cases: []Case{
		{Name: "meet", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().WithoutNames("meet." + t.SIPDomains[0])
		}},
	},
	More: []Case{
		{Name: "dialin", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().WithoutNames("dialin." + t.SIPDomains[0])
		}},
	},
	Near: []Case{
		{Name: "own-certificate-by-sni", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().WithoutNames("meet." + t.SIPDomains[0])
			t.Proxy.Certificates = append(t.Proxy.Certificates, topology.Certificate{Names: []string{"meet." + t.SIPDomains[0]}, Issuer: topology.PublicCA})
		}},
	},
}

func detectTLSMissingSANSimpleURL(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, host := range simpleHosts(v) {
		for _, h := range out.HandshakesFor(host) {
			if wrongName(v, h) {
				evidence = append(evidence, out.SawHandshake(h, "%s at %s shows a certificate for %s", host, h.Addr, strings.Join(out.Leaf(h).Names, ", ")))
			}
		}
	}
	return verdict(evidence)
}
