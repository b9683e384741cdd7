package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// arrives tells whether a request gets to a Front End.
func (c *squidConfig) arrives(q squidAsked) (certainty, verdict) {
	allowed, may, sure := c.route(q)
	isLync := func(p *squidPeer) bool { return p.lync }
	switch {
	case !slices.ContainsFunc(may, isLync):
		return never, allowed
	case !slices.ContainsFunc(sure, isLync):
		return min(perhaps, allowed.allowed), allowed
	}
	return allowed.allowed, allowed
}

// entrance is the listener that clients of Lync come to first: a TLS one, if any leads there.
func (c *squidConfig) entrance() (squidListener, bool) {
	var first squidListener
	found := false
	c.lyncListeners(func(l squidListener) {
		if !found || l.tls && !first.tls {
			first, found = l, true
		}
	})
	return first, found
}

// expected are the names of a role that should lead to Lync: those that any list has, and those that the names beside them call for.
func (c *squidConfig) expected(role hostRole) []string {
	var names, domains []string
	simple := false
	for _, h := range c.hosts {
		r := hostRoleOf(h)
		if r == role || role == webHost && r == otherHost {
			names = append(names, h)
		}
		simple = simple || r == meetHost || r == dialinHost
		if r != internalHost && r != otherHost && !slices.Contains(domains, domainOf(h)) {
			domains = append(domains, domainOf(h))
		}
	}
	if len(names) > 0 || len(domains) == 0 {
		return names
	}
	switch role {
	case discoverHost:
		return []string{"lyncdiscover." + domains[0]}
	case meetHost:
		if simple {
			return []string{"meet." + domains[0]}
		}
	case dialinHost:
		if simple {
			return []string{"dialin." + domains[0]}
		}
	}
	return nil
}

func (c *squidConfig) namesLost(role hostRole, what string) (found []Finding) {
	entrance, ok := c.entrance()
	if !ok {
		if len(c.lyncPeers()) == 0 || len(c.listeners) == 0 {
			return nil
		}
		entrance = c.listeners[0]
		for _, l := range c.listeners {
			if l.tls {
				entrance = l
			}
		}
	}
	var excluded []string // said by a rule of its own
	c.excluded(func(_ statement, _ int, lists []hostList) { excluded = append(excluded, hostsOfLists(lists)...) })
	for _, n := range c.expected(role) {
		if slices.Contains(excluded, n) {
			continue
		}
		q := c.question(entrance, n, role)
		is, allowed := c.arrives(q)
		if is != never {
			continue
		}
		reason := fmt.Sprintf("Requests for https://%s%s ", n, "/")
		at := allowed.by
		switch {
		case allowed.allowed == never:
			reason += "are refused by this line"
			if len(c.all("deny_info", "TCP_RESET")) > 0 {
				reason += "; with \"deny_info TCP_RESET\" the connection is reset after a good handshake"
			}
			reason += "."
			if at.line == 0 {
				at = entrance.statement
				reason = strings.Replace(reason, "by this line", "for no http_access line allows them", 1)
			}
		default:
			at = entrance.statement
			reason += "are sent to no Front End: every cache_peer_access denies them."
		}
		if i := slices.IndexFunc(c.all("http_access"), func(l statement) bool { return l.line == at.line && l.file == at.file }); i >= 0 && at.word(1) == "deny" {
			if later := c.allowedLater(i, q); later.line > 0 {
				reason += fmt.Sprintf(" The line that would allow them comes after it, in line %d.", later.line)
			}
		}
		if near := c.nearPattern(n, entrance.tls); near != "" {
			reason += " " + near
		}
		found = append(found, at.finding(reason+" "+what, c.admit(n)))
	}
	return found
}

// allowedLater is a line behind the i-th http_access that would allow a request.
func (c *squidConfig) allowedLater(i int, q squidAsked) statement {
	for _, l := range c.all("http_access")[i+1:] {
		if l.word(1) == "allow" && c.holds(l.words[2:], q) != never && !slices.Equal(l.words[2:], []string{"all"}) {
			return l
		}
	}
	return statement{}
}

// nearPattern says why a pattern that names the host does not match.
func (c *squidConfig) nearPattern(host string, tls bool) string {
	for _, l := range c.lines {
		if l.words[0] != "acl" || !slices.Contains(squidNames(l), host) {
			continue
		}
		for _, v := range l.words[3:] {
			switch {
			case !slices.Contains(hostsIn(v), host):
			case tls && strings.Contains(v, "http://"):
				return fmt.Sprintf("The pattern in line %d begins with http://, and what comes over TLS is https://.", l.line)
			case strings.HasSuffix(v, "$"):
				return fmt.Sprintf("The pattern in line %d ends with $, and addresses have a path.", l.line)
			case !slices.Contains(l.words, "-i") && strings.ToLower(v) != v:
				return fmt.Sprintf("The pattern in line %d has capitals and no -i.", l.line)
			}
		}
	}
	return ""
}

