package failure

import (
	"net/http"
	"testing"

	"lyncpin/probe"
)

// Answers as products word them, for records written by hand.

const (
	discoveryHost = "lyncdiscover.contoso.example"
	extWebHost    = "lyncweb-ext.contoso.example"
	intWebHost    = "lyncweb-int.contoso.example"
	meetingsHost  = "meet.contoso.example"
	strayHost     = "nobody-publishes-this.contoso.example"
	proxyHTTPS    = "203.0.113.10:443"
	proxyHTTP     = "203.0.113.10:80"
	servicePath   = "/Autodiscover/AutodiscoverService.svc/root"
)

// seen is what one place saw, put together exchange by exchange.
type seen struct{ probe.Section }

func fromOutside() *seen { return &seen{probe.Section{Vantage: probe.External}} }

// get adds an answer over HTTPS at the proxy.
func (s *seen) get(purpose, host, path string, a reply) *seen {
	return s.at("https", proxyHTTPS, purpose, host, path, a)
}

// plain adds an answer over HTTP at the proxy.
func (s *seen) plain(purpose, host, path string, a reply) *seen {
	return s.at("http", proxyHTTP, purpose, host, path, a)
}

func (s *seen) at(scheme, addr, purpose, host, path string, a reply) *seen {
	outcome := probe.Outcome{Code: probe.OK}
	if a.code != "" {
		outcome.Code = a.code
	}
	s.Exchanges = append(s.Exchanges, probe.Exchange{
		ID: len(s.Exchanges) + 1, Purpose: purpose, Method: "GET", URL: scheme + "://" + host + path, Host: host, Addr: addr,
		Outcome: outcome, Status: a.status, Header: a.header, Body: a.body, Size: len(a.body), Document: a.document,
	})
	return s
}

// shows adds a handshake with the host whose certificate is for the names or not.
func (s *seen) shows(host string, match bool, certificate string) *seen {
	h := probe.Handshake{
		ID: len(s.Section.Handshakes) + 1, Purpose: probe.HandshakeName, Host: host, Addr: proxyHTTPS, SNI: host,
		Outcome: probe.Outcome{Code: probe.OK}, NameMatch: probe.Outcome{Code: probe.OK}, Chain: []string{certificate},
	}
	if !match {
		h.NameMatch.Code = probe.TLSNameMismatch
	}
	s.Section.Handshakes = append(s.Section.Handshakes, h)
	return s
}

// reply is what came back.
type reply struct {
	code     string // outcome, when it is not OK
	status   int
	header   http.Header
	body     string
	document *probe.Document
}

var marks = http.Header{"X-Ms-Server-Fqdn": {"fe1.contoso.example"}, "Server": {"Microsoft-IIS/8.5"}}

func document(access, host string) reply {
	return reply{status: 200, header: marks, document: &probe.Document{
		Form: "legacy-xml", AccessLocation: access, Links: map[string]string{"user": "https://" + host + servicePath + "/user"},
	}}
}

func ucwa(host, domain string) reply {
	return reply{status: 200, header: marks, document: &probe.Document{Form: "ucwa-json", Links: map[string]string{
		"self": "https://" + host + servicePath + "?originalDomain=" + domain,
		"user": "https://" + host + servicePath + "/oauth/user?originalDomain=" + domain,
	}}}
}

func byFrontEnd(status int) reply { return reply{status: status, header: marks} }

func page(server string, status int, body string) reply {
	h := http.Header{"Content-Type": {"text/html"}}
	if server != "" {
		h.Set("Server", server)
	}
	return reply{status: status, header: h, body: body}
}

func with(a reply, name string, values ...string) reply {
	h := a.header.Clone()
	h[name] = values
	a.header = h
	return a
}

var (
	nginx502     = page("nginx", 502, "<html><head><title>502 Bad Gateway</title></head></html>")
	nginx404     = page("nginx", 404, "<html><head><title>404 Not Found</title></head></html>")
	haproxy503   = page("", 503, "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>")
	kernelByHand = page("nginx", 503, "<HTML><BODY><h2>Service Unavailable</h2>\r\n<hr><p>HTTP Error 503. The servicePath is unavailable.</p>\r\n</BODY></HTML>")
	iis404       = page("nginx", 404, "<html><body>\r\n<h1>Server Error</h1>\r\n<h2>404 - File or directory not found.</h2></body></html>")
	reset        = reply{code: probe.Reset}
	silence      = reply{code: probe.Timeout}
	externalDoc  = document("External", extWebHost)
	internalDoc  = document("Internal", intWebHost)
)

