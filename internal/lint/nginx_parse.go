package lint

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// nginxDirective is a directive with its arguments, unquoted, and what its block holds.
type nginxDirective struct {
	name  string
	args  []string
	file  string
	line  int
	end   int // the line on which it ends
	block []*nginxDirective
	// hasBlock says that it has one, be it empty.
	hasBlock bool
	parent   *nginxDirective
}

// arg is an argument; empty where there are fewer.
func (d *nginxDirective) arg(i int) string {
	if i >= len(d.args) {
		return ""
	}
	return d.args[i]
}

// lastArg is the last argument; empty where there is none.
func (d *nginxDirective) lastArg() string {
	if len(d.args) == 0 {
		return ""
	}
	return d.args[len(d.args)-1]
}

// all are the directives of that name right inside.
func (d *nginxDirective) all(name string) []*nginxDirective {
	var found []*nginxDirective
	for _, c := range d.block {
		if c.name == name {
			found = append(found, c)
		}
	}
	return found
}

// walk calls visit for everything inside, outer directives first.
func (d *nginxDirective) walk(visit func(*nginxDirective)) {
	for _, c := range d.block {
		visit(c)
		c.walk(visit)
	}
}

// find is the directive that counts here: the nearest one outwards. Several of one name are those of the same block.
func (d *nginxDirective) find(name string) []*nginxDirective {
	for at := d; at != nil; at = at.parent {
		if found := at.all(name); len(found) > 0 {
			return found
		}
	}
	return nil
}

// one is the directive that counts, of those that stand once; nil for none.
func (d *nginxDirective) one(name string) *nginxDirective {
	if found := d.find(name); len(found) > 0 {
		return found[len(found)-1]
	}
	return nil
}

// nginxReader reads the files of a configuration.
type nginxReader struct {
	f    *File
	base string // includes are relative to the directory of the main file
	dump map[string][]Source
	// active are the files that are being read, for the loops of includes.
	active map[string]bool
}

// dumpMark is what "nginx -T" writes above each file.
var dumpMark = regexp.MustCompile(`(?m)^# configuration file (.+):\r?$`)

func parseNginx(f *File) (config, error) {
	main := f.sources[0]
	r := &nginxReader{f: f, base: filepath.Dir(main.Name), dump: map[string][]Source{}, active: map[string]bool{}}
	if marks := dumpMark.FindAllSubmatchIndex(main.Data, -1); len(marks) > 0 {
		main = r.readDump(main, marks)
	}
	root := &nginxDirective{hasBlock: true}
	if err := r.read(root, main, 0); err != nil {
		return nil, err
	}
	return newNginxConfig(f, root), nil
}

// readDump splits the output of "nginx -T" into its files; the first is the main one.
func (r *nginxReader) readDump(all Source, marks [][]int) Source {
	r.f.sources = nil
	r.f.total = 0
	var main Source
	for i, m := range marks {
		end := len(all.Data)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		s := Source{Name: string(all.Data[m[2]:m[3]]), Data: all.Data[min(m[1]+1, end):end]}
		if i == 0 {
			main = s
			r.base = filepath.Dir(s.Name)
		}
		if r.dump[s.Name] == nil {
			r.f.add(s)
			r.dump[s.Name] = []Source{s}
		}
	}
	return main
}

// read adds what a file holds to a block.
func (r *nginxReader) read(into *nginxDirective, s Source, depth int) error {
	if r.active[s.Name] {
		r.f.note("%s includes itself", s.Name)
		return nil
	}
	r.active[s.Name] = true
	defer delete(r.active, s.Name)
	lex := &nginxLexer{data: s.Data, line: 1}
	at, level := into, 0
	var d *nginxDirective
	for {
		word, kind := lex.next()
		switch kind {
		case nginxEnd:
			switch {
			case d != nil:
				d.end = lex.line
				at.block = append(at.block, d)
				r.f.endsEarly(s.Name, d.line)
			case at != into:
				r.f.endsEarly(s.Name, at.line)
			}
			return nil
		case nginxTooLong:
			return fmt.Errorf("%s:%d: a directive longer than %d MiB: this is no configuration of nginx", s.Name, lex.line, maxStatement>>20)
		case nginxWord:
			if d == nil {
				d = &nginxDirective{name: strings.ToLower(word), file: s.Name, line: lex.start, parent: at}
			} else {
				d.args = append(d.args, word)
			}
			d.end = lex.line
		case nginxSemicolon:
			if d == nil {
				continue
			}
			if d.name == "include" && len(d.args) > 0 {
				if err := r.includeAll(at, s, d, depth); err != nil {
					return err
				}
			} else {
				at.block = append(at.block, d)
			}
			d = nil
		case nginxOpen:
			if d == nil {
				d = &nginxDirective{file: s.Name, line: lex.line, parent: at}
			}
			if strings.HasSuffix(d.name, "_by_lua_block") {
				lex.skipBlock()
				d = nil
				continue
			}
			if level++; level+depth > maxDepth {
				return fmt.Errorf("%s:%d: %w", s.Name, lex.line, errNested)
			}
			d.hasBlock = true
			at.block = append(at.block, d)
			at, d = d, nil
		case nginxClose:
			if d != nil { // the last directive of a block without its semicolon
				at.block = append(at.block, d)
				d = nil
			}
			if at == into {
				r.f.note("%s:%d: a } too many", s.Name, lex.line)
				continue
			}
			at.end = lex.line
			at, level = at.parent, level-1
		}
	}
}

