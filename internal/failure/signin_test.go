package failure

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"lyncpin/probe"
)

// What those who sign in see, for records written by hand.

const (
	user1      = "user1@contoso.example"
	ticketPath = "/WebTicket/WebTicketService.svc"
	tokenPath  = "/WebTicket/oauthtoken"
	userPath   = servicePath + "/user"
	fe1, fe2   = "fe1.contoso.example", "fe2.contoso.example"
	fe1Address = "10.10.10.11:4443"
)

// noon is when records written by hand were seen, within a minute.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func fromInside() *seen { return &seen{probe.Section{Vantage: probe.Internal}} }

// done, fails and skips are steps of a sign-in; exchange is the ID of the last request.
func done(name string, exchange int) probe.SignInStep {
	return probe.SignInStep{Name: name, Result: probe.StepOK, Exchange: exchange}
}

func fails(name string, exchange int) probe.SignInStep {
	return probe.SignInStep{Name: name, Result: probe.StepFailed, Exchange: exchange}
}

func skips(name string) probe.SignInStep {
	return probe.SignInStep{Name: name, Result: probe.StepSkipped, Text: probe.RefusedBefore}
}

// signs adds the first user's way as a kind of client.
func (s *seen) signs(client string, steps ...probe.SignInStep) *seen {
	s.SignIns = append(s.SignIns, probe.SignIn{Client: client, Account: user1, Steps: steps})
	return s
}

// logsOn adds a Windows authentication of the first user, whose legs the servers answered.
func (s *seen) logsOn(addr, result string, bound bool, servers ...string) *seen {
	s.Logons = append(s.Logons, probe.Logon{
		ID: len(s.Logons) + 1, Client: probe.ClientMobile2013, Account: user1, URL: "https://" + extWebHost + ticketPath, Host: extWebHost, Addr: addr,
		Scheme: "NTLM", Protocol: "1.1", Bound: bound, Servers: servers, Result: result,
	})
	return s
}

// other makes the last log-on and way those of another user.
func (s *seen) other(account string) *seen {
	s.Logons[len(s.Logons)-1].Account, s.SignIns[len(s.SignIns)-1].Account = account, account
	return s
}

// tokenRefused is the token service's answer to a wrong password, and to other things that it refuses.
func tokenRefused(status int, word, diagnostics string) reply {
	r := with(byFrontEnd(status), "Content-Type", "application/json")
	r.body = `{"error":"` + word + `"}`
	if diagnostics != "" {
		r = with(r, "X-Ms-Diagnostics", diagnostics)
	}
	return r
}

func diagnosed(status int, diagnostics string) reply {
	return with(byFrontEnd(status), "X-Ms-Diagnostics", diagnostics)
}

// dated is an answer of a Front End whose clock says so.
func dated(server string, at time.Time) reply {
	return reply{status: 200, header: http.Header{"X-Ms-Server-Fqdn": {server}, "Date": {at.Format(http.TimeFormat)}}}
}

// refused is the same answer as a challenge.
func refused(a reply) reply {
	a.status = 401
	return a
}

// proven are log-ons by name and password, after which Windows authentication may fail for reasons of its own.
func proven(s *seen) *seen {
	return s.signs(probe.ClientWeb, done(probe.StepTicket, 0))
}

