package proxy_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lyncpin/proxy"
)

func TestRequestsGoToTheWebServerOfTheListener(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.server("fe1-http", "http", nil)
	w.rule(proxy.Rule{Name: "lync", WebServers: []string{"fe1", "fe1-http"}})
	w.start()
	for _, tc := range []struct{ url, want string }{
		{"https://" + published + "/", "fe1"},
		{"http://" + published + "/", "fe1-http"},
	} {
		if status, body, _ := w.get(tc.url); status != 200 || body != tc.want {
			t.Errorf("GET %s = %d %q, want 200 %q", tc.url, status, body, tc.want)
		}
		if got := w.last().host; got != published {
			t.Errorf("Host = %q, want %q", got, published)
		}
	}
}

func TestTargetsPassByteForByte(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	for _, uri := range []string{
		"/",
		"/?",
		"/Autodiscover/AutodiscoverService.svc/root?originalDomain=contoso.example",
		"/m/Presenter.aspx?a=0&WopiSrc=https%3A%2F%2Fwac%2Fwopi%2Ffiles%2F1&access%5Ftoken=%25%32%46",
		"/a%2Fb%2fc%25d",
		"/a//b///c",
		"//meet/user/ABC",
		"//meet/us%2Fer?x=//",
		"/./a/../b",
		"/%7Euser/~user",
		`/odd"<>|^{}[]` + "`",
		"/semi;colon?a=1;b=2&%zz",
		"/meet?a=b?c=d",
		"/ümlaut",
	} {
		conn := w.raw("https")
		res := w.say(conn, "GET "+uri+" HTTP/1.1\r\nHost: "+published+"\r\n\r\n")
		if res.StatusCode != 200 {
			t.Errorf("GET %s: status %d", uri, res.StatusCode)
			continue
		}
		if got := w.last().target; got != uri {
			t.Errorf("web server got %q, want %q", got, uri)
		}
	}
}

func TestAbsoluteTargets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	res := w.say(w.raw("https"), "GET https://"+published+"/a%2Fb?c HTTP/1.1\r\nHost: ignored.example\r\n\r\n")
	if got := w.last(); res.StatusCode != 200 || got.target != "/a%2Fb?c" || got.host != published {
		t.Errorf("status %d, target %q, Host %q; want 200, /a%%2Fb?c, %s", res.StatusCode, got.target, got.host, published)
	}
}

func TestNeverAnOpenProxy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1"}, Paths: []string{"/meet"}})
	w.start()
	for _, tc := range []struct {
		name, request string
		status        int
		code          string
	}{
		{"unknown-host", "GET /meet HTTP/1.1\r\nHost: www.fabrikam.example\r\n\r\n", 421, "unknown-host"},
		{"absolute-url", "GET http://www.fabrikam.example/meet HTTP/1.1\r\nHost: " + published + "\r\n\r\n", 421, "unknown-host"},
		{"by-address", "GET /meet HTTP/1.1\r\nHost: 203.0.113.10\r\n\r\n", 421, "unknown-host"},
		{"http-1.0-without-host", "GET /meet HTTP/1.0\r\n\r\n", 421, "unknown-host"},
		{"unknown-path", "GET /dialin HTTP/1.1\r\nHost: " + published + "\r\n\r\n", 404, "unknown-path"},
		{"escape-by-dots", "GET /meet/../OcsPowerShell HTTP/1.1\r\nHost: " + published + "\r\n\r\n", 404, "unknown-path"},
		{"escape-by-escapes", "GET /meet/%2e%2e%5cOcsPowerShell HTTP/1.1\r\nHost: " + published + "\r\n\r\n", 404, "unknown-path"},
		{"connect", "CONNECT " + published + ":443 HTTP/1.1\r\nHost: " + published + ":443\r\n\r\n", 405, "connect"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			res := w.say(w.raw("http"), tc.request)
			if res.StatusCode != tc.status || res.Header.Get("X-Proxy-Error") != tc.code {
				t.Errorf("got %d %q, want %d %q", res.StatusCode, res.Header.Get("X-Proxy-Error"), tc.status, tc.code)
			}
			if got := res.Header.Get("Server"); got != "lyncpin-proxy" {
				t.Errorf("Server = %q, want lyncpin-proxy", got)
			}
		})
	}
	if n := len(w.requests()); n != 0 {
		t.Errorf("web server got %d requests, want none", n)
	}
}

