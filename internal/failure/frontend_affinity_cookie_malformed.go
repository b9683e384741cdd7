package failure

import (
	"slices"
	"strings"
	"time"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendAffinityCookieMalformed = Mode{
	Rule: probe.Rule{
		ID:       "frontend.affinity-cookie-malformed",
		Severity: probe.Medium,
		Title:    "the affinity cookie in front of Lync Server 2010 is not as clients need it",
		Cause:    "the balancer's cookie is hidden from scripts, expires, or has a name of its own: phones and the web app lose it, and with it the Front End that knows them",
		Remedy:   "Name the cookie MS-WSMAN, without Expires and Max-Age, without HttpOnly, and set it on every answer whose request lacks it.",
		Settings: settings(
			pfHAProxy, "Backend > Cookie persistence: name MS-WSMAN, mode Insert, HttpOnly unticked, no maximum idle and life time.",
			haproxy, "cookie MS-WSMAN insert nocache  # no httponly, maxidle or maxlife",
			nginx, "sticky cookie MS-WSMAN path=/;  # nginx Plus: no expires=, no httponly",
			apache, `Header add Set-Cookie "MS-WSMAN=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED`,
			caddy, "lb_policy cookie MS-WSMAN  # a cookie for the session, without HttpOnly",
			arr, "Server farm > Server Affinity: cookie name MS-WSMAN; no outbound rule that adds HttpOnly.",
			"F5", "Persistence profile, cookie insert: name MS-WSMAN, session cookie, HTTPOnly and Always Send as Lync needs them: off and on.",
			"KEMP LoadMaster", "Persistence mode Active Cookie: name MS-WSMAN; no HttpOnly.",
			"NetScaler", "set lb vserver lync-443 -persistenceType COOKIEINSERT -timeout 0 -cookieName MS-WSMAN; set ns param … -httpOnlyCookieFlag DISABLED",
		),
		Sources: []string{"Load balancing requirements for Skype for Business", "RFC 6265 section 4.1"},
		Reads:   probe.Exchanges,
		Detect:  detectFrontendAffinityCookieMalformed,
	},
	Confused: []probe.ID{"frontend.hlb-affinity-lost-mcx"},
	Cases: []Case{
		{Name: "http-only", Edit: func(t *topology.Topology) { affinity2010(t, topology.Cookie{HTTPOnly: true}) }},
		{Name: "expires", Edit: func(t *topology.Topology) { affinity2010(t, topology.Cookie{MaxAge: time.Hour}) }},
	},
	More: []Case{
		{Name: "other-name", Edit: func(t *topology.Topology) { affinity2010(t, topology.Cookie{Name: "SERVERID"}) }},
	},
	Near: []Case{
		{Name: "as-documented", Edit: func(t *topology.Topology) { affinity2010(t, topology.Cookie{}) }},
		{Name: "http-only-of-2013", Edit: func(t *topology.Topology) {
			affinity2010(t, topology.Cookie{HTTPOnly: true})
			t.Product = "lync2013"
		}},
	},
}

// affinity2010 has servers of 2010 behind a proxy that keeps clients by a cookie.
func affinity2010(t *topology.Topology, c topology.Cookie) {
	t.Product = "lync2010"
	t.Proxy.Rules[0].Balance, t.Proxy.Rules[0].Cookie = "cookie", &c
}

func detectFrontendAffinityCookieMalformed(v *probe.View) probe.Verdict {
	if !isOf2010(v) {
		return notOf2010
	}
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		var other *probe.Evidence
		named := false
		var told []string
		for _, x := range p.Exchanges() {
			for _, c := range cookiesIn(x) {
				switch {
				case !c.isAffinity() && c.looksLikeAffinity() && fromFrontEnd(x) && other == nil:
					e := p.SawExchange(x, "%s answers with the cookie %s, and not MS-WSMAN", x.URL, c.name)
					other = &e
				case c.isAffinity():
					named = true
					if what := spoiled(c); what != "" && !slices.Contains(told, what) {
						told = append(told, what)
						evidence = append(evidence, p.SawExchange(x, "%s answers with the cookie %s, which has %s", x.URL, c.name, what))
					}
				}
			}
		}
		if other != nil && !named {
			evidence = append(evidence, *other)
		}
	}
	return verdict(evidence)
}

// spoiled are the attributes that an affinity cookie must not have; empty when it has none of them.
func spoiled(c cookie) string {
	var bad []string
	for _, a := range c.attributes {
		name, _, _ := strings.Cut(a, "=")
		if slices.Contains([]string{"httponly", "expires", "max-age"}, name) {
			bad = append(bad, name)
		}
	}
	return strings.Join(bad, " and ")
}
