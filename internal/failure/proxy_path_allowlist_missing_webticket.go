package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyPathAllowlistMissingWebticket = Mode{
	Rule: probe.Rule{
		ID:       "proxy.path-allowlist-missing-webticket",
		Severity: probe.Critical,
		Title:    "the reverse proxy does not let clients reach the ticket service",
		Cause:    "its list of published paths lacks /WebTicket, so nobody can sign in although the password is right",
		Remedy:   "Publish every path (/*) of the Lync hosts; if a list is demanded, at least: " + pathList + ".",
		Settings: publishAll(),
		Sources:  []string{"Configuration requirements for reverse proxy in Lync Server 2013", "UCWA 2.0: Authentication in UCWA"},
		Reads:    probe.Exchanges,
		Detect:   detectProxyPathAllowlistMissingWebticket,
		Explains: []probe.ID{"proxy.path-allowlist-missing-ucwa", "proxy.path-allowlist-missing-content-services"},
	},
	Confused: []probe.ID{"frontend.app-pool-stopped-503", "proxy.case-sensitive-path"},
	Cases: []Case{
		{Name: "not-in-list", Edit: func(t *topology.Topology) { allowOnly(t, withoutPaths("/webticket")...) }},
	},
	More: []Case{
		{Name: "refused-by-filter", Edit: func(t *topology.Topology) { deny(t, 403, "/webticket") }},
		{Name: "reset", Edit: func(t *topology.Topology) {
			allowOnly(t, withoutPaths("/webticket")...)
			t.Proxy.ResetUnknown = true
		}},
	},
	Near: []Case{{Name: "refused-elsewhere", Edit: func(t *topology.Topology) { deny(t, 403, "/cscp", "/ocspowershell") }}},
}

func detectProxyPathAllowlistMissingWebticket(v *probe.View) probe.Verdict {
	return deniedPaths(v, probe.GetWebTicket)
}
