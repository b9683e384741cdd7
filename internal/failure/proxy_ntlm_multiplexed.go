package failure

import (
	"fmt"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyNTLMMultiplexed = Mode{
	Rule: probe.Rule{
		ID:       "proxy.ntlm-multiplexed",
		Severity: probe.High,
		Title:    "the reverse proxy tears Windows log-ons apart",
		Cause:    "NTLM logs on a connection, and the proxy leads the requests of one client connection over several connections to the Front Ends, or those of several clients over one; then right passwords are refused, or one user is taken for another",
		Remedy:   "Let each client connection have one connection to the Front End of its own, at least from the moment the client sends credentials, and speak HTTP/1.1 with keep-alive to the Front End.",
		Settings: keepConnections(),
		Sources:  []string{"[MS-NTHT] section 1.3", "RFC 4559 section 6", "curl pull request 363"},
		Reads:    probe.SignIns | probe.Logons | probe.Crowds | probe.Exchanges,
		Detect:   detectProxyNTLMMultiplexed,
	},
	SignsIn: true, InFull: true,
	Confused: []probe.ID{"proxy.authorization-stripped", "proxy.http2-frontend-breaks-ntlm"},
	Cases: []Case{
		{Name: "connection-per-request", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].Connections = "close" }},
		{Name: "connections-shared-by-clients", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].Connections = "shared" }},
	},
	More: []Case{
		{Name: "http10-to-the-front-end", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].HTTP10 = true }},
		{Name: "one-front-end", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].Connections = "close"
			forwardOnlyTo(t, topology.FE1HTTPS, topology.FE1HTTP)
		}},
	},
	Near: []Case{
		{Name: "pinned", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].Connections = "pin" }},
	},
	MoreNear: []Case{
		{Name: "shared-for-office-web-apps", Edit: func(t *topology.Topology) {
			t.Proxy.Rule(t.App(topology.OfficeWebApps).FQDN).Connections = "shared"
		}},
	},
}

// keepConnections is how one client connection is kept on one connection to the Front End.
func keepConnections() []probe.Setting {
	return settings(
		pfSquid, "Leave login=PASSTHRU connection-auth=on on the peers, as the package writes them.",
		pfHAProxy, "Backend: no http-server-close and no httpclose; advanced pass thru: http-reuse safe",
		haproxy, "option http-keep-alive and http-reuse safe (or never); remove option httpclose and option http-server-close.",
		nginx, "The open-source build cannot keep NTLM together. Publish with stream { server { listen 443 ssl; proxy_ssl on; proxy_pass 10.10.10.11:4443; } }, which lyncpin export nginx-stream writes whole, or use the ntlm directive of the commercial build, with proxy_http_version 1.1; proxy_set_header Connection \"\";",
		apache, "No setting keeps NTLM together, in any MPM: its connections to the Front End belong to processes, not to clients. Publish with a product that does, or pass TCP through; until then disablereuse=on on ProxyPass, so that nobody at least is taken for another.",
		caddy, `The packaged build cannot keep NTLM together. Publish with a product that can, or add the module http.reverse_proxy.transport.http_ntlm and write "transport http_ntlm" in place of "transport http"; until then "keepalive off" in it, so that nobody at least is taken for another.`,
		arr, "Leave Windows authentication off on the proxy's own site: ARR passes it through connection by connection.",
	)
}

func detectProxyNTLMMultiplexed(v *probe.View) probe.Verdict {
	if len(signingPlaces(v)) == 0 {
		return nobodySignedIn
	}
	evidence := takenForAnother(v)
	why, tried := "", len(evidence) > 0
	for _, account := range signingAccounts(v) {
		direct, proxied := logonsOf(v, account)
		direct, proxied = overHTTP1(direct), overHTTP1(proxied)
		tried = tried || len(proxied) > 0
		if passwordProven(v, account) == nil {
			proxied = slices.DeleteFunc(proxied, func(l logon) bool { return sharer(l) != "" && len(direct) == 0 && !l.granted() && !l.cameApart() })
		}
		seen, doubt := tornApart(direct, proxied, len(serversSeen(v)) > 1)
		evidence = append(evidence, seen...)
		if doubt != "" && passwordProven(v, account) != nil {
			why = doubt
		}
	}
	switch {
	case len(evidence) > 0:
		return probe.Found(evidence...)
	case why != "":
		return probe.Unknown(why)
	case !tried:
		return nothingToJudge
	}
	return probe.Clear()
}

