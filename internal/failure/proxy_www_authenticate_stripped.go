package failure

import (
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyWWWAuthenticateStripped = Mode{
	Rule: probe.Rule{
		ID:       "proxy.www-authenticate-stripped",
		Severity: probe.Critical,
		Title:    "the Front End's challenge loses the line that says where to get a ticket",
		Cause:    "the reverse proxy filters WWW-Authenticate, keeps only the first of several lines, or removes schemes it does not know",
		Remedy:   "Pass WWW-Authenticate through unchanged, every line of it.",
		Settings: settings(
			pfSquid, "No reply_header_access WWW-Authenticate in custom options; leave login=PASSTHRU connection-auth=on on the peers.",
			pfHAProxy, "Remove actions that delete or replace the response header WWW-Authenticate.",
			haproxy, "Remove http-response del-header WWW-Authenticate and replace-header rules for it.",
			nginx, "Remove proxy_hide_header WWW-Authenticate.",
			squid, "cache_peer 10.10.10.11 parent 4443 0 no-query originserver login=PASSTHRU connection-auth=on …  # and no reply_header_access WWW-Authenticate deny",
			apache, "Remove Header unset WWW-Authenticate.",
			caddy, "Remove header_down -WWW-Authenticate and header -WWW-Authenticate.",
			arr, "Remove outbound rules that rewrite RESPONSE_WWW_AUTHENTICATE.",
		),
		Sources: []string{"UCWA 2.0: Authentication in UCWA", "UCWA 2.0: Create an application (HTTP traces)", "RFC 9110 section 11.6.1"},
		Reads:   probe.Exchanges,
		Detect:  detectProxyWWWAuthenticateStripped,
	},
	Confused: []probe.ID{"proxy.preauth-401"},
	Cases: []Case{
		{Name: "all-lines", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].RemoveResponseHeaders = []string{"WWW-Authenticate"} }},
	},
	More: []Case{
		{Name: "unknown-schemes", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].RemoveResponseHeaders = []string{"WWW-Authenticate: MsRtcOAuth"}
		}},
		{Name: "windows-schemes", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].RemoveResponseHeaders = []string{"WWW-Authenticate: Negotiate", "WWW-Authenticate: NTLM"}
		}},
	},
	Near: []Case{
		{Name: "marks-stripped", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].RemoveResponseHeaders = []string{"X-MS-Server-Fqdn", "X-Powered-By", "X-AspNet-Version", "Server"}
		}},
	},
	MoreNear: []Case{
		{Name: "no-bearer", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].RemoveResponseHeaders = []string{"WWW-Authenticate: Bearer"}
		}},
	},
}

func detectProxyWWWAuthenticateStripped(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	asked := false
	var evidence []probe.Evidence
	for _, host := range slices.Concat(discoveryNames(v), l.webNames()) {
		for _, x := range l.answers(host, probe.GetUser, probe.GetWebTicket) {
			if x.Status != 401 || !probe.MakerOf(x).FrontEnd && !isIISPage(x) {
				continue
			}
			asked = true
			// A ticket address in a header of its own is the other form of the challenge.
			offers := strings.Join(x.Header["Www-Authenticate"], ", ")
			switch {
			case x.Header.Get("X-Ms-Webticketurl") != "":
			case offers == "":
				evidence = append(evidence, l.SawExchange(x, "%s is answered 401 by the Front End without any WWW-Authenticate", x.URL))
			case x.Purpose == probe.GetUser && !strings.Contains(offers, "MsRtcOAuth"):
				evidence = append(evidence, l.SawExchange(x, "%s is answered 401 by the Front End with %q, and without MsRtcOAuth", x.URL, offers))
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}
