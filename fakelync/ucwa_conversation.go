package fakelync

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// States of a conversation.
const (
	connecting = "Connecting"
	connected  = "Connected"
	ended      = "Disconnected"
)

// conversation is an instant messaging conversation of two people. On either side it has the same id, below the
// application of that side.
type conversation struct {
	id, operation, subject, message string
	state                           string
	from                            *application
	to                              []*application // all that ring; once one has accepted, that one
	peer                            *person
	messages                        int
}

// maxConversations bounds what an application has at a time; the number is inferred.
const maxConversations = 100

// startMessaging invites somebody (UCWA SDK, "startMessaging"). All applications of the other that are available ring;
// somebody without any cannot be reached, and the invitation ends with a failure, as an event.
func (c *ucwaCall) startMessaging() response {
	in, err := c.input()
	if err != nil {
		return c.unreadable()
	}
	if refusal, needed := c.needsAvailable(); needed {
		return refusal
	}
	if in.get("to") == "" {
		return c.invalid("to")
	}
	if len(c.app.conversations) >= maxConversations {
		return c.tooMany()
	}
	message, ok := dataText(in.get("_links/message/href"))
	if !ok {
		return c.invalid("message")
	}
	o := c.s.organisation
	v := &conversation{
		id: newGUID(), operation: in.get("operationId"), subject: in.get("subject"), message: message, state: connecting, from: c.app,
	}
	if u := o.bySIP(in.get("to")); u != nil {
		v.peer = o.mobility.person(caller{user: u})
	}
	v.join(c.app)
	c.app.channel.add(v.invited("started", c.app))
	c.app.channel.add(v.event("added", c.app, high))
	if v.peer != nil {
		for _, a := range v.peer.applications {
			if a != c.app && a.available && a.live(o) && len(a.conversations) < maxConversations {
				v.to = append(v.to, a)
			}
		}
	}
	for _, a := range v.to {
		v.join(a)
		a.channel.add(v.invited("started", a))
		a.channel.add(v.event("added", a, high))
	}
	if len(v.to) == 0 {
		v.fail(fault{code: "RemoteFailure", subcode: "NotAvailable", message: "The other cannot be reached."})
		if v.peer != nil {
			o.mobility.forget(v.peer)
		}
	}
	return c.created(v.invitation(c.app).href)
}

// join gives the application the conversation.
func (v *conversation) join(a *application) {
	if a.conversations == nil {
		a.conversations = map[string]*conversation{}
	}
	a.conversations[v.id] = v
}

// leave takes the application out. When that was the one that began, or nobody is left on the other side, it is over.
func (v *conversation) leave(a *application) {
	delete(a.conversations, v.id)
	v.to = slices.DeleteFunc(v.to, func(other *application) bool { return other == a })
	switch {
	case v.state == ended:
	case a != v.from && len(v.to) > 0:
	case v.state == connecting && a != v.from:
		v.fail(fault{code: "RemoteFailure", subcode: "Ended", message: "The other has left."})
	default:
		v.finish()
	}
}

// fail ends an invitation that nobody took.
func (v *conversation) fail(why fault) {
	v.state = ended
	e := v.invited("completed", v.from)
	e.status, e.reason = "Failure", &why
	v.from.channel.add(e)
	v.finish()
}

// finish ends the conversation for everybody who is in it.
func (v *conversation) finish() {
	v.state = ended
	for _, a := range v.everybody() {
		if a.conversations[v.id] == v {
			delete(a.conversations, v.id)
			a.channel.add(v.messagingEvent("updated", a))
			a.channel.add(v.event("deleted", a, high))
		}
	}
}

func (v *conversation) everybody() []*application {
	return append([]*application{v.from}, v.to...)
}

// others are the applications on the other side of a.
func (v *conversation) others(a *application) []*application {
	if a == v.from {
		return v.to
	}
	return []*application{v.from}
}

// conversation is the one that the request names.
func (c *ucwaCall) conversation() (v *conversation, refusal response) {
	if v := c.app.conversations[c.ids[0]]; v != nil {
		return v, response{}
	}
	return nil, c.fault(http.StatusNotFound, "NotFound", "ConversationNotFound", "There is no such conversation.")
}

// accept takes an invitation (UCWA SDK, "accept"). It stops ringing at the user's other applications.
func (c *ucwaCall) accept() response {
	v, refusal := c.conversation()
	switch {
	case v == nil:
		return refusal
	case c.app == v.from || v.state != connecting:
		return c.fault(http.StatusConflict, "Conflict", "None", "The invitation cannot be accepted.")
	}
	for _, a := range v.to {
		if a != c.app {
			delete(a.conversations, v.id)
			e := v.invited("completed", a)
			e.status, e.reason = "Failure", &fault{code: "Canceled", subcode: "AnsweredElsewhere"}
			a.channel.add(e)
			a.channel.add(v.event("deleted", a, high))
		}
	}
	v.to, v.state = []*application{c.app}, connected
	for _, a := range v.everybody() {
		e := v.invited("completed", a)
		e.status = "Success"
		a.channel.add(e)
		a.channel.add(v.event("updated", a, high))
		a.channel.add(v.messagingEvent("updated", a))
	}
	return c.done()
}

