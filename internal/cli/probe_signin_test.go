package cli

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lyncpin/internal/lab"
	"lyncpin/internal/topology"
)

// A wrong password is used once, however many clients, places and runs there are; the right one signs in everywhere, and
// neither is written anywhere.
func TestProbeSignsIn(t *testing.T) {
	t.Parallel()
	l, err := lab.Start(t.Context(), topology.Healthy(), lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	if err := l.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	probe := func(password, cache string) (code int, stdout, stderr, record string) {
		var out, talk bytes.Buffer
		saved := filepath.Join(t.TempDir(), "record.json")
		args := []string{"probe", "--user", `user1@contoso.example=CONTOSO\user1`, "--user", `user2@contoso.example=CONTOSO\user2`,
			"--hold", "0", "--from", "external,internal", "--save", saved, "--verbose",
			"--roots", filepath.Join(dir, "public-roots.pem"), "--enterprise-roots", filepath.Join(dir, "enterprise-roots.pem")}
		code = Main(t.Context(), append(args, reaching(t, l)...), Env{
			Stdin: strings.NewReader(""), Stdout: &out, Stderr: &talk, CacheDir: cache,
			Getenv: func(name string) string {
				return map[string]string{"LYNCPIN_PASSWORD": password, "LYNCPIN_PASSWORD_2": "lab-only-Lantern-2"}[name]
			},
		})
		data, err := os.ReadFile(saved)
		if err != nil {
			t.Fatal(err, talk.String())
		}
		return code, out.String(), talk.String(), string(data)
	}
	refused := func() (n int) {
		for _, fe := range l.FrontEnds() {
			for _, r := range fe.History() {
				if strings.HasSuffix(string(r.Logon), "refused") {
					n++
				}
			}
		}
		return n
	}

	cache := t.TempDir()
	for run := 1; run <= 2; run++ {
		code, stdout, stderr, record := probe("lab-only-Mistyped-9", cache)
		if want := "[auth.bad-credentials-control]"; run == 1 && (code != exitFound || !strings.Contains(stdout, want)) {
			t.Errorf("a wrong password: code %d, want %d and %s in\n%s%s", code, exitFound, want, stdout, stderr)
		}
		if n := refused(); n != 1 {
			t.Errorf("after run %d the wrong password was refused %d times, want once", run, n)
		}
		if strings.Contains(stdout+stderr+record, "Mistyped") {
			t.Errorf("run %d shows the password", run)
		}
	}

	code, stdout, stderr, record := probe("lab-only-Harbour-1", cache)
	if code != exitClear || strings.Contains(stdout, "Nobody signed in") {
		t.Errorf("the right password: code %d, want %d:\n%s%s", code, exitClear, stdout, stderr)
	}
	for _, secret := range []string{"Harbour", "Lantern", "cwt=AAEB", "TlRMTVNTUAAD"} {
		if strings.Contains(stdout+stderr+record, secret) {
			t.Errorf("report or record holds %q", secret)
		}
	}
}

// reaching are the flags with which a probe finds the servers of a lab on loopback.
func reaching(t *testing.T, l *lab.Lab) []string {
	t.Helper()
	e := l.Endpoints()
	args := []string{"--resolver", "external=" + e.DNS.External, "--resolver", "internal=" + e.DNS.Internal}
	connect := func(addr netip.Addr, port string, to string) {
		args = append(args, "--connect", addr.String()+":"+port+"="+to)
	}
	connect(topology.ProxyPublic, "443", e.Proxy.HTTPS)
	connect(topology.ProxyPublic, "80", e.Proxy.HTTP)
	fe := e.FrontEnds[0]
	connect(topology.BalancerInside, "443", fe.InternalHTTPS)
	connect(topology.BalancerInside, "80", fe.InternalHTTP)
	return args
}
