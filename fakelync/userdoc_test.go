package fakelync_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lyncpin/fakelync"
)

// The documents below are put together from the token table of TechNet "Understanding Autodiscover in Lync Server 2013" and
// the captures of the UCWA SDK, with our names.
const (
	userXML2013 = `<AutodiscoverResponse xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" AccessLocation="External"><User>` +
		`<SipServerInternalAccess fqdn="pool01.corp.contoso.example" port="5061"/>` +
		`<SipClientInternalAccess fqdn="pool01.corp.contoso.example" port="5061"/>` +
		`<SipServerExternalAccess fqdn="sip.contoso.example" port="5061"/>` +
		`<SipClientExternalAccess fqdn="sip.contoso.example" port="443"/>` +
		`<Link token="Internal/Autodiscover" href="https://lyncweb-int.contoso.example/Autodiscover/AutodiscoverService.svc/root"/>` +
		`<Link token="External/Autodiscover" href="https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root"/>` +
		`<Link token="Internal/AuthBroker" href="https://lyncweb-int.contoso.example/Reach/sip.svc"/>` +
		`<Link token="External/AuthBroker" href="https://lyncweb-ext.contoso.example/Reach/sip.svc"/>` +
		`<Link token="Internal/WebScheduler" href="https://lyncweb-int.contoso.example/Scheduler"/>` +
		`<Link token="External/WebScheduler" href="https://lyncweb-ext.contoso.example/Scheduler"/>` +
		`<Link token="Internal/Mcx" href="https://lyncweb-ext.contoso.example/Mcx/McxService.svc"/>` +
		`<Link token="External/Mcx" href="https://lyncweb-ext.contoso.example/Mcx/McxService.svc"/>` +
		`<Link token="Internal/Ucwa" href="https://lyncweb-int.contoso.example/ucwa/v1/applications"/>` +
		`<Link token="External/Ucwa" href="https://lyncweb-ext.contoso.example/ucwa/v1/applications"/>` +
		`<Link token="Ucwa" href="https://lyncweb-ext.contoso.example/ucwa/v1/applications"/>` +
		`<Link token="Internal/XFrame" href="https://lyncweb-int.contoso.example/Autodiscover/XFrame/XFrame.html"/>` +
		`<Link token="External/XFrame" href="https://lyncweb-ext.contoso.example/Autodiscover/XFrame/XFrame.html"/>` +
		`<Link token="XFrame" href="https://lyncweb-ext.contoso.example/Autodiscover/XFrame/XFrame.html"/>` +
		`<Link token="Self" href="https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root/user"/>` +
		`</User></AutodiscoverResponse>`
	userUCWA = `{"_links":{"self":{"href":"https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root/user"},` +
		`"applications":{"href":"https://lyncweb-ext.contoso.example/ucwa/oauth/v1/applications"},` +
		`"xframe":{"href":"https://lyncweb-ext.contoso.example/Autodiscover/XFrame/XFrame.html"}}}`
	userUCWAXML = `<resource xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa" rel="user" href="https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root/user">` +
		`<link rel="applications" href="https://lyncweb-ext.contoso.example/ucwa/v1/applications"/>` +
		`<link rel="xframe" href="https://lyncweb-ext.contoso.example/Autodiscover/XFrame/XFrame.html"/></resource>`
)

func TestUserDocument(t *testing.T) {
	t.Parallel()
	srv := start(t, withStaff(nil))
	ticket := ticketOf(t, srv, extHTTPS, "user1", "Lab-only-1")
	asTicket, asToken := "X-MS-WebTicket: "+ticket+"\r\n", "Authorization: Bearer "+ticket+"\r\n"
	for _, tc := range []struct{ name, target, header, contentType, want string }{
		{"legacy-xml", rootTarget + "/user", acceptLegacyXML + asTicket, "application/vnd.microsoft.rtc.autodiscover+xml; v=1", userXML2013},
		{"ucwa-json", rootTarget + "/oauth/user?originalDomain=contoso.example", "Accept: application/json\r\n" + asToken, "application/json", userUCWA},
		{"ucwa-json-by-its-self-link", rootTarget + "/user", "Accept: application/json\r\n" + asToken, "application/json", userUCWA},
		{"ucwa-xml", rootTarget + "/user", "Accept: application/xml\r\n" + asTicket, "application/xml", userUCWAXML},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ask(t, srv, extHTTPS, request{target: tc.target, host: webExt, header: tc.header})
			if got.status != 200 || got.header.Get("Content-Type") != tc.contentType || got.header.Get("Cache-Control") != "no-cache" {
				t.Errorf("%d %v", got.status, got.header)
			}
			if diff := cmp.Diff(strings.Split(tc.want, "><"), strings.Split(got.body, "><")); diff != "" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
		})
	}
	json := ask(t, srv, extHTTPS, request{target: rootTarget + "/user", host: webExt, header: "Accept: application/vnd.microsoft.rtc.autodiscover+json;v=1\r\n" + asTicket})
	if !strings.HasPrefix(json.body, `{"AccessLocation":"External","User":{"Links":[{"href":"https:\/\/lyncweb-int.contoso.example\/Autodiscover\/AutodiscoverService.svc\/root","token":"Internal\/Autodiscover"},`) ||
		!strings.HasSuffix(json.body, `,"SipClientExternalAccess":{"fqdn":"sip.contoso.example","port":"443"},"SipClientInternalAccess":{"fqdn":"pool01.corp.contoso.example","port":"5061"},`+
			`"SipServerExternalAccess":{"fqdn":"sip.contoso.example","port":"5061"},"SipServerInternalAccess":{"fqdn":"pool01.corp.contoso.example","port":"5061"}}}`) {
		t.Errorf("legacy JSON: %s", json.body)
	}
	inside := ask(t, srv, intHTTPS, request{target: rootTarget + "/user", host: "lyncweb-int.contoso.example", header: acceptLegacyXML + asTicket})
	want := strings.NewReplacer(`AccessLocation="External"`, `AccessLocation="Internal"`, `token="Self" href="https://lyncweb-ext.`, `token="Self" href="https://lyncweb-int.`).Replace(userXML2013)
	if diff := cmp.Diff(strings.Split(want, "><"), strings.Split(inside.body, "><")); diff != "" {
		t.Errorf("asked inside (-want +got):\n%s", diff)
	}
}

