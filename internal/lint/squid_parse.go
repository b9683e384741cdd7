package lint

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// squidConfig is a configuration of Squid: its directives in order, and what they make.
type squidConfig struct {
	file      *File
	lines     []statement
	lists     map[string][]statement // acl lines by name
	listeners []squidListener
	peers     []*squidPeer
	analysis  []squidPublished
	hosts     []string // Lync's names
	regexps   compiled
	by        map[string][]statement // directives
	ofPeer    map[string][]statement // cache_peer_access and cache_peer_domain, with the peer's name
	left      int                    // of the effort
}

func squidLanguage() language {
	return language{
		product:   "squid",
		resembles: regexp.MustCompile(`(?m)^\s*(?:https?_port|cache_peer(?:_access|_domain)?|http_access|never_direct|always_direct|cache_(?:mem|dir|log|mgr)|visible_hostname|acl \S+ (?:dstdomain|url_regex|urlpath_regex|dstdom_regex|myport|myportname|src|port|proto|method)|sslproxy_\w+|request_header_access|refresh_pattern|coredump_dir|icp_port|forwarded_for|deny_info)\s`),
		parse:     parseSquid,
		rules:     func() []Rule { return rulesOf(squidRules()) },
	}
}

func parseSquid(f *File) (config, error) {
	c := &squidConfig{file: f, lists: map[string][]statement{}, regexps: compiled{}, by: map[string][]statement{}, ofPeer: map[string][]statement{}, left: effort}
	for _, s := range f.sources {
		c.read(s, 0)
	}
	if len(c.lines) == 0 {
		return nil, fmt.Errorf("%s: no directive of Squid is in it", f.Name)
	}
	c.link()
	return c, nil
}

func (c *squidConfig) read(source Source, depth int) {
	var conditions []bool
	number := 0
	pending, began := "", 0
	for raw := range bytes.Lines(source.Data) {
		number++
		text := strings.TrimRight(string(raw[:min(len(raw), maxStatement)]), "\r\n")
		if pending == "" {
			began = number
		}
		if strings.HasSuffix(text, `\`) && len(pending)+len(text) < maxStatement {
			pending += strings.TrimSuffix(text, `\`)
			continue
		}
		text, pending = pending+text, ""
		st := statement{file: source.Name, line: began, words: squidWords(text)}
		switch st.word(0) {
		case "":
			continue
		case "if":
			if len(conditions) < maxDepth {
				conditions = append(conditions, st.word(1) != "false" && st.word(1) != "0")
			}
			continue
		case "else":
			if n := len(conditions); n > 0 {
				conditions[n-1] = !conditions[n-1]
			}
			continue
		case "endif":
			conditions = conditions[:max(0, len(conditions)-1)]
			continue
		}
		if slices.Contains(conditions, false) {
			continue
		}
		if st.word(0) == "include" {
			for _, pattern := range st.words[1:] {
				for _, s := range c.file.included(source, began, pattern, filepath.Dir(source.Name), depth) {
					c.read(s, depth+1)
				}
			}
			continue
		}
		c.lines = append(c.lines, st)
	}
}

// squidWords cuts a line into words. One that begins with # ends the line; quotes hold spaces together.
func squidWords(line string) []string {
	var words []string
	for len(words) < maxWords {
		line = strings.TrimLeft(line, " \t")
		if line == "" || line[0] == '#' {
			break
		}
		end := strings.IndexAny(line, " \t")
		if line[0] == '"' || line[0] == '\'' {
			if i := strings.IndexByte(line[1:], line[0]); i >= 0 {
				end = i + 2
			}
		}
		if end < 0 {
			end = len(line)
		}
		words = append(words, line[:end])
		line = line[end:]
	}
	return words
}

// squidListener is an http_port or https_port.
type squidListener struct {
	statement
	tls     bool
	address string // as it is written
	port    string
	options map[string]string
}

func (l squidListener) has(option string) bool { _, ok := l.options[option]; return ok }

// accelerates tells whether the listener takes requests for servers rather than for the whole Internet. Older versions take
// vhost and defaultsite for it.
func (l squidListener) accelerates() bool {
	return l.has("accel") || l.has("vhost") || l.has("defaultsite") || l.has("vport")
}

// squidPeer is a cache_peer.
type squidPeer struct {
	statement
	name, host, port string
	options          map[string]string
	// lync tells that it is a Front End.
	lync bool
}

func (p *squidPeer) has(option string) bool { _, ok := p.options[option]; return ok }

func (p *squidPeer) tls() bool { return p.has("ssl") || p.has("tls") }

// option is the value of an option that goes by several names.
func (p *squidPeer) option(names ...string) string {
	for _, n := range names {
		if v := p.options[n]; v != "" {
			return v
		}
	}
	return ""
}

func squidOptions(words []string) map[string]string {
	all := map[string]string{}
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		all[name] = value
	}
	return all
}

func (c *squidConfig) link() {
	for _, l := range c.lines {
		c.by[l.words[0]] = append(c.by[l.words[0]], l)
		if strings.HasPrefix(l.words[0], "cache_peer_") {
			key := l.words[0] + " " + l.word(1)
			c.ofPeer[key] = append(c.ofPeer[key], l)
		}
		switch l.words[0] {
		case "acl":
			if len(l.words) > 2 {
				c.lists[l.words[1]] = append(c.lists[l.words[1]], l)
			}
		case "http_port", "https_port":
			if len(l.words) < 2 {
				continue
			}
			options := squidOptions(l.words[2:])
			_, port := cutPort(l.words[1])
			if port == "" {
				port = l.words[1]
			}
			c.listeners = append(c.listeners, squidListener{statement: l, tls: l.words[0] == "https_port" || hasKey(options, "ssl"), address: l.words[1], port: port, options: options})
		case "cache_peer":
			if len(l.words) < 5 {
				continue
			}
			p := &squidPeer{statement: l, name: l.words[1], host: l.words[1], port: l.words[3], options: squidOptions(l.words[5:])}
			if n := p.options["name"]; n != "" {
				p.name = n
			}
			c.peers = append(c.peers, p)
		}
	}
	c.publish()
}

func hasKey(m map[string]string, key string) bool { _, ok := m[key]; return ok }

// setting is the last line of a directive.
func (c *squidConfig) setting(directive string) (statement, bool) {
	if all := c.by[directive]; len(all) > 0 {
		return all[len(all)-1], true
	}
	return statement{}, false
}

// all are the lines that begin with the words.
func (c *squidConfig) all(words ...string) []statement {
	if len(words) == 1 {
		return c.by[words[0]]
	}
	var found []statement
	for _, l := range c.by[words[0]] {
		if len(l.words) >= len(words) && slices.Equal(l.words[:len(words)], words) {
			found = append(found, l)
		}
	}
	return found
}
