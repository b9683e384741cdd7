package lint

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// haproxyConfig is a configuration of HAProxy: its sections in the order of the file.
type haproxyConfig struct {
	file     *File
	sections []*haproxySection
	global   []statement
	// parts are the frontends and listen sections, backends the backends and listen sections by name.
	parts    []*haproxyPart
	backends map[string]*haproxySection
	lync     map[*haproxySection]bool // the backends of Lync
	analysis []haproxyPublished
	// told are the questions that concern Lync, applied the lines that may apply to what clients of Lync ask.
	told    []haproxyPublished
	applied []haproxyLine
	regexps compiled
	left    int // of the effort
}

// haproxyLine is a line and the section in which it was looked at.
type haproxyLine struct {
	section *haproxySection
	statement
}

// statement is a directive: the words of a line and where it stands.
type statement struct {
	file  string
	line  int
	words []string
}

func (s statement) word(i int) string {
	if i < len(s.words) {
		return s.words[i]
	}
	return ""
}

// finding begins one at the statement.
func (s statement) finding(reason, fix string) Finding {
	return Finding{File: s.file, Line: s.line, Reason: reason, Fix: fix}
}

// argument is the word behind a keyword, and whether the keyword is there.
func (s statement) argument(keyword string) (string, bool) {
	if i := slices.Index(s.words, keyword); i > 0 {
		return s.word(i + 1), true
	}
	return "", false
}

// haproxySection is global, defaults, frontend, backend, listen, and so on.
type haproxySection struct {
	kind, name string
	head       statement
	lines      []statement
	// defaults is the section that this one inherits from; nil when there is none.
	defaults *haproxySection
	acls     map[string][]statement
	servers  []haproxyServer
	// speaks is http or tcp, names the hosts in lists and conditions; both are filled in by link.
	speaks string
	names  []string
	left   *int // of the configuration's effort
}

func (s *haproxySection) String() string { return strings.TrimSpace(s.kind + " " + s.name) }

var haproxySections = []string{"global", "defaults", "frontend", "backend", "listen", "resolvers", "userlist", "peers", "mailers", "program",
	"http-errors", "cache", "ring", "fcgi-app", "crt-store", "log-forward", "log-profile", "traces", "acme"}

func haproxyLanguage() language {
	return language{
		product:   "haproxy",
		resembles: regexp.MustCompile(`(?m)^\s*(?:defaults|frontend|backend|listen)\b[^;={]*$|^\s*(?:use_backend|default_backend|timeout (?:client|server|connect)|http-request|http-response|option (?:httplog|forwardfor|httpclose|http-server-close|http-keep-alive|redispatch|dontlognull)|mode (?:http|tcp)|bind|server \S+ \S+:\d+|tcp-request|stick-table|acl \S+ (?:hdr|path|req|ssl_fc|url|base|src)\S* )\b[^;{]*`),
		parse:     parseHAProxy,
		rules:     func() []Rule { return rulesOf(haproxyRules()) },
	}
}

// maxWords is how many words of a line are kept; HAProxy itself takes 64.
const maxWords = 512

func parseHAProxy(f *File) (config, error) {
	c := &haproxyConfig{file: f, backends: map[string]*haproxySection{}, lync: map[*haproxySection]bool{}, regexps: compiled{}, left: effort}
	for _, s := range f.sources {
		c.read(s)
	}
	if len(c.sections) == 0 {
		return nil, fmt.Errorf("%s: no section of HAProxy begins in it (global, defaults, frontend …)", f.Name)
	}
	c.link()
	return c, nil
}

func (c *haproxyConfig) read(source Source) {
	var current *haproxySection
	var conditions []bool // of .if: whether its lines are read
	number := 0
	for raw := range bytes.Lines(source.Data) {
		number++
		st := statement{file: source.Name, line: number, words: haproxyWords(string(raw[:min(len(raw), maxStatement)]))}
		if len(st.words) == 0 {
			continue
		}
		first := st.words[0]
		switch first {
		case ".if", ".elif", ".else", ".endif":
			conditions = haproxyCondition(conditions, first)
			continue
		}
		if strings.HasPrefix(first, ".") || slices.Contains(conditions, false) {
			continue
		}
		if slices.Contains(haproxySections, first) {
			current = &haproxySection{kind: first, name: st.word(1), head: st, acls: map[string][]statement{}}
			if first == "defaults" && current.name == "from" {
				current.name = ""
			}
			c.sections = append(c.sections, current)
			continue
		}
		if current == nil {
			c.file.note("%s:%d stands before the first section and was not looked at", st.file, st.line)
			continue
		}
		current.lines = append(current.lines, st)
	}
}

// haproxyCondition takes every .if as true; what follows .elif and .else is not read.
func haproxyCondition(open []bool, word string) []bool {
	switch {
	case word == ".if":
		if len(open) < maxDepth {
			return append(open, true)
		}
	case len(open) == 0:
	case word == ".endif":
		return open[:len(open)-1]
	default:
		open[len(open)-1] = false
	}
	return open
}

