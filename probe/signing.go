package probe

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// endGrace bounds the deletion of what was created, which happens after an interrupt too.
const endGrace = 3 * time.Second

// maxStraight is to how many web servers behind the proxy clients sign in straight.
const maxStraight = 4

// trialPlaces is the order in which places try a password that nobody knows to be right: where least lies in between
// first, for only there a refusal is surely the Front End's.
var trialPlaces = []string{Proxy, Internal, External, WiFi}

// trialClients is the same order of clients: the password grant needs one request and no log-on of a connection.
var trialClients = []string{ClientWeb, ClientMobile2013, ClientDesktop, ClientMobile2010}

// way is one client's way from its credentials to its work.
type way struct {
	o       *observer
	client  string
	account Account
	server  *WebServer // that is talked to straight, beside the proxy; nil elsewhere
	by      string
	rank    int // in the order in which an unproven password is tried
	trial   *trial
	secrets *secrets
	vouched *vouched
	before  *presences
	logons  int
	again   bool // at another pool: all that is done again is one step
	conns   map[string]*clientConn
	steps   []SignInStep
	in      *signedIn // once there is an application
}

// waysOf are all ways that the observers' clients go, by observer. Those of one account share a trial of its password.
func waysOf(observers []*observer) map[*observer][]*way {
	out := map[*observer][]*way{}
	trials := map[Account]*trial{}
	hidden, before := &secrets{}, &presences{}
	for _, o := range observers {
		in := o.v.SignIn
		if in == nil || o.v.Seen != nil {
			continue
		}
		servers := []*WebServer{nil}
		if o.v.Name == Proxy {
			servers = straightServers(o.target)
		}
		for i, account := range in.Accounts[:min(2, len(in.Accounts))] {
			account.SIP = strings.TrimPrefix(strings.ToLower(account.SIP), "sip:")
			_, domain, ok := strings.Cut(account.SIP, "@")
			if !ok || !validName(domain) || i > 0 && account.sameAs() == in.Accounts[0].sameAs() {
				continue
			}
			hidden.hide(string(account.Password))
			t := trials[account.sameAs()]
			if t == nil {
				t = newTrial(account)
				trials[account.sameAs()] = t
			}
			if in.Guard != nil && !slices.Contains(t.guards, in.Guard) {
				t.guards = append(t.guards, in.Guard)
			}
			for j, server := range servers {
				for _, client := range clientsOf(in, i) {
					w := &way{
						o: o, client: client, account: account, server: server, trial: t, secrets: hidden, before: before,
						by:      fmt.Sprintf("%d %d %d", slices.Index(SigningClients(), client), i, j),
						rank:    (slices.Index(trialPlaces, o.v.Name)*maxStraight+j)*len(trialClients) + slices.Index(trialClients, client),
						vouched: newVouched(domain, o.target.Expected), conns: map[string]*clientConn{},
					}
					t.enter(w.rank)
					out[o] = append(out[o], w)
				}
			}
		}
	}
	return out
}

// clientsOf are the kinds of clients that an account signs in as. The second one is there to be talked to.
func clientsOf(in *SigningIn, account int) []string {
	clients := in.Clients
	if clients == nil {
		clients = SigningClients()
	}
	if account == 0 {
		return slices.DeleteFunc(SigningClients(), func(c string) bool { return !slices.Contains(clients, c) })
	}
	for _, c := range []string{ClientWeb, ClientMobile2013} {
		if slices.Contains(clients, c) {
			return []string{c}
		}
	}
	return nil
}

// straightServers are the servers behind the proxy that a client can sign in to straight.
func straightServers(t Target) []*WebServer {
	var out []*WebServer
	for i := range t.Expected.WebServers {
		w := &t.Expected.WebServers[i]
		if cmp.Or(w.Scheme, "https") == "https" && w.Application != "office-web-apps" && len(out) < maxStraight {
			out = append(out, w)
		}
	}
	return out
}

// signIn lets the clients of one place sign in, work, and end.
func (o *observer) signIn(ctx context.Context, ways []*way) {
	var all sync.WaitGroup
	for _, w := range ways {
		all.Go(func() {
			defer w.trial.leave(w.rank)
			w.sign(ctx)
		})
	}
	all.Wait()
	var first, second *way
	for _, w := range ways { // in the order of SigningClients, the first account's before the second's
		switch mine := strings.EqualFold(w.account.SIP, ways[0].account.SIP); {
		case w.in == nil:
		case mine && first == nil:
			first = w
		case !mine && second == nil:
			second = w
		}
	}
	o.exercise(ctx, first.signedIn(), second.signedIn())
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), endGrace)
	defer cancel()
	for _, w := range ways {
		all.Go(func() { w.end(grace) })
	}
	all.Wait()
	for _, w := range ways {
		o.section.SignIns = append(o.section.SignIns, SignIn{Client: w.client, Account: w.account.SIP, Steps: w.steps})
	}
}

// signedIn is what the way led to; nil when it led to no application.
func (w *way) signedIn() *signedIn {
	if w == nil {
		return nil
	}
	return w.in
}

