package failure

import (
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendHLBAffinityLostMcx = Mode{
	Rule: probe.Rule{
		ID:       "frontend.hlb-affinity-lost-mcx",
		Severity: probe.High,
		Title:    "requests of one phone go to several Front Ends of Lync Server 2010, of which one knows its session",
		Cause:    "the load balancer or reverse proxy in front of the pool does not keep a client on one machine; sessions of Lync Server 2010's mobility service are local to the machine, so that iPhones and Windows phones begin to sign in and never finish",
		Remedy:   "Let the balancer, or the proxy where it does the balancing, keep clients by a cookie named MS-WSMAN, without expiry and not HttpOnly, set on every answer whose request lacks it. Where that cannot be (TMG's cookie persistence needs forms), keep them by source address. To make sure, take all Front Ends but one out of the rule: the phones sign in.",
		Settings: settings(
			pfSquid, "Peers: custom option sourcehash on each Front End peer; Squid sets no cookie.",
			pfHAProxy, "Backend > Cookie persistence: name MS-WSMAN, mode Insert, no maximum idle or life time, HttpOnly unticked.",
			haproxy, "cookie MS-WSMAN insert nocache; server fe1 … cookie fe1; server fe2 … cookie fe2",
			nginx, "upstream fe { ip_hash; … }  # nginx Plus: sticky cookie MS-WSMAN path=/;",
			apache, `Header add Set-Cookie "MS-WSMAN=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED; ProxySet stickysession=MS-WSMAN`,
			caddy, "lb_policy cookie MS-WSMAN  # in reverse_proxy, for 443 and for 80",
			arr, "Server farm > Server Affinity: Client affinity, cookie name MS-WSMAN.",
			"TMG", "Web farm: session affinity by source IP, and not by cookie.",
		),
		Sources: []string{"Load balancing requirements for Skype for Business", "Five FAQs about Lync Server 2010 Mobility Service", "Lync mobile clients and TMG server farms"},
		Reads:   probe.SignIns | probe.Exchanges,
		Detect:  detectFrontendHLBAffinityLostMcx,
	},
	SignsIn:  true,
	Confused: []probe.ID{"frontend.one-node-down", "frontend.affinity-cookie-malformed"},
	Cases: []Case{
		{Name: "round-robin", Edit: func(t *topology.Topology) { t.Product = "lync2010" }},
	},
	Near: []Case{
		{Name: "by-source", Edit: func(t *topology.Topology) {
			t.Product = "lync2010"
			t.Proxy.Rules[0].Balance = "source"
		}},
		{Name: "round-robin-of-2013", Edit: func(t *topology.Topology) { t.Product = "lync2013" }},
	},
	MoreNear: []Case{
		{Name: "one-node", Edit: func(t *topology.Topology) {
			t.Product = "lync2010"
			forwardOnlyTo(t, topology.FE1HTTPS, topology.FE1HTTP)
		}},
	},
}

func detectFrontendHLBAffinityLostMcx(v *probe.View) probe.Verdict {
	if len(signingPlaces(v)) == 0 {
		return nobodySignedIn
	}
	if !isOf2010(v) {
		return notOf2010
	}
	judged := false
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		var first *probe.Exchange
		for _, x := range p.Exchanges(probe.SignInMcx) {
			if x.Method != "POST" || !x.Outcome.OK() || serverOf(x) == "" {
				continue
			}
			if judged = true; first == nil {
				first = x
				continue
			}
			if serverOf(x) == serverOf(first) {
				continue
			}
			evidence = append(evidence, p.SawExchange(first, "%s answers a phone's request to %s", serverOf(first), first.URL),
				p.SawExchange(x, "%s answers another of the same phone, with %d%s", serverOf(x), x.Status, cookieWords(p)))
			break
		}
	}
	if !judged {
		return nothingToJudge
	}
	return verdict(evidence)
}

// cookieWords says whether the phone was given a cookie to be known by.
func cookieWords(p *probe.Place) string {
	for _, x := range p.Exchanges(probe.SignInMcx) {
		if slices.ContainsFunc(cookiesIn(x), cookie.isAffinity) {
			return "; it had been given a cookie " + strings.ToUpper(affinityCookie)
		}
	}
	return "; no answer set a cookie " + strings.ToUpper(affinityCookie)
}
