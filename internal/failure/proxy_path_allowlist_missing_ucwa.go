package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyPathAllowlistMissingUCWA = Mode{
	Rule: probe.Rule{
		ID:       "proxy.path-allowlist-missing-ucwa",
		Severity: probe.Critical,
		Title:    "the reverse proxy does not let mobile clients reach UCWA",
		Cause:    "its list of published paths was made for Lync 2010 and lacks /ucwa, so phones sign in and then cannot connect",
		Remedy:   "Publish every path (/*) of the Lync hosts; if a list is demanded, at least: " + pathList + ".",
		Settings: publishAll(),
		Sources:  []string{"Configuration requirements for reverse proxy in Lync Server 2013", "Plan for Mobility for Skype for Business Server"},
		Reads:    probe.Exchanges,
		Detect:   detectProxyPathAllowlistMissingUCWA,
		Explains: []probe.ID{"proxy.path-allowlist-missing-content-services"},
	},
	Confused: []probe.ID{"frontend.app-pool-stopped-503", "proxy.path-allowlist-missing-webticket"},
	Cases: []Case{
		{Name: "not-in-list", Edit: func(t *topology.Topology) { allowOnly(t, withoutPaths("/ucwa")...) }},
	},
	More: []Case{
		{Name: "refused-by-filter", Edit: func(t *topology.Topology) { deny(t, 404, "/ucwa") }},
	},
	Near: []Case{{Name: "server-without-ucwa", Edit: func(t *topology.Topology) { affinity2010(t, topology.Cookie{}) }}},
}

func detectProxyPathAllowlistMissingUCWA(v *probe.View) probe.Verdict {
	return deniedPaths(v, probe.GetUCWA)
}
