package scenarios

import (
	"fmt"
	"path"
	"strings"

	"lyncpin/internal/export"
	"lyncpin/internal/failure"
	"lyncpin/internal/nearest"
)

// Match returns the scenarios that at least one pattern matches, each once, in the order of [All]; all of them when
// there is no pattern. A pattern is
//
//   - the ID of a scenario, also of one that only [Every] or [Mistakes] has, or of a mode, which stands for its cases and near misses;
//   - a glob: "*" is any text, "?" any character, [a-c] one of a set. A slash matches only a slash, but a pattern
//     without any slash is compared with the mode or group in front of the first one: "dns.*", "baseline".
//
// A pattern that matches nothing is an error that names the nearest valid word.
func Match(patterns []string) ([]Scenario, error) {
	if len(patterns) == 0 {
		return All(), nil
	}
	all := Every()
	for _, product := range export.Products() {
		all = append(all, Mistakes(product)...)
	}
	taken := make([]bool, len(all))
	for _, p := range patterns {
		matched, err := mark(all, taken, p)
		if err != nil {
			return nil, err
		}
		if matched {
			continue
		}
		if m, ok := undecidable(p); ok {
			return nil, &UndecidableError{ID: m.ID, Why: m.Undecidable}
		}
		return nil, &UnknownError{What: "scenario", Word: p, Nearest: nearest.Word(p, words(all))}
	}
	var out []Scenario
	for i, s := range all {
		if taken[i] {
			out = append(out, s)
		}
	}
	return out, nil
}

// mark sets taken for what the pattern matches, and tells whether there was anything.
func mark(all []Scenario, taken []bool, pattern string) (bool, error) {
	matched := false
	for i := range all {
		subject := all[i].ID
		if !strings.Contains(pattern, "/") {
			subject, _, _ = strings.Cut(subject, "/")
		}
		ok, err := path.Match(pattern, subject)
		ok = ok && (!all[i].further || pattern == subject)
		if err != nil {
			return false, fmt.Errorf("pattern %q: a bracket or backslash is not closed", pattern)
		}
		if ok {
			taken[i], matched = true, true
		}
	}
	return matched, nil
}

func undecidable(id string) (failure.Mode, bool) {
	for _, m := range failure.Modes() {
		if string(m.ID) == id && m.Undecidable != "" {
			return m, true
		}
	}
	return failure.Mode{}, false
}

// words are all that a pattern without wildcards may be.
func words(all []Scenario) []string {
	var out []string
	seen := map[string]bool{}
	for i := range all {
		group, _, _ := strings.Cut(all[i].ID, "/")
		if !seen[group] {
			seen[group] = true
			out = append(out, group)
		}
		out = append(out, all[i].ID)
	}
	return out
}
