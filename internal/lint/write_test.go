package lint

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func result(t *testing.T) Result {
	t.Helper()
	data, err := os.ReadFile("testdata/nginx/suppressed.conf")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Read("sites/suppressed.conf", data, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return ResultOf(f, Options{})
}

// TestSARIF compares with what the standard requires (SARIF 2.1.0, sections 3.13 to 3.52), read as plain JSON.
func TestSARIF(t *testing.T) {
	t.Parallel()
	r := result(t)
	r.Findings = append(r.Findings, Finding{Rule: complaintRule(Nginx), File: "/etc/nginx/nginx.conf", Reason: "nginx says: no"})
	var b bytes.Buffer
	if err := WriteSARIF(&b, []Result{r}, Rules(), ""); err != nil {
		t.Fatal(err)
	}
	var log map[string]any
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	if log["version"] != "2.1.0" || !strings.Contains(log["$schema"].(string), "sarif-2.1.0") {
		t.Errorf("version %v, schema %v", log["version"], log["$schema"])
	}
	run := log["runs"].([]any)[0].(map[string]any)
	rules := run["tool"].(map[string]any)["driver"].(map[string]any)["rules"].([]any)
	if len(rules) < 40 {
		t.Errorf("%d rules, want all of nginx's", len(rules))
	}
	levels := []string{"none", "note", "warning", "error"}
	for _, x := range rules {
		rule := x.(map[string]any)
		for _, part := range []string{"shortDescription", "fullDescription", "help"} {
			if text, _ := rule[part].(map[string]any)["text"].(string); text == "" {
				t.Errorf("rule %v has no text in %s", rule["id"], part)
			}
		}
		if level := rule["defaultConfiguration"].(map[string]any)["level"].(string); !slices.Contains(levels, level) {
			t.Errorf("rule %v: level %q", rule["id"], level)
		}
	}
	results := run["results"].([]any)
	if len(results) != len(r.Findings) {
		t.Fatalf("%d results, want %d", len(results), len(r.Findings))
	}
	left := 0
	for _, x := range results {
		one := x.(map[string]any)
		if got := rules[int(one["ruleIndex"].(float64))].(map[string]any)["id"]; got != one["ruleId"] {
			t.Errorf("ruleIndex leads to %v, want %v", got, one["ruleId"])
		}
		if text, _ := one["message"].(map[string]any)["text"].(string); text == "" || !slices.Contains(levels, one["level"].(string)) {
			t.Errorf("result %v: message %q, level %v", one["ruleId"], text, one["level"])
		}
		place := one["locations"].([]any)[0].(map[string]any)["physicalLocation"].(map[string]any)
		if uri := place["artifactLocation"].(map[string]any)["uri"]; uri != "sites/suppressed.conf" && uri != "file:///etc/nginx/nginx.conf" {
			t.Errorf("uri = %v", uri)
		}
		if line := place["region"].(map[string]any)["startLine"].(float64); line < 1 {
			t.Errorf("startLine = %v, want at least 1", line)
		}
		if print := one["partialFingerprints"].(map[string]any)["lyncpin/v1"]; print == "" || print == nil {
			t.Error("a result without a fingerprint")
		}
		for _, s := range one["suppressions"].([]any) {
			left++
			if s := s.(map[string]any); s["kind"] != "inSource" || s["justification"] == "" {
				t.Errorf("suppression = %v", s)
			}
		}
	}
	if left != 3 {
		t.Errorf("%d suppressions, want 3", left)
	}
}

// TestJSON compares what is written with the fields that the schema describes, both ways.
func TestJSON(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := WriteJSON(&b, []Result{result(t)}); err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../schema/lint-1.json")
	if err != nil {
		t.Fatal(err)
	}
	var s jsonSchema
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		t.Fatalf("schema/lint-1.json: %v", err)
	}
	s.holds(t, &s, "document", doc)
	for name, typ := range map[string]reflect.Type{"": reflect.TypeFor[document](), "file": reflect.TypeFor[fileJSON](), "finding": reflect.TypeFor[findingJSON]()} {
		described := s.Properties
		required := s.Required
		if name != "" {
			described, required = s.Defs[name].Properties, s.Defs[name].Required
		}
		for i := range typ.NumField() {
			field, option, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if described[field] == nil {
				t.Errorf("%s is written in %q and not described", field, name)
			}
			if slices.Contains(required, field) == (option == "omitempty") {
				t.Errorf("%s of %q: required and omitted, or neither", field, name)
			}
		}
		if len(described) != typ.NumField() {
			t.Errorf("%q: %d fields described, and %d written", name, len(described), typ.NumField())
		}
	}
}

