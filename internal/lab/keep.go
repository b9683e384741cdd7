package lab

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"lyncpin/internal/pki"
	"lyncpin/internal/topology"
)

// Keep is the authority that is kept in dir, made there at its first use, for a proxy that is set up once and tried often. Beside it
// lies what that proxy has to be given: the roots that it trusts, as managed machines do, and its own certificates with their keys in the
// forms that products want. fresh are the full chains of those that were written just now, because there were none or they
// no longer fit the proxy of the topology.
func Keep(dir string, p *topology.Proxy) (authority *pki.Authority, fresh []string, err error) {
	authority, fresh, err = keep(dir, p)
	if err != nil {
		return nil, nil, fmt.Errorf("lab: %w", err)
	}
	return authority, fresh, nil
}

func keep(dir string, p *topology.Proxy) (*pki.Authority, []string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	authority, err := pki.Load(dir, now)
	if errors.Is(err, fs.ErrNotExist) {
		if authority, err = pki.New(now); err == nil {
			err = authority.Save(dir)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	w := writer{dir: dir}
	w.roots(authority)
	var fresh []string
	for i := range p.Certificates {
		c := &p.Certificates[i]
		name := "proxy"
		if i > 0 {
			name = fmt.Sprintf("proxy%d", i+1)
		}
		if fits(dir, name, c, authority.Roots(c.Issuer), now) {
			continue
		}
		cert, err := issueFrom(authority, c)
		if err != nil {
			return nil, nil, err
		}
		files, err := w.certificate(name, cert)
		if err != nil {
			return nil, nil, err
		}
		key, err := pki.KeyPEM(cert)
		if err != nil {
			return nil, nil, err
		}
		w.write(name+"-combined.pem", secretMode, pki.FullChainPEM(cert), key)
		w.write(name+"-pfx-password.txt", secretMode, []byte(files.PFXPassword+"\n"))
		fresh = append(fresh, files.FullChain)
	}
	return authority, fresh, w.err
}

// fits tells whether the certificate that lies there is what the topology wants.
func fits(dir, name string, c *topology.Certificate, roots *x509.CertPool, now time.Time) bool {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+"-fullchain.pem"), filepath.Join(dir, name+"-key.pem"))
	if err != nil {
		return false
	}
	if slices.ContainsFunc(c.Names, func(n string) bool {
		return !slices.Contains(pair.Leaf.DNSNames, n) && pair.Leaf.VerifyHostname(n) != nil
	}) {
		return false
	}
	sent := x509.NewCertPool()
	for _, der := range pair.Certificate[1:] {
		if parsed, err := x509.ParseCertificate(der); err == nil {
			sent.AddCert(parsed)
		}
	}
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: sent, CurrentTime: now})
	return err == nil
}

// certificate writes a certificate in several forms.
func (w *writer) certificate(name string, cert tls.Certificate) (*ProxyFiles, error) {
	key, err := pki.KeyPEM(cert)
	if err != nil {
		return nil, err
	}
	password := rand.Text()
	pfx, err := pki.PFX(cert, password)
	if err != nil {
		return nil, err
	}
	return &ProxyFiles{
		Cert:        w.write(name+"-cert.pem", publicMode, pki.LeafPEM(cert)),
		Chain:       w.write(name+"-chain.pem", publicMode, pki.ChainPEM(cert)),
		FullChain:   w.write(name+"-fullchain.pem", publicMode, pki.FullChainPEM(cert)),
		Key:         w.write(name+"-key.pem", secretMode, key),
		PFX:         w.write(name+".pfx", secretMode, pfx),
		PFXPassword: password,
	}, nil
}
