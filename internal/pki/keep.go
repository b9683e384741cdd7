package pki

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// KeptFile is the file that Save writes and Load reads.
const KeptFile = "authority.pem"

// issuerHeader says in each block of a kept authority whose it is.
const issuerHeader = "Issuer"

// maxKept bounds what is read of the file, in bytes: three authorities take less than 10 KB.
const maxKept = 1 << 20

// kept are the issuers in the order of the file.
var kept = []string{Public, Enterprise, Other}

// Save writes the authorities with the keys they issue with into dir, for Load. A directory that does not exist is made for its owner
// alone; the file is the owner's alone in any case, and is whole or not there. One that is there already is not written over: the
// error is fs.ErrExist.
func (a *Authority) Save(dir string) error {
	if err := a.save(dir); err != nil {
		return fmt.Errorf("pki: keep the authority: %w", err)
	}
	return nil
}

func (a *Authority) save(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	target := filepath.Join(dir, KeptFile)
	if _, err := os.Lstat(target); err == nil {
		return fmt.Errorf("%s: %w", target, fs.ErrExist)
	}
	f, err := os.CreateTemp(dir, "."+KeptFile+".*") // for its owner alone
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // there only when something failed
	for _, issuer := range kept {
		c := a.chains[issuer]
		key, keyErr := x509.MarshalPKCS8PrivateKey(c.key)
		if keyErr != nil {
			err = errors.Join(err, keyErr)
			break
		}
		for _, b := range []pem.Block{{Type: certBlock, Bytes: c.root.Raw}, {Type: certBlock, Bytes: c.issuing.Raw}, {Type: keyBlock, Bytes: key}} {
			b.Headers = map[string]string{issuerHeader: issuer}
			err = errors.Join(err, pem.Encode(f, &b))
		}
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), target)
}

// Load reads what Save has written. Certificates are relative to now. Without the file the error is fs.ErrNotExist; no error holds
// anything of a key.
func Load(dir string, now time.Time) (*Authority, error) {
	name := filepath.Join(dir, KeptFile)
	a, err := load(name, now)
	if err != nil {
		return nil, fmt.Errorf("pki: read the kept authority: %w", err)
	}
	return a, nil
}

func load(name string, now time.Time) (*Authority, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKept {
		return nil, fmt.Errorf("%s is no file of an authority", name)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	a := &Authority{now: now, chains: map[string]*chain{}, issued: map[string]*issued{}}
	for _, issuer := range kept {
		c := &chain{}
		for _, read := range []func([]byte) error{c.readRoot, c.readIssuing, c.readKey} {
			var b *pem.Block
			if b, data = pem.Decode(data); b == nil || b.Headers[issuerHeader] != issuer {
				return nil, fmt.Errorf("%s is damaged: a part of the %s authority is missing", name, issuer)
			}
			if err := read(b.Bytes); err != nil {
				return nil, fmt.Errorf("%s is damaged: the %s authority: %w", name, issuer, err)
			}
		}
		if err := c.validate(now); err != nil {
			return nil, fmt.Errorf("%s: the %s authority: %w", name, issuer, err)
		}
		a.chains[issuer] = c
	}
	return a, nil
}

func (c *chain) readRoot(der []byte) (err error) {
	c.root, err = x509.ParseCertificate(der)
	return err
}

func (c *chain) readIssuing(der []byte) (err error) {
	c.issuing, err = x509.ParseCertificate(der)
	return err
}

func (c *chain) readKey(der []byte) error {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return errors.New("its key cannot be read") // whatever the library would quote
	}
	var ok bool
	if c.key, ok = key.(*ecdsa.PrivateKey); !ok {
		return errors.New("its key is of another kind")
	}
	return nil
}

// validate tells whether the parts belong together, and may still be used.
func (c *chain) validate(now time.Time) error {
	switch {
	case !c.key.PublicKey.Equal(c.issuing.PublicKey):
		return errors.New("the key is another certificate's")
	case c.issuing.CheckSignatureFrom(c.root) != nil:
		return errors.New("its root did not sign it")
	case now.Before(c.root.NotBefore) || now.After(c.root.NotAfter) || now.After(c.issuing.NotAfter):
		return fmt.Errorf("it is valid from %s to %s only", c.root.NotBefore.Format(time.DateOnly), c.root.NotAfter.Format(time.DateOnly))
	}
	return nil
}
