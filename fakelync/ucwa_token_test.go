package fakelync_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"lyncpin/fakelync"
)

// TestTokensOpenApplications goes the way of web applications: a token for a password, or for a meeting's key, and an
// application with it.
func TestTokensOpenApplications(t *testing.T) {
	t.Parallel()
	org := fakelync.NewOrganisation(fakelync.OrganisationConfig{
		Users: []fakelync.User{{SIP: "user1@contoso.example", Login: `CONTOSO\user1`, Password: "lab only"}},
		Pools: []fakelync.Pool{{Name: thisPool}},
	})
	srv := nodes(t, org, nil, "fe1")[0]
	for name, form := range map[string]url.Values{
		"password": {"grant_type": {fakelync.GrantPassword}, "username": {"user1@contoso.example"}, "password": {"lab only"}},
		"meeting": {"grant_type": {fakelync.GrantMeeting}, "password": {fakelync.MeetingID},
			"ms_rtc_conferenceuri": {"sip:user1@contoso.example;gruu;opaque=app:conf:focus:id:" + fakelync.MeetingID}},
	} {
		got := newClient(t, srv, web, "").want(200, "POST", "/WebTicket/oauthtoken", form.Encode(), "Content-Type", "application/x-www-form-urlencoded;charset=UTF-8", "Authorization", "")
		var token struct {
			Text string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(got.body), &token); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		newClient(t, srv, web, token.Text).want(201, "POST", web, jsonApplication)
	}
}
