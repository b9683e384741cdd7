package scenarios

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"lyncpin/internal/nearest"
	"lyncpin/internal/topology"
)

// fieldPath is a place in the YAML form of a topology: proxy.web_servers[fe1-https].port.
type fieldPath []segment

// segment is a field, or what stands in brackets.
type segment struct {
	word    string
	bracket bool
	offset  int // of word in the path's text, in bytes
}

// pathError is a mistake at some offset of a path's text.
type pathError struct {
	offset int
	err    error
}

func (e *pathError) Error() string { return e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

func parsePath(text string) (fieldPath, error) {
	fail := func(offset int, format string, args ...any) (fieldPath, error) {
		return nil, &pathError{offset, fmt.Errorf("path %q: "+format, append([]any{text}, args...)...)}
	}
	var p fieldPath
	for i := 0; i < len(text); {
		switch {
		case text[i] == '[':
			end := strings.IndexByte(text[i:], ']')
			if end < 0 {
				return fail(i, "the bracket is not closed")
			}
			word := strings.TrimSpace(text[i+1 : i+end])
			if word == "" || len(p) == 0 {
				return fail(i, "brackets hold the name or number of an entry, after the name of a list")
			}
			p = append(p, segment{word, true, i + 1})
			i += end + 1
			if i < len(text) && text[i] != '.' && text[i] != '[' {
				return fail(i, "want a dot or the end after a bracket")
			}
		default:
			if text[i] == '.' {
				i++
			}
			end := strings.IndexAny(text[i:], ".[")
			if end < 0 {
				end = len(text) - i
			}
			if end == 0 {
				return fail(i, "the name of a field is missing")
			}
			p = append(p, segment{text[i : i+end], false, i})
			i += end
		}
	}
	if len(p) == 0 {
		return fail(0, "it is empty")
	}
	return p, nil
}

// place is where a path leads: a value, and the list or mapping that holds it as an entry.
type place struct {
	value  reflect.Value // invalid for a new entry of a mapping
	holder reflect.Value // invalid when the value is a field
	index  int           // in a list
	key    reflect.Value // in a mapping
}

// find follows the path. With create, the last segment may be a new key of a mapping.
func (p fieldPath) find(t *topology.Topology, create bool) (place, error) {
	at := place{value: reflect.ValueOf(t).Elem()}
	for i, s := range p {
		var err error
		if at, err = at.step(s, create && i == len(p)-1); err != nil {
			return place{}, &pathError{s.offset, err}
		}
	}
	return at, nil
}

func (at place) step(s segment, create bool) (place, error) {
	v := at.value
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return place{}, fmt.Errorf("there is nothing here that could have %q: set it as a whole", s.word)
		}
		v = v.Elem()
	}
	switch {
	case !s.bracket && v.Kind() == reflect.Struct && !isText(v.Type()):
		return field(v, s.word)
	case !s.bracket:
		return place{}, fmt.Errorf("there are no fields below this one, so no %q: entries of a list stand in brackets", s.word)
	case v.Kind() == reflect.Slice:
		return entry(v, s.word)
	case v.Kind() == reflect.Map:
		return inMap(v, s.word, create)
	}
	return place{}, fmt.Errorf("this is no list, so it has no entry %q", s.word)
}

func field(v reflect.Value, name string) (place, error) {
	var known []string
	for i := range v.NumField() {
		tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if tag == name {
			return place{value: v.Field(i)}, nil
		}
		known = append(known, tag)
	}
	err := &UnknownError{What: "field", Word: name, Nearest: nearest.Word(name, known)}
	if err.Nearest == "" {
		return place{}, fmt.Errorf("%w: known are %s", err, strings.Join(known, ", "))
	}
	return place{}, err
}

// entry finds an entry of a list by what names it, else by its number.
func entry(list reflect.Value, word string) (place, error) {
	var known []string
	for i := range list.Len() {
		e := list.Index(i)
		for _, name := range names(e) {
			if strings.EqualFold(name, word) {
				return place{value: e, holder: list, index: i}, nil
			}
			known = append(known, name)
		}
	}
	if n, err := strconv.Atoi(word); err == nil {
		if n >= 0 && n < list.Len() {
			return place{value: list.Index(n), holder: list, index: n}, nil
		}
		return place{}, fmt.Errorf("there is no entry %d: the list has %d, counted from 0", n, list.Len())
	}
	return place{}, &UnknownError{What: "entry", Word: word, Nearest: nearest.Word(word, known)}
}

// names are the words by which an administrator would name an entry.
func names(e reflect.Value) []string {
	if e.Kind() == reflect.String {
		return []string{e.String()}
	}
	switch x := e.Interface().(type) {
	case topology.User:
		return []string{x.SIP}
	case topology.Pool:
		return []string{x.Name}
	case topology.Node:
		return []string{x.FQDN}
	case topology.App:
		return []string{x.FQDN, x.Kind}
	case topology.WebServer:
		return []string{x.Alias}
	case topology.Rule:
		return []string{x.Name}
	case topology.Certificate:
		return x.Names
	case topology.Record:
		return []string{x.Name}
	case topology.Answer:
		return []string{x.Name}
	case topology.Path:
		return []string{x.To}
	case fmt.Stringer:
		return []string{x.String()} // an address
	}
	return nil
}

