package failure

import (
	"net/url"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyHostHeaderRewritten = Mode{
	Rule: probe.Rule{
		ID:       "proxy.host-header-rewritten",
		Severity: probe.High,
		Title:    "the reverse proxy sends another Host header than the client did",
		Cause:    "the Front End sees the name or address of the web server, and cannot tell which discovery name or meeting address was meant; or the proxy redirects all names to one",
		Remedy:   "Forward the Host header as the client sent it.",
		Settings: keepHost(),
		Sources: []string{"Deploy and configure mobility for Skype for Business Server", "Load balancing requirements for Skype for Business",
			"Web publishing rules for a single internal pool, Lync 2013"},
		Reads:    probe.Exchanges,
		Detect:   detectProxyHostHeaderRewritten,
		Explains: append([]probe.ID{"frontend.simple-url-not-registered", "frontend.http8080-requires-ssl"}, whatFollowsOnSimpleURLs...),
	},
	Confused: []probe.ID{"frontend.simple-url-not-registered", "proxy.default-vhost-answers", "proxy.path-prefix-mismatch"},
	Cases: []Case{
		{Name: "address-of-web-server", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].HostHeader = "web-server" }},
	},
	More: []Case{
		{Name: "name-of-upstream", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].HostHeader = "lyncpool.proxy.example" }},
		{Name: "external-web-fqdn", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].HostHeader = t.ExternalWeb() }},
		{Name: "first-discovery-name", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].HostHeader = t.Discovery(0) }},
		{Name: "meetings-only", Edit: func(t *topology.Topology) {
			ownRule(t, "meetings", t.Plan.Meet...).HostHeader = "web-server"
		}},
	},
	Near: []Case{{Name: "same-name-written-out", Edit: func(t *topology.Topology) {
		ownRule(t, "web services", t.ExternalWeb()).HostHeader = t.ExternalWeb()
	}}},
}

func detectProxyHostHeaderRewritten(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	if served, known := servedStraight(v); known && !served {
		return probe.Clear() // the Front End does not know the name when asked straight either
	}
	var evidence []probe.Evidence
	asked := false
	for _, d := range v.Domains() {
		host := publicLabel + strings.ToLower(d)
		for _, x := range l.answers(host, probe.GetRoot) {
			asked = asked || x.Status != 0
			evidence = append(evidence, lostDiscovery(l, x)...)
			if got := domainEcho(x); got != "" && !strings.EqualFold(got, d) {
				evidence = append(evidence, l.SawExchange(x, "%s is answered for the SIP domain %s: the Front End saw another host name", x.URL, got))
			}
		}
	}
	whole := wholeDiscovery(l)
	evidence = append(evidence, redirectedNames(l)...)
	for _, host := range l.simpleNames() {
		if slices.Contains(l.webNames(), host) {
			continue // simple URLs below the web FQDN: its root lists nothing, and should not
		}
		for _, x := range l.answers(host, probe.GetMeet, probe.GetDialin) {
			switch {
			case x.Document != nil && x.Document.Redirect() == "":
				evidence = append(evidence, l.SawExchange(x, "%s, a meeting address, is answered with a discovery document: the Front End saw a discovery name", x.URL))
			case whole && probe.MakerOf(x).FrontEnd && (x.Status == 403 || x.Status == 404):
				evidence = append(evidence, lostPage(v, l, x)...)
			}
		}
	}
	if !asked && len(evidence) == 0 {
		return nothingToJudge
	}
	return verdict(evidence)
}

// redirectedNames is evidence that the proxy sends clients that ask for one published name on to another, with the same path:
// the Front End never sees the first, and has at the other what belongs to that.
func redirectedNames(l *listener) []probe.Evidence {
	published := slices.Concat(discoveryNames(l.view), l.webNames(), l.simpleNames())
	var evidence []probe.Evidence
	for _, host := range published {
		for _, x := range l.answers(host, probe.GetRoot, probe.GetMeet, probe.GetDialin) {
			to := locationOf(x)
			if to == nil || !fromMiddle(x) || strings.EqualFold(to.Hostname(), x.Host) || !slices.Contains(published, strings.ToLower(to.Hostname())) {
				continue
			}
			if asked, err := url.Parse(x.URL); err == nil && asked.Path == to.Path {
				evidence = append(evidence, l.SawExchange(x, "%s is redirected to %s by %s: the Front End sees another host name", x.URL, to.Hostname(), probe.MakerOf(x).Name()))
			}
		}
	}
	return evidence
}

// lostDiscovery is evidence that the Front End does not know a discovery name by its root, though its discovery
// service answers below the same name.
func lostDiscovery(l *listener, x *probe.Exchange) []probe.Evidence {
	if x.Document != nil || !probe.MakerOf(x).FrontEnd || x.Status != 403 && x.Status != 404 {
		return nil
	}
	for _, s := range l.answers(x.Host, probe.GetService) {
		if s.Document != nil {
			return []probe.Evidence{
				l.SawExchange(x, "%s is answered %d by the Front End, as for a host that is no discovery name", x.URL, x.Status),
				l.SawExchange(s, "%s, which does not depend on the host, is answered with a discovery document", s.URL),
			}
		}
	}
	return nil
}

// wholeDiscovery tells whether discovery works outside as over HTTPS it should: all answers have all links. Else the
// refusal of a page is no sign of its host.
func wholeDiscovery(l *listener) bool {
	whole := 0
	for _, host := range discoveryNames(l.view) {
		for _, x := range l.answers(host, probe.GetRoot, probe.GetRootLegacy, probe.GetRepeat) {
			if x.Document != nil && x.Document.Redirect() != "" {
				return false
			}
			if x.Document != nil {
				whole++
			}
		}
	}
	return whole > 0
}

// lostPage is evidence that the Front End does not know the host of a simple URL that it does know when it is asked
// straight. Without that view, 403 tells: a Front End lists nothing for its own names, and has nothing (404) for
// hosts that were not registered. Hosts that serve more than one simple URL, below paths, may well answer so.
func lostPage(v *probe.View, l *listener, x *probe.Exchange) []probe.Evidence {
	p := v.At(probe.Proxy)
	straight := p.ExchangesFor(x.Host, probe.GetMeet)
	switch {
	case slices.ContainsFunc(straight, func(s *probe.Exchange) bool { return s.Status != 200 }):
		return nil
	case len(straight) > 0:
		return []probe.Evidence{
			l.SawExchange(x, "%s is answered %d by the Front End", x.URL, x.Status),
			p.SawExchange(straight[0], "asked straight with the host %s, %s gives the page", x.Host, straight[0].Addr),
		}
	case x.Status == 403 && !p.Seen() && (strings.HasPrefix(x.Host, "meet.") || strings.HasPrefix(x.Host, "dialin.")):
		return []probe.Evidence{l.SawExchange(x, "%s is answered 403 by the Front End, as for its own name or address, while discovery works", x.URL)}
	}
	return nil
}

// domainEcho is the SIP domain that a discovery answer repeats in its own link.
func domainEcho(x *probe.Exchange) string {
	if x.Document == nil {
		return ""
	}
	for _, rel := range []string{"self", "user"} {
		if u, err := url.Parse(x.Document.Links[rel]); err == nil {
			if d := u.Query().Get("originalDomain"); d != "" {
				return d
			}
		}
	}
	return ""
}
