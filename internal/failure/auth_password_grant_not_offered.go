package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var authPasswordGrantNotOffered = Mode{
	Rule: probe.Rule{
		ID:       "auth.password-grant-not-offered",
		Severity: probe.High,
		Title:    "the token service does not take name and password",
		Cause:    "forms and password authentication is switched off for the web services, and nothing takes its place: whoever has no Windows log-on of the domain gets no token",
		Remedy:   "See what was blocked: Get-CsAuthConfig and Get-CsWebServiceConfiguration on every pool. Set-CsAuthConfig -Scenario AllowAllExternallyAndInternally lets passwords in again; where they are to stay out, set up modern or ADFS authentication and use clients that know it.",
		Sources:  []string{"UCWA 2.0: Authentication in UCWA", "Set-CsAuthConfig"},
		Reads:    probe.Exchanges,
		Detect:   detectAuthPasswordGrantNotOffered,
	},
	Confused: []probe.ID{"auth.bad-credentials-control", "auth.windows-grant-not-offered"},
	Cases: []Case{
		{Name: "switched-off", Edit: func(t *topology.Topology) { t.FrontEndPool().External.Grants = []string{"windows", "anonmeeting"} }},
	},
	Near: []Case{
		{Name: "modern-authentication", Edit: func(t *topology.Topology) { modernAuthentication(t, "windows", "anonmeeting") }},
	},
	MoreNear: []Case{
		{Name: "adfs", Edit: func(t *topology.Topology) {
			p := t.FrontEndPool()
			p.External.Grants = []string{"windows", "anonmeeting", "passive"}
			p.PassiveURI = "https://" + p.External.WebFQDN + "/PassiveAuth/PassiveAuth.aspx"
		}},
	},
}

func detectAuthPasswordGrantNotOffered(v *probe.View) probe.Verdict {
	return judgeGrants(v, func(c *challenge) string {
		if slices.Contains(c.grants, grantPassword) || c.issuer != "" || slices.Contains(c.grants, grantPassive) {
			return ""
		}
		return "offers no password grant, nor anything in its place"
	})
}

// modernAuthentication gives the organisation an issuer of tokens, and the token service these grants only.
func modernAuthentication(t *topology.Topology, grants ...string) {
	t.Apps = append(t.Apps, topology.App{
		Kind: topology.Website, FQDN: issuerHost, Address: issuerAddress, HTTPS: 443,
		Certificate: &topology.Certificate{Names: []string{issuerHost}, Issuer: topology.PublicCA},
	})
	t.External.Address(issuerAddress, issuerHost)
	t.Internal.Address(issuerAddress, issuerHost)
	p := t.FrontEndPool()
	p.AuthorizationURI = "https://" + issuerHost + "/adfs/oauth2/authorize"
	p.External.Grants = grants
}
