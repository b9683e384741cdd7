package failure

import (
	"maps"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsOnlyTLS10 = Mode{
	Rule: probe.Rule{
		ID:       "tls.only-tls10",
		Severity: probe.Critical,
		Title:    "the reverse proxy offers no TLS version that phones accept",
		Cause:    "its protocol versions stop below TLS 1.2, which phones and browsers of today require",
		Remedy:   "Enable TLS 1.2 (and 1.3) on the listener.",
		Settings: tlsVersions(),
		Sources:  []string{"Load balancing requirements for Skype for Business", "RFC 8996"},
		Reads:    probe.Handshakes,
		Detect:   detectTLSOnlyTLS10,
	},
	Confused: []probe.ID{"tls.plain-http-on-443"},
	Cases: []Case{
		{Name: "up-to-1.0", Edit: func(t *topology.Topology) {
			t.Proxy.MinTLS, t.Proxy.MaxTLS = "1.0", "1.0"
		}},
	},
	More: []Case{
		{Name: "up-to-1.1", Edit: func(t *topology.Topology) {
			t.Proxy.MinTLS, t.Proxy.MaxTLS = "1.0", "1.1"
		}},
	},
	Near: []Case{
		{Name: "1.2-only", Edit: func(t *topology.Topology) {
			t.Proxy.MinTLS, t.Proxy.MaxTLS = "1.2", "1.2"
		}},
	},
	MoreNear: []Case{
		{Name: "1.0-to-1.3", Edit: func(t *topology.Topology) {
			t.Proxy.MinTLS = "1.0"
		}},
	},
}

func detectTLSOnlyTLS10(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	// refused is a handshake that ended for want of a common version: a listener whose library forbids what it is set to, as
	// OpenSSL 3 does with TLS 1.0 and 1.1, accepts none at all.
	type versions struct{ modern, old, refused *probe.Handshake }
	byAddr := map[string]*versions{}
	for _, h := range out.Handshakes(probe.HandshakeVersion) {
		if strings.HasPrefix(h.Host, internalLabel) {
			continue
		}
		s := byAddr[h.Addr]
		if s == nil {
			s = &versions{}
			byAddr[h.Addr] = s
		}
		switch modern := h.Offered >= "1.2"; {
		case h.Outcome.OK() && modern:
			s.modern = h
		case h.Outcome.OK():
			s.old = h
		case modern && h.Outcome.Code == probe.TLSProtocol:
			s.refused = h
		}
	}
	if len(byAddr) == 0 {
		return nothingToJudge
	}
	var evidence []probe.Evidence
	for _, addr := range slices.Sorted(maps.Keys(byAddr)) {
		switch s := byAddr[addr]; {
		case s.modern != nil:
		case s.old != nil:
			evidence = append(evidence, out.SawHandshake(s.old, "%s accepts TLS %s and refuses TLS 1.2 and 1.3", addr, s.old.Offered))
		case s.refused != nil && !slices.ContainsFunc(out.Handshakes(), func(h *probe.Handshake) bool { return h.Addr == addr && h.Outcome.OK() }):
			evidence = append(evidence, out.SawHandshake(s.refused, "%s refuses TLS %s for its version, and accepts no other", addr, s.refused.Offered))
		}
	}
	return verdict(evidence)
}
