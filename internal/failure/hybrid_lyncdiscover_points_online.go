package failure

import (
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var hybridLyncdiscoverPointsOnline = Mode{
	Rule: probe.Rule{
		ID:       "hybrid.lyncdiscover-points-online",
		Severity: probe.Critical,
		Title:    "the public discovery name points at the online service, although the deployment is on premises",
		Cause:    "the record was set as for a tenant without servers of its own; the online service knows only users homed there",
		Remedy:   "Point lyncdiscover.<SIP domain> at the reverse proxy of the on-premises deployment. Users homed online are sent on from there (Set-CsHostingProvider -AutodiscoverUrl).",
		Sources:  []string{"Plan hybrid connectivity", "Deploy and configure mobility for Skype for Business Server"},
		Reads:    probe.Lookups | probe.Exchanges | probe.Expectations,
		Detect:   detectHybridLyncdiscoverPointsOnline,
		Explains: []probe.ID{
			"dns.cname-to-other-domain", "dns.lyncdiscover-points-to-company-website", "tls.missing-san-lyncdiscover",
			"tls.san-missing-second-sip-domain", "frontend.external-web-fqdn-wrong-in-topology", "dns.external-web-fqdn-missing",
			"dns.external-web-fqdn-unresolvable-internally", "tls.missing-san-external-web", "proxy.http80-closed",
		},
	},
	Confused: []probe.ID{"dns.cname-to-other-domain", "dns.lyncdiscover-points-to-company-website"},
	Cases: []Case{
		{Name: "cname", Edit: func(t *topology.Topology) {
			onlineService(t)
			t.External.Set(t.Discovery(0), "CNAME", onlineHost)
			t.External.Set(t.Discovery(1), "CNAME", onlineHost)
		}},
	},
	More: []Case{
		{Name: "by-address", Edit: func(t *topology.Topology) {
			onlineService(t)
			t.External.Address(onlineAddress, t.Discovery(0), t.Discovery(1))
		}},
		{Name: "main-domain-only", Edit: func(t *topology.Topology) {
			onlineService(t)
			t.External.Set(t.Discovery(0), "CNAME", onlineHost)
		}},
	},
	Near: []Case{
		{Name: "redirected-from-premises", Edit: func(t *topology.Topology) {
			onlineService(t)
			t.Plan.Hybrid = true
			t.FrontEndPool().Redirects = map[string]string{t.SIPDomains[1]: "https://" + onlineHost + "/Autodiscover/AutodiscoverService.svc/root"}
		}},
	},
}

// onlineDomains are where the online services live.
var onlineDomains = []string{"lync.com", "skypeforbusiness.us", "lync.cn", "lync.de"}

// isOnline tells hosts of the online service.
func isOnline(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return slices.ContainsFunc(onlineDomains, func(d string) bool { return host == d || strings.HasSuffix(host, "."+d) })
}

func detectHybridLyncdiscoverPointsOnline(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	online, premises := false, false
	for _, d := range v.Domains() {
		host := publicLabel + d
		here := onlineSigns(out, host)
		if len(here) == 0 {
			continue
		}
		online = true
		own := onPremises(v, d)
		premises = premises || len(own) > 0
		if len(own) > 0 {
			evidence = append(append(evidence, here...), own[0])
		}
	}
	if online && !premises {
		return probe.NotApplicable("discovery points at the online service, and nothing seen says that there are servers on premises")
	}
	return verdict(evidence)
}

// onlineSigns is evidence that the name itself leads to the online service, and not an answer of servers on premises.
func onlineSigns(p *probe.Place, host string) []probe.Evidence {
	r := p.Resolve(host)
	for _, a := range r.Aliases {
		if isOnline(a) {
			return []probe.Evidence{p.SawLookup(r, "%s is an alias of %s, the online service", host, a)}
		}
	}
	for _, x := range p.ExchangesFor(host, probe.GetRoot, probe.GetRootLegacy, probe.GetRootHTTP) {
		if m := x.Header.Get("X-Ms-Server-Fqdn"); m != "" && isOnline(m) {
			return []probe.Evidence{p.SawExchange(x, "%s (%s) is answered by %s, a server of the online service", x.URL, addressList(r), m)}
		}
		// Servers on premises send users on by a redirect link; links to its own services has only the service itself.
		if d := x.Document; d != nil && d.Redirect() == "" && slices.ContainsFunc(d.Hosts(), isOnline) {
			return []probe.Evidence{p.SawExchange(x, "%s (%s) answers with links to %s, the online service", x.URL, addressList(r), strings.Join(d.Hosts(), ", "))}
		}
	}
	return nil
}

// onPremises is evidence that users of a domain are homed on servers of the organisation.
func onPremises(v *probe.View, domain string) []probe.Evidence {
	var evidence []probe.Evidence
	for _, p := range v.Places() {
		for _, x := range p.Exchanges() {
			own := fromFrontEnd(x) && !isOnline(x.Header.Get("X-Ms-Server-Fqdn")) && !(x.Document != nil && slices.ContainsFunc(x.Document.Hosts(), isOnline))
			if !own {
				continue
			}
			switch {
			case x.Host == internalLabel+domain && x.Document != nil:
				evidence = append(evidence, p.SawExchange(x, "inside, %s is answered by a Front End of the organisation", x.URL))
			case p.Name() == probe.Proxy && x.Host == publicLabel+domain && x.Document != nil:
				evidence = append(evidence, p.SawExchange(x, "a Front End of the organisation answers for %s when asked straight at %s", x.Host, x.Addr))
			case x.Host == "meet."+domain, x.Host == "dialin."+domain:
				evidence = append(evidence, p.SawExchange(x, "%s is answered by a Front End of the organisation", x.URL))
			}
		}
	}
	e := v.Expected()
	if len(evidence) == 0 && domain == v.Domains()[0] && (len(e.ExternalWeb) > 0 || len(e.FrontEnds) > 0 || len(e.WebServers) > 0) {
		evidence = append(evidence, v.At(probe.External).Saw("servers on premises are declared: %s", strings.Join(slices.Concat(e.ExternalWeb, e.FrontEnds), ", ")))
	}
	return evidence
}
