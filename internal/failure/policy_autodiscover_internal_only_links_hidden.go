package failure

import (
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var policyAutodiscoverInternalOnlyLinksHidden = Mode{
	Rule: probe.Rule{
		ID:       "policy.autodiscover-internal-only-links-hidden",
		Severity: probe.Low,
		Title:    "the user document lacks some of its links",
		Cause:    "a switch of the discovery or web services differs from its default, or the service is not installed on the pool; the clients that look for that link lack one function",
		Remedy:   "Compare Get-CsAutoDiscoverConfiguration and Get-CsWebServiceConfiguration with their defaults, and the web links (Get-CsAutoDiscoverConfiguration | select -ExpandProperty WebLinks); run Bootstrapper.exe again when a service is missing on a Front End.",
		Sources:  []string{"Understanding Autodiscover in Lync Server 2013", "[MS-OCDISCWS] section 3.1.5.3", "Set-CsAutodiscoverConfiguration"},
		Reads:    probe.Exchanges | probe.SignIns,
		Detect:   detectPolicyAutodiscoverInternalOnlyLinksHidden,
	},
	SignsIn: true,
	Cases: []Case{
		{Name: "no-scheduler", Edit: func(t *topology.Topology) {
			t.FrontEndPool().HiddenTokens = []string{"Internal/WebScheduler", "External/WebScheduler"}
		}},
	},
	More: []Case{
		{Name: "one-of-a-pair", Edit: func(t *topology.Topology) { t.FrontEndPool().HiddenTokens = []string{"External/AuthBroker"} }},
	},
	Near: []Case{
		{Name: "not-one-of-a-pair", Edit: func(t *topology.Topology) { t.FrontEndPool().HiddenTokens = []string{"XFrame"} }},
	},
}

// linksOfAll are the pairs of links that user documents of all versions have; xframe came with UCWA. Mcx comes and goes
// with the version, and documents without UCWA are a mode of their own.
var linksOfAll = []string{"autodiscover", "authbroker", "webscheduler"}

func detectPolicyAutodiscoverInternalOnlyLinksHidden(v *probe.View) probe.Verdict {
	if len(signingPlaces(v)) == 0 {
		return nobodySignedIn
	}
	judged := false
	var evidence []probe.Evidence
	for _, p := range signingPlaces(v) {
		for _, x := range p.Exchanges(probe.SignInUser) {
			if x.Document == nil || !strings.HasPrefix(x.Document.Form, "legacy") || x.Document.Redirect() != "" {
				continue
			}
			judged = true
			if lacking := hiddenLinks(x.Document.Links); len(lacking) > 0 && len(evidence) == 0 {
				evidence = append(evidence, p.SawExchange(x, "the user document of %s lacks %s", x.URL, strings.Join(lacking, ", ")))
			}
		}
	}
	if !judged {
		return nothingToJudge
	}
	return verdict(evidence)
}

// hiddenLinks are the tokens that a user document should have. A document without any link of the external site is a
// matter of the topology, and not of single links.
func hiddenLinks(links map[string]string) []string {
	has := func(prefix string) (any bool) {
		for token := range links {
			any = any || strings.HasPrefix(token, prefix)
		}
		return any
	}
	if !has("external/") || !has("internal/") {
		return nil
	}
	want := linksOfAll
	if has("ucwa") || has("internal/ucwa") || has("external/ucwa") {
		want = append(slices.Clone(want), "xframe")
	}
	var out []string
	for _, w := range want {
		for _, token := range []string{"internal/" + w, "external/" + w} {
			if links[token] == "" {
				out = append(out, token)
			}
		}
	}
	return out
}
