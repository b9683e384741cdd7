package failure

import (
	"net/netip"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyListenerOn4443Publicly = Mode{
	Rule: probe.Rule{
		ID:       "proxy.listener-on-4443-publicly",
		Severity: probe.High,
		Title:    "the external web site is published on port 4443 instead of 443",
		Cause:    "the firewall or proxy passes 4443 through; clients always ask on 443",
		Remedy:   "Listen on 443 outside and forward to 4443 inside; close 4443 outside.",
		Settings: flipPorts(),
		Sources:  []string{"Configuring pfSense as a reverse proxy for Lync web services"},
		Reads:    probe.Dials | probe.Exchanges | probe.Lookups,
		Detect:   detectProxyListenerOn4443Publicly,
		Explains: []probe.ID{"proxy.service-not-enabled", "network.wan-rule-missing"},
	},
	Confused: []probe.ID{"network.wan-rule-missing", "proxy.service-not-enabled"},
	Cases: []Case{
		{Name: "listener-on-4443", Edit: func(t *topology.Topology) {
			t.Proxy.HTTPS = 4443
		}},
	},
	Near: []Case{
		{Name: "both-ports", Edit: func(t *topology.Topology) {
			t.Paths = append(t.Paths, topology.Path{From: probe.External, To: topology.ProxyPublic.String(), Port: 4443, Action: topology.Translate, Target: "203.0.113.10:443"})
		}},
	},
}

func detectProxyListenerOn4443Publicly(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, x := range out.Exchanges(probe.GetOtherPort) {
		if !probe.MakerOf(x).FrontEnd {
			continue
		}
		evidence = append(evidence, out.SawExchange(x, "%s is answered by the Front End at %s", x.URL, x.Addr))
		for _, a := range out.Resolve(x.Host).Addrs {
			if d := out.Dial(netip.AddrPortFrom(a, 443).String()); d != nil && !d.Outcome.OK() {
				evidence = append(evidence, out.SawDial(d, "on port 443, which clients use, %s gives no connection (%s)", a, d.Outcome.Words()))
			}
		}
	}
	return verdict(evidence)
}
