package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyWAFRuleBlock = Mode{
	Rule: probe.Rule{
		ID:       "proxy.waf-rule-block",
		Severity: probe.High,
		Title:    "a filter in the reverse proxy refuses some requests for what they carry",
		Cause:    "rules of a web application firewall take SOAP envelopes, UCWA's media types, long tickets or their characters for an attack",
		Remedy:   "Exempt the Lync hosts from content inspection: bodies, media types, headers and URLs. The time of the request and the support number on the page shown lead to the rule in the firewall's log.",
		Settings: settings(
			pfHAProxy, "Remove ACLs on bodies, Content-Type and User-Agent, and any SPOE filter (ModSecurity, Coraza) for these hosts.",
			haproxy, "Remove filter spoe … and deny rules on req.hdr(content-type) for these hosts.",
			nginx, "modsecurity off;  # in the servers of these hosts, and no if ($content_type …), if ($http_user_agent …) or if ($request_uri …) that returns 403",
			squid, "Remove http_access deny lines with acls of req_mime_type and req_header, and adaptation_access (ICAP, eCAP), for these hosts.",
			apache, "SecRuleEngine Off  # in the virtual hosts of these names; and no RewriteCond %{HTTP:Content-Type} or User-Agent that refuses",
			caddy, "Remove coraza_waf and matchers on headers and bodies that lead to respond 403 for these hosts.",
			arr, "Request Filtering: no entries under Headers, Rules and Query Strings.",
		),
		Sources:  []string{"Sophos UTM: Publishing Microsoft Lync", "RFC 9110 section 15.5.4"},
		Reads:    probe.SignIns | probe.Exchanges,
		Detect:   detectProxyWAFRuleBlock,
		Explains: []probe.ID{"proxy.chunked-upload-411", "proxy.expect-100-417"},
	},
	SignsIn:  true,
	Confused: []probe.ID{"proxy.path-allowlist-missing-webticket", "proxy.path-allowlist-missing-ucwa", "proxy.method-blocked"},
	Cases: []Case{
		{Name: "soap", Edit: func(t *topology.Topology) { refuseMatching(t, 403, "Content-Type", "text/xml*") }},
		{Name: "media-type-of-ucwa", Edit: func(t *topology.Topology) { refuseMatching(t, 406, "Content-Type", "application/vnd.*") }},
	},
	Near: []Case{
		{Name: "other-media-types", Edit: func(t *topology.Topology) { refuseMatching(t, 403, "Content-Type", "application/x-java*") }},
	},
}

// carrying are the requests of those who sign in that carry something which a filter might look at, in a body or a
// header. Unusual sizes are left to the modes about them.
var carrying = []string{probe.SignInTicket, probe.SignInUser, probe.SignInApplication, probe.SignInUCWA, probe.SignInMcx}

func detectProxyWAFRuleBlock(v *probe.View) probe.Verdict {
	if len(signingPlaces(v)) == 0 {
		return nobodySignedIn
	}
	var evidence []probe.Evidence
	asked := false
	told := map[string]bool{}
	for _, p := range clientPlaces(v) {
		for _, x := range p.Exchanges(carrying...) {
			asked = true
			if !refusedForContent(p, x) || told[x.Purpose+directoryOf(x)] || passesElsewhere(p, x) {
				continue
			}
			other := benign(p, x)
			if other == nil {
				continue
			}
			told[x.Purpose+directoryOf(x)] = true
			evidence = append(evidence, p.SawExchange(x, "%s", refusal(x)),
				p.SawExchange(other, "%s %s, at the same address, is answered %d by the Front End", other.Method, other.URL, other.Status))
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// refusedForContent tells whether something on the way refused the request as filters do. Where connections are cut that
// carry nothing, too, what they carry is not the reason.
func refusedForContent(p *probe.Place, x *probe.Exchange) bool {
	if cutOff(x) {
		return x.Method == "POST" && !slices.ContainsFunc(p.ExchangesFor(x.Host), func(o *probe.Exchange) bool { return o.Method == "GET" && cutOff(o) })
	}
	return slices.Contains([]int{403, 406, 415}, x.Status) && fromMiddle(x) && !madeByUCWA(x)
}

// passesElsewhere tells whether another request of the same kind came through: then it is not what it carries.
func passesElsewhere(p *probe.Place, x *probe.Exchange) bool {
	return slices.ContainsFunc(p.ExchangesFor(x.Host, x.Purpose), func(o *probe.Exchange) bool {
		return o.Method == x.Method && o.Accept == x.Accept && directoryOf(o) == directoryOf(x) && fromFrontEnd(o)
	})
}

// benign is another request to the same directory that the Front End answered, with a method that passes; nil when
// there is none.
func benign(p *probe.Place, x *probe.Exchange) *probe.Exchange {
	methods := map[string]bool{}
	list := p.ExchangesFor(x.Host)
	for _, o := range list {
		methods[o.Method] = methods[o.Method] || fromFrontEnd(o)
	}
	if !methods[x.Method] {
		return nil
	}
	i := slices.IndexFunc(list, func(o *probe.Exchange) bool {
		return o.Addr == x.Addr && directoryOf(o) == directoryOf(x) && fromFrontEnd(o)
	})
	if i < 0 {
		return nil
	}
	return list[i]
}
