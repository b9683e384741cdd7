package probe

import (
	"net/http"
	"testing"
)

func TestMakerOf(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, product string
		header        http.Header
		body          string
		frontEnd      bool
	}{
		{name: "front-end", header: http.Header{"X-Ms-Server-Fqdn": {"fe1.contoso.example"}}, product: "IIS", frontEnd: true},
		{name: "front-end-behind-nginx", header: http.Header{"X-Ms-Server-Fqdn": {"fe1.contoso.example"}, "Server": {"nginx"}}, product: "IIS", frontEnd: true},
		{name: "challenge", header: http.Header{"Www-Authenticate": {"Bearer x", `MsRtcOAuth href="x"`}}, product: "IIS", frontEnd: true},
		{name: "diagnostics", header: http.Header{"X-Ms-Diagnostics": {"28020;reason=x"}}, product: "IIS", frontEnd: true},
		{name: "iis-alone", header: http.Header{"Server": {"Microsoft-IIS/10.0"}, "X-Powered-By": {"ASP.NET"}}, product: "IIS"},
		{name: "http.sys", header: http.Header{"Server": {"Microsoft-HTTPAPI/2.0"}}, product: "http.sys"},
		{name: "arr", header: http.Header{"X-Powered-By": {"ASP.NET", "ARR/3.0"}, "Server": {"Microsoft-IIS/8.5"}}, product: "IIS ARR"},
		{name: "squid", header: http.Header{"X-Squid-Error": {"ERR_ACCESS_DENIED 0"}}, product: "Squid"},
		{name: "squid-by-via", header: http.Header{"Via": {"1.1 proxy (squid/3.5)"}}, product: "Squid"},
		{name: "nginx", header: http.Header{"Server": {"nginx/1.24"}}, product: "nginx"},
		{name: "apache", header: http.Header{"Server": {"Apache/2.4"}}, product: "Apache"},
		{name: "caddy", header: http.Header{"Server": {"Caddy"}}, product: "Caddy"},
		{name: "haproxy", header: http.Header{"Cache-Control": {"no-cache"}}, body: "<html><body><h1>503 Service Unavailable</h1>", product: "HAProxy"},
		{name: "f5", header: http.Header{"Set-Cookie": {"BIGipServerlync=…"}}, product: "F5"},
		{name: "netscaler", header: http.Header{"Set-Cookie": {"NSC_abc=…"}}, product: "NetScaler"},
		{name: "exchange", header: http.Header{"X-Feserver": {"EX1"}, "Server": {"Microsoft-IIS/10.0"}}, product: "Exchange"},
		{name: "unknown-server", header: http.Header{"Server": {"Jetty(9)"}}, product: "Jetty(9)"},
		{name: "terse-page-of-another", header: http.Header{"Cache-Control": {"no-cache"}, "Server": {"Jetty(9)"}}, body: "<html><body><h1>503</h1>", product: "Jetty(9)"},
		{name: "bearer-alone", header: http.Header{"Www-Authenticate": {"Bearer realm=x"}}},
		{name: "nothing"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := MakerOf(&Exchange{Header: c.header, Body: c.body})
			if got.Product != c.product || got.FrontEnd != c.frontEnd {
				t.Errorf("got %+v, want %q, Front End %t", got, c.product, c.frontEnd)
			}
		})
	}
}

