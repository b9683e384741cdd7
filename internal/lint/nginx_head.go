package lint

import (
	"fmt"
	"slices"
	"strings"
)

// header is the directive that sets a header of the request upstream; nil for none. nginx inherits them only where a block has none.
func (s *nginxSite) header(name string) *nginxDirective {
	for _, d := range s.location.find("proxy_set_header") {
		if strings.EqualFold(d.arg(0), name) {
			return d
		}
	}
	return nil
}

// setting is a directive that counts at a site; nil for none.
func (s *nginxSite) setting(name string) *nginxDirective { return s.location.one(name) }

// each makes a finding of every site for which wrong gives a directive at fault. A directive that several sites inherit is said once,
// and so is what several places of one server lack: there the proxy_pass itself stands for what is not written.
func (c *nginxConfig) each(reason, fix string, wrong func(*nginxSite) *nginxDirective) []Finding {
	var found []Finding
	seen := map[*nginxDirective]bool{}
	lacking := map[*nginxServer]int{}
	for _, s := range c.sites {
		d := wrong(s)
		if d == nil || seen[d] {
			continue
		}
		seen[d] = true
		if d == s.nginxDirective {
			if first, again := lacking[s.server]; again {
				found[first].Reason = alsoAt(found[first].Reason, d.line)
				continue
			}
			lacking[s.server] = len(found)
		}
		found = append(found, d.at(reason, fix))
	}
	return found
}

// alsoAt adds a line to a reason that holds for several.
func alsoAt(reason string, line int) string {
	const also = " The same holds for line "
	if strings.Contains(reason, also) {
		return strings.TrimSuffix(reason, ".") + fmt.Sprintf(", %d.", line)
	}
	return reason + also + fmt.Sprintf("%d.", line)
}

func nginxHost(c *nginxConfig) []Finding {
	return c.each(becauseHost, "proxy_set_header Host $host;", func(s *nginxSite) *nginxDirective {
		h := s.header("Host")
		if h == nil {
			return s.nginxDirective
		}
		value := strings.ToLower(h.arg(1))
		only := len(s.server.names) == 1 && !strings.ContainsAny(s.server.names[0], "*~_")
		switch {
		case value == "$server_name" || len(s.server.names) > 0 && value == s.server.names[0]:
			if only {
				return nil
			}
			return h
		case value == "" || strings.Contains(value, "$proxy_host") || strings.Contains(value, "$proxy_port"):
			return h
		case !strings.Contains(value, "$"): // a name of its own: of the web server, or of one site
			return h
		}
		return nil
	})
}

func nginxHTTP10(c *nginxConfig) []Finding {
	return c.each("nginx before 1.29.7 asks so unless told otherwise. "+becauseHTTP10, "proxy_http_version 1.1;", func(s *nginxSite) *nginxDirective {
		v := s.setting("proxy_http_version")
		if v == nil {
			return s.nginxDirective
		}
		if v.arg(0) == "1.0" {
			return v
		}
		return nil
	})
}

func nginxConnection(c *nginxConfig) []Finding {
	return c.each("Every request says that it wants another protocol, which the Front End has not.", "proxy_set_header Connection close;", func(s *nginxSite) *nginxDirective {
		if h := s.header("Connection"); h != nil && strings.EqualFold(h.arg(1), "upgrade") {
			return h
		}
		return nil
	})
}

// nginxShared finds groups whose kept connections serve one client after the other.
func nginxShared(c *nginxConfig) []Finding {
	return c.each(becauseShared, "proxy_set_header Connection close; # and without keepalive in the group", func(s *nginxSite) *nginxDirective {
		kept, h := s.kept(), s.header("Connection")
		if kept == nil || kept.arg(0) == "0" || h == nil || strings.EqualFold(h.arg(1), "close") || strings.EqualFold(h.arg(1), "upgrade") {
			return nil
		}
		return kept
	})
}

// nginxSharedLater finds groups whose connections are kept since nginx 1.29.7, which keeps those of every group unless told not to.
func nginxSharedLater(c *nginxConfig) []Finding {
	return c.each(becauseSharedLater, "proxy_set_header Connection close;", func(s *nginxSite) *nginxDirective {
		if kept := s.kept(); s.group == nil || !s.polls() || len(s.group.all("ntlm")) > 0 || kept != nil && kept.arg(0) == "0" || s.header("Connection") != nil {
			return nil
		}
		return s.group
	})
}

// kept is the keepalive of a site's group in which people sign in; nil for none, and where nginx keeps NTLM apart.
func (s *nginxSite) kept() *nginxDirective {
	if s.group == nil || !s.polls() || len(s.group.all("ntlm")) > 0 {
		return nil
	}
	if kept := s.group.all("keepalive"); len(kept) > 0 {
		return kept[0]
	}
	return nil
}

