package lint

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// answers says whether a server answers to a name: by it, by a pattern, or because it takes all.
func (s *nginxServer) answers(name string) bool {
	if len(s.names) == 0 || slices.ContainsFunc(s.ports, func(l nginxListen) bool { return l.standard }) {
		return true
	}
	return slices.ContainsFunc(s.names, func(n string) bool {
		if strings.HasPrefix(n, "~") || n == "_" {
			return true // what an expression takes is not told here
		}
		if suffix, ok := strings.CutPrefix(n, "."); ok {
			n = "*." + suffix
			if name == suffix {
				return true
			}
		}
		ok, err := path.Match(n, name)
		return ok && err == nil
	})
}

// domains are what follows a first label in the names of Lync's servers with TLS.
func (c *nginxConfig) published() []string {
	var names []string
	for _, s := range c.lyncServers() {
		if s.tls() {
			names = append(names, s.names...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// missingNames returns the names that a whole publication would have and nothing here answers to. A file with few names is a part of
// one.
func missingNames(published []string, answered func(string) bool, labels ...string) []string {
	if len(published) < 3 || !slices.ContainsFunc(published, func(n string) bool { return !isEntrance(n) }) {
		return nil
	}
	var missing []string
	for _, n := range published {
		label, domain, ok := strings.Cut(n, ".")
		if !ok || !isEntrance(n) || strings.ContainsAny(n, `*~\`) || slices.Contains(labels, label) {
			continue
		}
		for _, l := range labels {
			if name := l + "." + domain; !answered(name) && !slices.Contains(missing, name) {
				missing = append(missing, name)
			}
		}
	}
	return missing
}

func (c *nginxConfig) unpublished(labels ...string) []Finding {
	servers := c.lyncServers()
	answered := func(name string) bool {
		return slices.ContainsFunc(servers, func(s *nginxServer) bool { return s.tls() && s.answers(name) })
	}
	var found []Finding
	for _, name := range missingNames(c.published(), answered, labels...) {
		i := slices.IndexFunc(servers, func(s *nginxServer) bool { return s.tls() && len(s.names) > 0 })
		at := servers[i].all("server_name")[0]
		found = append(found, at.at(name+": "+becauseUnpublished, fmt.Sprintf("server_name %s %s;", strings.Join(at.args, " "), name)))
	}
	return found
}

func nginxDiscoveryMissing(c *nginxConfig) []Finding { return c.unpublished("lyncdiscover") }

// nginxSimpleMissing looks for meet alone: there is one dialin for all SIP domains.
func nginxSimpleMissing(c *nginxConfig) []Finding {
	for _, n := range c.published() {
		if strings.HasPrefix(n, "meet.") { // without any, the simple URLs are of the form that needs no name
			return c.unpublished("meet")
		}
	}
	return nil
}

func nginxNo80(c *nginxConfig) []Finding {
	var found []Finding
	if c.root.all("http") == nil && len(c.servers) < 2 {
		return nil // a piece of a configuration
	}
	for _, s := range c.lyncServers() {
		if !s.tls() {
			continue
		}
		for _, d := range s.all("server_name") {
			for _, name := range d.args {
				if !strings.HasPrefix(strings.ToLower(name), "lyncdiscover.") {
					continue
				}
				if slices.ContainsFunc(c.servers, func(x *nginxServer) bool { return x.plain() && x.answers(strings.ToLower(name)) }) {
					continue
				}
				fix := fmt.Sprintf("server {\n  listen 80;\n  server_name %s;\n  location / {\n    proxy_set_header Host $host;\n    proxy_pass http://10.10.10.10:8080;\n  }\n}", name)
				for _, site := range c.sites {
					if e := site.endpoints(); site.server == s && len(e) > 0 {
						fix = strings.Replace(fix, "10.10.10.10", e[0].host, 1)
						break
					}
				}
				found = append(found, d.at(name+": "+becauseNo80, fix))
			}
		}
	}
	return found
}

// nginxRedirect80 finds servers on port 80 that redirect discovery.
func nginxRedirect80(c *nginxConfig) []Finding {
	discovery := func(s *nginxServer) bool {
		return slices.ContainsFunc(s.names, func(n string) bool { return strings.HasPrefix(n, "lyncdiscover") })
	}
	all := slices.ContainsFunc(c.lyncServers(), discovery)
	var found []Finding
	for _, s := range c.servers {
		if !s.plain() || !(discovery(s) || all && len(s.ports) > 0 && (len(s.names) == 0 || s.names[0] == "_")) {
			continue
		}
		if all && !discovery(s) && slices.ContainsFunc(c.servers, func(x *nginxServer) bool { return x != s && x.plain() && discovery(x) }) {
			continue // discovery has a server of its own on port 80
		}
		if d := s.redirects(); d != nil {
			found = append(found, d.at(becauseRedirect80, "location / {\n  proxy_set_header Host $host;\n  proxy_pass http://"+c.anyFrontEnd()+":8080;\n}"))
		}
	}
	return found
}

// redirects is the directive that sends all clients of a server to HTTPS; nil for none.
func (s *nginxServer) redirects() *nginxDirective {
	scopes := []*nginxDirective{s.nginxDirective}
	if l, sure := s.chosen("/"); sure && l != nil {
		scopes = append(scopes, l)
	}
	for _, i := range s.all("if") {
		if strings.Contains(i.arg(0), "$scheme") || strings.Contains(i.arg(0), "$https") {
			scopes = append(scopes, i)
		}
	}
	for _, scope := range scopes {
		for _, d := range slices.Concat(scope.all("return"), scope.all("rewrite")) {
			if slices.ContainsFunc(d.args, func(a string) bool { return strings.HasPrefix(a, "https://") }) {
				return d
			}
		}
	}
	return nil
}

// anyFrontEnd is a web server of the configuration, for lines to be written.
func (c *nginxConfig) anyFrontEnd() string {
	for _, s := range c.sites {
		if e := s.endpoints(); len(e) > 0 {
			return e[0].host
		}
	}
	return "10.10.10.10"
}

// nginxNameless finds servers for Lync without a name, behind another that answers for all.
func nginxNameless(c *nginxConfig) []Finding {
	var found []Finding
	for _, s := range c.lyncServers() {
		if s.nginxDirective == c.root || len(s.names) > 0 || slices.ContainsFunc(s.ports, func(l nginxListen) bool { return l.standard }) {
			continue
		}
		for _, other := range c.servers {
			for _, l := range other.ports {
				if other != s && l.standard && slices.ContainsFunc(s.ports, func(x nginxListen) bool { return x.arg(0) == l.arg(0) }) {
					x := s.at("It has no server_name, and another server is the default of this port: it never gets a request.", "server_name lyncdiscover.contoso.example meet.contoso.example dialin.contoso.example lyncweb-ext.contoso.example;")
					x.last = x.Line
					found = append(found, x)
				}
			}
		}
	}
	return found
}
