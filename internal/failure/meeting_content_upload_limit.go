package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var meetingContentUploadLimit = Mode{
	Rule: probe.Rule{
		ID:       "meeting.content-upload-limit",
		Severity: probe.Low,
		Title:    "the Front Ends themselves refuse large uploads",
		Cause:    "the limit of IIS for request bodies was lowered, or the conferencing policy sets a small size for content; presenters cannot upload what is larger",
		Remedy:   "On every Front End, IIS Manager > Skype for Business Server External Web Site > Request Filtering > Edit Feature Settings: maximum allowed content length 30000000 or more; Get-CsConferencingPolicy: MaxUploadFileSizeMb.",
		Sources:  []string{"UCWA 2.0: Errors (EntityTooLarge)", "IIS configuration reference: requestLimits"},
		Reads:    probe.SignIns | probe.Exchanges,
		Detect:   detectMeetingContentUploadLimit,
	},
	SignsIn: true, InFull: true,
	Confused: []probe.ID{"proxy.body-size-413", "frontend.iis-request-filtering"},
	Cases: []Case{
		{Name: "one-megabyte", Edit: func(t *topology.Topology) { t.FrontEndPool().External.MaxBody = 1 << 20 }},
	},
	Near: []Case{
		{Name: "four-megabytes", Edit: func(t *topology.Topology) { t.FrontEndPool().External.MaxBody = 4 << 20 }},
	},
}

func detectMeetingContentUploadLimit(v *probe.View) probe.Verdict {
	if len(signingPlaces(v)) == 0 {
		return nobodySignedIn
	}
	asked := false
	var evidence []probe.Evidence
	for _, p := range v.Places() {
		for _, x := range p.Exchanges(probe.UploadLarge) {
			asked = true
			// A small body to the same resource must come through: then it is the size.
			for _, small := range p.ExchangesFor(x.Host, probe.UploadExpect) {
				if small.Addr == x.Addr && tooLargeForFrontEnd(x) && fromFrontEnd(small) && !tooLargeForFrontEnd(small) {
					evidence = append(evidence, p.SawExchange(x, "a body of 2 MB to %s is refused with %d by %s", x.URL, x.Status, probe.MakerOf(x).Name()))
					break
				}
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// tooLargeForFrontEnd tells whether a Front End refuses a body for its size: as UCWA does, or as IIS (404.13).
func tooLargeForFrontEnd(x *probe.Exchange) bool {
	switch x.Status {
	case 413:
		return fromFrontEnd(x) || madeByUCWA(x) || strings.Contains(x.Body, "EntityTooLarge")
	case 404:
		return fromFrontEnd(x) && !madeByUCWA(x)
	}
	return false
}
