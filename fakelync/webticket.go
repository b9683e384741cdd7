package fakelync

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The web ticket service: WS-Trust requests, and the tickets they come to ([MS-OCAUTHWS] 3.1.4, IssueToken). The parts of
// requests and answers are those that published clients send and read; where they read nothing, the rest is inferred from
// WS-Trust 1.3.

const (
	nsTrust     = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
	nsSecext    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	nsUtility   = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsWebAuth   = "urn:component:Microsoft.Rtc.WebAuthentication.2010"
	typeSAML    = "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV1.1"
	typeCompact = nsWebAuth + ":user-cwt-1"
	claimURI    = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/uri"
)

// envelope is what the services look at in a SOAP request. Prefixes and namespaces are not looked at.
type envelope struct {
	User     string       `xml:"Header>Security>UsernameToken>Username"`
	Password string       `xml:"Header>Security>UsernameToken>Password"`
	Body     envelopeBody `xml:"Body"`
}

type envelopeBody struct {
	Request *tokenRequest `xml:"RequestSecurityToken"`
	Content string        `xml:",innerxml"`
}

// tokenRequest is a RequestSecurityToken.
type tokenRequest struct {
	Context   string `xml:"Context,attr"`
	TokenType string
	Address   string `xml:"AppliesTo>EndpointReference>Address"`
	Claims    []struct {
		URI   string `xml:"Uri,attr"`
		Value string
	} `xml:"Claims>ClaimType"`
	Created string `xml:"Lifetime>Created"`
	Expires string `xml:"Lifetime>Expires"`
}

// soap reads a request's body, nil if it is no SOAP request.
func (q *query) soap() *envelope {
	var e envelope
	if q.method != http.MethodPost || xml.Unmarshal(q.body, &struct {
		XMLName xml.Name `xml:"Envelope"`
		*envelope
	}{envelope: &e}) != nil {
		return nil
	}
	return &e
}

// webTicketService answers for the ticket service's endpoints (names and addresses of the ports: TechNet
// Set-CsMcxConfiguration, MobilePreferredAuthType, and published clients). A bare request to the endpoints that take SOAP
// alone is inferred to be 400, as for every WCF service.
func (s *site) webTicketService(q *query, rest string) response {
	switch strings.ToLower(strings.TrimSuffix(rest, "/")) {
	case "":
		return s.windowsTicket(q)
	case "/mex":
		return s.ticketMetadata()
	case "/oauth":
		if s.traits.ucwa {
			return s.oauthChallenge()
		}
	case "/anon":
		return s.soapTicket(q, s.anonymousCaller)
	case "/auth":
		return s.soapTicket(q, s.passwordCaller)
	case "/cert", "/pin", "/wsfed_bearer":
		// A certificate of the pool, a PIN, or a token of the federation: nobody has one of these here.
		return s.soapTicket(q, func(*query, *envelope) (caller, *response) { return caller{}, s.faultOf(noToken) })
	}
	return s.page(http.StatusNotFound, 0)
}

// windowsTicket is the endpoint behind Windows authentication. Only the last leg's body counts: the earlier ones may
// have none. That browsing it with credentials shows the service's page is inferred.
func (s *site) windowsTicket(q *query) response {
	u, refusal := s.windowsUser(q, ticketPage)
	if u == nil {
		if refusal.status == http.StatusUnauthorized {
			refusal.set("Content-Type", "text/html; charset=utf-8")
			refusal.set("Cache-Control", "private")
		}
		return refusal
	}
	if q.method == http.MethodGet {
		return s.servicePage("WebTicketService.svc")
	}
	return s.soapTicket(q, func(*query, *envelope) (caller, *response) { return caller{user: u}, nil })
}

// soapTicket issues a ticket to whom who makes of a request.
func (s *site) soapTicket(q *query, who func(*query, *envelope) (caller, *response)) response {
	e := q.soap()
	if e == nil || e.Body.Request == nil {
		return s.iis(http.StatusBadRequest)
	}
	c, refusal := who(q, e)
	if refusal != nil {
		return *refusal
	}
	rst := e.Body.Request
	if c.user != nil && !rst.claims(c.user) {
		return *s.faultOf(noToken)
	}
	return s.issued(rst, c)
}

