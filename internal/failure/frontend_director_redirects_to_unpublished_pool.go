package failure

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendDirectorRedirectsToUnpublishedPool = Mode{
	Rule: probe.Rule{
		ID:       "frontend.director-redirects-to-unpublished-pool",
		Severity: probe.High,
		Title:    "users of another pool are sent on to a web services name that is not published",
		Cause:    "discovery leads to one pool or Director, and it sends users on to the external web FQDN of their home pool; that name lacks its public record, its place in the certificate, or its publishing rule",
		Remedy:   "Publish the external web FQDN of every pool and Director: public DNS record to the reverse proxy, name in the listener's certificate, and a rule that forwards it to that pool's ports 4443 and 8080.",
		Settings: publishHost(),
		Sources:  []string{"[MS-OCDISCWS] 3.1.5.3 User", "Configuration requirements for reverse proxy in Lync Server 2013"},
		Reads:    probe.SignIns | probe.Exchanges | probe.Lookups | probe.Dials | probe.Handshakes,
		Detect:   detectFrontendDirectorRedirectsToUnpublishedPool,
		Explains: []probe.ID{
			"dns.external-web-fqdn-missing", "tls.missing-san-external-web", "proxy.default-vhost-answers", "proxy.unmapped-tcp-reset",
		},
	},
	SignsIn:  true,
	Confused: []probe.ID{"hybrid.redirect-target-blocked", "dns.external-web-fqdn-missing"},
	Cases: []Case{
		{Name: "no-record", Edit: func(t *topology.Topology) {
			homeOnPool02(t)
			t.External.Remove(pool02Web)
		}},
		{Name: "no-rule", Edit: func(t *topology.Topology) {
			homeOnPool02(t)
			t.Proxy.Unpublish(pool02Web)
		}},
	},
	More: []Case{
		{Name: "not-in-certificate", Edit: func(t *topology.Topology) {
			homeOnPool02(t)
			t.ProxyCertificate().WithoutNames(pool02Web)
		}},
	},
	Near: []Case{
		{Name: "published", Edit: homeOnPool02},
	},
}

// The second pool of labs.
const pool02Web = "lyncweb2-ext.contoso.example"

var pool02Address = netip.MustParseAddr("10.10.10.31")

// homeOnPool02 adds a second pool of one machine, published as it should be, and makes it the home of the first user.
func homeOnPool02(t *topology.Topology) {
	const name, node, webInside = "pool02.contoso.example", "fe3.contoso.example", "lyncweb2-int.contoso.example"
	p := t.Clone().Pools[0]
	p.Name, p.Balancer = name, nil
	p.Nodes = []topology.Node{{FQDN: node, Address: pool02Address}}
	p.Internal.WebFQDN, p.External.WebFQDN = webInside, pool02Web
	for _, c := range []*topology.Certificate{p.Internal.Certificate, p.External.Certificate} {
		c.CommonName = name
		c.Names = append(slices.Clone(t.FrontEndPool().SimpleURLs), name, node, webInside, pool02Web)
	}
	t.Pools = append(t.Pools, p)
	t.Users[0].Pool = name

	x := &t.Proxy
	t.ProxyCertificate().Names = append(t.ProxyCertificate().Names, pool02Web)
	x.WebServers = append(x.WebServers,
		topology.WebServer{Alias: "fe3-https", Address: pool02Address.String(), Port: 4443, Scheme: "https", Verify: topology.EnterpriseCA, Name: node},
		topology.WebServer{Alias: "fe3-http", Address: pool02Address.String(), Port: 8080, Scheme: "http"})
	x.Rules = append(x.Rules, topology.Rule{Name: "second pool", Hosts: []string{pool02Web}, WebServers: []string{"fe3-https", "fe3-http"}})
	t.External.Address(topology.ProxyPublic, pool02Web)
	t.Internal.Address(topology.ProxyPublic, pool02Web)
	t.Internal.Address(pool02Address, webInside, name, node)
}

func detectFrontendDirectorRedirectsToUnpublishedPool(v *probe.View) probe.Verdict {
	if len(signingPlaces(v)) == 0 {
		return nobodySignedIn
	}
	judged := false
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		told := map[string]bool{}
		for _, x := range p.Exchanges(probe.SignInUser) {
			target := homeNamed(x)
			if target == nil || told[target.Hostname()] {
				continue
			}
			told[target.Hostname()] = true
			tried, what := notServed(p, target)
			judged = judged || tried
			if what != nil {
				evidence = append(evidence, p.SawExchange(x, "%s sends the user on to %s", x.URL, target.Hostname()), *what)
			}
		}
	}
	if !judged {
		return nothingToJudge
	}
	return verdict(evidence)
}

// homeNamed is where a user document sends somebody on to, on premises: by a redirect, or by applications of another
// host. It is nil when it does not.
func homeNamed(x *probe.Exchange) *url.URL {
	if x.Document == nil || x.Status != 200 {
		return nil
	}
	to := x.Document.Redirect()
	if to == "" {
		to = x.Document.Links["applications"]
	}
	u, err := url.Parse(to)
	if err != nil || u.Hostname() == "" || strings.EqualFold(u.Hostname(), x.Host) || isOnline(u.Hostname()) {
		return nil
	}
	return u
}

// notServed is evidence that no Front End answers at a URL's host; tried tells whether somebody wanted to.
func notServed(p *probe.Place, target *url.URL) (tried bool, what *probe.Evidence) {
	host := target.Hostname()
	for _, x := range p.ExchangesFor(host) {
		if fromFrontEnd(x) {
			return true, nil
		}
		if x.Status != 0 && fromMiddle(x) || cutOff(x) {
			e := p.SawExchange(x, "%s", refusal(x))
			tried, what = true, &e
		}
	}
	if what != nil {
		return tried, what
	}
	for _, h := range p.Handshakes(probe.HandshakeName, probe.HandshakeSignIn) {
		if strings.EqualFold(h.Host, host) && h.Outcome.OK() && !h.NameMatch.OK() {
			e := p.SawHandshake(h, "the certificate at %s is not for %s", h.Addr, host)
			return true, &e
		}
	}
	return unreachable(p, target)
}
