package failure

import (
	"slices"
	"testing"

	"lyncpin/probe"
)

const (
	listenerAddress = "203.0.113.10:443"
	batchPath       = "/ucwa/oauth/v1/applications/103040506070/batch"
)

// over2 makes of the last log-on one over HTTP/2.
func (s *seen) over2() *seen {
	s.Logons[len(s.Logons)-1].Protocol = "2"
	return s
}

// kept says whether the connection of the last log-on stayed logged on.
func (s *seen) kept(word string) *seen {
	s.Logons[len(s.Logons)-1].Kept = word
	return s
}

// came adds legs of the last log-on: exchanges that are there already.
func (s *seen) came(exchanges ...int) *seen {
	s.Logons[len(s.Logons)-1].Exchanges = exchanges
	return s
}

// crowded adds a crowd of two users.
func (s *seen) crowded(c probe.Crowd) *seen {
	c.Requests, c.Connections = 64, 16
	s.Crowds = append(s.Crowds, c)
	return s
}

// post makes of the last exchange a POST.
func (s *seen) post() *seen {
	s.Exchanges[len(s.Exchanges)-1].Method = "POST"
	return s
}

func TestWhatProxiesDoToThoseWhoSignIn(t *testing.T) {
	t.Parallel()
	logOn := func(result string, servers ...string) *seen {
		return proven(fromOutside()).logsOn(listenerAddress, result, false, servers...)
	}
	beside := func(result string, bound bool) *seen {
		return besideTheProxy().signs(probe.ClientMobile2013).logsOn(fe1Address, result, bound, fe1, fe1, fe1)
	}
	ignored := func(client string) *seen { // a ticket that nobody looked at
		return fromOutside().get(probe.SignInUser, extWebHost, userPath, byFrontEnd(401)).signs(client, done(probe.StepTicket, 0), fails(probe.StepUser, 1))
	}
	taken := func(s *seen, client string) *seen {
		return s.signs(client, done(probe.StepTicket, 0), done(probe.StepUser, 0))
	}
	upload := func(large reply, purpose string, a reply) *seen {
		return proven(fromOutside()).get(probe.UploadLarge, extWebHost, batchPath, large).get(purpose, extWebHost, batchPath, a)
	}
	html := func(status int) reply {
		return page("nginx", status, "<html><head><title>Refused</title></head></html>")
	}
	closing := with(byFrontEnd(401), "Connection", "close")
	cookie := func(lines ...string) reply {
		return with(byFrontEnd(201), "Set-Cookie", lines...)
	}
	photos := "cwt_ucwa=…; path=/ucwa/oauth/v1/applications/103040506070/photos; secure; HttpOnly"

	for _, tc := range []struct {
		name string
		id   probe.ID
		want string
		seen []*seen
	}{
		{"torn/two-servers", "proxy.ntlm-multiplexed", "found", []*seen{logOn(probe.LogonRefused, fe1, fe1, fe2)}},
		{"torn/one-server-and-nothing-to-compare-with", "proxy.ntlm-multiplexed", "unknown", []*seen{logOn(probe.LogonRefused, fe1, fe1, fe1)}},
		{"torn/and-the-password-may-be-wrong", "proxy.ntlm-multiplexed", "clear", []*seen{
			fromOutside().signs(probe.ClientMobile2013).logsOn(listenerAddress, probe.LogonRefused, false, fe1, fe1, fe1)}},
		{"torn/now-and-then", "proxy.ntlm-multiplexed", "found", []*seen{
			logOn(probe.LogonRefused, fe1, fe1, fe1).logsOn(listenerAddress, probe.LogonGranted, false, fe1, fe1, fe1)}},
		{"torn/one-machine-refuses-and-another-grants", "proxy.ntlm-multiplexed", "clear", []*seen{
			logOn(probe.LogonRefused, fe2, fe2, fe2).logsOn(listenerAddress, probe.LogonGranted, false, fe1, fe1, fe1)}},
		{"torn/one-machine-grants-through-the-proxy-and-the-other-straight", "proxy.ntlm-multiplexed", "found", []*seen{
			logOn(probe.LogonRefused, fe1, fe1, fe1).logsOn(listenerAddress, probe.LogonGranted, false, fe2, fe2, fe2), beside(probe.LogonGranted, false)}},
		{"torn/granted-and-forgotten", "proxy.ntlm-multiplexed", "found", []*seen{
			logOn(probe.LogonGranted, fe1, fe1, fe1).kept("no"), beside(probe.LogonGranted, false).kept("yes")}},
		{"torn/granted-and-forgotten-straight-as-well", "proxy.ntlm-multiplexed", "clear", []*seen{
			logOn(probe.LogonGranted, fe1, fe1, fe1).kept("no"), beside(probe.LogonGranted, false).kept("no")}},
		{"torn/granted-straight", "proxy.ntlm-multiplexed", "found", []*seen{logOn(probe.LogonRefused, fe1, fe1, fe1), beside(probe.LogonGranted, false)}},
		{"torn/granted-straight-with-a-binding", "proxy.ntlm-multiplexed", "unknown", []*seen{logOn(probe.LogonRefused, fe1, fe1, fe1), beside(probe.LogonGranted, true)}},
		{"torn/refused-straight", "proxy.ntlm-multiplexed", "clear", []*seen{logOn(probe.LogonRefused, fe1, fe1, fe1), beside(probe.LogonRefused, false)}},
		{"torn/over-http2-alone", "proxy.ntlm-multiplexed", "clear", []*seen{
			logOn(probe.LogonGranted, fe1, fe1, fe1).logsOn(listenerAddress, probe.LogonRefused, true, fe1, fe1, fe2).over2()}},
		{"torn/taken-for-another", "proxy.ntlm-multiplexed", "found", []*seen{
			logOn(probe.LogonGranted, fe1, fe1, fe1).crowded(probe.Crowd{Foreign: 1, Account: user1, Taken: "user2@contoso.example"})}},
		{"torn/nobody-mixed-up", "proxy.ntlm-multiplexed", "clear", []*seen{logOn(probe.LogonGranted, fe1, fe1, fe1).crowded(probe.Crowd{Failed: 9})}},

		{"http2/refused-there-alone", "proxy.http2-frontend-breaks-ntlm", "found", []*seen{
			logOn(probe.LogonGranted, fe1, fe1, fe1).logsOn(listenerAddress, probe.LogonRefused, true, fe1, fe1, fe2).over2()}},
		{"http2/refused-everywhere", "proxy.http2-frontend-breaks-ntlm", "clear", []*seen{
			logOn(probe.LogonRefused, fe1, fe1, fe2).logsOn(listenerAddress, probe.LogonRefused, true, fe1, fe1, fe2).over2()}},
		{"http2/not-offered", "proxy.http2-frontend-breaks-ntlm", "not applicable", []*seen{logOn(probe.LogonGranted, fe1, fe1, fe1)}},

		{"close/after-the-challenge", "proxy.http10-upstream", "found", []*seen{
			logOn(probe.LogonFailed, fe1, fe1).get(probe.SignInTicket, extWebHost, ticketPath, byFrontEnd(401)).get(probe.SignInTicket, extWebHost, ticketPath, closing).came(1, 2)}},
		{"close/by-the-front-end-itself", "proxy.http10-upstream", "clear", []*seen{
			logOn(probe.LogonFailed, fe1, fe1).get(probe.SignInTicket, extWebHost, ticketPath, byFrontEnd(401)).get(probe.SignInTicket, extWebHost, ticketPath, closing).came(1, 2),
			besideTheProxy().at("https", fe1Address, probe.SignInTicket, extWebHost, ticketPath, closing)}},
		{"close/kept", "proxy.http10-upstream", "clear", []*seen{
			logOn(probe.LogonRefused, fe1, fe1, fe2).get(probe.SignInTicket, extWebHost, ticketPath, byFrontEnd(401)).get(probe.SignInTicket, extWebHost, ticketPath, byFrontEnd(401)).came(1, 2)}},

		{"credentials/token-and-log-on-ignored", "proxy.authorization-stripped", "found", []*seen{
			ignored(probe.ClientWeb).logsOn(listenerAddress, probe.LogonNoChallenge, false, fe1, fe1)}},
		{"credentials/token-ignored-here-only", "proxy.authorization-stripped", "found", []*seen{ignored(probe.ClientWeb), taken(besideTheProxy(), probe.ClientWeb)}},
		{"credentials/token-ignored-everywhere", "proxy.authorization-stripped", "clear", []*seen{ignored(probe.ClientWeb),
			besideTheProxy().at("https", fe1Address, probe.SignInUser, extWebHost, userPath, byFrontEnd(401)).signs(probe.ClientWeb, done(probe.StepTicket, 0), fails(probe.StepUser, 1))}},
		{"credentials/one-kind-and-nothing-to-compare-with", "proxy.authorization-stripped", "unknown", []*seen{ignored(probe.ClientWeb)}},
		{"credentials/token-refused-with-a-reason", "proxy.authorization-stripped", "clear", []*seen{fromOutside().
			get(probe.SignInUser, extWebHost, userPath, diagnosed(401, `28020;source="fe1.contoso.example";reason="No valid security token."`)).
			signs(probe.ClientWeb, done(probe.StepTicket, 0), fails(probe.StepUser, 1))}},
		{"credentials/no-challenge-straight-either", "proxy.authorization-stripped", "clear", []*seen{
			logOn(probe.LogonNoChallenge, fe1, fe1), beside(probe.LogonNoChallenge, false)}},

		{"ticket/ignored-where-tokens-are-not", "proxy.x-ms-headers-stripped", "found", []*seen{taken(ignored(probe.ClientMobile2013), probe.ClientWeb)}},
		{"ticket/ignored-here-only", "proxy.x-ms-headers-stripped", "found", []*seen{ignored(probe.ClientDesktop), taken(besideTheProxy(), probe.ClientDesktop)}},
		{"ticket/ignored-and-nothing-to-compare-with", "proxy.x-ms-headers-stripped", "clear", []*seen{ignored(probe.ClientMobile2013)}},
		{"ticket/address-missing", "proxy.x-ms-headers-stripped", "found", []*seen{fromOutside().get(probe.GetUserLegacy, extWebHost, userPath, byFrontEnd(401))}},
		{"ticket/address-there", "proxy.x-ms-headers-stripped", "not applicable", []*seen{
			fromOutside().get(probe.GetUserLegacy, extWebHost, userPath, with(byFrontEnd(401), "X-Ms-Webticketurl", "https://x/"))}},

		{"upload/large-refused", "proxy.body-size-413", "found", []*seen{proven(fromOutside()).get(probe.UploadLarge, extWebHost, batchPath, html(413))}},
		{"upload/large-refused-by-ucwa", "proxy.body-size-413", "clear", []*seen{
			proven(fromOutside()).get(probe.UploadLarge, extWebHost, batchPath, page("nginx", 413, `{"code":"EntityTooLarge"}`))}},
		{"upload/large-cut-and-nothing-else-tried", "proxy.body-size-413", "clear", []*seen{proven(fromOutside()).get(probe.UploadLarge, extWebHost, batchPath, reset)}},
		{"upload/large-cut-while-small-ones-pass", "proxy.body-size-413", "found", []*seen{
			proven(fromOutside()).get(probe.UploadLarge, extWebHost, batchPath, reset).get(probe.SignInUCWA, extWebHost, batchPath, byFrontEnd(200))}},
		{"upload/large-refused-straight-too", "proxy.body-size-413", "clear", []*seen{
			proven(fromOutside()).get(probe.UploadLarge, extWebHost, batchPath, html(413)),
			besideTheProxy().at("https", fe1Address, probe.UploadLarge, extWebHost, batchPath, html(413))}},
		{"upload/chunks-refused", "proxy.chunked-upload-411", "found", []*seen{upload(html(411), probe.UploadChunked, html(411))}},
		{"upload/chunks-cut", "proxy.chunked-upload-411", "found", []*seen{upload(byFrontEnd(400), probe.UploadChunked, reset)}},
		{"upload/chunks-too-large", "proxy.chunked-upload-411", "clear", []*seen{upload(html(413), probe.UploadChunked, html(413))}},
		{"upload/expectation-refused", "proxy.expect-100-417", "found", []*seen{upload(byFrontEnd(400), probe.UploadExpect, html(417))}},
		{"upload/expectation-met", "proxy.expect-100-417", "clear", []*seen{upload(byFrontEnd(400), probe.UploadExpect, byFrontEnd(400))}},
		{"upload/header-refused-by-nginx", "proxy.header-too-large", "found", []*seen{
			upload(byFrontEnd(400), probe.UploadHeader, html(400)).get(probe.SignInUCWA, extWebHost, batchPath, byFrontEnd(200))}},
		{"upload/header-refused-by-windows", "proxy.header-too-large", "clear", []*seen{
			upload(byFrontEnd(400), probe.UploadHeader, page("Microsoft-HTTPAPI/2.0", 400, "<h2>Bad Request - Request Too Long</h2>")).get(probe.SignInUCWA, extWebHost, batchPath, byFrontEnd(200))}},

		{"cookie/lost", "proxy.cookies-stripped", "found", []*seen{
			proven(fromOutside()).get(probe.SignInApplication, extWebHost, "/ucwa/oauth/v1/applications", byFrontEnd(201)),
			besideTheProxy().at("https", fe1Address, probe.SignInApplication, extWebHost, "/ucwa/oauth/v1/applications", cookie(photos))}},
		{"cookie/another-path-and-order", "proxy.cookies-stripped", "clear", []*seen{
			proven(fromOutside()).get(probe.SignInApplication, extWebHost, "/ucwa/oauth/v1/applications", cookie("cwt_ucwa=…; HttpOnly; Secure; Path=/ucwa/oauth/v1/applications/2/photos")),
			besideTheProxy().at("https", fe1Address, probe.SignInApplication, extWebHost, "/ucwa/oauth/v1/applications", cookie(photos))}},
		{"cookie/attribute-lost", "proxy.cookies-stripped", "found", []*seen{
			proven(fromOutside()).get(probe.SignInApplication, extWebHost, "/ucwa/oauth/v1/applications", cookie("cwt_ucwa=…; secure; HttpOnly")),
			besideTheProxy().at("https", fe1Address, probe.SignInApplication, extWebHost, "/ucwa/oauth/v1/applications", cookie(photos))}},
		{"cookie/nothing-to-compare-with", "proxy.cookies-stripped", "not applicable", []*seen{
			proven(fromOutside()).get(probe.SignInApplication, extWebHost, "/ucwa/oauth/v1/applications", byFrontEnd(201))}},

		{"crowd/too-many", "proxy.connection-limit", "found", []*seen{
			proven(fromOutside()).crowded(probe.Crowd{Failed: 20}).get(probe.SignInUCWA, extWebHost, batchPath, html(503))}},
		{"crowd/throttled-by-ucwa", "proxy.connection-limit", "clear", []*seen{
			proven(fromOutside()).crowded(probe.Crowd{Failed: 20}).get(probe.SignInUCWA, extWebHost, batchPath, page("nginx", 503, `{"code":"ServiceUnavailable"}`))}},
		{"crowd/nothing-says-why", "proxy.connection-limit", "unknown", []*seen{proven(fromOutside()).crowded(probe.Crowd{Failed: 20})}},
		{"crowd/applications-are-lost", "proxy.connection-limit", "clear", []*seen{
			proven(fromOutside()).crowded(probe.Crowd{Failed: 20}).get(probe.SignInUCWA, extWebHost, batchPath, byFrontEnd(404))}},
		{"crowd/fails-straight-too", "proxy.connection-limit", "clear", []*seen{
			proven(fromOutside()).crowded(probe.Crowd{Failed: 20}).get(probe.SignInUCWA, extWebHost, batchPath, html(503)), besideTheProxy().crowded(probe.Crowd{Failed: 20})}},

		{"filter/soap-refused", "proxy.waf-rule-block", "found", []*seen{
			proven(fromOutside()).get(probe.PostToken, extWebHost, tokenPath, byFrontEnd(400)).post().get(probe.SignInTicket, extWebHost, ticketPath, html(403)).post()}},
		{"filter/soap-cut", "proxy.waf-rule-block", "found", []*seen{
			proven(fromOutside()).get(probe.PostToken, extWebHost, tokenPath, byFrontEnd(400)).post().get(probe.SignInTicket, extWebHost, ticketPath, reset).post()}},
		{"filter/everything-is-cut", "proxy.waf-rule-block", "clear", []*seen{
			proven(fromOutside()).get(probe.PostToken, extWebHost, tokenPath, byFrontEnd(400)).post().get(probe.SignInTicket, extWebHost, ticketPath, reset).post().
				get(probe.SignInUCWA, extWebHost, batchPath, reset)}},
		{"filter/no-post-passes", "proxy.waf-rule-block", "clear", []*seen{
			proven(fromOutside()).get(probe.GetWebTicket, extWebHost, ticketPath, byFrontEnd(401)).get(probe.SignInTicket, extWebHost, ticketPath, html(403)).post()}},
		{"filter/refused-by-the-front-end", "proxy.waf-rule-block", "clear", []*seen{
			proven(fromOutside()).get(probe.PostToken, extWebHost, tokenPath, byFrontEnd(400)).post().get(probe.SignInTicket, extWebHost, ticketPath, byFrontEnd(403)).post()}},
		{"filter/directory-is-not-published", "proxy.waf-rule-block", "clear", []*seen{
			proven(fromOutside()).get(probe.PostToken, extWebHost, tokenPath, byFrontEnd(400)).post().get(probe.SignInMcx, extWebHost, "/Mcx/McxService.svc", html(403)).post()}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m, ok := Find(tc.id)
			if !ok {
				t.Fatalf("no mode %s", tc.id)
			}
			rec := &probe.Record{Target: probe.Target{SIPDomains: []string{"contoso.example"}, Expected: probe.Expected{ExternalWeb: []string{extWebHost}}}}
			for _, s := range tc.seen {
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

func TestHTTP2Offered(t *testing.T) {
	t.Parallel()
	m, _ := Find("tls.alpn-h2-offered")
	for chosen, want := range map[string]string{"h2": "found", "http/1.1": "clear", "": "clear"} {
		s := fromOutside().shows(extWebHost, true, "proxy")
		h := slices.Clone(s.Section.Handshakes)[0]
		h.Purpose, h.ALPN = probe.HandshakeHTTP2, chosen
		s.Section.Handshakes = append(s.Section.Handshakes, h)
		rec := &probe.Record{Target: probe.Target{SIPDomains: []string{"contoso.example"}}, Sections: []*probe.Section{&s.Section}}
		if got := probe.Judge(&m.Rule, probe.NewView(rec)); got.String() != want {
			t.Errorf("%q chosen: %s, want %s", chosen, got, want)
		}
	}
}