// claims reports whether the addresses that the request claims are the user's. That another one is refused is inferred.
func (r *tokenRequest) claims(u *User) bool {
	for _, c := range r.Claims {
		if value := strings.TrimSpace(c.Value); c.URI == claimURI && !strings.EqualFold(strings.TrimPrefix(value, "sip:"), u.SIP) {
			return false
		}
	}
	return true
}

// passwordCaller is the user of a UsernameToken, whose name and password are in base64.
func (s *site) passwordCaller(q *query, e *envelope) (caller, *response) {
	name, err1 := base64.StdEncoding.DecodeString(strings.TrimSpace(e.User))
	password, err2 := base64.StdEncoding.DecodeString(strings.TrimSpace(e.Password))
	if err1 != nil || err2 != nil {
		return caller{}, s.faultOf(noToken)
	}
	u, why := s.passwordUser(q, string(name), string(password))
	if u == nil {
		return caller{}, s.faultOf(why)
	}
	return caller{user: u}, nil
}

// passwordUser is whom a name and a password belong to, or nil with the reason.
func (s *site) passwordUser(q *query, name, password string) (*User, diagnosis) {
	if s.organisation.cfg.DirectoryDown {
		return nil, directoryError
	}
	q.logon = LogonPasswordRefused
	u := s.organisation.byLogin("", name)
	if u != nil && s.organisation.locked(u) {
		return nil, lockedOut
	}
	if u == nil || !s.organisation.passwordIs(u, func(right string) bool { return right == password }) {
		return nil, noToken
	}
	q.user = u.SIP
	if why := s.bars(u); why != nil {
		return nil, *why
	}
	q.logon = LogonPasswordGranted
	return u, diagnosis{}
}

// anonymousCaller is a participant of a meeting who names its focus and its key. No source shows this request: that both
// are claims, the key the one that is no address, is inferred.
func (s *site) anonymousCaller(_ *query, e *envelope) (caller, *response) {
	var focus, key string
	for _, c := range e.Body.Request.Claims {
		if value := strings.TrimSpace(c.Value); strings.HasPrefix(value, "sip:") {
			focus = value
		} else {
			key = value
		}
	}
	if !s.joins(focus, key) {
		return caller{}, s.faultOf(noToken)
	}
	return caller{meeting: focus}, nil
}

// joins reports whether somebody anonymous may join a meeting.
func (s *site) joins(focus, key string) bool {
	if s.machine.NoAnonymous {
		return false
	}
	_, ok := s.organisation.conference(focus, key)
	return ok
}

// lifetime is that of a ticket: what was asked for, up to the most there is.
func (r *tokenRequest) lifetime(most time.Duration) time.Duration {
	created, err1 := time.Parse(time.RFC3339, strings.TrimSpace(r.Created))
	expires, err2 := time.Parse(time.RFC3339, strings.TrimSpace(r.Expires))
	if d := expires.Sub(created); err1 == nil && err2 == nil && d > 0 {
		return min(d, most)
	}
	return most
}

// issued is the answer with a ticket: compact where that was asked for, else a SAML assertion.
func (s *site) issued(r *tokenRequest, c caller) response {
	t := ticket{caller: c, pool: s.pool(), issued: s.now().Truncate(time.Millisecond)}
	t.expires = t.issued.Add(r.lifetime(c.lifetime()))
	kind, token := typeSAML, ""
	if strings.TrimSpace(r.TokenType) == typeCompact {
		kind = typeCompact
		token = `<UserToken xmlns="` + nsWebAuth + `">` + s.organisation.issue(c, t.pool, t.issued, t.expires) + `</UserToken>`
	} else {
		token = s.assertion(t)
		s.organisation.remember(assertionKey(token), t)
	}
	var entropy [32]byte
	rand.Read(entropy[:])
	applies := ""
	if r.Address != "" {
		applies = `<wsp:AppliesTo xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy"><a:EndpointReference><a:Address>` + xmlText(r.Address) +
			`</a:Address></a:EndpointReference></wsp:AppliesTo>`
	}
	return s.soapAnswer(http.StatusOK, nsTrust+"/RSTRC/IssueFinal",
		`<RequestSecurityTokenResponseCollection xmlns="`+nsTrust+`"><RequestSecurityTokenResponse Context="`+xmlText(r.Context)+`">`+
			`<TokenType>`+kind+`</TokenType><RequestedSecurityToken>`+token+`</RequestedSecurityToken>`+applies+
			`<Lifetime><wsu:Created xmlns:wsu="`+nsUtility+`">`+stampText(t.issued)+`</wsu:Created>`+
			`<wsu:Expires xmlns:wsu="`+nsUtility+`">`+stampText(t.expires)+`</wsu:Expires></Lifetime>`+
			`<RequestedProofToken><ComputedKey>`+nsTrust+`/CK/PSHA1</ComputedKey></RequestedProofToken>`+
			`<Entropy><BinarySecret>`+base64.StdEncoding.EncodeToString(entropy[:])+`</BinarySecret></Entropy>`+
			`<KeyType>`+nsTrust+`/SymmetricKey</KeyType><KeySize>256</KeySize>`+
			`</RequestSecurityTokenResponse></RequestSecurityTokenResponseCollection>`)
}

