package fakelync

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"time"
)

// caller is whom a ticket or token says a request is from.
type caller struct {
	// user is nil for an anonymous participant of a meeting.
	user *User
	// meeting is the conference of an anonymous participant, as its focus URI.
	meeting string
}

// ticket is what the organisation remembers of a ticket that it issued.
type ticket struct {
	caller
	pool            string // which alone takes it
	issued, expires time.Time
}

// Lifetimes of tickets: captures show just below eight hours for users; UCWA SDK, "Authentication in UCWA", says one
// hour for anonymous participants.
const (
	userLifetime      = 8 * time.Hour
	anonymousLifetime = time.Hour
)

// issue makes a ticket that the machines of the pool take from issued until expires. Its form is that of compact web
// tickets in captures: "cwt=AAEB" and more base64. It is a random name for what the organisation remembers.
func (o *Organisation) issue(c caller, pool string, issued, expires time.Time) string {
	var b [48]byte
	rand.Read(b[3:])
	b[0], b[1], b[2] = 0, 1, 1 // "AAEB" in base64
	text := "cwt=" + base64.StdEncoding.EncodeToString(b[:])
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tickets[text] = ticket{caller: c, pool: pool, issued: issued, expires: expires}
	return text
}

// presented is the compact ticket that a request carries: in X-MS-WebTicket, or after Bearer in Authorization. It is empty when
// there is none.
func (q *query) presented() string {
	if t := strings.TrimSpace(q.header.Get("X-MS-WebTicket")); t != "" {
		return t
	}
	scheme, token, _ := strings.Cut(q.header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}
