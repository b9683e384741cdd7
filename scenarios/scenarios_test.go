package scenarios_test

import (
	"testing"

	"lyncpin/scenarios"
)

// Every scenario of the project says what it should.
func TestEveryScenario(t *testing.T) {
	t.Parallel()
	all := scenarios.Every()
	if len(all) == 0 {
		t.Fatal("no scenarios")
	}
	for _, r := range scenarios.Run(t.Context(), all, scenarios.Options{}) {
		t.Run(r.ID, func(t *testing.T) {
			if !r.OK {
				t.Errorf("%s\nwant %v, found %v", r.Problem, r.Want, r.Found)
			}
		})
	}
}
