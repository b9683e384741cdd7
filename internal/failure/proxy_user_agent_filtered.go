package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyUserAgentFiltered = Mode{
	Rule: probe.Rule{
		ID:       "proxy.user-agent-filtered",
		Severity: probe.High,
		Title:    "the reverse proxy goes by what the client calls itself",
		Cause:    "a rule on User-Agent, for instance against robots, lets only browsers or only some clients through; Lync's phones, desktop clients and web applications have names of their own, and Office and Exchange ask too. A rule against tools alone stops this one and no client",
		Remedy:   "Remove tests of User-Agent for the Lync hosts. Who may sign in is decided by the Front End.",
		Settings: settings(
			pfSquid, "Custom Options: remove acls of the type browser and http_access deny lines with them.",
			pfHAProxy, "Frontend > Access Control lists: remove ACLs on the header User-Agent, and the actions with them.",
			haproxy, "Remove http-request deny … { req.hdr(User-Agent) … } for these hosts.",
			nginx, "Remove if ($http_user_agent …) { return 403; } and maps of $http_user_agent from the servers of these hosts.",
			squid, "Remove acl … browser … and the http_access deny lines with it, or: http_access allow lync-host before them.",
			apache, "Remove RewriteCond %{HTTP_USER_AGENT} … with RewriteRule … [F], BrowserMatch and SetEnvIf User-Agent with Require env, for these hosts.",
			caddy, "Remove matchers on header User-Agent, and the respond 403 or abort that they lead to.",
			arr, "Request Filtering > Rules: no rule that scans the header User-Agent; URL Rewrite: no condition on {HTTP_USER_AGENT}.",
		),
		Sources: []string{"RFC 9110 section 10.1.5", "UCWA: Root URL"},
		Reads:   probe.Exchanges,
		Detect:  detectProxyUserAgentFiltered,
		Explains: []probe.ID{"proxy.default-vhost-answers", "proxy.unmapped-tcp-reset", "meeting.simple-url-not-published", "meeting.dialin-not-published",
			"meeting.per-domain-meet-missing", "meeting.wac-unpublished", "meeting.path-altered"},
	},
	Confused: []probe.ID{"proxy.default-vhost-answers", "proxy.ip-reputation-or-geo-block", "proxy.waf-rule-block", "meeting.join-launcher-user-agent"},
	Cases: []Case{
		{Name: "browsers-only", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].MatchHeaders = map[string]string{"User-Agent": "Mozilla*"}
		}},
	},
	More: []Case{
		{Name: "tools-refused", Edit: func(t *topology.Topology) { refuseMatching(t, 403, "User-Agent", "lyncpin*") }},
		{Name: "phones-refused", Edit: func(t *topology.Topology) { refuseMatching(t, 403, "User-Agent", "*iPhone*") }},
	},
	Near: []Case{
		{Name: "other-tools-refused", Edit: func(t *topology.Topology) { refuseMatching(t, 403, "User-Agent", "curl*") }},
	},
}

func detectProxyUserAgentFiltered(v *probe.View) probe.Verdict {
	asked := false
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		for _, phone := range p.Exchanges(probe.GetMeetingPhone) {
			plain := asPlain(p, phone)
			if plain == nil {
				continue
			}
			asked = true
			stopped, passed := plain, phone
			switch {
			case turnedAway(plain) && passesOn(phone) && !othersPass(p, plain):
			case turnedAway(phone) && phone.Status != 0 && passesOn(plain) && !othersRefused(p, phone):
				stopped, passed = phone, plain
			default:
				continue
			}
			evidence = append(evidence, p.SawExchange(stopped, "%s when it is asked for as %s", refusal(stopped), agentWords(stopped)),
				p.SawExchange(passed, "asked for as %s, the same URL at the same address is answered %d by the Front End", agentWords(passed), passed.Status))
		}
	}
	if !asked {
		return noMeeting
	}
	return verdict(evidence)
}

// asPlain is the exchange that asked for the same meeting at the same address, and did not call itself a phone; nil when there is
// none.
func asPlain(p *probe.Place, phone *probe.Exchange) *probe.Exchange {
	for _, x := range p.ExchangesFor(phone.Host, probe.GetMeeting) {
		if x.URL == phone.URL && x.Addr == phone.Addr {
			return x
		}
	}
	return nil
}

// agentWords say what the client of an exchange called itself.
func agentWords(x *probe.Exchange) string {
	if x.Purpose == probe.GetMeetingPhone {
		return "the browser of an iPhone"
	}
	return `"lyncpin"`
}

// turnedAway tells whether something on the way refused a request, for whatever reason, and asked for no credentials.
func turnedAway(x *probe.Exchange) bool {
	return cutOff(x) || x.Status >= 400 && x.Status <= 499 && fromMiddle(x) && !isIISPage(x) && !asksForLogin(x) &&
		!slices.Contains([]int{401, 407, 408, 429}, x.Status)
}

// passesOn tells whether the Front End answered, with what was asked for.
func passesOn(x *probe.Exchange) bool {
	return x.Status >= 200 && x.Status < 400 && (reachedFrontEnd(x) || isJoinPage(x))
}

// othersPass tells whether any request that called itself the same reached the Front End under that name.
func othersPass(p *probe.Place, x *probe.Exchange) bool {
	return slices.ContainsFunc(p.ExchangesFor(x.Host), func(o *probe.Exchange) bool {
		return o.Addr == x.Addr && o.Purpose != probe.GetMeetingPhone && reachedFrontEnd(o)
	})
}

// othersRefused tells whether other requests than the phone's were refused with that status under that name.
func othersRefused(p *probe.Place, x *probe.Exchange) bool {
	return slices.ContainsFunc(p.ExchangesFor(x.Host), func(o *probe.Exchange) bool {
		return o.Status == x.Status && o.Purpose != probe.GetMeetingPhone && fromMiddle(o)
	})
}
