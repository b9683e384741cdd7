package lint

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

func apacheLanguage() language {
	return language{
		product: Apache,
		resembles: regexp.MustCompile(`(?mi)^[ \t]*</?(?:VirtualHost|Location|LocationMatch|IfModule|IfDefine|Proxy|Directory|Macro)\b` +
			`|^[ \t]*(?:ProxyPass|ProxyPassReverse|ProxyPassMatch|ProxyPreserveHost|ProxyRequests|RewriteEngine|RewriteCond|RewriteRule|SSLEngine|SSLProxyEngine|ServerName|ServerAlias|SSLCertificateFile|LoadModule|BalancerMember|AllowEncodedSlashes|RequestHeader)[ \t]` +
			`|^# In file: `),
		parse: parseApache,
		rules: func() []Rule { return rulesOf(apacheRules()) },
	}
}

// apacheConfig is a configuration of Apache httpd, as the rules look at it.
type apacheConfig struct {
	file *File
	root *apacheDirective
	dump bool
	// whole says that it is the server's configuration and not a piece, so that what is missing has its default.
	whole bool
	// groups are the balancers by name.
	groups map[string]*apacheDirective
	hosts  []*apacheHost
	sites  []*apacheSite
}

// apacheHost is a virtual host, or the server outside all of them.
type apacheHost struct {
	*apacheDirective
	names []string
	kin   kinship
	// secure says that clients come with TLS.
	secure bool
	ports  []int
}

// apacheSite is a place at which something is passed to Lync.
type apacheSite struct {
	*apacheDirective // ProxyPass, ProxyPassMatch, or a RewriteRule with P
	host             *apacheHost
	// path is what is passed: a path, or an expression where expr is true.
	path string
	expr bool
	url  string
	to   target
	// group is the balancer that it names; nil for none.
	group *apacheDirective
}

func (c *apacheConfig) concernsLync() bool {
	return len(c.sites) > 0 || slices.ContainsFunc(c.hosts, func(h *apacheHost) bool { return h.kin == lync })
}

func (c *apacheConfig) check() []Finding { return checkAll(apacheRules(), c) }

func newApacheConfig(f *File, root *apacheDirective, dump bool) *apacheConfig {
	c := &apacheConfig{file: f, root: root, dump: dump, groups: map[string]*apacheDirective{}}
	var hosts []*apacheDirective
	root.walk(func(d *apacheDirective) bool {
		switch d.name {
		case "loadmodule", "serverroot", "mutex", "pidfile":
			c.whole = true
		case "proxy":
			if name, ok := strings.CutPrefix(strings.ToLower(d.arg(0)), "balancer://"); ok && d.section {
				c.groups[strings.TrimSuffix(name, "/")] = d
			}
		case "virtualhost":
			hosts = append(hosts, d)
		}
		return true
	})
	c.whole = c.whole || dump
	c.hosts = append(c.hosts, newApacheHost(root))
	for _, d := range hosts {
		c.hosts = append(c.hosts, newApacheHost(d))
	}
	passes := map[*apacheHost][]*apacheSite{}
	sure := false
	for _, h := range c.hosts {
		passes[h] = c.passes(h)
		for _, s := range passes[h] {
			if h.kin != officeWebApps && c.kinshipOf(s) == lync {
				h.kin = lync
			}
		}
		sure = sure || h.kin == lync
	}
	for _, h := range c.hosts {
		if h.kin == maybe && sure {
			h.kin = lync
		}
		for _, s := range passes[h] {
			kin := c.kinshipOf(s)
			if kin == officeWebApps || h.kin != lync && kin != lync || othersPath.MatchString(s.path) {
				continue
			}
			c.sites = append(c.sites, s)
		}
	}
	return c
}

var apachePort = regexp.MustCompile(`:(\d+)$`)

func newApacheHost(d *apacheDirective) *apacheHost {
	h := &apacheHost{apacheDirective: d}
	for _, name := range []string{"servername", "serveralias"} {
		for _, s := range d.all(name) {
			for _, n := range s.args {
				n = strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(n, "https://"), "http://"))
				n = apachePort.ReplaceAllString(n, "")
				h.names = append(h.names, n)
				h.kin = max(h.kin, kinshipOf(n))
			}
		}
	}
	for _, address := range d.args {
		if m := apachePort.FindStringSubmatch(address); m != nil {
			h.ports = append(h.ports, atoi(m[1]))
		}
	}
	h.secure = slices.Contains(h.ports, portInternal)
	for _, e := range d.all("sslengine") {
		h.secure = strings.EqualFold(e.arg(0), "on") || h.secure && strings.EqualFold(e.arg(0), "off")
	}
	return h
}

