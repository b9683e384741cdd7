package proxy_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"lyncpin/proxy"
)

// TestRules asks one request of a proxy with one rule, for every option of a rule.
func TestRules(t *testing.T) {
	t.Parallel()
	type ask struct {
		method, uri string // GET https://published/ when empty
		header      http.Header
		body        string
	}
	fe := []string{"fe1"}
	for _, tc := range []struct {
		name   string
		rule   proxy.Rule
		ask    ask
		status int                                  // 200 when zero
		check  func(got seen, h http.Header) string // what is wrong; nil when the status says it all
	}{
		{name: "path", rule: proxy.Rule{WebServers: fe, Paths: []string{"/Autodiscover"}}, ask: ask{uri: "/autodiscover/x"}},
		{name: "path-near-miss", rule: proxy.Rule{WebServers: fe, Paths: []string{"/Autodiscover"}}, ask: ask{uri: "/autodiscoverx"}, status: 404},
		{name: "case-sensitive", rule: proxy.Rule{WebServers: fe, Paths: []string{"/Mcx"}, CaseSensitive: true}, ask: ask{uri: "/mcx"}, status: 404},
		{name: "case-sensitive-same", rule: proxy.Rule{WebServers: fe, Paths: []string{"/Mcx"}, CaseSensitive: true}, ask: ask{uri: "/Mcx"}},
		{name: "method", rule: proxy.Rule{WebServers: fe, Methods: []string{"GET", "POST"}}, ask: ask{method: "DELETE"}, status: 404},
		{name: "method-same", rule: proxy.Rule{WebServers: fe, Methods: []string{"DELETE"}}, ask: ask{method: "DELETE"}},
		{name: "header", rule: proxy.Rule{WebServers: fe, MatchHeaders: map[string]string{"Origin": "*.evil.example"}}, ask: ask{header: http.Header{"Origin": {"https://contoso.example"}}}, status: 404},
		{name: "header-same", rule: proxy.Rule{WebServers: fe, MatchHeaders: map[string]string{"Origin": "*contoso*"}}, ask: ask{header: http.Header{"Origin": {"https://contoso.example"}}}},
		{name: "header-chunked", rule: proxy.Rule{WebServers: fe, MatchHeaders: map[string]string{"Transfer-Encoding": "chunked"}}, ask: ask{method: "POST"}, status: 404},
		{name: "source", rule: proxy.Rule{WebServers: fe, Sources: []string{"192.0.2.0/24"}}, status: 404},
		{name: "source-same", rule: proxy.Rule{WebServers: fe, Sources: []string{"192.0.2.0/24", "127.0.0.1"}}},
		{name: "listener", rule: proxy.Rule{WebServers: fe, Listener: "http"}, status: 404},
		{name: "listener-same", rule: proxy.Rule{WebServers: fe, Listener: "https"}},

		{name: "host-web-server", rule: proxy.Rule{WebServers: fe, HostHeader: "web-server"}, check: func(got seen, _ http.Header) string {
			return unequal("Host", got.host, "127.0.0.1")
		}},
		{name: "host-with-port", rule: proxy.Rule{WebServers: fe, HostHeader: "{host}:4443"}, check: func(got seen, _ http.Header) string {
			return unequal("Host", got.host, published+":4443")
		}},
		{name: "strip-and-add", rule: proxy.Rule{WebServers: fe, StripPrefix: "/lync", AddPrefix: "/x"}, ask: ask{uri: "/LYNC/a%2Fb?c"}, check: target("/x/a%2Fb?c")},
		{name: "strip-all", rule: proxy.Rule{WebServers: fe, StripPrefix: "/lync"}, ask: ask{uri: "/lync?c"}, check: target("/?c")},
		{name: "uri-without-query", rule: proxy.Rule{WebServers: fe, URI: "{path}"}, ask: ask{uri: "/a%2Fb?sipuri=x"}, check: target("/a%2Fb")},
		{name: "uri-lower", rule: proxy.Rule{WebServers: fe, URI: "{lower}{query}"}, ask: ask{uri: "/User1/ABCD1234%2F?X=Y"}, check: target("/user1/abcd1234%2f?X=Y")},
		{name: "uri-normalized", rule: proxy.Rule{WebServers: fe, URI: "{normalized}{query}"}, ask: ask{uri: "/a%2Fb//c/../d%25?x=%2F"}, check: target("/a/b/d%25?x=%2F")},
		{name: "set-request", rule: proxy.Rule{WebServers: fe, SetRequestHeaders: map[string]string{"X-Said": "{scheme} {host} {client}"}}, check: func(got seen, _ http.Header) string {
			return unequal("X-Said", got.header.Get("X-Said"), "https "+published+" 127.0.0.1")
		}},
		{name: "remove-request", rule: proxy.Rule{WebServers: fe, RemoveRequestHeaders: []string{"Authorization", "X-Ms-*"}},
			ask: ask{header: http.Header{"Authorization": {"Bearer x"}, "X-Ms-Webticket": {"x"}, "X-Other": {"stays"}}},
			check: func(got seen, _ http.Header) string {
				return unequal("fields", got.header.Get("Authorization")+got.header.Get("X-Ms-Webticket")+got.header.Get("X-Other"), "stays")
			}},
		{name: "remove-response", rule: proxy.Rule{WebServers: fe, RemoveResponseHeaders: []string{"X-Ms-*"}}, check: func(_ seen, h http.Header) string {
			return unequal("X-MS-Server-Fqdn", h.Get("X-MS-Server-Fqdn"), "")
		}},
		{name: "remove-by-value", rule: proxy.Rule{WebServers: fe, RemoveResponseHeaders: []string{"WWW-Authenticate: ntlm"}}, check: func(_ seen, h http.Header) string {
			return unequal("WWW-Authenticate", strings.Join(h["Www-Authenticate"], ","), "Negotiate")
		}},
		{name: "set-response", rule: proxy.Rule{WebServers: fe, SetResponseHeaders: map[string]string{"Content-Encoding": "gzip"}}, check: func(_ seen, h http.Header) string {
			return unequal("Content-Encoding", h.Get("Content-Encoding"), "gzip")
		}},
		{name: "location", rule: proxy.Rule{WebServers: fe, ReplaceLocation: []proxy.Replacement{{From: "https://", To: "http://"}}}, check: func(_ seen, h http.Header) string {
			return unequal("Location", h.Get("Location"), "http://lyncweb-ext.contoso.example/x")
		}},
		{name: "body", rule: proxy.Rule{WebServers: fe, ReplaceBody: []proxy.Replacement{{From: "lyncweb", To: "proxy"}}}, check: func(_ seen, h http.Header) string {
			return unequal("body", h.Get("Test-Body"), "https://proxy-ext.contoso.example")
		}},
		{name: "body-untouched", rule: proxy.Rule{WebServers: fe}, check: func(_ seen, h http.Header) string {
			return unequal("body", h.Get("Test-Body"), "https://lyncweb-ext.contoso.example")
		}},

		{name: "max-body", rule: proxy.Rule{WebServers: fe, MaxBody: 4}, ask: ask{method: "POST", body: "12345"}, status: 413},
		{name: "max-body-just", rule: proxy.Rule{WebServers: fe, MaxBody: 5}, ask: ask{method: "POST", body: "12345"}},
		{name: "max-url", rule: proxy.Rule{WebServers: fe, MaxURL: 4}, ask: ask{uri: "/1234"}, status: 414},
		{name: "max-url-just", rule: proxy.Rule{WebServers: fe, MaxURL: 5}, ask: ask{uri: "/1234"}},
		{name: "normalization", rule: proxy.Rule{WebServers: fe, VerifyNormalization: true}, ask: ask{uri: "/m?WopiSrc=https%253A"}, status: 400},
		{name: "normalization-plain", rule: proxy.Rule{WebServers: fe, VerifyNormalization: true}, ask: ask{uri: "/m?WopiSrc=https%3A"}},
		{name: "rate", rule: proxy.Rule{WebServers: fe, Rate: 1}},
		{name: "loop", rule: proxy.Rule{WebServers: fe}, ask: ask{header: http.Header{"X-Forwarded-For": {strings.Repeat("127.0.0.1, ", 19) + "127.0.0.1"}}}, status: 508},
		{name: "no-loop", rule: proxy.Rule{WebServers: fe}, ask: ask{header: http.Header{"X-Forwarded-For": {strings.Repeat("127.0.0.1, ", 18) + "127.0.0.1"}}}},

		{name: "respond", rule: proxy.Rule{Respond: &proxy.Response{Status: 301, Headers: map[string]string{"Location": "https://{host}{uri}"}}},
			ask: ask{uri: "/a%2Fb?c"}, status: 301,
			check: func(_ seen, h http.Header) string {
				return unequal("Location", h.Get("Location"), "https://"+published+"/a%2Fb?c")
			}},
		{name: "respond-basic", rule: proxy.Rule{Respond: &proxy.Response{Status: 401, Headers: map[string]string{"WWW-Authenticate": `Basic realm="proxy"`}}}, status: 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				w.note("fe1", r)
				h := rw.Header()
				h.Set("Location", "https://lyncweb-ext.contoso.example/x")
				h.Set("Content-Type", "application/json")
				h.Set("X-MS-Server-Fqdn", "fe1.contoso.example")
				h["Www-Authenticate"] = []string{"Negotiate", "NTLM"}
				io.WriteString(rw, "https://lyncweb-ext.contoso.example")
			}))
			w.rule(tc.rule)
			w.start()
			a := tc.ask
			if a.method == "" {
				a.method = "GET"
			}
			var body io.Reader
			if a.body != "" {
				body = strings.NewReader(a.body)
			}
			status, text, h := w.do(w.client(), a.method, "https://"+published+a.uri, a.header, body)
			if want := max(tc.status, 200); status != want {
				t.Fatalf("status %d, want %d:\n%s", status, want, text)
			}
			h.Set("Test-Body", text)
			if tc.check == nil {
				return
			}
			var got seen
			if len(tc.rule.WebServers) > 0 {
				got = w.last()
			}
			if wrong := tc.check(got, h); wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

