package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lyncpin/internal/golden"
)

// secretsInTestdata are all secrets of the files below testdata; none may ever be shown.
var secretsInTestdata = []string{"Tr0ub4dor", "hunter2", "S3cr3t", "$5$k6x", "c3ZjOlRyMHViNGRvcg"}

// TestConfigurations lints configurations as people write them. The golden beside each is what is wrong with it.
func TestConfigurations(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("testdata/*/*.c*f*")
	if len(files) == 0 {
		t.Fatal("no configurations: was testdata moved?")
	}
	for _, path := range files {
		t.Run(filepath.ToSlash(path), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f, err := Read(filepath.Base(path), data, ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if want := filepath.Base(filepath.Dir(path)); f.Product != want {
				t.Errorf("product = %s, want %s", f.Product, want)
			}
			found := Check(f, Options{})
			for _, x := range found {
				if strings.Contains(path, "right") && x.Rule.Severity != Limit {
					t.Errorf("a configuration that is right: %s, %s", x.Rule.ID, x.Reason)
				}
			}
			var b strings.Builder
			fmt.Fprintf(&b, "concerns Lync: %v\n", f.Lync)
			for _, n := range f.Notes {
				fmt.Fprintf(&b, "note: %s\n", n)
			}
			for _, x := range found {
				fmt.Fprintf(&b, "\n%s %s, line %d: %s\n", x.Rule.ID, x.Rule.Severity, x.Line, x.Rule.Title)
				if x.Suppressed != "" {
					fmt.Fprintf(&b, "  suppressed: %s\n", x.Suppressed)
				}
				for _, l := range x.Excerpt {
					fmt.Fprintf(&b, "  > %s\n", strings.TrimSpace(l))
				}
				fmt.Fprintf(&b, "  %s\n  + %s\n", x.Reason, strings.ReplaceAll(x.Fix, "\n", "\n  + "))
			}
			for _, s := range secretsInTestdata {
				if strings.Contains(b.String(), s) {
					t.Errorf("the secret %s is shown", s)
				}
			}
			golden.Compare(t, strings.TrimSuffix(path, filepath.Ext(path))+".golden", []byte(b.String()))
		})
	}
}