// tokens are the tokens of a legacy document and where they lead.
func tokens(body string) map[string]string {
	all := map[string]string{}
	for part := range strings.SplitSeq(body, `<Link token="`) {
		if token, rest, ok := strings.Cut(part, `" href="`); ok {
			all[token], _, _ = strings.Cut(rest, `"`)
		}
	}
	return all
}

func TestUserDocumentOfPools(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name         string
		change       func(*fakelync.Pool)
		have, absent []string
		ucwa         string
	}{
		{"lync-2010", func(p *fakelync.Pool) { p.Product = fakelync.Lync2010 }, []string{"External/Mcx"}, []string{"Ucwa", "External/Ucwa", "XFrame", "External/CertProvisioning"}, ""},
		{"sfb-2015", func(p *fakelync.Pool) { p.Product = fakelync.SfB2015 }, []string{"External/Mcx", "Internal/CertProvisioning"}, nil, "https://lyncweb-ext.contoso.example/ucwa/v1/applications"},
		{"sfb-2019", func(p *fakelync.Pool) { p.Product = fakelync.SfB2019 }, []string{"External/CertProvisioning"}, []string{"External/Mcx", "Internal/Mcx"}, "https://lyncweb-ext.contoso.example/ucwa/v1/applications"},
		{"external-links-hidden", func(p *fakelync.Pool) { p.HideExternalLinks = true }, []string{"Internal/Ucwa", "Internal/Autodiscover"}, []string{"External/Autodiscover", "External/Ucwa", "External/Mcx", "Ucwa", "XFrame"}, ""},
		{"tokens-hidden", func(p *fakelync.Pool) { p.HiddenTokens = []string{"ucwa", "External/Ucwa"} }, []string{"Internal/Ucwa", "XFrame"}, []string{"External/Ucwa"}, ""},
		{"internal-exposed", func(p *fakelync.Pool) { p.ExposedWebInternal = true }, []string{"External/Ucwa"}, nil, "https://lyncweb-int.contoso.example/ucwa/v1/applications"},
		{"no-edge", func(p *fakelync.Pool) { p.SIPExternal = "" }, []string{"Ucwa"}, []string{"SipClientExternalAccess"}, "https://lyncweb-ext.contoso.example/ucwa/v1/applications"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := withStaff(func(o *fakelync.OrganisationConfig) { tc.change(&o.Pools[0]) })
			srv := start(t, cfg)
			got := ask(t, srv, extHTTPS, request{target: rootTarget + "/user", host: webExt, header: acceptLegacyXML + "X-MS-WebTicket: " + ticketOf(t, srv, extHTTPS, "user1", "Lab-only-1") + "\r\n"})
			links := tokens(got.body)
			for _, name := range tc.have {
				if links[name] == "" {
					t.Errorf("%s is missing in %s", name, got.body)
				}
			}
			for _, name := range tc.absent {
				if links[name] != "" || strings.Contains(got.body, name+" fqdn") {
					t.Errorf("%s is in %s", name, got.body)
				}
			}
			if links["Ucwa"] != tc.ucwa {
				t.Errorf("Ucwa = %q, want %q", links["Ucwa"], tc.ucwa)
			}
		})
	}
}

