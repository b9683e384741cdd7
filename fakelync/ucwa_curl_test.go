package fakelync_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"lyncpin/fakelync"
)

// twoUsers is an organisation of two pools, with two users on the first and one on the second.
func twoUsers() *fakelync.Organisation {
	return fakelync.NewOrganisation(fakelync.OrganisationConfig{
		Users: []fakelync.User{
			{SIP: "user1@contoso.example", Name: "User One"},
			{SIP: "user2@contoso.example", Name: "User Two"},
			{SIP: "user3@contoso.example", Pool: otherPool},
		},
		Pools: []fakelync.Pool{{Name: thisPool}, {Name: otherPool}},
	})
}

const (
	thisPool  = "pool01.corp.contoso.example"
	otherPool = "pool02.corp.contoso.example"
)

// curl is somebody who signs in with curl.
type curl struct {
	t      *testing.T
	srv    *fakelync.Server
	ticket string
	got    map[string]any // the last answer
	next   string         // the next poll
	events []map[string]any
}

// do sends a request and returns status and body, which is unmarshalled when it is JSON.
func (c *curl) do(method, href, contentType, body string) int {
	c.t.Helper()
	args := []string{
		"--silent", "--show-error", "--insecure", "--max-time", "20", "--request", method,
		"--connect-to", "lyncweb-ext.contoso.example:443:" + c.srv.Addrs().ExternalHTTPS,
		"--header", "Authorization: Bearer " + c.ticket, "--header", "Accept: application/json", "--write-out", "\n%{http_code}",
	}
	if body != "" {
		args = append(args, "--header", "Content-Type: "+contentType, "--data-binary", body)
	}
	out, err := exec.CommandContext(c.t.Context(), "curl", append(args, "https://lyncweb-ext.contoso.example"+href)...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("curl %s %s: %v\n%s", method, href, err, out)
	}
	i := bytes.LastIndexByte(out, '\n')
	c.got = nil
	if text := bytes.TrimSpace(out[:i]); len(text) > 0 {
		if err := json.Unmarshal(text, &c.got); err != nil {
			c.t.Fatalf("%s %s: %v in\n%s", method, href, err, text)
		}
	}
	return int(out[i+1]-'0')*100 + int(out[i+2]-'0')*10 + int(out[i+3]-'0')
}

// at follows names into what the last answer holds; a number picks from a list.
func (c *curl) at(path ...any) any {
	c.t.Helper()
	var v any = c.got
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok || m[s] == nil {
				c.t.Fatalf("no %v of %v in %v", s, path, c.got)
			}
			v = m[s]
		case int:
			l, ok := v.([]any)
			if !ok || len(l) <= s {
				c.t.Fatalf("no %v of %v in %v", s, path, c.got)
			}
			v = l[s]
		}
	}
	return v
}

func (c *curl) href(path ...any) string {
	c.t.Helper()
	return c.at(append(path, "href")...).(string)
}

// want asks and insists on a status.
func (c *curl) want(status int, method, href, contentType, body string) {
	c.t.Helper()
	if got := c.do(method, href, contentType, body); got != status {
		c.t.Fatalf("%s %s: status %d, want %d: %v", method, href, got, status, c.got)
	}
}

// event polls until something of that kind happened to that relation, and returns the event.
func (c *curl) event(kind, rel string) map[string]any {
	c.t.Helper()
	for {
		for i, e := range c.events {
			if e["type"] == kind && e["link"].(map[string]any)["rel"] == rel {
				c.events = c.events[i+1:]
				return e
			}
		}
		c.want(200, "GET", c.next, "", "")
		c.next, c.events = c.href("_links", "next"), nil
		senders, _ := c.got["sender"].([]any)
		for _, s := range senders {
			for _, e := range s.(map[string]any)["events"].([]any) {
				c.events = append(c.events, e.(map[string]any))
			}
		}
	}
}

// TestCurlFindsPeople holds what published clients expect of lists of people: they are lists, of however many.
func TestCurlFindsPeople(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip(err)
	}
	org := fakelync.NewOrganisation(fakelync.OrganisationConfig{
		Users: []fakelync.User{{SIP: "user1@contoso.example", Name: "User One"}, {SIP: "user2@contoso.example", Name: "User Two"}},
		Pools: []fakelync.Pool{{Name: thisPool}},
	})
	cfg := healthy()
	cfg.Organisation, cfg.Product = org, fakelync.SfB2015
	c := &curl{t: t, srv: start(t, cfg), ticket: org.Ticket("user1@contoso.example", thisPool)}
	c.want(201, "POST", "/ucwa/oauth/v1/applications", "application/json", `{"userAgent":"ContosoProbe/1.0","endpointId":"1","culture":"en-US"}`)
	contacts, search := c.href("_embedded", "people", "_links", "myContacts"), c.href("_embedded", "people", "_links", "search")
	for _, tc := range []struct {
		name, href string
		names      []any
		more       any
	}{
		{"contacts", contacts, []any{"User Two"}, nil},
		{"name", search + "?query=TWO", []any{"User Two"}, false},
		{"address", search + "?query=sip:user2@contoso.example", []any{"User Two"}, false},
		{"limit", search + "?query=user&limit=1", []any{"User One"}, true},
		{"both", search + "?query=user&limit=2", []any{"User One", "User Two"}, false},
		{"nobody", search + "?query=three", nil, false},
	} {
		c.want(200, "GET", tc.href, "", "")
		var names []any
		if embedded, ok := c.got["_embedded"].(map[string]any); ok {
			for _, who := range embedded["contact"].([]any) {
				names = append(names, who.(map[string]any)["name"])
				if mail := who.(map[string]any)["emailAddresses"].([]any); len(mail) != 1 {
					t.Errorf("%s: emailAddresses = %v", tc.name, mail)
				}
			}
		}
		if !slices.Equal(names, tc.names) || c.got["moreResultsAvailable"] != tc.more {
			t.Errorf("%s: %v, more %v; want %v, %v", tc.name, names, c.got["moreResultsAvailable"], tc.names, tc.more)
		}
	}
	for _, query := range []string{"", "?query=", "?query=" + strings.Repeat("x", 257), "?query=x&limit=0", "?query=x&limit=101"} {
		c.want(400, "GET", search+query, "", "")
	}
}

