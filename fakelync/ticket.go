package fakelync

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// ticketPath is the web ticket service, as the products write it.
const ticketPath = "/WebTicket/WebTicketService.svc"

// Sizes of the 401 pages in published captures. Filters in front of real servers recognise the first by its length.
const (
	stockPage  = 1293
	ticketPage = 6305
)

// ticketChallenge is the 401 of resources that want a web ticket: it says where to get one ([MS-OCAUTHWS] 1.5). Its body
// is inferred to be IIS's own page.
func (s *site) ticketChallenge() response {
	r := s.pageOf(http.StatusUnauthorized, 0, stockPage)
	r.set("X-MS-WebTicketURL", s.ticketURL(ticketPath))
	return r
}

// oauthChallenge is the 401 of resources that want an OAuth token (UCWA SDK, "Create an application"): two challenges on
// two lines, and IIS's own page. The ids are constant: those of the security token service and of the product itself.
func (s *site) oauthChallenge() response {
	r := s.pageOf(http.StatusUnauthorized, 0, stockPage)
	r.set("WWW-Authenticate", `Bearer trusted_issuers="00000002-0000-0ff1-ce00-000000000000@`+s.machine.SIPDomains[0]+
		`", client_id="00000004-0000-0ff1-ce00-000000000000"`)
	r.add("WWW-Authenticate", `MsRtcOAuth href="`+s.ticketURL("/WebTicket/oauthtoken")+
		`",grant_type="`+strings.Join(s.grants(), ",")+`"`)
	r.set("Vary", "Accept-Encoding")
	return r
}

// grants are the grant types offered, in the order of the published capture unless configured.
func (s *site) grants() []string {
	if len(s.conf.Grants) > 0 {
		return s.conf.Grants
	}
	return []string{GrantWindows, GrantMeeting, GrantPassword}
}

// windowsChallenge is the 401 of Windows authentication (RFC 4559).
func (s *site) windowsChallenge(size int) response {
	r := s.pageOf(http.StatusUnauthorized, 0, size)
	schemes := s.conf.WindowsAuth
	if len(schemes) == 0 {
		schemes = []string{"Negotiate", "NTLM"}
	}
	r.header["WWW-Authenticate"] = slices.Clone(schemes)
	return r
}

// webTicketService answers for the ticket service's endpoints ([MS-OCAUTHWS] 3.1; WSDL port names from
// Set-CsMcxConfiguration, MobilePreferredAuthType). A bare request to the endpoints that take SOAP alone is inferred to
// be 400, as for every WCF service.
func (s *site) webTicketService(_ *query, rest string) response {
	switch strings.ToLower(strings.TrimSuffix(rest, "/")) {
	case "":
		r := s.windowsChallenge(ticketPage)
		r.set("Content-Type", "text/html; charset=utf-8")
		r.set("Cache-Control", "private")
		return r
	case "/mex":
		return s.ticketMetadata()
	case "/oauth":
		if s.traits.ucwa {
			return s.oauthChallenge()
		}
	case "/anon", "/auth", "/cert", "/pin", "/wsfed_bearer":
		return s.iis(http.StatusBadRequest)
	}
	return s.page(http.StatusNotFound, 0)
}

// ticketMetadata is the service's WSDL, as much of it as says which port is where.
func (s *site) ticketMetadata() response {
	var b strings.Builder
	b.WriteString(`<wsdl:definitions name="WebTicketService" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"` +
		` xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"><wsdl:service name="WebTicketService">`)
	for _, port := range []struct{ name, path string }{
		{"WebTicketServiceWinNegotiate", ""},
		{"WebTicketServiceWinNtlm", ""},
		{"WebTicketServiceAnon", "/Anon"},
		{"WebTicketServiceAuth", "/Auth"},
		{"WebTicketServiceCert", "/cert"},
		{"WsFedBearer", "/WsFed_bearer"},
	} {
		b.WriteString(`<wsdl:port name="` + port.name + `"><soap:address location="` + xmlText(s.ticketURL(ticketPath+port.path)) + `"/></wsdl:port>`)
	}
	b.WriteString(`</wsdl:service></wsdl:definitions>`)
	r := s.aspNet(http.StatusOK, "text/xml; charset=utf-8", "private")
	r.body = []byte(b.String())
	return r
}

// oauthToken answers the token service for someone it does not know. Refusals are 400 with a JSON error and a diagnostics
// header (UCWA SDK, "Authentication in UCWA"; [MS-OCAUTHWS] 3.1.4 for the header's grammar); the Windows grant asks for
// Windows authentication first. Methods other than POST, OPTIONS among them, are refused alike.
func (s *site) oauthToken(q *query, rest string) response {
	if strings.Trim(rest, "/") != "" {
		return s.page(http.StatusNotFound, 0)
	}
	form, err := url.ParseQuery(string(q.body))
	grant := form.Get("grant_type")
	switch {
	case q.method != http.MethodPost || err != nil || grant == "":
		return s.tokenError("invalid_request", noToken)
	case !slices.Contains(s.grants(), grant):
		return s.tokenError("unsupported_grant_type", notAllowed)
	case grant == GrantWindows:
		return s.windowsChallenge(stockPage)
	}
	return s.tokenError("invalid_grant", noToken)
}

// tokenError is a refusal.
func (s *site) tokenError(code string, why diagnosis) response {
	r := s.aspNet(http.StatusBadRequest, "application/json", "no-store")
	r.set("Pragma", "no-cache")
	s.diagnose(&r, why)
	r.body = []byte(`{"error":"` + code + `"}`)
	return r
}
