package fakelync

import "strings"

// MeetingID is the conference id, and at the same time the conference key, of the one meeting that every user of an
// Organisation has: https://meet.contoso.example/user1/ABCD1234 is user1's. Its letters are capitals, and matter.
const MeetingID = "ABCD1234"

// focus is the address of a conference ([MS-CONFBAS] 4.1).
func focus(organizer, id string) string {
	return "sip:" + organizer + ";gruu;opaque=app:conf:focus:id:" + id
}

// conference is the organizer of the meeting at that focus, if key opens it.
func (o *Organisation) conference(focusURI, key string) (organizer *User, ok bool) {
	address, _, _ := strings.Cut(focusURI, ";")
	u := o.bySIP(address)
	if u == nil || key != MeetingID || focusURI[len(address):] != focus("", MeetingID)[len("sip:"):] {
		return nil, false
	}
	return u, true
}
