package failure

import (
	"fmt"
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendOneNodeDown = Mode{
	Rule: probe.Rule{
		ID:       "frontend.one-node-down",
		Severity: probe.High,
		Title:    "one of the Front Ends behind the proxy does not serve",
		Cause:    "a server is down, or its external web site or discovery is, and requests are still sent to it: a part of them fails",
		Remedy:   "Repair the server named below, or take it out of the proxy or balancer until then. Let the balancer ask GET /autodiscover/autodiscoverservice.svc/root on the external port, without Accept header, and expect 200.",
		Settings: settings(
			pfSquid, "Services > Squid Reverse Proxy > Web Servers: disable the peer, and take it out of the mapping.",
			pfHAProxy, "Backend > Health checking: HTTP, GET /autodiscover/autodiscoverservice.svc/root, expect 200.",
			haproxy, "option httpchk GET /autodiscover/autodiscoverservice.svc/root and check on every server line",
			nginx, "proxy_next_upstream error timeout http_503;  # and max_fails=1 fail_timeout=30s on every server",
			apache, "ProxyHCExpr and hcmethod=GET hcuri=/autodiscover/autodiscoverservice.svc/root on every BalancerMember",
			caddy, `reverse_proxy https://10.10.10.11:4443 https://10.10.10.12:4443 {
	lb_try_duration 10s
	fail_duration 30s
	health_uri /autodiscover/autodiscoverservice.svc/root
	health_status 200
	health_headers {
		Host lyncdiscover.contoso.example
	}
}`,
			arr, "Server farm > Health Test: URL of the discovery service, acceptable status 200.",
		),
		Sources: []string{"Load balancing requirements for Skype for Business", "DNS requirements for simple URLs"},
		Reads:   probe.Lookups | probe.Dials | probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:  detectFrontendOneNodeDown,
		Explains: []probe.ID{
			"frontend.app-pool-stopped-503", "proxy.upstream-down-502",
			"meeting.simple-url-not-published", "meeting.dialin-not-published", "meeting.per-domain-meet-missing",
		},
	},
	Confused: []probe.ID{"dns.multiple-a-one-dead", "frontend.external-site-stopped", "frontend.app-pool-stopped-503", "proxy.mixed-scheme-peers-round-robin"},
	Cases: []Case{
		{Name: "discovery-pool-stopped", Edit: func(t *topology.Topology) {
			t.FrontEndPool().Nodes[1].StoppedAppPools = []string{"autodiscover"}
		}},
	},
	More: []Case{
		{Name: "site-stopped", Edit: func(t *topology.Topology) {
			t.FrontEndPool().Nodes[1].Stopped = []string{"external"}
		}},
		{Name: "machine-off", Edit: func(t *topology.Topology) {
			t.FrontEndPool().Nodes[0].Stopped = []string{"internal", "external"}
		}},
		{Name: "pool-stopped-behind-balancer", Edit: func(t *topology.Topology) {
			throughBalancer(t)
			t.FrontEndPool().Nodes[0].StoppedAppPools = []string{"autodiscover"}
		}},
	},
	Near: []Case{
		{Name: "drained", Edit: func(t *topology.Topology) {
			// A server under repair that nothing is sent to any more.
			t.FrontEndPool().Nodes[1].Stopped = []string{"external"}
			forwardOnlyTo(t, topology.FE1HTTPS, topology.FE1HTTP)
		}},
	},
}

func detectFrontendOneNodeDown(v *probe.View) probe.Verdict {
	beside, all := deadNodes(v)
	alternating := takingTurns(v)
	switch {
	case len(beside) > 0:
		return probe.Found(append(beside, alternating...)...)
	case all:
		// Every server answers, straight: what fails now and then is on the way.
		return probe.Clear()
	case len(alternating) > 0:
		return probe.Found(alternating...)
	case !v.At(probe.External).Seen() && !v.At(probe.Proxy).Seen():
		return notSeenOutside
	}
	return probe.Clear()
}

// deadNodes is evidence of servers that do not serve while their like do. all tells that every server was asked and
// serves.
func deadNodes(v *probe.View) (evidence []probe.Evidence, all bool) {
	list := slices.DeleteFunc(serversBehind(v), func(b behind) bool { return b.dial == nil || b.direct && b.internalPort() })
	distinct := map[string]bool{}
	dead := 0
	for _, b := range list {
		distinct[b.ip.String()] = true
		if isDead(v, b) {
			dead++
		}
	}
	for _, b := range list {
		if !isDead(v, b) {
			continue
		}
		// Its like: the same port, forwarded to or not in the same way, at another address.
		for _, o := range list {
			if o.ip != b.ip && o.port == b.port && o.scheme == b.scheme && o.direct == b.direct && o.answer() != nil && !isDead(v, o) {
				evidence = append(evidence, b.sawDown(), o.sawServing())
				break
			}
		}
	}
	return evidence, len(distinct) > 1 && dead == 0
}

// isDead tells whether nothing serves there. A port in silence on a machine that takes connections elsewhere is a
// firewall's doing.
func isDead(v *probe.View, b behind) bool {
	switch {
	case b.silent():
		return !slices.ContainsFunc(serversBehind(v), func(o behind) bool { return o.ip == b.ip && o.connects() })
	case b.refuses(), b.cut():
		return true
	}
	return b.failing() != nil
}

// takingTurns is evidence from outside that some of the same requests to one address fail and others do not.
func takingTurns(v *probe.View) []probe.Evidence {
	out := v.At(probe.External)
	type tally struct {
		good, bad int
		fault     *probe.Exchange
		by        []string
	}
	counts := map[string]*tally{}
	var addrs []string
	for _, x := range out.Exchanges(probe.GetRepeat) {
		t := counts[x.Addr]
		if t == nil {
			t = &tally{}
			counts[x.Addr] = t
			addrs = append(addrs, x.Addr)
		}
		switch {
		case x.Outcome.OK() && x.Status == 200 && fromFrontEnd(x):
			t.good++
			if m := x.Header.Get("X-Ms-Server-Fqdn"); m != "" && !slices.Contains(t.by, m) {
				t.by = append(t.by, m)
			}
		case x.Outcome.OK() && x.Status >= 500, isCut(x.Outcome.Code), x.Outcome.Code == probe.Timeout:
			t.bad++
			t.fault = x
		}
	}
	var evidence []probe.Evidence
	for _, a := range addrs {
		t := counts[a]
		if t.good == 0 || t.bad == 0 {
			continue
		}
		how := t.fault.Outcome.Words()
		if t.fault.Outcome.OK() {
			how = fmt.Sprint(t.fault.Status)
		}
		text := fmt.Sprintf("of %d requests for %s, each on a connection of its own, %d failed (%s)", t.good+t.bad, t.fault.URL, t.bad, how)
		if len(t.by) == 1 {
			text += ", and all that did not came from " + t.by[0]
		}
		evidence = append(evidence, out.SawExchange(t.fault, "%s", text))
	}
	return evidence
}
