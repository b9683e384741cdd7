package scenarios

import (
	"net/netip"
	"slices"
	"strings"

	"lyncpin/internal/topology"
)

// baseline is a healthy deployment of another shape than topology.Healthy.
type baseline struct {
	name, title string
	edit        func(*topology.Topology)
}

// inFull are the baselines in which those who sign in upload, repeat and crowd as well: they have another proxy or other
// Front Ends.
var inFull = []string{"two-nodes-two-domains", "standard-edition", "pool-behind-vip", "lync2010", "two-pools-with-exchange"}

// baselines are deployments as they are found in practice. Each is an edit of the healthy one, so that only what
// makes the shape is written here.
func baselines() []Scenario {
	var out []Scenario
	for _, b := range []baseline{
		{"two-nodes-two-domains", "a pool of two nodes behind a balancer, two SIP domains, Office Web Apps", func(*topology.Topology) {}},
		{"standard-edition", "one Front End without a balancer", standardEdition},
		{"pool-behind-vip", "the proxy forwards to the balancer's address", poolBehindVIP},
		{"director", "a Director pool answers discovery, the Front End pool the rest", withDirector},
		{"one-sip-domain", "one SIP domain only", oneSIPDomain},
		{"wildcard-certificate", "a wildcard certificate on the proxy, and one name beside it", wildcardCertificate},
		{"cname-records", "discovery by CNAME to the web FQDN of the same domain", cnameRecords},
		{"http-only-discovery", "discovery published on port 80 only, and its name not in the certificate", httpOnlyDiscovery},
		{"lync2010", "Lync Server 2010 with its updates, and affinity for its mobile sessions", lync2010},
		{"lync2013", "Lync Server 2013", product("lync2013")},
		{"sfb2019", "Skype for Business Server 2019, which Lync 2010 phones cannot use", sfb2019},
		{"two-pools-with-exchange", "two pools, Office Web Apps and Exchange behind one address", twoPoolsWithExchange},
		{"home-on-second-pool", "two pools, and discovery is answered by the other one than the user's", homeOnSecondPool},
		{"hybrid-user-on-premises", "hybrid: a colleague is homed in the online service", hybridColleague},
		{"hybrid-user-online", "hybrid: the user who signs in is homed in the online service", hybridUser},
		{"dual-stack", "the proxy has an IPv6 address as well", dualStack},
		{"managed-phones", "phones have the enterprise root, and the internal site a certificate of it", managedPhones},
		{"guest-wifi", "phones in the office use the public name servers", guestWiFi},
		{"simple-urls-below-web-fqdn", "meeting and dial-in pages below the web FQDN, no names of their own", simpleURLsBelowWebFQDN},
		{"verify-none", "the proxy does not verify the Front Ends", verifyNone},
	} {
		out = append(out, Scenario{
			ID: "baseline/" + b.name, Kind: KindBaseline, Title: b.title, SignIn: true, brief: !slices.Contains(inFull, b.name),
			build: edited(topology.Healthy, b.edit),
		})
	}
	return out
}

// Names and addresses that only baselines have.
var (
	poolTwoBalancer = netip.MustParseAddr("10.10.10.30")
	poolTwoNode     = netip.MustParseAddr("10.10.10.31")
	directorInside  = netip.MustParseAddr("10.10.10.40")
	exchangeInside  = netip.MustParseAddr("10.10.10.50")
)

func standardEdition(t *topology.Topology) {
	p := t.FrontEndPool()
	p.Name, p.Balancer = "fe1.contoso.example", nil
	p.Nodes = p.Nodes[:1]
	for _, c := range []*topology.Certificate{p.Internal.Certificate, p.External.Certificate} {
		c.CommonName = p.Name
		c.Names = slices.DeleteFunc(c.Names, func(n string) bool {
			return n == "pool01.contoso.example" || n == "fe2.contoso.example"
		})
	}
	forwardTo(t, topology.FE1HTTPS, topology.FE1HTTP)
	t.Internal.Remove("pool01.contoso.example", "fe2.contoso.example")
	moveInside(t, topology.BalancerInside, topology.FE1Inside)
	for i, r := range t.Internal.Records {
		t.Internal.Records[i].Value = strings.ReplaceAll(r.Value, "pool01.contoso.example", p.Name)
	}
}

