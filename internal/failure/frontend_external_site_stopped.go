package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendExternalSiteStopped = Mode{
	Rule: probe.Rule{
		ID:       "frontend.external-site-stopped",
		Severity: probe.Critical,
		Title:    "the external web site of the Front Ends is not running",
		Cause:    "the IIS site was stopped, or did not start after an update or a restart: its ports refuse connections while the internal site answers",
		Remedy:   startSite + ". Check that W3SVC and WAS are running and set to start by themselves.",
		Sources:  []string{"Reverse Proxy and Lync/S4B server", "Reverse proxy 101"},
		Reads:    probe.Lookups | probe.Dials | probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectFrontendExternalSiteStopped,
		Explains: []probe.ID{
			"proxy.upstream-down-502", "frontend.one-node-down",
			"frontend.web-certificate-unassigned-or-wrong", "frontend.external-site-binding-missing",
			"proxy.peer-protocol-wrong",
		},
	},
	Confused: []probe.ID{"network.firewall-proxy-to-fe-blocked", "frontend.external-site-binding-missing", "proxy.upstream-down-502"},
	Cases: []Case{
		{Name: "stopped-on-all", Edit: func(t *topology.Topology) {
			for i := range t.FrontEndPool().Nodes {
				t.FrontEndPool().Nodes[i].Stopped = []string{"external"}
			}
		}},
	},
	More: []Case{
		{Name: "single-server", Edit: func(t *topology.Topology) {
			oneNode(t)
			t.FrontEndPool().Nodes[0].Stopped = []string{"external"}
		}},
		{Name: "behind-balancer", Edit: func(t *topology.Topology) {
			throughBalancer(t)
			for i := range t.FrontEndPool().Nodes {
				t.FrontEndPool().Nodes[i].Stopped = []string{"external"}
			}
		}},
	},
	Near: []Case{
		{Name: "single-server-running", Edit: oneNode},
	},
	MoreNear: []Case{
		{Name: "balancer-running", Edit: throughBalancer},
	},
}

// oneNode makes the pool a single server without balancer, as a Standard Edition.
func oneNode(t *topology.Topology) {
	p := t.FrontEndPool()
	p.Nodes = p.Nodes[:1]
	p.Balancer = nil
	t.Internal.Address(topology.FE1Inside, "lyncdiscoverinternal.contoso.example", "lyncdiscoverinternal.fabrikam.example",
		"lyncweb-int.contoso.example", "meet.contoso.example", "meet.fabrikam.example", "dialin.contoso.example", "pool01.contoso.example")
	t.Internal.Remove("fe2.contoso.example")
	forwardOnlyTo(t, topology.FE1HTTPS, topology.FE1HTTP)
}

// throughBalancer makes the proxy forward to the virtual address of the hardware load balancer only.
func throughBalancer(t *topology.Topology) {
	for _, alias := range []string{topology.FE1HTTPS, topology.FE1HTTP} {
		t.Proxy.WebServer(alias).Address = topology.BalancerInside.String()
	}
	t.Proxy.WebServer(topology.FE1HTTPS).Name = "pool01.contoso.example"
	forwardOnlyTo(t, topology.FE1HTTPS, topology.FE1HTTP)
}

// forwardOnlyTo leaves these web servers of the Front Ends, in every rule that forwards to Front Ends.
func forwardOnlyTo(t *topology.Topology, aliases ...string) {
	t.Proxy.WebServers = slices.DeleteFunc(t.Proxy.WebServers, func(w topology.WebServer) bool {
		return w.Alias != topology.OfficeServer && !slices.Contains(aliases, w.Alias)
	})
	for i := range t.Proxy.Rules {
		if r := &t.Proxy.Rules[i]; !slices.Contains(r.WebServers, topology.OfficeServer) && len(r.WebServers) > 0 {
			r.WebServers = aliases
		}
	}
}

func detectFrontendExternalSiteStopped(v *probe.View) probe.Verdict {
	if !v.At(probe.Proxy).Seen() {
		return notSeenAtProxy
	}
	var evidence []probe.Evidence
	refused, https := false, false
	var alive []probe.Evidence
	for _, b := range serversBehind(v) {
		switch {
		case b.internalPort():
			if b.connects() && !b.cut() {
				alive = append(alive, b.at.SawDial(b.dial, "%s, the internal web site, takes connections", b.addr()))
			}
			continue
		case b.dial == nil:
			continue
		case !b.refuses() && !b.cut():
			return probe.Clear()
		}
		refused = refused || b.refuses()
		https = https || b.scheme == "https"
		evidence = append(evidence, b.sawDown())
	}
	if len(evidence) == 0 {
		return nothingToJudge
	}
	if len(alive) == 0 {
		alive = internalSiteAnswers(v)
	}
	if !refused || !https || len(alive) == 0 {
		return probe.Clear() // a listener that cuts has another cause; a machine that is down altogether too
	}
	return probe.Found(append(evidence, alive[0])...)
}

// internalSiteAnswers is evidence from inside that a Front End is running.
func internalSiteAnswers(v *probe.View) []probe.Evidence {
	in := v.At(probe.Internal)
	for _, d := range v.Domains() {
		for _, x := range in.ExchangesFor(internalLabel+d, probe.GetRoot, probe.GetRootLegacy) {
			if fromFrontEnd(x) {
				return []probe.Evidence{in.SawExchange(x, "%s, the internal web site, answers %d at the same time", x.URL, x.Status)}
			}
		}
	}
	return nil
}
