package pfsense

import (
	"fmt"

	"path/filepath"
	"strings"
	"testing"

	"lyncpin/internal/golden"
)

// findings are what the rules find in a backup, one on a line and a half.
func findings(t *testing.T, name string, data []byte) string {
	t.Helper()
	b, err := Parse(name, data)
	if err != nil {
		return err.Error() + "\n"
	}
	var out strings.Builder
	for _, n := range b.Notes {
		fmt.Fprintf(&out, "note: %s\n", n)
	}
	for _, f := range b.Check(name, Options{}, issued) {
		fmt.Fprintf(&out, "%s %s:%d %s (%s) %s\n    %s\n    fix: %s\n", f.Rule.ID, f.Rule.Severity, f.Line, f.Where, f.Rule.Mode, strings.Join(f.Excerpt, " "), f.Reason, f.Fix)
	}
	return out.String()
}

func TestBackups(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatal("no backups: was testdata moved?")
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(strings.TrimSuffix(name, ".xml"), func(t *testing.T) {
			t.Parallel()
			got := findings(t, name, backup(t, name))
			if strings.Contains(name, "-right") && got != "" {
				t.Errorf("a backup that is right is complained about:\n%s", got)
			}
			golden.Compare(t, strings.TrimSuffix(file, ".xml")+".golden", []byte(got))
		})
	}
}
