package fakelync

import (
	"math"
	"slices"
	"testing"
)

func TestNegotiate(t *testing.T) {
	t.Parallel()
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
	for _, tc := range []struct {
		name     string
		accept   []string
		standard Document
		old      bool // a product without UCWA documents
		want     Document
		wantType string
	}{
		{name: "none", want: UCWAJSON, wantType: "application/json"},
		{name: "anything", accept: []string{"*/*"}, want: UCWAJSON, wantType: "application/json"},
		{name: "none-lync-2013-first-release", standard: LegacyJSON, want: LegacyJSON, wantType: "application/json"},
		{name: "any-application-lync-2013-first-release", standard: LegacyJSON, accept: []string{"application/*"}, want: LegacyJSON, wantType: "application/json"},
		{name: "json-lync-2013-first-release", standard: LegacyJSON, accept: []string{"application/json, */*"}, want: UCWAJSON, wantType: "application/json"},
		{name: "default-legacy-xml", standard: LegacyXML, want: LegacyXML, wantType: "application/xml"},
		{name: "upper-case", accept: []string{"Application/Vnd.Microsoft.RTC.Autodiscover+XML; V=1"}, want: LegacyXML, wantType: "application/vnd.microsoft.rtc.autodiscover+xml; v=1"},
		{name: "quoted-version", accept: []string{`application/vnd.microsoft.rtc.autodiscover+json;v="1"`}, want: LegacyJSON, wantType: "application/vnd.microsoft.rtc.autodiscover+json; v=1"},
		{name: "no-version", accept: []string{"application/vnd.microsoft.rtc.autodiscover+xml"}, want: LegacyXML, wantType: "application/vnd.microsoft.rtc.autodiscover+xml; v=1"},
		{name: "unknown-version", accept: []string{"application/vnd.microsoft.rtc.autodiscover+xml;v=2"}, want: UCWAJSON, wantType: "application/json"},
		{name: "unknown-version-then-known-type", accept: []string{"application/vnd.microsoft.rtc.autodiscover+xml;v=2, application/xml"}, want: UCWAXML, wantType: "application/xml"},
		{name: "other-parameter", accept: []string{"application/json;charset=utf-8"}, want: UCWAJSON, wantType: "application/json"},
		{name: "browser", accept: []string{browser}, want: UCWAXML, wantType: "application/xml"},
		{name: "browser-2010", accept: []string{browser}, old: true, want: LegacyXML, wantType: "application/xml"},
		{name: "json-2010", accept: []string{"application/json"}, old: true, want: LegacyJSON, wantType: "application/json"},
		{name: "ucwa-2010", accept: []string{"application/vnd.microsoft.com.ucwa+xml"}, old: true, want: LegacyJSON, wantType: "application/json"},
		{name: "text-xml", accept: []string{"text/xml"}, want: LegacyXML, wantType: "text/xml"},
		{name: "any-text", accept: []string{"text/*"}, want: LegacyXML, wantType: "text/xml"},
		{name: "ucwa-xml", accept: []string{"application/vnd.microsoft.com.ucwa+xml"}, want: UCWAXML, wantType: "application/vnd.microsoft.com.ucwa+xml; charset=utf-8"},
		{name: "ucwa-json", accept: []string{"application/vnd.microsoft.com.ucwa+json"}, want: UCWAJSON, wantType: "application/vnd.microsoft.com.ucwa+json; charset=utf-8"},
		{name: "nothing-known", accept: []string{"image/png"}, want: UCWAJSON, wantType: "application/json"},
		{name: "quality-decides", accept: []string{"application/json;q=0.4, application/xml;q=0.5"}, want: UCWAXML, wantType: "application/xml"},
		{name: "client-order-breaks-ties", accept: []string{"application/xml, application/json"}, want: UCWAXML, wantType: "application/xml"},
		{name: "two-lines", accept: []string{"application/json;q=0.1", "application/xml"}, want: UCWAXML, wantType: "application/xml"},
		{name: "named-beats-wildcard", accept: []string{"*/*, application/xml"}, want: UCWAXML, wantType: "application/xml"},
		{name: "excluded", accept: []string{"*/*, application/json;q=0"}, want: UCWAXML, wantType: "application/xml"},
		{name: "disliked", accept: []string{"application/json;q=0.2, */*;q=0.8"}, want: UCWAXML, wantType: "application/xml"},
		{name: "broken-quality", accept: []string{"application/xml;q=high, application/json;q=0.1"}, want: UCWAJSON, wantType: "application/json"},
		{name: "no-number", accept: []string{"application/xml;q=NaN, application/json;q=0.1"}, want: UCWAJSON, wantType: "application/json"},
		{name: "everything-excluded", accept: []string{"*/*;q=0"}, want: UCWAJSON, wantType: "application/json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			standard := tc.standard
			if standard == "" {
				standard = UCWAJSON
				if tc.old {
					standard = LegacyJSON
				}
			}
			got := negotiate(tc.accept, offersOf(!tc.old, standard))
			if got.document != tc.want || got.contentType != tc.wantType {
				t.Errorf("negotiate(%q) = %s as %q, want %s as %q", tc.accept, got.document, got.contentType, tc.want, tc.wantType)
			}
		})
	}
}

func FuzzNegotiate(f *testing.F) {
	for _, seed := range []string{"", "*/*", "application/json;q=0.5,*/*;q=0.1", "a/b;q=;v=1,,;", `text/xml;q="1"`, "application/*;q=NaN"} {
		f.Add(seed)
	}
	offers := offersOf(true, UCWAJSON)
	f.Fuzz(func(t *testing.T, accept string) {
		if got := negotiate([]string{accept}, offers); !slices.Contains(offers, got) {
			t.Errorf("negotiate(%q) = %v, which was not offered", accept, got)
		}
		for _, m := range parseAccept([]string{accept}) {
			if math.IsNaN(m.quality) || m.quality < 0 || m.quality > 1 {
				t.Errorf("parseAccept(%q): quality %v", accept, m.quality)
			}
		}
	})
}

// FuzzAnswer sends any target, host and Accept through the whole of a site. Whatever comes: an external site names no
// internal AccessLocation, never redirects by status, and signs what IIS says.
func FuzzAnswer(f *testing.F) {
	for _, seed := range [][3]string{
		{"/", "lyncdiscoverinternal.contoso.example", ""},
		{"/?sipuri=a%00b@contoso.example", "lyncdiscover.contoso.example", "application/vnd.microsoft.rtc.autodiscover+xml"},
		{"/Autodiscover/AutodiscoverService.svc/root/domain", "", "text/xml"},
		{"/meet/us%e9r/%3Cid%3E", "meet.contoso.example:4443", "application/vnd.microsoft.lync.meeting+xml"},
		{"/../../cscp/..%2f", "fe1", "*/*"}, {"http://x/abs/%2561", "10.0.0.1", ""}, {"*", "", ""}, {"/\u0130/x", "[::1]", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	cfg := Config{
		FQDN: "fe1.corp.contoso.example", SIPDomains: []string{"contoso.example"},
		Internal:   Site{WebFQDN: "lyncweb-int.contoso.example"},
		External:   Site{WebFQDN: "lyncweb-ext.contoso.example"},
		SimpleURLs: []SimpleURL{{Meet, "meet.contoso.example", ""}, {Dialin, "lync.contoso.example", "/contoso/dialin"}},
	}
	_, external := newSites(&cfg)
	f.Fuzz(func(t *testing.T, target, host, accept string) {
		checkAnswer(t, external, target, host, accept)
	})
}
