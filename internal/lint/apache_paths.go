package lint

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// matchesExpression says whether a regular expression matches; one that Go does not know matches all, so that nobody is blamed.
func matchesExpression(expression, text string) bool {
	re, err := regexp.Compile(expression)
	return err != nil || re.MatchString(text)
}

// apacheGroup is what a group of an expression has matched, in what Apache puts in its place.
var apacheGroup = regexp.MustCompile(`\$(\d)`)

func apachePath(c *apacheConfig) []Finding {
	var found []Finding
	for _, s := range c.sites {
		if s.expr {
			if s.changesPath() {
				found = append(found, c.at(s.apacheDirective, becausePath, fmt.Sprintf("ProxyPass / %s/", s.base())))
			}
			continue
		}
		from, to := s.path, s.to.path
		if strings.HasSuffix(from, "/") != strings.HasSuffix(to, "/") || strings.TrimSuffix(from, "/") != strings.TrimSuffix(to, "/") {
			end := "/"
			if strings.TrimSuffix(from, "/") != "" && !strings.HasSuffix(from, "/") {
				end = ""
			}
			fix := fmt.Sprintf("ProxyPass %s %s%s%s", from, s.base(), strings.TrimSuffix(from, "/"), end)
			if strings.HasPrefix(s.parent.name, "location") {
				fix = fmt.Sprintf("ProxyPass %s%s%s", s.base(), strings.TrimSuffix(from, "/"), end)
			}
			found = append(found, c.at(s.apacheDirective, fmt.Sprintf("%s becomes %s. ", cmp.Or(from, "/"), cmp.Or(to, "an address without a slash, to which the rest is glued"))+becausePath, fix))
		}
	}
	return found
}

// base is the address of the web server or the balancer, without a path.
func (s *apacheSite) base() string {
	if s.group != nil || strings.HasPrefix(s.url, "balancer://") {
		return "balancer://" + s.to.host
	}
	if s.to.port > 0 {
		return fmt.Sprintf("%s://%s:%d", s.to.scheme, s.to.host, s.to.port)
	}
	return s.to.scheme + "://" + s.to.host
}

// changesPath says that an expression puts another path in the place of the one that came. It tries one.
func (s *apacheSite) changesPath() bool {
	if strings.Contains(s.to.path, "%{REQUEST_URI}") {
		return false
	}
	re, err := regexp.Compile(s.path)
	if err != nil {
		return false
	}
	for _, came := range []string{"/ucwa/v1/applications", "/Autodiscover/AutodiscoverService.svc/Root", "/autodiscover/autodiscoverservice.svc/root", "/meet/a/b", "/"} {
		m := re.FindStringSubmatchIndex(came)
		if m == nil {
			continue
		}
		// Apache writes $1 where Go wants ${1}.
		to, _, _ := strings.Cut(s.to.path, "?")
		template := apacheGroup.ReplaceAllString(to, "$${$1}")
		passed := string(re.ExpandString(nil, template, came, m))
		if s.name == "proxypassmatch" && !strings.Contains(s.to.path, "$") {
			passed = strings.TrimSuffix(s.to.path, "/") + came // without a group the path is put behind
		}
		return path.Clean("/"+strings.TrimPrefix(passed, "/")) != path.Clean(came)
	}
	return false
}

func apacheQuery(c *apacheConfig) []Finding {
	return c.each(becauseQuery, "# without the question mark at the end, and without QSD", func(h *apacheHost) *apacheDirective {
		for _, s := range c.sites {
			if s.host == h && s.name == "rewriterule" && (strings.HasSuffix(s.url, "?") || slices.Contains(rewriteFlags(s.apacheDirective), "QSD")) {
				return s.apacheDirective
			}
		}
		return nil
	})
}

func apacheEncodedSlashes(c *apacheConfig) []Finding {
	return c.each("Addresses of meeting content hold %2F. By default Apache answers them with 404; with On it decodes them.", "AllowEncodedSlashes NoDecode", func(h *apacheHost) *apacheDirective {
		if !h.polls() || c.siteOf(h) == nil {
			return nil
		}
		d := h.all("allowencodedslashes") // virtual hosts do not inherit it
		if len(d) == 0 {
			return c.lacks(h)
		}
		value := strings.ToLower(d[0].arg(0))
		nocanon := slices.Contains(c.siteOf(h).args, "nocanon")
		if value == "off" || value == "on" && !nocanon {
			return d[0]
		}
		return nil
	})
}

// reaches says that a path is led to Lync.
func (c *apacheConfig) reaches(h *apacheHost, came string) bool {
	if c.excluded(h, came) {
		return false
	}
	for _, s := range c.sites {
		if s.host != h {
			continue
		}
		if s.expr {
			if s.path == "" || matchesExpression(s.path, came) {
				return true
			}
		} else if strings.HasPrefix(came, s.path) {
			return true
		}
	}
	return false
}

// excluded says that a path has a "!" before anything that passes it.
func (c *apacheConfig) excluded(h *apacheHost, came string) bool {
	out, done := false, false
	h.walk(func(d *apacheDirective) bool {
		if done || d.name == "virtualhost" {
			return false
		}
		if d.name == "proxypass" && len(d.args) > 1 && strings.HasPrefix(came, d.arg(0)) {
			out, done = d.arg(1) == "!", true
		}
		if d.name == "proxypassmatch" && len(d.args) > 1 && matchesExpression(d.arg(0), came) {
			out, done = d.arg(1) == "!", true
		}
		return true
	})
	return out
}

