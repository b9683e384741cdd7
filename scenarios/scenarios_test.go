package scenarios_test

import (
	"context"
	"sync"
	"testing"

	"lyncpin/internal/failure"
	"lyncpin/probe"
	"lyncpin/scenarios"
)

// examined are all scenarios with their records and reports. They run once, for all tests that look at them.
var examined = sync.OnceValue(func() []scenarios.Result {
	return scenarios.Run(context.Background(), scenarios.Every(), scenarios.Options{KeepRecords: true, KeepReports: true})
})

// alone is what a rule says of a record when no other was asked before, and what it reads for that.
type alone struct {
	verdict probe.Verdict
	read    probe.Kind
}

// judgedAlone is what each rule says alone of each scenario, in the order of examined. Rules are asked once, for all tests that look
// at it.
var judgedAlone = sync.OnceValue(func() [][]alone {
	var out [][]alone
	for _, r := range examined() {
		out = append(out, judgeAlone(r.Record))
	}
	return out
})

// judgeAlone asks each rule of the catalogue, in its order.
func judgeAlone(rec *probe.Record) []alone {
	rules := failure.Rules()
	out := make([]alone, len(rules))
	for i := range rules {
		v := probe.NewView(rec)
		out[i].verdict = probe.Judge(&rules[i], v)
		out[i].read = v.Read()
	}
	return out
}

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