func (r *nginxReader) includeAll(into *nginxDirective, s Source, d *nginxDirective, depth int) error {
	pattern := d.args[0]
	if filepath.Base(pattern) == "mime.types" {
		return nil // says nothing that a rule reads
	}
	files := r.find(s, d, pattern, depth)
	if len(files) == 0 && strings.HasSuffix(pattern, "conf.d/include/proxy.conf") {
		into.block = append(into.block, proxyManagers(into, d)...)
	}
	for _, found := range files {
		if depth >= maxDepth {
			return fmt.Errorf("%s:%d: %w", s.Name, d.line, errNested)
		}
		if err := r.read(into, found, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// proxyManagers are the directives that count of a file which nginx proxy manager brings along and nobody copies with the rest.
func proxyManagers(into, include *nginxDirective) []*nginxDirective {
	directive := func(name string, args ...string) *nginxDirective {
		return &nginxDirective{name: name, args: args, file: include.file, line: include.line, parent: into}
	}
	all := []*nginxDirective{
		directive("proxy_set_header", "Host", "$host"),
		directive("proxy_pass", "$forward_scheme://$server:$port$request_uri"),
	}
	if into.one("client_max_body_size") == nil { // its main file says so
		all = append(all, directive("client_max_body_size", "2000m"))
	}
	return all
}

func (r *nginxReader) find(s Source, d *nginxDirective, pattern string, depth int) []Source {
	if len(r.dump) == 0 {
		return r.f.included(s, d.line, pattern, r.base, depth)
	}
	full := pattern
	if !filepath.IsAbs(full) {
		full = filepath.Join(r.base, full)
	}
	var found []Source
	for _, known := range r.f.sources { // in the order of the dump, which is nginx's
		if ok, err := filepath.Match(full, known.Name); err == nil && ok {
			found = append(found, known)
		}
	}
	return found
}

type nginxToken int

const (
	nginxEnd nginxToken = iota
	nginxWord
	nginxSemicolon
	nginxOpen
	nginxClose
	nginxTooLong
)

// nginxLexer cuts a text into words and marks, as nginx does: comments begin where a word could, quotes hold everything, and ${ is
// no block.
type nginxLexer struct {
	data  []byte
	at    int
	line  int
	start int // the line on which the last word began
}

func (l *nginxLexer) next() (string, nginxToken) {
	for ; l.at < len(l.data); l.at++ {
		switch c := l.data[l.at]; c {
		case '\n':
			l.line++
		case ' ', '\t', '\r':
		case '#':
			for l.at < len(l.data) && l.data[l.at] != '\n' {
				l.at++
			}
			l.at--
		case ';':
			l.at++
			return "", nginxSemicolon
		case '{':
			l.at++
			return "", nginxOpen
		case '}':
			l.at++
			return "", nginxClose
		default:
			return l.word(c)
		}
	}
	return "", nginxEnd
}

func (l *nginxLexer) word(first byte) (string, nginxToken) {
	l.start = l.line
	var b strings.Builder
	quote := byte(0)
	if first == '"' || first == '\'' {
		quote = first
		l.at++
	}
	for ; l.at < len(l.data); l.at++ {
		c := l.data[l.at]
		if b.Len() > maxStatement {
			return "", nginxTooLong
		}
		switch {
		case c == '\\' && l.at+1 < len(l.data):
			l.at++
			if next := l.data[l.at]; next == '\n' {
				l.line++
			} else if next != quote && next != '\\' && next != ' ' {
				b.WriteByte('\\') // as in a regular expression
			}
			b.WriteByte(l.data[l.at])
			continue
		case quote != 0 && c == quote:
			l.at++
			return b.String(), nginxWord
		case quote == 0 && (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';'):
			return b.String(), nginxWord
		case quote == 0 && c == '{' && !strings.HasSuffix(b.String(), "$"):
			return b.String(), nginxWord
		case c == '\n':
			l.line++
		}
		b.WriteByte(c)
	}
	return b.String(), nginxWord
}

// skipBlock passes over a block in another language.
func (l *nginxLexer) skipBlock() {
	for open := 1; l.at < len(l.data) && open > 0; l.at++ {
		switch l.data[l.at] {
		case '{':
			open++
		case '}':
			open--
		case '\n':
			l.line++
		}
	}
}
