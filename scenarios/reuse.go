package scenarios

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"

	"lyncpin/internal/lab"
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// Most scenarios differ from the healthy deployment in one part, which half of the vantages never touch. What a vantage
// sees follows from
//
//   - what it is told: the target, and the hosts that discovery named at any vantage;
//   - its name server's view, its roots, and the firewall on its way;
//   - the servers that it dials, and the servers that those dial.
//
// When all of that is as in the healthy deployment, so is what it sees, and one observation of that one serves.

// worthHealthy is how many scenarios a run must have for the observation of the healthy deployment to pay.
const worthHealthy = 4

// healthy is the healthy deployment and, once somebody wants it, what was seen of it.
type healthy struct {
	top     *topology.Topology
	observe func() (*probe.Record, error)
}

func newHealthy(observe func() (*probe.Record, error)) *healthy {
	return &healthy{top: topology.Healthy(), observe: sync.OnceValues(observe)}
}

// sameAt are the places from which t cannot be told from the healthy deployment, with the record to take their sections
// from. That the hosts that discovery names are the same is for asPlanned to tell afterwards.
func (h *healthy) sameAt(t *topology.Topology) map[string]*probe.Record {
	if !reflect.DeepEqual(elsewhere(h.top), elsewhere(t)) || h.top.External.Resolver != t.External.Resolver || h.top.Internal.Resolver != t.Internal.Resolver {
		return nil
	}
	rec, err := h.observe()
	if err != nil {
		return nil // every scenario will say why
	}
	changed := h.changed(t)
	same := map[string]*probe.Record{}
	for _, s := range rec.Sections {
		place := s.Vantage
		switch {
		case !reflect.DeepEqual(viewOf(h.top, place), viewOf(t, place)):
		case place == probe.WiFi && h.top.WiFi != t.WiFi:
		case place == probe.Proxy && !reflect.DeepEqual(lab.Target(h.top), lab.Target(t)): // it alone is told of web servers
		case slices.ContainsFunc(t.Paths, func(p topology.Path) bool { return p.From == "" || p.From == place }):
		case slices.ContainsFunc(s.Dials, func(d probe.Dial) bool { return changed[netip.MustParseAddrPort(d.Addr).Addr()] }):
		default:
			same[place] = rec
		}
	}
	return same
}

// elsewhere is t without the parts that only some of the vantages touch.
func elsewhere(t *topology.Topology) topology.Topology {
	out := *t
	out.External, out.Internal = topology.View{}, topology.View{}
	out.Apps, out.Proxy, out.WiFi, out.Paths = nil, topology.Proxy{}, topology.WiFi{}, nil
	return out
}

// changed are the addresses whose servers may answer otherwise than in the healthy deployment. The proxy does when
// itself has changed, a server that it forwards to, or the way there; it dials addresses, so no name server comes into it.
func (h *healthy) changed(t *topology.Topology) map[netip.Addr]bool {
	out := map[netip.Addr]bool{}
	for _, a := range slices.Concat(h.top.Apps, t.Apps) {
		is := func(b topology.App) bool { return reflect.DeepEqual(a, b) }
		out[a.Address] = out[a.Address] || !slices.ContainsFunc(h.top.Apps, is) || !slices.ContainsFunc(t.Apps, is)
	}
	fromProxy := func(p topology.Path) bool { return p.From == probe.Proxy }
	forwards := func(w topology.WebServer) bool { return out[netip.MustParseAddr(w.Address)] }
	if !reflect.DeepEqual(h.top.Proxy, t.Proxy) || slices.ContainsFunc(t.Paths, fromProxy) || slices.ContainsFunc(h.top.Proxy.WebServers, forwards) {
		for _, a := range slices.Concat(h.top.Proxy.Addresses, t.Proxy.Addresses) {
			out[a] = true
		}
	}
	return out
}

// viewOf is what the name server tells a place. The one beside the proxy asks it nothing: it is told addresses.
func viewOf(t *topology.Topology, place string) *topology.View {
	switch {
	case place == probe.Proxy:
		return nil
	case place == probe.External, place == probe.WiFi && t.WiFi.View == "external":
		return &t.External
	}
	return &t.Internal
}

// asPlanned tells whether discovery named only hosts that the vantages taken over have been told of: then none of them
// would do anything else because of what the others saw. What the view from outside learns is of interest to phones,
// what any view learns to all.
func asPlanned(rec *probe.Record, same map[string]*probe.Record) bool {
	expected := rec.Target.Expected
	for _, s := range rec.Sections {
		told := expected.ExternalWeb
		if s.Vantage != probe.External || same[probe.WiFi] == nil {
			told = slices.Concat(told, expected.InternalWeb)
		}
		for _, x := range s.Exchanges {
			if x.SignsIn() {
				continue // that is after discovery, and nobody else learns of it
			}
			for _, host := range x.Document.Hosts() {
				if !slices.ContainsFunc(told, func(name string) bool { return strings.EqualFold(name, host) }) {
					return false
				}
			}
		}
	}
	return true
}