// passes are the places of a host at which something is passed on, of Lync or not.
func (c *apacheConfig) passes(h *apacheHost) []*apacheSite {
	var all []*apacheSite
	h.walk(func(d *apacheDirective) bool {
		if d.name == "virtualhost" {
			return false
		}
		s := &apacheSite{apacheDirective: d, host: h}
		switch d.name {
		case "proxypass", "proxypassmatch":
			args := slices.DeleteFunc(slices.Clone(d.args), func(a string) bool { return a == "nocanon" || a == "interpolate" })
			s.expr = d.name == "proxypassmatch"
			if l := d.parent; l != nil && (l.name == "location" || l.name == "locationmatch") {
				s.path, s.expr = l.lastArg(), s.expr || l.name == "locationmatch" || l.arg(0) == "~"
				if len(args) > 0 {
					s.url = args[0]
				}
			} else if len(args) > 1 {
				s.path, s.url = args[0], args[1]
			}
		case "rewriterule":
			if !slices.Contains(rewriteFlags(d), "P") && !slices.Contains(rewriteFlags(d), "proxy") {
				return true
			}
			s.path, s.url, s.expr = d.arg(0), d.arg(1), true
		default:
			return true
		}
		if scheme, rest, ok := strings.Cut(s.url, "://"); ok && strings.EqualFold(scheme, "balancer") {
			name, path := rest, ""
			if i := strings.IndexAny(rest, "/$"); i >= 0 {
				name, path = rest[:i], rest[i:]
			}
			name = strings.ToLower(name)
			s.group = c.groups[name]
			s.to = target{host: name, path: path}
			for _, m := range c.members(s) {
				s.to.scheme = m.to.scheme
			}
		} else if to, ok := parseTarget(s.url); ok {
			s.to = to
		} else {
			return true // "!" and what is not HTTP
		}
		all = append(all, s)
		return true
	})
	return all
}

// rewriteFlags are the flags of a RewriteRule.
func rewriteFlags(d *apacheDirective) []string {
	flags := strings.Split(strings.Trim(d.arg(2), "[]"), ",")
	for i, f := range flags {
		flags[i], _, _ = strings.Cut(strings.TrimSpace(f), "=")
	}
	return flags
}

// apacheMember is a web server that requests of a site may reach.
type apacheMember struct {
	at *apacheDirective
	to target
}

func (c *apacheConfig) members(s *apacheSite) []apacheMember {
	if s.group == nil {
		if s.to.host == "" || strings.ContainsAny(s.to.host, "$%") {
			return nil
		}
		return []apacheMember{{s.apacheDirective, s.to}}
	}
	var all []apacheMember
	for _, d := range s.group.all("balancermember") {
		if to, ok := parseTarget(d.arg(0)); ok {
			all = append(all, apacheMember{d, to})
		}
	}
	return all
}

func (c *apacheConfig) kinshipOf(s *apacheSite) kinship {
	kin := kinshipOf(s.to.host)
	if kin == officeWebApps {
		return kin
	}
	if isDirectory(s.path) {
		kin = lync
	}
	for _, m := range c.members(s) {
		if m.to.number() == portExternal || kinshipOf(m.to.host) == lync {
			kin = lync
		}
	}
	if kin == maybe && s.host.kin != maybe && s.host.kin != lync {
		return stranger
	}
	return kin
}

// settings are the directives of a name that count for a host: those inside it, else those of the server outside all hosts. What stands in
// sections for others' paths does not.
func (c *apacheConfig) settings(h *apacheHost, name string) []*apacheDirective {
	var found []*apacheDirective
	look := func(d *apacheDirective) bool {
		if d.name == name {
			found = append(found, d)
		}
		return d.name != "virtualhost" && d.name != "directory" && d.name != "files" && !(strings.HasPrefix(d.name, "location") && othersPath.MatchString(d.lastArg()))
	}
	h.walk(look)
	if len(found) == 0 && h.apacheDirective != c.root {
		c.root.walk(look)
	}
	return found
}

// setting is the last of them; nil for none.
func (c *apacheConfig) setting(h *apacheHost, name string) *apacheDirective {
	if found := c.settings(h, name); len(found) > 0 {
		return found[len(found)-1]
	}
	return nil
}

// lyncHosts are the hosts for Lync, by name or by where they lead.
func (c *apacheConfig) lyncHosts() []*apacheHost {
	return slices.DeleteFunc(slices.Clone(c.hosts), func(h *apacheHost) bool {
		return !(h.kin == lync && h.apacheDirective != c.root) && c.siteOf(h) == nil
	})
}

// siteOf is the first place of a host that leads to Lync; nil for none.
func (c *apacheConfig) siteOf(h *apacheHost) *apacheSite {
	for _, s := range c.sites {
		if s.host == h {
			return s
		}
	}
	return nil
}

// name is what people call a host.
func (h *apacheHost) name() string {
	return cmp.Or(strings.Join(h.names, " "), "the host without a name")
}

// polls says that clients wait for news at a host.
func (h *apacheHost) polls() bool {
	if !h.secure && len(h.ports) > 0 {
		return false
	}
	return len(h.names) == 0 || slices.ContainsFunc(h.names, func(n string) bool { return !isEntrance(n) })
}

// at is a finding at a directive.
func (c *apacheConfig) at(d *apacheDirective, reason, fix string) Finding {
	x := Finding{File: d.file, Line: d.line, last: min(max(d.end, d.line), d.line+maxExcerpt-1), Reason: reason, Fix: fix}
	if d.section {
		x.last = d.line
	}
	if c.dump {
		x.Excerpt = []string{d.raw}
	}
	return x
}

// each makes a finding of every host of Lync for which wrong gives a directive at fault, each directive once.
func (c *apacheConfig) each(reason, fix string, wrong func(*apacheHost) *apacheDirective) []Finding {
	var found []Finding
	seen := map[*apacheDirective]bool{}
	for _, h := range c.lyncHosts() {
		if d := wrong(h); d != nil && !seen[d] {
			seen[d] = true
			found = append(found, c.at(d, reason, fix))
		}
	}
	return found
}

// lacks is where something is missing from a host: at its first site.
func (c *apacheConfig) lacks(h *apacheHost) *apacheDirective {
	if s := c.siteOf(h); s != nil {
		return s.apacheDirective
	}
	return nil
}
