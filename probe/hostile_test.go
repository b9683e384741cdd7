package probe

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// endless writes until the client goes.
func endless(head, again string) func(net.Conn) {
	chunk := strings.Repeat(again, 1+4096/max(1, len(again)))
	return func(c net.Conn) {
		readRequest(c)
		if _, err := io.WriteString(c, head); err != nil {
			return
		}
		for {
			if _, err := io.WriteString(c, chunk); err != nil {
				return
			}
		}
	}
}

func readRequest(c net.Conn) { c.Read(make([]byte, 4096)) }

// says answers every request with the same text, and then closes.
func says(text string) func(net.Conn) {
	return func(c net.Conn) {
		readRequest(c)
		io.WriteString(c, text)
	}
}

func silent(c net.Conn) { io.Copy(io.Discard, c) }

func drip(c net.Conn) {
	readRequest(c)
	for _, b := range []byte("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 10000)) {
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
		<-time.After(200 * time.Millisecond)
	}
}

// A hostile or silent web server ends in an observation, in time, and in little memory.
func TestHostileWebServer(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		serve  func(net.Conn)
		want   string
		status int
	}{
		{name: "endless-body", serve: endless("HTTP/1.1 200 OK\r\n\r\n", "x"), want: TooLarge, status: 200},
		{name: "endless-chunks", serve: endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"), want: TooLarge, status: 200},
		{name: "endless-head", serve: endless("HTTP/1.1 200 OK\r\n", "X-Filler: abcdefghijklmnop\r\n"), want: TooLarge},
		{name: "endless-head-line", serve: endless("HTTP/1.1 200 OK\r\nX: ", "x"), want: TooLarge},
		{name: "endless-status-line", serve: endless("HTTP/1.1 200 ", "x"), want: TooLarge},
		{name: "endless-interim", serve: endless("", "HTTP/1.1 100 Continue\r\n\r\n"), want: HTTPMalformed},
		{name: "declared-but-not-sent", serve: says("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx"), want: Closed, status: 200},
		{name: "declared-negative", serve: says("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx"), want: HTTPMalformed},
		{name: "two-lengths", serve: says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"), want: HTTPMalformed},
		{name: "bad-chunk", serve: says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"), want: HTTPMalformed, status: 200},
		{name: "huge-chunk", serve: says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"), want: HTTPMalformed, status: 200},
		{name: "unknown-coding", serve: says("HTTP/1.1 200 OK\r\nTransfer-Encoding: lyncpin\r\n\r\n"), want: HTTPMalformed},
		{name: "garbage", serve: says("\x00\x01\x02\x03 no HTTP at all\r\n\r\n"), want: HTTPMalformed},
		{name: "bad-status", serve: says("HTTP/1.1 abc OK\r\n\r\n"), want: HTTPMalformed},
		{name: "bad-header", serve: says("HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"), want: HTTPMalformed},
		{name: "long-bad-header", serve: says("HTTP/1.1 200 OK\r\n\xff" + strings.Repeat("z", 9000) + "\r\n\r\n"), want: HTTPMalformed},
		{name: "close-after-request", serve: readRequest, want: Closed},
		{name: "half-a-head", serve: says("HTTP/1.1 200 OK\r\nServer: x\r\n"), want: Closed},
		{name: "silent", serve: silent, want: Timeout},
		{name: "drip", serve: drip, want: Timeout},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{answer: onlyDiscovery(), tcp: map[string]func(net.Conn){
					proxyIP + ":443": overTLS(c.serve), proxyIP + ":80": c.serve,
				}}
				started := time.Now()
				rec := w.observe(t)
				if took := time.Since(started); took > smallLimits.Total {
					t.Errorf("took %v, want at most %v", took, smallLimits.Total)
				}
				for _, purpose := range []string{GetRoot, GetRootHTTP} {
					xs := exchangesFor(rec, purpose)
					if len(xs) != 1 {
						t.Fatalf("%d exchanges for %s, want 1", len(xs), purpose)
					}
					if x := xs[0]; x.Outcome.Code != c.want || x.Status != c.status {
						t.Errorf("%s = %+v status %d, want %s status %d", purpose, x.Outcome, x.Status, c.want, c.status)
					}
				}
				if rec.Sections[0].Incomplete != "" {
					t.Errorf("incomplete: %s", rec.Sections[0].Incomplete)
				}
				if n := size(t, rec); n > 1<<20 {
					t.Errorf("the record has %d bytes, want less than a megabyte", n)
				}
			})
		})
	}
}

func size(t *testing.T, rec *Record) int {
	t.Helper()
	data, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	return len(data)
}

