package nearest_test

import (
	"fmt"
	"testing"

	"lyncpin/internal/nearest"
)

func ExampleWord() {
	fmt.Println(nearest.Word("extrenal", []string{"external", "internal", "wifi"}))
	// Output: external
}

func TestWord(t *testing.T) {
	t.Parallel()
	known := []string{"external", "internal", "wifi", "proxy", "dns.lyncdiscover-missing"}
	tests := []struct{ word, want string }{
		{"externl", "external"},
		{"Internal", "internal"},
		{"wfii", "wifi"}, // two letters swapped
		{"prox", "proxy"},
		{"lyncdiscover", "dns.lyncdiscover-missing"},
		{"moon", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := nearest.Word(tt.word, known); got != tt.want {
			t.Errorf("Word(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}
