package topology

import (
	"net/netip"
	"strings"
)

// Addresses of the healthy deployment, from the documentation ranges outside and private ones inside.
var (
	ProxyPublic      = netip.MustParseAddr("203.0.113.10")
	ProxyPublicV6    = netip.MustParseAddr("2001:db8::10")
	ProxyInside      = netip.MustParseAddr("172.16.5.5")
	EdgePublic       = netip.MustParseAddr("203.0.113.20")
	WebsitePublic    = netip.MustParseAddr("203.0.113.80")
	BalancerInside   = netip.MustParseAddr("10.10.10.10")
	FE1Inside        = netip.MustParseAddr("10.10.10.11")
	FE2Inside        = netip.MustParseAddr("10.10.10.12")
	OfficeInside     = netip.MustParseAddr("10.10.10.20")
	ExternalResolver = netip.MustParseAddr("198.51.100.53")
	InternalResolver = netip.MustParseAddr("10.10.10.53")
)

// Aliases of the healthy proxy's web servers.
const (
	FE1HTTPS     = "fe1-https"
	FE2HTTPS     = "fe2-https"
	FE1HTTP      = "fe1-http"
	FE2HTTP      = "fe2-http"
	OfficeServer = "wac-https"
)

// Healthy is a deployment in which every rule is silent: a Skype for Business 2015 pool of two nodes behind a
// hardware load balancer, two SIP domains, Office Web Apps, an Access Edge, split DNS, and a reverse proxy that
// flips 443 to 4443 and 80 to 8080. Phones on the office network reach the external web FQDN by hairpin.
func Healthy() *Topology {
	t := &Topology{
		Product:    "sfb2015",
		SIPDomains: []string{"contoso.example", "fabrikam.example"},
		Users: []User{
			{SIP: "user1@contoso.example", Login: `CONTOSO\user1`, Password: "lab-only-Harbour-1"},
			{SIP: "user2@contoso.example", Login: `CONTOSO\user2`, Password: "lab-only-Lantern-2"},
			{SIP: "user3@fabrikam.example", Login: `CONTOSO\user3`, Password: "lab-only-Meadow-3"},
		},
		Plan: Plan{
			ExternalWeb:   []string{"lyncweb-ext.contoso.example"},
			InternalWeb:   []string{"lyncweb-int.contoso.example"},
			Meet:          []string{"meet.contoso.example", "meet.fabrikam.example"},
			Dialin:        []string{"dialin.contoso.example"},
			OfficeWebApps: []string{"wac.contoso.example"},

			Lync2010Phones: true,
		},
		External: View{Resolver: ExternalResolver, Zones: []string{"contoso.example", "fabrikam.example"}},
		Internal: View{Resolver: InternalResolver, Zones: []string{"contoso.example", "fabrikam.example"}},
	}
	t.Pools = []Pool{{
		Name: "pool01.contoso.example",
		Internal: Site{WebFQDN: "lyncweb-int.contoso.example", HTTPS: 443, HTTP: 80, MinTLS: "1.2", Certificate: &Certificate{
			CommonName: "pool01.contoso.example",
			Issuer:     PublicCA, // phones on the office network have no other root
			Names: []string{"pool01.contoso.example", "fe1.contoso.example", "fe2.contoso.example", "lyncweb-int.contoso.example",
				"lyncdiscoverinternal.contoso.example", "lyncdiscoverinternal.fabrikam.example",
				"meet.contoso.example", "meet.fabrikam.example", "dialin.contoso.example"},
		}},
		External: Site{WebFQDN: "lyncweb-ext.contoso.example", HTTPS: 4443, HTTP: 8080, Certificate: &Certificate{
			CommonName: "pool01.contoso.example",
			Issuer:     EnterpriseCA,
			Names: []string{"pool01.contoso.example", "fe1.contoso.example", "fe2.contoso.example", "lyncweb-ext.contoso.example",
				"lyncdiscover.contoso.example", "lyncdiscover.fabrikam.example",
				"meet.contoso.example", "meet.fabrikam.example", "dialin.contoso.example"},
		}},
		SimpleURLs: []string{"meet.contoso.example", "meet.fabrikam.example", "dialin.contoso.example"},
		SIP:        5061,
		Nodes: []Node{
			{FQDN: "fe1.contoso.example", Address: FE1Inside},
			{FQDN: "fe2.contoso.example", Address: FE2Inside},
		},
		Balancer: &Balancer{Address: BalancerInside, Ports: map[int]int{80: 80, 443: 443, 8080: 8080, 4443: 4443}},
	}}
	t.Apps = []App{
		{Kind: OfficeWebApps, FQDN: "wac.contoso.example", Address: OfficeInside, HTTPS: 443,
			Certificate: &Certificate{Names: []string{"wac.contoso.example"}, Issuer: EnterpriseCA}},
		{Kind: AccessEdge, FQDN: "sip.contoso.example", Address: EdgePublic, HTTPS: 443,
			Certificate: &Certificate{Names: []string{"sip.contoso.example", "sip.fabrikam.example"}, Issuer: PublicCA}},
	}
	t.Proxy = Proxy{
		Addresses: []netip.Addr{ProxyPublic, ProxyInside},
		HTTPS:     443,
		HTTP:      80,
		MinTLS:    "1.2",
		Certificates: []Certificate{{
			Issuer: PublicCA,
			Names: []string{"lyncweb-ext.contoso.example", "lyncdiscover.contoso.example", "lyncdiscover.fabrikam.example",
				"meet.contoso.example", "meet.fabrikam.example", "dialin.contoso.example", "wac.contoso.example"},
		}},
		WebServers: []WebServer{
			{Alias: FE1HTTPS, Address: FE1Inside.String(), Port: 4443, Scheme: "https", Verify: EnterpriseCA, Name: "fe1.contoso.example"},
			{Alias: FE2HTTPS, Address: FE2Inside.String(), Port: 4443, Scheme: "https", Verify: EnterpriseCA, Name: "fe2.contoso.example"},
			{Alias: FE1HTTP, Address: FE1Inside.String(), Port: 8080, Scheme: "http"},
			{Alias: FE2HTTP, Address: FE2Inside.String(), Port: 8080, Scheme: "http"},
			{Alias: OfficeServer, Address: OfficeInside.String(), Port: 443, Scheme: "https", Verify: EnterpriseCA, Name: "wac.contoso.example"},
		},
		Rules: []Rule{
			{
				Name: "lync web services",
				Hosts: []string{"lyncdiscover.contoso.example", "lyncdiscover.fabrikam.example", "lyncweb-ext.contoso.example",
					"meet.contoso.example", "meet.fabrikam.example", "dialin.contoso.example"},
				WebServers: []string{FE1HTTPS, FE2HTTPS, FE1HTTP, FE2HTTP},
			},
			{Name: "office web apps", Hosts: []string{"wac.contoso.example"}, Listener: "https", WebServers: []string{OfficeServer}},
		},
	}

	ext := &t.External
	ext.Address(ProxyPublic, "lyncdiscover.contoso.example", "lyncdiscover.fabrikam.example", "lyncweb-ext.contoso.example",
		"meet.contoso.example", "meet.fabrikam.example", "dialin.contoso.example", "wac.contoso.example")
	ext.Address(EdgePublic, "sip.contoso.example", "sip.fabrikam.example")
	in := &t.Internal
	in.Address(BalancerInside, "lyncdiscoverinternal.contoso.example", "lyncdiscoverinternal.fabrikam.example",
		"lyncweb-int.contoso.example", "meet.contoso.example", "meet.fabrikam.example", "dialin.contoso.example")
	in.Address(ProxyPublic, "lyncdiscover.contoso.example", "lyncdiscover.fabrikam.example", "lyncweb-ext.contoso.example")
	in.Address(OfficeInside, "wac.contoso.example")
	in.Address(EdgePublic, "sip.contoso.example", "sip.fabrikam.example")
	in.Address(FE1Inside, "fe1.contoso.example", "pool01.contoso.example")
	in.Add("pool01.contoso.example", "A", FE2Inside.String())
	in.Address(FE2Inside, "fe2.contoso.example")
	for _, d := range t.SIPDomains {
		ext.Add("_sip._tls."+d, "SRV", "0 0 443 sip."+d)
		ext.Add("_sipfederationtls._tcp."+d, "SRV", "0 0 5061 sip."+d)
		in.Add("_sipinternaltls._tcp."+d, "SRV", "0 0 5061 pool01.contoso.example")
	}
	return t
}

