package cli_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"lyncpin/internal/cli"
)

// TestMain lets the scripts run lyncpin as a program of its own, with the code of this test binary.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"lyncpin": func() { os.Exit(cli.Main(context.Background(), os.Args[1:], cli.System())) },
	})
}

// The scripts in testdata say which commands give which output and exit code. The script command "code N" runs
// lyncpin and wants that exit code.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"code": wantCode},
	})
}

// wantCode is the script command "code".
func wantCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: code N [argument ...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec("lyncpin", args[1:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("lyncpin: %v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
