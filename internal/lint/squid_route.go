package lint

import (
	"slices"
	"strings"
)

// verdict is what an access list says of a request, and the line that says so.
type verdict struct {
	allowed certainty
	by      statement // zero when no line does
}

// access asks an access list: the first line of which all lists hold decides, else the opposite of the last.
func (c *squidConfig) access(lines []statement, skip int, unasked bool, q squidAsked) verdict {
	result, decided := verdict{allowed: certain(unasked)}, false
	for i, l := range slices.Backward(lines) {
		allow := l.word(skip) == "allow"
		if i == len(lines)-1 && !decided {
			result = verdict{allowed: certain(!allow), by: l}
			decided = true
		}
		switch c.holds(l.words[min(skip+1, len(l.words)):], q) {
		case always:
			result = verdict{certain(allow), l}
		case perhaps:
			if result.allowed != certain(allow) {
				result = verdict{perhaps, l}
			}
		}
	}
	return result
}

// squidAsked is a request that came to a listener.
type squidAsked struct {
	asked
	listener squidListener
}

func (q squidAsked) url() string {
	scheme := "http"
	if q.tls {
		scheme = "https"
	}
	if v := q.listener.options["protocol"]; v != "" {
		scheme = strings.ToLower(v)
	}
	return scheme + "://" + q.host + q.path
}

// holds judges the lists of a line: all of them.
func (c *squidConfig) holds(names []string, q squidAsked) certainty {
	result := always
	for _, n := range names {
		plain := strings.TrimPrefix(n, "!")
		is := c.list(plain, q, 0)
		if plain != n {
			is = is.not()
		}
		result = min(result, is)
	}
	return result
}

// list judges a named list: any of its values.
func (c *squidConfig) list(name string, q squidAsked, depth int) certainty {
	lines := c.lists[name]
	if c.left--; c.left < 0 {
		c.file.note("the access lists are so long that not all of them were followed")
		return perhaps
	}
	if depth > 8 {
		return perhaps
	}
	if len(lines) == 0 {
		switch strings.ToLower(name) {
		case "all":
			return always
		case "manager", "localhost", "to_localhost", "to_linklocal", "connect":
			return never
		}
		return perhaps
	}
	result := never
	for _, l := range lines {
		result = max(result, c.line(l, q, depth))
	}
	return result
}

func (c *squidConfig) line(l statement, q squidAsked, depth int) certainty {
	kind, values, ignoreCase := strings.ToLower(l.word(2)), l.words[3:], false
	for len(values) > 0 && (values[0] == "-i" || values[0] == "+i" || values[0] == "-n" || values[0] == "--" || strings.HasPrefix(values[0], "-m")) {
		ignoreCase = values[0] == "-i" || ignoreCase && values[0] != "+i"
		values = values[1:]
	}
	result := never
	c.left -= len(values)
	for _, v := range values {
		v = strings.Trim(v, `'`)
		if strings.HasPrefix(v, `"`) || strings.HasPrefix(v, "parameters(") {
			c.file.note("%s:%d names a file of values, which was not looked at", l.file, l.line)
			return perhaps
		}
		result = max(result, c.value(kind, v, ignoreCase, q, depth))
	}
	return result
}

func (c *squidConfig) value(kind, v string, ignoreCase bool, q squidAsked, depth int) certainty {
	switch kind {
	case "dstdomain", "ssl::server_name":
		return certain(inDomain(q.host, v))
	case "dstdom_regex", "ssl::server_name_regex":
		return q.compiled.matches(v, q.host, ignoreCase)
	case "url_regex":
		return q.compiled.matches(v, q.url(), ignoreCase)
	case "urlpath_regex":
		return q.compiled.matches(v, q.path, ignoreCase)
	case "port":
		port := "80"
		if q.tls {
			port = "443"
		}
		if p := q.listener.options["vport"]; p != "" {
			port = p
		}
		return numberIs(port, []string{strings.ReplaceAll(v, "-", ":")})
	case "myport", "localport":
		return numberIs(q.listener.port, []string{strings.ReplaceAll(v, "-", ":")})
	case "myportname":
		name := q.listener.options["name"]
		if name == "" {
			name = q.listener.address
		}
		return certain(v == name)
	case "proto":
		return certain(strings.EqualFold(v, strings.SplitN(q.url(), ":", 2)[0]))
	case "method":
		return certain(strings.EqualFold(v, q.method))
	case "src":
		if v == "all" || v == "0.0.0.0/0" || v == "0/0" || v == "0.0.0.0/0.0.0.0" || v == "::/0" {
			return always
		}
		if strings.HasPrefix(v, "127.") || v == "::1" {
			return never
		}
	case "any-of":
		return c.list(strings.TrimPrefix(v, "!"), q, depth+1)
	case "all-of":
		return perhaps
	}
	return perhaps
}

// inDomain compares a host with a value of dstdomain: with a dot before it, all names below match, too.
func inDomain(host, value string) bool {
	host, value = strings.ToLower(host), strings.ToLower(value)
	return host == value || strings.HasPrefix(value, ".") && (strings.HasSuffix(host, value) || host == value[1:])
}

// squidPublished is where the requests of a Lync name go that come to one listener.
type squidPublished struct {
	squidAsked
	role    hostRole
	allowed verdict
	// peers may get the request; sure of them do when it is their turn.
	peers, sure []*squidPeer
}

// route asks which peers may get a request.
func (c *squidConfig) route(q squidAsked) (allowed verdict, may, sure []*squidPeer) {
	allowed = c.access(c.all("http_access"), 1, false, q)
	for _, p := range c.peers {
		switch c.peerAccess(p, q) {
		case always:
			may, sure = append(may, p), append(sure, p)
		case perhaps:
			may = append(may, p)
		}
	}
	return allowed, may, sure
}

