package fakelync

import (
	"net/http"
	"strings"
)

// The addresses of UCWA: phones bring web tickets to the first and speak XML, web applications bring tokens to the second
// and speak JSON. Either speaks both when asked to (UCWA SDK, "Create an application"; published traces of phones).
const (
	ucwaTicketPath = "/ucwa/v1/applications"
	ucwaOAuthPath  = "/ucwa/oauth/v1/applications"
)

// ucwaCall is one request to UCWA on its way to the answer.
type ucwaCall struct {
	s    *site
	q    *query
	base string // ucwaTicketPath or ucwaOAuthPath
	// form and contentType are how the answer is written.
	form        Document
	contentType string
	who         *person
	app         *application // nil for the applications themselves
	ids         []string     // what stood for the asterisks of the route
}

func (s *site) ucwaTicket(q *query, rest string) response {
	return s.ucwa(q, rest, ucwaTicketPath)
}

func (s *site) ucwaOAuth(q *query, rest string) response {
	return s.ucwa(q, rest, ucwaOAuthPath)
}

// ucwa answers everything at and below the applications. Methods that UCWA does not know are 400 before anything else,
// as a published trace of OPTIONS shows.
func (s *site) ucwa(q *query, rest, base string) response {
	c := &ucwaCall{s: s, q: q, base: base}
	c.negotiate()
	switch q.method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete:
	default:
		return c.fault(http.StatusBadRequest, "BadRequest", "", "The method is not supported.")
	}
	who, refusal := s.caller(q, base == ucwaOAuthPath)
	if who == nil {
		return refusal
	}
	m := &s.organisation.mobility
	m.mu.Lock()
	defer m.mu.Unlock()
	c.who = m.person(*who)
	if c.who.outstanding >= maxOutstanding {
		return c.tooMany()
	}
	c.who.outstanding++
	answer := c.serve(rest)
	if answer.later == nil {
		m.answered(c.who)
	}
	return answer
}

func (c *ucwaCall) tooMany() response {
	return c.fault(http.StatusTooManyRequests, "TooManyRequests", "", "Too many requests of this user are in processing.")
}

// negotiate finds the format: what Accept names, else that of the address.
func (c *ucwaCall) negotiate() {
	standard := offer{"", UCWAXML, mediaUCWAXML + "; charset=utf-8"}
	if c.base == ucwaOAuthPath {
		standard = offer{"", UCWAJSON, mediaJSON + "; charset=utf-8"}
	}
	best := negotiate(c.q.header["Accept"], []offer{
		standard,
		{mediaJSON, UCWAJSON, mediaJSON + "; charset=utf-8"},
		{mediaXML, UCWAXML, mediaXML + "; charset=utf-8"},
		{mediaUCWAJSON, UCWAJSON, mediaUCWAJSON + "; charset=utf-8"},
		{mediaUCWAXML, UCWAXML, mediaUCWAXML + "; charset=utf-8"},
	})
	c.form, c.contentType = best.document, best.contentType
}

// serve finds the route. Letters of paths may be of either case, as everywhere in IIS.
func (c *ucwaCall) serve(rest string) response {
	segments := strings.Split(strings.Trim(rest, "/"), "/")
	if segments[0] == "" {
		if c.q.method != http.MethodPost {
			return c.fault(http.StatusMethodNotAllowed, "MethodNotAllowed", "", "Applications are created by POST.")
		}
		return c.create()
	}
	if refusal, ok := c.open(segments[0]); !ok {
		return refusal
	}
	known := false
	for _, r := range c.s.routes {
		ids, ok := match(r.path, segments[1:])
		if !ok {
			continue
		}
		known = true
		if r.method == c.q.method {
			c.ids = ids
			return r.serve(c)
		}
	}
	if known {
		return c.fault(http.StatusMethodNotAllowed, "MethodNotAllowed", "", "The resource does not know this method.")
	}
	return c.notFound()
}

// match compares a route's path with the segments of a request. An asterisk stands for any one of them.
func match(path string, segments []string) (ids []string, ok bool) {
	for _, s := range segments {
		var want string
		want, path, _ = strings.Cut(path, "/")
		switch {
		case want == "*" && s != "":
			ids = append(ids, s)
		case want == "" || !strings.EqualFold(want, s):
			return nil, false
		}
	}
	return ids, path == ""
}

// open finds the application that a request is for.
func (c *ucwaCall) open(id string) (refusal response, ok bool) {
	o := c.s.organisation
	a := o.mobility.applications[id]
	switch {
	case a == nil || !a.reachable(c.s.machine, c.s.pool()):
		return c.noApplication(), false
	case a.owner != c.who: // that this is 403 is inferred
		return c.fault(http.StatusForbidden, "Forbidden", "None", "The application is somebody else's."), false
	case !a.live(o):
		return c.fault(http.StatusGone, "Gone", "InactiveApplicationExpired", "The application was not used for too long."), false
	}
	a.used = o.now()
	c.app = a
	return response{}, true
}

// ucwaRoute is a resource below an application and what one method does to it.
type ucwaRoute struct {
	method, path string
	serve        func(*ucwaCall) response
}

// head begins an answer. X-MS-UcwaVersion is said to be on all of them (UCWA SDK, "Versioning"); its value is inferred.
func (c *ucwaCall) head(status int) response {
	r := c.s.aspNet(status, c.contentType, "no-cache")
	r.set("X-MS-UcwaVersion", "2.0")
	if c.s.traits.modern {
		r.set("X-MS-Namespace", "internal")
	}
	return r
}

// document is an answer with a resource.
func (c *ucwaCall) document(status int, r resource) response {
	answer := c.head(status)
	answer.body = r.write(c.form)
	return answer
}

// done is the answer to what leaves nothing to say.
func (c *ucwaCall) done() response {
	return c.head(http.StatusNoContent)
}

// created is the answer to what made a resource. That it names it in Location is inferred.
func (c *ucwaCall) created(href string) response {
	r := c.head(http.StatusCreated)
	r.set("Location", href)
	return r
}

// href is the address of a resource of the application, without a host as in captures.
func (a *application) href(below string) string { return a.base + "/" + a.id + below }
