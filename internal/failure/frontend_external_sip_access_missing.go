package failure

import (
	"net"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendExternalSIPAccessMissing = Mode{
	Rule: probe.Rule{
		ID:       "frontend.external-sip-access-missing",
		Severity: probe.High,
		Title:    "desktop clients outside are led to no Access Edge that answers",
		Cause:    "no Edge is associated with the user's pool, or the name or port that discovery hands out for it is an old one or closed; the client falls back to SRV records, and the store app cannot sign in at all",
		Remedy:   "Topology Builder > the user's pool > Associations: associate the Edge pool, publish, and run step 2 on every Front End. Where the name or port is overridden: Set-CsAutoDiscoverConfiguration -ExternalSipClientAccessFqdn sip.contoso.example -ExternalSipClientAccessPort 443. The firewall must let TCP 443 through to the Access Edge.",
		Sources:  []string{"[MS-OCDISCWS] 3.1.5.3 User", "Set-CsAutodiscoverConfiguration"},
		Reads:    probe.SignIns | probe.Exchanges | probe.Lookups | probe.Dials,
		Detect:   detectFrontendExternalSIPAccessMissing,
	},
	SignsIn:  true,
	Confused: []probe.ID{"frontend.autodiscover-lacks-external-links"},
	Cases: []Case{
		{Name: "no-edge", Edit: func(t *topology.Topology) { t.FrontEndPool().SIPAccess = "-" }},
		{Name: "old-name", Edit: func(t *topology.Topology) { t.FrontEndPool().SIPAccess = "sip-old.contoso.example:443" }},
	},
	More: []Case{
		{Name: "closed-port", Edit: func(t *topology.Topology) { t.FrontEndPool().SIPAccess = "sip.contoso.example:5062" }},
	},
	Near: []Case{
		{Name: "another-name", Edit: func(t *topology.Topology) { t.FrontEndPool().SIPAccess = "sip.fabrikam.example:443" }},
	},
}

func detectFrontendExternalSIPAccessMissing(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !signedInAt(out) {
		return nobodySignedIn
	}
	judged := false
	var evidence []probe.Evidence
	for _, s := range stepsNamed(v, probe.StepSIP) {
		if s.at.Name() != probe.External {
			continue
		}
		judged = true
		if s.Result == probe.StepOK {
			continue
		}
		evidence = append(evidence, out.SawStep(s.SignInStep, "%s as desktop client, after a good log-on: %s", s.account, s.Text))
		host, _, _ := strings.Cut(s.Text, ":")
		if r := out.Resolve(host); r.Missing() {
			evidence = append(evidence, out.SawLookup(r, "%s does not exist in the public DNS (%s)", host, r.Outcome.Words()))
		}
		for _, d := range out.Dials() {
			if _, port, err := net.SplitHostPort(d.Addr); err == nil && strings.EqualFold(d.Host, host) && !d.Outcome.OK() {
				evidence = append(evidence, out.SawDial(&d, "%s at port %s takes no connection (%s)", host, port, d.Outcome.Words()))
			}
		}
	}
	if !judged {
		return nothingToJudge
	}
	return verdict(evidence)
}
