package failure

import (
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyPortNotFlipped = Mode{
	Rule: probe.Rule{
		ID:       "proxy.port-not-flipped",
		Severity: probe.Critical,
		Title:    "the reverse proxy leads clients on the Internet to the internal web site",
		Cause:    "the reverse proxy forwards port 443 to port 443 of the Front End, where the internal web site is, and not to 4443; that also exposes the control panel and remote administration",
		Remedy:   "Forward 443 to port 4443 of the Front End, encrypted again, and 80 to 8080.",
		Settings: flipPorts(),
		Sources: []string{"Scenarios for reverse proxy in Lync Server 2013", "Port and protocol details for the Lync 2013 reverse proxy",
			"Troubleshooting Lync/Skype for Business reverse proxy (F5 DevCentral)"},
		Reads:    probe.Exchanges | probe.Handshakes | probe.Expectations,
		Detect:   detectProxyPortNotFlipped,
		Explains: append([]probe.ID{"tls.backend-expired", "tls.backend-untrusted", "tls.backend-name-mismatch", "proxy.upstream-down-502"}, whatFollowsFromWrongSite...),
	},
	Confused: []probe.ID{"frontend.external-web-fqdn-equals-internal", "frontend.hlb-vip-maps-to-internal-port", "proxy.port-443-not-flipped-80-is"},
	Cases: []Case{
		{Name: "both-ports", Edit: func(t *topology.Topology) {
			toInternalSite(t, "https")
			toInternalSite(t, "http")
		}},
	},
	More: []Case{
		{Name: "refused-there", Edit: func(t *topology.Topology) {
			toInternalSite(t, "https")
			toInternalSite(t, "http")
			t.FrontEndPool().Internal.Certificate.Issuer = topology.OtherCA
			t.WiFi.View = "external" // phones that do not ask inside, where that certificate is another mistake
		}},
		{Name: "through-balancer", Edit: func(t *topology.Topology) {
			toInternalSite(t, "https")
			toInternalSite(t, "http")
			for i := range t.Proxy.WebServers {
				if w := &t.Proxy.WebServers[i]; w.Alias != topology.OfficeServer {
					w.Address = topology.BalancerInside.String()
				}
			}
		}},
	},
	Near: []Case{
		{Name: "other-port-of-external-site", Edit: func(t *topology.Topology) {
			t.FrontEndPool().External.HTTPS = 5443
			t.FrontEndPool().Balancer.Ports = map[int]int{80: 80, 443: 443, 8080: 8080, 4443: 5443}
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Port = 5443
			}
		}},
	},
	MoreNear: []Case{
		{Name: "through-balancer-flipped", Edit: func(t *topology.Topology) {
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Address, w.Name = topology.BalancerInside.String(), "pool01.contoso.example"
			}
		}},
	},
}

func detectProxyPortNotFlipped(v *probe.View) probe.Verdict {
	if !v.At(probe.External).Seen() {
		return notSeenOutside
	}
	https, http := publishedSites(v, true), publishedSites(v, false)
	switch {
	case len(https.internal)+len(https.external) == 0:
		// The proxy may refuse what it finds there; it is told to use the wrong port all the same.
		if evidence := toldInternalSite(v); len(evidence) > 0 {
			return probe.Found(evidence...)
		}
		return nothingToJudge
	case len(https.internal) == 0, len(http.external) > 0 && len(https.external) == 0, balancerFlips(v, true), frontEndItself(v):
		return probe.Clear()
	}
	evidence := slices.Concat(https.internal, http.internal)
	for _, host := range listenerOf(v).simpleNames() {
		in, _ := siteSigns(v.At(probe.External), v.Expected(), host, true)
		evidence = append(evidence, in...)
	}
	return probe.Found(append(evidence, besideProxy(v)...)...)
}

// toldInternalSite is evidence that all web servers of the proxy are port 443 of Front Ends, where the internal web site
// answers.
func toldInternalSite(v *probe.View) []probe.Evidence {
	at := v.At(probe.Proxy)
	var evidence []probe.Evidence
	for _, w := range lyncWebServers(v) {
		if w.Scheme != "https" {
			continue
		}
		if !strings.HasSuffix(w.Address, ":443") {
			return nil
		}
		for _, x := range at.Exchanges(probe.GetRootLegacy, probe.GetInternalOnly) {
			if x.Addr == w.Address && at.SiteOf(x) == probe.InternalSite {
				evidence = append(evidence, at.SawExchange(x, "%s, which the proxy is told to use, serves the internal web site", w.Address))
				break
			}
		}
	}
	return evidence
}
