package fakelync_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/Azure/go-ntlmssp"
	"github.com/google/go-cmp/cmp"

	"lyncpin/fakelync"
)

const (
	ticketService = "/WebTicket/WebTicketService.svc"
	compact       = "urn:component:Microsoft.Rtc.WebAuthentication.2010:user-cwt-1"
	saml          = "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV1.1"
	soapHeaders   = "Content-Type: text/xml\r\nSOAPAction: \"http://docs.oasis-open.org/ws-sx/ws-trust/200512/RST/Issue\"\r\n"
)

// tokenRequest is a request for a ticket as published clients write it. security is the content of its header.
func tokenRequest(tokenType, sip, security, lifetime string) string {
	return `<?xml version="1.0"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:auth="http://schemas.xmlsoap.org/ws/2006/12/authorization"` +
		` xmlns:wst="http://docs.oasis-open.org/ws-sx/ws-trust/200512" xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"` +
		` xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd">` +
		`<soap:Header>` + security + `</soap:Header><soap:Body><wst:RequestSecurityToken Context="5f0c1d7e-2b44-4c1a-9e0f-0123456789ac">` +
		`<wst:TokenType>` + tokenType + `</wst:TokenType><wst:RequestType>http://schemas.xmlsoap.org/ws/2005/02/trust/Issue</wst:RequestType>` +
		`<wsp:AppliesTo xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy"><wsa:EndpointReference xmlns:wsa="http://www.w3.org/2005/08/addressing">` +
		`<wsa:Address>https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root/user</wsa:Address></wsa:EndpointReference></wsp:AppliesTo>` +
		`<wst:Claims Dialect="urn:component:Microsoft.Rtc.WebAuthentication.2010:authclaims">` +
		`<auth:ClaimType Uri="http://schemas.xmlsoap.org/ws/2005/05/identity/claims/uri" Optional="false"><auth:Value>sip:` + sip + `</auth:Value></auth:ClaimType></wst:Claims>` +
		`<wst:Entropy><wst:BinarySecret>q83vEjRWeJA=</wst:BinarySecret></wst:Entropy>` + lifetime +
		`<wst:KeyType>http://docs.oasis-open.org/ws-sx/ws-trust/200512/SymmetricKey</wst:KeyType></wst:RequestSecurityToken></soap:Body></soap:Envelope>`
}

// issuedTicket is what clients read of the answer.
type issuedTicket struct {
	Context string `xml:"Context,attr"`
	Token   struct {
		Raw  string `xml:",innerxml"`
		User string `xml:"UserToken"`
	} `xml:"RequestedSecurityToken"`
	Secret  string `xml:"Entropy>BinarySecret"`
	Created string `xml:"Lifetime>Created"`
	Expires string `xml:"Lifetime>Expires"`
}

func readTicket(t *testing.T, got answer) issuedTicket {
	t.Helper()
	var e struct {
		Responses []issuedTicket `xml:"Body>RequestSecurityTokenResponseCollection>RequestSecurityTokenResponse"`
	}
	if got.status != 200 || got.header.Get("Content-Type") != "text/xml; charset=utf-8" {
		t.Fatalf("%d %s: %s", got.status, got.header.Get("Content-Type"), got.body)
	}
	if err := xml.Unmarshal([]byte(got.body), &e); err != nil || len(e.Responses) != 1 {
		t.Fatalf("%v in %s", err, got.body)
	}
	return e.Responses[0]
}

// byPassword asks the endpoint for names and passwords.
func byPassword(t *testing.T, srv *fakelync.Server, d door, tokenType, sip, login, password string) answer {
	t.Helper()
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	security := `<wsse:Security><wsse:UsernameToken><wsse:Username>` + b64(login) + `</wsse:Username>` +
		`<wsse:Password Type="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText">` + b64(password) +
		`</wsse:Password></wsse:UsernameToken></wsse:Security>`
	return ask(t, srv, d, request{method: "POST", target: ticketService + "/Auth", host: webExt, header: soapHeaders, body: tokenRequest(tokenType, sip, security, "")})
}

