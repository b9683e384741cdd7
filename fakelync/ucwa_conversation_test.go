package fakelync_test

import (
	"regexp"
	"strings"
	"testing"

	"lyncpin/fakelync"
)

// conversationID is the id in the first address of a conversation.
func conversationID(t *testing.T, body string) string {
	t.Helper()
	m := regexp.MustCompile(`/(?:conversations|messagingInvitations)/([0-9a-f-]{36})`).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("no conversation in %s", body)
	}
	return m[1]
}

// TestMessagesAcrossPools is a conversation of a phone with a web application on another pool.
func TestMessagesAcrossPools(t *testing.T) {
	t.Parallel()
	org := twoUsers()
	here := nodes(t, org, nil, "fe1")[0]
	there := nodes(t, org, func(c *fakelync.Config) { c.Pool = otherPool }, "fe9")[0]
	phone := newClient(t, here, mobile, org.Ticket("user1@contoso.example", thisPool)).signIn()
	browser := newClient(t, there, web, org.Ticket("user3@contoso.example", otherPool)).signIn()

	got := phone.want(201, "POST", phone.self+"/communication/messagingInvitations",
		`<input xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><property name="to">sip:user3@contoso.example</property><property name="operationId">7</property></input>`)
	at := phone.self + "/communication/conversations/" + conversationID(t, got.header.Get("Location"))
	if got := phone.want(409, "POST", at+"/messaging/messages", "too early").body; !strings.Contains(got, "<code>Conflict</code>") {
		t.Error(got)
	}
	invitation := browser.poll("")
	id := conversationID(t, invitation)
	if !strings.Contains(invitation, `"type":"started"`) || !strings.Contains(invitation, `"from":{"href":"`+browser.self+`/communication/conversations/`+id+`/participants/user1@contoso.example"}`) {
		t.Errorf("invitation: %s", invitation)
	}
	if got := phone.poll(""); !strings.Contains(got, `<started rel="messagingInvitation"`) || !strings.Contains(got, `<property name="operationId">7</property>`) {
		t.Errorf("the phone's own invitation: %s", got)
	}
	browser.want(204, "POST", browser.self+"/communication/messagingInvitations/"+id+"/accept", "")
	browser.want(409, "POST", browser.self+"/communication/messagingInvitations/"+id+"/accept", "")
	if got := phone.poll(""); !strings.Contains(got, `<completed rel="messagingInvitation"`) || !strings.Contains(got, `status="Success"`) {
		t.Errorf("accepted: %s", got)
	}
	browser.poll("")
	browser.want(204, "POST", browser.self+"/communication/conversations/"+id+"/messaging/typing", "")
	browser.want(201, "POST", browser.self+"/communication/conversations/"+id+"/messaging/messages", "<b> & you", "Content-Type", "text/plain; charset=utf-8")
	if got := phone.poll(""); !strings.Contains(got, `href="data:text/plain;charset=utf-8,%3Cb%3E%20&amp;%20you"`) || !strings.Contains(got, "typingParticipants") {
		t.Errorf("message: %s", got)
	}
	if got := browser.poll(""); strings.Contains(got, "plainMessage") || !strings.Contains(got, `"direction":"Outgoing"`) {
		t.Errorf("the sender's own event: %s", got)
	}
	browser.want(415, "POST", browser.self+"/communication/conversations/"+id+"/messaging/messages", "{}")
	phone.want(204, "POST", at+"/messaging/terminate", "")
	if got := browser.poll(""); !strings.Contains(got, `"type":"deleted"`) {
		t.Errorf("the end: %s", got)
	}
	if got := browser.want(404, "POST", browser.self+"/communication/conversations/"+id+"/messaging/messages", "x"); code(got.body) != "NotFound/ConversationNotFound" {
		t.Error(got.body)
	}
}

func TestInvitationsFail(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, to string
		answer   func(other *client, invitation string)
		code     string
	}{
		{"declined", "user2", func(c *client, at string) { c.want(204, "POST", at+"/decline", "") }, "Declined"},
		{"other-signs-out", "user2", func(c *client, _ string) { c.want(204, "DELETE", c.self, "") }, "Ended"},
		{"not-signed-in", "user3", nil, "NotAvailable"},
		{"unknown", "nobody", nil, "NotAvailable"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			org := twoUsers()
			srv := nodes(t, org, nil, "fe1")[0]
			one := newClient(t, srv, web, org.Ticket("user1@contoso.example", thisPool)).signIn()
			two := newClient(t, srv, web, org.Ticket("user2@contoso.example", thisPool)).signIn()
			one.want(201, "POST", one.self+"/communication/messagingInvitations", `{"to":"sip:`+tc.to+`@contoso.example"}`)
			if tc.answer != nil {
				tc.answer(two, two.self+"/communication/messagingInvitations/"+conversationID(t, two.poll("")))
			}
			if got := one.poll(""); !strings.Contains(got, `"status":"Failure","reason":{"code":"RemoteFailure","subcode":"`+tc.code+`"`) || !strings.Contains(got, `"type":"deleted"`) {
				t.Errorf("want a failure with %s: %s", tc.code, got)
			}
			if got := one.want(200, "GET", one.self+"/communication/conversations", "").body; strings.Contains(got, `"conversation"`) {
				t.Errorf("something is left: %s", got)
			}
		})
	}
}

