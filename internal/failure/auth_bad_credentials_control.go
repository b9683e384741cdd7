package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var authBadCredentialsControl = Mode{
	Rule: probe.Rule{
		ID:       "auth.bad-credentials-control",
		Severity: probe.Medium,
		Title:    "the name or password is refused by the Front End itself",
		Cause:    "the password is wrong or expired, the account is locked or disabled, or the user name is not the one that Windows knows; everything on the way works",
		Remedy:   `Check the password by hand, and sign in with the Windows account (DOMAIN\name) in place of the SIP address, for the two may differ. Get-ADUser -Properties LockedOut, PasswordExpired, Enabled tells of the account. lyncpin does not try this password again.`,
		Sources:  []string{"UCWA 2.0: Authentication in UCWA", "Troubleshoot sign-in for Lync mobile clients"},
		Reads:    probe.Exchanges | probe.Logons | probe.SignIns,
		Detect:   detectAuthBadCredentialsControl,
	},
	SignsIn:  true,
	Confused: []probe.ID{"proxy.preauth-401", "auth.password-grant-not-offered"},
	Cases: []Case{
		{Name: "wrong-password", Edit: func(t *topology.Topology) { t.Users[0].TypedPassword = "lab-only-mistyped" }},
	},
	More: []Case{
		{Name: "unknown-name", Edit: func(t *topology.Topology) { t.Users[0].TypedLogin = `CONTOSO\nobody` }},
	},
	Near: []Case{
		{Name: "by-principal-name", Edit: func(t *topology.Topology) { t.Users[0].TypedLogin = t.Users[0].SIP }},
	},
	MoreNear: []Case{
		{Name: "wrong-password-of-somebody-else", Edit: func(t *topology.Topology) { t.Users[2].TypedPassword = "lab-only-mistyped" }},
	},
}

func detectAuthBadCredentialsControl(v *probe.View) probe.Verdict {
	result := judgeFailures(v, func(s step) string {
		switch {
		case passwordProven(v, s.account) != nil:
			return "" // it was taken elsewhere
		case invalidGrant(s.answer):
			return "the token service refuses name and password of " + s.account + ": " + tokenError(s.answer)
		}
		return ""
	}, probe.StepTicket)
	if !result.IsClear() {
		return result
	}
	for _, account := range signingAccounts(v) {
		direct, proxied := logonsOf(v, account)
		refused := 0
		for _, l := range append(direct, proxied...) {
			if l.granted() {
				refused = 0
				break
			}
			refused++
		}
		if refused > 0 && passwordProven(v, account) == nil {
			return probe.Unknown("the Windows log-on of " + account + " is refused, and no other way to log on shows whether the password is right")
		}
	}
	return result
}

// tokenError is the error that the token service names in its JSON; empty when the answer is none of it.
func tokenError(x *probe.Exchange) string {
	if m := tokenErrorPattern.FindStringSubmatch(x.Body); m != nil {
		return m[1]
	}
	return ""
}

// invalidGrant tells the token service's refusal of name and password. Where ADFS is wanted, the same word comes with
// the page to go to.
func invalidGrant(x *probe.Exchange) bool {
	return x.Status == 400 && tokenError(x) == "invalid_grant" && !strings.Contains(x.Body, "ms_rtc_passiveauthuri")
}
