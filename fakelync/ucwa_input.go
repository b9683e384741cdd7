package fakelync

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"mime"
	"strings"
	"unicode/utf8"
)

// input is what a client sent to a resource: properties by their name in lower case, a list as several values. Objects
// within are there under their path, as in "_links/message/href".
type input map[string][]string

// get is the first value of a property, "" if it is absent.
func (in input) get(name string) string {
	if v := in[strings.ToLower(name)]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// inputDepth is how deep objects may lie within each other. UCWA's own lie three deep.
const inputDepth = 16

var errInput = errors.New("fakelync: the body is not what its type says")

// parseInput reads a body as its Content-Type says, and an untyped one as it looks. An empty body is an empty input.
func parseInput(contentType string, body []byte) (input, error) {
	in := input{}
	body = bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\ufeff"))
	if len(body) == 0 {
		return in, nil
	}
	if !utf8.Valid(body) {
		return nil, errInput
	}
	media, _, _ := mime.ParseMediaType(contentType) // what is wrong with it shows in the body
	if strings.HasSuffix(media, "xml") || !strings.HasSuffix(media, "json") && body[0] == '<' {
		return in, in.readXML(body)
	}
	r := lenient{rest: string(body)}
	if err := r.object(in, "", 0); err != nil {
		return nil, err
	}
	if r.space(); r.rest != "" {
		return nil, errInput
	}
	return in, nil
}

// readXML reads <input> with its <property name="…"> and <propertyList name="…"> of items, and <link rel href> as a link
// of a JSON object is read (UCWA SDK, "applications").
func (in input) readXML(body []byte) error {
	d := xml.NewDecoder(bytes.NewReader(body))
	d.Entity = map[string]string{}
	depth, name := 0, ""
	var text strings.Builder
	ended := false
	for {
		t, err := d.Token()
		switch {
		case err == io.EOF && ended:
			return nil
		case err != nil:
			return errInput
		}
		switch t := t.(type) {
		case xml.StartElement:
			depth++
			if depth > inputDepth || depth == 1 && (t.Name.Local != "input" || ended) {
				return errInput
			}
			text.Reset()
			switch t.Name.Local {
			case "property", "propertyList":
				name = strings.ToLower(attribute(t, "name"))
			case "link":
				in.add("_links/"+strings.ToLower(attribute(t, "rel"))+"/href", attribute(t, "href"))
			}
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			depth--
			ended = depth == 0
			if t.Name.Local == "property" || t.Name.Local == "item" {
				in.add(name, strings.TrimSpace(text.String()))
			}
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (in input) add(name, value string) { in[name] = append(in[name], value) }

// lenient reads JSON as UCWA does: names in either case and without quotes, and a comma before the closing bracket, are
// sent by clients that work (UCWA SDK, "Create an application").
type lenient struct{ rest string }

func (r *lenient) space() { r.rest = strings.TrimLeft(r.rest, " \t\r\n") }

// take reads the next character if it is c.
func (r *lenient) take(c byte) bool {
	r.space()
	if r.rest != "" && r.rest[0] == c {
		r.rest = r.rest[1:]
		return true
	}
	return false
}

func (r *lenient) object(in input, path string, depth int) error {
	if depth > inputDepth || !r.take('{') {
		return errInput
	}
	for !r.take('}') {
		name, err := r.text(":")
		if err != nil || name == "" || !r.take(':') {
			return errInput
		}
		if err := r.value(in, path+strings.ToLower(name), depth); err != nil {
			return err
		}
		if !r.take(',') && !r.ends('}') {
			return errInput
		}
	}
	return nil
}

func (r *lenient) ends(c byte) bool {
	r.space()
	return r.rest != "" && r.rest[0] == c
}

func (r *lenient) value(in input, path string, depth int) error {
	switch {
	case r.ends('{'):
		return r.object(in, path+"/", depth+1)
	case r.take('['):
		if depth > inputDepth {
			return errInput
		}
		for !r.take(']') {
			if err := r.value(in, path, depth+1); err != nil {
				return err
			}
			if !r.take(',') && !r.ends(']') {
				return errInput
			}
		}
		return nil
	}
	quoted := r.ends('"') || r.ends('\'')
	text, err := r.text(",}]")
	if err != nil || text == "" && !quoted {
		return errInput
	}
	if quoted || text != "null" {
		in.add(path, text)
	}
	return nil
}

// text reads a string in quotes of either kind, or a bare word up to one of the characters in end.
func (r *lenient) text(end string) (string, error) {
	r.space()
	if r.rest == "" {
		return "", errInput
	}
	quote := r.rest[0]
	if quote != '"' && quote != '\'' {
		n := strings.IndexAny(r.rest, end+" \t\r\n{[\"'")
		if n < 0 {
			return "", errInput
		}
		word := r.rest[:n]
		r.rest = r.rest[n:]
		return word, nil
	}
	n := 1
	for n < len(r.rest) && r.rest[n] != quote {
		if r.rest[n] == '\\' {
			n++
		}
		n++
	}
	if n >= len(r.rest) {
		return "", errInput
	}
	text := r.rest[:n+1]
	r.rest = r.rest[n+1:]
	if quote == '\'' {
		return text[1:n], nil // no known client escapes anything in these
	}
	var s string
	if json.Unmarshal([]byte(text), &s) != nil {
		return "", errInput
	}
	return s, nil
}
