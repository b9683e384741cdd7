package failure

import (
	"fmt"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsUntrustedInternalCAExternalListener = Mode{
	Rule: probe.Rule{
		ID:       "tls.untrusted-internal-ca-external-listener",
		Severity: probe.Critical,
		Title:    "the certificate outside comes from a private authority",
		Cause:    "the reverse proxy uses a certificate of the internal CA: managed machines trust it, phones and guests do not",
		Remedy:   "Install a certificate of a public authority on the listener of the reverse proxy.",
		Settings: listenerCertificate(),
		Sources:  []string{"Configuration requirements for reverse proxy in Lync Server 2013", "Lync Mobile users cannot sign in after update to 5.4"},
		Reads:    probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectTLSUntrustedInternalCAExternalListener,
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

func detectTLSUntrustedInternalCAExternalListener(v *probe.View) probe.Verdict {
	return judgeCertificates(v, func(h *probe.Handshake, leaf *probe.Certificate) string {
		switch {
		case h.Public.Code != probe.TLSUnknownIssuer || leaf.SelfSigned:
			return ""
		case h.Enterprise.OK():
			return fmt.Sprintf("shows a certificate issued by %s: the organisation's own root leads to it, and no public one", leaf.Issuer)
		case isSubjectSent(v, h, leaf.Issuer):
			return fmt.Sprintf("shows a certificate issued by %s: no public root leads to it", leaf.Issuer)
		}
		return ""
	})
}