// A server that has been silent is not asked again and again; repeats are asked together.
func TestSilenceCostsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{tcp: map[string]func(net.Conn){proxyIP + ":443": overTLS(silent)},
			answer: zone(discovery+". 300 IN A "+proxyIP, webFQDN+". 300 IN A "+proxyIP)}
		target := Target{SIPDomains: []string{testDomain}, Expected: Expected{ExternalWeb: []string{webFQDN}}}
		rec := w.look(t, t.Context(), target, smallLimits, w.vantage(External))
		byHost := map[string]int{}
		for _, x := range rec.Sections[0].Exchanges {
			byHost[x.Host+" "+x.Purpose]++
		}
		want := map[string]int{discovery + " root": 1, discovery + " repeat": 3, webFQDN + " service": 1,
			"nobody-publishes-this.contoso.example unknown-host": 1}
		if fmt.Sprint(byHost) != fmt.Sprint(want) {
			t.Errorf("asked %v, want %v", byHost, want)
		}
	})
}

// tlsCases are servers that go wrong before or in the handshake.
func TestHostileTLS(t *testing.T) {
	t.Parallel()
	huge := proxyCertificate()
	for range 120 {
		huge.Certificate = append(huge.Certificate, authority().cert.Raw)
	}
	cases := []struct {
		name  string
		serve func(net.Conn)
		want  string
		check func(*testing.T, *Record, Handshake)
	}{
		{name: "silent", serve: silent, want: Timeout},
		{name: "silent-drip", serve: func(c net.Conn) {
			readRequest(c)
			for _, b := range append([]byte{0x16, 3, 3, 0x40, 0}, make([]byte, 0x4000)...) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				<-time.After(100 * time.Millisecond)
			}
		}, want: Timeout},
		{name: "plain-text", serve: says("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), want: TLSNotTLS},
		{name: "ssh", serve: func(c net.Conn) { go silent(c); io.WriteString(c, "SSH-2.0-OpenSSH_9.6\r\n"); readRequest(c) }, want: TLSNotTLS},
		{name: "close", serve: readRequest, want: Closed},
		{name: "huge-chain", serve: withTLS(&tls.Config{Certificates: []tls.Certificate{huge}}, silent), want: OK,
			check: func(t *testing.T, _ *Record, h Handshake) {
				if len(h.Chain) != maxChain || !h.Public.OK() {
					t.Errorf("chain of %d, public %+v; want %d, ok", len(h.Chain), h.Public, maxChain)
				}
			}},
		{name: "asks-for-certificate", serve: withTLS(&tls.Config{Certificates: []tls.Certificate{proxyCertificate()},
			ClientAuth: tls.RequestClientCert}, silent), want: OK, check: func(t *testing.T, _ *Record, h Handshake) {
			if !h.ClientCertificate {
				t.Error("the request for a certificate was not noted")
			}
		}},
		{name: "requires-certificate-1.2", serve: withTLS(&tls.Config{Certificates: []tls.Certificate{proxyCertificate()},
			ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}, silent), want: TLSNoCipher, check: func(t *testing.T, _ *Record, h Handshake) {
			// The alert alone cannot be told from that of a server without a suite in common.
			if !h.ClientCertificate {
				t.Error("the request for a certificate was not noted")
			}
		}},
		{name: "tls-1.0-only", serve: withTLS(&tls.Config{Certificates: []tls.Certificate{proxyCertificate()},
			MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, silent), want: OK, check: func(t *testing.T, rec *Record, h Handshake) {
			var got []string
			for _, v := range handshakesFor(rec, HandshakeVersion) {
				got = append(got, v.Offered+" "+v.Outcome.Code)
			}
			want := []string{"1.0 ok", "1.1 tls.protocol-version", "1.2 tls.protocol-version"}
			if h.Version != "1.0" || !slices.Equal(got, want) {
				t.Errorf("version %s, %v; want 1.0, %v", h.Version, got, want)
			}
		}},
		{name: "rsa-key-exchange-only", serve: withTLS(oldTLS(tls.TLS_RSA_WITH_AES_128_CBC_SHA), silent), want: OK},
		{name: "3des-only", serve: withTLS(oldTLS(tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA), silent), want: OK},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{answer: onlyDiscovery(), tcp: map[string]func(net.Conn){proxyIP + ":443": c.serve}}
				started := time.Now()
				rec := w.observe(t)
				if took := time.Since(started); took > smallLimits.Total {
					t.Errorf("took %v, want at most %v", took, smallLimits.Total)
				}
				hs := handshakesFor(rec, HandshakeName)
				if len(hs) == 0 {
					t.Fatalf("no handshake; dials %+v", rec.Sections[0].Dials)
				}
				if hs[0].Outcome.Code != c.want {
					t.Fatalf("handshake = %+v, want %s", hs[0].Outcome, c.want)
				}
				if c.check != nil {
					c.check(t, rec, hs[0])
				}
			})
		})
	}
}

// oldTLS is a proxy of 2010: TLS 1.0, an RSA key, one suite.
func oldTLS(suite uint16) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{leaf(rsaKey(), nil, discovery)}, CipherSuites: []uint16{suite},
		MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}
}

