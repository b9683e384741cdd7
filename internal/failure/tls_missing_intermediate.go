package failure

import (
	"fmt"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsMissingIntermediate = Mode{
	Rule: probe.Rule{
		ID:       "tls.missing-intermediate",
		Severity: probe.Critical,
		Title:    "the reverse proxy does not send the intermediate certificate",
		Cause:    "only the server's own certificate is installed; Windows fetches what is missing, phones do not",
		Remedy:   "Install the complete chain on the listener: the certificate first, then the issuing authority, and so on; the root is not needed.",
		Settings: wholeChain(),
		Sources:  []string{"RFC 8446 section 4.4.2", "Lync Mobile iOS certificate errors, KEMP intermediate"},
		Reads:    probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectTLSMissingIntermediate,
	},
	Confused: []probe.ID{"tls.untrusted-internal-ca-external-listener", "tls.wrong-chain-order"},
	Cases: []Case{
		{Name: "leaf-only", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().Chain = topology.LeafOnly
		}},
	},
	Near: []Case{
		{Name: "root-sent-too", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().Chain = topology.WithRoot
		}},
	},
}

func detectTLSMissingIntermediate(v *probe.View) probe.Verdict {
	return judgeCertificates(v, func(h *probe.Handshake, leaf *probe.Certificate) string {
		// A chain that the organisation's own roots complete is one of its authority: another mode.
		if h.Public.Code != probe.TLSUnknownIssuer || leaf.SelfSigned || h.Enterprise.OK() || isSubjectSent(v, h, leaf.Issuer) {
			return ""
		}
		return fmt.Sprintf("sends %s; the issuer, %s, is not there and is no root that devices have",
			probe.Count(len(h.Chain), "certificate", "certificates"), leaf.Issuer)
	})
}
