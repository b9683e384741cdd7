package probe

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// logonsOfEach is how often each account logs on at the same time as the other. A proxy that mixes them up spoils some
// log-ons, which a directory counts as wrong passwords: few lock an account as soon as that.
const logonsOfEach = 2

// crowdLogons has both accounts log on at the same time over connections side by side, and looks whose tickets they get.
// Windows authentication is of a connection: where a proxy gives its own to whoever comes, one is taken for the other.
func (o *observer) crowdLogons(ctx context.Context, first, second *signedIn, note func(who *signedIn, owner string, x *Exchange)) {
	var all sync.WaitGroup
	for range logonsOfEach {
		for _, pair := range [][2]*signedIn{{first, second}, {second, first}} {
			who, other := pair[0], pair[1]
			if !o.loggedOn(who) {
				continue
			}
			all.Go(func() {
				x, ticket := o.ticketOf(ctx, who)
				if ticket == "" {
					return
				}
				switch {
				case o.opens(ctx, who, ticket):
					note(who, who.account.SIP, x)
				case o.opens(ctx, other, ticket):
					note(who, other.account.SIP, x)
				default:
					note(who, "", x)
				}
			})
		}
	}
	all.Wait()
}

// loggedOn tells whether Windows authentication is offered at the client's server, and an account has logged on with it.
func (o *observer) loggedOn(who *signedIn) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.section.Logons, func(l Logon) bool { return l.Result == LogonGranted && l.Host == who.at.host })
}

// ticketOf logs on once more, in the client's own way, and returns the exchange that a ticket came with.
func (o *observer) ticketOf(ctx context.Context, who *signedIn) (*Exchange, string) {
	known := newTrial(who.account)
	known.note(saysRight)
	w := &way{o: o, client: who.client, account: who.account, trial: known, secrets: who.secrets}
	line := who.connect("crowd log-on")
	defer line.close()
	r := windowsToken(SignInTicket)
	read := func(body []byte) string { token, _ := parseToken(body); return token }
	if who.inXML() {
		entropy := make([]byte, 32)
		rand.Read(entropy)
		r = signedRequest{
			purpose: SignInTicket, method: http.MethodPost, target: "/WebTicket/WebTicketService.svc",
			body:   ticketRequest(compactTicket, newUUID(), who.application.String(), who.account.SIP, entropy),
			header: http.Header{"Content-Type": {"text/xml; charset=utf-8"}, "Soapaction": {issueAction}},
		}
		read = func(body []byte) string { return parseTicket(compactTicket, body) }
	}
	x, body, _ := w.logon(ctx, line, r)
	ticket := read(body)
	who.secrets.hide(ticket)
	return x, ticket
}

// windowsToken asks for a token for whom Windows authentication says the client is. UCWA, "Authentication in UCWA".
func windowsToken(purpose string) signedRequest {
	return signedRequest{
		purpose: purpose, method: http.MethodPost, target: "/WebTicket/oauthtoken", accept: acceptUCWAJSON,
		body:   []byte(url.Values{"grant_type": {windowsGrant}}.Encode()),
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded;charset=UTF-8"}},
	}
}

// strangerConnections are as many as meet most connections that a proxy keeps open to the servers of a quiet deployment.
const strangerConnections = 16

// strangers asks for tokens without any credentials, over new connections side by side, after log-ons were granted. A
// proxy that gives a connection which is logged on to whoever comes next gives them somebody else's token. One answer of
// that kind is kept in the record.
func (o *observer) strangers(ctx context.Context, who *signedIn) {
	if !o.loggedOn(who) {
		return
	}
	var all sync.WaitGroup
	var kept sync.Once
	for range strangerConnections {
		all.Go(func() {
			line := who.connect("crowd log-on")
			defer line.close()
			x, body := line.do(ctx, windowsToken(SignInStranger))
			token, _ := parseToken(body)
			who.secrets.hide(token)
			keep := false
			if x.Status == http.StatusOK && token != "" {
				kept.Do(func() { keep = true })
			}
			if !keep {
				o.forget(x)
			}
		})
	}
	all.Wait()
}

// opens tells whether a ticket is good for the client's application: nobody else's is.
func (o *observer) opens(ctx context.Context, who *signedIn, ticket string) bool {
	line := who.connect("crowd log-on")
	defer line.close()
	r := who.request(SignInUCWA, http.MethodGet, who.application.target)
	if !strings.HasPrefix(r.header.Get(who.ticketName), "cwt=") { // "Bearer cwt=…"
		ticket = "Bearer " + ticket
	}
	r.header.Set(who.ticketName, ticket)
	x, body := line.do(ctx, r)
	o.forget(x)
	return x.Status == http.StatusOK && strings.EqualFold(ownerOf(ucwaOf(x, body)), who.account.SIP)
}
