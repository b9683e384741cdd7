package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// rulesOn calls visit for each line of Lync's sections that may apply to a request for Lync, with its section.
func (c *haproxyConfig) rulesOn(visit func(*haproxySection, statement)) {
	for _, l := range c.applied {
		visit(l.section, l.statement)
	}
}

// deciding are the directives that do something with a request or an answer.
var deciding = regexp.MustCompile(`^(?:http-|tcp-re|req|rsp|redirect$|block$|errorfile$|monitor-uri$)`)

// applying are the lines that may do something with what clients of Lync ask.
func (c *haproxyConfig) applying() (all []haproxyLine) {
	seen := map[statementKey]bool{}
	for _, s := range c.lyncSections() {
		for _, at := range s.chain() {
			for _, l := range at.lines {
				if key := (statementKey{l.file, l.line}); deciding.MatchString(l.words[0]) && !seen[key] && !c.neverOfLync(s, l) {
					seen[key] = true
					all = append(all, haproxyLine{s, l})
				}
			}
		}
	}
	return all
}

type statementKey struct {
	file string
	line int
}

func haproxyClose(c *haproxyConfig) (found []Finding) {
	say := "With NTLM and Negotiate, a connection is logged on, not a request: the three steps have to share one connection from the client to the Front End. "
	for _, s := range c.lyncSections() {
		if s.mode() != "http" {
			continue
		}
		for _, option := range []string{"httpclose", "forceclose", "http-server-close", "http-tunnel", "http-pretend-keepalive"} {
			l, ok := s.setting("option", option)
			if !ok || option == "http-tunnel" || option == "http-pretend-keepalive" {
				continue
			}
			found = append(found, l.finding(say+"With \"option "+option+"\" it ends after every answer, and people are asked to log on again and again.", "option http-keep-alive"))
		}
	}
	c.rulesOn(func(s *haproxySection, l statement) {
		if i := slices.Index(l.words, "set-header"); i > 0 && strings.EqualFold(l.word(i+1), "Connection") && strings.EqualFold(l.word(i+2), "close") {
			found = append(found, l.finding(say+"This line ends it.", "# delete the line"))
		}
	})
	return firstPerLine(found)
}

func haproxyReuse(c *haproxyConfig) (found []Finding) {
	for _, s := range c.lyncBackends() {
		if l, ok := s.setting("http-reuse"); ok && (l.word(1) == "always" || l.word(1) == "aggressive") {
			found = append(found, l.finding("A connection that one client logged on must not carry another's requests. HAProxy 2.6 was seen to keep one for its client once a 401 offers NTLM or Negotiate, "+
				"also with \"http-reuse "+l.word(1)+"\"; older versions are not known to, and Lync gains nothing from sharing.", "http-reuse safe"))
		}
	}
	return firstPerLine(found)
}

func haproxyAuth(c *haproxyConfig) (found []Finding) {
	c.rulesOn(func(s *haproxySection, l statement) {
		if l.words[0] == "http-request" && l.word(1) == "auth" {
			found = append(found, l.finding("Clients log on to the Front End, with NTLM, Kerberos or a web ticket. They do not know what to do with the proxy's own 401, and phones cannot answer it at all.",
				withUnless(l, c.lyncCondition(s))+"\n# or delete the line"))
		}
	})
	return firstPerLine(found)
}

// headerAction tells what a line does with a header: its name in lower case, whether it is removed, set or edited, and whether in answers.
func headerAction(l statement) (header, action string, answer bool) {
	switch l.words[0] {
	case "http-request", "http-response", "http-after-response":
		action = l.word(1)
		switch action {
		case "del-header", "set-header", "replace-header", "replace-value":
			return strings.ToLower(l.word(2)), action, l.words[0] != "http-request"
		}
	case "reqdel", "reqidel", "rspdel", "rspidel", "reqrep", "reqirep", "rsprep", "rspirep":
		name, _, _ := strings.Cut(strings.TrimLeft(strings.ToLower(l.word(1)), "^"), ":")
		action = "replace-header"
		if strings.HasSuffix(l.words[0], "del") {
			action = "del-header"
		}
		return strings.Trim(name, `\ ()`), action, strings.HasPrefix(l.words[0], "rsp")
	}
	return "", "", false
}

