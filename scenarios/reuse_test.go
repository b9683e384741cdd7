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

// TestReuseChangesNothing runs scenarios of a default run again without asking a vantage that need not be asked: it
// must not be missed.
func TestReuseChangesNothing(t *testing.T) {
	t.Parallel()
	asked := map[string]*probe.Report{}
	for _, r := range everyRecord(t) {
		asked[r.ID] = r.Report
	}
	// One in four keeps the suite quick; which ones moves with every mode that is added.
	var all []scenarios.Scenario
	for i, s := range scenarios.All() {
		if i%4 == 0 {
			all = append(all, s)
		}
	}
	for i, r := range scenarios.Run(t.Context(), all, scenarios.Options{KeepReports: true}) {
		if r.Report == nil || asked[r.ID] == nil {
			t.Errorf("%s: no report: %v", r.ID, r.Err)
			continue
		}
		want := said(r.Report)
		diff := cmp.Diff(said(asked[r.ID]), want)
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
