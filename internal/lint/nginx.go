package lint

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

func nginxLanguage() language {
	return language{
		product: Nginx,
		resembles: regexp.MustCompile(`(?m)^[ \t]*(?:server|http|events|stream|upstream [\w.-]+|location [^\n<>{]+|map \$\w+ \$\w+)\s*\{` +
			`|^[ \t]*(?:proxy_pass|proxy_set_header|proxy_http_version|proxy_\w+_timeout|listen|server_name|client_max_body_size|ssl_certificate|ssl_protocols)\s[^;\n]*;` +
			`|^# configuration file .+:\r?$`),
		parse: parseNginx,
		rules: func() []Rule { return rulesOf(nginxRules()) },
	}
}

// nginxConfig is a configuration of nginx, as the rules look at it.
type nginxConfig struct {
	file *File
	root *nginxDirective
	// groups are the upstream blocks of http, by name.
	groups map[string]*nginxDirective
	// servers are the server blocks of http.
	servers []*nginxServer
	// streams are those of stream.
	streams []*nginxDirective
	// sites are the places at which something is proxied to Lync.
	sites []*nginxSite
}

// nginxServer is a server block of http.
type nginxServer struct {
	*nginxDirective
	names []string
	// ports are those that it listens on, and whether with TLS.
	ports []nginxListen
	kin   kinship
}

type nginxListen struct {
	*nginxDirective
	port              int
	tls, standard, h2 bool
}

// nginxSite is a proxy_pass that leads to Lync.
type nginxSite struct {
	*nginxDirective // the proxy_pass
	server          *nginxServer
	// location is the block that it stands in: a location, an if, or the server itself.
	location *nginxDirective
	to       target
	// members are the servers of the group that it names; empty where it names none.
	members []nginxMember
	group   *nginxDirective
}

// nginxMember is a server line of an upstream block.
type nginxMember struct {
	*nginxDirective
	host string
	port int // zero where none is written
}

func (c *nginxConfig) concernsLync() bool {
	return len(c.sites) > 0 || len(c.lyncServers()) > 0 || len(c.streamEndpoints()) > 0
}

func (c *nginxConfig) check() []Finding { return checkAll(nginxRules(), c) }

// newNginxConfig finds what concerns Lync. Snippets without http or server blocks are taken for what stands in one.
func newNginxConfig(f *File, root *nginxDirective) *nginxConfig {
	c := &nginxConfig{file: f, root: root, groups: map[string]*nginxDirective{}}
	inStream := func(d *nginxDirective) bool {
		for at := d.parent; at != nil; at = at.parent {
			if at.name == "stream" {
				return true
			}
		}
		return false
	}
	root.walk(func(d *nginxDirective) {
		switch {
		case !d.hasBlock:
		case d.name == "upstream" && d.arg(0) != "" && !inStream(d):
			c.groups[strings.ToLower(d.arg(0))] = d
		case d.name == "server" && inStream(d):
			c.streams = append(c.streams, d)
		case d.name == "server" && len(d.args) == 0:
			c.servers = append(c.servers, newNginxServer(d))
		}
	})
	c.settleKinship()
	for _, s := range c.servers {
		c.findSites(s)
	}
	if len(c.servers) == 0 {
		c.findSites(&nginxServer{nginxDirective: root, kin: maybe}) // a piece that other files include
	}
	return c
}

func newNginxServer(d *nginxDirective) *nginxServer {
	s := &nginxServer{nginxDirective: d}
	for _, n := range d.all("server_name") {
		for _, name := range n.args {
			s.names = append(s.names, strings.ToLower(name))
			s.kin = max(s.kin, nginxNameKinship(name))
		}
	}
	tls := slices.ContainsFunc(d.all("ssl"), func(d *nginxDirective) bool { return d.arg(0) == "on" })
	for _, l := range d.all("listen") {
		one := nginxListen{nginxDirective: l, port: portInternalPlain, tls: tls}
		address := l.arg(0)
		if i := strings.LastIndexByte(address, ':'); i >= 0 && !strings.HasSuffix(address, "]") {
			address = address[i+1:]
		}
		if isNumeric(address) {
			one.port = atoi(address)
		}
		for _, word := range l.args[min(1, len(l.args)):] {
			switch word {
			case "ssl":
				one.tls = true
			case "default_server", "default":
				one.standard = true
			case "http2", "spdy":
				one.h2 = true
			}
		}
		s.ports = append(s.ports, one)
	}
	return s
}

