package lint

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
)

// isLeafAlone says that a PEM file holds one certificate, and one that somebody else has signed. Files that cannot be read, and all
// where certificates are not looked at, are not.
func (f *File) isLeafAlone(path string) bool {
	if f.readFile == nil {
		return false
	}
	data, err := f.readFile(path)
	if err != nil {
		f.note("%s was not looked at: it cannot be read", path)
		return false
	}
	var certificates [][]byte
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			certificates = append(certificates, block.Bytes)
		}
	}
	if len(certificates) != 1 {
		return false
	}
	leaf, err := x509.ParseCertificate(certificates[0])
	return err == nil && !bytes.Equal(leaf.RawSubject, leaf.RawIssuer)
}
