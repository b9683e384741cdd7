package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// forget leaves an exchange out of the record: how many of its kind there were depends on timing, and it was as it should
// be.
func (o *observer) forget(x *Exchange) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.section.Exchanges {
		if o.section.Exchanges[i].ID == x.ID {
			o.section.Exchanges[i] = Exchange{ID: x.ID, Purpose: leftOut}
		}
	}
}

// leftOut is the purpose of what finish leaves out.
const leftOut = ""

// inXML tells whether the client speaks UCWA's XML dialect.
func (in *signedIn) inXML() bool { return strings.Contains(in.media, "xml") }

// link is the URL of a relation, or of a path below the application when its documents did not name that. It is an
// error when the URL is of another server: the ticket belongs to this one.
func (in *signedIn) link(relation, below string) (link, error) {
	if href := in.links[relation]; href != "" {
		return in.follow(href)
	}
	path, _, _ := strings.Cut(in.application.target, "?")
	return in.follow(path + below)
}

// follow resolves a link of a document of the application.
func (in *signedIn) follow(href string) (link, error) {
	base, err := url.Parse(in.application.String())
	if err != nil {
		return link{}, errBadURL
	}
	to, err := base.Parse(href)
	if err != nil {
		return link{}, errBadURL
	}
	l, err := followable(to.String())
	if err != nil || l.scheme != in.application.scheme || l.host != in.application.host || l.port != in.application.port {
		return link{}, errBadURL
	}
	return l, nil
}

// property is a value that a client sends: a text or a list of texts.
type property struct {
	name  string
	value any
}

// input is a body with these properties, in the client's dialect.
func (in *signedIn) input(properties ...property) []byte {
	var out bytes.Buffer
	if !in.inXML() {
		object := map[string]any{}
		for _, p := range properties {
			object[p.name] = p.value
		}
		json.NewEncoder(&out).Encode(object)
		return out.Bytes()
	}
	escaped := func(text string) string {
		var e strings.Builder
		xml.EscapeText(&e, []byte(text))
		return e.String()
	}
	fmt.Fprintf(&out, "<input xmlns=%q>", ucwaNamespace)
	for _, p := range properties {
		switch v := p.value.(type) {
		case []string: // the form of a list is inferred
			fmt.Fprintf(&out, "<propertyList name=%q>", p.name)
			for _, item := range v {
				fmt.Fprintf(&out, "<item>%s</item>", escaped(item))
			}
			out.WriteString("</propertyList>")
		case string:
			fmt.Fprintf(&out, "<property name=%q>%s</property>", p.name, escaped(v))
		}
	}
	out.WriteString("</input>")
	return out.Bytes()
}

// newUUID is a random identifier: RFC 9562 section 5.4.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// another creates one more application of the same account, as its second device would. Nil means that this did not
// work. The caller must end it.
func (o *observer) another(ctx context.Context, who *signedIn) *signedIn {
	path, _, _ := strings.Cut(who.application.target, "?")
	to, err := who.follow(path[:strings.LastIndexByte(path, '/')])
	if err != nil {
		return nil
	}
	line := who.connect("second device")
	defer line.close()
	x, body := line.do(ctx, who.request(SignInUCWA, http.MethodPost, to.target).with(who.media, who.input(
		property{"culture", "en-US"}, property{"endpointId", newUUID()}, property{"userAgent", "lyncpin"})))
	doc := parseUCWA(body)
	if x.Status != http.StatusCreated || doc == nil {
		return nil
	}
	out := *who
	out.links = doc.links
	if out.application, err = who.follow(doc.self); err != nil {
		return nil
	}
	return &out
}

// end deletes an application, also when the run was stopped.
func (o *observer) end(ctx context.Context, who *signedIn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.limits.Request)
	defer cancel()
	line := who.connect("second device")
	defer line.close()
	line.do(ctx, who.request(SignInUCWA, http.MethodDelete, who.application.target))
}

// ucwaOf is the UCWA document in an answer; nil when it is none, so that something else than a Front End made it.
func ucwaOf(x *Exchange, body []byte) *resource {
	if !x.Outcome.OK() || LooksLikeHTML(x) {
		return nil
	}
	return parseUCWA(body)
}

// find returns the first event that is wanted.
func find(events []event, wanted func(*event) bool) *event {
	if i := slices.IndexFunc(events, func(e event) bool { return wanted(&e) }); i >= 0 {
		return &events[i]
	}
	return nil
}