// headerGone are the lines that remove a header of requests, or of answers; names may end with *.
func (c *haproxyConfig) headerGone(answer bool, reason, fix string, names ...string) (found []Finding) {
	c.rulesOn(func(s *haproxySection, l statement) {
		header, action, ofAnswer := headerAction(l)
		if action != "del-header" || ofAnswer != answer {
			return
		}
		_, prefix := l.argument("-m")
		for _, n := range names {
			if n == header || prefix && header != "" && strings.HasPrefix(n, header) || strings.HasSuffix(n, "*") && strings.HasPrefix(header, strings.TrimSuffix(n, "*")) {
				found = append(found, l.finding(reason, fix))
			}
		}
	})
	return firstPerLine(found)
}

const deleteLine = "# delete the line"

func haproxyAuthorization(c *haproxyConfig) []Finding {
	found := c.headerGone(false, "Clients send their log-on and their web ticket in this header. Without it the Front End answers 401 to everything, for ever.", deleteLine, "authorization")
	c.rulesOn(func(s *haproxySection, l statement) {
		if header, action, answer := headerAction(l); header == "authorization" && !answer && action != "del-header" {
			found = append(found, l.finding("Clients send their log-on and their web ticket in this header. What the proxy writes over it is somebody else's.", deleteLine))
		}
	})
	return firstPerLine(found)
}

func haproxyOffer(c *haproxyConfig) []Finding {
	return c.headerGone(true, "The Front End says in this header where the web ticket is to be had. Clients that do not see it cannot log on.", deleteLine, "www-authenticate")
}

func haproxyCookiesGone(c *haproxyConfig) []Finding {
	const reason = "Meetings in the browser and log-ons by forms live by cookies."
	return append(c.headerGone(true, reason, deleteLine, "set-cookie"), c.headerGone(false, reason, deleteLine, "cookie")...)
}

func haproxyOwnHeaders(c *haproxyConfig) []Finding {
	return append(c.headerGone(true, "Clients read the reason of a refusal and the name of the Front End in headers that begin with X-MS.", deleteLine, "x-ms*"),
		c.headerGone(false, "The Front End reads the client's wishes in headers that begin with X-MS.", deleteLine, "x-ms*")...)
}

var originOrReferer = regexp.MustCompile(`(?i)hdr[a-z_]*\((?:origin|referer)\b`)

func haproxyOrigin(c *haproxyConfig) []Finding {
	found := c.headerGone(false, "The web services compare Origin with the domains they know, and answer requests without it differently.", deleteLine, "origin", "referer")
	c.rulesOn(func(s *haproxySection, l statement) {
		if haproxyFinal(l, s.mode()) != "deny" {
			return
		}
		for _, w := range conditionWords(l) {
			if originOrReferer.MatchString(w) || slices.ContainsFunc(s.acls[strings.TrimLeft(w, "!")], func(a statement) bool { return originOrReferer.MatchString(a.word(2)) }) {
				found = append(found, l.finding("Clients of Lync send no Referer, and those in a browser an Origin of their own. They are refused.", withUnless(l, c.lyncCondition(s))))
			}
		}
	})
	return firstPerLine(found)
}

// lyncBinds are the listeners that lead to Lync.
func (c *haproxyConfig) lyncBinds(visit func(*haproxyPart, haproxyBind)) {
	for _, p := range c.lyncParts() {
		for _, b := range p.binds {
			if slices.ContainsFunc(c.published(nil), func(x haproxyPublished) bool { return x.bind.line == b.line && x.bind.file == b.file }) {
				visit(p, b)
			}
		}
	}
}

