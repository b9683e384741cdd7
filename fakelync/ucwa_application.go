package fakelync

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxProperty is how many characters a property of a new application may have (UCWA SDK, "applications").
const maxProperty = 100

// create makes an application (UCWA SDK, "applications"). Somebody who comes again with an endpoint id gets the
// application that it has. In which order the refusals are looked at is inferred.
func (c *ucwaCall) create() response {
	o := c.s.organisation
	in, err := parseInput(c.q.header.Get("Content-Type"), c.q.body)
	if err != nil {
		return c.unreadable()
	}
	for _, name := range []string{"culture", "endpointId", "userAgent"} {
		if in.get(name) == "" {
			return c.invalid(name)
		}
	}
	for _, name := range []string{"culture", "endpointId", "userAgent", "instanceId", "type"} {
		if utf8.RuneCountInString(in.get(name)) > maxProperty {
			return c.invalid(name)
		}
	}
	if refusal, refused := c.refused(in); refused {
		return refusal
	}
	o.sweep(c.who)
	alive := 0
	for _, a := range c.who.applications {
		if !a.live(o) || !strings.EqualFold(a.pool, c.s.pool()) {
			continue
		}
		if a.endpoint == in.get("endpointId") && a.reachable(c.s.machine, c.s.pool()) {
			a.used = o.now()
			c.app = a
			return c.document(http.StatusOK, a.resource())
		}
		alive++
	}
	limit := o.cfg.MaxApplications
	if limit == 0 {
		limit = standardApplications
	}
	if alive >= limit {
		return c.fault(http.StatusGone, "Gone", "TooManyApplications", "The user has too many applications.")
	}
	c.app = &application{
		base: c.base, owner: c.who, machine: c.s.machine, pool: c.s.pool(),
		endpoint: in.get("endpointId"), culture: in.get("culture"), agent: in.get("userAgent"), kind: in.get("type"),
		putName: newGUID(), etag: firstETag, formats: []string{"Plain"}, modalities: []string{}, used: o.now(),
	}
	o.mobility.add(c.app)
	r := c.document(http.StatusCreated, c.app.resource())
	r.set("P3P", `CP="IDC CUR ADMa OUR BUS"`)
	r.set("Set-Cookie", "cwt_ucwa="+photoTicket()+"; path="+c.app.href("/photos")+"; secure; HttpOnly")
	return r
}

// firstETag is the first version of a communication resource; captures show decimal numbers of this length.
const firstETag = 1_000_000_001

// photoTicket is what the cookie for photos holds. Nothing here takes it: nobody has a photo.
func photoTicket() string {
	var b [48]byte
	rand.Read(b[3:])
	b[0], b[1], b[2] = 0, 1, 1
	return base64.StdEncoding.EncodeToString(b[:])
}

// refused is the refusal of an application by policy, or because the user's registrar is not there.
func (c *ucwaCall) refused(in input) (refusal response, refused bool) {
	o := c.s.organisation
	agents := strings.ToLower(c.q.header.Get("User-Agent") + "\n" + in.get("userAgent"))
	if slices.ContainsFunc(o.cfg.DeniedUserAgents, func(d string) bool { return d != "" && strings.Contains(agents, strings.ToLower(d)) }) {
		return c.fault(http.StatusGone, "Gone", "UserAgentNotAllowed", "The client version policy blocks this client."), true
	}
	u := c.who.user
	if u == nil {
		return c.noAnonymous(), c.s.machine.NoAnonymous
	}
	home := o.home(u)
	phone := c.base == ucwaTicketPath || strings.EqualFold(in.get("type"), "Phone")
	switch {
	case home != nil && !strings.EqualFold(home.Name, c.s.pool()):
		return c.fault(http.StatusGone, "Gone", "CannotRedirect", "The user is homed on another pool."), true
	case u.NoMobility && phone:
		return c.fault(http.StatusForbidden, "Forbidden", "MobileApplicationNoLongerAllowed", "The mobility policy does not allow mobile applications."), true
	case u.NoRegistrar: // the status is documented for the code's family, the pair of codes is inferred
		return c.fault(http.StatusServiceUnavailable, "ServiceFailure", "ServiceTimeout", "The user's registrar does not answer."), true
	}
	return response{}, false
}

