package probe

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/Azure/go-ntlmssp"
	"github.com/google/go-cmp/cmp"
)

// The vector is what independent implementations compute for this certificate: [MS-NLMP] prints none.
func TestChannelBindings(t *testing.T) {
	t.Parallel()
	hash, _ := hex.DecodeString("E3CA49271E5089CC48CE82109F1324F41DBEDDC29A777410C738F7868C4FF405")
	want, _ := hex.DecodeString("6EA19DF066DA4622051F9C4F92C6DF74")
	if got := channelBindings(append([]byte("tls-server-end-point:"), hash...)); !bytes.Equal(got, want) {
		t.Errorf("channelBindings = %x, want %x", got, want)
	}
}

func TestBindChannel(t *testing.T) {
	t.Parallel()
	challenge := testChallenge()
	own, err := x509.ParseCertificate(proxyCertificate().Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	bound, ok := bindChannel(challenge, own)
	if !ok {
		t.Fatal("the channel was not bound")
	}
	pairs, err := targetInfo(bound)
	if want := append([]byte{10, 0, 16, 0}, endPoint(own)...); err != nil || !bytes.HasSuffix(pairs, want) || len(pairs) != 32+20 {
		t.Errorf("targetInfo = %x, %v, want those of the challenge and %x", pairs, err, want)
	}
	if !bytes.Equal(bound[:40], challenge[:40]) {
		t.Error("the head of the challenge changed")
	}
	if _, ok := bindChannel(challenge, nil); ok {
		t.Error("bound without a certificate")
	}
	short := slices.Clone(challenge)
	binary.LittleEndian.PutUint32(short[44:], 1<<31)
	if got, ok := bindChannel(short, own); ok || !bytes.Equal(got, short) {
		t.Error("bound to a list that is not there")
	}
}

// Challenges come from anybody.
func FuzzChallenge(f *testing.F) {
	f.Add("NTLM " + base64.StdEncoding.EncodeToString(testChallenge()))
	f.Add("Negotiate oYG+MIG7" + base64.StdEncoding.EncodeToString(testChallenge()))
	f.Add("NTLM TlRMTVNTUAACAAAA")
	f.Add("NTLM ====")
	own, err := x509.ParseCertificate(proxyCertificate().Certificate[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		message := challengeIn(http.Header{"Www-Authenticate": {line}})
		if message == nil {
			return
		}
		bound, _ := bindChannel(message, own)
		ntlmssp.NewAuthenticateMessage(bound, `Domain\User`, "Password", nil)
	})
}

// So do documents.
func FuzzSignInDocuments(f *testing.F) {
	f.Add([]byte("<r><UserToken>cwt=AAEB</UserToken></r>"))
	f.Add([]byte("<r>" + secretSAML + "</r>"))
	f.Add([]byte(`{"access_token":"cwt=AAEB"}`))
	f.Add([]byte(`<a><service><port name="x"><address location="y"/></port></service></a>`))
	f.Add([]byte(`<User><SipClientExternalAccess fqdn="sip.contoso.example" port="443"/></User>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, ticket := range []string{parseTicket(compactTicket, body), parseTicket(samlTicket, body)} {
			if strings.ContainsAny(ticket, "\r\n ") {
				t.Errorf("the ticket %q cannot stand in a header", ticket)
			}
		}
		token, _ := parseToken(body)
		if strings.ContainsAny(token, "\r\n ") {
			t.Errorf("the token %q cannot stand in a header", token)
		}
		parsePorts(body)
		sipAccess("External", body)
		(&secrets{}).scrubBody(body)
	})
}

func TestParseTicket(t *testing.T) {
	t.Parallel()
	if got, want := parseTicket(samlTicket, []byte("<r>"+secretSAML+"<x/></r>")), "opaque="+base64.StdEncoding.EncodeToString([]byte(secretSAML)); got != want {
		t.Errorf("parseTicket = %q, want %q", got, want)
	}
	if got := parseTicket(compactTicket, []byte("<r><UserToken>\n cwt=AAEB+/= </UserToken></r>")); got != "cwt=AAEB+/=" {
		t.Errorf("parseTicket = %q", got)
	}
	if got := parseTicket(compactTicket, []byte("<r>"+secretSAML+"</r>")); got != "" {
		t.Errorf("parseTicket = %q, want none", got)
	}
}

func TestParseChallenge(t *testing.T) {
	t.Parallel()
	want := ticketChallenge{token: "https://webext.contoso.example/WebTicket/oauthtoken", grants: []string{"urn:microsoft.rtc:windows", "password"}}
	for name, lines := range map[string][]string{
		"two-lines": {`Bearer trusted_issuers="a@b", client_id="c"`, `MsRtcOAuth href="https://webext.contoso.example/WebTicket/oauthtoken",grant_type="urn:microsoft.rtc:windows,password"`},
		"one-line":  {`Bearer trusted_issuers="a@b", MsRtcOAuth href="https://webext.contoso.example/WebTicket/oauthtoken",grant_type="urn:microsoft.rtc:windows,password", NTLM`},
		"unquoted":  {`MsRtcOAuth href=https://webext.contoso.example/WebTicket/oauthtoken,grant_type="urn:microsoft.rtc:windows,password"`},
	} {
		if diff := cmp.Diff(want, parseChallenge(http.Header{"Www-Authenticate": lines}), cmp.AllowUnexported(ticketChallenge{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A user document that leads to another pool is followed, and a ticket got there again; one that leads round is not.
func TestCrossingPools(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const director = "dirweb-ext.contoso.example"
		home := &signServer{}
		first := &signServer{}
		text := func(s string) string { return strings.ReplaceAll(s, webFQDN, director) }
		first.override = map[string]func(*http.Request) string{
			"GET /Autodiscover/AutodiscoverService.svc/root/user": func(r *http.Request) string {
				if r.Header.Get("X-Ms-Webticket") == "" {
					return text(replyText("401 Unauthorized", "text/html", "", iis, fe1, "X-MS-WebTicketURL: "+webURL+"/WebTicket/WebTicketService.svc"))
				}
				return replyText("200 OK", autodiscoverXML, `<AutodiscoverResponse AccessLocation="External"><User><Link token="Redirect" href="`+webURL+`/Autodiscover/AutodiscoverService.svc/root/user"/></User></AutodiscoverResponse>`, iis, fe1)
			},
			"GET /": func(*http.Request) string {
				return replyText("200 OK", autodiscoverXML, `<AutodiscoverResponse AccessLocation="External"><Root><Link token="User" href="https://`+director+`/Autodiscover/AutodiscoverService.svc/root/user"/></Root></AutodiscoverResponse>`, iis, fe1)
			},
		}
		w := signWorld(home)
		w.answer = zone(discovery+". 300 IN A 203.0.113.11", director+". 300 IN A 203.0.113.11", webFQDN+". 300 IN A "+proxyIP)
		w.tcp["203.0.113.11:443"] = withTLS(certificateFor(discovery, director), first.serve)
		w.refused["203.0.113.11:80"] = true
		rec := w.signIn(t, SigningIn{Accounts: []Account{tester}, Clients: []string{ClientMobile2013}, Brief: true}, External)
		in := rec.Sections[0].SignIns[0]
		if !in.OK(StepPool) || !in.OK(StepAvailable) || len(rec.Sections[0].Logons) != 2 {
			t.Errorf("steps = %+v, %d log-ons", in.Steps, len(rec.Sections[0].Logons))
		}
		if len(home.secrets) == 0 || len(first.secrets) == 0 {
			t.Error("one of the pools was not logged on to")
		}
	})
}

// What was created is deleted, also when the run is stopped in the midst.
func TestInterruptedSignInDeletes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		s := &signServer{override: map[string]func(*http.Request) string{
			"POST /ucwa/oauth/v1/applications/101/me/makeMeAvailable": func(*http.Request) string {
				stop()
				return ""
			},
		}}
		w := signWorld(s)
		v := w.vantage(External)
		v.SignIn = &SigningIn{Accounts: []Account{tester}, Clients: []string{ClientWeb}, Brief: true}
		w.look(t, ctx, Target{SIPDomains: []string{testDomain}}, smallLimits, v)
		if n := s.saw("DELETE " + webFQDN + "/ucwa/oauth/v1/applications/101"); n != 1 {
			t.Errorf("DELETE came %d times, want once", n)
		}
	})
}

// A DELETE that is never answered is an exchange that timed out, as a proxy does that drops some methods.
func TestUnansweredDeleteIsSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &signServer{override: map[string]func(*http.Request) string{
			"DELETE /ucwa/oauth/v1/applications/101": func(*http.Request) string { return swallowed },
		}}
		w := signWorld(s)
		w.tcp[proxyIP+":443"] = overTLS(func(c net.Conn) { s.serve(swallower{c}) })
		v := w.vantage(External)
		v.SignIn = &SigningIn{Accounts: []Account{tester}, Clients: []string{ClientWeb}, Brief: true}
		limits := smallLimits
		limits.Request = 2 * endGrace
		rec := w.look(t, t.Context(), Target{SIPDomains: []string{testDomain}}, limits, v)
		for _, x := range rec.Sections[0].Exchanges {
			if x.Method == http.MethodDelete {
				if x.Outcome.Code != Timeout {
					t.Errorf("outcome = %+v, want a time-out", x.Outcome)
				}
				return
			}
		}
		t.Error("no DELETE is in the record")
	})
}

