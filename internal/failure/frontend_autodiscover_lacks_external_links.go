package failure

import (
	"maps"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendAutodiscoverLacksExternalLinks = Mode{
	Rule: probe.Rule{
		ID:       "frontend.autodiscover-lacks-external-links",
		Severity: probe.High,
		Title:    "the user document names no service for clients outside",
		Cause:    "the user's pool has no external web services set up in the topology, or the user is on a pool that never had; the client says that the service is not available outside",
		Remedy:   "Topology Builder > the user's pool > Web services > External web services: set the FQDN and the published ports (80 and 443), publish, and run the Deployment Wizard's step 2 on every Front End. Then Get-CsService -WebServer | Select Identity, ExternalFqdn.",
		Sources:  []string{"[MS-OCDISCWS] 3.1.5.3 User", "[MS-OCDISCWS] 2.2.5.5 Token", "Understanding Autodiscover in Lync Server 2013"},
		Reads:    probe.SignIns | probe.Exchanges,
		Detect:   detectFrontendAutodiscoverLacksExternalLinks,
		Explains: []probe.ID{"mobility.mcx-absent-2019"},
	},
	SignsIn:  true,
	Confused: []probe.ID{"mobility.ucwa-not-published", "policy.autodiscover-internal-only-links-hidden"},
	Cases: []Case{
		{Name: "none", Edit: func(t *topology.Topology) { t.FrontEndPool().HideExternalLinks = true }},
	},
	Near: []Case{
		{Name: "one-link-hidden", Edit: func(t *topology.Topology) { t.FrontEndPool().HiddenTokens = []string{"XFrame"} }},
	},
}

func detectFrontendAutodiscoverLacksExternalLinks(v *probe.View) probe.Verdict {
	if len(signingPlaces(v)) == 0 {
		return nobodySignedIn
	}
	judged := false
	var evidence []probe.Evidence
	for _, p := range signingPlaces(v) {
		told := map[string]bool{}
		for _, x := range userDocuments(p) {
			if !strings.HasPrefix(x.Document.Form, "legacy") {
				continue
			}
			judged = true
			tokens := slices.Sorted(maps.Keys(x.Document.Links))
			has := func(prefix string) bool {
				return slices.ContainsFunc(tokens, func(t string) bool { return strings.HasPrefix(t, prefix) })
			}
			if has("external/") || !has("internal/") || told[x.Host] {
				continue
			}
			told[x.Host] = true
			evidence = append(evidence, p.SawExchange(x, "%s names %s, and nothing of the external web site", x.URL, strings.Join(tokens, ", ")))
		}
	}
	if !judged {
		return nothingToJudge
	}
	return verdict(evidence)
}
