package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var authCertprovUnreachable = Mode{
	Rule: probe.Rule{
		ID:       "auth.certprov-unreachable",
		Severity: probe.Medium,
		Title:    "the reverse proxy does not let clients fetch their sign-in certificate",
		Cause:    "its list of published paths lacks /CertProv; clients sign in with the password each time, and desk phones and branch users without a reachable registrar not at all",
		Remedy:   "Publish every path (/*) of the Lync hosts; if a list is demanded, at least: " + pathList + ".",
		Settings: publishAll(),
		Sources:  []string{"Configuration requirements for reverse proxy in Lync Server 2013", "Certificate-based authentication of Lync clients (msxfaq)"},
		Reads:    probe.Exchanges,
		Detect:   detectAuthCertprovUnreachable,
		Explains: []probe.ID{"proxy.path-allowlist-missing-content-services"},
	},
	Confused: []probe.ID{"proxy.path-allowlist-missing-content-services"},
	Cases: []Case{
		{Name: "not-in-list", Edit: func(t *topology.Topology) { allowOnly(t, withoutPaths("/certprov")...) }},
	},
	More: []Case{
		{Name: "refused-by-filter", Edit: func(t *topology.Topology) { deny(t, 403, "/certprov") }},
	},
	Near: []Case{{Name: "refused-beside-it", Edit: func(t *topology.Topology) { deny(t, 403, "/certsrv", "/certenroll") }}},
}

func detectAuthCertprovUnreachable(v *probe.View) probe.Verdict {
	all := deniedPaths(v, probe.GetContent)
	l := listenerOf(v)
	// With others refused as well it is the list that is short, which is a mode of its own.
	if slices.ContainsFunc(l.Exchanges(probe.GetContent), func(x *probe.Exchange) bool { return directoryOf(x) != "/certprov" && l.denied(x) }) {
		return probe.Clear()
	}
	return all
}
