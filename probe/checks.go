package probe

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Media types of discovery. [MS-OCDISCWS] 2.1; UCWA "Create an application".
const (
	acceptLegacyXML = "application/vnd.microsoft.rtc.autodiscover+xml;v=1"
	acceptUCWAJSON  = "application/json"
	servicePath     = "/Autodiscover/AutodiscoverService.svc/root"
	serviceOtherway = "/autodiscover/autodiscoverservice.svc/ROOT"
)

const (
	otherPort = 4443                   // of the external web site, which no client asks
	deadSince = 250 * time.Millisecond // of connecting: an address that is alive has answered, wherever it is
)

// contentPaths are virtual directories that clients use after sign-in, and that path lists forget.
var contentPaths = []string{"/abs/handler", "/GroupExpansion/service.svc", "/CertProv/CertProvisioningService.svc", "/Reach/sip.svc"}

// discoverDomain asks for the discovery names of a SIP domain. Clients ask the internal name first, and the public
// one when that leads nowhere; from outside, where the internal name should not exist, both are asked at once.
func (o *observer) discoverDomain(ctx context.Context, domain string, main bool) {
	internal, public := "lyncdiscoverinternal."+domain, "lyncdiscover."+domain
	if o.v.Name == External {
		var both sync.WaitGroup
		both.Go(func() { o.visitDiscovery(ctx, internal, false) })
		both.Go(func() { o.visitDiscovery(ctx, public, main) })
		both.Wait()
		return
	}
	o.visiting.Go(func() { o.resolve(ctx, public) })
	if !o.visitDiscovery(ctx, internal, main) {
		o.visitDiscovery(ctx, public, main)
		return
	}
	// A phone goes on to the external web services, at the same address as a rule. Where no view from outside can name
	// them, the way to that address is tried in their place.
	if o.v.Name == WiFi && !slices.Contains(o.run, External) {
		for _, a := range o.resolve(ctx, public) {
			o.visiting.Go(func() {
				if conn, _ := o.connect(ctx, public, netip.AddrPortFrom(a, 443)); conn != nil {
					conn.Close()
				}
			})
		}
	}
}

// visitDiscovery asks one discovery name for its root over HTTPS and HTTP at every address, and tells whether it
// answered with a document over HTTPS. What does not depend on the name is asked too when examine is set, and not waited for.
func (o *observer) visitDiscovery(ctx context.Context, host string, examine bool) bool {
	var all sync.WaitGroup
	var answered atomic.Bool
	addrs := o.resolve(ctx, host)
	for _, a := range addrs {
		all.Go(func() {
			if o.discoverHTTPS(ctx, host, netip.AddrPortFrom(a, 443)) {
				answered.Store(true)
			}
		})
		all.Go(func() { o.discoverHTTP(ctx, host, netip.AddrPortFrom(a, 80)) })
		if examine && o.examines(host) {
			o.visiting.Go(func() { o.examineAddress(ctx, host, netip.AddrPortFrom(a, 443)) })
		}
	}
	if examine && o.v.Name == External && o.examines(host) {
		o.visiting.Go(func() { o.repeat(ctx, host, addrs) })
	}
	all.Wait()
	return answered.Load()
}

// examines tells whether this vantage looks at the listener behind the discovery name. Of several vantages in a
// run the one that the listener is for does it: the protocol versions of one listener are the same for all.
func (o *observer) examines(host string) bool {
	place := External
	if strings.HasPrefix(host, "lyncdiscoverinternal.") {
		place = Internal
	}
	return o.v.Name == place || !slices.Contains(o.run, place)
}

func (o *observer) discoverHTTPS(ctx context.Context, host string, addr netip.AddrPort) bool {
	outside := addr.Port() == 443 && o.v.Name == External
	ended := make(chan struct{})
	if outside {
		o.visiting.Go(func() {
			select {
			case <-ended:
			case <-time.After(deadSince): // on every port, and both deadlines pass at once
				o.reach(ctx, host, netip.AddrPortFrom(addr.Addr(), otherPort))
			}
		})
	}
	o.reach(ctx, host, addr)
	close(ended)
	s := o.take(ctx, "https", host, addr)
	if s.conn == nil {
		s.release()
		if outside {
			o.visiting.Go(func() { o.tryOtherPort(ctx, host, addr.Addr()) })
		}
		return false
	}
	var learning sync.WaitGroup // beside this: what it asks for may have to wait for this session
	learn := func(x *Exchange, accept string) { learning.Go(func() { o.learn(ctx, x, accept) }) }
	root := s.do(ctx, request{purpose: GetRoot, target: "/", accept: acceptUCWAJSON})
	learn(root, acceptUCWAJSON)
	legacy := s.do(ctx, request{purpose: GetRootLegacy, target: "/?sipuri=" + url.QueryEscape(o.sipURI(host)), accept: acceptLegacyXML})
	learn(legacy, acceptLegacyXML)
	found := root.Document != nil || legacy.Document != nil
	var service *Exchange
	if !found && root.Status != 0 {
		// The service's own path depends neither on the host name nor on the rule for the root: its answer tells
		// a proxy that changes the one or refuses the other from one that reaches no Front End.
		service = s.do(ctx, request{purpose: GetService, target: servicePath})
		if service.Document == nil && service.Status != 0 {
			service = s.do(ctx, request{purpose: GetServiceCase, target: serviceOtherway})
		}
	}
	if service != nil {
		learn(service, "")
	}
	s.release()
	learning.Wait()
	return found
}

