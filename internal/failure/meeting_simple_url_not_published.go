package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var meetingSimpleURLNotPublished = Mode{
	Rule: probe.Rule{
		ID:       "meeting.simple-url-not-published",
		Severity: probe.High,
		Title:    "the reverse proxy does not publish the host of the meeting URL",
		Cause:    "no publishing rule has the host name, so the proxy answers meeting links by itself, or with another site; sign-in is not affected",
		Remedy:   "Add the host of every meeting URL to the publishing rule of the Lync web services.",
		Settings: publishHost(),
		Sources:  []string{"Web publishing rules for a single internal pool, Lync 2013", "Configuration requirements for reverse proxy in Lync Server 2013"},
		Reads:    probe.Lookups | probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectMeetingSimpleURLNotPublished,
		Explains: []probe.ID{
			"meeting.dialin-not-published", "meeting.per-domain-meet-missing",
		},
	},
	Confused: []probe.ID{"frontend.simple-url-not-registered", "meeting.per-domain-meet-missing", "proxy.default-vhost-answers", "proxy.unmapped-tcp-reset"},
	Cases: []Case{
		{Name: "no-rule", Edit: func(t *topology.Topology) {
			t.Proxy.Unpublish("meet."+t.SIPDomains[0], "meet."+t.SIPDomains[1])
		}},
	},
	More: []Case{
		{Name: "connection-reset", Edit: func(t *topology.Topology) {
			t.Proxy.ResetUnknown = true
			t.Proxy.Unpublish("meet."+t.SIPDomains[0], "meet."+t.SIPDomains[1])
		}},
		{Name: "default-site-answers", Edit: func(t *topology.Topology) {
			welcomeSite(t)
			t.Proxy.Unpublish("meet."+t.SIPDomains[0], "meet."+t.SIPDomains[1], "dialin."+t.SIPDomains[0])
		}},
		{Name: "main-domain-only", Edit: func(t *topology.Topology) { t.Proxy.Unpublish("meet." + t.SIPDomains[0]) }},
	},
	Near: []Case{
		{Name: "another-product-has-the-name", Edit: func(t *topology.Topology) {
			// Meetings live below the web FQDN; meet.contoso.example is a page of the company's web site.
			withoutSimpleHosts(t)
			t.Plan.Meet, t.Plan.Dialin = []string{t.ExternalWeb()}, []string{t.ExternalWeb()}
			addWebsite(t)
			host := "meet." + t.SIPDomains[0]
			t.App(topology.Website).Certificate.Names = append(t.App(topology.Website).Certificate.Names, host)
			t.External.Address(topology.WebsitePublic, host)
			t.Internal.Address(topology.WebsitePublic, host)
		}},
	},
	MoreNear: []Case{
		{Name: "default-site-beside", Edit: welcomeSite},
	},
}

// welcomeSite makes the proxy show a web page of its own to every host without rule.
func welcomeSite(t *topology.Topology) {
	t.Proxy.Rules = append(t.Proxy.Rules, topology.Rule{
		Name: "everything else", Hosts: []string{"*"},
		Respond: &topology.Response{
			Status: 200, Header: map[string]string{"Content-Type": "text/html; charset=utf-8"},
			Body: "<!DOCTYPE html><html><head><title>Welcome</title></head><body>Welcome</body></html>",
		},
	})
}

func detectMeetingSimpleURLNotPublished(v *probe.View) probe.Verdict {
	if !v.At(probe.External).Seen() {
		return notSeenOutside
	}
	general, _ := split(v, unpublishedOutside(v))
	var meetings []gap
	for _, g := range general {
		if g.meeting() {
			meetings = append(meetings, g)
		}
	}
	return verdict(evidenceOf(meetings))
}
