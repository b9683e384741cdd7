package lab_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lyncpin/internal/lab"
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

func TestSignInAccounts(t *testing.T) {
	t.Parallel()
	top := topology.Healthy()
	top.Users[0].TypedLogin, top.Users[0].TypedPassword = "user1", "mistyped"
	l := start(t, top, lab.Options{Only: []string{lab.DNS}})
	got := l.SignIn(time.Minute)
	want := &probe.SigningIn{Hold: time.Minute, Accounts: []probe.Account{
		{SIP: "user1@contoso.example", Login: "user1", Password: "mistyped"},
		{SIP: "user2@contoso.example", Login: `CONTOSO\user2`, Password: probe.Secret(top.Users[1].Password)},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	top.Users = nil
	if got := start(t, top, lab.Options{Only: []string{lab.DNS}}).SignIn(0); got != nil {
		t.Errorf("without users: got %+v, want nobody", got)
	}
}

// Desktop clients reach what their user document names: the registrar inside, the Access Edge outside.
func TestSIPAccess(t *testing.T) {
	t.Parallel()
	top := topology.Healthy()
	top.Pools[0].Nodes[1].Stopped = []string{"internal", "external"} // a machine that is off
	l := start(t, top, lab.Options{})
	for _, tt := range []struct {
		place, name, addr string
		silent            bool
	}{
		{place: probe.Internal, name: "pool01.contoso.example", addr: "10.10.10.11:5061"},
		{place: probe.Internal, name: "pool01.contoso.example", addr: "10.10.10.12:5061", silent: true},
		{place: probe.External, name: "pool01.contoso.example", addr: "10.10.10.11:5061", silent: true},
		{place: probe.External, name: "sip.contoso.example", addr: "203.0.113.20:443"},
	} {
		v := l.Vantage(tt.place)
		conn, err := v.Dial(t.Context(), "tcp", tt.addr)
		if tt.silent {
			if !isTimeout(err) {
				t.Errorf("%s from %s: got %v, want silence", tt.addr, tt.place, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s from %s: %v", tt.addr, tt.place, err)
			continue
		}
		defer conn.Close()
		if err := tls.Client(conn, &tls.Config{RootCAs: v.PublicRoots, ServerName: tt.name}).HandshakeContext(t.Context()); err != nil {
			t.Errorf("%s from %s: %v", tt.addr, tt.place, err)
		}
	}
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	top := topology.Healthy()
	top.Pools[0].Nodes[0].ClockSkew = -3 * time.Hour
	top.Pools[0].Nodes[1].Stopped = []string{"external"}
	l := start(t, top, lab.Options{})
	resp, _ := get(t, client(t, l.Vantage(probe.External)), "https://lyncdiscover.contoso.example/")
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if behind := time.Since(date); err != nil || behind < 3*time.Hour || behind > 4*time.Hour {
		t.Errorf("Date %q, %v: want three hours ago", resp.Header.Get("Date"), err)
	}
}

// Time-outs of the topology pass as fast as its time does.
func TestSpeed(t *testing.T) {
	t.Parallel()
	top := topology.Healthy()
	top.Proxy.IdleTimeout = 200 * time.Second
	l := start(t, top, lab.Options{Speed: 10_000})
	v := l.Vantage(probe.External)
	if v.Speed != 10_000 {
		t.Errorf("the vantage has speed %g, want that of the lab", v.Speed)
	}
	conn, err := v.Dial(t.Context(), "tcp", "203.0.113.10:80")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: lyncdiscover.contoso.example\r\n\r\n")
	if answer, err := io.ReadAll(conn); err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 200")) {
		t.Errorf("got %.40q and %v, want an answer and the end of an idle connection", answer, err)
	}
	if _, err := lab.Start(t.Context(), top, lab.Options{Speed: -1}); err == nil {
		t.Error("a negative speed: got no error, want one")
	}
}

// grant asks the token service as a web application does.
// From every place the same account is signed in, and each changes its presence while the others hold their polls: what
// one place does must not look like a dead connection at another.
func TestPlacesHoldPollsSideBySide(t *testing.T) {
	t.Parallel()
	l := start(t, topology.Healthy(), lab.Options{Speed: 10})
	in := l.SignIn(30 * time.Second)
	in.Brief = true
	var vantages []*probe.Vantage
	for _, place := range []string{probe.External, probe.Internal, probe.WiFi} {
		v := l.Vantage(place)
		v.SignIn = in
		vantages = append(vantages, v)
	}
	rec, err := probe.Observe(t.Context(), l.Target(), vantages, probe.Limits{Repeats: 4})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range rec.Sections {
		busy := 0
		for _, p := range s.Polls {
			if p.Purpose != probe.PollBusy {
				continue
			}
			busy++
			if !p.Delivered || !p.Outcome.OK() {
				t.Errorf("%s: the busy poll ended with %+v, delivered %t", s.Vantage, p.Outcome, p.Delivered)
			}
		}
		if busy != 1 {
			t.Errorf("%s: %d busy polls, want 1", s.Vantage, busy)
		}
	}
}

func grant(t *testing.T, c *http.Client, form url.Values) (int, string) {
	t.Helper()
	resp, err := c.PostForm("https://lyncweb-ext.contoso.example/webticket/oauthtoken", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var token struct {
		Token string `json:"access_token"`
	}
	json.NewDecoder(resp.Body).Decode(&token)
	return resp.StatusCode, token.Token
}

// All machines of a pool know a ticket that one of them issued, and all are of one organisation.
func TestTicketsOfOneMachineCountOnTheOther(t *testing.T) {
	t.Parallel()
	top := topology.Healthy()
	l := start(t, top, lab.Options{})
	c := client(t, l.Vantage(probe.External))
	status, token := grant(t, c, url.Values{
		"grant_type": {"password"}, "username": {top.Users[0].SIP}, "password": {top.Users[0].Password},
	})
	if status != http.StatusOK || token == "" {
		t.Fatalf("got %d and the token %q, want one", status, token)
	}
	servers := map[string]bool{}
	for range 4 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://lyncweb-ext.contoso.example/ucwa/oauth/v1/applications",
			strings.NewReader(`{"UserAgent":"lab","EndpointId":"a917c6f4-976c-4cf3-847d-cdfffa28ccdf","Culture":"en-US"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusOK {
			t.Errorf("%s answers %s", resp.Header.Get("X-MS-Server-Fqdn"), resp.Status)
		}
		servers[resp.Header.Get("X-MS-Server-Fqdn")] = true
	}
	if len(servers) != 2 {
		t.Errorf("asked %v, want both machines", servers)
	}
}

// curl asks for a token with Windows authentication through the proxy, as users with a Windows account do.
func curl(t *testing.T, l *lab.Lab, files written, args ...string) (status string) {
	t.Helper()
	_, port, err := net.SplitHostPort(files.Proxy.HTTPS)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "curl", append([]string{
		"--silent", "--output", filepath.Join(t.TempDir(), "body"), "--write-out", "%{http_code}", "--http1.1", "--cacert", files.Roots.Public,
		"--connect-to", "lyncweb-ext.contoso.example:443:127.0.0.1:" + port, "--data", "grant_type=urn:microsoft.rtc:windows",
		"https://lyncweb-ext.contoso.example/webticket/oauthtoken"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("curl: %v\n%s", err, out)
	}
	return string(out)
}

// What becomes of NTLM by the way in which a proxy uses its connections, as another's client sees it.
func TestNTLMThroughTheProxy(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not here")
	}
	for _, tt := range []struct {
		connections      string
		loggedOn, nobody string // the statuses with and then without credentials
	}{
		{"pin", "200", "401"},
		{"close", "401", "401"},
		{"shared", "200", "200"}, // of whoever was there before
	} {
		t.Run(tt.connections, func(t *testing.T) {
			t.Parallel()
			top := topology.Healthy()
			top.Proxy.Rules[0].Connections = tt.connections
			top.Proxy.Rules[0].WebServers = []string{topology.FE1HTTPS}
			l := start(t, top, lab.Options{})
			files := writeFiles(t, l, t.TempDir())
			user := top.Users[0]
			if got := curl(t, l, files, "--ntlm", "--user", user.Login+":"+user.Password); got != tt.loggedOn {
				t.Errorf("with credentials: %s, want %s", got, tt.loggedOn)
			}
			if got := curl(t, l, files); got != tt.nobody {
				t.Errorf("without: %s, want %s", got, tt.nobody)
			}
			var users []string
			for _, r := range l.FrontEnds()["fe1.contoso.example"].History() {
				users = append(users, r.User)
			}
			if named := slices.Contains(users, user.SIP); named != (tt.loggedOn == "200") {
				t.Errorf("the Front End knows %q, want that it knows who logged on: %v", users, tt.loggedOn == "200")
			}
		})
	}
}
