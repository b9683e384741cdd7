package probe

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// gate lets one goroutine try an address first. The others follow only when it could be reached, so that a dead
// address costs its time-out once.
type gate struct {
	once    once
	outcome Outcome
	dial    Dial     // the observation; without an address when there is none
	conn    net.Conn // of the first attempt, until somebody takes it
	host    string   // of all that asked the first in the alphabet, so that the record does not tell who came first
}

// connect opens a TCP connection to addr, which host has. The outcome of the first attempt to an address is recorded;
// a nil connection means that it failed.
func (o *observer) connect(ctx context.Context, host string, addr netip.AddrPort) (net.Conn, Outcome) {
	g := o.reach(ctx, host, addr)
	o.mu.Lock()
	first := g.conn
	g.conn = nil
	o.mu.Unlock()
	if first != nil || !g.outcome.OK() {
		return first, g.outcome
	}
	conn, err := o.tryConnect(ctx, host, addr)
	return conn, classify(err)
}

// reach makes sure that the first attempt to an address has ended.
func (o *observer) reach(ctx context.Context, host string, addr netip.AddrPort) *gate {
	key := o.redirected(host, addr)
	o.mu.Lock()
	g := o.gates[key]
	if g == nil {
		g = &gate{host: host, once: newOnce()}
		o.gates[key] = g
	}
	g.host = min(g.host, host)
	o.mu.Unlock()

	g.once.do(func() {
		started := time.Now()
		var err error
		g.conn, err = o.tryConnect(ctx, host, addr)
		g.outcome = classify(err)
		if g.outcome.OK() || !over(ctx) { // what the end of the run cut off is no observation
			g.dial = Dial{Addr: addr.String(), Outcome: g.outcome, Elapsed: time.Since(started)}
		}
	})
	return g
}

func (o *observer) tryConnect(ctx context.Context, host string, addr netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, o.limits.Connect)
	defer cancel()
	started := time.Now()
	conn, err := o.v.dial(ctx, "tcp", o.redirected(host, addr))
	if err == nil {
		took := time.Since(started)
		o.mu.Lock()
		defer o.mu.Unlock()
		if least, ok := o.distance[addr.String()]; !ok || took < least {
			o.distance[addr.String()] = took
		}
	}
	return conn, err
}

// redirected applies the operator's overrides that name a port.
func (o *observer) redirected(host string, addr netip.AddrPort) string {
	port := strconv.Itoa(int(addr.Port()))
	for _, key := range []string{net.JoinHostPort(host, port), addr.String(), addr.Addr().String(), host} {
		to, ok := o.v.Connect[key]
		if !ok {
			continue
		}
		if _, _, err := net.SplitHostPort(to); err == nil {
			return to
		}
		return net.JoinHostPort(to, port)
	}
	return addr.String()
}

// maxChain bounds the certificates kept of one handshake: crypto/tls takes a quarter of a megabyte of them.
const maxChain = 16

// tlsVersions are the protocol versions asked one by one, with the names records use.
var tlsVersions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

func versionName(v uint16) string {
	for name, number := range tlsVersions {
		if number == v {
			return name
		}
	}
	return fmt.Sprintf("0x%04x", v)
}

// shake is what to shake hands with.
type shake struct {
	purpose string
	host    string // checked against the certificate
	via     string // the name that has the address, as overrides know it; empty for host
	sni     string // sent; empty for none
	addr    netip.AddrPort
	version string // the only one offered; empty for all
	http2   bool   // offers h2 as well, as browsers do
	proxied bool   // sends a PROXY header first
}

// handshake connects and shakes hands, and records what came. The connection is nil when that failed.
func (o *observer) handshake(ctx context.Context, s shake) (net.Conn, int, Outcome) {
	raw, outcome := o.connect(ctx, cmp.Or(s.via, s.host), s.addr)
	if raw == nil {
		return nil, 0, outcome
	}
	if s.proxied {
		raw.SetWriteDeadline(time.Now().Add(o.limits.Handshake))
		io.WriteString(raw, proxyHeader) // where that fails, the handshake does, and says why
		raw.SetWriteDeadline(time.Time{})
	}
	started := time.Now()
	h := Handshake{
		Purpose: s.purpose, Host: s.host, Addr: s.addr.String(), SNI: s.sni, Offered: "1.3",
		NameMatch: Outcome{Code: NotChecked}, Public: Outcome{Code: NotChecked}, Enterprise: Outcome{Code: NotChecked},
	}
	conf := &tls.Config{
		ServerName: s.sni,
		MinVersion: tls.VersionTLS10,
		NextProtos: []string{"http/1.1"},
		// Every certificate is recorded, and verified below against several roots; no credential is ever sent
		// over a connection whose certificate did not verify.
		InsecureSkipVerify: true, //nolint:gosec
		CipherSuites:       everySuite(),
		// Phones of the time offer these; a post-quantum share would make the first packet larger than theirs.
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			h.ClientCertificate = true
			return &tls.Certificate{}, nil
		},
	}
	if s.http2 {
		conf.NextProtos = []string{"h2", "http/1.1"}
	}
	if s.version != "" {
		h.Offered = s.version
		conf.MinVersion, conf.MaxVersion = tlsVersions[s.version], tlsVersions[s.version]
	}
	if s.sni == "" || isAddress(s.sni) {
		conf.ServerName = "" // with InsecureSkipVerify, crypto/tls then sends no SNI
	}
	limited, cancel := context.WithTimeout(ctx, o.limits.Handshake)
	defer cancel()
	conn := tls.Client(raw, conf)
	err := conn.HandshakeContext(limited)
	if err != nil && over(ctx) { // what the end of the run cut off is no observation
		raw.Close()
		return nil, 0, Outcome{Code: NotChecked, Text: "the run has ended"}
	}
	if err != nil && limited.Err() != nil {
		err = limited.Err()
	}
	h.Outcome = classify(err)
	state := conn.ConnectionState()
	if err == nil {
		h.Version = versionName(state.Version)
		h.ALPN = state.NegotiatedProtocol
	}
	o.examine(&h, state.PeerCertificates)
	h.Elapsed = time.Since(started)

	o.mu.Lock()
	h.ID = len(o.section.Handshakes) + 1
	o.section.Handshakes = append(o.section.Handshakes, h)
	o.mu.Unlock()
	if err != nil {
		raw.Close()
		return nil, h.ID, h.Outcome
	}
	return conn, h.ID, h.Outcome
}

