package fakelync

import (
	"net/http"
	"testing"
	"time"
)

// asked is a query with one header.
func asked(name, value string) *query {
	return &query{header: http.Header{http.CanonicalHeaderKey(name): {value}}, conn: &conn{}}
}

func TestCallerByTicket(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	org := NewOrganisation(OrganisationConfig{
		Users: []User{{SIP: "user1@contoso.example", Login: `CONTOSO\user1`}, {SIP: "user2@contoso.example", Login: `CONTOSO\user2`, NoOutsideAccess: true}},
		Pools: []Pool{{Name: "pool01.corp.contoso.example"}, {Name: "pool02.corp.contoso.example"}},
	})
	machine := func(pool string, skew time.Duration) (internal, external *site) {
		return newSites(&Config{
			FQDN: "fe1.corp.contoso.example", SIPDomains: []string{"contoso.example"}, Pool: pool, Organisation: org,
			Now: func() time.Time { return noon.Add(skew) },
		})
	}
	inside, here := machine("", 0)
	_, other := machine("pool02.corp.contoso.example", 0)
	_, late := machine("", 9*time.Hour)
	_, early := machine("", -20*time.Minute)
	_, tolerable := machine("", -4*time.Minute)
	first := org.issue(caller{user: org.bySIP("sip:User1@contoso.example")}, here.pool(), noon, noon.Add(userLifetime))
	second := org.issue(caller{user: org.byLogin("contoso", "USER2")}, here.pool(), noon, noon.Add(userLifetime))

	diag, challenges := "X-Ms-diagnostics", "WWW-Authenticate" // as it is sent, which is not the canonical case of net/http
	noTicket := `28020;source="fe1.corp.contoso.example";reason="No valid security token."`
	for _, tc := range []struct {
		name        string
		site        *site
		q           *query
		status      int
		diagnostics string
		user        string
	}{
		{"none", here, asked("Accept", "*/*"), 401, "", ""},
		{"windows-credentials", here, asked("Authorization", "NTLM TlRM"), 401, "", ""},
		{"ticket", here, asked("X-MS-WebTicket", first), 0, "", "user1@contoso.example"},
		{"bearer", here, asked("Authorization", "bearer "+first), 0, "", "user1@contoso.example"},
		{"garbled", here, asked("X-MS-WebTicket", first[:len(first)-4]+"AAAA"), 401, noTicket, ""},
		{"unknown", here, asked("Authorization", "Bearer cwt=AAEBunknown"), 401, noTicket, ""},
		{"other-pool", other, asked("X-MS-WebTicket", first), 500, `28032;source="fe1.corp.contoso.example";reason="The web ticket is invalid."`, ""},
		{"expired", late, asked("X-MS-WebTicket", first), 401, noTicket, ""},
		{"not-yet-valid", early, asked("X-MS-WebTicket", first), 401, noTicket, ""},
		{"small-difference", tolerable, asked("X-MS-WebTicket", first), 0, "", "user1@contoso.example"},
		{"inside-only-inside", inside, asked("X-MS-WebTicket", second), 0, "", "user2@contoso.example"},
		{"inside-only-outside", here, asked("X-MS-WebTicket", second), 403, `28033;source="fe1.corp.contoso.example";reason="User is not enabled for remote access."`, "user2@contoso.example"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, oauth := range []bool{false, true} {
				c, refusal := tc.site.caller(tc.q, oauth)
				if refusal.status != tc.status || (c != nil) != (tc.status == 0) || tc.q.user != tc.user {
					t.Fatalf("status %d, caller %v, user %q, want %d and %q", refusal.status, c, tc.q.user, tc.status, tc.user)
				}
				got := ""
				if v := refusal.header[diag]; len(v) > 0 {
					got = v[0]
				}
				if got != tc.diagnostics {
					t.Errorf("%s = %q, want %q", diag, got, tc.diagnostics)
				}
				if asks := len(refusal.header[challenges]) > 0; tc.status == 401 && asks != oauth {
					t.Errorf("the challenge for tokens is there: %v, want %v", asks, oauth)
				}
			}
		})
	}
}

func TestLookups(t *testing.T) {
	t.Parallel()
	org := NewOrganisation(OrganisationConfig{
		Users: []User{
			{SIP: "a@contoso.example", Login: `CONTOSO\anna`},
			{SIP: "b@contoso.example", Login: `FABRIKAM\anna`, UPN: "anna@fabrikam.example", Pool: "pool02.corp.contoso.example"},
			{SIP: "c@contoso.example", Login: `CONTOSO\carl`, Pool: "gone.corp.contoso.example"},
		},
		Pools: []Pool{{Name: "dir.corp.contoso.example", Director: true}, {Name: "pool01.corp.contoso.example"}, {Name: "pool02.corp.contoso.example"}},
		Speed: 100,
	})
	for _, tc := range []struct{ domain, name, want string }{
		{"", `contoso\ANNA`, "a@contoso.example"},
		{"FABRIKAM", "anna", "b@contoso.example"},
		{"", "anna", ""},
		{"", "A@contoso.example", "a@contoso.example"},
		{"", "b@contoso.example", ""}, // has a principal name of its own
		{"WORKSTATION", "Anna@fabrikam.example", "b@contoso.example"},
		{"", "", ""},
	} {
		got := ""
		if u := org.byLogin(tc.domain, tc.name); u != nil {
			got = u.SIP
		}
		if got != tc.want {
			t.Errorf("byLogin(%q, %q) = %q, want %q", tc.domain, tc.name, got, tc.want)
		}
	}
	for sip, want := range map[string]string{"a@contoso.example": "pool01.corp.contoso.example", "b@contoso.example": "pool02.corp.contoso.example", "c@contoso.example": ""} {
		got := ""
		if p := org.home(org.bySIP(sip)); p != nil {
			got = p.Name
		}
		if got != want {
			t.Errorf("home of %s is %q, want %q", sip, got, want)
		}
	}
	if d := org.scaled(180 * time.Second); d != 1800*time.Millisecond {
		t.Errorf("180 s last %v, want 1.8s", d)
	}
}
