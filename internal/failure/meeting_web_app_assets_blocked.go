package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var meetingWebAppAssetsBlocked = Mode{
	Rule: probe.Rule{
		ID:       "meeting.web-app-assets-blocked",
		Severity: probe.Medium,
		Title:    "the meeting page opens, and its scripts and styles do not",
		Cause:    "the reverse proxy's list of published paths lacks what the page loads, so that guests see an empty page or a wheel that turns",
		Remedy:   "Publish every path (/*) of the meeting hosts and of the external web services; if a list is demanded, at least: " + pathList + ".",
		Settings: publishAll(),
		Sources:  []string{"Scenarios for reverse proxy in Lync Server 2013"},
		Reads:    probe.Exchanges,
		Detect:   detectMeetingWebAppAssetsBlocked,
	},
	Confused: []probe.ID{"proxy.path-allowlist-missing-content-services", "meeting.path-altered"},
	Cases: []Case{
		{Name: "web-app-refused", Edit: func(t *topology.Topology) { deny(t, 403, "/lwa") }},
	},
	More: []Case{
		{Name: "scripts-cut", Edit: func(t *topology.Topology) {
			p := &t.Proxy
			p.Rules = append([]topology.Rule{{
				Name: "scripts", Hosts: []string{"meet." + t.SIPDomains[0]}, Paths: []string{"/meet/JavaScriptResourceHandler.ashx"},
				Respond: &topology.Response{Status: 404, Body: "<html><body>Not here.</body></html>"},
			}}, p.Rules...)
		}},
	},
	Near: []Case{
		{Name: "other-paths-refused", Edit: func(t *topology.Topology) { deny(t, 403, "/lwaold", "/scripts-internal") }},
	},
}

func detectMeetingWebAppAssetsBlocked(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	asked := false
	var evidence []probe.Evidence
	for _, x := range l.Exchanges(probe.GetJoinAsset) {
		asked = true
		if !slices.Contains(l.addrs, addressOf(x.Addr)) || !l.denied(x) {
			continue
		}
		evidence = append(evidence, l.SawExchange(x, "%s, though the meeting's page, which loads it, is there", refusal(x)))
	}
	if !asked {
		return noMeeting
	}
	return verdict(evidence)
}