// ticketOf is user1's or another's compact ticket.
func ticketOf(t *testing.T, srv *fakelync.Server, d door, name, password string) string {
	t.Helper()
	return readTicket(t, byPassword(t, srv, d, compact, name+"@contoso.example", `CONTOSO\`+name, password)).Token.User
}

// TestTicketByWindowsLogon takes the three legs of protocol reference O.2, as a client does that sends its request in every
// leg and as one that sends it in the last only.
func TestTicketByWindowsLogon(t *testing.T) {
	t.Parallel()
	first, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		t.Fatal(err)
	}
	rst := tokenRequest(compact, "user1@contoso.example", "", "")
	for name, early := range map[string]string{"body-in-every-leg": rst, "body-in-the-last": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := start(t, withStaff(nil))
			c := connect(t, srv, extHTTPS, "")
			post := func(authorization, body string) answer {
				header := soapHeaders + authorization
				if body == "" {
					header += "Content-Length: 0\r\n"
				}
				return exchange(t, c, request{method: "POST", target: ticketService, host: webExt, header: header, body: body})
			}
			if got := post("", early); got.status != 401 || len(got.body) != 6305 || len(got.header.Values("WWW-Authenticate")) != 2 {
				t.Fatalf("without credentials: %d, %d bytes, %v", got.status, len(got.body), got.header)
			}
			got := post(authorization("NTLM", first), early)
			challenge, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(got.header.Get("WWW-Authenticate"), "NTLM "))
			if err != nil || got.status != 401 {
				t.Fatalf("first message: %d, %v", got.status, err)
			}
			third, err := ntlmssp.NewAuthenticateMessage(challenge, `CONTOSO\user1`, "Lab-only-1", nil)
			if err != nil {
				t.Fatal(err)
			}
			ticket := readTicket(t, post(authorization("NTLM", third), rst))
			if !strings.HasPrefix(ticket.Token.User, "cwt=AAEB") || ticket.Context != "5f0c1d7e-2b44-4c1a-9e0f-0123456789ac" || ticket.Secret == "" {
				t.Errorf("ticket %+v", ticket)
			}
			user := ask(t, srv, extHTTPS, request{target: rootTarget + "/user", host: webExt, header: acceptLegacyXML + "X-MS-WebTicket: " + ticket.Token.User + "\r\n"})
			if user.status != 200 || !strings.Contains(user.body, `token="Ucwa"`) {
				t.Errorf("user document: %d %s", user.status, user.body)
			}
			if h := last(t, srv); h.User != "user1@contoso.example" || h.Header.Get("X-MS-WebTicket") != "cwt=…" {
				t.Errorf("history: user %q, ticket %q", h.User, h.Header.Get("X-MS-WebTicket"))
			}
		})
	}
}

// TestAssertion checks the parts of a published SAML ticket, and that it comes back as clients send it: as it was, and as
// an XML library may have written it anew.
func TestAssertion(t *testing.T) {
	t.Parallel()
	cfg := withStaff(nil)
	srv := start(t, cfg)
	ticket := readTicket(t, byPassword(t, srv, extHTTPS, saml, "user1@contoso.example", "user1@contoso.example", "Lab-only-1"))
	form := regexp.MustCompile(`^<saml:Assertion MajorVersion="1" MinorVersion="1" AssertionID="SamlSecurityToken-[-0-9a-f]{36}" Issuer="https://lyncweb-ext\.contoso\.example/[-0-9a-f]{36}" IssueInstant="[^"]+" xmlns:saml="urn:oasis:names:tc:SAML:1\.0:assertion">`)
	if !form.MatchString(ticket.Token.Raw) || !strings.Contains(ticket.Token.Raw, "<saml:Audience>https://lyncweb-ext.contoso.example/</saml:Audience>") ||
		!strings.Contains(ticket.Token.Raw, `<saml:NameIdentifier Format="http://schemas.xmlsoap.org/ws/2005/05/identity/claims/uri">sip:user1@contoso.example</saml:NameIdentifier>`) {
		t.Errorf("assertion %s", ticket.Token.Raw)
	}
	anew := strings.NewReplacer("><", ">\r\n  <", "saml:", "x:", "xmlns:saml", "xmlns:x", "sip:user1", "&#x73;ip:user1").Replace(ticket.Token.Raw)
	for name, tc := range map[string]struct {
		text   string
		status int
	}{
		"as-it-was":  {ticket.Token.Raw, 200},
		"anew":       {"<?xml version=\"1.0\"?>\n" + anew, 200},
		"of-another": {strings.Replace(ticket.Token.Raw, "sip:user1", "sip:user2", 1), 401},
		"longer":     {strings.Replace(ticket.Token.Raw, `NotOnOrAfter="2`, `NotOnOrAfter="3`, 1), 401},
		"cut":        {ticket.Token.Raw[:len(ticket.Token.Raw)-5], 401},
		"no-xml":     {"\x00\xff", 401},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(t, srv, extHTTPS, request{target: rootTarget + "/user", host: webExt,
				header: acceptLegacyXML + "X-MS-WebTicket: opaque=" + base64.StdEncoding.EncodeToString([]byte(tc.text)) + "\r\n"})
			if got.status != tc.status {
				t.Errorf("status %d, want %d", got.status, tc.status)
			}
			if got.status == 401 && got.header.Get("X-Ms-diagnostics") != `28020;source="fe1.corp.contoso.example";reason="No valid security token."` {
				t.Errorf("diagnostics %q", got.header.Get("X-Ms-diagnostics"))
			}
		})
	}
}

