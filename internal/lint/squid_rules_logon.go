package lint

import (
	"slices"
	"strings"
)

// goodLogin tells whether a peer's login= hands on what clients send.
func goodLogin(value string) bool {
	return strings.EqualFold(value, "PASSTHRU") || strings.EqualFold(value, "PASS")
}

func squidLogin(c *squidConfig) []Finding {
	const reason = "Clients send their log-on and their web ticket in this header. "
	found := c.eachPeer(func(p *squidPeer) (string, string) {
		login, ok := p.options["login"]
		switch {
		case !ok:
			return reason + "Without \"login=PASSTHRU\" Squid keeps it to itself, and the Front End answers 401 to everything, for ever.", p.with("login=PASSTHRU", "connection-auth=on")
		case !goodLogin(login):
			return reason + "Squid writes a log-on of its own over it.", p.with("login=PASSTHRU", "connection-auth=on")
		}
		return "", ""
	})
	return append(found, c.headerDenied(false, reason+"Without it the Front End answers 401 to everything, for ever.", "Authorization")...)
}

// headerDenied are the lines that remove a header, of requests or of answers, from what is Lync's. The last line of a header counts;
// All is asked where a header has none of its own.
func (c *squidConfig) headerDenied(answer bool, reason string, headers ...string) (found []Finding) {
	directives := []string{"request_header_access", "header_access"}
	if answer {
		directives = []string{"reply_header_access", "header_access"}
	}
	for _, header := range headers {
		var lines []statement
		for _, name := range []string{header, "All"} {
			for _, l := range c.lines {
				if slices.Contains(directives, l.words[0]) && (strings.EqualFold(l.word(1), name) || name != "All" && strings.EqualFold(strings.TrimSuffix(l.word(1), "*"), name)) {
					lines = append(lines, l)
				}
			}
			if len(lines) > 0 {
				break
			}
		}
		for _, x := range c.analysis {
			if !slices.ContainsFunc(x.peers, func(p *squidPeer) bool { return p.lync }) {
				continue
			}
			if v := c.access(lines, 2, true, x.squidAsked); v.allowed == never {
				found = append(found, v.by.finding(reason, v.by.words[0]+" "+header+" allow all"))
			}
		}
	}
	return firstPerLine(found)
}

func squidOffer(c *squidConfig) []Finding {
	const reason = "The Front End says in its 401 how to log on. "
	found := c.eachPeer(func(p *squidPeer) (string, string) {
		if p.options["connection-auth"] == "off" {
			return reason + "With \"connection-auth=off\" Squid takes NTLM and Negotiate out of it.", p.with("connection-auth=on")
		}
		return "", ""
	})
	found = append(found, c.eachListener(func(l squidListener) (string, string) {
		if l.options["connection-auth"] == "off" {
			return reason + "With \"connection-auth=off\" Squid takes NTLM and Negotiate out of it.", l.without("connection-auth")
		}
		return "", ""
	})...)
	return append(found, c.headerDenied(true, reason+"Clients that do not see it cannot.", "WWW-Authenticate")...)
}

func squidPersistence(c *squidConfig) (found []Finding) {
	for _, directive := range []string{"client_persistent_connections", "server_persistent_connections"} {
		if l, ok := c.setting(directive); ok && l.word(1) == "off" {
			found = append(found, l.finding("With NTLM and Negotiate, a connection is logged on, not a request: the three steps have to share one connection from the client to the Front End. "+
				"Where it ends in between, people are asked to log on again and again.", directive+" on"))
		}
	}
	return found
}

// asksForLogOn tells whether a list holds for nobody who has not logged on to the proxy.
func (c *squidConfig) asksForLogOn(name string) bool {
	return slices.ContainsFunc(c.lists[strings.TrimPrefix(name, "!")], func(l statement) bool {
		return slices.Contains([]string{"proxy_auth", "proxy_auth_regex"}, l.word(2)) || l.word(2) == "external" && slices.ContainsFunc(c.all("external_acl_type", l.word(3)), func(e statement) bool {
			return slices.ContainsFunc(e.words, func(w string) bool { return strings.HasPrefix(w, "%LOGIN") || strings.HasPrefix(w, "%un") })
		})
	})
}

func squidAuth(c *squidConfig) (found []Finding) {
	for _, x := range c.analysis {
		if !x.named() && len(c.lyncPeers()) == 0 {
			continue
		}
		for _, l := range c.all("http_access") {
			if slices.ContainsFunc(l.words[min(2, len(l.words)):], c.asksForLogOn) && c.holds(l.words[2:], x.squidAsked) == perhaps {
				found = append(found, l.finding("Clients log on to the Front End, with NTLM, Kerberos or a web ticket. They do not know what to do with the proxy's own 401, and phones cannot answer it at all.",
					"http_access allow "+c.hostList()+"\n# above:\n"+squidLine(l.words)))
				break
			}
			if c.holds(l.words[min(2, len(l.words)):], x.squidAsked) == always {
				break
			}
		}
	}
	return firstPerLine(found)
}

// hostList is the name of a list of Lync's hosts, or one to be written.
func (c *squidConfig) hostList() string {
	for _, l := range c.lines {
		if l.words[0] == "acl" && len(lyncHosts(squidNames(l))) > 0 {
			return l.words[1]
		}
	}
	return "lync_hosts"
}

func squidCookies(c *squidConfig) []Finding {
	const reason = "Meetings in the browser and log-ons by forms live by cookies."
	return append(c.headerDenied(true, reason, "Set-Cookie"), c.headerDenied(false, reason, "Cookie")...)
}

func squidOwnHeaders(c *squidConfig) []Finding {
	const reason = "Clients and Front Ends tell each other reasons and wishes in headers that begin with X-MS."
	return append(c.headerDenied(true, reason, "X-Ms-diagnostics", "X-MS-Server-Fqdn"), c.headerDenied(false, reason, "X-MS-Origin", "X-Ms-Namespace")...)
}

func squidOriginHeader(c *squidConfig) []Finding {
	return c.headerDenied(false, "The web services compare Origin with the domains they know, and answer requests without it differently.", "Origin", "Referer")
}
