package failure

import (
	"fmt"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyCookiesStripped = Mode{
	Rule: probe.Rule{
		ID:       "proxy.cookies-stripped",
		Severity: probe.Medium,
		Title:    "the reverse proxy takes the Front End's cookies away, or changes them",
		Cause:    "cookie protection or a filter; the web app loses its pictures and sessions, and Lync 2010 phones lose the server that knows them",
		Remedy:   "Pass Set-Cookie and Cookie through unchanged: names, paths and attributes.",
		Settings: settings(
			pfSquid, "No reply_header_access Set-Cookie or request_header_access Cookie in custom options.",
			pfHAProxy, "Remove actions on Set-Cookie and Cookie; cookie persistence with insert only, not rewrite.",
			haproxy, "Remove http-response del-header Set-Cookie, replace-header Set-Cookie and cookie … rewrite.",
			nginx, "Remove proxy_hide_header Set-Cookie, proxy_cookie_path, proxy_cookie_domain and proxy_cookie_flags.",
			squid, "Remove reply_header_access Set-Cookie deny and request_header_access Cookie deny.",
			apache, "Remove Header unset Set-Cookie, Header edit Set-Cookie, ProxyPassReverseCookiePath and ProxyPassReverseCookieDomain.",
			caddy, "Remove header_down -Set-Cookie and header_down Set-Cookie … …, and header lines for Set-Cookie.",
			arr, "Remove outbound rules for RESPONSE_Set_Cookie; untick client affinity cookie rewriting.",
		),
		Sources: []string{"UCWA: Create an application (HTTP traces)", "Load balancing requirements for Skype for Business", "RFC 6265 section 4.1"},
		Reads:   probe.SignIns | probe.Exchanges,
		Detect:  detectProxyCookiesStripped,
	},
	SignsIn: true,
	Cases: []Case{
		{Name: "removed", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].RemoveResponseHeaders = []string{"Set-Cookie"} }},
	},
	Near: []Case{
		{Name: "from-office-web-apps", Edit: func(t *topology.Topology) {
			t.Proxy.Rule(t.App(topology.OfficeWebApps).FQDN).RemoveResponseHeaders = []string{"Set-Cookie"}
		}},
	},
}

func detectProxyCookiesStripped(v *probe.View) probe.Verdict {
	if len(signingPlaces(v)) == 0 {
		return nobodySignedIn
	}
	at := v.At(probe.Proxy)
	var evidence []probe.Evidence
	asked := false
	for _, p := range clientPlaces(v) {
		for _, x := range p.Exchanges(probe.SignInApplication, probe.SignInUser) {
			asked = asked || x.Purpose == probe.SignInApplication && x.Status < 300 && fromFrontEnd(x) // Lync 2010 has none
			// The same request, past the proxy.
			for _, direct := range at.Exchanges(x.Purpose) {
				if direct.Accept != x.Accept || direct.Status != x.Status || x.Status >= 300 || len(evidence) > 0 {
					continue
				}
				if lost := lostCookie(direct, x); lost != "" {
					evidence = append(evidence,
						at.SawExchange(direct, "asked straight, %s answers with the cookie %s", direct.Addr, lost),
						p.SawExchange(x, "%s %s, through the proxy, %s", x.Method, x.URL, cookiesOf(x)))
				}
			}
		}
	}
	switch {
	case len(evidence) > 0:
		return probe.Found(evidence...)
	case !asked:
		return nothingToJudge
	case len(at.Exchanges(probe.SignInApplication)) == 0:
		return probe.NotApplicable("which cookies the Front End sends is seen from beside the proxy only")
	}
	return probe.Clear()
}

// lostCookie is a cookie of the Front End's answer that did not come through as it was, with its attributes; empty when
// there is none. Values and paths differ from request to request.
func lostCookie(direct, proxied *probe.Exchange) string {
	have := cookieForms(proxied)
	for _, c := range cookieForms(direct) {
		if !slices.Contains(have, c) {
			return c
		}
	}
	return ""
}

// cookieForms are the cookies that an answer sets: name and attributes, without their values.
func cookieForms(x *probe.Exchange) []string {
	var out []string
	for _, line := range x.Header["Set-Cookie"] {
		var names []string
		for i, part := range strings.Split(line, ";") {
			name, _, _ := strings.Cut(strings.TrimSpace(part), "=")
			if i > 0 {
				name = strings.ToLower(name)
			}
			if name != "" {
				names = append(names, name)
			}
		}
		slices.Sort(names[min(1, len(names)):])
		out = append(out, strings.Join(names, "; "))
	}
	return out
}

// cookiesOf words what cookies an answer sets.
func cookiesOf(x *probe.Exchange) string {
	if list := cookieForms(x); len(list) > 0 {
		return fmt.Sprintf("comes with %s", strings.Join(list, ", "))
	}
	return "comes without any cookie"
}
