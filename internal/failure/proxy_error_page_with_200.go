package failure

import (
	"fmt"
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyErrorPageWith200 = Mode{
	Rule: probe.Rule{
		ID:       "proxy.error-page-with-200",
		Severity: probe.High,
		Title:    "the reverse proxy answers with a page of its own and status 200 in place of the Front End",
		Cause:    "a maintenance or friendly error page is sent as a success, so clients misread it and monitoring stays green",
		Remedy:   "End the maintenance; send such pages with status 503, and only when no web server answers.",
		Settings: settings(
			pfHAProxy, "Backend > Error files: a file that begins with HTTP/1.0 503.",
			haproxy, "errorfile 503 …, whose first line says 503; no http-request return status 200 for these hosts",
			nginx, "proxy_intercept_errors off; error_page 502 503 504 /sorry.html;  # without =200",
			squid, "deny_info 503:ERR_ACCESS_DENIED maintenance  # 503 and never 200, for the acl that http_access deny goes by while it lasts",
			apache, "ErrorDocument 503 /sorry.html, and no RewriteRule to the page itself",
			caddy, "In handle_errors and handle_response: respond {err.status_code}, or copy_response without a status; no respond … 200 for these hosts.",
			arr, "Custom errors: Execute a URL keeps the status; take out the rewrite rule to the page.",
		),
		Sources: []string{"UCWA: Errors and informational messages"},
		Reads:   probe.Exchanges | probe.Handshakes | probe.Expectations,
		Detect:  detectProxyErrorPageWith200,
	},
	Confused: []probe.ID{"proxy.preauth-forms-page", "proxy.default-vhost-answers", "dns.lyncdiscover-points-to-company-website", "network.captive-portal"},
	Cases: []Case{
		{Name: "maintenance", Edit: func(t *topology.Topology) {
			respondWith(t, topology.Response{Status: 200, Body: "<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>We will be back soon</h1></body></html>"})
		}},
	},
	More: []Case{
		{Name: "web-services-only", Edit: func(t *topology.Topology) {
			r := ownRule(t, "web services", t.ExternalWeb())
			r.WebServers = nil
			r.Respond = &topology.Response{Status: 200, Body: "<html><head><title>Sorry</title></head><body>An error has occurred.</body></html>"}
		}},
	},
	Near: []Case{{Name: "page-for-unpublished-hosts", Edit: func(t *topology.Topology) {
		answerUnknownHosts(t, topology.Response{Status: 200, Body: "<html><head><title>Sorry</title></head><body>An error has occurred.</body></html>"})
	}}},
}

func detectProxyErrorPageWith200(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	asked := false
	var evidence []probe.Evidence
	for _, host := range l.coreNames() {
		list := l.answers(host, probe.GetRoot, probe.GetRootLegacy, probe.GetService, probe.GetServiceQuery)
		asked = asked || len(list) > 0
		if len(list) == 0 || !l.isNamed(host) || isDefaultAnswer(l, list[0]) {
			continue
		}
		if !slices.ContainsFunc(list, func(x *probe.Exchange) bool {
			return !fromMiddle(x) || x.Status != 200 || asksForLogin(x)
		}) {
			evidence = append(evidence, l.SawExchange(list[0], "%s is answered 200 with %s by %s, not with a discovery document",
				list[0].URL, pageWords(list[0]), probe.MakerOf(list[0]).Name()))
		}
	}
	if len(evidence) == 0 {
		evidence = challengesReplaced(l)
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// challengesReplaced is evidence of pages in the place of the Front End's 401, where it answers others on the same host:
// nginx, proxy_intercept_errors with error_page 401 =200.
func challengesReplaced(l *listener) []probe.Evidence {
	var evidence []probe.Evidence
	for _, host := range l.webNames() {
		if !slices.ContainsFunc(l.answers(host), fromFrontEnd) {
			continue
		}
		for _, x := range l.answers(host, probe.GetUser, probe.GetUserLegacy) {
			if x.Status == 200 && fromMiddle(x) && probe.LooksLikeHTML(x) && !asksForLogin(x) {
				evidence = append(evidence, l.SawExchange(x, "%s, which asks those without a ticket for one, is answered 200 with %s by %s", x.URL, pageWords(x), probe.MakerOf(x).Name()))
				break
			}
		}
	}
	return evidence
}

// pageWords says what an answer holds.
func pageWords(x *probe.Exchange) string {
	switch title := titleOf(x); {
	case x.Size == 0:
		return "nothing in it"
	case title != "":
		return fmt.Sprintf("the page %q", title)
	}
	return "a page without title"
}
