package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsEkuMissing = Mode{
	Rule: probe.Rule{
		ID:       "tls.eku-missing",
		Severity: probe.Medium,
		Title:    "the certificate outside is not meant for servers",
		Cause:    "it was made from a template for users or clients: the extended key usage lacks server authentication",
		Remedy:   "Reissue the certificate from a web server template (extended key usage: server authentication).",
		Sources:  []string{"RFC 5280 section 4.2.1.12"},
		Reads:    probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectTlsEkuMissing,
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

func detectTlsEkuMissing(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, h := range perCertificate(listenerHandshakes(v)) {
		if leaf := out.Leaf(h); !leaf.ServerAuth {
			evidence = append(evidence, out.SawHandshake(h, "%s at %s shows a certificate without server authentication among its uses", h.Host, h.Addr))
		}
	}
	return verdict(evidence)
}