// admit are the lines that let a name in and send it to a Front End.
func (c *squidConfig) admit(name string) string {
	peer := "lync_4443"
	for _, p := range c.lyncPeers() {
		peer = p.name
		if p.tls() {
			break
		}
	}
	return fmt.Sprintf("acl lync_hosts dstdomain %s\nhttp_access allow lync_hosts\ncache_peer_access %s allow lync_hosts\n# each above the line that denies all", name, peer)
}

func squidNameLost(c *squidConfig) []Finding {
	return append(c.namesLost(discoverHost, "Phones and clients outside begin with this name."), c.namesLost(webHost, "Everything after discovery uses this name.")...)
}

func squidMeetLost(c *squidConfig) []Finding {
	return c.namesLost(meetHost, "Links to meetings begin with this name.")
}

func squidDialinLost(c *squidConfig) []Finding {
	return c.namesLost(dialinHost, "The page with dial-in numbers, to which invitations link, has this name.")
}

func (c *squidConfig) pathsLost(signIn bool) (found []Finding) {
	entrance, ok := c.entrance()
	if !ok {
		return nil
	}
	for _, host := range c.expected(webHost) {
		q := c.question(entrance, host, webHost)
		var lost []string
		some := false
		for _, d := range documented {
			switch q.path = d.path; {
			case c.reaches(q) != never:
				some = true
			case d.signIn == signIn && !c.otherCase(q):
				lost = append(lost, d.directory)
			}
		}
		if some && len(lost) > 0 {
			found = append(found, c.pathList(entrance.statement).finding(fmt.Sprintf("%s does not lead to the Front End with /%s.", host, strings.Join(lost, ", /")),
				"# publish everything of this host rather than a list of paths:\nacl lync_hosts dstdomain "+host))
		}
	}
	return found
}

func (c *squidConfig) reaches(q squidAsked) certainty { is, _ := c.arrives(q); return is }

// otherCase tells whether a path arrives in other capitals.
func (c *squidConfig) otherCase(q squidAsked) bool {
	path := q.path
	for _, q.path = range []string{strings.ToLower(path), path[:1] + strings.ToUpper(path[1:2]) + path[2:]} {
		if c.reaches(q) != never {
			return true
		}
	}
	return false
}

// pathList is the first line that compares paths; otherwise when there is none.
func (c *squidConfig) pathList(otherwise statement) statement {
	for _, l := range c.lines {
		if l.words[0] == "acl" && (l.word(2) == "urlpath_regex" || l.word(2) == "url_regex" && slices.ContainsFunc(l.words[3:], func(v string) bool {
			return strings.Contains(strings.TrimRight(hostPart.ReplaceAllString(v, ""), "/.*$"), "/")
		})) {
			return l
		}
	}
	return otherwise
}

var hostPart = regexp.MustCompile(`^\^?\(?https?\??(\([^)]*\))?\??://`)

func squidSignInPaths(c *squidConfig) []Finding { return c.pathsLost(true) }

func squidFeaturePaths(c *squidConfig) []Finding { return c.pathsLost(false) }

func squidPathCase(c *squidConfig) (found []Finding) {
	entrance, ok := c.entrance()
	if !ok {
		return nil
	}
	for _, host := range c.expected(webHost) {
		q := c.question(entrance, host, webHost)
		for _, d := range documented {
			for _, q.path = range []string{d.path, strings.ToLower(d.path)} {
				if c.reaches(q) == never && c.otherCase(q) {
					list := c.pathList(entrance.statement)
					words := slices.Clone(list.words)
					if len(words) > 3 && words[0] == "acl" {
						words = slices.Insert(words, 3, "-i")
					}
					found = append(found, list.finding(fmt.Sprintf("%s leads nowhere, and the same path in other capitals does. Clients and the Front End's links write /Autodiscover and /autodiscover, "+
						"/WebTicket and /webticket, and IIS does not care.", q.path), squidLine(words)))
				}
			}
		}
	}
	return firstPerLine(found)
}

// patterns calls visit for the regular expressions that name hosts of Lync.
func (c *squidConfig) patterns(visit func(l statement, pattern string)) {
	for _, l := range c.lines {
		if l.words[0] != "acl" || !strings.HasSuffix(l.word(2), "_regex") || len(lyncOf(squidNames(l), c.hosts)) == 0 {
			continue
		}
		for _, v := range l.words[3:] {
			if len(lyncOf(hostsIn(v), c.hosts)) > 0 {
				visit(l, v)
			}
		}
	}
}

