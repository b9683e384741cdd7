package probe

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// talk answers what an invitation and a message want: the links are those of the SDK's samples.
type talk struct {
	server *ucwaServer
	lose   string // the step after which nothing arrives: "invite", "accept" or "send"
}

const secondApp = applications + "/102"

func (c *talk) intercept(req *http.Request) string {
	body, _ := io.ReadAll(req.Body)
	req.Body = io.NopCloser(strings.NewReader(string(body)))
	tell := func(step, app, event string) string {
		if c.lose != step {
			c.server.channel(app) <- event
		}
		return ucwaAnswer("201 Created", "")
	}
	switch path := req.URL.Path; {
	case strings.HasSuffix(path, "/messagingInvitations"):
		subject, _ := parseUCWA(append([]byte(`{"_links":{"self":{"href":"x"}},`), body[1:]...)).values["subject"]
		return tell("invite", secondApp, `{"link":{"rel":"messagingInvitation","href":"/x"},"type":"started","_embedded":{"messagingInvitation":{`+
			`"direction":"Incoming","subject":"`+subject+`","_links":{"accept":{"href":"`+secondApp+`/communication/messagingInvitations/1/accept"}}}}}`)
	case strings.HasSuffix(path, "/accept"):
		return tell("accept", ownApp, `{"link":{"rel":"messaging","href":"/x"},"type":"updated","_embedded":{"messaging":{`+
			`"state":"Connected","_links":{"sendMessage":{"href":"`+ownApp+`/communication/conversations/1/messaging/messages"}}}}}`)
	case strings.HasSuffix(path, "/messaging/messages"):
		return tell("send", secondApp, `{"link":{"rel":"message","href":"/x"},"type":"completed","status":"Success","_embedded":{"message":{`+
			`"direction":"Incoming","_links":{"plainMessage":{"href":"data:text/plain;charset=utf-8,`+url.PathEscape(string(body))+`"}}}}}`)
	}
	return ""
}

// secondOf is the second account of the same world.
func secondOf(first *signedIn) *signedIn {
	second := *first
	second.account = Account{SIP: "user2@contoso.example"}
	second.application.target = secondApp
	second.links = parseUCWA([]byte(appDocument(secondApp, "user2@contoso.example"))).links
	second.steps = &[]SignInStep{}
	return &second
}

func TestMessage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, lose, text string }{
		{name: "arrives", text: "a message to user2@contoso.example arrived"},
		{name: "invitation-lost", lose: "invite", text: "the invitation to a conversation did not arrive"},
		{name: "acceptance-lost", lose: "accept", text: "no event told that the invitation was accepted"},
		{name: "message-lost", lose: "send", text: "the message did not arrive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &ucwaServer{}
				server.intercept = (&talk{server: server, lose: c.lose}).intercept
				o, first, w := signedInAt(t, server, SigningIn{})
				o.message(t.Context(), first, secondOf(first))
				w.served.Wait()
				step := (*first.steps)[0]
				if step.Text != c.text || (step.Result == StepOK) != (c.lose == "") {
					t.Errorf("got %+v, want %q", step, c.text)
				}
				if p := pollOf(t, o, PollMessage); p.Delivered != (c.lose == "") || p.Event == 0 {
					t.Errorf("got %+v", p)
				}
			})
		})
	}
}

// resultsOf are names and results.
func resultsOf(in *signedIn) []string {
	var out []string
	for _, s := range *in.steps {
		out = append(out, s.Name+" "+s.Result)
	}
	return out
}

func TestExercise(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &ucwaServer{}
		server.intercept = func(req *http.Request) string {
			if strings.HasPrefix(req.URL.Path, secondApp) && req.Method == "GET" && strings.Count(req.URL.Path, "/") == 5 {
				return ucwaAnswer("200 OK", appDocument(secondApp, "user2@contoso.example"))
			}
			return (&talk{server: server}).intercept(req)
		}
		o, first, w := signedInAt(t, server, SigningIn{Hold: 200 * time.Second})
		server.created.Store(1)
		o.exercise(t.Context(), first, secondOf(first))
		w.served.Wait()
		want := []string{"events ok", "message ok", "repeat ok", "upload ok"}
		if diff := cmp.Diff(want, resultsOf(first)); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]Crowd{{Requests: 16 * 2, Connections: 16}}, o.section.Crowds); diff != "" {
			t.Errorf("crowds (-want +got):\n%s", diff)
		}
		var purposes []string
		for _, x := range o.section.Exchanges {
			if x.Purpose != leftOut && !slices.Contains(purposes, x.Purpose) {
				purposes = append(purposes, x.Purpose)
			}
		}
		slices.Sort(purposes)
		if diff := cmp.Diff([]string{SignInEvents, SignInPut, SignInRepeat, SignInUCWA, UploadChunked, UploadExpect, UploadHeader, UploadLarge}, purposes); diff != "" {
			t.Errorf("purposes (-want +got):\n%s", diff)
		}
	})
}

