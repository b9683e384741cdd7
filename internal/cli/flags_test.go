package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// pflag shows the back-quoted word of a flag's text as the placeholder of its value: it must say what the value is, and
// be neither a type of Go nor the flag's name once more.
func TestFlagsNameTheirValues(t *testing.T) {
	t.Parallel()
	nouns := []string{"URL", "[PLACE=]IP[:PORT]", "HOST[:PORT]=IP[:PORT]", "ADDRESS[=LOGIN]", "ADDRESS[=NAME]", "NAME=ADDRESS", "RULE=REASON", "address", "clients", "directory", "duration", "file", "glob", "mode", "name", "number", "parts", "places", "product", "products", "time"}
	a := &app{}
	flags := 0
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			flags++
			value, text := pflag.UnquoteUsage(f)
			if f.Value.Type() != "bool" && !strings.Contains(value, "|") && !slices.Contains(nouns, value) {
				t.Errorf("%s --%s %s: the placeholder is none of %s", cmd.CommandPath(), f.Name, value, strings.Join(nouns, ", "))
			}
			if value == f.Name || strings.HasPrefix(text, value+" ") && value != "" {
				t.Errorf("%s --%s %s  %s: one word twice", cmd.CommandPath(), f.Name, value, text)
			}
		})
		for _, c := range cmd.Commands() {
			visit(c)
		}
	}
	visit(a.root())
	if flags < 20 {
		t.Errorf("there are only %d flags", flags)
	}
}
