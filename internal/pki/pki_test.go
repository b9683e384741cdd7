package pki_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"software.sslmate.com/src/go-pkcs12"

	"lyncpin/internal/pki"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func authority(t testing.TB) *pki.Authority {
	t.Helper()
	a, err := pki.New(now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// verify checks what is sent as a client does.
func verify(c tls.Certificate, roots *x509.CertPool, name string, usage x509.ExtKeyUsage) error {
	inter := x509.NewCertPool()
	for _, der := range c.Certificate[1:] {
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		inter.AddCert(parsed)
	}
	_, err := c.Leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: inter, DNSName: name, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	return err
}

func TestIssue(t *testing.T) {
	t.Parallel()
	a := authority(t)
	const name = "meet.contoso.example"
	unknownAuthority := func(err error) bool { _, ok := errors.AsType[x509.UnknownAuthorityError](err); return ok }
	invalid := func(reason x509.InvalidReason) func(error) bool {
		return func(err error) bool {
			ie, ok := errors.AsType[x509.CertificateInvalidError](err)
			return ok && ie.Reason == reason
		}
	}
	fine := func(err error) bool { return err == nil }
	tests := []struct {
		name       string
		spec       pki.Spec
		sent       int
		public     func(error) bool
		enterprise func(error) bool
	}{
		{"public", pki.Spec{Issuer: pki.Public}, 2, fine, fine},
		{"enterprise", pki.Spec{Issuer: pki.Enterprise}, 2, unknownAuthority, fine},
		{"other", pki.Spec{Issuer: pki.Other}, 2, unknownAuthority, unknownAuthority},
		{"self", pki.Spec{Issuer: pki.Self}, 1, unknownAuthority, unknownAuthority},
		{"leaf-only", pki.Spec{Issuer: pki.Public, Chain: pki.LeafOnly}, 1, unknownAuthority, unknownAuthority},
		{"reversed", pki.Spec{Issuer: pki.Public, Chain: pki.Reversed}, 3, fine, fine},
		{"with-root", pki.Spec{Issuer: pki.Enterprise, Chain: pki.WithRoot}, 3, unknownAuthority, fine},
		{"expired", pki.Spec{Issuer: pki.Public, Ends: -time.Hour}, 2, invalid(x509.Expired), nil},
		{"ends-tomorrow", pki.Spec{Issuer: pki.Public, Ends: 24 * time.Hour}, 2, fine, nil},
		{"not-yet-valid", pki.Spec{Issuer: pki.Public, Starts: time.Hour}, 2, invalid(x509.Expired), nil},
		{"client-usage", pki.Spec{Issuer: pki.Public, Usage: pki.Client}, 2, invalid(x509.IncompatibleUsage), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.spec.Names = []string{name}
			c, err := a.Issue(tt.spec)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Certificate) != tt.sent {
				t.Errorf("certificates sent: got %d, want %d", len(c.Certificate), tt.sent)
			}
			if err := verify(c, a.PublicRoots(), name, x509.ExtKeyUsageServerAuth); !tt.public(err) {
				t.Errorf("against the public roots: got %v", err)
			}
			if err := verify(c, a.EnterpriseRoots(), name, x509.ExtKeyUsageServerAuth); tt.enterprise != nil && !tt.enterprise(err) {
				t.Errorf("against the enterprise roots: got %v", err)
			}
		})
	}
}

func TestReversedIsOutOfOrder(t *testing.T) {
	t.Parallel()
	c, err := authority(t).Issue(pki.Spec{Names: []string{"a.example"}, Issuer: pki.Public, Chain: pki.Reversed})
	if err != nil {
		t.Fatal(err)
	}
	second, err := x509.ParseCertificate(c.Certificate[1])
	if err != nil {
		t.Fatal(err)
	}
	if c.Leaf.CheckSignatureFrom(second) == nil {
		t.Error("the second certificate issued the first, want another order")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		spec pki.Spec
		cn   string
		fits []string
		not  []string
	}{
		{"common-name-from-names", pki.Spec{Names: []string{"a.example", "b.example"}}, "a.example", []string{"a.example", "B.example"}, []string{"c.example"}},
		{"common-name-own", pki.Spec{CommonName: "pool.example", Names: []string{"a.example"}}, "pool.example", []string{"a.example"}, []string{"pool.example"}},
		{"common-name-alone", pki.Spec{CommonName: "pool.example"}, "pool.example", nil, []string{"pool.example"}},
		{"wildcard", pki.Spec{Names: []string{"*.contoso.example"}}, "*.contoso.example", []string{"meet.contoso.example"}, []string{"a.meet.contoso.example", "contoso.example"}},
		{"address", pki.Spec{Names: []string{"a.example", "203.0.113.10", "2001:db8::10"}}, "a.example", []string{"203.0.113.10", "2001:db8::10"}, []string{"203.0.113.11"}},
	}
	a := authority(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.spec.Issuer = pki.Public
			c, err := a.Issue(tt.spec)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Leaf.Subject.CommonName; got != tt.cn {
				t.Errorf("common name: got %q, want %q", got, tt.cn)
			}
			for _, n := range tt.fits {
				if err := c.Leaf.VerifyHostname(n); err != nil {
					t.Errorf("for %s: got %v, want none", n, err)
				}
			}
			for _, n := range tt.not {
				if c.Leaf.VerifyHostname(n) == nil {
					t.Errorf("for %s: got no error, want one", n)
				}
			}
		})
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	c, err := authority(t).Issue(pki.Spec{Names: []string{"a.example"}, Issuer: pki.Public})
	if err != nil {
		t.Fatal(err)
	}
	got := []time.Time{c.Leaf.NotBefore, c.Leaf.NotAfter}
	want := []time.Time{now.AddDate(0, 0, -30), now.AddDate(1, 0, 0)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
}