// Whoever is taken for somebody else is named.
func TestCrowdOfMistakenPeople(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, first, w := signedInAt(t, &ucwaServer{}, SigningIn{}) // which takes everybody for user1
		o.crowd(t.Context(), first, secondOf(first))
		w.served.Wait()
		got := o.section.Crowds[0]
		if got.Exchange == 0 {
			t.Error("no exchange shows it")
		}
		got.Exchange = 0
		want := Crowd{
			Requests: 16 * 2, Connections: 16, Foreign: 8 * 2,
			Account: "user2@contoso.example", Taken: "user1@contoso.example",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// An application that only some servers know is asked for until that shows.
func TestRepeatShowsLostApplications(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		n := 0
		server := &ucwaServer{intercept: func(req *http.Request) string {
			mu.Lock()
			defer mu.Unlock()
			if n++; n%2 == 0 {
				return ucwaAnswer("404 Not Found", `{"code":"NotFound","subcode":"ApplicationNotFound"}`)
			}
			return ""
		}}
		o, first, w := signedInAt(t, server, SigningIn{})
		o.limits.Repeats = 20
		o.again(t.Context(), first)
		w.served.Wait()
		want := []SignInStep{{Name: StepRepeat, Result: StepFailed, Text: "10 of 20 requests were not answered with the application: fine (HTTP 404)"}}
		for i := range *first.steps {
			(*first.steps)[i].Exchange = 0
		}
		if diff := cmp.Diff(want, *first.steps); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// What a proxy says to large bodies is told from what the Front End says.
func TestUploads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer func(*http.Request) string
		failed string
	}{
		{name: "chunked-411", answer: func(r *http.Request) string {
			if len(r.TransferEncoding) > 0 {
				return replyText("411 Length Required", "text/html", "<html>411</html>", "Server: nginx")
			}
			return ""
		}, failed: UploadChunked},
		{name: "expect-417", answer: func(r *http.Request) string {
			if r.Header.Get("Expect") != "" {
				return replyText("417 Expectation Failed", "text/html", "<html>417</html>", "Server: squid/3.1")
			}
			return ""
		}, failed: UploadExpect},
		{name: "header-431", answer: func(r *http.Request) string {
			if len(r.Header.Get("Cookie")) > 8192 {
				return replyText("400 Bad Request", "text/html", "<html>Request Header Or Cookie Too Large</html>", "Server: nginx")
			}
			return ""
		}, failed: UploadHeader},
		{name: "front-end-413", answer: func(r *http.Request) string {
			if r.ContentLength > 1<<20 {
				return ucwaAnswer("413 Request Entity Too Large", `{"code":"EntityTooLarge"}`)
			}
			return ""
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o, first, w := signedInAt(t, &ucwaServer{intercept: c.answer}, SigningIn{})
				o.upload(t.Context(), first)
				w.served.Wait()
				step := (*first.steps)[0]
				if c.failed == "" {
					if step.Result != StepOK {
						t.Errorf("got %+v", step)
					}
					return
				}
				if step.Result != StepFailed || !strings.HasPrefix(step.Text, c.failed+" did not reach the Front End") {
					t.Errorf("got %+v, want %s failed", step, c.failed)
				}
			})
		})
	}
}

// 100 (Continue) is told with its time, and a body goes without it after a second.
func TestExpectation(t *testing.T) {
	t.Parallel()
	for _, continued := range []time.Duration{0, 300 * time.Millisecond} {
		t.Run(fmt.Sprint(continued), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o, first, w := signedInAt(t, &ucwaServer{continueAfter: continued}, SigningIn{})
				o.upload(t.Context(), first)
				w.served.Wait()
				i := slices.IndexFunc(o.section.Exchanges, func(x Exchange) bool { return x.Purpose == UploadExpect })
				if x := o.section.Exchanges[i]; x.Continued != continued || continued == 0 && x.Elapsed != time.Second {
					t.Errorf("got %v after %v, want %v", x.Continued, x.Elapsed, continued)
				}
			})
		})
	}
}

// What one place sees while another has changed the presence is not what the account had.
func TestPresenceIsSetBackToTheFirst(t *testing.T) {
	t.Parallel()
	var p presences
	for i, now := range []string{"Away", "Busy"} {
		if got := p.of(tester, now); got != "Away" {
			t.Errorf("place %d: got %s, want Away", i, got)
		}
	}
	if got := p.of(Account{SIP: "user2@contoso.example"}, "Online"); got != "Online" {
		t.Errorf("another account: got %s, want Online", got)
	}
}
