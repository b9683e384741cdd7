package probe

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// userDocument is an authenticated user document, and what was used to get it.
type userDocument struct {
	*Document
	body   []byte
	at     link // where it was asked for
	ticket string
}

func (w *way) web() bool { return w.client == ClientWeb }

// accept is the media type in which the client asks for discovery documents.
func (w *way) accept() string {
	if w.web() {
		return acceptUCWAJSON
	}
	return acceptLegacyXML
}

// starts are the URLs at which the client begins, in its order. Beside the proxy it is the one that clients outside ask.
func (w *way) starts() []link {
	inside, outside := "lyncdiscoverinternal."+w.vouched.domain, "lyncdiscover."+w.vouched.domain
	names := []string{inside, outside}
	switch {
	case w.server != nil:
		names = []string{outside}
	case w.web() && w.o.v.Name == External:
		names = []string{outside}
	case w.web():
		names = []string{outside, inside}
	}
	var out []link
	for _, n := range names {
		l := link{scheme: "https", host: n, port: 443, target: "/"}
		if w.web() {
			out = append(out, l)
			continue
		}
		l.target = "/?sipuri=" + url.QueryEscape(w.account.SIP)
		out = append(out, l)
		if w.server == nil {
			l.scheme, l.port = "http", 80
			out = append(out, l)
		}
	}
	return out
}

// discover finds the user resource.
func (w *way) discover(ctx context.Context) (link, bool) {
	var last *Exchange
	why := ""
	for _, l := range w.starts() {
		if len(w.endpoints(ctx, l)) == 0 {
			continue
		}
		user, x, reason := w.follow(ctx, l)
		if reason == "" {
			w.step(StepDiscovery, StepOK, x, nil, "%s", user.String())
			return user, true
		}
		// HTTPS counts, and an answer says more than a connection that there was not.
		if last == nil || x.ID != 0 && last.ID == 0 || l.scheme == "https" && (x.ID != 0) == (last.ID != 0) {
			last, why = x, reason
		}
	}
	switch {
	case last == nil:
		w.step(StepDiscovery, StepFailed, nil, nil, "no discovery name of %s has an address here", w.vouched.domain)
	case why == last.Outcome.Text || !last.Outcome.OK():
		w.fails(StepDiscovery, last, nil, "")
	case w.server != nil && last.Status < 500 && last.Document == nil && !MakerOf(last).FrontEnd:
		w.step(StepDiscovery, StepSkipped, last, nil, "this server is no Front End: it knows no discovery")
	default:
		w.step(StepDiscovery, StepFailed, last, nil, "%s", why)
	}
	return link{}, false
}

// follow asks for a discovery document and follows where it leads, as clients do: documents with a redirect, and 3xx
// within the domain. It returns the user resource, or the reason why there is none. A user resource that is led to
// directly answers with its challenge.
func (w *way) follow(ctx context.Context, l link) (user link, x *Exchange, why string) {
	var passed []string
	for range maxHops {
		if slices.Contains(passed, l.String()) {
			return link{}, x, "the redirects lead in a circle"
		}
		passed = append(passed, l.String())
		x, _ = w.ask(ctx, l, signedRequest{purpose: SignInDiscovery, accept: w.accept()})
		next := cmp.Or(x.Document.Redirect(), sameDomainLocation(x))
		switch {
		case !x.Outcome.OK():
			return link{}, x, cmp.Or(x.Outcome.Text, x.Outcome.Words())
		case x.Status == http.StatusUnauthorized && parseChallenge(x.Header).asked():
			return l, x, ""
		case next == "" && (x.Status != http.StatusOK || x.Document == nil):
			return link{}, x, fmt.Sprintf("HTTP %d, which is no discovery document", x.Status)
		case next == "" && x.Document.Links["user"] == "":
			return link{}, x, "the document has no user link"
		}
		from := l
		var err error
		if l, err = followable(cmp.Or(next, x.Document.Redirect(), linkOf(x.Document, "user"))); err != nil {
			return link{}, x, "the document leads to no URL that a client would follow"
		}
		if next == "" {
			w.vouch(from, l.String())
			return l, x, ""
		}
		if w.vouchNext(from, l); below(l.host, onlineDomains...) {
			return link{}, x, w.vouched.why(l.host)
		}
	}
	return link{}, x, "the redirects do not end"
}

func linkOf(d *Document, rel string) string {
	if d == nil {
		return ""
	}
	return d.Links[rel]
}

