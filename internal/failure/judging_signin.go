package failure

import (
	"lyncpin/probe"
)

// Verdicts for what only those who sign in can see.
var (
	nobodySignedIn = probe.NotApplicable("nobody signed in")
)

// signedInAt tells whether somebody signed in from the place, or tried to.
func signedInAt(p *probe.Place) bool { return len(p.SignIns()) > 0 }
