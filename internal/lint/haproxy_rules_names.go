package lint

import (
	"fmt"
	"slices"
	"strings"
)

// namesLost are findings on names of a role that lead nowhere: asked for by a list, or expected because others are published.
func (c *haproxyConfig) namesLost(role hostRole, what string) (found []Finding) {
	for _, p := range c.lyncParts() {
		if !slices.ContainsFunc(p.binds, func(b haproxyBind) bool { return b.tls() || p.mode() == "tcp" && slices.Contains(b.ports, "443") }) {
			continue
		}
		bind := p.binds[slices.IndexFunc(p.binds, func(b haproxyBind) bool { return b.tls() || slices.Contains(b.ports, "443") })]
		var excluded []string // said by a rule of its own
		c.excluded(p, func(_ statement, lists []hostList) { excluded = append(excluded, hostsOfLists(lists)...) })
		for _, n := range c.expected(p, role) {
			if slices.Contains(excluded, n) {
				continue
			}
			q := asked{tls: true, port: "443", host: n, path: role.path(), method: "GET"}
			if len(bind.ports) > 0 {
				q.port = bind.ports[0]
			}
			steps := c.route(p, q)
			last := steps[len(steps)-1]
			if len(steps) > 1 || last.kind != "none" && (last.kind != "backend" || last.backend == nil || c.lync[last.backend] || conditionWords(last.statement) != nil) {
				continue
			}
			to := "answers 503"
			if last.kind == "backend" {
				to = "hands it to backend " + last.backend.name + ", which is not Lync's"
			}
			found = append(found, p.head.finding(fmt.Sprintf("No list of %s has %s, so HAProxy %s. %s", p, n, to, what), c.accept(p, n)))
		}
	}
	return found
}

