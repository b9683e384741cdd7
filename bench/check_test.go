package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lyncpin/proxy"
)

// failed are the checks that a proxy fails.
func failed(all []checked) []string {
	var out []string
	for _, c := range all {
		if c.Error != "" {
			out = append(out, c.Name)
		}
	}
	return out
}

// Checks see what is wrong, and nothing where all is well.
func TestChecks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		addr func(t *testing.T, b *bench) string
		want []string
	}{
		{"no proxy", func(_ *testing.T, b *bench) string { return b.webAddr }, nil},
		{"ours", startOurs, nil},
		{"relay", func(t *testing.T, b *bench) string { return b.serve(t, serveRelay, b.settings()) }, nil},
		{"shared pool", func(t *testing.T, b *bench) string { return b.serve(t, serveTuned, b.settings()) }, []string{"NTLM leaks", "NTLM, 16 at once"}},
		{"all wrong", func(t *testing.T, b *bench) string { return b.serve(t, serveBad, b.settings()) },
			[]string{"NTLM leaks", "NTLM, 16 at once", "abandoned poll", "Expect", "chunks on time", "unbuffered upload", "head of 64 KB"}},
		{"nobody there", func(*testing.T, *bench) string { return "127.0.0.1:1" },
			[]string{"NTLM leaks", "NTLM, 16 at once", "abandoned poll", "Expect", "chunks on time", "unbuffered upload", "head of 64 KB"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newWorld(t)
			all := b.check(t.Context(), c.addr(t, b), false)
			if diff := cmp.Diff(c.want, failed(all)); diff != "" {
				t.Errorf("failed checks (-want +got):\n%s\n%s", diff, strings.Join(verdicts(all), "\n"))
			}
		})
	}
}

// startOurs is our proxy within the test, with the configuration that is measured.
func startOurs(t *testing.T, b *bench) string {
	t.Helper()
	p := b.places(ours, keyECDSA)
	p.Listen = "127.0.0.1:0"
	file := b.file("proxy.yaml")
	if err := (contestant{config: "proxy.yaml"}).write(file, p); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := proxy.LoadConfig(file, text)
	if err != nil {
		t.Fatal(err)
	}
	s, err := proxy.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s.HTTPSAddrs()[0].String()
}

func TestLogonIsTheConnections(t *testing.T) {
	t.Parallel()
	b := newWorld(t)
	one, err := b.visit(t.Context(), b.webAddr)
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.visit(t.Context(), b.webAddr)
	if err != nil {
		t.Fatal(err)
	}
	resp, _, err := one.ask(pathNTLM, "Authorization: "+writeNTLM(1, "")+"\r\n")
	if err != nil {
		t.Fatal(err)
	}
	kind, challenge := readNTLM(resp.Header.Get("WWW-Authenticate"))
	if kind != 2 || challenge == "" {
		t.Fatalf("no challenge: %v", resp.Header)
	}
	last := "Authorization: " + writeNTLM(3, challenge+" user01") + "\r\n"
	if err := two.is("user01", last); err == nil {
		t.Error("the challenge of another connection was taken")
	}
	if err := one.is("user01", last); err != nil {
		t.Errorf("the last message: %v", err)
	}
	if err := one.is("user01", ""); err != nil {
		t.Errorf("without credentials: %v", err)
	}
	if err := one.is("user01", last); err != nil {
		t.Errorf("with the message again: %v", err)
	}
	if err := two.is("user01", ""); err == nil {
		t.Error("another connection is logged on")
	}
}

func TestReadNTLMRefuses(t *testing.T) {
	t.Parallel()
	for _, field := range []string{"", "NTLM", "NTLM !", "NTLM AAAA", "Basic dXNlcjp4", "NTLM TlRMTVNTUAA="} {
		if kind, _ := readNTLM(field); kind != 0 {
			t.Errorf("%q was read as message %d", field, kind)
		}
	}
}

func TestRemark(t *testing.T) {
	t.Parallel()
	all := []checked{{Name: "a"}, {Name: "b", Error: "x", fault: "leaks"}, {Name: "c", Error: "y", fault: "cuts"}}
	if got, want := remark(all), "but: leaks, cuts"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := remark(slices.Clone(all[:1])); got != "" {
		t.Errorf("got %q where all is well", got)
	}
}
