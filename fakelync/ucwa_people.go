package fakelync

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

func (a *application) people() resource {
	below := func(rel, path string) link { return link{rel, a.href("/people/" + path)} }
	return resource{
		rel: "people", href: a.href("/people"),
		links: []link{
			below("presenceSubscriptions", "presenceSubscriptions"), below("myGroups", "groups"), below("myContacts", "contacts"),
			below("search", "search"),
		},
	}
}

func (c *ucwaCall) getPeople() response { return c.document(http.StatusOK, c.app.people()) }

// getGroups shows the one group that every user has.
func (c *ucwaCall) getGroups() response {
	return c.document(http.StatusOK, resource{
		rel: "myGroups", href: c.app.href("/people/groups"),
		embedded: []resource{{
			rel: "defaultGroup", href: c.app.href("/people/groups/default"),
			properties: []property{{"id", "default"}, {"name", "Other Contacts"}},
			links:      []link{{"groupContacts", c.app.href("/people/contacts?groupId=default")}},
		}},
	})
}

// getContacts shows the other users of the organisation: everybody knows everybody.
func (c *ucwaCall) getContacts() response {
	r := resource{rel: "myContacts", href: c.app.href("/people/contacts"), collection: true}
	for i := range c.s.organisation.cfg.Users {
		if u := &c.s.organisation.cfg.Users[i]; u != c.who.user {
			r.embedded = append(r.embedded, c.app.contact(u))
		}
	}
	return c.document(http.StatusOK, r)
}

// Limits of a search (UCWA SDK, "search"); how many results there are when none is asked for is inferred.
const (
	maxQuery, maxResults = 256, 100
	standardResults      = 10
)

// search finds users by a part of their name or address (UCWA SDK, "search").
func (c *ucwaCall) search() response {
	query := strings.ToLower(strings.TrimPrefix(c.q.param("query"), "sip:"))
	if query == "" || len(query) > maxQuery {
		return c.invalid("query")
	}
	limit := standardResults
	if text := c.q.param("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxResults {
			return c.invalid("limit")
		}
		limit = n
	}
	r := resource{rel: "search", href: c.app.href("/people/search"), collection: true}
	more := false
	for i := range c.s.organisation.cfg.Users {
		u := &c.s.organisation.cfg.Users[i]
		if !strings.Contains(strings.ToLower(u.SIP), query) && !strings.Contains(strings.ToLower((&caller{user: u}).display()), query) {
			continue
		}
		if more = len(r.embedded) == limit; more {
			break
		}
		r.embedded = append(r.embedded, c.app.contact(u))
	}
	r.properties = []property{{"moreResultsAvailable", more}}
	return c.document(http.StatusOK, r)
}

func (a *application) contactHref(address string) string {
	return a.href("/people/" + url.PathEscape(strings.ToLower(address)))
}

func (a *application) contact(u *User) resource {
	at := a.contactHref(u.SIP)
	return resource{
		rel: "contact", href: at,
		properties: []property{{"uri", "sip:" + u.SIP}, {"name", (&caller{user: u}).display()}, {"type", "User"},
			{"emailAddresses", []string{u.SIP}}, {"sourceNetwork", "SameEnterprise"}},
		links: []link{{"contactPresence", at + "/presence"}},
	}
}

func (c *ucwaCall) getContact() response {
	u := c.s.organisation.bySIP(c.ids[0])
	if u == nil {
		return c.notFound()
	}
	return c.document(http.StatusOK, c.app.contact(u))
}

func (c *ucwaCall) getContactPresence() response {
	o := c.s.organisation
	u := o.bySIP(c.ids[0])
	if u == nil {
		return c.notFound()
	}
	as := "Offline"
	p := o.mobility.people[(&caller{user: u}).identity()]
	if p != nil && slices.ContainsFunc(p.applications, func(a *application) bool { return a.available && a.live(o) }) {
		as = p.presence
	}
	return c.document(http.StatusOK, resource{
		rel: "contactPresence", href: c.app.contactHref(u.SIP) + "/presence", properties: []property{{"availability", as}},
	})
}

// maxSubscriptions bounds what one application may ask for; the number is inferred.
const maxSubscriptions = 100

func (a *application) subscription(id string) resource {
	return resource{
		rel: "presenceSubscription", href: a.href("/people/presenceSubscriptions/" + id),
		properties: []property{{"id", id}, {"uris", a.subscriptions[id]}},
	}
}

func (c *ucwaCall) getSubscriptions() response {
	r := resource{rel: "presenceSubscriptions", href: c.app.href("/people/presenceSubscriptions"), collection: true}
	for id := range c.app.subscriptions {
		r.embedded = append(r.embedded, c.app.subscription(id))
	}
	slices.SortFunc(r.embedded, func(a, b resource) int { return strings.Compare(a.href, b.href) })
	return c.document(http.StatusOK, r)
}

// subscribe makes the client be told of other people's presence (UCWA SDK, "presenceSubscriptions"). Here it lasts as
// long as the application.
func (c *ucwaCall) subscribe() response {
	in, err := c.input()
	switch {
	case err != nil:
		return c.unreadable()
	case len(in["uris"]) == 0:
		return c.invalid("uris")
	case len(c.app.subscriptions) >= maxSubscriptions || len(in["uris"]) > maxSubscriptions:
		return c.tooMany()
	}
	if c.app.subscriptions == nil {
		c.app.subscriptions = map[string][]string{}
	}
	id := newGUID()
	c.app.subscriptions[id] = in["uris"]
	c.s.organisation.mobility.watch(c.app, in["uris"])
	r := c.document(http.StatusCreated, c.app.subscription(id))
	r.set("Location", c.app.href("/people/presenceSubscriptions/"+id))
	return r
}

func (c *ucwaCall) unsubscribe() response {
	uris, ok := c.app.subscriptions[c.ids[0]]
	if !ok {
		return c.notFound()
	}
	c.s.organisation.mobility.unwatch(c.app, uris)
	delete(c.app.subscriptions, c.ids[0])
	return c.done()
}

func (c *ucwaCall) getOnlineMeetings() response {
	return c.document(http.StatusOK, c.app.onlineMeetings())
}

// getMyOnlineMeetings shows the one meeting that every user has.
func (c *ucwaCall) getMyOnlineMeetings() response {
	if c.who.user == nil {
		return c.noAnonymous()
	}
	at := c.app.href("/onlineMeetings/myOnlineMeetings")
	return c.document(http.StatusOK, resource{
		rel: "myOnlineMeetings", href: at, collection: true,
		embedded: []resource{{
			rel: "myOnlineMeeting", href: at + "/" + MeetingID,
			properties: []property{{"onlineMeetingId", MeetingID}, {"onlineMeetingUri", focus(c.who.user.SIP, MeetingID)}, {"organizerUri", c.who.address()}},
		}},
	})
}

func (c *ucwaCall) getDialIn() response {
	return c.document(http.StatusOK, resource{rel: "phoneDialInInformation", href: c.app.href("/onlineMeetings/phoneDialInInformation")})
}
