package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyDefaultVhostAnswers = Mode{
	Rule: probe.Rule{
		ID:       "proxy.default-vhost-answers",
		Severity: probe.High,
		Title:    "the reverse proxy has no publishing rule for a host, and answers by itself",
		Cause:    "the host was forgotten in the rule, so the proxy's default site takes the request",
		Remedy:   "Add the host to the publishing rule of the Lync web services.",
		Settings: publishHost(),
		Sources: []string{"Configuration requirements for reverse proxy in Lync Server 2013",
			"Web publishing rules for a single internal pool, Lync 2013"},
		Reads:    probe.Exchanges | probe.Handshakes | probe.Expectations,
		Detect:   detectProxyDefaultVhostAnswers,
		Explains: []probe.ID{"proxy.error-page-with-200"},
	},
	Confused: []probe.ID{"dns.lyncdiscover-points-to-company-website", "proxy.unmapped-tcp-reset", "proxy.error-page-with-200", "meeting.simple-url-not-published"},
	Cases: []Case{
		{Name: "second-domain-forgotten", Edit: func(t *topology.Topology) { t.Proxy.Unpublish(t.Discovery(1)) }},
	},
	More: []Case{
		{Name: "web-services-forgotten", Edit: func(t *topology.Topology) { t.Proxy.Unpublish(t.ExternalWeb()) }},
		{Name: "default-site", Edit: func(t *topology.Topology) {
			t.Proxy.Unpublish(t.Discovery(0), t.Discovery(1))
			answerUnknownHosts(t, topology.Response{Status: 200, Body: "<html><head><title>Welcome</title></head><body>It works!</body></html>"})
		}},
		{Name: "no-default-backend", Edit: func(t *topology.Topology) {
			t.Proxy.Unpublish(t.ExternalWeb())
			answerUnknownHosts(t, topology.Response{Status: 503, Body: "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>"})
		}},
		{Name: "default-redirect", Edit: func(t *topology.Topology) {
			t.Proxy.Unpublish(t.ExternalWeb())
			answerUnknownHosts(t, topology.Response{Status: 302, Header: map[string]string{"Location": "https://www.contoso.example/"}})
		}},
	},
	Near: []Case{{Name: "default-site-beside", Edit: func(t *topology.Topology) {
		answerUnknownHosts(t, topology.Response{Status: 200, Body: "<html><head><title>Welcome</title></head><body>It works!</body></html>"})
	}}},
}

// answerUnknownHosts makes the proxy answer every host that no other rule has.
func answerUnknownHosts(t *topology.Topology, r topology.Response) {
	t.Proxy.Rules = append(t.Proxy.Rules, topology.Rule{Name: "default site", Hosts: []string{"*"}, Respond: &r})
}

func detectProxyDefaultVhostAnswers(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	asked := false
	var evidence []probe.Evidence
	for _, host := range l.coreNames() {
		list := l.answers(host)
		asked = asked || len(list) > 0
		if len(list) == 0 || !l.isNamed(host) || slices.ContainsFunc(list, func(x *probe.Exchange) bool { return !ownAnswer(l, x) }) {
			continue
		}
		x := list[0]
		u := l.unknownAnswer(x.Addr)
		others := l.servesAny(host)
		switch {
		case u != nil && alike(x, u) && (others || x.Status >= 400 && x.Status != 403):
			evidence = append(evidence, l.SawExchange(x, "%s; a host that nobody publishes gets the same answer", refusal(x)))
		case others && x.Status >= 400 && !asksForLogin(x):
			evidence = append(evidence, l.SawExchange(x, "%s, while the Front End answers other hosts at that address", refusal(x)))
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// ownAnswer tells whether a proxy gave an answer of its own that is neither an error of forwarding nor a demand for
// credentials. Some have an error of forwarding for hosts without a rule, too: then unknown hosts get the same.
func ownAnswer(l *listener, x *probe.Exchange) bool {
	if isDefaultAnswer(l, x) {
		return !cutOff(x)
	}
	return fromMiddle(x) && x.Status < 500 && !slices.Contains([]int{401, 407, 408, 429}, x.Status)
}
