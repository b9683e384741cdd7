package fakelync

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"strings"
)

// ucwaSpace is the namespace of UCWA's XML (UCWA SDK, "root").
const ucwaSpace = "http://schemas.microsoft.com/rtc/2012/03/ucwa"

// resource is one resource of UCWA: what is written as a HAL object in JSON and as a resource element in XML (UCWA SDK,
// "Create an application", for both).
type resource struct {
	rel, href string
	// as is the relation that it is embedded by where that is not its own, as with a participant who sent an invitation.
	as string
	// collection makes lists of all that it links to and embeds: clients of collections count on lists also where they
	// have one member (UCWA SDK, "conversations" and "search"; that other collections are alike is inferred).
	collection bool
	properties []property
	links      []link
	embedded   []resource
}

// property is a value of a resource: a string, a bool, an int, or a []string.
type property struct {
	name  string
	value any
}

// usualDocument is how many bytes an application's document has; others have fewer, but for lists.
const usualDocument = 3 << 10

// write writes the resource as a document of its own.
func (r *resource) write(form Document) []byte {
	var b bytes.Buffer
	b.Grow(usualDocument)
	if form == UCWAXML {
		r.xml(&b, ucwaSpace)
	} else {
		r.json(&b)
	}
	return b.Bytes()
}

func (r *resource) json(b *bytes.Buffer) {
	b.WriteByte('{')
	for _, p := range r.properties {
		b.WriteString(jsonText(p.name))
		b.WriteByte(':')
		b.WriteString(jsonValue(p.value))
		b.WriteByte(',')
	}
	b.WriteString(`"_links":`)
	jsonLinks(b, append([]link{{"self", r.href}}, r.links...), r.collection)
	if len(r.embedded) > 0 {
		b.WriteString(`,"_embedded":{`)
		for i, group := range grouped(r.embedded, resource.relation) {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(jsonText(group[0].relation()))
			b.WriteByte(':')
			jsonOneOrMore(b, group, r.collection, func(e resource) { e.json(b) })
		}
		b.WriteByte('}')
	}
	fmt.Fprintf(b, `,"rel":%s}`, jsonText(r.rel))
}

// relation is what the resource is embedded by.
func (r resource) relation() string { return cmp.Or(r.as, r.rel) }

// jsonLinks writes links by their relation; several of one relation are a list, and in lists all but the resource's own.
func jsonLinks(b *bytes.Buffer, links []link, lists bool) {
	b.WriteByte('{')
	for i, group := range grouped(links, func(l link) string { return l.name }) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(jsonText(group[0].name))
		b.WriteByte(':')
		jsonOneOrMore(b, group, lists && group[0].name != "self", func(l link) { fmt.Fprintf(b, `{"href":%s}`, jsonText(l.href)) })
	}
	b.WriteByte('}')
}

func jsonOneOrMore[T any](b *bytes.Buffer, items []T, list bool, write func(T)) {
	if len(items) == 1 && !list {
		write(items[0])
		return
	}
	b.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		write(item)
	}
	b.WriteByte(']')
}

// jsonValue is a property's value in JSON.
func jsonValue(v any) string {
	switch v := v.(type) {
	case string:
		return jsonText(v)
	case []string:
		list := make([]string, len(v))
		for i, s := range v {
			list[i] = jsonText(s)
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	return fmt.Sprint(v)
}

// grouped brings items with the same key together, in the order in which the keys first come.
func grouped[T any](items []T, key func(T) string) [][]T {
	var groups [][]T
	place := map[string]int{}
	for _, item := range items {
		k := key(item)
		i, ok := place[k]
		if !ok {
			i = len(groups)
			place[k] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], item)
	}
	return groups
}

// xml writes the resource element, with a namespace unless it stands in one already. That lists are propertyList
// elements of items is inferred.
func (r *resource) xml(b *bytes.Buffer, space string) {
	b.WriteString(`<resource`)
	xmlAttribute(b, "rel", r.relation())
	xmlAttribute(b, "href", r.href)
	if space != "" {
		xmlAttribute(b, "xmlns", space)
	}
	b.WriteByte('>')
	for _, l := range r.links {
		xmlLink(b, "link", l)
	}
	for _, p := range r.properties {
		if list, ok := p.value.([]string); ok {
			b.WriteString(`<propertyList`)
			xmlAttribute(b, "name", p.name)
			b.WriteByte('>')
			for _, item := range list {
				fmt.Fprintf(b, `<item>%s</item>`, xmlText(item))
			}
			b.WriteString(`</propertyList>`)
			continue
		}
		b.WriteString(`<property`)
		xmlAttribute(b, "name", p.name)
		fmt.Fprintf(b, `>%s</property>`, xmlText(fmt.Sprint(p.value)))
	}
	for _, e := range r.embedded {
		e.xml(b, "")
	}
	b.WriteString(`</resource>`)
}

func xmlLink(b *bytes.Buffer, element string, l link) {
	b.WriteString(`<` + element)
	xmlAttribute(b, "rel", l.name)
	xmlAttribute(b, "href", l.href)
	b.WriteString(`/>`)
}

func xmlAttribute(b *bytes.Buffer, name, value string) {
	b.WriteString(` ` + name + `="`)
	xml.EscapeText(b, []byte(value)) // a bytes.Buffer takes everything
	b.WriteByte('"')
}
