package lint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
)

// Bounds of what is read, far above what people write: a configuration that includes itself or a device ends in an error or a note.
const (
	maxSources   = 500
	maxRead      = 16 << 20
	maxDepth     = 64      // of blocks and of includes
	maxStatement = 1 << 20 // bytes of a directive with its arguments
)

// ReadOptions say how a configuration is read. The zero value tells the product from the text and follows no include.
type ReadOptions struct {
	// Product is one of the constants; empty means that the text tells.
	Product string
	// Include returns the files that a pattern stands for, in order of their names; none is no error. The pattern is absolute or
	// relative to where the program runs, and may hold the wildcards of filepath.Match. Nil means that includes are noted
	// and not followed.
	Include func(pattern string) ([]Source, error)
}

// Source is the text of one file.
type Source struct {
	Name string
	Data []byte
	// starts are the offsets of the lines. Made when it is kept.
	starts []int32
}

// line is a line by its number from 1, without its end; empty where there is none.
func (s *Source) line(number int) string {
	if number < 1 || number > len(s.starts) {
		return ""
	}
	line := s.Data[s.starts[number-1]:]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	return string(bytes.TrimRight(line[:min(len(line), 4096)], "\r"))
}

// File is a configuration that was read, with what it includes.
type File struct {
	// Name is as it was given.
	Name string
	// Product is one of the constants.
	Product string
	// Lync says that something in it concerns Lync. Where nothing does, no rule says anything, which is not the same as fine.
	Lync bool
	// Cut says that the text ends in the middle of a block: what should follow was not looked at.
	Cut bool
	// Notes are sentences on what was not looked at, such as an include that is missing.
	Notes []string

	sources []Source
	config  config
	include func(pattern string) ([]Source, error)
	// readFile reads certificates during Check; nil for not.
	readFile func(name string) ([]byte, error)
	total    int // bytes read
}

// config is a product's parsed configuration.
type config interface {
	// concernsLync says whether anything in it does.
	concernsLync() bool
	// check asks every rule of the product.
	check() []Finding
}

// language is what is known of a product.
type language struct {
	product string
	// resembles matches what this product writes and the others do not. The product with the most matches has it.
	resembles *regexp.Regexp
	// parse reads f.sources[0]. It may note, and returns an error for what is no such configuration at all.
	parse func(f *File) (config, error)
	rules func() []Rule
}

// rule is a rule with what finds it, for the configuration C of a product. Findings need File, Line, Reason and Fix; the rule and the
// excerpt are filled in.
type rule[C any] struct {
	Rule
	find func(C) []Finding
}

// checkAll asks rules.
func checkAll[C any](rules []rule[C], c C) []Finding {
	var all []Finding
	for _, r := range rules {
		for _, f := range r.find(c) {
			f.Rule = r.Rule
			all = append(all, f)
		}
	}
	return all
}

// rulesOf are the rules alone.
func rulesOf[C any](rules []rule[C]) []Rule {
	var all []Rule
	for _, r := range rules {
		all = append(all, r.Rule)
	}
	return all
}

// UnknownProductError says that the text does not tell which product reads it.
type UnknownProductError struct{ Name string }

func (e *UnknownProductError) Error() string {
	return fmt.Sprintf("%s: this looks like the configuration of none of the products that are known", e.Name)
}

// Read parses a configuration and what it includes. The errors are *UnknownProductError, and what makes the text no
// configuration: it is empty, binary, or nested without end.
func Read(name string, data []byte, opts ReadOptions) (*File, error) {
	if len(data) > maxRead {
		return nil, fmt.Errorf("%s: larger than %d MiB", name, maxRead>>20)
	}
	data, wide := fromUTF16(data)
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, fmt.Errorf("%s: the file is empty", name)
	}
	if bytes.IndexByte(data, 0) >= 0 {
		return nil, fmt.Errorf("%s: this is no text", name)
	}
	lang, err := languageOf(name, data, opts.Product)
	if err != nil {
		return nil, err
	}
	f := &File{Name: name, Product: lang.product, include: opts.Include}
	f.add(Source{Name: name, Data: data})
	if wide {
		f.note("%s is in UTF-16, as Windows saves it, and no proxy reads that: save it as UTF-8", name)
	}
	if f.config, err = lang.parse(f); err != nil {
		return nil, err
	}
	f.Lync = f.config.concernsLync()
	return f, nil
}

// fromUTF16 returns the UTF-8 of a text that begins with the mark of UTF-16, and whether it does.
func fromUTF16(data []byte) ([]byte, bool) {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return data, false
	}
	units := make([]uint16, 0, len(data)/2)
	for at := 2; at+1 < len(data); at += 2 {
		units = append(units, order.Uint16(data[at:]))
	}
	return []byte(string(utf16.Decode(units))), true
}

func languageOf(name string, data []byte, product string) (language, error) {
	all := languages()
	if product != "" {
		i := slices.IndexFunc(all, func(l language) bool { return l.product == product })
		if i < 0 {
			return language{}, fmt.Errorf("%s: there are no rules for the product %q", name, product)
		}
		return all[i], nil
	}
	best, most := language{}, 0
	for _, l := range all {
		if n := len(l.resembles.FindAllIndex(data[:min(len(data), 1<<20)], 1000)); n > most {
			best, most = l, n
		}
	}
	if most == 0 {
		return language{}, &UnknownProductError{Name: name}
	}
	return best, nil
}

// add keeps a text for its excerpts. The bytes of a source are fewer than maxRead.
func (f *File) add(s Source) {
	at := 0
	for line := range bytes.Lines(s.Data) {
		s.starts = append(s.starts, int32(at))
		at += len(line)
	}
	f.sources = append(f.sources, s)
	f.total += len(s.Data)
}

// source is a file by its name; an empty one where it was not read.
func (f *File) source(name string) *Source {
	for i := range f.sources {
		if f.sources[i].Name == name {
			return &f.sources[i]
		}
	}
	return &Source{}
}

// endsEarly notes that a source ends within a block or directive that began on that line.
func (f *File) endsEarly(name string, line int) {
	f.Cut = true
	f.note("%s ends in the middle of what begins on line %d: the rest is missing, and was not looked at", name, line)
}

func (f *File) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); len(f.Notes) < 100 && !slices.Contains(f.Notes, text) {
		f.Notes = append(f.Notes, text)
	}
}

// included returns what a directive includes. What is missing or too much is noted.
func (f *File) included(from Source, line int, pattern, base string, depth int) []Source {
	where := fmt.Sprintf("%s:%d", from.Name, line)
	switch {
	case f.include == nil:
		f.note("%s includes %s, which was not looked at", where, pattern)
		return nil
	case depth >= maxDepth || len(f.sources) >= maxSources || f.total >= maxRead:
		f.note("%s includes %s, which was not looked at: there is no end to it", where, pattern)
		return nil
	}
	full := pattern
	if !filepath.IsAbs(full) {
		full = filepath.Join(base, full)
	}
	found, err := f.include(full)
	if err != nil || len(found) == 0 && !strings.ContainsAny(pattern, "*?[") {
		why := "it is not there"
		if err != nil {
			why = err.Error()
		}
		f.note("%s includes %s, which was not looked at: %s", where, pattern, why)
	}
	var use []Source
	for _, s := range found {
		if len(f.sources) >= maxSources || f.total+len(s.Data) > maxRead || bytes.IndexByte(s.Data, 0) >= 0 {
			f.note("%s includes %s, which was not looked at", where, s.Name)
			continue
		}
		f.add(s)
		use = append(use, s)
	}
	return use
}

var errNested = errors.New("blocks in blocks without end")
