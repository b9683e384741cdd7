package fakelync

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
)

// rootPath is where the discovery service lives, as the products write it.
const rootPath = "/Autodiscover/AutodiscoverService.svc/root"

const xframePath = "/Autodiscover/XFrame/XFrame.html"

// discovery answers the root and what is below it ([MS-OCDISCWS] 3.1.5). The service knows GET only; that it answers
// other methods with 405, as WCF does, is inferred.
func (s *site) discovery(q *query, rest string) response {
	resource := strings.ToLower(strings.TrimSuffix(rest, "/"))
	switch resource {
	case "", "/domain", "/user", "/oauth/user":
	default:
		return s.page(http.StatusNotFound, 0)
	}
	if resource == "/oauth/user" && !s.traits.ucwa {
		return s.page(http.StatusNotFound, 0)
	}
	if q.method != http.MethodGet {
		r := s.page(http.StatusMethodNotAllowed, 0)
		r.set("Allow", http.MethodGet)
		return r
	}
	switch resource {
	case "/user":
		return s.user(q, false)
	case "/oauth/user":
		return s.user(q, true)
	case "/domain":
		return s.domain(q)
	}
	return s.root(q)
}

// discoveryDomain returns the SIP domain a discovery name is for. Any domain will do: the machine's URL rewriting looks
// at the first label only.
func discoveryDomain(host string) (domain string, ok bool) {
	label, domain, _ := strings.Cut(host, ".")
	return domain, domain != "" && (label == "lyncdiscover" || label == "lyncdiscoverinternal")
}

// originalDomain is the SIP domain a root request is about: as its query says, else as the discovery name says that was
// asked for "/". The second rule is read off a capture, where the label is gone from the Host.
func (q *query) originalDomain() string {
	if d := q.param("originalDomain"); d != "" {
		return d
	}
	if q.folded == "/" || q.folded == "" {
		d, _ := discoveryDomain(q.host)
		return d
	}
	return ""
}

// userDomain is the domain whose home is looked up: the one in sipuri, else originalDomain.
func (q *query) userDomain() string {
	if _, domain, ok := strings.Cut(q.param("sipuri"), "@"); ok {
		return strings.ToLower(domain)
	}
	return strings.ToLower(q.originalDomain())
}

// nextHop is the root URL for domains homed elsewhere, "" for those homed here.
func (s *site) nextHop(domain string) string {
	for d, target := range s.machine.Redirects {
		if strings.EqualFold(d, domain) {
			return target
		}
	}
	return ""
}

// carry adds the request's sipuri, or else its original domain, to a redirect target that has no query of its own.
// [MS-OCDISCWS] 3.1.5.2 calls the target the next hop's URL and leaves the query open; without it the next hop would
// not know whom the client looks for.
func (q *query) carry(target string) string {
	if strings.Contains(target, "?") {
		return target
	}
	var pairs []string
	uri, domain := q.param("sipuri"), q.param("originalDomain")
	if uri != "" {
		pairs = append(pairs, "sipuri="+queryValue(uri))
	} else {
		domain = q.originalDomain()
	}
	if domain != "" {
		pairs = append(pairs, "originalDomain="+queryValue(domain))
	}
	if len(pairs) == 0 {
		return target
	}
	return target + "?" + strings.Join(pairs, "&")
}

// queryValue escapes a query value but keeps the @ and : of addresses, which may stand there (RFC 3986, 3.4).
func queryValue(v string) string {
	return strings.NewReplacer("%40", "@", "%3A", ":").Replace(url.QueryEscape(v))
}

// link is one entry of a document: a token in the legacy forms, a rel in the others.
type link struct{ name, href string }

// root answers with the root document. Over plain HTTP, and for domains homed elsewhere, it is a Redirect link only, and
// never a 30x ([MS-OCDISCWS] 3.1.5.2). That the first names the web FQDN of the site that was asked is inferred.
func (s *site) root(q *query) response {
	o := negotiate(q.header["Accept"], s.offers)
	suffix := ""
	if d := q.originalDomain(); d != "" {
		suffix = "?originalDomain=" + queryValue(d)
	}
	self := s.url(rootPath) + suffix
	redirect := ""
	if !q.https {
		redirect = q.carry(s.url(rootPath))
	} else if hop := s.nextHop(q.userDomain()); hop != "" {
		redirect = q.carry(hop)
	}
	legacy := o.document == LegacyXML || o.document == LegacyJSON
	var links []link
	switch {
	case redirect != "" && legacy:
		links = []link{{"Redirect", redirect}}
	case redirect != "":
		links = []link{{"redirect", redirect}}
	case legacy:
		links = []link{{"Domain", s.url(rootPath + "/domain")}, {"User", s.url(rootPath + "/user")}}
		if s.traits.ucwa {
			links = append(links, link{"OAuth", s.url(rootPath + "/oauth/user")})
		}
	default:
		links = []link{{"user", s.url(rootPath+"/oauth/user") + suffix}, {"xframe", s.url(xframePath)}}
		if o.document == UCWAJSON {
			links = append([]link{{"self", self}}, links...)
		}
	}
	switch o.document {
	case LegacyXML:
		return s.document(o.contentType, s.legacyXML("Root", links))
	case LegacyJSON:
		return s.document(o.contentType, s.legacyJSON("Root", links))
	case UCWAXML:
		return s.document(o.contentType, ucwaXML("root", self, links))
	}
	return s.document(o.contentType, ucwaJSON(links))
}