// forwardTo drops the Front End web servers but these from the proxy.
func forwardTo(t *topology.Topology, aliases ...string) {
	gone := func(alias string) bool { return alias != topology.OfficeServer && !slices.Contains(aliases, alias) }
	t.Proxy.WebServers = slices.DeleteFunc(t.Proxy.WebServers, func(w topology.WebServer) bool { return gone(w.Alias) })
	for i := range t.Proxy.Rules {
		t.Proxy.Rules[i].WebServers = slices.DeleteFunc(t.Proxy.Rules[i].WebServers, gone)
	}
}

// moveInside gives names of the internal view another address.
func moveInside(t *topology.Topology, from, to netip.Addr) {
	for i, r := range t.Internal.Records {
		if r.Value == from.String() {
			t.Internal.Records[i].Value = to.String()
		}
	}
}

func poolBehindVIP(t *topology.Topology) {
	forwardTo(t, topology.FE1HTTPS, topology.FE1HTTP)
	for i := range t.Proxy.WebServers {
		w := &t.Proxy.WebServers[i]
		if w.Alias == topology.OfficeServer {
			continue
		}
		w.Address = topology.BalancerInside.String()
		if w.Scheme == "https" {
			w.Name = "pool01.contoso.example"
		}
	}
}

func withDirector(t *topology.Topology) {
	const web, webInside = "dirweb-ext.contoso.example", "dirweb-int.contoso.example"
	names := func(web string, more ...string) []string {
		return append([]string{"dir1.contoso.example", web}, more...)
	}
	d := topology.Pool{
		Name: "dir1.contoso.example", Role: topology.Director,
		Internal: topology.Site{WebFQDN: webInside, HTTPS: 443, HTTP: 80, Certificate: &topology.Certificate{
			Issuer: topology.PublicCA,
			Names: names(webInside, "lyncdiscoverinternal.contoso.example", "lyncdiscoverinternal.fabrikam.example",
				"meet.contoso.example", "meet.fabrikam.example", "dialin.contoso.example"),
		}},
		External: topology.Site{WebFQDN: web, HTTPS: 4443, HTTP: 8080, Certificate: &topology.Certificate{
			Issuer: topology.EnterpriseCA,
			Names: names(web, "lyncdiscover.contoso.example", "lyncdiscover.fabrikam.example",
				"meet.contoso.example", "meet.fabrikam.example", "dialin.contoso.example"),
		}},
		SimpleURLs: slices.Clone(t.FrontEndPool().SimpleURLs),
		SIP:        5061,
		Nodes:      []topology.Node{{FQDN: "dir1.contoso.example", Address: directorInside}},
	}
	t.Pools = append(t.Pools, d)
	t.Plan.ExternalWeb = append(t.Plan.ExternalWeb, web)
	t.Plan.InternalWeb = append(t.Plan.InternalWeb, webInside)
	p := &t.Proxy
	p.Certificates[0].Names = append(p.Certificates[0].Names, web)
	p.WebServers = append(p.WebServers,
		topology.WebServer{Alias: "dir1-https", Address: directorInside.String(), Port: 4443, Scheme: "https",
			Verify: topology.EnterpriseCA, Name: "dir1.contoso.example"},
		topology.WebServer{Alias: "dir1-http", Address: directorInside.String(), Port: 8080, Scheme: "http"})
	discovery := []string{t.Discovery(0), t.Discovery(1)}
	p.Rules[0].Hosts = slices.DeleteFunc(p.Rules[0].Hosts, func(h string) bool { return slices.Contains(discovery, h) })
	p.Rules = append(p.Rules, topology.Rule{
		Name: "director", Hosts: append(discovery, web), WebServers: []string{"dir1-https", "dir1-http"},
	})
	t.External.Address(topology.ProxyPublic, web)
	t.Internal.Address(topology.ProxyPublic, web)
	t.Internal.Address(directorInside, webInside, "dir1.contoso.example", t.InternalDiscovery(0), t.InternalDiscovery(1))
}

