package proxy_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"lyncpin/proxy"
)

// TestBorder says what is no request, or could be two, and wants it refused, the connection closed, and nothing passed on. The near
// misses look odd and mean one thing. (RFC 9112, 2.2, 3, 5, 6, 7, 11.2; RFC 9110, 5.5, 7.2.)
func TestBorder(t *testing.T) {
	t.Parallel()
	const (
		host  = "Host: " + published + "\r\n"
		post  = "POST / HTTP/1.1\r\n" + host
		inner = "GET /inner HTTP/1.1\r\n" + host + "\r\n"
	)
	for _, tc := range []struct {
		name, request string
		status        int    // zero: passed on
		body          string // that the web server gets, when passed on
	}{
		// Two lengths, or none that can be known.
		{"both-lengths", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner, 400, ""},
		{"both-lengths-other-order", post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + inner, 400, ""},
		{"two-lengths", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400, ""},
		{"two-lengths-alike", post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400, ""},
		{"length-list", post + "Content-Length: 5, 5\r\n\r\nhello", 400, ""},
		{"length-plus", post + "Content-Length: +5\r\n\r\nhello", 400, ""},
		{"length-minus", post + "Content-Length: -1\r\n\r\n", 400, ""},
		{"length-hex", post + "Content-Length: 0x5\r\n\r\nhello", 400, ""},
		{"length-point", post + "Content-Length: 5.0\r\n\r\nhello", 400, ""},
		{"length-space-inside", post + "Content-Length: 1 5\r\n\r\nhello", 400, ""},
		{"length-empty", post + "Content-Length:\r\n\r\n" + inner, 400, ""},
		{"length-overflow", post + "Content-Length: 18446744073709551621\r\n\r\nhello", 400, ""},
		{"length-underscore", post + "Content_Length: 5\r\n\r\n" + inner, 400, ""},
		{"length-zeros", post + "Content-Length: 0005\r\n\r\nhello", 0, "hello"},
		{"length", post + "Content-Length: 5\r\n\r\nhello", 0, "hello"},
		{"length-spaces-around", post + "Content-Length: \t 5 \t\r\n\r\nhello", 0, "hello"},

		// Codings that one reader knows and another does not.
		{"coding-unknown", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501, ""},
		{"coding-identity", post + "Transfer-Encoding: identity\r\n\r\n", 501, ""},
		{"coding-gzip", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, ""},
		{"coding-twice-in-one", post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501, ""},
		{"coding-chunked-not-last", post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501, ""},
		{"coding-quoted", post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501, ""},
		{"coding-parameter", post + "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", 501, ""},
		{"coding-empty", post + "Transfer-Encoding:\r\n\r\n", 501, ""},
		{"coding-two-fields", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400, ""},
		{"coding-two-fields-alike", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""},
		{"coding-vertical-tab", post + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400, ""},
		{"coding-space-before-colon", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, ""},
		{"coding-tab-before-colon", post + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400, ""},
		{"coding-underscore", post + "Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""},
		{"coding-folded", post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400, ""},
		{"coding-in-http-1.0", "POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""},
		{"coding-case", post + "transfer-ENCODING: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0, "hello"},

		// Chunks.
		{"chunk-size-empty", post + "Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", 400, ""},
		{"chunk-size-hex-prefix", post + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", 400, ""},
		{"chunk-size-plus", post + "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", 400, ""},
		{"chunk-size-minus", post + "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", 400, ""},
		{"chunk-size-space-before", post + "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n", 400, ""},
		{"chunk-size-space-behind", post + "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", 400, ""},
		{"chunk-size-underscore", post + "Transfer-Encoding: chunked\r\n\r\n0_5\r\nhello\r\n0\r\n\r\n", 400, ""},
		{"chunk-size-overflow", post + "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n", 400, ""},
		{"chunk-size-bare-lf", post + "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 400, ""},
		{"chunk-data-longer", post + "Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n", 400, ""},
		{"chunk-data-bare-lf", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", 400, ""},
		{"chunk-data-bare-cr", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r0\r\n\r\n", 400, ""},
		{"chunk-extension-bare-lf", post + "Transfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n", 400, ""},
		{"chunk-extension-bare-cr", post + "Transfer-Encoding: chunked\r\n\r\n5;a\rb\r\nhello\r\n0\r\n\r\n", 400, ""},
		{"chunk-extension-nul", post + "Transfer-Encoding: chunked\r\n\r\n5;\x00\r\nhello\r\n0\r\n\r\n", 400, ""},
		{"chunk-extension-endless", post + "Transfer-Encoding: chunked\r\n\r\n5;" + strings.Repeat("a", 8<<10) + "\r\nhello\r\n0\r\n\r\n", 400, ""},
		{"trailer-folded", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n folded: x\r\n\r\n", 400, ""},
		{"trailer-bare-lf", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-A: b\n\r\n", 400, ""},
		{"trailer-without-name", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n: b\r\n\r\n", 400, ""},
		{"trailer-huge", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n" + strings.Repeat("X-A: "+strings.Repeat("b", 1000)+"\r\n", 20) + "\r\n", 431, ""},
		{"chunk-extension", post + "Transfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0;c\r\n\r\n", 0, "hello"},
		{"chunk-size-zeros", post + "Transfer-Encoding: chunked\r\n\r\n00005\r\nhello\r\n000\r\n\r\n", 0, "hello"},
		{"chunks", post + "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nX-A: b\r\n\r\n", 0, "hello"},

		// Lines.
		{"bare-lf-line", "GET / HTTP/1.1\nHost: " + published + "\n\n", 400, ""},
		{"bare-lf-field", "GET / HTTP/1.1\r\nHost: " + published + "\n\r\n", 400, ""},
		{"bare-lf-end", "GET / HTTP/1.1\r\n" + host + "\n" + inner, 400, ""},
		{"bare-cr-in-value", "GET / HTTP/1.1\r\n" + host + "X-A: b\rContent-Length: 5\r\n\r\n", 400, ""},
		{"bare-cr-ends-line", "GET / HTTP/1.1\r\n" + host + "X-A: b\r\r\n\r\n", 400, ""},
		{"nul-in-value", "GET / HTTP/1.1\r\n" + host + "X-A: b\x00c\r\n\r\n", 400, ""},
		{"nul-in-name", "GET / HTTP/1.1\r\n" + host + "X\x00A: b\r\n\r\n", 400, ""},
		{"folded", "GET / HTTP/1.1\r\n" + host + "X-A: b\r\n c\r\n\r\n", 400, ""},
		{"folded-tab", "GET / HTTP/1.1\r\n" + host + "X-A: b\r\n\tc\r\n\r\n", 400, ""},
		{"space-before-first-field", "GET / HTTP/1.1\r\n " + host + "\r\n", 400, ""},
		{"no-colon", "GET / HTTP/1.1\r\n" + host + "nothing\r\n\r\n", 400, ""},
		{"no-name", "GET / HTTP/1.1\r\n" + host + ": x\r\n\r\n", 400, ""},
		{"space-in-name", "GET / HTTP/1.1\r\n" + host + "X A: b\r\n\r\n", 400, ""},
		{"name-not-ascii", "GET / HTTP/1.1\r\n" + host + "X-Ä: b\r\n\r\n", 400, ""},
		{"empty-line-before", "\r\nGET / HTTP/1.1\r\n" + host + "\r\n", 0, ""},
		{"empty-value", "GET / HTTP/1.1\r\n" + host + "X-A:\r\n\r\n", 0, ""},
		{"value-not-ascii", "GET / HTTP/1.1\r\n" + host + "X-A: ü\r\n\r\n", 0, ""},

		// The request line.
		{"two-spaces", "GET  / HTTP/1.1\r\n" + host + "\r\n", 400, ""},
		{"tab", "GET\t/ HTTP/1.1\r\n" + host + "\r\n", 400, ""},
		{"space-in-target", "GET /a b HTTP/1.1\r\n" + host + "\r\n", 400, ""},
		{"space-behind", "GET / HTTP/1.1 \r\n" + host + "\r\n", 400, ""},
		{"space-before", " GET / HTTP/1.1\r\n" + host + "\r\n", 400, ""},
		{"fragment", "GET /a#b HTTP/1.1\r\n" + host + "\r\n", 400, ""},
		{"nul-in-target", "GET /\x00 HTTP/1.1\r\n" + host + "\r\n", 400, ""},
		{"method-odd", "GE(T / HTTP/1.1\r\n" + host + "\r\n", 400, ""},
		{"http-0.9", "GET /\r\n\r\n", 400, ""},
		{"version-lower", "GET / http/1.1\r\n" + host + "\r\n", 400, ""},
		{"version-1.2", "GET / HTTP/1.2\r\n" + host + "\r\n", 505, ""},
		{"version-1.01", "GET / HTTP/1.01\r\n" + host + "\r\n", 505, ""},
		{"version-2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, ""},
		{"target-relative", "GET meet HTTP/1.1\r\n" + host + "\r\n", 400, ""},
		{"target-asterisk", "GET * HTTP/1.1\r\n" + host + "\r\n", 400, ""},
		{"target-scheme", "GET ftp://" + published + "/ HTTP/1.1\r\n" + host + "\r\n", 400, ""},
		{"target-user", "GET http://" + published + "@evil.example/ HTTP/1.1\r\n" + host + "\r\n", 400, ""},

		// Whom it is for.
		{"no-host", "GET / HTTP/1.1\r\n\r\n", 400, ""},
		{"two-hosts", "GET / HTTP/1.1\r\n" + host + "Host: evil.example\r\n\r\n", 400, ""},
		{"two-hosts-alike", "GET / HTTP/1.1\r\n" + host + host + "\r\n", 400, ""},
		{"host-space-before-colon", "GET / HTTP/1.1\r\nHost : " + published + "\r\n\r\n", 400, ""},
		{"host-list", "GET / HTTP/1.1\r\nHost: " + published + ", evil.example\r\n\r\n", 400, ""},
		{"host-with-path", "GET / HTTP/1.1\r\nHost: " + published + "/x\r\n\r\n", 400, ""},
		{"host-with-user", "GET / HTTP/1.1\r\nHost: x@" + published + "\r\n\r\n", 400, ""},
		{"host-with-port", "GET / HTTP/1.1\r\nHost: " + published + ":80\r\n\r\n", 0, ""},

		// Too much.
		{"fields", "GET / HTTP/1.1\r\n" + host + strings.Repeat("X-A: b\r\n", 300) + "\r\n", 431, ""},
		{"head", "GET / HTTP/1.1\r\n" + host + "X-A: " + strings.Repeat("b", 300<<10) + "\r\n\r\n", 431, ""},
		{"expectation", post + "Expect: 200-ok\r\nContent-Length: 5\r\n\r\nhello", 417, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.server("fe1", "http", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if body, err := io.ReadAll(r.Body); err == nil { // a whole request
					r.Body = io.NopCloser(bytes.NewReader(body))
					w.note("fe1", r)
				}
			}))
			w.rule(proxy.Rule{WebServers: []string{"fe1"}})
			w.start()
			conn := w.raw("http")
			go io.WriteString(conn, tc.request) // more than is read of it, perhaps
			br := bufio.NewReader(conn)
			res, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, res.Body)
			if tc.status == 0 {
				if got := w.requests(); res.StatusCode != 200 || len(got) != 1 || got[0].body != tc.body {
					t.Errorf("got %s, web server got %+v, want it once with body %q", res.Status, got, tc.body)
				}
				return
			}
			if res.StatusCode != tc.status || !res.Close {
				t.Errorf("got %s, closing: %v; want %d and the end of the connection", res.Status, res.Close, tc.status)
			}
			if rest, _ := io.ReadAll(br); len(rest) > 0 {
				t.Errorf("after the refusal: %q", rest)
			}
			for _, r := range w.requests() {
				t.Errorf("web server got %+v", r)
			}
		})
	}
}

// A hop's own fields must not be a way to take others away from the next one, or to reach it past the rules.
func TestConnectionOptionsDoNotReachFraming(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "http", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	res := w.say(w.raw("http"), "POST / HTTP/1.1\r\nHost: "+published+"\r\nContent-Length: 5\r\n"+
		"Connection: Host, Content-Length, X-Forwarded-For, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\nhello")
	got := w.last()
	if res.StatusCode != 200 || got.host != published || got.body != "hello" || got.header.Get("X-Forwarded-For") != "127.0.0.1" {
		t.Errorf("%s, web server got %+v", res.Status, got)
	}
	if got.header.Get("Upgrade") != "" || got.header.Get("Http2-Settings") != "" {
		t.Errorf("an upgrade to HTTP/2 was passed on: %v", got.header)
	}
}

func TestSlowHeadsEnd(t *testing.T) {
	t.Parallel()
	for _, begin := range []string{"G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: " + published + "\r\nX-A: b\r\n"} {
		t.Run(fmt.Sprint(len(begin)), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.server("fe1", "http", nil)
			w.rule(proxy.Rule{WebServers: []string{"fe1"}})
			w.cfg.Timeouts.Header = 50 * time.Millisecond
			w.start()
			if res := w.say(w.raw("http"), begin); res.StatusCode != 408 || !res.Close {
				t.Errorf("got %s, closing: %v; want 408 and the end of the connection", res.Status, res.Close)
			}
		})
	}
}

// Requests that come at once are answered one after the other, each its own.
func TestPipelining(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(rw, "%s %s", r.URL.Path, body)
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	conn := w.raw("https")
	const head = " HTTP/1.1\r\nHost: " + published + "\r\n"
	io.WriteString(conn, "POST /1"+head+"Content-Length: 3\r\n\r\none"+
		"GET /2"+head+"\r\n"+
		"POST /3"+head+"Transfer-Encoding: chunked\r\n\r\n5\r\nthree\r\n0\r\n\r\n"+
		"GET /4"+head+"Connection: close\r\n\r\n")
	br := bufio.NewReader(conn)
	for _, want := range []string{"/1 one", "/2 ", "/3 three", "/4 "} {
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(res.Body); string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if _, err := br.ReadByte(); err != io.EOF {
		t.Errorf("after Connection: close: %v, want the end", err)
	}
}