// TestAllApplicationsRing invites somebody with two devices: one accepts, the other stops ringing.
func TestAllApplicationsRing(t *testing.T) {
	t.Parallel()
	org := twoUsers()
	srv := nodes(t, org, nil, "fe1")[0]
	one := newClient(t, srv, web, org.Ticket("user1@contoso.example", thisPool)).signIn()
	desk := newClient(t, srv, web, org.Ticket("user2@contoso.example", thisPool)).signIn()
	pocket := newClient(t, srv, mobile, org.Ticket("user2@contoso.example", thisPool))
	pocket.self = regexp.MustCompile(mobile + `/\d{12}`).FindString(pocket.want(201, "POST", mobile, strings.Replace(xmlApplication, "5f0c1d7e", "6f0c1d7e", 1)).body)
	pocket.events = pocket.self + "/events?ack=1"
	pocket.want(204, "POST", pocket.self+"/me/makeMeAvailable", "")
	pocket.poll("")
	one.want(201, "POST", one.self+"/communication/messagingInvitations", `{"to":"sip:user2@contoso.example"}`)
	id := conversationID(t, desk.poll(""))
	pocket.poll("")
	desk.want(204, "POST", desk.self+"/communication/messagingInvitations/"+id+"/accept", "")
	if got := pocket.poll(""); !strings.Contains(got, "AnsweredElsewhere") || !strings.Contains(got, `<deleted rel="conversation"`) {
		t.Errorf("the other device: %s", got)
	}
	pocket.want(404, "POST", pocket.self+"/communication/messagingInvitations/"+id+"/accept", "")
	one.want(400, "POST", one.self+"/communication/messagingInvitations", `{"to":"sip:user2@contoso.example","_links":{"message":{"href":"nonsense"}}}`)
}

func TestBatch(t *testing.T) {
	t.Parallel()
	org := twoUsers()
	srv := nodes(t, org, nil, "fe1")[0]
	c := newClient(t, srv, web, org.Ticket("user1@contoso.example", thisPool)).signIn()
	part := func(method, path, rest string) string {
		return "--b\r\nContent-Type: application/http; msgtype=request\r\n\r\n" + method + " " + path + " HTTP/1.1\r\nHost: lyncweb-ext.contoso.example\r\nAccept: application/json\r\n" + rest + "\r\n"
	}
	body := part("GET", c.self+"/me", "\r\n") +
		part("POST", c.self+"/me/note", "Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"message\":\"note\"}") +
		part("GET", "https://lyncweb-ext.contoso.example"+c.self+"/me/note", "") + // ends with its header
		part("GET", c.self+"/events?ack=2", "\r\n") + part("POST", c.self+"/batch", "\r\n") + part("GET", "/ucwa/v1/other", "\r\n") + "--b--\r\n"
	got := c.want(200, "POST", c.self+"/batch", body, "Content-Type", `multipart/batching; boundary="b"`, "Accept", "multipart/batching")
	if !strings.HasPrefix(got.header.Get("Content-Type"), "multipart/batching; boundary=") || strings.Count(got.body, "Content-Type: application/http; msgtype=response") != 6 {
		t.Errorf("%s\n%s", got.header.Get("Content-Type"), got.body)
	}
	var statuses []string
	for _, m := range regexp.MustCompile(`HTTP/1\.1 (\d{3})`).FindAllStringSubmatch(got.body, -1) {
		statuses = append(statuses, m[1])
	}
	if all := strings.Join(statuses, " "); all != "200 204 200 400 400 404" {
		t.Errorf("parts are answered %s, want 200 204 200 400 400 404:\n%s", all, got.body)
	}
	if !strings.Contains(got.body, `"message":"note"`) {
		t.Errorf("the note is not read back:\n%s", got.body)
	}

	many := strings.Repeat(part("GET", c.self+"/me", "\r\n"), 101) + "--b--\r\n"
	got = c.want(200, "POST", c.self+"/batch", many, "Content-Type", "multipart/batching; boundary=b")
	if n, refused := strings.Count(got.body, "HTTP/1.1 200"), strings.Count(got.body, "HTTP/1.1 429"); n != 100 || refused != 1 {
		t.Errorf("%d answered and %d refused, want 100 and 1", n, refused)
	}
	for name, tc := range map[string]struct {
		contentType, body string
		status            int
	}{
		"no-batch":    {"application/json", "{}", 415},
		"no-boundary": {"multipart/batching", body, 415},
		"cut":         {"multipart/batching; boundary=b", body[:len(body)-20], 400},
		"no-request":  {"multipart/batching; boundary=b", "--b\r\n\r\nhello\r\n--b--\r\n", 400},
		"endless":     {"multipart/batching; boundary=b", strings.Repeat("--b\r\n", 1<<18), 400},
		"upload":      {"multipart/batching; boundary=b", strings.Repeat("x", 2<<20), 400},
	} {
		if got := c.do("POST", c.self+"/batch", tc.body, "Content-Type", tc.contentType); got.status != tc.status || !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") {
			t.Errorf("%s: %d %s, want %d", name, got.status, got.body, tc.status)
		}
	}
}
