package cli

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// siteOptions describe a deployment of one pool, for people without a topology.
type siteOptions struct {
	hosts, domains, webs, frontEnds, listen, office []string
	verify                                          *oneOf
}

func (o *siteOptions) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.hosts, "host", nil, "publish this `name`; may be repeated")
	f.StringArrayVar(&o.domains, "sip-domain", nil, "publish lyncdiscover, meet and dialin of the SIP domain of this `name`; may be repeated")
	f.StringArrayVar(&o.webs, "external-web", nil, "publish the external web FQDN of this `name`")
	f.StringArrayVar(&o.frontEnds, "front-end", nil, "forward to 4443 and 8080 of the Front End at `ADDRESS[=NAME]`, NAME being in its certificate; may be repeated")
	f.StringArrayVar(&o.office, "office-web-apps", nil, "publish Office Web Apps, `NAME=ADDRESS`; may be repeated")
	f.StringArrayVar(&o.listen, "listen", nil, "listen at this `address`, with 443 and 80; may be repeated; all of IPv4 unless given")
	f.Var(o.verify, "verify", "whose certificates web servers have to show")
}

// given are the flags that were.
func (o *siteOptions) given(f *pflag.FlagSet) []string {
	return slices.DeleteFunc([]string{"host", "sip-domain", "external-web", "front-end", "office-web-apps", "listen", "verify"},
		func(name string) bool { return !f.Changed(name) })
}

// site is a deployment of one pool, as far as it is known.
type site struct {
	listen []netip.Addr
	// hosts are published with both ports, httpOnly with 80 alone.
	hosts, httpOnly []string
	frontEnds       []topology.WebServer
	// office are hosts of Office Web Apps, and where they are; nil means that it is not known.
	office map[string]*topology.WebServer
	verify string
}

func (o *siteOptions) site() (*site, error) {
	s := &site{office: map[string]*topology.WebServer{}, verify: o.verify.value}
	for _, d := range o.domains {
		s.publish("lyncdiscover."+d, "meet."+d, "dialin."+d)
	}
	s.publish(o.webs...)
	s.publish(o.hosts...)
	if len(o.domains) > 0 && len(o.webs) == 0 {
		return nil, usage("--sip-domain alone does not tell the external web FQDN, which discovery leads clients to: give --external-web")
	}
	for _, text := range o.listen {
		a, err := parseAddress("listen", text)
		if err != nil {
			return nil, err
		}
		s.listen = append(s.listen, a)
	}
	for _, text := range o.frontEnds {
		address, name, _ := strings.Cut(text, "=")
		if err := s.frontEnd(text, address, name); err != nil {
			return nil, err
		}
	}
	for _, text := range o.office {
		name, address, ok := strings.Cut(text, "=")
		if !ok || name == "" || address == "" {
			return nil, usage("--office-web-apps %s: want NAME=ADDRESS, such as wac.contoso.example=10.10.10.20", text)
		}
		s.office[strings.ToLower(name)] = s.encrypted("", address, 443, name)
	}
	return s, nil
}

func (s *site) publish(hosts ...string) {
	for _, h := range hosts {
		if h = strings.ToLower(h); !slices.Contains(s.hosts, h) && !slices.Contains(s.httpOnly, h) {
			s.hosts = append(s.hosts, h)
		}
	}
}

// encrypted is a web server that speaks TLS.
func (s *site) encrypted(alias, address string, port int, name string) *topology.WebServer {
	w := &topology.WebServer{Alias: alias, Address: address, Port: port, Scheme: "https", Verify: s.verify, Name: name}
	if s.verify == "none" {
		w.Name = ""
	}
	return w
}

// frontEnd adds both ports of the external web site.
func (s *site) frontEnd(text, address, name string) error {
	address = strings.Trim(address, "[]")
	_, notIP := netip.ParseAddr(address)
	switch {
	case address == "" || notIP != nil && strings.Contains(address, ":"):
		return usage("--front-end %s: want ADDRESS[=NAME] without a port: 4443 and 8080 are those of the external web site", text)
	case name == "" && notIP != nil:
		name = address
	case name == "" && s.verify != "none":
		return usage("--front-end %s: the name in its certificate is not known: give --front-end %s=NAME, or --verify none", text, address)
	}
	n := len(s.frontEnds)/2 + 1
	s.frontEnds = append(s.frontEnds, *s.encrypted(fmt.Sprintf("fe%d-https", n), address, 4443, name),
		topology.WebServer{Alias: fmt.Sprintf("fe%d-http", n), Address: address, Port: 8080, Scheme: "http"})
	return nil
}

