package failure

import (
	"time"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsExpired = Mode{
	Rule: probe.Rule{
		ID:       "tls.expired",
		Severity: probe.Critical,
		Title:    "the certificate outside has expired",
		Cause:    "it was not renewed, or renewed on the Front End but not on the reverse proxy",
		Remedy:   "Renew the certificate and install it on every listener of the reverse proxy.",
		Settings: listenerCertificate(),
		Sources:  []string{"Preventing Lync Server certificate expiration"},
		Reads:    probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectTLSExpired,
	},
	Confused: []probe.ID{"tls.not-yet-valid", "tls.backend-expired"},
	Cases: []Case{
		{Name: "since-a-day", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().Starts, t.ProxyCertificate().Ends = -366*24*time.Hour, -24*time.Hour
		}},
	},
	Near: []Case{
		{Name: "ends-tomorrow", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().Ends = 24 * time.Hour
		}},
	},
}

func detectTLSExpired(v *probe.View) probe.Verdict {
	started := v.At(probe.External).Section.Started
	return judgeCertificates(v, func(_ *probe.Handshake, leaf *probe.Certificate) string {
		if !leaf.NotAfter.Before(started) {
			return ""
		}
		return "shows a certificate that ended on " + leaf.NotAfter.Format("2006-01-02 15:04 MST")
	})
}
