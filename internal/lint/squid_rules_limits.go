package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// squidTime reads a time: a number and a unit, or seconds.
func squidTime(words []string) (time.Duration, bool) {
	if len(words) == 0 {
		return 0, false
	}
	n, err := strconv.ParseFloat(words[0], 64)
	if err != nil || n < 0 || n > 1e9 {
		return 0, false
	}
	unit := "seconds"
	if len(words) > 1 {
		unit = strings.ToLower(words[1])
	}
	for name, d := range map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "millisecond": time.Millisecond} {
		if strings.TrimSuffix(unit, "s") == name {
			return time.Duration(n * float64(d)), true
		}
	}
	return 0, false
}

// squidSize reads a size in bytes.
func squidSize(words []string) (int64, bool) {
	if len(words) == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(words[0], 10, 48)
	if err != nil {
		return 0, false
	}
	unit := int64(1)
	if len(words) > 1 {
		switch strings.ToUpper(words[1]) {
		case "KB":
			unit = 1 << 10
		case "MB":
			unit = 1 << 20
		case "GB":
			unit = 1 << 30
		}
	}
	return n * unit, n >= 0 && n < 1<<33
}

// pushSilence is how long a phone's poll is held at most; Squid's own default for read_timeout is as long.
const pushSilence = 900 * time.Second

// squidTimeouts are the time-outs for silence that are in [from, to).
func (c *squidConfig) squidTimeouts(from, to time.Duration) (found []Finding) {
	for _, directive := range []string{"read_timeout", "write_timeout"} {
		l, ok := c.setting(directive)
		if !ok {
			continue
		}
		if d, valid := squidTime(l.words[1:]); valid && d >= from && d < to {
			found = append(found, l.finding(fmt.Sprintf("Squid ends what is silent for %s. The Front End holds long polls silent for minutes (clients need 200 s at least, phones 960 s), and each one that is cut is a reconnect.",
				shortTime(d)), directive+" 20 minutes"))
		}
	}
	return found
}

func squidShortTimeouts(c *squidConfig) []Finding { return c.squidTimeouts(0, leastSilence) }

func squidMediumTimeouts(c *squidConfig) []Finding {
	return c.squidTimeouts(leastSilence, pushSilence)
}

func squidLifetime(c *squidConfig) []Finding {
	if l, ok := c.setting("client_lifetime"); ok {
		if d, valid := squidTime(l.words[1:]); valid && d < time.Hour {
			return []Finding{l.finding("Squid cuts every connection that is "+shortTime(d)+" old, in the middle of a poll or an upload.", "client_lifetime 1 day")}
		}
	}
	return nil
}

func squidBody(c *squidConfig) (found []Finding) {
	for directive, what := range map[string]string{"request_body_max_size": "Presentations and files that people upload to meetings are larger", "reply_body_max_size": "Address books and recordings are larger"} {
		l, ok := c.setting(directive)
		if !ok {
			continue
		}
		if n, valid := squidSize(l.words[1:]); valid && n > 0 && n < 50<<20 {
			found = append(found, l.finding(fmt.Sprintf("%s than %s, and end in 413 or 403.", what, strings.Join(l.words[1:min(3, len(l.words))], " ")), directive+" "+map[bool]string{true: "0", false: "none"}[directive == "request_body_max_size"]))
		}
	}
	slices.SortFunc(found, func(a, b Finding) int { return a.Line - b.Line })
	return found
}

func squidHeaders(c *squidConfig) []Finding {
	if l, ok := c.setting("request_header_max_size"); ok {
		if n, valid := squidSize(l.words[1:]); valid && n < 64<<10 && n > 0 {
			return []Finding{l.finding("The Kerberos ticket of somebody who is in many groups does not fit, and Squid answers 431 or 400.", "request_header_max_size 128 KB")}
		}
	}
	return nil
}

