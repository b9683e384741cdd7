package scenarios

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"lyncpin/internal/nearest"
	"lyncpin/internal/topology"
)

// readEdit reads one entry of edits: a mapping with one operation.
func (f *file) readEdit(n ast.Node) (change, error) {
	c := change{node: n}
	count := 0
	operation := func(read func(ast.Node) (func(*topology.Topology) error, error)) func(ast.Node) error {
		return func(n ast.Node) (err error) {
			count++
			c.edit, err = read(n)
			return err
		}
	}
	err := f.fields(n, map[string]func(ast.Node) error{
		"set":           operation(f.readSet),
		"add":           operation(f.readAdd),
		"remove":        operation(f.readRemove),
		"set_record":    operation(func(n ast.Node) (func(*topology.Topology) error, error) { return f.readRecord(n, (*topology.View).Set) }),
		"add_record":    operation(func(n ast.Node) (func(*topology.Topology) error, error) { return f.readRecord(n, (*topology.View).Add) }),
		"remove_record": operation(f.readRemoveRecord),
	})
	if err == nil && count != 1 {
		return c, f.errorf(n, "want one edit in each entry of the list, and here are %d", count)
	}
	return c, err
}

// want complains about fields that are not there.
func (f *file) want(n ast.Node, fields ...string) error {
	values, _ := pairs(n)
	for _, name := range fields {
		if !slices.ContainsFunc(values, func(v *ast.MappingValueNode) bool { return v.Key.GetToken().Value == name }) {
			return f.errorf(n, "%s is missing", name)
		}
	}
	return nil
}

// target reads the path of an edit, and value when the edit has one.
func (f *file) target(n ast.Node, value *ast.Node) (p fieldPath, at ast.Node, err error) {
	readers := map[string]func(ast.Node) error{
		"path": func(n ast.Node) error {
			var text string
			if err := f.text(n, &text); err != nil {
				return err
			}
			at = n
			var err error
			p, err = parsePath(text)
			return f.inPath(n, err)
		},
	}
	wanted := []string{"path"}
	if value != nil {
		readers["value"] = func(n ast.Node) error { *value = n; return nil }
		wanted = append(wanted, "value")
	}
	if err := f.fields(n, readers); err != nil {
		return nil, nil, err
	}
	return p, at, f.want(n, wanted...)
}

// inPath places an error of a path inside the text that holds it.
func (f *file) inPath(n ast.Node, err error) error {
	if err == nil {
		return nil
	}
	offset := 0
	if pe, ok := errors.AsType[*pathError](err); ok {
		offset = pe.offset
	}
	if s, ok := n.(*ast.StringNode); ok && strings.HasPrefix(strings.TrimSpace(s.GetToken().Origin), s.Value) {
		return f.wrap(n, offset, err)
	} else if ok {
		return f.wrap(n, offset+1, err) // in quotes
	}
	return f.wrap(n, 0, err)
}

func (f *file) readSet(n ast.Node) (func(*topology.Topology) error, error) {
	var value ast.Node
	p, at, err := f.target(n, &value)
	if err != nil {
		return nil, err
	}
	return func(t *topology.Topology) error {
		place, err := p.find(t, true)
		if err != nil {
			return f.inPath(at, err)
		}
		v, err := f.decode(value, place.kind())
		if err != nil {
			return err
		}
		place.set(v)
		return nil
	}, nil
}

func (f *file) readAdd(n ast.Node) (func(*topology.Topology) error, error) {
	var value ast.Node
	p, at, err := f.target(n, &value)
	if err != nil {
		return nil, err
	}
	return func(t *topology.Topology) error {
		place, err := p.find(t, true)
		if err != nil {
			return f.inPath(at, err)
		}
		element, err := place.element()
		if err != nil {
			return f.inPath(at, err)
		}
		v, err := f.decode(value, element)
		if err != nil {
			return err
		}
		place.add(v)
		return nil
	}, nil
}

func (f *file) readRemove(n ast.Node) (func(*topology.Topology) error, error) {
	p, at, err := f.target(n, nil)
	if err != nil {
		return nil, err
	}
	return func(t *topology.Topology) error {
		place, err := p.find(t, false)
		if err != nil {
			return f.inPath(at, err)
		}
		place.remove()
		return nil
	}, nil
}

// record is what the edits of DNS name.
type record struct {
	view              func(*topology.Topology) *topology.View
	name, kind, value string
	at                struct{ name, value ast.Node }
}

