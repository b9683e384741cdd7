package lint

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// certificate is a certificate in PEM, signed by the issuer's name.
func certificate(t *testing.T, subject, issuer string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name := func(cn string) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn}}
	}
	der, err := x509.CreateCertificate(rand.Reader, name(subject), name(issuer), &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestLeafAlone(t *testing.T) {
	t.Parallel()
	leaf, intermediate := certificate(t, "lync", "intermediate"), certificate(t, "intermediate", "root")
	files := map[string]string{"/tls/leaf": leaf, "/tls/chain": leaf + intermediate, "/tls/own": certificate(t, "own", "own"), "/tls/junk": "x"}
	readFile := func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return []byte(text), nil
		}
		return nil, errors.New("no such file")
	}
	for name, want := range map[string]bool{"/tls/leaf": true, "/tls/chain": false, "/tls/own": false, "/tls/junk": false, "/tls/absent": false} {
		for rule, text := range map[string]string{
			"NGX-51": strings.Replace(unflipped, "location", "ssl_certificate "+name+";\n  location", 1),
			"APA-51": "<VirtualHost *:443>\nServerName lync.contoso.example\nSSLEngine on\nSSLCertificateFile " + name + "\nProxyPass / https://10.10.10.11:4443/\n</VirtualHost>\n",
		} {
			if got := slices.Contains(ids(Check(read(t, text), Options{ReadFile: readFile})), rule); got != want {
				t.Errorf("%s with %s: found = %v, want %v", rule, name, got, want)
			}
			if slices.Contains(ids(Check(read(t, text), Options{})), rule) {
				t.Errorf("%s: found with no file to read", rule)
			}
		}
	}
}
