package fakelync_test

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lyncpin/fakelync"
)

const (
	acceptLegacyXML  = "Accept: application/vnd.microsoft.rtc.autodiscover+xml;v=1\r\n"
	acceptLegacyJSON = "Accept: application/vnd.microsoft.rtc.autodiscover+json;v=1\r\n"
	acceptJSON       = "Accept: application/json\r\n"
	acceptXML        = "Accept: application/xml\r\n"

	rootTarget = "/Autodiscover/AutodiscoverService.svc/root"
)

// The whole documents, written out as the published samples and captures have them.
func TestRootDocuments(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name        string
		product     fakelync.Product
		door        door
		request     request
		contentType string
		body        string
	}{{
		name: "legacy-xml", door: extHTTPS,
		request:     request{target: "/", host: "lyncdiscover.contoso.example", header: acceptLegacyXML},
		contentType: "application/vnd.microsoft.rtc.autodiscover+xml; v=1",
		body: `<AutodiscoverResponse xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" AccessLocation="External"><Root>` +
			`<Link token="Domain" href="https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root/domain"/>` +
			`<Link token="User" href="https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root/user"/>` +
			`<Link token="OAuth" href="https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root/oauth/user"/>` +
			`</Root></AutodiscoverResponse>`,
	}, {
		name: "legacy-xml-internal", door: intHTTPS,
		request:     request{target: "/?sipuri=user1@contoso.example", host: "lyncdiscoverinternal.contoso.example", header: acceptLegacyXML},
		contentType: "application/vnd.microsoft.rtc.autodiscover+xml; v=1",
		body: `<AutodiscoverResponse xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" AccessLocation="Internal"><Root>` +
			`<Link token="Domain" href="https://lyncweb-int.contoso.example/Autodiscover/AutodiscoverService.svc/root/domain"/>` +
			`<Link token="User" href="https://lyncweb-int.contoso.example/Autodiscover/AutodiscoverService.svc/root/user"/>` +
			`<Link token="OAuth" href="https://lyncweb-int.contoso.example/Autodiscover/AutodiscoverService.svc/root/oauth/user"/>` +
			`</Root></AutodiscoverResponse>`,
	}, {
		name: "legacy-xml-2010-has-no-oauth", product: fakelync.Lync2010, door: extHTTPS,
		request:     request{target: rootTarget, host: "lyncweb-ext.contoso.example", header: acceptXML},
		contentType: "application/xml",
		body: `<AutodiscoverResponse xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" AccessLocation="External"><Root>` +
			`<Link token="Domain" href="https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root/domain"/>` +
			`<Link token="User" href="https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root/user"/>` +
			`</Root></AutodiscoverResponse>`,
	}, {
		name: "legacy-json", door: extHTTPS,
		request:     request{target: rootTarget, host: "lyncweb-ext.contoso.example", header: acceptLegacyJSON},
		contentType: "application/vnd.microsoft.rtc.autodiscover+json; v=1",
		body: `{"AccessLocation":"External","Root":{"Links":[` +
			`{"href":"https:\/\/lyncweb-ext.contoso.example\/Autodiscover\/AutodiscoverService.svc\/root\/domain","token":"Domain"},` +
			`{"href":"https:\/\/lyncweb-ext.contoso.example\/Autodiscover\/AutodiscoverService.svc\/root\/user","token":"User"},` +
			`{"href":"https:\/\/lyncweb-ext.contoso.example\/Autodiscover\/AutodiscoverService.svc\/root\/oauth\/user","token":"OAuth"}]}}`,
	}, {
		name: "legacy-json-2010-by-default", product: fakelync.Lync2010, door: intHTTPS,
		request:     request{target: "/", host: "lyncdiscoverinternal.contoso.example", header: acceptJSON},
		contentType: "application/json",
		body: `{"AccessLocation":"Internal","Root":{"Links":[` +
			`{"href":"https:\/\/lyncweb-int.contoso.example\/Autodiscover\/AutodiscoverService.svc\/root\/domain","token":"Domain"},` +
			`{"href":"https:\/\/lyncweb-int.contoso.example\/Autodiscover\/AutodiscoverService.svc\/root\/user","token":"User"}]}}`,
	}, {
		name: "ucwa-json", door: extHTTPS,
		request:     request{target: "/", host: "lyncdiscover.contoso.example", header: acceptJSON},
		contentType: "application/json",
		body: `{"_links":{` +
			`"self":{"href":"https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root?originalDomain=contoso.example"},` +
			`"user":{"href":"https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root/oauth/user?originalDomain=contoso.example"},` +
			`"xframe":{"href":"https://lyncweb-ext.contoso.example/Autodiscover/XFrame/XFrame.html"}}}`,
	}, {
		name: "ucwa-json-second-domain-in-query", product: fakelync.SfB2019, door: intHTTPS,
		request:     request{target: "/autodiscover/autodiscoverservice.svc/Root?originaldomain=fabrikam.example", host: "10.10.10.11"},
		contentType: "application/json",
		body: `{"_links":{` +
			`"self":{"href":"https://lyncweb-int.contoso.example/Autodiscover/AutodiscoverService.svc/root?originalDomain=fabrikam.example"},` +
			`"user":{"href":"https://lyncweb-int.contoso.example/Autodiscover/AutodiscoverService.svc/root/oauth/user?originalDomain=fabrikam.example"},` +
			`"xframe":{"href":"https://lyncweb-int.contoso.example/Autodiscover/XFrame/XFrame.html"}}}`,
	}, {
		name: "ucwa-xml-without-domain", door: extHTTPS,
		request:     request{target: rootTarget, host: "lyncweb-ext.contoso.example", header: acceptXML},
		contentType: "application/xml",
		body: `<resource xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa" rel="root" href="https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root">` +
			`<link rel="user" href="https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root/oauth/user"/>` +
			`<link rel="xframe" href="https://lyncweb-ext.contoso.example/Autodiscover/XFrame/XFrame.html"/></resource>`,
	}, {
		name: "http-legacy-xml", door: extHTTP,
		request:     request{target: "/?sipuri=user1@contoso.example", host: "LyncDiscover.contoso.example", header: acceptLegacyXML},
		contentType: "application/vnd.microsoft.rtc.autodiscover+xml; v=1",
		body: `<AutodiscoverResponse xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" AccessLocation="External"><Root>` +
			`<Link token="Redirect" href="https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root?sipuri=user1@contoso.example"/>` +
			`</Root></AutodiscoverResponse>`,
	}, {
		name: "http-legacy-json", door: intHTTP,
		request:     request{target: rootTarget, host: "lyncweb-int.contoso.example", header: acceptLegacyJSON},
		contentType: "application/vnd.microsoft.rtc.autodiscover+json; v=1",
		body:        `{"AccessLocation":"Internal","Root":{"Links":[{"href":"https:\/\/lyncweb-int.contoso.example\/Autodiscover\/AutodiscoverService.svc\/root","token":"Redirect"}]}}`,
	}, {
		name: "http-ucwa-json", door: extHTTP,
		request:     request{target: "/", host: "lyncdiscover.fabrikam.example", header: acceptJSON},
		contentType: "application/json",
		body:        `{"_links":{"redirect":{"href":"https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root?originalDomain=fabrikam.example"}}}`,
	}, {
		name: "http-ucwa-xml-escapes-the-ampersand", door: extHTTP,
		request:     request{target: rootTarget + "?sipuri=sip%3Auser1%40contoso.example&originalDomain=contoso.example", host: "lyncdiscover.contoso.example", header: acceptXML},
		contentType: "application/xml",
		body: `<resource xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa" rel="root" href="https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root?originalDomain=contoso.example">` +
			`<link rel="redirect" href="https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root?sipuri=sip:user1@contoso.example&amp;originalDomain=contoso.example"/></resource>`,
	}, {
		name: "port-in-host-is-tolerated", door: extHTTPS,
		request:     request{target: "/", host: "lyncdiscover.contoso.example:4443", header: acceptJSON},
		contentType: "application/json",
		body: `{"_links":{` +
			`"self":{"href":"https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root?originalDomain=contoso.example"},` +
			`"user":{"href":"https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root/oauth/user?originalDomain=contoso.example"},` +
			`"xframe":{"href":"https://lyncweb-ext.contoso.example/Autodiscover/XFrame/XFrame.html"}}}`,
	}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := healthy()
			cfg.Product = tc.product
			got := ask(t, start(t, cfg), tc.door, tc.request)
			if got.status != 200 {
				t.Fatalf("status = %d, want 200", got.status)
			}
			if ct := got.header.Get("Content-Type"); ct != tc.contentType {
				t.Errorf("Content-Type = %q, want %q", ct, tc.contentType)
			}
			if diff := cmp.Diff(tc.body, got.body); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			wellFormed(t, got)
		})
	}
}

