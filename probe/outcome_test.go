package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// listen serves one connection after the other on a real socket until the test ends.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			serve(c)
			c.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return ln.Addr().String()
}

// shakeWith shakes hands with a real socket and reads a byte.
func shakeWith(t *testing.T, addr string, conf *tls.Config, limit time.Duration) error {
	t.Helper()
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(limit))
	c := tls.Client(raw, conf)
	if err := c.Handshake(); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 1))
	return err
}

// Errors of real sockets and real handshakes, each with its code.
func TestClassifyReal(t *testing.T) {
	t.Parallel()
	roots := authority().roots
	trusting := func() *tls.Config {
		return &tls.Config{RootCAs: roots, ServerName: discovery, Time: func() time.Time { return validAt }}
	}
	server := func(conf *tls.Config) func(net.Conn) {
		if conf.Certificates == nil {
			conf.Certificates = []tls.Certificate{proxyCertificate()}
		}
		return func(c net.Conn) {
			s := tls.Server(c, conf)
			s.Handshake()
			s.Close()
		}
	}
	cases := []struct {
		name  string
		serve func(net.Conn)
		conf  func(*tls.Config)
		want  string
	}{
		{name: "reset", serve: func(c net.Conn) {
			readRequest(c)
			c.(*net.TCPConn).SetLinger(0)
		}, want: Reset},
		{name: "closed", serve: readRequest, want: Closed},
		{name: "timeout", serve: func(c net.Conn) { io.Copy(io.Discard, c) }, want: Timeout},
		{name: "not-tls", serve: says("HTTP/1.1 400 Bad Request\r\n\r\n"), want: TLSNotTLS},
		{name: "closed-after-handshake", serve: server(&tls.Config{}), want: Closed},
		{name: "protocol-version", serve: server(&tls.Config{MinVersion: tls.VersionTLS13}), conf: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, want: TLSProtocol},
		{name: "no-suite", serve: server(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}),
			conf: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, want: TLSNoCipher},
		{name: "unrecognized-name", serve: func(c net.Conn) { readRequest(c); c.Write([]byte{21, 3, 3, 0, 2, 2, 112}) }, want: TLSUnknownName},
		{name: "other-alert", serve: func(c net.Conn) { readRequest(c); c.Write([]byte{21, 3, 3, 0, 2, 2, 80}) }, want: TLSAlert},
		{name: "client-certificate-1.3", serve: server(&tls.Config{ClientAuth: tls.RequireAnyClientCert}), want: TLSAlert},
		{name: "name-mismatch", serve: server(&tls.Config{}), conf: func(c *tls.Config) { c.ServerName = "fabrikam.example" }, want: TLSNameMismatch},
		{name: "unknown-issuer", serve: server(&tls.Config{}), conf: func(c *tls.Config) { c.RootCAs = x509.NewCertPool() }, want: TLSUnknownIssuer},
		{name: "expired", serve: server(&tls.Config{}), conf: func(c *tls.Config) { c.Time = func() time.Time { return validAt.AddDate(3, 0, 0) } }, want: TLSExpired},
		{name: "wrong-usage", serve: server(&tls.Config{Certificates: []tls.Certificate{leaf(nil, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}, discovery)}}), want: TLSWrongUsage},
		{name: "garbage-certificate", serve: server(&tls.Config{MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{{1, 2, 3}},
			PrivateKey: proxyCertificate().PrivateKey}}}), want: TLSBadCertificate},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conf := trusting()
			if c.conf != nil {
				c.conf(conf)
			}
			limit := time.Minute
			if c.want == Timeout {
				limit = 50 * time.Millisecond
			}
			err := shakeWith(t, listen(t, c.serve), conf, limit)
			if got := classify(err); got.Code != c.want || got.Text == "" {
				t.Errorf("classify(%v) = %+v, want %s", err, got, c.want)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		if _, err = net.Dial("tcp", ln.Addr().String()); classify(err).Code != Refused {
			t.Errorf("classify(%v) = %+v, want %s", err, classify(err), Refused)
		}
	})
}

