package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsMissingSANExternalWeb = Mode{
	Rule: probe.Rule{
		ID:       "tls.missing-san-external-web",
		Severity: probe.Critical,
		Title:    "the certificate outside is not for the external web services FQDN",
		Cause:    "the reverse proxy's certificate has the other names, but not the host that discovery sends clients to",
		Remedy:   "Reissue the certificate with the external web services FQDN of every pool and Director.",
		Settings: listenerCertificate(),
		Sources:  []string{"Configuration requirements for reverse proxy in Lync Server 2013"},
		Reads:    probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectTLSMissingSANExternalWeb,
	},
	Confused: []probe.ID{"tls.missing-san-simple-url"},
	Cases: []Case{
		{Name: "name-missing", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().WithoutNames(t.ExternalWeb())
		}},
	},
	Near: []Case{
		{Name: "own-certificate-by-sni", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().WithoutNames(t.ExternalWeb())
			t.Proxy.Certificates = append(t.Proxy.Certificates, topology.Certificate{Names: []string{t.ExternalWeb()}, Issuer: topology.PublicCA})
		}},
	},
}

func detectTLSMissingSANExternalWeb(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, host := range externalWebHosts(v) {
		for _, h := range out.HandshakesFor(host) {
			if !strings.HasPrefix(host, publicLabel) && wrongName(v, h) {
				evidence = append(evidence, out.SawHandshake(h, "%s at %s shows a certificate for %s", host, h.Addr, strings.Join(out.Leaf(h).Names, ", ")))
			}
		}
	}
	return verdict(evidence)
}
