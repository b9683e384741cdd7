package scenarios

import (
	"time"

	"lyncpin/internal/topology"
)

// Deployment is a scenario of somebody's deployment as it is: anything may be found in it. Its first users sign in and hold a silent
// long poll so long, in the deployment's time; zero means not at all.
func Deployment(name string, t *topology.Topology, hold time.Duration) Scenario {
	return Scenario{ID: name, Kind: KindFile, AnyFound: true, SignIn: true, Hold: hold, build: t.Clone}
}
