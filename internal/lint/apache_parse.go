package lint

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// apacheDirective is a directive, or a section with what it holds. Names are in small letters, arguments unquoted, variables filled in.
type apacheDirective struct {
	name      string
	args      []string
	raw       string // as it stands, continued lines joined
	file      string
	line, end int
	block     []*apacheDirective
	section   bool
	parent    *apacheDirective
}

func (d *apacheDirective) arg(i int) string {
	if i >= len(d.args) {
		return ""
	}
	return d.args[i]
}

// lastArg is the last argument; empty where there is none.
func (d *apacheDirective) lastArg() string {
	if len(d.args) == 0 {
		return ""
	}
	return d.args[len(d.args)-1]
}

// all are the directives of that name right inside.
func (d *apacheDirective) all(name string) []*apacheDirective {
	var found []*apacheDirective
	for _, c := range d.block {
		if c.name == name {
			found = append(found, c)
		}
	}
	return found
}

// walk calls visit for everything inside, outer directives first. It does not go into what visit returns false for.
func (d *apacheDirective) walk(visit func(*apacheDirective) bool) {
	for _, c := range d.block {
		if visit(c) {
			c.walk(visit)
		}
	}
}

// apacheReader reads the files of a configuration.
type apacheReader struct {
	f       *File
	base    string
	defined map[string]string
	active  map[string]bool
	// dump says that the text is one that Apache wrote, in which marks give files and lines.
	dump bool
}

var (
	apacheInFile = regexp.MustCompile(`^\s*# In file: (.+)$`)
	apacheLine   = regexp.MustCompile(`^\s*#\s*(\d+):$`)
	apacheVar    = regexp.MustCompile(`\$\{([^}{$]+)\}`)
)

func parseApache(f *File) (config, error) {
	main := f.sources[0]
	r := &apacheReader{f: f, base: filepath.Dir(main.Name), defined: map[string]string{}, active: map[string]bool{}}
	r.dump = bytes.Contains(main.Data, []byte("# In file: "))
	root := &apacheDirective{section: true}
	if err := r.read(root, main, 0); err != nil {
		return nil, err
	}
	return newApacheConfig(f, root, r.dump), nil
}

// read adds what a file holds to a section.
func (r *apacheReader) read(into *apacheDirective, s Source, depth int) error {
	if r.active[s.Name] {
		r.f.note("%s includes itself", s.Name)
		return nil
	}
	r.active[s.Name] = true
	defer delete(r.active, s.Name)
	at, level, number := into, 0, 0
	skip := 0 // sections that do not count: macros, and conditions that are negated
	file, shown := s.Name, 0
	var joined []byte
	start := 0
	for line := range bytes.Lines(s.Data) {
		number++
		line = bytes.TrimRight(line, "\r\n")
		if len(joined)+len(line) > maxStatement {
			return fmt.Errorf("%s:%d: a directive longer than %d MiB: this is no configuration of Apache", s.Name, number, maxStatement>>20)
		}
		if start == 0 {
			start = number
		}
		if rest, ok := bytes.CutSuffix(line, []byte(`\`)); ok {
			joined = append(joined, rest...)
			continue
		}
		joined = append(joined, line...)
		text := strings.TrimSpace(string(joined))
		first := start
		joined, start = joined[:0], 0
		if r.dump {
			if m := apacheInFile.FindStringSubmatch(text); m != nil {
				file = m[1]
			} else if m := apacheLine.FindStringSubmatch(text); m != nil {
				shown = atoi(m[1])
			}
		}
		if text == "" || text[0] == '#' {
			continue
		}
		if skip > 0 {
			switch {
			case strings.HasPrefix(text, "</"):
				skip--
			case text[0] == '<':
				skip++
			}
			continue
		}
		d := r.directive(text, file, first, number, at)
		if r.dump {
			d.line, d.end = shown, shown
		}
		switch {
		case strings.HasPrefix(text, "</"):
			if at == into {
				r.f.note("%s:%d: %s closes nothing", s.Name, first, shorten(mask(text)))
				continue
			}
			at.end = d.line
			at, level = at.parent, level-1
		case d.section:
			if d.name == "macro" || strings.HasPrefix(d.name, "if") && strings.HasPrefix(d.arg(0), "!") {
				skip = 1
				continue
			}
			if level++; level+depth > maxDepth {
				return fmt.Errorf("%s:%d: %w", s.Name, first, errNested)
			}
			at.block = append(at.block, d)
			at = d
		case d.name == "include" || d.name == "includeoptional":
			if err := r.includeAll(at, s, d, depth); err != nil {
				return err
			}
		default:
			r.define(d)
			at.block = append(at.block, d)
		}
	}
	if at != into {
		r.f.endsEarly(s.Name, at.line)
	}
	return nil
}

func (r *apacheReader) define(d *apacheDirective) {
	switch d.name {
	case "define":
		r.defined[d.arg(0)] = d.arg(1)
	case "undefine":
		delete(r.defined, d.arg(0))
	case "serverroot":
		r.base = d.arg(0)
	}
}

func (r *apacheReader) includeAll(into *apacheDirective, s Source, d *apacheDirective, depth int) error {
	pattern := d.arg(0)
	if pattern == "" || r.dump {
		return nil
	}
	if depth >= maxDepth {
		return fmt.Errorf("%s:%d: %w", s.Name, d.line, errNested)
	}
	before := len(r.f.Notes)
	found := r.f.included(s, d.line, pattern, r.base, depth)
	if d.name == "includeoptional" && len(found) == 0 && r.f.include != nil {
		r.f.Notes = r.f.Notes[:before] // optional it is
	}
	for _, one := range found {
		if err := r.read(into, one, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// directive reads a joined line.
func (r *apacheReader) directive(text, file string, line, end int, parent *apacheDirective) *apacheDirective {
	d := &apacheDirective{raw: text, file: file, line: line, end: end, parent: parent}
	if text[0] == '<' {
		d.section = true
		text = strings.TrimSuffix(strings.TrimPrefix(text, "<"), ">")
	}
	words := apacheWords(apacheVar.ReplaceAllStringFunc(text, func(v string) string {
		if value, known := r.defined[v[2:len(v)-1]]; known && len(value) < 1024 {
			return value
		}
		return v
	}))
	if len(words) > 0 {
		d.name, d.args = strings.ToLower(words[0]), words[1:]
	}
	return d
}

// apacheWords cuts a line at blanks outside quotes.
func apacheWords(text string) []string {
	var words []string
	for i := 0; i < len(text); {
		for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
			i++
		}
		if i >= len(text) {
			break
		}
		var b strings.Builder
		if quote := text[i]; quote == '"' || quote == '\'' {
			for i++; i < len(text) && text[i] != quote; i++ {
				if text[i] == '\\' && i+1 < len(text) && text[i+1] == quote {
					i++
				}
				b.WriteByte(text[i])
			}
			i++
		} else {
			for ; i < len(text) && text[i] != ' ' && text[i] != '\t'; i++ {
				b.WriteByte(text[i])
			}
		}
		words = append(words, b.String())
	}
	return words
}