// Discovery is the public discovery name of SIP domain i.
func (t *Topology) Discovery(i int) string { return "lyncdiscover." + t.SIPDomains[i] }

// InternalDiscovery is the inside discovery name of SIP domain i.
func (t *Topology) InternalDiscovery(i int) string { return "lyncdiscoverinternal." + t.SIPDomains[i] }

// FrontEndPool is the main pool.
func (t *Topology) FrontEndPool() *Pool {
	for i := range t.Pools {
		if t.Pools[i].Role != Director {
			return &t.Pools[i]
		}
	}
	return &t.Pools[0]
}

// ExternalWeb is the external web FQDN of the main pool, as its site hands it out.
func (t *Topology) ExternalWeb() string { return t.FrontEndPool().External.WebFQDN }

// InternalWeb is the internal web FQDN of the main pool.
func (t *Topology) InternalWeb() string { return t.FrontEndPool().Internal.WebFQDN }

// App returns the first server of the kind, or nil.
func (t *Topology) App(kind string) *App {
	for i := range t.Apps {
		if t.Apps[i].Kind == kind {
			return &t.Apps[i]
		}
	}
	return nil
}

// ProxyCertificate is the proxy's default certificate.
func (t *Topology) ProxyCertificate() *Certificate { return &t.Proxy.Certificates[0] }

