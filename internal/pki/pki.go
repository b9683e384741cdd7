// Package pki makes certificates from a specification and a time. Nothing else in this module makes any.
//
//	ca, err := pki.New(time.Now())
//	…
//	cert, err := ca.Issue(pki.Spec{Names: []string{"meet.contoso.example"}, Issuer: pki.Public})
//	…
//	roots := ca.PublicRoots() // what any device trusts
//
// # Model
//
// An [Authority] is three certification authorities, each a root with one issuing authority below it: the public one
// that any device trusts, the enterprise's that managed machines trust as well, and another private one that nobody
// trusts. A [Spec] may be wrong: expired, for other names, sent with half its chain. That is the point of it.
//
// Keys are ECDSA P-256, unless a Spec wants RSA, and live in memory only, unless [Authority.Save] keeps them for [Load], as for a proxy that is set up once and
// tried often. Nobody but a lab can know them, and yet these roots have no place in a trust store that outlives the lab.
//
// # Limits
//
// One signature algorithm, no revocation lists and no OCSP, no constraints on names.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// Issuers of a Spec.
const (
	Public     = "public"     // trusted everywhere
	Enterprise = "enterprise" // trusted on managed machines
	Self       = "self"       // signed with its own key
	Other      = "other"      // trusted nowhere
)

// Ways to send a chain.
const (
	Full     = ""          // the certificate and its issuing authority's
	LeafOnly = "leaf-only" // the certificate alone
	Reversed = "reversed"  // the certificate, then the root, then the issuing authority's
	WithRoot = "with-root" // Full and the root
)

// Usages of a certificate.
const (
	Server = "server"
	Client = "client"
)

const (
	// defaultAge and defaultLife are what a zero Starts and Ends stand for. The age is past any clock that is a little
	// slow; the life is short of the 398 days that browsers allow.
	defaultAge  = 30 * 24 * time.Hour
	defaultLife = 365 * 24 * time.Hour
	// authorityAge and authorityLife bound the authorities' own certificates, well outside of any Spec.
	authorityAge  = 10 * defaultLife
	authorityLife = 20 * defaultLife
)

// Spec says what to issue.
type Spec struct {
	// CommonName is the subject's; empty means the first of Names.
	CommonName string
	// Names are the alternative names; IP addresses among them are recognised. None leaves the extension out.
	Names []string
	// Issuer is Public, Enterprise, Self or Other.
	Issuer string
	// Starts and Ends are relative to the authority's time; zero means 30 days before and one year after.
	Starts, Ends time.Duration
	// Chain is how the chain is sent: Full, LeafOnly, Reversed or WithRoot. A certificate signed with its own key has none.
	Chain string
	// Usage is Server (also when empty) or Client.
	Usage string
	// RSA gives it an RSA key of 2048 bits, as many certificates of companies have.
	RSA bool
}

// Authority issues certificates. Its methods may be called by several goroutines, and one Authority may serve many
// labs: what it has issued once, it hands out again to the same Spec.
type Authority struct {
	now    time.Time
	chains map[string]*chain // by issuer

	mu     sync.Mutex
	issued map[string]*issued // by Spec.key; as many as there are different specs
}

// chain is a root with its issuing authority.
type chain struct {
	root, issuing *x509.Certificate
	key           *ecdsa.PrivateKey // the issuing authority's; the root's is forgotten
}

// issued is a certificate made once, by whoever asks first.
type issued struct {
	once sync.Once
	cert tls.Certificate
	err  error
}

// New makes the authorities. Certificates are relative to now, which is the clock of whoever will judge them.
func New(now time.Time) (*Authority, error) {
	a := &Authority{now: now, chains: map[string]*chain{}, issued: map[string]*issued{}}
	for issuer, name := range map[string]string{Public: "Public", Enterprise: "Enterprise", Other: "Other"} {
		c, err := newChain(name, now)
		if err != nil {
			return nil, fmt.Errorf("pki: make the %s authority: %w", issuer, err)
		}
		a.chains[issuer] = c
	}
	return a, nil
}

func newChain(name string, now time.Time) (*chain, error) {
	template := func(role string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber:          serial(),
			Subject:               pkix.Name{Organization: []string{"lyncpin lab"}, CommonName: "Lab " + name + " " + role + " CA"},
			NotBefore:             now.Add(-authorityAge),
			NotAfter:              now.Add(authorityLife),
			IsCA:                  true,
			BasicConstraintsValid: true,
			KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		}
	}
	rootKey, err := newKey()
	if err != nil {
		return nil, err
	}
	rootTemplate := template("Root")
	root, err := sign(rootTemplate, rootTemplate, &rootKey.PublicKey, rootKey)
	if err != nil {
		return nil, err
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	issuing, err := sign(template("Issuing"), root, &key.PublicKey, rootKey)
	if err != nil {
		return nil, err
	}
	return &chain{root: root, issuing: issuing, key: key}, nil
}

