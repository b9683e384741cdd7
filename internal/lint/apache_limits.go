package lint

import (
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parameter is a key=value of a ProxyPass or a BalancerMember; empty for none.
func (d *apacheDirective) parameter(key string) string {
	for _, a := range d.args {
		if k, v, ok := strings.Cut(a, "="); ok && strings.EqualFold(k, key) {
			return v
		}
	}
	return ""
}

// apacheDuration reads a time of Apache: seconds, or with ms, s or min.
func apacheDuration(text string) (time.Duration, bool) {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return time.Duration(n) * time.Second, true
	}
	d, err := time.ParseDuration(strings.NewReplacer("min", "m", "hour", "h").Replace(text))
	return d, err == nil
}

// pollTimeout is how long a silent web server is waited for at a site, and where that is written. Where nothing is, a piece of a
// configuration has what the whole says, which is not known: packages write 300 s.
func (c *apacheConfig) pollTimeout(s *apacheSite) (time.Duration, *apacheDirective) {
	for _, m := range c.members(s) {
		if t, ok := apacheDuration(m.at.parameter("timeout")); ok {
			return t, m.at
		}
	}
	for _, name := range []string{"proxytimeout", "timeout"} {
		if d := c.setting(s.host, name); d != nil {
			if t, ok := apacheDuration(d.arg(0)); ok {
				return t, d
			}
		}
	}
	if c.whole {
		return time.Minute, s.apacheDirective
	}
	return 5 * time.Minute, s.apacheDirective
}

func (c *apacheConfig) pollsBetween(from, to time.Duration, reason string) []Finding {
	return c.each(reason, "ProxyTimeout 960", func(h *apacheHost) *apacheDirective {
		if !h.polls() {
			return nil
		}
		for _, s := range c.sites {
			if s.host != h || strings.Contains(s.raw, "ProxySet") {
				continue
			}
			if t, at := c.pollTimeout(s); t >= from && t < to {
				return at
			}
		}
		return nil
	})
}

func apachePollCut(c *apacheConfig) []Finding { return c.pollsBetween(0, pollLeast, becausePollCut) }
func apachePollShort(c *apacheConfig) []Finding {
	return c.pollsBetween(pollLeast, pollRight, becausePollShort)
}

func apacheNoKeepAlive(c *apacheConfig) []Finding {
	return c.each("NTLM and Negotiate sign in a connection in three steps; it ends after the first.", "KeepAlive On", func(h *apacheHost) *apacheDirective {
		if d := c.setting(h, "keepalive"); d != nil && strings.EqualFold(d.arg(0), "off") && h.polls() {
			return d
		}
		return nil
	})
}

func apacheBody(c *apacheConfig) []Finding {
	return c.each(becauseBody, "LimitRequestBody 0", func(h *apacheHost) *apacheDirective {
		if d := c.setting(h, "limitrequestbody"); d != nil && h.polls() {
			if n, err := strconv.ParseInt(d.arg(0), 10, 64); err == nil && n > 0 && n < bodyEnough {
				return d
			}
		}
		return nil
	})
}

func apacheHeaderSize(c *apacheConfig) []Finding {
	return c.each(becauseHeaders, "LimitRequestFieldSize 65536", func(h *apacheHost) *apacheDirective {
		if !h.polls() {
			return nil
		}
		d := c.setting(h, "limitrequestfieldsize")
		if d == nil {
			return c.lacks(h) // 8190 by default
		}
		if atoi(d.arg(0)) < headEnough {
			return d
		}
		return nil
	})
}

func apacheCache(c *apacheConfig) []Finding {
	return c.each(becauseCache, "CacheDisable /", func(h *apacheHost) *apacheDirective {
		off := c.setting(h, "cachedisable")
		if d := c.setting(h, "cacheenable"); d != nil && (off == nil || off.arg(0) != "/" && off.arg(0) != "on") {
			return d
		}
		return nil
	})
}

func apacheRate(c *apacheConfig) []Finding {
	return c.first(becauseRate, "# without this line, or with exceptions for the addresses of your offices", "dospagecount", "dossitecount", "qs_srvmaxconnperip_", "qs_loceventpersecond")
}

func apacheConnectionLimit(c *apacheConfig) []Finding {
	found := c.first(becauseConnections, "# without this line", "qs_srvmaxconnperip", "maxconnperip", "qs_locrequestlimit")
	for _, s := range c.sites {
		for _, m := range c.members(s) {
			if n := atoi(m.at.parameter("max")); n > 0 && n < placesEnough && s.host.polls() {
				found = append(found, c.at(m.at, becauseConnections, "# without max="+m.at.parameter("max")))
			}
		}
	}
	return found
}

// first finds hosts with one of some directives.
func (c *apacheConfig) first(reason, fix string, names ...string) []Finding {
	return c.each(reason, fix, func(h *apacheHost) *apacheDirective {
		for _, n := range names {
			if d := c.setting(h, n); d != nil {
				return d
			}
		}
		return nil
	})
}

func apacheWAF(c *apacheConfig) []Finding {
	return c.each(becauseAgentWAF, "SecRuleEngine Off", func(h *apacheHost) *apacheDirective {
		if d := c.setting(h, "secruleengine"); d != nil && strings.EqualFold(d.arg(0), "on") {
			return d
		}
		return nil
	})
}

