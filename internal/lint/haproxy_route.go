package lint

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// step is what a configuration may do with a request.
type step struct {
	// kind is backend, deny, redirect, auth, return or none.
	kind    string
	backend *haproxySection
	statement
	sure bool
}

// route tells where a request to a frontend goes: every step that it may take, the last of which is sure.
func (c *haproxyConfig) route(p *haproxyPart, q asked) []step {
	var steps []step
	add := func(s step, when certainty) bool {
		s.sure = when == always
		if when != never {
			steps = append(steps, s)
		}
		return s.sure
	}
	for _, at := range slices.Backward(p.chain()) {
		for _, l := range at.lines {
			if kind := haproxyFinal(l, p.mode()); kind != "" && add(step{kind: kind, statement: l}, c.condition(p.haproxySection, l, q)) {
				return steps
			}
		}
	}
	for _, l := range p.all("use_backend") {
		if strings.Contains(l.word(1), "%[") { // a map or a header chooses
			for _, b := range c.lyncBackends() {
				add(step{kind: "backend", backend: b, statement: l}, perhaps)
			}
			continue
		}
		if b := c.backends[l.word(1)]; add(step{kind: "backend", backend: b, statement: l}, c.condition(p.haproxySection, l, q)) {
			return steps
		}
	}
	if p.kind == "listen" && len(p.servers) > 0 {
		add(step{kind: "backend", backend: p.haproxySection, statement: p.servers[0].statement}, always)
		return steps
	}
	if l, ok := p.setting("default_backend"); ok {
		add(step{kind: "backend", backend: c.backends[l.word(1)], statement: l}, always)
		return steps
	}
	add(step{kind: "none", statement: p.head}, always)
	return steps
}

// haproxyFinal is what a line does with a request for good: deny, redirect, auth, return; empty for all others.
func haproxyFinal(l statement, mode string) string {
	rule, action := l.words[0], l.word(1)
	switch {
	case rule == "http-request" && mode == "http", rule == "redirect" || rule == "block" || rule == "reqdeny" || rule == "reqideny":
	case rule == "tcp-request" && (action == "connection" || action == "content" || action == "session"):
		if l.word(2) == "reject" {
			return "deny"
		}
		return ""
	default:
		return ""
	}
	if rule == "block" {
		return "deny"
	}
	if rule == "redirect" {
		return "redirect"
	}
	action, _, _ = strings.Cut(action, "(")
	switch action {
	case "deny", "tarpit", "reject", "silent-drop":
		return "deny"
	case "redirect":
		return "redirect"
	case "auth":
		return "auth"
	case "return":
		return "return"
	}
	return ""
}

// condition judges the condition of a line; a line without one always holds.
func (c *haproxyConfig) condition(s *haproxySection, l statement, q asked) certainty {
	if c.left -= len(l.words); c.left < 0 {
		c.file.note("the configuration is so long that not all of its conditions were followed")
		return perhaps
	}
	for i, w := range l.words {
		if i > 0 && (w == "if" || w == "unless") {
			holds := s.holds(l.words[i+1:], q)
			if w == "unless" {
				return holds.not()
			}
			return holds
		}
	}
	return always
}

// conditionWords are the words behind if or unless.
func conditionWords(l statement) []string {
	for i, w := range l.words {
		if i > 0 && (w == "if" || w == "unless") {
			return l.words[i+1:]
		}
	}
	return nil
}

// holds judges terms: all of a group, any of the groups.
func (s *haproxySection) holds(words []string, q asked) certainty {
	result, group, negated := never, always, false
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case w == "or" || w == "||":
			result, group = max(result, group), always
			continue
		case w == "!":
			negated = !negated
			continue
		}
		for strings.HasPrefix(w, "!") && len(w) > 1 {
			negated, w = !negated, w[1:]
		}
		var term certainty
		if w == "{" {
			end := i + 1
			for end < len(words) && words[end] != "}" {
				end++
			}
			term = s.criterion(words[i+1:end], q)
			i = end
		} else {
			term = s.list(w, q)
		}
		if negated {
			term, negated = term.not(), false
		}
		group = min(group, term)
	}
	return max(result, group)
}

