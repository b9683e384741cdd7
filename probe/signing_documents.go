package probe

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
)

// ticketChallenge is where the user resource says that a ticket or token is got. [MS-OCAUTHWS] 1.5; UCWA "Authentication in
// UCWA".
type ticketChallenge struct {
	ticket string   // X-MS-WebTicketURL
	token  string   // href of MsRtcOAuth
	grants []string // its grant types
}

// asked tells whether the answer was a challenge of the user resource at all.
func (c ticketChallenge) asked() bool { return c.ticket != "" || c.token != "" }

var challengeParameter = regexp.MustCompile(`([A-Za-z_]+)\s*=\s*(?:"([^"]*)"|([^",\s]+))`)

// parseChallenge reads the header of a 401. Some software joins the challenges into one line, and some leaves out the
// quotes.
func parseChallenge(h http.Header) ticketChallenge {
	c := ticketChallenge{ticket: h.Get("X-Ms-Webticketurl")}
	const scheme = "msrtcoauth "
	for _, line := range h.Values("Www-Authenticate") {
		at := strings.Index(strings.ToLower(line), scheme)
		if at < 0 {
			continue
		}
		for _, m := range challengeParameter.FindAllStringSubmatch(line[at+len(scheme):], 16) {
			switch value := m[2] + m[3]; strings.ToLower(m[1]) {
			case "href":
				if c.token == "" {
					c.token = value
				}
			case "grant_type":
				c.grants = append(c.grants, strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })...)
			}
		}
	}
	return c
}

// Token types of the web ticket service.
const (
	compactTicket = "urn:component:Microsoft.Rtc.WebAuthentication.2010:user-cwt-1"
	samlTicket    = "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV1.1"
	issueAction   = `"http://docs.oasis-open.org/ws-sx/ws-trust/200512/RST/Issue"`
)

// ticketRequest is the SOAP request for a ticket. [MS-OCAUTHWS] 3.1.4.1; WS-Trust 1.3 section 3.1. The request type is of
// an older WS-Trust, as clients send it.
func ticketRequest(kind, context, service, sip string, entropy []byte) []byte {
	text := func(s string) string {
		var out strings.Builder
		xml.EscapeText(&out, []byte(s))
		return out.String()
	}
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="utf-8"?>`+
		`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>`+
		`<t:RequestSecurityToken xmlns:t="http://docs.oasis-open.org/ws-sx/ws-trust/200512" Context="%s">`+
		`<t:TokenType>%s</t:TokenType>`+
		`<t:RequestType>http://schemas.xmlsoap.org/ws/2005/02/trust/Issue</t:RequestType>`+
		`<p:AppliesTo xmlns:p="http://schemas.xmlsoap.org/ws/2004/09/policy"><a:EndpointReference xmlns:a="http://www.w3.org/2005/08/addressing"><a:Address>%s</a:Address></a:EndpointReference></p:AppliesTo>`+
		`<t:Claims Dialect="urn:component:Microsoft.Rtc.WebAuthentication.2010:authclaims">`+
		`<auth:ClaimType xmlns:auth="http://schemas.xmlsoap.org/ws/2006/12/authorization" Uri="http://schemas.xmlsoap.org/ws/2005/05/identity/claims/uri" Optional="false"><auth:Value>sip:%s</auth:Value></auth:ClaimType></t:Claims>`+
		`<t:Entropy><t:BinarySecret>%s</t:BinarySecret></t:Entropy>`+
		`<t:KeyType>http://docs.oasis-open.org/ws-sx/ws-trust/200512/SymmetricKey</t:KeyType>`+
		`</t:RequestSecurityToken></s:Body></s:Envelope>`,
		context, kind, text(service), text(sip), base64.StdEncoding.EncodeToString(entropy))
}

// maxTicket is the longest ticket that is used. IIS takes 16 KB of header lines.
const maxTicket = 48 << 10

// parseTicket reads the answer to a ticket request, and returns what X-MS-WebTicket then carries: a compact ticket as
// it is, a SAML assertion as "opaque=" and base64. It is empty when there is none.
func parseTicket(kind string, body []byte) string {
	dec := xml.NewDecoder(bytes.NewReader(body))
	start, depth := int64(-1), 0
	for {
		at := dec.InputOffset()
		tok, err := dec.Token()
		if err != nil {
			return ""
		}
		switch el := tok.(type) {
		case xml.StartElement:
			switch {
			case start >= 0:
				depth++
			case kind == compactTicket && el.Name.Local == "UserToken":
				var text string
				if dec.DecodeElement(&text, &el) != nil {
					return ""
				}
				return usable(strings.TrimSpace(text))
			case kind == samlTicket && el.Name.Local == "Assertion":
				start = at
			}
		case xml.EndElement:
			if start >= 0 {
				if depth--; depth < 0 {
					return usable("opaque=" + base64.StdEncoding.EncodeToString(body[start:dec.InputOffset()]))
				}
			}
		}
	}
}

// usable is the ticket when it can stand in a header, else empty.
func usable(ticket string) string {
	if len(ticket) > maxTicket || strings.ContainsFunc(ticket, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return ""
	}
	return ticket
}

// parseToken reads the token service's answer. UCWA "Authentication in UCWA"; RFC 6749 sections 5.1 and 5.2.
func parseToken(body []byte) (token, failure string) {
	var answer struct {
		Token string `json:"access_token"`
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return "", ""
	}
	return usable(answer.Token), clean(answer.Error, relKept)
}

// parsePorts reads the ports of a WSDL document and where they are, by name.
func parsePorts(body []byte) map[string]string {
	dec := xml.NewDecoder(bytes.NewReader(body))
	ports, current := map[string]string{}, ""
	for {
		tok, err := dec.Token()
		if err != nil {
			return ports
		}
		switch el := tok.(type) {
		case xml.StartElement:
			switch el.Name.Local {
			case "port":
				current = attribute(el, "name")
			case "address":
				if current != "" && len(ports) < maxLinks {
					ports[current] = attribute(el, "location")
				}
			}
		case xml.EndElement:
			if el.Name.Local == "port" {
				current = ""
			}
		}
	}
}

func attribute(el xml.StartElement, name string) string {
	for _, a := range el.Attr {
		if strings.EqualFold(a.Name.Local, name) {
			return a.Value
		}
	}
	return ""
}

// sipAccess is the host:port that a legacy user document names for desktop clients, at the site that answered. It is
// empty when there is none. TechNet JJ945654.
func sipAccess(location string, body []byte) string {
	wanted := "SipClientExternalAccess"
	if strings.EqualFold(location, InternalSite) {
		wanted = "SipClientInternalAccess"
	}
	dec := xml.NewDecoder(bytes.NewReader(body))
	for {
		tok, err := dec.Token()
		if err != nil {
			return ""
		}
		if el, ok := tok.(xml.StartElement); ok && el.Name.Local == wanted {
			return net.JoinHostPort(strings.ToLower(attribute(el, "fqdn")), attribute(el, "port"))
		}
	}
}
