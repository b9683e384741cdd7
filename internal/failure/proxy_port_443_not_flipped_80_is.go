package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyPort443NotFlipped80Is = Mode{
	Rule: probe.Rule{
		ID:       "proxy.port-443-not-flipped-80-is",
		Severity: probe.Critical,
		Title:    "the internal web site answers clients on the Internet over HTTPS, while HTTP is right",
		Cause:    "port 80 is forwarded to 8080, but port 443 to port 443 of the Front End and not to 4443",
		Remedy:   "Forward 443 to port 4443 of the Front End, encrypted again.",
		Settings: flipPorts(),
		Sources:  []string{"Port and protocol details for the Lync 2013 reverse proxy"},
		Reads:    probe.Exchanges | probe.Handshakes | probe.Expectations,
		Detect:   detectProxyPort443NotFlipped80Is,
		Explains: whatFollowsFromWrongSite,
	},
	Confused: []probe.ID{"proxy.port-not-flipped", "proxy.port-80-not-flipped", "frontend.hlb-vip-maps-to-internal-port"},
	Cases:    []Case{{Name: "port-443", Edit: func(t *topology.Topology) { toInternalSite(t, "https") }}},
	Near: []Case{{Name: "own-rule-for-each-listener", Edit: func(t *topology.Topology) {
		splitByListener(t)
	}}},
}

func detectProxyPort443NotFlipped80Is(v *probe.View) probe.Verdict {
	if !v.At(probe.External).Seen() {
		return notSeenOutside
	}
	https, http := publishedSites(v, true), publishedSites(v, false)
	switch {
	case len(https.internal)+len(https.external) == 0:
		return nothingToJudge
	case len(https.internal) == 0, len(https.external) > 0, len(http.external) == 0, balancerFlips(v, true), frontEndItself(v):
		return probe.Clear()
	}
	return probe.Found(slices.Concat(https.internal, http.external, besideProxy(v))...)
}
