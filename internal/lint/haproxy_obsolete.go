package lint

import (
	"fmt"
	"slices"
	"strings"
)

// haproxyGone are words that current versions do not start with, since when, and what says the same. Checked with 2.6.
var haproxyGone = map[string]struct{ since, instead string }{
	"reqadd":              {"2.1", "http-request add-header"},
	"rspadd":              {"2.1", "http-response add-header"},
	"reqrep":              {"2.1", "http-request replace-header"},
	"reqirep":             {"2.1", "http-request replace-header"},
	"rsprep":              {"2.1", "http-response replace-header"},
	"rspirep":             {"2.1", "http-response replace-header"},
	"reqdel":              {"2.1", "http-request del-header"},
	"reqidel":             {"2.1", "http-request del-header"},
	"rspdel":              {"2.1", "http-response del-header"},
	"rspidel":             {"2.1", "http-response del-header"},
	"reqdeny":             {"2.1", "http-request deny"},
	"reqideny":            {"2.1", "http-request deny"},
	"rspdeny":             {"2.1", "http-response deny"},
	"rspideny":            {"2.1", "http-response deny"},
	"block":               {"2.1", "http-request deny"},
	"appsession":          {"1.6", "stick on"},
	"clitimeout":          {"2.1", "timeout client"},
	"srvtimeout":          {"2.1", "timeout server"},
	"contimeout":          {"2.1", "timeout connect"},
	"redispatch":          {"2.1", "option redispatch"},
	"monitor-net":         {"2.1", "http-request return"},
	"nbproc":              {"2.5", "nbthread"},
	"option forceclose":   {"2.0", ""},
	"option http-tunnel":  {"2.1", ""},
	"option http-use-htx": {"2.1", ""},
}

func haproxyObsolete(c *haproxyConfig) (found []Finding) {
	look := func(lines []statement) {
		for _, l := range lines {
			word := l.words[0]
			if word == "option" {
				word += " " + l.word(1)
			}
			gone, ok := haproxyGone[word]
			if !ok {
				continue
			}
			fix := "# without this line"
			if name, value, is := strings.Cut(l.word(1), ":"); is && strings.HasSuffix(gone.instead, "add-header") {
				fix = quoted(append(strings.Fields(gone.instead), name, strings.TrimSpace(value)))
			} else if strings.HasPrefix(gone.instead, "timeout") {
				fix = gone.instead + " " + l.word(1)
			} else if gone.instead != "" {
				fix = "# in words of today: " + gone.instead
			}
			found = append(found, l.finding(fmt.Sprintf("HAProxy from %s on does not know %s and does not start.", gone.since, word), fix))
		}
	}
	look(c.global)
	var seen []*haproxySection
	for _, s := range c.lyncSections() {
		if address := s.head.word(2); s.kind == "listen" && address != "" && address != "from" {
			found = append(found, s.head.finding("Current versions of HAProxy do not start with an address behind the name: bind has it.", fmt.Sprintf("listen %s\n    bind %s", s.name, address)))
		}
		for _, at := range s.chain() {
			if !slices.Contains(seen, at) {
				seen = append(seen, at)
				look(at.lines)
			}
		}
	}
	return firstPerLine(found)
}

// exclusive are the groups of lists in the condition of a line that no host is in all of.
func (p *haproxyPart) exclusive(l statement, known compiled) [][]hostList {
	var groups [][]hostList
	var group []hostList
	end := func() {
		if exclude(group) {
			groups = append(groups, group)
		}
		group = nil
	}
	words := conditionWords(l)
	for i := 0; i < len(words); i++ {
		switch w := words[i]; {
		case w == "or" || w == "||":
			end()
		case w == "!":
			i++
		case w == "{":
			for i < len(words) && words[i] != "}" {
				i++
			}
		case len(p.acls[w]) > 0:
			hosts := withDomains((&haproxySection{lines: p.acls[w]}).namesIn())
			if len(hosts) > 0 {
				group = append(group, hostList{w, hosts, func(host string) certainty {
					return p.list(w, asked{tls: true, port: "443", host: host, path: "/", method: "GET", compiled: known})
				}})
			}
		}
	}
	end()
	return groups
}

// excluded calls visit for the lines of a part that lead to a back end and whose lists exclude one another.
func (c *haproxyConfig) excluded(p *haproxyPart, visit func(l statement, lists []hostList)) {
	for _, l := range p.all("use_backend") {
		for _, lists := range p.exclusive(l, c.regexps) {
			if len(lyncHosts(hostsOfLists(lists))) > 0 {
				visit(l, lists)
			}
		}
	}
}

func haproxyExclusive(c *haproxyConfig) (found []Finding) {
	for _, p := range c.lyncParts() {
		c.excluded(p, func(l statement, lists []hostList) {
			names := namesOfLists(lists)
			found = append(found, l.finding(fmt.Sprintf("Lists side by side must all match, and no request has a host of %s at once: this line never applies, and %s lead elsewhere.",
				strings.Join(names, ", "), strings.Join(hostsOfLists(lists), ", ")), fmt.Sprintf("%s %s if %s", l.word(0), l.word(1), strings.Join(names, " or "))))
		})
	}
	return firstPerLine(found)
}