func TestForwardedFields(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, mode       string
		xff, host, proto string
	}{
		{"append", "", "198.51.100.7, 127.0.0.1", published, "https"},
		{"replace", "replace", "127.0.0.1", published, "https"},
		{"none", "none", "", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.server("fe1", "https", nil)
			w.rule(proxy.Rule{WebServers: []string{"fe1"}})
			w.cfg.Forwarded = tc.mode
			w.start()
			w.do(w.client(), "GET", "https://"+published+"/", http.Header{
				"X-Forwarded-For": {"198.51.100.7"}, "X-Forwarded-Host": {"evil.example"},
			}, nil)
			h := w.last().header
			for name, want := range map[string]string{"X-Forwarded-For": tc.xff, "X-Forwarded-Host": tc.host, "X-Forwarded-Proto": tc.proto} {
				if got := h.Get(name); got != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestFieldsPassAndHopByHopFieldsDoNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.note("fe1", r)
		h := rw.Header()
		h["WWW-Authenticate"] = []string{"Negotiate", "NTLM", `MsRtcOAuth href="https://x/",grant_type="password"`}
		h["Date"], h["Content-Type"] = nil, nil
		h.Set("Server", "Microsoft-IIS/8.5")
		h.Set("Location", "http://fe1:4443/other")
		h.Set("Connection", "X-Hop")
		h.Set("X-Hop", "1")
		rw.WriteHeader(401)
		io.WriteString(rw, "<html>")
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()
	status, body, h := w.do(w.client(), "GET", "https://"+published+"/", http.Header{
		"Connection": {"X-Mine"}, "X-Mine": {"1"}, "X-Ms-Webticket": {"opaque=x"}, "Accept-Encoding": {"gzip;q=0"},
		"Authorization": {"Bearer x"}, "Cookie": {"a=b"}, "Proxy-Authorization": {"Basic x"},
	}, nil)
	if status != 401 || body != "<html>" {
		t.Errorf("got %d %q, want 401 <html>", status, body)
	}
	want := http.Header{
		"Www-Authenticate": {"Negotiate", "NTLM", `MsRtcOAuth href="https://x/",grant_type="password"`},
		"Server":           {"Microsoft-IIS/8.5"},
		"Location":         {"http://fe1:4443/other"},
		"Content-Length":   {"6"},
	}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	wantSent := http.Header{
		"Accept-Encoding": {"gzip;q=0"}, "Authorization": {"Bearer x"}, "Cookie": {"a=b"}, "User-Agent": {"Go-http-client/1.1"},
		"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {published}, "X-Forwarded-Proto": {"https"}, "X-Ms-Webticket": {"opaque=x"},
	}
	if diff := cmp.Diff(wantSent, w.last().header); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestHeadAndTrailers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.note("fe1", r)
		if r.Method == "HEAD" {
			rw.Header().Set("Content-Length", "12345")
			return
		}
		rw.Header().Set("Trailer", "X-Sum")
		io.WriteString(rw, "body")
		rw.Header().Set("X-Sum", r.Trailer.Get("X-Request-Sum"))
	}))
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.start()

	if _, _, h := w.do(w.client(), "HEAD", "https://"+published+"/", nil, nil); h.Get("Content-Length") != "12345" {
		t.Errorf("HEAD: Content-Length = %q, want 12345", h.Get("Content-Length"))
	}
	res := w.say(w.raw("https"), "POST / HTTP/1.1\r\nHost: "+published+"\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: X-Request-Sum\r\n\r\n4\r\nabcd\r\n0\r\nX-Request-Sum: 17\r\n\r\n")
	io.Copy(io.Discard, res.Body)
	if got := res.Trailer.Get("X-Sum"); got != "17" {
		t.Errorf("trailer = %q, want 17, which the request's had", got)
	}
	if got := w.last().body; got != "abcd" {
		t.Errorf("web server got %q, want abcd", got)
	}
}
