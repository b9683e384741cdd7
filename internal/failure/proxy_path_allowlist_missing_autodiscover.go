package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyPathAllowlistMissingAutodiscover = Mode{
	Rule: probe.Rule{
		ID:       "proxy.path-allowlist-missing-autodiscover",
		Severity: probe.Critical,
		Title:    "the reverse proxy does not let discovery through",
		Cause:    "its list of published paths lacks /Autodiscover, or the root of the discovery names, so discovery stops at the first or the second step",
		Remedy:   "Publish every path (/*) of the Lync hosts; if a list is demanded, at least: " + pathList + ".",
		Settings: publishAll(),
		Sources: []string{"Configuration requirements for reverse proxy in Lync Server 2013",
			"Deploy and configure mobility for Skype for Business Server"},
		Reads:  probe.Exchanges,
		Detect: detectProxyPathAllowlistMissingAutodiscover,
		Explains: append([]probe.ID{"proxy.path-allowlist-missing-webticket", "proxy.path-allowlist-missing-ucwa",
			"proxy.path-allowlist-missing-content-services"}, whatFollowsOnSimpleURLs...),
	},
	Confused: []probe.ID{"proxy.case-sensitive-path", "proxy.default-vhost-answers", "proxy.path-prefix-mismatch"},
	Cases: []Case{
		{Name: "not-in-list", Edit: func(t *topology.Topology) { allowOnly(t, withoutPaths("/autodiscover")...) }},
	},
	More: []Case{
		{Name: "refused-by-filter", Edit: func(t *topology.Topology) { deny(t, 403, "/autodiscover") }},
		{Name: "reset", Edit: func(t *topology.Topology) {
			allowOnly(t, withoutPaths("/autodiscover")...)
			t.Proxy.ResetUnknown = true
		}},
		{Name: "root-not-in-list", Edit: func(t *topology.Topology) {
			ownRule(t, "discovery, listed paths", t.Discovery(0), t.Discovery(1)).Paths = []string{"/autodiscover"}
		}},
	},
	Near: []Case{{Name: "whole-list", Edit: func(t *topology.Topology) { allowOnly(t, withoutPaths()...) }}},
}

// pathList is what a list of published paths needs at least.
const pathList = "/autodiscover, /webticket, /ucwa, /mcx, /abs, /groupexpansion, /certprov, /meet, /dialin, /join, /lwa, /reach, " +
	"/datacollabweb, /scheduler, /passiveauth, /requesthandlerext, /persistentchat and the root, in any letter case"

// withoutPaths is a list of published paths that lacks some.
func withoutPaths(lacking ...string) []string {
	all := []string{"/autodiscover", "/webticket", "/ucwa", "/mcx", "/abs", "/groupexpansion", "/certprov", "/meet", "/dialin", "/lwa", "/reach",
		"/datacollabweb", "/scheduler", "/passiveauth", "/requesthandlerext", "/persistentchat", "/cscp", "/ocspowershell", "/requesthandler"}
	return slices.DeleteFunc(all, func(p string) bool { return slices.Contains(lacking, p) })
}

func detectProxyPathAllowlistMissingAutodiscover(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, host := range discoveryNames(v) {
		// The root is refused, though the service itself answers below the same name.
		if !slices.ContainsFunc(l.answers(host, probe.GetService), fromFrontEnd) {
			continue
		}
		for _, x := range l.answers(host, probe.GetRoot, probe.GetRootLegacy) {
			if l.denied(x) {
				evidence = append(evidence, l.SawExchange(x, "%s, though the discovery service of the Front End answers below that host", refusal(x)))
			}
		}
	}
	for _, host := range l.webNames() {
		// In another letter case it goes through: that is a mode of its own.
		if slices.ContainsFunc(l.answers(host, probe.GetService, probe.GetServiceCase), fromFrontEnd) {
			return verdict(evidence)
		}
	}
	denied := deniedPaths(v, probe.GetService, probe.GetServiceQuery, probe.GetUser, probe.GetUserLegacy)
	if len(evidence) == 0 {
		return denied
	}
	return probe.Found(append(evidence, denied.Evidence()...)...)
}
