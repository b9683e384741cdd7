package fakelync

import (
	"net/http"
	"strconv"
	"strings"
)

// soapAnswer is a SOAP 1.1 answer with an action.
func (s *site) soapAnswer(status int, action, body string) response {
	r := s.aspNet(status, "text/xml; charset=utf-8", "private")
	r.body = []byte(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>` +
		`<a:Action>` + action + `</a:Action></s:Header><s:Body>` + body + `</s:Body></s:Envelope>`)
	return r
}

// faultOf is the SOAP fault of a refusal ([MS-OCAUTHWS], fault types): 500 and the diagnosis in its detail.
func (s *site) faultOf(why diagnosis) *response {
	r := s.aspNet(http.StatusInternalServerError, "text/xml; charset=utf-8", "private")
	r.body = []byte(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>` +
		`<faultcode xmlns:a="` + nsSecext + `">a:FailedAuthentication</faultcode><faultstring xml:lang="en-US">` + xmlText(why.reason) + `</faultstring>` +
		`<detail><OCSDiagnosticsFault xmlns="` + nsWebAuth + `" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">` +
		`<Ms-Diagnostics-Fault><ErrorId>` + strconv.Itoa(why.id) + `</ErrorId><Reason>` + xmlText(why.reason) + `</Reason></Ms-Diagnostics-Fault>` +
		`<NameValuePairs/></OCSDiagnosticsFault></detail></s:Fault></s:Body></s:Envelope>`)
	return &r
}

// port is an endpoint of a service as its WSDL tells it.
type port struct {
	name, location string
	// policy is what the port asks for, inside wsp:All.
	policy string
}

// metadata is a service's WSDL, as much of it as clients read: where each port is, and which policy goes with it. Policies
// are named after their ports, which is how clients find them.
func (s *site) metadata(service string, ports []port) response {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><wsdl:definitions name="` + service + `" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"` +
		` xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy"` +
		` xmlns:sp="http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702" xmlns:http="http://schemas.microsoft.com/ws/06/2004/policy/http"` +
		` xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns:wsu="` + nsUtility + `">`)
	for _, p := range ports {
		b.WriteString(`<wsp:Policy wsu:Id="` + p.name + `_policy"><wsp:ExactlyOne><wsp:All>` + p.policy + `</wsp:All></wsp:ExactlyOne></wsp:Policy>`)
	}
	b.WriteString(`<wsdl:service name="` + service + `">`)
	for _, p := range ports {
		b.WriteString(`<wsdl:port name="` + p.name + `"><soap:address location="` + xmlText(p.location) + `"/></wsdl:port>`)
	}
	b.WriteString(`</wsdl:service></wsdl:definitions>`)
	r := s.aspNet(http.StatusOK, "text/xml; charset=utf-8", "private")
	r.body = []byte(b.String())
	return r
}

// ticketMetadata is the ticket service's WSDL. Ports of Windows authentication are there for the schemes offered only.
func (s *site) ticketMetadata() response {
	const transport = `<sp:TransportBinding><wsp:Policy><sp:TransportToken><wsp:Policy><sp:HttpsToken/></wsp:Policy></sp:TransportToken></wsp:Policy></sp:TransportBinding>`
	var ports []port
	add := func(name, path, policy string) {
		ports = append(ports, port{name, s.ticketURL(ticketPath + path), policy})
	}
	for _, scheme := range s.windowsSchemes() {
		switch strings.ToLower(scheme) {
		case "negotiate":
			add("WebTicketServiceWinNegotiate", "", `<http:NegotiateAuthentication/>`+transport)
		case "ntlm":
			add("WebTicketServiceWinNtlm", "", `<http:NtlmAuthentication/>`+transport)
		}
	}
	add("WebTicketServiceAnon", "/Anon", transport)
	add("WebTicketServiceAuth", "/Auth", `<sp:SignedSupportingTokens><wsp:Policy><sp:UsernameToken/></wsp:Policy></sp:SignedSupportingTokens>`+transport)
	add("WebTicketServiceCert", "/cert", `<sp:TransportBinding><wsp:Policy><sp:TransportToken><wsp:Policy><sp:HttpsToken><wsp:Policy>`+
		`<sp:RequireClientCertificate/></wsp:Policy></sp:HttpsToken></wsp:Policy></sp:TransportToken></wsp:Policy></sp:TransportBinding>`)
	add("WsFedBearer", "/WsFed_bearer", `<sp:SignedSupportingTokens><wsp:Policy><sp:IssuedToken/></wsp:Policy></sp:SignedSupportingTokens>`+transport)
	return s.metadata("WebTicketService", ports)
}

// ticketPolicy is the policy of ports that take web tickets: who issues them, and whether requests are signed with the
// ticket's key (EndorsingSupportingTokens) or only carry it (SignedSupportingTokens).
func (s *site) ticketPolicy(kind string) string {
	return `<sp:` + kind + `><wsp:Policy><sp:IssuedToken><sp:Issuer><wsa:Address>` + xmlText(s.ticketURL(ticketPath)) +
		`</wsa:Address></sp:Issuer></sp:IssuedToken></wsp:Policy></sp:` + kind + `>`
}
