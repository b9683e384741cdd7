package pki_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"lyncpin/internal/pki"
)

// A certificate issued today is trusted by who installed the roots a year ago.
func TestKeptAuthority(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "with a space", "authority")
	a := authority(t)
	if err := a.Save(dir); err != nil {
		t.Fatal(err)
	}
	later := now.AddDate(1, 0, 0)
	b, err := pki.Load(dir, later)
	if err != nil {
		t.Fatal(err)
	}
	for _, issuer := range []string{pki.Public, pki.Enterprise, pki.Other} {
		if !bytes.Equal(a.RootPEM(issuer), b.RootPEM(issuer)) {
			t.Errorf("%s: another root", issuer)
		}
		c, err := b.Issue(pki.Spec{Names: []string{"a.contoso.example"}, Issuer: issuer})
		if err != nil {
			t.Fatal(err)
		}
		inter, err := x509.ParseCertificate(c.Certificate[1])
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AddCert(inter)
		_, err = c.Leaf.Verify(x509.VerifyOptions{Roots: a.Roots(issuer), Intermediates: pool, DNSName: "a.contoso.example", CurrentTime: later})
		if err != nil {
			t.Errorf("%s: %v", issuer, err)
		}
	}
	if err := a.Save(dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("written over: got %v", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for path, want := range map[string]fs.FileMode{dir: 0o700, filepath.Join(dir, pki.KeptFile): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v, want %v", path, info.Mode().Perm(), err, want)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	whole := func() string {
		dir := t.TempDir()
		if err := authority(t).Save(dir); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, pki.KeptFile))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	good, other := whole(), whole()
	const end = "-----END PRIVATE KEY-----\n"
	mixed := good[:strings.Index(good, "-----BEGIN PRIVATE")] + other[strings.Index(other, "-----BEGIN PRIVATE"):]
	keys := strings.SplitAfter(good, end)
	tests := []struct {
		name, text string
		now        time.Time
		want       string
	}{
		{"empty", "", now, "a part of the public authority is missing"},
		{"half", good[:len(good)/2], now, "is missing"},
		{"another-order", keys[1] + keys[0] + keys[2], now, "a part of the public authority is missing"},
		{"another-key", mixed, now, "the key is another certificate's"},
		{"binary", strings.Repeat("\x00\xff", 1000), now, "is missing"},
		{"huge", strings.Repeat("x", 2<<20), now, "is no file of an authority"},
		{"damaged-key", strings.Replace(good, "PRIVATE KEY-----\nIssuer: public\n\n", "PRIVATE KEY-----\nIssuer: public\n\nAAAA", 1), now, "its key cannot be read"},
		{"too-late", good, now.AddDate(100, 0, 0), "it is valid from"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, pki.KeptFile), []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := pki.Load(dir, tt.now)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to say %q", err, tt.want)
			}
		})
	}
	if _, err := pki.Load(t.TempDir(), now); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the file: got %v", err)
	}
}
