package failure

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyMixedSchemePeersRoundRobin = Mode{
	Rule: probe.Rule{
		ID:       "proxy.mixed-scheme-peers-round-robin",
		Severity: probe.High,
		Title:    "the reverse proxy takes turns between the encrypted and the plain port of the Front End",
		Cause:    "one publishing rule holds the HTTPS and the HTTP web servers, and requests go round all of them whatever they came in by; every request that lands on the wrong one fails",
		Remedy:   "Make two rules: the HTTPS listener to the 4443 web servers only, the HTTP listener to the 8080 ones only.",
		Settings: flipPorts(),
		Sources:  []string{"pfSense squid package: reverse proxy generator and GUI definitions", "Port and protocol details for the Lync 2013 reverse proxy"},
		Reads:    probe.Exchanges | probe.Expectations,
		Detect:   detectProxyMixedSchemePeersRoundRobin,
		Explains: append([]probe.ID{"frontend.one-node-down", "proxy.tls-offload-to-8080"}, whatFollowsOnSimpleURLs...),
	},
	Confused: []probe.ID{"frontend.one-node-down", "proxy.tls-offload-to-8080"},
	Cases: []Case{
		{Name: "one-group", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].AnyScheme = true }},
	},
	More: []Case{
		{Name: "one-node-of-each", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].AnyScheme = true
			t.Proxy.Rules[0].WebServers = []string{topology.FE1HTTPS, topology.FE1HTTP}
		}},
	},
	Near: []Case{
		{Name: "one-group-by-scheme", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].WebServers = []string{topology.FE1HTTP, topology.FE1HTTPS, topology.FE2HTTP, topology.FE2HTTPS}
		}},
	},
	MoreNear: []Case{
		{Name: "any-scheme-of-one-scheme", Edit: func(t *topology.Topology) {
			splitByListener(t)
			t.Proxy.Rules[0].AnyScheme = true
		}},
	},
}

func detectProxyMixedSchemePeersRoundRobin(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	asked := false
	var evidence []probe.Evidence
	for _, host := range l.coreNames() {
		var whole, bare []*probe.Exchange
		var hosts []string
		for _, x := range l.answers(host) {
			switch {
			case x.Document == nil, x.Purpose == probe.SignInUser: // which sends users on to their own pool
			case x.Document.Redirect() != "":
				bare = append(bare, x)
			default:
				whole = append(whole, x)
				hosts = append(hosts, x.Document.Hosts()...)
			}
		}
		asked = asked || len(whole)+len(bare) > 0
		// A redirect to another deployment is what hybrid and several pools look like; one to the very site that
		// answers whole documents is what a Front End says to plain HTTP.
		bare = slices.DeleteFunc(bare, func(x *probe.Exchange) bool {
			to, err := url.Parse(x.Document.Redirect())
			return err != nil || to.Scheme != "https" || !slices.Contains(hosts, strings.ToLower(to.Hostname()))
		})
		if len(whole) == 0 || len(bare) == 0 {
			continue
		}
		evidence = append(evidence,
			l.SawExchange(bare[0], "of %s over HTTPS, %d have all links and %d only the redirect to HTTPS that a Front End gives plain requests",
				fmt.Sprintf("%d discovery answers of %s", len(whole)+len(bare), host), len(whole), len(bare)))
		for _, x := range l.plainAnswers(host) {
			if x.Document != nil && x.Document.Redirect() == "" {
				evidence = append(evidence, l.SawExchange(x, "%s, over HTTP, is answered with all links, as only HTTPS is", x.URL))
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}
