package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var meetingQuerySlDropped = Mode{
	Rule: probe.Rule{
		ID:       "meeting.query-sl-dropped",
		Severity: probe.Low,
		Title:    "guests cannot choose the web app for a meeting: ?sl=1 has no effect",
		Cause:    "the reverse proxy drops what follows the question mark on the meeting host; the page opens the installed client all the same",
		Remedy:   "Pass path and query on unchanged on the meeting hosts too.",
		Settings: proxyQueryStringDropped.Settings,
		Sources:  []string{"MSXFAQ: Meeting Join"},
		Reads:    probe.Exchanges,
		Detect:   detectMeetingQuerySlDropped,
	},
	Confused: []probe.ID{"proxy.query-string-dropped", "meeting.path-altered"},
	Cases: []Case{
		{Name: "path-only", Edit: func(t *topology.Topology) {
			ownRule(t, "meetings", "meet."+t.SIPDomains[0]).DropQuery = true
		}},
	},
	Near: []Case{
		{Name: "on-dial-in-host-only", Edit: func(t *topology.Topology) {
			ownRule(t, "dial-in", "dialin."+t.SIPDomains[0]).DropQuery = true
		}},
	},
}

func detectMeetingQuerySlDropped(v *probe.View) probe.Verdict {
	asked := false
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		for _, x := range p.Exchanges(probe.GetMeeting) {
			if !asksForWebApp(x) || !isJoinPage(x) {
				continue
			}
			asked = true
			plain := plainJoinPage(p, x)
			chosen, ok := pageVariable(x, "reachClientRequested")
			switch {
			case ok && strings.EqualFold(chosen, "false"):
				evidence = append(evidence, p.SawExchange(x, "%s asks for the web app, and the page says that nobody did (reachClientRequested is False)", x.URL))
			case !ok && plain != nil && samePage(plain, x) && toldApart(v.At(probe.Proxy)):
				evidence = append(evidence, p.SawExchange(x, "%s gives the same page as without ?sl=1; past the proxy the two differ", x.URL))
			}
		}
	}
	if !asked {
		return noMeeting
	}
	return verdict(evidence)
}

// samePage tells whether two pages are the same, as far as they were kept.
func samePage(a, b *probe.Exchange) bool { return a.Size == b.Size && a.Body == b.Body }

// toldApart tells whether the Front Ends, asked straight, give another page with the web app asked for.
func toldApart(at *probe.Place) bool {
	for _, x := range at.Exchanges(probe.GetMeeting) {
		if plain := plainJoinPage(at, x); asksForWebApp(x) && plain != nil && !samePage(plain, x) {
			return true
		}
	}
	return false
}