// healthyBut is a working deployment seen outside, for cases about one more host.
func healthyBut() *seen {
	return fromOutside().
		get(probe.GetRoot, discoveryHost, "/", ucwa(extWebHost, "contoso.example")).
		get(probe.GetRootLegacy, discoveryHost, "/", externalDoc).
		get(probe.GetMeet, meetingsHost, "/", byFrontEnd(200))
}

func TestProxyRulesOnTheWire(t *testing.T) {
	t.Parallel()
	expected := probe.Expected{ExternalWeb: []string{extWebHost}, InternalWeb: []string{intWebHost}}
	certificates := map[string]probe.Certificate{
		"proxy":  {Names: []string{discoveryHost, extWebHost, meetingsHost}},
		"inside": {Names: []string{"pool01.contoso.example", intWebHost, meetingsHost}},
	}
	for _, tc := range []struct {
		name string
		id   probe.ID
		seen *seen
		// beside is what the proxy vantage saw; nil when there was none.
		beside   *seen
		expected probe.Expected
		want     string
	}{
		{name: "site/internal-for-some-requests", id: "proxy.port-not-flipped", want: "found",
			seen: healthyBut().get(probe.GetInternalOnly, extWebHost, "/cscp/", byFrontEnd(401)).get(probe.GetService, extWebHost, servicePath, ucwa(extWebHost, ""))},
		{name: "site/marks-of-the-directories-stripped", id: "proxy.port-not-flipped", want: "clear",
			seen: healthyBut().get(probe.GetInternalOnly, extWebHost, "/cscp/", page("nginx", 401, "")).get(probe.GetService, extWebHost, servicePath, ucwa(extWebHost, ""))},
		{name: "site/no-port-80", id: "proxy.port-not-flipped", want: "found", seen: fromOutside().get(probe.GetRootLegacy, discoveryHost, "/", internalDoc)},
		{name: "site/links-alone-when-nothing-else-tells", id: "proxy.port-not-flipped", expected: expected, want: "found",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", ucwa(intWebHost, "contoso.example"))},
		{name: "site/links-alone-and-access-location-says-external", id: "proxy.port-not-flipped", expected: expected, want: "clear",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", ucwa(intWebHost, "contoso.example")).get(probe.GetRootLegacy, discoveryHost, "/", document("External", intWebHost))},
		{name: "site/meeting-host-only", id: "proxy.port-not-flipped", want: "clear",
			seen: healthyBut().get(probe.GetInternalOnly, meetingsHost, "/cscp/", byFrontEnd(401))},
		{name: "site/front-end-without-proxy", id: "proxy.port-not-flipped", want: "clear",
			seen: fromOutside().get(probe.GetRootLegacy, discoveryHost, "/", internalDoc).shows(discoveryHost, false, "inside")},
		{name: "site/proxy-certificate-lacks-the-name", id: "proxy.port-not-flipped", want: "found",
			seen: fromOutside().get(probe.GetRootLegacy, discoveryHost, "/", internalDoc).shows(discoveryHost, false, "proxy")},
		{name: "site/http-alone", id: "proxy.port-80-not-flipped", want: "found",
			seen: healthyBut().plain(probe.GetRootHTTP, discoveryHost, "/", internalDoc)},
		{name: "site/http-right-https-not", id: "proxy.port-443-not-flipped-80-is", want: "found",
			seen: fromOutside().get(probe.GetRootLegacy, discoveryHost, "/", internalDoc).plain(probe.GetRootHTTP, discoveryHost, "/", externalDoc)},
		{name: "site/balancer-maps-wrongly", id: "proxy.port-not-flipped", want: "clear", expected: probe.Expected{FrontEnds: []string{"10.10.10.11"}},
			seen: fromOutside().get(probe.GetRootLegacy, discoveryHost, "/", internalDoc),
			beside: besideTheProxy().at("https", "10.10.10.10:4443", probe.GetRootLegacy, discoveryHost, "/", internalDoc).
				at("https", "10.10.10.11:4443", probe.GetRootLegacy, discoveryHost, "/", externalDoc)},
		{name: "site/proxy-dials-443-of-the-balancer", id: "proxy.port-not-flipped", want: "found", expected: probe.Expected{FrontEnds: []string{"10.10.10.11"}},
			seen: fromOutside().get(probe.GetRootLegacy, discoveryHost, "/", internalDoc),
			beside: besideTheProxy().at("https", "10.10.10.10:443", probe.GetRootLegacy, discoveryHost, "/", internalDoc).
				at("https", "10.10.10.11:443", probe.GetRootLegacy, discoveryHost, "/", internalDoc).
				at("https", "10.10.10.11:4443", probe.GetRootLegacy, discoveryHost, "/", externalDoc)},

		{name: "forwarding/nginx", id: "proxy.upstream-down-502", want: "found", seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", nginx502)},
		{name: "forwarding/silent-until-the-probe-gives-up", id: "proxy.upstream-down-502", want: "found", seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", silence)},
		{name: "forwarding/haproxy-for-every-host", id: "proxy.upstream-down-502", want: "found",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", haproxy503).get(probe.GetMeet, meetingsHost, "/", haproxy503).get(probe.GetUnknownHost, strayHost, "/", haproxy503)},
		{name: "forwarding/application-pool-behind-nginx", id: "proxy.upstream-down-502", want: "clear", seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", kernelByHand)},
		{name: "forwarding/error-of-the-front-end", id: "proxy.upstream-down-502", want: "clear", seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", byFrontEnd(500))},
		{name: "forwarding/now-and-then", id: "proxy.upstream-down-502", want: "clear",
			seen: healthyBut().get(probe.GetRepeat, discoveryHost, "/", nginx502)},
		{name: "forwarding/another-machine", id: "proxy.upstream-down-502", want: "clear",
			seen: healthyBut().at("https", "203.0.113.80:443", probe.GetService, extWebHost, servicePath, nginx502)},
		{name: "forwarding/http-only", id: "proxy.upstream-down-502", want: "found", seen: healthyBut().plain(probe.GetRootHTTP, discoveryHost, "/", nginx502)},
		{name: "forwarding/cut-while-unknown-hosts-are-answered", id: "proxy.upstream-down-502", want: "found",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", reset).get(probe.GetUnknownHost, strayHost, "/", nginx404)},

		{name: "host/haproxy-without-default-backend", id: "proxy.default-vhost-answers", want: "found",
			seen: healthyBut().get(probe.GetService, extWebHost, servicePath, haproxy503).get(probe.GetUnknownHost, strayHost, "/", haproxy503)},
		{name: "host/haproxy-without-default-backend-is-no-outage", id: "proxy.upstream-down-502", want: "clear",
			seen: healthyBut().get(probe.GetService, extWebHost, servicePath, haproxy503).get(probe.GetUnknownHost, strayHost, "/", haproxy503)},
		{name: "host/caddy-says-nothing", id: "proxy.default-vhost-answers", want: "found",
			seen: healthyBut().get(probe.GetService, extWebHost, servicePath, page("Caddy", 200, "")).get(probe.GetUnknownHost, strayHost, "/", page("Caddy", 200, ""))},
		{name: "host/unknown-names-refused-in-the-handshake", id: "proxy.default-vhost-answers", want: "found",
			seen: healthyBut().get(probe.GetService, extWebHost, servicePath, nginx404)},
		{name: "host/unknown-hosts-reach-the-front-end", id: "proxy.default-vhost-answers", want: "clear",
			seen: healthyBut().get(probe.GetService, extWebHost, servicePath, ucwa(extWebHost, "")).get(probe.GetUnknownHost, strayHost, "/", byFrontEnd(404))},
		{name: "host/meeting-host-alone", id: "proxy.default-vhost-answers", want: "clear",
			seen: healthyBut().get(probe.GetMeet, "meet.fabrikam.example", "/", nginx404).get(probe.GetUnknownHost, strayHost, "/", nginx404)},
		{name: "host/discovery-on-port-80-on-purpose", id: "proxy.default-vhost-answers", want: "clear", expected: probe.Expected{HTTPOnlyDiscovery: true},
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", nginx404).get(probe.GetService, extWebHost, servicePath, ucwa(extWebHost, ""))},
		{name: "host/reset-like-unknown-hosts", id: "proxy.unmapped-tcp-reset", want: "found",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", reset).get(probe.GetUnknownHost, strayHost, "/", reset)},
		{name: "host/reset-for-one-path", id: "proxy.unmapped-tcp-reset", want: "clear",
			seen: healthyBut().get(probe.GetService, extWebHost, servicePath, ucwa(extWebHost, "")).get(probe.GetUCWA, extWebHost, "/ucwa/v1/applications", reset)},
		{name: "host/reset-and-nobody-knows-why", id: "proxy.unmapped-tcp-reset", want: "clear", seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", reset)},

		{name: "page/federation", id: "proxy.preauth-forms-page", want: "found",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", with(page("Microsoft-HTTPAPI/2.0", 307, ""), "Location", "https://adfs.contoso.example/adfs/ls?client-request-id=1"))},
		{name: "page/redirect-to-the-company", id: "proxy.preauth-forms-page", want: "clear",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", with(page("nginx", 302, ""), "Location", "https://www.contoso.example/"))},
		{name: "page/certificate-of-another-machine", id: "proxy.preauth-forms-page", want: "clear",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", page("nginx", 200, `<html><form><input type="password"></form></html>`)).shows(discoveryHost, false, "inside")},
		{name: "page/maintenance", id: "proxy.error-page-with-200", want: "found",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", page("nginx", 200, "<html><title>Back soon</title></html>"))},
		{name: "page/front-end-answers-the-other-form", id: "proxy.error-page-with-200", want: "clear",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", page("nginx", 200, "<html></html>")).get(probe.GetRootLegacy, discoveryHost, "/", externalDoc)},
		{name: "page/credentials", id: "proxy.preauth-401", want: "found",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", with(page("Apache", 401, ""), "Www-Authenticate", `Basic realm="Extranet"`))},
		{name: "page/challenge-of-the-front-end", id: "proxy.preauth-401", want: "clear",
			seen: healthyBut().get(probe.GetService, extWebHost, servicePath, with(page("nginx", 401, ""), "Www-Authenticate", `MsRtcOAuth href="https://x/"`))},

		{name: "path/refused", id: "proxy.path-allowlist-missing-ucwa", want: "found",
			seen: healthyBut().get(probe.GetService, extWebHost, servicePath, ucwa(extWebHost, "")).get(probe.GetUCWA, extWebHost, "/ucwa/v1/applications", nginx404)},
		{name: "path/refused-where-marks-are-stripped", id: "proxy.path-allowlist-missing-ucwa", want: "found",
			seen: fromOutside().get(probe.GetService, extWebHost, servicePath, unmarked(ucwa(extWebHost, ""))).get(probe.GetUCWA, extWebHost, "/ucwa/v1/applications", nginx404)},
		{name: "path/absent-where-marks-are-stripped", id: "proxy.path-allowlist-missing-ucwa", want: "clear",
			seen: fromOutside().get(probe.GetService, extWebHost, servicePath, unmarked(ucwa(extWebHost, ""))).get(probe.GetUCWA, extWebHost, "/ucwa/v1/applications", iis404)},
		{name: "path/old-server-has-none", id: "proxy.path-allowlist-missing-ucwa", want: "clear",
			seen: healthyBut().get(probe.GetService, extWebHost, servicePath, ucwa(extWebHost, "")).get(probe.GetUCWA, extWebHost, "/ucwa/v1/applications", byFrontEnd(404))},
		{name: "path/whole-host-refused", id: "proxy.path-allowlist-missing-autodiscover", want: "clear",
			seen: healthyBut().get(probe.GetService, extWebHost, servicePath, nginx404).get(probe.GetUCWA, extWebHost, "/ucwa/v1/applications", nginx404)},
		{name: "path/other-case-goes-through", id: "proxy.path-allowlist-missing-autodiscover", want: "clear",
			seen: healthyBut().get(probe.GetService, extWebHost, servicePath, nginx404).get(probe.GetServiceCase, extWebHost, "/autodiscover/autodiscoverservice.svc/ROOT", ucwa(extWebHost, ""))},
		{name: "path/one-case-only", id: "proxy.case-sensitive-path", want: "found",
			seen: healthyBut().get(probe.GetService, extWebHost, servicePath, nginx404).get(probe.GetServiceCase, extWebHost, "/autodiscover/autodiscoverservice.svc/ROOT", ucwa(extWebHost, ""))},
		{name: "path/one-answer-of-two-nodes", id: "proxy.case-sensitive-path", want: "clear",
			seen: healthyBut().get(probe.GetService, extWebHost, servicePath, nginx502).get(probe.GetServiceCase, extWebHost, "/autodiscover/autodiscoverservice.svc/ROOT", ucwa(extWebHost, ""))},
		{name: "path/prefix", id: "proxy.path-prefix-mismatch", want: "found",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", byFrontEnd(404)).get(probe.GetService, discoveryHost, servicePath, byFrontEnd(404))},
		{name: "path/prefix-of-discovery-stripped", id: "proxy.path-prefix-mismatch", want: "found",
			seen: fromOutside().get(probe.GetWebTicket, extWebHost, ticketPath, byFrontEnd(401)).get(probe.GetService, extWebHost, servicePath, byFrontEnd(404)).
				get(probe.GetServiceQuery, extWebHost, servicePath, byFrontEnd(404)),
			beside: besideTheProxy().at("https", "10.10.10.11:4443", probe.GetRoot, discoveryHost, "/", ucwa(extWebHost, ""))},
		{name: "path/discovery-lost-for-some", id: "proxy.path-prefix-mismatch", want: "clear",
			seen: fromOutside().get(probe.GetWebTicket, extWebHost, ticketPath, byFrontEnd(401)).get(probe.GetService, extWebHost, servicePath, byFrontEnd(404)).
				get(probe.GetServiceQuery, extWebHost, servicePath, ucwa(extWebHost, "")),
			beside: besideTheProxy().at("https", "10.10.10.11:4443", probe.GetRoot, discoveryHost, "/", ucwa(extWebHost, ""))},
		{name: "path/prefix-but-the-front-end-is-empty-too", id: "proxy.path-prefix-mismatch", want: "clear",
			seen:   fromOutside().get(probe.GetRoot, discoveryHost, "/", byFrontEnd(404)).get(probe.GetService, discoveryHost, servicePath, byFrontEnd(404)),
			beside: besideTheProxy().at("https", "10.10.10.11:4443", probe.GetRoot, discoveryHost, "/", byFrontEnd(404))},

		{name: "name/lost", id: "proxy.host-header-rewritten", want: "found",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", byFrontEnd(403)).get(probe.GetService, discoveryHost, servicePath, ucwa(extWebHost, ""))},
		{name: "name/lost-at-the-front-end-too", id: "proxy.host-header-rewritten", want: "clear",
			seen:   fromOutside().get(probe.GetRoot, discoveryHost, "/", byFrontEnd(403)).get(probe.GetService, discoveryHost, servicePath, ucwa(extWebHost, "")),
			beside: besideTheProxy().at("https", "10.10.10.11:4443", probe.GetRoot, discoveryHost, "/", byFrontEnd(403))},
		{name: "name/root-refused-by-the-proxy", id: "proxy.host-header-rewritten", want: "clear",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", nginx404).get(probe.GetService, discoveryHost, servicePath, ucwa(extWebHost, ""))},
		{name: "name/another-domain-echoed", id: "proxy.host-header-rewritten", want: "found",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", ucwa(extWebHost, "fabrikam.example"))},
		{name: "name/one-node-does-not-know-the-meeting-host", id: "proxy.host-header-rewritten", want: "clear",
			seen: healthyBut().get(probe.GetMeet, meetingsHost, "/", byFrontEnd(404)),
			beside: besideTheProxy().at("https", "10.10.10.11:4443", probe.GetRoot, discoveryHost, "/", ucwa(extWebHost, "contoso.example")).
				at("https", "10.10.10.11:4443", probe.GetMeet, meetingsHost, "/", byFrontEnd(200)).
				at("https", "10.10.10.12:4443", probe.GetMeet, meetingsHost, "/", byFrontEnd(404))},

		{name: "challenge/lines-joined", id: "proxy.www-authenticate-stripped", want: "clear",
			seen: healthyBut().get(probe.GetUser, extWebHost, servicePath+"/oauth/user", with(byFrontEnd(401), "Www-Authenticate", `Bearer trusted_issuers="", MsRtcOAuth href="https://x/",grant_type="password"`))},
		{name: "challenge/first-line-only", id: "proxy.www-authenticate-stripped", want: "found",
			seen: healthyBut().get(probe.GetUser, extWebHost, servicePath+"/oauth/user", with(byFrontEnd(401), "Www-Authenticate", `Bearer trusted_issuers=""`))},
		{name: "challenge/ticket-address-instead", id: "proxy.www-authenticate-stripped", want: "clear",
			seen: healthyBut().get(probe.GetUser, extWebHost, servicePath+"/user", with(byFrontEnd(401), "X-Ms-Webticketurl", "https://x/"))},
		{name: "challenge/of-the-proxy", id: "proxy.www-authenticate-stripped", want: "not applicable",
			seen: healthyBut().get(probe.GetUser, extWebHost, servicePath+"/oauth/user", with(page("nginx", 401, ""), "Www-Authenticate", `Basic realm="x"`))},

		{name: "http/to-the-same-host", id: "proxy.http80-redirects-to-https", want: "found",
			seen: healthyBut().plain(probe.GetRootHTTP, discoveryHost, "/", with(page("nginx", 301, ""), "Location", "https://"+discoveryHost+"/"))},
		{name: "http/to-a-portal", id: "proxy.http80-redirects-to-https", want: "clear",
			seen: healthyBut().plain(probe.GetRootHTTP, discoveryHost, "/", with(page("nginx", 302, ""), "Location", "https://portal.hotel.example/login"))},
		{name: "http/to-http", id: "proxy.http80-redirects-to-https", want: "clear",
			seen: healthyBut().plain(probe.GetRootHTTP, discoveryHost, "/", with(page("nginx", 302, ""), "Location", "/start"))},

		{name: "offload/redirects-and-wants-ssl", id: "proxy.tls-offload-to-8080", want: "found",
			seen: fromOutside().get(probe.GetHop, extWebHost, servicePath, redirect(extWebHost)).get(probe.GetMeet, meetingsHost, "/", byFrontEnd(403))},
		{name: "offload/circle-of-pools", id: "proxy.tls-offload-to-8080", want: "clear",
			seen: fromOutside().get(probe.GetHop, extWebHost, servicePath, redirect(extWebHost)).get(probe.GetMeet, meetingsHost, "/", byFrontEnd(200))},
		{name: "offload/leads-elsewhere", id: "proxy.tls-offload-to-8080", want: "clear",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", redirect("webdir.online.example")).get(probe.GetMeet, meetingsHost, "/", byFrontEnd(403))},
		{name: "turns/some-whole-some-not", id: "proxy.mixed-scheme-peers-round-robin", want: "found",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", ucwa(extWebHost, "contoso.example")).get(probe.GetRepeat, discoveryHost, "/", redirect(extWebHost))},
		{name: "turns/some-users-are-elsewhere", id: "proxy.mixed-scheme-peers-round-robin", want: "clear",
			seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", ucwa(extWebHost, "contoso.example")).get(probe.GetRootLegacy, discoveryHost, "/", redirect("webdir.online.example"))},

		{name: "protocol/plain-request-to-tls", id: "proxy.peer-protocol-wrong", want: "found", seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", nginx502),
			expected: probe.Expected{WebServers: []probe.WebServer{{Address: "10.10.10.11:4443", Scheme: "http"}}},
			beside:   besideTheProxy().at("http", "10.10.10.11:4443", probe.GetRootHTTP, discoveryHost, "/", reset)},
		{name: "protocol/plain-request-answered", id: "proxy.peer-protocol-wrong", want: "clear", seen: fromOutside().get(probe.GetRoot, discoveryHost, "/", nginx502),
			expected: probe.Expected{WebServers: []probe.WebServer{{Address: "10.10.10.11:8080", Scheme: "http"}}},
			beside:   besideTheProxy().at("http", "10.10.10.11:8080", probe.GetRootHTTP, discoveryHost, "/", redirect(extWebHost))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m, ok := Find(tc.id)
			if !ok {
				t.Fatalf("no mode %s", tc.id)
			}
			rec := &probe.Record{
				Target:   probe.Target{SIPDomains: []string{"contoso.example"}, Expected: tc.expected},
				Sections: []*probe.Section{&tc.seen.Section}, Certificates: certificates,
			}
			if tc.beside != nil {
				rec.Sections = append(rec.Sections, &tc.beside.Section)
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

func besideTheProxy() *seen { return &seen{probe.Section{Vantage: probe.Proxy}} }

func redirect(host string) reply {
	return reply{status: 200, header: marks, document: &probe.Document{Form: "ucwa-json", Links: map[string]string{"redirect": "https://" + host + servicePath}}}
}

func unmarked(a reply) reply {
	a.header = http.Header{"Server": {"nginx"}}
	return a
}
