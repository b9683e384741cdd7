package cli_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"lyncpin/internal/cli"
	"lyncpin/internal/export"
	"lyncpin/internal/lab"
	"lyncpin/internal/peer"
	"lyncpin/internal/topology"
	"lyncpin/scenarios"
)

// box is a proxy on the bench: somebody has installed what --authority has made, and has told it of the Front End.
type box struct {
	peer      *peer.Peer
	frontEnds string
	// authority is the directory that the lab keeps, roots a file with what has issued the box's certificate.
	authority, roots string
	https, http      string
}

// setting is what somebody does otherwise.
type setting struct {
	notFlipped     bool // forwards to the ports that the box itself listens at
	ownCertificate bool // has a certificate from elsewhere
}

// newBox sets a product up in front of the Front End at an address of loopback.
func newBox(t *testing.T, product string, how setting) *box {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8")
	}
	if _, err := peer.Find(product); err != nil {
		if _, missing := errors.AsType[*peer.MissingError](err); missing && os.Getenv("LYNCPIN_REQUIRE_PEERS") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	b := &box{authority: filepath.Join(t.TempDir(), "bench")}
	at := netip.AddrFrom4([4]byte{127, byte(1 + rand.N(250)), byte(rand.N(250)), 10})
	b.frontEnds = at.String()
	list, err := scenarios.Match([]string{"baseline/standard-edition"})
	if err != nil {
		t.Fatal(err)
	}
	top := list[0].Topology()
	scenarios.Reduce(top)
	if _, _, err := lab.Keep(b.authority, &top.Proxy); err != nil {
		t.Fatal(err)
	}
	certificate := b.authority
	if how.ownCertificate {
		certificate = filepath.Join(t.TempDir(), "elsewhere")
		if _, _, err := lab.Keep(certificate, &top.Proxy); err != nil {
			t.Fatal(err)
		}
	}
	b.roots = filepath.Join(certificate, "public-roots.pem")
	files := export.DefaultFiles(product, 1)
	text, err := export.Write(product, export.Input{Proxy: top.Proxy, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	installed := func(dir, name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	https, http := netip.AddrPortFrom(top.Proxy.Addresses[0], 443), netip.AddrPortFrom(top.Proxy.Addresses[0], 80)
	var listen []netip.AddrPort
	for _, a := range top.Proxy.Addresses {
		listen = append(listen, netip.AddrPortFrom(a, 443), netip.AddrPortFrom(a, 80))
	}
	b.peer, err = peer.Start(t.Context(), peer.Config{
		Product: product, Text: text, Listen: listen,
		Files: map[string][]byte{
			files.Certificates[0].FullChain:    installed(certificate, "proxy-fullchain.pem"),
			files.Certificates[0].Key:          installed(certificate, "proxy-key.pem"),
			files.Certificates[0].Combined:     installed(certificate, "proxy-combined.pem"),
			files.Roots[topology.EnterpriseCA]: installed(b.authority, "enterprise-roots.pem"),
		},
		WebServer: func(plan netip.AddrPort) netip.AddrPort {
			port := plan.Port()
			if how.notFlipped {
				port = map[uint16]uint16{4443: 443, 8080: 80}[port]
			}
			return netip.AddrPortFrom(at, port)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.peer.Close() })
	b.https, b.http = strconv.Itoa(int(b.peer.Addr(https).Port())), strconv.Itoa(int(b.peer.Addr(http).Port()))
	return b
}

// run runs lyncpin run through the box.
func (b *box) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	all := []string{"run", "--proxy", "at=127.0.0.1,443=" + b.https + ",80=" + b.http, "--front-ends", b.frontEnds, "--authority", b.authority, "--hold", "0s"}
	return lyncpin(t.Context(), append(all, args...)...)
}

func lyncpin(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, talk bytes.Buffer
	code = cli.Main(ctx, args, cli.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &talk, Getenv: func(string) string { return "" }})
	return code, out.String(), talk.String()
}

// A proxy that somebody has set up as it is exported is found healthy, and faults behind it are named through it.
func TestProxyAtAnAddress(t *testing.T) {
	t.Parallel()
	b := newBox(t, "haproxy", setting{})
	code, stdout, stderr := b.run(t)
	if code != 0 || !strings.Contains(stdout, "ok    at/deployment  silent\n") || !strings.Contains(stdout, "\nAll is well") {
		t.Errorf("exit code %d\n%s%s\n%s", code, stdout, stderr, b.peer.Log())
	}
	if !strings.Contains(stderr, "wac.contoso.example: left out") || strings.Contains(stderr, "a new certificate") {
		t.Errorf("on stderr: %s", stderr)
	}
	code, stdout, stderr = b.run(t, "dns.lyncdiscover-missing", "proxy.port-not-flipped")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{
		"ok    at/dns.lyncdiscover-missing/no-record", "named first",
		"skipped: it needs the proxy to be set up otherwise",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s%s", want, stdout, stderr)
		}
	}
}

// One that forwards to the ports it listens at leads everybody to the internal site.
func TestProxyAtAnAddressNotFlipped(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("ports 443 and 80 of the internal site need privileges")
	}
	b := newBox(t, "nginx", setting{notFlipped: true})
	code, stdout, stderr := b.run(t)
	if code != 1 || !strings.Contains(stdout, "FAIL  at/deployment  named proxy.port-not-flipped") || !strings.Contains(stdout, "Fix ") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// A certificate from elsewhere is trusted by its own roots, and only with them.
func TestProxyAtAnAddressWithItsOwnCertificate(t *testing.T) {
	t.Parallel()
	b := newBox(t, "haproxy", setting{ownCertificate: true})
	if code, stdout, stderr := b.run(t, "--roots", b.roots); code != 0 || !strings.Contains(stdout, "\nAll is well") {
		t.Errorf("with its roots: exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := b.run(t); code != 1 || !strings.Contains(stdout, "FAIL  at/deployment  named tls.") {
		t.Errorf("without: exit code %d\n%s%s", code, stdout, stderr)
	}
}

func TestProxyAtAnAddressRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"port-in-host", []string{"--proxy", "at=192.0.2.1:443"}, "want a host or address without a port"},
		{"no-host", []string{"--proxy", "at="}, "needs a host or address"},
		{"port", []string{"--proxy", "at=192.0.2.1,443=https"}, "want 443=PORT or 80=PORT"},
		{"other-port", []string{"--proxy", "at=192.0.2.1,4443=8443"}, "want 443=PORT or 80=PORT"},
		{"no-trust", []string{"--proxy", "at=192.0.2.1", "--front-ends", "127.0.0.1"}, "needs --authority or --roots"},
		{"front-ends", []string{"--proxy", "at=192.0.2.1", "--front-ends", "fe1"}, "want an IP address"},
		{"addresses", []string{"--proxy", "at=192.0.2.1"}, "ip addr add 10.10.10.11 dev"},
		{"without-at", []string{"--front-ends", "127.0.0.1"}, "--front-ends is for a proxy at an address"},
		{"hold", []string{"--proxy", "at=192.0.2.1", "--hold", "-1s"}, "at least zero"},
		{"two", []string{"--proxy", "at=192.0.2.1,nginx"}, "want 443=PORT or 80=PORT"},
		{"two-the-other-way", []string{"--proxy", "nginx,at=192.0.2.1"}, "alone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := lyncpin(t.Context(), append([]string{"run"}, tt.args...)...)
			if code != 2 || stdout != "" || !strings.Contains(stderr, tt.want) {
				t.Errorf("exit code %d, stdout %q, stderr %q, want %q", code, stdout, stderr, tt.want)
			}
		})
	}
}
