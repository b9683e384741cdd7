package pfsense

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"lyncpin/internal/lint"
	"lyncpin/internal/topology"
)

// deployment is one around the proxy: as healthy as everything but the backup can be, so that what is found is the backup's.
func (t *translator) deployment(proxy topology.Proxy) *topology.Topology {
	main := t.names.domains[0]
	web, inside := t.web(), "lyncweb-int."+main
	healthy := topology.Healthy()
	d := &topology.Topology{
		Product: healthy.Product, SIPDomains: t.names.domains, Proxy: proxy,
		Plan: topology.Plan{ExternalWeb: []string{web}, InternalWeb: []string{inside}, Meet: t.names.meet, Dialin: t.names.dialin},
	}
	for i, password := range []string{healthy.Users[0].Password, healthy.Users[1].Password} {
		d.Users = append(d.Users, topology.User{SIP: fmt.Sprintf("user%d@%s", i+1, main), Login: fmt.Sprintf(`LAB\user%d`, i+1), Password: password})
	}
	nodes := t.nodes()
	pool := topology.Pool{Name: nodes[0].FQDN, SIP: 5061, SimpleURLs: slices.Concat(t.names.meet, t.names.dialin), Nodes: nodes}
	if len(nodes) > 1 {
		pool.Name = "pool01." + main
	}
	machines := []string{pool.Name}
	for _, n := range nodes {
		if n.FQDN != pool.Name {
			machines = append(machines, n.FQDN)
		}
	}
	internal := append(slices.Clone(machines), inside)
	for _, domain := range t.names.domains {
		internal = append(internal, "lyncdiscoverinternal."+domain)
	}
	pool.Internal = topology.Site{WebFQDN: inside, HTTPS: 443, HTTP: 80, Certificate: &topology.Certificate{
		CommonName: pool.Name, Issuer: topology.PublicCA, Names: append(internal, pool.SimpleURLs...)}}
	pool.External = topology.Site{WebFQDN: web, HTTPS: 4443, HTTP: 8080, Certificate: &topology.Certificate{
		CommonName: pool.Name, Issuer: topology.EnterpriseCA, Names: append(slices.Clone(machines), t.hosts()...)}}
	d.Pools = []topology.Pool{pool}
	edge := topology.App{Kind: topology.AccessEdge, FQDN: "sip." + main, Address: t.free(topology.EdgePublic), HTTPS: 443,
		Certificate: &topology.Certificate{Issuer: topology.PublicCA}}
	for _, domain := range t.names.domains {
		edge.Certificate.Names = append(edge.Certificate.Names, "sip."+domain)
	}
	d.Apps = append([]topology.App{edge}, t.others(proxy, nodes)...)
	t.views(d, edge.Address)
	t.firewall(d)
	return d
}

// others are the servers of what the proxy publishes beside Lync.
func (t *translator) others(proxy topology.Proxy, nodes []topology.Node) []topology.App {
	var out []topology.App
	for i := range proxy.WebServers {
		w := &proxy.WebServers[i]
		a, err := netip.ParseAddr(w.Address)
		if err != nil || slices.ContainsFunc(nodes, func(n topology.Node) bool { return n.Address == a }) ||
			slices.ContainsFunc(out, func(o topology.App) bool { return o.Address == a }) {
			continue
		}
		app := topology.App{Kind: topology.Website, FQDN: fmt.Sprintf("other%d.%s", len(out)+1, t.names.domains[0]), Address: a}
		app.Certificate = &topology.Certificate{Names: []string{app.FQDN}, Issuer: topology.EnterpriseCA}
		for _, o := range proxy.WebServers {
			switch {
			case o.Address != w.Address:
			case o.Scheme == "https" && app.HTTPS == 0:
				app.HTTPS = o.Port
			case o.Scheme == "http" && app.HTTP == 0:
				app.HTTP = o.Port
			}
		}
		out = append(out, app)
	}
	return out
}

// free is an address unless a Front End or the proxy has it.
func (t *translator) free(a netip.Addr) netip.Addr {
	for slices.ContainsFunc(t.servers, func(w topology.WebServer) bool { return w.Address == a.String() }) || a == t.ownAddress() {
		a = a.Next()
	}
	return a
}

func (t *translator) ownAddress() netip.Addr {
	if s, ok := t.router.(squidRouter); ok {
		return t.publicAddress(s.addresses)
	}
	return t.written(Options{}).addr
}

