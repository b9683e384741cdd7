package failure

import (
	"fmt"
	"regexp"
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var policyExternalAccessDisabled = Mode{
	Rule: probe.Rule{
		ID:       "policy.external-access-disabled",
		Severity: probe.Medium,
		Title:    "the user may not sign in from outside",
		Cause:    "the external access policy of the user has EnableOutsideAccess off, or remote access is off on the Access Edge",
		Remedy:   "Grant-CsExternalAccessPolicy -Identity sip:user1@contoso.example -PolicyName <one that allows it>, or Set-CsExternalAccessPolicy -Identity Global -EnableOutsideAccess $true; and Set-CsAccessEdgeConfiguration -AllowOutsideUsers $true.",
		Sources:  []string{"Set-CsExternalAccessPolicy", "Set-CsAccessEdgeConfiguration", "Lync 2013 remote access (Perficient)"},
		Reads:    probe.Exchanges | probe.SignIns,
		Detect:   detectPolicyExternalAccessDisabled,
	},
	SignsIn:  true,
	Confused: []probe.ID{"auth.user-not-enabled", "proxy.path-allowlist-missing-webticket"},
	Cases: []Case{
		{Name: "user", Edit: func(t *topology.Topology) { t.Users[0].NoOutsideAccess = true }},
	},
	Near: []Case{
		{Name: "somebody-else", Edit: func(t *topology.Topology) { t.Users[2].NoOutsideAccess = true }},
	},
}

// outsideWords are the words by which a diagnosis says that it is about remote access. Inferred: no source has its text.
var outsideWords = regexp.MustCompile(`(?i)remote|outside|external`)

func detectPolicyExternalAccessDisabled(v *probe.View) probe.Verdict {
	open := "" // an account whose refusal has no words
	result := judgeFailures(v, func(s step) string {
		id, reason := diagnosis(s.answer)
		if s.answer.Status != 403 || id == "" || id == notEnabled || s.at.Name() == probe.Internal {
			return ""
		}
		if !outsideWords.MatchString(reason) && !signedInInside(v, s.account) {
			open = s.account
			return ""
		}
		return fmt.Sprintf("%s is answered 403 by %s with X-Ms-diagnostics %s for %s: %s", s.answer.URL, machineOf(s.answer), id, s.account, reason)
	}, probe.StepTicket, probe.StepUser)
	if result.IsClear() && open != "" {
		return probe.Unknown("the Front End refuses " + open + " with 403, and nobody signed in with that account inside")
	}
	return result
}

// signedInInside tells whether the account got its documents inside.
func signedInInside(v *probe.View, account string) bool {
	return slices.ContainsFunc(stepsNamed(v, probe.StepUser), func(s step) bool {
		return s.at.Name() == probe.Internal && s.account == account && s.Result == probe.StepOK
	})
}