func TestTicketLifetimes(t *testing.T) {
	t.Parallel()
	srv := start(t, withStaff(nil))
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	security := `<wsse:Security><wsse:UsernameToken><wsse:Username>` + b64(`CONTOSO\user1`) + `</wsse:Username><wsse:Password>` + b64("Lab-only-1") + `</wsse:Password></wsse:UsernameToken></wsse:Security>`
	for _, tc := range []struct {
		name, created, expires string
		want                   time.Duration
	}{
		{"none", "", "", 8 * time.Hour},
		{"quarter-of-an-hour", "2026-03-01T12:00:00.000Z", "2026-03-01T12:15:00.000Z", 15 * time.Minute},
		{"too-long", "2026-03-01T12:00:00Z", "2026-03-09T12:00:00Z", 8 * time.Hour},
		{"backwards", "2026-03-01T12:00:00Z", "2026-03-01T11:00:00Z", 8 * time.Hour},
		{"no-times", "soon", "later", 8 * time.Hour},
	} {
		t.Run(tc.name, func(t *testing.T) {
			lifetime := ""
			if tc.created != "" {
				lifetime = `<wst:Lifetime><wsu:Created>` + tc.created + `</wsu:Created><wsu:Expires>` + tc.expires + `</wsu:Expires></wst:Lifetime>`
			}
			ticket := readTicket(t, ask(t, srv, extHTTPS, request{method: "POST", target: ticketService + "/Auth", host: webExt, header: soapHeaders,
				body: tokenRequest(compact, "user1@contoso.example", security, lifetime)}))
			created, err1 := time.Parse(time.RFC3339, ticket.Created)
			expires, err2 := time.Parse(time.RFC3339, ticket.Expires)
			if err1 != nil || err2 != nil || expires.Sub(created) != tc.want {
				t.Errorf("from %s to %s, want %v", ticket.Created, ticket.Expires, tc.want)
			}
		})
	}
}