func (f *file) readRecordFields(n ast.Node, wanted ...string) (record, error) {
	var r record
	all := map[string]func(ast.Node) error{
		"view": func(n ast.Node) error { return f.readView(n, &r) },
		"name": func(n ast.Node) error { r.at.name = n; return f.hostName(n, &r.name) },
		"type": func(n ast.Node) error { return f.readType(n, &r.kind) },
		"value": func(n ast.Node) error {
			r.at.value = n
			return f.text(n, &r.value)
		},
	}
	readers := map[string]func(ast.Node) error{}
	for _, w := range wanted {
		readers[w] = all[w]
	}
	if err := f.fields(n, readers); err != nil {
		return r, err
	}
	return r, f.want(n, wanted...)
}

func (f *file) readRecord(n ast.Node, change func(v *topology.View, name, kind, value string)) (func(*topology.Topology) error, error) {
	r, err := f.readRecordFields(n, "view", "name", "type", "value")
	if err != nil {
		return nil, err
	}
	if err := checkValue(r.kind, r.value); err != nil {
		return nil, f.wrap(r.at.value, 0, err)
	}
	return func(t *topology.Topology) error {
		change(r.view(t), r.name, r.kind, r.value)
		return nil
	}, nil
}

func (f *file) readRemoveRecord(n ast.Node) (func(*topology.Topology) error, error) {
	r, err := f.readRecordFields(n, "view", "name")
	if err != nil {
		return nil, err
	}
	return func(t *topology.Topology) error {
		v := r.view(t)
		if !v.Has(r.name) {
			var known []string
			for _, have := range v.Records {
				known = append(known, have.Name)
			}
			return f.wrap(r.at.name, 0, &UnknownError{What: "record", Word: r.name, Nearest: nearest.Word(r.name, known)})
		}
		v.Remove(r.name)
		return nil
	}, nil
}

func (f *file) readView(n ast.Node, r *record) error {
	var word string
	if err := f.text(n, &word); err != nil {
		return err
	}
	switch word {
	case "external":
		r.view = func(t *topology.Topology) *topology.View { return &t.External }
	case "internal":
		r.view = func(t *topology.Topology) *topology.View { return &t.Internal }
	default:
		err := &UnknownError{What: "view", Word: word, Nearest: nearest.Word(word, []string{"external", "internal"})}
		return f.errorf(n, "%w (known are external and internal)", err)
	}
	return nil
}

// hostName reads a host name, without the last dot.
func (f *file) hostName(n ast.Node, into *string) error {
	if err := f.text(n, into); err != nil {
		return err
	}
	*into = strings.TrimSuffix(*into, ".")
	if strings.ContainsAny(*into, " /:\t\n") || *into == "" {
		return f.errorf(n, "%q is no name of a record", *into)
	}
	return nil
}

// recordTypes are those a view can hold.
var recordTypes = []string{"A", "AAAA", "CNAME", "SRV", "TXT", "NS", "PTR", "MX"}

func (f *file) readType(n ast.Node, into *string) error {
	if err := f.text(n, into); err != nil {
		return err
	}
	word := strings.ToUpper(*into)
	if !slices.Contains(recordTypes, word) {
		err := &UnknownError{What: "record type", Word: *into}
		return f.errorf(n, "%w: known are %s", err, strings.Join(recordTypes, ", "))
	}
	*into = word
	return nil
}

// checkValue refuses values that no zone could hold.
func checkValue(kind, value string) error {
	switch kind {
	case "A", "AAAA":
		a, err := netip.ParseAddr(value)
		if err != nil || a.Is4() != (kind == "A") {
			return fmt.Errorf("%q is no address for a record of type %s", value, kind)
		}
	case "CNAME", "NS", "PTR":
		if strings.ContainsAny(value, " /:\t\n") {
			return fmt.Errorf("%q is no host name", value)
		}
	case "SRV":
		parts := strings.Fields(value)
		if len(parts) != 4 {
			return fmt.Errorf("%q is no value for a record of type SRV: want priority, weight, port and host", value)
		}
		for _, p := range parts[:3] {
			if _, err := strconv.ParseUint(p, 10, 16); err != nil {
				return fmt.Errorf("%q is no value for a record of type SRV: %q is no number up to 65535", value, p)
			}
		}
	}
	return nil
}
