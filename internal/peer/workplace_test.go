//go:build unix

package peer

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWorkplace(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	for _, dir := range []string{"with a space", "closed/open", "öffentlich"} {
		if err := os.MkdirAll(filepath.Join(temp, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(temp, "closed"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := suits("/tmp"); err != nil {
		t.Error(err)
	}
	for _, dir := range []string{filepath.Join(temp, "with a space"), filepath.Join(temp, "öffentlich"), filepath.Join(temp, "absent"), "relative"} {
		if suits(dir) == nil {
			t.Errorf("%s suits", dir)
		}
	}
	if err := suits(filepath.Join(temp, "closed/open")); err == nil && os.Geteuid() == 0 {
		t.Error("what servers that drop root cannot reach suits")
	}
}
