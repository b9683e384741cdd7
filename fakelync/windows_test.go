package fakelync_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/Azure/go-ntlmssp"
	"github.com/google/go-cmp/cmp"

	"lyncpin/fakelync"
)

const webExt = "lyncweb-ext.contoso.example"

// staff are the accounts of tests, and withStaff a healthy machine of theirs.
func staff() fakelync.OrganisationConfig {
	return fakelync.OrganisationConfig{
		Users: []fakelync.User{
			{SIP: "user1@contoso.example", Login: `CONTOSO\user1`, Password: "Lab-only-1"},
			{SIP: "user2@contoso.example", Login: `CONTOSO\user2`, UPN: "second@contoso.example", Password: "Lab-only-2"},
			{SIP: "clerk@contoso.example", Login: `CONTOSO\clerk`, Password: "Lab-only-3", NotEnabled: true},
			{SIP: "inner@contoso.example", Login: `CONTOSO\inner`, Password: "Lab-only-4", NoOutsideAccess: true},
		},
		Pools: []fakelync.Pool{{
			Name: "pool01.corp.contoso.example", InternalWeb: "lyncweb-int.contoso.example", ExternalWeb: webExt,
			SIPInternal: "pool01.corp.contoso.example:5061", SIPExternal: "sip.contoso.example:443",
		}},
	}
}

func withStaff(change func(*fakelync.OrganisationConfig)) fakelync.Config {
	o := staff()
	if change != nil {
		change(&o)
	}
	cfg := healthy()
	cfg.Organisation = fakelync.NewOrganisation(o)
	return cfg
}

// logOn goes through the three legs on one connection, and returns the last answer.
func logOn(t *testing.T, c net.Conn, scheme, target, user, password string) answer {
	t.Helper()
	first, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		t.Fatal(err)
	}
	got := exchange(t, c, request{target: target, host: webExt, header: authorization(scheme, first)})
	text, ok := strings.CutPrefix(got.header.Get("WWW-Authenticate"), scheme+" ")
	if got.status != 401 || !ok || len(got.header.Values("WWW-Authenticate")) != 1 {
		t.Fatalf("first message: %d %q", got.status, got.header.Values("WWW-Authenticate"))
	}
	challenge, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	third, err := ntlmssp.NewAuthenticateMessage(challenge, user, password, nil)
	if err != nil {
		t.Fatal(err)
	}
	return exchange(t, c, request{target: target, host: webExt, header: authorization(scheme, third)})
}

func authorization(scheme string, message []byte) string {
	return "Authorization: " + scheme + " " + base64.StdEncoding.EncodeToString(message) + "\r\n"
}

