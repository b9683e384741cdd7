package cli

import (
	"slices"
	"testing"

	"lyncpin/internal/failure"
	"lyncpin/probe"
)

// TestRulesLeadToModes holds the IDs that rules name to the catalogue.
func TestRulesLeadToModes(t *testing.T) {
	t.Parallel()
	for _, r := range lintRules() {
		known := slices.ContainsFunc(failure.Modes(), func(m failure.Mode) bool { return m.ID == probe.ID(r.Mode) })
		if r.Mode != "" && !known {
			t.Errorf("%s leads to %s, which is no failure mode", r.ID, r.Mode)
		}
	}
}
