package probe

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

const (
	testDomain = "contoso.example"
	discovery  = "lyncdiscover.contoso.example"
	webFQDN    = "lyncweb-ext.contoso.example"
	proxyIP    = "203.0.113.10"
	resolverAt = "198.51.100.53:53"
)

// world is a network in memory, so that a bubble's clock can run it. Handlers own the connections that they get.
type world struct {
	tcp     map[string]func(net.Conn)       // by ip:port
	refused map[string]bool                 // by ip:port; what is in neither is silent
	answer  func(q *miekg.Msg) []*miekg.Msg // over UDP
	packets func(q *miekg.Msg) [][]byte     // instead of answer
	overTCP func(q *miekg.Msg) *miekg.Msg   // nil refuses
	byAddr  map[string]func(net.Conn)       // name servers of their own, by ip:port; nil is silent
	now     func() time.Time                // nil means time.Now
	edit    func(v *Vantage)                // last word on the vantage
	served  sync.WaitGroup                  // ends when the probe has closed every connection
	mu      sync.Mutex
	dialled []string // network and address, in order
	asked   []string // name and type, in order
}

func (w *world) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	w.mu.Lock()
	w.dialled = append(w.dialled, network+" "+addr)
	w.mu.Unlock()
	serve := w.tcp[addr]
	own, special := w.byAddr[addr]
	switch {
	case special:
		serve = own
	case network == "udp":
		serve = w.serveUDP
	case addr == resolverAt && w.overTCP != nil:
		serve = w.serveDNSOverTCP
	case addr == resolverAt || w.refused[addr]:
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	if serve == nil {
		if network == "udp" {
			client, server := net.Pipe()
			w.served.Go(func() { io.Copy(io.Discard, server) })
			return client, nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	client, server := net.Pipe()
	w.served.Go(func() {
		defer server.Close()
		serve(server)
	})
	return client, nil
}

// serveUDP reads a packet at a time: a pipe keeps the bounds of writes when the reader has room.
func (w *world) serveUDP(c net.Conn) {
	buffer := make([]byte, 65535)
	for {
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		q := new(miekg.Msg)
		if q.Unpack(buffer[:n]) != nil {
			return
		}
		w.mu.Lock()
		w.asked = append(w.asked, strings.TrimSuffix(q.Question[0].Name, ".")+" "+miekg.TypeToString[q.Question[0].Qtype])
		w.mu.Unlock()
		var out [][]byte
		if w.packets != nil {
			out = w.packets(q)
		} else {
			for _, m := range w.answer(q) {
				packed, err := m.Pack()
				if err != nil {
					panic(err)
				}
				out = append(out, packed)
			}
		}
		for _, p := range out {
			if _, err := c.Write(p); err != nil {
				return
			}
		}
	}
}

func (w *world) serveDNSOverTCP(c net.Conn) {
	conn := &miekg.Conn{Conn: c}
	q, err := conn.ReadMsg()
	if err != nil {
		return
	}
	packed, err := w.overTCP(q).Pack()
	if err != nil {
		panic(err)
	}
	c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...))
}

// zone answers from records in zone-file form; a name with no record at all is NXDOMAIN.
func zone(records ...string) func(*miekg.Msg) []*miekg.Msg {
	var all []miekg.RR
	for _, r := range records {
		rr, err := miekg.NewRR(r)
		if err != nil {
			panic(err)
		}
		all = append(all, rr)
	}
	return func(q *miekg.Msg) []*miekg.Msg {
		m := new(miekg.Msg).SetReply(q)
		name := strings.ToLower(q.Question[0].Name)
		exists := false
		for range 8 { // aliases
			alias := ""
			for _, rr := range all {
				if strings.EqualFold(rr.Header().Name, name) {
					exists = true
					if c, ok := rr.(*miekg.CNAME); ok {
						alias = strings.ToLower(c.Target)
					}
					if t := rr.Header().Rrtype; t == q.Question[0].Qtype || t == miekg.TypeCNAME {
						m.Answer = append(m.Answer, rr)
					}
				}
			}
			if alias == "" {
				break
			}
			name = alias
		}
		if !exists {
			m.Rcode = miekg.RcodeNameError
		}
		return []*miekg.Msg{m}
	}
}

