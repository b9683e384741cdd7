package failure

import (
	"fmt"
	"net/url"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var mobilityEventGapResync = Mode{
	Rule: probe.Rule{
		ID:       "mobility.event-gap-resync",
		Severity: probe.Medium,
		Title:    "clients lose events: the Front End does not learn which of them they have, or they get old ones",
		Cause:    "something on the way drops the query of the event request, or answers it from a cache",
		Remedy:   "Forward the path with its query unchanged, and never cache answers of these hosts.",
		Settings: settings(
			pfSquid, "Custom options: no url_rewrite_program and no refresh_pattern for these hosts; the package marks its peers proxy-only, leave that.",
			pfHAProxy, "Remove http-request set-path and set-query, cache-use and cache-store.",
			haproxy, "Remove http-request set-uri, set-query, cache-use and http-response cache-store",
			nginx, "proxy_pass https://10.10.10.11:4443;  # with nothing behind the port; no proxy_cache",
			apache, "ProxyPass / https://10.10.10.11:4443/ and no RewriteRule with QSD; CacheDisable /",
			caddy, "Remove rewrite, uri and the cache directive for these hosts: reverse_proxy passes path and query on as they are.",
			arr, "URL rewrite: Append query string ticked; server farm > Caching: memory cache duration 0, disk cache off.",
		),
		Sources: []string{"UCWA 2.0: Event channel details"},
		Reads:   probe.SignIns | probe.Exchanges,
		Detect:  detectMobilityEventGapResync,
	},
	SignsIn:  true,
	Confused: []probe.ID{"proxy.query-string-dropped", "proxy.caches-discovery"},
	Cases: []Case{
		{Name: "query-dropped-below-ucwa", Edit: func(t *topology.Topology) {
			ucwaRule(t).DropQuery = true
		}},
	},
	Near: []Case{
		{Name: "own-rule-for-ucwa", Edit: func(t *topology.Topology) { ucwaRule(t) }},
	},
}

// ucwaRule gives UCWA a publishing rule of its own, in front of the others.
func ucwaRule(t *topology.Topology) *topology.Rule {
	p := &t.Proxy
	r := p.Rules[0]
	r.Name, r.Paths, r.Hosts = "ucwa", []string{"/ucwa"}, []string{t.ExternalWeb()}
	p.Rules = append([]topology.Rule{r}, p.Rules...)
	return &p.Rules[0]
}

func detectMobilityEventGapResync(v *probe.View) probe.Verdict {
	places := signingPlaces(v)
	if len(places) == 0 {
		return nobodySignedIn
	}
	asked := false
	var evidence []probe.Evidence
	for _, p := range places {
		polls := p.Exchanges(probe.SignInEvents)
		asked = asked || len(polls) > 0
		if e := gapIn(p, polls); e != nil {
			evidence = append(evidence, *e)
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// gapIn is evidence of lost or old events among the answers to event requests; nil when there is none. A resync link
// once is as it should be after a disturbance.
func gapIn(p *probe.Place, polls []*probe.Exchange) *probe.Evidence {
	resyncs := 0
	first := map[string]*probe.Exchange{} // by what was answered
	for _, x := range polls {
		ack := ackOf(x)
		switch {
		case x.Status == 400 && ack != "" && strings.Contains(subcodeOf(x), "Parameter") && strings.Contains(x.Body, "ack"):
			e := p.SawExchange(x, "the request carried ack=%s, and the Front End misses it (%d %s): the query got lost", ack, x.Status, subcodeOf(x))
			return &e
		case x.Status != 200:
			continue
		case saysRelation(x.Body, "resync"):
			resyncs++
			if resyncs > 1 {
				e := p.SawExchange(x, "event answers tell the client again and again to begin anew (resync)")
				return &e
			}
		}
		if !strings.Contains(x.Body, "sender") {
			continue
		}
		key := applicationOf(x) + " " + x.Body
		if other := first[key]; other != nil && ackOf(other) != ack {
			e := p.SawExchange(x, "the answer to ack=%s is that to ack=%s once more: something on the way keeps answers", ack, ackOf(other))
			return &e
		}
		first[key] = x
	}
	return nil
}

// ackOf is what the client said to have, in the event request.
func ackOf(x *probe.Exchange) string {
	u, err := url.Parse(x.URL)
	if err != nil {
		return ""
	}
	return u.Query().Get("ack")
}

// saysRelation tells whether a UCWA document has a link of that relation, in either dialect.
func saysRelation(body, rel string) bool {
	return strings.Contains(body, fmt.Sprintf("%q:", rel)) || strings.Contains(body, fmt.Sprintf("rel=%q", rel))
}
