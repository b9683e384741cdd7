package failure

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsServfail = Mode{
	Rule: probe.Rule{
		ID:       "dns.servfail",
		Severity: probe.High,
		Title:    "the name servers fail to answer for a name",
		Cause:    "an authoritative server is broken, lame or unreachable, or the zone is damaged; the name itself may well exist",
		Remedy:   "Repair the name servers of the zone: ask each of them for the name (dig @SERVER NAME), and look at the delegation, the zone transfer and DNSSEC.",
		Sources:  []string{"RFC 1035 section 4.1.1", "RFC 8020"},
		Reads:    probe.Lookups,
		Detect:   detectDNSServfail,
	},
	Confused: []probe.ID{"dns.lyncdiscover-missing", "dns.cname-chain-broken"},
	Cases: []Case{
		{Name: "servfail", Edit: func(t *topology.Topology) {
			t.External.Answers = append(t.External.Answers, topology.Answer{Name: t.Discovery(0), RCode: "SERVFAIL"})
		}},
	},
	More: []Case{
		{Name: "refused", Edit: func(t *topology.Topology) {
			t.External.Answers = append(t.External.Answers, topology.Answer{Name: t.ExternalWeb(), RCode: "REFUSED"})
		}},
		{Name: "inside", Edit: func(t *topology.Topology) {
			t.Internal.Answers = append(t.Internal.Answers, topology.Answer{Name: t.InternalDiscovery(0), RCode: "SERVFAIL"})
		}},
	},
	Near: []Case{
		{Name: "slow-answer", Edit: func(t *topology.Topology) {
			t.External.Answers = append(t.External.Answers, topology.Answer{Name: t.Discovery(0), Delay: 20 * time.Millisecond})
		}},
	},
}

func detectDNSServfail(v *probe.View) probe.Verdict {
	var evidence []probe.Evidence
	for _, p := range v.Places() {
		answered, silent := 0, 0
		for _, l := range p.Lookups() {
			switch l.Outcome.Code {
			case probe.OK, probe.NXDomain, probe.NoData:
				answered++
			case probe.Timeout, probe.Refused, probe.Unreachable:
				silent++
			}
		}
		if answered == 0 && silent > 0 {
			return probe.Unknown(fmt.Sprintf("from %s no name server answered any question (%d asked): check the resolver's address", p.Name(), silent))
		}
		for _, l := range p.Lookups() {
			if l.Type != "A" || strings.HasPrefix(l.Name, unknownLabel) {
				continue
			}
			switch l.Outcome.Code {
			case probe.ServFail, probe.DNSRefused, probe.DNSOther, probe.Timeout:
				// A name elsewhere that the server is not there for is refused rightly.
				if l.Outcome.Code == probe.DNSRefused && !ownName(v, l.Name) {
					continue
				}
				evidence = append(evidence, p.SawLookup(p.Resolve(l.Name), "the question for %s fails at %s (%s), while %s answered", l.Name, l.Server, l.Outcome.Words(),
					probe.Count(answered, "other name was", "other names were")))
			}
		}
	}
	return verdict(evidence)
}

// ownName tells whether the name is in one of the SIP domains or their registrable domains.
func ownName(v *probe.View, name string) bool {
	return slices.ContainsFunc(v.Domains(), func(d string) bool {
		return probe.RegistrableDomain(name) == probe.RegistrableDomain(d)
	})
}