func unequal(what, got, want string) string {
	if got == want {
		return ""
	}
	return what + " = " + got + ", want " + want
}

func target(want string) func(seen, http.Header) string {
	return func(got seen, _ http.Header) string { return unequal("target", got.target, want) }
}

func TestTheFirstRuleThatFitsDecides(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, alias := range []string{"fe1", "wac", "any"} {
		w.server(alias, "https", nil)
	}
	w.rule(proxy.Rule{Hosts: []string{published}, Paths: []string{"/m"}, WebServers: []string{"wac"}})
	w.rule(proxy.Rule{Hosts: []string{published, "lyncdiscover.contoso.example."}, WebServers: []string{"fe1"}})
	w.rule(proxy.Rule{Hosts: []string{"*.fabrikam.example"}, WebServers: []string{"any"}})
	w.start()
	for _, tc := range []struct{ url, host, want string }{
		{"https://" + published + "/m/Presenter.aspx", "", "wac"},
		{"https://" + published + "/meet", "", "fe1"},
		{"https://lyncdiscover.contoso.example/", "", "fe1"},
		{"https://LYNCDISCOVER.contoso.example/", "", "fe1"},
		{"https://" + published + "/", "lyncdiscover.contoso.example:443", "fe1"},
		{"https://meet.fabrikam.example/", "", "any"},
		{"https://" + published + "/", "a.b.fabrikam.example", "any"},
	} {
		header := http.Header{}
		if tc.host != "" {
			header.Set("Host", tc.host)
		}
		if _, got, _ := w.do(w.client(), "GET", tc.url, header, nil); got != tc.want {
			t.Errorf("%s (Host %s) went to %q, want %q", tc.url, tc.host, got, tc.want)
		}
	}
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	const elsewhere = "https://www.fabrikam.example/x"
	start := func(t *testing.T, u proxy.Unknown) *world {
		w := newWorld(t)
		w.server("www", "https", nil)
		w.rule(proxy.Rule{Name: "site", WebServers: []string{"www"}})
		w.cfg.Unknown = u
		return w.start()
	}
	t.Run("respond", func(t *testing.T) {
		t.Parallel()
		w := start(t, proxy.Unknown{Respond: &proxy.Response{Status: 404, Body: "nothing here"}})
		if status, body, h := w.get(elsewhere); status != 404 || body != "nothing here" || h.Get("X-Proxy-Error") != "" {
			t.Errorf("got %d %q, want 404 nothing here", status, body)
		}
	})
	t.Run("rule", func(t *testing.T) {
		t.Parallel()
		w := start(t, proxy.Unknown{Rule: "site"})
		if status, body, _ := w.get(elsewhere); status != 200 || body != "www" || w.last().host != "www.fabrikam.example" {
			t.Errorf("got %d %q, Host %q", status, body, w.last().host)
		}
	})
	t.Run("reset", func(t *testing.T) {
		t.Parallel()
		w := start(t, proxy.Unknown{Reset: true})
		for _, scheme := range []string{"https", "http"} {
			conn := w.raw(scheme)
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost: www.fabrikam.example\r\n\r\n")
			if n, err := conn.Read(make([]byte, 1)); n != 0 || !isReset(err) {
				t.Errorf("%s: read %d, %v, want a connection reset", scheme, n, err)
			}
			if status, _, _ := w.get(scheme + "://" + published + "/"); status != 200 {
				t.Errorf("%s: status %d for the published host, want 200", scheme, status)
			}
		}
	})
}

