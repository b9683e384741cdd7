package cli_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"lyncpin/internal/cli"
)

// What an interrupt kept from running is no result: no line says that it failed.
func TestRunInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var out, talk bytes.Buffer
	env := cli.Env{
		Stdin: strings.NewReader(""), Stderr: &talk, Getenv: func(string) string { return "" },
		Stdout: writer(func(p []byte) (int, error) {
			cancel() // at the first line
			return out.Write(p)
		}),
	}
	if code := cli.Main(ctx, []string{"run", "--jobs", "1", "baseline/*"}, env); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
	if got := out.String(); !strings.HasPrefix(got, "ok ") || strings.Contains(got, "FAIL") {
		t.Errorf("on stdout: %q", got)
	}
	for _, want := range []string{"of 20 scenarios had run", "interrupted"} {
		if !strings.Contains(talk.String(), want) {
			t.Errorf("on stderr: no %q in %q", want, talk.String())
		}
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }
