package probe

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// ucwaServer is a Front End of the tests: as much of UCWA as the probe's requests want, and an event channel that a test
// can have end in any way.
type ucwaServer struct {
	// hang answers a poll: it may write to the connection, and tells whether the connection goes on. Nil is a Front End
	// that answers when its time-out is over or something has happened.
	hang func(p *heldPoll) bool
	// intercept answers other requests; an empty text leaves them to the server.
	intercept func(*http.Request) string
	// continueAfter is when 100 (Continue) is sent to those who expect it; zero means never.
	continueAfter time.Duration

	mu      sync.Mutex
	news    map[string]chan string // by the path of an application: events that wait
	created atomic.Int64
	asked   []string // method and path, in order
}

// heldPoll is a poll as it arrived.
type heldPoll struct {
	conn    net.Conn
	timeout time.Duration
	news    <-chan string
	gone    <-chan struct{} // the client has closed the connection
	made    time.Time       // when the connection was made
	number  int             // of the polls of the connection, from 1
	next    string
}

const (
	applications = "/ucwa/oauth/v1/applications"
	ownApp       = applications + "/101"
)

func appDocument(path, sip string) string {
	return fmt.Sprintf(`{"culture":"en-US","_links":{"self":{"href":"%[1]s"},"events":{"href":"%[1]s/events?ack=1"},"batch":{"href":"%[1]s/batch"}},
"_embedded":{"me":{"name":"A","uri":"sip:%[2]s","_links":{"self":{"href":"%[1]s/me"},"makeMeAvailable":{"href":"%[1]s/me/makeMeAvailable"},
"presence":{"href":"%[1]s/me/presence"}},"rel":"me"},"communication":{"_links":{"self":{"href":"%[1]s/communication"},
"startMessaging":{"href":"%[1]s/communication/messagingInvitations"}},"rel":"communication","etag":"1"}},"rel":"application"}`, path, sip)
}

// ucwaAnswer is an answer as a Front End gives it.
func ucwaAnswer(status, body string) string {
	return replyText(status, "application/json; charset=utf-8", body, "X-MS-Server-Fqdn: fe1.corp.contoso.example", "Cache-Control: no-cache")
}

func (s *ucwaServer) channel(app string) chan string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.news == nil {
		s.news = map[string]chan string{}
	}
	if s.news[app] == nil {
		s.news[app] = make(chan string, 100)
	}
	return s.news[app]
}

func eventsDocument(next string, events ...string) string {
	senders := ""
	if len(events) > 0 {
		senders = `,"sender":[{"rel":"me","href":"` + ownApp + `/me","events":[` + strings.Join(events, ",") + `]}]`
	}
	return `{"_links":{"self":{"href":"` + ownApp + `/events"},"next":{"href":"` + next + `"}}` + senders + `}`
}

func eventOf(rel string) string {
	return `{"link":{"rel":"` + rel + `","href":"` + ownApp + `/me/` + rel + `"},"type":"updated"}`
}

func (s *ucwaServer) serve(c net.Conn) {
	made := time.Now()
	requests := make(chan *http.Request)
	gone := make(chan struct{})
	read := make(chan struct{})
	go func() {
		defer close(gone)
		r := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if s.continueAfter > 0 && req.Header.Get("Expect") != "" {
				<-time.After(s.continueAfter)
				io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
			}
			body, _ := io.ReadAll(req.Body)
			req.Body = io.NopCloser(strings.NewReader(string(body)))
			select {
			case requests <- req:
			case <-read:
				return
			}
		}
	}()
	defer func() { close(read); c.Close(); <-gone }()
	polls := 0
	for {
		select {
		case <-gone:
			return
		case req := <-requests:
			if strings.HasSuffix(req.URL.Path, "/events") {
				polls++
				if !s.poll(c, req, made, gone, polls) {
					return
				}
				continue
			}
			if _, err := io.WriteString(c, s.answer(req)); err != nil {
				return
			}
		}
	}
}

func (s *ucwaServer) poll(c net.Conn, req *http.Request, made time.Time, gone <-chan struct{}, number int) bool {
	var ack, seconds int
	fmt.Sscan(req.URL.Query().Get("ack"), &ack)
	fmt.Sscan(req.URL.Query().Get("timeout"), &seconds)
	app := strings.TrimSuffix(req.URL.Path, "/events")
	p := &heldPoll{
		conn: c, timeout: time.Duration(seconds) * time.Second, news: s.channel(app), gone: gone, made: made, number: number,
		next: fmt.Sprintf("%s/events?ack=%d", app, ack+1),
	}
	if s.hang != nil {
		return s.hang(p)
	}
	return p.wait()
}

