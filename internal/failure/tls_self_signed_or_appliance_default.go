package failure

import (
	"fmt"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsSelfSignedOrApplianceDefault = Mode{
	Rule: probe.Rule{
		ID:       "tls.self-signed-or-appliance-default",
		Severity: probe.Critical,
		Title:    "the certificate outside is self-signed",
		Cause:    "the listener still has the appliance's factory certificate, or one made for a test",
		Remedy:   "Bind the certificate of a public authority to the listener.",
		Settings: listenerCertificate(),
		Sources:  []string{"Configuration requirements for reverse proxy in Lync Server 2013"},
		Reads:    probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectTLSSelfSignedOrApplianceDefault,
		Explains: []probe.ID{"tls.wildcard-common-name"},
	},
	Confused: []probe.ID{"tls.untrusted-internal-ca-external-listener", "tls.missing-intermediate"},
	Cases: []Case{
		{Name: "appliance", Edit: func(t *topology.Topology) {
			*t.ProxyCertificate() = topology.Certificate{CommonName: "pfSense-6423a1", Names: []string{"pfSense-6423a1"}, Issuer: topology.SelfSigned}
		}},
	},
	More: []Case{
		{Name: "right-names", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().Issuer = topology.SelfSigned
		}},
	},
	Near: []Case{
		{Name: "self-signed-on-another-port", Edit: func(t *topology.Topology) {
			t.Apps = append(t.Apps, topology.App{Kind: topology.Appliance, FQDN: "fw.contoso.example", Address: topology.ProxyPublic, HTTPS: 8443,
				Certificate: &topology.Certificate{Names: []string{"fw.contoso.example"}, Issuer: topology.SelfSigned}})
		}},
	},
}

func detectTLSSelfSignedOrApplianceDefault(v *probe.View) probe.Verdict {
	return judgeCertificates(v, func(h *probe.Handshake, leaf *probe.Certificate) string {
		if !leaf.SelfSigned || h.Public.OK() {
			return ""
		}
		return fmt.Sprintf("shows a certificate that %s issued to itself", leaf.Subject)
	})
}
