package lab_test

import (
	"bytes"
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"

	"lyncpin/internal/lab"
	"lyncpin/internal/pki"
	"lyncpin/internal/topology"
)

// What a proxy was given stays good: the second use leaves it alone, and another deployment gets another certificate from the same
// authority.
func TestKeep(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "bench")
	p := topology.Healthy().Proxy
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	first, fresh, err := lab.Keep(dir, &p)
	if err != nil || len(fresh) != 1 {
		t.Fatalf("got %v, %v", fresh, err)
	}
	certificate := read("proxy-fullchain.pem")
	if _, err := tls.X509KeyPair(certificate, read("proxy-key.pem")); err != nil {
		t.Error(err)
	}
	if _, err := tls.X509KeyPair(read("proxy-combined.pem"), read("proxy-combined.pem")); err != nil {
		t.Error(err)
	}
	second, fresh, err := lab.Keep(dir, &p)
	if err != nil || len(fresh) != 0 || !bytes.Equal(certificate, read("proxy-fullchain.pem")) {
		t.Errorf("the second time: got %v, %v", fresh, err)
	}
	if !bytes.Equal(first.RootPEM(pki.Enterprise), second.RootPEM(pki.Enterprise)) {
		t.Error("the second time there is another root")
	}
	p.Certificates[0].Names = append(p.Certificates[0].Names, "lyncdiscover.fabrikam-sales.example")
	if _, fresh, err = lab.Keep(dir, &p); err != nil || len(fresh) != 1 || bytes.Equal(certificate, read("proxy-fullchain.pem")) {
		t.Errorf("with one more name: got %v, %v", fresh, err)
	}
	for _, secret := range []string{"authority.pem", "proxy-key.pem", "proxy-combined.pem", "proxy.pfx", "proxy-pfx-password.txt"} {
		if info, err := os.Stat(filepath.Join(dir, secret)); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			t.Errorf("%s: %v, %v", secret, info.Mode(), err)
		}
	}
}
