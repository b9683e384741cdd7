package fakelync_test

import (
	"strings"
	"testing"
	"time"

	"lyncpin/fakelync"
)

// nodes starts machines of one pool that share an organisation.
func nodes(t *testing.T, org *fakelync.Organisation, edit func(*fakelync.Config), names ...string) []*fakelync.Server {
	t.Helper()
	var out []*fakelync.Server
	for _, name := range names {
		cfg := healthy()
		cfg.FQDN, cfg.Organisation = name+".corp.contoso.example", org
		if edit != nil {
			edit(&cfg)
		}
		out = append(out, start(t, cfg))
	}
	return out
}

func TestMcxSessions(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		edit      func(*fakelync.Config)
		elsewhere int // status of a request of the session at another machine
	}{
		{"lync-2010", func(c *fakelync.Config) { c.Product = fakelync.Lync2010 }, 500},
		{"lync-2013", nil, 200},
		{"lync-2013-cut-off", func(c *fakelync.Config) { c.Isolated = true }, 500},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			org := twoUsers()
			fes := nodes(t, org, tc.edit, "fe1", "fe2")
			post := func(srv *fakelync.Server, ticket string) answer {
				header := "Content-Type: text/xml\r\n"
				if ticket != "" {
					header += "X-MS-WebTicket: " + ticket + "\r\n"
				}
				return ask(t, srv, extHTTPS, request{method: "POST", target: "/Mcx/McxService.svc/session", host: "lyncweb-ext.contoso.example", header: header, body: "<opaque/>"})
			}
			ticket := org.Ticket("user1@contoso.example", thisPool)
			if got := post(fes[0], ""); got.status != 401 || got.header.Get("X-MS-WebTicketURL") == "" {
				t.Errorf("without a ticket: %d %v, want 401 and where to get one", got.status, got.header)
			}
			for i, want := range []int{200, 200} {
				if got := post(fes[0], ticket); got.status != want || got.header.Get("X-AspNet-Version") != "2.0.50727" {
					t.Errorf("request %d: %d %v, want %d of .NET 2.0", i, got.status, got.header, want)
				}
			}
			got := post(fes[1], ticket)
			if got.status != tc.elsewhere || (got.status == 500) != strings.Contains(got.body, "Fault") {
				t.Errorf("at the other machine: %d\n%s\nwant %d", got.status, got.body, tc.elsewhere)
			}
			if got := post(fes[1], org.Ticket("user2@contoso.example", thisPool)); got.status != 200 {
				t.Errorf("a session of its own at the other machine: %d, want 200", got.status)
			}
			if got := post(fes[0], org.Ticket("user3@contoso.example", otherPool)); got.status != 500 || !strings.HasPrefix(got.header.Get("X-Ms-Diagnostics"), "28032;") {
				t.Errorf("a ticket of another pool: %d %v, want 500 with 28032", got.status, got.header)
			}
		})
	}
}

func TestMcxPoll(t *testing.T) {
	t.Parallel()
	org := fakelync.NewOrganisation(fakelync.OrganisationConfig{
		Users: []fakelync.User{{SIP: "user1@contoso.example"}}, Pools: []fakelync.Pool{{Name: thisPool}}, Speed: 1000,
	})
	srv := nodes(t, org, nil, "fe1")[0]
	q := request{method: "POST", target: "/mcx/mcxservice.svc", host: "lyncweb-ext.contoso.example", header: "Content-Length: 0\r\nX-MS-WebTicket: " + org.Ticket("user1@contoso.example", thisPool) + "\r\n"}
	c := connect(t, srv, extHTTPS, "")
	exchange(t, c, q)
	began := time.Now()
	if got := exchange(t, c, q); got.status != 200 {
		t.Errorf("status %d, want 200", got.status)
	}
	if held := time.Since(began); held < 180*time.Millisecond {
		t.Errorf("held for %v, want 180 s a thousand times as fast", held)
	}
}

func TestMcxPolicies(t *testing.T) {
	t.Parallel()
	org := fakelync.NewOrganisation(fakelync.OrganisationConfig{
		Users: []fakelync.User{{SIP: "immobile@contoso.example", NoMobility: true}, {SIP: "lost@contoso.example", NoRegistrar: true}},
		Pools: []fakelync.Pool{{Name: thisPool}},
	})
	srv := nodes(t, org, nil, "fe1")[0]
	for sip, want := range map[string]int{"immobile@contoso.example": 403, "lost@contoso.example": 500} {
		got := ask(t, srv, extHTTPS, request{method: "POST", target: "/mcx/mcxservice.svc", host: "lyncweb-ext.contoso.example", header: "X-MS-WebTicket: " + org.Ticket(sip, thisPool) + "\r\n", body: "x"})
		if got.status != want {
			t.Errorf("%s: %d, want %d", sip, got.status, want)
		}
	}
	if got := ask(t, srv, extHTTPS, request{target: "/Mcx/McxService.svc/mex", host: "lyncweb-ext.contoso.example"}); got.status != 200 || !strings.Contains(got.body, `location="https://lyncweb-ext.contoso.example/Mcx/McxService.svc"`) {
		t.Errorf("metadata: %d\n%s", got.status, got.body)
	}
}
