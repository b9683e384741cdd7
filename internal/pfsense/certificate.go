package pfsense

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"slices"
	"strings"
)

// certificate is one of the certificate manager, or an authority. Its private key is not here: only that there was one.
type certificate struct {
	ref, name string
	line      int
	hasKey    bool
	// chain begins with the certificate itself. Nil when the text is damaged.
	chain []*x509.Certificate
	// removed says that somebody took the text out before giving the backup away: nothing in its place is long enough for one.
	removed bool
	// issuer is the reference of the authority that the firewall knows as its issuer.
	issuer string
}

func readCertificate(e *element) certificate {
	text := e.value("crt")
	return certificate{
		ref: clean(e.value("refid")), name: clean(e.value("descr")), line: e.line,
		hasKey: e.child("prv").filled, chain: readChain(text), removed: takenOut(text), issuer: clean(e.value("caref")),
	}
}

// shortestCertificate is less than any certificate in base64 has, and more than people write in place of one.
const shortestCertificate = 200

// takenOut tells whether nothing of a certificate is in a text, so that nothing can be damaged either.
func takenOut(text string) bool {
	if len(text) >= shortestCertificate || strings.Contains(text, "BEGIN") {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	return err != nil || !bytes.Contains(raw, []byte("BEGIN"))
}

// leaf is the certificate itself, nil when its text is damaged.
func (c *certificate) leaf() *x509.Certificate {
	if c == nil || len(c.chain) == 0 {
		return nil
	}
	return c.chain[0]
}

// readChain reads certificates in PEM, in base64 or as they are; nil when one of them is damaged. Anything else in the text, such
// as a private key that somebody put there, is passed over.
func readChain(text string) []*x509.Certificate {
	data := []byte(text)
	if !bytes.Contains(data, []byte("-----BEGIN")) {
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil {
			return nil
		}
		data = raw
	}
	var out []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return out
		}
		if block.Type != "CERTIFICATE" && block.Type != "X509 CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil
		}
		out = append(out, c)
	}
}

// selfSigned tells whether a certificate ends a chain.
func selfSigned(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, c.RawIssuer) }

// namesOf are the names that clients accept for a certificate.
func namesOf(c *x509.Certificate) []string {
	if c == nil {
		return nil
	}
	var names []string
	for _, n := range append(slices.Clone(c.DNSNames), c.Subject.CommonName) {
		if n = strings.ToLower(clean(n)); hostLike(strings.TrimPrefix(n, "*.")) && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// covers tells whether clients accept a certificate for the host. A common name alone counts for nothing where there are
// alternative names (RFC 6125), and phones look at no other.
func covers(c *x509.Certificate, host string) bool {
	names := c.DNSNames
	if len(names) == 0 {
		names = []string{c.Subject.CommonName}
	}
	return slices.ContainsFunc(names, func(n string) bool {
		if strings.EqualFold(n, host) {
			return true
		}
		label, parent, _ := strings.Cut(host, ".")
		return label != "" && strings.EqualFold(n, "*."+parent)
	})
}

// certificateOf finds a certificate by its reference; HAProxy's may also be an authority.
func (b *Backup) certificateOf(ref string) *certificate {
	for i := range b.certificates {
		if b.certificates[i].ref == ref && ref != "" {
			return &b.certificates[i]
		}
	}
	return b.authority(ref)
}

func (b *Backup) authority(ref string) *certificate {
	for i := range b.authorities {
		if b.authorities[i].ref == ref && ref != "" {
			return &b.authorities[i]
		}
	}
	return nil
}

// sent is what HAProxy sends: the certificate and, by the firewall's references, the authorities above it without the root.
func (b *Backup) sent(c *certificate) []*x509.Certificate {
	chain := slices.Clone(c.chain)
	for range len(b.authorities) { // references may lead in a circle
		next := b.authority(c.issuer)
		if next == nil || next.leaf() == nil || selfSigned(next.leaf()) {
			break
		}
		chain = append(chain, next.chain...)
		c = next
	}
	return chain
}

// ends tells whether what is sent reaches a root as far as can be told. That an authority above the certificate was issued by a root
// is inferred: nobody pastes half of a chain of three.
func (b *Backup) ends(chain []*x509.Certificate) bool {
	leaf := chain[0]
	if len(chain) > 1 || selfSigned(leaf) {
		return true
	}
	for i := range b.authorities {
		if a := b.authorities[i].leaf(); a != nil && selfSigned(a) && bytes.Equal(a.RawSubject, leaf.RawIssuer) {
			return true
		}
	}
	return false
}
