package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyUnmappedTCPReset = Mode{
	Rule: probe.Rule{
		ID:       "proxy.unmapped-tcp-reset",
		Severity: probe.High,
		Title:    "the reverse proxy cuts the connection when it is asked for a host",
		Cause:    "no mapping fits the URL, and the proxy resets requests without one (the standard of the pfSense Squid package), or the pattern of the mapping is wrong; one that passes TCP on does the same when it gets no connection to the web server",
		Remedy:   "Add a mapping that fits the whole URL with its scheme, and give it the web server of port 4443. Where TCP is passed on, the proxy's log says why it gets no connection.",
		Settings: append(publishHost(), settings("NetScaler, F5", "A policy or iRule with the action drop or reset for unknown hosts: add the host before it.")...),
		Sources:  []string{"pfSense squid package: reverse proxy generator and GUI definitions"},
		Reads:    probe.Dials | probe.Exchanges | probe.Expectations,
		Detect:   detectProxyUnmappedTCPReset,
	},
	Confused: []probe.ID{"proxy.default-vhost-answers", "proxy.service-not-enabled", "proxy.path-allowlist-missing-autodiscover"},
	Cases: []Case{
		{Name: "second-domain-unmapped", Edit: func(t *topology.Topology) {
			t.Proxy.ResetUnknown = true
			t.Proxy.Unpublish(t.Discovery(1))
		}},
	},
	More: []Case{
		{Name: "web-services-unmapped", Edit: func(t *topology.Topology) {
			t.Proxy.ResetUnknown = true
			t.Proxy.Unpublish(t.ExternalWeb())
		}},
		{Name: "nothing-mapped", Edit: func(t *topology.Topology) {
			t.Proxy.ResetUnknown = true
			t.Proxy.Unpublish(slices.Clone(t.Proxy.Rules[0].Hosts)...)
		}},
	},
	Near: []Case{{Name: "unknown-hosts-reset", Edit: func(t *topology.Topology) { t.Proxy.ResetUnknown = true }}},
}

func detectProxyUnmappedTCPReset(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	asked := false
	var evidence []probe.Evidence
	for _, host := range l.coreNames() {
		list := l.answers(host)
		asked = asked || len(list) > 0
		if len(list) == 0 || slices.ContainsFunc(list, func(x *probe.Exchange) bool { return !cutOff(x) }) {
			continue
		}
		u := l.unknownAnswer(list[0].Addr)
		switch {
		case l.servesAny(host):
			evidence = append(evidence, l.SawExchange(list[0], "%s, after a good TLS handshake, while the Front End answers other hosts there", refusal(list[0])))
		case u != nil && cutOff(u) && !noWebServer(v):
			evidence = append(evidence, l.SawExchange(list[0], "%s, after a good TLS handshake; a host that nobody publishes is treated the same", refusal(list[0])))
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}
