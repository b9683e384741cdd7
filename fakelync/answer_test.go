package fakelync

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// fqdnHeader is in the spelling of the Front End, which is not the canonical one of net/http.
const fqdnHeader = "X-MS-Server-Fqdn"

// checkAnswer asks an external site over HTTPS and checks what must hold for every answer.
func checkAnswer(t *testing.T, s *site, target, host, accept string) {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return // net/http has refused it before
	}
	r := &http.Request{Method: "GET", RequestURI: target, Host: host, URL: u, Header: http.Header{"Accept": {accept}}}
	got := s.answer(newQuery(r, &conn{}, true))
	fqdn := map[string][]string(got.header)[fqdnHeader]
	switch {
	case got.status < 200 || got.status >= 300 && got.status < 400 || got.status > 599:
		t.Errorf("%q: status %d", target, got.status)
	case bytes.Contains(got.body, []byte(`AccessLocation="Internal"`)), bytes.Contains(got.body, []byte(`"AccessLocation":"Internal"`)):
		t.Errorf("%q: the external site calls itself internal", target)
	case !got.kernel && len(fqdn) != 1, got.kernel && fqdn != nil:
		t.Errorf("%q: %s = %q, kernel %v", target, fqdnHeader, fqdn, got.kernel)
	case len(got.body) > 0 && got.header["Content-Type"] == nil:
		t.Errorf("%q: a body without Content-Type", target)
	}
	if ct := strings.Join(got.header["Content-Type"], ""); got.status == 200 && strings.Contains(ct, "xml") && len(got.body) > 0 {
		dec := xml.NewDecoder(bytes.NewReader(got.body))
		for err = nil; err == nil; {
			_, err = dec.Token()
		}
		if err != io.EOF {
			t.Errorf("%q: %v in\n%s", target, err, got.body)
		}
	}
}

func TestCleanPath(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"/":                "/",
		"/a%20b":           "/a b",
		"/a/./b":           "/a/b",
		"/a/../b":          "/b",
		"/a/%2e%2E/b":      "/b",
		"/../../b":         "/b",
		"/a/..":            "/",
		"/a/b/.":           "/a/b/",
		"//a":              "//a",
		"/a/..b/.c":        "/a/..b/.c",
		"/%2541":           "/%41",
		"/MEET/User1/AbC":  "/MEET/User1/AbC",
		"/broken%zzescape": "/broken%zzescape",
	} {
		if got := cleanPath(raw); got != want {
			t.Errorf("cleanPath(%q) = %q, want %q", raw, got, want)
		}
	}
}

func TestRawPath(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/a?b": "/a", "/a%2Fb?c?d": "/a%2Fb", "http://host/a?b": "/a", "https://host": "/", "*": "*", "/x://y/z": "/x://y/z",
	} {
		if got := rawPath(target); got != want {
			t.Errorf("rawPath(%q) = %q, want %q", target, got, want)
		}
	}
}

func TestPagesHaveTheSizeAskedFor(t *testing.T) {
	t.Parallel()
	s := &site{machine: &Config{FQDN: "fe1.corp.contoso.example"}}
	for _, size := range []int{1293, 6305} {
		if got := len(s.pageOf(401, 0, size).body); got != size {
			t.Errorf("a page of %d bytes has %d", size, got)
		}
	}
}

func TestJSONTextIsReadBack(t *testing.T) {
	t.Parallel()
	texts := []string{"", "a plain one", `"`, `\`, "é", "\u2028", "<&>"}
	for c := range 128 {
		texts = append(texts, "x"+string(rune(c))+"y")
	}
	for _, want := range texts {
		var got string
		if err := json.Unmarshal([]byte(jsonText(want)), &got); err != nil || got != want {
			t.Errorf("%s is read back as %q, %v, want %q", jsonText(want), got, err, want)
		}
	}
}
