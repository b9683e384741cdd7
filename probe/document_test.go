package probe

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	legacyXML = `<AutodiscoverResponse xmlns:xsd="http://www.w3.org/2001/XMLSchema"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" AccessLocation="External">
  <Root>
    <Link token="Domain" href="https://webext.contoso.example/Autodiscover/AutodiscoverService.svc/root/domain"/>
    <Link token="User"   href="https://webext.contoso.example/Autodiscover/AutodiscoverService.svc/root/user"/>
  </Root>
</AutodiscoverResponse>`
	legacyJSON = `{"AccessLocation":"External","Root":{"Links":[
  {"href":"https:\/\/webext.contoso.example\/Autodiscover\/AutodiscoverService.svc\/root\/domain","token":"Domain"},
  {"href":"https:\/\/webext.contoso.example\/Autodiscover\/AutodiscoverService.svc\/root\/user","token":"User"}]}}`
	ucwaJSON = `{"_links":{
  "self":{"href":"https://webext.contoso.example/Autodiscover/AutodiscoverService.svc/root?originalDomain=contoso.example"},
  "user":{"href":"https://webext.contoso.example/Autodiscover/AutodiscoverService.svc/root/oauth/user?originalDomain=contoso.example"},
  "xframe":{"href":"https://webext.contoso.example/Autodiscover/XFrame/XFrame.html"}}}`
	ucwaXML = `<resource xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa" rel="root"
    href="https://webext.contoso.example/Autodiscover/AutodiscoverService.svc/root?originalDomain=contoso.example">
  <property name="rel">root</property>
  <link rel="user" href="https://webext.contoso.example/Autodiscover/AutodiscoverService.svc/root/oauth/user?originalDomain=contoso.example"/>
  <link rel="xframe" href="https://webext.contoso.example/Autodiscover/XFrame/XFrame.html"/>
</resource>`
)

