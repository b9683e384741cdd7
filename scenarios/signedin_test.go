package scenarios_test

import (
	"flag"
	"testing"
	"time"

	"lyncpin/scenarios"
)

var every = flag.Bool("every", false, "sign in in every scenario")

// Somebody who signs in changes nothing of what is said of a deployment: every mode keeps its verdict, and the modes of
// signing in stay silent where signing in fails for another reason. Scenarios that are about signing in are run by the
// other tests. One in twelve keeps the suite quick; with -every it is all of them, which takes two minutes of two processors.
func TestMatrixSignedIn(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("signs in in every scenario")
	}
	var list []scenarios.Scenario
	for i, s := range scenarios.Every() {
		if !s.SignIn && (*every || i%12 == 2) {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		t.Fatal("no scenarios")
	}
	for _, r := range scenarios.Run(t.Context(), list, scenarios.Options{SignIn: true}) {
		t.Run(r.ID, func(t *testing.T) {
			if !r.OK {
				t.Errorf("%s\nwant %v, found %v", r.Problem, r.Want, r.Found)
			}
		})
	}
}

// In a lab whose time runs faster, what the topology says takes so much less, and nothing is found because of it.
func TestHoldTakesAFiftieth(t *testing.T) {
	t.Parallel()
	s, err := scenarios.Load("hold.yaml", []byte("hold: 10m\nexpect: {found: []}\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := scenarios.Run(t.Context(), []scenarios.Scenario{s}, scenarios.Options{})[0]
	if !r.OK || r.Elapsed > time.Minute {
		t.Errorf("%s, after %s", r.Problem, r.Elapsed)
	}
}
