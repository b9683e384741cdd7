package cli_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lyncpin/internal/cli"
	"lyncpin/internal/peer"
	"lyncpin/internal/pki"
)

// provenBackup is a backup of internal/pfsense with certificates in it that are valid now.
func provenBackup(t *testing.T, name string, edits ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "pfsense", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	authority, err := pki.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := authority.Issue(pki.Spec{Issuer: pki.Public, Names: []string{"lyncweb-ext.contoso.example", "lyncdiscover.contoso.example",
		"lyncdiscover.fabrikam.example", "meet.contoso.example", "meet.fabrikam.example", "dialin.contoso.example"}})
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.StdEncoding.EncodeToString
	text := strings.NewReplacer("@good@", encode(pki.LeafPEM(cert)), "@intermediate@", encode(pki.ChainPEM(cert)), "@key@", encode([]byte("a key"))).Replace(string(data))
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("%s holds no %q", name, edits[i])
		}
		text = strings.ReplaceAll(text, edits[i], edits[i+1])
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A backup is tried as the product that the firewall runs: a right one is silent, and what is wrong is named first.
func TestImportProves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, product, file string
		edits               []string
		code                int
		want                string // on standard output
	}{
		{"squid right", "squid", "squid-right.xml", nil, 0, "All is well"},
		{"haproxy right", "haproxy", "haproxy-right.xml", nil, 0, "All is well"},
		{"squid not flipped", "squid", "squid-right.xml", []string{"<port>4443<", "<port>443<", "<port>8080<", "<port>80<"}, 1, "[proxy.port-not-flipped]"},
		{"haproxy with the package's time-outs", "haproxy", "haproxy-right.xml",
			[]string{"<server_timeout>1800000<", "<server_timeout><", "<client_timeout>1800000<", "<client_timeout><"}, 1, "[mobility.long-poll-cut-by-idle-timeout]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			required := os.Getenv("LYNCPIN_REQUIRE_PEERS") != ""
			if c.product == "squid" && !required {
				t.Skip("a long poll is held for twenty seconds; set LYNCPIN_REQUIRE_PEERS to wait for it")
			}
			if _, err := peer.Find(c.product); err != nil {
				if required {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			var out, talk bytes.Buffer
			env := cli.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &talk, Getenv: func(string) string { return "" }}
			got := cli.Main(context.Background(), []string{"import", provenBackup(t, c.file, c.edits...), "--prove"}, env)
			first, _, _ := strings.Cut(out.String(), "\n  Seen")
			if got != c.code || !strings.Contains(first, c.want) {
				t.Errorf("exit code %d and %q first, want %d and %s\n%s%s", got, first, c.code, c.want, out.String(), talk.String())
			}
		})
	}
}
