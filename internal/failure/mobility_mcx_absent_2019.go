package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var mobilityMcxAbsent2019 = Mode{
	Rule: probe.Rule{
		ID:       "mobility.mcx-absent-2019",
		Severity: probe.Low,
		Title:    "phones with the app of Lync 2010 have no service to sign in to",
		Cause:    "the user is homed on Skype for Business Server 2019, which no longer has the mobility service of Lync 2010 (Mcx)",
		Remedy:   "Install the current Skype for Business app on these phones; nothing on the server brings the old service back. When no such phone is left, take lync2010_phones out of what you declare.",
		Sources:  []string{"Plan for Mobility for Skype for Business Server", "[MS-OCDISCWS] 2.2.5.5 Token"},
		Reads:    probe.SignIns | probe.Exchanges | probe.Expectations,
		Detect:   detectMobilityMcxAbsent2019,
	},
	SignsIn:  true,
	Confused: []probe.ID{"proxy.path-allowlist-missing-mcx", "mobility.ucwa-not-published"},
	Cases: []Case{
		{Name: "moved-to-2019", Edit: func(t *topology.Topology) { t.Product = "sfb2019" }},
	},
	Near: []Case{
		{Name: "lync2013", Edit: func(t *topology.Topology) { t.Product = "lync2013" }},
	},
}

func detectMobilityMcxAbsent2019(v *probe.View) probe.Verdict {
	switch {
	case len(signingPlaces(v)) == 0:
		return nobodySignedIn
	case !v.Expected().Lync2010Phones:
		return probe.NotApplicable("nobody declared that phones with the app of Lync 2010 are in use")
	}
	asked := false
	var evidence []probe.Evidence
	for _, p := range signingPlaces(v) {
		for _, x := range userDocuments(p) {
			if x.Document.Links["applications"] != "" {
				continue // this form has no place for it
			}
			asked = true
			if !hasToken(x, "mcx") && len(evidence) == 0 {
				evidence = append(evidence, p.SawExchange(x, "the user document %s names no Mcx service", x.URL))
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}
