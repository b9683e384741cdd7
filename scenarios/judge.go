package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"lyncpin/probe"
)

// roots are the root causes of a report in order, never nil.
func roots(rep *probe.Report) []probe.ID {
	out := []probe.ID{}
	for i := range rep.Findings {
		if f := &rep.Findings[i]; f.Root() {
			out = append(out, f.ID)
		}
	}
	return out
}

// problem says in one sentence how the report differs from what the scenario wants; empty when it does not.
func (s *Scenario) problem(rep *probe.Report) string {
	for i := range rep.Findings {
		if id := rep.Findings[i].ID; slices.Contains(s.Absent, id) {
			return fmt.Sprintf("%s must be absent and was found", id)
		}
	}
	if s.AnyFound {
		return ""
	}
	found := roots(rep)
	missing := without(s.Want, found)
	extra := without(without(found, s.Want), s.Besides)
	switch {
	case len(missing) > 0:
		return fmt.Sprintf("%s was not named as a root cause", join(missing)) + consequence(rep, missing)
	case len(extra) > 0:
		return fmt.Sprintf("%s was named and is not there", join(extra))
	case len(s.Want) == 0 && len(found) == 0 && rep.Verdict != probe.VerdictClear:
		if len(rep.Undecided) > 0 {
			u := rep.Undecided[0]
			return fmt.Sprintf("%s could not be decided: %s", u.ID, u.Why)
		}
		return "the verdict is " + rep.Verdict + ", not " + probe.VerdictClear
	}
	return ""
}

// consequence says where a missing root cause went, if it was folded under another finding.
func consequence(rep *probe.Report, missing []probe.ID) string {
	for i := range rep.Findings {
		if f := &rep.Findings[i]; !f.Root() && slices.Contains(missing, f.ID) {
			return fmt.Sprintf(": it was taken for a consequence of %s", f.BecauseOf)
		}
	}
	return ""
}

// without is what of list is not in other.
func without(list, other []probe.ID) []probe.ID {
	var out []probe.ID
	for _, id := range list {
		if !slices.Contains(other, id) {
			out = append(out, id)
		}
	}
	return out
}

func join(ids []probe.ID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = string(id)
	}
	return strings.Join(words, ", ")
}