func oneSIPDomain(t *topology.Topology) {
	gone := func(name string) bool { return strings.HasSuffix(name, "fabrikam.example") }
	drop := func(names []string) []string { return slices.DeleteFunc(names, gone) }
	t.SIPDomains = drop(t.SIPDomains)
	t.Users = slices.DeleteFunc(t.Users, func(u topology.User) bool { return gone(u.SIP) })
	t.Plan.Meet = drop(t.Plan.Meet)
	p := t.FrontEndPool()
	p.SimpleURLs = drop(p.SimpleURLs)
	p.Internal.Certificate.Names = drop(p.Internal.Certificate.Names)
	p.External.Certificate.Names = drop(p.External.Certificate.Names)
	for i := range t.Proxy.Certificates {
		t.Proxy.Certificates[i].Names = drop(t.Proxy.Certificates[i].Names)
	}
	for i := range t.Proxy.Rules {
		t.Proxy.Rules[i].Hosts = drop(t.Proxy.Rules[i].Hosts)
	}
	for i := range t.Apps {
		if c := t.Apps[i].Certificate; c != nil {
			c.Names = drop(c.Names)
		}
	}
	for _, v := range []*topology.View{&t.External, &t.Internal} {
		v.Zones = drop(v.Zones)
		v.Records = slices.DeleteFunc(v.Records, func(r topology.Record) bool { return gone(r.Name) })
	}
}

func wildcardCertificate(t *topology.Topology) {
	t.Proxy.Certificates[0].Names = []string{"lyncweb-ext.contoso.example", "*.contoso.example", "*.fabrikam.example"}
}

func cnameRecords(t *topology.Topology) {
	t.External.Set(t.Discovery(0), "CNAME", t.ExternalWeb())
	t.External.Set("meet.contoso.example", "CNAME", t.ExternalWeb())
	t.External.Set("dialin.contoso.example", "CNAME", t.ExternalWeb())
	t.Internal.Set(t.InternalDiscovery(0), "CNAME", "lyncweb-int.contoso.example")
	t.Internal.Set(t.Discovery(0), "CNAME", t.ExternalWeb())
}

func httpOnlyDiscovery(t *topology.Topology) {
	t.Plan.HTTPOnlyDiscovery = true
	discovery := []string{t.Discovery(0), t.Discovery(1)}
	is := func(name string) bool { return slices.Contains(discovery, name) }
	p := &t.Proxy
	p.Certificates[0].Names = slices.DeleteFunc(p.Certificates[0].Names, is)
	p.Rules[0].Hosts = slices.DeleteFunc(p.Rules[0].Hosts, is)
	p.Rules = append(p.Rules, topology.Rule{
		Name: "discovery over HTTP", Hosts: discovery, Listener: "http", WebServers: []string{topology.FE1HTTP, topology.FE2HTTP},
	})
}

func product(name string) func(*topology.Topology) {
	return func(t *topology.Topology) { t.Product = name }
}

// lync2010 has the affinity that Microsoft asks for since its mobility service, whose sessions live on one Front End.
func lync2010(t *topology.Topology) {
	t.Product = "lync2010"
	t.Proxy.Rules[0].Balance = "cookie"
}

func homeOnSecondPool(t *topology.Topology) {
	twoPoolsWithExchange(t)
	t.Users[0].Pool = "pool02.contoso.example"
}

// hybrid moves a user to the online service, which is told of by the hosting provider's URL.
func hybrid(t *topology.Topology, user int) {
	t.Plan.Hybrid = true
	t.Users[user].Online = true
	t.Directory.HostingProviderURL = "https://webdir.online.lync.com/Autodiscover/AutodiscoverService.svc/root"
}

func hybridColleague(t *topology.Topology) { hybrid(t, 1) }

func hybridUser(t *topology.Topology) { hybrid(t, 0) }

func sfb2019(t *topology.Topology) {
	t.Product = "sfb2019"
	t.Plan.Lync2010Phones = false
}

