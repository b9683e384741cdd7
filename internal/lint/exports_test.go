package lint

import (
	"os"
	"path/filepath"
	"testing"
)

// TestExportsAreRight lints configurations that labs have proven: nothing is wrong with them but what their product cannot do.
func TestExportsAreRight(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("../export/testdata/*/healthy.txt")
	read := 0
	for _, name := range files {
		product := filepath.Base(filepath.Dir(name))
		if product != Nginx && product != "nginx-stream" && product != Apache {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Read(name, data, ReadOptions{})
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if read++; !f.Lync {
			t.Errorf("%s: nothing in it concerns Lync", name)
		}
		for _, x := range Check(f, Options{}) {
			if x.Rule.Severity != Limit {
				t.Errorf("%s:%d: %s %s: %s", name, x.Line, x.Rule.ID, x.Rule.Title, x.Reason)
			}
		}
	}
	if read < 3 {
		t.Errorf("%d configurations, want those of three products: were they moved?", read)
	}
}
