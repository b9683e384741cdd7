package lint

import (
	"fmt"
	"slices"
	"strings"
)

func apacheHostHeader(c *apacheConfig) []Finding {
	return c.each(becauseHost, "ProxyPreserveHost On", func(h *apacheHost) *apacheDirective {
		if c.siteOf(h) == nil {
			return nil
		}
		if d := c.requestHeader(h, "host", "set"); d != nil && !strings.Contains(d.arg(2), "%{") {
			return d
		}
		d := c.setting(h, "proxypreservehost")
		if d == nil {
			return c.lacks(h) // off by default
		}
		if !strings.EqualFold(d.arg(0), "on") {
			return d
		}
		return nil
	})
}

// requestHeader is the directive that does something to a header of the request; nil for none.
func (c *apacheConfig) requestHeader(h *apacheHost, header string, does ...string) *apacheDirective {
	return c.header(h, "requestheader", func(name string) bool { return name == header }, does)
}

func (c *apacheConfig) header(h *apacheHost, directive string, matches func(string) bool, does []string) *apacheDirective {
	for _, d := range c.settings(h, directive) {
		args := d.args
		if len(args) > 0 && (args[0] == "always" || args[0] == "onsuccess" || args[0] == "early") {
			args = args[1:]
		}
		if len(args) > 1 && slices.Contains(does, strings.ToLower(args[0])) && matches(strings.TrimSuffix(strings.ToLower(args[1]), ":")) {
			return d
		}
	}
	return nil
}

func apacheHTTP10(c *apacheConfig) []Finding {
	return c.each(becauseHTTP10, "# without this line", func(h *apacheHost) *apacheDirective {
		for _, name := range []string{"setenv", "browsermatch", "setenvif"} {
			for _, d := range c.settings(h, name) {
				if (name == "setenv" || slices.Contains(d.args, "(?i).*")) && slices.ContainsFunc(d.args, func(a string) bool {
					return a == "force-proxy-request-1.0"
				}) {
					return d
				}
			}
		}
		return nil
	})
}

// apacheShared finds web servers whose connections serve one client after the other, which is the default.
func apacheShared(c *apacheConfig) []Finding {
	var found []Finding
	for _, s := range c.sites {
		if slices.ContainsFunc(c.settings(s.host, "setenv"), func(d *apacheDirective) bool { return d.arg(0) == "proxy-nokeepalive" }) {
			continue
		}
		for _, m := range c.members(s) {
			off := strings.EqualFold(m.at.parameter("disablereuse"), "on") || strings.EqualFold(m.at.parameter("enablereuse"), "off")
			if !s.host.polls() || off || s.name == "rewriterule" || s.expr { // those with expressions share nothing
				continue
			}
			fix := s.raw
			if s.group != nil {
				fix = m.at.raw
			}
			found = append(found, c.at(m.at, becauseShared, fix+" disablereuse=on"))
		}
	}
	return found
}

func apacheAuthorization(c *apacheConfig) []Finding {
	return c.each(becauseAuthStripped, "# without this line", func(h *apacheHost) *apacheDirective {
		return c.requestHeader(h, "authorization", "unset", "set")
	})
}

func (c *apacheConfig) removed(h *apacheHost, matches func(string) bool) *apacheDirective {
	return c.header(h, "header", matches, []string{"unset"})
}

func apacheOffer(c *apacheConfig) []Finding {
	return c.each(becauseOfferStripped, "# without this line", func(h *apacheHost) *apacheDirective {
		return c.removed(h, func(n string) bool { return n == "www-authenticate" })
	})
}

func apacheCookies(c *apacheConfig) []Finding {
	return c.each("Load balancers and the web app keep sessions in cookies: without them every request may meet another Front End.", "# without this line", func(h *apacheHost) *apacheDirective {
		if d := c.requestHeader(h, "cookie", "unset"); d != nil {
			return d
		}
		return c.removed(h, func(n string) bool { return n == "set-cookie" })
	})
}

func apacheMSHeaders(c *apacheConfig) []Finding {
	return c.each("Clients and people who look for faults read X-MS-Server-Fqdn, X-Ms-diagnostics and their like.", "# without this line", func(h *apacheHost) *apacheDirective {
		return c.removed(h, func(n string) bool { return strings.HasPrefix(n, "x-ms-") })
	})
}

func apacheOrigin(c *apacheConfig) []Finding {
	return c.each(becauseOrigin, "# without this line", func(h *apacheHost) *apacheDirective {
		for _, name := range []string{"origin", "referer", "x-ms-origin"} {
			if d := c.requestHeader(h, name, "unset"); d != nil {
				return d
			}
		}
		cors := func(n string) bool { return strings.HasPrefix(n, "access-control-allow-") }
		return c.header(h, "header", cors, []string{"set", "add", "append", "merge", "unset", "setifempty"})
	})
}

