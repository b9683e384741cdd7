package render_test

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"lyncpin/internal/grid"
	"lyncpin/internal/load"
	"lyncpin/probe"
)

// schema is the part of JSON Schema 2020-12 that the promised formats use.
type schema struct {
	Schema      string             `json:"$schema"`
	ID          string             `json:"$id"`
	Title       string             `json:"title"`
	Defs        map[string]*schema `json:"$defs"`
	Ref         string             `json:"$ref"`
	Description string             `json:"description"`
	Type        kinds              `json:"type"`
	Format      string             `json:"format"`
	Encoding    string             `json:"contentEncoding"`
	Const       *string            `json:"const"`
	Enum        []string           `json:"enum"`
	Minimum     *float64           `json:"minimum"`
	Properties  map[string]*schema `json:"properties"`
	Required    []string           `json:"required"`
	Items       *schema            `json:"items"`
	Additional  *schema            `json:"additionalProperties"`
}

// kinds is one type or a list of them.
type kinds []string

func (k *kinds) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*k = kinds{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(k))
}

func readSchema(t *testing.T, name string) *schema {
	t.Helper()
	file, err := os.Open("../../schema/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := &schema{}
	dec := json.NewDecoder(file)
	dec.DisallowUnknownFields() // a keyword that this test does not know would promise what nothing holds
	if err := dec.Decode(s); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

// matcher compares a schema with the Go type that is written.
type matcher struct {
	root *schema
	// nullable says that a nil slice or map is written as null.
	nullable bool
	seen     map[reflect.Type]string // struct types already compared, by the definition used
	used     map[string]bool         // definitions
	wrong    []string
}

func (m *matcher) errorf(at, format string, args ...any) {
	m.wrong = append(m.wrong, at+": "+fmt.Sprintf(format, args...))
}

// follow resolves a reference.
func (m *matcher) follow(at string, s *schema) (*schema, string) {
	if s.Ref == "" {
		return s, at
	}
	name := strings.TrimPrefix(s.Ref, "#/$defs/")
	def := m.root.Defs[name]
	if def == nil {
		m.errorf(at, "refers to %s, which is not there", s.Ref)
		return &schema{}, name
	}
	m.used[name] = true
	return def, name
}

var (
	timeType      = reflect.TypeFor[time.Time]()
	marshalerType = reflect.TypeFor[encoding.TextMarshaler]()
)

// match compares s with typ; omitted says that the empty value is left out, so that null is never written.
func (m *matcher) match(at string, s *schema, typ reflect.Type, omitted bool) {
	s, name := m.follow(at, s)
	var want kinds
	null := func(kind string) kinds {
		if m.nullable && !omitted {
			return kinds{kind, "null"}
		}
		return kinds{kind}
	}
	switch {
	case typ == timeType:
		want = kinds{"string"}
		if s.Format != "date-time" {
			m.errorf(at, "format = %q, want date-time", s.Format)
		}
	case typ.Implements(marshalerType), typ.Kind() == reflect.String:
		want = kinds{"string"}
	case typ.Kind() == reflect.Pointer:
		if !omitted {
			m.errorf(at, "a pointer that may be null is not promised")
		}
		m.match(at, s, typ.Elem(), omitted)
		return
	case typ.Kind() == reflect.Bool:
		want = kinds{"boolean"}
	case typ.Kind() == reflect.Float64:
		want = kinds{"number"}
	case typ.Kind() >= reflect.Int && typ.Kind() <= reflect.Uint64:
		want = kinds{"integer"}
	case typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.Uint8:
		want = null("string")
		if s.Encoding != "base64" {
			m.errorf(at, "contentEncoding = %q, want base64", s.Encoding)
		}
	case typ.Kind() == reflect.Slice:
		want = null("array")
		if s.Items == nil {
			m.errorf(at, "a list without items")
			break
		}
		elem := typ.Elem()
		if elem.Kind() == reflect.Pointer { // no list of ours has null entries
			elem = elem.Elem()
		}
		m.match(at+"[]", s.Items, elem, false)
	case typ.Kind() == reflect.Map:
		want = null("object")
		if s.Additional == nil {
			m.errorf(at, "a map without additionalProperties")
			break
		}
		m.match(at+"{}", s.Additional, typ.Elem(), false)
	case typ.Kind() == reflect.Struct:
		want = kinds{"object"}
		if old, ok := m.seen[typ]; !ok {
			m.seen[typ] = name
			m.matchStruct(name, s, typ)
		} else if old != name {
			m.errorf(at, "%v is %s here and %s elsewhere", typ, name, old)
		}
	default:
		m.errorf(at, "no rule for the Go type %v", typ)
	}
	if !slices.Equal(s.Type, want) {
		m.errorf(at, "type = %v, want %v", s.Type, want)
	}
}

func (m *matcher) matchStruct(at string, s *schema, typ reflect.Type) {
	fields := map[string]bool{}
	var required []string
	for f := range typ.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			m.errorf(at, "field %s has no JSON name", f.Name)
			continue
		}
		omitted := strings.Contains(options, "omitempty")
		if !omitted {
			required = append(required, name)
		}
		fields[name] = true
		p := s.Properties[name]
		if p == nil {
			m.errorf(at, "property %s is missing", name)
			continue
		}
		if p.Description == "" {
			m.errorf(at, "property %s has no description", name)
		}
		m.match(at+"."+name, p, f.Type, omitted)
	}
	for name := range s.Properties {
		if !fields[name] {
			m.errorf(at, "property %s is never written", name)
		}
	}
	got := slices.Sorted(slices.Values(s.Required))
	slices.Sort(required)
	if !slices.Equal(got, required) {
		m.errorf(at, "required = %v, want %v", got, required)
	}
}

