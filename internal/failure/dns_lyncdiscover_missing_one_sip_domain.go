package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsLyncdiscoverMissingOneSIPDomain = Mode{
	Rule: probe.Rule{
		ID:       "dns.lyncdiscover-missing-one-sip-domain",
		Severity: probe.High,
		Title:    "the public discovery name of one SIP domain does not exist",
		Cause:    "the record was made for another SIP domain only",
		Remedy:   "Add lyncdiscover.<SIP domain> to the public zone of every SIP domain, and the name to the certificate of the reverse proxy.",
		Sources:  []string{"DNS requirements for Skype for Business Server", "DNS summary - Autodiscover in Lync Server 2013"},
		Reads:    probe.Lookups,
		Detect:   detectDNSLyncdiscoverMissingOneSIPDomain,
	},
	Confused: []probe.ID{"dns.lyncdiscover-missing", "tls.san-missing-second-sip-domain"},
	Cases: []Case{
		{Name: "second-domain", Edit: func(t *topology.Topology) {
			t.External.Remove(t.Discovery(1))
		}},
	},
	More: []Case{
		{Name: "main-domain", Edit: func(t *topology.Topology) {
			t.External.Remove(t.Discovery(0))
		}},
	},
	Near: []Case{
		{Name: "cname-in-second-domain", Edit: func(t *topology.Topology) {
			t.External.Set(t.Discovery(1), "CNAME", "meet."+t.SIPDomains[1])
		}},
	},
}

func detectDNSLyncdiscoverMissingOneSIPDomain(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	if len(v.Domains()) < 2 {
		return probe.NotApplicable("only one SIP domain was named")
	}
	var evidence []probe.Evidence
	other := ""
	for _, d := range v.Domains() {
		r := out.Resolve(publicLabel + d)
		switch {
		case r.Exists():
			other = r.Name
		case r.Missing() && len(r.Aliases) == 0:
			evidence = append(evidence, out.SawLookup(r, "%s does not exist in the public DNS (%s)", r.Name, r.Outcome.Words()))
		}
	}
	if other == "" || len(evidence) == 0 {
		return probe.Clear()
	}
	return probe.Found(append(evidence, out.Saw("%s does exist", other))...)
}
