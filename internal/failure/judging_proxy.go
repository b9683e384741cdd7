package failure

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// Who made an answer decides most modes of the proxy. A Front End is known by its marks, by a discovery document, or
// by the ticket address of its challenges; a proxy may strip the marks, so their absence says nothing by itself.

// fromFrontEnd tells whether a Front End made the answer.
func fromFrontEnd(x *probe.Exchange) bool {
	return x.Document != nil || probe.MakerOf(x).FrontEnd || x.Header.Get("X-Ms-Webticketurl") != ""
}

// fromKernel tells whether http.sys made the answer below IIS, as for a stopped application pool. Proxies replace
// the Server header, but not the page.
func fromKernel(x *probe.Exchange) bool {
	return strings.HasPrefix(x.Header.Get("Server"), "Microsoft-HTTPAPI") ||
		strings.Contains(x.Body, fmt.Sprintf("HTTP Error %d. ", x.Status))
}

// fromMiddle tells whether something between client and Front End made the answer, as far as can be told.
func fromMiddle(x *probe.Exchange) bool { return x.Status != 0 && !fromFrontEnd(x) && !fromKernel(x) }

// cutOff tells whether the connection was ended in place of an answer.
func cutOff(x *probe.Exchange) bool {
	return x.Status == 0 && (x.Outcome.Code == probe.Reset || x.Outcome.Code == probe.Closed)
}

// overTLS tells whether the request went over HTTPS.
func overTLS(x *probe.Exchange) bool { return strings.HasPrefix(x.URL, "https:") }

// addressOf is the IP address of an ip:port.
func addressOf(addr string) string {
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return addr
	}
	return a.Addr().String()
}

// listener is the public side of the reverse proxy.
type listener struct {
	*probe.Place
	view  *probe.View
	addrs []string
}

// listenerOf finds the proxy's public addresses: those at which Front Ends answer, else those that most of the
// published names have. What answers elsewhere is another machine, and a matter of DNS.
func listenerOf(v *probe.View) *listener {
	l := &listener{Place: v.At(probe.External), view: v}
	names := map[string][]string{}
	for _, x := range l.Exchanges() {
		if x.Purpose == probe.GetOfficeWebApps || x.Purpose == probe.GetUnknownHost || strings.HasPrefix(x.Host, internalLabel) {
			continue
		}
		ip := addressOf(x.Addr)
		if fromFrontEnd(x) && !slices.Contains(l.addrs, ip) {
			l.addrs = append(l.addrs, ip)
		}
		if !slices.Contains(names[ip], x.Host) {
			names[ip] = append(names[ip], x.Host)
		}
	}
	if len(l.addrs) > 0 {
		return l
	}
	most := 0
	for _, hosts := range names {
		most = max(most, len(hosts))
	}
	for ip, hosts := range names {
		if len(hosts) == most {
			l.addrs = append(l.addrs, ip)
		}
	}
	return l
}

// answers are the exchanges with a host over HTTPS at the proxy's addresses.
func (l *listener) answers(host string, purposes ...string) []*probe.Exchange {
	return slices.DeleteFunc(l.ExchangesFor(host, purposes...), func(x *probe.Exchange) bool {
		return !overTLS(x) || !slices.Contains(l.addrs, addressOf(x.Addr))
	})
}

// plainAnswers are the exchanges with a host over HTTP at the proxy's addresses.
func (l *listener) plainAnswers(host string) []*probe.Exchange {
	return slices.DeleteFunc(l.ExchangesFor(host), func(x *probe.Exchange) bool {
		return overTLS(x) || !slices.Contains(l.addrs, addressOf(x.Addr))
	})
}

// discoveryNames are the public discovery names of all SIP domains.
func discoveryNames(v *probe.View) []string {
	var hosts []string
	for _, d := range v.Domains() {
		hosts = append(hosts, publicLabel+strings.ToLower(d))
	}
	return hosts
}

// webNames are the hosts whose web services were asked for, discovery names left out.
func (l *listener) webNames() []string {
	var hosts []string
	for _, x := range l.Exchanges(probe.GetService, probe.GetServiceCase, probe.GetUser, probe.GetUserLegacy, probe.GetWebTicket, probe.GetUCWA, probe.GetContent) {
		if !slices.Contains(hosts, x.Host) && !slices.Contains(discoveryNames(l.view), x.Host) {
			hosts = append(hosts, x.Host)
		}
	}
	return hosts
}

// simpleNames are the hosts of the simple URLs that were asked.
func (l *listener) simpleNames() []string {
	var hosts []string
	for _, x := range l.Exchanges(probe.GetMeet, probe.GetDialin) {
		if !slices.Contains(hosts, x.Host) {
			hosts = append(hosts, x.Host)
		}
	}
	return hosts
}

