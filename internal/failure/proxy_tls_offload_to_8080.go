package failure

import (
	"net/url"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyTLSOffloadTo8080 = Mode{
	Rule: probe.Rule{
		ID:       "proxy.tls-offload-to-8080",
		Severity: probe.High,
		Title:    "the reverse proxy passes HTTPS on to the Front End without encryption",
		Cause:    "TLS ends at the proxy (offloading), so the Front End takes every request for plain HTTP: discovery sends clients to HTTPS for ever, and everything else wants SSL",
		Remedy:   "Encrypt again: forward 443 to port 4443 of the Front End over HTTPS.",
		Settings: flipPorts(),
		Sources: []string{"Scenarios for reverse proxy in Lync Server 2013", "Configuration requirements for reverse proxy in Lync Server 2013",
			"Port and protocol details for the Lync 2013 reverse proxy"},
		Reads:    probe.Exchanges | probe.Expectations,
		Detect:   detectProxyTLSOffloadTo8080,
		Explains: whatFollowsOnSimpleURLs,
	},
	Confused: []probe.ID{"proxy.mixed-scheme-peers-round-robin", "hybrid.lyncdiscover-points-online"},
	Cases: []Case{
		{Name: "offload", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].WebServers = []string{topology.FE1HTTP, topology.FE2HTTP}
		}},
	},
	More: []Case{
		{Name: "scheme-and-port", Edit: func(t *topology.Topology) {
			splitByListener(t)
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Scheme, w.Port, w.Verify, w.Name = "http", 8080, "", ""
			}
		}},
	},
	Near: []Case{{Name: "plain-web-servers-listed-first", Edit: func(t *topology.Topology) {
		t.Proxy.Rules[0].WebServers = []string{topology.FE1HTTP, topology.FE2HTTP, topology.FE1HTTPS, topology.FE2HTTPS}
	}}},
}

func detectProxyTLSOffloadTo8080(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	asked := false
	var loops, wantsSSL []probe.Evidence
	for _, host := range hostsAsked(l) {
		for _, x := range l.answers(host) {
			switch to, err := url.Parse(x.Document.Redirect()); {
			case x.Document != nil:
				asked = true
				if x.Document.Redirect() == "" || l.SiteOf(x) == probe.InternalSite {
					return probe.Clear()
				}
				if err == nil && to.Scheme == "https" && strings.EqualFold(to.Hostname(), host) {
					loops = append(loops, l.SawExchange(x, "%s is answered, over HTTPS, with nothing but a redirect to HTTPS on the same host: %s", x.URL, to.Redacted()))
				}
			case !slices.Contains(wantSSL, x.Purpose) || !fromFrontEnd(x) && !isIISPage(x):
			case x.Status == 403:
				wantsSSL = append(wantsSSL, l.SawExchange(x, "%s is answered 403 by the Front End, which wants SSL there", x.URL))
			default:
				return probe.Clear()
			}
		}
	}
	switch {
	case !asked:
		return nothingToJudge
	case len(loops) == 0 || len(wantsSSL) == 0:
		return probe.Clear()
	}
	return probe.Found(slices.Concat(loops[:1], wantsSSL, plainAtFrontEnd(v))...)
}

// hostsAsked are all hosts that were asked over HTTPS at the proxy, whoever named them.
func hostsAsked(l *listener) []string {
	var hosts []string
	for _, x := range l.Exchanges() {
		if !slices.Contains(hosts, x.Host) && x.Purpose != probe.GetUnknownHost && x.Purpose != probe.GetOfficeWebApps {
			hosts = append(hosts, x.Host)
		}
	}
	return hosts
}

// wantSSL are requests that a Front End answers over HTTPS with a challenge or a page, and refuses over HTTP.
var wantSSL = []string{probe.GetWebTicket, probe.PostToken, probe.GetUCWA, probe.GetUser, probe.GetUserLegacy, probe.GetMeet, probe.GetDialin}

// plainAtFrontEnd is evidence that the same redirect comes over plain HTTP beside the proxy.
func plainAtFrontEnd(v *probe.View) []probe.Evidence {
	p := v.At(probe.Proxy)
	for _, x := range p.Exchanges(probe.GetRootHTTP) {
		if r := x.Document.Redirect(); r != "" {
			return []probe.Evidence{p.SawExchange(x, "asked straight over plain HTTP, %s gives that redirect too", x.Addr)}
		}
	}
	return nil
}