// nodes are the Front Ends: the web servers that requests for the certain names get to.
func (t *translator) nodes() []topology.Node {
	var addrs []netip.Addr
	for _, r := range t.requests() {
		to, _ := t.router.targets(r)
		for _, x := range to {
			a, err := netip.ParseAddr(x.address)
			if err != nil {
				t.say("The web server %q is given by name, which the lab's name server does not know.", clean(x.address))
				continue
			}
			if !slices.Contains(addrs, a) {
				addrs = append(addrs, a)
			}
		}
	}
	if len(addrs) == 0 {
		t.say("No request for Lync's names gets to a web server; a Front End at %s stands for it.", topology.FE1Inside)
		addrs = []netip.Addr{topology.FE1Inside}
	}
	var out []topology.Node
	for i, a := range addrs {
		out = append(out, topology.Node{FQDN: fmt.Sprintf("fe%d.%s", i+1, t.names.domains[0]), Address: a})
	}
	return out
}

// views are both sides of DNS: outside every public name leads to the proxy; inside as well, but where a host override says otherwise.
func (t *translator) views(d *topology.Topology, edge netip.Addr) {
	zones := slices.Clone(t.names.domains)
	for _, h := range t.hosts() {
		_, parent := firstLabel(h)
		below := slices.ContainsFunc(zones, func(z string) bool { return parent == z || strings.HasSuffix(parent, "."+z) })
		if !below && hostLike(parent) {
			zones = append(zones, parent)
		}
	}
	public := d.Proxy.Addresses[0]
	d.External = topology.View{Resolver: t.free(topology.ExternalResolver), Zones: zones}
	d.Internal = topology.View{Resolver: t.free(topology.InternalResolver), Zones: zones}
	pool := &d.Pools[0]
	front := pool.Nodes[0].Address
	for _, h := range t.hosts() {
		d.External.Address(public, h)
		to := public
		if slices.Contains(pool.SimpleURLs, h) {
			to = front
		}
		if o, ok := t.override(h); ok {
			known := o.addr == public || slices.ContainsFunc(pool.Nodes, func(n topology.Node) bool { return n.Address == o.addr })
			if !known {
				t.say("The host override of %s leads to %s, where nobody of this deployment is; it is left out.", h, o.addr)
			} else {
				to = o.addr
			}
		}
		d.Internal.Address(to, h)
	}
	for _, n := range pool.Nodes {
		d.Internal.Address(n.Address, n.FQDN)
		if n.FQDN != pool.Name {
			d.Internal.Add(pool.Name, kindOfAddress(n.Address), n.Address.String())
		}
	}
	d.Internal.Address(front, pool.Internal.WebFQDN)
	for _, domain := range d.SIPDomains {
		d.Internal.Address(front, "lyncdiscoverinternal."+domain)
		for _, v := range []*topology.View{&d.External, &d.Internal} {
			v.Address(edge, "sip."+domain)
		}
		d.External.Add("_sip._tls."+domain, "SRV", "0 0 443 sip."+domain)
		d.External.Add("_sipfederationtls._tcp."+domain, "SRV", "0 0 5061 sip."+domain)
		d.Internal.Add("_sipinternaltls._tcp."+domain, "SRV", "0 0 5061 "+pool.Name)
	}
}

func kindOfAddress(a netip.Addr) string {
	if a.Is6() && !a.Is4In6() {
		return "AAAA"
	}
	return "A"
}

// firewall are port forwards that pass the proxy by, and rules that are missing.
func (t *translator) firewall(d *topology.Topology) {
	c := &checker{Backup: t.Backup, names: t.names}
	squid, haproxy := t.endpoints()
	listening := haproxy
	if _, ok := t.router.(squidRouter); ok {
		listening = squid
	}
	public := d.Proxy.Addresses[0].String()
	c.checkForwards(listening)
	for _, f := range t.forwards {
		for _, found := range c.found {
			to, err := netip.ParseAddr(f.target)
			from, local := port(f.port), port(f.localPort)
			if found.Line == f.line && err == nil && from != 0 && local != 0 {
				d.Paths = append(d.Paths, topology.Path{From: "external", To: public, Port: from, Action: topology.Translate, Target: netip.AddrPortFrom(to, uint16(local)).String()})
				break
			}
		}
	}
	c.found = nil
	c.checkWANRules(listening)
	for _, e := range listening {
		if slices.ContainsFunc(c.found, func(f lint.Finding) bool { return strings.Contains(f.Reason, fmt.Sprintf("port %d ", e.port)) }) {
			d.Paths = append(d.Paths, topology.Path{From: "external", To: public, Port: e.port, Action: topology.Drop})
		}
	}
}
