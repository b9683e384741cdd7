package lint

import (
	"fmt"
	"slices"
	"strings"
)

// write is the line of a web server with another port and scheme.
func (s *apacheSite) write(m apacheMember, scheme string, port int) string {
	url := fmt.Sprintf("%s://%s:%d", scheme, m.to.host, port)
	if m.at != s.apacheDirective {
		return "BalancerMember " + url
	}
	if url += m.to.path; m.to.path == "" && strings.HasSuffix(s.path, "/") && !s.expr {
		url += "/"
	}
	switch {
	case m.at.name == "rewriterule":
		return fmt.Sprintf("RewriteRule %s %s %s", m.at.arg(0), url, m.at.arg(2))
	case s.parent != nil && strings.HasPrefix(s.parent.name, "location"):
		return "ProxyPass " + url
	case m.at.name == "proxypassmatch":
		return fmt.Sprintf("ProxyPassMatch %s %s", s.path, url)
	}
	return fmt.Sprintf("ProxyPass %s %s", s.path, url)
}

func (c *apacheConfig) mixed(s *apacheSite) bool {
	first := 0
	for _, m := range c.members(s) {
		port := m.to.number()
		if !slices.Contains([]int{portExternal, portExternalPlain, portInternal, portInternalPlain}, port) {
			continue
		}
		if first != 0 && port != first {
			return true
		}
		first = port
	}
	return false
}

// perMember finds wrong web servers of sites.
func (c *apacheConfig) perMember(wrong func(*apacheSite, apacheMember) (reason, fix string)) []Finding {
	var found []Finding
	for _, s := range c.sites {
		if c.mixed(s) {
			continue // said by its own rule
		}
		for _, m := range c.members(s) {
			if reason, fix := wrong(s, m); reason != "" {
				found = append(found, c.at(m.at, reason, fix))
			}
		}
	}
	return found
}

// plain says that clients come to a host without TLS. A host without a port is one of a piece, of which that is not known.
func (h *apacheHost) plain() bool { return !h.secure && len(h.ports) > 0 }

func apacheInternalTLS(c *apacheConfig) []Finding {
	return c.perMember(func(s *apacheSite, m apacheMember) (string, string) {
		switch {
		case m.to.scheme != "https" || m.to.number() != portInternal:
			return "", ""
		case s.host.plain():
			return becauseInternalPlain, s.write(m, "http", portExternalPlain)
		}
		return becauseInternal, s.write(m, "https", portExternal)
	})
}

func apacheInternalPlain(c *apacheConfig) []Finding {
	return c.perMember(func(s *apacheSite, m apacheMember) (string, string) {
		if m.to.scheme != "http" || m.to.number() != portInternalPlain || s.host.secure {
			return "", ""
		}
		return becauseInternalPlain, s.write(m, "http", portExternalPlain)
	})
}

func apacheOffload(c *apacheConfig) []Finding {
	return c.perMember(func(s *apacheSite, m apacheMember) (string, string) {
		if m.to.scheme != "http" || !s.host.secure || m.to.number() == portExternal || m.to.number() == portInternal {
			return "", ""
		}
		return becauseOffload, "SSLProxyEngine On\n" + s.write(m, "https", portExternal)
	})
}

func apacheOnload(c *apacheConfig) []Finding {
	return c.perMember(func(s *apacheSite, m apacheMember) (string, string) {
		if m.to.scheme != "https" || !s.host.plain() || m.to.number() != portExternal {
			return "", ""
		}
		return becauseOnload, s.write(m, "http", portExternalPlain)
	})
}

func apacheProtocol(c *apacheConfig) []Finding {
	return c.perMember(func(s *apacheSite, m apacheMember) (string, string) {
		port := m.to.number()
		switch {
		case m.to.scheme == "http" && (port == portExternal || port == portInternal):
			return becauseProtocol, s.write(m, "https", portExternal)
		case m.to.scheme == "https" && (port == portExternalPlain || port == portInternalPlain):
			return becauseProtocol, s.write(m, "https", portExternal)
		}
		return "", ""
	})
}

func apacheMixed(c *apacheConfig) []Finding {
	var found []Finding
	for _, s := range c.sites {
		if !c.mixed(s) {
			continue
		}
		scheme, port := "https", portExternal
		if s.host.plain() {
			scheme, port = "http", portExternalPlain
		}
		var lines []string
		for _, m := range c.members(s) {
			if line := "  " + s.write(m, scheme, port); !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
		found = append(found, c.at(s.group, becauseMixed, fmt.Sprintf("<Proxy balancer://%s>\n%s\n</Proxy>", s.to.host, strings.Join(lines, "\n"))))
	}
	return found
}

func apachePlain443(c *apacheConfig) []Finding {
	return c.each("Clients begin with a TLS handshake and get an error in plain HTTP.", "SSLEngine On", func(h *apacheHost) *apacheDirective {
		if !slices.Contains(h.ports, portInternal) || len(h.all("use")) > 0 {
			return nil
		}
		if e := c.setting(h, "sslengine"); e == nil || strings.EqualFold(e.arg(0), "off") {
			return h.apacheDirective
		}
		return nil
	})
}

func apacheNoProxyEngine(c *apacheConfig) []Finding {
	return c.each("Without it Apache cannot speak TLS to a web server, and answers every request with 500.", "SSLProxyEngine On", func(h *apacheHost) *apacheDirective {
		if e := c.setting(h, "sslproxyengine"); e != nil && strings.EqualFold(e.arg(0), "on") {
			return nil
		}
		for _, s := range c.sites {
			if s.host == h && s.to.scheme == "https" {
				return s.apacheDirective
			}
		}
		return nil
	})
}

func apacheOpenProxy(c *apacheConfig) []Finding {
	return c.each("A reverse proxy needs no ProxyRequests; with it anybody may reach any server through this one.", "ProxyRequests Off", func(h *apacheHost) *apacheDirective {
		if d := c.setting(h, "proxyrequests"); d != nil && strings.EqualFold(d.arg(0), "on") {
			return d
		}
		return nil
	})
}
