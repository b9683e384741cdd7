package failure

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"lyncpin/probe"
)

// Meetings and the servers behind them, for records written by hand.

const (
	meetingPath = "/user1/ABCD1234"
	appPath     = "/ucwa/v1/applications"
	onePath     = appPath + "/103040506070"
	mcxPath     = "/Mcx/McxService.svc"
	fe2Address  = "10.10.10.12:4443"
)

// on makes of an answer one of that machine.
func on(server string, a reply) reply { return with(a, "X-Ms-Server-Fqdn", server) }

// joinPage is the page of a meeting with the variables of its script, "name=value".
func joinPage(variables ...string) reply {
	a := with(byFrontEnd(200), "Content-Type", "text/html; charset=utf-8")
	a.body = `<html class="reachJoinHtml"><script>` + "\r\n" + `var reachURL = "https://lyncweb-ext.contoso.example/lwa/";` + "\r\n"
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		a.body += "var " + name + ` = "` + value + "\";\r\n"
	}
	a.body += "</script></html>"
	return a
}

// conference is what a meeting is for programs: [MS-CONFBAS] 4.1.
func conference() reply {
	a := byFrontEnd(200)
	a.body = `<?xml version="1.0" encoding="utf-8"?><conf-info xmlns="http://schemas.microsoft.com/rtc/2009/05/simplejoinconfdoc">` +
		`<conf-uri>sip:user1@contoso.example;gruu;opaque=app:conf:focus:id:ABCD1234</conf-uri><conf-key>…</conf-key></conf-info>`
	return a
}

// faulty is an error of UCWA in JSON.
func faulty(status int, code, subcode string) reply {
	a := with(byFrontEnd(status), "Content-Type", "application/json")
	a.body = `{"code":"` + code + `","subcode":"` + subcode + `","message":"x"}`
	return a
}

func htmlOfIIS(status int) reply {
	a := byFrontEnd(status)
	a.body = "<html><body><h1>Server Error</h1></body></html>"
	return a
}

func judgeByHand(t *testing.T, id probe.ID, want string, sections ...*seen) {
	t.Helper()
	m, ok := Find(id)
	if !ok {
		t.Fatalf("no mode %s", id)
	}
	rec := &probe.Record{Target: probe.Target{SIPDomains: []string{"contoso.example"}, Expected: probe.Expected{ExternalWeb: []string{extWebHost}}}}
	for _, s := range sections {
		s.Started, s.Elapsed = noon, time.Minute
		rec.Sections = append(rec.Sections, &s.Section)
	}
	v := probe.NewView(rec)
	got := probe.Judge(&m.Rule, v)
	if got.String() != want {
		t.Errorf("%s: %s %v %s, want %s", id, got, got.Evidence(), got.Why(), want)
	}
	if undeclared := v.Read() &^ m.Reads; undeclared != 0 {
		t.Errorf("%s reads %s without saying so", id, undeclared)
	}
}

