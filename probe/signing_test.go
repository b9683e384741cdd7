package probe

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

func TestEveryClientSignsIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &signServer{}
		rec := signWorld(s).signIn(t, SigningIn{Accounts: []Account{tester}, Brief: true}, External)
		for client, want := range map[string][]string{
			ClientMobile2013: {"discovery ok", "challenge ok", "ticket ok", "user ok", "application ok", "available ok", "end ok"},
			ClientWeb:        {"discovery ok", "challenge ok", "ticket ok", "user ok", "application ok", "available ok", "end ok"},
			ClientDesktop:    {"discovery ok", "challenge ok", "metadata ok", "ticket ok", "user ok", "sip ok"},
			ClientMobile2010: {"discovery ok", "challenge ok", "ticket ok", "user ok", "session ok"},
		} {
			got := slices.DeleteFunc(stepsOfSignIn(rec, client), func(s string) bool {
				name, _, _ := strings.Cut(s, " ")
				return slices.Contains([]string{StepEvents, StepMessage, StepRepeat, StepUpload}, name) // what is done after signing in
			})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s\n%+v", client, diff, rec.Sections[0].SignIns)
			}
		}
		if n := len(rec.Sections[0].Logons); n != 3 {
			t.Errorf("%d log-ons, want 3: the password grant is none", n)
		}
		for _, l := range rec.Sections[0].Logons {
			want := Logon{
				ID: l.ID, Client: l.Client, Account: tester.SIP, URL: webURL + "/WebTicket/WebTicketService.svc", Host: webFQDN, Addr: proxyIP + ":443",
				Scheme: "NTLM", Offered: []string{"Negotiate", "NTLM"}, Protocol: "1.1", Bound: l.Client == ClientDesktop, Exchanges: l.Exchanges,
				Servers: []string{"fe1.corp.contoso.example", "fe1.corp.contoso.example", "fe1.corp.contoso.example"}, Result: LogonGranted, Kept: "yes",
			}
			if diff := cmp.Diff(want, l); diff != "" {
				t.Errorf("log-on (-want +got):\n%s", diff)
			}
			for i, status := range []int{401, 401, 200} {
				x := rec.Sections[0].Exchanges[l.Exchanges[i]-1]
				if x.Purpose != SignInTicket || x.Status != status {
					t.Errorf("leg %d = %s %d, want %s %d", i, x.Purpose, x.Status, SignInTicket, status)
				}
			}
		}
		if s.bound != 1 || s.wrong != 0 {
			t.Errorf("the server saw %d bound log-ons and %d wrong passwords, want that of the desktop and none", s.bound, s.wrong)
		}
		for _, deleted := range []string{"DELETE " + webFQDN + "/ucwa/v1/applications/212484333169", "DELETE " + webFQDN + "/ucwa/oauth/v1/applications/101"} {
			if n := s.saw(deleted); n != 1 {
				t.Errorf("%s came %d times, want once", deleted, n)
			}
		}
	})
}

// Beside the proxy, clients talk straight to the Front End, with the host that clients outside ask for.
func TestSignsInStraight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &signServer{}
		w := signWorld(s)
		w.tcp[proxyIP+":443"] = silent
		rec := w.signIn(t, SigningIn{Accounts: []Account{tester}, Clients: []string{ClientMobile2013, ClientDesktop}}, Proxy)
		if got := stepsOfSignIn(rec, ClientMobile2013); !slices.Contains(got, "available ok") {
			t.Errorf("steps = %q", got)
		}
		if l := rec.Sections[0].Logons; len(l) != 2 || l[0].Addr != "10.10.10.11:4443" || l[0].Host != webFQDN {
			t.Errorf("log-ons = %+v", l)
		}
	})
}

// A wrong password is used once, by whom does not depend on timing, and the guard hears of it.
func TestWrongPasswordIsUsedOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, grants, client string }{
		{name: "password-grant", client: ClientWeb},
		{name: "windows-only", grants: "urn:microsoft.rtc:windows", client: ClientWeb},
		{name: "no-grant-for-web", grants: "urn:microsoft.rtc:anonmeeting", client: ClientMobile2013},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &signServer{grants: c.grants}
				guard := NewGuard()
				in := SigningIn{Accounts: []Account{mistyper}, Guard: guard}
				rec := signWorld(s).signIn(t, in, Proxy, External, WiFi)
				if s.wrong != 1 {
					t.Errorf("%d wrong passwords, want 1", s.wrong)
				}
				if !guard.Refused(Account{SIP: "someone@contoso.example", Login: `DOMAIN\user`, Password: mistyper.Password}) && !guard.Refused(mistyper) {
					t.Error("the guard does not know")
				}
				for _, sec := range rec.Sections {
					for _, in := range sec.SignIns {
						p := in.Step(StepTicket)
						used := sec.Vantage == Proxy && in.Client == c.client
						if p == nil || used != (p.Result == StepFailed && p.Exchange != 0) && !strings.Contains(p.Text, "no grant type") {
							t.Errorf("%s %s: %+v", sec.Vantage, in.Client, p)
						}
					}
				}
				// In the next run it is not used at all.
				signWorld(s).signIn(t, in, External)
				if s.wrong != 1 {
					t.Errorf("%d wrong passwords after the second run, want 1", s.wrong)
				}
			})
		})
	}
}

