package failure

import (
	"maps"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var mobilityApplicationLostBetweenNodes = Mode{
	Rule: probe.Rule{
		ID:       "mobility.application-lost-between-nodes",
		Severity: probe.High,
		Title:    "clients sign in at one Front End, and the next does not know them",
		Cause:    "the state of a UCWA application is on the machine that made it, and the machines do not reach each other to pass requests on; the load balancer sends every request elsewhere",
		Remedy:   "Let the Front Ends of a pool reach each other (Windows Firewall, routing, the replication and routing ports between them), and restart the one that stays apart; until then let the proxy or balancer send each client to the same Front End.",
		Settings: settings(
			pfHAProxy, "Backend: Balance: Source; or Cookie persistence with a cookie inserted.",
			haproxy, "balance source; hash-type consistent",
			nginx, "upstream fe { ip_hash; server 10.10.10.11:4443; server 10.10.10.12:4443; }",
			apache, "ProxySet stickysession=ROUTEID in the balancer, and Header add Set-Cookie ROUTEID=…",
			caddy, "lb_policy ip_hash  # or: lb_policy cookie",
			arr, "Server farm > Server Affinity: tick Client affinity.",
			pfSquid, "Peers: custom option sourcehash on each Front End peer.",
		),
		Sources:  []string{"UCWA: Errors and informational messages", "Load balancing requirements for Skype for Business"},
		Reads:    probe.SignIns | probe.Exchanges,
		Detect:   detectMobilityApplicationLostBetweenNodes,
		Explains: []probe.ID{"proxy.connection-limit"},
	},
	SignsIn: true, InFull: true,
	Cases: []Case{
		{Name: "nodes-apart", Edit: isolateNodes},
	},
	Near: []Case{
		{Name: "affinity-by-source", Edit: func(t *topology.Topology) {
			isolateNodes(t)
			t.Proxy.Rules[0].Balance = "source"
		}},
	},
}

// isolateNodes keeps the Front Ends of the main pool from each other.
func isolateNodes(t *topology.Topology) {
	nodes := t.FrontEndPool().Nodes
	for i := range nodes {
		nodes[i].Isolated = true
	}
}

func detectMobilityApplicationLostBetweenNodes(v *probe.View) probe.Verdict {
	places := signingPlaces(v)
	if len(places) == 0 {
		return nobodySignedIn
	}
	asked := false
	var evidence []probe.Evidence
	for _, p := range places {
		known, lost := map[string][]*probe.Exchange{}, map[string][]*probe.Exchange{} // by application
		for _, x := range p.Exchanges(ucwaPurposes...) {
			id := applicationOf(x)
			switch {
			case id == "" || serverOf(x) == "" || !x.Outcome.OK():
			case x.Status < 300:
				known[id] = append(known[id], x)
			case subcodeOf(x) == "ApplicationNotFound":
				lost[id] = append(lost[id], x)
			}
		}
		// The first answers came from whoever created them.
		created := p.Exchanges(probe.SignInApplication)
		asked = asked || len(known) > 0 || len(lost) > 0
		for _, id := range slices.Sorted(maps.Keys(lost)) {
			from, list := known[id], lost[id]
			if i := slices.IndexFunc(created, func(x *probe.Exchange) bool {
				return x.Status < 300 && x.Outcome.OK() && serverOf(x) != "" && strings.Contains(x.Body, id)
			}); i >= 0 {
				from = append(slices.Clone(from), created[i])
			}
			if e := lostBetween(p, from, list); e != nil {
				evidence = append(evidence, e...)
				break // one for each place
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// lostBetween is evidence that some machines answer for an application, and others say that there is none. It is nil
// when a machine says both: then the application has ended.
func lostBetween(p *probe.Place, known, lost []*probe.Exchange) []probe.Evidence {
	knows := func(server string) bool {
		return slices.ContainsFunc(known, func(x *probe.Exchange) bool { return serverOf(x) == server })
	}
	if len(known) == 0 || slices.ContainsFunc(lost, func(x *probe.Exchange) bool { return knows(serverOf(x)) }) {
		return nil
	}
	yes, no := known[0], lost[0]
	return []probe.Evidence{
		p.SawExchange(yes, "%s answers for the application: %s %s gives %d", serverOf(yes), yes.Method, yes.URL, yes.Status),
		p.SawExchange(no, "%s does not know it: %s %s gives %d ApplicationNotFound", serverOf(no), no.Method, no.URL, no.Status),
	}
}
