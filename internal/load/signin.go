package load

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/go-ntlmssp"
)

// Grant types (UCWA SDK, "Authentication in UCWA").
const (
	grantPassword = "password"
	grantWindows  = "urn:microsoft.rtc:windows"
)

const (
	mediaForm = "application/x-www-form-urlencoded;charset=UTF-8"
	mediaJSON = "application/json"
)

// signIn goes from the discovery name to an available application (UCWA SDK, "Create an application"), over connections of
// which the last stays for the poll.
func (c *client) signIn(ctx context.Context) (*session, bool) {
	began := time.Now()
	l := &line{c: c, ctx: ctx, s: &session{}, slot: &c.poll}
	host, user, ok := c.discover(l)
	if !ok || !c.authenticate(l, host, user) || !c.create(l, host, user) {
		return nil, false
	}
	c.run.stats.took(signIn, time.Since(began))
	return l.s, true
}

// follow is where a link leads, when that is the external web site.
func (l *line) follow(q *query, link string) (host, target string, ok bool) {
	host, target, err := locate(q.host, link)
	if err != nil {
		l.fault(BadAnswer, q, err.Error())
		return "", "", false
	}
	if why := l.c.run.site(host); why != "" {
		l.fault(WrongSite, q, why)
		return "", "", false
	}
	return host, target, true
}

// discover asks the discovery name where the user resource is.
func (c *client) discover(l *line) (host, target string, ok bool) {
	q := query{method: http.MethodGet, host: "lyncdiscover." + c.run.target.Domain, target: "/", authorization: "-", expect: http.StatusOK}
	a, ok := l.ask(discovery, q)
	if !ok {
		return "", "", false
	}
	var root struct {
		Links struct {
			User href `json:"user"`
		} `json:"_links"`
	}
	if !l.read(&q, &a, &root) {
		return "", "", false
	}
	return l.follow(&q, root.Links.User.Href)
}

// authenticate asks for the user resource without a token, and gets one where the refusal says.
func (c *client) authenticate(l *line, host, user string) bool {
	q := query{method: http.MethodGet, host: host, target: user, authorization: "-", expect: http.StatusUnauthorized}
	a, ok := l.ask(challenge, q)
	if !ok {
		return false
	}
	var where string
	for v := range a.values("WWW-Authenticate") {
		if rest, found := strings.CutPrefix(v, "MsRtcOAuth "); found {
			_, rest, _ = strings.Cut(rest, `href="`)
			where, _, _ = strings.Cut(rest, `"`)
		}
	}
	a.release()
	host, target, ok := l.follow(&q, where)
	if !ok {
		return false
	}
	q = query{method: http.MethodPost, host: host, target: target, authorization: "-", media: mediaForm}
	if c.run.plan.byNTLM(c.index) {
		a, ok = c.logon(l, q)
	} else {
		q.expect = http.StatusOK
		q.body = url.Values{"grant_type": {grantPassword}, "username": {c.account.SIP}, "password": {c.account.Password}}.Encode()
		a, ok = l.ask(token, q)
	}
	if !ok {
		c.refused++
		return false
	}
	c.refused = 0
	var issued struct {
		Token string `json:"access_token"`
	}
	if !l.read(&q, &a, &issued) {
		return false
	}
	if issued.Token == "" || strings.ContainsAny(issued.Token, "\r\n") {
		l.fault(BadAnswer, &q, "no token")
		return false
	}
	l.s.token = strings.Clone(issued.Token)
	return true
}