// Within a run, nobody needs a guard for it.
func TestWrongPasswordWithoutGuard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &signServer{}
		signWorld(s).signIn(t, SigningIn{Accounts: []Account{mistyper}}, Proxy, External, WiFi)
		if s.wrong != 1 {
			t.Errorf("%d wrong passwords, want 1", s.wrong)
		}
	})
}

// A password whose fate nobody tells is not risked for ever.
func TestUnclearAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		unclear := 0
		s := &signServer{override: map[string]func(*http.Request) string{"POST /WebTicket/oauthtoken": func(r *http.Request) string {
			if r.ContentLength == 0 {
				return "" // nobody signs in with an empty form
			}
			unclear++
			return replyText("502 Bad Gateway", "text/html", "")
		}}}
		s.override["POST /WebTicket/WebTicketService.svc"] = func(r *http.Request) string {
			if token := r.Header.Get("Authorization"); len(token) > 200 {
				unclear++
				return replyText("502 Bad Gateway", "text/html", "")
			}
			return ""
		}
		signWorld(s).signIn(t, SigningIn{Accounts: []Account{mistyper}}, Proxy, External, WiFi)
		if unclear != maxUnclear {
			t.Errorf("the password was sent %d times, want %d", unclear, maxUnclear)
		}
	})
}

// Secrets never come into the record or the report, not even when the server sends them back.
func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	for _, echo := range []bool{false, true} {
		t.Run(map[bool]string{false: "honest", true: "echo"}[echo], func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &signServer{echo: echo}
				rec := signWorld(s).signIn(t, SigningIn{Accounts: []Account{tester}}, External)
				data, err := json.Marshal(rec)
				if err != nil {
					t.Fatal(err)
				}
				report, err := json.Marshal(Diagnose(rec, nil))
				if err != nil {
					t.Fatal(err)
				}
				if len(s.secrets) < 4 {
					t.Fatalf("the server got only %d credentials", len(s.secrets))
				}
				_, ticket, _ := strings.Cut(secretTicket, "=")
				forbidden := []string{string(tester.Password) + `"`, "password=" + string(tester.Password), ticket, "secretsecretsecret", serverProof,
					base64.StdEncoding.EncodeToString([]byte(secretSAML)), "TlRMTVNT"}
				for _, text := range []string{string(data), string(report)} {
					for _, f := range forbidden {
						if at := strings.Index(text, f); at >= 0 {
							t.Errorf("%q is in what is written: …%s…", f, text[max(0, at-200):min(len(text), at+100)])
						}
					}
				}
			})
		})
	}
}

// No credentials go where the certificate does not verify, where nobody vouches, or in plain text.
func TestCredentialsStayHere(t *testing.T) {
	t.Parallel()
	ticketAt := func(u string) map[string]func(*http.Request) string {
		return map[string]func(*http.Request) string{"GET /Autodiscover/AutodiscoverService.svc/root/user": func(*http.Request) string {
			return replyText("401 Unauthorized", "text/html", "", iis, fe1, "X-MS-WebTicketURL: "+u)
		}}
	}
	redirect := func(u string) map[string]func(*http.Request) string {
		return map[string]func(*http.Request) string{"GET /": func(r *http.Request) string {
			if r.Host != discovery {
				return ""
			}
			return replyText("200 OK", autodiscoverXML, `<AutodiscoverResponse AccessLocation="External"><Root><Link token="Redirect" href="`+u+`"/></Root></AutodiscoverResponse>`, iis, fe1)
		}}
	}
	for _, c := range []struct {
		name     string
		override map[string]func(*http.Request) string
		edit     func(*world)
		step     string
		text     string
	}{
		{name: "untrusted", edit: func(w *world) {
			w.edit = func(v *Vantage) { v.PublicRoots = x509.NewCertPool() }
		}, step: StepDiscovery, text: "not trusted here"},
		{name: "other-name", edit: func(w *world) {
			w.answer = zone("lyncdiscover.contoso.example. 300 IN A "+proxyIP, "other.contoso.example. 300 IN A "+proxyIP)
		}, override: redirect("https://other.contoso.example/"), step: StepDiscovery, text: "is not for other.contoso.example"},
		{name: "plain", override: ticketAt("http://" + webFQDN + "/WebTicket/WebTicketService.svc"), step: StepTicket, text: neverOverPlain},
		{name: "online", override: ticketAt("https://webdir.online.lync.com/WebTicket/WebTicketService.svc"), step: StepTicket, text: "webdir.online.lync.com is not vouched for by contoso.example"},
		{name: "online-redirect", override: redirect("https://webdir.online.lync.com/Autodiscover/AutodiscoverService.svc/root"), step: StepDiscovery, text: "webdir.online.lync.com is not vouched for by contoso.example"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &signServer{override: c.override}
				w := signWorld(s)
				if c.edit != nil {
					c.edit(w)
				}
				rec := w.signIn(t, SigningIn{Accounts: []Account{tester}, Clients: []string{ClientMobile2013}}, External)
				p := rec.Sections[0].SignIns[0].Step(c.step)
				if p == nil || p.Result == StepOK || !strings.Contains(p.Text, c.text) {
					t.Errorf("%s = %+v, want %q", c.step, p, c.text)
				}
				if len(s.secrets) > 0 {
					t.Errorf("the server got credentials: %q", s.secrets)
				}
			})
		})
	}
}