// redirecting answers every request with a link made of its number.
func redirecting(form string, link func(n int) string) func(*http.Request) string {
	n := make(chan int, 1)
	n <- 0
	return func(*http.Request) string {
		i := <-n
		defer func() { n <- i + 1 }()
		switch form {
		case "json":
			return replyText("200 OK", "application/json", fmt.Sprintf(`{"_links":{"redirect":{"href":%q}}}`, link(i)))
		case "xml":
			return replyText("200 OK", "application/xml", `<AutodiscoverResponse><Root><Link token="Redirect" href="`+link(i)+`"/></Root></AutodiscoverResponse>`)
		}
		return replyText("302 Found", "text/html", "", "Location: "+link(i))
	}
}

// Redirects that lead in circles, on and on, or nowhere that a client would go, end.
func TestRedirects(t *testing.T) {
	t.Parallel()
	links := []struct {
		name string
		link func(int) string
		most int // hops for each of the four discovery requests
	}{
		{name: "to-itself", link: func(int) string { return "https://" + discovery + "/" }, most: 1},
		{name: "circle", link: func(n int) string { return fmt.Sprintf("https://%s/?%d", discovery, n%3) }, most: 4},
		{name: "on-and-on", link: func(n int) string { return fmt.Sprintf("https://%s/?%d", discovery, n) }, most: maxHops},
		{name: "file", link: func(int) string { return "file:///etc/passwd" }},
		{name: "ftp", link: func(int) string { return "ftp://" + discovery + "/" }},
		{name: "control-characters", link: func(int) string { return "https://lync%0d%0adiscover.contoso.example/" }},
		{name: "password", link: func(int) string { return "https://me:secret@" + discovery + "/" }},
		{name: "port-too-large", link: func(int) string { return "https://" + discovery + ":70000/" }},
	}
	for _, l := range links {
		for _, form := range []string{"json", "xml", "location"} {
			t.Run(l.name+"/"+form, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					serve := answering(redirecting(form, l.link))
					w := &world{answer: onlyDiscovery(), tcp: map[string]func(net.Conn){proxyIP + ":443": overTLS(serve), proxyIP + ":80": serve}}
					rec := w.observe(t)
					if n := len(exchangesFor(rec, GetHop)); n > 4*l.most || l.most > 1 && n == 0 {
						t.Errorf("%d hops, want 1 to %d", n, 4*l.most)
					}
					for _, walk := range rec.Sections[0].Walks {
						if walk.Accepted != "" {
							t.Errorf("%s accepted %s", walk.Client, walk.Accepted)
						}
					}
				})
			})
		}
	}
}

// Thousands of hosts in documents are neither all looked up nor visited, and the same ones whatever came first.
func TestThousandsOfLinks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var links []string
		for i := range 3000 {
			links = append(links, fmt.Sprintf(`"rel%04d":{"href":"https://host%04d.contoso.example/"}`, i, i))
		}
		body := `{"_links":{` + strings.Join(links, ",") + `}}`
		limits := smallLimits
		limits.Body = 1 << 20
		w := &world{answer: onlyDiscovery(), tcp: map[string]func(net.Conn){proxyIP + ":443": overTLS(answering(func(*http.Request) string {
			return replyText("200 OK", "application/json", body)
		}))}}
		rec := w.look(t, t.Context(), Target{SIPDomains: []string{testDomain}}, limits, w.vantage(External))
		var hosts []string
		for _, l := range rec.Sections[0].Lookups {
			if strings.HasPrefix(l.Name, "host") && l.Type == "A" {
				hosts = append(hosts, l.Name)
			}
		}
		if len(hosts) != maxHosts || hosts[0] != "host0000.contoso.example" || hosts[maxHosts-1] != "host0031.contoso.example" {
			t.Errorf("looked up %d: %v; want the first %d", len(hosts), hosts, maxHosts)
		}
	})
}

// What the end of the run cuts off is no observation: nothing is blamed for it.
func TestCancelled(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{answer: onlyDiscovery(), tcp: map[string]func(net.Conn){proxyIP + ":443": overTLS(silent)}}
				ctx, cancel := context.WithTimeout(t.Context(), after)
				defer cancel()
				started := time.Now()
				rec := w.look(t, ctx, Target{SIPDomains: []string{testDomain}}, smallLimits, w.vantage(External))
				if took := time.Since(started); took > after+10*time.Millisecond {
					t.Errorf("took %v, want %v", took, after)
				}
				s := rec.Sections[0]
				if s.Incomplete == "" {
					t.Error("the section does not say that it is incomplete")
				}
				for _, d := range s.Dials { // port 80 is silent, and that takes a second to know
					if !d.Outcome.OK() && after < smallLimits.Connect {
						t.Errorf("dial %+v, want none that failed", d)
					}
				}
				for _, x := range s.Exchanges {
					t.Errorf("exchange %+v, want none", x)
				}
			})
		})
	}
}
