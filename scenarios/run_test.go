package scenarios_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"lyncpin/scenarios"
)

func TestRunTellsInOrder(t *testing.T) {
	t.Parallel()
	list, err := scenarios.Match([]string{"baseline/one-sip-domain", "baseline/standard-edition", "dns.lyncdiscover-missing"})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	done := 0
	results := scenarios.Run(t.Context(), list, scenarios.Options{
		OnResult: func(r scenarios.Result) { told = append(told, r.ID) },
		OnDone:   func() { done++ },
	})
	var want []string
	for i, r := range results {
		want = append(want, list[i].ID)
		if r.ID != list[i].ID {
			t.Errorf("result %d is of %s, want %s", i, r.ID, list[i].ID)
		}
		if r.Report != nil {
			t.Errorf("%s passed, and its report is kept", r.ID)
		}
		if r.Elapsed <= 0 || r.Want == nil || r.Found == nil {
			t.Errorf("%s: elapsed %s, want %v, found %v", r.ID, r.Elapsed, r.Want, r.Found)
		}
	}
	if !slices.Equal(told, want) || done != len(list) {
		t.Errorf("told %v, want %v; done %d times", told, want, done)
	}
}

func TestRunInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	list, err := scenarios.Match([]string{"baseline"})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range scenarios.Run(ctx, list, scenarios.Options{}) {
		if r.OK || !errors.Is(r.Err, context.Canceled) {
			t.Errorf("%s: ok %v, error %v; want it not run", r.ID, r.OK, r.Err)
		}
	}
}

// What is expected and not found, and what is found and not expected, fails.
func TestRunFails(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, problem string }{
		{"not named", "expect: {found: [dns.servfail]}", "dns.servfail was not named as a root cause"},
		{"named wrongly", "edits: [{remove_record: {view: external, name: lyncdiscover.fabrikam.example}}]\nexpect: {found: []}",
			"dns.lyncdiscover-missing-one-sip-domain was named and is not there"},
		{"not absent", "edits: [{remove_record: {view: external, name: lyncdiscover.fabrikam.example}}]\nexpect: {absent: [dns.lyncdiscover-missing-one-sip-domain]}",
			"dns.lyncdiscover-missing-one-sip-domain must be absent and was found"},
	}
	var list []scenarios.Scenario
	for _, tt := range tests {
		s, err := scenarios.Load(tt.name, []byte(tt.text))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	for i, r := range scenarios.Run(t.Context(), list, scenarios.Options{}) {
		if r.OK || r.Problem != tests[i].problem || r.Report == nil {
			t.Errorf("%s: ok %v, problem %q, report kept %v; want %q", r.ID, r.OK, r.Problem, r.Report != nil, tests[i].problem)
		}
	}
}
