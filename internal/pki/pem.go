package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"software.sslmate.com/src/go-pkcs12"
)

// Types of PEM blocks.
const (
	certBlock = "CERTIFICATE"
	keyBlock  = "PRIVATE KEY" // PKCS #8
)

// RootPEM is the root certificate of an issuer, or nil for Self and for issuers there are none of.
func (a *Authority) RootPEM(issuer string) []byte {
	c := a.chains[issuer]
	if c == nil {
		return nil
	}
	return certPEM(c.root.Raw)
}

// LeafPEM is the certificate alone.
func LeafPEM(c tls.Certificate) []byte { return certPEM(c.Certificate[:1]...) }

// ChainPEM is what is sent after the certificate, in that order; empty when it goes alone.
func ChainPEM(c tls.Certificate) []byte { return certPEM(c.Certificate[1:]...) }

// FullChainPEM is all that is sent, in that order.
func FullChainPEM(c tls.Certificate) []byte { return certPEM(c.Certificate...) }

// KeyPEM is the private key in PKCS #8.
func KeyPEM(c tls.Certificate) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("pki: encode the private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), nil
}

// PFX is key, certificate and chain in PKCS #12 (.pfx) with the password, in the encryption that OpenSSL 1.1.1 and
// Windows Server 2019 and later read.
func PFX(c tls.Certificate, password string) ([]byte, error) {
	certs := make([]*x509.Certificate, len(c.Certificate))
	for i, der := range c.Certificate {
		var err error
		if certs[i], err = x509.ParseCertificate(der); err != nil {
			return nil, fmt.Errorf("pki: read certificate %d of the chain: %w", i+1, err)
		}
	}
	data, err := pkcs12.Modern.Encode(c.PrivateKey, certs[0], certs[1:], password)
	if err != nil {
		return nil, fmt.Errorf("pki: encode PKCS #12: %w", err)
	}
	return data, nil
}

func certPEM(ders ...[]byte) []byte {
	var out []byte
	for _, der := range ders {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: certBlock, Bytes: der})...)
	}
	return out
}
