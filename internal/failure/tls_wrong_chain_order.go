package failure

import (
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
		Detect:   detectTlsWrongChainOrder,
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

func detectTlsWrongChainOrder(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, h := range perCertificate(listenerHandshakes(v)) {
		leaf := out.Leaf(h)
		if len(h.Chain) < 2 || !isSubjectSent(v, h, leaf.Issuer) {
			continue
		}
		for i := range len(h.Chain) - 1 {
			here, next := v.Certificate(h.Chain[i]), v.Certificate(h.Chain[i+1])
			if here != nil && next != nil && here.Issuer != next.Subject {
				evidence = append(evidence, out.SawHandshake(h, "%s at %s sends as certificate %d %s, where %s belongs", h.Host, h.Addr, i+2, next.Subject, here.Issuer))
				break
			}
		}
	}
	return verdict(evidence)
}