// A document of an unverified answer vouches for nobody: what it names must be below the SIP domain.
func TestPlainDiscoveryVouchesForNobody(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{webFQDN: "ok", "lyncweb.fabrikam.example": "not vouched for by contoso.example"} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &signServer{}
				w := signWorld(s)
				w.answer = zone(discovery+". 300 IN A 203.0.113.30", host+". 300 IN A "+proxyIP)
				w.tcp[proxyIP+":443"] = withTLS(certificateFor(host), s.serve)
				w.tcp["203.0.113.30:80"] = answering(func(*http.Request) string {
					return replyText("200 OK", autodiscoverXML, `<AutodiscoverResponse AccessLocation="External"><Root><Link token="Redirect" href="https://`+host+`/"/></Root></AutodiscoverResponse>`)
				})
				elsewhere := func(r *http.Request) string {
					text := strings.ReplaceAll((&signServer{}).answer(r, "", new(int)), webFQDN, host)
					head, body, _ := strings.Cut(text, "\r\n\r\n")
					lines := slices.DeleteFunc(strings.Split(head, "\r\n"), func(l string) bool { return strings.HasPrefix(l, "Content-Length") })
					return strings.Join(append(lines, fmt.Sprintf("Content-Length: %d", len(body))), "\r\n") + "\r\n\r\n" + body
				}
				s.override = map[string]func(*http.Request) string{"GET /": elsewhere, "GET /Autodiscover/AutodiscoverService.svc/root/user": elsewhere}
				w.refused["203.0.113.30:443"] = true
				rec := w.signIn(t, SigningIn{Accounts: []Account{tester}, Clients: []string{ClientMobile2010}}, External)
				in := rec.Sections[0].SignIns[0]
				p := in.Step(StepTicket)
				if want == "ok" {
					if p == nil || p.Result != StepOK {
						t.Errorf("steps = %+v", in.Steps)
					}
					return
				}
				last := in.Steps[len(in.Steps)-1]
				if last.Result != StepSkipped || !strings.Contains(last.Text, want) || len(s.secrets) > 0 {
					t.Errorf("steps = %+v, %d credentials", in.Steps, len(s.secrets))
				}
			})
		})
	}
}

