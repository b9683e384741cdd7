package failure

import (
	"time"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsBackendExpired = Mode{
	Rule: probe.Rule{
		ID:       "tls.backend-expired",
		Severity: probe.Critical,
		Title:    "the Front End's certificate has expired, and the reverse proxy refuses it",
		Cause:    "the certificate of the external web site was not renewed",
		Remedy:   "Renew the certificate on the Front Ends with the certificate wizard (Set-CsCertificate -Type WebServicesExternal).",
		Settings: trustBackend(),
		Sources:  []string{"Preventing Lync Server certificate expiration"},
		Reads:    probe.Handshakes | probe.Expectations,
		Detect:   detectTLSBackendExpired,
		Explains: []probe.ID{"proxy.upstream-down-502", "frontend.one-node-down"},
	},
	Confused: []probe.ID{"tls.backend-untrusted", "tls.expired"},
	Cases: []Case{
		{Name: "external-site", Edit: func(t *topology.Topology) {
			c := t.FrontEndPool().External.Certificate
			c.Starts, c.Ends = -366*24*time.Hour, -24*time.Hour
		}},
	},
	Near: []Case{
		{Name: "ends-tomorrow", Edit: func(t *topology.Topology) {
			t.FrontEndPool().External.Certificate.Ends = 24 * time.Hour
		}},
	},
}

func detectTLSBackendExpired(v *probe.View) probe.Verdict {
	return judgeBackends(v, func(b backend, leaf *probe.Certificate) string {
		if b.trust.Code != probe.TLSExpired {
			return ""
		}
		return "a certificate that ended on " + leaf.NotAfter.Format("2006-01-02 15:04 MST")
	})
}
