package proxy_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lyncpin/proxy"
)

// An authority issues certificates for one test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t testing.TB) *authority { return newAuthorityAt(t, time.Now()) }

// newAuthorityAt makes an authority that is valid from an hour before at until an hour from now.
func newAuthorityAt(t testing.TB, at time.Time) *authority {
	t.Helper()
	a := &authority{key: newKey(t), pool: x509.NewCertPool()}
	a.cert = a.sign(t, &x509.Certificate{
		NotBefore:             at.Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		Subject:               pkix.Name{CommonName: "Contoso Test CA"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}, &a.key.PublicKey)
	a.pool.AddCert(a.cert)
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(t testing.TB, template *x509.Certificate, public *ecdsa.PublicKey) *x509.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent := a.cert
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, a.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// issue makes a certificate for names and addresses; edit may be nil.
func (a *authority) issue(t testing.TB, edit func(*x509.Certificate), names ...string) tls.Certificate {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: names[0]},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	if edit != nil {
		edit(template)
	}
	leaf := a.sign(t, template, &key.PublicKey)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

// A seen is a request as the web server got it.
type seen struct {
	server, target, host, method string
	header                       http.Header
	body                         string
}

// A world is a proxy with web servers behind it, each a real socket.
type world struct {
	t     testing.TB
	ca    *authority
	cfg   proxy.Config
	proxy *proxy.Server

	mu   sync.Mutex
	seen []seen
}

// nobody is a port (of tcpmux) nothing listens on.
const nobody = 1

const published = "lyncweb-ext.contoso.example"

func newWorld(t testing.TB) *world {
	w := &world{t: t, ca: newAuthority(t)}
	w.cfg = proxy.Config{
		HTTPS:        []string{"127.0.0.1:0"},
		HTTP:         []string{"127.0.0.1:0"},
		Certificates: []proxy.Certificate{{Certificate: w.ca.issue(t, nil, published, "*.fabrikam.example", "lyncdiscover.contoso.example")}},
		Grace:        -1,
	}
	return w
}

// echo is a handler that notes the request and answers with its server's alias.
func (w *world) echo(alias string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.note(alias, r)
		rw.Header().Set("X-MS-Server-Fqdn", alias+".contoso.example")
		fmt.Fprint(rw, alias)
	})
}

func (w *world) note(alias string, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, seen{alias, r.RequestURI, r.Host, r.Method, r.Header.Clone(), string(body)})
}

func (w *world) requests() []seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]seen(nil), w.seen...)
}

// last is the newest request a web server got.
func (w *world) last() seen {
	w.t.Helper()
	all := w.requests()
	if len(all) == 0 {
		w.t.Fatal("no web server got a request")
	}
	return all[len(all)-1]
}

// server starts a web server and adds it to the configuration. A nil handler is echo.
func (w *world) server(alias, scheme string, h http.Handler) *httptest.Server {
	w.t.Helper()
	if h == nil {
		h = w.echo(alias)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = quiet()
	if scheme == "https" {
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{w.ca.issue(w.t, nil, alias+".contoso.example", "127.0.0.1")}}
		srv.StartTLS()
	} else {
		srv.Start()
	}
	w.t.Cleanup(srv.Close)
	addr := srv.Listener.Addr().(*net.TCPAddr)
	w.cfg.WebServers = append(w.cfg.WebServers, proxy.WebServer{
		Alias: alias, Address: "127.0.0.1", Port: addr.Port, Scheme: scheme, RootCAs: w.ca.pool,
	})
	return srv
}

// rule adds a rule for the published host to the web servers named.
func (w *world) rule(r proxy.Rule) {
	if r.Hosts == nil {
		r.Hosts = []string{published}
	}
	w.cfg.Rules = append(w.cfg.Rules, r)
}

func (w *world) start() *world {
	w.t.Helper()
	s, err := proxy.Start(w.t.Context(), w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.proxy = s
	w.t.Cleanup(func() { s.Close() })
	return w
}

// client is an HTTP client with connections of its own that takes every host to the proxy.
func (w *world) client() *http.Client {
	tr := &http.Transport{
		TLSClientConfig:    &tls.Config{RootCAs: w.ca.pool},
		DisableCompression: true,
	}
	tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		to := w.proxy.HTTPAddrs()
		if strings.HasSuffix(addr, ":443") {
			to = w.proxy.HTTPSAddrs()
		}
		return new(net.Dialer).DialContext(ctx, network, to[0].String())
	}
	w.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// get asks and returns status, body and header.
func (w *world) get(url string) (int, string, http.Header) {
	w.t.Helper()
	return w.do(w.client(), "GET", url, nil, nil)
}

func (w *world) do(c *http.Client, method, url string, header http.Header, body io.Reader) (int, string, http.Header) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, url, body)
	if err != nil {
		w.t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if h := header.Get("Host"); h != "" {
		req.Host = h
	}
	res, err := c.Do(req)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, url, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, url, err)
	}
	return res.StatusCode, string(text), res.Header
}

// raw opens a connection to the proxy, with TLS for "https".
func (w *world) raw(scheme string) net.Conn {
	w.t.Helper()
	addrs := w.proxy.HTTPAddrs()
	if scheme == "https" {
		addrs = w.proxy.HTTPSAddrs()
	}
	conn, err := net.Dial("tcp", addrs[0].String())
	if err != nil {
		w.t.Fatal(err)
	}
	if scheme == "https" {
		conn = tls.Client(conn, &tls.Config{RootCAs: w.ca.pool, ServerName: published})
	}
	w.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

// say sends a request as bytes and reads the answer.
func (w *world) say(conn net.Conn, request string) *http.Response {
	w.t.Helper()
	if _, err := io.WriteString(conn, request); err != nil {
		w.t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		w.t.Fatal(err)
	}
	return res
}

// quiet drops what a test server says about refused handshakes, which some tests are about.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// says is a web server that sends text instead of an answer; hangUp sends nothing.
func says(text string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			panic(err)
		}
		io.WriteString(conn, text)
		conn.Close()
	})
}

func hangUp() http.Handler { return says("") }
