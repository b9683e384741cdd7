package failure

import (
	"maps"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendExternalWebFQDNWrongInTopology = Mode{
	Rule: probe.Rule{
		ID:       "frontend.external-web-fqdn-wrong-in-topology",
		Severity: probe.Critical,
		Title:    "the Front Ends hand out an external web name that exists nowhere",
		Cause:    "the external web services FQDN in the topology is misspelt or an old one: discovery succeeds, and everything after it fails",
		Remedy:   "Correct the external web services FQDN of the pool in Topology Builder, publish the topology and run the deployment wizard again on every Front End. If the name is meant to be so, it lacks its DNS record, its name in the certificate and its publishing rule.",
		Sources:  []string{"Plan for Mobility for Skype for Business Server", "Autodiscover response document explained, Lync 2013"},
		Reads:    probe.Lookups | probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectFrontendExternalWebFQDNWrongInTopology,
		Explains: []probe.ID{"dns.external-web-fqdn-missing", "dns.external-web-fqdn-unresolvable-internally", "tls.missing-san-external-web"},
	},
	Confused: []probe.ID{"dns.external-web-fqdn-missing", "frontend.external-web-fqdn-equals-internal"},
	Cases: []Case{
		{Name: "old-name", Edit: func(t *topology.Topology) {
			t.FrontEndPool().External.WebFQDN = "lyncweb-old.contoso.example"
		}},
	},
	More: []Case{
		{Name: "misspelt-domain", Edit: func(t *topology.Topology) {
			t.FrontEndPool().External.WebFQDN = "lyncweb-ext.contso.example"
			t.External.Zones = append(t.External.Zones, "contso.example")
			t.Internal.Zones = append(t.Internal.Zones, "contso.example")
		}},
		{Name: "wildcard-certificate", Edit: func(t *topology.Topology) {
			t.FrontEndPool().External.WebFQDN = "lyncweb-old.contoso.example"
			t.ProxyCertificate().Names = append(t.ProxyCertificate().Names, "*.contoso.example")
		}},
	},
	Near: []Case{
		{Name: "renamed-everywhere", Edit: func(t *topology.Topology) {
			old, name := t.ExternalWeb(), "webext.contoso.example"
			t.FrontEndPool().External.WebFQDN = name
			t.Plan.ExternalWeb = []string{name}
			t.External.Remove(old)
			t.Internal.Remove(old)
			t.External.Address(topology.ProxyPublic, name)
			t.Internal.Address(topology.ProxyPublic, name)
			t.ProxyCertificate().WithoutNames(old)
			t.ProxyCertificate().Names = append(t.ProxyCertificate().Names, name)
			t.Proxy.Unpublish(old)
			t.Proxy.Rules[0].Hosts = append(t.Proxy.Rules[0].Hosts, name)
		}},
	},
}

func detectFrontendExternalWebFQDNWrongInTopology(v *probe.View) probe.Verdict {
	out, at := v.At(probe.External), v.At(probe.Proxy)
	if !out.Seen() {
		return notSeenOutside
	}
	outside := handedOut([]*probe.Place{out}, probe.ExternalSite)
	if len(outside) == 0 {
		return nothingToJudge
	}
	straight := handedOut([]*probe.Place{at}, probe.ExternalSite)
	inside := handedOut(v.Places(), probe.InternalSite)
	e := v.Expected()
	var evidence []probe.Evidence
	for _, host := range slices.Sorted(maps.Keys(outside)) {
		r := out.Resolve(host)
		_, internal := inside[host]
		_, same := straight[host]
		declaredOtherwise := len(e.ExternalWeb) > 0 && !holdsFold(e.ExternalWeb, host)
		switch {
		case !r.Missing() || len(r.Aliases) > 0, holdsFold(e.ExternalWeb, host), holdsFold(e.InternalWeb, host), internal:
			continue
		case len(straight) > 0 && !same: // the proxy wrote the name into the answer
			continue
		case v.At(probe.Internal).Resolve(host).Exists(), v.At(probe.WiFi).Resolve(host).Exists():
			continue
		case !declaredOtherwise && inListenerCertificate(v, host):
			continue // prepared for: the record is what is missing
		}
		evidence = append(evidence, outside[host],
			out.SawLookup(r, "%s does not exist in the public DNS (%s)", host, r.Outcome.Words()))
		if declaredOtherwise {
			evidence = append(evidence, out.Saw("the external web services FQDN is declared as %s", strings.Join(e.ExternalWeb, ", ")))
		}
		if !inListenerCertificate(v, host) {
			evidence = append(evidence, out.Saw("no certificate of the reverse proxy is for %s", host))
		}
		if in := v.At(probe.Internal).Resolve(host); in.Missing() {
			evidence = append(evidence, v.At(probe.Internal).SawLookup(in, "%s does not exist inside either (%s)", host, in.Outcome.Words()))
		}
		if same {
			evidence = append(evidence, straight[host])
		}
	}
	return verdict(evidence)
}
