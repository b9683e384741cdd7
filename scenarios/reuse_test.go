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

// TestReuseChangesNothing runs scenarios of a default run again and asks every vantage, also those that need not be asked:
// they must not have been missed.
func TestReuseChangesNothing(t *testing.T) {
	t.Parallel()
	reused := map[string]*probe.Report{}
	for _, r := range everyRecord(t) {
		reused[r.ID] = r.Report
	}
	// One in eight keeps the suite quick; which ones moves with every mode that is added.
	var all []scenarios.Scenario
	for i, s := range scenarios.All() {
		if i%8 == 0 {
			all = append(all, s)
		}
	}
	for i, r := range scenarios.Run(t.Context(), all, scenarios.Options{Fresh: true, KeepReports: true}) {
		if r.Report == nil || reused[r.ID] == nil {
			t.Errorf("%s: no report: %v", r.ID, r.Err)
			continue
		}
		want := said(reused[r.ID])
		diff := cmp.Diff(said(r.Report), want)
		for n := 0; n < retries && diff != ""; n++ {
			again := scenarios.Run(t.Context(), all[i:i+1], scenarios.Options{Fresh: true, KeepReports: true})
			if again[0].Report != nil && cmp.Equal(said(again[0].Report), want) {
				diff = ""
			}
		}
		if diff != "" {
			t.Errorf("%s (-fresh +reused)\n%s", r.ID, diff)
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
