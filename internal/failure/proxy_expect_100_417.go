package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyExpect100417 = Mode{
	Rule: probe.Rule{
		ID:       "proxy.expect-100-417",
		Severity: probe.High,
		Title:    "the reverse proxy refuses requests that expect 100-continue",
		Cause:    "an old proxy answers 417 to Expect, which Windows clients send with tickets and uploads",
		Remedy:   "Upgrade the proxy, or have it ignore Expect: 100-continue.",
		Settings: settings(
			pfSquid, "Squid 3.2 or later. Before that, custom options: ignore_expect_100 on",
			pfHAProxy, "Remove deny rules for the header Expect.",
			haproxy, "Remove http-request deny and return rules for the header Expect.",
			nginx, "Nothing to set: nginx answers 100 by itself. Remove if ($http_expect) blocks.",
			squid, "Remove http_access deny lines with an acl … req_header Expect.",
			apache, "Remove RewriteCond %{HTTP:Expect} rules that refuse. Before Apache 2.4.43: RequestHeader unset Expect early",
			caddy, "Remove matchers on the header Expect, and request_header -Expect: Caddy answers 100 by itself.",
		),
		Sources: []string{"RFC 9110 section 10.1.1", "Squid: ignore_expect_100"},
		Reads:   probe.SignIns | probe.Exchanges | probe.Handshakes,
		Detect: unusual{
			purpose: probe.UploadExpect, what: "with Expect: 100-continue", own: []int{417}, plain: probe.UploadLarge,
		}.judge,
	},
	SignsIn: true, InFull: true,
	Confused: []probe.ID{"proxy.body-size-413", "proxy.chunked-upload-411"},
	Cases: []Case{
		{Name: "refused-417", Edit: func(t *topology.Topology) { refuseMatching(t, 417, "Expect", "*") }},
	},
	Near: []Case{
		{Name: "other-expectations", Edit: func(t *topology.Topology) { refuseMatching(t, 417, "Expect", "200-ok") }},
	},
}

// refuseMatching puts a rule in front that refuses requests to the Lync hosts with such a header.
func refuseMatching(t *topology.Topology, status int, name, value string) {
	p := &t.Proxy
	p.Rules = append([]topology.Rule{{
		Name: "refused by " + name, Hosts: append([]string{}, p.Rules[0].Hosts...), MatchHeaders: map[string]string{name: value},
		Respond: &topology.Response{Status: status, Body: "<html><head><title>Refused</title></head><body>This request is not allowed. Support ID: 4711</body></html>"},
	}}, p.Rules...)
}
