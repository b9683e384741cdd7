package scenarios_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"lyncpin/internal/failure"
	"lyncpin/scenarios"
)

func TestIDsAreUniqueAndCanBeTyped(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i, s := range scenarios.All() {
		if seen[s.ID] {
			t.Errorf("%s is there twice", s.ID)
		}
		seen[s.ID] = true
		if strings.ContainsAny(s.ID, " *?[]\\'\"$") {
			t.Errorf("%q cannot be typed as it is", s.ID)
		}
		if i%8 != 0 { // each looks through all
			continue
		}
		list, err := scenarios.Match([]string{s.ID})
		if err != nil || len(list) != 1 || list[0].ID != s.ID {
			t.Errorf("Match(%q) = %d scenarios, %v; want that one", s.ID, len(list), err)
		}
	}
	for kind, least := range map[string]int{
		scenarios.KindCase: 30, scenarios.KindNear: 30, scenarios.KindBaseline: 12, scenarios.KindCompound: 5,
	} {
		n := 0
		for _, s := range scenarios.All() {
			if s.Kind == kind {
				n++
			}
		}
		if n < least {
			t.Errorf("%d scenarios of kind %s, want %d at least", n, kind, least)
		}
	}
}

// A scenario's topology belongs to whoever asks for it.
func TestTopologyIsNotShared(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios.All() {
		s.Topology().Proxy.Rules[0].Hosts[0] = "edited.contoso.example"
		if s.Topology().Proxy.Rules[0].Hosts[0] == "edited.contoso.example" {
			t.Errorf("%s: two topologies share a list", s.ID)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		patterns []string
		want     []string // among others
		not      string   // no ID has this prefix
	}{
		{"nothing means all", nil, []string{"dns.lyncdiscover-missing/no-record", "baseline/director"}, "?"},
		{"a mode", []string{"dns.lyncdiscover-missing"}, []string{"dns.lyncdiscover-missing/no-record", "dns.lyncdiscover-missing/near/by-cname"}, "baseline"},
		{"modes by glob", []string{"dns.*"}, []string{"dns.lyncdiscover-missing/near/by-cname"}, "tls"},
		{"cases alone", []string{"dns.*/*"}, []string{"dns.lyncdiscover-missing/no-record"}, "dns.lyncdiscover-missing/near"},
		{"near misses alone", []string{"*/near/*"}, []string{"dns.lyncdiscover-missing/near/by-cname"}, "baseline"},
		{"a group", []string{"baseline"}, []string{"baseline/director"}, "compound"},
		{"each once", []string{"baseline/director", "baseline/*"}, []string{"baseline/director"}, "dns"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			list, err := scenarios.Match(tt.patterns)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, s := range list {
				if slices.Contains(ids, s.ID) {
					t.Errorf("%s twice", s.ID)
				}
				ids = append(ids, s.ID)
				if strings.HasPrefix(s.ID, tt.not) {
					t.Errorf("%s should not match", s.ID)
				}
			}
			for _, want := range tt.want {
				if !slices.Contains(ids, want) {
					t.Errorf("%s is missing", want)
				}
			}
		})
	}
}

func TestMatchUnknown(t *testing.T) {
	t.Parallel()
	tests := []struct{ pattern, nearest string }{
		{"dns.lyncdiscover-mising", "dns.lyncdiscover-missing"},
		{"dns.lyncdiscover-missing/no-recrod", "dns.lyncdiscover-missing/no-record"},
		{"baselin", "baseline"},
		{"servfail", "dns.servfail"},
		{"qqqqqqqq", ""},
		{"nothing.*", ""},
		{"", ""},
	}
	for _, tt := range tests {
		t.Run(tt.pattern, func(t *testing.T) {
			t.Parallel()
			_, err := scenarios.Match([]string{"baseline/*", tt.pattern})
			unknown, ok := errors.AsType[*scenarios.UnknownError](err)
			if !ok || unknown.Word != tt.pattern || unknown.Nearest != tt.nearest {
				t.Errorf("got %v, want an unknown %q with %q nearest", err, tt.pattern, tt.nearest)
			}
		})
	}
	if _, err := scenarios.Match([]string{"[a"}); err == nil {
		t.Error("an open bracket is no pattern")
	}
}

func TestUndecidableModesHaveNoScenario(t *testing.T) {
	t.Parallel()
	for _, m := range failure.Modes() {
		if m.Undecidable == "" {
			continue
		}
		_, err := scenarios.Match([]string{string(m.ID)})
		if u, ok := errors.AsType[*scenarios.UndecidableError](err); !ok || u.Why != m.Undecidable {
			t.Errorf("Match(%s) = %v, want the reason", m.ID, err)
		}
		if _, _, err := scenarios.Fault(string(m.ID)); err == nil {
			t.Errorf("Fault(%s) worked", m.ID)
		}
	}
}
