// Package golden compares what a test produced with a file that somebody read and found right.
//
//	golden.Compare(t, "testdata/clear.txt", got)
//
// After a change on purpose, run the test with -update and read the difference in review. The package registers
// the flag -update, so only tests may import it. Goldens hold stable facts: what varies from run to run is left
// out where it is made, not here.
package golden

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// update is here and nowhere else: a flag may be registered only once in a test binary.
var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// Compare fails the test when got differs from the file at path, and says how to update it. With -update it writes
// the file instead. Line ends that a checkout on Windows turned into CR LF count as LF. A path must belong to one
// test: two that update it at once would race.
func Compare(t testing.TB, path string, got []byte) {
	t.Helper()
	if *update {
		write(t, path, got)
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("golden file: %v\nto write it: %s", err, howTo(t))
		return
	}
	if !bytes.Contains(got, []byte("\r\n")) {
		want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s\nif the new one is right: %s", path, diff, howTo(t))
	}
}

func write(t testing.TB, path string, got []byte) {
	t.Helper()
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, got) {
		return
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Errorf("golden file: %v", err)
		return
	}
	if err := os.WriteFile(path, got, 0o644); err != nil {
		t.Errorf("golden file: %v", err)
	}
}

// howTo is the command that updates this test's files.
func howTo(t testing.TB) string {
	return "go test . -run '^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$' -update, in the directory of the test"
}