func TestWindowsLogonBelongsToItsConnection(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"NTLM", "Negotiate"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			srv := start(t, withStaff(nil))
			first, second := connect(t, srv, extHTTPS, ""), connect(t, srv, extHTTPS, "")
			if got := logOn(t, first, scheme, "/abs/handler", `contoso\USER1`, "Lab-only-1"); got.status != 200 {
				t.Fatalf("log-on: %d %v", got.status, got.header)
			}
			if got := exchange(t, first, request{target: "/abs/handler", host: webExt}); got.status != 200 {
				t.Errorf("the same connection later: %d", got.status)
			}
			if got := logOn(t, second, scheme, "/abs/handler", "second@contoso.example", "Lab-only-2"); got.status != 200 {
				t.Fatalf("second log-on: %d", got.status)
			}
			if got := ask(t, srv, extHTTPS, request{target: "/abs/handler", host: webExt}); got.status != 401 {
				t.Errorf("a third connection: %d", got.status)
			}
			want := []fakelync.Connection{
				{Conn: 1, Client: first.LocalAddr().String(), Site: "external", Users: []string{"user1@contoso.example"}, Requests: 3, Authentications: 1},
				{Conn: 2, Client: second.LocalAddr().String(), Site: "external", Users: []string{"user2@contoso.example"}, Requests: 2, Authentications: 1},
				{Conn: 3, Site: "external", Requests: 1},
			}
			got := srv.Connections()
			if len(got) == 3 {
				got[2].Client = ""
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("connections (-want +got):\n%s", diff)
			}
			var logons []fakelync.Logon
			for _, r := range srv.History() {
				logons = append(logons, r.Logon)
				if a := r.Header.Get("Authorization"); a != "" && a != scheme+" …" {
					t.Errorf("the history holds %q", a)
				}
			}
			if diff := cmp.Diff([]fakelync.Logon{"begun", "granted", "kept", "begun", "granted", ""}, logons); diff != "" {
				t.Errorf("log-ons (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWindowsLogonOverTwoConnections is what a proxy does that spreads a client's requests: the answer arrives where no
// question was asked.
func TestWindowsLogonOverTwoConnections(t *testing.T) {
	t.Parallel()
	srv := start(t, withStaff(nil))
	first, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, srv, extHTTPS, "")
	got := exchange(t, c, request{target: "/abs/handler", host: webExt, header: authorization("NTLM", first)})
	challenge, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(got.header.Get("WWW-Authenticate"), "NTLM "))
	if err != nil {
		t.Fatal(err)
	}
	third, err := ntlmssp.NewAuthenticateMessage(challenge, `CONTOSO\user1`, "Lab-only-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(got answer) {
		t.Helper()
		if diff := cmp.Diff([]string{"Negotiate", "NTLM"}, got.header.Values("WWW-Authenticate")); got.status != 401 || diff != "" {
			t.Errorf("got %d, WWW-Authenticate (-want +got):\n%s", got.status, diff)
		}
		if h := last(t, srv); h.Logon != fakelync.LogonRefused || h.SubStatus != 1 || h.User != "" {
			t.Errorf("history: %q, 401.%d, %q", h.Logon, h.SubStatus, h.User)
		}
	}
	q := request{target: "/abs/handler", host: webExt, header: authorization("NTLM", third)}
	refused(ask(t, srv, extHTTPS, q))
	if got := exchange(t, c, q); got.status != 200 {
		t.Errorf("on its own connection: %d", got.status)
	}
	refused(exchange(t, c, q)) // a question is answered once
}

func TestWindowsLogonRefused(t *testing.T) {
	t.Parallel()
	outside := func(s *fakelync.Config) *fakelync.Site { return &s.External }
	for _, tc := range []struct {
		name           string
		change         func(*fakelync.Config)
		user, password string
		status         int
		diagnostics    string
	}{
		{"wrong-password", nil, `CONTOSO\user1`, "Lab-only-2", 401, ""},
		{"unknown", nil, `CONTOSO\nobody`, "Lab-only-1", 401, ""},
		{"other-domain", nil, `FABRIKAM\user1`, "Lab-only-1", 401, ""},
		{"sip-where-the-principal-differs", nil, "user2@contoso.example", "Lab-only-2", 401, ""},
		{"not-enabled", nil, `CONTOSO\clerk`, "Lab-only-3", 403, `28000;source="fe1.corp.contoso.example";reason="User is not SIP enabled."`},
		{"no-outside-access", nil, `CONTOSO\inner`, "Lab-only-4", 403, `28033;source="fe1.corp.contoso.example";reason="User is not enabled for remote access."`},
		{"ntlm-denied", func(c *fakelync.Config) { outside(c).NTLM = "deny" }, `CONTOSO\user1`, "Lab-only-1", 401, ""},
		{"v2-is-v2", func(c *fakelync.Config) { outside(c).NTLM = "v2" }, `CONTOSO\user1`, "Lab-only-1", 200, ""},
		{"no-channel-binding", func(c *fakelync.Config) { outside(c).ExtendedProtection = "require" }, `CONTOSO\user1`, "Lab-only-1", 401, ""},
		{"directory-down", func(c *fakelync.Config) {
			o := staff()
			o.DirectoryDown = true
			c.Organisation = fakelync.NewOrganisation(o)
		}, `CONTOSO\user1`, "Lab-only-1", 500, `28001;source="fe1.corp.contoso.example";reason="Internal error while processing Windows authentication or authorization."`},
		{"nobody-has-an-account", func(c *fakelync.Config) { c.Organisation = nil }, `CONTOSO\user1`, "Lab-only-1", 401, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := withStaff(nil)
			if tc.change != nil {
				tc.change(&cfg)
			}
			srv := start(t, cfg)
			got := logOn(t, connect(t, srv, extHTTPS, ""), "NTLM", "/abs", tc.user, tc.password)
			if got.status != tc.status || got.header.Get("X-Ms-diagnostics") != tc.diagnostics {
				t.Errorf("got %d %q, want %d %q", got.status, got.header.Get("X-Ms-diagnostics"), tc.status, tc.diagnostics)
			}
		})
	}
}

// TestChannelBinding logs on with a binding in the target information that the client answers to, as Windows puts it there:
// to this site's certificate, and to that of a proxy in between.
func TestChannelBinding(t *testing.T) {
	t.Parallel()
	cfg := withStaff(nil)
	cfg.External.ExtendedProtection = "require"
	srv := start(t, cfg)
	first, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		certificate []byte
		status      int
	}{
		"of-this-site": {certificate().Certificate[0], 200},
		"of-a-proxy":   {[]byte("another certificate"), 401},
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, srv, extHTTPS, "")
			got := exchange(t, c, request{target: "/abs/handler", host: webExt, header: authorization("NTLM", first)})
			challenge, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(got.header.Get("WWW-Authenticate"), "NTLM "))
			if err != nil || len(challenge) < 60 {
				t.Fatalf("challenge % x, %v", challenge, err)
			}
			digest := sha256.Sum256(tc.certificate) // RFC 5929, 4.1
			binding := md5.Sum([]byte(strings.Repeat("\x00", 16) + "\x35\x00\x00\x00tls-server-end-point:" + string(digest[:])))
			// The target information is last, and ends with an empty pair.
			challenge = append(challenge[:len(challenge)-4], "\x0a\x00\x10\x00"+string(binding[:])+"\x00\x00\x00\x00"...)
			challenge[40], challenge[42] = challenge[40]+20, challenge[42]+20
			third, err := ntlmssp.NewAuthenticateMessage(challenge, `CONTOSO\user1`, "Lab-only-1", nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := exchange(t, c, request{target: "/abs/handler", host: webExt, header: authorization("NTLM", third)}); got.status != tc.status {
				t.Errorf("status %d, want %d", got.status, tc.status)
			}
		})
	}
}

