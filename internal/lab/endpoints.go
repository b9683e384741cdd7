package lab

import (
	"cmp"
	"net/netip"
)

// EndpointsSchema names the format of Endpoints in JSON.
const EndpointsSchema = "lyncpin.endpoints/1"

// Endpoints say where a running lab is, for programs outside. Addresses are those really bound: on loopback 127.0.0.1
// with the port of the day. Parts that were not started are absent, listeners that are not configured are empty.
type Endpoints struct {
	// Schema is EndpointsSchema.
	Schema    string             `json:"schema"`
	DNS       *DNSEndpoints      `json:"dns,omitempty"`
	Proxy     *ProxyEndpoints    `json:"proxy,omitempty"`
	FrontEnds []FrontEndEndpoint `json:"frontends,omitempty"`
	Balancers []BalancerEndpoint `json:"balancers,omitempty"`
	Apps      []AppEndpoint      `json:"apps,omitempty"`
	// Roots and ProxyFiles are absolute paths; only WriteFiles knows them.
	Roots      *RootFiles `json:"roots,omitempty"`
	SIPDomains []string   `json:"sip_domains"`
	// ExternalWeb and InternalWeb are the web FQDNs that the deployment is meant to have.
	ExternalWeb []string    `json:"external_web,omitempty"`
	InternalWeb []string    `json:"internal_web,omitempty"`
	Users       []User      `json:"users"`
	ProxyFiles  *ProxyFiles `json:"proxy_files,omitempty"`
}

// DNSEndpoints are the name servers of the two views, over UDP and TCP.
type DNSEndpoints struct {
	External string `json:"external"`
	Internal string `json:"internal"`
}

// ProxyEndpoints are the listeners at the proxy's first address.
type ProxyEndpoints struct {
	HTTPS string `json:"https"`
	HTTP  string `json:"http"`
}

// FrontEndEndpoint are the listeners of one node.
type FrontEndEndpoint struct {
	Name          string `json:"name"`
	InternalHTTPS string `json:"internal_https"`
	InternalHTTP  string `json:"internal_http"`
	ExternalHTTPS string `json:"external_https"`
	ExternalHTTP  string `json:"external_http"`
	// SIP is where desktop clients inside sign in.
	SIP string `json:"sip"`
}

// BalancerEndpoint is the virtual address of a pool.
type BalancerEndpoint struct {
	Pool string `json:"pool"`
	// Ports are where its ports are, by their numbers in the plan.
	Ports map[int]string `json:"ports"`
}

// AppEndpoint are the listeners of a server that is not a Front End.
type AppEndpoint struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	HTTPS string `json:"https"`
	HTTP  string `json:"http"`
}

// RootFiles are the trusted roots in PEM: those of any device, and those of a managed machine.
type RootFiles struct {
	Public     string `json:"public"`
	Enterprise string `json:"enterprise"`
}

// User is an account of the lab.
type User struct {
	SIP      string `json:"sip"`
	Login    string `json:"login"`
	Password string `json:"password"`
	// Pool is the name of the home pool; empty when the user is homed Online.
	Pool   string `json:"pool"`
	Online bool   `json:"online"`
}

// ProxyFiles are the proxy's default certificate as real products want it.
type ProxyFiles struct {
	Cert        string `json:"cert"`
	Chain       string `json:"chain"`
	FullChain   string `json:"fullchain"`
	Key         string `json:"key"`
	PFX         string `json:"pfx"`
	PFXPassword string `json:"pfx_password"`
}

// Endpoints say where the lab is.
func (l *Lab) Endpoints() Endpoints {
	out := Endpoints{Schema: EndpointsSchema, SIPDomains: l.top.SIPDomains, Users: []User{},
		ExternalWeb: l.top.Plan.ExternalWeb, InternalWeb: l.top.Plan.InternalWeb}
	for _, u := range l.top.Users {
		home := cmp.Or(u.Pool, l.top.FrontEndPool().Name)
		if u.Online {
			home = ""
		}
		out.Users = append(out.Users, User{SIP: u.SIP, Login: u.Login, Password: u.Password, Pool: home, Online: u.Online})
	}
	if l.dns != nil {
		out.DNS = &DNSEndpoints{
			External: l.net.Bound("udp", hostPort(l.top.External.Resolver, 53)),
			Internal: l.net.Bound("udp", hostPort(l.top.Internal.Resolver, 53)),
		}
	}
	if p := l.top.Proxy; l.proxy != nil || l.peer != nil {
		out.Proxy = &ProxyEndpoints{
			HTTPS: l.net.Bound("tcp", hostPort(p.Addresses[0], p.HTTPS)),
			HTTP:  l.net.Bound("tcp", hostPort(p.Addresses[0], p.HTTP)),
		}
	}
	if l.opts.runs(FrontEnd) {
		out.FrontEnds, out.Balancers, out.Apps = l.behindProxy()
	}
	return out
}

// behindProxy says where everything is that the proxy may forward to.
func (l *Lab) behindProxy() (nodes []FrontEndEndpoint, balancers []BalancerEndpoint, apps []AppEndpoint) {
	at := func(addr netip.Addr, port int) string { return l.net.Bound("tcp", hostPort(addr, port)) }
	for _, p := range l.top.Pools {
		for _, n := range p.Nodes {
			nodes = append(nodes, FrontEndEndpoint{
				Name:          n.FQDN,
				InternalHTTPS: at(n.Address, p.Internal.HTTPS),
				InternalHTTP:  at(n.Address, p.Internal.HTTP),
				ExternalHTTPS: at(n.Address, p.External.HTTPS),
				ExternalHTTP:  at(n.Address, p.External.HTTP),
				SIP:           at(n.Address, p.SIP),
			})
		}
		if b := p.Balancer; b != nil {
			ports := map[int]string{}
			for port := range b.Ports {
				ports[port] = at(b.Address, port)
			}
			balancers = append(balancers, BalancerEndpoint{Pool: p.Name, Ports: ports})
		}
	}
	for _, a := range l.top.Apps {
		apps = append(apps, AppEndpoint{Kind: a.Kind, Name: a.FQDN, HTTPS: at(a.Address, a.HTTPS), HTTP: at(a.Address, a.HTTP)})
	}
	return nodes, balancers, apps
}
