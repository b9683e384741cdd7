package grid

import (
	"bytes"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Field is a line of a head.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// message is a head as it came, taken apart with as little judgement as possible.
type message struct {
	raw    []byte
	line   string // the first line
	fields []Field
}

// headEnd is the length of the head at the beginning of b, with the empty line; 0 when it is not complete.
func headEnd(b []byte) int {
	began := false // empty lines before the first one are no end
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return 0
		}
		empty := len(bytes.TrimSuffix(b[at:at+i], []byte("\r"))) == 0
		at += i + 1
		if empty && began {
			return at
		}
		began = began || !empty
	}
}

// parse takes a head apart. Folded lines are joined with a space.
func parse(raw []byte) message {
	m := message{raw: raw}
	for line := range strings.SplitSeq(string(raw), "\n") {
		line = strings.TrimSuffix(line, "\r")
		switch {
		case line == "":
		case m.line == "":
			m.line = line
		case (line[0] == ' ' || line[0] == '\t') && len(m.fields) > 0:
			m.fields[len(m.fields)-1].Value += " " + strings.TrimSpace(line)
		default:
			name, value, _ := strings.Cut(line, ":")
			m.fields = append(m.fields, Field{strings.TrimSpace(name), strings.Trim(value, " \t")})
		}
	}
	return m
}

// values are those of all fields of the name, in order.
func (m *message) values(name string) []string {
	var out []string
	for _, f := range m.fields {
		if strings.EqualFold(f.Name, name) {
			out = append(out, f.Value)
		}
	}
	return out
}

// has tells whether a field of the name lists the word.
func (m *message) has(name, word string) bool {
	for _, v := range m.values(name) {
		for w := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(w), word) {
				return true
			}
		}
	}
	return false
}

// length is the first Content-Length, -1 when there is none that is a number.
func (m *message) length() int64 {
	for _, v := range m.values("Content-Length") {
		if n, err := strconv.ParseUint(v, 10, 62); err == nil {
			return int64(n)
		}
	}
	return -1
}

// requestLine is method, target and version; what is not there is empty.
func (m *message) requestLine() (method, target, version string) {
	method, rest, _ := strings.Cut(m.line, " ")
	if i := strings.LastIndex(rest, " HTTP/"); i >= 0 {
		return method, rest[:i], rest[i+1:]
	}
	return method, rest, ""
}

// status is the status of an answer, 0 when it is none.
func (m *message) status() int {
	proto, rest, _ := strings.Cut(m.line, " ")
	code, _, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(code)
	if err != nil || !strings.HasPrefix(proto, "HTTP/") || len(code) != 3 {
		return 0
	}
	return n
}

// ambiguous says what in a request two servers may read in two ways, which is how requests are smuggled past a proxy (RFC 9112
// §2.2, §5.1, §5.2, §6.1, §6.3 and §11.2). None for a clean one.
func (m *message) ambiguous() []string {
	var out []string
	say := func(yes bool, what string) {
		if yes {
			out = append(out, what)
		}
	}
	lengths, codings := m.values("Content-Length"), m.values("Transfer-Encoding")
	say(len(lengths) > 0 && len(codings) > 0, "Content-Length and Transfer-Encoding")
	say(len(lengths) > 1, "two Content-Lengths")
	for _, l := range lengths {
		_, err := strconv.ParseUint(l, 10, 62)
		say(err != nil, fmt.Sprintf("Content-Length %q", l))
	}
	say(len(codings) > 1, "two Transfer-Encodings")
	for _, c := range codings {
		say(!strings.EqualFold(c, "chunked"), fmt.Sprintf("Transfer-Encoding %q", c))
	}
	say(len(m.values("Host")) > 1, "two Hosts")
	_, target, _ := m.requestLine()
	if u, err := url.Parse(target); err == nil && u.Host != "" && strings.Contains(target, "://") {
		hosts := m.values("Host")
		say(len(hosts) > 0 && !strings.EqualFold(u.Host, hosts[0]), "a URL with another host than Host")
	}
	lines := bytes.Split(m.raw, []byte("\n"))
	bare, fold, space, control := false, false, false, false
	for i, line := range lines[:len(lines)-1] {
		bare = bare || !bytes.HasSuffix(line, []byte("\r"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		control = control || bytes.ContainsAny(line, "\r\x00")
		if i == 0 || len(line) == 0 {
			continue
		}
		fold = fold || line[0] == ' ' || line[0] == '\t'
		if colon := bytes.IndexByte(line, ':'); colon > 0 {
			space = space || line[colon-1] == ' ' || line[colon-1] == '\t'
		}
	}
	say(bare, "a line that ends with LF alone")
	say(fold, "a folded line")
	say(space, "a space before a colon")
	say(control, "CR or NUL inside a line")
	return out
}

// shorten keeps the beginning and the end of long lines and long texts, for people. It is for bytes too: what is no text is escaped.
func shorten(b []byte) string {
	const line, all = 240, 4000
	cut := func(s string, most int) string {
		if len(s) <= most {
			return s
		}
		return fmt.Sprintf("%s…[%d bytes]…%s", s[:most*3/4], len(s)-most, s[len(s)-most/4:])
	}
	if len(b) > 1<<20 {
		b = append(append(bytes.Clone(b[:all]), fmt.Sprintf("…[%d bytes]…", len(b)-all-500)...), b[len(b)-500:]...)
	}
	lines := strings.Split(string(b), "\n")
	inHead := true
	for i, l := range lines {
		inHead = inHead && l != "" && l != "\r"
		whole, crlf := strings.CutSuffix(l, "\r")
		lines[i] = visible(cut(whole, line))
		if !crlf && inHead && i < len(lines)-1 {
			lines[i] += `\n` // CR LF is what is expected in a head, and not shown
		}
	}
	return cut(strings.Join(lines, "\n"), all)
}

// visible escapes what is neither printable nor a part of UTF-8.
func visible(s string) string {
	quoted := strconv.Quote(s)
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted[1 : len(quoted)-1])
}

func itoa(n int) string { return strconv.Itoa(n) }
