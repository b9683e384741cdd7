package failure

import (
	"maps"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendExternalWebFQDNEqualsInternal = Mode{
	Rule: probe.Rule{
		ID:       "frontend.external-web-fqdn-equals-internal",
		Severity: probe.High,
		Title:    "the external and the internal web site hand out the same name",
		Cause:    "the external web services FQDN in the topology was left equal to the internal one, so which site a client ends on depends on the name server it asks",
		Remedy:   "In Topology Builder give the pool an external web services FQDN of its own, publish the topology, run the deployment wizard again on every Front End, and then make the DNS record, the certificate name and the publishing rule for it.",
		Sources:  []string{"Plan for Mobility for Skype for Business Server", "Autodiscover service requirements for Lync Server 2013"},
		Reads:    probe.Exchanges | probe.Expectations,
		Detect:   detectFrontendExternalWebFQDNEqualsInternal,
		Explains: []probe.ID{
			"proxy.port-not-flipped", "proxy.port-443-not-flipped-80-is", "proxy.port-80-not-flipped", "dns.external-web-fqdn-missing", "dns.internal-web-fqdn-exposed",
			"dns.external-web-fqdn-resolves-to-front-end-internally", "frontend.external-web-fqdn-wrong-in-topology",
			"dns.external-web-fqdn-unresolvable-internally", "tls.internal-ca-lyncdiscoverinternal-byod",
			"meeting.lands-on-internal-site", "tls.missing-san-external-web",
		},
	},
	Confused: []probe.ID{"proxy.port-not-flipped", "dns.external-web-fqdn-missing", "dns.internal-web-fqdn-exposed"},
	Cases: []Case{
		{Name: "left-at-internal-name", Edit: func(t *topology.Topology) {
			t.FrontEndPool().External.WebFQDN = t.InternalWeb()
		}},
	},
	More: []Case{
		{Name: "same-name-both-sides", Edit: func(t *topology.Topology) {
			name := t.InternalWeb()
			t.FrontEndPool().External.WebFQDN = name
			t.External.Address(topology.ProxyPublic, name)
			t.ProxyCertificate().Names = append(t.ProxyCertificate().Names, name)
			t.Proxy.Rules[0].Hosts = append(t.Proxy.Rules[0].Hosts, name)
		}},
		{Name: "pool-name-on-both-sites", Edit: func(t *topology.Topology) {
			t.FrontEndPool().External.WebFQDN = t.FrontEndPool().Name
			t.FrontEndPool().Internal.WebFQDN = t.FrontEndPool().Name
		}},
	},
	Near: []Case{
		{Name: "external-name-is-discovery-name", Edit: func(t *topology.Topology) {
			old, name := t.ExternalWeb(), t.Discovery(0)
			t.FrontEndPool().External.WebFQDN = name
			t.Plan.ExternalWeb = []string{name}
			t.External.Remove(old)
			t.Internal.Remove(old)
			t.Proxy.Unpublish(old)
		}},
	},
}

func detectFrontendExternalWebFQDNEqualsInternal(v *probe.View) probe.Verdict {
	outside := handedOut(v.Places(), probe.ExternalSite)
	inside := handedOut(v.Places(), probe.InternalSite)
	// What the external site says when asked without the proxy is what it is configured with.
	if straight := handedOut([]*probe.Place{v.At(probe.Proxy)}, probe.ExternalSite); len(straight) > 0 {
		outside = straight
	}
	if len(outside) == 0 {
		return nothingToJudge
	}
	e := v.Expected()
	for _, host := range slices.Sorted(maps.Keys(outside)) {
		shown := outside[host]
		if other, ok := inside[host]; ok {
			return probe.Found(shown, other)
		}
		if holdsFold(e.InternalWeb, host) && !holdsFold(e.ExternalWeb, host) {
			return probe.Found(append([]probe.Evidence{shown}, v.At(shown.Vantage).Saw("%s is the internal web services FQDN as declared", host))...)
		}
		if x := answersItself(v, host); x != nil {
			return probe.Found(shown, *x)
		}
	}
	if len(inside) == 0 && len(e.InternalWeb) == 0 {
		return probe.NotApplicable("nothing tells the internal web services FQDN")
	}
	return probe.Clear()
}

// answersItself is evidence that the name handed out is the machine's own name, which is the pool's and so the
// internal web FQDN of a Standard Edition server.
func answersItself(v *probe.View, host string) *probe.Evidence {
	for _, p := range v.Places() {
		for _, x := range p.Exchanges() {
			if x.Document != nil && strings.EqualFold(x.Header.Get("X-Ms-Server-Fqdn"), host) {
				e := p.SawExchange(x, "%s is the machine's own name: %s is answered with X-MS-Server-Fqdn: %s", host, x.URL, host)
				return &e
			}
		}
	}
	return nil
}
