package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lyncpin/internal/export"
	"lyncpin/internal/lab"
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// Mistake is one that people make with a proxy product, in its own words: an edit of the configuration that is right, with
// the failure mode that it leads to. Each is a scenario of the kind KindMistake and the ID <product>/<name>.
type Mistake struct {
	// Name is unique among the product's, and can be typed. Title says in a line what was done.
	Name, Title string
	// Edit changes the text. An edit that changes nothing is an error.
	Edit func(config string) (string, error)
	// Topology, if set, is an edit of topology.Healthy() that goes with it; for instance a larger deployment.
	Topology func(*topology.Topology)
	// Want is what must be named first. Empty for a near miss: a change after which all is still well.
	Want probe.ID
	// With are modes that may be named besides, as a second root cause that truly is there.
	With []probe.ID
	// SignsIn says that somebody signs in, InFull that it takes uploads, repetitions and crowds, Hold how long a silent long poll
	// is held, in the deployment's time.
	SignsIn, InFull bool
	Hold            time.Duration
}

// mistakes are those of each product, by its word.
var mistakes = map[string][]Mistake{
	export.Nginx:       nginxMistakes,
	export.NginxStream: nginxStreamMistakes,
	export.HAProxy:     haproxyMistakes,
	export.Squid:       squidMistakes,
	export.Apache:      apacheMistakes,
	export.Caddy:       caddyMistakes,
}

// Mistakes are the scenarios of what people do wrong with a product, through the product itself: each starts it. None for a product
// that is not known.
func Mistakes(product string) []Scenario {
	var out []Scenario
	for _, m := range mistakes[product] {
		base := edited(topology.Healthy)
		if m.Topology != nil {
			base = edited(topology.Healthy, m.Topology)
		}
		s := Scenario{
			ID: product + "/" + m.Name, Kind: KindMistake, Title: m.Title, Want: []probe.ID{}, Besides: slices.Concat(m.With, cannot(product)),
			SignIn: m.SignsIn || m.Hold > 0, Hold: m.Hold, brief: !m.InFull, outside: true, build: base,
			candidate: &lab.Candidate{Product: product, Edit: m.Edit},
		}
		if m.Want != "" {
			s.Want = append(s.Want, m.Want)
		}
		out = append(out, s)
	}
	return out
}

// Product is the proxy product that the scenario starts; empty where the lab's own proxy runs, or one at an address.
func (s *Scenario) Product() string {
	if s.candidate == nil {
		return ""
	}
	return s.candidate.Product
}

// Through are the same scenarios with another proxy in the place of the lab's own; name goes in front of their IDs.
func Through(name string, c *lab.Candidate, list []Scenario) []Scenario {
	out := slices.Clone(list)
	for i := range out {
		out[i].ID = name + "/" + out[i].ID
		out[i].candidate = c
		out[i].Besides = slices.Concat(out[i].Besides, cannot(c.Product))
	}
	return out
}

// cannot are the modes that remain with a product however it is configured.
func cannot(product string) []probe.ID {
	var out []probe.ID
	for _, id := range export.Cannot(product) {
		out = append(out, probe.ID(id))
	}
	return out
}

// replace is an edit of every place where old stands.
func replace(pairs ...string) func(string) (string, error) {
	return func(config string) (string, error) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if !strings.Contains(config, pairs[i]) {
				return "", fmt.Errorf("the configuration holds no %q to be edited", pairs[i])
			}
			config = strings.ReplaceAll(config, pairs[i], pairs[i+1])
		}
		return config, nil
	}
}

// insert is an edit that puts lines behind every place where old stands.
func insert(old, lines string) func(string) (string, error) { return replace(old, old+lines) }