func haproxyClientCertificate(c *haproxyConfig) (found []Finding) {
	c.lyncBinds(func(p *haproxyPart, b haproxyBind) {
		if v := b.options["verify"]; b.tls() && (v == "required" || v == "optional") {
			found = append(found, b.finding("Phones have no certificate to show. With \"required\" the handshake ends there, with \"optional\" browsers ask people to choose one.", b.rewritten("verify", "", v, "", "ca-file", "", b.options["ca-file"], "")))
		}
	})
	return firstPerLine(found)
}

func haproxyHTTP2(c *haproxyConfig) (found []Finding) {
	c.lyncBinds(func(p *haproxyPart, b haproxyBind) {
		if v, ok := b.options["alpn"]; ok && b.tls() && slices.Contains(strings.Split(v, ","), "h2") {
			found = append(found, b.finding("With NTLM a connection is logged on, not a request. HTTP/2 puts requests of several log-ons on one connection, so Windows clients have to fall back, and some do not.", b.rewritten(v, "http/1.1")))
		}
	})
	return firstPerLine(found)
}

func haproxyHostChanged(c *haproxyConfig) (found []Finding) {
	c.rulesOn(func(s *haproxySection, l statement) {
		header, action, answer := headerAction(l)
		if header != "host" || answer {
			return
		}
		value := strings.Join(l.words[min(3, len(l.words)):], " ")
		if action == "set-header" && regexp.MustCompile(`(?i)^%\[(req\.|req\.f)?hdr\(host\)(,lower)?\]`).MatchString(value) {
			return
		}
		found = append(found, l.finding("The Front End tells the external web site, discovery and meetings apart by the name that the client asked for. With another one it answers for that, "+
			"and links lead to internal names.", deleteLine))
	})
	return firstPerLine(found)
}

func haproxyPathChanged(c *haproxyConfig) (found []Finding) {
	c.rulesOn(func(s *haproxySection, l statement) {
		switch {
		case l.words[0] == "http-request" && slices.Contains([]string{"set-path", "set-pathq", "replace-path", "replace-pathq", "set-uri", "replace-uri"}, l.word(1)):
			if c.keepsPaths(l) {
				return
			}
		case l.words[0] == "reqrep" || l.words[0] == "reqirep":
			if header, _, _ := headerAction(l); strings.Contains(header, "host") || !strings.Contains(l.word(1), "/") && !strings.Contains(l.word(1), "([^") {
				return
			}
		default:
			return
		}
		found = append(found, l.finding("The Front End's links, tickets and meeting addresses name paths as clients have to ask for them. Changed on the way, they are not found.", deleteLine))
	})
	return firstPerLine(found)
}

// keepsPaths tells whether a replacement's pattern matches no path that clients of Lync use.
func (c *haproxyConfig) keepsPaths(l statement) bool {
	if !strings.HasPrefix(l.word(1), "replace-") || strings.Contains(l.word(1), "uri") {
		return false
	}
	for _, d := range documented {
		if compiled(nil).matches(l.word(2), d.path, false) != never {
			return false
		}
	}
	return compiled(nil).matches(l.word(2), "/", false) == never && compiled(nil).matches(l.word(2), meetHost.path(), false) == never
}

func haproxyQueryChanged(c *haproxyConfig) (found []Finding) {
	c.rulesOn(func(s *haproxySection, l statement) {
		if l.words[0] == "http-request" && l.word(1) == "set-query" && !strings.Contains(l.word(2), "%[query]") {
			found = append(found, l.finding("Discovery carries the user's address in the query, long polls what they have seen, and meetings how to join.", deleteLine))
		}
	})
	return firstPerLine(found)
}

// redirects are the questions that a redirect answers.
func (c *haproxyConfig) redirects(keep func(haproxyPublished, step) bool) (found []haproxyPublished) {
	for _, x := range c.analysis {
		if s := x.last(); s.kind == "redirect" && (x.named() || x.leads(c)) && keep(x, s) && len(c.lyncBackends()) > 0 {
			found = append(found, x)
		}
	}
	return found
}

