package probe

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"maps"
	"mime"
	"slices"
	"strings"
)

const (
	maxLinks = 64      // kept of one document: real ones have fewer than thirty
	relKept  = 256     // bytes of a relation; the longest real one has thirty
	hrefKept = 2 << 10 // bytes of a URL: clients on Windows take 2083 characters
)

// parseDocument reads a discovery document of any of the four forms; nil when the body is none. The media type
// decides nothing but what to try first: proxies and old servers label bodies wrongly, and what counts is what a
// client could read.
func parseDocument(contentType string, body []byte) *Document {
	kind, _, _ := mime.ParseMediaType(contentType)
	trimmed := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if len(trimmed) == 0 {
		return nil
	}
	var d *Document
	switch {
	case trimmed[0] == '{':
		d = parseJSON(trimmed)
	case trimmed[0] == '<' && !strings.Contains(kind, "html"):
		d = parseXML(trimmed)
	}
	if d == nil || (len(d.Links) == 0 && d.AccessLocation == "") {
		return nil
	}
	return d
}

// parseJSON reads the legacy form (AccessLocation, Root.Links[] of token and href) and the UCWA form
// (_links of relation and href). [MS-OCDISCWS] 3.1.5.2; UCWA "root" resource.
func parseJSON(body []byte) *Document {
	type link struct {
		Token string `json:"token"`
		Href  string `json:"href"`
	}
	type legacy struct {
		Links []link `json:"Links"`
	}
	var doc struct {
		AccessLocation string          `json:"AccessLocation"`
		Root           *legacy         `json:"Root"`
		User           *legacy         `json:"User"`
		Domain         *legacy         `json:"Domain"`
		Links          json.RawMessage `json:"_links"`
	}
	if json.Unmarshal(body, &doc) != nil {
		return nil
	}
	d := &Document{Form: "legacy-json", AccessLocation: clean(doc.AccessLocation, relKept), Links: map[string]string{}}
	for _, part := range []*legacy{doc.Root, doc.User, doc.Domain} {
		if part != nil {
			for _, l := range part.Links {
				d.add(l.Token, l.Href)
			}
		}
	}
	if doc.Links != nil {
		d.Form = "ucwa-json"
		var links map[string]json.RawMessage
		if json.Unmarshal(doc.Links, &links) != nil {
			return nil
		}
		for _, rel := range slices.Sorted(maps.Keys(links)) { // in order, for the bound must always keep the same ones
			var l link
			if json.Unmarshal(links[rel], &l) == nil {
				d.add(rel, l.Href)
			}
		}
	}
	return d
}

// parseXML reads AutodiscoverResponse with Link elements, and the UCWA resource with link elements. Local names
// decide; the samples of the two differ in namespaces.
func parseXML(body []byte) *Document {
	dec := xml.NewDecoder(bytes.NewReader(body))
	dec.Strict = true
	d := &Document{Links: map[string]string{}}
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		attr := func(name string) string {
			for _, a := range el.Attr {
				if strings.EqualFold(a.Name.Local, name) {
					return a.Value
				}
			}
			return ""
		}
		switch {
		case d.Form == "" && el.Name.Local == "AutodiscoverResponse":
			d.Form, d.AccessLocation = "legacy-xml", clean(attr("AccessLocation"), relKept)
		case d.Form == "" && el.Name.Local == "resource":
			d.Form = "ucwa-xml"
			d.add("self", attr("href"))
		case d.Form == "":
			return nil
		case strings.EqualFold(el.Name.Local, "link") && d.Form == "legacy-xml":
			d.add(attr("token"), attr("href"))
		case strings.EqualFold(el.Name.Local, "link"):
			d.add(attr("rel"), attr("href"))
		}
	}
	if d.Form == "" {
		return nil
	}
	return d
}

func (d *Document) add(rel, href string) {
	if rel == "" || href == "" || len(rel) > relKept || len(href) > hrefKept || len(d.Links) >= maxLinks {
		return
	}
	d.Links[clean(strings.ToLower(rel), relKept)] = clean(href, hrefKept)
}