func TestSchemasSayWhatIsWritten(t *testing.T) {
	t.Parallel()
	cases := []struct {
		file, format string
		typ          reflect.Type
		nullable     bool
	}{
		{file: "record-1.json", format: probe.RecordSchema, typ: reflect.TypeFor[probe.Record](), nullable: true},
		{file: "report-1.json", format: probe.ReportSchema, typ: reflect.TypeFor[probe.Report]()}, // JSON writes no null
		{file: "grid-1.json", format: grid.Schema, typ: reflect.TypeFor[grid.Result]()},
		{file: "load-1.json", format: load.Schema, typ: reflect.TypeFor[load.Result]()},
	}
	for _, c := range cases {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			s := readSchema(t, c.file)
			m := &matcher{root: s, nullable: c.nullable, seen: map[reflect.Type]string{}, used: map[string]bool{}}
			m.match("document", s, c.typ, false)
			for _, w := range m.wrong {
				t.Error(w)
			}
			for name := range s.Defs {
				if !m.used[name] {
					t.Errorf("definition %s is not used", name)
				}
			}
			if p := s.Properties["schema"]; p == nil || p.Const == nil || *p.Const != c.format {
				t.Errorf("the format's name is not %s", c.format)
			}
		})
	}
}

func TestSchemaEnumerations(t *testing.T) {
	t.Parallel()
	s := readSchema(t, "report-1.json")
	var severities []string
	for v := probe.Low; v.String() != ""; v++ {
		severities = append(severities, v.String())
	}
	for name, c := range map[string]struct{ got, want []string }{
		"verdict":  {s.Properties["verdict"].Enum, []string{probe.VerdictClear, probe.VerdictFound, probe.VerdictUnknown}},
		"state":    {s.Defs["step"].Properties["state"].Enum, []string{probe.Passed, probe.Failed, probe.NotTried, probe.Noted}},
		"severity": {s.Defs["finding"].Properties["severity"].Enum, severities},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: enum = %v, want %v", name, c.got, c.want)
		}
	}
}

// The reports of testdata are what JSON writes: TestJSONIsTheReport holds that.
func TestReportsConformToTheSchema(t *testing.T) {
	t.Parallel()
	s := readSchema(t, "report-1.json")
	for name, text := range reports(t) {
		var doc any
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		for _, w := range conform(s, s, name, doc) {
			t.Error(w)
		}
	}
	if got := conform(s, s, "broken", map[string]any{"verdict": "fine", "checked": 1.5}); len(got) < 3 {
		t.Errorf("a broken report has the defects %q, want a missing field, a wrong verdict and a wrong number", got)
	}
}

// conform lists what of a document is not as the schema says.
func conform(root, s *schema, at string, doc any) (wrong []string) {
	if s.Ref != "" {
		s = root.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
	}
	kind := "null"
	switch v := doc.(type) {
	case string:
		kind = "string"
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) || s.Const != nil && *s.Const != v {
			wrong = append(wrong, fmt.Sprintf("%s: %q is no allowed value", at, v))
		}
	case bool:
		kind = "boolean"
	case float64:
		kind = "number"
		if v == float64(int64(v)) && slices.Contains(s.Type, "integer") {
			kind = "integer"
		}
		if s.Minimum != nil && v < *s.Minimum {
			wrong = append(wrong, fmt.Sprintf("%s: %v is too small", at, v))
		}
	case []any:
		kind = "array"
		for i := range v {
			wrong = append(wrong, conform(root, s.Items, fmt.Sprintf("%s[%d]", at, i), v[i])...)
		}
	case map[string]any:
		kind = "object"
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				wrong = append(wrong, at+": "+name+" is missing")
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if p := s.Properties[name]; p != nil {
				wrong = append(wrong, conform(root, p, at+"."+name, v[name])...)
			} else if s.Additional != nil {
				wrong = append(wrong, conform(root, s.Additional, at+"."+name, v[name])...)
			} else {
				wrong = append(wrong, at+": "+name+" is not described")
			}
		}
	}
	if !slices.Contains(s.Type, kind) {
		wrong = append(wrong, fmt.Sprintf("%s: it is %s, want %v", at, kind, s.Type))
	}
	return wrong
}
