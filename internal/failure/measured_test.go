package failure

import (
	"slices"
	"testing"

	"lyncpin/probe"
)

// asks makes of the last exchange one with that method.
func (s *seen) asks(method string) *seen {
	s.Exchanges[len(s.Exchanges)-1].Method = method
	return s
}

// What real products were seen to answer: nginx 1.22, HAProxy 2.6, Squid 5.7, Apache httpd 2.4 and Caddy 2.6.
func TestAnswersOfRealProxies(t *testing.T) {
	t.Parallel()
	const application = "/ucwa/oauth/v1/applications/103040506070"
	haproxy := func(status int, text string) reply {
		return with(page("", status, "<html><body><h1>"+text+"</h1>\n</body></html>\n"), "Cache-Control", "no-cache")
	}
	busy := page("nginx", 503, "<html>\n<head><title>503 Service Temporarily Unavailable</title></head>\n<body>\n<center><h1>503 Service Temporarily Unavailable</h1></center>\n<hr><center>nginx</center>\n</body>\n</html>\n")
	refused := func(server string) *seen {
		s := fromOutside().get(probe.SignInTicket, extWebHost, ticketPath, with(byFrontEnd(401), "Server", server))
		return s.logsOn(listenerAddress, probe.LogonRefused, false, fe1, fe1, fe1).came(1)
	}
	app := func(method string, a reply) *seen {
		s := fromOutside().get(probe.SignInRepeat, extWebHost, application, byFrontEnd(200))
		return s.get(probe.SignInUCWA, extWebHost, application, a).asks(method)
	}
	basic := with(haproxy(401, "401 Unauthorized"), "Www-Authenticate", `Basic realm="x"`)
	shown := func(others ...probe.Handshake) *seen {
		s := fromOutside().shows(extWebHost, true, "proxy")
		like := s.Handshakes[0]
		for _, o := range others {
			o.ID, o.Host, o.Addr = len(s.Handshakes)+1, like.Host, like.Addr
			s.Section.Handshakes = append(s.Section.Handshakes, o)
		}
		return s
	}
	reset := probe.Outcome{Code: probe.Reset}
	version := func(offered, outcome string) probe.Handshake {
		return probe.Handshake{Purpose: probe.HandshakeVersion, SNI: extWebHost, Offered: offered, Outcome: probe.Outcome{Code: outcome}}
	}
	const meeting = "/user1/ABCD1234"
	joined := func(plain, phone reply) *seen {
		return fromOutside().get(probe.GetMeeting, "meet.contoso.example", meeting, plain).get(probe.GetMeetingPhone, "meet.contoso.example", meeting, phone)
	}
	stop := page("nginx", 403, "<html><head><title>403 Forbidden</title></head></html>")
	allRefused := func(phone reply) *seen {
		return joined(stop, phone).get(probe.GetRoot, "lyncdiscover.contoso.example", "/", stop).get(probe.GetService, extWebHost, servicePath, stop).
			get(probe.GetMeet, "meet.contoso.example", "/", stop)
	}
	// crowding are handshakes of which all come off while there are few.
	crowding := func(cut int) *seen {
		var list []probe.Handshake
		for i := range 12 {
			h := probe.Handshake{Purpose: probe.HandshakeRepeat, SNI: extWebHost, Outcome: probe.Outcome{Code: probe.OK}}
			if i < cut {
				h.Purpose, h.Outcome = probe.HandshakeSignIn, reset
			}
			list = append(list, h)
		}
		return proven(shown(list...))
	}
	noVersion := shown(version("1.0", probe.TLSAlert), version("1.2", probe.TLSProtocol))
	noVersion.Handshakes[0].Outcome = probe.Outcome{Code: probe.TLSAlert}

	for _, tc := range []struct {
		name string
		id   probe.ID
		want string
		seen []*seen
	}{
		{"method/put-alone", "proxy.method-blocked", "found", []*seen{app("PUT", haproxy(405, "405 Method Not Allowed"))}},
		{"method/delete-alone", "proxy.method-blocked", "found", []*seen{app("DELETE", page("nginx", 403, "<html><head><title>403 Forbidden</title></head></html>"))}},
		{"method/delete-refused-once", "proxy.method-blocked", "clear", []*seen{
			app("DELETE", haproxy(403, "403 Forbidden")).get(probe.SignInUCWA, extWebHost, application, byFrontEnd(204)).asks("DELETE")}},
		{"method/by-the-front-end", "proxy.method-blocked", "clear", []*seen{app("PUT", byFrontEnd(404))}},
		{"method/while-the-front-end-is-down", "proxy.method-blocked", "clear", []*seen{app("PUT", haproxy(503, "503 Service Unavailable"))}},
		{"method/post-passes-elsewhere", "proxy.method-blocked", "clear", []*seen{fromOutside().
			get(probe.PostToken, extWebHost, "/WebTicket/oauthtoken", haproxy(403, "403 Forbidden")).post().
			get(probe.SignInTicket, extWebHost, ticketPath, byFrontEnd(200)).post().
			get(probe.GetWebTicket, extWebHost, ticketPath, byFrontEnd(401))}},

		{"method/dropped", "proxy.method-blocked", "found", []*seen{app("PUT", reply{code: probe.Closed}).get(probe.SignInUCWA, extWebHost, application, reply{code: probe.Closed}).asks("DELETE")}},
		{"method/never-answered", "proxy.method-blocked", "found", []*seen{app("PUT", reply{code: probe.Timeout}).get(probe.SignInUCWA, extWebHost, application, reply{code: probe.Timeout}).asks("DELETE")}},
		{"method/cut-once", "proxy.method-blocked", "clear", []*seen{app("DELETE", reply{code: probe.Closed})}},
		{"method/all-are-cut-now-and-then", "proxy.method-blocked", "clear", []*seen{app("PUT", reply{code: probe.Closed}).get(probe.SignInUCWA, extWebHost, application, reply{code: probe.Closed}).asks("DELETE").
			get(probe.SignInRepeat, extWebHost, application, reply{code: probe.Closed})}},

		{"stranger/gets-a-token", "proxy.ntlm-multiplexed", "found", []*seen{proven(fromOutside()).
			logsOn(listenerAddress, probe.LogonGranted, false, fe1, fe1, fe1).get(probe.SignInStranger, extWebHost, "/WebTicket/oauthtoken", byFrontEnd(200)).post()}},
		{"stranger/is-refused", "proxy.ntlm-multiplexed", "clear", []*seen{proven(fromOutside()).
			logsOn(listenerAddress, probe.LogonGranted, false, fe1, fe1, fe1).get(probe.SignInStranger, extWebHost, "/WebTicket/oauthtoken", byFrontEnd(401)).post()}},
		{"torn/through-nginx", "proxy.ntlm-multiplexed", "found", []*seen{proven(refused("nginx/1.22.1"))}},
		{"torn/through-nginx-with-a-doubtful-password", "proxy.ntlm-multiplexed", "clear", []*seen{refused("nginx/1.22.1").signs(probe.ClientMobile2013)}},
		{"torn/through-a-product-unseen", "proxy.ntlm-multiplexed", "unknown", []*seen{proven(refused("Microsoft-IIS/8.5"))}},
		{"torn/through-nginx-and-refused-straight", "proxy.ntlm-multiplexed", "clear", []*seen{proven(refused("nginx/1.22.1")),
			besideTheProxy().signs(probe.ClientMobile2013).logsOn(fe1Address, probe.LogonRefused, false, fe1, fe1, fe1)}},

		{"limit/nginx", "proxy.rate-limit-429", "found", []*seen{fromOutside().get(probe.GetRoot, extWebHost, "/", byFrontEnd(200)).get(probe.GetRepeat, extWebHost, "/", busy)}},
		{"limit/nginx-for-all", "proxy.rate-limit-429", "clear", []*seen{fromOutside().get(probe.GetRoot, extWebHost, "/", busy).get(probe.GetRepeat, extWebHost, "/", busy)}},
		{"limit/of-a-crowd", "proxy.rate-limit-429", "clear", []*seen{fromOutside().get(probe.GetRoot, extWebHost, "/", byFrontEnd(200)).get(probe.SignInUCWA, extWebHost, application, busy)}},
		{"limit/429-of-a-crowd", "proxy.rate-limit-429", "clear", []*seen{fromOutside().get(probe.SignInUCWA, extWebHost, application, page("nginx", 429, "")).crowded(probe.Crowd{Failed: 8})}},
		{"limit/429-of-a-crowd-and-others", "proxy.rate-limit-429", "found", []*seen{fromOutside().get(probe.SignInUCWA, extWebHost, application, page("nginx", 429, "")).
			get(probe.SignInTicket, extWebHost, ticketPath, page("nginx", 429, "")).crowded(probe.Crowd{Failed: 8})}},
		{"limit/429-without-a-crowd", "proxy.rate-limit-429", "found", []*seen{fromOutside().get(probe.SignInUCWA, extWebHost, application, page("nginx", 429, ""))}},
		{"crowd/429", "proxy.connection-limit", "found", []*seen{proven(fromOutside().get(probe.SignInUCWA, extWebHost, application, page("nginx", 429, "")).crowded(probe.Crowd{Failed: 8}))}},
		{"limit/haproxy-holds-up", "proxy.rate-limit-429", "found", []*seen{fromOutside().
			get(probe.GetRoot, extWebHost, "/", byFrontEnd(200)).get(probe.GetRepeat, extWebHost, "/", haproxy(500, "500 Internal Server Error"))}},
		{"limit/haproxy-without-a-server", "proxy.rate-limit-429", "clear", []*seen{fromOutside().
			get(probe.GetRoot, extWebHost, "/", byFrontEnd(200)).get(probe.GetRepeat, extWebHost, "/", haproxy(503, "503 Service Unavailable"))}},

		{"preauth/of-tickets", "proxy.preauth-401", "found", []*seen{fromOutside().get(probe.GetService, extWebHost, servicePath, byFrontEnd(200)).get(probe.SignInApplication, extWebHost, application, basic).post()}},
		{"preauth/of-the-front-end", "proxy.preauth-401", "clear", []*seen{fromOutside().get(probe.GetService, extWebHost, servicePath, byFrontEnd(200)).get(probe.SignInApplication, extWebHost, application, byFrontEnd(401)).post()}},

		{"page/in-place-of-the-challenge", "proxy.error-page-with-200", "found", []*seen{fromOutside().
			get(probe.GetService, extWebHost, servicePath, byFrontEnd(200)).get(probe.GetUser, extWebHost, userPath, page("nginx", 200, "<html>sorry</html>"))}},
		{"page/the-challenge-itself", "proxy.error-page-with-200", "clear", []*seen{fromOutside().
			get(probe.GetService, extWebHost, servicePath, byFrontEnd(200)).get(probe.GetUser, extWebHost, userPath, byFrontEnd(401))}},

		{"agent/browsers-only", "proxy.user-agent-filtered", "found", []*seen{joined(stop, byFrontEnd(200))}},
		{"agent/browsers-only-by-reset", "proxy.user-agent-filtered", "found", []*seen{joined(reply{code: probe.Reset}, byFrontEnd(200))}},
		{"agent/no-phones", "proxy.user-agent-filtered", "found", []*seen{joined(byFrontEnd(200), stop)}},
		{"agent/refused-now-and-then", "proxy.user-agent-filtered", "clear", []*seen{joined(stop, byFrontEnd(200)).get(probe.GetMeet, "meet.contoso.example", "/", byFrontEnd(200))}},
		{"agent/no-phones-and-others", "proxy.user-agent-filtered", "clear", []*seen{joined(byFrontEnd(200), stop).get(probe.GetMeet, "meet.contoso.example", "/", stop)}},
		{"agent/both-pass", "proxy.user-agent-filtered", "clear", []*seen{joined(byFrontEnd(200), byFrontEnd(200))}},
		{"agent/both-refused", "proxy.user-agent-filtered", "clear", []*seen{joined(stop, stop)}},
		{"agent/no-meeting", "proxy.user-agent-filtered", "not applicable", []*seen{fromOutside().get(probe.GetMeet, "meet.contoso.example", "/", stop)}},

		{"address/all-refused", "proxy.ip-reputation-or-geo-block", "found", []*seen{allRefused(stop)}},
		{"address/or-the-agent", "proxy.ip-reputation-or-geo-block", "clear", []*seen{allRefused(byFrontEnd(200))}},
		{"address/nobody-else-was-asked-for", "proxy.ip-reputation-or-geo-block", "unknown", []*seen{fromOutside().
			get(probe.GetRoot, "lyncdiscover.contoso.example", "/", stop).get(probe.GetService, extWebHost, servicePath, stop)}},
		{"address/passes-from-elsewhere", "proxy.ip-reputation-or-geo-block", "found", []*seen{fromOutside().
			get(probe.GetRoot, "lyncdiscover.contoso.example", "/", stop).get(probe.GetService, extWebHost, servicePath, stop),
			fromInside().get(probe.GetService, extWebHost, servicePath, byFrontEnd(200))}},
		{"address/one-host", "proxy.ip-reputation-or-geo-block", "not applicable", []*seen{fromOutside().get(probe.GetService, extWebHost, servicePath, stop)}},
		{"address/one-path-passes", "proxy.ip-reputation-or-geo-block", "clear", []*seen{allRefused(stop).get(probe.GetContent, extWebHost, "/abs/handler", byFrontEnd(401))}},

		{"versions/none-that-the-library-allows", "tls.only-tls10", "found", []*seen{noVersion}},
		{"versions/1.3-only", "tls.only-tls10", "clear", []*seen{shown(version("1.0", probe.TLSProtocol), version("1.2", probe.TLSProtocol))}},
		{"names/redirected-to-one", "proxy.host-header-rewritten", "found", []*seen{fromOutside().get(probe.GetService, extWebHost, servicePath, byFrontEnd(200)).
			get(probe.GetRoot, "lyncdiscover.contoso.example", "/", with(page("nginx", 301, "moved"), "Location", "https://"+extWebHost+"/"))}},
		{"names/redirected-elsewhere", "proxy.host-header-rewritten", "clear", []*seen{fromOutside().get(probe.GetService, extWebHost, servicePath, byFrontEnd(200)).
			get(probe.GetRoot, "lyncdiscover.contoso.example", "/", with(page("nginx", 301, "moved"), "Location", "https://www.contoso.example/"))}},
		{"401/a-page-of-its-own", "proxy.x-ms-headers-stripped", "found", []*seen{fromOutside().get(probe.GetUserLegacy, extWebHost, userPath, page("nginx", 401, "<html>Not for you</html>"))}},

		{"redirect/to-itself", "proxy.redirect-loop-http-https", "found", []*seen{fromOutside().
			get(probe.GetService, extWebHost, servicePath, with(haproxy(302, "302 Found"), "Location", "https://"+extWebHost+servicePath))}},
		{"redirect/to-another-path", "proxy.redirect-loop-http-https", "clear", []*seen{fromOutside().
			get(probe.GetService, extWebHost, servicePath, with(haproxy(302, "302 Found"), "Location", "https://"+extWebHost+"/"))}},
		{"redirect/to-another-host", "proxy.redirect-loop-http-https", "clear", []*seen{fromOutside().
			get(probe.GetService, extWebHost, servicePath, with(haproxy(302, "302 Found"), "Location", "https://www.contoso.example"+servicePath))}},

		{"sni/refused-without", "tls.sni-missing-gets-default-cert", "found", []*seen{shown(probe.Handshake{Purpose: probe.HandshakeNoSNI, Outcome: reset})}},
		{"sni/refused-now-and-then", "tls.sni-missing-gets-default-cert", "clear", []*seen{shown(
			probe.Handshake{Purpose: probe.HandshakeNoSNI, Outcome: reset}, probe.Handshake{Purpose: probe.HandshakeSignIn, SNI: extWebHost, Outcome: reset})}},

		{"cut/now-and-then", "proxy.connection-limit", "unknown", []*seen{proven(shown(probe.Handshake{Purpose: probe.HandshakeRepeat, SNI: extWebHost, Outcome: reset}))}},
		{"cut/among-many", "proxy.connection-limit", "found", []*seen{crowding(4)}},
		{"cut/among-many-once", "proxy.connection-limit", "unknown", []*seen{crowding(1)}},
		{"cut/other-names", "proxy.connection-limit", "not applicable", []*seen{proven(shown(probe.Handshake{Purpose: probe.HandshakeUnknown, SNI: "other.contoso.example", Outcome: reset}))}},
		{"cut/is-no-refused-upload", "proxy.chunked-upload-411", "clear", []*seen{proven(shown(probe.Handshake{Purpose: probe.HandshakeRepeat, SNI: extWebHost, Outcome: reset})).
			get(probe.SignInUCWA, extWebHost, application, byFrontEnd(200)).get(probe.UploadLarge, extWebHost, application+"/batch", byFrontEnd(200)).
			get(probe.UploadChunked, extWebHost, application+"/batch", reply{code: probe.Reset})}},
		{"uploads/keep-nobody-out", "mobility.sign-in-fails", "clear", []*seen{fromOutside().signs(probe.ClientMobile2013, done(probe.StepTicket, 0), fails(probe.StepUpload, 0))}},
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
			if got := probe.Judge(&m.Rule, v); got.String() != tc.want {
				t.Errorf("%s: %s %v %s, want %s", tc.id, got, got.Evidence(), got.Why(), tc.want)
			}
			if undeclared := v.Read() &^ m.Reads; undeclared != 0 {
				t.Errorf("%s reads %s without saying so", tc.id, undeclared)
			}
		})
	}
}

