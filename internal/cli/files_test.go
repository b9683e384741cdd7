package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Files that would take the YAML library gigabytes are refused before it sees them.
func TestReadYAML(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"plain", "a: [1, {b: 2}]\n- - b\n", ""},
		{"brackets", "a: 1\nb: " + strings.Repeat("[", 5000), ":2: nested too deeply"},
		{"braces", strings.Repeat("{a: ", 5000), ":1: nested too deeply"},
		{"over lines", strings.Repeat("[\n", 5000), ":65: nested too deeply"},
		{"lists", strings.Repeat("- ", 5000), ":1: nested too deeply"},
		{"keys", strings.Repeat("? ", 5000), ":1: nested too deeply"},
		{"tags", strings.Repeat("!a ", 5000), ":1: nested too deeply"},
		{"large", strings.Repeat("# a comment\n", 100_000), "is larger than 1 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "a.yaml")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := readYAML(file)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
