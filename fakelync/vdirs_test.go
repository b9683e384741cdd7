package fakelync_test

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"lyncpin/fakelync"
)

// Every virtual directory, with the status of a bare GET on each site, for Lync 2013.
func TestVirtualDirectories(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	conns := map[door]net.Conn{intHTTPS: connect(t, srv, intHTTPS, ""), extHTTPS: connect(t, srv, extHTTPS, "")}
	for _, tc := range []struct {
		path               string
		internal, external int
	}{
		{"/Autodiscover", 403, 403},
		{"/Autodiscover/AutodiscoverService.svc/root", 200, 200},
		{"/Autodiscover/AutodiscoverService.svc/root/domain", 200, 200},
		{"/Autodiscover/AutodiscoverService.svc/root/user", 401, 401},
		{"/Autodiscover/AutodiscoverService.svc/root/oauth/user", 401, 401},
		{"/Autodiscover/XFrame/XFrame.html", 200, 200},
		{"/WebTicket", 403, 403},
		{"/WebTicket/WebTicketService.svc", 401, 401},
		{"/WebTicket/WebTicketService.svc/mex", 200, 200},
		{"/WebTicket/WebTicketService.svc/OAuth", 401, 401},
		{"/WebTicket/WebTicketService.svc/Auth", 400, 400},
		{"/WebTicket/WebTicketService.svc/Anon", 400, 400},
		{"/WebTicket/WebTicketService.svc/cert", 400, 400},
		{"/WebTicket/WebTicketService.svc/WsFed_bearer", 400, 400},
		{"/WebTicket/WebTicketService.svc/other", 404, 404},
		{"/webticket/oauthtoken", 400, 400},
		{"/CertProv/CertProvisioningService.svc", 200, 200},
		{"/CertProv/CertProvisioningService.svc/WebTicket_Proof", 400, 400},
		{"/PassiveAuth", 403, 403},
		{"/ucwa/v1/applications", 401, 401},
		{"/ucwa/v1/applications/101/events", 401, 401},
		{"/ucwa/oauth/v1/applications", 401, 401},
		{"/ucwa", 403, 403},
		{"/ucwa/v2/applications", 404, 404},
		{"/Mcx/McxService.svc", 200, 200},
		{"/Reach", 403, 403},
		{"/Reach/sip.svc", 200, 200},
		{"/lwa/WebPages/LwaClient.aspx", 200, 200},
		{"/abs", 401, 401},
		{"/abs/handler", 401, 401},
		{"/ABS/Ext/Handler", 401, 401},
		{"/absx", 404, 404},
		{"/GroupExpansion/service.svc", 401, 401},
		{"/RgsClients/AgentService.svc", 401, 401},
		{"/RgsConfig", 401, 404},
		{"/PersistentChat/RM", 401, 401},
		{"/meet", 200, 200},
		{"/meet/user1/ABCD1234", 200, 200},
		{"/meet/user1", 404, 404},
		{"/dialin", 200, 200},
		{"/dialin/other", 404, 404},
		{"/Scheduler", 200, 200},
		{"/DataCollabWeb", 403, 403},
		{"/CollabContent", 403, 403},
		{"/MeetingContent", 403, 403},
		{"/MeetingFiles", 403, 403},
		{"/etc/place/null", 403, 403},
		{"/Conf/Int", 403, 404},
		{"/Conf/Ext", 404, 403},
		{"/PhoneConferencing/Int", 403, 404},
		{"/PhoneConferencing/Ext", 404, 403},
		{"/RequestHandler/ucdevice.upx", 200, 404},
		{"/RequestHandler/ucdevice.upx/other", 404, 404},
		{"/RequestHandler/Files", 403, 404},
		{"/RequestHandler", 403, 404},
		{"/RequestHandlerExt/ucdevice.upx", 404, 200},
		{"/RequestHandlerExt/Files", 404, 403},
		{"/RequestHandlerExt", 404, 403},
		{"/DeviceUpdateFiles_Int", 403, 404},
		{"/DeviceUpdateFiles_Ext", 404, 403},
		{"/AutoUpdate/Int", 403, 404},
		{"/AutoUpdate/Ext", 404, 403},
		{"/LocationInformation/liservice.svc", 200, 404},
		{"/LocationInformation", 403, 404},
		{"/cscp/", 401, 404},
		{"/OcsPowerShell/", 401, 404},
		{"/OcsPowershellOAuth", 404, 404}, // from 2015 on
		{"/HybridConfig", 403, 403},
		{"/Fonts", 403, 403},
		{"/Fonts/other.ttf", 404, 404},
		{"/LMStaticData", 403, 403},
		{"/nothing", 404, 404},
	} {
		for door, want := range map[door]int{intHTTPS: tc.internal, extHTTPS: tc.external} {
			got := exchange(t, conns[door], request{target: tc.path, host: "lyncweb-ext.contoso.example"})
			if got.status != want {
				t.Errorf("%s %s: status %d, want %d", door, tc.path, got.status, want)
			}
			if got.header.Get("X-MS-Server-Fqdn") != "fe1.corp.contoso.example" || got.header.Get("Server") != "Microsoft-IIS/7.5" {
				t.Errorf("%s %s: not signed by the machine: %v", door, tc.path, got.header)
			}
		}
	}
}

