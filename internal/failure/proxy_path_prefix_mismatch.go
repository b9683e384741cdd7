package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyPathPrefixMismatch = Mode{
	Rule: probe.Rule{
		ID:       "proxy.path-prefix-mismatch",
		Severity: probe.Critical,
		Title:    "the reverse proxy changes the path, and the Front End finds nothing there",
		Cause:    "the mapping adds or takes away a prefix or a slash on the way to the web server",
		Remedy:   "Map / to /: pass the path on as it came.",
		Settings: settings(
			pfSquid, "Take url_rewrite_program out of the custom options.",
			pfHAProxy, "Remove set-path and reqrep actions.",
			haproxy, "Remove http-request set-path and replace-path.",
			nginx, "proxy_pass https://10.10.10.11:4443;  # nothing behind the port, no slash either",
			squid, "No url_rewrite_program for these hosts (url_rewrite_access deny all).",
			apache, "ProxyPass / https://10.10.10.11:4443/  # both with a slash",
			caddy, "reverse_proxy https://10.10.10.11:4443  # remove rewrite * /prefix{uri}, uri strip_prefix, and handle_path: handle keeps the path",
			arr, "Rewrite action: https://FARM/{R:0} with the pattern (.*).",
		),
		Sources:  []string{"Configuration requirements for reverse proxy in Lync Server 2013", "Deploy and configure mobility for Skype for Business Server"},
		Reads:    probe.Exchanges | probe.Expectations,
		Detect:   detectProxyPathPrefixMismatch,
		Explains: append([]probe.ID{"frontend.simple-url-not-registered", "frontend.http8080-requires-ssl"}, whatFollowsOnSimpleURLs...),
	},
	Confused: []probe.ID{"proxy.host-header-rewritten", "proxy.path-allowlist-missing-autodiscover", "frontend.simple-url-not-registered"},
	Cases: []Case{
		{Name: "prefix", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].AddPrefix = "/lync" }},
	},
	More: []Case{
		{Name: "double-slash", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].AddPrefix = "//" }},
		{Name: "web-services-only", Edit: func(t *topology.Topology) { ownRule(t, "web services", t.ExternalWeb()).AddPrefix = "/lync" }},
	},
	Near: []Case{{Name: "root-only-of-meeting-host", Edit: func(t *topology.Topology) {
		ownRule(t, "meetings", t.Plan.Meet...).Paths = []string{"/"}
	}}},
}

func detectProxyPathPrefixMismatch(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	served, known := servedStraight(v)
	if known && !served {
		return probe.Clear() // the Front End finds nothing when asked straight either
	}
	asked := false
	var evidence []probe.Evidence
	for _, host := range l.coreNames() {
		var lost []*probe.Exchange
		found := false
		for _, x := range l.answers(host, everyProduct...) {
			switch {
			case x.Status == 404 && probe.MakerOf(x).FrontEnd:
				lost = append(lost, x)
			case x.Status != 0:
				found = true
			}
		}
		asked = asked || found || len(lost) > 0
		if found {
			lost = nil
			if served {
				lost = serviceLost(l, host)
			}
		}
		if len(lost) < 2 || !slices.ContainsFunc(lost, func(x *probe.Exchange) bool { return x.Purpose == probe.GetService }) {
			continue
		}
		for _, x := range lost[:2] {
			evidence = append(evidence, l.SawExchange(x, "%s is answered 404 by the Front End, which has that path on every web site", x.URL))
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// serviceLost are answers for the discovery service of a host whose other paths are served: all are the Front End's 404. None when
// it is not so.
func serviceLost(l *listener, host string) []*probe.Exchange {
	var lost []*probe.Exchange
	for _, x := range l.answers(host, probe.GetService, probe.GetServiceCase, probe.GetServiceQuery) {
		if x.Status == 404 && probe.MakerOf(x).FrontEnd {
			lost = append(lost, x)
		} else if x.Status != 0 {
			return nil
		}
	}
	return lost
}

// everyProduct are requests whose paths every Front End of every release has.
var everyProduct = []string{probe.GetRoot, probe.GetRootLegacy, probe.GetService, probe.GetServiceQuery, probe.GetWebTicket, probe.GetContent}
