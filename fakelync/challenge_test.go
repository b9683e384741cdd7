package fakelync_test

import (
	"encoding/xml"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lyncpin/fakelync"
)

const (
	bearer = `Bearer trusted_issuers="00000002-0000-0ff1-ce00-000000000000@contoso.example", client_id="00000004-0000-0ff1-ce00-000000000000"`
	rtcExt = `MsRtcOAuth href="https://lyncweb-ext.contoso.example/WebTicket/oauthtoken",grant_type="urn:microsoft.rtc:windows,urn:microsoft.rtc:anonmeeting,password"`
	rtcInt = `MsRtcOAuth href="https://lyncweb-int.contoso.example/WebTicket/oauthtoken",grant_type="urn:microsoft.rtc:windows,urn:microsoft.rtc:anonmeeting,password"`
)

func TestUserResourceAsksForTickets(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	for _, tc := range []struct {
		name      string
		door      door
		target    string
		challenge []string
		ticketURL string
	}{
		{"oauth-external", extHTTPS, rootTarget + "/oauth/user?originalDomain=contoso.example", []string{bearer, rtcExt}, ""},
		{"oauth-internal", intHTTPS, rootTarget + "/oauth/user", []string{bearer, rtcInt}, ""},
		{"legacy-external", extHTTPS, rootTarget + "/user", nil, "https://lyncweb-ext.contoso.example/WebTicket/WebTicketService.svc"},
		{"legacy-internal", intHTTPS, rootTarget + "/user?sipuri=user1@contoso.example", nil, "https://lyncweb-int.contoso.example/WebTicket/WebTicketService.svc"},
		{"ucwa-phones", extHTTPS, "/ucwa/v1/applications", nil, "https://lyncweb-ext.contoso.example/WebTicket/WebTicketService.svc"},
		{"ucwa-web", extHTTPS, "/ucwa/oauth/v1/applications", []string{bearer, rtcExt}, ""},
		{"ticket-service-oauth", extHTTPS, "/WebTicket/WebTicketService.svc/OAuth", []string{bearer, rtcExt}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ask(t, srv, tc.door, request{target: tc.target, host: "lyncweb-int.contoso.example"})
			if got.status != 401 || len(got.body) != 1293 || got.header.Get("Content-Type") != "text/html" {
				t.Errorf("got %d, %d bytes of %s, want 401, 1293 of text/html", got.status, len(got.body), got.header.Get("Content-Type"))
			}
			if diff := cmp.Diff(tc.challenge, got.header.Values("WWW-Authenticate")); diff != "" {
				t.Errorf("WWW-Authenticate (-want +got):\n%s", diff)
			}
			if u := got.header.Get("X-MS-WebTicketURL"); u != tc.ticketURL {
				t.Errorf("X-MS-WebTicketURL = %q, want %q", u, tc.ticketURL)
			}
			for _, absent := range []string{"Cache-Control", "Pragma", "Expires", "X-AspNet-Version"} {
				if v := got.header.Get(absent); v != "" {
					t.Errorf("%s = %q, want none on this 401", absent, v)
				}
			}
		})
	}
}

