package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsInternalCALyncdiscoverinternalBYOD = Mode{
	Rule: probe.Rule{
		ID:       "tls.internal-ca-lyncdiscoverinternal-byod",
		Severity: probe.High,
		Title:    "phones on the office network do not trust the certificate of the internal discovery name",
		Cause:    "phones ask lyncdiscoverinternal first; the Front End shows a certificate of the internal CA, which only managed devices trust",
		Remedy:   "Install the enterprise root on the phones (device management), give the internal web site a certificate of a public authority, or let the Wi-Fi resolve lyncdiscoverinternal not at all.",
		Sources:  []string{"Lync Mobile users cannot sign in after update to 5.4", "Lync 2010 mobility on corporate Wi-Fi"},
		Reads:    probe.Handshakes,
		Detect:   detectTLSInternalCALyncdiscoverinternalBYOD,
	},
	Confused: []probe.ID{"dns.external-web-fqdn-resolves-to-front-end-internally", "network.captive-portal"},
	Cases: []Case{
		{Name: "enterprise-ca", Edit: func(t *topology.Topology) {
			t.FrontEndPool().Internal.Certificate.Issuer = topology.EnterpriseCA
		}},
	},
	Near: []Case{
		{Name: "managed-phones", Edit: func(t *topology.Topology) {
			t.FrontEndPool().Internal.Certificate.Issuer = topology.EnterpriseCA
			t.WiFi.Managed = true
		}},
	},
}

func detectTLSInternalCALyncdiscoverinternalBYOD(v *probe.View) probe.Verdict {
	wifi := v.At(probe.WiFi)
	if !wifi.Seen() {
		return notSeenOnWiFi
	}
	var evidence []probe.Evidence
	for _, d := range v.Domains() {
		for _, h := range wifi.HandshakesFor(internalLabel + d) {
			if trust := wifi.Trust(h); len(h.Chain) > 0 && trust.Code == probe.TLSUnknownIssuer {
				evidence = append(evidence, wifi.SawHandshake(h, "%s at %s shows a certificate issued by %s, which a phone does not trust", h.Host, h.Addr, wifi.Leaf(h).Issuer))
			}
		}
	}
	return verdict(evidence)
}
