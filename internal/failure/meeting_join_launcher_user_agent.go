package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var meetingJoinLauncherUserAgent = Mode{
	Rule: probe.Rule{
		ID:       "meeting.join-launcher-user-agent",
		Severity: probe.Medium,
		Title:    "meeting links on iPhones open the desktop's page, and not the app",
		Cause:    "the join page takes the phone for a computer: the Front Ends are older than the phone's system and do not know its browser, or the reverse proxy replaces User-Agent",
		Remedy:   "When the page is the same past the proxy, install the current cumulative update on every Front End (iOS 10 needs that of November 2016 or later). Otherwise pass User-Agent on unchanged in the proxy.",
		Settings: settings(
			pfSquid, "No request_header_access User-Agent and no request_header_replace User-Agent in custom options.",
			pfHAProxy, "Remove actions that set or delete User-Agent.",
			haproxy, "Remove http-request set-header User-Agent … and del-header User-Agent",
			nginx, "Remove proxy_set_header User-Agent …;",
			apache, "Remove RequestHeader set User-Agent … and unset User-Agent",
			caddy, "Remove header_up User-Agent … and request_header User-Agent …",
			arr, "URL Rewrite: remove HTTP_USER_AGENT from the rule's server variables.",
		),
		Sources: []string{"You can't join a meeting on iOS 10", "You can't join a meeting on iOS 9.2"},
		Reads:   probe.Exchanges,
		Detect:  detectMeetingJoinLauncherUserAgent,
	},
	Cases: []Case{
		{Name: "old-server", Edit: func(t *topology.Topology) { t.FrontEndPool().OldJoinLauncher = true }},
		{Name: "replaced-by-proxy", Edit: func(t *topology.Topology) {
			ownRule(t, "meetings", "meet."+t.SIPDomains[0]).SetRequestHeaders = map[string]string{"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"}
		}},
	},
	Near: []Case{
		{Name: "replaced-elsewhere", Edit: func(t *topology.Topology) {
			ownRule(t, "discovery", t.Discovery(0), t.Discovery(1)).SetRequestHeaders = map[string]string{"User-Agent": "Mozilla/5.0"}
		}},
	},
}

func detectMeetingJoinLauncherUserAgent(v *probe.View) probe.Verdict {
	asked := false
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		for _, x := range p.Exchanges(probe.GetMeetingPhone) {
			if !isJoinPage(x) {
				continue
			}
			asked = true
			if takenForComputer(p, x) {
				evidence = append(evidence, p.SawExchange(x, "%s, asked for as an iPhone, gives the page for computers", x.URL))
			}
		}
	}
	switch {
	case !asked:
		return noMeeting
	case len(evidence) == 0:
		return probe.Clear()
	}
	at := v.At(probe.Proxy)
	for _, x := range at.Exchanges(probe.GetMeetingPhone) {
		switch {
		case !isJoinPage(x):
			continue
		case takenForComputer(at, x):
			return probe.Found(append(evidence, at.SawExchange(x, "%s, asked straight, does so too: it is the Front End", x.Addr))...)
		}
		return probe.Found(append(evidence, at.SawExchange(x, "%s, asked straight, knows the iPhone: it is the reverse proxy", x.Addr))...)
	}
	return probe.Found(evidence...)
}

// takenForComputer tells whether the page that an iPhone got is that for computers.
func takenForComputer(p *probe.Place, x *probe.Exchange) bool {
	if phone, ok := pageVariable(x, "isIPhone"); ok {
		return strings.EqualFold(phone, "false")
	}
	plain := plainJoinPage(p, x)
	return plain != nil && samePage(plain, x)
}