// haproxyWords cuts a line into words as HAProxy does: quotes, backslashes, comments. Variables stay as they are written.
func haproxyWords(line string) []string {
	var words []string
	var b strings.Builder
	in, quote := false, byte(0)
	end := func() {
		if in && len(words) < maxWords {
			words = append(words, b.String())
		}
		b.Reset()
		in = false
	}
	for i := 0; i < len(line); i++ {
		ch := line[i]
		switch {
		case ch == '\n' || ch == '\r':
			end()
			return words
		case quote == '\'':
			if ch == '\'' {
				quote = 0
			} else {
				b.WriteByte(ch)
			}
		case ch == '\\' && i+1 < len(line):
			i++
			in = true
			if !strings.ContainsRune(" #\\'\"$", rune(line[i])) {
				b.WriteByte('\\') // a regular expression's own
			}
			b.WriteByte(line[i])
		case ch == '"' && quote == '"':
			quote = 0
		case quote == '"':
			b.WriteByte(ch)
		case ch == '"' || ch == '\'':
			quote, in = ch, true
		case ch == ' ' || ch == '\t':
			end()
		case ch == '#':
			end()
			return words
		default:
			in = true
			b.WriteByte(ch)
		}
	}
	end()
	return words
}

// link gives sections their defaults, servers and lists.
func (c *haproxyConfig) link() {
	named := map[string]*haproxySection{}
	var last *haproxySection
	for _, s := range c.sections {
		s.left = &c.left
		switch s.kind {
		case "global":
			c.global = append(c.global, s.lines...)
		case "defaults", "frontend", "backend", "listen":
			if from, ok := s.head.argument("from"); ok {
				s.defaults = named[from]
			} else if s.kind != "defaults" {
				s.defaults = last
			}
			if s.kind == "defaults" {
				last = s
				if s.name != "" {
					named[s.name] = s
				}
			}
		}
		for _, l := range s.lines {
			if l.words[0] == "acl" && len(l.words) > 2 {
				s.acls[l.words[1]] = append(s.acls[l.words[1]], l)
			}
		}
		if s.kind == "backend" || s.kind == "listen" {
			s.readServers()
			if _, twice := c.backends[s.name]; !twice {
				c.backends[s.name] = s
			}
		}
	}
	for _, s := range c.sections {
		l, _ := s.setting("mode")
		s.speaks = cmp.Or(l.word(1), "tcp")
		if s.kind == "frontend" || s.kind == "listen" {
			s.names = s.namesIn()
			c.parts = append(c.parts, &haproxyPart{haproxySection: s, binds: c.bindsOf(s)})
		}
	}
	c.publish()
	c.told = c.telling()
	c.applied = c.applying()
}

// chain is the section and what it inherits from, the nearest first.
func (s *haproxySection) chain() []*haproxySection {
	var all []*haproxySection
	for at := s; at != nil && len(all) < 8; at = at.defaults {
		all = append(all, at)
	}
	return all
}

// setting is the last line that begins with the words, in the section or in what it inherits from.
func (s *haproxySection) setting(words ...string) (statement, bool) {
	for _, at := range s.chain() {
		for _, l := range slices.Backward(at.lines) {
			if len(l.words) >= len(words) && slices.Equal(l.words[:len(words)], words) {
				return l, true
			}
			if l.words[0] == "no" && len(l.words) > len(words) && slices.Equal(l.words[1:len(words)+1], words) {
				return statement{}, false
			}
		}
	}
	return statement{}, false
}

// own are the lines of the section itself that begin with the words; where the section has none, those that it inherits.
func (s *haproxySection) all(words ...string) []statement {
	var found []statement
	for _, at := range slices.Backward(s.chain()) {
		for _, l := range at.lines {
			if len(l.words) >= len(words) && slices.Equal(l.words[:len(words)], words) {
				found = append(found, l)
			}
		}
	}
	return found
}

// mode is tcp unless something says http.
func (s *haproxySection) mode() string { return s.speaks }

// haproxyTime reads a time-out: a number in milliseconds, or with a unit.
func haproxyTime(text string) (time.Duration, bool) {
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	unit, ok := map[string]time.Duration{"": time.Millisecond, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute,
		"h": time.Hour, "d": 24 * time.Hour}[text[len(digits):]]
	n, err := strconv.ParseInt(digits, 10, 32)
	if !ok || err != nil {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

// haproxyServer is a server line with what it inherits from default-server.
type haproxyServer struct {
	statement
	name, host, port string
	options          map[string]string
}

func (s haproxyServer) has(option string) bool { _, ok := s.options[option]; return ok }

// haproxyArguments are the options of servers and listeners that take a word; what follows them is no option.
var haproxyArguments = []string{"addr", "agent-check-port", "agent-inter", "agent-port", "agent-addr", "alpn", "ca-file", "check-alpn", "check-proto", "check-sni", "ciphers",
	"ciphersuites", "cookie", "crl-file", "crt", "crt-list", "crt-ignore-err", "ca-ignore-err", "ca-verify-file", "curves", "ecdhe", "downinter", "error-limit", "fall", "fastinter", "id",
	"init-addr", "inter", "interface", "level", "log-proto", "maxconn", "maxqueue", "minconn", "mode", "mss", "namespace", "name", "nice", "npn", "observe", "on-error", "on-marked-down",
	"on-marked-up", "pool-low-conn", "pool-max-conn", "pool-purge-delay", "port", "process", "proto", "redir", "resolve-net", "resolve-opts", "resolve-prefer", "resolvers", "rise",
	"shard", "shards", "slowstart", "sni", "socks4", "source", "ssl-max-ver", "ssl-min-ver", "tcp-ut", "thread", "tls-ticket-keys", "track", "user", "uid", "group", "gid", "verify",
	"verifyhost", "weight", "ws", "proxy-v2-options", "severity-output", "backlog", "accept-netscaler-cip", "set-proxy-v2-tlv-fmt", "guid", "hash-key", "usesrc"}

func haproxyOptions(into map[string]string, words []string) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		if plain, ok := strings.CutPrefix(w, "no-"); ok && !strings.HasPrefix(plain, "tls") && !strings.HasPrefix(plain, "sslv3") {
			delete(into, plain)
			continue
		}
		value := ""
		if slices.Contains(haproxyArguments, w) && i+1 < len(words) {
			i++
			value = words[i]
		}
		into[w] = value
	}
}