func squidUnanchored(c *squidConfig) (found []Finding) {
	c.patterns(func(l statement, v string) {
		if strings.HasPrefix(v, "^") || strings.HasPrefix(v, "(^") {
			return
		}
		anchored := "^" + v
		if l.word(2) == "url_regex" && !strings.Contains(v, "://") {
			anchored = "^https?://" + v
		}
		found = append(found, l.finding(fmt.Sprintf("%s may stand anywhere in an address, also in the query of another one.", v), l.rewritten(v, escapeDots(anchored))))
	})
	return firstPerLine(found)
}

func squidDots(c *squidConfig) (found []Finding) {
	c.patterns(func(l statement, v string) {
		if unescapedDot(strings.ToLower(v)) && strings.HasPrefix(strings.TrimPrefix(v, "("), "^") { // else the pattern is to be written anew anyway
			found = append(found, l.finding(fmt.Sprintf("%s also matches names in which another character stands for a dot.", v), l.rewritten(v, escapeDots(v))))
		}
	})
	return firstPerLine(found)
}

func squidMethods(c *squidConfig) (found []Finding) {
	entrance, ok := c.entrance()
	if !ok {
		return nil
	}
	for _, host := range c.expected(webHost) {
		q := c.question(entrance, host, webHost)
		if c.reaches(q) == never {
			continue
		}
		var refused []string
		var by statement
		for _, q.method = range []string{"POST", "PUT", "DELETE", "OPTIONS", "HEAD"} {
			if is, v := c.arrives(q); is == never {
				refused, by = append(refused, q.method), v.by
			}
		}
		if len(refused) > 0 {
			if by.line == 0 {
				by = entrance.statement
			}
			found = append(found, by.finding(fmt.Sprintf("%s %s refused. Phones and the browser application use GET, POST, PUT, DELETE and OPTIONS.", strings.Join(refused, ", "),
				map[bool]string{true: "is", false: "are"}[len(refused) == 1]), "http_access allow "+c.hostList()+"\n# above:\n"+squidLine(by.words)))
		}
	}
	return firstPerLine(found)
}

func squidInternalName(c *squidConfig) (found []Finding) {
	entrance, ok := c.entrance()
	if !ok {
		return nil
	}
	for _, h := range c.hosts {
		if !strings.HasPrefix(h, "lyncdiscoverinternal.") || c.reaches(c.question(entrance, h, internalHost)) == never {
			continue
		}
		for _, l := range c.lines {
			if slices.Contains(squidNames(l), h) {
				found = append(found, l.finding("Clients take an answer to "+h+" for proof that they are inside, and use internal addresses from then on. Outside, the name must not exist.", l.rewritten(h, "")))
			}
		}
	}
	return firstPerLine(found)
}

var squidBuiltin = []string{"all", "manager", "localhost", "to_localhost", "to_linklocal", "connect", "none"}

func squidUndefined(c *squidConfig) (found []Finding) {
	for _, l := range c.lines {
		skip := map[string]int{"http_access": 2, "cache_peer_access": 3, "never_direct": 2, "always_direct": 2, "cache": 2, "send_hit": 2, "store_miss": 2, "url_rewrite_access": 2}[l.words[0]]
		if l.words[0] == "cache_peer_access" && len(l.words) > 2 && !slices.ContainsFunc(c.peers, func(p *squidPeer) bool { return p.name == l.word(1) }) {
			name := "PEER"
			for _, p := range c.lyncPeers() {
				name = p.name
			}
			found = append(found, l.finding(fmt.Sprintf("There is no cache_peer with the name %s; Squid says so and ignores the line, so that peer takes what it was to be kept from.", l.word(1)), l.rewritten(l.word(1), name)))
			continue
		}
		if skip == 0 || len(l.words) <= skip {
			continue
		}
		for _, w := range l.words[skip:] {
			name := strings.TrimPrefix(w, "!")
			if len(c.lists[name]) == 0 && !slices.Contains(squidBuiltin, strings.ToLower(name)) && len(c.file.Notes) == 0 {
				found = append(found, l.finding(fmt.Sprintf("There is no acl %s; Squid does not start.", name), fmt.Sprintf("acl %s dstdomain %s", name, c.site())))
			}
		}
	}
	return firstPerLine(found)
}

func squidUnused(c *squidConfig) (found []Finding) {
	for name, lines := range c.lists {
		var hosts []string
		for _, l := range lines {
			hosts = append(hosts, lyncOf(squidNames(l), c.hosts)...)
		}
		used := slices.ContainsFunc(c.lines, func(l statement) bool {
			return (l.words[0] != "acl" || l.word(1) != name) && slices.ContainsFunc(l.words[1:], func(w string) bool { return strings.TrimPrefix(w, "!") == name })
		})
		if len(hosts) > 0 && !used {
			found = append(found, lines[0].finding(fmt.Sprintf("Nothing uses acl %s, so it decides nothing.", name), "http_access allow "+name))
		}
	}
	slices.SortFunc(found, func(a, b Finding) int { return a.Line - b.Line })
	return found
}
