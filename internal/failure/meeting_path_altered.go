package failure

import (
	"net/url"
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var meetingPathAltered = Mode{
	Rule: probe.Rule{
		ID:       "meeting.path-altered",
		Severity: probe.High,
		Title:    "meeting links open the page, which does not find the meeting",
		Cause:    "the reverse proxy changes the path of the link on the way (letter case, encoding, a part of it), or refuses some of its characters; the conference's identifier is compared letter by letter",
		Remedy:   "Pass the path on as it came: no change of letter case, no decoding, no trimming, no prefix, and no list of allowed characters or paths on the meeting host.",
		Settings: settings(
			pfSquid, "No url_rewrite_program and no urlpath_regex ACL for the meeting host in custom options.",
			pfHAProxy, "Remove http-request set-path and replace-path, and path ACLs, from the meeting host.",
			haproxy, "Remove http-request set-path %[path,lower] and the like.",
			nginx, "proxy_pass https://10.10.10.11:4443;  # nothing behind the port, no rewrite, no perl or Lua that lowers $uri",
			apache, "Remove RewriteMap int:tolower and RewriteRule from the meeting host; AllowEncodedSlashes NoDecode; ProxyPass … nocanon",
			caddy, "Remove rewrite, uri and handle_path (which strips its prefix) for the meeting host; handle keeps the path.",
			arr, "URL Rewrite: action URL {R:0} and not {ToLower:{R:0}}; remove the template rule Enforce lowercase URLs.",
		),
		Sources: []string{"[MS-CONFBAS] section 4.1", "DNS requirements for simple URLs"},
		Reads:   probe.Exchanges,
		Detect:  detectMeetingPathAltered,
	},
	Confused: []probe.ID{"proxy.host-header-rewritten", "proxy.path-prefix-mismatch", "meeting.query-sl-dropped"},
	Cases: []Case{
		{Name: "lower-case", Edit: func(t *topology.Topology) {
			ownRule(t, "meetings", "meet."+t.SIPDomains[0]).LowerCase = true
		}},
	},
	More: []Case{
		{Name: "dots-refused", Edit: func(t *topology.Topology) {
			meet := "meet." + t.SIPDomains[0]
			t.Users[0].SIP = "first.user1@" + t.SIPDomains[0]
			t.Proxy.Rules = append([]topology.Rule{{
				Name: "dots", Hosts: []string{meet}, Paths: []string{"/first.*"}, Respond: &topology.Response{Status: 403, Body: "<html><body>Refused.</body></html>"},
			}}, t.Proxy.Rules...)
		}},
	},
	Near: []Case{
		{Name: "normalised", Edit: func(t *topology.Topology) {
			ownRule(t, "meetings", "meet."+t.SIPDomains[0]).Normalize = true
		}},
	},
	MoreNear: []Case{
		{Name: "lower-case-for-discovery-only", Edit: func(t *topology.Topology) {
			ownRule(t, "discovery", t.Discovery(0), t.Discovery(1)).LowerCase = true
		}},
	},
}

func detectMeetingPathAltered(v *probe.View) probe.Verdict {
	exists := knownMeeting(v)
	unsure, asked := false, false
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		for _, x := range p.Exchanges(probe.GetMeeting, probe.GetMeetingXML) {
			known, sure := meetingKnown(p, x)
			asked = asked || sure
			refused := refusedMeeting(p, x)
			if known || !sure && !refused || len(evidence) > 0 && evidence[len(evidence)-1].Vantage == p.Name() {
				continue
			}
			asked = true
			sent, err := url.Parse(x.URL)
			received := pathReceived(x)
			switch {
			case refused:
				evidence = append(evidence, p.SawExchange(x, "%s, though the Front End answers other paths of that host", refusal(x)))
			case err == nil && received != "" && received != sent.EscapedPath():
				evidence = append(evidence, p.SawExchange(x, "%s was asked for, and the Front End, which does not know such a meeting, was asked for %s", x.URL, received))
			case exists != nil:
				evidence = append(evidence, p.SawExchange(x, "%s: the Front End does not know such a meeting here", x.URL))
			default:
				unsure = received == ""
			}
		}
	}
	switch {
	case len(evidence) > 0 && exists != nil:
		return probe.Found(append(evidence, *exists)...)
	case len(evidence) > 0:
		return probe.Found(evidence...)
	case !asked:
		return noMeeting
	case unsure && !v.At(probe.Proxy).Seen():
		return probe.Unknown("the Front End does not know the meeting; whether it exists, and its path is changed on the way, is seen from beside the proxy")
	}
	return probe.Clear()
}

// knownMeeting is evidence that some Front End knows the meeting, asked straight if possible; nil when none does.
func knownMeeting(v *probe.View) *probe.Evidence {
	places := v.Places()
	slices.Reverse(places) // beside the proxy first
	for _, p := range places {
		for _, x := range p.Exchanges(probe.GetMeetingXML, probe.GetMeeting) {
			if known, sure := meetingKnown(p, x); known && sure {
				e := p.SawExchange(x, "at %s, %s is known", x.Addr, x.URL)
				return &e
			}
		}
	}
	return nil
}

// refusedMeeting tells whether something on the way refused the meeting's path, and passes others of the same host on.
func refusedMeeting(p *probe.Place, x *probe.Exchange) bool {
	if x.Handshake == 0 && x.Status == 0 && overTLS(x) {
		return false // it came to no connection
	}
	if !cutOff(x) && (!fromMiddle(x) || isIISPage(x) || !slices.Contains([]int{400, 403, 404, 406}, x.Status)) {
		return false
	}
	return slices.ContainsFunc(p.ExchangesFor(x.Host, probe.GetMeet), func(o *probe.Exchange) bool {
		return o.Addr == x.Addr && fromFrontEnd(o) && o.Status == 200
	})
}
