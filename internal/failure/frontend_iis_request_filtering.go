package failure

import (
	"fmt"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendIISRequestFiltering = Mode{
	Rule: probe.Rule{
		ID:       "frontend.iis-request-filtering",
		Severity: probe.Medium,
		Title:    "request filtering on the Front Ends refuses requests of clients",
		Cause:    "a hardening guide or URLScan denies verbs, sequences in URLs or their length; IIS answers 404 before any service sees the request",
		Remedy:   "On every Front End, IIS Manager > both Skype for Business Server web sites > Request Filtering: no denied verbs (PUT and DELETE are in use), no denied sequences or extensions for paths of the services, lengths at their defaults or above. The sub-status in IIS's log says which rule it was: 404.5 sequence, 404.6 verb, 404.7 extension, 404.11 double escaping, 404.14 URL, 404.15 query.",
		Sources:  []string{"IIS configuration reference: requestFiltering", "UCWA 2.0: Create an application"},
		Reads:    probe.SignIns | probe.Exchanges,
		Detect:   detectFrontendIISRequestFiltering,
	},
	SignsIn:  true,
	Confused: []probe.ID{"proxy.method-blocked", "proxy.path-allowlist-missing-ucwa", "meeting.content-upload-limit"},
	Cases: []Case{
		{Name: "verbs", Edit: func(t *topology.Topology) { t.FrontEndPool().External.DenyVerbs = []string{"PUT", "DELETE"} }},
	},
	More: []Case{
		{Name: "services", Edit: func(t *topology.Topology) { t.FrontEndPool().External.DenySequences = []string{"WebTicketService.svc"} }},
		{Name: "events", Edit: func(t *topology.Topology) { t.FrontEndPool().External.DenySequences = []string{"/events"} }},
	},
	Near: []Case{
		{Name: "verbs-nobody-uses", Edit: func(t *topology.Topology) { t.FrontEndPool().External.DenyVerbs = []string{"TRACE", "TRACK", "DEBUG"} }},
	},
	MoreNear: []Case{
		{Name: "sequences-nobody-uses", Edit: func(t *topology.Topology) {
			t.FrontEndPool().External.DenySequences = []string{"..", "./", `\`, ":"}
		}},
	},
}

// filterable are the requests of those who sign in to resources that are surely there. Large bodies are a mode of their
// own.
var filterable = []string{
	probe.SignInChallenge, probe.SignInMetadata, probe.SignInTicket, probe.SignInUser,
	probe.SignInApplication, probe.SignInUCWA, probe.SignInEvents, probe.SignInRepeat, probe.SignInPut,
}

func detectFrontendIISRequestFiltering(v *probe.View) probe.Verdict {
	if len(signingPlaces(v)) == 0 {
		return nobodySignedIn
	}
	at := v.At(probe.Proxy)
	asked := false
	var evidence []probe.Evidence
	told := map[string]bool{}
	for _, p := range clientPlaces(v) {
		for _, x := range p.Exchanges(filterable...) {
			asked = true
			what := fmt.Sprintf("%s %s %s", p.Name(), x.Method, x.Purpose)
			if !filtered(x) || told[what] {
				continue
			}
			straight := straightAnswer(at, x, filtered)
			other := otherMethod(p, x)
			if straight == nil && (other == nil || straightAnswer(at, x, fromFrontEnd) != nil) {
				continue
			}
			told[what] = true
			evidence = append(evidence, p.SawExchange(x, "%s %s is answered 404 by IIS on the Front End, not by the service", x.Method, x.URL))
			if other != nil {
				evidence = append(evidence, p.SawExchange(other, "%s of the same URL is answered %d", other.Method, other.Status))
			}
			if straight != nil {
				evidence = append(evidence, at.SawExchange(straight, "%s, asked straight, answers %s in the same way", straight.Addr, straight.Method))
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// filtered tells whether IIS on a Front End says 404 where a service would have its own words: UCWA's form, or the empty
// body with which discovery says that a user's home is not known.
func filtered(x *probe.Exchange) bool {
	return x.Outcome.OK() && x.Status == 404 && x.Size > 0 && !madeByUCWA(x) && (fromFrontEnd(x) || isIISPage(x))
}

// otherMethod is an answer to another method of the same URL that IIS let through; nil when there is none.
func otherMethod(p *probe.Place, x *probe.Exchange) *probe.Exchange {
	for _, o := range p.Exchanges(filterable...) {
		if o.URL == x.URL && o.Method != x.Method && o.Outcome.OK() && o.Status < 400 {
			return o
		}
	}
	return nil
}

// straightAnswer is an answer to the same kind of request beside the proxy of which is holds; nil when there is none.
func straightAnswer(at *probe.Place, x *probe.Exchange, is func(*probe.Exchange) bool) *probe.Exchange {
	for _, o := range at.Exchanges(x.Purpose) {
		if o.Method == x.Method && o.Outcome.OK() && is(o) {
			return o
		}
	}
	return nil
}