// nginxNameKinship judges a server_name, which may be a regular expression.
func nginxNameKinship(name string) kinship {
	if expression, ok := strings.CutPrefix(name, "~"); ok {
		name = strings.NewReplacer(`\`, "", "^", "", "$", "", "(", "", ")", "").Replace(expression)
		if lyncName.MatchString(name) {
			return lync
		}
	}
	return kinshipOf(name)
}

// settleKinship decides about names that Lync uses and others use too: what stands beside Lync is of Lync.
func (c *nginxConfig) settleKinship() {
	sure := false
	for _, s := range c.servers {
		if s.kin == stranger || s.kin == maybe {
			s.walk(func(d *nginxDirective) {
				if d.name == "proxy_pass" && c.kinshipOfPass(s, d) == lync {
					s.kin = lync
				}
			})
		}
		sure = sure || s.kin == lync
	}
	for _, s := range c.servers {
		if s.kin == maybe && !sure {
			s.kin = stranger
		} else if s.kin == maybe {
			s.kin = lync
		}
	}
}

// kinshipOfPass judges by where a proxy_pass leads and under which path it stands.
func (c *nginxConfig) kinshipOfPass(s *nginxServer, pass *nginxDirective) kinship {
	to, ok := parseTarget(s.resolve(pass, pass.arg(0)))
	if !ok {
		return stranger
	}
	kin := kinshipOf(to.host)
	if to.number() == portExternal && to.port != 0 {
		kin = lync
	}
	if kin == stranger && pass.parent != nil && pass.parent.name == "location" && isDirectory(pass.parent.lastArg()) {
		kin = lync
	}
	if g := c.groups[to.host]; g != nil && kin != officeWebApps {
		for _, m := range membersOf(g) {
			if m.port == portExternal || kinshipOf(m.host) == lync {
				kin = lync
			}
		}
	}
	if kin == maybe && s.kin != maybe {
		return stranger
	}
	return kin
}

// resolve puts the values of variables into the address of a proxy_pass: those that a set gives them, and $scheme where the server has
// only one.
func (s *nginxServer) resolve(pass *nginxDirective, address string) string {
	for range 4 { // a variable may hold another
		if !strings.Contains(address, "$") {
			break
		}
		for at := pass.parent; at != nil; at = at.parent {
			for _, d := range at.all("set") {
				name := strings.TrimPrefix(d.arg(0), "$")
				if name == "" || len(d.arg(1)) > 256 || len(address) > 4096 {
					continue
				}
				address = strings.ReplaceAll(address, "${"+name+"}", d.arg(1))
				address = replaceVariable(address, name, d.arg(1))
			}
		}
	}
	switch {
	case s.tls() && !s.plain():
		address = replaceVariable(address, "scheme", "https")
	case s.plain() && !s.tls():
		address = replaceVariable(address, "scheme", "http")
	}
	return address[:min(len(address), 4096)]
}

// replaceVariable replaces $name, and not the beginning of a longer name.
func replaceVariable(text, name, value string) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "$"+name)
		out.WriteString(before)
		if !found || out.Len() > 4096 {
			return out.String()
		}
		if after != "" && (after[0] == '_' || after[0] >= '0' && after[0] <= '9' || after[0] >= 'a' && after[0] <= 'z' || after[0] >= 'A' && after[0] <= 'Z') {
			out.WriteString("$" + name)
		} else {
			out.WriteString(value)
		}
		text = after
	}
}

func membersOf(group *nginxDirective) []nginxMember {
	var all []nginxMember
	for _, d := range group.all("server") {
		all = append(all, memberOf(d, strings.ToLower(d.arg(0))))
	}
	return all
}

// othersPath are paths of Exchange, of certificate renewal and of file servers that often share a server block.
var othersPath = regexp.MustCompile(`(?i)^[\^~*/ ()?:=]*(?:owa|ecp|ews|oab|rpc|mapi|public|exchange|powershell|microsoft-server-activesync|` +
	`autodiscover/autodiscover\.(?:xml|json)|\\?\.well-known|adfs|certsrv|remote|rdweb|favicon|robots)\b`)

// findSites finds the places in a server at which something is proxied to Lync.
func (c *nginxConfig) findSites(s *nginxServer) {
	s.walk(func(d *nginxDirective) {
		if d.name != "proxy_pass" || d.parent == nil {
			return
		}
		to, _ := parseTarget(s.resolve(d, d.arg(0)))
		location := d.parent
		kin := c.kinshipOfPass(s, d)
		if kin == officeWebApps || s.kin != lync && kin != lync {
			return
		}
		if location.name == "location" && othersPath.MatchString(location.lastArg()) {
			return
		}
		site := &nginxSite{nginxDirective: d, server: s, location: location, to: to, group: c.groups[to.host]}
		if site.group != nil {
			site.members = membersOf(site.group)
		}
		c.sites = append(c.sites, site)
	})
}

// lyncServers are the server blocks that are for Lync by their name or by where they lead.
func (c *nginxConfig) lyncServers() []*nginxServer {
	var all []*nginxServer
	for _, s := range c.servers {
		if s.kin == lync || slices.ContainsFunc(c.sites, func(x *nginxSite) bool { return x.server == s }) {
			all = append(all, s)
		}
	}
	return all
}

// tls says whether clients come to a server with TLS, and plain whether they come without.
func (s *nginxServer) tls() bool {
	return slices.ContainsFunc(s.ports, func(l nginxListen) bool { return l.tls || l.port == portInternal })
}

func (s *nginxServer) plain() bool {
	return len(s.ports) == 0 || slices.ContainsFunc(s.ports, func(l nginxListen) bool { return !l.tls && l.port != portInternal })
}

// name is what people call a server.
func (s *nginxServer) name() string {
	return cmp.Or(strings.Join(s.names, " "), "the server without a name")
}

// at is a finding at a directive.
func (d *nginxDirective) at(reason, fix string) Finding {
	return Finding{File: d.file, Line: d.line, last: max(d.line, min(d.end, d.line+maxExcerpt-1)), Reason: reason, Fix: fix}
}
