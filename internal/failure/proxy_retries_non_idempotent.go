package failure

import (
	"slices"
	"time"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyRetriesNonIdempotent = Mode{
	Rule: probe.Rule{
		ID:       "proxy.retries-non-idempotent",
		Severity: probe.Medium,
		Title:    "the reverse proxy sends requests a second time when the answer is slow to come",
		Cause:    "it takes a long poll for a dead server and repeats the request to the next one; polls replace each other, and messages may be sent twice",
		Remedy:   "Switch off repeating for requests that were already sent, for POST and long polls above all.",
		Settings: settings(
			pfHAProxy, "Backend advanced pass thru: retry-on conn-failure (nothing that happens after the request was sent)",
			haproxy, "retry-on conn-failure; no option redispatch after the request was sent, no retry-on all-retryable-errors.",
			nginx, "proxy_next_upstream off;  # or error only; never timeout, never non_idempotent",
			apache, "BalancerMember without failonstatus and timeout=… below 1200; ProxySet maxattempts=0",
			caddy, "Remove lb_retry_match: without it, only a connection that failed and GET are tried again.",
			arr, "Server farm > Proxy: number of retries 0.",
		),
		Sources: []string{"RFC 9110 section 9.2.2", "UCWA 2.0: Event channel details (PGetReplaced)", "nginx: proxy_next_upstream"},
		Reads:   probe.Polls | probe.Exchanges,
		Detect:  detectProxyRetriesNonIdempotent,
		// A slow log-on is repeated to another server too.
		Explains: []probe.ID{"proxy.ntlm-multiplexed"},
	},
	SignsIn: true, Holds: true,
	Confused: []probe.ID{"mobility.long-poll-cut-by-idle-timeout"},
	Cases: []Case{
		{Name: "after-two-minutes", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].RetrySilent = 2 * time.Minute }},
	},
	Near: []Case{
		{Name: "after-twenty-minutes", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].RetrySilent = 20 * time.Minute }},
	},
}

func detectProxyRetriesNonIdempotent(v *probe.View) probe.Verdict {
	if slices.ContainsFunc(pollsFor(v.At(probe.Proxy)), poll.replaced) {
		return probe.Clear() // something behind the proxy does so
	}
	held := false
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		for _, l := range pollsFor(p, probe.PollSilent, probe.PollBusy) {
			held = true
			if l.replaced() {
				evidence = append(evidence, p.SawPoll(l.Poll, "the probe's only long poll of an application was answered 409 after %s: another one took its place, which the probe did not send", seconds(l.Elapsed)))
			}
		}
	}
	if !held {
		return noPollHeld
	}
	return verdict(evidence)
}

// replaced tells whether the Front End ended the poll because it got another one: 409 PGetReplaced. UCWA, "Event
// channel details".
func (l poll) replaced() bool { return l.FrontEnd && l.Status == 409 }