// vantage looks at the world from one place.
func (w *world) vantage(place string) *Vantage {
	v := &Vantage{Name: place, Resolvers: []string{resolverAt}, Dial: w.dial, PublicRoots: authority().roots, Now: w.now}
	if w.now == nil {
		v.Now = func() time.Time { return validAt }
	}
	if w.edit != nil {
		w.edit(v)
	}
	return v
}

var smallLimits = Limits{
	Total: 30 * time.Second, Connect: time.Second, Handshake: time.Second, Request: 2 * time.Second, Query: time.Second,
	Repeats: 3, Body: 16 << 10,
}

func (w *world) observe(t *testing.T, places ...string) *Record {
	t.Helper()
	if len(places) == 0 {
		places = []string{External}
	}
	var vantages []*Vantage
	for _, p := range places {
		vantages = append(vantages, w.vantage(p))
	}
	return w.look(t, t.Context(), Target{SIPDomains: []string{testDomain}}, smallLimits, vantages...)
}

// look observes, and waits until the probe has closed every connection.
func (w *world) look(t *testing.T, ctx context.Context, target Target, limits Limits, vantages ...*Vantage) *Record {
	t.Helper()
	rec, err := Observe(ctx, target, vantages, limits)
	if err != nil {
		t.Fatal(err)
	}
	w.served.Wait()
	return rec
}

// validAt is when the certificates of the tests are valid.
var validAt = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// ca signs the certificates of the tests.
type ca struct {
	cert  *x509.Certificate
	key   crypto.Signer
	roots *x509.CertPool
}

var authority = sync.OnceValue(func() *ca {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	a := &ca{key: key, roots: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Public CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: validAt.AddDate(-5, 0, 0), NotAfter: validAt.AddDate(5, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	a.cert, _ = x509.ParseCertificate(der)
	a.roots.AddCert(a.cert)
	return a
})

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// leaf is a server certificate of the test authority; edit may change the template, and key may be nil for ECDSA.
func leaf(key crypto.Signer, edit func(*x509.Certificate), names ...string) tls.Certificate {
	a := authority()
	if key == nil {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		key = k
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: validAt.AddDate(-1, 0, 0), NotAfter: validAt.AddDate(1, 0, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if edit != nil {
		edit(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

var proxyCertificate = sync.OnceValue(func() tls.Certificate {
	return leaf(nil, nil, discovery, webFQDN, "lyncdiscoverinternal.contoso.example", "lyncweb-int.contoso.example", "meet.contoso.example", "dialin.contoso.example")
})

// overTLS shakes hands and hands the connection on.
func overTLS(serve func(net.Conn)) func(net.Conn) {
	return withTLS(&tls.Config{Certificates: []tls.Certificate{proxyCertificate()}}, serve)
}

func withTLS(conf *tls.Config, serve func(net.Conn)) func(net.Conn) {
	return func(raw net.Conn) {
		conn := tls.Server(raw, conf)
		defer conn.Close()
		if conn.Handshake() == nil {
			serve(conn)
		}
	}
}

// answering reads requests and writes what answer says, until it says nothing or the client goes.
func answering(answer func(*http.Request) string) func(net.Conn) {
	return func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			io.Copy(io.Discard, req.Body)
			text := answer(req)
			if _, err := io.WriteString(c, text); err != nil || text == "" {
				return
			}
		}
	}
}

// reply is a whole answer.
func replyText(status, contentType, body string, headers ...string) string {
	var out strings.Builder
	out.WriteString("HTTP/1.1 " + status + "\r\nContent-Type: " + contentType + "\r\n")
	for _, h := range headers {
		out.WriteString(h + "\r\n")
	}
	out.WriteString("Content-Length: " + big.NewInt(int64(len(body))).String() + "\r\n\r\n" + body)
	return out.String()
}

// exchangesFor picks the exchanges of one purpose at the first section.
func exchangesFor(rec *Record, purpose string) []Exchange {
	return slices.DeleteFunc(slices.Clone(rec.Sections[0].Exchanges), func(x Exchange) bool { return x.Purpose != purpose })
}

func handshakesFor(rec *Record, purpose string) []Handshake {
	return slices.DeleteFunc(slices.Clone(rec.Sections[0].Handshakes), func(h Handshake) bool { return h.Purpose != purpose })
}

// onlyDiscovery is a zone where nothing but the discovery name exists.
func onlyDiscovery() func(*miekg.Msg) []*miekg.Msg {
	return zone(discovery + ". 300 IN A " + proxyIP)
}