// wait is what a Front End does.
func (p *heldPoll) wait() bool {
	select {
	case e := <-p.news:
		return p.say(ucwaAnswer("200 OK", eventsDocument(p.next, e)))
	case <-time.After(p.timeout):
		return p.say(ucwaAnswer("200 OK", eventsDocument(p.next)))
	case <-p.gone:
		return false
	}
}

func (p *heldPoll) say(text string) bool {
	_, err := io.WriteString(p.conn, text)
	return err == nil
}

// cutAt does as wait does until the connection is cut at a time since something; then is what the cut does.
func (p *heldPoll) cutAt(since time.Time, limit time.Duration, then func() bool) bool {
	select {
	case e := <-p.news:
		return p.say(ucwaAnswer("200 OK", eventsDocument(p.next, e)))
	case <-time.After(p.timeout):
		return p.say(ucwaAnswer("200 OK", eventsDocument(p.next)))
	case <-time.After(limit - time.Since(since)):
		return then()
	case <-p.gone:
		return false
	}
}

func (s *ucwaServer) answer(req *http.Request) string {
	s.mu.Lock()
	s.asked = append(s.asked, req.Method+" "+req.URL.Path)
	s.mu.Unlock()
	if s.intercept != nil {
		if text := s.intercept(req); text != "" {
			return text
		}
	}
	app := strings.Join(strings.SplitN(req.URL.Path, "/", 7)[:min(6, strings.Count(req.URL.Path, "/")+1)], "/")
	switch {
	case req.Header.Get("Authorization") != "Bearer cwt=AAEB":
		return ucwaAnswer("401 Unauthorized", `{"code":"Unauthorized"}`)
	case req.Method == "POST" && req.URL.Path == applications:
		path := fmt.Sprintf("%s/%d", applications, 101+s.created.Add(1))
		return ucwaAnswer("201 Created", appDocument(path, "user1@contoso.example"))
	case req.Method == "DELETE":
		return ucwaAnswer("204 No Content", "")
	case req.Method == "POST" && strings.HasSuffix(req.URL.Path, "/makeMeAvailable"):
		s.channel(app) <- eventOf("me")
		return ucwaAnswer("204 No Content", "")
	case req.Method == "GET" && strings.HasSuffix(req.URL.Path, "/presence"):
		return ucwaAnswer("200 OK", `{"availability":"Online","_links":{"self":{"href":"`+req.URL.Path+`"}},"rel":"presence"}`)
	case req.Method == "POST" && strings.HasSuffix(req.URL.Path, "/presence"):
		s.channel(app) <- eventOf("presence")
		return ucwaAnswer("204 No Content", "")
	case req.Method == "GET" && strings.Count(req.URL.Path, "/") == 5:
		return ucwaAnswer("200 OK", appDocument(req.URL.Path, "user1@contoso.example"))
	}
	return ucwaAnswer("404 Not Found", `{"code":"NotFound"}`)
}

// signedInAt is an observer at the world's external vantage, and a client that has signed in to the server.
func signedInAt(t *testing.T, server *ucwaServer, in SigningIn) (*observer, *signedIn, *world) {
	t.Helper()
	const at = proxyIP + ":443"
	w := &world{tcp: map[string]func(net.Conn){at: overTLS(server.serve)}}
	v := w.vantage(External)
	v.SignIn = &in
	o := newObserver(v, []string{External}, Target{SIPDomains: []string{testDomain}}, smallLimits.withDefaults(), &hostSet{}, &hostSet{})
	app, err := followable("https://" + webFQDN + ownApp)
	if err != nil {
		t.Fatal(err)
	}
	return o, &signedIn{
		client: ClientWeb, account: Account{SIP: "user1@contoso.example"}, ticketName: "Authorization", ticketValue: "Bearer cwt=AAEB",
		media: mediaUCWAJSON, application: app, links: parseUCWA([]byte(appDocument(ownApp, "user1@contoso.example"))).links,
		o: o, at: endpoint{scheme: "https", host: webFQDN, addr: netip.MustParseAddrPort(at)}, by: ClientWeb, secrets: &secrets{}, steps: &[]SignInStep{},
	}, w
}