// decline refuses an invitation, for all applications of the user.
func (c *ucwaCall) decline() response {
	v, refusal := c.conversation()
	switch {
	case v == nil:
		return refusal
	case c.app == v.from || v.state != connecting:
		return c.fault(http.StatusConflict, "Conflict", "None", "The invitation cannot be declined.")
	}
	v.fail(fault{code: "RemoteFailure", subcode: "Declined", message: "The other declined."})
	return c.done()
}

// terminate ends the conversation, or takes an invitation back.
func (c *ucwaCall) terminate() response {
	v, refusal := c.conversation()
	switch {
	case v == nil:
		return refusal
	case v.state == connecting && c.app != v.from:
		return c.decline()
	}
	v.finish()
	return c.done()
}

// sendMessage sends a text (UCWA SDK, "sendMessage"): an event tells either side that it has arrived.
func (c *ucwaCall) sendMessage() response {
	v, refusal := c.conversation()
	media, _, _ := strings.Cut(c.q.header.Get("Content-Type"), ";")
	switch media = strings.TrimSpace(media); {
	case v == nil:
		return refusal
	case v.state != connected:
		return c.fault(http.StatusConflict, "Conflict", "None", "The conversation is not connected.")
	case media != "" && !strings.EqualFold(media, "text/plain"):
		return c.fault(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "", "Only plain text can be sent.")
	case !utf8.Valid(c.q.body):
		return c.unreadable()
	}
	v.messages++
	number := strconv.Itoa(v.messages)
	for _, a := range v.others(c.app) {
		a.channel.add(v.messageEvent(a, number, "Incoming", string(c.q.body)))
	}
	e := v.messageEvent(c.app, number, "Outgoing", "")
	c.app.channel.add(e)
	return c.created(e.link.href)
}

// setIsTyping lets the other side see that a text is coming, which is not urgent.
func (c *ucwaCall) setIsTyping() response {
	v, refusal := c.conversation()
	switch {
	case v == nil:
		return refusal
	case v.state != connected:
		return c.fault(http.StatusConflict, "Conflict", "None", "The conversation is not connected.")
	}
	for _, a := range v.others(c.app) {
		a.channel.add(event{
			sender: v.link(a), kind: "added", link: link{"typingParticipants", v.link(a).href + "/typingParticipants"}, urgency: medium,
		})
	}
	return c.done()
}

func (c *ucwaCall) getConversations() response {
	r := resource{rel: "conversations", href: c.app.href("/communication/conversations"), collection: true}
	for _, v := range c.app.conversations {
		r.links = append(r.links, v.link(c.app))
	}
	slices.SortFunc(r.links, func(a, b link) int { return strings.Compare(a.href, b.href) })
	return c.document(http.StatusOK, r)
}

func (c *ucwaCall) getConversation() response {
	return c.shown(func(v *conversation) resource { return v.resource(c.app) })
}

func (c *ucwaCall) getMessaging() response {
	return c.shown(func(v *conversation) resource { return v.messaging(c.app) })
}

func (c *ucwaCall) getInvitation() response {
	return c.shown(func(v *conversation) resource { return v.invitation(c.app) })
}

func (c *ucwaCall) shown(r func(*conversation) resource) response {
	v, refusal := c.conversation()
	if v == nil {
		return refusal
	}
	return c.document(http.StatusOK, r(v))
}

// link is the conversation's address for one side.
func (v *conversation) link(a *application) link {
	return link{"conversation", a.href("/communication/conversations/" + v.id)}
}

func (v *conversation) resource(a *application) resource {
	return resource{
		rel: "conversation", href: v.link(a).href,
		properties: []property{{"state", v.state}, {"threadId", v.id}, {"subject", v.subject}, {"importance", "Normal"}, {"activeModalities", []string{"Messaging"}}},
		links:      []link{{"messaging", v.link(a).href + "/messaging"}},
	}
}

func (v *conversation) messaging(a *application) resource {
	at := v.link(a).href + "/messaging"
	r := resource{rel: "messaging", href: at, properties: []property{{"state", v.state}, {"negotiatedMessageFormats", []string{"Plain"}}}, links: []link{v.link(a)}}
	if v.state == connected {
		r.links = append(r.links, link{"sendMessage", at + "/messages"}, link{"setIsTyping", at + "/typing"}, link{"stopMessaging", at + "/terminate"})
	}
	return r
}

func (v *conversation) participantHref(a *application, p *person) string {
	return v.link(a).href + "/participants/" + url.PathEscape(strings.ToLower(strings.TrimPrefix(p.address(), "sip:")))
}

