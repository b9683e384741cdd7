package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsSANMissingSecondSIPDomain = Mode{
	Rule: probe.Rule{
		ID:       "tls.san-missing-second-sip-domain",
		Severity: probe.High,
		Title:    "the certificate outside lacks the discovery name of one SIP domain",
		Cause:    "it was made for another SIP domain only",
		Remedy:   "Reissue the certificate with lyncdiscover and meet of every SIP domain, or publish the further domains over HTTP port 80.",
		Settings: listenerCertificate(),
		Sources:  []string{"Autodiscover service requirements for Lync Server 2013", "DNS requirements for simple URLs"},
		Reads:    probe.Handshakes | probe.Expectations,
		Detect:   detectTLSSANMissingSecondSIPDomain,
		Explains: []probe.ID{"tls.missing-san-simple-url", "meeting.per-domain-meet-missing"},
	},
	Confused: []probe.ID{"dns.lyncdiscover-missing-one-sip-domain", "tls.missing-san-lyncdiscover"},
	Cases: []Case{
		{Name: "second-domain", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().WithoutNames(t.Discovery(1), "meet."+t.SIPDomains[1])
		}},
	},
	More: []Case{
		{Name: "discovery-only", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().WithoutNames(t.Discovery(1))
		}},
	},
	Near: []Case{
		{Name: "own-certificate-by-sni", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().WithoutNames(t.Discovery(1))
			t.Proxy.Certificates = append(t.Proxy.Certificates, topology.Certificate{Names: []string{t.Discovery(1)}, Issuer: topology.PublicCA})
		}},
	},
}

func detectTLSSANMissingSecondSIPDomain(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	switch {
	case !out.Seen():
		return notSeenOutside
	case len(v.Domains()) < 2:
		return probe.NotApplicable("only one SIP domain was named")
	case v.Expected().HTTPOnlyDiscovery:
		return probe.NotApplicable("discovery is published over HTTP on purpose")
	}
	var evidence []probe.Evidence
	good := ""
	for _, d := range v.Domains() {
		for _, h := range out.HandshakesFor(publicLabel + d) {
			if h.NameMatch.OK() {
				good = h.Host
			}
			if wrongName(v, h) {
				evidence = append(evidence, out.SawHandshake(h, "%s at %s shows a certificate for %s", h.Host, h.Addr, strings.Join(out.Leaf(h).Names, ", ")))
			}
		}
	}
	if good == "" || len(evidence) == 0 {
		return probe.Clear()
	}
	return probe.Found(append(evidence, out.Saw("for %s the certificate is right", good))...)
}
