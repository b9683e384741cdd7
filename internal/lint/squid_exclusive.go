package lint

import (
	"fmt"
	"slices"
	"strings"
)

// excluded calls visit for the lines that let names of Lync in and whose lists exclude one another; skip is how many words stand before
// the lists.
func (c *squidConfig) excluded(visit func(l statement, skip int, lists []hostList)) {
	if len(c.listeners) == 0 {
		return
	}
	for _, directive := range []string{"http_access", "cache_peer_access"} {
		skip := map[string]int{"http_access": 2, "cache_peer_access": 3}[directive]
		for _, l := range c.all(directive) {
			if len(l.words) <= skip || l.word(skip-1) != "allow" {
				continue
			}
			var lists []hostList
			for _, name := range l.words[skip:] {
				var hosts []string
				for _, line := range c.lists[name] {
					hosts = append(hosts, squidNames(line)...)
				}
				if len(hosts) > 0 {
					lists = append(lists, hostList{name, distinct(hosts), func(host string) certainty { return c.hasHost(name, host) }})
				}
			}
			if exclude(lists) && len(lyncOf(hostsOfLists(lists), c.hosts)) > 0 {
				visit(l, skip, lists)
			}
		}
	}
}

// hasHost tells whether a list may match requests for a host, whichever listener they come to.
func (c *squidConfig) hasHost(list, host string) certainty {
	role := hostRoleOf(host)
	if role == otherHost {
		role = webHost
	}
	result := never
	for _, l := range c.listeners {
		result = max(result, c.list(list, c.question(l, host, role), 0))
	}
	return result
}

func squidExclusive(c *squidConfig) (found []Finding) {
	c.excluded(func(l statement, skip int, lists []hostList) {
		names := namesOfLists(lists)
		var others []string
		for _, w := range l.words[skip:] {
			if !slices.Contains(names, w) {
				others = append(others, w)
			}
		}
		var fix []string
		for _, n := range names {
			fix = append(fix, strings.Join(slices.Concat(l.words[:skip], []string{n}, others), " "))
		}
		found = append(found, l.finding(fmt.Sprintf("Lists side by side must all match, and no request has a host of %s at once: this line never applies, and it is as if it were not there for %s.",
			strings.Join(names, ", "), strings.Join(hostsOfLists(lists), ", ")), strings.Join(fix, "\n")))
	})
	return firstPerLine(found)
}

func squidObsolete(c *squidConfig) []Finding {
	var found []Finding
	for _, p := range c.lyncPeers() {
		for _, l := range c.ofPeer["cache_peer_domain "+p.name] {
			list := strings.ReplaceAll(p.name, ".", "_") + "_names"
			found = append(found, l.finding("Squid from 3.5 on says that cache_peer_domain is obsolete and ignores the line, so this peer takes requests for every name.",
				fmt.Sprintf("acl %s dstdomain %s\ncache_peer_access %s allow %s\ncache_peer_access %s deny all", list, strings.Join(l.words[2:], " "), p.name, list, p.name)))
		}
	}
	return firstPerLine(found)
}
