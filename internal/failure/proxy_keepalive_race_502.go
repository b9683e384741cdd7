package failure

import "lyncpin/probe"

var proxyKeepaliveRace502 = Mode{
	Rule: probe.Rule{
		ID:       "proxy.keepalive-race-502",
		Severity: probe.Medium,
		Title:    "now and then the first request after a pause ends in 502 or a reset",
		Cause:    "the reverse proxy keeps idle connections to the Front End longer than IIS (120 s) or a balancer in between does, and uses one at the moment the other side closes it",
		Remedy:   "Keep idle connections to the Front Ends shorter than they do: less than 120 s, or than the balancer's idle time-out.",
		Settings: settings(
			pfSquid, "Custom options: server_idle_pconn_timeout 60 seconds",
			pfHAProxy, "Backend advanced pass thru: timeout http-keep-alive 60s and retry-on conn-failure empty-response",
			haproxy, "timeout http-keep-alive 60s; http-reuse safe; retry-on conn-failure empty-response",
			nginx, "upstream { … keepalive_timeout 60s; }",
			apache, "ProxyPass / https://10.10.10.11:4443/ ttl=60 keepalive=On",
			caddy, "keepalive 60s  # in transport http; or: keepalive off",
			arr, "Server farm > Proxy: keep alive with a time-out below 120 s.",
		),
		Sources: []string{"RFC 9112 section 9.5", "IIS: connectionTimeout (limits), default 120 s"},
	},
	Undecidable: "It is a race of milliseconds that one request in some hundreds loses, after a pause of just the length of the time-out: a probe sees it by chance only, and cannot tell it from a server that comes and goes. By hand: look in the proxy's log for 502 that took no time, and how long its connection to the Front End had been idle; compare its keep-alive time with the Front End's.",
}
