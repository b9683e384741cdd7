package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var mobilityClientVersionBlocked = Mode{
	Rule: probe.Rule{
		ID:       "mobility.client-version-blocked",
		Severity: probe.Medium,
		Title:    "the servers refuse clients of this kind or version",
		Cause:    "a client version rule, or the list of user agents that UCWA takes, refuses what the client calls itself",
		Remedy:   "Get-CsClientVersionPolicy | Select -Expand Rules shows what is refused; allow the client with Set-CsClientVersionPolicyRule -Action Allow, or update it.",
		Sources:  []string{"UCWA: Errors and informational messages", "Plan for Mobility for Skype for Business Server"},
		Reads:    probe.SignIns | probe.Exchanges,
		Detect: func(v *probe.View) probe.Verdict {
			return creationRefused(v, "the server does not want this client", "UserAgentNotAllowed")
		},
	},
	SignsIn:  true,
	Confused: []probe.ID{"mobility.policy-disabled", "mobility.too-many-applications"},
	Cases: []Case{
		{Name: "the-probes-own", Edit: func(t *topology.Topology) { t.Directory.DeniedUserAgents = []string{"lyncpin"} }},
	},
	Near: []Case{
		{Name: "others-refused", Edit: func(t *topology.Topology) { t.Directory.DeniedUserAgents = []string{"OldPhone/1."} }},
	},
}