func TestConfiguredChallenges(t *testing.T) {
	t.Parallel()
	cfg := healthy()
	cfg.External.Grants = []string{fakelync.GrantPassive}
	cfg.External.WebTicketHost = "fe1.corp.contoso.example"
	cfg.External.PublishedPort = 8443
	cfg.External.WindowsAuth = []string{"NTLM"}
	srv := start(t, cfg)
	got := ask(t, srv, extHTTPS, request{target: rootTarget + "/oauth/user", host: "lyncweb-ext.contoso.example"})
	const want = `MsRtcOAuth href="https://fe1.corp.contoso.example:8443/WebTicket/oauthtoken",grant_type="urn:microsoft.rtc:passive"`
	if v := got.header.Values("WWW-Authenticate"); len(v) != 2 || v[1] != want {
		t.Errorf("WWW-Authenticate = %q, want the second to be %q", v, want)
	}
	got = ask(t, srv, extHTTPS, request{target: "/abs", host: "lyncweb-ext.contoso.example"})
	if diff := cmp.Diff([]string{"NTLM"}, got.header.Values("WWW-Authenticate")); diff != "" {
		t.Errorf("Windows challenge (-want +got):\n%s", diff)
	}
	got = ask(t, srv, extHTTPS, request{method: "POST", target: "/WebTicket/oauthtoken", host: "lyncweb-ext.contoso.example", body: "grant_type=password&username=a&password=b"})
	if got.status != 400 || got.body != `{"error":"unsupported_grant_type"}` ||
		got.header.Get("X-Ms-diagnostics") != `28029;source="fe1.corp.contoso.example";reason="Authentication type not allowed."` {
		t.Errorf("a grant not offered: %d %s %s", got.status, got.body, got.header.Get("X-Ms-diagnostics"))
	}
	if got := ask(t, srv, extHTTPS, request{target: rootTarget, host: "x.example", header: acceptLegacyXML}); !strings.Contains(got.body, `"https://lyncweb-ext.contoso.example:8443/`) {
		t.Errorf("the published port is not in %s", got.body)
	}
}

func TestWebTicketService(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	for _, method := range []string{"GET", "POST"} {
		got := ask(t, srv, extHTTPS, request{method: method, target: "/WebTicket/WebTicketService.svc", host: "lyncweb-ext.contoso.example", body: "<x/>"})
		if got.status != 401 || len(got.body) != 6305 || got.header.Get("Content-Type") != "text/html; charset=utf-8" || got.header.Get("Cache-Control") != "private" {
			t.Errorf("%s: %d, %d bytes, %v", method, got.status, len(got.body), got.header)
		}
		if diff := cmp.Diff([]string{"Negotiate", "NTLM"}, got.header.Values("WWW-Authenticate")); diff != "" {
			t.Errorf("%s: WWW-Authenticate (-want +got):\n%s", method, diff)
		}
	}
	got := ask(t, srv, intHTTPS, request{target: "/webticket/webticketservice.svc/MEX", host: "lyncweb-ext.contoso.example"})
	var wsdl struct {
		Ports []struct {
			Name    string `xml:"name,attr"`
			Address struct {
				Location string `xml:"location,attr"`
			} `xml:"address"`
		} `xml:"service>port"`
	}
	if err := xml.Unmarshal([]byte(got.body), &wsdl); err != nil {
		t.Fatal(err)
	}
	ports := map[string]string{}
	for _, p := range wsdl.Ports {
		ports[p.Name] = p.Address.Location
	}
	if ports["WebTicketServiceWinNegotiate"] != "https://lyncweb-int.contoso.example/WebTicket/WebTicketService.svc" ||
		ports["WsFedBearer"] != "https://lyncweb-int.contoso.example/WebTicket/WebTicketService.svc/WsFed_bearer" {
		t.Errorf("ports = %v", ports)
	}
}

