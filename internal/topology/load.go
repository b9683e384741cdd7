package topology

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"lyncpin/internal/nearest"
	"lyncpin/internal/yamlfile"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxDepth is how deep a file may nest, several times what a topology needs.
const maxDepth = 32

// file is a topology as it is written.
type file struct {
	// Extends is "healthy", or empty.
	Extends  string `yaml:"extends,omitempty"`
	Topology `yaml:",inline"`
}

// Load reads a topology in YAML. It is strict: an unknown field is an error, which names path, line and column, and the
// field that was probably meant. The path is for errors only. Load does not Validate.
//
// A file that says "extends: healthy" starts from Healthy: each top-level field in the file, such as users or
// external_dns, replaces Healthy's whole field, and those that it leaves out stay.
func Load(path string, data []byte) (t *Topology, err error) {
	err = yamlfile.Safely(data, func() error {
		t, err = load(path, data)
		return err
	})
	if errors.Is(err, yamlfile.ErrUnreadable) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, err
}

func load(path string, data []byte) (*Topology, error) {
	parsed, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, fileError(path, err)
	}
	if len(parsed.Docs) > 1 {
		return nil, fmt.Errorf("%s: more than one document", path)
	}
	if len(parsed.Docs) == 0 || parsed.Docs[0].Body == nil || parsed.Docs[0].Body.Type() == ast.NullType {
		return nil, fmt.Errorf("%s: the file is empty", path)
	}
	body := parsed.Docs[0].Body
	if err := checkFields(body, reflect.TypeFor[file](), maxDepth); err != nil {
		return nil, fileError(path, err)
	}
	var f file
	// checkFields has been strict; here a key beside a merge key that has it too would count as there twice.
	dec := yaml.NewDecoder(bytes.NewReader(data), yaml.AllowDuplicateMapKey())
	if err := dec.Decode(&f); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: the file is empty", path)
		}
		return nil, fileError(path, err)
	}
	switch f.Extends {
	case "":
		return &f.Topology, nil
	case "healthy":
		extend(&f.Topology, Healthy(), body)
		return &f.Topology, nil
	}
	return nil, fmt.Errorf("%s: extends %q: there is only \"healthy\" to start from", path, f.Extends)
}

// extend gives t the fields of base that the file leaves out.
func extend(t, base *Topology, body ast.Node) {
	there := map[string]bool{}
	for _, e := range entries(body) {
		there[e.Key.GetToken().Value] = true
	}
	to, from := reflect.ValueOf(t).Elem(), reflect.ValueOf(base).Elem()
	for i := range to.NumField() {
		if name := fieldName(to.Type().Field(i)); !there[name] {
			to.Field(i).Set(from.Field(i))
		}
	}
}

// Marshal writes the topology in the form that Load reads.
func Marshal(t *Topology) ([]byte, error) {
	data, err := yaml.MarshalWithOptions(t, yaml.UseLiteralStyleIfMultiline(true))
	if err != nil {
		return nil, fmt.Errorf("topology: %w", err)
	}
	return data, nil
}

// positioned is an error at a place in the file.
type positioned struct {
	at   *token.Token
	text string
}

func (e *positioned) Error() string { return e.text }

// fileError puts path, line and column before what went wrong, in one line.
func fileError(path string, err error) error {
	at, text := (*token.Token)(nil), err.Error()
	if p, ok := errors.AsType[*positioned](err); ok {
		at = p.at
	} else if y, ok := errors.AsType[yaml.Error](err); ok {
		at, text = y.GetToken(), y.GetMessage()
	}
	text, _, _ = strings.Cut(text, "\n") // an excerpt follows
	if at == nil || at.Position == nil {
		return fmt.Errorf("%s: %s", path, text)
	}
	return fmt.Errorf("%s:%d:%d: %s", path, at.Position.Line, at.Position.Column, text)
}

// checkFields reports the first key in node that t has no field for, or that is there twice. Values of the wrong kind
// are for the decoder to report.
func checkFields(node ast.Node, t reflect.Type, depth int) error {
	if depth == 0 {
		return &positioned{node.GetToken(), "nested too deeply"}
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	node = bare(node)
	switch t.Kind() {
	case reflect.Slice:
		if list, ok := node.(*ast.SequenceNode); ok {
			for _, n := range list.Values {
				if err := checkFields(n, t.Elem(), depth-1); err != nil {
					return err
				}
			}
		}
	case reflect.Map:
		return checkTwice(node)
	case reflect.Struct:
		fields, names := fieldsOf(t)
		if len(fields) == 0 {
			return nil // written as one word, an address for one
		}
		if err := checkTwice(node); err != nil {
			return err
		}
		for _, e := range entries(node) {
			if e.Key.IsMergeKey() {
				if err := checkFields(e.Value, t, depth-1); err != nil {
					return err
				}
				continue
			}
			name := e.Key.GetToken().Value
			field, ok := fields[name]
			if !ok {
				return &positioned{e.Key.GetToken(), fmt.Sprintf("unknown field %q%s", name, hint(name, names))}
			}
			if err := checkFields(e.Value, field, depth-1); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkTwice reports the first key of a mapping that has been there before.
func checkTwice(node ast.Node) error {
	seen := map[string]bool{}
	for _, e := range entries(node) {
		at := e.Key.GetToken()
		if seen[at.Value] {
			return &positioned{at, fmt.Sprintf("%q is there twice", at.Value)}
		}
		seen[at.Value] = true
	}
	return nil
}

// bare is the node without anchor and tag.
func bare(node ast.Node) ast.Node {
	for {
		switch n := node.(type) {
		case *ast.AnchorNode:
			node = n.Value
		case *ast.TagNode:
			node = n.Value
		default:
			return node
		}
	}
}

// entries are the key-value pairs of a mapping, none for other nodes.
func entries(node ast.Node) []*ast.MappingValueNode {
	switch n := bare(node).(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

// fieldsOf are the fields of a struct by the names they have in files, and these names in order.
func fieldsOf(t reflect.Type) (map[string]reflect.Type, []string) {
	fields := map[string]reflect.Type{}
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			inner, more := fieldsOf(f.Type)
			for n, typ := range inner {
				fields[n] = typ
			}
			names = append(names, more...)
			continue
		}
		if name := fieldName(f); name != "" {
			fields[name] = f.Type
			names = append(names, name)
		}
	}
	return fields, names
}

// fieldName is what a field is called in files, "" when it is not in files.
func fieldName(f reflect.StructField) string {
	if !f.IsExported() {
		return ""
	}
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if name == "-" {
		return ""
	}
	return name
}

// hint names the nearest valid field, or all when none is near.
func hint(name string, names []string) string {
	if h := nearest.Hint(name, names); h != "" {
		return h
	}
	return fmt.Sprintf(" (known are %s)", strings.Join(names, ", "))
}
