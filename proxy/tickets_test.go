package proxy_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lyncpin/proxy"
)

// issueRSA is issue with an RSA key.
func (a *authority) issueRSA(t testing.TB, names ...string) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	like := a.issue(t, nil, names...)
	der, err := x509.CreateCertificate(rand.Reader, like.Leaf, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// resumes connects to the n-th HTTPS listener, asks once, and reports whether the session was an old one.
func (w *world) resumes(n int, conf *tls.Config) bool {
	w.t.Helper()
	conn, err := tls.Dial("tcp", w.proxy.HTTPSAddrs()[n].String(), conf)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+published+"\r\nConnection: close\r\n\r\n")
	if text, err := io.ReadAll(conn); err != nil || !bytes.HasPrefix(text, []byte("HTTP/1.1 200 ")) { // tickets come with the answer
		w.t.Fatalf("got %q, %v", text, err)
	}
	return conn.ConnectionState().DidResume
}

// oneSession is a cache that hands the same session out for every name.
type oneSession struct{ session *tls.ClientSessionState }

func (o *oneSession) Get(string) (*tls.ClientSessionState, bool) { return o.session, o.session != nil }

func (o *oneSession) Put(_ string, s *tls.ClientSessionState) {
	if s != nil {
		o.session = s
	}
}

func TestSessionsAreResumed(t *testing.T) {
	t.Parallel()
	const other = "lyncdiscover.contoso.example"
	for _, version := range []struct {
		name string
		is   uint16
	}{{"tls-1.2", tls.VersionTLS12}, {"tls-1.3", tls.VersionTLS13}} {
		for _, tc := range []struct {
			name   string
			change func(w *world, c *tls.Config) // before the second connection
			strict bool
			to     int // listener of the second connection
			want   bool
		}{
			{name: "again", want: true},
			{name: "other-listener", to: 1, want: true},
			{name: "after-a-reload", change: func(w *world, _ *tls.Config) { w.reload() }, want: true},
			{name: "other-listener-after-a-reload", change: func(w *world, _ *tls.Config) { w.reload() }, to: 1, want: true},
			{name: "new-listener", change: func(w *world, _ *tls.Config) {
				w.cfg.HTTPS = append(w.cfg.HTTPS, "127.0.0.1:0")
				w.reload()
			}, to: 2, want: true},
			{name: "other-name", change: func(_ *world, c *tls.Config) { c.ServerName = other }},
			{name: "same-name-strict", strict: true, want: true},
			{name: "other-name-strict", change: func(_ *world, c *tls.Config) { c.ServerName = other }, strict: true},
			{name: "tickets-off", change: func(w *world, _ *tls.Config) {
				w.cfg.TLS.NoTickets = true
				w.reload()
			}},
		} {
			t.Run(version.name+"/"+tc.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.server("fe1", "http", nil)
				w.rule(proxy.Rule{WebServers: []string{"fe1"}, AnyScheme: true})
				w.cfg.HTTPS = append(w.cfg.HTTPS, "127.0.0.1:0")
				w.cfg.TLS.StrictSNI = tc.strict
				w.start()
				conf := &tls.Config{
					RootCAs: w.ca.pool, ServerName: published, MinVersion: version.is, MaxVersion: version.is, ClientSessionCache: new(oneSession),
				}
				if w.resumes(0, conf) {
					t.Fatal("the first connection resumed a session")
				}
				if tc.change != nil {
					tc.change(w, conf)
				}
				if got := w.resumes(tc.to, conf); got != tc.want {
					t.Errorf("resumed: %v, want %v", got, tc.want)
				}
			})
		}
	}
}

// reload takes the configuration over that the test has changed.
func (w *world) reload() {
	w.t.Helper()
	if err := w.proxy.Reload(w.cfg); err != nil {
		w.t.Fatal(err)
	}
}

// A name that nobody answers for gets no session of another name's.
func TestResumptionDoesNotLeadPastStrictSNI(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		w := newWorld(t)
		w.server("fe1", "https", nil)
		w.rule(proxy.Rule{WebServers: []string{"fe1"}})
		w.cfg.TLS.StrictSNI = true
		w.start()
		conf := &tls.Config{
			InsecureSkipVerify: true, ServerName: published, MaxVersion: version, ClientSessionCache: new(oneSession),
		}
		w.resumes(0, conf)
		conf.ServerName = "nobody.example"
		conn, err := tls.Dial("tcp", w.proxy.HTTPSAddrs()[0].String(), conf)
		if err == nil {
			conn.Close()
			t.Errorf("version %x: a session led to a name that has no certificate", version)
		}
	}
}

