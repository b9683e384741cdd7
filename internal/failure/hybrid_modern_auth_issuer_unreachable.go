package failure

import (
	"net/netip"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var hybridModernAuthIssuerUnreachable = Mode{
	Rule: probe.Rule{
		ID:       "hybrid.modern-auth-issuer-unreachable",
		Severity: probe.High,
		Title:    "clients are sent to a log-in page that cannot be reached from here",
		Cause:    "the Front End offers modern authentication and names its issuer (ADFS or the cloud), which this network does not resolve or let through, or which was never published outside; the log-in window stays blank",
		Remedy:   "Let clients reach the issuer on TCP 443 from here: publish ADFS through its own proxy (Web Application Proxy), or allow login.microsoftonline.com and login.windows.net. Get-CsOAuthConfiguration | ft ClientAuthorizationOAuthServerIdentity and Get-CsOAuthServer show which one is named.",
		Sources:  []string{"UCWA 2.0: Authentication in UCWA", "Hybrid Modern Authentication for Skype for Business", "RFC 6750 section 3"},
		Reads:    probe.Exchanges | probe.Lookups | probe.Dials | probe.Handshakes,
		Detect:   detectHybridModernAuthIssuerUnreachable,
	},
	Confused: []probe.ID{"proxy.www-authenticate-stripped", "hybrid.redirect-target-blocked"},
	Cases: []Case{
		{Name: "not-published", Edit: func(t *topology.Topology) {
			modernAuthentication(t, "windows", "anonmeeting", "password")
			t.External.Remove(issuerHost)
		}},
	},
	More: []Case{
		{Name: "blocked-outside", Edit: func(t *topology.Topology) {
			modernAuthentication(t, "windows", "anonmeeting", "password")
			t.Paths = append(t.Paths, topology.Path{From: probe.External, To: issuerAddress.String(), Action: topology.Drop})
		}},
	},
	Near: []Case{
		{Name: "published", Edit: func(t *topology.Topology) { modernAuthentication(t, "windows", "anonmeeting", "password") }},
	},
}

// The issuer of tokens as labs have it: ADFS of the organisation.
const issuerHost = "adfs.contoso.example"

var issuerAddress = netip.MustParseAddr("203.0.113.90")

func detectHybridModernAuthIssuerUnreachable(v *probe.View) probe.Verdict {
	return ledNowhere(v, userChallenges, func(x *probe.Exchange) string { return challengeOf(x).issuer }, "%s sends clients for their log-in to %s")
}
