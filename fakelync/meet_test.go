package fakelync_test

import (
	"encoding/base64"
	"encoding/xml"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lyncpin/fakelync"
)

// confInfo is the meeting's data as a client reads it.
type confInfo struct {
	XMLName  xml.Name `xml:"conf-info"`
	URI      string   `xml:"conf-uri"`
	Incoming string   `xml:"original-incoming-url"`
	Key      string   `xml:"conf-key"`
	UCWA     string   `xml:"ucwa-url"`
	External string   `xml:"ucwa-ext-url"`
	Internal string   `xml:"ucwa-int-url"`
}

func TestJoinPage(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	for door, web := range map[door]string{intHTTPS: "https://lyncweb-int.contoso.example", extHTTPS: "https://lyncweb-ext.contoso.example"} {
		got := ask(t, srv, door, request{target: "/user1/ABCD1234", host: "meet.contoso.example"})
		for name, want := range map[string]string{
			"Cache-Control": "private", "Content-Type": "text/html; charset=utf-8", "Server": "Microsoft-IIS/7.5",
			"X-AspNet-Version": "4.0.30319", "X-Powered-By": "ASP.NET", "X-MS-Server-Fqdn": "fe1.corp.contoso.example",
		} {
			if v := got.header.Get(name); v != want {
				t.Errorf("%s: %s = %q, want %q", door, name, v, want)
			}
		}
		if got.status != 200 || !strings.Contains(got.body, `class="reachJoinHtml"`) || !strings.Contains(got.body, `href="`+web+`/meet/user1/ABCD1234"`) {
			t.Errorf("%s: %d\n%s", door, got.status, got.body)
		}
		reach := regexp.MustCompile(`var reachURL = "([^"?]+)\?xml=([^"]+)"`).FindStringSubmatch(got.body)
		if reach == nil || reach[1] != web+"/lwa/WebPages/LwaClient.aspx" {
			t.Fatalf("%s: reachURL = %q", door, reach)
		}
		data, err := base64.StdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/", "!", "=").Replace(reach[2]))
		if err != nil {
			t.Fatal(err)
		}
		var info confInfo
		if err := xml.Unmarshal(data, &info); err != nil {
			t.Fatal(err)
		}
		want := confInfo{
			XMLName:  xml.Name{Space: "http://schemas.microsoft.com/rtc/2009/05/simplejoinconfdoc", Local: "conf-info"},
			URI:      "sip:user1@contoso.example;gruu;opaque=app:conf:focus:id:ABCD1234",
			Incoming: "https://meet.contoso.example/user1/ABCD1234",
			Key:      "ABCD1234",
			UCWA:     web + "/ucwa/v1/applications",
			External: "https://lyncweb-ext.contoso.example/ucwa/v1/applications",
			Internal: "https://lyncweb-int.contoso.example/ucwa/v1/applications",
		}
		if diff := cmp.Diff(want, info); diff != "" {
			t.Errorf("%s: conference data (-want +got):\n%s", door, diff)
		}
	}
}

func TestMeetingDataForClients(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	for _, tc := range []struct {
		name, host, target string
		uri                string
	}{
		{"own-host", "meet.contoso.example", "/user1/ABCD1234", "sip:user1@contoso.example;gruu;opaque=app:conf:focus:id:ABCD1234"},
		{"path-below-a-host", "lync.fabrikam.example", "/Fabrikam/Meet/user2/EFGH5678", "sip:user2@fabrikam.example;gruu;opaque=app:conf:focus:id:EFGH5678"},
		{"domain-in-path", "lyncweb-ext.contoso.example", "/meet/fabrikam.example/user2/EFGH5678", "sip:user2@fabrikam.example;gruu;opaque=app:conf:focus:id:EFGH5678"},
		{"pool-url", "lyncweb-ext.contoso.example", "/meet/user1/ABCD1234", "sip:user1@contoso.example;gruu;opaque=app:conf:focus:id:ABCD1234"},
		{"lowered-on-the-way", "meet.contoso.example", "/user1/abcd1234", "sip:user1@contoso.example;gruu;opaque=app:conf:focus:id:abcd1234"},
		{"escaped", "meet.contoso.example", "/o%27neill/A%3CB", "sip:o'neill@contoso.example;gruu;opaque=app:conf:focus:id:A<B"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ask(t, srv, extHTTPS, request{target: tc.target, host: tc.host, header: "Accept: Application/vnd.microsoft.lync.meeting+xml\r\n"})
			var info confInfo
			if err := xml.Unmarshal([]byte(got.body), &info); err != nil {
				t.Fatalf("%v in %d %s", err, got.status, got.body)
			}
			if got.status != 200 || info.URI != tc.uri || !strings.HasPrefix(got.header.Get("Content-Type"), "application/vnd.microsoft.lync.meeting+xml") {
				t.Errorf("%d %s %q, want %q", got.status, got.header.Get("Content-Type"), info.URI, tc.uri)
			}
			if want := "https://" + tc.host + tc.target; info.Incoming != want {
				t.Errorf("original-incoming-url = %q, want %q as received", info.Incoming, want)
			}
		})
	}
}

