package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendRegistrarQuorumLost = Mode{
	Rule: probe.Rule{
		ID:       "frontend.registrar-quorum-lost",
		Severity: probe.High,
		Title:    "users sign in, and no Front End serves them",
		Cause:    "the users' routing group has lost its quorum (too few Front Ends are up, or the back end is not reached), so that nothing holds their registration; desktop clients show limited functionality",
		Remedy:   "Start the Front Ends that are down; when that is not enough: Get-CsPoolFabricState -PoolFqdn pool01.contoso.example, then Reset-CsPoolRegistrarState -PoolFqdn pool01.contoso.example -ResetType QuorumLossRecovery.",
		Sources:  []string{"Cannot sign in, limited functionality mode", "UCWA: Errors and informational messages"},
		Reads:    probe.SignIns | probe.Exchanges,
		Detect: func(v *probe.View) probe.Verdict {
			return creationRefused(v, "the user's home does not answer", registrarSubcodes...)
		},
	},
	SignsIn:  true,
	Confused: []probe.ID{"frontend.ucwa-recycled-500", "mobility.policy-disabled"},
	Cases: []Case{
		{Name: "one-user", Edit: func(t *topology.Topology) { t.Users[0].NoRegistrar = true }},
	},
	More: []Case{
		{Name: "all-users", Edit: func(t *topology.Topology) {
			for i := range t.Users {
				t.Users[i].NoRegistrar = true
			}
		}},
	},
	Near: []Case{
		{Name: "somebody-else", Edit: func(t *topology.Topology) { t.Users[2].NoRegistrar = true }},
	},
}

// registrarSubcodes are UCWA's words for a home that does not answer; which of them it is, is inferred.
var registrarSubcodes = []string{"ServiceTimeout", "ServiceFailure", "ServiceUnavailable", "UserLookupFailure"}
