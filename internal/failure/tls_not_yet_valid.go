package failure

import (
	"time"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsNotYetValid = Mode{
	Rule: probe.Rule{
		ID:       "tls.not-yet-valid",
		Severity: probe.High,
		Title:    "the certificate outside is not valid yet",
		Cause:    "it was installed before its time, or a clock is wrong: this machine's, or that of the issuing authority",
		Remedy:   "Wait for the date, or reissue the certificate; look at the clocks first.",
		Sources:  []string{"RFC 5280 section 4.1.2.5"},
		Reads:    probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectTLSNotYetValid,
	},
	Confused: []probe.ID{"tls.expired"},
	Cases: []Case{
		{Name: "starts-tomorrow", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().Starts = 24 * time.Hour
		}},
	},
	Near: []Case{
		{Name: "started-an-hour-ago", Edit: func(t *topology.Topology) {
			t.ProxyCertificate().Starts = -time.Hour
		}},
	},
}

func detectTLSNotYetValid(v *probe.View) probe.Verdict {
	section := v.At(probe.External).Section
	ended := section.Started.Add(section.Elapsed) // some proxies make certificates when they are asked for one
	return judgeCertificates(v, func(_ *probe.Handshake, leaf *probe.Certificate) string {
		if !leaf.NotBefore.After(ended) {
			return ""
		}
		return "shows a certificate that starts on " + leaf.NotBefore.Format("2006-01-02 15:04 MST")
	})
}
