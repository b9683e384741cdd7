package failure

import (
	"net/netip"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var networkGuestIsolation = Mode{
	Rule: probe.Rule{
		ID:       "network.guest-isolation",
		Severity: probe.Medium,
		Title:    "phones on the guest Wi-Fi cannot reach the company's own public address",
		Cause:    "the guest network uses public name servers and reaches the Internet, but an access list keeps it away from the company's public addresses, or the firewall does not reflect its connections",
		Remedy:   "Let the guest network reach TCP 443 and 80 of the reverse proxy's public address.",
		Settings: settings(
			pfSquid, "Firewall > Rules > GUEST: pass TCP from GUEST net to the proxy's public address, ports 80 and 443, above the rule that blocks private and own networks; NAT reflection Pure NAT must cover that interface.",
			pfHAProxy, "As for Squid: a pass rule on the guest interface to the address HAProxy listens on, ports 80 and 443.",
		),
		Sources:  []string{"Plan for Mobility for Skype for Business Server", "Network and security considerations for Lync 2013 mobility"},
		Reads:    probe.Lookups | probe.Dials,
		Detect:   detectNetworkGuestIsolation,
		Explains: []probe.ID{"network.hairpin-nat-refused"},
	},
	Confused: []probe.ID{"network.hairpin-nat-refused", "network.captive-portal"},
	Cases: []Case{
		{Name: "own-addresses-blocked", Edit: func(t *topology.Topology) {
			t.WiFi.View = "external"
			t.Paths = append(t.Paths, topology.Path{From: "wifi", To: topology.ProxyPublic.String(), Action: topology.Drop})
		}},
	},
	More: []Case{
		{Name: "refused", Edit: func(t *topology.Topology) {
			t.WiFi.View = "external"
			t.Paths = append(t.Paths, topology.Path{From: "wifi", To: topology.ProxyPublic.String(), Action: topology.Refuse})
		}},
	},
	Near: []Case{
		{Name: "isolated-from-private-addresses-only", Edit: func(t *topology.Topology) {
			t.WiFi.View = "external"
			t.Paths = append(t.Paths, topology.Path{From: "wifi", To: "10.0.0.0/8", Action: topology.Drop})
		}},
	},
}

func detectNetworkGuestIsolation(v *probe.View) probe.Verdict {
	wifi, in, out := v.At(probe.WiFi), v.At(probe.Internal), v.At(probe.External)
	switch {
	case !wifi.Seen():
		return notSeenOnWiFi
	case !out.Seen():
		return notSeenOutside
	case !in.Seen():
		return notSeenInside
	}
	guest := false
	var evidence []probe.Evidence
	for _, d := range v.Domains() {
		public, internal := wifi.Resolve(publicLabel+d), wifi.Resolve(internalLabel+d)
		// Only a guest network has the public view where the office has its own.
		if !internal.Missing() || !in.Resolve(internalLabel+d).Exists() || !commonAddress(public, out.Resolve(publicLabel+d)) {
			continue
		}
		guest = true
		for _, a := range public.Addrs {
			addr := netip.AddrPortFrom(a, 443).String()
			here, outside := wifi.Dial(addr), out.Dial(addr)
			if here == nil || here.Outcome.OK() || outside == nil || !outside.Outcome.OK() || isPrivate(a) {
				continue
			}
			evidence = append(evidence,
				wifi.SawLookup(internal, "%s does not exist here, though it does in the office: the Wi-Fi has public name servers", internal.Name),
				wifi.SawDial(here, "%s resolves to %s as outside, and a connection from here fails (%s)", public.Name, a, here.Outcome.Words()),
				out.SawDial(outside, "from outside the same address answers"))
		}
	}
	if !guest {
		return probe.NotApplicable("the Wi-Fi is no guest network: its name servers are those of the office")
	}
	return verdict(evidence)
}
