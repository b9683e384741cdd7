package failure

import "lyncpin/probe"

var proxyXForwardedForSideEffects = Mode{
	Rule: probe.Rule{
		ID:       "proxy.x-forwarded-for-side-effects",
		Severity: probe.Low,
		Title:    "the Front Ends' logs show the reverse proxy's address for every client, or one that clients made up",
		Cause:    "the proxy hides client addresses, or passes on X-Forwarded-For as clients sent it; no function depends on it",
		Remedy:   "Nothing needs to be done. For logs that show clients, have the proxy write X-Forwarded-For anew and add that field to IIS's log (Advanced Logging).",
		Sources:  []string{"RFC 7239 section 8", "pfSense Squid package: X-Forwarded Header Mode"},
	},
	Undecidable: "What the proxy tells the Front End of a client comes back in no answer. By hand: look for X-Forwarded-For in IIS's log, and whether it holds the address you came from.",
}
