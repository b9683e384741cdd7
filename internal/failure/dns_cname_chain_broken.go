package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsCNAMEChainBroken = Mode{
	Rule: probe.Rule{
		ID:       "dns.cname-chain-broken",
		Severity: probe.Critical,
		Title:    "a name is an alias that leads nowhere",
		Cause:    "its CNAME points at a deleted or misspelt name, or in a circle",
		Remedy:   "Correct the target of the CNAME, or use an A record with the address of the reverse proxy.",
		Sources:  []string{"RFC 1034 section 3.6.2"},
		Reads:    probe.Lookups | probe.Expectations | probe.Exchanges,
		Detect:   detectDNSCNAMEChainBroken,
		Explains: []probe.ID{"dns.external-web-fqdn-missing", "meeting.simple-url-dns-missing", "meeting.per-domain-meet-missing", "meeting.dialin-not-published", "meeting.wac-unpublished"},
	},
	Confused: []probe.ID{"dns.lyncdiscover-missing", "dns.external-web-fqdn-missing", "meeting.simple-url-dns-missing"},
	Cases: []Case{
		{Name: "dangling", Edit: func(t *topology.Topology) {
			t.External.Set(t.Discovery(0), "CNAME", "lyncwebext.contoso.example")
		}},
	},
	More: []Case{
		{Name: "circle", Edit: func(t *topology.Topology) {
			t.External.Set(t.Discovery(0), "CNAME", "lync."+t.SIPDomains[0])
			t.External.Set("lync."+t.SIPDomains[0], "CNAME", t.Discovery(0))
		}},
		{Name: "meet", Edit: func(t *topology.Topology) {
			t.External.Set("meet."+t.SIPDomains[0], "CNAME", "lyncwebext.contoso.example")
		}},
	},
	Near: []Case{
		{Name: "long-chain", Edit: func(t *topology.Topology) {
			t.External.Set(t.Discovery(0), "CNAME", "a."+t.SIPDomains[0])
			t.External.Set("a."+t.SIPDomains[0], "CNAME", "b."+t.SIPDomains[0])
			t.External.Set("b."+t.SIPDomains[0], "CNAME", t.ExternalWeb())
		}},
	},
}

func detectDNSCNAMEChainBroken(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, host := range publishedHosts(v) {
		r := out.Resolve(host)
		if r.Asked() && !r.Exists() && len(r.Aliases) > 0 && r.Outcome.Code != probe.Timeout {
			evidence = append(evidence, out.SawLookup(r, "%s is an alias of %s, which has no address (%s)", host, strings.Join(r.Aliases, ", then "), r.Outcome.Words()))
		}
	}
	return verdict(evidence)
}