// What comes and goes with the releases.
func TestVirtualDirectoriesByProduct(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][4]int{ // 2010, 2013, 2015, 2019
		"/Mcx/McxService.svc":                                   {200, 200, 200, 404},
		"/ucwa/v1/applications":                                 {404, 401, 401, 401},
		"/WebTicket/oauthtoken":                                 {404, 400, 400, 400},
		"/Autodiscover/AutodiscoverService.svc/root/oauth/user": {404, 401, 401, 401},
		"/Autodiscover/AutodiscoverService.svc/root/user":       {401, 401, 401, 401},
		"/Autodiscover/XFrame/XFrame.html":                      {404, 200, 200, 200},
		"/WebTicket/WebTicketService.svc/OAuth":                 {404, 401, 401, 401},
		"/lwa":                                                  {404, 200, 200, 200},
		"/OcsPowershellOAuth":                                   {404, 404, 401, 401},
	} {
		for i, product := range []fakelync.Product{fakelync.Lync2010, fakelync.Lync2013, fakelync.SfB2015, fakelync.SfB2019} {
			t.Run(strings.ReplaceAll(string(product)+path, "/", "_"), func(t *testing.T) {
				t.Parallel()
				cfg := healthy()
				cfg.Product = product
				if got := ask(t, start(t, cfg), intHTTPS, request{target: path, host: "lyncweb-int.contoso.example"}); got.status != want[i] {
					t.Errorf("status = %d, want %d", got.status, want[i])
				}
			})
		}
	}
}

// Over plain HTTP discovery answers and the rest asks for SSL, but for what devices fetch inside.
func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	cfg := healthy()
	cfg.External.RequireSSL = true
	strict := start(t, cfg)
	for _, tc := range []struct {
		host, target               string
		internal, external, strict int
	}{
		{"lyncdiscover.contoso.example", "/", 200, 200, 403},
		{"lyncdiscover.contoso.example", "/?sipuri=user1@contoso.example", 200, 200, 403},
		{"lyncweb-ext.contoso.example", rootTarget, 200, 200, 403},
		{"lyncweb-ext.contoso.example", rootTarget + "/user", 403, 403, 403},
		{"lyncweb-ext.contoso.example", rootTarget + "/domain", 403, 403, 403},
		{"lyncweb-ext.contoso.example", "/ucwa/v1/applications", 403, 403, 403},
		{"lyncweb-ext.contoso.example", "/WebTicket/WebTicketService.svc", 403, 403, 403},
		{"lyncweb-ext.contoso.example", "/webticket/oauthtoken", 403, 403, 403},
		{"meet.contoso.example", "/user1/ABCD1234", 403, 403, 403},
		{"lyncweb-ext.contoso.example", "/nothing", 403, 403, 403},
		{"lyncweb-ext.contoso.example", "/CertProv/CertProvisioningService.svc", 200, 403, 403},
		{"lyncweb-ext.contoso.example", "/RequestHandler/ucdevice.upx", 200, 403, 403},
	} {
		for _, c := range []struct {
			name string
			srv  *fakelync.Server
			door door
			want int
		}{{"internal", srv, intHTTP, tc.internal}, {"external", srv, extHTTP, tc.external}, {"require-ssl", strict, extHTTP, tc.strict}} {
			got := ask(t, c.srv, c.door, request{target: tc.target, host: tc.host})
			if got.status != c.want {
				t.Errorf("%s %s%s: status %d, want %d", c.name, tc.host, tc.target, got.status, c.want)
			}
			if c.want == 403 && (!strings.Contains(got.body, "403.4") || last(t, c.srv).SubStatus != 4) {
				t.Errorf("%s %s%s: not 403.4: %s", c.name, tc.host, tc.target, got.body)
			}
		}
	}
	if got := ask(t, strict, extHTTPS, request{target: "/", host: "lyncdiscover.contoso.example"}); got.status != 200 {
		t.Errorf("require SSL refuses HTTPS: %d", got.status)
	}
}

