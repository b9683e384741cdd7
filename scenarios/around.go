package scenarios

import (
	"reflect"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// Around are the same scenarios around the deployment t, whose proxy somebody else has set up: what a mode breaks is broken in t, all
// others are taken as they are. One that would need another proxy, or another network beside it, is skipped when it is run, and
// says why.
func Around(t *topology.Topology, list []Scenario) []Scenario {
	out := slices.Clone(list)
	for i := range out {
		s := &out[i]
		if s.Kind == KindMistake {
			s.skip = "it is a mistake in the configuration of another proxy"
			continue
		}
		if s.Kind == KindCase || s.Kind == KindNear {
			_, edit, err := Fault(s.ID)
			if err != nil {
				s.skip = err.Error()
				continue
			}
			s.build = edited(t.Clone, edit)
		}
		s.skip = otherProxy(t, s.build)
	}
	return out
}

// otherProxy says why a proxy that is set up for t cannot take part in what build builds; empty when it can.
func otherProxy(t *topology.Topology, build func() *topology.Topology) (why string) {
	defer func() {
		if recover() != nil {
			why = "the deployment lacks what it would break"
		}
	}()
	other := build()
	beside := func(p topology.Path) bool {
		return (p.From == probe.Proxy || p.From == "") && !slices.Contains(t.Paths, p)
	}
	switch {
	case !reflect.DeepEqual(t.Proxy, other.Proxy):
		return "it needs the proxy to be set up otherwise"
	case slices.ContainsFunc(other.Paths, beside):
		return "it needs another network beside the proxy"
	}
	return ""
}

// Reduce takes out of a deployment what its proxy forwards to other machines than the first Front End, with the names published for
// that, and returns these.
func Reduce(t *topology.Topology) (hosts []string) {
	first := t.FrontEndPool().Nodes[0]
	gone := map[string]bool{}
	p := &t.Proxy
	p.WebServers = slices.DeleteFunc(p.WebServers, func(w topology.WebServer) bool {
		gone[w.Alias] = w.Address != first.Address.String() && !strings.EqualFold(w.Address, first.FQDN)
		return gone[w.Alias]
	})
	p.Rules = slices.DeleteFunc(p.Rules, func(r topology.Rule) bool {
		kept := slices.ContainsFunc(r.WebServers, func(alias string) bool { return !gone[alias] })
		if r.Respond != nil || kept {
			return false
		}
		hosts = append(hosts, r.Hosts...)
		return true
	})
	for i := range p.Rules {
		p.Rules[i].WebServers = slices.DeleteFunc(slices.Clone(p.Rules[i].WebServers), func(alias string) bool { return gone[alias] })
	}
	for _, h := range hosts {
		isHost := func(name string) bool { return strings.EqualFold(name, h) }
		for _, names := range []*[]string{&t.Plan.OfficeWebApps, &t.Plan.ExternalWeb, &t.Plan.Meet, &t.Plan.Dialin} {
			*names = slices.DeleteFunc(*names, isHost)
		}
		t.Apps = slices.DeleteFunc(t.Apps, func(a topology.App) bool { return isHost(a.FQDN) })
		t.External.Remove(h)
		t.Internal.Remove(h)
	}
	return hosts
}