func (c *squidConfig) peerAccess(p *squidPeer, q squidAsked) certainty {
	if lines := c.ofPeer["cache_peer_access "+p.name]; len(lines) > 0 {
		return c.access(lines, 2, true, q).allowed
	}
	if lines := c.ofPeer["cache_peer_domain "+p.name]; len(lines) > 0 { // before 3.5
		result := never
		for _, l := range lines {
			for _, d := range l.words[2:] {
				result = max(result, certain(inDomain(q.host, d)))
			}
		}
		return result
	}
	return always
}

var squidHostLists = []string{"dstdomain", "dstdom_regex", "url_regex", "ssl::server_name", "ssl::server_name_regex"}

// namesIn are the hosts that a line of a list names.
func squidNames(l statement) []string {
	kind := strings.ToLower(l.word(2))
	if l.words[0] != "acl" || !slices.Contains(squidHostLists, kind) {
		return nil
	}
	var names []string
	for _, v := range l.words[3:] {
		v = strings.Trim(v, `'`)
		switch {
		case strings.HasPrefix(v, "-") || strings.HasPrefix(v, `"`):
		case strings.HasSuffix(kind, "regex"):
			for _, h := range hostsIn(v) {
				names = append(names, strings.TrimPrefix(h, "."))
			}
		default:
			if h := hostOf(strings.TrimPrefix(v, ".")); h != "" {
				names = append(names, h)
			}
		}
	}
	return names
}

// publish asks where the names of the deployment lead, and tells from it which peers are Front Ends.
func (c *squidConfig) publish() {
	var all []string
	for _, l := range c.lines {
		all = append(all, squidNames(l)...)
		if l.words[0] == "cache_peer_domain" {
			for _, d := range l.words[min(2, len(l.words)):] {
				all = append(all, strings.TrimPrefix(strings.ToLower(d), "."))
			}
		}
	}
	for _, l := range c.listeners {
		if site := hostOf(l.options["defaultsite"]); site != "" {
			all = append(all, site)
		}
	}
	for _, p := range c.peers {
		p.lync = p.port == "4443" || kinshipOf(p.name) == lync || kinshipOf(p.host) == lync
		p.lync = p.lync && kinshipOf(p.name) != officeWebApps
	}
	c.hosts = lyncHosts(all)
	c.hosts = c.hosts[:min(maxNames, len(c.hosts))]
	all = distinct(all)
	all = all[:min(maxNames, len(all))]
	if len(c.listeners) == 0 || !slices.ContainsFunc(c.peers, func(p *squidPeer) bool { return true }) {
		return
	}
	// A name of which nothing is known is the web services' where it leads to their port.
	for _, n := range all {
		label, _, _ := strings.Cut(n, ".")
		if hostRoleOf(n) != otherHost || slices.Contains(c.hosts, n) || notWeb.MatchString(label) || kinshipOf(n) == officeWebApps || !strings.Contains(strings.TrimSuffix(n, "."), ".") {
			continue
		}
		for _, l := range c.listeners {
			_, _, sure := c.route(c.question(l, n, webHost))
			if slices.ContainsFunc(sure, func(p *squidPeer) bool { return p.lync }) && strings.Count(n, ".") > 1 && !slices.Contains(c.hosts, n) {
				c.hosts = append(c.hosts, n)
			}
		}
	}
	names := c.hosts
	if len(names) == 0 && slices.ContainsFunc(c.peers, func(p *squidPeer) bool { return p.lync }) {
		names = []string{"lyncdiscover" + unknownDomain, "lyncweb" + unknownDomain}
	}
	for _, l := range c.listeners {
		for _, n := range names {
			role := hostRoleOf(n)
			if role == otherHost {
				role = webHost
			}
			q := c.question(l, n, role)
			x := squidPublished{squidAsked: q, role: role}
			x.allowed, x.peers, x.sure = c.route(q)
			if x.named() && role != internalHost {
				for _, p := range x.sure {
					p.lync = p.lync || kinshipOf(p.name) != officeWebApps && len(c.ofPeer["cache_peer_access "+p.name])+len(c.ofPeer["cache_peer_domain "+p.name]) > 0 || len(c.peers) == 1
				}
			}
			c.analysis = append(c.analysis, x)
		}
	}
}

func (c *squidConfig) question(l squidListener, host string, role hostRole) squidAsked {
	return squidAsked{asked{tls: l.tls, port: l.port, host: host, path: role.path(), method: "GET", compiled: c.regexps}, l}
}

func (p squidPublished) named() bool { return !strings.HasSuffix(p.host, unknownDomain) }

// concernsLync implements config.
func (c *squidConfig) concernsLync() bool {
	return len(c.peers) > 0 && (len(c.hosts) > 0 || len(c.lyncPeers()) > 0)
}

// lyncPeers are the Front Ends.
func (c *squidConfig) lyncPeers() []*squidPeer {
	return slices.DeleteFunc(slices.Clone(c.peers), func(p *squidPeer) bool { return !p.lync })
}

// lyncListeners are those that accept requests for Lync.
func (c *squidConfig) lyncListeners(visit func(squidListener)) {
	for _, l := range c.listeners {
		if slices.ContainsFunc(c.analysis, func(x squidPublished) bool {
			return x.listener.line == l.line && x.listener.file == l.file && slices.ContainsFunc(x.peers, func(p *squidPeer) bool { return p.lync })
		}) {
			visit(l)
		}
	}
}

func (c *squidConfig) check() []Finding { return checkAll(squidRules(), c) }
