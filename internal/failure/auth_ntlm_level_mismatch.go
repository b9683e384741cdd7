package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var authNTLMLevelMismatch = Mode{
	Rule: probe.Rule{
		ID:       "auth.ntlm-level-mismatch",
		Severity: probe.Medium,
		Title:    "the Front Ends refuse NTLM, although the password is right",
		Cause:    "a policy of the domain or of the machines denies incoming NTLM, or wants another LAN Manager level than the clients speak; phones, Macs and PCs outside the domain have nothing but NTLM",
		Remedy:   "On the Front Ends and domain controllers look at the policies 'Network security: Restrict NTLM: Incoming NTLM traffic' and '… NTLM authentication in this domain' (add the Front Ends to the exceptions), and at 'LAN Manager authentication level' (LmCompatibilityLevel: 3 or more on clients, 5 at most on servers). Event 4625 with status 0xC0000418 names the policy.",
		Sources:  []string{"[MS-NLMP] section 3.1.1.1", "Network security: Restrict NTLM: Incoming NTLM traffic (Windows security policy)", "Network security: LAN Manager authentication level (Windows security policy)"},
		Reads:    probe.Exchanges | probe.Logons | probe.SignIns,
		Detect:   detectAuthNTLMLevelMismatch,
	},
	SignsIn:  true,
	Confused: []probe.ID{"auth.bad-credentials-control", "auth.extended-protection-breaks-ntlm"},
	Cases: []Case{
		{Name: "ntlm-denied", Edit: func(t *topology.Topology) {
			p := t.FrontEndPool()
			p.Internal.NTLM, p.External.NTLM = "deny", "deny"
		}},
	},
	Near: []Case{
		{Name: "ntlmv2-only", Edit: func(t *topology.Topology) {
			p := t.FrontEndPool()
			p.Internal.NTLM, p.External.NTLM = "v2", "v2"
		}},
	},
}

func detectAuthNTLMLevelMismatch(v *probe.View) probe.Verdict {
	accounts := signingAccounts(v)
	if len(accounts) == 0 {
		return nobodySignedIn
	}
	result := nothingToJudge
	for _, account := range accounts {
		switch one := ntlmLevelOf(v, account); {
		case one.IsClear():
			return one // what machines take of one they take of all
		case one.IsFound(), one.IsUnknown() && !result.IsFound():
			result = one
		}
	}
	return result
}

// ntlmLevelOf judges the Windows authentications of one account.
func ntlmLevelOf(v *probe.View, account string) probe.Verdict {
	direct, proxied := logonsOf(v, account)
	proof := passwordProven(v, account)
	var bound *logon
	for i, l := range append(direct, proxied...) {
		switch {
		case l.granted():
			return probe.Clear() // NTLM is taken; where it is not, something else is wrong
		case i < len(direct) && l.Bound && bound == nil:
			bound = &direct[i]
		}
	}
	switch {
	case len(direct)+len(proxied) == 0:
		return nothingToJudge
	case proof == nil:
		return probe.NotApplicable("a wrong password would look the same, and nothing shows that it is right")
	case bound != nil:
		return probe.Found(bound.at.SawLogon(bound.Logon, "%s at %s, asked without a reverse proxy in between, refuses the third leg of %s for %s",
			bound.Host, bound.Addr, bound.Scheme, account), *proof)
	case len(direct) > 0:
		return probe.Unknown("NTLM is refused without a reverse proxy in between: by a policy for NTLM, or by Extended Protection, for the log-on did not carry the channel binding")
	}
	for _, l := range proxied {
		if l.oneServer() == "" {
			return probe.NotApplicable("the legs of a log-on met several machines, or did not say which: that is the proxy's doing")
		}
	}
	return probe.Unknown("NTLM is refused through the reverse proxy while the password is right: by a policy for NTLM, by Extended Protection, or because the proxy shares connections; a view from beside the proxy would tell")
}
