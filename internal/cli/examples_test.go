package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lyncpin/internal/cli"
)

// TestExamples uses the files of examples/ as the README does, beside the certificates of a lab.
func TestExamples(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples")); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	start(t, nil, "lab", "--only", "dns,frontend", "--write", at("lab")).stop(t)

	used := map[string]bool{at("deployment.yaml"): true} // which the README writes
	for _, tc := range []struct {
		file, want string
		args       []string
		code       int
	}{
		{"my-deployment.yaml", "1 file as expected", []string{"run"}, 0},
		{"proxy.yaml", "0 settings deserve a second look", []string{"proxy", "--check", "--config"}, 0},
		{"dns.yaml", "the configuration can be used", []string{"dns", "--check", "--config"}, 0},
		{"fakelync.yaml", "the configuration can be used", []string{"fakelync", "--check", "--config"}, 0},
		// Nobody answers the probe, but the file is read.
		{"expect.yaml", "lyncweb-ext.contoso.example", []string{
			"probe", "contoso.example", "--resolver", "192.0.2.1:9", "--timeout", "300ms", "--format", "json", "--expect"}, 3},
	} {
		used[at(tc.file)] = true
		var out bytes.Buffer
		env := cli.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }}
		if code := cli.Main(t.Context(), append(tc.args, at(tc.file)), env); code != tc.code || !strings.Contains(out.String(), tc.want) {
			t.Errorf("%s: exit code %d, want %d; want %q in\n%s", tc.file, code, tc.code, tc.want, out.String())
		}
	}
	files, err := filepath.Glob(at("*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !used[f] {
			t.Errorf("%s is used by no test", filepath.Base(f))
		}
	}
}

// TestReadmeCommands holds that the commands of the README have only arguments that exist: with --help behind them they
// are read and not run.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	joined := strings.NewReplacer("\r", "", "\\\n", " ").Replace(string(text))
	commands := regexp.MustCompile("(?m)(?:^|`|exec \\w+ )lyncpin (\\w+)([^\n`#>|]*)").FindAllStringSubmatch(joined, -1)
	if len(commands) < 15 {
		t.Fatalf("only %d commands found", len(commands))
	}
	for _, c := range commands {
		var out bytes.Buffer
		env := cli.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }}
		args := append(append([]string{c[1]}, strings.Fields(c[2])...), "--help")
		code := cli.Main(t.Context(), args, env)
		if code != 0 || !strings.Contains(out.String(), "\n  lyncpin "+c[1]) {
			t.Errorf("lyncpin %s%s: %s", c[1], c[2], out.String())
		}
	}
}
