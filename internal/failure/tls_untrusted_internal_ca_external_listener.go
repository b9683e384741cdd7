package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsUntrustedInternalCaExternalListener = Mode{
	Rule: probe.Rule{
		ID:       "tls.untrusted-internal-ca-external-listener",
		Severity: probe.Critical,
		Title:    "the certificate outside comes from a private authority",
		Cause:    "the reverse proxy uses a certificate of the internal CA: managed machines trust it, phones and guests do not",
		Remedy:   "Install a certificate of a public authority on the listener of the reverse proxy.",
		Settings: listenerCertificate(),
		Sources:  []string{"Configuration requirements for reverse proxy in Lync Server 2013", "Lync Mobile users cannot sign in after update to 5.4"},
		Reads:    probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectTlsUntrustedInternalCaExternalListener,
	},
	Confused: []probe.ID{"tls.missing-intermediate", "tls.self-signed-or-appliance-default"},
	Cases: []Case{
		{Name: "enterprise-ca", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().Issuer = topology.EnterpriseCA
		}},
	},
	More: []Case{
		{Name: "unknown-private-ca", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().Issuer = topology.OtherCA
		}},
	},
	Near: []Case{
		{Name: "enterprise-ca-behind-the-proxy", Edit: func(t *topology.Topology) {
			t.FrontEndPool().Internal.Certificate.Issuer = topology.EnterpriseCA
			t.WiFi.Managed = true
		}},
	},
}

func detectTlsUntrustedInternalCaExternalListener(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, h := range perCertificate(listenerHandshakes(v)) {
		leaf := out.Leaf(h)
		if h.Public.Code != probe.TLSUnknownIssuer || leaf.SelfSigned || !h.Enterprise.OK() && !isSubjectSent(v, h, leaf.Issuer) {
			continue
		}
		whose := "no public root leads to it"
		if h.Enterprise.OK() {
			whose = "the organisation's own root leads to it, and no public one"
		}
		evidence = append(evidence, out.SawHandshake(h, "%s at %s shows a certificate issued by %s: %s", h.Host, h.Addr, leaf.Issuer, whose))
	}
	return verdict(evidence)
}
