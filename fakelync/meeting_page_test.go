package fakelync_test

import (
	"regexp"
	"strings"
	"testing"

	"lyncpin/fakelync"
)

// variables are the strings that a join page's script has.
func variables(page string) map[string]string {
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`var (\w+) = "([^"]*)";`).FindAllStringSubmatch(page, -1) {
		out[m[1]] = m[2]
	}
	return out
}

func TestMeetingsOfAnOrganisation(t *testing.T) {
	t.Parallel()
	cfg := healthy()
	cfg.Organisation = fakelync.NewOrganisation(fakelync.OrganisationConfig{
		Users: []fakelync.User{
			{SIP: "user1@contoso.example"}, {SIP: "user2@fabrikam.example"}, {SIP: "user3@contoso.example", Pool: otherPool},
		},
		Pools: []fakelync.Pool{{Name: thisPool}, {Name: otherPool, InternalWeb: "lyncweb2-int.contoso.example", ExternalWeb: "lyncweb2-ext.contoso.example"}},
	})
	srv := start(t, cfg)
	const meet, xml = "meet.contoso.example", "Accept: Application/vnd.microsoft.lync.meeting+xml\r\n"
	for _, tc := range []struct {
		name, host, target string
		known              bool
		elsewhere          string
	}{
		{"known", meet, "/user1/ABCD1234", true, ""},
		{"organizer-in-capitals", meet, "/USER1/ABCD1234", true, ""},
		{"below-a-path", "lync.fabrikam.example", "/fabrikam/meet/user2/ABCD1234", true, ""},
		{"domain-in-path", "lyncweb-ext.contoso.example", "/meet/fabrikam.example/user2/ABCD1234", true, ""},
		{"other-pool", meet, "/user3/ABCD1234", true, "https://lyncweb2-ext.contoso.example/meet/contoso.example/user3/ABCD1234"},
		{"lowered", meet, "/user1/abcd1234", false, ""},
		{"unknown-id", meet, "/user1/EFGH5678", false, ""},
		{"unknown-organizer", meet, "/nobody/ABCD1234", false, ""},
		{"other-domain", meet, "/user2/ABCD1234", false, ""},
		{"script", meet, "/user1/%22%3Cscript%3E", false, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			page := ask(t, srv, extHTTPS, request{target: tc.target, host: tc.host})
			got := variables(page.body)
			valid := map[bool]string{true: "True", false: "False"}[tc.known]
			if page.status != 200 || got["validMeeting"] != valid || got["domainOwnerJoinLauncherUrl"] != tc.elsewhere || strings.Contains(page.body, `"<script>`) {
				t.Errorf("%d, validMeeting %q, elsewhere %q, want 200, %q, %q", page.status, got["validMeeting"], got["domainOwnerJoinLauncherUrl"], valid, tc.elsewhere)
			}
			if tc.known != (got["reachURL"] != "") || tc.known != strings.Contains(got["lyncLaunchLink"], `focus`) {
				t.Errorf("reachURL %q and link %q of a meeting that is known: %v", got["reachURL"], got["lyncLaunchLink"], tc.known)
			}
			data := ask(t, srv, extHTTPS, request{target: tc.target, host: tc.host, header: xml})
			if want := map[bool]int{true: 200, false: 404}[tc.known]; data.status != want || strings.Contains(data.body, "<conf-key>ABCD1234</conf-key>") != tc.known {
				t.Errorf("conference data: %d\n%s\nwant %d", data.status, data.body, want)
			}
		})
	}
	internal := ask(t, srv, intHTTPS, request{target: "/user3/ABCD1234", host: meet})
	if got := variables(internal.body)["domainOwnerJoinLauncherUrl"]; got != "https://lyncweb2-int.contoso.example/meet/contoso.example/user3/ABCD1234" {
		t.Errorf("from the internal site on to %q", got)
	}
}

// TestJoinPageOnPhones compares the page that an iPhone gets with the desktop's: an old launcher does not know it.
func TestJoinPageOnPhones(t *testing.T) {
	t.Parallel()
	const iphone = "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 10_0 like Mac OS X)\r\n"
	for _, old := range []bool{false, true} {
		cfg := healthy()
		cfg.OldJoinLauncher = old
		srv := start(t, cfg)
		q := request{target: "/user1/ABCD1234", host: "meet.contoso.example"}
		desktop := ask(t, srv, extHTTPS, q)
		q.header = iphone
		if phone := ask(t, srv, extHTTPS, q); (phone.body == desktop.body) != old {
			t.Errorf("old launcher %v: the page on an iPhone is that on a desktop: %v", old, !old)
		}
		q.header = "User-Agent: Mozilla/5.0 (Linux; Android 9)\r\n"
		if got := variables(ask(t, srv, extHTTPS, q).body); got["isMobile"] != "True" || !strings.HasPrefix(got["lyncLaunchLink"], `lync15\x3aconfjoin`) {
			t.Errorf("old launcher %v: on Android %v", old, got)
		}
	}
}

func TestJoinPageLoadsWhatIsThere(t *testing.T) {
	t.Parallel()
	for _, product := range []fakelync.Product{fakelync.Lync2010, fakelync.Lync2013, fakelync.SfB2019} {
		cfg := healthy()
		cfg.Product = product
		srv := start(t, cfg)
		page := ask(t, srv, extHTTPS, request{target: "/user1/ABCD1234", host: "meet.contoso.example"})
		found := regexp.MustCompile(`(?:src|href)="(/[^"]+)"`).FindAllStringSubmatch(page.body, -1)
		if want := map[bool]int{true: 1, false: 2}[product == fakelync.Lync2010]; len(found) != want {
			t.Errorf("%s: the page loads %q, want %d files", product, found, want)
		}
		for _, m := range found {
			got := ask(t, srv, extHTTPS, request{target: m[1], host: "meet.contoso.example"})
			if got.status != 200 || strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
				t.Errorf("%s: %s is %d %s", product, m[1], got.status, got.header.Get("Content-Type"))
			}
		}
	}
}
