package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var mobilityPolicyDisabled = Mode{
	Rule: probe.Rule{
		ID:       "mobility.policy-disabled",
		Severity: probe.Medium,
		Title:    "the user's mobility policy does not allow phones",
		Cause:    "EnableMobility is off in the policy that applies to this user; others sign in",
		Remedy:   "Set-CsMobilityPolicy -Identity Global -EnableMobility $true, or a policy that allows it for this user alone: Grant-CsMobilityPolicy -Identity user1@contoso.example -PolicyName MobilityAllowed (Get-CsUser user1@contoso.example | Select MobilityPolicy shows the one in force).",
		Sources:  []string{"Plan for Mobility for Skype for Business Server", "UCWA: Errors and informational messages"},
		Reads:    probe.SignIns | probe.Exchanges,
		Detect: func(v *probe.View) probe.Verdict {
			return creationRefused(v, "mobility is off for this user", "MobileApplicationNoLongerAllowed")
		},
	},
	SignsIn:  true,
	Confused: []probe.ID{"mobility.client-version-blocked"},
	Cases: []Case{
		{Name: "of-the-user", Edit: func(t *topology.Topology) { t.Users[0].NoMobility = true }},
	},
	Near: []Case{
		{Name: "of-somebody-else", Edit: func(t *topology.Topology) { t.Users[2].NoMobility = true }},
	},
}