type jsonSchema struct {
	Schema      string                 `json:"$schema"`
	ID          string                 `json:"$id"`
	Title       string                 `json:"title"`
	Description string                 `json:"description"`
	Type        string                 `json:"type"`
	Const       string                 `json:"const"`
	Enum        []string               `json:"enum"`
	Minimum     *float64               `json:"minimum"`
	Ref         string                 `json:"$ref"`
	Defs        map[string]*jsonSchema `json:"$defs"`
	Properties  map[string]*jsonSchema `json:"properties"`
	Required    []string               `json:"required"`
	Items       *jsonSchema            `json:"items"`
	Additional  *jsonSchema            `json:"additionalProperties"`
}

// holds compares a value with a schema.
func (s *jsonSchema) holds(t *testing.T, root *jsonSchema, at string, value any) {
	t.Helper()
	if s.Ref != "" {
		s = root.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
	}
	kind := ""
	switch v := value.(type) {
	case string:
		kind = "string"
		if s.Const != "" && v != s.Const || s.Enum != nil && !slices.Contains(s.Enum, v) {
			t.Errorf("%s = %q, which the schema does not allow", at, v)
		}
	case bool:
		kind = "boolean"
	case float64:
		if kind = "integer"; s.Minimum != nil && v < *s.Minimum {
			t.Errorf("%s = %v, less than %v", at, v, *s.Minimum)
		}
	case []any:
		kind = "array"
		for _, x := range v {
			s.Items.holds(t, root, at+"[]", x)
		}
	case map[string]any:
		kind = "object"
		for name, x := range v {
			inner := s.Properties[name]
			if inner == nil {
				inner = s.Additional
			}
			if inner == nil {
				t.Errorf("%s.%s is not described", at, name)
				continue
			}
			inner.holds(t, root, at+"."+name, x)
		}
		for _, name := range s.Required {
			if _, there := v[name]; !there {
				t.Errorf("%s lacks %s", at, name)
			}
		}
	}
	if kind != s.Type {
		t.Errorf("%s is of type %q, want %q", at, kind, s.Type)
	}
	if s.Description == "" {
		t.Errorf("%s has no description", at)
	}
}

func TestRulesAreWellFormed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	id := regexp.MustCompile(`^(NGX|APA|HAP|SQD)-\d\d$`)
	for _, r := range Rules() {
		if !id.MatchString(r.ID) || seen[r.ID] || r.Title == "" || !slices.Contains(Severities(), r.Severity) {
			t.Errorf("rule %+v: a bad or second ID, no title, or an unknown severity", r)
		}
		seen[r.ID] = true
	}
	if len(seen) < 100 {
		t.Errorf("%d rules: was a product lost?", len(seen))
	}
}

// TestComplaints reads what nginx 1.22, Apache 2.4, HAProxy 2.6 and Squid 5.7 wrote about broken files.
func TestComplaints(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ product, output, want string }{
		{Nginx, "2026/11/22 16:43:49 [emerg] 12680#12680: unknown directive \"foo\" in /etc/nginx/n.conf:2\nnginx: configuration file /etc/nginx/n.conf test failed", "/etc/nginx/n.conf:2"},
		{HAProxy, "[NOTICE]   (12682) : haproxy version is 2.6.12-1+deb12u4\n[ALERT]    (12682) : config : parsing [p/h.cfg:2] : unknown keyword 'foo' in 'global' section\n[ALERT]    (12682) : config : Error(s) found in configuration file : p/h.cfg", "p/h.cfg:2"},
		{Apache, "AH00526: Syntax error on line 5 of /etc/apache2/a.conf:\nInvalid command 'Foo', perhaps misspelled", "/etc/apache2/a.conf:5"},
		{Squid, "2026/11/22 16:43:49| Processing: foo bar\n2026/11/22 16:43:49| /etc/squid/s.conf(1): unrecognized: 'foo'\n2026/11/22 16:43:49| FATAL: Bungled /etc/squid/s.conf line 2: http_port", "/etc/squid/s.conf:1 /etc/squid/s.conf:2"},
		{Squid, "something else", "given:0"},
	} {
		var got []string
		for _, x := range Complaints(c.product, "given", c.output) {
			got = append(got, strings.TrimSpace(x.File)+":"+string(rune('0'+x.Line)))
			if !strings.HasPrefix(x.Reason, c.product+" says: ") || len(x.Reason) < 15 {
				t.Errorf("%s: reason = %q", c.product, x.Reason)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: at %s, want %s", c.product, s, c.want)
		}
	}
}