// participant is somebody in the conversation, as one side sees them (UCWA SDK, "participant").
func (v *conversation) participant(a *application, p *person) resource {
	at := a.contactHref(strings.TrimPrefix(p.address(), "sip:"))
	return resource{
		rel: "participant", href: v.participantHref(a, p),
		properties: []property{{"name", p.display()}, {"uri", p.address()}, {"sourceNetwork", "SameEnterprise"}, {"anonymous", false}, {"local", p == a.owner}},
		links:      []link{v.link(a), {"contact", at}, {"contactPresence", at + "/presence"}},
	}
}

func (c *ucwaCall) getParticipant() response {
	v, refusal := c.conversation()
	if v == nil {
		return refusal
	}
	for _, p := range []*person{v.from.owner, v.peer} {
		if p != nil && strings.EqualFold(strings.TrimPrefix(p.address(), "sip:"), c.ids[1]) {
			return c.document(http.StatusOK, v.participant(c.app, p))
		}
	}
	return c.notFound()
}

// invitation is how the conversation began, as one side sees it.
func (v *conversation) invitation(a *application) resource {
	at := a.href("/communication/messagingInvitations/" + v.id)
	direction := "Incoming"
	if a == v.from {
		direction = "Outgoing"
	}
	r := resource{
		rel: "messagingInvitation", href: at,
		properties: []property{{"direction", direction}, {"importance", "Normal"}, {"threadId", v.id}, {"state", v.state}, {"operationId", v.operation}, {"subject", v.subject}},
		links:      []link{{"from", v.participantHref(a, v.from.owner)}, v.link(a), {"messaging", v.link(a).href + "/messaging"}},
		embedded:   []resource{v.participant(a, v.from.owner)},
	}
	r.embedded[0].as = "from"
	if v.peer != nil {
		r.links = append(r.links, link{"to", a.contactHref(v.peer.user.SIP)})
	}
	if v.message != "" {
		r.links = append(r.links, link{"message", textData(v.message)})
	}
	switch {
	case v.state != connecting:
	case a == v.from:
		r.links = append(r.links, link{"cancel", at + "/cancel"})
	default:
		r.links = append(r.links, link{"accept", at + "/accept"}, link{"decline", at + "/decline"})
	}
	return r
}

// invited is an event of the invitation.
func (v *conversation) invited(kind string, a *application) event {
	r := v.invitation(a)
	return event{sender: link{"communication", a.href("/communication")}, kind: kind, link: link{r.rel, r.href}, embedded: &r}
}

// event is an event of the conversation itself.
func (v *conversation) event(kind string, a *application, u urgency) event {
	e := event{sender: link{"communication", a.href("/communication")}, kind: kind, link: v.link(a), urgency: u}
	if kind != "deleted" {
		r := v.resource(a)
		e.embedded = &r
	}
	return e
}

func (v *conversation) messagingEvent(kind string, a *application) event {
	r := v.messaging(a)
	return event{sender: v.link(a), kind: kind, link: link{r.rel, r.href}, embedded: &r}
}

// messageEvent says that a message has arrived; an incoming one is within.
func (v *conversation) messageEvent(a *application, number, direction, text string) event {
	r := resource{
		rel: "message", href: v.link(a).href + "/messaging/messages/" + number,
		properties: []property{{"direction", direction}, {"status", "Success"}, {"timeStamp", time.Now().UTC().Format(time.RFC3339)}},
		links:      []link{{"messaging", v.link(a).href + "/messaging"}},
	}
	if direction == "Incoming" {
		sender := v.from.owner
		if a == v.from {
			sender = v.peer
		}
		r.links = append(r.links, link{"contact", a.contactHref(strings.TrimPrefix(sender.address(), "sip:"))},
			link{"participant", v.participantHref(a, sender)}, link{"plainMessage", textData(text)})
	}
	return event{sender: v.link(a), kind: "completed", link: link{r.rel, r.href}, status: "Success", embedded: &r}
}

// textData is a text as a data URI, which is how UCWA passes messages (UCWA SDK, "message"; RFC 2397).
func textData(text string) string { return "data:text/plain;charset=utf-8," + url.PathEscape(text) }

// dataText is the text of a data URI; of an empty one it is empty.
func dataText(uri string) (text string, ok bool) {
	if uri == "" {
		return "", true
	}
	rest, isData := strings.CutPrefix(uri, "data:")
	kind, data, found := strings.Cut(rest, ",")
	if !isData || !found {
		return "", false
	}
	if strings.HasSuffix(kind, ";base64") {
		b, err := base64.StdEncoding.DecodeString(data)
		return string(b), err == nil && utf8.Valid(b)
	}
	text, err := url.PathUnescape(data)
	return text, err == nil && utf8.ValidString(text)
}
