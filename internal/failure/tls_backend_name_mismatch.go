package failure

import (
	"fmt"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsBackendNameMismatch = Mode{
	Rule: probe.Rule{
		ID:       "tls.backend-name-mismatch",
		Severity: probe.Critical,
		Title:    "the reverse proxy refuses the Front End's certificate: it is for another name",
		Cause:    "the proxy checks the name or address it dials, and the certificate of the external web site lacks it",
		Remedy:   "Tell the proxy to check a name that the certificate has, or reissue the Front End's certificate with the name that the proxy dials.",
		Settings: trustBackend(),
		Sources:  []string{"Squid configuration directive cache_peer"},
		Reads:    probe.Handshakes | probe.Expectations,
		Detect:   detectTLSBackendNameMismatch,
		Explains: []probe.ID{"proxy.upstream-down-502", "proxy.unmapped-tcp-reset", "frontend.one-node-down"},
	},
	Confused: []probe.ID{"tls.backend-untrusted", "proxy.upstream-down-502"},
	Cases: []Case{
		{Name: "name-not-in-certificate", Edit: func(t *topology.Topology) {
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Name = "webfarm.contoso.example"
			}
		}},
	},
	More: []Case{
		{Name: "address-dialled", Edit: func(t *topology.Topology) {
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Name = w.Address
			}
		}},
	},
	Near: []Case{
		{Name: "verification-off", Edit: func(t *topology.Topology) {
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Name, w.Verify = "webfarm.contoso.example", "none"
			}
		}},
	},
}

func detectTLSBackendNameMismatch(v *probe.View) probe.Verdict {
	return judgeBackends(v, func(b backend, leaf *probe.Certificate) string {
		if !b.trust.OK() || b.handshake.NameMatch.OK() {
			return ""
		}
		return fmt.Sprintf("a certificate for %s, and the proxy expects %s", strings.Join(leaf.Names, ", "), b.server.Name)
	})
}

// backend is a web server whose certificate the proxy verifies, and the handshake with it beside the proxy.
type backend struct {
	server    probe.WebServer
	handshake *probe.Handshake
	trust     probe.Outcome
}

// judgeBackends finds what say has to say of the certificates that the proxy verifies, "a certificate …". Nothing said
// is clear.
func judgeBackends(v *probe.View, say func(backend, *probe.Certificate) string) probe.Verdict {
	at := v.At(probe.Proxy)
	if !at.Seen() {
		return notSeenAtProxy
	}
	var evidence []probe.Evidence
	for _, b := range verifiedBackends(v) {
		leaf := at.Leaf(b.handshake)
		if leaf == nil {
			continue
		}
		if what := say(b, leaf); what != "" {
			evidence = append(evidence, at.SawHandshake(b.handshake, "%s shows %s", b.server.Address, what))
		}
	}
	return verdict(evidence)
}

func verifiedBackends(v *probe.View) []backend {
	var out []backend
	for _, h := range v.At(probe.Proxy).Handshakes(probe.HandshakeName) {
		for _, w := range v.Expected().WebServers {
			if w.Address != h.Addr || w.Trust == "" || !h.Outcome.OK() {
				continue
			}
			b := backend{server: w, handshake: h, trust: h.Public}
			if w.Trust == "enterprise" {
				b.trust = h.Enterprise
			}
			if b.trust.Code != probe.NotChecked {
				out = append(out, b)
			}
		}
	}
	return out
}