func haproxyRedirect80(c *haproxyConfig) (found []Finding) {
	for _, x := range c.redirects(func(x haproxyPublished, s step) bool { return !x.tls && x.role == discoverHost }) {
		s := x.last()
		found = append(found, s.finding("Clients that ask for discovery over HTTP expect the document of the Front End (port 8080), not a 30x. Most follow a redirect; where the certificate lacks the name "+x.name()+
			", none can.", withUnlessName(s.statement, x.name())))
	}
	return firstPerLine(found)
}

func withUnlessName(l statement, name string) string {
	condition := "{ req.hdr(host) -i " + name + " }"
	if strings.HasPrefix(name, "lyncdiscover") && !strings.Contains(name, ".") {
		condition = "{ req.hdr(host) -m beg -i lyncdiscover. }"
	}
	return withUnless(l, condition)
}

func haproxyRedirectTLS(c *haproxyConfig) (found []Finding) {
	for _, x := range c.redirects(func(x haproxyPublished, s step) bool { return x.tls }) {
		s := x.last()
		found = append(found, s.finding(fmt.Sprintf("Requests%s over HTTPS are sent elsewhere. Clients that follow leave the path they asked for; those that POST lose what they sent.", x.forName()), withUnlessName(s.statement, x.name())))
	}
	return firstPerLine(found)
}

func haproxyCompression(c *haproxyConfig) (found []Finding) {
	for _, s := range c.lyncSections() {
		if l, ok := s.setting("compression", "algo"); ok {
			found = append(found, l.finding("Answers to long polls are short and have to arrive at once, and clients that read the Front End's lengths are told others. IIS compresses what is worth it.", deleteLine))
		}
	}
	return firstPerLine(found)
}

func haproxyRetries(c *haproxyConfig) (found []Finding) {
	for _, s := range c.lyncBackends() {
		l, ok := s.setting("retry-on")
		if !ok || slices.ContainsFunc(s.all("http-request", "disable-l7-retry"), func(l statement) bool { return true }) {
			continue
		}
		if slices.ContainsFunc(l.words[1:], func(w string) bool { return w != "none" && w != "conn-failure" && w != "0rtt-rejected" }) {
			found = append(found, l.finding("A message or a call that arrived and whose answer was lost is sent again, to another Front End maybe. HAProxy leaves POST out only when told to.",
				"retry-on conn-failure\n# or: http-request disable-l7-retry if METH_POST"))
		}
	}
	return firstPerLine(found)
}

func haproxyOwnAnswer(c *haproxyConfig) (found []Finding) {
	const reason = "Clients take 200 for the Front End's answer and fail on what it holds."
	c.rulesOn(func(s *haproxySection, l statement) {
		status, _ := l.argument("status")
		switch {
		case l.words[0] == "http-request" && l.word(1) == "return" && (status == "200" || status == ""):
			if c.answers(l) {
				found = append(found, l.finding(reason, withUnless(l, c.lyncCondition(s))))
			}
		case strings.HasPrefix(l.words[0], "http-") && strings.HasSuffix(l.words[0], "response") && (l.word(1) == "set-status" && l.word(2) == "200" || l.word(1) == "return" && status == "200"),
			l.words[0] == "errorfile" && l.word(1) == "200":
			found = append(found, l.finding(reason, deleteLine))
		case l.words[0] == "monitor-uri" && l.word(1) == "/":
			found = append(found, l.finding(reason+" \"/\" is what discovery begins with.", "monitor-uri /haproxy-alive"))
		}
	})
	return firstPerLine(found)
}

// answers tells whether a line surely answers a request for Lync.
func (c *haproxyConfig) answers(l statement) bool {
	return len(c.published(func(x haproxyPublished) bool { s := x.last(); return s.line == l.line && s.file == l.file })) > 0
}