// proxyHeader is what a balancer sends in front of connections of its own. The PROXY protocol, section 2.2, command LOCAL: who expects a
// header goes by the connection's own addresses then, so that nobody is told a wrong one. In the text form, which says UNKNOWN for it,
// Apache httpd 2.4 fails without addresses, and HAProxy with them.
const proxyHeader = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"

// everySuite is every cipher suite that crypto/tls knows. Proxies of the time (TMG, Windows Server 2008 R2) know only
// RSA key exchange or 3DES, which crypto/tls no longer offers by itself, while the clients that they served did: a
// probe that could not shake hands with them would blame the wrong layer. Nothing secret is sent.
func everySuite() []uint16 {
	var out []uint16
	for _, c := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		out = append(out, c.ID)
	}
	return out
}

// examine notes the certificates as sent and verifies them.
func (o *observer) examine(h *Handshake, chain []*x509.Certificate) {
	if len(chain) == 0 {
		return
	}
	chain = chain[:min(len(chain), maxChain)]
	o.mu.Lock()
	for _, c := range chain {
		sum := sha256.Sum256(c.Raw)
		key := hex.EncodeToString(sum[:])
		h.Chain = append(h.Chain, key)
		if _, ok := o.certs[key]; !ok {
			o.certs[key] = describe(c)
		}
	}
	o.mu.Unlock()
	h.NameMatch = classify(chain[0].VerifyHostname(h.Host))
	h.Public = o.verify("public", h, chain, o.v.PublicRoots)
	if o.v.EnterpriseRoots != nil {
		h.Enterprise = o.verify("enterprise", h, chain, o.v.EnterpriseRoots)
	}
}

// verify builds a path from the certificates as sent to the roots, and remembers the answer: the same chain comes
// from many connections.
func (o *observer) verify(label string, h *Handshake, chain []*x509.Certificate, roots *x509.CertPool) Outcome {
	key := label + " " + strings.Join(h.Chain, " ")
	o.mu.Lock()
	known, ok := o.verified[key]
	o.mu.Unlock()
	if ok {
		return known
	}
	opts := x509.VerifyOptions{
		Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: o.v.now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(opts)
	outcome := classify(err)
	if ie, ok := errors.AsType[x509.CertificateInvalidError](err); ok && outcome.Code == TLSExpired && ie.Cert.NotBefore.After(o.v.now()) {
		outcome.Code = TLSNotYetValid
	}
	o.mu.Lock()
	o.verified[key] = outcome
	o.mu.Unlock()
	return outcome
}

// describe notes what a certificate says.
func describe(c *x509.Certificate) Certificate {
	out := Certificate{
		Subject: c.Subject.String(), CommonName: c.Subject.CommonName, Issuer: c.Issuer.String(),
		Names: slices.Clone(c.DNSNames), NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
		Signature: c.SignatureAlgorithm.String(), CA: c.IsCA, DER: c.Raw,
		ServerAuth: len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0,
	}
	for _, ip := range c.IPAddresses {
		out.Names = append(out.Names, ip.String())
	}
	for _, u := range c.ExtKeyUsage {
		out.ServerAuth = out.ServerAuth || u == x509.ExtKeyUsageServerAuth || u == x509.ExtKeyUsageAny
	}
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		out.KeyBits = k.N.BitLen()
		out.Key = fmt.Sprintf("RSA %d", out.KeyBits)
	case *ecdsa.PublicKey:
		out.KeyBits = k.Curve.Params().BitSize
		out.Key = "ECDSA " + k.Curve.Params().Name
	case ed25519.PublicKey:
		out.KeyBits, out.Key = 256, "Ed25519"
	default:
		out.Key = c.PublicKeyAlgorithm.String()
	}
	out.SelfSigned = out.Subject == out.Issuer && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
	return out
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}
