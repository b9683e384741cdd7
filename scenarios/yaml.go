package scenarios

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lyncpin/internal/nearest"
	"lyncpin/internal/yamlfile"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// FileError is a mistake in a scenario file.
type FileError struct {
	Path         string
	Line, Column int
	Err          error
}

func (e *FileError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %v", e.Path, e.Line, e.Column, e.Err)
}

func (e *FileError) Unwrap() error { return e.Err }

// parse returns the only document of the file.
func parse(path string, data []byte) (ast.Node, error) {
	var tree *ast.File
	err := yamlfile.Safely(data, func() (err error) {
		tree, err = parser.ParseBytes(data, 0)
		return err
	})
	if err != nil {
		return nil, yamlError(path, err)
	}
	var docs []*ast.DocumentNode
	for _, d := range tree.Docs {
		if d.Body != nil {
			docs = append(docs, d)
		}
	}
	switch len(docs) {
	case 0:
		return nil, &FileError{path, 1, 1, errors.New("the file is empty: a scenario has at least faults, or edits and expect")}
	case 1:
		return docs[0].Body, nil
	}
	f := &file{path: path}
	return nil, f.errorf(docs[1].Body, "a second document: a file holds one scenario")
}

// yamlError keeps place and words of an error of the library, without its excerpt of the file.
func yamlError(path string, err error) error {
	ye, ok := errors.AsType[yaml.Error](err)
	if !ok {
		return &FileError{path, 1, 1, err}
	}
	out := &FileError{path, 1, 1, errors.New(strings.TrimSpace(ye.GetMessage()))}
	if t := ye.GetToken(); t != nil && t.Position != nil {
		out.Line, out.Column = t.Position.Line, t.Position.Column
	}
	return out
}

// wrap puts the place of a node, offset columns to the right, before err.
func (f *file) wrap(n ast.Node, offset int, err error) error {
	if _, ok := errors.AsType[*FileError](err); ok {
		return err
	}
	out := &FileError{f.path, 1, 1, err}
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		n = m.Values[0].Key // a block's own token is its first colon
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		out.Line, out.Column = t.Position.Line, t.Position.Column+offset
	}
	return out
}

func (f *file) errorf(n ast.Node, format string, args ...any) error {
	return f.wrap(n, 0, fmt.Errorf(format, args...))
}

// fields reads a mapping: each key with its reader, each at most once.
func (f *file) fields(n ast.Node, readers map[string]func(ast.Node) error) error {
	values, ok := pairs(n)
	if !ok {
		return f.errorf(n, "want fields here: %s", strings.Join(slices.Sorted(maps.Keys(readers)), ", "))
	}
	seen := map[string]bool{}
	for _, v := range values {
		key := v.Key.GetToken().Value
		read := readers[key]
		switch {
		case read == nil:
			known := slices.Sorted(maps.Keys(readers))
			err := &UnknownError{What: "field", Word: key, Nearest: nearest.Word(key, known)}
			if err.Nearest == "" {
				return f.errorf(v.Key, "%w: known are %s", err, strings.Join(known, ", "))
			}
			return f.wrap(v.Key, 0, err)
		case seen[key]:
			return f.errorf(v.Key, "%s is here twice", key)
		}
		seen[key] = true
		if err := read(v.Value); err != nil {
			return err
		}
	}
	return nil
}

func pairs(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// items reads a list.
func (f *file) items(n ast.Node, read func(ast.Node) error) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		return f.errorf(n, "want a list here, such as [a, b]")
	}
	for _, item := range list.Values {
		if err := read(item); err != nil {
			return err
		}
	}
	return nil
}

// text reads a text; a number counts as one.
func (f *file) text(n ast.Node, into *string) error {
	switch n := n.(type) {
	case *ast.StringNode:
		*into = n.Value
	case *ast.LiteralNode:
		*into = strings.TrimSpace(n.Value.Value)
	case *ast.IntegerNode, *ast.FloatNode:
		*into = n.GetToken().Value
	}
	if *into == "" {
		return f.errorf(n, "want a text here")
	}
	return nil
}

// yes reads true or false.
func (f *file) yes(n ast.Node, into *bool) error {
	b, ok := n.(*ast.BoolNode)
	if !ok {
		return f.errorf(n, "want true or false here")
	}
	*into = b.Value
	return nil
}
