package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var authExtendedProtectionBreaksNTLM = Mode{
	Rule: probe.Rule{
		ID:       "auth.extended-protection-breaks-ntlm",
		Severity: probe.High,
		Title:    "Extended Protection refuses every Windows log-on that comes through the reverse proxy",
		Cause:    "IIS wants the channel binding of its own TLS connection, and clients outside can only send that of the proxy's: no log-on through a proxy that ends TLS can ever match",
		Remedy:   "Switch Extended Protection off on the web ticket and content directories of the external web site of every Front End, and restart it: appcmd set config \"Skype for Business Server External Web Site/WebTicket\" -section:system.webServer/security/authentication/windowsAuthentication /extendedProtection.tokenChecking:None /commit:apphost.",
		Sources:  []string{"RFC 5929 section 4", "[MS-NLMP] section 3.1.5.1.2", "Extended Protection for Authentication <extendedProtection> (IIS)"},
		Reads:    probe.Exchanges | probe.Logons | probe.SignIns,
		Detect:   detectAuthExtendedProtectionBreaksNTLM,
	},
	SignsIn:  true,
	Confused: []probe.ID{"auth.ntlm-level-mismatch", "auth.bad-credentials-control"},
	Cases: []Case{
		{Name: "required", Edit: func(t *topology.Topology) { t.FrontEndPool().External.ExtendedProtection = "require" }},
	},
	Near: []Case{
		{Name: "required-inside-only", Edit: func(t *topology.Topology) { t.FrontEndPool().Internal.ExtendedProtection = "require" }},
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
		if len(proxied) == 0 {
			continue
		}
		result = probe.Clear()
		if evidence := extendedProtection(v, direct, proxied); evidence != nil {
			return probe.Found(evidence...)
		}
	}
	return result
}

// extendedProtection is evidence that the binding decides: with it a log-on at the Front End itself is granted, and
// through the proxy all are refused, though each met one machine only. A proxy that shares connections scatters them
// over the machines of a pool. With a single machine only a refusal of an unbound log-on at the Front End itself is
// proof.
func extendedProtection(v *probe.View, direct, proxied []logon) []probe.Evidence {
	var granted, unbound *logon
	for i, l := range direct {
		switch {
		case l.at.Name() != probe.Proxy:
		case l.granted() && l.Bound:
			granted = &direct[i]
		case l.granted():
			return nil // not wanted
		case !l.Bound:
			unbound = &direct[i]
		}
	}
	scattered := false
	for _, l := range proxied {
		if l.granted() {
			return nil
		}
		scattered = scattered || l.oneServer() == ""
	}
	if granted == nil || unbound == nil && (scattered || len(proxied) < triesForAffinity || len(serversSeen(v)) < 2) {
		return nil
	}
	evidence := []probe.Evidence{
		granted.at.SawLogon(granted.Logon, "%s at %s grants a log-on that carries the channel binding of its own TLS connection", granted.Host, granted.Addr),
	}
	if unbound != nil {
		evidence = append(evidence, unbound.at.SawLogon(unbound.Logon, "%s refuses the same without the binding", unbound.Addr))
	}
	through := proxied[0]
	evidence = append(evidence, through.at.SawLogon(through.Logon, "through the reverse proxy %s refuses it", through.Host))
	if !scattered {
		evidence = append(evidence, through.at.Saw("all legs of each of %s met one machine: the proxy keeps connections apart", probe.Count(len(proxied), "log-on", "log-ons")))
	}
	return evidence
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