func TestClassify(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		err  error
		want Outcome
	}{
		{name: "none", want: Outcome{Code: OK}},
		{name: "deadline", err: context.DeadlineExceeded, want: Outcome{Code: Timeout, Text: "context deadline exceeded"}},
		{name: "no-route", err: &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}, want: Outcome{Code: Unreachable, Text: "dial: " + syscall.EHOSTUNREACH.Error()}},
		{name: "no-ipv6", err: syscall.EADDRNOTAVAIL, want: Outcome{Code: Unreachable, Text: syscall.EADDRNOTAVAIL.Error()}},
		{name: "windows-refused", err: syscall.Errno(10061), want: Outcome{Code: Refused, Text: syscall.Errno(10061).Error()}},
		{name: "windows-reset", err: syscall.Errno(10054), want: Outcome{Code: Reset, Text: syscall.Errno(10054).Error()}},
		{name: "windows-unreachable", err: syscall.Errno(10065), want: Outcome{Code: Unreachable, Text: syscall.Errno(10065).Error()}},
		{name: "windows-timeout", err: syscall.Errno(10060), want: Outcome{Code: Timeout, Text: syscall.Errno(10060).Error()}},
		{name: "eof", err: fmt.Errorf("read: %w", io.ErrUnexpectedEOF), want: Outcome{Code: Closed, Text: "read: unexpected EOF"}},
		{name: "closed-inside-http", err: malformed{io.ErrUnexpectedEOF}, want: Outcome{Code: Closed, Text: "unexpected EOF"}},
		{name: "inside-http", err: malformed{fmt.Errorf("no colon")}, want: Outcome{Code: HTTPMalformed, Text: "no colon"}},
		{name: "other", err: fmt.Errorf("no idea"), want: Outcome{Code: Other, Text: "no idea"}},
		{name: "strange-bytes", err: fmt.Errorf("a\xffb"), want: Outcome{Code: Other, Text: "a\uFFFDb"}},
		{name: "long", err: fmt.Errorf("%s", strings.Repeat("x", 9000)), want: Outcome{Code: Other, Text: strings.Repeat("x", errText) + "…"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, classify(c.err)); diff != "" {
				t.Errorf("classify(%v) (-want +got):\n%s", c.err, diff)
			}
		})
	}
}

// Verification says which of the certificates of a chain is wrong, and since when.
func TestVerify(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		edit func(*x509.Certificate)
		at   time.Time
		want string
	}{
		{name: "valid", at: validAt, want: OK},
		{name: "expired", at: validAt.AddDate(2, 0, 0), want: TLSExpired},
		{name: "not-yet-valid", at: validAt.AddDate(-2, 0, 0), want: TLSNotYetValid},
		{name: "wrong-usage", at: validAt, edit: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, want: TLSWrongUsage},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			parsed, err := x509.ParseCertificate(leaf(nil, c.edit, discovery).Certificate[0])
			if err != nil {
				t.Fatal(err)
			}
			v := &Vantage{Name: External, PublicRoots: authority().roots, Now: func() time.Time { return c.at }}
			o := newObserver(v, nil, Target{}, Limits{}, &hostSet{}, &hostSet{})
			h := &Handshake{Host: discovery}
			o.examine(h, []*x509.Certificate{parsed})
			if h.Public.Code != c.want || !h.NameMatch.OK() {
				t.Errorf("public %+v, name %+v; want %s, ok", h.Public, h.NameMatch, c.want)
			}
		})
	}
}

func TestOutcomeWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		outcome Outcome
		want    string
	}{
		{Outcome{Code: Refused, Text: "connect: connection refused"}, "refused"},
		{Outcome{Code: Timeout, Text: "i/o timeout"}, "timed out"},
		{Outcome{Code: NXDomain}, "NXDOMAIN"},
		{Outcome{Code: Other, Text: "something else"}, "something else"},
		{Outcome{Code: "later.code"}, "later.code"},
		{Outcome{}, "no outcome was recorded"},
	} {
		if got := c.outcome.Words(); got != c.want {
			t.Errorf("the words of %+v are %q, want %q", c.outcome, got, c.want)
		}
	}
	for code, words := range outcomeWords {
		if words == "" || words == code {
			t.Errorf("%s has the words %q", code, words)
		}
	}
}
