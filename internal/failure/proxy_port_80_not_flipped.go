package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyPort80NotFlipped = Mode{
	Rule: probe.Rule{
		ID:       "proxy.port-80-not-flipped",
		Severity: probe.Medium,
		Title:    "discovery over HTTP leads clients outside to the internal web site",
		Cause:    "port 443 is forwarded to 4443, but port 80 to port 80 of the Front End and not to 8080",
		Remedy:   "Forward port 80 to port 8080 of the Front End, without TLS.",
		Settings: flipPorts(),
		Sources: []string{"Port and protocol details for the Lync 2013 reverse proxy", "Autodiscover service requirements for Lync Server 2013",
			"Deploy and configure mobility for Skype for Business Server"},
		Reads:    probe.Exchanges | probe.Expectations,
		Detect:   detectProxyPort80NotFlipped,
		Explains: []probe.ID{"dns.external-web-fqdn-missing", "dns.internal-web-fqdn-exposed"},
	},
	Confused: []probe.ID{"proxy.http80-redirects-to-https", "proxy.port-not-flipped", "proxy.port-443-not-flipped-80-is"},
	Cases: []Case{
		{Name: "port-80", Edit: func(t *topology.Topology) { toInternalSite(t, "http") }},
	},
	More: []Case{
		{Name: "through-balancer", Edit: func(t *topology.Topology) {
			for _, w := range t.Proxy.FrontEndServers("http") {
				w.Address, w.Port = topology.BalancerInside.String(), 80
			}
		}},
	},
	Near: []Case{
		{Name: "other-port-of-external-site", Edit: func(t *topology.Topology) {
			t.FrontEndPool().External.HTTP = 8888
			for _, w := range t.Proxy.FrontEndServers("http") {
				w.Port = 8888
			}
		}},
	},
}

func detectProxyPort80NotFlipped(v *probe.View) probe.Verdict {
	if !v.At(probe.External).Seen() {
		return notSeenOutside
	}
	https, http := publishedSites(v, true), publishedSites(v, false)
	switch {
	case len(http.internal)+len(http.external) == 0:
		return nothingToJudge
	case len(http.internal) == 0, len(https.internal) > 0, balancerFlips(v, false):
		return probe.Clear()
	}
	return probe.Found(slices.Concat(http.internal, https.external)...)
}
