package failure

import (
	"maps"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var mobilityUCWANotPublished = Mode{
	Rule: probe.Rule{
		ID:       "mobility.ucwa-not-published",
		Severity: probe.High,
		Title:    "the user document names no UCWA service, so that phones of Lync 2013 and later have nowhere to sign in",
		Cause:    "the user is still homed on a Lync 2010 pool, or the mobility component of the pool is not installed or not updated; the app of Lync 2010 works all the same",
		Remedy:   "Move the user to a pool of Lync 2013 or later (Move-CsUser -Identity user1@contoso.example -Target pool01.contoso.example), or install the missing component there: run Bootstrapper.exe of Lync Server on every Front End, then Test-CsUcwaConference. Discovery should point at the newest pool.",
		Sources:  []string{"Plan for Mobility for Skype for Business Server", "[MS-OCDISCWS] 3.1.5.3 User", "UCWA 2.0: Root URL"},
		Reads:    probe.SignIns | probe.Exchanges,
		Detect:   detectMobilityUCWANotPublished,
	},
	SignsIn:  true,
	Confused: []probe.ID{"proxy.path-allowlist-missing-ucwa"},
	Cases: []Case{
		{Name: "component-missing", Edit: func(t *topology.Topology) {
			t.FrontEndPool().HiddenTokens = []string{"Ucwa", "Internal/Ucwa", "External/Ucwa"}
		}},
	},
	Near: []Case{
		{Name: "other-token-missing", Edit: func(t *topology.Topology) {
			t.FrontEndPool().HiddenTokens = []string{"XFrame"}
		}},
	},
}

func detectMobilityUCWANotPublished(v *probe.View) probe.Verdict {
	if len(signingPlaces(v)) == 0 {
		return nobodySignedIn
	}
	if !knowsUCWA(v) {
		return probe.NotApplicable("no server here answers in the form of UCWA: they are older, and their phones sign in without it")
	}
	asked := false
	var evidence []probe.Evidence
	for _, p := range signingPlaces(v) {
		told := map[string]bool{}
		for _, x := range userDocuments(p) {
			asked = true
			if hasToken(x, "ucwa") || x.Document.Links["applications"] != "" || told[x.Host] {
				continue
			}
			told[x.Host] = true
			evidence = append(evidence, p.SawExchange(x, "%s names %s, and no UCWA", x.URL, strings.Join(slices.Sorted(maps.Keys(x.Document.Links)), ", ")))
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// knowsUCWA tells whether a Front End gave a discovery document in the form of UCWA, which those of 2010 cannot.
func knowsUCWA(v *probe.View) bool {
	for _, p := range v.Places() {
		for _, x := range p.Exchanges() {
			if x.Document != nil && strings.HasPrefix(x.Document.Form, "ucwa") && !isOnline(x.Host) {
				return true
			}
		}
	}
	return false
}

// userDocuments are the user documents with services in them, as those who have a ticket get them.
func userDocuments(p *probe.Place) []*probe.Exchange {
	return slices.DeleteFunc(p.Exchanges(probe.SignInUser), func(x *probe.Exchange) bool {
		return x.Status != 200 || x.Document == nil || x.Document.Redirect() != "" || isOnline(x.Host)
	})
}

// hasToken tells whether a user document has the token of a service, alone or for one of the two sites. [MS-OCDISCWS]
// 2.2.5.5.
func hasToken(x *probe.Exchange, service string) bool {
	links := x.Document.Links
	return links[service] != "" || links["external/"+service] != "" || links["internal/"+service] != ""
}
