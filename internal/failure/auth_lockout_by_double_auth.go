package failure

import "lyncpin/probe"

var authLockoutByDoubleAuth = Mode{
	Rule: probe.Rule{
		ID:       "auth.lockout-by-double-auth",
		Severity: probe.Medium,
		Title:    "accounts lock again and again, although their owners know their passwords",
		Cause:    "phones with an old password try it every few minutes, and a reverse proxy that authenticates before the Front End, or repeats requests, makes two failures of each; the account passes the lockout threshold of the domain",
		Remedy:   "Let clients authenticate at the Front End only: no authentication and no delegation on the proxy for these hosts. Sign old devices out or change the password there, and see whether the lockout threshold bears a device's retries.",
		Settings: noPreauth(),
		Sources:  []string{"Deploy and configure mobility for Skype for Business Server", "Account lockout threshold (Windows security policy)"},
	},
	Confused:    []probe.ID{"auth.bad-credentials-control", "proxy.preauth-401"},
	Undecidable: "A locked account is refused just as a wrong password is, and to see one lock it would have to be locked. By hand: Get-ADUser user1 -Properties LockedOut, BadLogonCount, LastBadPasswordAttempt; events 4740 (which machine locked it) and 4625 on the domain controllers and Front Ends; the proxy's log for two requests where the client sent one.",
}