func TestRulesOfThoseWhoSignIn(t *testing.T) {
	t.Parallel()
	notEnabledHere := `28000;source="fe1.contoso.example";reason="User is not SIP enabled."`
	remote := `28055;source="fe1.contoso.example";reason="The user is not allowed remote access."`
	wordless := `28055;source="fe1.contoso.example";reason="Refused."`
	down := `28001;source="fe1.contoso.example";reason="Internal error while processing Windows authentication or authorization."`
	offer := func(header ...string) reply { return with(byFrontEnd(401), "Www-Authenticate", header...) }
	grants := func(list string) string {
		return `MsRtcOAuth href="https://` + extWebHost + tokenPath + `",grant_type="` + list + `"`
	}
	document := func(tokens ...string) reply {
		links := map[string]string{}
		for _, token := range tokens {
			links[token] = "https://" + extWebHost + "/"
		}
		return reply{status: 200, header: marks, document: &probe.Document{Form: "legacy-xml", AccessLocation: "External", Links: links}}
	}
	tokens2010 := []string{"internal/autodiscover", "external/autodiscover", "internal/authbroker", "external/authbroker",
		"internal/webscheduler", "external/webscheduler", "internal/mcx", "external/mcx"}

	for _, tc := range []struct {
		name string
		id   probe.ID
		want string
		seen []*seen
	}{
		{"diagnosis/not-enabled", "auth.user-not-enabled", "found", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, ticketPath, diagnosed(403, notEnabledHere)).signs(probe.ClientMobile2013, fails(probe.StepTicket, 1))}},
		{"diagnosis/refused-by-a-filter", "auth.user-not-enabled", "clear", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, ticketPath, page("nginx", 403, "")).signs(probe.ClientMobile2013, fails(probe.StepTicket, 1))}},
		{"diagnosis/not-reached", "auth.user-not-enabled", "not applicable", []*seen{
			fromOutside().signs(probe.ClientMobile2013, fails(probe.StepDiscovery, 0), skips(probe.StepTicket))}},
		{"diagnosis/internal-error", "auth.webticket-internal-error", "found", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, tokenPath, tokenRefused(500, "server_error", down)).signs(probe.ClientWeb, fails(probe.StepTicket, 1))}},
		{"diagnosis/500-of-the-proxy", "auth.webticket-internal-error", "clear", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, tokenPath, page("nginx", 500, "")).signs(probe.ClientWeb, fails(probe.StepTicket, 1))}},
		{"certificate/server-error", "auth.oauth-certificate-missing", "found", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, tokenPath, tokenRefused(500, "server_error", "")).signs(probe.ClientWeb, fails(probe.StepTicket, 1))}},
		{"certificate/no-domain-controller", "auth.oauth-certificate-missing", "clear", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, tokenPath, tokenRefused(500, "server_error", down)).signs(probe.ClientWeb, fails(probe.StepTicket, 1))}},

		{"password/refused", "auth.bad-credentials-control", "found", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, tokenPath, tokenRefused(400, "invalid_grant", "")).signs(probe.ClientWeb, fails(probe.StepTicket, 1))}},
		{"password/refused-where-marks-are-stripped", "auth.bad-credentials-control", "found", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, tokenPath, unmarked(tokenRefused(400, "invalid_grant", ""))).signs(probe.ClientWeb, fails(probe.StepTicket, 1))}},
		{"password/refused-by-an-earlier-run", "auth.bad-credentials-control", "unknown", []*seen{
			fromOutside().signs(probe.ClientWeb, skips(probe.StepTicket)).signs(probe.ClientMobile2013, skips(probe.StepTicket))}},
		{"password/of-the-proxy", "auth.bad-credentials-control", "clear", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, tokenPath, page("nginx", 400, "")).signs(probe.ClientWeb, fails(probe.StepTicket, 1))}},
		{"password/adfs-wanted", "auth.bad-credentials-control", "clear", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, tokenPath, reply{status: 400, header: marks,
				body: `{"error":"invalid_grant","ms_rtc_passiveauthuri":"https://lyncweb-ext.contoso.example/PassiveAuth/PassiveAuth.aspx"}`}).
				signs(probe.ClientWeb, fails(probe.StepTicket, 1))}},
		{"password/grant-not-offered", "auth.bad-credentials-control", "clear", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, tokenPath, tokenRefused(400, "unsupported_grant_type", `28029;source="fe1";reason="Authentication type not allowed."`)).
				signs(probe.ClientWeb, fails(probe.StepTicket, 1))}},
		{"password/taken-elsewhere", "auth.bad-credentials-control", "clear", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, tokenPath, tokenRefused(400, "invalid_grant", "")).signs(probe.ClientWeb, fails(probe.StepTicket, 1)),
			proven(fromInside())}},
		{"password/only-windows-says-no", "auth.bad-credentials-control", "unknown", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, ticketPath, byFrontEnd(401)).
				logsOn(proxyHTTPS, probe.LogonRefused, false, fe1, fe1, fe1).signs(probe.ClientMobile2013, fails(probe.StepTicket, 1))}},

		{"ntlm/denied-at-the-machine", "auth.ntlm-level-mismatch", "found", []*seen{
			proven(fromOutside()).logsOn(proxyHTTPS, probe.LogonRefused, true, fe1, fe1, fe1),
			besideTheProxy().logsOn(fe1Address, probe.LogonRefused, true, fe1, fe1, fe1).signs(probe.ClientMobile2013, fails(probe.StepTicket, 0))}},
		{"ntlm/denied-or-unbound", "auth.ntlm-level-mismatch", "unknown", []*seen{
			proven(fromOutside()).logsOn(proxyHTTPS, probe.LogonRefused, false, fe1, fe1, fe1),
			besideTheProxy().logsOn(fe1Address, probe.LogonRefused, false, fe1, fe1, fe1).signs(probe.ClientMobile2013, fails(probe.StepTicket, 0))}},
		{"ntlm/outside-alone", "auth.ntlm-level-mismatch", "unknown", []*seen{
			proven(fromOutside()).logsOn(proxyHTTPS, probe.LogonRefused, false, fe1, fe1, fe1)}},
		{"ntlm/legs-scattered", "auth.ntlm-level-mismatch", "not applicable", []*seen{
			proven(fromOutside()).logsOn(proxyHTTPS, probe.LogonRefused, false, fe1, fe2, fe1)}},
		{"ntlm/granted-straight", "auth.ntlm-level-mismatch", "clear", []*seen{
			proven(fromOutside()).logsOn(proxyHTTPS, probe.LogonRefused, false, fe1, fe1, fe1),
			besideTheProxy().logsOn(fe1Address, probe.LogonGranted, false, fe1, fe1, fe1)}},
		{"ntlm/granted-to-another-user", "auth.ntlm-level-mismatch", "clear", []*seen{
			proven(fromOutside()).signs(probe.ClientWeb, done(probe.StepTicket, 0)).logsOn(proxyHTTPS, probe.LogonRefused, false, fe1, fe1, fe1).other("user2@contoso.example"),
			besideTheProxy().logsOn(fe1Address, probe.LogonGranted, true, fe1, fe1, fe1)}},
		{"ntlm/password-not-proven", "auth.ntlm-level-mismatch", "not applicable", []*seen{
			besideTheProxy().logsOn(fe1Address, probe.LogonRefused, true, fe1, fe1, fe1).signs(probe.ClientMobile2013, fails(probe.StepTicket, 0))}},

		{"binding/both-tried-straight", "auth.extended-protection-breaks-ntlm", "found", []*seen{
			proven(fromOutside()).logsOn(proxyHTTPS, probe.LogonRefused, true, fe1, fe1, fe1),
			besideTheProxy().logsOn(fe1Address, probe.LogonGranted, true, fe1, fe1, fe1).logsOn(fe1Address, probe.LogonRefused, false, fe1, fe1, fe1)}},
		{"binding/affinity-shown", "auth.extended-protection-breaks-ntlm", "found", []*seen{
			proven(fromOutside()).logsOn(proxyHTTPS, probe.LogonRefused, true, fe1, fe1, fe1).logsOn(proxyHTTPS, probe.LogonRefused, true, fe2, fe2, fe2).
				logsOn(proxyHTTPS, probe.LogonRefused, true, fe1, fe1, fe1).
				get(probe.GetRepeat, discoveryHost, "/", dated(fe1, noon)).get(probe.GetRepeat, discoveryHost, "/", dated(fe2, noon)),
			besideTheProxy().logsOn(fe1Address, probe.LogonGranted, true, fe1, fe1, fe1)}},
		{"binding/one-machine-could-be-shared-connections", "auth.extended-protection-breaks-ntlm", "clear", []*seen{
			proven(fromOutside()).logsOn(proxyHTTPS, probe.LogonRefused, true, fe1, fe1, fe1).logsOn(proxyHTTPS, probe.LogonRefused, true, fe1, fe1, fe1).
				logsOn(proxyHTTPS, probe.LogonRefused, true, fe1, fe1, fe1).get(probe.GetRepeat, discoveryHost, "/", dated(fe1, noon)),
			besideTheProxy().logsOn(fe1Address, probe.LogonGranted, true, fe1, fe1, fe1)}},
		{"binding/legs-scattered", "auth.extended-protection-breaks-ntlm", "clear", []*seen{
			proven(fromOutside()).logsOn(proxyHTTPS, probe.LogonRefused, true, fe1, fe1, fe2).logsOn(proxyHTTPS, probe.LogonRefused, true, fe2, fe2, fe2).
				logsOn(proxyHTTPS, probe.LogonRefused, true, fe1, fe1, fe1).
				get(probe.GetRepeat, discoveryHost, "/", dated(fe1, noon)).get(probe.GetRepeat, discoveryHost, "/", dated(fe2, noon)),
			besideTheProxy().logsOn(fe1Address, probe.LogonGranted, true, fe1, fe1, fe1)}},
		{"binding/not-wanted", "auth.extended-protection-breaks-ntlm", "clear", []*seen{
			proven(fromOutside()).logsOn(proxyHTTPS, probe.LogonRefused, true, fe1, fe1, fe1),
			besideTheProxy().logsOn(fe1Address, probe.LogonGranted, false, fe1, fe1, fe1)}},
		{"binding/granted-through-the-proxy", "auth.extended-protection-breaks-ntlm", "clear", []*seen{
			proven(fromOutside()).logsOn(proxyHTTPS, probe.LogonGranted, true, fe1, fe1, fe1),
			besideTheProxy().logsOn(fe1Address, probe.LogonGranted, true, fe1, fe1, fe1)}},

		{"clock/nodes-differ", "auth.clock-skew", "found", []*seen{
			proven(fromOutside()).get(probe.GetRepeat, discoveryHost, "/", dated(fe1, noon)).get(probe.GetRepeat, discoveryHost, "/", dated(fe2, noon.Add(20*time.Minute)))}},
		{"clock/nodes-agree-and-this-machine-does-not", "auth.clock-skew", "unknown", []*seen{
			proven(fromOutside()).get(probe.GetRepeat, discoveryHost, "/", dated(fe1, noon.Add(time.Hour))).get(probe.GetRepeat, discoveryHost, "/", dated(fe2, noon.Add(time.Hour)))}},
		{"clock/fresh-ticket-refused", "auth.clock-skew", "found", []*seen{
			proven(fromOutside()).get(probe.SignInUser, extWebHost, userPath, refused(dated(fe1, noon.Add(-time.Hour)))).
				signs(probe.ClientMobile2013, done(probe.StepTicket, 0), fails(probe.StepUser, 1))}},
		{"clock/within-what-kerberos-bears", "auth.clock-skew", "clear", []*seen{
			proven(fromOutside()).get(probe.GetRepeat, discoveryHost, "/", dated(fe1, noon.Add(4*time.Minute)))}},
		{"clock/proxy-takes-the-date-away", "auth.clock-skew", "not applicable", []*seen{
			proven(fromOutside()).get(probe.GetRepeat, discoveryHost, "/", byFrontEnd(200))}},

		{"grants/no-windows", "auth.windows-grant-not-offered", "found", []*seen{
			fromOutside().get(probe.GetUser, extWebHost, userPath, offer(grants("urn:microsoft.rtc:anonmeeting,password")))}},
		{"grants/lines-joined", "auth.windows-grant-not-offered", "clear", []*seen{
			fromOutside().get(probe.GetUser, extWebHost, userPath, offer(`Bearer trusted_issuers="", `+grants("urn:microsoft.rtc:windows,password")))}},
		{"grants/none-named", "auth.windows-grant-not-offered", "not applicable", []*seen{
			fromOutside().get(probe.GetUser, extWebHost, userPath, offer(`MsRtcOAuth href="https://x/"`))}},
		{"grants/no-password", "auth.password-grant-not-offered", "found", []*seen{
			fromOutside().get(probe.GetUser, extWebHost, userPath, offer(grants("urn:microsoft.rtc:windows")))}},
		{"grants/issuer-in-its-place", "auth.password-grant-not-offered", "clear", []*seen{
			fromOutside().get(probe.GetUser, extWebHost, userPath, offer(`Bearer trusted_issuers="", client_id="x", authorization_uri="https://adfs.contoso.example/adfs/oauth2/authorize"`, grants("urn:microsoft.rtc:windows")))}},
		{"grants/of-the-online-service", "auth.password-grant-not-offered", "not applicable", []*seen{
			fromOutside().get(probe.GetUser, onlineHost, userPath, offer(grants("urn:microsoft.rtc:passive")))}},

		{"ticket-address/quoted", "auth.web-ticket-href-wrong-host", "clear", []*seen{
			healthyBut().get(probe.GetUser, extWebHost, userPath, offer(grants("password")))}},
		{"ticket-address/bare", "auth.web-ticket-href-wrong-host", "clear", []*seen{
			healthyBut().get(probe.GetUser, extWebHost, userPath, offer(`MsRtcOAuth href=https://`+extWebHost+tokenPath+`,grant_type="password"`))}},
		{"ticket-address/machine", "auth.web-ticket-href-wrong-host", "found", []*seen{
			healthyBut().get(probe.GetUser, extWebHost, userPath, offer(`MsRtcOAuth href="https://fe1.contoso.example`+tokenPath+`",grant_type="password"`))}},
		{"ticket-address/port-of-the-site", "auth.web-ticket-href-wrong-host", "found", []*seen{
			healthyBut().get(probe.GetUserLegacy, extWebHost, userPath, with(byFrontEnd(401), "X-Ms-Webticketurl", "https://"+extWebHost+":4443"+ticketPath))}},
		{"ticket-address/plain", "auth.web-ticket-href-wrong-host", "found", []*seen{
			healthyBut().get(probe.GetUserLegacy, extWebHost, userPath, with(byFrontEnd(401), "X-Ms-Webticketurl", "http://"+extWebHost+ticketPath))}},
		{"ticket-address/internal-site-answers", "auth.web-ticket-href-wrong-host", "not applicable", []*seen{
			fromOutside().get(probe.GetRootLegacy, intWebHost, "/", internalDoc).
				get(probe.GetUserLegacy, intWebHost, userPath, with(byFrontEnd(401), "X-Ms-Webticketurl", "https://fe1.contoso.example"+ticketPath))}},

		{"providers/negotiate-alone", "auth.authenticate-order-kerberos-first", "found", []*seen{
			fromOutside().get(probe.GetWebTicket, extWebHost, ticketPath, offer("Negotiate"))}},
		{"providers/lines-joined", "auth.authenticate-order-kerberos-first", "clear", []*seen{
			fromOutside().get(probe.GetWebTicket, extWebHost, ticketPath, offer("Negotiate, NTLM"))}},
		{"providers/none", "auth.authenticate-order-kerberos-first", "not applicable", []*seen{
			fromOutside().get(probe.GetWebTicket, extWebHost, ticketPath, byFrontEnd(401))}},

		{"home/unknown", "hybrid.hosting-provider-autodiscover-url-missing", "found", []*seen{
			fromOutside().get(probe.SignInUser, extWebHost, userPath, byFrontEnd(404)).signs(probe.ClientMobile2013, done(probe.StepTicket, 0), fails(probe.StepUser, 1))}},
		{"home/page-of-iis", "hybrid.hosting-provider-autodiscover-url-missing", "clear", []*seen{
			fromOutside().get(probe.SignInUser, extWebHost, userPath, reply{status: 404, header: marks, body: iis404.body}).signs(probe.ClientMobile2013, done(probe.StepTicket, 0), fails(probe.StepUser, 1))}},

		{"outside/said-so", "policy.external-access-disabled", "found", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, ticketPath, diagnosed(403, remote)).signs(probe.ClientMobile2013, fails(probe.StepTicket, 1))}},
		{"outside/fine-inside", "policy.external-access-disabled", "found", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, ticketPath, diagnosed(403, wordless)).signs(probe.ClientMobile2013, fails(probe.StepTicket, 1)),
			fromInside().signs(probe.ClientDesktop, done(probe.StepTicket, 0), done(probe.StepUser, 0))}},
		{"outside/nobody-inside", "policy.external-access-disabled", "unknown", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, ticketPath, diagnosed(403, wordless)).signs(probe.ClientMobile2013, fails(probe.StepTicket, 1))}},
		{"outside/not-enabled", "policy.external-access-disabled", "clear", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, ticketPath, diagnosed(403, notEnabledHere)).signs(probe.ClientMobile2013, fails(probe.StepTicket, 1))}},
		{"outside/filter", "policy.external-access-disabled", "clear", []*seen{
			fromOutside().get(probe.SignInTicket, extWebHost, ticketPath, page("nginx", 403, "")).signs(probe.ClientMobile2013, fails(probe.StepTicket, 1))}},

		{"links/of-2010", "policy.autodiscover-internal-only-links-hidden", "clear", []*seen{
			proven(fromOutside()).get(probe.SignInUser, extWebHost, userPath, document(tokens2010...))}},
		{"links/no-address-of-the-scheduler", "policy.autodiscover-internal-only-links-hidden", "found", []*seen{
			proven(fromOutside()).get(probe.SignInUser, extWebHost, userPath, document(tokens2010[:4]...))}},
		{"links/ucwa-without-frame", "policy.autodiscover-internal-only-links-hidden", "found", []*seen{
			proven(fromOutside()).get(probe.SignInUser, extWebHost, userPath, document(append(slices.Clone(tokens2010), "ucwa")...))}},
		{"links/none-of-the-external-site", "policy.autodiscover-internal-only-links-hidden", "clear", []*seen{
			proven(fromOutside()).get(probe.SignInUser, extWebHost, userPath, document("internal/autodiscover"))}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m, ok := Find(tc.id)
			if !ok {
				t.Fatalf("no mode %s", tc.id)
			}
			rec := &probe.Record{Target: probe.Target{SIPDomains: []string{"contoso.example"}}}
			for _, s := range tc.seen {
				s.Started, s.Elapsed = noon, time.Minute
				rec.Sections = append(rec.Sections, &s.Section)
			}
			v := probe.NewView(rec)
			got := probe.Judge(&m.Rule, v)
			if got.String() != tc.want {
				t.Errorf("%s: %s %v %s, want %s", tc.id, got, got.Evidence(), got.Why(), tc.want)
			}
			if undeclared := v.Read() &^ m.Reads; undeclared != 0 {
				t.Errorf("%s reads %s without saying so", tc.id, undeclared)
			}
		})
	}
}

// TestNobodySignedIn holds that modes which need somebody to sign in say nothing of other records.
func TestNobodySignedIn(t *testing.T) {
	t.Parallel()
	rec := &probe.Record{Target: probe.Target{SIPDomains: []string{"contoso.example"}}, Sections: []*probe.Section{
		&healthyBut().get(probe.GetUser, extWebHost, userPath, byFrontEnd(401)).get(probe.GetRepeat, discoveryHost, "/", dated(fe1, noon)).Section}}
	asked := 0
	for _, m := range Modes() {
		if !m.SignsIn || m.Undecidable != "" {
			continue
		}
		asked++
		if got := probe.Judge(&m.Rule, probe.NewView(rec)); got.String() != "not applicable" {
			t.Errorf("%s: %s %v %s, want not applicable", m.ID, got, got.Evidence(), got.Why())
		}
	}
	if asked == 0 {
		t.Error("no mode needs anybody to sign in")
	}
}
