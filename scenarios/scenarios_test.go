package scenarios_test

import (
	"context"
	"sync"
	"testing"

	"lyncpin/scenarios"
)

// examined are all scenarios with their records and reports. They run once, for all tests that look at them.
var examined = sync.OnceValue(func() []scenarios.Result {
	return scenarios.Run(context.Background(), scenarios.Every(), scenarios.Options{KeepRecords: true, KeepReports: true})
})

// everyRecord is examined, when each scenario has a record to judge.
func everyRecord(t *testing.T) []scenarios.Result {
	t.Helper()
	results := examined()
	if len(results) == 0 {
		t.Fatal("no scenarios")
	}
	for _, r := range results {
		if r.Record == nil {
			t.Fatalf("%s has no record: %v", r.ID, r.Err)
		}
	}
	return results
}

// Every scenario of the project says what it should: a case is the first and only root cause, a near miss and a
// baseline are clear, and of a compound both faults are named.
func TestEveryScenario(t *testing.T) {
	t.Parallel()
	results := examined()
	if len(results) == 0 {
		t.Fatal("no scenarios")
	}
	for _, r := range results {
		t.Run(r.ID, func(t *testing.T) {
			if !r.OK {
				t.Errorf("%s\nwant %v, found %v", r.Problem, r.Want, r.Found)
			}
		})
	}
}