// list judges a named list: any of its lines.
func (s *haproxySection) list(name string, q asked) certainty {
	lines := s.acls[name]
	for _, at := range s.chain()[1:] {
		lines = append(slices.Clip(lines), at.acls[name]...)
	}
	if len(lines) == 0 {
		return builtinList(name, q)
	}
	result := never
	for _, l := range lines {
		*s.left -= len(l.words)
		result = max(result, s.criterion(l.words[2:], q))
	}
	return result
}

var haproxyBuiltin = []string{"TRUE", "FALSE", "HTTP", "HTTP_1.0", "HTTP_1.1", "HTTP_2.0", "HTTP_3.0", "HTTP_CONTENT", "HTTP_URL_ABS", "HTTP_URL_SLASH", "HTTP_URL_STAR", "LOCALHOST",
	"METH_CONNECT", "METH_DELETE", "METH_GET", "METH_HEAD", "METH_OPTIONS", "METH_POST", "METH_PUT", "METH_TRACE", "RDP_COOKIE", "REQ_CONTENT", "WAIT_END"}

func builtinList(name string, q asked) certainty {
	switch name {
	case "TRUE", "HTTP", "HTTP_URL_SLASH", "WAIT_END", "REQ_CONTENT", "HTTP_1.1":
		return always
	case "FALSE", "LOCALHOST", "HTTP_URL_ABS", "HTTP_URL_STAR", "RDP_COOKIE", "HTTP_1.0":
		return never
	}
	if method, ok := strings.CutPrefix(name, "METH_"); ok {
		return certain(q.method == method || method == "GET" && q.method == "HEAD")
	}
	return perhaps
}

var fetchShape = regexp.MustCompile(`^([a-zA-Z0-9_.]+?)(_beg|_end|_sub|_dom|_dir|_reg)?(\([^)]*\))?((?:,[^ ]*)?)$`)

// criterion judges one: what is fetched, flags, and the values that it is compared with.
func (s *haproxySection) criterion(words []string, q asked) certainty {
	if len(words) == 0 {
		return perhaps
	}
	m := fetchShape.FindStringSubmatch(s.fetched(words[0]))
	if m == nil {
		return perhaps
	}
	fetch, how, argument, converters := m[1], strings.TrimPrefix(m[2], "_"), strings.Trim(m[3], "()"), m[4]
	ignoreCase, values := false, words[1:]
	for len(values) > 0 && strings.HasPrefix(values[0], "-") {
		flag := values[0]
		values = values[1:]
		switch flag {
		case "-i":
			ignoreCase = true
		case "-m":
			if len(values) > 0 {
				how, values = values[0], values[1:]
			}
		case "-f", "-M":
			return perhaps
		case "-u":
			values = values[min(1, len(values)):]
		case "--":
		}
		if flag == "--" {
			break
		}
	}
	switch fetch {
	case "ssl_fc", "ssl_fc_has_sni", "ssl_fc_has_crt":
		is := certain(q.tls && fetch != "ssl_fc_has_crt")
		if converters == ",not" || slices.Contains(values, "0") || slices.Contains(values, "false") {
			return is.not()
		}
		return is
	case "always_true":
		return always
	case "always_false":
		return never
	case "dst_port", "fc_dst_port":
		return numberIs(q.port, values)
	case "nbsrv", "srv_is_up":
		return certain(!slices.Contains(values, "lt") && !slices.Contains(values, "eq") && !slices.Contains(values, "le") && !slices.Contains(values, "0"))
	case "req_ssl_hello_type", "req.ssl_hello_type":
		return certain(q.tls)
	case "req_ssl_ver", "req.ssl_ver", "req.proto_http", "req_proto_http":
		return certain(q.tls == strings.Contains(fetch, "ssl"))
	}
	text, ok := haproxyFetch(fetch, argument, q)
	if !ok {
		return perhaps
	}
	for converter := range strings.SplitSeq(strings.TrimPrefix(converters, ","), ",") {
		switch name, _, _ := strings.Cut(converter, "("); name {
		case "", "host_only", "url_dec", "field", "word", "1", ":)", `:`, "rtrim", "ltrim":
		case "lower":
			text = strings.ToLower(text)
		case "upper":
			text = strings.ToUpper(text)
		default:
			return perhaps
		}
	}
	return compare(how, text, values, ignoreCase, q.compiled)
}

