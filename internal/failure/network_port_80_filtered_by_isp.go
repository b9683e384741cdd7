package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var networkPort80FilteredByISP = Mode{
	Rule: probe.Rule{
		ID:       "network.port-80-filtered-by-isp",
		Severity: probe.Low,
		Title:    "port 80 is filtered on the way from outside, and the listener there is fine",
		Cause:    "the provider filters port 80 towards its customers, or the firewall's own rule lets only 443 pass (from outside these look the same)",
		Remedy:   "Look whether the firewall passes TCP 80 to the listener; if it does, ask the provider. Until then discovery must work over HTTPS: every discovery name in the certificate.",
		Settings: openWAN(),
		Sources:  []string{"Port and protocol details for the Lync 2013 reverse proxy", "Autodiscover service requirements for Lync Server 2013"},
		Reads:    probe.Lookups | probe.Dials | probe.Exchanges,
		Detect:   detectNetworkPort80FilteredByISP,
		Explains: []probe.ID{"proxy.http80-closed"},
	},
	Confused: []probe.ID{"proxy.http80-closed"},
	Cases: []Case{
		{Name: "seen-open-on-the-wifi", Edit: func(t *topology.Topology) {
			t.WiFi.View = "external" // phones use the public names, so the probe sees the listener's port 80 from there
			t.Paths = append(t.Paths, topology.Path{From: probe.External, To: topology.ProxyPublic.String(), Port: 80, Action: topology.Drop})
		}},
	},
	Near: []Case{
		{Name: "filtered-at-another-address", Edit: func(t *topology.Topology) {
			t.WiFi.View = "external"
			t.Paths = append(t.Paths, topology.Path{From: probe.External, To: topology.EdgePublic.String(), Port: 80, Action: topology.Drop})
		}},
	},
}

func detectNetworkPort80FilteredByISP(v *probe.View) probe.Verdict {
	return besideDiscovery(v, func(out *probe.Place, host string, plain *probe.Dial) []probe.Evidence {
		elsewhere := opensElsewhere(v, plain.Addr)
		if plain.Outcome.Code != probe.Timeout || len(elsewhere) == 0 {
			return nil
		}
		seen := out.SawDial(plain, "%s answers discovery on port 443, and %s swallows connections (%s)", host, plain.Addr, plain.Outcome.Words())
		return append([]probe.Evidence{seen}, elsewhere...)
	})
}