var documentCases = []struct {
	name, contentType, body string
	want                    *Document
}{
	{name: "legacy-xml", contentType: "application/vnd.microsoft.rtc.autodiscover+xml; v=1", body: legacyXML, want: legacyDocument("legacy-xml")},
	{name: "legacy-json", contentType: "application/vnd.microsoft.rtc.autodiscover+json; v=1", body: legacyJSON, want: legacyDocument("legacy-json")},
	{name: "ucwa-json", contentType: "application/json", body: ucwaJSON, want: ucwaDocument("ucwa-json")},
	{name: "ucwa-xml", contentType: "application/xml", body: ucwaXML, want: ucwaDocument("ucwa-xml")},
	{name: "json-labelled-html", contentType: "text/html", body: ucwaJSON, want: ucwaDocument("ucwa-json")},
	{name: "xml-labelled-json", contentType: "application/json", body: legacyXML, want: legacyDocument("legacy-xml")},
	{name: "no-type", body: legacyXML, want: legacyDocument("legacy-xml")},
	{name: "byte-order-mark", contentType: "application/json", body: "\xef\xbb\xbf\r\n" + ucwaJSON, want: ucwaDocument("ucwa-json")},
	{name: "xml-declaration", body: `<?xml version="1.0" encoding="utf-8"?>` + legacyXML, want: legacyDocument("legacy-xml")},
	{name: "prefixed-namespace", body: `<a:AutodiscoverResponse xmlns:a="urn:x" AccessLocation="Internal"><a:Root><a:Link token="User" href="https://a.example/u"/></a:Root></a:AutodiscoverResponse>`,
		want: &Document{Form: "legacy-xml", AccessLocation: "Internal", Links: map[string]string{"user": "https://a.example/u"}}},
	{name: "redirect-legacy", body: `<AutodiscoverResponse><Root><Link token="Redirect" href="https://a.example/r"/></Root></AutodiscoverResponse>`,
		want: &Document{Form: "legacy-xml", Links: map[string]string{"redirect": "https://a.example/r"}}},
	{name: "redirect-ucwa", body: `{"_links":{"redirect":{"href":"https://a.example/r"}}}`,
		want: &Document{Form: "ucwa-json", Links: map[string]string{"redirect": "https://a.example/r"}}},
	{name: "one-link-is-a-list", body: `{"_links":{"user":{"href":"https://a.example/u"},"odd":[{"href":"x"}]}}`,
		want: &Document{Form: "ucwa-json", Links: map[string]string{"user": "https://a.example/u"}}},
	{name: "href-too-long", body: `{"_links":{"user":{"href":"https://a.example/` + strings.Repeat("u", hrefKept) + `"},"self":{"href":"s"}}}`,
		want: &Document{Form: "ucwa-json", Links: map[string]string{"self": "s"}}},

	{name: "nothing"},
	{name: "blanks", body: " \r\n\t"},
	{name: "html", contentType: "text/html", body: "<!DOCTYPE html><html><body>Sign in</body></html>"},
	{name: "xhtml", contentType: "application/xhtml+xml", body: `<html xmlns="http://www.w3.org/1999/xhtml"><link rel="user" href="https://a.example/"/></html>`},
	{name: "html-with-our-words", contentType: "text/html", body: legacyXML},
	{name: "other-json", body: `{"status":"ok"}`},
	{name: "json-list", body: `[{"_links":{}}]`},
	{name: "json-empty-links", body: `{"_links":{}}`},
	{name: "json-links-are-a-string", body: `{"_links":"https://a.example/"}`},
	{name: "json-broken", body: ucwaJSON[:len(ucwaJSON)-1]},
	{name: "json-two", body: ucwaJSON + ucwaJSON},
	{name: "other-xml", body: `<feed xmlns="http://www.w3.org/2005/Atom"><link rel="self" href="https://a.example/"/></feed>`},
	{name: "exchange-autodiscover", body: `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response/></Autodiscover>`},
	{name: "xml-broken", body: legacyXML[:len(legacyXML)-5]},
	{name: "xml-without-links", body: `<AutodiscoverResponse><Root/></AutodiscoverResponse>`},
	{name: "xml-other-charset", body: `<?xml version="1.0" encoding="utf-16"?>` + legacyXML},
	{name: "entity-bomb", body: `<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><AutodiscoverResponse><Root><Link token="User" href="&b;"/></Root></AutodiscoverResponse>`},
	{name: "external-entity", body: `<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><AutodiscoverResponse><Root><Link token="User" href="&f;"/></Root></AutodiscoverResponse>`},
}

func legacyDocument(form string) *Document {
	const root = "https://webext.contoso.example/Autodiscover/AutodiscoverService.svc/root"
	return &Document{Form: form, AccessLocation: "External", Links: map[string]string{"domain": root + "/domain", "user": root + "/user"}}
}

func ucwaDocument(form string) *Document {
	const root = "https://webext.contoso.example/Autodiscover/AutodiscoverService.svc/root"
	return &Document{Form: form, Links: map[string]string{
		"self": root + "?originalDomain=contoso.example", "user": root + "/oauth/user?originalDomain=contoso.example",
		"xframe": "https://webext.contoso.example/Autodiscover/XFrame/XFrame.html",
	}}
}

func TestParseDocument(t *testing.T) {
	t.Parallel()
	for _, c := range documentCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, parseDocument(c.contentType, []byte(c.body))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Deep and wide bodies of a megabyte are read in bounded time, and keep little.
func TestHostileDocuments(t *testing.T) {
	t.Parallel()
	var wide strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&wide, `,"r%d":{"href":"https://h%d.example/"}`, i, i)
	}
	deep := strings.Repeat("<a>", 300_000)
	cases := map[string]string{
		"deep-xml":        `<AutodiscoverResponse AccessLocation="External">` + deep,
		"deep-closed-xml": "<resource href='x'>" + strings.Repeat("<a>", 150_000) + strings.Repeat("</a>", 150_000) + "</resource>",
		"deep-json":       `{"_links":` + strings.Repeat("[", 500_000),
		"deep-objects":    strings.Repeat(`{"Root":`, 120_000),
		"wide-json":       `{"_links":{"self":{"href":"x"}` + wide.String() + `}}`,
		"many-attributes": "<AutodiscoverResponse " + strings.Repeat(`a="b" `, 150_000) + "/>",
		"many-namespaces": "<AutodiscoverResponse>" + strings.Repeat(`<a xmlns:x="u">`, 60_000),
	}
	for name, body := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			started := time.Now()
			d := parseDocument("", []byte(body))
			if took := time.Since(started); took > 30*time.Second {
				t.Errorf("took %v", took)
			}
			if d != nil && len(d.Links) > maxLinks {
				t.Errorf("%d links kept, want at most %d", len(d.Links), maxLinks)
			}
			if name == "wide-json" && (d == nil || d.Links["r0"] == "" || !cmp.Equal(d, parseDocument("", []byte(body)))) {
				t.Errorf("the links kept depend on chance: %v", d)
			}
		})
	}
}