// expected are the names of a role that a part should lead to Lync: those that any list has, and those that the names beside
// them call for.
func (c *haproxyConfig) expected(p *haproxyPart, role hostRole) []string {
	own := lyncHosts(withDomains(p.names))
	var names []string
	var domains []string
	simple, web := false, false
	for _, n := range own {
		if strings.HasSuffix(n, unknownDomain) {
			continue
		}
		switch r := hostRoleOf(n); r {
		case role:
			names = append(names, n)
			fallthrough
		default:
			simple = simple || r == meetHost || r == dialinHost
			web = web || r == webHost
			if r != internalHost && !slices.Contains(domains, domainOf(n)) {
				domains = append(domains, domainOf(n))
			}
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

// accept are the lines that let a name in.
func (c *haproxyConfig) accept(p *haproxyPart, name string) string {
	backend := c.nearestBackend()
	for _, x := range c.published(func(x haproxyPublished) bool { return x.part == p }) {
		if b := x.last().backend; b != nil && c.lync[b] {
			backend = b.name
			break
		}
	}
	condition := "{ req.hdr(host) -i " + name + " }"
	if p.mode() == "tcp" {
		condition = "{ req.ssl_sni -i " + name + " }"
	}
	return "use_backend " + backend + " if " + condition
}

func haproxyNameLost(c *haproxyConfig) []Finding {
	return append(c.namesLost(discoverHost, "Phones and clients outside begin with this name."), c.namesLost(webHost, "Everything after discovery uses this name.")...)
}

func haproxyMeetLost(c *haproxyConfig) []Finding {
	return c.namesLost(meetHost, "Links to meetings begin with this name.")
}

func haproxyDialinLost(c *haproxyConfig) []Finding {
	return c.namesLost(dialinHost, "The page with dial-in numbers, to which invitations link, has this name.")
}

func haproxyDenied(c *haproxyConfig) (found []Finding) {
	for _, x := range c.published(func(x haproxyPublished) bool { return x.last().kind == "deny" && x.role != internalHost }) {
		s := x.last()
		if !x.tls && x.role != discoverHost {
			continue
		}
		found = append(found, s.finding(fmt.Sprintf("Requests%s for %s meet this line and are refused.", x.forName(), x.path), withUnlessName(s.statement, x.name())))
	}
	return firstPerLine(found)
}

func haproxyMethods(c *haproxyConfig) (found []Finding) {
	for _, x := range c.published(func(x haproxyPublished) bool { return x.tls && x.role == webHost && x.leads(c) }) {
		var refused []string
		var by step
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "HEAD"} {
			q := x.asked
			q.method = method
			steps := c.route(x.part, q)
			if last := steps[len(steps)-1]; last.kind == "deny" && x.last().kind != "deny" {
				refused, by = append(refused, method), last
			}
		}
		if len(refused) > 0 {
			found = append(found, by.finding(fmt.Sprintf("%s %s refused. Phones and the browser application use GET, POST, PUT, DELETE and OPTIONS.", strings.Join(refused, ", "),
				map[bool]string{true: "is", false: "are"}[len(refused) == 1]), withUnlessName(by.statement, x.name())))
		}
	}
	return firstPerLine(found)
}

// pathsLost are the virtual directories that a name of the web services leads to nowhere, although it leads somewhere with others.
func (c *haproxyConfig) pathsLost(signIn bool) (found []Finding) {
	for _, x := range c.published(func(x haproxyPublished) bool { return x.tls && x.role == webHost && x.part.mode() == "http" }) {
		var lost []string
		var by step
		some := false
		for _, d := range documented {
			q := x.asked
			q.path = d.path
			steps := c.route(x.part, q)
			if len(steps) > 1 {
				some = true
				continue
			}
			last := steps[0]
			if last.kind == "backend" && last.backend != nil && c.lync[last.backend] {
				some = true
			} else if d.signIn == signIn && !c.lowerWorks(x, d.path) {
				lost, by = append(lost, d.directory), last
			}
		}
		if some && len(lost) > 0 {
			list := x.part.pathList()
			if list.line == 0 {
				list = by.statement
			}
			found = append(found, list.finding(fmt.Sprintf("%s does not lead to the Front End with /%s.", x.name(), strings.Join(lost, ", /")),
				"# publish everything of this host rather than a list of paths:\n"+c.accept(x.part, x.name())))
		}
	}
	return firstPerLine(found)
}

// pathList is the first line of a part that compares paths.
func (p *haproxyPart) pathList() statement {
	for _, l := range p.lines {
		for _, w := range l.words {
			if strings.HasPrefix(w, "path") || strings.HasPrefix(w, "url_") || strings.HasPrefix(w, "base") {
				return l
			}
		}
	}
	return statement{}
}

func (c *haproxyConfig) lowerWorks(x haproxyPublished, path string) bool {
	q := x.asked
	for _, q.path = range []string{strings.ToLower(path), path[:1] + strings.ToUpper(path[1:2]) + path[2:]} {
		steps := c.route(x.part, q)
		if last := steps[len(steps)-1]; last.backend != nil && c.lync[last.backend] {
			return true
		}
	}
	return false
}

func haproxySignInPaths(c *haproxyConfig) []Finding { return c.pathsLost(true) }

func haproxyFeaturePaths(c *haproxyConfig) []Finding { return c.pathsLost(false) }

func haproxyPathCase(c *haproxyConfig) (found []Finding) {
	for _, x := range c.published(func(x haproxyPublished) bool { return x.tls && x.role == webHost && x.part.mode() == "http" }) {
		for _, d := range documented {
			for _, path := range []string{d.path, strings.ToLower(d.path)} {
				q := x.asked
				q.path = path
				steps := c.route(x.part, q)
				if len(steps) == 1 && (steps[0].backend == nil || !c.lync[steps[0].backend]) && c.lowerWorks(x, d.path) {
					list := x.part.pathList()
					found = append(found, list.finding(fmt.Sprintf("%s leads nowhere, and the same path in other capitals does. Clients and the Front End's links write /Autodiscover and /autodiscover, "+
						"/WebTicket and /webticket, and IIS does not care.", path), ignoringCase(list)))
				}
			}
		}
	}
	return firstPerLine(found)
}

// ignoringCase is a line with -i behind what it compares.
func ignoringCase(l statement) string {
	words := slices.Clone(l.words)
	for i, w := range words {
		if (strings.HasPrefix(w, "path") || strings.HasPrefix(w, "url") || strings.HasPrefix(w, "base") || strings.Contains(w, "hdr")) && (i+1 >= len(words) || words[i+1] != "-i") {
			return quoted(slices.Insert(words, i+1, "-i"))
		}
	}
	return quoted(words)
}

func haproxyHostCase(c *haproxyConfig) (found []Finding) {
	for _, p := range c.lyncParts() {
		for _, l := range p.lines {
			for i, w := range l.words {
				if !haproxyHost.MatchString(w) || slices.Contains(l.words[i:], "-i") || strings.Contains(w, ",lower") {
					continue
				}
				for _, v := range l.words[i+1:] {
					if v == "}" {
						break
					}
					if strings.ToLower(v) != v && kinshipOf(v) != stranger && strings.Contains(v, ".") && !strings.ContainsAny(v, `\[(%`) {
						found = append(found, l.finding(fmt.Sprintf("Clients ask for %s; compared with %s as it is written, that is another name.", strings.ToLower(v), v), ignoringCase(l)))
					}
				}
			}
		}
	}
	return firstPerLine(found)
}

func haproxyBroadHost(c *haproxyConfig) (found []Finding) {
	for _, p := range c.lyncParts() {
		for _, l := range p.lines {
			for i, w := range l.words {
				if !haproxyHost.MatchString(w) {
					continue
				}
				how := strings.SplitN(w, "(", 2)[0]
				m, _ := l.argument("-m")
				for _, v := range l.words[i+1:] {
					if v == "}" {
						break
					}
					switch {
					case strings.HasPrefix(v, "-") || kinshipOf(v) == stranger || v == m:
					case (strings.HasSuffix(how, "_beg") || m == "beg") && !strings.Contains(v, "."):
						found = append(found, l.finding(fmt.Sprintf("%q also begins other names, such as %sings.contoso.example.", v, v), l.rewritten(v, v+".")))
					case (strings.HasSuffix(how, "_reg") || m == "reg") && unescapedDot(v):
						found = append(found, l.finding(fmt.Sprintf("The dots in %s stand for any character.", v), l.rewritten(v, escapeDots(v))))
					}
				}
			}
		}
	}
	return firstPerLine(found)
}

func haproxyUndefined(c *haproxyConfig) (found []Finding) {
	for _, s := range c.lyncSections() {
		for _, l := range s.lines {
			if (l.words[0] == "use_backend" || l.words[0] == "default_backend") && c.backends[l.word(1)] == nil && !strings.ContainsAny(l.word(1), "%[$") && l.word(1) != "" {
				found = append(found, l.finding(fmt.Sprintf("There is no backend %s; HAProxy does not start.", l.word(1)), l.rewritten(l.word(1), c.nearestBackend())))
			}
			words := conditionWords(l)
			for i := 0; i < len(words); i++ {
				w := strings.TrimLeft(words[i], "!")
				if w == "{" {
					for i < len(words) && words[i] != "}" {
						i++
					}
					continue
				}
				if w == "" || w == "or" || w == "||" || slices.Contains(haproxyBuiltin, w) || strings.HasPrefix(w, "METH_") || s.definesList(w) {
					continue
				}
				found = append(found, l.finding(fmt.Sprintf("There is no acl %s; HAProxy does not start.", w), "acl "+w+" req.hdr(host) -i "+c.anyName()))
			}
		}
	}
	return firstPerLine(found)
}

func (s *haproxySection) definesList(name string) bool {
	return slices.ContainsFunc(s.chain(), func(at *haproxySection) bool { return len(at.acls[name]) > 0 })
}

func (c *haproxyConfig) nearestBackend() string {
	for _, b := range c.lyncBackends() {
		return b.name
	}
	return "BACKEND"
}

// anyName is a public name of the deployment's.
func (c *haproxyConfig) anyName() string {
	for _, x := range c.published(nil) {
		if !strings.HasSuffix(x.host, unknownDomain) {
			return x.host
		}
	}
	return "lyncdiscover.contoso.example"
}

func haproxyUnused(c *haproxyConfig) (found []Finding) {
	for _, p := range c.parts {
		for name, lines := range p.acls {
			used := slices.ContainsFunc(p.lines, func(l statement) bool {
				return l.words[0] != "acl" && slices.ContainsFunc(l.words, func(w string) bool { return strings.TrimLeft(w, "!") == name })
			})
			hosts := lyncHosts(withDomains((&haproxySection{lines: lines}).namesIn()))
			if !used && len(hosts) > 0 {
				found = append(found, lines[0].finding(fmt.Sprintf("Nothing in %s uses acl %s, so it decides nothing.", p, name), "use_backend "+c.nearestBackend()+" if "+name))
			}
		}
	}
	slices.SortFunc(found, func(a, b Finding) int { return a.Line - b.Line })
	return found
}

func haproxyBlind(c *haproxyConfig) (found []Finding) {
	for _, p := range c.parts {
		if p.mode() != "tcp" || len(lyncHosts(withDomains(p.names))) == 0 {
			continue
		}
		waits := len(p.all("tcp-request", "inspect-delay")) > 0
		for _, l := range p.lines {
			for _, w := range l.words[1:] {
				switch {
				case strings.HasPrefix(w, "hdr") || strings.HasPrefix(w, "req.hdr") || strings.HasPrefix(w, "path"):
					found = append(found, l.finding(fmt.Sprintf("%s is in TCP mode and reads no HTTP, so %s never matches.", p, w), "mode http"))
				case strings.HasPrefix(w, "ssl_fc_sni") && !slices.ContainsFunc(p.binds, haproxyBind.tls):
					found = append(found, l.finding("The listener does not take TLS off, so ssl_fc_sni is empty. In front of it the name is in req.ssl_sni.", strings.ReplaceAll(quoted(l.words), "ssl_fc_sni", "req.ssl_sni")))
				case (strings.HasPrefix(w, "req.ssl_sni") || strings.HasPrefix(w, "req_ssl_sni")) && !waits:
					found = append(found, l.finding("HAProxy decides before the client has said a word, so the name is not there yet.",
						"tcp-request inspect-delay 5s\ntcp-request content accept if { req.ssl_hello_type 1 }"))
					waits = true // said once
				}
			}
		}
	}
	return firstPerLine(found)
}

func haproxyNo80(c *haproxyConfig) (found []Finding) {
	public := false
	for _, p := range c.parts {
		for _, b := range p.binds {
			public = public || slices.Contains(b.ports, "80")
		}
	}
	if public || len(c.lyncBackends()) == 0 {
		return nil
	}
	for _, x := range c.published(func(x haproxyPublished) bool { return x.leads(c) && slices.Contains(x.bind.ports, "443") }) {
		found = append(found, x.part.head.finding("Nothing listens at port 80. Clients ask for discovery there as well, and are told by the Front End's port 8080 to use HTTPS; without it they wait for a time-out. "+
			"Where the certificate has the discovery name this is slow and no more.", "frontend lync_http\n    bind :80\n    mode http\n    default_backend lync_8080\nbackend lync_8080\n    mode http\n    "+c.plainServer()))
		break
	}
	return found
}

// plainServer is a server line of the deployment's at port 8080.
func (c *haproxyConfig) plainServer() string {
	line := ""
	c.lyncServers(func(b *haproxySection, s haproxyServer) {
		if line == "" {
			line = s.withPort("8080", false)
		}
	})
	return line
}

func haproxyInternalName(c *haproxyConfig) (found []Finding) {
	for _, x := range c.published(func(x haproxyPublished) bool {
		return strings.HasPrefix(x.host, "lyncdiscoverinternal.") && x.leads(c)
	}) {
		for _, l := range x.part.lines {
			if slices.ContainsFunc(l.words, func(w string) bool { return strings.EqualFold(w, x.host) }) {
				found = append(found, l.finding("Clients take an answer to "+x.host+" for proof that they are inside, and use internal addresses from then on. Outside, the name must not exist.", l.rewritten(x.host, "")))
			}
		}
	}
	return firstPerLine(found)
}

func haproxyListen4443(c *haproxyConfig) (found []Finding) {
	if len(c.published(func(x haproxyPublished) bool { return slices.Contains(x.bind.ports, "443") })) > 0 {
		return nil
	}
	c.lyncBinds(func(p *haproxyPart, b haproxyBind) {
		if slices.Contains(b.ports, "4443") && !b.local {
			found = append(found, b.finding("Clients ask at 443. Port 4443 is between the proxy and the Front End. This is right only where something in front turns 443 into 4443.", strings.Replace(quoted(b.words), ":4443", ":443", 1)))
		}
	})
	return found
}