// logon gets a token by NTLM, whose three messages belong to one connection (RFC 4559 section 6).
func (c *client) logon(l *line, q query) (a answer, ok bool) {
	q.body = url.Values{"grant_type": {grantWindows}}.Encode()
	ask := func(message []byte, status int) bool {
		if q.expect = status; message != nil {
			q.authorization = "NTLM " + base64.StdEncoding.EncodeToString(message)
		}
		a, ok = l.ask(token, q)
		return ok
	}
	if !ask(nil, 0) {
		return a, false
	}
	switch a.status {
	case http.StatusUnauthorized:
	case http.StatusOK: // whose token it is shows soon
		l.fault(WrongUser, &q, "a token without a log-on: the connection is somebody else's")
		return a, true
	default:
		l.fault(BadStatus, &q, "status "+strconv.Itoa(a.status)+", want 401")
		return a, false
	}
	a.release()
	first, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil || !ask(first, http.StatusUnauthorized) {
		return a, false
	}
	var second []byte
	for v := range a.values("WWW-Authenticate") {
		if text, found := strings.CutPrefix(v, "NTLM "); found {
			second, _ = base64.StdEncoding.DecodeString(strings.TrimSpace(text)) // what is none is no challenge either
		}
	}
	a.release()
	third, err := ntlmssp.NewAuthenticateMessage(second, c.account.login(), c.account.Password, nil)
	if err != nil {
		l.fault(BadAnswer, &q, "no NTLM challenge")
		return a, false
	}
	return a, ask(third, http.StatusOK)
}

// applicationAnswer is what a new application is described by.
type applicationAnswer struct {
	Links struct {
		Self   href `json:"self"`
		Events href `json:"events"`
	} `json:"_links"`
	Embedded struct {
		Me struct {
			URI   string `json:"uri"`
			Links struct {
				MakeMeAvailable href `json:"makeMeAvailable"`
			} `json:"_links"`
		} `json:"me"`
		Communication struct {
			Links struct {
				StartMessaging href `json:"startMessaging"`
			} `json:"_links"`
		} `json:"communication"`
	} `json:"_embedded"`
}

// create reads the user resource, makes the application, and makes it available.
func (c *client) create(l *line, host, user string) bool {
	q := query{method: http.MethodGet, host: host, target: user, expect: http.StatusOK}
	a, ok := l.ask(userDocument, q)
	if !ok {
		return false
	}
	var document struct {
		Links struct {
			Applications href `json:"applications"`
		} `json:"_links"`
	}
	if !l.read(&q, &a, &document) {
		return false
	}
	host, target, ok := l.follow(&q, document.Links.Applications.Href)
	if !ok {
		return false
	}
	body, err := json.Marshal(map[string]string{
		"userAgent": userAgent, "culture": "en-US", "endpointId": "load-" + c.run.name + "-" + strconv.Itoa(c.index),
	})
	if err != nil {
		return false
	}
	q = query{method: http.MethodPost, host: host, target: target, media: mediaJSON, body: string(body)}
	if a, ok = l.ask(application, q); !ok {
		return false
	}
	if a.status != http.StatusCreated && a.status != http.StatusOK { // the latter when it is there already
		l.fault(BadStatus, &q, "status "+strconv.Itoa(a.status)+", want 201")
		a.release()
		return false
	}
	var made applicationAnswer
	if !l.read(&q, &a, &made) {
		return false
	}
	me := made.Embedded.Me
	if !strings.EqualFold(me.URI, "sip:"+c.account.SIP) {
		l.fault(WrongUser, &q, "the application of "+me.URI)
		return false
	}
	s := l.s
	s.host = host
	for _, link := range []struct {
		to   *string
		href string
	}{
		{&s.app, made.Links.Self.Href}, {&s.events, made.Links.Events.Href}, {&s.invite, made.Embedded.Communication.Links.StartMessaging.Href},
	} {
		at, path, ok := l.follow(&q, link.href)
		if !ok || at != host {
			return false
		}
		*link.to = path
	}
	c.fresh()
	if me.Links.MakeMeAvailable.Href == "" {
		return true
	}
	if _, target, ok = l.follow(&q, me.Links.MakeMeAvailable.Href); !ok {
		return false
	}
	a, ok = l.ask(makeAvailable, query{method: http.MethodPost, host: host, target: target, media: mediaJSON, expect: http.StatusNoContent,
		body: `{"signInAs":"Online","supportedModalities":["Messaging"],"supportedMessageFormats":["Plain"]}`})
	a.release()
	return ok
}

// fresh forgets what belonged to an earlier application.
func (c *client) fresh() {
	c.mu.Lock()
	c.forgetLocked()
	c.mu.Unlock()
	c.pair.fresh()
}