// A session is worth no more than the certificate that its client once had.
func TestResumptionDoesNotReplaceClientCertificates(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		w := newWorld(t)
		w.server("fe1", "https", nil)
		w.rule(proxy.Rule{WebServers: []string{"fe1"}})
		w.start()
		conf := &tls.Config{RootCAs: w.ca.pool, ServerName: published, MaxVersion: version, ClientSessionCache: new(oneSession)}
		w.resumes(0, conf)
		refused := func(when string) {
			t.Helper()
			conn, err := tls.Dial("tcp", w.proxy.HTTPSAddrs()[0].String(), conf)
			if err == nil {
				defer conn.Close()
				_, err = conn.Read(make([]byte, 1)) // in TLS 1.3 a refusal comes after the handshake
			}
			if err == nil || err == io.EOF {
				t.Errorf("version %x: %s: let in", version, when)
			}
		}
		w.cfg.TLS.ClientAuth, w.cfg.TLS.ClientCAs = tls.RequireAndVerifyClientCert, w.ca.pool
		w.reload()
		refused("without a certificate, over a session of before they were asked for")

		user := w.ca.issue(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, "alice")
		conf.Certificates = []tls.Certificate{user}
		w.resumes(0, conf)
		if !w.resumes(0, conf) {
			t.Errorf("version %x: a session with a client certificate was not resumed", version)
		}
		w.cfg.TLS.ClientCAs = newAuthority(t).pool
		w.reload()
		refused("over a session whose certificate was issued by somebody who is not trusted any more")
	}
}

func TestOpenSSLResumes(t *testing.T) {
	t.Parallel()
	openssl := tool(t, "openssl")
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.cfg.HTTPS = append(w.cfg.HTTPS, "127.0.0.1:0")
	w.start()
	ask := func(listener int, args ...string) string {
		t.Helper()
		args = append([]string{"s_client", "-connect", w.proxy.HTTPSAddrs()[listener].String(), "-servername", published, "-ign_eof"}, args...)
		cmd := exec.CommandContext(t.Context(), openssl, args...)
		cmd.Stdin = strings.NewReader("GET / HTTP/1.1\r\nHost: " + published + "\r\nConnection: close\r\n\r\n")
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("HTTP/1.1 200 OK")) {
			t.Fatalf("openssl %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		file := filepath.Join(t.TempDir(), "session")
		if out := ask(0, version, "-sess_out", file); !strings.Contains(out, "New, TLSv1") {
			t.Errorf("%s: the first connection is not new:\n%s", version, out)
		}
		w.reload()
		if out := ask(1, version, "-sess_in", file); !strings.Contains(out, "Reused, TLSv1") {
			t.Errorf("%s: the session was not resumed:\n%s", version, out)
		}
	}
}

// tool finds a program of another maker. Where products are required a missing one is a failure.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("LYNCPIN_REQUIRE_PEERS") != "" {
		t.Fatalf("%s is missing, and LYNCPIN_REQUIRE_PEERS wants it", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

func TestCertificateByWhatClientsUnderstand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.cfg.Certificates = append([]proxy.Certificate{{Certificate: w.ca.issueRSA(t, published)}}, w.cfg.Certificates...)
	w.start()
	for _, tc := range []struct {
		name   string
		suites []uint16 // of TLS 1.2; nil: TLS 1.3 too
		want   x509.PublicKeyAlgorithm
	}{
		{"new", nil, x509.ECDSA},
		{"both", []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, x509.ECDSA},
		{"rsa-alone", []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, x509.RSA},
	} {
		conf := &tls.Config{RootCAs: w.ca.pool, ServerName: published, CipherSuites: tc.suites}
		if tc.suites != nil {
			conf.MaxVersion = tls.VersionTLS12
		}
		conn, err := tls.Dial("tcp", w.proxy.HTTPSAddrs()[0].String(), conf)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if got := conn.ConnectionState().PeerCertificates[0].PublicKeyAlgorithm; got != tc.want {
			t.Errorf("%s: the key is %v, want %v", tc.name, got, tc.want)
		}
		conn.Close()
	}
}

func TestHintAtRSAKeys(t *testing.T) {
	t.Parallel()
	const hint = "a second certificate for " + published + " with an ECDSA key"
	var out bytes.Buffer
	w := newWorld(t)
	w.cfg.HTTP = nil
	ecdsa := w.cfg.Certificates[0]
	w.cfg.Certificates = []proxy.Certificate{{Certificate: w.ca.issueRSA(t, published)}}
	w.cfg.Log = slog.New(slog.NewTextHandler(&out, nil))
	if got := strings.Join(w.cfg.Check(), "\n"); !strings.Contains(got, "certificates[0]: its key is RSA") || !strings.Contains(got, hint) {
		t.Errorf("Check: %s", got)
	}
	w.start()
	w.reload()
	w.cfg.Certificates = append(w.cfg.Certificates, ecdsa)
	if got := strings.Join(w.cfg.Check(), "\n"); strings.Contains(got, "RSA") {
		t.Errorf("Check of both kinds: %s", got)
	}
	w.reload()
	w.proxy.Close()
	if got := out.String(); strings.Count(got, hint) != 1 || !strings.Contains(got, "level=INFO msg=\"a certificate could be cheaper\"") {
		t.Errorf("want one hint in the log:\n%s", got)
	}
}