func squidDescriptors(c *squidConfig) []Finding {
	for _, directive := range []string{"max_filedescriptors", "max_filedesc"} {
		if l, ok := c.setting(directive); ok {
			if n, err := strconv.Atoi(l.word(1)); err == nil && n > 0 && n < 2*fewConnections {
				return []Finding{l.finding(fmt.Sprintf("Each request takes two of %d descriptors. Every client holds one poll open and uses one or two connections more, so those who come next wait and fail.", n), directive+" 16384")}
			}
		}
	}
	return nil
}

func squidExpect(c *squidConfig) []Finding {
	if l, ok := c.setting("ignore_expect_100"); ok && l.word(1) == "on" {
		return []Finding{l.finding("Clients that upload ask for 100 Continue first and wait for it. Squid says nothing, and they lose seconds or give up.", "ignore_expect_100 off")}
	}
	return nil
}

func squidIdle(c *squidConfig) (found []Finding) {
	for _, directive := range []string{"client_idle_pconn_timeout", "server_idle_pconn_timeout", "persistent_request_timeout", "pconn_timeout"} {
		if l, ok := c.setting(directive); ok {
			if d, valid := squidTime(l.words[1:]); valid && d < 5*time.Second {
				found = append(found, l.finding("NTLM needs three requests on one connection. A phone on a slow network that takes longer between them begins anew each time.", directive+" 2 minutes"))
			}
		}
	}
	return found
}

func squidCaching(c *squidConfig) []Finding {
	none := func(directive string, allowed bool) bool {
		lines := c.all(directive)
		return len(lines) > 0 && !slices.ContainsFunc(c.analysis, func(x squidPublished) bool { return c.access(lines, 1, true, x.squidAsked).allowed != never })
	}
	if none("cache", false) || none("no_cache", false) || none("send_hit", false) || none("store_miss", false) {
		return nil
	}
	found := c.eachPeer(func(p *squidPeer) (string, string) {
		if p.has("proxy-only") {
			return "", ""
		}
		return "Squid keeps answers that have a time in Last-Modified or max-age and gives them to the next who asks, inside or outside. Discovery must be answered anew each time.", "send_hit deny all\n# or, on the peer:\n" + p.with("proxy-only")
	})
	return found[:min(1, len(found))]
}

func squidCacheDeny(c *squidConfig) (found []Finding) {
	for _, l := range c.all("cache", "deny", "all") {
		if len(c.all("send_hit")) == 0 && len(c.all("store_miss")) == 0 {
			found = append(found, l.finding("Squid 5.7 was seen to keep about 21 KB of memory for every request with this line, until it is killed. \"send_hit deny all\" has the same effect without it.", "send_hit deny all"))
		}
	}
	return firstPerLine(found)
}

func squidRewrite(c *squidConfig) (found []Finding) {
	for _, directive := range []string{"url_rewrite_program", "redirect_program", "location_rewrite_program"} {
		l, ok := c.setting(directive)
		if !ok || l.word(1) == "none" {
			continue
		}
		access := c.all("url_rewrite_access")
		if len(access) > 0 && !slices.ContainsFunc(c.analysis, func(x squidPublished) bool { return c.access(access, 1, true, x.squidAsked).allowed != never }) {
			continue
		}
		list := c.hostList()
		found = append(found, l.finding("The Front End's links, tickets and meeting addresses name paths and hosts as clients have to ask for them. What the program makes of them is not to be seen here.",
			"url_rewrite_access deny "+list+"\nurl_rewrite_access allow all"))
	}
	return found
}

func squidRate(c *squidConfig) (found []Finding) {
	for _, l := range c.all("http_access", "deny") {
		for _, name := range l.words[2:] {
			counts := slices.ContainsFunc(c.lists[strings.TrimPrefix(name, "!")], func(a statement) bool {
				return slices.Contains([]string{"maxconn", "max_user_ip", "client_connections"}, a.word(2))
			})
			if counts && slices.ContainsFunc(c.analysis, func(x squidPublished) bool { return c.holds(l.words[2:], x.squidAsked) != never }) {
				found = append(found, l.finding("Clients behind one address (an office, a mobile network) are counted as one, and each holds two or three connections.", squidLine(l.words)+" !"+c.hostList()))
			}
		}
	}
	return firstPerLine(found)
}
