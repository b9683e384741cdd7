package proxy

import (
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestHostFits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, host string
		want          bool
	}{
		{"meet.contoso.example", "meet.contoso.example", true},
		{"meet.contoso.example", "MEET.contoso.example:443", true},
		{"meet.contoso.example", "meet.contoso.example.", true},
		{"meet.contoso.example", "xmeet.contoso.example", false},
		{"meet.contoso.example", "meet.contoso.example.evil.example", false},
		{"*.contoso.example", "a.b.contoso.example", true},
		{"*.contoso.example", "contoso.example", false},
		{"*.contoso.example", ".contoso.example", false},
		{"*.contoso.example", "xcontoso.example", false},
		{"2001:db8::10", "[2001:db8::10]:443", true},
		{"*", "anything", true},
		{"*", "", true},
	} {
		if got := hostFits([]string{tc.pattern}, hostname(tc.host)); got != tc.want {
			t.Errorf("%q for Host %q: %v, want %v", tc.pattern, tc.host, got, tc.want)
		}
	}
}

func TestPathFits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, path string
		want          bool
	}{
		{"/", "/anything", true},
		{"/meet", "/meet", true},
		{"/meet", "/MEET/user", true},
		{"/meet", "/meeting", false},
		{"/meet/", "/meet/user", true},
		{"/meet/", "/meet", false},
		{"/requesthandler*", "/RequestHandlerExt.aspx", true},
		{"/requesthandler*", "/request", false},
		{"=/", "/", true},
		{"=/", "/meet", false},
		{"/meet", "/meet/../cscp", false},
		{"/meet", "/x/../meet", true},
		{"/meet", `/meet\..\cscp`, false},
		{"/meet", "//meet//x", true},
	} {
		if got := pathFits([]string{tc.pattern}, normalPath(tc.path), false); got != tc.want {
			t.Errorf("%q for %q: %v, want %v", tc.pattern, tc.path, got, tc.want)
		}
	}
}

func TestGlobFits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"100-continue", "100-Continue", true},
		{"100-continue", "100-continue2", false},
		{"*", "", true},
		{"a*", "abc", true},
		{"*c", "abc", true},
		{"a*b*c", "a-b-c", true},
		{"a*b*c", "a-c", false},
		{"ab*ba", "aba", false},
	} {
		if got := globFits(tc.pattern, tc.s); got != tc.want {
			t.Errorf("%q for %q: %v, want %v", tc.pattern, tc.s, got, tc.want)
		}
	}
}

func TestRefusedAlsoOnWindows(t *testing.T) {
	t.Parallel()
	for errno, want := range map[syscall.Errno]bool{syscall.ECONNREFUSED: true, 10061: true, syscall.ECONNRESET: false} {
		err := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", errno)}
		if got := refused(err); got != want {
			t.Errorf("refused(%v) = %v, want %v", err, got, want)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("meet.contoso.example:443", "/meet/user/ABC", "/meet")
	f.Add("[2001:db8::10]", `/a/..\..//b/.`, "=/b/")
	f.Add("", "*", "/x*")
	f.Fuzz(func(t *testing.T, host, p, pattern string) {
		h := hostname(host)
		if h != hostname(h) && !strings.ContainsAny(host, ":[].") {
			t.Errorf("hostname(%q) = %q is not settled", host, h)
		}
		n := normalPath(p)
		if normalPath(n) != n {
			t.Errorf("normalPath(%q) = %q is not settled", p, n)
		}
		if strings.HasPrefix(p, "/") && (strings.Contains(n, "//") || strings.Contains(n+"/", "/../") || strings.Contains(n, `\`)) {
			t.Errorf("normalPath(%q) = %q leaves something to resolve", p, n)
		}
		if onePathFits(pattern, n, true) && !onePathFits(pattern, n, false) {
			t.Errorf("%q fits %q only with its case", pattern, n)
		}
		if hostFits([]string{"*.contoso.example"}, h) && !strings.HasSuffix(h, ".contoso.example") {
			t.Errorf("%q passes for a host of contoso.example", h)
		}
	})
}

func FuzzTarget(f *testing.F) {
	f.Add("/a%2Fb?c=d")
	f.Add("//a?b")
	f.Add("https://contoso.example?x")
	f.Fuzz(func(t *testing.T, uri string) {
		path, query := target(uri)
		if strings.HasPrefix(uri, "/") && path+query != uri {
			t.Errorf("target(%q) = %q, %q", uri, path, query)
		}
		if query != "" && query[0] != '?' {
			t.Errorf("target(%q): query %q", uri, query)
		}
		if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
			return
		}
		u := &url.URL{Scheme: "https", Host: "fe1:4443"}
		setTarget(u, path+query)
		if got := u.RequestURI(); got != path+query {
			t.Errorf("sent as %q, want %q", got, path+query)
		}
	})
}
