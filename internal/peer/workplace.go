package peer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
)

// plainPath is a path that stands in every product's configuration without quotes.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9/_.+-]{0,200}$`)

// newName is the path for a new directory of a product, where temporary files belong.
func newName(product string) (string, error) {
	tried := []string{os.TempDir(), "/tmp", "/var/tmp"}
	var why error
	for _, dir := range tried {
		err := suits(dir)
		if err == nil {
			return filepath.Join(dir, fmt.Sprintf("lyncpin-%s-%d", product, rand.Uint64())), nil
		}
		why = errors.Join(why, err)
	}
	return "", fmt.Errorf("there is no directory for temporary files: %w", why)
}

// suits tells whether products can work in a directory: configurations can name it, and servers that drop root get at it.
func suits(dir string) error {
	if !plainPath.MatchString(dir) {
		return fmt.Errorf("configurations cannot name %q", dir)
	}
	for d := dir; ; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		switch {
		case err != nil:
			return err
		case !info.IsDir():
			return fmt.Errorf("%s is no directory", d)
		case os.Geteuid() == 0 && info.Mode().Perm()&0o001 == 0:
			return fmt.Errorf("%s is closed to others than its owner", d)
		case d == filepath.Dir(d):
			return nil
		}
	}
}
