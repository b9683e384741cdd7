package failure_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"lyncpin/internal/failure"
	"lyncpin/internal/golden"
)

// TestModesPageIsCurrent keeps docs/modes.md: run with -update after a change of the catalogue.
func TestModesPageIsCurrent(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Failure modes\n\nThis page is generated from the catalogue. `lyncpin explain ID` shows one entry.\n\n")
	b.WriteString("| mode | severity | what is wrong |\n| --- | --- | --- |\n")
	for _, m := range failure.Modes() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", m.ID, strings.ReplaceAll(string(m.ID), ".", ""), severityOf(m), m.Title)
	}
	for _, m := range failure.Modes() {
		fmt.Fprintf(&b, "\n## %s\n\n%s%s. Severity: %s.\n\n", m.ID, strings.ToUpper(m.Title[:1]), m.Title[1:], severityOf(m))
		fmt.Fprintf(&b, "- **Cause**: %s.\n", m.Cause)
		if m.Undecidable != "" {
			fmt.Fprintf(&b, "- **Cannot be decided from the wire**: %s\n", m.Undecidable)
		}
		fmt.Fprintf(&b, "- **Fix**: %s\n", m.Remedy)
		for _, s := range m.Settings {
			text := strings.ReplaceAll(s.Text, "`", "'")
			if strings.Contains(text, "\n") {
				fmt.Fprintf(&b, "  - %s:\n\n    ```\n    %s\n    ```\n\n", s.Product, strings.ReplaceAll(text, "\n", "\n    "))
				continue
			}
			fmt.Fprintf(&b, "  - %s: `%s`\n", s.Product, text)
		}
		if len(m.Confused) > 0 {
			b.WriteString("- **Looks like**: ")
			for i, id := range m.Confused {
				if i > 0 {
					b.WriteString(", ")
				}
				b.WriteString(string(id))
			}
			b.WriteString("\n")
		}
		for _, list := range []struct {
			title, infix string
			cases        []failure.Case
		}{
			{"Cases", "/", m.Cases},
			{"Near misses, which stay silent", "/near/", m.Near},
			{"Further cases", "/", m.More},
			{"Further near misses", "/near/", m.MoreNear},
		} {
			var ids []string
			for _, c := range list.cases {
				ids = append(ids, fmt.Sprintf("`%s%s%s`", m.ID, list.infix, c.Name))
			}
			if len(ids) > 0 {
				fmt.Fprintf(&b, "- **%s**: %s\n", list.title, strings.Join(ids, ", "))
			}
		}
		fmt.Fprintf(&b, "- **Sources**: %s\n", strings.Join(m.Sources, "; "))
	}
	golden.Compare(t, filepath.Join("..", "..", "docs", "modes.md"), []byte(b.String()))
}

func severityOf(m failure.Mode) string {
	if m.Undecidable != "" {
		return m.Severity.String() + ", undecidable"
	}
	return m.Severity.String()
}