// takenForAnother is evidence of answers that were made for another user.
func takenForAnother(v *probe.View) []probe.Evidence {
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		for _, x := range p.Exchanges(probe.SignInStranger) {
			if x.Status == 200 {
				evidence = append(evidence, p.SawExchange(x, "a token, asked for on a new connection without any credentials, is granted: %s %s is taken for somebody who had logged on before", x.Method, x.URL))
			}
		}
		for _, c := range p.Crowds() {
			if c.Foreign == 0 {
				continue
			}
			e := p.Saw("of %d requests of two users at once, %d were answered as another user's: %s asked, and was taken for %s", c.Requests, c.Foreign, c.Account, c.Taken)
			if c.Exchange != 0 {
				e.Step = fmt.Sprintf("%s/exchange/%d", p.Name(), c.Exchange)
			}
			evidence = append(evidence, e)
		}
	}
	return evidence
}

// tornApart is evidence that log-ons of one account through the proxy fail for want of one connection. doubt is why
// that cannot be told though they fail; several says that more than one Front End is
// known to answer.
func tornApart(direct, proxied []logon, several bool) (evidence []probe.Evidence, doubt string) {
	refused, granted := whoseRefused(proxied), whoseGranted(proxied)
	for _, l := range granted {
		for _, straight := range whoseGranted(direct) {
			if l.Kept == "no" && straight.Kept == "yes" {
				return []probe.Evidence{l.at.SawLogon(l.Logon, "%s: granted, and the next request on the same connection is asked to log on again", wordsOf(l)),
					straight.at.SawLogon(straight.Logon, "%s: asked straight, the connection stays logged on", wordsOf(straight))}, ""
			}
		}
	}
	if len(refused) == 0 {
		return nil, ""
	}
	first := refused[0]
	for _, l := range refused {
		if l.cameApart() {
			n := len(l.Servers)
			return []probe.Evidence{l.at.SawLogon(l.Logon, "%s: %s gave the challenge, and the answer to it came to %s, which refuses it", wordsOf(l), l.Servers[n-2], l.Servers[n-1])}, ""
		}
	}
	refusal := first.at.SawLogon(first.Logon, "%s: the answer to the challenge is refused", wordsOf(first))
	for _, l := range granted {
		if l.mayBeOf(first) {
			return []probe.Evidence{refusal, l.at.SawLogon(l.Logon, "%s: granted, with the same name and password", wordsOf(l))}, ""
		}
	}
	elsewhere := len(granted) > 0 // by another machine: what this one refuses may be its own matter
	switch {
	case len(direct) == 0 && elsewhere:
		return nil, ""
	case len(direct) == 0 && sharer(first) != "":
		return []probe.Evidence{refusal, first.at.Saw("the answers of the Front End come through %s, and with the free builds of that a client has no connection to the Front End of its own", sharer(first))}, ""
	case len(direct) == 0:
		return nil, "the Front End refuses Windows log-ons of a right password: to tell what the proxy does to connections from what the Front End demands, look from beside the proxy as well"
	}
	for _, l := range whoseGranted(direct) {
		switch {
		case !l.mayBeOf(first):
		case !l.Bound:
			return []probe.Evidence{refusal, l.at.SawLogon(l.Logon, "%s: granted when asked straight, with the same name and password", wordsOf(l))}, ""
		default:
			doubt = "the Front End refuses Windows log-ons through the proxy, and grants one that carries the channel binding: Extended Protection would look like a proxy that does not keep connections"
		}
	}
	if elsewhere || len(refused) >= triesForAffinity && several {
		return nil, "" // each met one machine of several: the proxy keeps connections
	}
	return nil, doubt
}

// sharer is the product through which a Front End's answer to a log-on came, when it is known to keep no client on a
// connection of its own and writes its name into the answers of others; else empty. Measured with the free builds of
// nginx 1.22, Apache httpd 2.4 and Caddy 2.6, whatever they are told.
func sharer(l logon) string {
	n := len(l.Exchanges)
	if n == 0 {
		return ""
	}
	x := l.at.Exchange(l.Exchanges[n-1])
	if x == nil || !fromFrontEnd(x) {
		return ""
	}
	for _, name := range []string{"nginx", "Apache", "Caddy"} {
		for _, header := range []string{"Server", "Via"} {
			if slices.ContainsFunc(x.Header[header], func(line string) bool { return strings.Contains(strings.ToLower(line), strings.ToLower(name)) }) {
				return fmt.Sprintf("%s (%s: %s)", name, header, strings.Join(x.Header[header], ", "))
			}
		}
	}
	return ""
}

// mayBeOf tells whether the log-on may have met the same machine as another.
func (l logon) mayBeOf(other logon) bool {
	a, b := l.oneServer(), other.oneServer()
	return a == "" || b == "" || a == b
}

// wordsOf says who logs on where.
func wordsOf(l logon) string {
	return fmt.Sprintf("%s with %s at %s", l.Account, l.Scheme, strings.TrimSuffix(l.URL, "/"))
}