// swallowed is an answer that a swallower does not send.
const swallowed = "HTTP/1.1 299 Swallowed\r\n\r\n"

type swallower struct{ net.Conn }

func (s swallower) Write(b []byte) (int, error) {
	if string(b) == swallowed {
		return len(b), nil
	}
	return s.Conn.Write(b)
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	w := &world{tcp: map[string]func(net.Conn){}}
	outside, inside := w.vantage(External), w.vantage(Internal)
	outside.SignIn = &SigningIn{Accounts: []Account{tester, {SIP: "user2@contoso.example"}}, Clients: []string{ClientWeb, ClientDesktop}}
	got, err := Attempts(Target{SIPDomains: []string{testDomain}}, []*Vantage{outside, inside})
	if err != nil {
		t.Fatal(err)
	}
	if got.Logons != 3*maxLogons || got.Wrong != 2 || !slices.Equal(got.Accounts, []string{"user1@contoso.example", "user2@contoso.example"}) {
		t.Errorf("got %+v, want three ways of two accounts", got)
	}
	if !slices.Equal(got.Ports, []int{80, 443, 4443}) || !slices.Contains(got.Names, discovery) {
		t.Errorf("names %q, ports %v", got.Names, got.Ports)
	}
	if len(w.dialled) > 0 {
		t.Errorf("dialled %q", w.dialled)
	}
	if _, err := Attempts(Target{}, []*Vantage{outside}); err == nil {
		t.Error("no error without a domain")
	}
}