// coreNames are the hosts of discovery and of the web services, which belong to this area; simple URLs have modes
// of their own. Discovery names that are published on port 80 only, on purpose, are left out.
func (l *listener) coreNames() []string {
	if l.view.Expected().HTTPOnlyDiscovery {
		return l.webNames()
	}
	return slices.Concat(discoveryNames(l.view), l.webNames())
}

// servesAny tells whether Front Ends answer any of the hosts here over HTTPS, but for the one given.
func (l *listener) servesAny(except string) bool {
	for _, host := range slices.Concat(l.coreNames(), l.simpleNames()) {
		if host != except && slices.ContainsFunc(l.answers(host), fromFrontEnd) {
			return true
		}
	}
	return false
}

// isNamed tells whether the listener showed a certificate for the host: one for other names is another machine's.
func (l *listener) isNamed(host string) bool {
	list := l.HandshakesFor(host)
	return len(list) == 0 || slices.ContainsFunc(list, func(h *probe.Handshake) bool { return h.NameMatch.OK() })
}

// unknownAnswer is what the address says to a host that nobody publishes; nil when that was not asked, or the
// handshake was refused.
func (l *listener) unknownAnswer(addr string) *probe.Exchange {
	for _, x := range l.Exchanges(probe.GetUnknownHost) {
		if addressOf(x.Addr) == addressOf(addr) && (x.Status != 0 || cutOff(x)) {
			return x
		}
	}
	return nil
}

// alike tells whether two hosts got the same answer, but for what varies from request to request.
func alike(a, b *probe.Exchange) bool {
	if a.Status == 0 || b.Status == 0 {
		return cutOff(a) && cutOff(b)
	}
	plain := func(x *probe.Exchange, text string) string {
		return strings.ReplaceAll(strings.ToLower(text), strings.ToLower(x.Host), "host")
	}
	if a.Status != b.Status || probe.MakerOf(a).Product != probe.MakerOf(b).Product ||
		plain(a, a.Header.Get("Location")) != plain(b, b.Header.Get("Location")) {
		return false
	}
	return plain(a, a.Body) == plain(b, b.Body) || titleOf(a) != "" && titleOf(a) == titleOf(b)
}

var titlePattern = regexp.MustCompile(`(?is)<title[^>]*>\s*(.*?)\s*</title>`)

// titleOf is the title of an HTML page, empty when there is none.
func titleOf(x *probe.Exchange) string {
	if m := titlePattern.FindStringSubmatch(x.Body); m != nil {
		return strings.TrimSpace(m[1])
	}
	return ""
}

// Marks of log-in pages and of the addresses that lead to them.
var (
	loginPage   = regexp.MustCompile(`(?i)type\s*=\s*["']?password|SAMLRequest|wsignin1\.0|name\s*=\s*["']?cadata`)
	loginTarget = regexp.MustCompile(`(?i)/adfs/|wsignin|log-?[io]n|sign-?in|saml|oauth2?/|openid|my\.policy|CookieAuth\.dll|/vpn/|/sso|/idp|/auth(/|$|\?)|preauth`)
)

// asksForLogin tells whether an answer is a log-in page, or leads to one.
func asksForLogin(x *probe.Exchange) bool {
	switch {
	case fromFrontEnd(x):
		return false
	case x.Status >= 300 && x.Status <= 399:
		return loginTarget.MatchString(x.Header.Get("Location"))
	case x.Status == 200 || x.Status == 403:
		return probe.LooksLikeHTML(x) && loginPage.MatchString(x.Body)
	}
	return false
}

// denied tells whether something in the middle refused a path: an error of its own, or the connection cut.
func (l *listener) denied(x *probe.Exchange) bool {
	if cutOff(x) {
		return true
	}
	if !fromMiddle(x) || x.Status < 400 || x.Status > 499 || slices.Contains([]int{401, 407, 408, 429}, x.Status) {
		return false
	}
	// Where a proxy strips the marks from every answer, the page has to tell.
	marked := slices.ContainsFunc(l.answers(x.Host), func(o *probe.Exchange) bool { return probe.MakerOf(o).FrontEnd })
	return marked || !isIISPage(x)
}

// isIISPage knows the error pages of IIS by their words.
func isIISPage(x *probe.Exchange) bool {
	return strings.Contains(x.Body, "<h1>Server Error</h1>") || strings.Contains(x.Body, "<fieldset>")
}

