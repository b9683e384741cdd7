package failure

import (
	"fmt"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// grantMeeting is the grant type of those who know a meeting's key. UCWA, "Authentication in UCWA".
const grantMeeting = "urn:microsoft.rtc:anonmeeting"

var meetingAnonymousTicketRefused = Mode{
	Rule: probe.Rule{
		ID:       "meeting.anonymous-ticket-refused",
		Severity: probe.High,
		Title:    "guests without an account get no ticket for meetings",
		Cause:    "anonymous participants are not allowed: by the meeting configuration, the organiser's conferencing policy, or the configuration of the web services",
		Remedy:   "Get-CsConferencingPolicy of the organiser: AllowAnonymousParticipantsInMeetings $true; Set-CsAccessEdgeConfiguration -AllowAnonymousUsers $true; Get-CsWebServiceConfiguration: UseWsFedPassiveAuth, UsePinAuth and UseCertificateAuth say which other ways there are.",
		Sources:  []string{"UCWA 2.0: Authentication in UCWA", "UCWA 2.0: Root URL"},
		Reads:    probe.Exchanges,
		Detect:   detectMeetingAnonymousTicketRefused,
	},
	Confused: []probe.ID{"proxy.path-allowlist-missing-webticket", "auth.windows-grant-not-offered"},
	Cases: []Case{
		{Name: "not-allowed", Edit: func(t *topology.Topology) { t.FrontEndPool().NoAnonymous = true }},
		{Name: "grant-not-offered", Edit: func(t *topology.Topology) { t.FrontEndPool().External.Grants = []string{"windows", "password"} }},
	},
	Near: []Case{
		{Name: "offered-with-passive", Edit: func(t *topology.Topology) {
			p := t.FrontEndPool()
			p.External.Grants = []string{"windows", "anonmeeting", "password", "passive"}
			p.PassiveURI = "https://" + p.External.WebFQDN + "/PassiveAuth/PassiveAuth.aspx"
		}},
	},
}

func detectMeetingAnonymousTicketRefused(v *probe.View) probe.Verdict {
	offered := judgeGrants(v, func(c *challenge) string {
		if slices.Contains(c.grants, grantMeeting) {
			return ""
		}
		return "offers nothing for participants of meetings"
	})
	evidence := slices.Clone(offered.Evidence())
	asked := offered.IsFound() || offered.IsClear()
	for _, p := range clientPlaces(v) {
		for _, x := range p.Exchanges(probe.PostAnonymous) {
			asked = true
			if why := tokenRefusal(x); why != "" {
				evidence = append(evidence, p.SawExchange(x, "who comes with the key of the meeting gets no ticket: %s answers %d %s", x.URL, x.Status, why))
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// tokenRefusal is why the token service itself refuses a ticket, and not because it failed; empty when it does not.
func tokenRefusal(x *probe.Exchange) string {
	if x.Status != 400 && x.Status != 401 && x.Status != 403 {
		return ""
	}
	m := tokenErrorPattern.FindStringSubmatch(x.Body)
	if m == nil {
		return ""
	}
	id, reason := diagnosis(x)
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", m[1], id, reason))
}