// tryOtherPort looks whether the external web site was published under its own port, which no client asks.
func (o *observer) tryOtherPort(ctx context.Context, host string, addr netip.Addr) {
	s := o.newSession("https", host, netip.AddrPortFrom(addr, otherPort), HandshakeOther)
	if s.dial(ctx); s.conn != nil {
		s.do(ctx, request{purpose: GetOtherPort, target: "/", accept: acceptUCWAJSON})
		s.close()
	}
}

func (o *observer) discoverHTTP(ctx context.Context, host string, addr netip.AddrPort) {
	s := o.take(ctx, "http", host, addr)
	if s.conn == nil {
		s.release()
		return
	}
	x := s.do(ctx, request{purpose: GetRootHTTP, target: "/?sipuri=" + url.QueryEscape(o.sipURI(host)), accept: acceptLegacyXML})
	s.release()
	o.learn(ctx, x, acceptLegacyXML)
}

// sipURI is the address a client of that host's SIP domain would ask with.
func (o *observer) sipURI(host string) string {
	_, domain, _ := strings.Cut(host, ".")
	if strings.HasSuffix(o.target.User, "@"+domain) {
		return o.target.User
	}
	return "lyncpin@" + domain
}

// learn notes where a discovery answer leads, and follows redirects as a client would.
func (o *observer) learn(ctx context.Context, x *Exchange, accept string) {
	seen := []string{x.URL}
	for range maxHops {
		if d := x.Document; d != nil && d.Redirect() == "" {
			o.noteLinks(ctx, x)
			return
		}
		next := cmp.Or(x.Document.Redirect(), sameDomainLocation(x))
		l, err := followable(next)
		if err != nil || slices.Contains(seen, l.String()) {
			return
		}
		seen = append(seen, l.String())
		if x = o.get(ctx, l, accept); x == nil {
			return
		}
	}
}

// sameDomainLocation is the target of a 3xx answer when clients follow it: UCWA "Root URL" treats a redirect to
// another domain as a failure.
func sameDomainLocation(x *Exchange) string {
	if x.Status < 300 || x.Status > 399 {
		return ""
	}
	base, err := url.Parse(x.URL)
	if err != nil {
		return ""
	}
	to, err := base.Parse(x.Header.Get("Location"))
	if err != nil || !sameDomain(x.Host, to.Hostname()) {
		return ""
	}
	return to.String()
}

// noteHosts remembers the hosts of a document's links, and lets all vantages hear of them.
func (o *observer) noteHosts(ctx context.Context, d *Document) {
	if d == nil {
		return
	}
	hosts := hostSet{}
	for _, href := range d.Links {
		l, err := followable(href)
		if err != nil {
			continue
		}
		hosts.add(l.host)
		o.linked.add(l.host)
		o.named.add(l.host)
		// Only the view from outside says what the external web FQDN is.
		if o.v.Name == External {
			o.learned.add(l.host)
		}
	}
	if all := hosts.all(); len(all) <= foretold {
		for _, other := range o.all {
			other.heard(ctx, o, all)
		}
	}
}

