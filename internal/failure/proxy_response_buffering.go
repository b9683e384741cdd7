package failure

import "lyncpin/probe"

var proxyResponseBuffering = Mode{
	Rule: probe.Rule{
		ID:       "proxy.response-buffering",
		Severity: probe.Medium,
		Title:    "the reverse proxy collects answers before it passes them on",
		Cause:    "response buffering is on, or a virus scanner wants whole answers; downloads start late, and events may come in bursts",
		Remedy:   "Pass answers of the Lync hosts on as they come, without buffering and scanning.",
		Settings: settings(
			pfSquid, "Services > Antivirus: exclude these hosts; no delay pools.",
			pfHAProxy, "Remove filters (compression, SPOE) that wait for the whole answer.",
			haproxy, "Remove filter lines (spoe, compression) for these backends.",
			nginx, "proxy_buffering off;",
			apache, "ProxyPass … flushpackets=on, and no SetOutputFilter for these hosts.",
			caddy, "Remove buffer_responses (response_buffers) from reverse_proxy.",
			arr, "Server farm > Proxy: response buffer threshold 0.",
		),
		Sources: []string{"nginx: proxy_buffering", "UCWA 2.0: Event channel details"},
	},
	Undecidable: "A Front End sends every answer whole, as far as is known, and says its length: a proxy that collects it has nothing to wait for, and takes a few milliseconds more, as any slow line does. By hand: compare the time to the first byte of a large download through the proxy and from the Front End itself (curl -w '%{time_starttransfer} %{time_total}'): buffered, the first is as long as the second.",
}