// authenticate gets the user document, from pool to pool when it sends the client on.
func (w *way) authenticate(ctx context.Context, user link) (*userDocument, bool) {
	var passed []string
	for range maxHops {
		if slices.Contains(passed, user.String()) {
			if w.server != nil {
				w.step(StepPool, StepSkipped, nil, nil, "this server sends on to %s, and it is another one's", user.host)
				return nil, false
			}
			w.step(StepPool, StepFailed, nil, nil, "the redirects lead in a circle")
			return nil, false
		}
		passed = append(passed, user.String())
		got, ok := w.getUser(ctx, user)
		if !ok {
			return nil, false
		}
		if got.Redirect() == "" {
			return w.home(ctx, got)
		}
		w.again = true
		next, err := followable(got.Redirect())
		if err != nil {
			w.step(StepPool, StepFailed, nil, nil, "the user document leads to no URL that a client would follow")
			return nil, false
		}
		if w.vouchNext(user, next); !w.vouched.has(next.host) {
			if w.server == nil {
				w.o.get(ctx, next, w.accept()) // without credentials, whether it answers at all
			}
			w.step(StepPool, StepSkipped, nil, nil, "%s", w.vouched.why(next.host))
			return nil, false
		}
		var x *Exchange
		var why string
		if user, x, why = w.follow(ctx, next); why != "" {
			w.step(StepPool, StepFailed, x, nil, "%s", why)
			return nil, false
		}
	}
	w.step(StepPool, StepFailed, nil, nil, "the redirects do not end")
	return nil, false
}

// home gets a ticket of the pool that the client's links lead to, when that is another host: a ticket is good only where
// it was issued.
func (w *way) home(ctx context.Context, got *userDocument) (*userDocument, bool) {
	service, err := followable(got.service(w.client))
	if err != nil || w.client == ClientDesktop || service.host == got.at.host {
		return got, true
	}
	if w.server != nil {
		w.step(StepPool, StepSkipped, nil, nil, "this server sends on to %s, and it is another one's", service.host)
		return nil, false
	}
	w.again = true
	at := link{scheme: service.scheme, host: service.host, port: service.port, target: servicePath + "/user"}
	if w.web() {
		at.target = servicePath + "/oauth/user"
	}
	again, ok := w.getUser(ctx, at)
	if !ok || again.service(w.client) == "" {
		return got, ok
	}
	return again, true
}

// service is the URL of what the client works with. TechNet JJ945654: phones use Ucwa and the Mcx of either site, which
// both name the external web FQDN.
func (u *userDocument) service(client string) string {
	location := strings.ToLower(cmp.Or(u.AccessLocation, ExternalSite))
	switch client {
	case ClientWeb:
		return u.Links["applications"]
	case ClientMobile2013:
		return cmp.Or(u.Links["ucwa"], u.Links[location+"/ucwa"])
	case ClientMobile2010:
		return cmp.Or(u.Links[location+"/mcx"], u.Links["mcx"])
	}
	return ""
}

// getUser asks for the user resource without credentials, gets a ticket where the challenge says, and asks again.
func (w *way) getUser(ctx context.Context, at link) (*userDocument, bool) {
	x, _ := w.ask(ctx, at, signedRequest{purpose: SignInChallenge, accept: w.accept()})
	c := parseChallenge(x.Header)
	service := c.ticket
	if w.web() {
		service = c.token
	}
	switch {
	case !x.Outcome.OK():
		w.fails(StepChallenge, x, nil, "")
		return nil, false
	case x.Status != http.StatusUnauthorized || service == "":
		w.fails(StepChallenge, x, nil, "it does not say where to get a ticket")
		return nil, false
	}
	tickets, err := followable(service)
	if err != nil {
		w.step(StepChallenge, StepFailed, x, nil, "the ticket service's URL is none that a client would follow")
		return nil, false
	}
	w.vouch(at, service)
	w.step(StepChallenge, StepOK, x, nil, "%s", tickets.String())

	var ticket string
	if w.web() {
		ticket = w.token(ctx, tickets, c.grants)
	} else {
		ticket = w.webTicket(ctx, tickets, at)
	}
	if ticket == "" {
		return nil, false
	}
	w.secrets.hide(ticket)
	_, value, _ := strings.Cut(ticket, "=")
	w.secrets.hide(value)
	x, body := w.ask(ctx, at, w.withTicket(signedRequest{purpose: SignInUser, accept: w.accept()}, ticket))
	if !x.Outcome.OK() || x.Status != http.StatusOK || x.Document == nil {
		text := "no user document"
		if x.Status == http.StatusNotFound && x.Size == 0 { // [MS-OCDISCWS] 3.1.5.3
			text = "the ticket is good, and the user's home is not known"
		}
		w.fails(StepUser, x, nil, text)
		return nil, false
	}
	for _, u := range x.Document.Links {
		w.vouch(at, u)
	}
	w.step(StepUser, StepOK, x, nil, "%s", x.Document.Redirect())
	return &userDocument{Document: x.Document, body: body, at: at, ticket: ticket}, true
}