func apacheRewrittenBody(c *apacheConfig) []Finding {
	return c.each(becauseRewritten, "# without this line", func(h *apacheHost) *apacheDirective {
		if d := c.setting(h, "substitute"); d != nil {
			return d
		}
		if d := c.setting(h, "proxyhtmlenable"); d != nil && strings.EqualFold(d.arg(0), "on") {
			return d
		}
		for _, d := range slices.Concat(c.settings(h, "setoutputfilter"), c.settings(h, "addoutputfilterbytype")) {
			if slices.ContainsFunc(d.args, func(a string) bool { return strings.EqualFold(a, "proxy-html") || strings.EqualFold(a, "SUBSTITUTE") }) {
				return d
			}
		}
		return nil
	})
}

func apacheErrors(c *apacheConfig) []Finding {
	return c.each(becauseErrors, "ProxyErrorOverride Off", func(h *apacheHost) *apacheDirective {
		if d := c.setting(h, "proxyerroroverride"); d != nil && strings.EqualFold(d.arg(0), "on") {
			return d
		}
		return nil
	})
}

func apachePreauth(c *apacheConfig) []Finding {
	return c.each(becausePreauth, "AuthType None\nRequire all granted", func(h *apacheHost) *apacheDirective {
		if c.siteOf(h) == nil {
			return nil
		}
		if d := c.setting(h, "authtype"); d != nil && !strings.EqualFold(d.arg(0), "none") {
			return d
		}
		for _, d := range c.settings(h, "require") {
			if strings.EqualFold(d.arg(0), "valid-user") || strings.EqualFold(d.arg(0), "user") || strings.EqualFold(d.arg(0), "group") {
				return d
			}
		}
		return nil
	})
}

// apacheNTLM says once for each configuration what Apache cannot do.
func apacheNTLM(c *apacheConfig) []Finding {
	for _, s := range c.sites {
		if !s.host.polls() {
			continue
		}
		host := s.to.host
		if m := c.members(s); len(m) > 0 {
			host = m[0].to.host
		}
		return []Finding{c.at(s.apacheDirective, becauseNTLM,
			fmt.Sprintf("# Apache has no words for it. HAProxy keeps such connections apart by itself:\nserver fe1 %s:%d ssl verify required ca-file /etc/haproxy/enterprise-roots.pem", host, portExternal))}
	}
	return nil
}

func apacheAgent(c *apacheConfig) []Finding {
	return c.refusedBy(becauseAgent, func(condition string) bool { return strings.Contains(condition, "%{HTTP_USER_AGENT}") })
}

// refusedBy finds RewriteConds that lead to a refusal.
func (c *apacheConfig) refusedBy(reason string, matches func(condition string) bool) []Finding {
	return c.each(reason, "# without these lines", func(h *apacheHost) *apacheDirective {
		var cond *apacheDirective
		var hit *apacheDirective
		h.walk(func(d *apacheDirective) bool {
			switch d.name {
			case "rewritecond":
				if matches(strings.ToUpper(d.arg(0)) + " " + d.arg(1)) {
					cond = d
				}
			case "rewriterule":
				flags := rewriteFlags(d)
				if cond != nil && hit == nil && (slices.Contains(flags, "F") || slices.Contains(flags, "forbidden") || slices.Contains(flags, "G")) {
					hit = cond
				}
				cond = nil
			case "virtualhost":
				return false
			}
			return true
		})
		return hit
	})
}

func apacheMethods(c *apacheConfig) []Finding {
	found := c.each(becauseMethod, "# without this section", func(h *apacheHost) *apacheDirective {
		for _, d := range c.settings(h, "limitexcept") {
			if slices.ContainsFunc(neededMethods, func(m string) bool { return !slices.Contains(d.args, m) }) && apacheDenies(d) {
				return d
			}
		}
		for _, d := range c.settings(h, "limit") {
			if slices.ContainsFunc(neededMethods, func(m string) bool { return slices.Contains(d.args, m) }) && apacheDenies(d) {
				return d
			}
		}
		for _, d := range c.settings(h, "allowmethods") {
			if !strings.EqualFold(d.arg(0), "reset") && slices.ContainsFunc(neededMethods, func(m string) bool { return !slices.Contains(d.args, m) }) {
				return d
			}
		}
		return nil
	})
	return append(found, c.refusedBy(becauseMethod, func(condition string) bool {
		pattern, ok := strings.CutPrefix(condition, "%{REQUEST_METHOD} ")
		if !ok {
			return false
		}
		rest, negated := strings.CutPrefix(pattern, "!")
		return slices.ContainsFunc(neededMethods, func(m string) bool { return matchesExpression(rest, m) != negated })
	})...)
}

func apacheDenies(d *apacheDirective) bool {
	return slices.ContainsFunc(d.block, func(x *apacheDirective) bool {
		words := strings.ToLower(x.name + " " + strings.Join(x.args, " "))
		return words == "require all denied" || words == "deny from all"
	})
}