func (s *haproxySection) readServers() {
	defaults := map[string]string{}
	for _, at := range slices.Backward(s.chain()) {
		for _, l := range at.lines {
			switch {
			case l.words[0] == "default-server":
				haproxyOptions(defaults, l.words[1:])
			case at == s && l.words[0] == "server" && len(l.words) > 2:
				s.addServer(l, l.words[1], l.words[2], l.words[3:], defaults)
			case at == s && l.words[0] == "server-template" && len(l.words) > 3:
				s.addServer(l, l.words[1], l.words[3], l.words[4:], defaults)
			}
		}
	}
}

var haproxyFamily = regexp.MustCompile(`^(?:ipv4|ipv6|tcp4|tcp6|tcp|quic4|quic6)@`)

func (s *haproxySection) addServer(l statement, name, address string, rest []string, defaults map[string]string) {
	host, port := cutPort(haproxyFamily.ReplaceAllString(address, ""))
	server := haproxyServer{statement: l, name: name, host: host, port: port, options: map[string]string{}}
	for k, v := range defaults {
		server.options[k] = v
	}
	haproxyOptions(server.options, rest)
	s.servers = append(s.servers, server)
}

// first is the first server that takes requests as a rule: others stand in when it is down. There is one at least.
func (s *haproxySection) first() haproxyServer {
	if i := slices.IndexFunc(s.servers, func(x haproxyServer) bool { return !x.has("backup") }); i >= 0 {
		return s.servers[i]
	}
	return s.servers[0]
}

// cutPort cuts host:port, [v6]:port; the port is empty when there is none.
func cutPort(address string) (host, port string) {
	i := strings.LastIndexByte(address, ':')
	if i < 0 || strings.HasSuffix(address, "]") || !strings.HasPrefix(address, "[") && strings.Count(address, ":") > 1 && !isNumeric(address[i+1:]) {
		return address, ""
	}
	return strings.Trim(address[:i], "[]"), address[i+1:]
}

// haproxyPart is what listens: a frontend, or a listen section.
type haproxyPart struct {
	*haproxySection
	binds []haproxyBind
}

// haproxyBind is one listening line.
type haproxyBind struct {
	statement
	ports   []string
	local   bool // reachable from this machine alone
	options map[string]string
}

func (b haproxyBind) has(option string) bool { _, ok := b.options[option]; return ok }

func (b haproxyBind) tls() bool { return b.has("ssl") }

func (c *haproxyConfig) bindsOf(s *haproxySection) []haproxyBind {
	defaults := map[string]string{}
	for _, l := range c.global {
		if l.words[0] == "ssl-default-bind-options" {
			haproxyOptions(defaults, l.words[1:])
		}
	}
	var binds []haproxyBind
	add := func(l statement, addresses string, rest []string) {
		b := haproxyBind{statement: l, options: map[string]string{}, local: true}
		for k, v := range defaults {
			b.options[k] = v
		}
		haproxyOptions(b.options, rest)
		for address := range strings.SplitSeq(addresses, ",") {
			address = haproxyFamily.ReplaceAllString(address, "")
			if strings.HasPrefix(address, "/") || strings.Contains(address, "@") {
				continue // a socket
			}
			host, port := cutPort(address)
			b.local = b.local && (strings.HasPrefix(host, "127.") || host == "::1" || host == "localhost")
			b.ports = append(b.ports, port)
		}
		binds = append(binds, b)
	}
	for _, l := range s.lines {
		if l.words[0] == "bind" && len(l.words) > 1 {
			add(l, l.words[1], l.words[2:])
		}
	}
	if len(s.head.words) > 2 && strings.Contains(s.head.words[2], ":") {
		add(s.head, s.head.words[2], s.head.words[3:]) // as it was written before 1.5: listen NAME ADDRESS:PORT
	}
	return binds
}

// certificateName is what a path tells of a certificate's purpose.
func certificateName(file string) string { return path.Base(file) }