func (h *apacheHost) needs(directory string) bool {
	return (&nginxServer{names: h.names}).needs(directory)
}

func (c *apacheConfig) listed() []*apacheHost {
	return slices.DeleteFunc(c.lyncHosts(), func(h *apacheHost) bool { return h.plain() || c.siteOf(h) == nil })
}

func apacheMissing(mode string) func(*apacheConfig) []Finding {
	return func(c *apacheConfig) []Finding {
		var found []Finding
		for _, h := range c.listed() {
			var missing []string
			for _, d := range directories {
				if d.mode == mode && h.needs(d.name) && !c.reaches(h, "/"+d.name+"/x") && !c.reaches(h, "/"+strings.ToLower(d.name)+"/x") {
					missing = append(missing, "/"+d.name)
				}
			}
			if len(missing) > 0 {
				found = append(found, c.at(c.siteOf(h).apacheDirective,
					fmt.Sprintf("%s is not led to the Front End for %s: clients get the proxy's own answer. Publish all paths.", strings.Join(missing, ", "), h.name()),
					fmt.Sprintf("ProxyPass / %s/", c.siteOf(h).base())))
			}
		}
		return found
	}
}

func apacheCase(c *apacheConfig) []Finding {
	var found []Finding
	for _, h := range c.listed() {
		for _, d := range directories {
			upper, lower := c.reaches(h, "/"+d.name+"/x"), c.reaches(h, "/"+strings.ToLower(d.name)+"/x")
			if upper == lower || !h.needs(d.name) {
				continue
			}
			for _, s := range c.sites {
				if s.host == h && strings.Contains(strings.ToLower(s.path), strings.ToLower(d.name)) {
					found = append(found, c.at(s.apacheDirective, becauseCase, fmt.Sprintf("ProxyPassMatch (?i)^/(%s(/.*)?)$ %s/$1", strings.ToLower(d.name), s.base())))
					break
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
	return slices.CompactFunc(found, func(a, b Finding) bool { return a.File == b.File && a.Line == b.Line })
}

// answers says whether a host answers to a name.
func (h *apacheHost) answers(name string) bool {
	return len(h.names) == 0 || slices.ContainsFunc(h.names, func(n string) bool {
		ok, err := path.Match(n, name)
		return ok && err == nil
	})
}

func (c *apacheConfig) published() []string {
	var names []string
	for _, h := range c.lyncHosts() {
		if h.secure {
			names = append(names, h.names...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (c *apacheConfig) unpublished(labels ...string) []Finding {
	hosts := c.lyncHosts()
	answered := func(name string) bool {
		return slices.ContainsFunc(hosts, func(h *apacheHost) bool { return h.secure && h.answers(name) })
	}
	var found []Finding
	for _, name := range missingNames(c.published(), answered, labels...) {
		i := slices.IndexFunc(hosts, func(h *apacheHost) bool { return h.secure && len(h.all("servername")) > 0 })
		if i >= 0 {
			found = append(found, c.at(hosts[i].all("servername")[0], name+": "+becauseUnpublished, "ServerAlias "+name))
		}
	}
	return found
}

func apacheDiscoveryMissing(c *apacheConfig) []Finding { return c.unpublished("lyncdiscover") }

func apacheSimpleMissing(c *apacheConfig) []Finding {
	if slices.ContainsFunc(c.published(), func(n string) bool { return strings.HasPrefix(n, "meet.") }) {
		return c.unpublished("meet")
	}
	return nil
}

func apacheNo80(c *apacheConfig) []Finding {
	var found []Finding
	if len(c.hosts) < 3 { // the server itself is one
		return nil
	}
	for _, h := range c.lyncHosts() {
		for _, name := range h.names {
			if !h.secure || !strings.HasPrefix(name, "lyncdiscover.") {
				continue
			}
			if slices.ContainsFunc(c.hosts[1:], func(x *apacheHost) bool { return x.plain() && x.answers(name) }) {
				continue
			}
			host := "10.10.10.10"
			if s := c.siteOf(h); s != nil && isAddress(s.to.host) {
				host = s.to.host
			}
			found = append(found, c.at(h.apacheDirective, name+": "+becauseNo80,
				fmt.Sprintf("<VirtualHost *:80>\n  ServerName %s\n  ProxyPreserveHost On\n  ProxyPass / http://%s:8080/\n</VirtualHost>", name, host)))
		}
	}
	return found
}

func apacheRedirect80(c *apacheConfig) []Finding {
	var found []Finding
	for _, h := range c.hosts {
		if !h.plain() || !slices.ContainsFunc(h.names, func(n string) bool { return strings.HasPrefix(n, "lyncdiscover") }) {
			continue
		}
		h.walk(func(d *apacheDirective) bool {
			isRedirect := d.name == "redirect" || d.name == "redirectmatch" || d.name == "redirectpermanent" || d.name == "rewriterule"
			if isRedirect && slices.ContainsFunc(d.args, func(a string) bool { return strings.HasPrefix(a, "https://") }) && c.siteOf(h) == nil {
				found = append(found, c.at(d, becauseRedirect80, "ProxyPreserveHost On\nProxyPass / http://"+c.anyFrontEnd()+":8080/"))
			}
			return true
		})
	}
	return found
}

// anyFrontEnd is a web server of the configuration, for lines to be written.
func (c *apacheConfig) anyFrontEnd() string {
	for _, s := range c.sites {
		if m := c.members(s); len(m) > 0 {
			return m[0].to.host
		}
	}
	return "10.10.10.10"
}
