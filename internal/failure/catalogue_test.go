package failure_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lyncpin/internal/failure"
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

func TestEveryModeIsWhole(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*$`)
	seen := map[probe.ID]bool{}
	for _, m := range failure.Modes() {
		t.Run(string(m.ID), func(t *testing.T) {
			if !form.MatchString(string(m.ID)) {
				t.Errorf("the ID is not of the form area.what-is-wrong")
			}
			if seen[m.ID] {
				t.Errorf("the ID is there twice")
			}
			seen[m.ID] = true
			for what, text := range map[string]string{"title": m.Title, "cause": m.Cause} {
				if text == "" || strings.HasSuffix(text, ".") {
					t.Errorf("the %s must be there, without a full stop: %q", what, text)
				}
			}
			if !strings.HasSuffix(m.Remedy, ".") {
				t.Errorf("the remedy must be whole sentences: %q", m.Remedy)
			}
			if _, err := m.Severity.MarshalText(); err != nil {
				t.Error(err)
			}
			if len(m.Sources) == 0 {
				t.Error("no source says why this is wrong")
			}
			for _, s := range m.Settings {
				if s.Product == "" || s.Text == "" {
					t.Errorf("a setting lacks its product or text: %+v", s)
				}
			}
			if m.Undecidable != "" {
				if m.Detect != nil || len(m.Cases)+len(m.More)+len(m.Near)+len(m.MoreNear) > 0 {
					t.Error("a mode that cannot be decided has a rule or cases")
				}
				return
			}
			if m.Detect == nil || m.Reads == 0 {
				t.Error("the rule or what it reads is missing")
			}
			if len(m.Cases) == 0 || len(m.Near) == 0 {
				t.Error("a mode needs a case that fires and a near miss that does not")
			}
		})
	}
}

func TestModesNameEachOther(t *testing.T) {
	t.Parallel()
	for _, m := range failure.Modes() {
		for _, id := range slices.Concat(m.Confused, m.Explains) {
			if _, ok := failure.Find(id); !ok || id == m.ID {
				t.Errorf("%s names %s, which is no other mode of the catalogue", m.ID, id)
			}
		}
	}
}

// TestNoModesExplainEachOther holds that a finding always has a root cause.
func TestNoModesExplainEachOther(t *testing.T) {
	t.Parallel()
	explains := map[probe.ID][]probe.ID{}
	for _, m := range failure.Modes() {
		explains[m.ID] = m.Explains
	}
	var visit func(id probe.ID, path []probe.ID)
	visit = func(id probe.ID, path []probe.ID) {
		if slices.Contains(path, id) {
			t.Fatalf("these explain each other: %v", append(path, id))
		}
		for _, next := range explains[id] {
			visit(next, append(path, id))
		}
	}
	for id := range explains {
		visit(id, nil)
	}
}

func TestAModeIsInTheFileOfItsName(t *testing.T) {
	t.Parallel()
	for _, m := range failure.Modes() {
		if m.Undecidable != "" {
			continue
		}
		name := strings.NewReplacer(".", "_", "-", "_").Replace(string(m.ID)) + ".go"
		source, err := os.ReadFile(name)
		if err != nil {
			t.Errorf("%s: %v", m.ID, err)
			continue
		}
		if !strings.Contains(string(source), `"`+string(m.ID)+`"`) {
			t.Errorf("%s does not name %s", name, m.ID)
		}
	}
}

func TestCasesEditTheTopology(t *testing.T) {
	t.Parallel()
	healthy := topology.Healthy()
	for _, m := range failure.Modes() {
		names := map[string]bool{}
		for _, c := range slices.Concat(m.Cases, m.More, m.Near, m.MoreNear) {
			if names[c.Name] {
				t.Errorf("%s has two cases named %s", m.ID, c.Name)
			}
			names[c.Name] = true
			edited := topology.Healthy()
			c.Edit(edited)
			if reflect.DeepEqual(edited, healthy) {
				t.Errorf("%s/%s changes nothing", m.ID, c.Name)
			}
			if err := edited.Validate(); err != nil {
				t.Errorf("%s/%s: no lab could run it: %v", m.ID, c.Name, err)
			}
		}
		for _, c := range slices.Concat(m.Cases, m.More) {
			edited := topology.Healthy()
			c.Edit(edited)
			if !reflect.DeepEqual(edited.Plan, healthy.Plan) {
				t.Errorf("%s/%s changes the plan: a fault is what differs from it", m.ID, c.Name)
			}
		}
	}
}