// TestTicketFaults: endpoints without Windows authentication refuse by SOAP fault.
func TestTicketFaults(t *testing.T) {
	t.Parallel()
	srv := start(t, withStaff(nil))
	for _, tc := range []struct {
		name string
		got  answer
		id   string
	}{
		{"wrong-password", byPassword(t, srv, extHTTPS, saml, "user1@contoso.example", `CONTOSO\user1`, "x"), "28020"},
		{"unknown", byPassword(t, srv, extHTTPS, saml, "nobody@contoso.example", `CONTOSO\nobody`, "x"), "28020"},
		{"claim-of-another", byPassword(t, srv, extHTTPS, saml, "user2@contoso.example", `CONTOSO\user1`, "Lab-only-1"), "28020"},
		{"not-enabled", byPassword(t, srv, extHTTPS, saml, "clerk@contoso.example", `CONTOSO\clerk`, "Lab-only-3"), "28000"},
		{"outside", byPassword(t, srv, extHTTPS, saml, "inner@contoso.example", `CONTOSO\inner`, "Lab-only-4"), "28033"},
		{"federation", ask(t, srv, extHTTPS, request{method: "POST", target: ticketService + "/WsFed_bearer", host: webExt, body: tokenRequest(saml, "user1@contoso.example", "", "")}), "28020"},
		{"certificate", ask(t, srv, extHTTPS, request{method: "POST", target: ticketService + "/cert", host: webExt, body: tokenRequest(saml, "user1@contoso.example", "", "")}), "28020"},
		{"anonymous-to-no-meeting", ask(t, srv, extHTTPS, request{method: "POST", target: ticketService + "/Anon", host: webExt, body: tokenRequest(saml, "user1@contoso.example", "", "")}), "28020"},
	} {
		var e struct {
			Code string `xml:"Body>Fault>faultcode"`
			ID   string `xml:"Body>Fault>detail>OCSDiagnosticsFault>Ms-Diagnostics-Fault>ErrorId"`
		}
		if err := xml.Unmarshal([]byte(tc.got.body), &e); err != nil || tc.got.status != 500 || e.Code != "a:FailedAuthentication" || e.ID != tc.id {
			t.Errorf("%s: %d, %v, %+v, want 500 and %s", tc.name, tc.got.status, err, e, tc.id)
		}
	}
	if got := byPassword(t, srv, intHTTPS, compact, "inner@contoso.example", `CONTOSO\inner`, "Lab-only-4"); got.status != 200 {
		t.Errorf("the same user inside: %d", got.status)
	}
	for name, body := range map[string]string{"empty": "", "no-xml": "<<<", "no-request": "<Envelope><Body/></Envelope>", "too-long": strings.Repeat("<a>", 40_000), "deep": strings.Repeat("<a>", 20_000)} {
		if got := ask(t, srv, extHTTPS, request{method: "POST", target: ticketService + "/Auth", host: webExt, body: body}); got.status != 400 {
			t.Errorf("%s: %d, want 400", name, got.status)
		}
	}
}

