package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var meetingPerDomainMeetMissing = Mode{
	Rule: probe.Rule{
		ID:       "meeting.per-domain-meet-missing",
		Severity: probe.High,
		Title:    "the meeting URL of a further SIP domain does not work outside, while the main domain's does",
		Cause:    "every SIP domain has a meeting URL of its own, and this one was forgotten in the public DNS or at the reverse proxy",
		Remedy:   "For the meeting host of every SIP domain add the public record, the name in the proxy's certificate, and the host in the publishing rule.",
		Settings: publishHost(),
		Sources:  []string{"DNS requirements for simple URLs"},
		Reads:    probe.Lookups | probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectMeetingPerDomainMeetMissing,
	},
	Confused: []probe.ID{"tls.san-missing-second-sip-domain", "meeting.simple-url-dns-missing", "meeting.simple-url-not-published", "frontend.simple-url-not-registered"},
	Cases: []Case{
		{Name: "no-record", Edit: func(t *topology.Topology) { t.External.Remove("meet." + t.SIPDomains[1]) }},
	},
	More: []Case{
		{Name: "no-rule", Edit: func(t *topology.Topology) { t.Proxy.Unpublish("meet." + t.SIPDomains[1]) }},
		{Name: "nowhere", Edit: func(t *topology.Topology) {
			host := "meet." + t.SIPDomains[1]
			t.External.Remove(host)
			t.Proxy.Unpublish(host)
			t.ProxyCertificate().WithoutNames(host)
		}},
	},
	Near: []Case{
		{Name: "one-host-for-both-domains", Edit: func(t *topology.Topology) {
			host := "meet." + t.SIPDomains[1]
			t.External.Remove(host)
			t.Internal.Remove(host)
			t.Proxy.Unpublish(host)
			t.ProxyCertificate().WithoutNames(host)
			unregister(t, host)
			t.Plan.Meet = []string{"meet." + t.SIPDomains[0]}
		}},
	},
}

func detectMeetingPerDomainMeetMissing(v *probe.View) probe.Verdict {
	switch {
	case !v.At(probe.External).Seen():
		return notSeenOutside
	case len(v.Domains()) < 2:
		return probe.NotApplicable("there is only one SIP domain")
	}
	_, missing := split(v, missingOutside(v))
	_, unpublished := split(v, unpublishedOutside(v))
	return verdict(evidenceOf(slices.Concat(missing, unpublished)))
}
