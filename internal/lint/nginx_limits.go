package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of what rules take for enough.
const (
	// pollLeast and pollRight are the time-outs of Microsoft's reverse proxy requirements: the least, and that for phones.
	pollLeast = 200 * time.Second
	pollRight = 960 * time.Second
	// bodyEnough is what IIS takes by default, behind which a larger limit helps nobody [inferred]; headEnough holds a ticket and cookies
	// beside it.
	bodyEnough = 30_000_000
	headEnough = 16 << 10
	// placesEnough are connections of a small office: a held poll takes two.
	placesEnough = 1024
)

// polls says that clients wait for news at a site: over TLS, and not only under names of discovery and simple URLs.
func (s *nginxSite) polls() bool {
	if !s.server.tls() && len(s.server.ports) > 0 {
		return false
	}
	if len(s.server.names) == 0 {
		return true
	}
	return slices.ContainsFunc(s.server.names, func(n string) bool { return !isEntrance(n) })
}

// isEntrance says that a name is only for discovery or a simple URL.
func isEntrance(name string) bool {
	first, _, _ := strings.Cut(strings.TrimLeft(strings.ToLower(name), "~^"), ".")
	return slices.Contains([]string{"lyncdiscover", "lyncdiscover\\", "meet", "meet\\", "meeting", "dialin", "dialin\\"}, first)
}

// duration reads a time of nginx: 60, 60s, 5m, 1h30m.
func nginxDuration(text string) (time.Duration, bool) {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return time.Duration(n) * time.Second, true
	}
	text = strings.NewReplacer("d", "*24h", "w", "*168h", "M", "*720h", "y", "*8760h").Replace(text)
	if number, unit, ok := strings.Cut(text, "*"); ok {
		n, err := strconv.ParseUint(number, 10, 16)
		d, err2 := time.ParseDuration(unit)
		return time.Duration(n) * d, err == nil && err2 == nil
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}

// nginxSize reads a size of nginx: 512, 8k, 1m, 1g.
func nginxSize(text string) (int64, bool) {
	unit := int64(1)
	switch {
	case text == "":
		return 0, false
	case strings.ContainsAny(text[len(text)-1:], "kK"):
		unit = 1 << 10
	case strings.ContainsAny(text[len(text)-1:], "mM"):
		unit = 1 << 20
	case strings.ContainsAny(text[len(text)-1:], "gG"):
		unit = 1 << 30
	}
	n, err := strconv.ParseInt(strings.TrimRight(text, "kKmMgG"), 10, 32)
	return n * unit, err == nil
}

// nginxPollBetween finds sites whose read time-out lies in [from, to).
func nginxPollBetween(c *nginxConfig, from, to time.Duration, reason string) []Finding {
	found := c.each(reason, "proxy_read_timeout 960s;", func(s *nginxSite) *nginxDirective {
		if !s.polls() {
			return nil
		}
		d := s.setting("proxy_read_timeout")
		if d == nil {
			d = s.nginxDirective // 60 s by default
			if from > 0 {
				return nil
			}
			return d
		}
		if t, ok := nginxDuration(d.arg(0)); ok && t >= from && t < to {
			return d
		}
		return nil
	})
	for _, s := range c.lyncStreams() {
		d, timeout := s.one("proxy_timeout"), 10*time.Minute // by default
		if d != nil {
			timeout, _ = nginxDuration(d.arg(0))
		} else {
			d = s
		}
		if timeout >= from && timeout < to {
			found = append(found, d.at(reason, "proxy_timeout 960s;"))
		}
	}
	return found
}

func nginxPollCut(c *nginxConfig) []Finding { return nginxPollBetween(c, 0, pollLeast, becausePollCut) }
func nginxPollShort(c *nginxConfig) []Finding {
	return nginxPollBetween(c, pollLeast, pollRight, becausePollShort)
}

func nginxNoKeepAlive(c *nginxConfig) []Finding {
	return c.each("NTLM and Negotiate sign in a connection in three steps; it ends after the first.", "keepalive_timeout 75s;", func(s *nginxSite) *nginxDirective {
		if !s.polls() {
			return nil
		}
		d := s.setting("keepalive_timeout")
		if d == nil {
			return nil
		}
		if t, ok := nginxDuration(d.arg(0)); ok && t == 0 {
			return d
		}
		return nil
	})
}

func nginxBody(c *nginxConfig) []Finding {
	return c.each(becauseBody, "client_max_body_size 0;", func(s *nginxSite) *nginxDirective {
		if !s.polls() {
			return nil
		}
		d := s.setting("client_max_body_size")
		if d == nil {
			return s.nginxDirective // 1 MiB by default
		}
		if n, ok := nginxSize(d.arg(0)); ok && n > 0 && n < bodyEnough {
			return d
		}
		return nil
	})
}

func nginxHeaderSize(c *nginxConfig) []Finding {
	return c.each(becauseHeaders, "large_client_header_buffers 4 64k;", func(s *nginxSite) *nginxDirective {
		if !s.polls() {
			return nil
		}
		d := s.setting("large_client_header_buffers")
		if d == nil {
			return s.nginxDirective // 4 of 8 KiB by default
		}
		if n, ok := nginxSize(d.arg(1)); ok && n < headEnough {
			return d
		}
		return nil
	})
}

func nginxBuffering(c *nginxConfig) []Finding {
	return c.each(becauseBuffering, "proxy_buffering off;", func(s *nginxSite) *nginxDirective {
		if d := s.setting("proxy_buffering"); d != nil && d.arg(0) == "on" && s.polls() {
			return d
		}
		return nil
	})
}

func nginxCache(c *nginxConfig) []Finding {
	return c.each(becauseCache, "proxy_cache off;", func(s *nginxSite) *nginxDirective {
		for _, name := range []string{"proxy_cache", "proxy_store"} {
			if d := s.setting(name); d != nil && d.arg(0) != "off" {
				return d
			}
		}
		return nil
	})
}

func nginxRate(c *nginxConfig) []Finding {
	return c.each(becauseRate, "# without this line, or with exceptions for the addresses of your offices", func(s *nginxSite) *nginxDirective { return s.setting("limit_req") })
}

func nginxConnectionLimit(c *nginxConfig) []Finding {
	return c.each(becauseConnections, "# without this line", func(s *nginxSite) *nginxDirective { return s.setting("limit_conn") })
}

func nginxRetries(c *nginxConfig) []Finding {
	return c.each(becauseRetries, "proxy_next_upstream error timeout;", func(s *nginxSite) *nginxDirective {
		if d := s.setting("proxy_next_upstream"); d != nil && slices.Contains(d.args, "non_idempotent") {
			return d
		}
		return nil
	})
}

func nginxWorkers(c *nginxConfig) []Finding {
	events := c.root.all("events")
	if len(events) == 0 || len(c.sites) == 0 {
		return nil
	}
	d, n := events[0], 512 // by default
	if w := d.all("worker_connections"); len(w) > 0 {
		d, n = w[0], atoi(w[0].arg(0))
	}
	if n >= placesEnough {
		return nil
	}
	return []Finding{d.at(becauseWorkers+fmt.Sprintf(" %d connections are %d waiting clients for each worker.", n, n/2), "events {\n  worker_connections 16384;\n}")}
}

func nginxWAF(c *nginxConfig) []Finding {
	return c.each(becauseAgentWAF, "modsecurity off;", func(s *nginxSite) *nginxDirective {
		for _, name := range []string{"modsecurity", "securityrulesenabled", "app_protect_enable"} {
			if d := s.setting(name); d != nil && d.arg(0) != "off" {
				return d
			}
		}
		return nil
	})
}