func TestStoppedAndFailedApplications(t *testing.T) {
	t.Parallel()
	cfg := healthy()
	cfg.External.StoppedAppPools = []string{"UCWA"}
	cfg.External.FailedApps = []string{"meet"}
	srv := start(t, cfg)
	stopped := ask(t, srv, extHTTPS, request{target: "/ucwa/v1/applications", host: "lyncweb-ext.contoso.example"})
	if stopped.status != 503 || stopped.header.Get("Server") != "Microsoft-HTTPAPI/2.0" || stopped.header.Get("X-MS-Server-Fqdn") != "" {
		t.Errorf("stopped pool: %d %v", stopped.status, stopped.header)
	}
	if !strings.Contains(stopped.body, "HTTP Error 503. The service is unavailable.") {
		t.Errorf("stopped pool: body %s", stopped.body)
	}
	failed := ask(t, srv, extHTTPS, request{target: "/user1/ABCD1234", host: "meet.contoso.example"})
	if failed.status != 500 || failed.header.Get("X-MS-Server-Fqdn") == "" || failed.header.Get("X-AspNet-Version") != "4.0.30319" {
		t.Errorf("failed application: %d %v", failed.status, failed.header)
	}
	for name, q := range map[string]struct {
		door door
		request
		want int
	}{
		"other-application": {extHTTPS, request{target: "/", host: "lyncdiscover.contoso.example"}, 200},
		"other-site":        {intHTTPS, request{target: "/ucwa/v1/applications", host: "lyncweb-ext.contoso.example"}, 401},
		"other-site-meet":   {intHTTPS, request{target: "/user1/ABCD1234", host: "meet.contoso.example"}, 200},
	} {
		if got := ask(t, srv, q.door, q.request); got.status != q.want {
			t.Errorf("%s: status %d, want %d", name, got.status, q.want)
		}
	}
}

func TestEveryApplicationCanBeStopped(t *testing.T) {
	t.Parallel()
	cfg := healthy()
	cfg.External.StoppedAppPools = []string{"*"}
	cfg.Internal.StoppedAppPools = fakelync.Applications()
	srv := start(t, cfg)
	for _, target := range []string{"/", "/abs", "/ucwa/v1/applications", "/nothing"} {
		if got := ask(t, srv, extHTTPS, request{target: target, host: "lyncdiscover.contoso.example"}); got.status != 503 {
			t.Errorf("all stopped, %s: %d, want 503", target, got.status)
		}
	}
	if got := ask(t, srv, intHTTPS, request{target: "/", host: "lyncdiscover.contoso.example"}); got.status != 503 {
		t.Errorf("autodiscover stopped: / under the discovery name answers %d, want 503", got.status)
	}
	if got := ask(t, srv, intHTTPS, request{target: "/", host: "lyncweb-int.contoso.example"}); got.status != 403 {
		t.Errorf("the root belongs to no stopped application: %d, want 403", got.status)
	}
}