func twoPoolsWithExchange(t *topology.Topology) {
	const web, webInside = "lyncweb2-ext.contoso.example", "lyncweb2-int.contoso.example"
	first := t.FrontEndPool()
	second := topology.Pool{
		Name: "pool02.contoso.example",
		Internal: topology.Site{WebFQDN: webInside, HTTPS: 443, HTTP: 80, Certificate: &topology.Certificate{
			Issuer: topology.PublicCA,
			Names: []string{"pool02.contoso.example", "fe3.contoso.example", webInside,
				"meet.contoso.example", "meet.fabrikam.example", "dialin.contoso.example"},
		}},
		External: topology.Site{WebFQDN: web, HTTPS: 4443, HTTP: 8080, Certificate: &topology.Certificate{
			Issuer: topology.EnterpriseCA,
			Names: []string{"pool02.contoso.example", "fe3.contoso.example", web,
				"meet.contoso.example", "meet.fabrikam.example", "dialin.contoso.example"},
		}},
		SimpleURLs: slices.Clone(first.SimpleURLs),
		SIP:        5061,
		Nodes:      []topology.Node{{FQDN: "fe3.contoso.example", Address: poolTwoNode}},
		Balancer:   &topology.Balancer{Address: poolTwoBalancer, Ports: map[int]int{80: 80, 443: 443, 8080: 8080, 4443: 4443, 5061: 5061}},
	}
	t.Pools = append(t.Pools, second)
	t.Plan.ExternalWeb = append(t.Plan.ExternalWeb, web)
	t.Plan.InternalWeb = append(t.Plan.InternalWeb, webInside)
	t.Apps = append(t.Apps, topology.App{
		Kind: topology.Exchange, FQDN: "mail.contoso.example", Address: exchangeInside, HTTPS: 443,
		Certificate: &topology.Certificate{Names: []string{"mail.contoso.example"}, Issuer: topology.EnterpriseCA},
	})
	p := &t.Proxy
	p.Certificates[0].Names = append(p.Certificates[0].Names, web, "mail.contoso.example")
	p.WebServers = append(p.WebServers,
		topology.WebServer{Alias: "fe3-https", Address: poolTwoNode.String(), Port: 4443, Scheme: "https",
			Verify: topology.EnterpriseCA, Name: "fe3.contoso.example"},
		topology.WebServer{Alias: "fe3-http", Address: poolTwoNode.String(), Port: 8080, Scheme: "http"},
		topology.WebServer{Alias: "mail-https", Address: exchangeInside.String(), Port: 443, Scheme: "https",
			Verify: topology.EnterpriseCA, Name: "mail.contoso.example"})
	p.Rules = append(p.Rules,
		topology.Rule{Name: "second pool", Hosts: []string{web}, WebServers: []string{"fe3-https", "fe3-http"}},
		topology.Rule{Name: "exchange", Hosts: []string{"mail.contoso.example"}, Listener: "https", WebServers: []string{"mail-https"}})
	t.External.Address(topology.ProxyPublic, web, "mail.contoso.example")
	t.Internal.Address(topology.ProxyPublic, web)
	t.Internal.Address(poolTwoBalancer, webInside, "pool02.contoso.example")
	t.Internal.Address(poolTwoNode, "fe3.contoso.example")
	t.Internal.Address(exchangeInside, "mail.contoso.example")
}

func dualStack(t *topology.Topology) {
	t.Proxy.Addresses = []netip.Addr{topology.ProxyPublic, topology.ProxyPublicV6, topology.ProxyInside}
	for _, v := range []*topology.View{&t.External, &t.Internal} {
		for _, r := range slices.Clone(v.Records) {
			if r.Type == "A" && r.Value == topology.ProxyPublic.String() {
				v.Add(r.Name, "AAAA", topology.ProxyPublicV6.String())
			}
		}
	}
}

func managedPhones(t *topology.Topology) {
	t.WiFi.Managed = true
	t.FrontEndPool().Internal.Certificate.Issuer = topology.EnterpriseCA
}

func guestWiFi(t *topology.Topology) { t.WiFi.View = "external" }

func simpleURLsBelowWebFQDN(t *topology.Topology) {
	simple := t.FrontEndPool().SimpleURLs
	is := func(name string) bool { return slices.Contains(simple, name) }
	t.Plan.Meet, t.Plan.Dialin = nil, nil
	p := &t.Proxy
	p.Certificates[0].Names = slices.DeleteFunc(p.Certificates[0].Names, is)
	p.Rules[0].Hosts = slices.DeleteFunc(p.Rules[0].Hosts, is)
	t.External.Remove(simple...)
	t.Internal.Remove(simple...)
	t.FrontEndPool().SimpleURLs = nil
}

func verifyNone(t *topology.Topology) {
	for i := range t.Proxy.WebServers {
		if w := &t.Proxy.WebServers[i]; w.Scheme == "https" {
			w.Verify, w.Name = "none", ""
		}
	}
}