// Hostile answers at any step end in a step that says so, in time.
func TestHostileSignIn(t *testing.T) {
	t.Parallel()
	const (
		user, oauthUser = "GET /Autodiscover/AutodiscoverService.svc/root/user", "GET /Autodiscover/AutodiscoverService.svc/root/oauth/user"
		mex, ticket     = "GET /WebTicket/WebTicketService.svc/mex", "POST /WebTicket/WebTicketService.svc"
		token           = "POST /WebTicket/oauthtoken"
		ucwa, oauthUCWA = "POST /ucwa/v1/applications", "POST /ucwa/oauth/v1/applications"
	)
	for _, c := range []struct {
		name, text string
		paths      []string
	}{
		{"malformed-xml", replyText("200 OK", "text/xml", "<a><b"), []string{user, mex, ticket, ucwa}},
		{"deep-xml", replyText("200 OK", "text/xml", strings.Repeat("<a>", 5000)), []string{user, mex, ticket, ucwa}},
		{"malformed-json", replyText("200 OK", "application/json", `{"access_token":`), []string{oauthUser, token, oauthUCWA}},
		{"large-ticket", replyText("200 OK", "text/xml", "<r><UserToken>cwt="+strings.Repeat("A", 1<<20)+"</UserToken></r>"), []string{ticket}},
		{"long-ticket", replyText("200 OK", "text/xml", "<r><UserToken>cwt="+strings.Repeat("A", 15<<10)+"</UserToken></r>"), []string{ticket}},
		{"long-token", replyText("200 OK", "application/json", `{"access_token":"cwt=`+strings.Repeat("A", 15<<10)+`"}`), []string{token}},
		{"ticket-lines", replyText("200 OK", "text/xml", "<r><UserToken>cwt=A&#13;&#10;X-Evil: 1</UserToken></r>"), []string{ticket}},
		{"large-head", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 1<<20) + "\r\n\r\n", []string{user, ticket, token, ucwa}},
		{"bad-ntlm", replyText("401 Unauthorized", "text/html", "", "WWW-Authenticate: NTLM TlRMTVNTUAACAAAA"), []string{ticket}},
		{"bad-base64", replyText("401 Unauthorized", "text/html", "", "WWW-Authenticate: NTLM ====", "WWW-Authenticate: Negotiate"), []string{ticket}},
		{"ever-401", replyText("401 Unauthorized", "text/html", "", "WWW-Authenticate: NTLM"), []string{ticket, token}},
		{"html", replyText("200 OK", "text/html", "<html>please log in</html>"), []string{user, oauthUser, ticket, token, ucwa}},
		{"circle", replyText("200 OK", autodiscoverXML, `<AutodiscoverResponse AccessLocation="External"><User><Link token="Redirect" href="`+webURL+`/Autodiscover/AutodiscoverService.svc/root/user"/></User></AutodiscoverResponse>`), []string{user}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for _, path := range c.paths { // one at a time, for the first hostile answer ends the way
					s := &signServer{override: map[string]func(*http.Request) string{path: func(r *http.Request) string {
						if strings.HasSuffix(path, "/user") && r.Header.Get("X-Ms-Webticket") == "" && r.Header.Get("Authorization") == "" {
							return ""
						}
						return c.text
					}}}
					rec := signWorld(s).signIn(t, SigningIn{Accounts: []Account{tester}, Brief: true}, External)
					failed := slices.ContainsFunc(rec.Sections[0].SignIns, func(in SignIn) bool {
						return slices.ContainsFunc(in.Steps, func(p SignInStep) bool { return p.Result == StepFailed })
					})
					if len(rec.Sections[0].SignIns) != 4 || rec.Sections[0].Incomplete != "" || !failed {
						t.Errorf("%s: %+v, %s", path, rec.Sections[0].SignIns, rec.Sections[0].Incomplete)
					}
					if n := size(t, rec); n > 1<<20 {
						t.Errorf("%s: the record has %d bytes, want less than a megabyte", path, n)
					}
				}
			})
		})
	}
}

// Servers that do not end what they say, or say nothing, cost a request's time each.
func TestSlowSignIn(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(net.Conn){
		"endless-body": endless("HTTP/1.1 200 OK\r\n\r\n", "x"), "endless-head": endless("HTTP/1.1 200 OK\r\n", "X-Filler: abcdefghijklmnop\r\n"),
		"drip": drip, "silent": silent,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := signWorld(&signServer{})
				w.tcp[proxyIP+":443"] = overTLS(serve)
				rec := w.signIn(t, SigningIn{Accounts: []Account{tester}}, External)
				for _, in := range rec.Sections[0].SignIns {
					if p := in.Step(StepDiscovery); p == nil || p.Result != StepFailed {
						t.Errorf("%s: %+v", in.Client, in.Steps)
					}
				}
			})
		})
	}
}

// Equal deployments give equal records, though clients sign in side by side.
func TestSignInsAreInOrder(t *testing.T) {
	t.Parallel()
	var first *Record
	for range 3 {
		synctest.Test(t, func(t *testing.T) {
			rec := signWorld(&signServer{}).signIn(t, SigningIn{Accounts: []Account{tester}}, External, Proxy)
			if first == nil {
				first = rec
				return
			}
			for i, s := range rec.Sections {
				if diff := cmp.Diff(first.Sections[i].Logons, s.Logons); diff != "" {
					t.Errorf("log-ons (-first +this):\n%s", diff)
				}
				if diff := cmp.Diff(first.Sections[i].SignIns, s.SignIns); diff != "" {
					t.Errorf("sign-ins (-first +this):\n%s", diff)
				}
			}
		})
	}
}

func TestNobodySignsIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &signServer{}
		rec := signWorld(s).observe(t)
		if sec := rec.Sections[0]; sec.Logons != nil || sec.SignIns != nil || len(s.secrets) > 0 {
			t.Errorf("log-ons %v, sign-ins %v, credentials %q", sec.Logons, sec.SignIns, s.secrets)
		}
	})
}
