package golden_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lyncpin/internal/golden"
)

// spy stands in for a test and keeps what it is told.
type spy struct {
	testing.TB
	said string
}

func (s *spy) Helper()      {}
func (s *spy) Name() string { return "TestReport/clear" }
func (s *spy) Errorf(format string, args ...any) {
	s.said += fmt.Sprintf(format, args...)
}

func TestCompare(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "golden.txt")
	if err := os.WriteFile(path, []byte("one\r\ntwo\r\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, path, got string
		want            []string // parts of what the test is told; none when it passes
	}{
		{name: "equal-but-for-line-ends", path: path, got: "one\ntwo\n"},
		{name: "different", path: path, got: "one\n2\n", want: []string{"(-want +got)", "two", "2", "-run '^TestReport$/^clear$' -update"}},
		{name: "missing", path: path + ".gone", got: "", want: []string{"golden.txt.gone", "-update"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &spy{}
			golden.Compare(s, c.path, []byte(c.got))
			if len(c.want) == 0 && s.said != "" {
				t.Errorf("Compare said %q, want nothing", s.said)
			}
			for _, part := range c.want {
				if !strings.Contains(s.said, part) {
					t.Errorf("Compare said %q, want %q in it", s.said, part)
				}
			}
		})
	}
}
