package failure

import (
	"fmt"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsClientCertificateRequested = Mode{
	Rule: probe.Rule{
		ID:       "tls.client-certificate-requested",
		Severity: probe.High,
		Title:    "the reverse proxy demands a certificate from clients",
		Cause:    "client certificates are required on the listener; phones and browsers have none to show",
		Remedy:   "Switch client certificates off for the Lync hosts.",
		Settings: settings(
			pfSquid, "Services > Squid Reverse Proxy > General: untick Check Client Certificate.",
			pfHAProxy, "Frontend > Client verification CA certificates: none.",
			haproxy, "bind :443 ssl crt site.pem  # without verify and ca-file",
			nginx, "ssl_verify_client off;",
			squid, "https_port 443 accel vhost tls-cert=… tls-key=…  # without clientca=",
			apache, "SSLVerifyClient none",
			caddy, "Remove client_auth from tls.",
			arr, "IIS Manager > SSL Settings > Client certificates: Ignore.",
		),
		Sources:  []string{"RFC 8446 section 4.3.2", "pfSense squid package: reverse proxy generator and GUI definitions"},
		Reads:    probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectTLSClientCertificateRequested,
		Explains: []probe.ID{"proxy.default-vhost-answers", "proxy.unmapped-tcp-reset", "proxy.upstream-down-502", "proxy.error-page-with-200", "proxy.preauth-401", "meeting.simple-url-not-published", "meeting.dialin-not-published", "meeting.per-domain-meet-missing", "meeting.wac-unpublished", "proxy.host-header-rewritten"},
	},
	Confused: []probe.ID{"proxy.preauth-401"},
	Cases: []Case{
		{Name: "required", Edit: func(t *topology.Topology) {
			t.Proxy.ClientCertificates = topology.RequireCertificate
		}},
	},
	Near: []Case{
		{Name: "asked-for-only", Edit: func(t *topology.Topology) {
			t.Proxy.ClientCertificates = topology.RequestCertificate
		}},
	},
}

func detectTLSClientCertificateRequested(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, h := range listenerHandshakes(v) {
		if h.ClientCertificate {
			if refusal := refusedWithoutCertificate(out, h); refusal != "" {
				evidence = append(evidence, out.SawHandshake(h, "%s at %s asks for a client certificate and serves nothing without one (%s)", h.Host, h.Addr, refusal))
			}
		}
	}
	return verdict(evidence)
}

// refusedWithoutCertificate says how a server that asks for a certificate refuses to go on without; empty when it does
// go on. Servers refuse in the handshake, by closing, or with 400, 403 (IIS 403.7) or 49x (nginx).
func refusedWithoutCertificate(p *probe.Place, h *probe.Handshake) string {
	refusal := ""
	if !h.Outcome.OK() {
		refusal = h.Outcome.Text
	}
	for _, x := range p.ExchangesFor(h.Host) {
		switch {
		case x.Handshake == 0:
		case x.Status == 0:
			refusal = x.Outcome.Text
		case x.Status == 400 || x.Status == 403 || x.Status >= 490 && x.Status < 500:
			refusal = fmt.Sprintf("HTTP %d", x.Status)
		default:
			return ""
		}
	}
	return refusal
}