// domain answers with the domain document: the links of the user document, for nobody in particular. It has the legacy
// forms only ([MS-OCDISCWS] 3.1.5.4).
func (s *site) domain(q *query) response {
	o := negotiate(q.header["Accept"], s.offers)
	links := s.serviceLinks(s.ownPool())
	if hop := s.nextHop(q.userDomain()); hop != "" {
		links = []link{{"Redirect", q.carry(hop)}}
	}
	if o.document == LegacyXML || o.document == UCWAXML {
		return s.document(o.contentType, s.legacyXML("Domain", links))
	}
	return s.document(o.contentType, s.legacyJSON("Domain", links))
}

// document is an answer of the discovery service with the headers of the published Lync 2013 capture.
func (s *site) document(contentType, body string) response {
	r := s.aspNet(http.StatusOK, contentType, "no-cache")
	r.set("Pragma", "no-cache")
	r.set("Expires", "-1")
	r.body = []byte(body)
	return r
}

// xframe is the frame page of web clients. Its script is not here: nothing signs in through it.
func (s *site) xframe(_ *query, rest string) response {
	if rest != "" {
		return s.page(http.StatusNotFound, 0)
	}
	r := s.iis(http.StatusOK)
	r.set("Content-Type", "text/html")
	r.body = []byte("<!DOCTYPE html>\r\n<html>\r\n<head><title>XFrame</title></head>\r\n<body></body>\r\n</html>\r\n")
	return r
}

// accessLocation is how the legacy documents name the site that answered.
func (s *site) accessLocation() string {
	if s.name == InternalSite {
		return "Internal"
	}
	return "External"
}

func (s *site) legacyXML(element string, links []link) string {
	var b strings.Builder
	b.WriteString(`<AutodiscoverResponse xmlns:xsd="http://www.w3.org/2001/XMLSchema"` +
		` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" AccessLocation="` + s.accessLocation() + `"><` + element + `>`)
	for _, l := range links {
		b.WriteString(`<Link token="` + xmlText(l.name) + `" href="` + xmlText(l.href) + `"/>`)
	}
	b.WriteString(`</` + element + `></AutodiscoverResponse>`)
	return b.String()
}

// legacyJSON writes as .NET's data contract serializer does: slashes escaped, href before token.
func (s *site) legacyJSON(element string, links []link) string {
	var b strings.Builder
	b.WriteString(`{"AccessLocation":"` + s.accessLocation() + `","` + element + `":{"Links":[`)
	for i, l := range links {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strings.ReplaceAll(`{"href":`+jsonText(l.href)+`,"token":`+jsonText(l.name)+`}`, "/", `\/`))
	}
	b.WriteString(`]}}`)
	return b.String()
}

func ucwaJSON(links []link) string {
	var b strings.Builder
	b.WriteString(`{"_links":{`)
	for i, l := range links {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(jsonText(l.name) + `:{"href":` + jsonText(l.href) + `}`)
	}
	b.WriteString(`}}`)
	return b.String()
}

func ucwaXML(rel, self string, links []link) string {
	var b strings.Builder
	b.WriteString(`<resource xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa" rel="` + rel + `" href="` + xmlText(self) + `">`)
	for _, l := range links {
		b.WriteString(`<link rel="` + xmlText(l.name) + `" href="` + xmlText(l.href) + `"/>`)
	}
	b.WriteString(`</resource>`)
	return b.String()
}

// xmlText escapes s for an attribute or text. What XML cannot hold becomes U+FFFD.
func xmlText(s string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(s)) // a Buffer's Write does not fail
	return b.String()
}

// jsonText is s as a JSON string, with <, > and & as they are.
func jsonText(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return `"` + s + `"` // what nearly all texts are
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.Encode(s) // neither a string nor a Buffer fails
	return strings.TrimSuffix(b.String(), "\n")
}