// inMap finds an entry of a mapping by its key.
func inMap(m reflect.Value, word string, create bool) (place, error) {
	key := reflect.New(m.Type().Key()).Elem()
	switch key.Kind() {
	case reflect.Int:
		n, err := strconv.Atoi(word)
		if err != nil {
			return place{}, fmt.Errorf("%q is no number, as the keys here are", word)
		}
		key.SetInt(int64(n))
	default:
		key.SetString(word)
	}
	at := place{value: m.MapIndex(key), holder: m, key: key}
	if !at.value.IsValid() && !create {
		var known []string
		for _, k := range m.MapKeys() {
			known = append(known, fmt.Sprint(k.Interface()))
		}
		return place{}, &UnknownError{What: "entry", Word: word, Nearest: nearest.Word(word, known)}
	}
	return at, nil
}

// kind is the type of value that the place takes.
func (at place) kind() reflect.Type {
	if at.key.IsValid() {
		return at.holder.Type().Elem()
	}
	return at.value.Type()
}

func (at place) set(v reflect.Value) {
	if !at.key.IsValid() {
		at.value.Set(v)
		return
	}
	if at.holder.IsNil() {
		at.holder.Set(reflect.MakeMap(at.holder.Type()))
	}
	at.holder.SetMapIndex(at.key, v)
}

// element is the type of the list's entries.
func (at place) element() (reflect.Type, error) {
	if at.kind().Kind() != reflect.Slice {
		return nil, errors.New("this is no list, so nothing can be added: use set")
	}
	return at.kind().Elem(), nil
}

// add appends to a list, which it copies: lists of two topologies must not share their rooms.
func (at place) add(v reflect.Value) {
	list := reflect.MakeSlice(at.value.Type(), 0, at.value.Len()+1)
	at.value.Set(reflect.Append(reflect.AppendSlice(list, at.value), v))
}

// remove takes an entry out of its list or mapping, and empties a field.
func (at place) remove() {
	switch {
	case at.key.IsValid():
		at.holder.SetMapIndex(at.key, reflect.Value{})
	case at.holder.IsValid():
		n := at.holder.Len()
		list := reflect.MakeSlice(at.holder.Type(), 0, n)
		list = reflect.AppendSlice(list, at.holder.Slice(0, at.index))
		at.holder.Set(reflect.AppendSlice(list, at.holder.Slice(at.index+1, n)))
	default:
		at.value.SetZero()
	}
}

// decode reads a value of that type.
func (f *file) decode(n ast.Node, kind reflect.Type) (v reflect.Value, err error) {
	defer func() {
		if recover() != nil {
			err = f.errorf(n, "want %s here", kindWords(kind))
		}
	}()
	if _, null := n.(*ast.NullNode); null {
		return v, f.errorf(n, "want %s here; use remove to empty a field", kindWords(kind))
	}
	into := reflect.New(kind)
	if err := yaml.NodeToValue(n, into.Interface(), yaml.Strict()); err != nil {
		return v, f.valueError(n, kind, err)
	}
	return into.Elem(), nil
}

func (f *file) valueError(n ast.Node, kind reflect.Type, err error) error {
	placed, ok := errors.AsType[*FileError](yamlError(f.path, err))
	if !ok || placed.Line == 1 && placed.Column == 1 {
		return f.errorf(n, "want %s here", kindWords(kind))
	}
	if te, ok := errors.AsType[*yaml.TypeError](err); ok {
		placed.Err = fmt.Errorf("want %s here", kindWords(te.DstType))
	}
	if _, ok := errors.AsType[*yaml.UnknownFieldError](err); ok {
		word := strings.Trim(strings.TrimPrefix(placed.Err.Error(), "unknown field "), `"`)
		placed.Err = &UnknownError{What: "field", Word: word, Nearest: nearest.Word(word, tags(kind))}
	}
	return placed
}

// tags are all field names below a type.
func tags(t reflect.Type) []string {
	switch {
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		return tags(t.Elem())
	case t.Kind() != reflect.Struct || isText(t):
		return nil
	}
	var out []string
	for i := range t.NumField() {
		tag, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		out = append(append(out, tag), tags(t.Field(i).Type)...)
	}
	return out
}

// isText tells structs that are written as a text, such as addresses.
func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]())
}

// kindWords says what a place takes.
func kindWords(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Pointer:
		return kindWords(t.Elem())
	case t.PkgPath() == "net/netip":
		return "an IP address"
	case t.PkgPath() == "time":
		return "a duration such as 3s"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int:
		return "a whole number"
	case t.Kind() == reflect.Slice:
		return "a list"
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		return "a group of fields"
	}
	return "a text"
}
