package pfsense

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of what is read. The largest real backups, with the graphs' data in them, have some ten MiB, a depth of twelve, and some
// ten thousand elements in the sections that are kept.
const (
	maxSize     = 64 << 20 // bytes
	maxDepth    = 64
	maxElements = 500_000 // of the sections that are kept
	maxTag      = 64 << 10
	maxText     = 1 << 20 // bytes of one kept text
)

// element is an element of the sections that matter. Text that is not known to be harmless was never stored.
type element struct {
	name string
	line int
	text string
	// filled says that there was text or a child, also where it was not stored.
	filled bool
	kids   []*element
}

// child is the first child of the name; an empty element without a line when there is none, so that calls can be chained.
func (e *element) child(name string) *element {
	for _, k := range e.kids {
		if k.name == name {
			return k
		}
	}
	return &element{name: name}
}

// at follows a path of first children.
func (e *element) at(path ...string) *element {
	for _, name := range path {
		e = e.child(name)
	}
	return e
}

// all are the children of the name.
func (e *element) all(name string) []*element {
	var out []*element
	for _, k := range e.kids {
		if k.name == name {
			out = append(out, k)
		}
	}
	return out
}

// value is the text of the first child of the name.
func (e *element) value(name string) string { return e.child(name).text }

// has tells whether there is such a child, as flags of the base system are written.
func (e *element) has(name string) bool { return e.child(name).line > 0 }

// on tells whether a form's box is ticked: packages write "on" or "yes".
func (e *element) on(name string) bool {
	v := strings.ToLower(e.value(name))
	return v == "on" || v == "yes"
}

