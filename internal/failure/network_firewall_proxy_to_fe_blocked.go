package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var networkFirewallProxyToFEBlocked = Mode{
	Rule: probe.Rule{
		ID:       "network.firewall-proxy-to-fe-blocked",
		Severity: probe.Critical,
		Title:    "the reverse proxy cannot reach the Front End's external web site",
		Cause:    "a firewall between them does not let ports 4443 and 8080 pass",
		Remedy:   "Let TCP 4443 and 8080 pass from the reverse proxy to every Front End (or its load balancer).",
		Sources:  []string{"Port and protocol details for the Lync 2013 reverse proxy", "Load balancing requirements for Skype for Business"},
		Reads:    probe.Dials | probe.Expectations,
		Detect:   detectNetworkFirewallProxyToFEBlocked,
		Explains: []probe.ID{"proxy.upstream-down-502", "frontend.one-node-down", "frontend.external-site-binding-missing"},
	},
	Confused: []probe.ID{"frontend.external-site-stopped", "proxy.upstream-down-502"},
	Cases: []Case{
		{Name: "4443-and-8080", Edit: func(t *topology.Topology) {
			for _, n := range t.FrontEndPool().Nodes {
				t.Paths = append(t.Paths, topology.Path{From: "proxy", To: n.Address.String(), Port: 4443, Action: topology.Drop},
					topology.Path{From: "proxy", To: n.Address.String(), Port: 8080, Action: topology.Drop})
			}
		}},
	},
	More: []Case{
		{Name: "4443-only", Edit: func(t *topology.Topology) {
			for _, n := range t.FrontEndPool().Nodes {
				t.Paths = append(t.Paths, topology.Path{From: "proxy", To: n.Address.String(), Port: 4443, Action: topology.Drop})
			}
		}},
	},
	Near: []Case{
		{Name: "443-filtered", Edit: func(t *topology.Topology) {
			for _, n := range t.FrontEndPool().Nodes {
				t.Paths = append(t.Paths, topology.Path{From: "proxy", To: n.Address.String(), Port: 443, Action: topology.Drop})
			}
		}},
	},
}

func detectNetworkFirewallProxyToFEBlocked(v *probe.View) probe.Verdict {
	at := v.At(probe.Proxy)
	if !at.Seen() {
		return notSeenAtProxy
	}
	var evidence []probe.Evidence
	open := false
	for _, w := range lyncWebServers(v) {
		switch d := at.Dial(w.Address); {
		case d == nil:
		case d.Outcome.Code == probe.Timeout || d.Outcome.Code == probe.Unreachable:
			evidence = append(evidence, at.SawDial(d, "the web server %s gives no answer to a connection (%s)", w.Address, d.Outcome.Words()))
		case w.Scheme == "https":
			open = true // one that answers shows that the firewall lets the port pass
		}
	}
	if open {
		return probe.Clear()
	}
	return verdict(evidence)
}

// lyncWebServers are the servers that the proxy forwards web services to.
func lyncWebServers(v *probe.View) []probe.WebServer {
	return slices.DeleteFunc(slices.Clone(v.Expected().WebServers), func(w probe.WebServer) bool { return w.Application == "office-web-apps" })
}