// lifetime is how long a ticket of the caller's lasts at most.
func (c *caller) lifetime() time.Duration {
	if c.user == nil {
		return anonymousLifetime
	}
	return userLifetime
}

func stampText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// assertion is a SAML 1.1 assertion as in a published ticket of an external site: its issuer names the port of the
// listener, which no publishing rule changes. It is not signed, for nothing here but the issuer looks at it.
func (s *site) assertion(t ticket) string {
	name := t.meeting
	if t.user != nil {
		name = "sip:" + t.user.SIP
	}
	instant, end := stampText(t.issued), stampText(t.expires)
	return `<saml:Assertion MajorVersion="1" MinorVersion="1" AssertionID="SamlSecurityToken-` + newGUID() + `" Issuer="` + xmlText(s.issuer()) +
		`" IssueInstant="` + instant + `" xmlns:saml="urn:oasis:names:tc:SAML:1.0:assertion">` +
		`<saml:Conditions NotBefore="` + instant + `" NotOnOrAfter="` + end + `"><saml:AudienceRestrictionCondition><saml:Audience>` + xmlText(s.url("/")) +
		`</saml:Audience></saml:AudienceRestrictionCondition></saml:Conditions>` +
		`<saml:AuthenticationStatement AuthenticationMethod="urn:oasis:names:tc:SAML:1.0:am:unspecified" AuthenticationInstant="` + instant + `">` +
		`<saml:Subject><saml:NameIdentifier Format="` + claimURI + `">` + xmlText(name) + `</saml:NameIdentifier>` +
		`<saml:SubjectConfirmation><saml:ConfirmationMethod>urn:oasis:names:tc:SAML:1.0:cm:holder-of-key</saml:ConfirmationMethod></saml:SubjectConfirmation>` +
		`</saml:Subject></saml:AuthenticationStatement></saml:Assertion>`
}

// issuer is the web FQDN with the HTTPS listener's own port, and an id of the machine.
func (s *site) issuer() string {
	host := s.conf.WebFQDN
	if _, port, err := net.SplitHostPort(s.conf.HTTPS); err == nil && port != "443" && port != "0" {
		host += ":" + port
	}
	id := sha256.Sum256([]byte(s.machine.FQDN))
	return "https://" + host + "/" + guid([16]byte(id[:]))
}

// remember makes a ticket known by its text.
func (o *Organisation) remember(text string, t ticket) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tickets.add(text, t)
}

// assertionKey is what an assertion is known by, also when a client's XML library wrote it anew: its elements,
// attributes and text, without prefixes, declarations and white space. It is empty if there is no assertion in document,
// which may be a whole envelope.
func assertionKey(document string) string {
	dec := xml.NewDecoder(strings.NewReader(document))
	h := sha256.New()
	depth := 0
	for {
		token, err := dec.Token()
		if err != nil {
			return ""
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth == 0 && t.Name.Local != "Assertion" {
				continue
			}
			depth++
			fmt.Fprintf(h, "<%q", t.Name.Local)
			slices.SortFunc(t.Attr, func(a, b xml.Attr) int { return strings.Compare(a.Name.Local, b.Name.Local) })
			for _, a := range t.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
					fmt.Fprintf(h, " %q=%q", a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); depth > 0 && text != "" {
				fmt.Fprintf(h, "%q", text)
			}
		case xml.EndElement:
			if depth == 0 {
				continue
			}
			fmt.Fprint(h, ">")
			if depth--; depth == 0 {
				return "opaque=" + base64.StdEncoding.EncodeToString(h.Sum(nil))
			}
		}
	}
}
