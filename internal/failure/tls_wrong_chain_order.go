package failure

import (
	"fmt"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsWrongChainOrder = Mode{
	Rule: probe.Rule{
		ID:       "tls.wrong-chain-order",
		Severity: probe.Medium,
		Title:    "the certificates are sent in the wrong order",
		Cause:    "the file with the chain has its parts in another order, or twice, or holds one that does not belong to it; strict clients give up",
		Remedy:   "Write the chain as certificate, issuing authority, next authority; leave the root out.",
		Settings: wholeChain(),
		Sources:  []string{"RFC 5246 section 7.4.2", "RFC 8446 section 4.4.2"},
		Reads:    probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectTLSWrongChainOrder,
	},
	Confused: []probe.ID{"tls.missing-intermediate"},
	Cases: []Case{
		{Name: "reversed", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().Chain = topology.ReversedChain
		}},
	},
	Near: []Case{
		{Name: "with-root", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().Chain = topology.WithRoot
		}},
	},
}

func detectTLSWrongChainOrder(v *probe.View) probe.Verdict {
	return judgeCertificates(v, func(h *probe.Handshake, leaf *probe.Certificate) string {
		if !isSubjectSent(v, h, leaf.Issuer) {
			return ""
		}
		for i := range len(h.Chain) - 1 {
			here, next := v.Certificate(h.Chain[i]), v.Certificate(h.Chain[i+1])
			if here != nil && next != nil && here.Issuer != next.Subject {
				return fmt.Sprintf("sends as certificate %d %s, where %s belongs", i+2, next.Subject, here.Issuer)
			}
		}
		return ""
	})
}
