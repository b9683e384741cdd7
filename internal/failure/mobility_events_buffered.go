package failure

import "lyncpin/probe"

var mobilityEventsBuffered = Mode{
	Rule: probe.Rule{
		ID:       "mobility.events-buffered",
		Severity: probe.Medium,
		Title:    "messages reach phones and web apps late and in bursts",
		Cause:    "something on the way collects answers, or scans them, before it passes them on",
		Remedy:   "Let answers of these hosts through as they come: no response buffering and no scanning for malware below /ucwa.",
		Settings: settings(
			pfSquid, "Services > Antivirus: exclude these hosts (squidclamav whitelist); no delay pools and no ICAP RESPMOD for them.",
			pfHAProxy, "Frontend and backend: no option http-buffer-request, no filter compression or SPOE on answers for these hosts.",
			haproxy, "Remove filter lines (spoe, compression) that wait for the whole answer.",
			nginx, "location /ucwa/ { proxy_buffering off; proxy_pass https://10.10.10.11:4443; }",
			apache, "Remove SetOutputFilter and ModSecurity's SecResponseBodyAccess for these hosts; ProxyPass … flushpackets=on",
			caddy, "Remove buffer_responses (response_buffers) from reverse_proxy, and handlers that rewrite answers (replace) for these hosts.",
			arr, "Server farm > Proxy: response buffer threshold 0.",
		),
		Sources: []string{"UCWA 2.0: Event channel details"},
	},
	Undecidable: "A Front End sends the answer to an event request whole and at once, as far as is known, so a proxy that collects answers has nothing to wait for; and of an answer that comes late nobody outside can tell whether it was held back or sent late. A message that does not arrive in time makes the step message fail. By hand: send a message to a phone and compare the time in the IIS log of the Front End (time-taken of /ucwa/…/events) with the time in the reverse proxy's log and on the phone; where they part, it was held.",
}