// deniedPaths is evidence of paths that are refused in the middle on a web services host, while the Front End
// answers others on it.
func deniedPaths(v *probe.View, purposes ...string) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	asked := false
	var evidence []probe.Evidence
	for _, host := range l.webNames() {
		served := slices.ContainsFunc(l.answers(host), fromFrontEnd)
		for _, x := range l.answers(host, purposes...) {
			asked = true
			if served && l.denied(x) {
				evidence = append(evidence, l.SawExchange(x, "%s, though the Front End answers other paths of that host", refusal(x)))
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// refusal words an answer that did not come from a Front End.
func refusal(x *probe.Exchange) string {
	switch {
	case cutOff(x):
		return fmt.Sprintf("%s %s: the connection is cut in place of an answer", x.Method, x.URL)
	case x.Status == 0:
		return fmt.Sprintf("%s %s gets no answer (%s)", x.Method, x.URL, x.Outcome.Words())
	}
	return fmt.Sprintf("%s %s is answered %d by %s", x.Method, x.URL, x.Status, probe.MakerOf(x).Name())
}

// siteSigns are the signs of which web site answers a host over one scheme. Signs that no naming can disturb, the
// AccessLocation and the directories of one site, outweigh the hosts in links.
func siteSigns(p *probe.Place, expected probe.Expected, host string, tls bool) (internal, external []probe.Evidence) {
	var weakInternal, weakExternal []probe.Evidence
	for _, x := range p.ExchangesFor(host) {
		if overTLS(x) != tls {
			continue
		}
		site := p.SiteOf(x)
		strong := x.Document == nil || x.Document.AccessLocation != ""
		e := p.SawExchange(x, "%s", siteWords(x, site))
		switch {
		case site == probe.InternalSite && strong:
			internal = append(internal, e)
		case site == probe.ExternalSite && strong:
			external = append(external, e)
		case site == probe.InternalSite:
			weakInternal = append(weakInternal, e)
		case site == probe.ExternalSite:
			weakExternal = append(weakExternal, e)
		}
	}
	if len(internal)+len(external) > 0 {
		return internal, external
	}
	return weakInternal, weakExternal
}

// siteWords says what shows the site.
func siteWords(x *probe.Exchange, site string) string {
	switch {
	case x.Document != nil && x.Document.AccessLocation != "":
		return fmt.Sprintf("%s answers AccessLocation=%s, with links to %s", x.URL, x.Document.AccessLocation, strings.Join(x.Document.Hosts(), ", "))
	case x.Document != nil:
		return fmt.Sprintf("the links in the answer of %s name %s", x.URL, strings.Join(x.Document.Hosts(), ", "))
	}
	return fmt.Sprintf("%s answers %d: that is the %s web site", x.URL, x.Status, site)
}

// published is which web site the public side shows over one scheme, for discovery and web services.
type published struct{ internal, external []probe.Evidence }

func publishedSites(v *probe.View, tls bool) published {
	l := listenerOf(v)
	var out published
	for _, host := range slices.Concat(discoveryNames(v), l.webNames()) {
		in, ex := siteSigns(l.Place, v.Expected(), host, tls)
		out.internal = append(out.internal, in...)
		out.external = append(out.external, ex...)
	}
	return out
}

// balancerFlips tells whether, beside the proxy, an address that is no Front End's serves the internal site on a port
// on which the Front Ends themselves serve the external one: then the balancer's mapping is wrong, not the proxy's.
func balancerFlips(v *probe.View, tls bool) bool {
	p := v.At(probe.Proxy)
	frontEnds := v.Expected().FrontEnds
	site := map[string]string{} // by ip:port
	for _, x := range p.Exchanges() {
		if s := p.SiteOf(x); s != "" && overTLS(x) == tls && site[x.Addr] != probe.InternalSite {
			site[x.Addr] = s
		}
	}
	for addr, s := range site {
		a, err := netip.ParseAddrPort(addr)
		if err != nil || s != probe.InternalSite || slices.Contains(frontEnds, a.Addr().String()) {
			continue
		}
		if !tls && a.Port() != 80 {
			return true // the Front Ends' own plain port is not asked; 80 alone is the internal site's
		}
		for _, fe := range frontEnds {
			if ip, err := netip.ParseAddr(fe); err == nil && site[netip.AddrPortFrom(ip, a.Port()).String()] == probe.ExternalSite {
				return true
			}
		}
	}
	return false
}

// frontEndItself tells whether what answers outside shows the Front End's own certificate for the internal site, which
// is for none of the published names: then no proxy stands in between, and the way leads past it.
func frontEndItself(v *probe.View) bool {
	l := listenerOf(v)
	own := false
	for _, host := range l.coreNames() {
		var inner []string // hosts that the answers name
		for _, x := range l.answers(host) {
			inner = append(inner, x.Document.Hosts()...)
		}
		for _, h := range l.HandshakesFor(host) {
			if h.NameMatch.OK() {
				return false
			}
			if leaf := l.Leaf(h); leaf != nil {
				own = own || slices.ContainsFunc(leaf.Names, func(n string) bool { return slices.Contains(inner, strings.ToLower(n)) })
			}
		}
	}
	return own
}

// besideProxy is evidence of what the Front Ends serve when asked straight.
func besideProxy(v *probe.View) []probe.Evidence {
	p := v.At(probe.Proxy)
	var out []probe.Evidence
	for _, x := range p.Exchanges(probe.GetRootLegacy) {
		if p.SiteOf(x) == probe.ExternalSite && len(out) == 0 {
			out = append(out, p.SawExchange(x, "asked straight, %s serves the external web site", x.Addr))
		}
	}
	return out
}

// servedStraight tells whether, beside the proxy, a Front End gives its discovery document for the name; known is
// false when nobody asked.
func servedStraight(v *probe.View) (served, known bool) {
	p := v.At(probe.Proxy)
	for _, x := range p.Exchanges(probe.GetRoot, probe.GetRootLegacy) {
		if x.Status != 0 {
			known = true
			served = served || x.Document != nil
		}
	}
	return served, known
}

// whatFollowsFromWrongSite are modes that show themselves when the internal site answers outside: its links name a
// host that only the inside knows.
var whatFollowsFromWrongSite = []probe.ID{
	"dns.external-web-fqdn-missing", "dns.internal-web-fqdn-exposed", "tls.missing-san-external-web",
	"frontend.external-web-fqdn-wrong-in-topology", "meeting.lands-on-internal-site",
}

// whatFollowsOnSimpleURLs are modes of single hosts that show themselves when the whole proxy does the same wrong.
var whatFollowsOnSimpleURLs = []probe.ID{
	"meeting.simple-url-not-published", "meeting.dialin-not-published", "meeting.per-domain-meet-missing",
}

// Edits that several modes share.

// splitByListener makes of the Lync rule one for each listener, with the web servers of its scheme.
func splitByListener(t *topology.Topology) {
	p := &t.Proxy
	second := p.Rules[0]
	second.Name += " over http"
	second.Hosts = slices.Clone(second.Hosts)
	second.Listener, second.WebServers = "http", []string{topology.FE1HTTP, topology.FE2HTTP}
	p.Rules[0].Listener, p.Rules[0].WebServers = "https", []string{topology.FE1HTTPS, topology.FE2HTTPS}
	p.Rules = append(p.Rules, second)
}

// ownRule takes the hosts out of the Lync rule and gives them one of their own, with the same web servers.
func ownRule(t *topology.Topology, name string, hosts ...string) *topology.Rule {
	p := &t.Proxy
	r := p.Rules[0]
	r.Name, r.Hosts = name, slices.Clone(hosts)
	r.WebServers = slices.Clone(r.WebServers)
	p.Unpublish(hosts...)
	p.Rules = append([]topology.Rule{r}, p.Rules...)
	return &p.Rules[0]
}

// deny puts a rule in front that refuses the paths of the Lync hosts.
func deny(t *topology.Topology, status int, paths ...string) {
	p := &t.Proxy
	p.Rules = append([]topology.Rule{{
		Name: "refused paths", Hosts: slices.Clone(p.Rules[0].Hosts), Paths: paths,
		Respond: &topology.Response{Status: status, Body: "<html><head><title>Refused</title></head><body>This path is not allowed.</body></html>"},
	}}, p.Rules...)
}

// allowOnly limits the rule of the external web FQDN to paths.
func allowOnly(t *topology.Topology, paths ...string) {
	ownRule(t, "lync web services, listed paths", t.ExternalWeb()).Paths = paths
}

// toInternalSite points web servers of a scheme at the internal web site.
func toInternalSite(t *topology.Topology, scheme string) {
	for _, w := range t.Proxy.FrontEndServers(scheme) {
		w.Verify = "none"
		w.Port = map[string]int{"https": 443, "http": 80}[scheme]
	}
}

// respondWith makes the proxy answer the Lync hosts by itself.
func respondWith(t *topology.Topology, r topology.Response) {
	p := &t.Proxy
	p.Rules[0].WebServers = nil
	p.Rules[0].Respond = &r
}

// locationOf is where an answer leads to, made absolute; nil when nowhere.
func locationOf(x *probe.Exchange) *url.URL {
	if x.Status < 300 || x.Status > 399 || x.Header.Get("Location") == "" {
		return nil
	}
	base, err := url.Parse(x.URL)
	if err != nil {
		return nil
	}
	to, err := base.Parse(x.Header.Get("Location"))
	if err != nil {
		return nil
	}
	return to
}
