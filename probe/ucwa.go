package probe

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ucwaNamespace is that of UCWA's XML dialect.
const ucwaNamespace = "http://schemas.microsoft.com/rtc/2012/03/ucwa"

// maxDepth bounds how deep a document is read: the application's has four levels.
const maxDepth = 32

// resource is a UCWA document of either dialect, flattened: it has the links and values of what it embeds. Of several
// links of one relation it has the outermost, and of these the first.
type resource struct {
	rel   string
	self  string
	links map[string]string // by relation; hrefs as sent
	// values are by the relation of the resource that has them and their name: "me.uri". Those of the document itself
	// have no relation: "code".
	values map[string]string
	events []event
}

// event is something that happened: UCWA "Event channel details".
type event struct {
	// kind is added, updated, deleted, started or completed; rel and href are what it happened to, and sender is the
	// relation of the resource that tells.
	kind, rel, href, sender string
	resource
}

func newResource() resource { return resource{links: map[string]string{}, values: map[string]string{}} }

// parseUCWA reads a document of UCWA; nil when the body is none.
func parseUCWA(body []byte) *resource {
	out := newResource()
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	switch {
	case bytes.HasPrefix(body, []byte("{")):
		var node map[string]any
		if json.Unmarshal(body, &node) != nil {
			return nil
		}
		out.readJSON(node, "", 0)
	case bytes.HasPrefix(body, []byte("<")):
		var node xmlNode
		if xml.Unmarshal(body, &node) != nil || node.XMLName.Space != ucwaNamespace {
			return nil
		}
		out.readXML(&node, "", 0)
	default:
		return nil
	}
	if len(out.links) == 0 && out.self == "" && out.values["code"] == "" {
		return nil
	}
	return &out
}

// put notes what is not known yet.
func put(into map[string]string, key, value string) {
	if _, ok := into[key]; !ok && value != "" {
		into[key] = value
	}
}

func (r *resource) readJSON(node map[string]any, rel string, depth int) {
	if depth > maxDepth {
		return
	}
	if depth == 0 {
		r.rel, _ = node["rel"].(string)
	}
	links, _ := node["_links"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(links)) {
		href := hrefOf(links[name])
		switch {
		case name != "self":
			put(r.links, name, href)
		case r.self == "":
			r.self = href
		}
	}
	embedded, _ := node["_embedded"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(node)) {
		switch v := node[name].(type) {
		case string:
			put(r.values, valueName(rel, name), v)
		case float64, bool:
			put(r.values, valueName(rel, name), fmt.Sprint(v))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(embedded)) {
		for _, child := range objects(embedded[name]) {
			r.readJSON(child, name, depth+1)
		}
	}
	for _, sender := range objects(node["sender"]) {
		from, _ := sender["rel"].(string)
		for _, e := range objects(sender["events"]) {
			happened := event{sender: from, resource: newResource()}
			happened.kind, _ = e["type"].(string)
			if link, ok := e["link"].(map[string]any); ok {
				happened.rel, _ = link["rel"].(string)
				happened.href, _ = link["href"].(string)
			}
			happened.readJSON(e, "", depth+1)
			r.events = append(r.events, happened)
		}
	}
}

func valueName(rel, name string) string {
	if rel == "" {
		return name
	}
	return rel + "." + name
}

// hrefOf is the target of a link, of the first where there are several.
func hrefOf(link any) string {
	for _, l := range objects(link) {
		if href, ok := l["href"].(string); ok {
			return href
		}
	}
	return ""
}

// objects are the objects of a value that is one or a list of them.
func objects(v any) []map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return []map[string]any{v}
	case []any:
		var out []map[string]any
		for _, e := range v {
			if o, ok := e.(map[string]any); ok {
				out = append(out, o)
			}
		}
		return out
	}
	return nil
}

// xmlNode is any element.
type xmlNode struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []xmlNode  `xml:",any"`
}

func (n *xmlNode) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (r *resource) readXML(node *xmlNode, rel string, depth int) {
	if depth > maxDepth {
		return
	}
	if depth == 0 {
		r.rel, r.self = node.attr("rel"), node.attr("href")
	}
	for i := range node.Children {
		switch child := &node.Children[i]; child.XMLName.Local {
		case "link":
			put(r.links, child.attr("rel"), child.attr("href"))
		case "property":
			put(r.values, valueName(rel, child.attr("name")), strings.TrimSpace(child.Text))
		case "code", "subcode":
			put(r.values, valueName(rel, child.XMLName.Local), strings.TrimSpace(child.Text))
		}
	}
	for i := range node.Children {
		switch child := &node.Children[i]; child.XMLName.Local {
		case "resource":
			r.readXML(child, child.attr("rel"), depth+1)
		case "sender":
			for j := range child.Children {
				e := &child.Children[j]
				happened := event{kind: e.XMLName.Local, rel: e.attr("rel"), href: e.attr("href"), sender: child.attr("rel"), resource: newResource()}
				happened.readXML(e, "", depth+1)
				r.events = append(r.events, happened)
			}
		}
	}
}

// has tells whether one of the event's values contains the text.
func (e *event) has(text string) bool {
	for _, v := range e.values {
		if strings.Contains(v, text) {
			return true
		}
	}
	return false
}
