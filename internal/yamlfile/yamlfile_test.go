package yamlfile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"lyncpin/internal/yamlfile"
)

// Data that would take the YAML library gigabytes are refused before it sees them.
func TestSafelyIsBounded(t *testing.T) {
	t.Parallel()
	const deep = "nested more than 64 levels deep"
	tests := []struct{ name, text, want string }{
		{"plain", "a: [1, {b: 2}]\n- - b\n", ""},
		{"brackets", "a: 1\nb: " + strings.Repeat("[", 5000), "line 2 is " + deep},
		{"braces", strings.Repeat("{a: ", 5000), "line 1 is " + deep},
		{"over lines", strings.Repeat("[\n", 5000), "line 65 is " + deep},
		{"lists", strings.Repeat("- ", 5000), "line 1 is " + deep},
		{"keys", strings.Repeat("? ", 5000), "line 1 is " + deep},
		{"tags", strings.Repeat("!a ", 5000), "line 1 is " + deep},
		{"large", strings.Repeat("# a comment\n", 100_000), "larger than 1 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			read := false
			err := yamlfile.Safely([]byte(tt.text), func() error { read = true; return nil })
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if read != (tt.want == "") || err != nil && !errors.Is(err, yamlfile.ErrUnreadable) {
				t.Errorf("read: %t, error %v", read, err)
			}
		})
	}
}

// The library panics on a tag without a value in a flow list; other errors of the reader pass.
func TestSafelyKeepsPanicsInside(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{"views:\n- {listen:! 0}\n": yamlfile.ErrUnreadable, "views:\n- {listen: [0]}\n": nil} {
		err := yamlfile.Safely([]byte(text), func() error {
			var into struct {
				Views []struct {
					Listen []string `yaml:"listen"`
				} `yaml:"views"`
			}
			return yaml.UnmarshalWithOptions([]byte(text), &into, yaml.Strict())
		})
		if !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", text, err, want)
		}
	}
	own := errors.New("own")
	if err := yamlfile.Safely(nil, func() error { return own }); !errors.Is(err, own) {
		t.Errorf("got %v, want the reader's own error", err)
	}
}
