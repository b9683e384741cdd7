package failure

import (
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var authAuthenticateOrderKerberosFirst = Mode{
	Rule: probe.Rule{
		ID:       "auth.authenticate-order-kerberos-first",
		Severity: probe.Low,
		Title:    "the ticket service offers Negotiate and no NTLM",
		Cause:    "the provider NTLM was removed from Windows authentication in IIS; outside nobody gets a Kerberos ticket, and phones and Macs whose software does not put NTLM into Negotiate ask for the password again and again",
		Remedy:   "Give Windows authentication both providers again, Negotiate and NTLM, on the WebTicket directory of the external web site of every Front End, or let Lync do it: Set-CsWebServiceConfiguration -UseWindowsAuth Negotiate, then Enable-CsComputer.",
		Sources:  []string{"RFC 4559 section 4", "Windows Authentication Providers <providers> (IIS)", "Set-CsWebServiceConfiguration"},
		Reads:    probe.Exchanges | probe.Logons,
		Detect:   detectAuthAuthenticateOrderKerberosFirst,
	},
	Confused: []probe.ID{"proxy.www-authenticate-stripped"},
	Cases: []Case{
		{Name: "negotiate-only", Edit: func(t *topology.Topology) { t.FrontEndPool().External.WindowsAuth = []string{"Negotiate"} }},
	},
	Near: []Case{
		{Name: "ntlm-only", Edit: func(t *topology.Topology) { t.FrontEndPool().External.WindowsAuth = []string{"NTLM"} }},
	},
	MoreNear: []Case{
		{Name: "ntlm-first", Edit: func(t *topology.Topology) { t.FrontEndPool().External.WindowsAuth = []string{"NTLM", "Negotiate"} }},
	},
}

func detectAuthAuthenticateOrderKerberosFirst(v *probe.View) probe.Verdict {
	for _, l := range v.At(probe.Proxy).Logons() {
		if slices.Contains(l.Offered, "NTLM") {
			return probe.NotApplicable("the Front End itself offers NTLM: what is missing outside was lost on the way")
		}
	}
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	asked := false
	var evidence []probe.Evidence
	for _, x := range out.Exchanges(probe.GetWebTicket) {
		schemes := windowsSchemes(x)
		if x.Status != 401 || !fromFrontEnd(x) && !isIISPage(x) || len(schemes) == 0 {
			continue
		}
		asked = true
		if !slices.Contains(schemes, "ntlm") {
			evidence = append(evidence, out.SawExchange(x, "%s offers %s, and no NTLM", x.URL, strings.Join(x.Header["Www-Authenticate"], ", ")))
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// windowsSchemes are the schemes of Windows authentication that an answer offers, in lower case.
func windowsSchemes(x *probe.Exchange) []string {
	var out []string
	for _, line := range x.Header["Www-Authenticate"] {
		for part := range strings.SplitSeq(line, ",") {
			scheme, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), " ")
			if scheme == "ntlm" || scheme == "negotiate" {
				out = append(out, scheme)
			}
		}
	}
	return out
}
