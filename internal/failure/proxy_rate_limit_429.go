package failure

import (
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyRateLimit429 = Mode{
	Rule: probe.Rule{
		ID:       "proxy.rate-limit-429",
		Severity: probe.Medium,
		Title:    "the reverse proxy refuses requests that come too fast",
		Cause:    "a limit on requests per address; a sign-in takes dozens of requests, and all phones behind one office address share it",
		Remedy:   "Exempt the Lync hosts from the rate limit, or raise it far above a sign-in storm (hundreds of requests a minute from one address).",
		Settings: settings(
			pfHAProxy, "Frontend: remove stick-table and deny rules for these hosts.",
			haproxy, "Remove http-request deny and tarpit … if { sc_http_req_rate(0) gt N } for these hosts.",
			nginx, "Remove limit_req and limit_conn for these servers.",
			apache, "Remove mod_evasive and mod_ratelimit for these hosts.",
			caddy, "Remove rate_limit for these hosts.",
			arr, "Dynamic IP Restrictions: untick Deny IP Address based on the number of requests.",
		),
		Sources:  []string{"RFC 6585 section 4"},
		Reads:    probe.Exchanges | probe.Crowds,
		Detect:   detectProxyRateLimit429,
		Explains: []probe.ID{"proxy.connection-limit", "proxy.default-vhost-answers", "proxy.preauth-401", "proxy.error-page-with-200", "proxy.host-header-rewritten", "proxy.case-sensitive-path", "proxy.path-allowlist-missing-autodiscover", "proxy.path-allowlist-missing-webticket", "proxy.path-allowlist-missing-ucwa", "proxy.path-allowlist-missing-content-services", "proxy.path-prefix-mismatch", "proxy.http80-redirects-to-https", "proxy.http80-closed", "proxy.method-blocked", "meeting.simple-url-not-published", "meeting.dialin-not-published", "meeting.per-domain-meet-missing", "meeting.wac-unpublished", "meeting.wac-wrong-port-or-offload", "frontend.simple-url-not-registered", "frontend.one-node-down", "proxy.upstream-down-502", "frontend.app-pool-stopped-503", "proxy.mixed-scheme-peers-round-robin", "proxy.percent-decoding-normalised", "proxy.url-length-limit", "proxy.origin-or-referer-filtered", "proxy.user-agent-filtered", "proxy.waf-rule-block", "proxy.header-too-large", "proxy.query-string-dropped", "proxy.path-allowlist-missing-mcx", "meeting.web-app-assets-blocked", "meeting.path-altered", "meeting.anonymous-ticket-refused", "frontend.iis-request-filtering"},
	},
	Confused: []probe.ID{"proxy.upstream-down-502", "proxy.default-vhost-answers"},
	Cases: []Case{
		{Name: "one-a-minute", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].Rate = 1
		}},
	},
	Near: []Case{
		{Name: "thousands-a-minute", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].Rate = 6000
		}},
	},
}

func detectProxyRateLimit429(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	all := out.Exchanges()
	var refused []*probe.Exchange
	for _, x := range all {
		if x.Status == 429 && !probe.MakerOf(x).FrontEnd {
			refused = append(refused, x)
		}
	}
	if len(refused) == 0 || ofCrowd(out, refused) {
		return limitedOtherwise(out)
	}
	return probe.Found(out.SawExchange(refused[0], "%d of %s got 429, which no Front End made; the first is %s",
		len(refused), probe.Count(len(all), "request", "requests"), refused[0].URL))
}

// ofCrowd tells whether only requests of a crowd were refused: there were too many at once, which has a mode of its own.
func ofCrowd(p *probe.Place, refused []*probe.Exchange) bool {
	return slices.ContainsFunc(p.Crowds(), func(c probe.Crowd) bool { return c.Failed > 0 }) &&
		!slices.ContainsFunc(refused, func(x *probe.Exchange) bool { return x.Purpose != probe.SignInUCWA })
}

// limitedOtherwise judges the refusals of products that have another status for those who come too fast or too many,
// where the Front End serves others of the same host.
func limitedOtherwise(out *probe.Place) probe.Verdict {
	var refused []*probe.Exchange
	how := ""
	all := out.Exchanges()
	for _, x := range all {
		if x.Purpose == probe.SignInUCWA { // of a crowd: what fails there is told by its own mode
			continue
		}
		words := limiterOf(x)
		if words == "" || !slices.ContainsFunc(out.ExchangesFor(x.Host), func(o *probe.Exchange) bool { return o.Addr == x.Addr && reachedFrontEnd(o) && o.Status != 0 }) {
			continue
		}
		refused = append(refused, x)
		how = words
	}
	if len(refused) == 0 {
		return probe.Clear()
	}
	return probe.Found(out.SawExchange(refused[0], "%d of %s got %d, others of the same host are served, and %s; the first is %s",
		len(refused), probe.Count(len(all), "request", "requests"), refused[0].Status, how, refused[0].URL))
}

// limiterOf says why an answer is that of a limit; empty when it need not be. nginx, limit_req_status and
// limit_conn_status: 503 unless set; an unreachable server is 502 or 504 there. HAProxy, http-request tarpit: 500.
func limiterOf(x *probe.Exchange) string {
	switch product := probe.MakerOf(x).Product; {
	case x.Status == 503 && product == "nginx" && strings.Contains(x.Body, "503 Service Temporarily Unavailable"):
		return "nginx itself says 503 where limit_req or limit_conn refuses"
	case x.Status == 500 && product == "HAProxy":
		return "HAProxy itself says 500 for what it holds up with tarpit"
	}
	return ""
}