func TestIssueRefuses(t *testing.T) {
	t.Parallel()
	a := authority(t)
	tests := []struct {
		name string
		spec pki.Spec
		want string
	}{
		{"no-name", pki.Spec{Issuer: pki.Public}, "neither a common name nor a name"},
		{"issuer", pki.Spec{Names: []string{"a.example"}, Issuer: "publik"}, `unknown issuer "publik"`},
		{"no-issuer", pki.Spec{Names: []string{"a.example"}}, `unknown issuer ""`},
		{"chain", pki.Spec{Names: []string{"a.example"}, Issuer: pki.Public, Chain: "half"}, `unknown chain "half"`},
		{"usage", pki.Spec{Names: []string{"a.example"}, Issuer: pki.Public, Usage: "mail"}, `unknown usage "mail"`},
		{"times", pki.Spec{Names: []string{"a.example"}, Issuer: pki.Public, Starts: 2 * time.Hour, Ends: time.Hour}, "ends (1h0m0s) before it starts"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for range 2 { // from the cache too
				_, err := a.Issue(tt.spec)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want it to say %q", err, tt.want)
				}
			}
		})
	}
}

func TestIssueTwice(t *testing.T) {
	t.Parallel()
	a := authority(t)
	spec := pki.Spec{Names: []string{"a.example", "b.example"}, Issuer: pki.Public}
	got := make([]tls.Certificate, 20)
	var group sync.WaitGroup
	for i := range got {
		group.Go(func() {
			var err error
			if got[i], err = a.Issue(spec); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, c := range got {
		if c.Leaf != got[0].Leaf {
			t.Fatal("the same spec got two certificates")
		}
	}
	spec.Names = []string{"a.example b.example"} // near: joined, not the same
	c, err := a.Issue(spec)
	if err != nil {
		t.Fatal(err)
	}
	if c.Leaf == got[0].Leaf {
		t.Error("another spec got the same certificate")
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	a := authority(t)
	c, err := a.Issue(pki.Spec{Names: []string{"a.example"}, Issuer: pki.Public})
	if err != nil {
		t.Fatal(err)
	}
	key, err := pki.KeyPEM(c)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(pki.FullChainPEM(c), key)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.Certificate, pair.Certificate); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	if got := append(pki.LeafPEM(c), pki.ChainPEM(c)...); !bytes.Equal(got, pki.FullChainPEM(c)) {
		t.Error("leaf and chain are not the full chain")
	}
	if block, _ := pem.Decode(key); block.Type != "PRIVATE KEY" {
		t.Errorf("type of the key: got %q, want PKCS #8", block.Type)
	}
	pfx, err := pki.PFX(c, "secret")
	if err != nil {
		t.Fatal(err)
	}
	pfxKey, leaf, cas, err := pkcs12.DecodeChain(pfx, "secret")
	if err != nil {
		t.Fatal(err)
	}
	if !leaf.Equal(c.Leaf) || len(cas) != 1 || !c.PrivateKey.(*ecdsa.PrivateKey).Equal(pfxKey) {
		t.Error("the PFX does not hold key, certificate and chain")
	}
	if _, _, _, err := pkcs12.DecodeChain(pfx, "wrong"); err == nil {
		t.Error("the PFX opens with any password")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(a.RootPEM(pki.Enterprise)) || !pool.AppendCertsFromPEM(a.RootPEM(pki.Public)) || !pool.Equal(a.EnterpriseRoots()) {
		t.Error("the enterprise's and the public root as PEM are not the roots of managed machines")
	}
	if got := a.RootPEM(pki.Self); got != nil {
		t.Errorf("root of %q: got %d bytes, want none", pki.Self, len(got))
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		authority(b)
	}
}

func BenchmarkIssue(b *testing.B) {
	a := authority(b)
	for i := 0; b.Loop(); i++ {
		if _, err := a.Issue(pki.Spec{Names: []string{fmt.Sprintf("n%d.example", i)}, Issuer: pki.Public}); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleAuthority_Issue() {
	ca, err := pki.New(time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	cert, err := ca.Issue(pki.Spec{Names: []string{"meet.contoso.example"}, Issuer: pki.Public, Chain: pki.LeafOnly})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cert.Leaf.Subject, "from", cert.Leaf.Issuer.CommonName)
	// Output: CN=meet.contoso.example from Lab Public Issuing CA
}

// A key of the other kind is a certificate of its own, whatever else it is for.
func TestRSA(t *testing.T) {
	t.Parallel()
	ca := authority(t)
	for _, issuer := range []string{pki.Enterprise, pki.Self} {
		spec := pki.Spec{Names: []string{"meet.contoso.example"}, Issuer: issuer}
		if _, err := ca.Issue(spec); err != nil {
			t.Fatal(err)
		}
		spec.RSA = true
		cert, err := ca.Issue(spec)
		if err != nil {
			t.Fatal(err)
		}
		pub, ok := cert.Leaf.PublicKey.(*rsa.PublicKey)
		if !ok || pub.N.BitLen() != 2048 {
			t.Errorf("%s: the key is %T", issuer, cert.Leaf.PublicKey)
		}
		key, err := pki.KeyPEM(cert)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tls.X509KeyPair(pki.FullChainPEM(cert), key); err != nil {
			t.Errorf("%s: the files do not fit: %v", issuer, err)
		}
	}
}