// noteLinks remembers the hosts of a document's links and its user links.
func (o *observer) noteLinks(ctx context.Context, x *Exchange) {
	d := x.Document
	o.noteHosts(ctx, d)
	u, err := followable(d.Links["user"])
	if err != nil {
		return
	}
	key := u.host
	if strings.HasPrefix(d.Form, "legacy") {
		key = "legacy " + key
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	// The documents of several SIP domains differ in the query. Any will do, but always the same one.
	if have, ok := o.users[key]; !ok || u.String() < have {
		o.users[key] = u.String()
	}
}

// hop is a URL that is being asked for or has been.
type hop struct {
	once     once
	exchange *Exchange
}

// get asks for the URL of a link at its host's first address that answers, once however often it is called. Nil means
// that none did.
func (o *observer) get(ctx context.Context, l link, accept string) *Exchange {
	key := l.String() + " " + accept
	o.mu.Lock()
	h := o.hops[key]
	if h == nil {
		h = &hop{once: newOnce()}
		o.hops[key] = h
	}
	o.mu.Unlock()
	h.once.do(func() {
		h.exchange = o.getOnce(ctx, l, request{purpose: GetHop, target: l.target, accept: accept})
	})
	return h.exchange
}

func (o *observer) getOnce(ctx context.Context, l link, r request) *Exchange {
	for _, a := range o.resolve(ctx, l.host) {
		s := o.take(ctx, l.scheme, l.host, netip.AddrPortFrom(a, l.port))
		if s.conn == nil {
			s.release()
			continue
		}
		defer s.release()
		return s.do(ctx, r)
	}
	return nil
}

// examineAddress asks what does not depend on the name: the certificate without SNI, the protocol versions, and who
// answers for a host that nobody publishes.
func (o *observer) examineAddress(ctx context.Context, host string, addr netip.AddrPort) {
	if !o.reach(ctx, host, addr).outcome.OK() {
		return // nothing listens
	}
	var uncut atomic.Int32 // handshakes that were not cut
	shakeOnly := func(s shake) {
		conn, _, outcome := o.handshake(ctx, s)
		if outcome.Code != Closed && outcome.Code != Reset {
			uncut.Add(1)
		}
		if conn != nil {
			conn.Close()
		}
	}
	var all sync.WaitGroup
	all.Go(func() { shakeOnly(shake{purpose: HandshakeNoSNI, host: host, addr: addr}) })
	// The clients' own handshake shows the highest version; the others show how far down the listener goes.
	for _, version := range []string{"1.0", "1.1", "1.2"} {
		all.Go(func() {
			shakeOnly(shake{purpose: HandshakeVersion, host: host, sni: host, addr: addr, version: version})
		})
	}
	all.Go(func() {
		_, domain, _ := strings.Cut(host, ".")
		s := o.newSession("https", unknownLabel+"."+domain, addr, HandshakeUnknown)
		s.via = host
		if s.dial(ctx); s.conn != nil {
			defer s.close()
			s.do(ctx, request{purpose: GetUnknownHost, target: "/", accept: acceptUCWAJSON})
		}
	})
	all.Wait()
	if uncut.Load() == 0 { // perhaps it waits for a balancer's word first
		shakeOnly(shake{purpose: HandshakeProxied, host: host, sni: host, addr: addr, proxied: true})
	}
}

// repeat asks the discovery root on fresh connections at the first address that can be reached, a few at a time: a
// proxy keeps its connection to a server for the next request, so only requests that overlap show several servers. While
// some are asked the next connections are made. A server that was silent has been seen to be.
func (o *observer) repeat(ctx context.Context, host string, addrs []netip.Addr) {
	at := slices.IndexFunc(addrs, func(a netip.Addr) bool {
		return o.reach(ctx, host, netip.AddrPortFrom(a, 443)).outcome.OK()
	})
	if at < 0 {
		return
	}
	addr := netip.AddrPortFrom(addrs[at], 443)
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	batches := make(chan []*session)
	o.visiting.Go(func() {
		defer close(batches)
		several := max(together, o.atOnce(addr.String())-together) // the rest is for others
		for left := o.limits.Repeats; left > 0 && ctx.Err() == nil; left -= several {
			sessions := make([]*session, min(left, several))
			var dialling sync.WaitGroup
			for i := range sessions {
				sessions[i] = o.newSession("https", host, addr, HandshakeRepeat)
				dialling.Go(func() { sessions[i].dial(ctx) })
			}
			dialling.Wait()
			batches <- sessions
		}
	})
	for sessions := range batches {
		var asking sync.WaitGroup
		for _, s := range sessions {
			asking.Go(func() {
				if s.conn != nil {
					s.do(ctx, request{purpose: GetRepeat, target: "/", accept: acceptUCWAJSON})
					s.close()
				}
			})
		}
		asking.Wait()
		if slices.ContainsFunc(sessions, (*session).hopeless) {
			enough()
		}
	}
}

// visitWeb asks the web services of one host: everything at the first address that answers, discovery at the rest.
func (o *observer) visitWeb(ctx context.Context, host string) {
	addrs := o.resolve(ctx, host)
	slots := make([]*slot, len(addrs))
	var connecting, asking sync.WaitGroup
	for i, a := range addrs {
		connecting.Go(func() { slots[i] = o.approach(ctx, "https", host, netip.AddrPortFrom(a, 443)) })
	}
	connecting.Wait()
	first := slices.IndexFunc(slots, func(sl *slot) bool { return sl.reached })
	for i, sl := range slots {
		if sl.reached {
			asking.Go(func() { sl.doAll(ctx, o.webRequests(host, i == first)) })
		}
	}
	if first >= 0 && o.v.Name != Internal && !o.seconded() {
		asking.Go(func() { o.offerHTTP2(ctx, host, slots[first].session.addr) })
	}
	asking.Wait()
}

// visitUser asks for the user resource at the first address that answers, and goes where its challenge leads.
func (o *observer) visitUser(ctx context.Context, host, purpose string) {
	u, ok := o.userLinks(host)[purpose]
	usual := u.scheme == "https" && u.port == 443
	if !ok || usual && o.seconded() {
		return
	}
	challenge := o.getOnce(ctx, u, request{purpose: purpose, target: u.target, accept: userAccept[purpose]})
	if purpose == GetUser && usual {
		o.visiting.Go(func() { o.reachIssuer(ctx, challenge) })
		o.visiting.Go(func() { o.reachPassivePage(ctx, challenge) })
	}
}

// offerHTTP2 shakes hands as browsers do. Authentication that belongs to a connection does not work over HTTP/2, whose
// connections carry the requests of many.
func (o *observer) offerHTTP2(ctx context.Context, host string, addr netip.AddrPort) {
	if conn, _, _ := o.handshake(ctx, shake{purpose: HandshakeHTTP2, host: host, sni: host, addr: addr, http2: true}); conn != nil {
		conn.Close()
	}
}

// userAccept is what clients accept of the user resource.
var userAccept = map[string]string{GetUser: acceptUCWAJSON, GetUserLegacy: acceptLegacyXML}

// userLinks are the user links that discovery documents name at a host, by purpose.
func (o *observer) userLinks(host string) map[string]link {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := map[string]link{}
	if u, err := followable(o.users[host]); err == nil {
		out[GetUser] = u
	}
	if u, err := followable(o.users["legacy "+host]); err == nil {
		out[GetUserLegacy] = u
	}
	return out
}

// webRequests are the requests to a web FQDN.
func (o *observer) webRequests(host string, whole bool) []request {
	list := []request{{purpose: GetService, target: servicePath}}
	if !whole {
		return list
	}
	if o.seconded() { // which site answers phones here; the services themselves are asked from outside
		return append(list, request{purpose: GetInternalOnly, target: "/cscp/"}, request{purpose: GetDeviceExternal, target: "/RequestHandlerExt/ucdevice.upx"})
	}
	list = append(list,
		request{purpose: GetServiceCase, target: serviceOtherway},
		request{purpose: GetServiceQuery, target: servicePath + "?originalDomain=" + o.target.SIPDomains[0], accept: acceptUCWAJSON},
		longURL(GetLongURL, servicePath+"?originalDomain="+o.target.SIPDomains[0]+"&filler="),
		o.fromPage(host),
	)
	list = append(list,
		request{purpose: GetWebTicket, target: "/WebTicket/WebTicketService.svc"},
		request{purpose: PostToken, method: "POST", target: "/WebTicket/oauthtoken", form: true, accept: acceptUCWAJSON},
		request{purpose: GetUCWA, target: "/ucwa/v1/applications", accept: acceptUCWAJSON},
		request{purpose: GetInternalOnly, target: "/cscp/"},
		request{purpose: GetInternalOnly, target: "/OcsPowerShell/"},
		request{purpose: GetDeviceInternal, target: "/RequestHandler/ucdevice.upx"},
		request{purpose: GetDeviceExternal, target: "/RequestHandlerExt/ucdevice.upx"},
	)
	for _, p := range contentPaths {
		list = append(list, request{purpose: GetContent, target: p})
	}
	if o.v.Name != Internal {
		list = append(list, request{purpose: GetGzip, target: servicePath, accept: acceptUCWAJSON, gzip: true})
	}
	return list
}

// visitSimple asks for the page of a simple URL at every address.
func (o *observer) visitSimple(ctx context.Context, host, purpose string) {
	var all sync.WaitGroup
	for _, a := range o.resolve(ctx, host) {
		all.Go(func() {
			s := o.take(ctx, "https", host, netip.AddrPortFrom(a, 443))
			defer s.release()
			if s.conn == nil {
				return
			}
			s.do(ctx, request{purpose: purpose, target: "/", accept: "text/html"})
			if purpose == GetMeet {
				s.do(ctx, request{purpose: GetInternalOnly, target: "/cscp/"})
			}
		})
	}
	all.Wait()
}

// visitOffice asks Office Web Apps for its discovery document, and for a page whose query carries an encoded URL that
// itself holds an encoded character, as every presentation does, alone and with an access token.
func (o *observer) visitOffice(ctx context.Context, host string) {
	var all sync.WaitGroup
	for _, a := range o.resolve(ctx, host) {
		all.Go(func() {
			s := o.take(ctx, "https", host, netip.AddrPortFrom(a, 443))
			defer s.release()
			if s.conn == nil {
				return
			}
			s.do(ctx, request{purpose: GetOfficeWebApps, target: "/hosting/discovery"})
			presenter := "/m/Presenter.aspx?WopiSrc=https%3A%2F%2F" + host + "%2Fwopi%2Ffiles%2F1%252D2"
			s.do(ctx, request{purpose: GetOfficeWebApps, target: presenter})
			s.do(ctx, longURL(GetOfficeWebApps, presenter+"&access_token="))
		})
	}
	all.Wait()
}

// visitWebServers stands beside the proxy and talks to the servers it forwards to, and to the Front Ends behind.
func (o *observer) visitWebServers(ctx context.Context) {
	var all sync.WaitGroup
	for _, w := range o.target.Expected.WebServers {
		all.Go(func() { o.visitWebServer(ctx, w) })
	}
	for _, fe := range o.target.Expected.FrontEnds {
		for _, port := range []string{"443", "4443"} {
			address := net.JoinHostPort(fe, port)
			if !slices.ContainsFunc(o.target.Expected.WebServers, func(w WebServer) bool { return w.Address == address && w.Scheme == "https" }) {
				all.Go(func() {
					o.visitWebServer(ctx, WebServer{Address: address, Scheme: "https", Application: frontEndBehind})
				})
			}
		}
	}
	all.Wait()
}

// frontEndBehind marks a port of a Front End that the proxy is not told to use: only its site is of interest.
const frontEndBehind = "front-end"

// visitWebServer talks to one server as the proxy would.
func (o *observer) visitWebServer(ctx context.Context, w WebServer) {
	host, portText, err := net.SplitHostPort(w.Address)
	if err != nil {
		return
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return
	}
	scheme := cmp.Or(w.Scheme, "https")
	var all sync.WaitGroup
	for _, a := range o.resolve(ctx, host) {
		addr := netip.AddrPortFrom(a, uint16(port))
		all.Go(func() { o.talkToServer(ctx, w, host, scheme, addr) })
	}
	all.Wait()
}

// talkToServer asks one address of a server for what the proxy forwards to it.
func (o *observer) talkToServer(ctx context.Context, w WebServer, host, scheme string, addr netip.AddrPort) {
	discovery := "lyncdiscover." + o.target.SIPDomains[0]
	s := o.newSession(scheme, cmp.Or(w.Name, host), addr, HandshakeName)
	s.via = host
	if s.dial(ctx); s.conn == nil {
		return
	}
	defer s.close()
	switch {
	case w.Application == "office-web-apps":
		s.do(ctx, request{purpose: GetOfficeWebApps, target: "/hosting/discovery"})
	case w.Application == frontEndBehind:
		s.do(ctx, request{purpose: GetRootLegacy, target: "/", host: discovery, accept: acceptLegacyXML})
		s.do(ctx, request{purpose: GetInternalOnly, target: "/cscp/", host: discovery})
	case scheme == "http":
		s.do(ctx, request{purpose: GetRootHTTP, target: "/", host: discovery, accept: acceptLegacyXML})
	default:
		if page, err := followable(o.target.Meeting); err == nil {
			o.visiting.Go(func() {
				o.openMeeting(ctx, endpoint{scheme: scheme, host: page.host, name: cmp.Or(w.Name, host), via: host, addr: addr, trust: cmp.Or(w.Trust, "enterprise")}, page)
			})
		}
		s.do(ctx, request{purpose: GetRoot, target: "/", host: discovery, accept: acceptUCWAJSON})
		s.do(ctx, request{purpose: GetRootLegacy, target: "/", host: discovery, accept: acceptLegacyXML})
		s.do(ctx, request{purpose: GetInternalOnly, target: "/cscp/", host: discovery})
		meet, _ := o.simpleHosts()
		for _, m := range meet {
			s.do(ctx, request{purpose: GetMeet, target: "/", host: m, accept: "text/html"})
		}
	}
}