// wellFormed parses a document with parsers of the standard library.
func wellFormed(t *testing.T, a answer) {
	t.Helper()
	var err error
	if strings.Contains(a.header.Get("Content-Type"), "json") {
		var v map[string]any
		err = json.Unmarshal([]byte(a.body), &v)
	} else {
		var v struct{ XMLName xml.Name }
		err = xml.Unmarshal([]byte(a.body), &v)
	}
	if err != nil {
		t.Errorf("the document does not parse: %v\n%s", err, a.body)
	}
}

// The listener decides the site whatever Host says.
func TestHostNeverChoosesTheSite(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	for _, host := range []string{
		"lyncweb-int.contoso.example", "lyncdiscoverinternal.contoso.example", "fe1.corp.contoso.example", "lyncweb-ext.contoso.example",
		"lyncdiscover.contoso.example", "127.0.0.1", "10.10.10.11:443", "[2001:db8::10]", "www.fabrikam.example",
	} {
		for door, want := range map[door][2]string{
			intHTTPS: {"Internal", "https://lyncweb-int.contoso.example/"}, extHTTPS: {"External", "https://lyncweb-ext.contoso.example/"},
			intHTTP: {"Internal", "https://lyncweb-int.contoso.example/"}, extHTTP: {"External", "https://lyncweb-ext.contoso.example/"},
		} {
			got := ask(t, srv, door, request{target: rootTarget, host: host, header: acceptLegacyXML})
			var doc struct {
				AccessLocation string `xml:"AccessLocation,attr"`
				Links          []struct {
					Href string `xml:"href,attr"`
				} `xml:"Root>Link"`
			}
			if err := xml.Unmarshal([]byte(got.body), &doc); err != nil {
				t.Fatal(err)
			}
			if doc.AccessLocation != want[0] || len(doc.Links) == 0 {
				t.Errorf("%s, Host %s: AccessLocation %q with %d links, want %s", door, host, doc.AccessLocation, len(doc.Links), want[0])
			}
			for _, l := range doc.Links {
				if !strings.HasPrefix(l.Href, want[1]) {
					t.Errorf("%s, Host %s: link %s, want one below %s", door, host, l.Href, want[1])
				}
			}
		}
	}
}

