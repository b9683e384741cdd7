package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsLyncdiscoverMissing = Mode{
	Rule: probe.Rule{
		ID:       "dns.lyncdiscover-missing",
		Severity: probe.Critical,
		Title:    "the public discovery name does not exist",
		Cause:    "the external zone has no record for it, so phones cannot find the deployment at all",
		Remedy:   "Add an A record lyncdiscover.<SIP domain> to the public zone, pointing at the reverse proxy (or a CNAME to the external web FQDN in the same domain), for every SIP domain.",
		Sources:  []string{"DNS requirements for Skype for Business Server", "Understanding Autodiscover in Lync Server 2013"},
		Reads:    probe.Lookups,
		Detect:   detectLyncdiscoverMissing,
	},
	Confused: []probe.ID{"dns.servfail", "dns.lyncdiscover-missing-one-sip-domain"},
	Cases: []Case{{Name: "no-record", Edit: func(t *topology.Topology) {
		for i := range t.SIPDomains {
			t.External.Remove(t.Discovery(i))
		}
	}}},
	Near: []Case{{Name: "by-cname", Edit: func(t *topology.Topology) {
		t.External.Set(t.Discovery(0), "CNAME", t.ExternalWeb())
	}}},
}

func detectLyncdiscoverMissing(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, d := range v.Domains() {
		r := out.Resolve("lyncdiscover." + d)
		switch {
		case r.Exists():
			return probe.Clear() // of several domains, the missing one is a mode of its own
		case !r.Missing():
			return unsure(r)
		case len(r.Aliases) > 0:
			return probe.Clear() // a broken alias is a mode of its own
		}
		evidence = append(evidence, out.SawLookup(r, "%s does not exist in the public DNS (%s)", r.Name, r.Outcome.Words()))
	}
	return probe.Found(evidence...)
}
