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
	for _, account := range signingAccounts(v) {
		if !result.IsFound() && refusedEarlier(v, account) {
			return probe.Unknown("the password of " + account + " was refused lately and is not tried again, so nobody signed in; a new one is tried at once")
		}
	}
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

// refusedEarlier tells whether nobody used the account's password because an earlier run saw it refused.
func refusedEarlier(v *probe.View, account string) bool {
	earlier := false
	for _, p := range signingPlaces(v) {
		for _, s := range p.SignIns() {
			for _, step := range s.Steps {
				switch {
				case s.Account != account || step.Name != probe.StepTicket:
				case step.Result == probe.StepSkipped && step.Text == probe.RefusedBefore:
					earlier = true
				default:
					return false
				}
			}
		}
	}
	return earlier
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