// TestMetadata reads the WSDL the way a published client does: services by port name, policies by the port's name and
// "_policy", the issuer of tickets inside them.
func TestMetadata(t *testing.T) {
	t.Parallel()
	srv := start(t, withStaff(nil))
	type wsdl struct {
		Policies []struct {
			ID       string `xml:"Id,attr"`
			Endorsed string `xml:"ExactlyOne>All>EndorsingSupportingTokens>Policy>IssuedToken>Issuer>Address"`
			Signed   string `xml:"ExactlyOne>All>SignedSupportingTokens>Policy>IssuedToken>Issuer>Address"`
		} `xml:"Policy"`
		Ports []struct {
			Name    string `xml:"name,attr"`
			Address struct {
				Location string `xml:"location,attr"`
			} `xml:"address"`
		} `xml:"service>port"`
	}
	const issuer = "https://lyncweb-ext.contoso.example/WebTicket/WebTicketService.svc"
	for _, tc := range []struct{ target, port, location, endorsed, signed string }{
		{ticketService + "/mex", "WebTicketServiceWinNegotiate", issuer, "", ""},
		{ticketService + "/mex", "WebTicketServiceAuth", issuer + "/Auth", "", ""},
		{"/CertProv/CertProvisioningService.svc/mex", "CertProvisioningServiceWebTicketProof_SHA1", "https://lyncweb-ext.contoso.example/CertProv/CertProvisioningService.svc/WebTicket_Proof", issuer, ""},
		{"/Reach/sip.svc/mex", "AuthBrokerWebTicketBearer", "https://lyncweb-ext.contoso.example/Reach/sip.svc/WebTicket_Bearer", "", issuer},
	} {
		got := ask(t, srv, extHTTPS, request{target: tc.target, host: webExt})
		var w wsdl
		if err := xml.Unmarshal([]byte(got.body), &w); err != nil || got.status != 200 || !strings.HasPrefix(got.header.Get("Content-Type"), "text/xml") {
			t.Fatalf("%s: %d %v", tc.target, got.status, err)
		}
		location, policies := "", 0
		for _, p := range w.Ports {
			if p.Name == tc.port {
				location = p.Address.Location
			}
		}
		for _, p := range w.Policies {
			if p.ID == tc.port+"_policy" {
				policies++
				if p.Endorsed != tc.endorsed || p.Signed != tc.signed {
					t.Errorf("%s: issuers %q and %q, want %q and %q", tc.port, p.Endorsed, p.Signed, tc.endorsed, tc.signed)
				}
			}
		}
		if location != tc.location || policies != 1 {
			t.Errorf("%s: %s is at %q with %d policies, want %q with one", tc.target, tc.port, location, policies, tc.location)
		}
	}
}

// grant asks the token service.
func grant(t *testing.T, srv *fakelync.Server, d door, pairs ...string) answer {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return ask(t, srv, d, request{method: "POST", target: "/webticket/oauthtoken", host: webExt,
		header: "Content-Type: application/x-www-form-urlencoded;charset='utf-8'\r\n", body: form.Encode()})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	srv := start(t, withStaff(nil))
	got := grant(t, srv, extHTTPS, "grant_type", "password", "username", "user1@contoso.example", "password", "Lab-only-1")
	var token struct {
		Access  string `json:"access_token"`
		Expires int    `json:"expires_in"`
		Scope   string `json:"ms_rtc_identityscope"`
		Type    string `json:"token_type"`
	}
	if err := json.Unmarshal([]byte(got.body), &token); err != nil || got.status != 200 || !strings.HasPrefix(token.Access, "cwt=AAEB") ||
		token.Expires != 28800 || token.Scope != "local" || token.Type != "Bearer" {
		t.Fatalf("%d %v %s", got.status, err, got.body)
	}
	if got.header.Get("Content-Type") != "application/json" || got.header.Get("Cache-Control") != "no-store" || got.header.Get("Pragma") != "no-cache" {
		t.Errorf("headers %v", got.header)
	}
	if h := last(t, srv); h.User != "user1@contoso.example" || h.Logon != fakelync.LogonPasswordGranted {
		t.Errorf("history: %q %q", h.User, h.Logon)
	}
	if user := ask(t, srv, extHTTPS, request{target: rootTarget + "/oauth/user?originalDomain=contoso.example", host: webExt,
		header: "Accept: application/json\r\nAuthorization: Bearer " + token.Access + "\r\n"}); user.status != 200 {
		t.Errorf("user document: %d", user.status)
	}

	for _, tc := range []struct {
		name        string
		pairs       []string
		status      int
		body        string
		diagnostics string
	}{
		{"wrong-password", []string{"grant_type", "password", "username", "user1@contoso.example", "password", "x"}, 400, `{"error":"invalid_grant"}`, "28020"},
		{"sip-where-the-principal-differs", []string{"grant_type", "password", "username", "user2@contoso.example", "password", "Lab-only-2"}, 400, `{"error":"invalid_grant"}`, "28020"},
		{"principal", []string{"grant_type", "password", "username", "second@contoso.example", "password", "Lab-only-2"}, 200, "", ""},
		{"windows-name", []string{"grant_type", "password", "username", `contoso\user2`, "password", "Lab-only-2"}, 200, "", ""},
		{"not-enabled", []string{"grant_type", "password", "username", "clerk@contoso.example", "password", "Lab-only-3"}, 403, "", "28000"},
		{"outside", []string{"grant_type", "password", "username", "inner@contoso.example", "password", "Lab-only-4"}, 403, "", "28033"},
		{"no-meeting", []string{"grant_type", fakelync.GrantMeeting, "password", "KEY", "ms_rtc_conferenceuri", "sip:x@contoso.example"}, 400, `{"error":"invalid_grant"}`, "28020"},
		{"passive-not-offered", []string{"grant_type", fakelync.GrantPassive}, 400, `{"error":"unsupported_grant_type"}`, "28029"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := grant(t, srv, extHTTPS, tc.pairs...)
			id, _, _ := strings.Cut(got.header.Get("X-Ms-diagnostics"), ";")
			if got.status != tc.status || id != tc.diagnostics || tc.body != "" && got.body != tc.body {
				t.Errorf("got %d %s %s, want %d %s %s", got.status, id, got.body, tc.status, tc.diagnostics, tc.body)
			}
		})
	}
}