// TestCurlSendsAMessage is a whole session of two web applications, made by a client that knows nothing of ours.
func TestCurlSendsAMessage(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip(err)
	}
	org := twoUsers()
	cfg := healthy()
	cfg.Organisation, cfg.Product = org, fakelync.SfB2015
	srv := start(t, cfg)
	one := &curl{t: t, srv: srv, ticket: org.Ticket("user1@contoso.example", thisPool)}
	two := &curl{t: t, srv: srv, ticket: org.Ticket("user2@contoso.example", thisPool)}
	var applications, invite [2]string
	for i, c := range []*curl{one, two} {
		c.want(201, "POST", "/ucwa/oauth/v1/applications", "application/json", `{"UserAgent":"ContosoProbe/1.0","EndpointId":"5f0c1d7e-2b44-4c1a-9e0f-0123456789ab","Culture":"en-US",}`)
		applications[i], c.next = c.href("_links", "self"), c.href("_links", "events")
		invite[i] = c.href("_embedded", "communication", "_links", "startMessaging")
		if uri := c.at("_embedded", "me", "uri"); uri != "sip:"+[]string{"user1", "user2"}[i]+"@contoso.example" {
			t.Errorf("application of %v", uri)
		}
		c.want(204, "POST", c.href("_embedded", "me", "_links", "makeMeAvailable"), "application/json", `{"signInAs":"Online","supportedMessageFormats":["Plain"],"supportedModalities":["Messaging"]}`)
		c.event("added", "presence")
	}
	one.want(201, "POST", invite[0], "application/json", `{"to":"sip:user2@contoso.example","operationId":"74cb7404e0a247d5a2d4eb0376a47dbf","subject":"Lunch","_links":{"message":{"href":"data:text/plain;base64,SGVsbG8="}}}`)
	invitation := two.event("started", "messagingInvitation")["_embedded"].(map[string]any)["messagingInvitation"].(map[string]any)
	if invitation["subject"] != "Lunch" || invitation["direction"] != "Incoming" || invitation["state"] != "Connecting" {
		t.Errorf("invitation = %v", invitation)
	}
	if from := invitation["_embedded"].(map[string]any)["from"].(map[string]any); from["name"] != "User One" || from["uri"] != "sip:user1@contoso.example" || from["rel"] != "participant" {
		t.Errorf("the invitation is from %v", from)
	}
	two.want(200, "GET", invitation["_links"].(map[string]any)["from"].(map[string]any)["href"].(string), "", "")
	if name := two.at("name"); name != "User One" {
		t.Errorf("participant %v, want User One", name)
	}
	two.want(204, "POST", invitation["_links"].(map[string]any)["accept"].(map[string]any)["href"].(string), "", "")
	if e := one.event("completed", "messagingInvitation"); e["status"] != "Success" {
		t.Errorf("the invitation's end at the first user: %v", e)
	}
	two.want(200, "GET", invitation["_links"].(map[string]any)["messaging"].(map[string]any)["href"].(string), "", "")
	one.event("updated", "messaging")
	one.want(200, "GET", applications[0]+"/communication/conversations", "", "")
	one.want(200, "GET", one.href("_links", "conversation", 0), "", "")
	if thread := one.at("threadId"); thread != invitation["threadId"] {
		t.Errorf("threadId = %v, want %v of the invitation", thread, invitation["threadId"])
	}
	one.want(200, "GET", one.href("_links", "messaging"), "", "")
	one.want(201, "POST", one.href("_links", "sendMessage"), "text/plain", "One o'clock? ü")
	message := two.event("completed", "message")["_embedded"].(map[string]any)["message"].(map[string]any)
	text := message["_links"].(map[string]any)["plainMessage"].(map[string]any)["href"]
	if message["direction"] != "Incoming" || text != "data:text/plain;charset=utf-8,One%20o%27clock%3F%20%C3%BC" {
		t.Errorf("message = %v", message)
	}
	one.want(204, "DELETE", applications[0], "", "")
	one.want(404, "GET", applications[0], "", "")
	if code := one.at("subcode"); code != "ApplicationNotFound" {
		t.Errorf("subcode = %v, want ApplicationNotFound", code)
	}
	two.event("deleted", "conversation")
	for _, r := range srv.History() {
		if strings.Contains(r.Header.Get("Authorization"), "AAEB") {
			t.Errorf("a ticket is in the history: %v", r.Header)
		}
	}
}