func TestMeetingsByHand(t *testing.T) {
	t.Parallel()
	const echo = `diagInfo=Machine\x3aFE1 Incoming URL\x3ahttps\x3a\x2f\x2fmeet.contoso.example`
	unknown, known := joinPage("validMeeting=False"), joinPage("validMeeting=True")
	outside := func(a reply) *seen { return healthyBut().get(probe.GetMeeting, meetingsHost, meetingPath, a) }
	straightMeeting := func(purpose, query string, a reply) *seen {
		return besideTheProxy().at("https", fe1Address, purpose, meetingsHost, meetingPath+query, a)
	}
	sl := func(plain, chosen reply) *seen {
		return outside(plain).get(probe.GetMeeting, meetingsHost, meetingPath+"?sl=1", chosen)
	}
	phone := func(a reply) *seen { return outside(known).get(probe.GetMeetingPhone, meetingsHost, meetingPath, a) }
	asset := func(a reply) *seen {
		return outside(known).get(probe.GetJoinAsset, meetingsHost, "/lwa/WebPages/css/join.css", a)
	}
	guest := func(a reply) *seen { return outside(known).get(probe.PostAnonymous, extWebHost, tokenPath, a).post() }
	passive := func(page string) *seen {
		a := byFrontEnd(400)
		a.body = `{"error":"invalid_grant","ms_rtc_passiveauthuri":"` + page + `"}`
		s := healthyBut().get(probe.PostPassive, extWebHost, tokenPath, a).post()
		s.Lookups = append(s.Lookups, probe.Lookup{Name: "adfs.contoso.example", Type: "A", Outcome: probe.Outcome{Code: probe.NXDomain}})
		return s
	}
	for _, tc := range []struct {
		name string
		id   probe.ID
		want string
		seen []*seen
	}{
		{"path/lowered", "meeting.path-altered", "found", []*seen{outside(joinPage("validMeeting=False", echo+`\x2fuser1\x2fabcd1234`))}},
		{"path/known-past-the-proxy", "meeting.path-altered", "found", []*seen{outside(unknown), straightMeeting(probe.GetMeetingXML, "", conference())}},
		{"path/unknown-everywhere", "meeting.path-altered", "clear", []*seen{outside(unknown), straightMeeting(probe.GetMeeting, "", unknown)}},
		{"path/unknown-by-the-path-that-was-asked", "meeting.path-altered", "clear", []*seen{outside(joinPage("validMeeting=False", echo+`\x2fuser1\x2fABCD1234`))}},
		{"path/unknown-and-nothing-to-compare-with", "meeting.path-altered", "unknown", []*seen{outside(unknown)}},
		{"path/no-data-beside-a-page", "meeting.path-altered", "found", []*seen{
			outside(joinPage("lang=en")).get(probe.GetMeetingXML, meetingsHost, meetingPath, byFrontEnd(404)), straightMeeting(probe.GetMeetingXML, "", conference())}},
		{"path/changed-and-known", "meeting.path-altered", "clear", []*seen{outside(joinPage("validMeeting=True", echo+`\x2fmeet\x2fuser1\x2fABCD1234`))}},
		{"path/refused", "meeting.path-altered", "found", []*seen{outside(nginx404)}},
		{"path/host-refused", "meeting.path-altered", "not applicable", []*seen{
			fromOutside().get(probe.GetMeet, meetingsHost, "/", nginx404).get(probe.GetMeeting, meetingsHost, meetingPath, nginx404)}},
		{"path/no-meeting-named", "meeting.path-altered", "not applicable", []*seen{healthyBut()}},

		{"sl/ignored", "meeting.query-sl-dropped", "found", []*seen{sl(known, joinPage("reachClientRequested=False"))}},
		{"sl/taken", "meeting.query-sl-dropped", "clear", []*seen{sl(known, joinPage("reachClientRequested=True"))}},
		{"sl/same-page-of-another-version", "meeting.query-sl-dropped", "found", []*seen{sl(joinPage("a=1"), joinPage("a=1")),
			straightMeeting(probe.GetMeeting, "", joinPage("a=1")).at("https", fe1Address, probe.GetMeeting, meetingsHost, meetingPath+"?sl=1", joinPage("a=2"))}},
		{"sl/same-page-straight-too", "meeting.query-sl-dropped", "clear", []*seen{sl(joinPage("a=1"), joinPage("a=1")),
			straightMeeting(probe.GetMeeting, "", joinPage("a=1")).at("https", fe1Address, probe.GetMeeting, meetingsHost, meetingPath+"?sl=1", joinPage("a=1"))}},

		{"phone/unknown-to-the-server", "meeting.join-launcher-user-agent", "found", []*seen{phone(joinPage("isIPhone=False"))}},
		{"phone/known", "meeting.join-launcher-user-agent", "clear", []*seen{phone(joinPage("isIPhone=True"))}},
		{"phone/the-desktop's-page", "meeting.join-launcher-user-agent", "found", []*seen{phone(known)}},
		{"phone/page-of-the-proxy", "meeting.join-launcher-user-agent", "not applicable", []*seen{phone(nginx404)}},

		{"assets/refused", "meeting.web-app-assets-blocked", "found", []*seen{asset(page("nginx", 403, "<html>Forbidden</html>"))}},
		{"assets/cut", "meeting.web-app-assets-blocked", "found", []*seen{asset(reset)}},
		{"assets/there", "meeting.web-app-assets-blocked", "clear", []*seen{asset(byFrontEnd(200))}},
		{"assets/not-at-the-server-either", "meeting.web-app-assets-blocked", "clear", []*seen{asset(htmlOfIIS(404))}},

		{"guest/policy", "meeting.anonymous-ticket-refused", "found", []*seen{guest(tokenRefused(400, "invalid_grant", ""))}},
		{"guest/let-in", "meeting.anonymous-ticket-refused", "clear", []*seen{guest(byFrontEnd(200))}},
		{"guest/path-refused-on-the-way", "meeting.anonymous-ticket-refused", "clear", []*seen{guest(page("nginx", 403, "<html>Forbidden</html>"))}},
		{"guest/server-error", "meeting.anonymous-ticket-refused", "clear", []*seen{guest(tokenRefused(500, "server_error", ""))}},

		{"passive/no-record", "meeting.adfs-passive-unreachable", "found", []*seen{passive("https://adfs.contoso.example/adfs/ls/")}},
		{"passive/at-a-host-that-answers", "meeting.adfs-passive-unreachable", "clear", []*seen{passive("https://" + discoveryHost + "/PassiveAuth/PassiveAuth.aspx")}},
		{"passive/no-page", "meeting.adfs-passive-unreachable", "not applicable", []*seen{passive("")}},

		{"upload/iis", "meeting.content-upload-limit", "found", []*seen{
			proven(fromOutside()).get(probe.UploadLarge, extWebHost, batchPath, htmlOfIIS(404)).get(probe.UploadExpect, extWebHost, batchPath, byFrontEnd(200))}},
		{"upload/ucwa", "meeting.content-upload-limit", "found", []*seen{
			proven(fromOutside()).get(probe.UploadLarge, extWebHost, batchPath, faulty(413, "EntityTooLarge", "")).get(probe.UploadExpect, extWebHost, batchPath, byFrontEnd(200))}},
		{"upload/proxy", "meeting.content-upload-limit", "clear", []*seen{
			proven(fromOutside()).get(probe.UploadLarge, extWebHost, batchPath, page("nginx", 413, "")).get(probe.UploadExpect, extWebHost, batchPath, byFrontEnd(200))}},
		{"upload/small-ones-too", "meeting.content-upload-limit", "clear", []*seen{
			proven(fromOutside()).get(probe.UploadLarge, extWebHost, batchPath, htmlOfIIS(404)).get(probe.UploadExpect, extWebHost, batchPath, htmlOfIIS(404))}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			judgeByHand(t, tc.id, tc.want, tc.seen...)
		})
	}
}

