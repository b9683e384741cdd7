package failure

import "lyncpin/probe"

var mobilityPgetReplaced = Mode{
	Rule: probe.Rule{
		ID:       "mobility.pget-replaced",
		Severity: probe.Low,
		Title:    "phones reconnect now and then because two event requests of one application replace each other",
		Cause:    "two instances of an app poll for the same application: a second tab, a device restored from another one's backup, or an app that was started twice",
		Remedy:   "Let each device have its own sign-in: sign out and in again on the device that was cloned or restored, and close the second tab.",
		Sources:  []string{"UCWA 2.0: Event channel details", "UCWA: Errors and informational messages"},
	},
	Undecidable: "It lies between the clients: the probe polls for applications that are its own alone, so nobody else can replace its requests. When a request of the probe is replaced all the same, something on the way sent it twice, and proxy.retries-non-idempotent says so. By hand: look in the IIS log of the Front Ends for 409 on /ucwa/…/events, and whether the two requests before it come from one address (a proxy) or from two (two devices).",
}