// With another Host the machine cannot tell which discovery name or simple URL was meant.
func TestRewrittenHostLosesDiscoveryAndMeetings(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	for _, tc := range []struct {
		host, target string
		want         int
	}{
		{"lyncdiscover.contoso.example", "/", 200},
		{"lyncdiscover.contoso.example", "/nothing", 404},
		{"lyncdiscover", "/", 404}, // no domain: not a discovery name
		{"lyncdiscoverx.contoso.example", "/", 404},
		{"meet.contoso.example", "/user1/ABCD1234", 200},
		{"meet.fabrikam.example", "/user1/ABCD1234", 404}, // not registered
		{"meet.fabrikam.example", "/", 404},
		{"10.10.10.11", "/", 403},
		{"10.10.10.11", "/user1/ABCD1234", 404},
		{"fe1.corp.contoso.example", "/", 403},
		{"fe1.corp.contoso.example", "/user1/ABCD1234", 404},
		{"lyncweb-ext.contoso.example", "/", 403},
		{"www.fabrikam.example", "/", 404},
		{"www.fabrikam.example", "/cgi-bin/x", 404},
	} {
		got := ask(t, srv, extHTTPS, request{target: tc.target, host: tc.host})
		if got.status != tc.want {
			t.Errorf("Host %s, %s: status %d, want %d", tc.host, tc.target, got.status, tc.want)
		}
		if got.header.Get("X-MS-Server-Fqdn") != "fe1.corp.contoso.example" {
			t.Errorf("Host %s, %s: X-MS-Server-Fqdn = %q", tc.host, tc.target, got.header.Get("X-MS-Server-Fqdn"))
		}
	}
}