func TestServersByHand(t *testing.T) {
	t.Parallel()
	create := func(a reply) *seen {
		return fromOutside().get(probe.SignInApplication, extWebHost, appPath, a).post().
			signs(probe.ClientMobile2013, done(probe.StepTicket, 0), done(probe.StepUser, 0), fails(probe.StepApplication, 1))
	}
	made := func() *seen {
		return proven(fromOutside()).get(probe.SignInRepeat, extWebHost, onePath, byFrontEnd(200))
	}
	put := func(s *seen, a reply) *seen {
		s.get(probe.SignInPut, extWebHost, onePath, a)
		s.Exchanges[len(s.Exchanges)-1].Method = "PUT"
		return s
	}
	straightPut := func(a reply) *seen {
		s := besideTheProxy().at("https", fe1Address, probe.SignInPut, extWebHost, onePath, a)
		s.Exchanges[0].Method = "PUT"
		return s
	}
	tokens := func(form string, names ...string) reply {
		a := reply{status: 200, header: marks, document: &probe.Document{Form: form, AccessLocation: "External", Links: map[string]string{}}}
		for _, n := range names {
			a.document.Links[n] = "https://" + extWebHost + "/"
		}
		return a
	}
	desktop := func(result, text string) *seen {
		return fromOutside().signs(probe.ClientDesktop, done(probe.StepUser, 0), probe.SignInStep{Name: probe.StepSIP, Result: result, Text: text})
	}
	old := func() *seen { return proven(fromOutside()).get(probe.GetRootLegacy, discoveryHost, "/", externalDoc) }
	mcx := func(s *seen, answers ...reply) *seen {
		for _, a := range answers {
			s.get(probe.SignInMcx, extWebHost, mcxPath, a).post()
		}
		return s
	}
	cookie := func(line string) *seen {
		return fromOutside().get(probe.GetRootLegacy, discoveryHost, "/", externalDoc).get(probe.GetService, extWebHost, servicePath, with(byFrontEnd(200), "Set-Cookie", line))
	}
	sentOn := func(rel, host string) *seen {
		a := tokens("legacy-xml")
		if rel == "applications" {
			a.document.Form = "ucwa-json"
		}
		a.document.Links[rel] = "https://" + host + servicePath
		return proven(fromOutside()).get(probe.SignInUser, extWebHost, userPath, a)
	}
	noRecord := func(s *seen, name string) *seen {
		s.Lookups = append(s.Lookups, probe.Lookup{Name: name, Type: "A", Outcome: probe.Outcome{Code: probe.NXDomain}})
		return s
	}
	stale := with(htmlOfIIS(500), "X-Ms-Diagnostics", `28032;source="fe1.contoso.example";reason="The web ticket is invalid."`)

	for _, tc := range []struct {
		name string
		id   probe.ID
		want string
		seen []*seen
	}{
		{"recycled/page-of-asp", "frontend.ucwa-recycled-500", "found", []*seen{create(htmlOfIIS(500))}},
		{"recycled/marks-stripped", "frontend.ucwa-recycled-500", "found", []*seen{create(page("nginx", 500, "<html><body><h1>Server Error</h1></body></html>"))}},
		{"recycled/of-the-proxy", "frontend.ucwa-recycled-500", "clear", []*seen{create(page("nginx", 500, "<html>500</html>"))}},
		{"recycled/said-by-ucwa", "frontend.ucwa-recycled-500", "clear", []*seen{create(faulty(500, "ServiceFailure", "ServiceTimeout"))}},
		{"recycled/stale-ticket", "frontend.ucwa-recycled-500", "clear", []*seen{create(stale)}},
		{"recycled/pool-stopped", "frontend.ucwa-recycled-500", "clear", []*seen{create(kernelByHand)}},

		{"quorum/timeout", "frontend.registrar-quorum-lost", "found", []*seen{create(faulty(503, "ServiceFailure", "ServiceTimeout"))}},
		{"quorum/policy", "frontend.registrar-quorum-lost", "clear", []*seen{create(faulty(403, "Forbidden", "MobileApplicationNoLongerAllowed"))}},
		{"quorum/page-of-the-proxy", "frontend.registrar-quorum-lost", "clear", []*seen{create(haproxy503)}},

		{"filter/put-alone", "frontend.iis-request-filtering", "found", []*seen{put(made(), htmlOfIIS(404))}},
		{"filter/put-straight-too", "frontend.iis-request-filtering", "found", []*seen{put(made(), htmlOfIIS(404)), straightPut(htmlOfIIS(404))}},
		{"filter/put-passes-straight", "frontend.iis-request-filtering", "clear", []*seen{put(made(), htmlOfIIS(404)), straightPut(byFrontEnd(405))}},
		{"filter/put-refused-by-ucwa", "frontend.iis-request-filtering", "clear", []*seen{put(made(), faulty(404, "NotFound", "ApplicationNotFound"))}},
		{"filter/put-refused-by-the-proxy", "frontend.iis-request-filtering", "clear", []*seen{put(made(), nginx404)}},
		{"filter/home-not-known", "frontend.iis-request-filtering", "clear", []*seen{proven(fromOutside()).get(probe.SignInUser, extWebHost, userPath, byFrontEnd(404))}},

		{"links/none-outside", "frontend.autodiscover-lacks-external-links", "found", []*seen{
			proven(fromOutside()).get(probe.SignInUser, extWebHost, userPath, tokens("legacy-xml", "internal/autodiscover", "internal/ucwa", "self"))}},
		{"links/some", "frontend.autodiscover-lacks-external-links", "clear", []*seen{
			proven(fromOutside()).get(probe.SignInUser, extWebHost, userPath, tokens("legacy-xml", "internal/autodiscover", "external/autodiscover", "self"))}},
		{"links/form-without-tokens", "frontend.autodiscover-lacks-external-links", "not applicable", []*seen{
			proven(fromOutside()).get(probe.SignInUser, extWebHost, userPath, tokens("ucwa-json", "applications", "self"))}},

		{"edge/named-nowhere", "frontend.external-sip-access-missing", "found", []*seen{desktop(probe.StepFailed, "the user document names no access point for clients here")}},
		{"edge/reached", "frontend.external-sip-access-missing", "clear", []*seen{desktop(probe.StepOK, "sip.contoso.example:443")}},
		{"edge/not-tried", "frontend.external-sip-access-missing", "not applicable", []*seen{desktop(probe.StepSkipped, "the probe was stopped")}},
		{"edge/no-record", "frontend.external-sip-access-missing", "found", []*seen{
			noRecord(desktop(probe.StepFailed, "sip-old.contoso.example:443: sip-old.contoso.example has no address here"), "sip-old.contoso.example")}},

		{"affinity/ping-pong", "frontend.hlb-affinity-lost-mcx", "found", []*seen{mcx(old(), on(fe1, byFrontEnd(200)), on(fe2, htmlOfIIS(500)))}},
		{"affinity/one-machine", "frontend.hlb-affinity-lost-mcx", "clear", []*seen{mcx(old(), on(fe1, byFrontEnd(200)), on(fe1, byFrontEnd(200)))}},
		{"affinity/machines-do-not-say", "frontend.hlb-affinity-lost-mcx", "not applicable", []*seen{mcx(old(), reply{status: 200, header: http.Header{}})}},
		{"affinity/of-2013", "frontend.hlb-affinity-lost-mcx", "not applicable", []*seen{
			mcx(proven(healthyBut()), on(fe1, byFrontEnd(200)), on(fe2, byFrontEnd(200)))}},
		{"affinity/straight-to-each", "frontend.hlb-affinity-lost-mcx", "clear", []*seen{
			mcx(old(), on(fe1, byFrontEnd(200))),
			besideTheProxy().at("https", fe1Address, probe.SignInMcx, extWebHost, mcxPath, on(fe1, byFrontEnd(200))).post().
				at("https", fe2Address, probe.SignInMcx, extWebHost, mcxPath, on(fe2, byFrontEnd(200))).post()}},

		{"cookie/http-only", "frontend.affinity-cookie-malformed", "found", []*seen{cookie("MS-WSMAN=…; Path=/; HttpOnly")}},
		{"cookie/expires", "frontend.affinity-cookie-malformed", "found", []*seen{cookie("ms-wsman=…; expires=Sun, 22 Nov 2026 15:00:00 GMT")}},
		{"cookie/as-it-should-be", "frontend.affinity-cookie-malformed", "clear", []*seen{cookie("MS-WSMAN=…; path=/; secure")}},
		{"cookie/of-a-balancer", "frontend.affinity-cookie-malformed", "found", []*seen{cookie("BIGipServerlync_4443=…; path=/")}},
		{"cookie/of-an-application", "frontend.affinity-cookie-malformed", "clear", []*seen{cookie("ASP.NET_SessionId=…; path=/; HttpOnly")}},
		{"cookie/of-2013", "frontend.affinity-cookie-malformed", "not applicable", []*seen{
			healthyBut().get(probe.GetService, extWebHost, servicePath, with(byFrontEnd(200), "Set-Cookie", "MS-WSMAN=…; HttpOnly"))}},

		{"home/no-record", "frontend.director-redirects-to-unpublished-pool", "found", []*seen{noRecord(sentOn("redirect", pool02Web), pool02Web)}},
		{"home/applications-without-record", "frontend.director-redirects-to-unpublished-pool", "found", []*seen{noRecord(sentOn("applications", pool02Web), pool02Web)}},
		{"home/served", "frontend.director-redirects-to-unpublished-pool", "clear", []*seen{sentOn("redirect", pool02Web).get(probe.SignInChallenge, pool02Web, userPath, byFrontEnd(401))}},
		{"home/default-site", "frontend.director-redirects-to-unpublished-pool", "found", []*seen{sentOn("redirect", pool02Web).get(probe.SignInChallenge, pool02Web, userPath, nginx404)}},
		{"home/online", "frontend.director-redirects-to-unpublished-pool", "not applicable", []*seen{noRecord(sentOn("redirect", onlineHost), onlineHost)}},
		{"home/here", "frontend.director-redirects-to-unpublished-pool", "not applicable", []*seen{sentOn("applications", extWebHost)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			judgeByHand(t, tc.id, tc.want, tc.seen...)
		})
	}
}