// proxy publishes the site, or says which flag is missing.
func (s *site) proxy() (*topology.Proxy, error) {
	switch {
	case len(s.hosts)+len(s.httpOnly) == 0:
		return nil, usage("it is not known what to publish: give --host, or --sip-domain and --external-web")
	case len(s.frontEnds) == 0:
		return nil, usage("it is not known where the Front Ends are: give --front-end ADDRESS=NAME")
	}
	p := &topology.Proxy{Addresses: s.listen, HTTPS: 443, HTTP: 80, MinTLS: "1.2", WebServers: slices.Clone(s.frontEnds)}
	if len(p.Addresses) == 0 {
		p.Addresses = []netip.Addr{netip.IPv4Unspecified()}
	}
	var aliases []string
	for _, w := range s.frontEnds {
		aliases = append(aliases, w.Alias)
	}
	names := slices.Clone(s.hosts)
	if len(s.hosts) > 0 {
		p.Rules = append(p.Rules, topology.Rule{Name: "lync web services", Hosts: s.hosts, WebServers: aliases})
	}
	if len(s.httpOnly) > 0 {
		p.Rules = append(p.Rules, topology.Rule{Name: "discovery over http", Hosts: s.httpOnly, Listener: "http", WebServers: aliases})
	}
	hosts := make([]string, 0, len(s.office))
	for h := range s.office {
		hosts = append(hosts, h)
	}
	slices.Sort(hosts)
	for i, h := range hosts {
		w := s.office[h]
		if w == nil {
			return nil, usage("it is not known where Office Web Apps are: give --office-web-apps %s=ADDRESS", h)
		}
		rule, alias := "office web apps", "office"
		if i > 0 {
			rule, alias = fmt.Sprintf("%s %d", rule, i+1), fmt.Sprintf("%s%d", alias, i+1)
		}
		w.Alias = alias
		p.WebServers = append(p.WebServers, *w)
		p.Rules = append(p.Rules, topology.Rule{Name: rule, Hosts: []string{h}, Listener: "https", WebServers: []string{alias}})
		names = append(names, h)
	}
	p.Certificates = []topology.Certificate{{Names: names, Issuer: topology.PublicCA}}
	return p, nil
}

// fromRecord adds what a record shows, and leaves what is known already.
func (a *app) fromRecord(s *site, rec *probe.Record) error {
	seen := answered(rec)
	if seen == nil {
		return hint(errors.New("nothing in it was seen from outside, where the published names are asked for"), "lyncpin probe --from external --save FILE sees it")
	}
	expected := rec.Target.Expected
	web := seen.hosts(probe.GetService, probe.GetServiceQuery, probe.GetWebTicket, probe.GetUCWA)
	for _, h := range expected.ExternalWeb {
		if h = strings.ToLower(h); !slices.Contains(web, h) {
			return fmt.Errorf("%s, the external web FQDN, did not answer: a record of a healthy site is needed", h)
		}
	}
	web = slices.DeleteFunc(web, func(h string) bool { return strings.HasPrefix(h, "lyncdiscover.") })
	if len(web) > 1 {
		return hint(fmt.Errorf("%s are web services of several pools, and a record does not tell which servers are whose", strings.Join(web, " and ")), "write a topology, and export with --topology")
	}
	for _, h := range seen.hosts(probe.GetRoot, probe.GetRootHTTP) {
		if expected.HTTPOnlyDiscovery && !slices.Contains(s.hosts, h) {
			s.httpOnly = append(s.httpOnly, h)
		} else {
			s.publish(h)
		}
	}
	s.publish(web...)
	s.publish(seen.hosts(probe.GetMeet, probe.GetDialin)...)
	for _, h := range seen.hosts(probe.GetOfficeWebApps) {
		if _, ok := s.office[h]; !ok {
			s.office[h] = nil
		}
	}
	servers := slices.DeleteFunc(slices.Clone(expected.WebServers), func(w probe.WebServer) bool {
		return slices.ContainsFunc(expected.Exchange, func(h string) bool { return strings.EqualFold(h, w.Name) })
	})
	if len(expected.Exchange) > 0 {
		a.env.say("Exchange (%s) is not in it: a topology can publish it as well", strings.Join(expected.Exchange, ", "))
	}
	return s.webServers(servers)
}

// webServers takes the servers behind the proxy that the operator has declared.
func (s *site) webServers(list []probe.WebServer) error {
	known := len(s.frontEnds) > 0
	for i, w := range list {
		host, port, err := net.SplitHostPort(w.Address)
		if err != nil {
			return fmt.Errorf("web server %s: %w", w.Address, err)
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return fmt.Errorf("web server %s: the port is no number", w.Address)
		}
		out := topology.WebServer{Alias: fmt.Sprintf("web%d", i+1), Address: host, Port: int(n), Scheme: w.Scheme, Name: w.Name, Verify: w.Trust}
		if w.Scheme == "https" && (w.Trust == "" || s.verify == "none") {
			out.Verify, out.Name = "none", ""
		}
		if w.Application != topology.OfficeWebApps {
			if !known { // flags go first
				s.frontEnds = append(s.frontEnds, out)
			}
			continue
		}
		for h, there := range s.office {
			if there == nil && (len(s.office) == 1 || strings.EqualFold(h, w.Name)) {
				s.office[h] = &out
			}
		}
	}
	return nil
}

// sightings are the hosts that answered from outside, by what they were asked for.
type sightings map[string][]string

// hosts are those that answered a question of these purposes, in order.
func (s sightings) hosts(purposes ...string) []string {
	var out []string
	for _, p := range purposes {
		for _, h := range s[p] {
			if !slices.Contains(out, h) {
				out = append(out, h)
			}
		}
	}
	return out
}

// answered are the sightings of the record; nil when nothing in it was seen from outside.
func answered(rec *probe.Record) sightings {
	var out sightings
	for _, section := range rec.Sections {
		if section.Vantage != probe.External {
			continue
		}
		if out == nil {
			out = sightings{}
		}
		for _, x := range section.Exchanges {
			if x.Outcome.OK() && x.Status < 500 && x.Status != 404 {
				out[x.Purpose] = append(out[x.Purpose], strings.ToLower(x.Host))
			}
		}
	}
	return out
}