// TestAnonymousTickets: participants get tickets for a meeting whose key they have, for an hour, and no user document.
func TestAnonymousTickets(t *testing.T) {
	t.Parallel()
	const focus = "sip:user1@contoso.example;gruu;opaque=app:conf:focus:id:ABCD1234"
	pairs := []string{"grant_type", fakelync.GrantMeeting, "password", "ABCD1234", "ms_rtc_conferenceuri", focus}
	key := `<auth:ClaimType Uri="http://schemas.example/key"><auth:Value>ABCD1234</auth:Value></auth:ClaimType></wst:Claims>`
	rst := request{method: "POST", target: ticketService + "/Anon", host: webExt, header: soapHeaders,
		body: strings.Replace(tokenRequest(compact, strings.TrimPrefix(focus, "sip:"), "", ""), "</wst:Claims>", key, 1)}

	srv := start(t, withStaff(nil))
	got := grant(t, srv, extHTTPS, pairs...)
	var token struct {
		Access  string `json:"access_token"`
		Expires int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(got.body), &token); err != nil || got.status != 200 || token.Expires != 3600 {
		t.Fatalf("%d %v %s", got.status, err, got.body)
	}
	if user := ask(t, srv, extHTTPS, request{target: rootTarget + "/oauth/user", host: webExt, header: "Authorization: Bearer " + token.Access + "\r\n"}); user.status != 404 || user.body != "" {
		t.Errorf("user document of nobody: %d %s", user.status, user.body)
	}
	ticket := readTicket(t, ask(t, srv, extHTTPS, rst))
	created, err1 := time.Parse(time.RFC3339, ticket.Created)
	expires, err2 := time.Parse(time.RFC3339, ticket.Expires)
	if err1 != nil || err2 != nil || expires.Sub(created) != time.Hour || !strings.HasPrefix(ticket.Token.User, "cwt=") {
		t.Errorf("ticket %+v", ticket)
	}

	cfg := withStaff(nil)
	cfg.NoAnonymous = true
	closed := start(t, cfg)
	if got := grant(t, closed, extHTTPS, pairs...); got.status != 400 || got.body != `{"error":"invalid_grant"}` {
		t.Errorf("where nobody anonymous may join: %d %s", got.status, got.body)
	}
	if got := ask(t, closed, extHTTPS, rst); got.status != 500 || !strings.Contains(got.body, "FailedAuthentication") {
		t.Errorf("where nobody anonymous may join: %d %s", got.status, got.body)
	}
}