func TestOnlyOfferedSchemesCount(t *testing.T) {
	t.Parallel()
	cfg := withStaff(nil)
	cfg.External.WindowsAuth = []string{"Negotiate"}
	srv := start(t, cfg)
	c := connect(t, srv, extHTTPS, "")
	if got := logOn(t, c, "Negotiate", "/abs", `CONTOSO\user1`, "Lab-only-1"); got.status != 200 {
		t.Errorf("Negotiate: %d", got.status)
	}
	first, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		t.Fatal(err)
	}
	got := ask(t, srv, extHTTPS, request{target: "/abs", host: webExt, header: authorization("NTLM", first)})
	if diff := cmp.Diff([]string{"Negotiate"}, got.header.Values("WWW-Authenticate")); diff != "" || last(t, srv).Logon != "" {
		t.Errorf("NTLM, which is not offered (-want +got):\n%s", diff)
	}
}

func TestLockout(t *testing.T) {
	t.Parallel()
	srv := start(t, withStaff(func(o *fakelync.OrganisationConfig) { o.LockoutThreshold = 3 }))
	try := func(password string) int {
		return logOn(t, connect(t, srv, extHTTPS, ""), "NTLM", "/abs", `CONTOSO\user1`, password).status
	}
	var got []int
	for _, password := range []string{"x", "x", "Lab-only-1", "x", "x", "x", "Lab-only-1"} {
		got = append(got, try(password))
	}
	if diff := cmp.Diff([]int{401, 401, 200, 401, 401, 401, 401}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	grant := ask(t, srv, extHTTPS, request{method: "POST", target: "/WebTicket/oauthtoken", host: webExt,
		body: "grant_type=password&username=user1@contoso.example&password=Lab-only-1"})
	if grant.status != 403 || grant.header.Get("X-Ms-diagnostics") != `28034;source="fe1.corp.contoso.example";reason="The account is locked."` {
		t.Errorf("password grant of a locked account: %d %v", grant.status, grant.header)
	}
}

// TestMalformedWindowsMessages sends what no client sends. Each is refused, and the connection lives on.
func TestMalformedWindowsMessages(t *testing.T) {
	t.Parallel()
	srv := start(t, withStaff(nil))
	c := connect(t, srv, extHTTPS, "")
	for _, header := range []string{
		"NTLM", "NTLM ", "NTLM %%%", "NTLM AAAA", "Negotiate YII=", "NTLM " + strings.Repeat("A", 12000),
		"NTLM " + base64.StdEncoding.EncodeToString([]byte("NTLMSSP\x00\x01\x00\x00\x00\x00\x00\x00\x00")),
		"NTLM " + base64.StdEncoding.EncodeToString([]byte("NTLMSSP\x00\x03\x00\x00\x00")),
		"NTLM " + base64.StdEncoding.EncodeToString(append([]byte("NTLMSSP\x00\x03\x00\x00\x00"), bytes.Repeat([]byte{0xff}, 100)...)),
		"Negotiate " + base64.StdEncoding.EncodeToString([]byte{0x60, 0x84, 0xff, 0xff, 0xff, 0xff}),
		"Basic dXNlcjE6TGFiLW9ubHktMQ==", "Kerberos AAAA",
	} {
		got := exchange(t, c, request{target: "/abs", host: webExt, header: "Authorization: " + header + "\r\n"})
		if got.status != 401 {
			t.Errorf("%.40s: %d, want 401", header, got.status)
		}
	}
	if got := logOn(t, c, "NTLM", "/abs", `CONTOSO\user1`, "Lab-only-1"); got.status != 200 {
		t.Errorf("a good log-on afterwards: %d", got.status)
	}
}

// TestCurl lets curl do all of it.
func TestCurl(t *testing.T) {
	t.Parallel()
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("there is no curl")
	}
	for _, tc := range []struct{ name, option, user, want string }{
		{"ntlm", "--ntlm", `CONTOSO\user1:Lab-only-1`, "200"},
		{"ntlm-wrong", "--ntlm", `CONTOSO\user1:Lab-only-2`, "401"},
		{"any", "--anyauth", `CONTOSO\user1:Lab-only-1`, "200"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := withStaff(nil)
			cfg.External.WindowsAuth = []string{"NTLM"} // for its own Negotiate curl wants a Kerberos ticket
			srv := start(t, cfg)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			var out, complaint bytes.Buffer
			cmd := exec.CommandContext(ctx, curl, "-sk", "-o", "-", "-w", "%{http_code}", tc.option, "-u", tc.user, "https://"+srv.Addrs().ExternalHTTPS+"/abs/handler")
			cmd.Stdout, cmd.Stderr = &out, &complaint
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v: %s", err, complaint.String())
			}
			if !strings.HasSuffix(out.String(), tc.want) {
				t.Errorf("curl ends with %q, want %s", out.String(), tc.want)
			}
		})
	}
}
