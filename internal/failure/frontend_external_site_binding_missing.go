package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendExternalSiteBindingMissing = Mode{
	Rule: probe.Rule{
		ID:       "frontend.external-site-binding-missing",
		Severity: probe.High,
		Title:    "the external web site of the Front Ends listens on only one of the two ports that the proxy uses",
		Cause:    "the binding was removed in IIS or has another port, or the topology overrides the ports and the proxy was not told",
		Remedy:   "Run Enable-CsComputer on every Front End, or restore the binding of the external web site in IIS (https *:4443, http *:8080). If the topology overrides the listening ports, give the proxy the same ports.",
		Sources:  []string{"Scenarios for reverse proxy in Lync Server 2013", "Port and protocol details for the Lync 2013 reverse proxy"},
		Reads:    probe.Lookups | probe.Dials | probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectFrontendExternalSiteBindingMissing,
		Explains: []probe.ID{
			"proxy.upstream-down-502", "proxy.http80-closed", "frontend.one-node-down",
			"frontend.web-certificate-unassigned-or-wrong",
			"proxy.peer-protocol-wrong",
		},
	},
	Confused: []probe.ID{"frontend.external-site-stopped", "proxy.http80-closed", "network.firewall-proxy-to-fe-blocked"},
	Cases: []Case{
		{Name: "https-removed", Edit: func(t *topology.Topology) { t.FrontEndPool().External.HTTPS = 0 }},
	},
	More: []Case{
		{Name: "http-removed", Edit: func(t *topology.Topology) { t.FrontEndPool().External.HTTP = 0 }},
		{Name: "https-port-overridden", Edit: func(t *topology.Topology) { t.FrontEndPool().External.HTTPS = 5443 }},
		{Name: "http-removed-behind-balancer", Edit: func(t *topology.Topology) {
			throughBalancer(t)
			t.FrontEndPool().External.HTTP = 0
		}},
	},
	Near: []Case{
		{Name: "overridden-and-followed", Edit: func(t *topology.Topology) {
			t.FrontEndPool().External.HTTPS, t.FrontEndPool().External.HTTP = 5443, 5080
			t.FrontEndPool().Balancer.Ports = map[int]int{80: 80, 443: 443, 4443: 5443, 8080: 5080}
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Port = 5443
			}
			for _, w := range t.Proxy.FrontEndServers("http") {
				w.Port = 5080
			}
		}},
	},
}

func detectFrontendExternalSiteBindingMissing(v *probe.View) probe.Verdict {
	if !v.At(probe.Proxy).Seen() {
		return notSeenAtProxy
	}
	declared := slices.DeleteFunc(serversBehind(v), func(b behind) bool { return b.direct || b.internalPort() || b.dial == nil })
	var dead, serving []behind
	refused := false
	for _, b := range declared {
		switch {
		case b.refuses() || b.cut():
			refused = refused || b.refuses() || refusedDirectly(v, b)
			dead = append(dead, b)
		case b.answer() != nil || b.connects() && len(b.asked) > 0:
			serving = append(serving, b)
		}
	}
	if len(declared) == 0 {
		return nothingToJudge
	}
	if len(dead) == 0 || len(serving) == 0 || !refused {
		return probe.Clear()
	}
	// One scheme is dead on all web servers, and the other is not: else it is a node, and not a binding.
	for _, d := range dead {
		if d.scheme != dead[0].scheme {
			return probe.Clear()
		}
	}
	for _, s := range serving {
		if s.scheme == dead[0].scheme {
			return probe.Clear()
		}
	}
	if dead[0].scheme == "https" && slices.ContainsFunc(serversBehind(v), func(b behind) bool { return b.direct && !b.internalPort() && b.answer() != nil }) {
		return probe.Clear() // the binding is there: the proxy or the balancer has another port
	}
	var evidence []probe.Evidence
	for _, d := range dead {
		evidence = append(evidence, d.sawDown())
	}
	s := serving[0]
	if s.answer() != nil {
		evidence = append(evidence, s.sawServing())
	} else {
		evidence = append(evidence, s.at.SawDial(s.dial, "%s of the same web site takes connections", s.addr()))
	}
	return probe.Found(evidence...)
}

// refusedDirectly tells that a balancer cuts connections because no member takes them: the Front Ends refuse when asked
// themselves. Their plain port is not asked; there nothing but the absence of members cuts a connection.
func refusedDirectly(v *probe.View, b behind) bool {
	if slices.Contains(v.Expected().FrontEnds, b.ip.String()) {
		return false
	}
	same := func(o behind) bool { return o.direct && o.port == b.port }
	if b.scheme == "http" {
		return !slices.ContainsFunc(serversBehind(v), same)
	}
	return slices.ContainsFunc(serversBehind(v), func(o behind) bool { return same(o) && o.refuses() })
}