// TestUsersOfOtherHomes asks a machine about users it is not the home of.
func TestUsersOfOtherHomes(t *testing.T) {
	t.Parallel()
	elsewhere := func(o *fakelync.OrganisationConfig) {
		o.Pools = append(o.Pools, fakelync.Pool{Name: "pool02.corp.contoso.example", InternalWeb: "lyncweb2-int.contoso.example", ExternalWeb: "lyncweb2-ext.contoso.example"})
		o.Users[0].Pool = "pool02.corp.contoso.example"
	}
	const legacy, ucwa = acceptLegacyXML, "Accept: application/json\r\n"
	for _, tc := range []struct {
		name   string
		change func(*fakelync.OrganisationConfig)
		door   door
		accept string
		status int
		want   string // in the body, "" for an empty one
	}{
		{"other-pool", elsewhere, extHTTPS, legacy, 200, `<User><Link token="Redirect" href="https://lyncweb2-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root/user"/></User>`},
		{"other-pool-inside", elsewhere, intHTTPS, legacy, 200, `<User><Link token="Redirect" href="https://lyncweb2-int.contoso.example/Autodiscover/AutodiscoverService.svc/root/user"/></User>`},
		{"other-pool-ucwa", elsewhere, extHTTPS, ucwa, 200, `{"_links":{"self":{"href":"https://lyncweb2-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root/user"},"applications":{"href":"https://lyncweb2-ext.contoso.example/ucwa/v1/applications"}`},
		{"director", func(o *fakelync.OrganisationConfig) {
			o.Pools[0].Director = true
			o.Pools = append(o.Pools, fakelync.Pool{Name: "pool02.corp.contoso.example", ExternalWeb: "lyncweb2-ext.contoso.example"})
		}, extHTTPS, legacy, 200, `<User><Link token="Redirect" href="https://lyncweb2-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root/user"/></User>`},
		{"online", func(o *fakelync.OrganisationConfig) {
			o.Users[0].Online, o.HostingProviderURL = true, "https://webdir.online.example/Autodiscover/AutodiscoverService.svc/root"
		}, extHTTPS, legacy, 200, `<User><Link token="Redirect" href="https://webdir.online.example/Autodiscover/AutodiscoverService.svc/root"/></User>`},
		{"online-ucwa", func(o *fakelync.OrganisationConfig) {
			o.Users[0].Online, o.HostingProviderURL = true, "https://webdir.online.example/Autodiscover/AutodiscoverService.svc/root"
		}, extHTTPS, ucwa, 200, `{"_links":{"redirect":{"href":"https://webdir.online.example/Autodiscover/AutodiscoverService.svc/root"}}}`},
		{"online-nowhere", func(o *fakelync.OrganisationConfig) { o.Users[0].Online = true }, extHTTPS, legacy, 404, ""},
		{"no-home", func(o *fakelync.OrganisationConfig) { o.Users[0].Pool = "gone.corp.contoso.example" }, extHTTPS, legacy, 404, ""},
		{"no-pools", func(o *fakelync.OrganisationConfig) { o.Pools = nil }, extHTTPS, legacy, 200, `token="Ucwa"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			srv := start(t, withStaff(tc.change))
			ticket := ticketOf(t, srv, tc.door, "user1", "Lab-only-1")
			got := ask(t, srv, tc.door, request{target: rootTarget + "/user", host: webExt, header: tc.accept + "X-MS-WebTicket: " + ticket + "\r\n"})
			if got.status != tc.status || !strings.Contains(got.body, tc.want) || tc.want == "" && got.body != "" {
				t.Errorf("got %d %s, want %d and %s", got.status, got.body, tc.status, tc.want)
			}
		})
	}
}

// TestTicketOfAnotherPool is protocol reference O.5.
func TestTicketOfAnotherPool(t *testing.T) {
	t.Parallel()
	o := staff()
	o.Pools = append(o.Pools, fakelync.Pool{Name: "pool02.corp.contoso.example", ExternalWeb: "lyncweb2-ext.contoso.example"})
	first := healthy()
	first.Organisation = fakelync.NewOrganisation(o)
	second := healthy()
	second.Organisation, second.Pool, second.FQDN = first.Organisation, "pool02.corp.contoso.example", "fe9.corp.contoso.example"
	one, other := start(t, first), start(t, second)
	ticket := ticketOf(t, one, extHTTPS, "user1", "Lab-only-1")
	for _, target := range []string{rootTarget + "/user", "/ucwa/v1/applications", "/abs/handler"} {
		got := ask(t, other, extHTTPS, request{target: target, host: "lyncweb2-ext.contoso.example", header: "X-MS-WebTicket: " + ticket + "\r\n"})
		if got.status != 500 || got.header.Get("X-Ms-diagnostics") != `28032;source="fe9.corp.contoso.example";reason="The web ticket is invalid."` {
			t.Errorf("%s: %d %q", target, got.status, got.header.Get("X-Ms-diagnostics"))
		}
	}
}