func TestTokenServiceOfMachines(t *testing.T) {
	t.Parallel()
	right := []string{"grant_type", "password", "username", "user1@contoso.example", "password", "Lab-only-1"}
	for _, tc := range []struct {
		name   string
		change func(*fakelync.Config)
		pairs  []string
		status int
		body   string
	}{
		{"no-certificate", func(c *fakelync.Config) { c.NoTokenCertificate = true }, right, 500, `{"error":"server_error"}`},
		{"passive", func(c *fakelync.Config) {
			c.External.Grants, c.PassiveURI = []string{fakelync.GrantPassive}, "https://lyncweb-ext.contoso.example/PassiveAuth/PassiveAuth.aspx"
		}, []string{"grant_type", fakelync.GrantPassive}, 400,
			`{"error":"invalid_grant","ms_rtc_passiveauthuri":"https://lyncweb-ext.contoso.example/PassiveAuth/PassiveAuth.aspx"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := withStaff(nil)
			tc.change(&cfg)
			got := grant(t, start(t, cfg), extHTTPS, tc.pairs...)
			if got.status != tc.status || got.body != tc.body {
				t.Errorf("got %d %s, want %d %s", got.status, got.body, tc.status, tc.body)
			}
		})
	}
	cfg := withStaff(func(o *fakelync.OrganisationConfig) { o.DirectoryDown = true })
	cfg.AuthorizationURI = "https://login.contoso.example/authorize"
	srv := start(t, cfg)
	if got := grant(t, srv, extHTTPS, right...); got.status != 500 || !strings.HasPrefix(got.header.Get("X-Ms-diagnostics"), "28001;") {
		t.Errorf("without domain controllers: %d %v", got.status, got.header)
	}
	got := ask(t, srv, extHTTPS, request{target: rootTarget + "/oauth/user", host: webExt})
	if diff := cmp.Diff([]string{bearer + `, authorization_uri="https://login.contoso.example/authorize"`, rtcExt}, got.header.Values("WWW-Authenticate")); diff != "" {
		t.Errorf("challenges (-want +got):\n%s", diff)
	}
}

func TestCertificateForAnAssertion(t *testing.T) {
	t.Parallel()
	srv := start(t, withStaff(nil))
	ticket := readTicket(t, byPassword(t, srv, extHTTPS, saml, "user1@contoso.example", "user1@contoso.example", "Lab-only-1"))
	envelope := func(security string) string {
		return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><Security>` + security + `</Security></s:Header>` +
			`<s:Body><GetAndPublishCert xmlns="http://schemas.microsoft.com/OCS/AuthWebServices/"/></s:Body></s:Envelope>`
	}
	q := request{method: "POST", target: "/CertProv/CertProvisioningService.svc/WebTicket_Proof", host: webExt, body: envelope(ticket.Token.Raw)}
	got := ask(t, srv, extHTTPS, q)
	var e struct {
		Certificate string `xml:"Body>GetAndPublishCertResponse>RequestSecurityTokenResponse>RequestedSecurityToken>BinarySecurityToken"`
	}
	if err := xml.Unmarshal([]byte(got.body), &e); err != nil || got.status != 200 || e.Certificate == "" {
		t.Errorf("%d %v %s", got.status, err, got.body)
	}
	q.body = envelope("")
	if got := ask(t, srv, extHTTPS, q); got.status != 500 || !strings.Contains(got.body, "28020") {
		t.Errorf("without an assertion: %d %s", got.status, got.body)
	}
}

func TestTicketOpensDirectories(t *testing.T) {
	t.Parallel()
	srv := start(t, withStaff(nil))
	ticket := ticketOf(t, srv, extHTTPS, "user1", "Lab-only-1")
	for _, target := range []string{"/abs/handler", "/GroupExpansion/service.svc", "/RgsClients/AgentService.svc"} {
		if got := ask(t, srv, extHTTPS, request{target: target, host: webExt, header: "X-MS-WebTicket: " + ticket + "\r\n"}); got.status != 200 {
			t.Errorf("%s: %d", target, got.status)
		}
	}
}