func TestJoinPageFollowsTheRequest(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	variable := func(q request, name string) string {
		q.host = "meet.contoso.example"
		m := regexp.MustCompile(`var ` + name + ` = "([^"]*)";`).FindStringSubmatch(ask(t, srv, extHTTPS, q).body)
		if m == nil {
			return "absent"
		}
		return m[1]
	}
	for _, tc := range []struct {
		name     string
		request  request
		variable string
		want     string
	}{
		{"plain", request{target: "/user1/ABCD1234"}, "reachClientRequested", "False"},
		{"web-app-forced", request{target: "/user1/ABCD1234?sl=1"}, "reachClientRequested", "True"},
		{"desktop", request{target: "/user1/ABCD1234"}, "isMobile", "False"},
		{"iphone", request{target: "/user1/ABCD1234", header: "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 10_0 like Mac OS X)\r\n"}, "isIPhone", "True"},
		{"android", request{target: "/user1/ABCD1234", header: "User-Agent: Mozilla/5.0 (Linux; Android 9)\r\n"}, "isMobile", "True"},
		{"escaped", request{target: "/user1/%22%3Cscript%E2%82%AC"}, "lyncLaunchLink", `conf\x3asip\x3auser1\x40contoso.example\x3bgruu\x3bopaque\x3dapp\x3aconf\x3afocus\x3aid\x3a\x22\x3cscript\u20ac\x253Frequired-media\x3daudio`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := variable(tc.request, tc.variable); got != tc.want {
				t.Errorf("%s = %s, want %s", tc.variable, got, tc.want)
			}
		})
	}
}

func TestOtherSimpleURLs(t *testing.T) {
	t.Parallel()
	srv := start(t, healthy())
	for _, tc := range []struct {
		name, host, target string
		internal, external int
		title              string
	}{
		{"meet-help", "meet.contoso.example", "/", 200, 200, "Online meetings"},
		{"dialin", "dialin.contoso.example", "/", 200, 200, "Dial-in Conferencing Settings"},
		{"dialin-upper-case", "DIALIN.contoso.example", "/", 200, 200, "Dial-in Conferencing Settings"},
		{"admin", "admin.contoso.example", "/", 401, 404, ""},
		{"scheduler", "scheduler.contoso.example", "/", 200, 200, "Web Scheduler"},
		{"directory-under-meeting-host", "meet.contoso.example", "/abs", 401, 401, ""},
		{"prefix-is-no-path", "lync.fabrikam.example", "/fabrikam/meetings/user1/ABCD1234", 404, 404, ""},
		{"host-alone", "lync.fabrikam.example", "/user1/ABCD1234", 404, 404, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for door, want := range map[door]struct {
				status int
				web    string
			}{intHTTPS: {tc.internal, "https://lyncweb-int.contoso.example/"}, extHTTPS: {tc.external, "https://lyncweb-ext.contoso.example/"}} {
				got := ask(t, srv, door, request{target: tc.target, host: tc.host})
				if got.status != want.status {
					t.Errorf("%s: status %d, want %d", door, got.status, want.status)
				}
				if tc.title != "" && (!strings.Contains(got.body, tc.title) || !strings.Contains(got.body, want.web)) {
					t.Errorf("%s: the page does not name %q and %s:\n%s", door, tc.title, want.web, got.body)
				}
			}
		})
	}
}

func TestLync2010JoinsWithReach(t *testing.T) {
	t.Parallel()
	cfg := healthy()
	cfg.Product = fakelync.Lync2010
	got := ask(t, start(t, cfg), extHTTPS, request{target: "/user1/ABCD1234", host: "meet.contoso.example"})
	m := regexp.MustCompile(`var reachURL = "([^"?]+)`).FindStringSubmatch(got.body)
	if m == nil {
		t.Fatalf("no reachURL in\n%s", got.body)
	}
	if u, err := url.Parse(m[1]); err != nil || u.Path != "/Reach/Client/WebPages/ReachJoin.aspx" || strings.Contains(got.body, "ucwa") {
		t.Errorf("reachURL = %s (%v)", m[1], err)
	}
}
