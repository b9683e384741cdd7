package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendHlbVipMapsToInternalPort = Mode{
	Rule: probe.Rule{
		ID:       "frontend.hlb-vip-maps-to-internal-port",
		Severity: probe.Critical,
		Title:    "the load balancer leads the port of the external web site to the internal one",
		Cause:    "the virtual service for external traffic has members with port 443 (or 80), so the proxy gets the internal web site although it asks for the right port",
		Remedy:   "On the load balancer set the members' ports of the external virtual services to 4443 and 8080 (443→4443 and 80→8080, or 4443→4443 and 8080→8080).",
		Sources:  []string{"Load balancing requirements for Skype for Business", "Port and protocol details for the Lync 2013 reverse proxy"},
		Reads:    probe.Lookups | probe.Dials | probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectFrontendHlbVipMapsToInternalPort,
		Explains: []probe.ID{
			"proxy.port-not-flipped", "proxy.port-80-not-flipped", "proxy.port-443-not-flipped-80-is", "proxy.tls-offload-to-8080",
			"proxy.upstream-down-502", "tls.backend-untrusted", "tls.backend-name-mismatch", "tls.backend-expired",
			"meeting.lands-on-internal-site", "dns.external-web-fqdn-missing", "frontend.external-web-fqdn-equals-internal",
		},
	},
	Confused: []probe.ID{"proxy.port-not-flipped", "proxy.port-80-not-flipped"},
	Cases: []Case{
		{Name: "https", Edit: func(t *topology.Topology) {
			throughBalancer(t)
			t.Proxy.WebServer(topology.FE1HTTPS).Verify = "none"
			t.FrontEndPool().Balancer.Ports[4443] = 443
		}},
	},
	More: []Case{
		{Name: "both-ports", Edit: func(t *topology.Topology) {
			throughBalancer(t)
			t.Proxy.WebServer(topology.FE1HTTPS).Verify = "none"
			t.FrontEndPool().Balancer.Ports = map[int]int{80: 80, 443: 443, 4443: 443, 8080: 80}
		}},
		{Name: "certificate-of-the-internal-site-refused", Edit: func(t *topology.Topology) {
			throughBalancer(t)
			t.FrontEndPool().Balancer.Ports[4443] = 443
		}},
		{Name: "http-only", Edit: func(t *topology.Topology) {
			throughBalancer(t)
			t.FrontEndPool().Balancer.Ports[8080] = 80
		}},
	},
	Near: []Case{
		{Name: "balancer-flips", Edit: func(t *topology.Topology) {
			// One virtual address for the proxy alone, where 443 leads to 4443.
			throughBalancer(t)
			p := t.FrontEndPool()
			p.Balancer.Ports = map[int]int{80: 8080, 443: 4443}
			t.Proxy.WebServer(topology.FE1HTTPS).Port = 443
			t.Proxy.WebServer(topology.FE1HTTP).Port = 80
			t.Internal.Address(topology.FE1Inside, t.InternalDiscovery(0), t.InternalDiscovery(1), t.InternalWeb(),
				"meet."+t.SIPDomains[0], "meet."+t.SIPDomains[1], "dialin."+t.SIPDomains[0])
		}},
	},
}

func detectFrontendHlbVipMapsToInternalPort(v *probe.View) probe.Verdict {
	at := v.At(probe.Proxy)
	if !at.Seen() {
		return notSeenAtProxy
	}
	servers := serversBehind(v)
	var evidence []probe.Evidence
	judged := false
	for _, b := range servers {
		if b.direct || b.internalPort() {
			continue
		}
		for _, x := range b.asked {
			site, text := at.SiteOf(x), x.URL
			judged = judged || site != ""
			if site != probe.InternalSite {
				continue
			}
			evidence = append(evidence, at.SawExchange(x, "%s, asked straight at %s, is answered by the internal web site (status %d)", text, b.addr(), x.Status))
		}
		if len(evidence) == 0 {
			continue
		}
		// A Front End's own address is no balancer: there the sites themselves would be mixed up.
		if slices.Contains(v.Expected().FrontEnds, b.ip.String()) {
			return probe.NotApplicable("the address that gives the internal web site is a Front End's own")
		}
	}
	if len(evidence) == 0 {
		if !judged {
			return nothingToJudge
		}
		return probe.Clear()
	}
	for _, b := range servers {
		if !b.direct || b.port != "4443" {
			continue
		}
		for _, x := range b.asked {
			if at.SiteOf(x) == probe.ExternalSite {
				evidence = append(evidence, at.SawExchange(x, "the Front End itself gives the external web site on %s", b.addr()))
				break
			}
		}
	}
	return probe.Found(evidence...)
}
