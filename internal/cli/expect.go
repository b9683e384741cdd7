package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"lyncpin/internal/nearest"
	"lyncpin/internal/yamlfile"
	"lyncpin/probe"
	"lyncpin/scenarios"
)

// loadExpected reads the YAML file of --expect. Its fields are those of probe.Expected.
func loadExpected(path string, data []byte) (probe.Expected, error) {
	var out probe.Expected
	second := false
	err := yamlfile.Safely(data, func() error {
		dec := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
		if err := dec.Decode(&out); err != nil {
			return err
		}
		second = !errors.Is(dec.Decode(&probe.Expected{}), io.EOF)
		return nil
	})
	switch {
	case errors.Is(err, io.EOF):
		return out, fmt.Errorf("%s: the file is empty", path)
	case err != nil:
		return out, yamlError(path, err, reflect.TypeFor[probe.Expected](), reflect.TypeFor[probe.WebServer]())
	case second:
		return out, fmt.Errorf("%s: a second document: want one", path)
	}
	return out, checkExpected(path, out)
}

// yamlError is one line with the place in front. A field that is unknown may be meant for one of those types.
func yamlError(path string, err error, of ...reflect.Type) error {
	ye, ok := errors.AsType[yaml.Error](err)
	if !ok {
		return fmt.Errorf("%s: %w", path, err)
	}
	text := strings.TrimSpace(ye.GetMessage())
	if te, ok := errors.AsType[*yaml.TypeError](err); ok {
		text = fmt.Sprintf("want %s here", kindWords(te.DstType))
	}
	if _, ok := errors.AsType[*yaml.UnknownFieldError](err); ok {
		word := strings.Trim(strings.TrimPrefix(text, "unknown field "), `"`)
		var known []string
		for _, t := range of {
			known = append(known, tags(t)...)
		}
		text = (&scenarios.UnknownError{What: "field", Word: word, Nearest: nearest.Word(word, known)}).Error()
	}
	if t := ye.GetToken(); t != nil && t.Position != nil {
		return fmt.Errorf("%s:%d:%d: %s", path, t.Position.Line, t.Position.Column, text)
	}
	return fmt.Errorf("%s: %s", path, text)
}

func kindWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a number"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "a group of fields"
	}
	return "a text"
}

func tags(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		out = append(out, t.Field(i).Tag.Get("yaml"))
	}
	return out
}

// checkExpected refuses words that would be ignored.
func checkExpected(path string, e probe.Expected) error {
	for i, w := range e.WebServers {
		at := fmt.Sprintf("%s: web_servers[%d]", path, i)
		for _, f := range []struct {
			field, value string
			words        []string
		}{
			{"scheme", w.Scheme, []string{"https", "http"}},
			{"trust", w.Trust, []string{"", "public", "enterprise"}},
			{"application", w.Application, []string{"", "lync", "office-web-apps"}},
		} {
			if !slices.Contains(f.words, f.value) {
				known := strings.Join(f.words, ", ")
				return fmt.Errorf("%s.%s: %q is not one of %s", at, f.field, f.value, strings.TrimPrefix(known, ", "))
			}
		}
		if !strings.Contains(w.Address, ":") {
			return fmt.Errorf("%s.address: %q is not host:port", at, w.Address)
		}
	}
	return nil
}
