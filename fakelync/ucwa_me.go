package fakelync

import (
	"net/http"
	"slices"
	"strings"
)

// me is the user's own resource. What it links to beside the settings comes with makeMeAvailable.
func (a *application) me() resource {
	below := func(rel string) link { return link{rel, a.href("/me/" + rel)} }
	address := strings.TrimPrefix(a.owner.address(), "sip:")
	r := resource{
		rel: "me", href: a.href("/me"),
		properties: []property{{"name", a.owner.display()}, {"uri", a.owner.address()}, {"emailAddresses", []string{address}}},
	}
	if a.available {
		r.links = []link{below("presence"), below("note"), below("location"), below("reportMyActivity")}
	} else {
		r.links = []link{below("makeMeAvailable")}
	}
	r.links = append(r.links, below("callForwardingSettings"), below("phones"), link{"photo", a.href("/photos/" + address)})
	return r
}

func (c *ucwaCall) getMe() response { return c.document(http.StatusOK, c.app.me()) }

// presences are the states a user can choose (UCWA SDK, "presence").
var presences = []string{"Away", "BeRightBack", "Busy", "DoNotDisturb", "Offwork", "Online"}

// makeMeAvailable signs the user in: others see and reach them here from now on (UCWA SDK, "makeMeAvailable").
func (c *ucwaCall) makeMeAvailable() response {
	in, err := c.input()
	switch {
	case err != nil:
		return c.unreadable()
	case c.who.user == nil:
		return c.noAnonymous()
	case c.app.available:
		return c.fault(http.StatusConflict, "Conflict", "AlreadyExists", "The application is available already.")
	}
	as := in.get("signInAs")
	if as == "" {
		as = "Online"
	}
	if !slices.Contains(presences, as) {
		return c.invalid("signInAs")
	}
	c.app.take(in)
	if c.who.presence == "" {
		c.setPresence(as)
	}
	c.app.available = true
	c.announceMe()
	return c.done()
}

// announceMe tells the client of what the user has now. It comes at once: the first poll after makeMeAvailable is
// answered quickly.
func (c *ucwaCall) announceMe() {
	c.app.channel.add(c.app.meEvent("updated", "me"))
	for _, rel := range []string{"presence", "note", "location"} {
		c.app.channel.add(c.app.meEvent("added", rel))
	}
}

// meEvent is an event of the user's own resource or one below it.
func (a *application) meEvent(kind, rel string) event {
	at := link{rel, a.href("/me/" + rel)}
	if rel == "me" {
		at.href = a.href("/me")
	}
	return event{sender: link{"me", a.href("/me")}, kind: kind, link: at}
}

// reportMyActivity says that the user is at the device, which at the same time keeps the application.
func (c *ucwaCall) reportMyActivity() response {
	if refusal, needed := c.needsAvailable(); needed {
		return refusal
	}
	return c.done()
}

// needsAvailable is the refusal of what an application that is not available cannot do.
func (c *ucwaCall) needsAvailable() (refusal response, needed bool) {
	if c.who.user == nil {
		return c.noAnonymous(), true
	}
	return c.makeAvailableFirst(), !c.app.available
}

func (c *ucwaCall) input() (input, error) {
	return parseInput(c.q.header.Get("Content-Type"), c.q.body)
}

// setting answers a GET of one of the user's settings, which are there once the application is available.
func (c *ucwaCall) setting(rel string, properties ...property) response {
	if refusal, needed := c.needsAvailable(); needed {
		return refusal
	}
	return c.document(http.StatusOK, resource{rel: rel, href: c.app.href("/me/" + rel), properties: properties})
}

func (c *ucwaCall) getPresence() response {
	return c.setting("presence", property{"availability", c.who.presence})
}

func (c *ucwaCall) getNote() response {
	return c.setting("note", property{"message", c.who.note}, property{"type", "Personal"})
}

func (c *ucwaCall) getLocation() response {
	return c.setting("location", property{"location", c.who.location})
}

// postPresence changes how others see the user; without a state it goes back to what is automatic.
func (c *ucwaCall) postPresence() response {
	in, err := c.input()
	if err != nil {
		return c.unreadable()
	}
	if refusal, needed := c.needsAvailable(); needed {
		return refusal
	}
	as := in.get("availability")
	if as == "" {
		as = "Online"
	}
	if !slices.Contains(presences, as) {
		return c.invalid("availability")
	}
	c.setPresence(as)
	return c.done()
}

// setPresence tells the user's applications and the clients that subscribed to the user's presence.
func (c *ucwaCall) setPresence(as string) {
	changed := c.who.presence != as
	c.who.presence = as
	if !changed {
		return
	}
	c.tellMine("presence")
	address := c.who.user.SIP
	for a := range c.s.organisation.mobility.watchers[watched(address)] {
		a.channel.add(event{
			sender: link{"people", a.href("/people")}, kind: "updated",
			link: link{"contactPresence", a.contactHref(address) + "/presence"}, in: link{"contact", a.contactHref(address)}, urgency: low,
		})
	}
}

func (c *ucwaCall) postNote() response { return c.change("note", "message", &c.who.note) }

func (c *ucwaCall) postLocation() response { return c.change("location", "location", &c.who.location) }

// change sets one of the user's settings and tells their applications.
func (c *ucwaCall) change(rel, name string, setting *string) response {
	in, err := c.input()
	if err != nil {
		return c.unreadable()
	}
	if refusal, needed := c.needsAvailable(); needed {
		return refusal
	}
	*setting = in.get(name)
	c.tellMine(rel)
	return c.done()
}

// tellMine tells all available applications of the user that a setting changed. That it comes at once is inferred.
func (c *ucwaCall) tellMine(rel string) {
	c.who.tell(c.s.organisation, func(a *application) event { return a.meEvent("updated", rel) })
}

func (c *ucwaCall) getPhones() response {
	return c.document(http.StatusOK, resource{rel: "phones", href: c.app.href("/me/phones")})
}

func (c *ucwaCall) getCallForwarding() response {
	return c.document(http.StatusOK, resource{
		rel: "callForwardingSettings", href: c.app.href("/me/callForwardingSettings"),
		properties: []property{{"activePeriod", "Always"}, {"activeSetting", "None"}, {"unansweredCallHandling", "None"}},
	})
}

// getPhoto finds nothing: nobody has a photo here.
func (c *ucwaCall) getPhoto() response { return c.notFound() }