// parse reads the sections that matter into a tree whose root is <pfsense>.
func parse(data []byte) (*element, error) {
	text, err := toUTF8(data)
	if err != nil {
		return nil, err
	}
	if err := boundTags(text); err != nil {
		return nil, err
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	d.Entity = xml.HTMLEntity                                                          // single characters: descriptions of old backups have them
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // toUTF8 has done it
	b := builder{decoder: d}
	if err := b.run(); err != nil {
		return nil, err
	}
	return b.root, nil
}

type builder struct {
	decoder  *xml.Decoder
	root     *element
	open     []*element // from the root down; nil below what is not kept
	elements int
	madeRoot bool // the document has no <pfsense>
}

func (b *builder) run() error {
	for {
		token, err := b.decoder.Token()
		if errors.Is(err, io.EOF) && b.root != nil {
			return nil
		}
		line, _ := b.decoder.InputPos()
		if err != nil {
			// The library's words quote the text, which may be a secret.
			return fmt.Errorf("line %d: not well-formed XML, or cut off", line)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := b.start(t.Name.Local, line); err != nil {
				return err
			}
		case xml.EndElement:
			b.end()
		case xml.CharData:
			b.text(t)
		case xml.Directive:
			if bytes.Contains(bytes.ToUpper(t), []byte("ENTITY")) {
				return fmt.Errorf("line %d: it declares entities, which no backup does", line)
			}
		}
	}
}

func (b *builder) start(name string, line int) error {
	if len(b.open) == 0 {
		if b.root != nil {
			return fmt.Errorf("line %d: a second document begins", line)
		}
		switch name {
		case "pfsense":
			b.root = &element{name: name, line: line}
			b.open = append(b.open, b.root)
			return nil
		case "installedpackages": // the backup of that area alone
			b.root = &element{name: "pfsense", line: line}
			packages := &element{name: name, line: line}
			b.root.kids = []*element{packages}
			b.madeRoot = true
			b.open = append(b.open, b.root, packages)
			return nil
		case "opnsense":
			return errors.New("it is the backup of an OPNsense firewall, whose packages store other things")
		}
		return errors.New("it is no backup of a pfSense firewall: <pfsense> is missing")
	}
	if len(b.open) >= maxDepth {
		return fmt.Errorf("line %d: elements are nested more than %d deep", line, maxDepth)
	}
	parent := b.open[len(b.open)-1]
	if parent == nil || !keeps(b.path(), name) {
		b.open = append(b.open, nil)
		return nil
	}
	if b.elements++; b.elements > maxElements {
		return fmt.Errorf("line %d: more than %d elements", line, maxElements)
	}
	parent.filled = true
	e := &element{name: name, line: line}
	parent.kids = append(parent.kids, e)
	b.open = append(b.open, e)
	return nil
}

// path are the names of the first elements below the root that are open.
func (b *builder) path() []string {
	var names []string
	for _, e := range b.open[1:min(len(b.open), 3)] {
		names = append(names, e.name)
	}
	return names
}

func (b *builder) end() {
	last := len(b.open) - 1
	if e := b.open[last]; e != nil {
		e.text = strings.TrimSpace(e.text)
	}
	b.open = b.open[:last]
	if b.madeRoot && last == 1 {
		b.open = nil
	}
}

func (b *builder) text(t xml.CharData) {
	if len(b.open) == 0 {
		return
	}
	e := b.open[len(b.open)-1]
	if e == nil || len(bytes.TrimSpace(t)) == 0 && e.text == "" {
		return
	}
	e.filled = true
	if stored[e.name] && len(e.text)+len(t) <= maxText {
		e.text += string(t)
	}
}

var declared = regexp.MustCompile(`(?i)^<\?xml[^>]*encoding\s*=\s*["']([a-z0-9._-]+)["']`)

// toUTF8 is the text in UTF-8 without control characters, which XML does not allow and old versions wrote.
func toUTF8(data []byte) ([]byte, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("larger than %d MiB", maxSize>>20)
	}
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		data = fromUTF16(data)
	case bytes.HasPrefix(data, []byte("\x1f\x8b")):
		return nil, errors.New("it is compressed: unpack it with gunzip first")
	}
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	if bytes.HasPrefix(data, []byte("----")) {
		return nil, errors.New("it is encrypted: download the backup again without encryption")
	}
	if !bytes.HasPrefix(data, []byte("<")) {
		return nil, errors.New("it is no XML")
	}
	latin := !utf8.Valid(data)
	if m := declared.FindSubmatch(data[:min(len(data), 200)]); m != nil {
		name := strings.ToLower(string(m[1]))
		latin = latin || strings.HasPrefix(name, "iso-8859-") || strings.HasPrefix(name, "windows-125") || name == "latin1"
	}
	out := make([]byte, 0, len(data))
	for _, c := range data {
		switch {
		case c < ' ' && c != '\n' && c != '\t' && c != '\r':
			out = append(out, ' ')
		case latin && c >= 0x80:
			out = utf8.AppendRune(out, rune(c))
		default:
			out = append(out, c)
		}
	}
	return out, nil
}

// fromUTF16 decodes what begins with a byte order mark.
func fromUTF16(data []byte) []byte {
	big := data[0] == 0xfe
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i+1 < len(data); i += 2 {
		lo, hi := data[i], data[i+1]
		if big {
			lo, hi = hi, lo
		}
		units = append(units, uint16(hi)<<8|uint16(lo))
	}
	text := string(utf16.Decode(units))
	return []byte(strings.Replace(text, "UTF-16", "UTF-8", 1))
}

// boundTags refuses what would make the XML library keep a tag of any size in memory. No backup has attributes.
func boundTags(text []byte) error {
	for i := 0; ; {
		next := bytes.IndexByte(text[i:], '<')
		if next < 0 {
			return nil
		}
		i += next
		if i+1 < len(text) && text[i+1] == '!' { // CDATA and comments end otherwise
			i++
			continue
		}
		end := bytes.IndexByte(text[i:min(len(text), i+maxTag)], '>')
		if end < 0 {
			return fmt.Errorf("line %d: a tag that does not end", 1+bytes.Count(text[:i], []byte("\n")))
		}
		i += end
	}
}
