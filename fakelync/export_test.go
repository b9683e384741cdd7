package fakelync

import "time"

// Ticket issues a ticket of a pool to a user without asking for a password.
func (o *Organisation) Ticket(sip, pool string) string {
	return o.issue(caller{user: o.bySIP(sip)}, pool, o.now(), o.now().Add(userLifetime))
}

// GuestTicket issues one to an anonymous participant of a user's meeting.
func (o *Organisation) GuestTicket(organizer, pool string) string {
	return o.issue(caller{meeting: focus(organizer, MeetingID)}, pool, o.now(), o.now().Add(anonymousLifetime))
}

// Polls is how many long polls wait.
func (o *Organisation) Polls() int {
	o.mobility.mu.Lock()
	defer o.mobility.mu.Unlock()
	n := 0
	for _, a := range o.mobility.applications {
		if a.channel.poll != nil {
			n++
		}
	}
	return n
}

// IdleTime makes d of the organisation's time pass for every application.
func (o *Organisation) IdleTime(d time.Duration) {
	o.mobility.mu.Lock()
	defer o.mobility.mu.Unlock()
	for _, a := range o.mobility.applications {
		a.used = a.used.Add(-d)
	}
}

// Remembered counts what an organisation remembers of its clients.
type Remembered struct{ Applications, People, Watched int }

// Remembered counts.
func (o *Organisation) Remembered() Remembered {
	m := &o.mobility
	m.mu.Lock()
	defer m.mu.Unlock()
	return Remembered{len(m.applications), len(m.people), len(m.watchers)}
}
