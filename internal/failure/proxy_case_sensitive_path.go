package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyCaseSensitivePath = Mode{
	Rule: probe.Rule{
		ID:       "proxy.case-sensitive-path",
		Severity: probe.High,
		Title:    "the reverse proxy lets a path through in one letter case only",
		Cause:    "its list of paths or its routing compares with the letter case; Front Ends do not, and clients write /Autodiscover and /autodiscover, /WebTicket and /webticket",
		Remedy:   "Compare paths without their letter case, or publish every path.",
		Settings: settings(
			pfSquid, "Mappings are generated with url_regex -i, which ignores case: take hand-written ACLs out of the custom options.",
			pfHAProxy, "Tick Case-insensitive in the path ACL, or remove it.",
			haproxy, "acl lync_path path_beg -i /autodiscover /webticket …",
			nginx, "location ~* ^/(autodiscover|webticket|ucwa)/ { … }",
			squid, "acl lync-path urlpath_regex -i ^/(autodiscover|webticket|ucwa)/",
			apache, "<LocationMatch \"(?i)^/(autodiscover|webticket|ucwa)/\">",
			caddy, "path /autodiscover* /webticket* /ucwa*  # ignores case; a path_regexp does not: begin it with (?i)",
			arr, "Tick Ignore case in the URL rewrite pattern.",
		),
		Sources: []string{"UCWA 2.0: Create an application (HTTP traces)", "Plan for Mobility for Skype for Business Server"},
		Reads:   probe.Exchanges | probe.Expectations,
		Detect:  detectProxyCaseSensitivePath,
		Explains: []probe.ID{"proxy.path-allowlist-missing-autodiscover", "proxy.path-allowlist-missing-webticket",
			"proxy.path-allowlist-missing-ucwa", "proxy.path-allowlist-missing-content-services"},
	},
	Confused: []probe.ID{"proxy.path-allowlist-missing-autodiscover", "proxy.path-allowlist-missing-webticket"},
	Cases: []Case{
		{Name: "lower-case-only", Edit: func(t *topology.Topology) {
			allowOnly(t, withoutPaths()...)
			t.Proxy.Rules[0].CaseSensitive = true
		}},
	},
	More: []Case{
		{Name: "documented-case-only", Edit: func(t *topology.Topology) {
			allowOnly(t, "/Autodiscover", "/WebTicket", "/ucwa", "/Mcx", "/abs", "/GroupExpansion", "/CertProv", "/Reach", "/meet", "/dialin", "/lwa")
			t.Proxy.Rules[0].CaseSensitive = true
		}},
	},
	Near: []Case{{Name: "case-sensitive-but-whole", Edit: func(t *topology.Topology) {
		allowOnly(t, "/")
		t.Proxy.Rules[0].CaseSensitive = true
	}}},
}

func detectProxyCaseSensitivePath(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	asked := false
	var evidence []probe.Evidence
	for _, host := range l.coreNames() {
		for _, other := range l.answers(host, probe.GetServiceCase) {
			for _, x := range l.answers(host, probe.GetService) {
				if x.Addr != other.Addr {
					continue
				}
				asked = true
				through, refused := x, other
				if l.denied(x) {
					through, refused = other, x
				}
				if l.denied(refused) && fromFrontEnd(through) && strings.EqualFold(through.URL, refused.URL) {
					evidence = append(evidence,
						l.SawExchange(through, "%s is answered %d by the Front End", through.URL, through.Status),
						l.SawExchange(refused, "%s", refusal(refused)))
				}
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}