// Issue returns the certificate of the spec with its key, and with its chain as it is to be sent. Leaf is set. The
// same spec gets the same certificate, and shares it: treat it as read-only.
func (a *Authority) Issue(s Spec) (tls.Certificate, error) {
	a.mu.Lock()
	key := s.key()
	it := a.issued[key]
	if it == nil {
		it = &issued{}
		a.issued[key] = it
	}
	a.mu.Unlock()
	it.once.Do(func() { it.cert, it.err = a.issue(s) })
	if it.err != nil {
		return tls.Certificate{}, fmt.Errorf("pki: issue %q: %w", s.subject(), it.err)
	}
	return it.cert, nil
}

func (a *Authority) issue(s Spec) (tls.Certificate, error) {
	template, err := s.template(a.now)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := s.newKey()
	if err != nil {
		return tls.Certificate{}, err
	}
	var leaf *x509.Certificate
	var sent [][]byte
	if s.Issuer == Self {
		leaf, err = sign(template, template, key.Public(), key)
	} else {
		c := a.chains[s.Issuer]
		if c == nil {
			return tls.Certificate{}, fmt.Errorf("unknown issuer %q (known are %s, %s, %s and %s)", s.Issuer, Public, Enterprise, Self, Other)
		}
		if sent, err = c.sent(s.Chain); err != nil {
			return tls.Certificate{}, err
		}
		leaf, err = sign(template, c.issuing, key.Public(), c.key)
	}
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: append([][]byte{leaf.Raw}, sent...), PrivateKey: key, Leaf: leaf}, nil
}

// sent is what follows the leaf.
func (c *chain) sent(way string) ([][]byte, error) {
	switch way {
	case Full:
		return [][]byte{c.issuing.Raw}, nil
	case LeafOnly:
		return nil, nil
	case Reversed:
		return [][]byte{c.root.Raw, c.issuing.Raw}, nil // the leaf stays first: TLS cannot do without
	case WithRoot:
		return [][]byte{c.issuing.Raw, c.root.Raw}, nil
	}
	return nil, fmt.Errorf("unknown chain %q (known are %s, %s and %s, and none for the full chain)", way, LeafOnly, Reversed, WithRoot)
}

func (s Spec) template(now time.Time) (*x509.Certificate, error) {
	if s.subject() == "" {
		return nil, errors.New("neither a common name nor a name")
	}
	t := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: s.subject()},
		NotBefore:             now.Add(-defaultAge),
		NotAfter:              now.Add(defaultLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
	if s.Starts != 0 {
		t.NotBefore = now.Add(s.Starts)
	}
	if s.Ends != 0 {
		t.NotAfter = now.Add(s.Ends)
	}
	if t.NotAfter.Before(t.NotBefore) {
		return nil, fmt.Errorf("it ends (%s) before it starts (%s)", s.Ends, s.Starts)
	}
	for _, n := range s.Names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	switch s.Usage {
	case "", Server:
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	case Client:
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	default:
		return nil, fmt.Errorf("unknown usage %q (known are %s and %s)", s.Usage, Server, Client)
	}
	return t, nil
}

func (s Spec) subject() string {
	if s.CommonName == "" && len(s.Names) > 0 {
		return s.Names[0]
	}
	return s.CommonName
}

// key tells specs apart: %q keeps what is between the names from being taken for part of one.
func (s Spec) key() string {
	return fmt.Sprintf("%q %q %q %d %d %q %q %t", s.CommonName, s.Names, s.Issuer, s.Starts, s.Ends, s.Chain, s.Usage, s.RSA)
}

// PublicRoots are the roots that any device trusts. The pool is the caller's own.
func (a *Authority) PublicRoots() *x509.CertPool { return a.pool(Public) }

// EnterpriseRoots are the roots that managed machines trust: the organisation's own and the public one. The pool is
// the caller's own.
func (a *Authority) EnterpriseRoots() *x509.CertPool { return a.pool(Enterprise) }

// Roots are the roots of who trusts one issuer (EnterpriseRoots for the organisation's), an empty pool for Self and for issuers there are none of. The pool is the
// caller's own.
func (a *Authority) Roots(issuer string) *x509.CertPool { return a.pool(issuer) }

func (a *Authority) pool(issuer string) *x509.CertPool {
	pool := x509.NewCertPool()
	if c := a.chains[issuer]; c != nil {
		pool.AddCert(c.root)
	}
	if issuer == Enterprise {
		pool.AddCert(a.chains[Public].root)
	}
	return pool
}

func sign(template, parent *x509.Certificate, pub crypto.PublicKey, by crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// newKey is a key for the certificate.
func (s Spec) newKey() (crypto.Signer, error) {
	if s.RSA {
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return newKey()
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// serial is a random serial number of 127 bits, never zero (RFC 5280 section 4.1.2.2 wants it positive).
func serial() *big.Int {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[0] = b[0]&0x7f | 1
	return new(big.Int).SetBytes(b[:])
}