func TestTokenServiceRefuses(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	const noToken = `28020;source="fe1.corp.contoso.example";reason="No valid security token."`
	const notAllowed = `28029;source="fe1.corp.contoso.example";reason="Authentication type not allowed."`
	for _, tc := range []struct {
		name, method, body string
		status             int
		want, diagnostics  string
	}{
		{"no-grant", "POST", "", 400, `{"error":"invalid_request"}`, noToken},
		{"no-form", "POST", "%zz", 400, `{"error":"invalid_request"}`, noToken},
		{"options", "OPTIONS", "", 400, `{"error":"invalid_request"}`, noToken},
		{"get", "GET", "", 400, `{"error":"invalid_request"}`, noToken},
		{"password", "POST", "grant_type=password&username=user1%40contoso.example&password=wrong", 400, `{"error":"invalid_grant"}`, noToken},
		{"anonymous", "POST", "grant_type=urn%3Amicrosoft.rtc%3Aanonmeeting&password=KEY", 400, `{"error":"invalid_grant"}`, noToken},
		{"unknown", "POST", "grant_type=client_credentials", 400, `{"error":"unsupported_grant_type"}`, notAllowed},
		{"passive-not-offered", "POST", "grant_type=urn:microsoft.rtc:passive", 400, `{"error":"unsupported_grant_type"}`, notAllowed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ask(t, srv, extHTTPS, request{method: tc.method, target: "/WebTicket/oauthtoken", host: "lyncweb-ext.contoso.example", body: tc.body})
			if got.status != tc.status || got.body != tc.want || got.header.Get("X-Ms-diagnostics") != tc.diagnostics {
				t.Errorf("got %d %s %q", got.status, got.body, got.header.Get("X-Ms-diagnostics"))
			}
			if got.header.Get("Content-Type") != "application/json" || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", got.header)
			}
		})
	}
	got := ask(t, srv, extHTTPS, request{method: "POST", target: "/webticket/OAuthToken", host: "lyncweb-ext.contoso.example", body: "grant_type=urn:microsoft.rtc:windows"})
	if got.status != 401 || !slices.Equal(got.header.Values("WWW-Authenticate"), []string{"Negotiate", "NTLM"}) {
		t.Errorf("Windows grant: %d %v", got.status, got.header)
	}
}

func TestHeadersByProduct(t *testing.T) {
	t.Parallel()
	guid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	for _, tc := range []struct {
		product        fakelync.Product
		server, aspNet string
		modern         bool
	}{
		{fakelync.Lync2010, "Microsoft-IIS/7.5", "2.0.50727", false},
		{fakelync.Lync2013, "Microsoft-IIS/7.5", "4.0.30319", false},
		{"", "Microsoft-IIS/7.5", "4.0.30319", false},
		{fakelync.SfB2015, "Microsoft-IIS/8.5", "4.0.30319", true},
		{fakelync.SfB2019, "Microsoft-IIS/10.0", "4.0.30319", true},
	} {
		t.Run("product-"+string(tc.product), func(t *testing.T) {
			t.Parallel()
			cfg := healthy()
			cfg.Product = tc.product
			srv := start(t, cfg)
			q := request{target: "/", host: "lyncdiscover.contoso.example"}
			got := ask(t, srv, extHTTPS, q)
			for name, want := range map[string]string{
				"Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "-1", "Server": tc.server, "X-AspNet-Version": tc.aspNet,
				"X-MS-Server-Fqdn": "fe1.corp.contoso.example", "X-Powered-By": "ASP.NET", "X-Content-Type-Options": "nosniff",
			} {
				if v := got.header.Get(name); v != want {
					t.Errorf("%s = %q, want %q", name, v, want)
				}
			}
			if !tc.modern {
				for _, name := range []string{"Strict-Transport-Security", "X-MS-Correlation-Id", "client-request-id"} {
					if v := got.header.Get(name); v != "" {
						t.Errorf("%s = %q, want none", name, v)
					}
				}
				return
			}
			if v := got.header.Get("Strict-Transport-Security"); v != "max-age=315360000" {
				t.Errorf("Strict-Transport-Security = %q", v)
			}
			if v := got.header.Get("X-MS-Correlation-Id"); v != "2147483649" {
				t.Errorf("X-MS-Correlation-Id = %q, want 2147483649", v)
			}
			if v := got.header.Get("client-request-id"); !guid.MatchString(v) {
				t.Errorf("client-request-id = %q, want a GUID", v)
			}
			q.header = "client-request-id: 5f0c1d7e-2b44-4c1a-9e0f-0123456789ac\r\n"
			plain := ask(t, srv, extHTTP, q)
			if v := plain.header.Get("client-request-id"); v != "5f0c1d7e-2b44-4c1a-9e0f-0123456789ac" {
				t.Errorf("client-request-id = %q, want the client's", v)
			}
			if v := plain.header.Get("Strict-Transport-Security"); v != "" {
				t.Errorf("Strict-Transport-Security over HTTP: %q", v)
			}
		})
	}
}
