package probe

import (
	"bufio"
	"crypto/hmac"
	"crypto/md5"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The account of the tests is that of [MS-NLMP] 4.2.1, whose NTOWFv2 is printed in 4.2.4.1.1.
var (
	tester     = Account{SIP: "user1@contoso.example", Login: `Domain\User`, Password: "Password"}
	mistyper   = Account{SIP: "user1@contoso.example", Login: `Domain\User`, Password: "Passw0rd!wrong"}
	ntowfv2, _ = hex.DecodeString("0c868a403bfd7a93a3001ef22ef02e3f")
)

const (
	edgeIP       = "203.0.113.20"
	secretTicket = "cwt=AAEBHAEFAAAAAAAFFQAAAsecretsecretsecretAAAA"
	secretSAML   = `<saml:Assertion MajorVersion="1" MinorVersion="1" AssertionID="SamlSecurityToken-7d" xmlns:saml="urn:oasis:names:tc:SAML:1.0:assertion"><saml:Conditions/><saml:Sealed>secretsecretsecret</saml:Sealed></saml:Assertion>`
	serverProof  = "c2VydmVyc2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="
)

// signServer is a Front End in as few lines as its clients need, made from the worked exchanges of the protocol's
// documents. It counts what it is asked.
type signServer struct {
	// override answers in place of the server when it says something; the key is method and path.
	override map[string]func(*http.Request) string
	// grants are those of the challenge; empty means all.
	grants string
	// echo sends the request back in every answer.
	echo bool

	mu      sync.Mutex
	asked   []string // method, host and path
	secrets []string // credentials and tickets that came
	wrong   int      // passwords
	bound   int      // log-ons with a channel binding
}

func (s *signServer) saw(request string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, a := range s.asked {
		if a == request {
			n++
		}
	}
	return n
}

const (
	iis             = "Server: Microsoft-IIS/8.5"
	fe1             = "X-MS-Server-Fqdn: fe1.corp.contoso.example"
	autodiscoverXML = "application/vnd.microsoft.rtc.autodiscover+xml; v=1"
	webURL          = "https://" + webFQDN
)

// challenge is the second message of [MS-NLMP] 4.2.4.3 with its target info: NetBIOS domain and computer name.
func testChallenge() []byte {
	m := append([]byte("NTLMSSP\x00"), 2, 0, 0, 0)
	m = append(m, 12, 0, 12, 0, 56, 0, 0, 0)                      // target name
	m = binary.LittleEndian.AppendUint32(m, 0xa2890205)           // unicode, NTLM, target info, extended session security
	m = append(m, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef) // server challenge
	m = append(m, make([]byte, 8)...)
	info, _ := hex.DecodeString("02000c0044006f006d00610069006e0001000c005300650072007600650072000000" + "0000")
	m = append(m, byte(len(info)), 0, byte(len(info)), 0, 68, 0, 0, 0)
	m = append(m, 6, 0, 0x70, 0x17, 0, 0, 0, 15) // version
	m = append(m, "S\x00e\x00r\x00v\x00e\x00r\x00"...)
	return append(m, info...)
}

// proves tells whether a third message holds an NTLMv2 response for the password, and whether it is bound to a channel:
// [MS-NLMP] 3.3.2.
func proves(message []byte) (right, bound bool) {
	if len(message) < 64 {
		return false, false
	}
	size, at := binary.LittleEndian.Uint16(message[20:]), binary.LittleEndian.Uint32(message[24:])
	response := message[at : at+uint32(size)]
	mac := hmac.New(md5.New, ntowfv2)
	mac.Write([]byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef})
	mac.Write(response[16:])
	return hmac.Equal(mac.Sum(nil), response[:16]), strings.Contains(string(response), "\x0a\x00\x10\x00")
}