// A proxy that passes TCP on cuts every connection when nobody is there behind it, and so does one that has no mapping at all.
func TestCutConnections(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, behind, down, unmapped string }{
		{"nobody-is-behind", probe.Refused, "found", "clear"},
		{"nothing-is-mapped", probe.OK, "clear", "found"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			out := fromOutside().get(probe.GetService, extWebHost, servicePath, reply{code: probe.Closed}).
				get(probe.GetUnknownHost, "other.contoso.example", "/", reply{code: probe.Closed})
			beside := besideTheProxy()
			beside.Section.Dials = []probe.Dial{{Addr: fe1Address, Outcome: probe.Outcome{Code: tc.behind}}}
			v := probe.NewView(&probe.Record{Sections: []*probe.Section{&out.Section, &beside.Section}, Target: probe.Target{
				SIPDomains: []string{"contoso.example"},
				Expected:   probe.Expected{ExternalWeb: []string{extWebHost}, WebServers: []probe.WebServer{{Address: fe1Address, Scheme: "https"}}},
			}})
			for id, want := range map[probe.ID]string{"proxy.upstream-down-502": tc.down, "proxy.unmapped-tcp-reset": tc.unmapped} {
				m, _ := Find(id)
				if got := probe.Judge(&m.Rule, v); got.String() != want {
					t.Errorf("%s: %s %v, want %s", id, got, got.Evidence(), want)
				}
			}
		})
	}
}

