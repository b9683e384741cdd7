package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsWildcardCommonName = Mode{
	Rule: probe.Rule{
		ID:       "tls.wildcard-common-name",
		Severity: probe.Low,
		Title:    "the certificate outside has a wildcard as its common name",
		Cause:    "desk phones and older clients do not accept that; a wildcard among the alternative names is supported",
		Remedy:   "Reissue the certificate with a real host name as common name, and the wildcard as an alternative name only.",
		Sources:  []string{"Wildcard certificate support in Lync Server 2013"},
		Reads:    probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectTLSWildcardCommonName,
	},
	Cases: []Case{
		{Name: "wildcard-cn", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().CommonName = "*." + t.SIPDomains[0]
		}},
	},
	Near: []Case{
		{Name: "wildcard-san", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().Names = append(t.ProxyCertificate().Names, "*."+t.SIPDomains[0])
		}},
	},
}

func detectTLSWildcardCommonName(v *probe.View) probe.Verdict {
	return judgeCertificates(v, func(_ *probe.Handshake, leaf *probe.Certificate) string {
		if !strings.HasPrefix(leaf.CommonName, "*.") {
			return ""
		}
		return "shows a certificate with the common name " + leaf.CommonName
	})
}
