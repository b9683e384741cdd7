package export_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"lyncpin/internal/export"
	"lyncpin/internal/pki"
	"lyncpin/internal/topology"
	"lyncpin/scenarios"
)

// checks are how each product is asked what it thinks of a file. DIR is a directory of its own.
var checks = map[string][]string{
	export.Nginx: {"nginx", "-t", "-q", "-e", "stderr", "-g", "pid DIR/pid;", "-p", "DIR", "-c", "FILE"},

	export.NginxStream: {"nginx", "-t", "-q", "-e", "stderr", "-g", "pid DIR/pid;", "-p", "DIR", "-c", "FILE"},
	export.Apache:      {"apache2", "-t", "-d", "DIR", "-f", "FILE"},
	export.Squid:       {"squid", "-k", "parse", "-f", "FILE"},
	export.Caddy:       {"caddy", "validate", "--adapter", "caddyfile", "--config", "FILE"},
	export.HAProxy:     {"haproxy", "-c", "-q", "-f", "FILE"},
}

var listen = regexp.MustCompile(`listen [\d.]+:\d+|listen \[[\da-f:]+\]:\d+`)

// program finds a product, else skips the test; with LYNCPIN_REQUIRE_PEERS set it fails.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/sbin/", "/usr/local/sbin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	if os.Getenv("LYNCPIN_REQUIRE_PEERS") != "" {
		t.Fatalf("%s is not installed, and LYNCPIN_REQUIRE_PEERS is set", name)
	}
	t.Skipf("%s is not installed: the product itself cannot say what it thinks of the text", name)
	return ""
}

// check asks a product about a text, and returns what it says when it does not take it.
func check(t *testing.T, product, text string) error {
	t.Helper()
	dir, err := os.MkdirTemp("", "export") // a short path: sockets have little room
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "proxy.conf")
	if checks[product][0] == "nginx" { // it binds also to check, and the plan's addresses are not here
		n := 0
		text = listen.ReplaceAllStringFunc(text, func(string) string {
			n++
			return fmt.Sprintf("listen unix:%s/%d", dir, n)
		})
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	var args []string
	for _, a := range checks[product] {
		switch a {
		case "FILE":
			a = file
		case "DIR":
			a = dir
		case "pid DIR/pid;":
			a = "pid " + dir + "/pid;"
		}
		args = append(args, a)
	}
	cmd := exec.CommandContext(t.Context(), program(t, args[0]), args[1:]...)
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.New(string(out))
	}
	return nil
}

// files writes what the text will name.
func files(t *testing.T, authority *pki.Authority, p *topology.Proxy) export.Files {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, parts ...[]byte) string {
		path := filepath.Join(dir, name)
		var data []byte
		for _, p := range parts {
			data = append(data, p...)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	out := export.Files{Roots: map[string]string{
		topology.EnterpriseCA: write("enterprise.pem", authority.RootPEM(pki.Enterprise)),
		topology.PublicCA:     write("public.pem", authority.RootPEM(pki.Public)),
	}}
	for _, c := range p.Certificates {
		issued, err := authority.Issue(pki.Spec{CommonName: c.CommonName, Names: c.Names, Issuer: c.Issuer})
		if err != nil {
			t.Fatal(err)
		}
		key, err := pki.KeyPEM(issued)
		if err != nil {
			t.Fatal(err)
		}
		n := string(rune('a' + len(out.Certificates)))
		out.Certificates = append(out.Certificates, export.CertificateFiles{
			FullChain: write(n+"-chain.pem", pki.FullChainPEM(issued)), Key: write(n+"-key.pem", key),
			Combined: write(n+".pem", pki.FullChainPEM(issued), key),
		})
	}
	return out
}

// TestProductsTakeWhatIsWritten asks the products themselves about every healthy deployment and every shape of the goldens.
func TestProductsTakeWhatIsWritten(t *testing.T) {
	t.Parallel()
	authority, err := pki.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	shapes := map[string]*topology.Proxy{}
	for _, s := range scenarios.All() {
		if s.Kind == scenarios.KindBaseline {
			shapes[s.ID] = &s.Topology().Proxy
		}
	}
	if len(shapes) < 12 {
		t.Fatalf("found %d baselines", len(shapes))
	}
	for _, g := range shapesOfGoldens() {
		shapes[g.name] = proxyWith(g.edit)
	}
	for product := range checks {
		t.Run(product, func(t *testing.T) {
			t.Parallel()
			program(t, checks[product][0])
			for name, p := range shapes {
				t.Run(name, func(t *testing.T) {
					text, err := export.Write(product, export.Input{Proxy: *p, Files: files(t, authority, p)})
					if u, ok := errors.AsType[*export.UnsupportedError](err); ok {
						t.Skip(u)
					}
					if err != nil {
						t.Fatal(err)
					}
					if err := check(t, product, text); err != nil {
						t.Errorf("%s does not take it: %v\n%s", product, err, text)
					}
				})
			}
		})
	}
}