// serve speaks to one connection.
func (s *signServer) serve(c net.Conn) {
	r := bufio.NewReader(c)
	stage := 0
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, _ := io.ReadAll(req.Body)
		text := s.answer(req, string(body), &stage)
		if s.echo {
			head, content, _ := strings.Cut(text, "\r\n\r\n")
			shown := "<p>" + string(body) + "</p><p>" + strings.Join(req.Header["Authorization"], "") + strings.Join(req.Header["X-Ms-Webticket"], "") + "</p>"
			lines := slices.DeleteFunc(strings.Split(head, "\r\n"), func(l string) bool { return strings.HasPrefix(l, "Content-Length") })
			lines = append(lines, "X-Echo: "+req.Header.Get("Authorization")+req.Header.Get("X-Ms-Webticket"), "Connection: close")
			text = strings.Join(lines, "\r\n") + "\r\n\r\n" + content + "<!-- " + shown + " -->"
			if strings.Contains(head, " 401 ") || strings.Contains(head, "json") { // so that the way goes on
				text = head + "\r\nX-Echo: " + req.Header.Get("Authorization") + string(body) + "\r\n\r\n" + content
			}
		}
		if _, err := io.WriteString(c, text); err != nil || text == "" || strings.Contains(text, "\r\nConnection: close") {
			return
		}
	}
}

