package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var authExtendedProtectionBreaksNTLM = Mode{
	Rule: probe.Rule{
		ID:       "auth.extended-protection-breaks-ntlm",
		Severity: probe.High,
		Title:    "Extended Protection refuses Windows log-ons, although the password is right",
		Cause:    "IIS wants the channel binding of its own TLS connection; clients outside can only send that of the proxy's, which can never match, and phones send none at all",
		Remedy:   "Switch Extended Protection off on the web ticket and content directories of both web sites of every Front End, and restart them: appcmd set config \"Skype for Business Server External Web Site/WebTicket\" -section:system.webServer/security/authentication/windowsAuthentication /extendedProtection.tokenChecking:None /commit:apphost.",
		Sources:  []string{"RFC 5929 section 4", "[MS-NLMP] section 3.1.5.1.2", "Extended Protection for Authentication <extendedProtection> (IIS)"},
		Reads:    probe.Exchanges | probe.Logons | probe.SignIns,
		Detect:   detectAuthExtendedProtectionBreaksNTLM,
		Explains: []probe.ID{"proxy.ntlm-multiplexed"},
	},
	SignsIn: true, Inside: true,
	Confused: []probe.ID{"proxy.ntlm-multiplexed", "auth.ntlm-level-mismatch"},
	Cases: []Case{
		{Name: "required", Edit: func(t *topology.Topology) { t.FrontEndPool().External.ExtendedProtection = "require" }},
	},
	More: []Case{
		{Name: "required-inside-only", Edit: func(t *topology.Topology) { t.FrontEndPool().Internal.ExtendedProtection = "require" }},
	},
	Near: []Case{
		{Name: "one-machine-for-each-client", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].Balance = "source" }},
	},
}

func detectAuthExtendedProtectionBreaksNTLM(v *probe.View) probe.Verdict {
	accounts := signingAccounts(v)
	if len(accounts) == 0 {
		return nobodySignedIn
	}
	result := nothingToJudge
	for _, account := range accounts {
		direct, proxied := logonsOf(v, account)
		if len(direct)+len(proxied) == 0 {
			continue
		}
		result = probe.Clear()
		evidence := bindingDecides(direct)
		if evidence == nil {
			evidence = affinityDespiteRefusals(v, direct, proxied)
		}
		if evidence != nil {
			return probe.Found(append(evidence, refusedThrough(proxied)...)...)
		}
	}
	return result
}

// bindingDecides is evidence that a web site, asked without a reverse proxy in between, grants a log-on with the channel
// binding and refuses it without.
func bindingDecides(direct []logon) []probe.Evidence {
	for _, with := range direct {
		for _, without := range direct {
			if with.Host == without.Host && with.Bound && with.granted() && !without.Bound && !without.granted() {
				return []probe.Evidence{sawBound(with),
					without.at.SawLogon(without.Logon, "%s at %s refuses it without the binding, for the same name and password", without.Host, without.Addr)}
			}
		}
	}
	return nil
}

// affinityDespiteRefusals is evidence for want of a log-on without the binding: with it the Front End itself grants, and
// through the proxy all are refused, though each met one machine of several. A proxy that shares connections scatters
// log-ons over the machines of a pool.
func affinityDespiteRefusals(v *probe.View, direct, proxied []logon) []probe.Evidence {
	var granted *logon
	for i, l := range direct {
		switch {
		case l.at.Name() != probe.Proxy || !l.granted():
		case !l.Bound:
			return nil // it is not wanted
		default:
			granted = &direct[i]
		}
	}
	if granted == nil || len(proxied) < triesForAffinity || len(serversSeen(v)) < 2 {
		return nil
	}
	for _, l := range proxied {
		if l.granted() || l.oneServer() == "" {
			return nil
		}
	}
	return []probe.Evidence{sawBound(*granted),
		proxied[0].at.Saw("all legs of each of %s met one machine: the proxy keeps connections apart", probe.Count(len(proxied), "log-on", "log-ons"))}
}

func sawBound(l logon) probe.Evidence {
	return l.at.SawLogon(l.Logon, "%s at %s grants a log-on that carries the channel binding of its own TLS connection", l.Host, l.Addr)
}

// refusedThrough is evidence of a refusal through the reverse proxy.
func refusedThrough(proxied []logon) []probe.Evidence {
	for _, l := range proxied {
		if !l.granted() {
			return []probe.Evidence{l.at.SawLogon(l.Logon, "through the reverse proxy %s refuses it", l.Host)}
		}
	}
	return nil
}

// triesForAffinity is how many log-ons must have met one machine each. With two machines that take turns, three that
// do so by chance are one in eight at the most, and a proxy that takes turns strictly cannot do it.
const triesForAffinity = 3

// serversSeen are the names of the Front Ends that answered outside.
func serversSeen(v *probe.View) map[string]bool {
	out := map[string]bool{}
	for _, x := range v.At(probe.External).Exchanges() {
		if f := x.Header.Get("X-Ms-Server-Fqdn"); f != "" {
			out[f] = true
		}
	}
	return out
}