func apacheWorkers(c *apacheConfig) []Finding {
	if len(c.sites) == 0 {
		return nil
	}
	for _, name := range []string{"maxrequestworkers", "maxclients"} {
		if d := c.setting(c.hosts[0], name); d != nil && atoi(d.arg(0)) < placesEnough {
			return []Finding{c.at(d, becauseWorkers, "ServerLimit 12\nThreadLimit 500\nThreadsPerChild 500\nMaxRequestWorkers 6000")}
		}
	}
	return nil
}

// apacheProtocols are those that SSLProtocol leaves on.
func apacheProtocols(args []string) []string {
	all := []string{"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}
	var on []string
	for _, a := range args {
		word := strings.TrimLeft(a, "+-")
		these := []string{word}
		if strings.EqualFold(word, "all") {
			these = all
		}
		if !strings.HasPrefix(a, "+") && !strings.HasPrefix(a, "-") {
			on = nil // a bare word sets
		}
		for _, p := range these {
			on = slices.DeleteFunc(on, func(x string) bool { return strings.EqualFold(x, p) })
			if !strings.HasPrefix(a, "-") {
				on = append(on, p)
			}
		}
	}
	return on
}

func hasProtocol(on []string, name string) bool {
	return slices.ContainsFunc(on, func(p string) bool { return strings.EqualFold(p, name) })
}

// protocols finds directives of TLS versions for which wrong holds.
func (c *apacheConfig) protocols(directive, reason string, wrong func(on []string) bool) []Finding {
	return c.each(reason, strings.Replace(directive, "ssl", "SSL", 1)+" -all +TLSv1.2 +TLSv1.3", func(h *apacheHost) *apacheDirective {
		d := c.setting(h, strings.ToLower(directive))
		if d == nil || directive == "sslProtocol" && !h.secure || !wrong(apacheProtocols(d.args)) {
			return nil
		}
		return d
	})
}

func apacheUpstreamProtocols(c *apacheConfig) []Finding {
	return c.protocols("sslProxyProtocol", "Front Ends of today refuse what is older than TLS 1.2.", func(on []string) bool {
		return !hasProtocol(on, "TLSv1.2") && !hasProtocol(on, "TLSv1.3")
	})
}

func apacheOldProtocols(c *apacheConfig) []Finding {
	return c.protocols("sslProtocol", becauseOldTLS, func(on []string) bool { return !hasProtocol(on, "TLSv1.2") && !hasProtocol(on, "TLSv1.3") })
}

func apacheOnlyTLS13(c *apacheConfig) []Finding {
	return c.protocols("sslProtocol", becauseOnlyTLS13, func(on []string) bool { return !hasProtocol(on, "TLSv1.2") && hasProtocol(on, "TLSv1.3") })
}

func apacheHTTP2(c *apacheConfig) []Finding {
	return c.each(becauseHTTP2, "Protocols http/1.1", func(h *apacheHost) *apacheDirective {
		if d := c.setting(h, "protocols"); d != nil && h.secure && slices.Contains(d.args, "h2") {
			return d
		}
		return nil
	})
}

func apacheClientCertificate(c *apacheConfig) []Finding {
	return c.each(becauseClientCert, "SSLVerifyClient none", func(h *apacheHost) *apacheDirective {
		if d := c.setting(h, "sslverifyclient"); d != nil && h.secure && !strings.EqualFold(d.arg(0), "none") {
			return d
		}
		return nil
	})
}

func apacheVerifyNoRoot(c *apacheConfig) []Finding {
	return c.each(becauseUntrusted, "SSLProxyCACertificateFile /etc/apache2/tls/enterprise-roots.pem", func(h *apacheHost) *apacheDirective {
		d := c.setting(h, "sslproxyverify")
		if d == nil || !strings.EqualFold(d.arg(0), "require") || c.setting(h, "sslproxycacertificatefile") != nil || c.setting(h, "sslproxycacertificatepath") != nil {
			return nil
		}
		return d
	})
}

func apacheLeaf(c *apacheConfig) []Finding {
	return c.each(becauseLeaf, "SSLCertificateFile /etc/apache2/tls/lync-fullchain.pem", func(h *apacheHost) *apacheDirective {
		if !h.secure || c.setting(h, "sslcertificatechainfile") != nil {
			return nil
		}
		for _, d := range c.settings(h, "sslcertificatefile") {
			path := d.arg(0)
			if !filepath.IsAbs(path) {
				path = filepath.Join(filepath.Dir(c.file.Name), path)
			}
			if c.file.isLeafAlone(path) {
				return d
			}
		}
		return nil
	})
}

// isAddress says that a host is an address and no name.
func isAddress(host string) bool { return net.ParseIP(strings.Trim(host, "[]")) != nil }

// apacheObsolete finds the access control of 2.2 where Lync is served, unless the file loads the module that still reads it.
func apacheObsolete(c *apacheConfig) []Finding {
	if slices.ContainsFunc(c.root.all("loadmodule"), func(d *apacheDirective) bool { return d.arg(0) == "access_compat_module" }) {
		return nil
	}
	var found []Finding
	look := func(at *apacheDirective) {
		at.walk(func(d *apacheDirective) bool {
			if slices.Contains([]string{"order", "allow", "deny", "satisfy"}, d.name) && len(found) == 0 {
				found = append(found, c.at(d, "Order, Allow, Deny and Satisfy are of Apache 2.2. Apache 2.4 does not start with them unless mod_access_compat is loaded, as it is on Debian.", "Require all granted"))
			}
			return d.name != "virtualhost"
		})
	}
	for _, h := range c.lyncHosts() {
		look(h.apacheDirective)
	}
	for _, s := range c.sites {
		if s.group != nil {
			look(s.group)
		}
	}
	return found
}
