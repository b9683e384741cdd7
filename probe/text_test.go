package probe

import (
	"net/url"
	"strings"
	"testing"
)

// The host of a URL is what net/url takes for it, also where cutting is thought to be enough.
func FuzzHostOf(f *testing.F) {
	for _, seed := range []string{
		"https://web.contoso.example/Autodiscover/AutodiscoverService.svc/root?x=1", "HTTP://web.contoso.example", "https://Web.Contoso.Example/",
		"https://", "https:///path", "https://a/%zz", "https://a/%41", "https://a/b c", "https://a/\x7f", "https://a/ü", "https://ü/",
		"https://a:443/", "https://a:x/", "https://u@a/", "https://u@b@a/", "https://[::1]/", "https://a?b", "https://a#b", "https://a/#%zz", "https://a\\b/",
		"http://a//b://c", "ftp://a/", "sip:a@b", "//a/", "", "https://a..b-/", "https://a_b/", "https://a%41/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		want := ""
		if u, err := url.Parse(raw); err == nil {
			want = strings.ToLower(u.Hostname())
		}
		if got := hostOf(raw); got != want {
			t.Errorf("hostOf(%q) = %q, want %q", raw, got, want)
		}
	})
}

// What namesTicket passes over has no ticket in it.
func FuzzNamesTicket(f *testing.F) {
	for _, seed := range []string{"cwt=AAEBHA", "a=b; CWT=AAEBHA", "x=1&Opaque=abcd", "opaque", "=opaque", "cwt =AAEB", "c=wt=AAEBHA", "cwt==AAEBHA", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if ticketForms.MatchString(text) && !namesTicket(text) {
			t.Errorf("namesTicket(%q) = false, and the pattern matches", text)
		}
	})
}

// Tickets that nobody had to tell are left out of every text.
func TestTicketsAreLeftOut(t *testing.T) {
	for text, want := range map[string]string{
		"a=1; CWT=AAEBHA2; b":        "a=1; CWT=" + omitted + "; b",
		"https://a/?x=1&opaque=ab12": "https://a/?x=1&opaque=" + omitted,
	} {
		if got := new(secrets).scrub(text); got != want {
			t.Errorf("%q is left as %q, want %q", text, got, want)
		}
	}
}