// ticketHeader is the header field of the client's ticket.
func (w *way) ticketHeader(ticket string) (name, value string) {
	if w.web() {
		return "Authorization", "Bearer " + ticket
	}
	return "X-MS-WebTicket", ticket
}

func (w *way) withTicket(r signedRequest, ticket string) signedRequest {
	name, value := w.ticketHeader(ticket)
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set(name, value)
	return r
}

// mayLogOn waits until the client may use the password at a host, over a connection to it. Otherwise the step is noted
// as skipped or failed. The caller must close the connection.
func (w *way) mayLogOn(ctx context.Context, l link) *clientConn {
	why := ""
	switch {
	case l.scheme != "https":
		why = neverOverPlain
	case !w.vouched.has(l.host):
		why = w.vouched.why(l.host)
	case w.logons >= maxLogons:
		why = tooManyLogons
	}
	if why == "" {
		why = w.trial.turn(ctx, w.rank)
	}
	if why == "" {
		c, outcome := w.connect(ctx, l)
		if c == nil {
			w.fails(StepTicket, &Exchange{URL: l.String(), Outcome: outcome}, nil, "")
			return nil
		}
		w.logons++
		return c
	}
	w.step(StepTicket, StepSkipped, nil, nil, "%s", why)
	return nil
}

// Grant types of the token service. UCWA "Authentication in UCWA".
const (
	passwordGrant = "password"
	windowsGrant  = "urn:microsoft.rtc:windows"
)

// token gets an OAuth token: with the password when that is offered, else by Windows authentication.
func (w *way) token(ctx context.Context, l link, grants []string) string {
	password := slices.Contains(grants, passwordGrant)
	if !password && !slices.Contains(grants, windowsGrant) {
		w.step(StepTicket, StepFailed, nil, nil, "no grant type that this client knows is offered: %s", strings.Join(grants, ", "))
		return ""
	}
	c := w.mayLogOn(ctx, l)
	if c == nil {
		return ""
	}
	defer c.close()
	form := url.Values{"grant_type": {windowsGrant}}
	if password {
		form = url.Values{"grant_type": {passwordGrant}, "username": {w.account.login()}, "password": {string(w.account.Password)}}
	}
	r := signedRequest{
		purpose: SignInTicket, method: http.MethodPost, target: l.target, accept: acceptUCWAJSON, body: []byte(form.Encode()),
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded;charset=UTF-8"}},
	}
	var x *Exchange
	var body []byte
	var logon *Logon
	if password {
		x, body = c.do(ctx, r)
	} else {
		x, body, logon = w.logon(ctx, c, r)
	}
	token, failure := parseToken(body)
	if password {
		w.trial.note(tokenVerdict(x, token, failure))
	}
	if x.Status != http.StatusOK || token == "" {
		w.fails(StepTicket, x, logon, logonText(logon, failure))
		return ""
	}
	w.step(StepTicket, StepOK, x, logon, "")
	return token
}

// tokenVerdict is what the answer to a password grant says of the password. RFC 6749 section 5.2.
func tokenVerdict(x *Exchange, token, failure string) passwordVerdict {
	switch {
	case x.Status == http.StatusOK && token != "":
		return saysRight
	case failure == "invalid_grant", x.Status == http.StatusUnauthorized:
		return saysWrong
	}
	return saysNothing
}

// logonText says what came of a log-on that was not granted.
func logonText(l *Logon, failure string) string {
	if l == nil {
		return failure
	}
	return map[string]string{
		LogonRefused: "the log-on was refused", LogonNotOffered: "Windows authentication is not offered",
		LogonNoChallenge: "the first message of the log-on was not answered with a challenge", LogonGranted: cmp.Or(failure, "no ticket"),
		LogonFailed: cmp.Or(failure, "the log-on came to no end"),
	}[l.Result]
}

