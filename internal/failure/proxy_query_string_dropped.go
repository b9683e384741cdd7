package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyQueryStringDropped = Mode{
	Rule: probe.Rule{
		ID:       "proxy.query-string-dropped",
		Severity: probe.High,
		Title:    "the reverse proxy drops what follows the question mark in URLs",
		Cause:    "a rewrite passes only the path on; discovery, the event channel and meeting links carry their parameters there",
		Remedy:   "Pass path and query on unchanged.",
		Settings: settings(
			pfSquid, "Mappings match the URL and leave it alone: remove url_rewrite_program and custom rewrites.",
			pfHAProxy, "Remove http-request set-path / set-uri actions.",
			haproxy, "Remove http-request set-uri …",
			nginx, "proxy_pass https://10.10.10.11:4443;  # without a URI part, and no rewrite that ends in ?",
			squid, "No url_rewrite_program for these hosts (url_rewrite_access deny all).",
			apache, "ProxyPass / https://10.10.10.11:4443/  # no RewriteRule with a trailing ? or the flag QSD",
			caddy, "Remove rewrite * {path}? and uri query lines; where a rewrite must be: rewrite * /path?{query}",
			arr, "URL Rewrite rule: tick Append query string.",
		),
		Sources:  []string{"UCWA: Create an application", "UCWA: Root URL"},
		Reads:    probe.Exchanges,
		Detect:   detectProxyQueryStringDropped,
		Explains: []probe.ID{"meeting.query-sl-dropped", "mobility.event-gap-resync"},
	},
	Confused: []probe.ID{"proxy.path-prefix-mismatch"},
	Cases: []Case{
		{Name: "path-only", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].DropQuery = true
		}},
	},
	Near: []Case{
		{Name: "on-port-80-only", Edit: func(t *topology.Topology) {
			http := t.Proxy.Rules[0]
			http.Name, http.Listener, http.DropQuery = "lync over http", "http", true
			t.Proxy.Rules = append([]topology.Rule{http}, t.Proxy.Rules...)
		}},
	},
}

func detectProxyQueryStringDropped(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	asked := false
	for _, x := range out.Exchanges(probe.GetServiceQuery) {
		// Another service, as the cloud's, may word its link differently.
		if !ownName(v, x.Host) || x.Document == nil || !strings.HasPrefix(x.Document.Form, "ucwa") || x.Document.Links["self"] == "" {
			continue
		}
		asked = true
		if self := x.Document.Links["self"]; !strings.Contains(strings.ToLower(self), "originaldomain=") {
			evidence = append(evidence, out.SawExchange(x, "%s was asked for, and the answer's link to itself is %s, without the parameter", x.URL, self))
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}
