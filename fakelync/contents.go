package fakelync

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// What is behind Windows authentication, and behind the ticket endpoints of services. Clients that sign in need to see
// that they were let in, not more: the contents are small, and inferred.

// guarded answers for a directory that Windows authentication or a web ticket opens.
func (v vdir) guarded(s *site, q *query, rest string) response {
	if q.presented() != "" {
		if c, refusal := s.caller(q, false); c == nil {
			return refusal
		}
	} else if u, refusal := s.windowsUser(q, stockPage); u == nil {
		return refusal
	}
	switch {
	case v.app == "abs" && strings.HasPrefix(strings.ToLower(rest), "/handler"):
		r := s.aspNet(http.StatusOK, "text/plain; charset=utf-8", "private")
		r.body = []byte("F-1000.lsabs\r\nD-1000-1001.lsabs\r\n") // one whole file and one of changes
		return r
	case q.method == http.MethodPost && q.soap() != nil:
		return s.soapAnswer(http.StatusOK, "", "")
	}
	return s.html("<HTML><HEAD><TITLE>" + v.app + "</TITLE></HEAD><BODY></BODY></HTML>")
}

// The SOAP endpoints of services that take web tickets, below the service's own address: with the ticket's key to sign, or
// with the ticket alone.
const (
	proofEndpoint  = "/WebTicket_Proof"
	bearerEndpoint = "/WebTicket_Bearer"
)

// endpoint answers for what is below the address of a WCF service.
func (v vdir) endpoint(s *site, q *query, rest string) response {
	switch strings.ToLower(strings.TrimSuffix(rest, "/")) {
	case "/mex":
		return s.metadata(v.ports(s))
	case strings.ToLower(proofEndpoint), strings.ToLower(bearerEndpoint):
		return s.ticketEndpoint(v, q)
	}
	return s.iis(http.StatusBadRequest) // a SOAP endpoint asked without SOAP
}

// ports are the service's name and the ports that its WSDL lists. The names of the certificate service's are those that
// clients look for; the others follow them.
func (v vdir) ports(s *site) (service string, ports []port) {
	service, path := "AuthBroker", "/Reach/sip.svc"
	switch v.app {
	case "certprov":
		service, path = "CertProvisioningService", "/CertProv/CertProvisioningService.svc"
	case "reach":
	default:
		service, path = v.app, v.path
	}
	return service, []port{
		{service + "WebTicketProof_SHA1", s.url(path + proofEndpoint), s.ticketPolicy("EndorsingSupportingTokens")},
		{service + "WebTicketBearer", s.url(path + bearerEndpoint), s.ticketPolicy("SignedSupportingTokens")},
	}
}

// ticketEndpoint lets in whose assertion is in the request's security header. The signature with the ticket's key is not
// checked. A certificate is asked for with GetAndPublishCert; what comes back has the form that clients read, and in it the
// site's own certificate: nothing here makes certificates.
func (s *site) ticketEndpoint(v vdir, q *query) response {
	e := q.soap()
	if e == nil {
		return s.iis(http.StatusBadRequest)
	}
	c, refusal := s.callerOf(q, assertionKey(string(q.body)), func() response { return *s.faultOf(noToken) })
	if c == nil {
		return refusal
	}
	if v.app != "certprov" || c.user == nil || len(s.conf.Certificate.Certificate) == 0 || !strings.Contains(e.Body.Content, "GetAndPublishCert") {
		return s.soapAnswer(http.StatusOK, "", "")
	}
	const namespace = "http://schemas.microsoft.com/OCS/AuthWebServices/"
	return s.soapAnswer(http.StatusOK, namespace+"GetAndPublishCertResponse",
		`<GetAndPublishCertResponse xmlns="`+namespace+`"><RequestSecurityTokenResponse xmlns="`+nsTrust+`"><RequestedSecurityToken>`+
			`<BinarySecurityToken xmlns="`+nsSecext+`">`+base64.StdEncoding.EncodeToString(s.conf.Certificate.Certificate[0])+`</BinarySecurityToken>`+
			`</RequestedSecurityToken></RequestSecurityTokenResponse></GetAndPublishCertResponse>`)
}
