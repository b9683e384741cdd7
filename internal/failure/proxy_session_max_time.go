package failure

import (
	"time"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxySessionMaxTime = Mode{
	Rule: probe.Rule{
		ID:       "proxy.session-max-time",
		Severity: probe.Medium,
		Title:    "the reverse proxy ends every connection at a certain age, used or not",
		Cause:    "a limit on the life of client connections or sessions; everybody drops after exactly so many minutes, in the middle of a meeting too",
		Remedy:   "Lift the limit on the life of connections for the Lync hosts; a limit on silence of 960 s is enough.",
		Settings: settings(
			pfSquid, "Custom options: client_lifetime 1 day, which is the default.",
			pfHAProxy, "Frontend and backend: no timeout tunnel and no hard-stop-after below a working day.",
			haproxy, "No short hard-stop-after; a reload ends long connections when it passes.",
			nginx, "keepalive_time 1h; or more, and keepalive_requests 1000000;  # worker_shutdown_timeout ends long connections on a reload",
			squid, "client_lifetime 1 day  # which is the default; it counts for each request",
			apache, "MaxKeepAliveRequests 0 and no mod_reqtimeout body limit for these hosts.",
			caddy, `{
	servers {
		timeouts {
			idle 20m
			write 0
		}
	}
}
# stream_timeout in reverse_proxy likewise: none`,
			arr, "Application pool of the proxy's site: no regular recycling during working hours, idle time-out 0.",
		),
		Sources: []string{"Squid: client_lifetime", "Load balancing requirements for Skype for Business", "UCWA 2.0: Event channel details"},
		Reads:   probe.Polls | probe.Exchanges,
		Detect:  detectProxySessionMaxTime,
		// Where events of others came between, the age is not told from silence everywhere.
		Explains: []probe.ID{"mobility.long-poll-cut-by-idle-timeout"},
	},
	SignsIn: true, Holds: true,
	Confused: []probe.ID{"mobility.long-poll-cut-by-idle-timeout", "network.firewall-state-timeout"},
	Cases: []Case{
		{Name: "two-minutes", Edit: func(t *topology.Topology) { t.Proxy.Lifetime = 2 * time.Minute }},
	},
	Near: []Case{
		{Name: "eight-hours", Edit: func(t *topology.Topology) { t.Proxy.Lifetime = 8 * time.Hour }},
	},
}

func detectProxySessionMaxTime(v *probe.View) probe.Verdict {
	held := false
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		for _, l := range pollsFor(p, probe.PollSilent) {
			held = true
			if !l.cut() || cutByAgeStraight(v, l.Age) {
				continue
			}
			if busy := cutByAge(p, l.Age); busy != nil {
				evidence = append(evidence,
					p.SawPoll(l.Poll, "a silent long poll was ended when its connection was %s old (%s)", seconds(l.Age), l.end()),
					p.SawPoll(busy, "a connection over which an event had come after %s was ended at the same age, %s", seconds(busy.Event), seconds(busy.Age)))
			}
		}
	}
	if !held {
		return noPollHeld
	}
	return verdict(evidence)
}

// cutByAgeStraight tells whether connections are cut at that age beside the proxy too: then something behind it does
// so.
func cutByAgeStraight(v *probe.View, age time.Duration) bool {
	return cutByAge(v.At(probe.Proxy), age) != nil
}