func FuzzParseDocument(f *testing.F) {
	for _, c := range documentCases {
		f.Add(c.contentType, []byte(c.body))
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		d := parseDocument(contentType, body)
		if d == nil {
			return
		}
		if len(d.Links) == 0 && d.AccessLocation == "" || len(d.Links) > maxLinks {
			t.Errorf("a document with %d links and no location", len(d.Links))
		}
		if !cmp.Equal(d, parseDocument(contentType, body)) {
			t.Error("the same body gives another document")
		}
		for _, href := range d.Links {
			if l, err := followable(href); err == nil && strings.ContainsAny(l.String(), " \r\n\x00") {
				t.Errorf("the link %q would break a request line", l.String())
			}
		}
	})
}

func TestFollowable(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, in, want string }{
		{name: "plain", in: "https://Webext.Contoso.example/Root?x=1", want: "https://webext.contoso.example/Root?x=1"},
		{name: "own-port", in: "https://webext.contoso.example:443/", want: "https://webext.contoso.example/"},
		{name: "other-port", in: "https://webext.contoso.example:4443/", want: "https://webext.contoso.example:4443/"},
		{name: "http", in: "http://webext.contoso.example", want: "http://webext.contoso.example/"},
		{name: "http-on-8080", in: "http://webext.contoso.example:8080/", want: "http://webext.contoso.example:8080/"},
		{name: "ipv6", in: "https://[2001:db8::1]/", want: "https://[2001:db8::1]/"},
		{name: "blank-in-query", in: "https://webext.contoso.example/?a b\u00e9", want: "https://webext.contoso.example/?a%20b%C3%A9"},
		{name: "fragment", in: "https://webext.contoso.example/a#b", want: "https://webext.contoso.example/a"},
		{name: "relative", in: "/Autodiscover"},
		{name: "file", in: "file://webext.contoso.example/etc/passwd"},
		{name: "script", in: "javascript:alert(1)"},
		{name: "password", in: "https://me:secret@webext.contoso.example/"},
		{name: "port-zero", in: "https://webext.contoso.example:0/"},
		{name: "port-large", in: "https://webext.contoso.example:65536/"},
		{name: "control-character", in: "https://webext.contoso.example/\r\nHost: x"},
		{name: "blank-in-host", in: "https://webext contoso.example/"},
		{name: "label-too-long", in: "https://" + strings.Repeat("a", 64) + ".example/"},
		{name: "empty"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, err := followable(c.in)
			if (err == nil) != (c.want != "") || err == nil && l.String() != c.want {
				t.Errorf("got %q, %v; want %q", l, err, c.want)
			}
		})
	}
}

func TestCookiesAreNotKept(t *testing.T) {
	t.Parallel()
	got := kept(map[string][]string{
		"Set-Cookie": {"BIGipServerpool=secret; path=/; Secure", "secret; path=/", "secret", "a=secret=b"}, "Server": {"nginx"}})
	want := map[string][]string{"Set-Cookie": {"BIGipServerpool=…; path=/; Secure", "…; path=/", "…", "a=…"}, "Server": {"nginx"}}
	if diff := cmp.Diff(want, map[string][]string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