// webTicket gets a web ticket by Windows authentication: a compact one for phones, a SAML assertion for the desktop
// client, which asks for the service's ports first.
func (w *way) webTicket(ctx context.Context, l, service link) string {
	kind := compactTicket
	if w.client == ClientDesktop {
		kind = samlTicket
		l = w.port(ctx, l)
	}
	c := w.mayLogOn(ctx, l)
	if c == nil {
		return ""
	}
	defer c.close()
	entropy := make([]byte, 32)
	rand.Read(entropy)
	x, body, logon := w.logon(ctx, c, signedRequest{
		purpose: SignInTicket, method: http.MethodPost, target: l.target,
		body:   ticketRequest(kind, newUUID(), service.String(), w.account.SIP, entropy),
		header: http.Header{"Content-Type": {"text/xml; charset=utf-8"}, "Soapaction": {issueAction}},
	})
	ticket := parseTicket(kind, body)
	if x.Status != http.StatusOK || ticket == "" {
		w.fails(StepTicket, x, logon, logonText(logon, ""))
		return ""
	}
	w.step(StepTicket, StepOK, x, logon, "")
	return ticket
}

// port asks the ticket service for its WSDL, and returns where the port for Windows authentication is. When the document
// does not say, the service's own URL is as good.
func (w *way) port(ctx context.Context, l link) link {
	mex := l
	path, _, _ := strings.Cut(l.target, "?")
	mex.target = path + "/mex"
	x, body := w.ask(ctx, mex, signedRequest{purpose: SignInMetadata})
	ports := parsePorts(body)
	to, err := followable(cmp.Or(ports["WebTicketServiceWinNegotiate"], ports["WebTicketServiceWinNtlm"]))
	switch {
	case !x.Outcome.OK() || x.Status != http.StatusOK:
		w.fails(StepMetadata, x, nil, "")
	case err != nil:
		w.step(StepMetadata, StepFailed, x, nil, "the document names no port for Windows authentication")
	default:
		w.vouch(mex, to.String())
		w.step(StepMetadata, StepOK, x, nil, "%s", to.String())
		return to
	}
	return l
}

// application creates the UCWA application, and makes the user available.
func (w *way) application(ctx context.Context, got *userDocument) {
	l, err := followable(got.service(w.client))
	if err != nil {
		w.step(StepApplication, StepFailed, nil, nil, "the user document names no applications")
		return
	}
	in := &signedIn{
		client: w.client, account: w.account, media: mediaUCWAXML, application: l, o: w.o, by: w.by, secrets: w.secrets, presences: w.before, steps: &w.steps,
	}
	kind := "Phone"
	if w.web() {
		in.media, kind = mediaUCWAJSON, "Browser"
	}
	in.ticketName, in.ticketValue = w.ticketHeader(got.ticket)
	x, body := w.ask(ctx, l, in.request(SignInApplication, http.MethodPost, "").with(in.media, in.input(
		property{"culture", "en-US"}, property{"endpointId", newUUID()}, property{"type", kind}, property{"userAgent", "lyncpin"})))
	doc := ucwaOf(x, body)
	if doc == nil || x.Status != http.StatusCreated && x.Status != http.StatusOK {
		w.fails(StepApplication, x, nil, "no application")
		return
	}
	self, err := in.follow(doc.self)
	if err != nil {
		w.step(StepApplication, StepFailed, x, nil, "the application is at another server, where the ticket is not good")
		return
	}
	w.step(StepApplication, StepOK, x, nil, "")
	in.at, in.application, in.links = w.conns[l.server()].at, self, doc.links
	w.in = in
	available, err := in.link("makeMeAvailable", "/me/makeMeAvailable")
	if err != nil {
		w.step(StepAvailable, StepFailed, nil, nil, "the application's link leads to another server")
		return
	}
	x, _ = w.ask(ctx, available, in.request(SignInUCWA, http.MethodPost, "").with(in.media, in.input(
		property{"supportedMessageFormats", []string{"Plain"}}, property{"supportedModalities", []string{"Messaging"}})))
	if !x.Outcome.OK() || x.Status >= 300 {
		w.fails(StepAvailable, x, nil, "")
		return
	}
	w.step(StepAvailable, StepOK, x, nil, "")
}