var variableShape = regexp.MustCompile(`^var\(([^)]+)\)`)

// fetched replaces a variable by what a line of the section sets it to, as pfSense writes for hosts and paths.
func (s *haproxySection) fetched(word string) string {
	if !strings.HasPrefix(word, "var(") {
		return word
	}
	m := variableShape.FindStringSubmatch(word)
	if m == nil {
		return word
	}
	for _, l := range s.lines {
		if l.words[0] == "http-request" && l.word(1) == "set-var("+m[1]+")" && len(l.words) > 2 {
			return l.words[2] + word[len(m[0]):]
		}
	}
	return word
}

// haproxyFetch is what a sample of a request holds.
func haproxyFetch(fetch, argument string, q asked) (string, bool) {
	name, _, _ := strings.Cut(strings.ToLower(argument), ",")
	switch fetch {
	case "hdr", "req.hdr", "req.fhdr", "shdr", "hdr_ip":
		return q.host, name == "host"
	case "path", "pathq", "url", "capture.req.uri":
		path, _, _ := strings.Cut(q.path, "?")
		return path, true
	case "base":
		path, _, _ := strings.Cut(q.path, "?")
		return q.host + path, true
	case "ssl_fc_sni", "req.ssl_sni", "req_ssl_sni":
		if !q.tls || q.noServerName {
			return "", true
		}
		return q.host, true
	case "method", "capture.req.method":
		return q.method, true
	}
	return "", false
}

func numberIs(number string, values []string) certainty {
	n, err := strconv.Atoi(number)
	if err != nil {
		return perhaps
	}
	operator, result := "eq", never
	for _, v := range values {
		switch v {
		case "eq", "lt", "le", "gt", "ge":
			operator = v
			continue
		}
		low, high, isRange := strings.Cut(v, ":")
		from, err1 := strconv.Atoi(low)
		to := from
		var err2 error
		if isRange {
			to, err2 = strconv.Atoi(high)
		}
		if err1 != nil || err2 != nil {
			return perhaps
		}
		is := map[string]bool{"eq": from <= n && n <= to, "lt": n < from, "le": n <= from, "gt": n > from, "ge": n >= from}[operator]
		result = max(result, certain(is))
	}
	return result
}

func compare(how, text string, values []string, ignoreCase bool, known compiled) certainty {
	if how == "found" {
		return certain(text != "")
	}
	if how == "reg" {
		result := never
		for _, v := range values {
			result = max(result, known.matches(v, text, ignoreCase))
		}
		return result
	}
	if ignoreCase {
		text = strings.ToLower(text)
	}
	for _, v := range values {
		if strings.Contains(v, "%[") {
			return perhaps
		}
		if ignoreCase {
			v = strings.ToLower(v)
		}
		is := false
		switch how {
		case "", "str":
			is = text == v
		case "beg":
			is = strings.HasPrefix(text, v)
		case "end":
			is = strings.HasSuffix(text, v)
		case "sub":
			is = strings.Contains(text, v)
		case "dom":
			is = slices.Contains(parts(text, ".:/"), strings.Trim(v, ".:/")) || delimited(text, strings.Trim(v, ".:/"), ".:/?")
		case "dir":
			is = delimited(text, strings.Trim(v, "/?"), "/?")
		default:
			return perhaps
		}
		if is {
			return always
		}
	}
	return never
}

func parts(text, separators string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(separators, r) })
}

// delimited tells whether part stands in text between separators or at its ends.
func delimited(text, part, separators string) bool {
	for from := 0; part != ""; {
		i := strings.Index(text[from:], part)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(part)
		if (i == 0 || strings.IndexByte(separators, text[i-1]) >= 0) && (end == len(text) || strings.IndexByte(separators, text[end]) >= 0) {
			return true
		}
		from = i + 1
	}
	return false
}