func nginxAuthorization(c *nginxConfig) []Finding {
	return c.each(becauseAuthStripped, "proxy_set_header Authorization $http_authorization;", func(s *nginxSite) *nginxDirective {
		if h := s.header("Authorization"); h != nil && !strings.Contains(h.arg(1), "$http_authorization") {
			if !strings.Contains(h.arg(1), "$") || strings.HasPrefix(strings.ToLower(h.arg(1)), "basic") {
				return h
			}
		}
		if off := s.setting("proxy_pass_request_headers"); off != nil && off.arg(0) == "off" {
			return off
		}
		return nil
	})
}

// hidden is the directive that keeps a header of the answer from clients; nil for none.
func (s *nginxSite) hidden(matches func(string) bool) *nginxDirective {
	for _, name := range []string{"proxy_hide_header", "more_clear_headers"} {
		for _, d := range s.location.find(name) {
			if slices.ContainsFunc(d.args, func(a string) bool { return matches(strings.ToLower(a)) }) {
				return d
			}
		}
	}
	return nil
}

func nginxOffer(c *nginxConfig) []Finding {
	return c.each(becauseOfferStripped, "# without this line", func(s *nginxSite) *nginxDirective {
		for _, d := range s.location.find("more_set_headers") { // one of its own in place of the Front End's
			if slices.ContainsFunc(d.args, func(a string) bool { return strings.HasPrefix(strings.ToLower(a), "www-authenticate") }) {
				return d
			}
		}
		return s.hidden(func(h string) bool { return h == "www-authenticate" })
	})
}

func nginxCookies(c *nginxConfig) []Finding {
	return c.each("Load balancers and the web app keep sessions in cookies: without them every request may meet another Front End.", "# without this line",
		func(s *nginxSite) *nginxDirective {
			if h := s.header("Cookie"); h != nil && h.arg(1) == "" {
				return h
			}
			return s.hidden(func(h string) bool { return h == "set-cookie" })
		})
}

func nginxMSHeaders(c *nginxConfig) []Finding {
	return c.each("Clients and people who look for faults read X-MS-Server-Fqdn, X-Ms-diagnostics and their like.", "# without this line", func(s *nginxSite) *nginxDirective {
		return s.hidden(func(h string) bool { return strings.HasPrefix(h, "x-ms-") })
	})
}

func nginxOrigin(c *nginxConfig) []Finding {
	return c.each(becauseOrigin, "# without this line", func(s *nginxSite) *nginxDirective {
		for _, name := range []string{"Origin", "Referer", "X-Ms-Origin"} {
			if h := s.header(name); h != nil && !strings.Contains(h.arg(1), "$http_") {
				return h
			}
		}
		for _, d := range s.location.find("add_header") {
			if strings.HasPrefix(strings.ToLower(d.arg(0)), "access-control-allow-") {
				return d
			}
		}
		for _, d := range s.location.find("valid_referers") {
			return d
		}
		return s.hidden(func(h string) bool { return strings.HasPrefix(h, "access-control-allow-") })
	})
}

func nginxRewrittenBody(c *nginxConfig) []Finding {
	return c.each(becauseRewritten, "# without this line", func(s *nginxSite) *nginxDirective {
		for _, name := range []string{"sub_filter", "subs_filter", "replace_filter", "pagespeed", "substitutions"} {
			if d := s.setting(name); d != nil && d.arg(0) != "off" {
				return d
			}
		}
		return nil
	})
}

func nginxErrors(c *nginxConfig) []Finding {
	return c.each(becauseErrors, "proxy_intercept_errors off;", func(s *nginxSite) *nginxDirective {
		d := s.setting("proxy_intercept_errors")
		if d == nil || d.arg(0) != "on" || s.setting("error_page") == nil {
			return nil
		}
		return d
	})
}

func nginxPreauth(c *nginxConfig) []Finding {
	fix := "auth_basic off;\n# and without auth_request and its like, for all of the Lync hosts"
	return c.each(becausePreauth, fix, func(s *nginxSite) *nginxDirective {
		for _, name := range []string{"auth_basic", "auth_request", "auth_jwt", "auth_ldap", "auth_pam", "auth_gss", "auth_digest", "auth_oidc"} {
			if d := s.setting(name); d != nil && !strings.EqualFold(d.arg(0), "off") {
				return d
			}
		}
		return nil
	})
}

// nginxNTLM says once for each configuration what nginx cannot do in http.
func nginxNTLM(c *nginxConfig) []Finding {
	for _, s := range c.sites {
		if !s.polls() || s.group != nil && len(s.group.all("ntlm")) > 0 {
			continue
		}
		host := s.to.host
		if e := s.endpoints(); len(e) > 0 {
			host = e[0].host
		}
		fix := fmt.Sprintf("# in stream {} instead, where a client keeps its connection, with proxy_ssl on:\nserver {\n  listen 443 ssl;\n  proxy_pass %s:%d;\n  proxy_ssl on;\n  proxy_timeout 960s;\n}\n# or HAProxy, which keeps such connections apart by itself", host, portExternal)
		return []Finding{s.at(becauseNTLM, fix)}
	}
	return nil
}
