package scenarios

import (
	"fmt"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// compound is a pair of faults that have nothing to do with one another.
type compound struct {
	name   string
	faults []string // as Fault takes them
}

// compounds are deployments with two root causes; a diagnosis that stops at the first would name only one.
func compounds() []Scenario {
	var out []Scenario
	for _, c := range []compound{} {
		s := Scenario{ID: "compound/" + c.name, Kind: KindCompound}
		var edits []func(*topology.Topology)
		for _, id := range c.faults {
			mode, edit, err := Fault(id)
			if err != nil {
				edit = func(*topology.Topology) { panic(fmt.Sprintf("compound %s: %v", c.name, err)) }
				mode = probe.ID(id)
			}
			s.Want = append(s.Want, mode)
			edits = append(edits, edit)
		}
		s.build = edited(topology.Healthy, edits...)
		out = append(out, s)
	}
	return out
}