// Where every connection is cut before TLS, a PROXY header, or somebody in another network, tells why.
func TestConnectionsCutBeforeTLS(t *testing.T) {
	t.Parallel()
	cut := probe.Outcome{Code: probe.Closed}
	for _, tc := range []struct {
		name              string
		dialled, proxied  string
		inside            bool
		address, balancer string
	}{
		{"waits-for-a-balancer", probe.OK, probe.OK, false, "not applicable", "found"},
		{"cuts-all-the-same", probe.OK, probe.Reset, false, "unknown", "clear"},
		{"cuts-only-us", probe.OK, probe.Reset, true, "found", "clear"},
		{"no-header-was-tried", probe.OK, "", false, "not applicable", "not applicable"},
		{"resets-at-once", probe.Reset, "", false, "unknown", "not applicable"},
		{"resets-us-at-once", probe.Reset, "", true, "found", "not applicable"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			out := fromOutside()
			out.Lookups = []probe.Lookup{{Name: extWebHost, Type: "A", Outcome: probe.Outcome{Code: probe.OK}, Answers: []probe.RR{{Name: extWebHost, Type: "A", Value: addressOf(proxyHTTPS)}}}}
			out.Section.Dials = []probe.Dial{{Addr: proxyHTTPS, Outcome: probe.Outcome{Code: tc.dialled}}}
			if tc.dialled == probe.OK {
				out.Section.Handshakes = []probe.Handshake{{ID: 1, Purpose: probe.HandshakeName, Host: extWebHost, Addr: proxyHTTPS, Outcome: cut}}
			}
			if tc.proxied != "" {
				out.Section.Handshakes = append(out.Section.Handshakes, probe.Handshake{ID: 2, Purpose: probe.HandshakeProxied, Host: extWebHost, Addr: proxyHTTPS, Outcome: probe.Outcome{Code: tc.proxied}})
			}
			sections := []*probe.Section{&out.Section}
			if tc.inside {
				sections = append(sections, &fromInside().get(probe.GetService, extWebHost, servicePath, byFrontEnd(200)).Section)
			}
			v := probe.NewView(&probe.Record{Sections: sections, Target: probe.Target{SIPDomains: []string{"contoso.example"}, Expected: probe.Expected{ExternalWeb: []string{extWebHost}}}})
			for id, want := range map[probe.ID]string{"proxy.ip-reputation-or-geo-block": tc.address, "proxy.expects-proxy-protocol": tc.balancer} {
				m, _ := Find(id)
				if got := probe.Judge(&m.Rule, v); got.String() != want {
					t.Errorf("%s: %s %v %s, want %s", id, got, got.Evidence(), got.Why(), want)
				}
			}
		})
	}
}

// What keeps nobody from signing in is not the reason when somebody cannot.
func TestHarmlessModesExplainNoFailedSignIn(t *testing.T) {
	t.Parallel()
	for _, r := range Rules() {
		if got := slices.Contains(r.Explains, "mobility.sign-in-fails"); slices.Contains(harmless, r.ID) && got {
			t.Errorf("%s explains failed sign-ins", r.ID)
		}
	}
	for _, id := range harmless {
		if _, ok := Find(id); !ok {
			t.Errorf("no mode %s", id)
		}
	}
}