func isReset(err error) bool {
	const wsaConnReset = syscall.Errno(10054) // Windows
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, wsaConnReset)
}

func TestLimitsInFlight(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, code string
		rule       proxy.Rule
	}{
		{"rule", "max-requests", proxy.Rule{MaxRequests: 1}},
		{"source", "max-requests-per-source", proxy.Rule{MaxRequestsPerSource: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			polling, free := make(chan struct{}, 1), make(chan struct{})
			w := newWorld(t)
			w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				select {
				case polling <- struct{}{}:
				default: // the first one has been seen
				}
				<-free
			}))
			tc.rule.WebServers = []string{"fe1"}
			w.rule(tc.rule)
			w.start()
			first := make(chan int)
			go func() {
				status, _, _ := w.get("https://" + published + "/")
				first <- status
			}()
			wait(t, "the first request", polling)
			if status, _, h := w.get("https://" + published + "/"); status != 503 || h.Get("X-Proxy-Error") != tc.code {
				t.Errorf("second request: %d %q, want 503 %q", status, h.Get("X-Proxy-Error"), tc.code)
			}
			close(free)
			if status := wait(t, "the first answer", first); status != 200 {
				t.Errorf("first request: %d, want 200", status)
			}
			deadline := time.Now().Add(10 * time.Second) // it is counted out a moment after its answer
			for status := 0; status != 200; status, _, _ = w.get("https://" + published + "/") {
				if time.Now().After(deadline) {
					t.Fatal("the first request was never counted out")
				}
			}
		})
	}
}

func TestRateIsPerMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}, Rate: 2})
	w.start()
	var got [3]int
	for i := range got {
		got[i], _, _ = w.get("https://" + published + "/")
	}
	if want := [3]int{200, 200, 429}; got != want {
		t.Errorf("statuses %v, want %v", got, want)
	}
}

// A rule can refuse what old proxies do not know.
func TestRefusedFraming(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{MatchHeaders: map[string]string{"Transfer-Encoding": "chunked"}, Respond: &proxy.Response{Status: 411}})
	w.rule(proxy.Rule{MatchHeaders: map[string]string{"Expect": "100-continue"}, Respond: &proxy.Response{Status: 417}})
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	for framing, want := range map[string]int{
		"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n": 411,
		"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n":      417,
		"Content-Length: 2\r\n\r\nhi":                            200,
	} {
		res := w.say(w.raw("https"), "POST / HTTP/1.1\r\nHost: "+published+"\r\n"+framing)
		if res.StatusCode != want {
			t.Errorf("%q: got %s, want %d", framing, res.Status, want)
		}
	}
}

func TestMaxBodyOfAChunkedBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}, MaxBody: 4})
	w.start()
	res := w.say(w.raw("https"), "POST / HTTP/1.1\r\nHost: "+published+"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n")
	if res.StatusCode != 413 || res.Header.Get("X-Proxy-Error") != "body-size" {
		t.Errorf("got %d %q, want 413 body-size", res.StatusCode, res.Header.Get("X-Proxy-Error"))
	}
}

func TestMaxHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.cfg.MaxHeader = 8 << 10
	w.start()
	for _, tc := range []struct{ size, want int }{{7 << 10, 200}, {9 << 10, 431}} {
		token := http.Header{"Authorization": {"Bearer " + strings.Repeat("x", tc.size)}}
		if got, _, _ := w.do(w.client(), "GET", "https://"+published+"/", token, nil); got != tc.want {
			t.Errorf("token of %d bytes: %d, want %d", tc.size, got, tc.want)
		}
	}
}

func TestLargeTokensPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	token := "Negotiate " + strings.Repeat("x", 100<<10)
	if status, _, _ := w.do(w.client(), "GET", "https://"+published+"/", http.Header{"Authorization": {token}}, nil); status != 200 || w.last().header.Get("Authorization") != token {
		t.Errorf("status %d, token whole: %v", status, w.last().header.Get("Authorization") == token)
	}
}

func TestBufferedAnswersWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sent, end := make(chan struct{}), make(chan struct{})
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		io.WriteString(rw, "event")
		rw.(http.Flusher).Flush()
		close(sent)
		<-end
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}, BufferResponse: 64})
	w.start()
	answered := make(chan string, 1)
	go func() {
		_, body, _ := w.get("https://" + published + "/")
		answered <- body
	}()
	wait(t, "the event at the web server", sent)
	select {
	case body := <-answered:
		t.Errorf("got %q before the answer ended", body)
	default:
	}
	close(end)
	if body := wait(t, "the answer", answered); body != "event" {
		t.Errorf("got %q, want event", body)
	}
}