func TestSiteOf(t *testing.T) {
	t.Parallel()
	made := http.Header{"X-Ms-Server-Fqdn": {"fe1.contoso.example"}}
	other := http.Header{"Server": {"nginx"}}
	document := func(location, host string) *Document {
		return &Document{Form: "x", AccessLocation: location, Links: map[string]string{"user": "https://" + host + "/u"}}
	}
	cases := []struct {
		name string
		x    Exchange
		want string
	}{
		{name: "says-internal", x: Exchange{Status: 200, Document: document("Internal", "a.example")}, want: InternalSite},
		{name: "says-external", x: Exchange{Status: 200, Document: document("external", "a.example")}, want: ExternalSite},
		{name: "says-internal-links-external", x: Exchange{Status: 200, Document: document("Internal", webFQDN)}, want: InternalSite},
		{name: "links-internal", x: Exchange{Status: 200, Document: document("", insideFQDN)}, want: InternalSite},
		{name: "links-external", x: Exchange{Status: 200, Document: document("", webFQDN)}, want: ExternalSite},
		{name: "links-both-declared", x: Exchange{Status: 200, Document: document("", "both.contoso.example")}},
		{name: "links-neither", x: Exchange{Status: 200, Document: document("", "a.example")}},
		{name: "document-with-error", x: Exchange{Status: 500, Document: document("Internal", "a.example")}},
		{name: "cscp-404", x: Exchange{Purpose: GetInternalOnly, Status: 404, Header: made}, want: ExternalSite},
		{name: "cscp-401", x: Exchange{Purpose: GetInternalOnly, Status: 401, Header: made}, want: InternalSite},
		{name: "cscp-302", x: Exchange{Purpose: GetInternalOnly, Status: 302, Header: made}, want: InternalSite},
		{name: "cscp-500", x: Exchange{Purpose: GetInternalOnly, Status: 500, Header: made}},
		{name: "cscp-404-of-proxy", x: Exchange{Purpose: GetInternalOnly, Status: 404, Header: other}},
		{name: "cscp-401-of-proxy", x: Exchange{Purpose: GetInternalOnly, Status: 401, Header: other}},
		{name: "device-internal", x: Exchange{Purpose: GetDeviceInternal, Status: 200, Header: made}, want: InternalSite},
		{name: "device-external", x: Exchange{Purpose: GetDeviceExternal, Status: 200, Header: made}, want: ExternalSite},
		{name: "device-missing", x: Exchange{Purpose: GetDeviceExternal, Status: 404, Header: made}},
		{name: "other-purpose", x: Exchange{Purpose: GetMeet, Status: 404, Header: made}},
		{name: "broken-off", x: Exchange{Purpose: GetInternalOnly, Status: 404, Header: made, Outcome: Outcome{Code: Closed}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.x.Host, c.x.ID = webFQDN, 1
			if c.x.Outcome.Code == "" {
				c.x.Outcome.Code = OK
			}
			rec := &Record{
				Target:   Target{Expected: Expected{ExternalWeb: []string{webFQDN, "both.contoso.example"}, InternalWeb: []string{insideFQDN, "both.contoso.example"}}},
				Sections: []*Section{{Vantage: External, Exchanges: []Exchange{c.x}}},
			}
			p := NewView(rec).At(External)
			if got := p.SiteOf(&c.x); got != c.want {
				t.Errorf("SiteOf = %q, want %q", got, c.want)
			}
			signs := p.SignsOf(webFQDN)
			if (len(signs) == 1) != (c.want != "") || c.want != "" && (signs[0].Site != c.want || signs[0].Step != "external/exchange/1" || signs[0].Text == "") {
				t.Errorf("SignsOf = %+v, want %q", signs, c.want)
			}
		})
	}
}

func TestResolveSumsUp(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, a, aaaa, want string
		exists, missing     bool
	}{
		{name: "both-missing", a: NXDomain, aaaa: NXDomain, want: NXDomain, missing: true},
		{name: "one-missing-one-empty", a: NXDomain, aaaa: NoData, want: NoData, missing: true},
		{name: "address-and-none", a: OK, aaaa: NoData, want: OK, exists: true},
		{name: "address-and-failure", a: OK, aaaa: ServFail, want: OK, exists: true},
		{name: "none-and-failure", a: NoData, aaaa: Timeout, want: Timeout},
		{name: "not-asked", want: NotChecked},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &Section{Vantage: External}
			for kind, code := range map[string]string{"A": c.a, "AAAA": c.aaaa} {
				if code != "" {
					s.Lookups = append(s.Lookups, Lookup{Name: discovery, Type: kind, Outcome: Outcome{Code: code}})
				}
			}
			r := NewView(&Record{Sections: []*Section{s}}).At(External).Resolve("LyncDiscover.contoso.example")
			if r.Outcome.Code != c.want || r.Exists() != c.exists || r.Missing() != c.missing || r.Asked() != (c.a != "") {
				t.Errorf("got %+v, want %+v", r, c)
			}
		})
	}
}
