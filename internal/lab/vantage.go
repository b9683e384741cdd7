package lab

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"lyncpin/fakelync"
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// Vantage is one of probe.Places in this lab: the name server, the roots and the network as they are there. Another
// name gets a place on the LAN of unmanaged devices.
func (l *Lab) Vantage(place string) *probe.Vantage {
	resolver := l.top.Internal.Resolver
	managed := place == probe.Internal || place == probe.Proxy
	switch place {
	case probe.External:
		resolver = l.top.External.Resolver
	case probe.WiFi:
		if l.top.WiFi.View == externalView {
			resolver = l.top.External.Resolver
		}
		managed = l.top.WiFi.Managed
	}
	return &probe.Vantage{
		Name:            place,
		Resolvers:       []string{hostPort(resolver, 53)},
		Dial:            l.net.Dialer(place),
		PublicRoots:     l.opts.Candidate.trusted(l.authority.PublicRoots()),
		EnterpriseRoots: l.opts.Candidate.trusted(l.authority.EnterpriseRoots()),
		Managed:         managed,
		Speed:           l.opts.Speed,
	}
}

// SignIn says that the lab's first user signs in, and one more to talk to, holding a silent long poll for so long of the
// deployment's time. Nil when the lab has no users. Each call returns a value of its own.
func (l *Lab) SignIn(hold time.Duration) *probe.SigningIn {
	if len(l.top.Users) == 0 {
		return nil
	}
	out := &probe.SigningIn{Hold: hold}
	for _, u := range l.top.Users[:min(2, len(l.top.Users))] {
		out.Accounts = append(out.Accounts, probe.Account{
			SIP:      u.SIP,
			Login:    cmp.Or(u.TypedLogin, u.Login),
			Password: probe.Secret(cmp.Or(u.TypedPassword, u.Password)),
		})
	}
	return out
}

// Target is what the administrators of the topology would tell a probe: their plan, and how the proxy is set up.
func (l *Lab) Target() probe.Target { return Target(l.top) }

// Target is what the administrators of a topology would tell a probe: their plan, how the proxy is set up, which Exchange
// they have, and a meeting to look at.
func Target(t *topology.Topology) probe.Target {
	var out probe.Target
	for _, d := range t.SIPDomains {
		out.SIPDomains = append(out.SIPDomains, strings.ToLower(d))
	}
	out.Expected = probe.Expected{
		ExternalWeb:       slices.Clone(t.Plan.ExternalWeb),
		InternalWeb:       slices.Clone(t.Plan.InternalWeb),
		Meet:              slices.Clone(t.Plan.Meet),
		Dialin:            slices.Clone(t.Plan.Dialin),
		OfficeWebApps:     slices.Clone(t.Plan.OfficeWebApps),
		HTTPOnlyDiscovery: t.Plan.HTTPOnlyDiscovery,
		Hybrid:            t.Plan.Hybrid,
		Lync2010Phones:    t.Plan.Lync2010Phones,
	}
	for _, p := range t.Pools {
		for _, n := range p.Nodes {
			out.Expected.FrontEnds = append(out.Expected.FrontEnds, n.Address.String())
		}
	}
	for i := range t.Apps {
		if t.Apps[i].Kind == topology.Exchange {
			out.Expected.Exchange = append(out.Expected.Exchange, strings.ToLower(t.Apps[i].FQDN))
		}
	}
	for i := range t.Proxy.WebServers {
		out.Expected.WebServers = append(out.Expected.WebServers, webServer(t, &t.Proxy.WebServers[i]))
	}
	out.Meeting = meeting(t)
	return out
}

// meeting is the URL of the first user's meeting, by the plan; empty when the lab has no users.
func meeting(t *topology.Topology) string {
	if len(t.Users) == 0 || len(t.Plan.ExternalWeb) == 0 {
		return ""
	}
	name, domain, _ := strings.Cut(t.Users[0].SIP, "@")
	for _, host := range t.Plan.Meet {
		if strings.EqualFold(host, "meet."+domain) {
			return "https://" + host + "/" + name + "/" + fakelync.MeetingID
		}
	}
	return "https://" + t.Plan.ExternalWeb[0] + "/meet/" + domain + "/" + name + "/" + fakelync.MeetingID
}

func webServer(t *topology.Topology, w *topology.WebServer) probe.WebServer {
	out := probe.WebServer{Address: net.JoinHostPort(w.Address, strconv.Itoa(w.Port)), Scheme: w.Scheme}
	if verifies(w) {
		out.Name, out.Trust = w.Name, w.Verify
		if out.Name == "" {
			out.Name = w.Address
		}
	}
	for i := range t.Apps {
		a := &t.Apps[i]
		if a.Kind == topology.OfficeWebApps && (a.Address.String() == w.Address || strings.EqualFold(a.FQDN, w.Address)) {
			out.Application = topology.OfficeWebApps
		}
	}
	return out
}