// resource is the application as it is described in captures.
func (a *application) resource() resource {
	return resource{
		rel: "application", href: a.href(""),
		properties: []property{{"culture", a.culture}, {"userAgent", a.agent}},
		links:      []link{{"policies", a.href("/policies")}, {"batch", a.href("/batch")}, {"events", a.href("/events?ack=" + strconv.Itoa(a.channel.answered+1))}},
		embedded:   []resource{a.me(), a.people(), a.onlineMeetings(), a.communication()},
	}
}

func (a *application) communication() resource {
	below := func(rel, path string) link { return link{rel, a.href("/communication/" + path)} }
	return resource{
		rel: "communication", href: a.href("/communication"),
		properties: []property{
			{a.putName, "please pass this in a PUT request"},
			{"supportedModalities", a.modalities}, {"supportedMessageFormats", a.formats},
			{"etag", strconv.Itoa(a.etag)},
		},
		links: []link{
			below("conversations", "conversations?filter=active"), below("startMessaging", "messagingInvitations"),
			below("startOnlineMeeting", "onlineMeetingInvitations?onlineMeetingUri=adhoc"), below("joinOnlineMeeting", "onlineMeetingInvitations"),
		},
	}
}

func (a *application) onlineMeetings() resource {
	return resource{
		rel: "onlineMeetings", href: a.href("/onlineMeetings"),
		links: []link{{"myOnlineMeetings", a.href("/onlineMeetings/myOnlineMeetings")}, {"phoneDialInInformation", a.href("/onlineMeetings/phoneDialInInformation")}},
	}
}

func (c *ucwaCall) getApplication() response { return c.document(http.StatusOK, c.app.resource()) }

func (c *ucwaCall) deleteApplication() response {
	c.s.organisation.mobility.remove(c.app)
	return c.done()
}

func (c *ucwaCall) getCommunication() response {
	return c.document(http.StatusOK, c.app.communication())
}

// putCommunication changes what the client can do. A PUT needs If-Match with the version that it was made from (UCWA
// SDK, "Generic synchronous errors"), and the property that asked to be passed.
func (c *ucwaCall) putCommunication() response {
	version := strings.Trim(strings.TrimSpace(c.q.header.Get("If-Match")), `"`)
	switch version {
	case "":
		return c.fault(http.StatusPreconditionRequired, "PreconditionRequired", "", "If-Match is missing.")
	case strconv.Itoa(c.app.etag):
	default:
		return c.fault(http.StatusPreconditionFailed, "PreconditionFailed", "", "The resource has changed.")
	}
	in, err := parseInput(c.q.header.Get("Content-Type"), c.q.body)
	if err != nil {
		return c.unreadable()
	}
	if in.get(c.app.putName) == "" {
		return c.invalid(c.app.putName)
	}
	c.app.take(in)
	c.app.etag++
	return c.done()
}

// take notes what a client says that it can do.
func (a *application) take(in input) {
	if m := in["supportedmodalities"]; m != nil {
		a.modalities = m
	}
	if f := in["supportedmessageformats"]; f != nil {
		a.formats = f
	}
}

// policies is what the user may do. Which properties there are is inferred.
func (c *ucwaCall) policies() response {
	return c.document(http.StatusOK, resource{
		rel: "policies", href: c.app.href("/policies"),
		properties: []property{
			{"emoticons", "Enabled"}, {"messagingUrls", "Enabled"}, {"messageArchiving", "Disabled"},
			{"audioOnlyOnWifi", "Disabled"}, {"saveMessagingHistory", "Disabled"},
		},
	})
}
