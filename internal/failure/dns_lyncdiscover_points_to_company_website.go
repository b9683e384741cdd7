package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var dnsLyncdiscoverPointsToCompanyWebsite = Mode{
	Rule: probe.Rule{
		ID:       "dns.lyncdiscover-points-to-company-website",
		Severity: probe.Critical,
		Title:    "the public discovery name points at a web site that is not the reverse proxy",
		Cause:    "a wildcard record or a copied address sends it to the web hosting",
		Remedy:   "Add an explicit record lyncdiscover.<SIP domain> with the address of the reverse proxy; an explicit record beats the wildcard.",
		Sources:  []string{"RFC 4592 section 2.2", "DNS requirements for Skype for Business Server"},
		Reads:    probe.Lookups | probe.Exchanges | probe.Expectations,
		Detect:   detectDNSLyncdiscoverPointsToCompanyWebsite,
		Explains: []probe.ID{"tls.missing-san-lyncdiscover", "tls.san-missing-second-sip-domain", "tls.missing-san-external-web", "tls.untrusted-internal-ca-external-listener", "tls.self-signed-or-appliance-default", "tls.missing-intermediate", "tls.expired", "tls.sni-missing-gets-default-cert", "dns.wildcard-answers-lyncdiscoverinternal-externally", "proxy.default-vhost-answers", "proxy.preauth-forms-page", "proxy.error-page-with-200", "proxy.http80-redirects-to-https", "proxy.http80-closed"},
	},
	Confused: []probe.ID{"proxy.default-vhost-answers", "dns.lyncdiscover-points-to-access-edge"},
	Cases: []Case{
		{Name: "wildcard", Edit: func(t *topology.Topology) {
			addWebsite(t)
			t.External.Remove(t.Discovery(0), t.Discovery(1))
			t.External.Add("*."+t.SIPDomains[0], "A", topology.WebsitePublic.String())
			t.External.Add("*."+t.SIPDomains[1], "A", topology.WebsitePublic.String())
		}},
	},
	More: []Case{
		{Name: "copied-address", Edit: func(t *topology.Topology) {
			addWebsite(t)
			t.External.Address(topology.WebsitePublic, t.Discovery(0), t.Discovery(1))
		}},
	},
	Near: []Case{
		{Name: "website-beside", Edit: func(t *topology.Topology) {
			addWebsite(t)
			t.External.Address(topology.WebsitePublic, "www."+t.SIPDomains[0], t.SIPDomains[0])
		}},
	},
}

func detectDNSLyncdiscoverPointsToCompanyWebsite(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, d := range v.Domains() {
		host := publicLabel + d
		r := out.Resolve(host)
		if !r.Exists() || answersDiscovery(out, host) {
			continue
		}
		for _, x := range out.ExchangesFor(host, probe.GetRoot) {
			made := probe.MakerOf(x)
			if !x.Outcome.OK() || made.FrontEnd || x.Status >= 500 || x.Status == 401 {
				continue
			}
			var why []probe.Evidence
			if stray := out.Resolve(unknownLabel + d); commonAddress(r, stray) {
				why = append(why, out.SawLookup(stray, "a name that nobody made, %s, has the same address: a wildcard record answers", stray.Name))
			}
			for _, other := range publishedHosts(v) {
				o := out.Resolve(other)
				if o.Exists() && !commonAddress(r, o) && frontEndAnswers(out, other) {
					why = append(why, out.SawLookup(o, "%s is at %s, where the Front End answers", other, addressList(o)))
					break
				}
			}
			if len(why) > 0 {
				evidence = append(evidence, out.SawExchange(x, "%s (%s) answers %d from %s with a page that is no discovery document", x.URL, addressList(r), x.Status, made.Name()))
				evidence = append(evidence, why...)
			}
		}
	}
	return verdict(evidence)
}

// frontEndAnswers tells whether any answer of the host came from a Front End.
func frontEndAnswers(p *probe.Place, host string) bool {
	return slices.ContainsFunc(p.ExchangesFor(host), func(x *probe.Exchange) bool { return probe.MakerOf(x).FrontEnd })
}

// addWebsite puts a web hosting beside the deployment.
func addWebsite(t *topology.Topology) {
	t.Apps = append(t.Apps, topology.App{
		Kind: topology.Website, FQDN: "www." + t.SIPDomains[0], Address: topology.WebsitePublic, HTTPS: 443, HTTP: 80,
		Certificate: &topology.Certificate{Names: []string{"www." + t.SIPDomains[0], t.SIPDomains[0]}, Issuer: topology.PublicCA},
	})
}
