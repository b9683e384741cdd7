package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var meetingSimpleURLDnsMissing = Mode{
	Rule: probe.Rule{
		ID:       "meeting.simple-url-dns-missing",
		Severity: probe.High,
		Title:    "the host of a meeting or dial-in URL does not exist in the public DNS",
		Cause:    "the record was made inside only, so guests outside cannot open the link of an invitation",
		Remedy:   "Add a record meet.<SIP domain> for every SIP domain, and one for the dial-in URL, to the public zone, pointing at the reverse proxy.",
		Sources:  []string{"DNS requirements for simple URLs", "DNS requirements for Skype for Business Server"},
		Reads:    probe.Lookups | probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectMeetingSimpleURLDnsMissing,
		Explains: []probe.ID{"meeting.per-domain-meet-missing"},
	},
	Confused: []probe.ID{"meeting.per-domain-meet-missing", "dns.split-zone-shadow-missing-names", "meeting.simple-url-not-published"},
	Cases: []Case{
		{Name: "main-domain", Edit: func(t *topology.Topology) { t.External.Remove("meet." + t.SIPDomains[0]) }},
	},
	More: []Case{
		{Name: "all-meeting-hosts", Edit: func(t *topology.Topology) {
			t.External.Remove("meet."+t.SIPDomains[0], "meet."+t.SIPDomains[1])
		}},
		{Name: "dialin", Edit: func(t *topology.Topology) { t.External.Remove("dialin." + t.SIPDomains[0]) }},
	},
	Near: []Case{
		{Name: "below-web-fqdn", Edit: func(t *topology.Topology) {
			withoutSimpleHosts(t)
			t.Plan.Meet, t.Plan.Dialin = nil, nil
		}},
	},
	MoreNear: []Case{
		{Name: "by-cname", Edit: func(t *topology.Topology) {
			t.External.Set("meet."+t.SIPDomains[0], "CNAME", t.ExternalWeb())
		}},
	},
}

func detectMeetingSimpleURLDnsMissing(v *probe.View) probe.Verdict {
	if !v.At(probe.External).Seen() {
		return notSeenOutside
	}
	general, _ := split(v, missingOutside(v))
	return verdict(evidenceOf(general))
}