// sign goes the client's way up to its application, session or access point.
func (w *way) sign(ctx context.Context) {
	defer func() {
		for _, c := range w.conns {
			c.close()
		}
		clear(w.conns)
	}()
	user, ok := w.discover(ctx)
	if !ok {
		return
	}
	got, ok := w.authenticate(ctx, user)
	if !ok {
		return
	}
	switch w.client {
	case ClientDesktop:
		w.accessPoint(ctx, got)
	case ClientMobile2010:
		w.session(ctx, got)
	default:
		w.application(ctx, got)
	}
}

// step notes what came of a step. What is done again at another pool is one step: it is noted when it fails or ends.
func (w *way) step(name, result string, x *Exchange, logon *Logon, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if w.again && slices.Contains([]string{StepChallenge, StepMetadata, StepTicket, StepUser}, name) {
		if name != StepUser && result == StepOK || name == StepMetadata {
			return
		}
		if result != StepOK {
			text = name + ": " + text
		}
		name = StepPool
	}
	s := SignInStep{Name: name, Result: result, Text: clean(w.secrets.scrub(text), errText)}
	if x != nil {
		s.Exchange = x.ID
	}
	if logon != nil {
		s.Logon = logon.ID
	}
	w.steps = append(w.steps, s)
}

// fails notes that a step failed with an answer, or with none; what was not asked was left out.
func (w *way) fails(name string, x *Exchange, logon *Logon, text string) {
	switch {
	case x.Outcome.Code == NotChecked:
		w.step(name, StepSkipped, x, logon, "%s", x.Outcome.Text)
	case !x.Outcome.OK():
		w.step(name, StepFailed, x, logon, "%s: %s", hostOf(x.URL), x.Outcome.Words())
	default:
		w.step(name, StepFailed, x, logon, "%s", strings.TrimSuffix(fmt.Sprintf("HTTP %d: %s", x.Status, text), ": "))
	}
}

// endpoints are the addresses where the server of a URL is reached, beside the proxy the server that it forwards to.
func (w *way) endpoints(ctx context.Context, l link) []endpoint {
	host, port := l.host, l.port
	at := endpoint{scheme: l.scheme, host: l.host}
	if w.server != nil {
		h, p, err := net.SplitHostPort(w.server.Address)
		n, err2 := strconv.ParseUint(p, 10, 16)
		if err != nil || err2 != nil || l.scheme != "https" {
			return nil
		}
		host, port = strings.ToLower(h), uint16(n)
		at.name, at.via, at.trust = strings.ToLower(w.server.Name), host, cmp.Or(w.server.Trust, "enterprise")
		if at.name == "" && !isAddress(host) {
			at.name = host
		}
	}
	var out []endpoint
	for _, a := range w.o.resolve(ctx, host) {
		at.addr = netip.AddrPortFrom(a, port)
		out = append(out, at)
	}
	return out
}

// connect returns a connection to the first address of a URL's host that can be had. Without one the outcome says why.
func (w *way) connect(ctx context.Context, l link) (*clientConn, Outcome) {
	ends := w.endpoints(ctx, l)
	if len(ends) == 0 {
		return nil, Outcome{Code: NotChecked, Text: l.host + " has no address here"}
	}
	var outcome Outcome
	for _, at := range ends {
		c := w.o.newClientConn(at, w.by, w.secrets)
		if outcome = c.open(ctx); outcome.OK() {
			return c, outcome
		}
	}
	if over(ctx) {
		outcome = Outcome{Code: NotChecked, Text: stoppedBefore}
	}
	return nil, outcome
}

// ask sends a request to a URL, over the connection that the client has to its host.
func (w *way) ask(ctx context.Context, l link, r signedRequest) (*Exchange, []byte) {
	r.target = l.target
	x := &Exchange{URL: l.String(), Host: l.host}
	if r.secret() && !w.vouched.has(l.host) {
		x.Outcome = Outcome{Code: NotChecked, Text: w.vouched.why(l.host)}
		return x, nil
	}
	c := w.conns[l.server()]
	if c == nil {
		if c, x.Outcome = w.connect(ctx, l); c == nil {
			return x, nil
		}
		w.conns[l.server()] = c
	}
	return c.do(ctx, r)
}

// server is the start of all URLs of the same server.
func (l link) server() string { return l.scheme + "://" + urlHost(l.host, l.scheme, l.port) }

// secret tells whether a request carries anything that a host must be vouched for to get.
func (r *signedRequest) secret() bool { return len(r.header) > 0 || len(r.body) > 0 }

// vouch notes the hosts that a verified answer named.
func (w *way) vouch(from link, urls ...string) {
	if from.scheme != "https" {
		return
	}
	for _, u := range urls {
		if l, err := followable(u); err == nil {
			w.vouched.add(from.host, l.host)
		}
	}
}

// vouchNext notes a host that a verified answer sent the client on to, in the same domain or in one of the deployment.
// Links may lead to others, for a second SIP domain is served by the first one's hosts. But a redirect changes who
// speaks, and UCWA, "Root URL", wants it to pass a check of the client's own.
func (w *way) vouchNext(from, to link) {
	if sameDomain(from.host, to.host) || below(to.host, w.o.target.SIPDomains...) {
		w.vouch(from, to.String())
	}
}
