package failure

import (
	"fmt"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var authWebticketInternalError = Mode{
	Rule: probe.Rule{
		ID:       "auth.webticket-internal-error",
		Severity: probe.High,
		Title:    "the Front End cannot check log-ons: its ticket service ends with an internal error",
		Cause:    "the Front End reaches no domain controller or global catalog, its machine account or service account is out of step with the domain, or its own databases are down",
		Remedy:   "On the Front End named below: nltest /sc_verify:contoso.example and nltest /dsgetdc:contoso.example /gc, Test-CsUserConnectivity and Get-CsWindowsService; read the Lync Server event log (LS Web Components, LS User Services) at the time of the request.",
		Sources:  []string{"[MS-OCAUTHWS] IssueToken: X-Ms-diagnostics 28001"},
		Reads:    probe.Exchanges | probe.SignIns,
		Detect:   detectAuthWebticketInternalError,
	},
	SignsIn:  true,
	Confused: []probe.ID{"auth.oauth-certificate-missing", "frontend.app-pool-stopped-503"},
	Cases: []Case{
		{Name: "no-domain-controller", Edit: func(t *topology.Topology) { t.Directory.Down = true }},
	},
	Near: []Case{
		{Name: "accounts-may-lock", Edit: func(t *topology.Topology) { t.Directory.LockoutThreshold = 3 }},
	},
}

// internalError is the diagnosis "Internal error while processing Windows authentication or authorization." It comes
// with 500.
const internalError = "28001"

func detectAuthWebticketInternalError(v *probe.View) probe.Verdict {
	return judgeFailures(v, func(s step) string {
		if id, reason := diagnosis(s.answer); id == internalError {
			return fmt.Sprintf("%s is answered %d by %s with X-Ms-diagnostics %s: %s",
				s.answer.URL, s.answer.Status, machineOf(s.answer), id, reason)
		}
		return ""
	}, probe.StepTicket, probe.StepUser, probe.StepPool)
}

// machineOf is the Front End that made an answer, by name where it says so.
func machineOf(x *probe.Exchange) string {
	if f := x.Header.Get("X-Ms-Server-Fqdn"); f != "" {
		return f
	}
	return "the Front End"
}