func TestRequestFiltering(t *testing.T) {
	t.Parallel()
	cfg := healthy()
	cfg.External.Filtering = fakelync.RequestFiltering{
		DenySequences: []string{"'"}, DenyVerbs: []string{"options"}, MaxBody: 10, MaxURL: 60, MaxQuery: 20,
	}
	cfg.Internal.Filtering.AllowDoubleEscaping = true
	srv := start(t, cfg)
	for _, tc := range []struct {
		name    string
		door    door
		request request
		sub     int // of a 404; 0 for the status below
		status  int
	}{
		{"sequence", extHTTPS, request{target: "/meet/o'neill/ABCD1234"}, 5, 404},
		{"sequence-escaped", extHTTPS, request{target: "/meet/o%27neill/ABCD1234"}, 5, 404},
		{"verb", extHTTPS, request{method: "OPTIONS", target: "/webticket/oauthtoken"}, 6, 404},
		{"double-escape", extHTTPS, request{target: "/meet/user1/AB%2541"}, 11, 404},
		{"double-escape-allowed", intHTTPS, request{target: "/meet/user1/AB%2541"}, 0, 200},
		{"body", extHTTPS, request{method: "POST", target: "/webticket/oauthtoken", body: "12345678901"}, 13, 404},
		{"body-chunked", extHTTPS, request{method: "POST", target: "/webticket/oauthtoken", header: "Transfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n"}, 13, 404},
		{"body-fits", extHTTPS, request{method: "POST", target: "/webticket/oauthtoken", body: "1234567890"}, 0, 400},
		{"url", extHTTPS, request{target: "/meet/user1/" + strings.Repeat("A", 60)}, 14, 404},
		{"query", extHTTPS, request{target: "/meet?" + strings.Repeat("A", 21)}, 15, 404},
		{"query-fits", extHTTPS, request{target: "/meet?" + strings.Repeat("A", 20)}, 0, 200},
		{"url-default", intHTTPS, request{target: "/meet/" + strings.Repeat("A", 4091)}, 14, 404},
		{"query-default", intHTTPS, request{target: "/meet?" + strings.Repeat("A", 2049)}, 15, 404},
		{"body-default", intHTTPS, request{method: "POST", target: "/abs", header: "Content-Length: 30000001\r\n"}, 13, 404},
		{"verb-default", intHTTPS, request{method: "OPTIONS", target: "/webticket/oauthtoken"}, 0, 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.request.host = "lyncweb-ext.contoso.example"
			got := ask(t, srv, tc.door, tc.request)
			if got.status != tc.status || last(t, srv).SubStatus != tc.sub {
				t.Errorf("got %d.%d, want %d.%d", got.status, last(t, srv).SubStatus, tc.status, tc.sub)
			}
			if tc.sub != 0 && !strings.Contains(got.body, "404."+strconv.Itoa(tc.sub)) {
				t.Errorf("the page does not say 404.%d: %s", tc.sub, got.body)
			}
		})
	}
}

func TestHeaderAboveTheKernelsLimit(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	const host = "lyncdiscover.contoso.example"
	if got := ask(t, srv, extHTTPS, request{target: "/", host: host, header: "X-Long: " + strings.Repeat("x", 16000) + "\r\n"}); got.status != 200 {
		t.Errorf("16 000 bytes: %d, want 200", got.status)
	}
	got := ask(t, srv, extHTTPS, request{target: "/", host: host, header: "X-Long: " + strings.Repeat("x", 17000) + "\r\n"})
	if got.status != 400 || got.header.Get("Server") != "Microsoft-HTTPAPI/2.0" {
		t.Errorf("17 000 bytes: %d by %s, want 400 by http.sys", got.status, got.header.Get("Server"))
	}
}

func TestBindingsWithHostNames(t *testing.T) {
	t.Parallel()
	cfg := healthy()
	cfg.External.HostNames = []string{"lyncweb-ext.contoso.example"}
	srv := start(t, cfg)
	if got := ask(t, srv, extHTTPS, request{target: rootTarget, host: "LyncWeb-Ext.contoso.example:4443"}); got.status != 200 {
		t.Errorf("bound host: %d, want 200", got.status)
	}
	got := ask(t, srv, extHTTPS, request{target: rootTarget, host: "lyncdiscover.contoso.example"})
	if got.status != 400 || !strings.Contains(got.body, "Invalid Hostname") || got.header.Get("X-MS-Server-Fqdn") != "" {
		t.Errorf("other host: %d %s", got.status, got.body)
	}
	if got := ask(t, srv, intHTTPS, request{target: rootTarget, host: "lyncdiscover.contoso.example"}); got.status != 200 {
		t.Errorf("other site: %d, want 200", got.status)
	}
}
