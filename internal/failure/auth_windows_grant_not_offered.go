package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var authWindowsGrantNotOffered = Mode{
	Rule: probe.Rule{
		ID:       "auth.windows-grant-not-offered",
		Severity: probe.Medium,
		Title:    "the token service does not let anybody in with a Windows log-on",
		Cause:    "Windows authentication is switched off for the web services, so that applications of signed-in domain users get no token; those who type name and password still do",
		Remedy:   "Set-CsWebServiceConfiguration -UseWindowsAuth Negotiate (see both the global setting and that of the pool: Get-CsWebServiceConfiguration | ft Identity, UseWindowsAuth).",
		Sources:  []string{"UCWA 2.0: Authentication in UCWA", "Set-CsWebServiceConfiguration"},
		Reads:    probe.Exchanges,
		Detect:   detectAuthWindowsGrantNotOffered,
	},
	Confused: []probe.ID{"proxy.www-authenticate-stripped", "auth.password-grant-not-offered"},
	Cases: []Case{
		{Name: "switched-off", Edit: func(t *topology.Topology) { t.FrontEndPool().External.Grants = []string{"anonmeeting", "password"} }},
	},
	Near: []Case{
		{Name: "windows-only", Edit: func(t *topology.Topology) { modernAuthentication(t, "windows", "anonmeeting") }},
	},
}

func detectAuthWindowsGrantNotOffered(v *probe.View) probe.Verdict {
	return judgeGrants(v, func(c *challenge) string {
		if slices.Contains(c.grants, grantWindows) || c.issuer != "" || slices.Contains(c.grants, grantPassive) {
			return ""
		}
		return "offers no " + grantWindows
	})
}
