package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var meetingDialinNotPublished = Mode{
	Rule: probe.Rule{
		ID:       "meeting.dialin-not-published",
		Severity: probe.Low,
		Title:    "the reverse proxy does not publish the dial-in page",
		Cause:    "the host of the dial-in URL was forgotten in the publishing rule; meetings and sign-in are not affected",
		Remedy:   "Add the host of the dial-in URL to the publishing rule of the Lync web services.",
		Settings: publishHost(),
		Sources:  []string{"DNS requirements for Skype for Business Server", "DNS requirements for simple URLs"},
		Reads:    probe.Lookups | probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectMeetingDialinNotPublished,
	},
	Confused: []probe.ID{"frontend.simple-url-not-registered", "meeting.simple-url-not-published"},
	Cases: []Case{
		{Name: "no-rule", Edit: func(t *topology.Topology) { t.Proxy.Unpublish("dialin." + t.SIPDomains[0]) }},
	},
	More: []Case{
		{Name: "connection-reset", Edit: func(t *topology.Topology) {
			t.Proxy.ResetUnknown = true
			t.Proxy.Unpublish("dialin." + t.SIPDomains[0])
		}},
		{Name: "default-site-answers", Edit: func(t *topology.Topology) {
			welcomeSite(t)
			t.Proxy.Unpublish("dialin." + t.SIPDomains[0])
		}},
	},
	Near: []Case{
		{Name: "no-dialin-conferencing", Edit: func(t *topology.Topology) {
			host := "dialin." + t.SIPDomains[0]
			t.Proxy.Unpublish(host)
			t.External.Remove(host)
			t.Internal.Remove(host)
			t.ProxyCertificate().WithoutNames(host)
			unregister(t, host)
			t.Plan.Dialin = nil
		}},
	},
}

func detectMeetingDialinNotPublished(v *probe.View) probe.Verdict {
	if !v.At(probe.External).Seen() {
		return notSeenOutside
	}
	var dialin []gap
	for _, g := range unpublishedOutside(v) {
		if !g.meeting() {
			dialin = append(dialin, g)
		}
	}
	return verdict(evidenceOf(dialin))
}
