package failure

import (
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyConnectionLimit = Mode{
	Rule: probe.Rule{
		ID:       "proxy.connection-limit",
		Severity: probe.Medium,
		Title:    "the reverse proxy takes only a few requests at once",
		Cause:    "a limit per address or in all; every phone holds a request open all day, and all phones of an office share one address, so it works in the morning and fails when many are there",
		Remedy:   "Raise the limits to several requests for each phone that may be signed in, and lift the limit per address for the addresses that many phones share.",
		Settings: settings(
			pfSquid, "No maxconn ACLs in custom options; System > Advanced > System Tunables: kern.maxfilesperproc for that many connections.",
			pfHAProxy, "Global: Maximum connections 20000; frontend: no conn_cur limits.",
			haproxy, "maxconn 20000 in global and frontend; remove deny and reject rules on src_conn_cur and sc_conn_cur, also those of tcp-request.",
			nginx, "worker_connections 20000; worker_rlimit_nofile 40000; no limit_conn for these servers, nor in stream {}.",
			squid, "max_filedescriptors 16384  # and no http_access deny with an acl … maxconn",
			apache, "MaxRequestWorkers for that many connections (event MPM: ThreadsPerChild × ServerLimit); no max= and acquire= on BalancerMember, no mod_qos limits.",
			caddy, "Remove unhealthy_request_count from reverse_proxy and max_conns_per_host from transport http; systemctl edit caddy: LimitNOFILE=1048576",
			arr, "Dynamic IP Restrictions: untick Deny IP Address based on the number of concurrent requests.",
		),
		Sources: []string{"UCWA: Event channel details", "RFC 9110 section 15.6.4"},
		Reads:   probe.SignIns | probe.Crowds | probe.Exchanges | probe.Handshakes,
		Detect:  detectProxyConnectionLimit,
		// What is cut, or not, by chance.
		Explains: []probe.ID{"meeting.path-altered"},
	},
	SignsIn: true, InFull: true,
	Confused: []probe.ID{"proxy.rate-limit-429"},
	Cases: []Case{
		{Name: "eight-for-each-address", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].MaxRequestsPerSource = 8 }},
	},
	Near: []Case{
		{Name: "hundreds-for-each-address", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].MaxRequestsPerSource = 400 }},
	},
}

func detectProxyConnectionLimit(v *probe.View) probe.Verdict {
	if len(signingPlaces(v)) == 0 {
		return nobodySignedIn
	}
	var evidence []probe.Evidence
	tried, many := false, false
	for _, p := range clientPlaces(v) {
		if h := cutWhenMany(p); h != nil {
			evidence = append(evidence, p.SawHandshake(h, "TLS with %s is cut when many connections are open, and never while there are few", h.Addr))
		}
		for _, c := range p.Crowds() {
			tried = true
			if c.Failed == 0 || failsStraight(v) {
				continue
			}
			if x := overload(p); x != nil {
				evidence = append(evidence, p.SawExchange(x, "of %d requests over %d connections at once, %d were not served: %s", c.Requests, c.Connections, c.Failed, refusal(x)))
			}
			many = many || c.Failed < c.Requests && c.Failed > c.Requests/4 && !slices.ContainsFunc(p.Exchanges(probe.SignInUCWA), refusedByUCWA)
		}
	}
	switch {
	case len(evidence) > 0:
		return probe.Found(evidence...)
	case cutNowAndThen(v) != "":
		return probe.Unknown("some TLS handshakes with " + cutNowAndThen(v) + " are cut or not answered, while others like them come off: a limit on connections, for all or for each address, does that, and so does one dead server behind a balancer that passes TCP on; the log of what listens there tells which")
	case many:
		return probe.Unknown("many requests fail when they come at once, and no answer says that there were too many")
	case !tried:
		return nothingToJudge
	}
	return probe.Clear()
}

// failsStraight tells whether requests of a crowd fail beside the proxy too.
func failsStraight(v *probe.View) bool {
	return slices.ContainsFunc(v.At(probe.Proxy).Crowds(), func(c probe.Crowd) bool { return c.Failed > 0 })
}

// refusedByUCWA tells whether UCWA itself refused the request, which then is no matter of the proxy.
func refusedByUCWA(x *probe.Exchange) bool { return x.Status >= 400 && reachedFrontEnd(x) }

// overload is an answer to one of a crowd by which something on the way says that there are too many; nil when there is
// none.
func overload(p *probe.Place) *probe.Exchange {
	for _, x := range p.Exchanges(probe.SignInUCWA) {
		if (x.Status == 503 || x.Status == 429) && fromMiddle(x) && !madeByUCWA(x) {
			return x
		}
	}
	return nil
}

// Of handshakes that tell a limit from a dead server behind a balancer that passes TCP on: so many came off while few connections were
// open, and so many were cut among many. A server in two would have been met among the former but for one run in hundreds.
const (
	fewCameOff = 8
	manyCut    = 3
)

// cutWhenMany is a handshake that was cut while many connections were open, as clients that sign in have them, at an address where
// every one comes off while there are few; nil when there is none, or too little was seen.
func cutWhenMany(p *probe.Place) *probe.Handshake {
	for _, h := range p.Handshakes(probe.HandshakeSignIn) {
		if !isCut(h.Outcome.Code) {
			continue
		}
		good, cut := 0, 0
		for _, o := range p.Handshakes(probe.HandshakeName, probe.HandshakeRepeat) {
			switch {
			case o.Addr != h.Addr:
			case o.Outcome.OK():
				good++
			default:
				return nil
			}
		}
		for _, o := range p.Handshakes(probe.HandshakeSignIn) {
			if o.Addr == h.Addr && isCut(o.Outcome.Code) {
				cut++
			}
		}
		if good >= fewCameOff && cut >= manyCut {
			return h
		}
	}
	return nil
}

// cutNowAndThen is the address at which some of the same handshakes of clients come off and others are cut or not
// answered; empty when there is none.
func cutNowAndThen(v *probe.View) string {
	for _, p := range clientPlaces(v) {
		all := p.Handshakes(probe.HandshakeName, probe.HandshakeRepeat, probe.HandshakeSignIn)
		for _, h := range all {
			if (isCut(h.Outcome.Code) || h.Outcome.Code == probe.Timeout) && slices.ContainsFunc(all, func(o *probe.Handshake) bool {
				return o.Outcome.OK() && o.Addr == h.Addr && strings.EqualFold(o.SNI, h.SNI)
			}) {
				return h.Addr
			}
		}
	}
	return ""
}
