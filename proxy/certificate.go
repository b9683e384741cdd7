package proxy

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// certificates are the certificates of the HTTPS listeners by name.
type certificates struct {
	byName map[string][]*tls.Certificate // "*.suffix" for wildcards; lower case
	first  *tls.Certificate              // nil with StrictSNI
}

func newCertificates(list []Certificate, strict bool) (*certificates, error) {
	cs := &certificates{byName: map[string][]*tls.Certificate{}}
	for i := range list {
		c := list[i].Certificate
		leaf, err := leafOf(&c)
		if err != nil {
			return nil, fieldErrorf("certificates[%d]", i).because("%v", err)
		}
		c.Leaf = leaf
		names := list[i].Names
		if len(names) == 0 {
			names = namesOf(leaf)
		}
		for _, n := range names {
			n = strings.ToLower(n)
			cs.byName[n] = append(cs.byName[n], &c)
		}
		if i == 0 && !strict {
			cs.first = &c
		}
	}
	for _, same := range cs.byName {
		slices.SortStableFunc(same, func(a, b *tls.Certificate) int { return cheapness(a.Leaf) - cheapness(b.Leaf) })
	}
	return cs, nil
}

// cheapness sorts certificates for one name: what costs the proxy less is offered first, to those who understand it.
func cheapness(leaf *x509.Certificate) int {
	if leaf.PublicKeyAlgorithm == x509.RSA {
		return 1
	}
	return 0
}

// A keyHint is a name that is answered with a certificate whose key is RSA, and with no other.
type keyHint struct {
	index int // of Config.Certificates
	leaf  *x509.Certificate
	text  string
}

// keyHints says where a certificate more would save work. Nothing is wrong with such a certificate: some clients know no other.
func (c *Config) keyHints() []keyHint {
	cs, err := newCertificates(c.Certificates, false)
	if err != nil {
		return nil
	}
	var out []keyHint
	for i := range c.Certificates {
		leaf, err := leafOf(&c.Certificates[i].Certificate)
		if err != nil || cheapness(leaf) == 0 {
			continue
		}
		names := c.Certificates[i].Names
		if len(names) == 0 {
			names = namesOf(leaf)
		}
		alone := slices.IndexFunc(names, func(n string) bool { return cheapness(cs.byName[strings.ToLower(n)][0].Leaf) == 1 })
		if alone >= 0 {
			out = append(out, keyHint{i, leaf, fmt.Sprintf("its key is RSA, which costs about three times the processor time of ECDSA "+
				"for each new connection; a second certificate for %s with an ECDSA key would be given to all clients that understand it, "+
				"and this one to the others", names[alone])})
		}
	}
	return out
}

// hintKeys logs what keyHints says, once for each certificate. It is called under change.
func (s *Server) hintKeys(cfg Config) {
	if len(cfg.HTTPS) == 0 {
		return
	}
	for _, h := range cfg.keyHints() {
		if sum := sha256.Sum256(h.leaf.Raw); !s.hinted[sum] {
			s.hinted[sum] = true
			s.log.Info("a certificate could be cheaper", "certificate", fmt.Sprintf("certificates[%d]", h.index), "subject", h.leaf.Subject.CommonName, "hint", h.text)
		}
	}
}

func leafOf(c *tls.Certificate) (*x509.Certificate, error) {
	if c.Leaf != nil {
		return c.Leaf, nil
	}
	if len(c.Certificate) == 0 {
		return nil, errors.New("no certificate in it")
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("parse the certificate: %w", err)
	}
	return leaf, nil
}

// namesOf are the names a client may ask for; the common name only counts where there are no alternative names.
func namesOf(leaf *x509.Certificate) []string {
	if len(leaf.DNSNames) > 0 || len(leaf.IPAddresses) > 0 {
		return leaf.DNSNames
	}
	if cn := leaf.Subject.CommonName; cn != "" {
		return []string{cn}
	}
	return nil
}

// choose is tls.Config.GetCertificate. No certificate and no error makes crypto/tls send unrecognized_name.
func (cs *certificates) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	fitting := cs.byName[name]
	if _, parent, ok := strings.Cut(name, "."); ok && len(fitting) == 0 {
		fitting = cs.byName["*."+parent]
	}
	for _, c := range fitting {
		if hello.SupportsCertificate(c) == nil {
			return c, nil
		}
	}
	if len(fitting) > 0 {
		return fitting[0], nil
	}
	return cs.first, nil
}

func (o TLSOptions) config(cs *certificates) *tls.Config {
	protocols := []string{"http/1.1"}
	if o.HTTP2 {
		protocols = []string{"h2", "http/1.1"}
	}
	return &tls.Config{
		MinVersion:             o.minVersion(),
		MaxVersion:             o.Max,
		CipherSuites:           o.CipherSuites,
		SessionTicketsDisabled: o.NoTickets,
		ClientAuth:             o.ClientAuth,
		ClientCAs:              o.ClientCAs,
		NextProtos:             protocols,
		GetCertificate:         cs.choose,
	}
}

func (o TLSOptions) minVersion() uint16 {
	if o.Min != 0 {
		return o.Min
	}
	return min(tls.VersionTLS12, cmpVersion(o.Max))
}

// cmpVersion is v, or the newest version for zero, so that a maximum below TLS 1.2 pulls the default minimum down.
func cmpVersion(v uint16) uint16 {
	if v == 0 {
		return tls.VersionTLS13
	}
	return v
}

// isName reports whether s can be a server name in TLS, which an IP address cannot.
func isName(s string) bool { return s != "" && net.ParseIP(s) == nil }
