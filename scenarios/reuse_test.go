package scenarios_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lyncpin/probe"
	"lyncpin/scenarios"
)

// retries are how often a scenario is looked at again when both ways differ: where servers take turns, what follows
// from the root cause is a matter of chance, and the other way may only have had other luck.
const retries = 10

// TestReuseChangesNothing runs every scenario both ways: a vantage that need not be asked must not be missed.
func TestReuseChangesNothing(t *testing.T) {
	t.Parallel()
	every := scenarios.Every()
	fresh := scenarios.Run(t.Context(), every, scenarios.Options{Fresh: true, KeepReports: true})
	reused := scenarios.Run(t.Context(), every, scenarios.Options{KeepReports: true})
	for i := range every {
		if fresh[i].Report == nil || reused[i].Report == nil {
			t.Errorf("%s: no report: %v, %v", every[i].ID, fresh[i].Err, reused[i].Err)
			continue
		}
		want := said(reused[i].Report)
		diff := cmp.Diff(said(fresh[i].Report), want)
		for n := 0; n < retries && diff != ""; n++ {
			again := scenarios.Run(t.Context(), every[i:i+1], scenarios.Options{Fresh: true, KeepReports: true})
			if again[0].Report != nil && cmp.Equal(said(again[0].Report), want) {
				diff = ""
			}
		}
		if diff != "" {
			t.Errorf("%s (-fresh +reused)\n%s", every[i].ID, diff)
		}
	}
}

// said is what a report says, without the evidence, of which there is more than one choice where servers take turns.
func said(r *probe.Report) []string {
	out := []string{r.Verdict}
	for _, f := range r.Findings {
		out = append(out, string(f.ID)+" because of "+string(f.BecauseOf))
	}
	for _, u := range r.Undecided {
		out = append(out, string(u.ID)+" undecided: "+u.Why)
	}
	return out
}
