package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsEKUMissing = Mode{
	Rule: probe.Rule{
		ID:       "tls.eku-missing",
		Severity: probe.Medium,
		Title:    "the certificate outside is not meant for servers",
		Cause:    "it was made from a template for users or clients: the extended key usage lacks server authentication",
		Remedy:   "Reissue the certificate from a web server template (extended key usage: server authentication).",
		Sources:  []string{"RFC 5280 section 4.2.1.12"},
		Reads:    probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectTLSEKUMissing,
	},
	Confused: []probe.ID{"tls.untrusted-internal-ca-external-listener"},
	Cases: []Case{
		{Name: "client-template", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().Usage = "client"
		}},
	},
	Near: []Case{
		{Name: "server-template", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().Usage = "server"
		}},
	},
}

func detectTLSEKUMissing(v *probe.View) probe.Verdict {
	return judgeCertificates(v, func(_ *probe.Handshake, leaf *probe.Certificate) string {
		if leaf.ServerAuth {
			return ""
		}
		return "shows a certificate without server authentication among its uses"
	})
}