// end deletes the application. The answer may take half of the grace, so that silence is seen as such, and not as a run
// that was stopped.
func (w *way) end(ctx context.Context) {
	if w.in == nil {
		return
	}
	c := w.in.connect("")
	defer c.close()
	r := w.in.request(SignInUCWA, http.MethodDelete, w.in.application.target)
	r.timeout = min(w.o.limits.Request, endGrace/2)
	x, _ := c.do(ctx, r)
	if !x.Outcome.OK() || x.Status >= 300 {
		w.fails(StepEnd, x, nil, "")
		return
	}
	w.step(StepEnd, StepOK, x, nil, "")
}

// session looks at the service of Lync 2010 mobile clients: its page, and that requests with the ticket come through.
// What they say is not published, so the body is opaque.
func (w *way) session(ctx context.Context, got *userDocument) {
	l, err := followable(got.service(w.client))
	if err != nil {
		w.step(StepSession, StepSkipped, nil, nil, "the user document names no Mcx service")
		return
	}
	x, _ := w.ask(ctx, l, w.withTicket(signedRequest{purpose: SignInMcx}, got.ticket))
	if !x.Outcome.OK() || x.Status != http.StatusOK {
		w.fails(StepSession, x, nil, "no service page")
		return
	}
	r := w.withTicket(signedRequest{
		purpose: SignInMcx, method: http.MethodPost, header: http.Header{"Content-Type": {"text/xml; charset=utf-8"}},
		body: []byte(`<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>`),
	}, got.ticket)
	x, _ = w.ask(ctx, l, r)
	// An empty envelope may well be a fault to the service: that it is the service's own is what counts.
	refused := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable}
	own := x.Status < 300 || MakerOf(x).FrontEnd && !slices.Contains(refused, x.Status)
	if !x.Outcome.OK() || !own {
		w.fails(StepSession, x, nil, "")
		return
	}
	if w.server == nil && !w.continued(ctx, l, r, x) {
		return
	}
	w.step(StepSession, StepOK, x, nil, "HTTP %d", x.Status)
}

// mcxAgain is how often a session is asked for again at most: enough to come to another server where a balancer forgets
// whose it is, whatever else goes on.
const mcxAgain = 8

// continued asks for the session again, with the cookies of the answers, as phones do: a balancer in front of Lync 2010
// needs them to find the one server that knows the session.
func (w *way) continued(ctx context.Context, l link, r signedRequest, began *Exchange) bool {
	for range mcxAgain {
		if c := w.conns[l.server()]; c != nil && len(c.s.cookies) > 0 {
			var pairs []string
			for _, name := range slices.Sorted(maps.Keys(c.s.cookies)) {
				pairs = append(pairs, name+"="+c.s.cookies[name])
			}
			r.header.Set("Cookie", strings.Join(pairs, "; "))
		}
		x, _ := w.ask(ctx, l, r)
		if !x.Outcome.OK() || x.Status >= 300 && began.Status < 300 {
			w.fails(StepSession, x, nil, "the session that began well is not known any more")
			return false
		}
		if x.Header.Get("X-Ms-Server-Fqdn") != began.Header.Get("X-Ms-Server-Fqdn") {
			return true // another server has answered, and it knows the session
		}
	}
	return true
}

// accessPoint connects to where the desktop client registers.
func (w *way) accessPoint(ctx context.Context, got *userDocument) {
	if w.server != nil {
		w.step(StepSIP, StepSkipped, nil, nil, "no client signs in to SIP from beside the proxy")
		return
	}
	access := sipAccess(got.AccessLocation, got.body)
	host, port, _ := strings.Cut(access, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || !validName(host) {
		w.step(StepSIP, StepFailed, nil, nil, "the user document names no access point for clients here")
		return
	}
	outcome := Outcome{Code: NotChecked, Text: host + " has no address here"}
	for _, a := range w.o.resolve(ctx, host) {
		conn, o := w.o.connect(ctx, host, netip.AddrPortFrom(a, uint16(n)))
		if outcome = o; conn != nil {
			conn.Close()
			w.step(StepSIP, StepOK, nil, nil, "%s", access)
			return
		}
	}
	if over(ctx) {
		w.step(StepSIP, StepSkipped, nil, nil, "%s", stoppedBefore)
		return
	}
	w.step(StepSIP, StepFailed, nil, nil, "%s: %s", access, cmp.Or(outcome.Text, outcome.Words()))
}