func TestRedirectsOfForeignDomains(t *testing.T) {
	t.Parallel()
	cfg := healthy()
	cfg.Redirects = map[string]string{
		"Tailspin.example": "https://lyncweb2-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root",
		"online.example":   "https://webdir.online.example/Autodiscover/AutodiscoverService.svc/root?sku=1",
	}
	srv := start(t, cfg)
	for _, tc := range []struct {
		name    string
		door    door
		request request
		want    string
	}{
		{"by-name", extHTTPS, request{target: "/", host: "lyncdiscover.tailspin.example"},
			`{"_links":{"redirect":{"href":"https://lyncweb2-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root?originalDomain=tailspin.example"}}}`},
		{"by-user", extHTTPS, request{target: "/?sipuri=user1@TAILSPIN.example", host: "lyncdiscover.contoso.example"},
			`{"_links":{"redirect":{"href":"https://lyncweb2-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root?sipuri=user1@TAILSPIN.example"}}}`},
		{"with-own-query", intHTTPS, request{target: "/", host: "lyncdiscover.online.example"},
			`{"_links":{"redirect":{"href":"https://webdir.online.example/Autodiscover/AutodiscoverService.svc/root?sku=1"}}}`},
		{"domain-document", extHTTPS, request{target: rootTarget + "/domain?originalDomain=tailspin.example", host: "lyncweb-ext.contoso.example", header: acceptLegacyJSON},
			`{"AccessLocation":"External","Domain":{"Links":[{"href":"https:\/\/lyncweb2-ext.contoso.example\/Autodiscover\/AutodiscoverService.svc\/root?originalDomain=tailspin.example","token":"Redirect"}]}}`},
		{"http-first-goes-to-https-here", extHTTP, request{target: "/", host: "lyncdiscover.tailspin.example"},
			`{"_links":{"redirect":{"href":"https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root?originalDomain=tailspin.example"}}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := ask(t, srv, tc.door, tc.request); got.status != 200 || got.body != tc.want || got.header.Get("Location") != "" {
				t.Errorf("got %d %s\nwant 200 %s", got.status, got.body, tc.want)
			}
		})
	}
	if got := ask(t, srv, extHTTPS, request{target: "/?sipuri=user1@contoso.example", host: "lyncdiscover.contoso.example"}); strings.Contains(got.body, "redirect") {
		t.Errorf("a user homed here is redirected: %s", got.body)
	}
}

func TestDomainDocument(t *testing.T) {
	t.Parallel()
	tokens := func(t *testing.T, edit func(*fakelync.Config)) map[string]string {
		cfg := healthy()
		edit(&cfg)
		got := ask(t, start(t, cfg), extHTTPS, request{target: rootTarget + "/domain", host: "lyncweb-ext.contoso.example", header: acceptLegacyXML})
		var doc struct {
			XMLName        xml.Name `xml:"AutodiscoverResponse"`
			AccessLocation string   `xml:"AccessLocation,attr"`
			Links          []struct {
				Token string `xml:"token,attr"`
				Href  string `xml:"href,attr"`
			} `xml:"Domain>Link"`
		}
		if err := xml.Unmarshal([]byte(got.body), &doc); err != nil {
			t.Fatal(err)
		}
		if got.status != 200 || doc.AccessLocation != "External" {
			t.Errorf("status %d, AccessLocation %q", got.status, doc.AccessLocation)
		}
		m := map[string]string{}
		for _, l := range doc.Links {
			m[l.Token] = l.Href
		}
		return m
	}
	lync2013 := map[string]string{
		"Internal/Autodiscover": "https://lyncweb-int.contoso.example/Autodiscover/AutodiscoverService.svc/root",
		"External/Autodiscover": "https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root",
		"Internal/AuthBroker":   "https://lyncweb-int.contoso.example/Reach/sip.svc",
		"External/AuthBroker":   "https://lyncweb-ext.contoso.example/Reach/sip.svc",
		"Internal/WebScheduler": "https://lyncweb-int.contoso.example/Scheduler",
		"External/WebScheduler": "https://lyncweb-ext.contoso.example/Scheduler",
		"Internal/Mcx":          "https://lyncweb-ext.contoso.example/Mcx/McxService.svc",
		"External/Mcx":          "https://lyncweb-ext.contoso.example/Mcx/McxService.svc",
		"Internal/Ucwa":         "https://lyncweb-int.contoso.example/ucwa/v1/applications",
		"External/Ucwa":         "https://lyncweb-ext.contoso.example/ucwa/v1/applications",
		"Ucwa":                  "https://lyncweb-ext.contoso.example/ucwa/v1/applications",
		"Internal/XFrame":       "https://lyncweb-int.contoso.example/Autodiscover/XFrame/XFrame.html",
		"External/XFrame":       "https://lyncweb-ext.contoso.example/Autodiscover/XFrame/XFrame.html",
		"XFrame":                "https://lyncweb-ext.contoso.example/Autodiscover/XFrame/XFrame.html",
	}
	t.Run("lync-2013", func(t *testing.T) {
		t.Parallel()
		if diff := cmp.Diff(lync2013, tokens(t, func(*fakelync.Config) {})); diff != "" {
			t.Errorf("links (-want +got):\n%s", diff)
		}
	})
	t.Run("sfb-2019-without-mcx", func(t *testing.T) {
		t.Parallel()
		got := tokens(t, func(c *fakelync.Config) { c.Product = fakelync.SfB2019 })
		if _, ok := got["External/Mcx"]; ok || len(got) != 12 {
			t.Errorf("%d links with Mcx %v, want 12 without", len(got), ok)
		}
	})
	t.Run("lync-2010-without-ucwa", func(t *testing.T) {
		t.Parallel()
		got := tokens(t, func(c *fakelync.Config) { c.Product = fakelync.Lync2010 })
		if _, ok := got["Ucwa"]; ok || len(got) != 8 {
			t.Errorf("%d links with Ucwa %v, want 8 without", len(got), ok)
		}
	})
	t.Run("no-internal-web-services", func(t *testing.T) {
		t.Parallel()
		for token := range tokens(t, func(c *fakelync.Config) { c.Internal = fakelync.Site{} }) {
			if strings.HasPrefix(token, "Internal/") && token != "Internal/Mcx" {
				t.Errorf("link %s without an internal web FQDN", token)
			}
		}
	})
}

func TestDiscoveryRefusals(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	for _, tc := range []struct {
		name    string
		request request
		want    int
	}{
		{"post", request{method: "POST", target: rootTarget, body: "x"}, 405},
		{"options", request{method: "OPTIONS", target: rootTarget}, 405},
		{"below", request{target: rootTarget + "/other"}, 404},
		{"beside", request{target: rootTarget + "x"}, 404},
		{"trailing-slash", request{target: rootTarget + "/"}, 200},
		{"double-slash", request{target: "/" + rootTarget}, 404},
		{"dot-segments", request{target: "/x/.." + rootTarget}, 200},
		{"escaped", request{target: "/%41utodiscover/AutodiscoverService.svc/ro%6ft"}, 200},
		{"escaped-twice", request{target: "/%2541utodiscover/AutodiscoverService.svc/root"}, 404},
		{"xframe", request{target: "/autodiscover/xframe/xframe.html"}, 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.request.host = "lyncweb-ext.contoso.example"
			if got := ask(t, srv, extHTTPS, tc.request); got.status != tc.want {
				t.Errorf("status = %d, want %d", got.status, tc.want)
			}
		})
	}
	if got := ask(t, srv, extHTTPS, request{target: "/xframe", host: "lyncdiscover.contoso.example"}); got.status != 200 || got.header.Get("Content-Type") != "text/html" {
		t.Errorf("xframe under the discovery name: %d %s", got.status, got.header.Get("Content-Type"))
	}
}
