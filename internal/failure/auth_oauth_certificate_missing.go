package failure

import (
	"fmt"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var authOAuthCertificateMissing = Mode{
	Rule: probe.Rule{
		ID:       "auth.oauth-certificate-missing",
		Severity: probe.High,
		Title:    "the token service cannot sign tokens",
		Cause:    "no OAuthTokenIssuer certificate is assigned, it has expired, or it was not replicated to this Front End",
		Remedy:   "Get-CsCertificate -Type OAuthTokenIssuer on every Front End; request or renew it and assign it once for the whole organisation: Set-CsCertificate -Type OAuthTokenIssuer -Thumbprint … -Identity Global, then Get-CsManagementStoreReplicationStatus, and recycle the web application pools.",
		Sources:  []string{"UCWA 2.0: Authentication in UCWA", "Set-CsCertificate", "RFC 6749 section 5.2"},
		Reads:    probe.Exchanges | probe.SignIns,
		Detect:   detectAuthOAuthCertificateMissing,
	},
	SignsIn:  true,
	Confused: []probe.ID{"auth.webticket-internal-error", "auth.bad-credentials-control"},
	Cases: []Case{
		{Name: "not-assigned", Edit: func(t *topology.Topology) { t.FrontEndPool().NoTokenCertificate = true }},
	},
	Near: []Case{
		{Name: "passwords-not-taken", Edit: func(t *topology.Topology) { modernAuthentication(t, "windows", "anonmeeting") }},
	},
}

func detectAuthOAuthCertificateMissing(v *probe.View) probe.Verdict {
	return judgeFailures(v, func(s step) string {
		if id, _ := diagnosis(s.answer); s.answer.Status == 500 && tokenError(s.answer) == "server_error" && id != internalError {
			return fmt.Sprintf("%s is answered 500 by %s with the error server_error, for an account that exists", s.answer.URL, machineOf(s.answer))
		}
		return ""
	}, probe.StepTicket)
}
