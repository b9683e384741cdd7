package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyOriginOrRefererFiltered = Mode{
	Rule: probe.Rule{
		ID:       "proxy.origin-or-referer-filtered",
		Severity: probe.Medium,
		Title:    "the reverse proxy refuses requests that come from a web page",
		Cause:    "protection against hot links or forged requests looks at Origin or Referer; the web app is a page of one host and talks to others, so it fails while phones work",
		Remedy:   "Switch off checks of Origin, Referer and X-Ms-Origin for the Lync hosts; which pages may ask is the Front End's business (Set-CsWebServiceConfiguration -CrossDomainAuthorizationList).",
		Settings: settings(
			pfHAProxy, "Remove ACLs on the headers Origin and Referer.",
			haproxy, "Remove http-request deny rules on req.hdr(origin) and req.hdr(referer).",
			nginx, "Remove valid_referers, if ($invalid_referer) and if ($http_origin) blocks.",
			squid, "Remove http_access deny lines with acls of req_header Origin, req_header Referer and referer_regex.",
			apache, "Remove RewriteCond %{HTTP_REFERER} and %{HTTP:Origin}, and SetEnvIf Referer / Origin rules that deny.",
			caddy, "Remove matchers on header Origin and header Referer that lead to respond or abort.",
			arr, "Remove rewrite rules with conditions on {HTTP_REFERER} and {HTTP_ORIGIN}.",
		),
		Sources: []string{"UCWA: Create an application (HTTP traces)", "RFC 6454 section 7", "RFC 9110 section 10.1.3"},
		Reads:   probe.Exchanges,
		Detect:  detectProxyOriginOrRefererFiltered,
	},
	Cases: []Case{
		{Name: "origin", Edit: func(t *topology.Topology) { refuseMatching(t, 403, "Origin", "*") }},
	},
	More: []Case{
		{Name: "referer", Edit: func(t *topology.Topology) { refuseMatching(t, 403, "Referer", "https://meet.*") }},
		{Name: "x-ms-origin", Edit: func(t *topology.Topology) { refuseMatching(t, 403, "X-Ms-Origin", "*") }},
	},
	Near: []Case{
		{Name: "pages-of-strangers", Edit: func(t *topology.Topology) { refuseMatching(t, 403, "Referer", "https://www.fabrikam.example/*") }},
	},
}

func detectProxyOriginOrRefererFiltered(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	asked := false
	for _, x := range l.Exchanges(probe.GetFromPage) {
		for _, plain := range l.answers(x.Host, probe.GetService) {
			if plain.Addr != x.Addr || !fromFrontEnd(plain) || len(evidence) > 0 {
				continue
			}
			asked = true
			if cutOff(x) || fromMiddle(x) && x.Status >= 400 && x.Status < 500 && x.Status != 429 {
				evidence = append(evidence,
					l.SawExchange(x, "from a page (Origin, Referer): %s", refusal(x)),
					l.SawExchange(plain, "%s without these headers is answered %d by the Front End", plain.URL, plain.Status))
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}
