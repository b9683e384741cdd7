package failure

import (
	"fmt"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsBackendUntrusted = Mode{
	Rule: probe.Rule{
		ID:       "tls.backend-untrusted",
		Severity: probe.Critical,
		Title:    "the reverse proxy does not trust the Front End's certificate",
		Cause:    "it verifies, and the root of the internal CA is not installed on it",
		Remedy:   "Install the enterprise root on the reverse proxy as the authority for these servers.",
		Settings: trustBackend(),
		Sources:  []string{"Squid configuration directive cache_peer"},
		Reads:    probe.Handshakes | probe.Expectations,
		Detect:   detectTLSBackendUntrusted,
		Explains: []probe.ID{"proxy.upstream-down-502", "proxy.unmapped-tcp-reset", "frontend.one-node-down"},
	},
	Confused: []probe.ID{"tls.backend-name-mismatch", "tls.backend-expired"},
	Cases: []Case{
		{Name: "public-roots-only", Edit: func(t *topology.Topology) {
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Verify = topology.PublicCA
			}
		}},
	},
	More: []Case{
		{Name: "certificate-of-another-ca", Edit: func(t *topology.Topology) {
			t.FrontEndPool().External.Certificate.Issuer = topology.OtherCA
		}},
	},
	Near: []Case{
		{Name: "verification-off", Edit: func(t *topology.Topology) {
			t.FrontEndPool().External.Certificate.Issuer = topology.OtherCA
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Verify = "none"
			}
		}},
	},
}

func detectTLSBackendUntrusted(v *probe.View) probe.Verdict {
	return judgeBackends(v, func(b backend, leaf *probe.Certificate) string {
		if b.trust.Code != probe.TLSUnknownIssuer {
			return ""
		}
		return fmt.Sprintf("a certificate issued by %s, and the proxy trusts the %s roots only", leaf.Issuer, b.server.Trust)
	})
}
