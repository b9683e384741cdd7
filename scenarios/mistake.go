package scenarios

import (
	"fmt"
	"strings"
	"time"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// Mistake is one that people make with a proxy product, in its own words: an edit of the configuration that is right, with
// the failure mode that it leads to. Each is a scenario of the kind KindMistake and the ID <product>/<name>.
type Mistake struct {
	// Product is one of internal/export.
	Product string
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