// WithoutNames takes names out of the certificate.
func (c *Certificate) WithoutNames(names ...string) {
	var kept []string
	for _, n := range c.Names {
		if !containsFold(names, n) {
			kept = append(kept, n)
		}
	}
	c.Names = kept
}

// WebServer returns the proxy's web server of that alias, or nil.
func (p *Proxy) WebServer(alias string) *WebServer {
	for i := range p.WebServers {
		if p.WebServers[i].Alias == alias {
			return &p.WebServers[i]
		}
	}
	return nil
}

// Rule returns the publishing rule that the host matches first, or nil.
func (p *Proxy) Rule(host string) *Rule {
	for i := range p.Rules {
		if containsFold(p.Rules[i].Hosts, host) {
			return &p.Rules[i]
		}
	}
	return nil
}

// Unpublish takes the hosts out of every publishing rule.
func (p *Proxy) Unpublish(hosts ...string) {
	for i := range p.Rules {
		var kept []string
		for _, h := range p.Rules[i].Hosts {
			if !containsFold(hosts, h) {
				kept = append(kept, h)
			}
		}
		p.Rules[i].Hosts = kept
	}
	var rules []Rule
	for _, r := range p.Rules {
		if len(r.Hosts) > 0 {
			rules = append(rules, r)
		}
	}
	p.Rules = rules
}

// FrontEndServers are the web servers that a Lync rule forwards to, of one scheme.
func (p *Proxy) FrontEndServers(scheme string) []*WebServer {
	var out []*WebServer
	for i := range p.WebServers {
		if w := &p.WebServers[i]; w.Scheme == scheme && w.Alias != OfficeServer {
			out = append(out, w)
		}
	}
	return out
}

func containsFold(list []string, s string) bool {
	for _, l := range list {
		if strings.EqualFold(l, s) {
			return true
		}
	}
	return false
}
