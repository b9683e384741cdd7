package failure

import (
	"fmt"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var authUserNotEnabled = Mode{
	Rule: probe.Rule{
		ID:       "auth.user-not-enabled",
		Severity: probe.Low,
		Title:    "the account exists in Windows and is not enabled for Lync",
		Cause:    "nobody enabled it, it was disabled, or the change has not reached the Front End's copy of the directory yet",
		Remedy:   "Enable-CsUser -Identity CONTOSO\\user1 -RegistrarPool pool01.contoso.example -SipAddressType EmailAddress, then Update-CsUserDatabase; Get-CsUser -Identity CONTOSO\\user1 | ft Enabled, SipAddress, RegistrarPool shows how it stands.",
		Sources:  []string{"[MS-OCAUTHWS] IssueToken: X-Ms-diagnostics 28000", "Enable-CsUser"},
		Reads:    probe.Exchanges | probe.SignIns,
		Detect:   detectAuthUserNotEnabled,
	},
	SignsIn:  true,
	Confused: []probe.ID{"auth.bad-credentials-control", "policy.external-access-disabled"},
	Cases: []Case{
		{Name: "never-enabled", Edit: func(t *topology.Topology) { t.Users[0].NotEnabled = true }},
	},
	Near: []Case{
		{Name: "somebody-else", Edit: func(t *topology.Topology) { t.Users[2].NotEnabled = true }},
	},
}

// notEnabled is the diagnosis "User is not SIP enabled." It comes with 403.
const notEnabled = "28000"

func detectAuthUserNotEnabled(v *probe.View) probe.Verdict {
	return judgeFailures(v, func(s step) string {
		if id, reason := diagnosis(s.answer); id == notEnabled {
			return fmt.Sprintf("%s is answered %d with X-Ms-diagnostics %s for %s: %s", s.answer.URL, s.answer.Status, id, s.account, reason)
		}
		return ""
	}, probe.StepTicket, probe.StepUser, probe.StepPool)
}
