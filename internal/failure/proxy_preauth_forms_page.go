package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyPreauthFormsPage = Mode{
	Rule: probe.Rule{
		ID:       "proxy.preauth-forms-page",
		Severity: probe.Critical,
		Title:    "the reverse proxy shows a log-in page in place of the Front End's answer",
		Cause:    "it authenticates users by a form or a federation service before it lets them through; Lync clients cannot fill in forms",
		Remedy:   "Publish these hosts without pre-authentication (pass-through).",
		Settings: noPreauth(),
		Sources: []string{"Publish Lync 2013 with Windows 2012 R2 Web Application Proxy (Kloud)",
			"Configuring the Web Application Proxy as a reverse proxy for Lync Server (whitepaper)"},
		Reads:    probe.Exchanges | probe.Handshakes | probe.Expectations,
		Detect:   detectProxyPreauthFormsPage,
		Explains: whatFollowsOnSimpleURLs,
	},
	Confused: []probe.ID{"network.captive-portal", "dns.lyncdiscover-points-to-company-website", "proxy.error-page-with-200", "proxy.preauth-401"},
	Cases: []Case{
		{Name: "redirect-to-federation", Edit: func(t *topology.Topology) {
			respondWith(t, topology.Response{Status: 302, Header: map[string]string{
				"Location": "https://adfs.contoso.example/adfs/ls?version=1.0&action=signin&realm=urn%3AAppProxy%3Acom&url={uri}"}})
		}},
	},
	More: []Case{
		{Name: "redirect-on-the-proxy", Edit: func(t *topology.Topology) {
			respondWith(t, topology.Response{Status: 302, Header: map[string]string{"Location": "/my.policy", "Set-Cookie": "MRHSession=1; path=/; secure"}})
		}},
		{Name: "form", Edit: func(t *topology.Topology) {
			respondWith(t, topology.Response{Status: 200, Body: `<!DOCTYPE html><html><head><title>Remote access</title></head><body>` +
				`<form method="post" action="/CookieAuth.dll?Logon"><input name="username"><input type="password" name="password"><input type="submit"></form></body></html>`})
		}},
	},
	Near: []Case{{Name: "other-host-has-a-form", Edit: func(t *topology.Topology) {
		t.Proxy.Rules = append(t.Proxy.Rules, topology.Rule{
			Name: "portal", Hosts: []string{"*"},
			Respond: &topology.Response{Status: 200, Body: `<html><head><title>Portal</title></head><body><form><input type="password"></form></body></html>`},
		})
	}}},
}

func detectProxyPreauthFormsPage(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	asked := false
	var evidence []probe.Evidence
	for _, host := range l.coreNames() {
		for _, x := range l.answers(host, anonymous...) {
			asked = asked || x.Status != 0
			if !asksForLogin(x) || !l.isNamed(host) || probe.MakerOf(x).Product == "Exchange" || isDefaultAnswer(l, x) {
				continue
			}
			if to := locationOf(x); to != nil {
				evidence = append(evidence, l.SawExchange(x, "%s is answered %d with a redirect to log in: %s://%s%s", x.URL, x.Status, to.Scheme, to.Host, to.Path))
			} else {
				evidence = append(evidence, l.SawExchange(x, "%s is answered %d with a log-in page (%q) from %s", x.URL, x.Status, titleOf(x), probe.MakerOf(x).Name()))
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// isDefaultAnswer tells whether a host only gets what unknown hosts get, while Front Ends answer others: then the
// host is not published, and what it gets says nothing of the rule for the rest.
func isDefaultAnswer(l *listener, x *probe.Exchange) bool {
	u := l.unknownAnswer(x.Addr)
	return u != nil && alike(x, u) && l.servesAny(x.Host) && !slices.ContainsFunc(l.answers(x.Host), fromFrontEnd)
}
