package failure

import (
	"net/url"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyRedirectLoopHTTPHTTPS = Mode{
	Rule: probe.Rule{
		ID:       "proxy.redirect-loop-http-https",
		Severity: probe.Critical,
		Title:    "requests over HTTPS are redirected to themselves",
		Cause:    "what sends HTTP on to HTTPS takes requests for HTTP that came over HTTPS: it looks at a header that nobody sets, or the proxy forwards without TLS to something that wants it",
		Remedy:   "Redirect on port 80 only, and forward 443 to 4443, encrypted again.",
		Settings: settings(
			pfSquid, "Mappings: Redirect HTTP to HTTPS on port 80 only; the ^https:// patterns to the 4443 peer.",
			pfHAProxy, "Frontend 443: remove the action http-request redirect; in the frontend for 80 it may stay.",
			haproxy, "http-request redirect scheme https unless { ssl_fc }  # and not by X-Forwarded-Proto",
			nginx, "return 301 https://$host$request_uri;  # in the server for port 80 only, and not by $http_x_forwarded_proto",
			squid, "deny_info 301:https://%H%R on-http  # on-http being acl on-http myportname of the http_port lines only; then http_access deny on-http",
			apache, "Redirect permanent / https://lyncweb-ext.contoso.example/  (in <VirtualHost *:80> only, and no RewriteCond %{HTTP:X-Forwarded-Proto} in the one for 443)",
			caddy, "redir https://{host}{uri}  # in sites that begin with http:// only",
			arr, "Conditions of the redirect rule: {HTTPS} matches off.",
		),
		Sources: []string{"RFC 9110 section 15.4", "Configuration requirements for reverse proxy in Lync Server 2013"},
		Reads:   probe.Exchanges | probe.Expectations,
		Detect:  detectProxyRedirectLoopHTTPHTTPS,
		// A page that never comes is none that says what else is wrong.
		Explains: []probe.ID{"meeting.simple-url-not-published", "meeting.dialin-not-published", "meeting.per-domain-meet-missing", "proxy.default-vhost-answers"},
	},
	Confused: []probe.ID{"proxy.http80-redirects-to-https", "proxy.preauth-forms-page"},
	Cases: []Case{
		{Name: "by-a-header", Edit: func(t *topology.Topology) {
			splitByListener(t)
			redirectPlain(t.Proxy.Rule(t.ExternalWeb()), 301)
		}},
	},
	Near: []Case{
		{Name: "unpublished-hosts", Edit: func(t *topology.Topology) {
			answerUnknownHosts(t, topology.Response{Status: 301, Header: map[string]string{"Location": "https://{host}{uri}"}})
		}},
	},
}

func detectProxyRedirectLoopHTTPHTTPS(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	asked := false
	var evidence []probe.Evidence
	for _, host := range append(l.coreNames(), l.simpleNames()...) {
		for _, x := range l.answers(host) {
			asked = true
			if to := locationOf(x); to != nil && !asksForLogin(x) && leadsToItself(x, to) {
				evidence = append(evidence, l.SawExchange(x, "%s is answered %d with Location %s: the same URL", x.URL, x.Status, to.Redacted()))
				break
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// leadsToItself tells whether a redirect's target is what was asked for.
func leadsToItself(x *probe.Exchange, to *url.URL) bool {
	asked, err := url.Parse(x.URL)
	return err == nil && to.Scheme == asked.Scheme && strings.EqualFold(to.Hostname(), asked.Hostname()) &&
		(to.Port() == "" || to.Port() == "443") && to.RequestURI() == asked.RequestURI()
}
