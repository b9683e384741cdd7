package lint

import (
	"fmt"
	"slices"
	"strings"
)

// endpoint is a web server that requests of a site may reach.
type endpoint struct {
	at   *nginxDirective
	host string
	port int
}

// endpoints are those of a site: the members of its group, or what it names itself.
func (s *nginxSite) endpoints() []endpoint {
	if s.to.host == "" || strings.Contains(s.to.host, "$") {
		return nil
	}
	if s.group == nil {
		return []endpoint{{s.nginxDirective, s.to.host, s.to.number()}}
	}
	var all []endpoint
	for _, m := range s.members {
		port := m.port
		if port == 0 {
			port = portInternalPlain // whatever the scheme
		}
		all = append(all, endpoint{m.nginxDirective, m.host, port})
	}
	return all
}

// mixed says that a group holds more than one of the Front End's ports.
func (s *nginxSite) mixed() bool {
	first := 0
	for _, e := range s.endpoints() {
		if !slices.Contains([]int{portExternal, portExternalPlain, portInternal, portInternalPlain}, e.port) {
			continue
		}
		if first != 0 && e.port != first {
			return true
		}
		first = e.port
	}
	return false
}

// write is the line of an endpoint with another port and scheme.
func (s *nginxSite) write(e endpoint, scheme string, port int) string {
	if e.at != s.nginxDirective {
		return fmt.Sprintf("server %s:%d;", e.host, port)
	}
	return fmt.Sprintf("proxy_pass %s://%s:%d%s;", scheme, e.host, port, strings.TrimSuffix(s.to.path, "/"))
}

// perEndpoint finds wrong endpoints of sites.
func (c *nginxConfig) perEndpoint(wrong func(*nginxSite, endpoint) (reason, fix string)) []Finding {
	var found []Finding
	for _, s := range c.sites {
		if s.mixed() {
			continue // said by its own rule
		}
		for _, e := range s.endpoints() {
			if reason, fix := wrong(s, e); reason != "" {
				found = append(found, e.at.at(reason, fix))
			}
		}
	}
	return found
}

func nginxInternalTLS(c *nginxConfig) []Finding {
	found := c.perEndpoint(func(s *nginxSite, e endpoint) (string, string) {
		if s.to.scheme != "https" || e.port != portInternal {
			return "", ""
		}
		if !s.server.tls() {
			return becauseInternalPlain, s.write(e, "http", portExternalPlain)
		}
		return becauseInternal, s.write(e, "https", portExternal)
	})
	for _, e := range c.streamEndpoints() {
		if e.port == portInternal {
			found = append(found, e.at.at(becauseInternal, fmt.Sprintf("%s %s:%d;", e.at.name, e.host, portExternal)))
		}
	}
	return found
}

func nginxInternalPlain(c *nginxConfig) []Finding {
	return c.perEndpoint(func(s *nginxSite, e endpoint) (string, string) {
		if s.to.scheme != "http" || e.port != portInternalPlain || !s.server.plain() {
			return "", ""
		}
		return becauseInternalPlain, s.write(e, "http", portExternalPlain)
	})
}

func nginxOffload(c *nginxConfig) []Finding {
	return c.perEndpoint(func(s *nginxSite, e endpoint) (string, string) {
		if s.to.scheme != "http" || !s.server.tls() || e.port == portExternal || e.port == portInternal {
			return "", ""
		}
		fix := s.write(e, "https", portExternal)
		if e.at != s.nginxDirective {
			fix += fmt.Sprintf("\nproxy_pass https://%s;", s.to.host)
		}
		if s.server.plain() && len(s.server.ports) > 0 {
			fix = "# in a server of its own, with \"listen 443 ssl\" alone:\n" + fix
		}
		return becauseOffload, fix
	})
}

func nginxOnload(c *nginxConfig) []Finding {
	return c.perEndpoint(func(s *nginxSite, e endpoint) (string, string) {
		if s.to.scheme != "https" || !s.server.plain() || len(s.server.ports) == 0 || e.port == portInternal && !s.server.tls() {
			return "", ""
		}
		return becauseOnload, "# in a server of its own, with \"listen 80\" alone:\n" + fmt.Sprintf("proxy_pass http://%s:%d;", e.host, portExternalPlain)
	})
}

func nginxProtocol(c *nginxConfig) []Finding {
	return c.perEndpoint(func(s *nginxSite, e endpoint) (string, string) {
		switch {
		case s.to.scheme == "http" && (e.port == portExternal || e.port == portInternal):
			return becauseProtocol, fmt.Sprintf("proxy_pass https://%s;", strings.TrimSuffix(s.address(), ":443"))
		case s.to.scheme == "https" && (e.port == portExternalPlain || e.port == portInternalPlain):
			return becauseProtocol, s.write(e, "https", portExternal)
		}
		return "", ""
	})
}

// address is the web server as it stands in the proxy_pass.
func (s *nginxSite) address() string {
	if s.to.port > 0 {
		return fmt.Sprintf("%s:%d", s.to.host, s.to.port)
	}
	return s.to.host
}

func nginxMixed(c *nginxConfig) []Finding {
	var found []Finding
	for _, s := range c.sites {
		if !s.mixed() {
			continue
		}
		var lines []string
		port := portExternal
		if s.to.scheme == "http" && !s.server.tls() {
			port = portExternalPlain
		}
		for _, e := range s.endpoints() {
			if line := fmt.Sprintf("  server %s:%d;", e.host, port); !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
		found = append(found, s.group.at(becauseMixed, fmt.Sprintf("upstream %s {\n%s\n}", s.to.host, strings.Join(lines, "\n"))))
	}
	return found
}

func nginxListens4443(c *nginxConfig) []Finding {
	var found []Finding
	for _, s := range c.lyncServers() {
		has := func(port int) bool {
			return slices.ContainsFunc(s.ports, func(l nginxListen) bool { return l.port == port })
		}
		if has(portExternal) && !has(portInternal) {
			i := slices.IndexFunc(s.ports, func(l nginxListen) bool { return l.port == portExternal })
			found = append(found, s.ports[i].at("Clients come to port 443, as discovery tells them. Where the firewall leads 443 to this port all is well: then leave this finding out with that reason.", "listen 443 ssl;"))
		}
	}
	return found
}

// nginxObsolete finds the directive that made all listeners of a server speak TLS.
func nginxObsolete(c *nginxConfig) []Finding {
	var found []Finding
	seen := map[*nginxDirective]bool{}
	for _, s := range c.lyncServers() {
		d := s.one("ssl")
		if d == nil || seen[d] {
			continue
		}
		seen[d] = true
		fix := "# without this line"
		for _, l := range s.ports {
			if l.tls && !slices.Contains(l.args, "ssl") {
				fix = strings.TrimSpace(fmt.Sprintf("listen %s ssl %s", l.arg(0), strings.Join(l.args[min(1, len(l.args)):], " "))) + ";"
			}
		}
		found = append(found, d.at("nginx from 1.25.1 on does not know this directive and does not start; the word belongs to listen.", fix))
	}
	return found
}

func nginxPlain443(c *nginxConfig) []Finding {
	var found []Finding
	for _, s := range c.lyncServers() {
		for _, l := range s.ports {
			if l.port == portInternal && !l.tls {
				found = append(found, l.at("Clients begin with a TLS handshake and get an error in plain HTTP.", "listen "+l.arg(0)+" ssl;"))
			}
		}
	}
	return found
}