func (s *signServer) answer(req *http.Request, body string, stage *int) string {
	path := req.URL.Path
	key := req.Method + " " + path
	s.mu.Lock()
	s.asked = append(s.asked, req.Method+" "+req.Host+path)
	for _, h := range []string{"Authorization", "X-Ms-Webticket"} {
		if v := req.Header.Get(h); v != "" {
			s.secrets = append(s.secrets, v)
		}
	}
	s.mu.Unlock()
	if f := s.override[key]; f != nil {
		if text := f(req); text != "" {
			return text
		}
	}
	legacy := strings.Contains(req.Header.Get("Accept"), "autodiscover+xml")
	ticket := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	if v := req.Header.Get("X-Ms-Webticket"); v != "" {
		ticket = v
	}
	opaque := "opaque=" + base64.StdEncoding.EncodeToString([]byte(secretSAML))
	good := ticket == secretTicket || ticket == opaque
	switch {
	case path == "/" && legacy:
		return replyText("200 OK", autodiscoverXML, `<AutodiscoverResponse AccessLocation="External"><Root><Link token="Domain" href="`+webURL+`/Autodiscover/AutodiscoverService.svc/root/domain"/><Link token="User" href="`+webURL+`/Autodiscover/AutodiscoverService.svc/root/user"/></Root></AutodiscoverResponse>`, iis, fe1)
	case path == "/":
		return replyText("200 OK", "application/json", `{"_links":{"self":{"href":"`+webURL+`/Autodiscover/AutodiscoverService.svc/root?originalDomain=contoso.example"},"user":{"href":"`+webURL+`/Autodiscover/AutodiscoverService.svc/root/oauth/user?originalDomain=contoso.example"},"xframe":{"href":"`+webURL+`/Autodiscover/XFrame/XFrame.html"}}}`, iis, fe1)
	case strings.HasSuffix(path, "/root/user") && !good:
		return replyText("401 Unauthorized", "text/html", "<html>401</html>", iis, fe1, "X-MS-WebTicketURL: "+webURL+"/WebTicket/WebTicketService.svc")
	case strings.HasSuffix(path, "/root/oauth/user") && !good:
		grants := s.grants
		if grants == "" {
			grants = "urn:microsoft.rtc:windows,urn:microsoft.rtc:anonmeeting,password"
		}
		return replyText("401 Unauthorized", "text/html", "<html>401</html>", iis, fe1, `WWW-Authenticate: Bearer trusted_issuers="00000002-0000-0ff1-ce00-000000000000@contoso.example", client_id="00000004-0000-0ff1-ce00-000000000000"`,
			`WWW-Authenticate: MsRtcOAuth href="`+webURL+`/WebTicket/oauthtoken",grant_type="`+grants+`"`)
	case path == "/WebTicket/WebTicketService.svc/mex":
		return replyText("200 OK", "text/xml", `<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"><wsdl:service name="WebTicketService"><wsdl:port name="WebTicketServiceWinNegotiate"><soap:address location="`+webURL+`/WebTicket/WebTicketService.svc"/></wsdl:port></wsdl:service></wsdl:definitions>`, iis, fe1)
	case path == "/WebTicket/WebTicketService.svc":
		if text := s.windows(req, stage); text != "" {
			return text
		}
		token := "<UserToken>" + secretTicket + "</UserToken>"
		if strings.Contains(body, "SAMLV1.1") {
			token = secretSAML
		}
		return replyText("200 OK", "text/xml; charset=utf-8", `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><RequestSecurityTokenResponseCollection xmlns="http://docs.oasis-open.org/ws-sx/ws-trust/200512"><RequestSecurityTokenResponse><RequestedSecurityToken>`+token+`</RequestedSecurityToken><Entropy><BinarySecret>`+serverProof+`</BinarySecret></Entropy></RequestSecurityTokenResponse></RequestSecurityTokenResponseCollection></s:Body></s:Envelope>`, iis, fe1)
	case path == "/WebTicket/oauthtoken":
		return s.token(req, body, stage)
	case strings.HasSuffix(path, "/root/user"):
		return replyText("200 OK", autodiscoverXML, `<AutodiscoverResponse AccessLocation="External"><User><SipServerExternalAccess fqdn="sip.contoso.example" port="5061"/><SipClientExternalAccess fqdn="sip.contoso.example" port="443"/><Link token="External/Mcx" href="`+webURL+`/Mcx/McxService.svc"/><Link token="Ucwa" href="`+webURL+`/ucwa/v1/applications"/></User></AutodiscoverResponse>`, iis, fe1)
	case strings.HasSuffix(path, "/root/oauth/user"):
		return replyText("200 OK", "application/json", `{"_links":{"self":{"href":"`+webURL+`/Autodiscover/AutodiscoverService.svc/root/user"},"applications":{"href":"`+webURL+`/ucwa/oauth/v1/applications"}}}`, iis, fe1)
	case !good:
		return replyText("401 Unauthorized", "text/html", "", iis, fe1)
	case key == "POST /ucwa/oauth/v1/applications":
		return replyText("201 Created", "application/json; charset=utf-8", `{"culture":"en-US","userAgent":"lyncpin","_links":{"self":{"href":"/ucwa/oauth/v1/applications/101"},"events":{"href":"/ucwa/oauth/v1/applications/101/events?ack=1"}},"_embedded":{"me":{"name":"User One","uri":"sip:user1@contoso.example","_links":{"self":{"href":"/ucwa/oauth/v1/applications/101/me"},"makeMeAvailable":{"href":"/ucwa/oauth/v1/applications/101/me/makeMeAvailable"}},"rel":"me"}},"rel":"application"}`, iis, fe1, "Set-Cookie: cwt_ucwa=AAEBsecretsecretsecret; path=/ucwa; secure; HttpOnly")
	case key == "POST /ucwa/v1/applications":
		return replyText("201 Created", "application/vnd.microsoft.com.ucwa+xml; charset=utf-8", `<resource rel="application" href="/ucwa/v1/applications/212484333169" xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><link rel="events" href="/ucwa/v1/applications/212484333169/events?ack=1"/><resource rel="me" href="/ucwa/v1/applications/212484333169/me"><link rel="makeMeAvailable" href="/ucwa/v1/applications/212484333169/me/makeMeAvailable"/></resource></resource>`, iis, fe1)
	case req.Method == "POST" && strings.HasSuffix(path, "/makeMeAvailable"), req.Method == "DELETE":
		return "HTTP/1.1 204 No Content\r\n" + iis + "\r\n" + fe1 + "\r\n\r\n"
	case key == "GET /Mcx/McxService.svc":
		return replyText("200 OK", "text/html", "<html>McxService Service</html>", iis, fe1)
	case key == "POST /Mcx/McxService.svc":
		return replyText("500 Internal Server Error", "text/xml", "<s:Fault/>", iis, fe1)
	}
	return replyText("404 Not Found", "text/html", "", iis, fe1)
}

