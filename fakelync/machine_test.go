package fakelync_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"lyncpin/fakelync"
)

// certificate is one self-signed certificate for all tests; which names it holds does not matter here.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"fe1.corp.contoso.example"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

// healthy is a machine of the documentation's topology on free loopback ports.
func healthy() fakelync.Config {
	const free = "127.0.0.1:0"
	return fakelync.Config{
		FQDN:       "fe1.corp.contoso.example",
		SIPDomains: []string{"contoso.example", "fabrikam.example"},
		Internal:   fakelync.Site{HTTP: free, HTTPS: free, WebFQDN: "lyncweb-int.contoso.example", Certificate: certificate()},
		External:   fakelync.Site{HTTP: free, HTTPS: free, WebFQDN: "lyncweb-ext.contoso.example", Certificate: certificate()},
		SimpleURLs: []fakelync.SimpleURL{
			{Kind: fakelync.Meet, Host: "meet.contoso.example"},
			{Kind: fakelync.Meet, Host: "lync.fabrikam.example", Path: "/fabrikam/meet"},
			{Kind: fakelync.Dialin, Host: "dialin.contoso.example"},
			{Kind: fakelync.Admin, Host: "admin.contoso.example"},
			{Kind: fakelync.Scheduler, Host: "scheduler.contoso.example"},
		},
	}
}

// start runs cfg for the length of a test.
func start(t *testing.T, cfg fakelync.Config) *fakelync.Server {
	t.Helper()
	srv, err := fakelync.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return srv
}

// door is one of the four listeners.
type door string

const (
	intHTTP  door = "internal http"
	intHTTPS door = "internal https"
	extHTTP  door = "external http"
	extHTTPS door = "external https"
)

func (d door) addr(srv *fakelync.Server) string {
	a := srv.Addrs()
	return map[door]string{intHTTP: a.InternalHTTP, intHTTPS: a.InternalHTTPS, extHTTP: a.ExternalHTTP, extHTTPS: a.ExternalHTTPS}[d]
}

// request is what a test sends. It goes out byte by byte as written, so that odd targets and hosts arrive as such.
type request struct {
	method string // "" is GET
	target string
	host   string
	header string // whole lines, each with \r\n
	body   string
}

func (q request) String() string {
	method := q.method
	if method == "" {
		method = "GET"
	}
	length := ""
	if q.body != "" {
		length = fmt.Sprintf("Content-Length: %d\r\n", len(q.body))
	}
	return method + " " + q.target + " HTTP/1.1\r\nHost: " + q.host + "\r\n" + length + q.header + "\r\n" + q.body
}

// answer is a response read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// connect opens a connection to a door, with SNI as a name if the door speaks TLS.
func connect(t *testing.T, srv *fakelync.Server, d door, sni string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", d.addr(srv))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if strings.HasSuffix(string(d), "https") {
		c = tls.Client(c, &tls.Config{ServerName: sni, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10})
	}
	return c
}

// exchange sends one request over c.
func exchange(t *testing.T, c net.Conn, q request) answer {
	t.Helper()
	if _, err := io.WriteString(c, q.String()); err != nil {
		t.Fatal(err)
	}
	return receive(t, c, q.method)
}

func receive(t *testing.T, c net.Conn, method string) answer {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// ask sends one request over a connection of its own.
func ask(t *testing.T, srv *fakelync.Server, d door, q request) answer {
	t.Helper()
	return exchange(t, connect(t, srv, d, q.host), q)
}

// last is the newest entry of the history.
func last(t *testing.T, srv *fakelync.Server) fakelync.Request {
	t.Helper()
	all := srv.History()
	if len(all) == 0 {
		t.Fatal("the history is empty")
	}
	return all[len(all)-1]
}
