package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyPathAllowlistMissingContentServices = Mode{
	Rule: probe.Rule{
		ID:       "proxy.path-allowlist-missing-content-services",
		Severity: probe.Medium,
		Title:    "the reverse proxy does not let clients reach address book, groups, certificates or meeting content",
		Cause:    "its list of published paths lacks some of the content services, so sign-in works and parts of the client do not",
		Remedy:   "Publish every path (/*) of the Lync hosts; if a list is demanded, at least: " + pathList + ".",
		Settings: publishAll(),
		Sources:  []string{"Scenarios for reverse proxy in Lync Server 2013", "Reverse proxy 101 (Perficient)"},
		Reads:    probe.Exchanges,
		Detect:   detectProxyPathAllowlistMissingContentServices,
	},
	Confused: []probe.ID{"proxy.case-sensitive-path"},
	Cases: []Case{
		{Name: "no-address-book", Edit: func(t *topology.Topology) { allowOnly(t, withoutPaths("/abs")...) }},
	},
	More: []Case{
		{Name: "no-groups", Edit: func(t *topology.Topology) { deny(t, 403, "/groupexpansion") }},
		{Name: "sign-in-only", Edit: func(t *topology.Topology) {
			allowOnly(t, "/autodiscover", "/webticket", "/ucwa", "/mcx", "/meet", "/dialin")
		}},
	},
	Near: []Case{{Name: "refused-elsewhere", Edit: func(t *topology.Topology) { deny(t, 404, "/requesthandler", "/rgsconfig", "/locationinformation") }}},
}

func detectProxyPathAllowlistMissingContentServices(v *probe.View) probe.Verdict {
	return deniedPaths(v, probe.GetContent)
}
