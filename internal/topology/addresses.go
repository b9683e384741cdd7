package topology

import (
	"net/netip"
	"slices"
)

// Addresses are all addresses that something of the topology listens at: what a machine must have to run it with the
// plan's own addresses. Sorted, each once.
func (t *Topology) Addresses() []netip.Addr {
	out := slices.Clone(t.Proxy.Addresses)
	out = append(out, t.External.Resolver, t.Internal.Resolver)
	for _, p := range t.Pools {
		for _, n := range p.Nodes {
			out = append(out, n.Address)
		}
		if p.Balancer != nil {
			out = append(out, p.Balancer.Address)
		}
	}
	for _, a := range t.Apps {
		out = append(out, a.Address)
	}
	out = slices.DeleteFunc(out, func(a netip.Addr) bool { return !a.IsValid() })
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}
