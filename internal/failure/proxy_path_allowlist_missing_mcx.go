package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyPathAllowlistMissingMcx = Mode{
	Rule: probe.Rule{
		ID:       "proxy.path-allowlist-missing-mcx",
		Severity: probe.High,
		Title:    "the reverse proxy does not let Lync 2010 phones reach the mobility service",
		Cause:    "its list of published paths was made for UCWA and lacks /mcx",
		Remedy:   "Publish every path (/*) of the Lync hosts; if a list is demanded, at least: " + pathList + ".",
		Settings: publishAll(),
		Sources:  []string{"Deploy and configure mobility for Skype for Business Server", "Understanding Autodiscover in Lync Server 2013"},
		Reads:    probe.SignIns | probe.Exchanges,
		Detect:   detectProxyPathAllowlistMissingMcx,
	},
	SignsIn:  true,
	Confused: []probe.ID{"proxy.path-allowlist-missing-ucwa", "proxy.waf-rule-block"},
	Cases: []Case{
		{Name: "forbidden", Edit: func(t *topology.Topology) { deny(t, 403, "/mcx") }},
	},
	More: []Case{
		{Name: "not-found", Edit: func(t *topology.Topology) { deny(t, 404, "/mcx") }},
	},
	Near: []Case{
		{Name: "other-path-refused", Edit: func(t *topology.Topology) { deny(t, 403, "/mcxmail") }},
	},
}

func detectProxyPathAllowlistMissingMcx(v *probe.View) probe.Verdict {
	if !signedInAt(v.At(probe.External)) {
		return nobodySignedIn
	}
	return deniedPaths(v, probe.SignInMcx)
}