// windows lets a connection log on, and says nothing once it is.
func (s *signServer) windows(req *http.Request, stage *int) string {
	denied := func(challenges ...string) string {
		return replyText("401 Unauthorized", "text/html", "<html>401</html>", append([]string{iis, fe1}, challenges...)...)
	}
	scheme, token, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	message, _ := base64.StdEncoding.DecodeString(token)
	switch {
	case *stage == 3 && token == "":
		return ""
	case token == "" || len(message) < 12:
		return denied("WWW-Authenticate: Negotiate", "WWW-Authenticate: NTLM")
	case message[8] == 1:
		*stage = 1
		return denied("WWW-Authenticate: " + scheme + " " + base64.StdEncoding.EncodeToString(testChallenge()))
	}
	right, bound := proves(message)
	s.mu.Lock()
	defer s.mu.Unlock()
	if *stage != 1 || !right {
		s.wrong++
		return denied("WWW-Authenticate: Negotiate", "WWW-Authenticate: NTLM")
	}
	if bound {
		s.bound++
	}
	*stage = 3
	return ""
}

func (s *signServer) token(req *http.Request, body string, stage *int) string {
	form, _ := url.ParseQuery(body)
	if form.Get("grant_type") == "urn:microsoft.rtc:windows" {
		if text := s.windows(req, stage); text != "" {
			return text
		}
	} else if form.Get("grant_type") != "password" {
		return replyText("400 Bad Request", "application/json", `{"error":"unsupported_grant_type"}`, iis, fe1)
	} else if form.Get("username") != tester.Login || form.Get("password") != string(tester.Password) {
		s.mu.Lock()
		s.wrong++
		s.mu.Unlock()
		return replyText("400 Bad Request", "application/json", `{"error":"invalid_grant"}`, iis, fe1, `X-Ms-diagnostics: 28020;source="fe1.corp.contoso.example";reason="No valid security token."`)
	}
	return replyText("200 OK", "application/json", `{"access_token":"`+secretTicket+`","expires_in":28289,"ms_rtc_identityscope":"local","token_type":"Bearer"}`, iis, fe1, "Cache-Control: no-store")
}

// signWorld is a world with the server at the proxy's address, and at a Front End's behind it.
func signWorld(s *signServer) *world {
	return &world{
		answer: zone(discovery+". 300 IN A "+proxyIP, webFQDN+". 300 IN A "+proxyIP, "sip.contoso.example. 300 IN A "+edgeIP, "fe1.contoso.example. 300 IN A 10.10.10.11"),
		tcp: map[string]func(net.Conn){
			proxyIP + ":443": overTLS(s.serve), "10.10.10.11:4443": overTLS(s.serve), edgeIP + ":443": silent,
		},
		refused: map[string]bool{proxyIP + ":80": true, "10.10.10.11:443": true},
	}
}

// signIn observes from the places as these accounts.
func (w *world) signIn(t *testing.T, in SigningIn, places ...string) *Record {
	t.Helper()
	var vantages []*Vantage
	for _, p := range places {
		v := w.vantage(p)
		v.SignIn = &in
		vantages = append(vantages, v)
	}
	target := Target{SIPDomains: []string{testDomain}, Expected: Expected{WebServers: []WebServer{
		{Address: "fe1.contoso.example:4443", Scheme: "https", Name: webFQDN, Trust: "public"},
	}}}
	limits := smallLimits
	limits.Repeats = 1
	started := time.Now()
	rec := w.look(t, t.Context(), target, limits, vantages...)
	if took := time.Since(started); took > limits.Total+endGrace {
		t.Errorf("took %v, want at most %v", took, limits.Total+endGrace)
	}
	return rec
}

// stepsOfSignIn are the steps of a client at the first section, as "name result".
func stepsOfSignIn(rec *Record, client string) []string {
	var out []string
	for _, in := range rec.Sections[0].SignIns {
		if in.Client == client {
			for _, s := range in.Steps {
				out = append(out, s.Name+" "+s.Result)
			}
			return out
		}
	}
	return nil
}

func certificateFor(names ...string) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{leaf(nil, nil, names...)}}
}
