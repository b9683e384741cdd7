package probe

import "testing"

// A ticket that is put in place of the client's own must be the only one.
func TestTicketIsReplaced(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"X-MS-WebTicket", "Authorization"} {
		r := (&signedIn{ticketName: name, ticketValue: "cwt=own"}).request(SignInUCWA, "GET", "/")
		r.header.Set(name, "cwt=other")
		if len(r.header) != 1 || r.header.Get(name) != "cwt=other" {
			t.Errorf("%s: got %v, want the other ticket alone", name, r.header)
		}
	}
}
