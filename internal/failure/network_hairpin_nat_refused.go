package failure

import (
	"fmt"
	"net/netip"
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var networkHairpinNATRefused = Mode{
	Rule: probe.Rule{
		ID:       "network.hairpin-nat-refused",
		Severity: probe.High,
		Title:    "phones on the office network cannot reach the public address of the reverse proxy",
		Cause:    "the firewall does not reflect connections from inside to its own public address, so the same phone works on mobile data",
		Remedy:   "Let the firewall reflect these connections (hairpin, U-turn NAT), or give the external names an inside address of the reverse proxy in the internal DNS.",
		Settings: hairpin(),
		Sources:  []string{"Plan for Mobility for Skype for Business Server", "Lync 2010 mobility on corporate Wi-Fi"},
		Reads:    probe.Lookups | probe.Dials | probe.Exchanges | probe.Expectations,
		Detect:   detectNetworkHairpinNATRefused,
	},
	Confused: []probe.ID{"network.wan-rule-missing", "dns.external-web-fqdn-unresolvable-internally", "network.captive-portal"},
	Cases: []Case{
		{Name: "dropped", Edit: func(t *topology.Topology) {
			t.Paths = append(t.Paths, topology.Path{From: "wifi", To: topology.ProxyPublic.String(), Action: topology.Drop},
				topology.Path{From: "internal", To: topology.ProxyPublic.String(), Action: topology.Drop})
		}},
	},
	More: []Case{
		{Name: "refused", Edit: func(t *topology.Topology) {
			t.Paths = append(t.Paths, topology.Path{From: "wifi", To: topology.ProxyPublic.String(), Action: topology.Refuse},
				topology.Path{From: "internal", To: topology.ProxyPublic.String(), Action: topology.Refuse})
		}},
	},
	Near: []Case{
		{Name: "split-dns-instead", Edit: func(t *topology.Topology) {
			t.Paths = append(t.Paths, topology.Path{From: "wifi", To: topology.ProxyPublic.String(), Action: topology.Drop},
				topology.Path{From: "internal", To: topology.ProxyPublic.String(), Action: topology.Drop})
			t.Internal.Address(topology.ProxyInside, t.ExternalWeb(), t.Discovery(0), t.Discovery(1))
		}},
	},
}

func detectNetworkHairpinNATRefused(v *probe.View) probe.Verdict {
	in, out := insidePlace(v), v.At(probe.External)
	if !in.Seen() {
		return notSeenInside
	}
	hosts := externalWebHosts(v)
	if !slices.ContainsFunc(hosts, func(h string) bool { return in.Resolve(h).Asked() }) {
		// Nobody said inside what the external web FQDN is; the public discovery name leads to the same proxy.
		for _, d := range v.Domains() {
			hosts = append(hosts, publicLabel+d)
		}
	}
	var evidence []probe.Evidence
	undecided := ""
	for _, host := range hosts {
		for _, a := range in.Resolve(host).Addrs {
			addr := netip.AddrPortFrom(a, 443).String()
			inside, outside := in.Dial(addr), out.Dial(addr)
			switch {
			case inside == nil || inside.Outcome.OK() || isPrivate(a):
			case outside == nil:
				undecided = fmt.Sprintf("%s at %s cannot be reached from inside (%s); a record from outside would tell whether it answers there", host, a, inside.Outcome.Words())
			case outside.Outcome.OK():
				evidence = append(evidence,
					in.SawDial(inside, "%s resolves to %s, and a connection from inside fails (%s)", host, a, inside.Outcome.Words()),
					out.SawDial(outside, "from outside the same address answers"))
			}
		}
	}
	if len(evidence) == 0 && undecided != "" {
		return probe.Unknown(undecided)
	}
	return verdict(evidence)
}
