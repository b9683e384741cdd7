package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyChunkedUpload411 = Mode{
	Rule: probe.Rule{
		ID:       "proxy.chunked-upload-411",
		Severity: probe.Medium,
		Title:    "the reverse proxy refuses request bodies whose length is not announced",
		Cause:    "an old proxy demands Content-Length; phones and browsers send some messages and content in chunks",
		Remedy:   "Upgrade the proxy to one that takes chunked request bodies (HTTP/1.1).",
		Settings: settings(
			pfSquid, "Squid 3.2 or later.",
			pfHAProxy, "Remove deny rules for the header Transfer-Encoding.",
			haproxy, "Remove http-request deny and return rules for the headers Content-Length and Transfer-Encoding.",
			nginx, "nginx 1.3.9 or later; proxy_http_version 1.1;",
			squid, "Remove http_access deny lines with an acl … req_header Content-Length.",
			apache, "Remove RewriteCond %{HTTP:Transfer-Encoding} rules that refuse: ProxyPass takes chunked bodies, and SetEnv proxy-sendchunked 1 sends them on as they come.",
			caddy, "Remove matchers on the headers Transfer-Encoding and Content-Length that lead to respond 411.",
		),
		Sources: []string{"RFC 9112 section 7.1", "RFC 9110 section 15.5.12"},
		Reads:   probe.SignIns | probe.Exchanges | probe.Handshakes,
		Detect: unusual{
			purpose: probe.UploadChunked, what: "in chunks", own: []int{411}, plain: probe.UploadLarge,
		}.judge,
	},
	SignsIn: true, InFull: true,
	Confused: []probe.ID{"proxy.method-blocked", "proxy.body-size-413"},
	Cases: []Case{
		{Name: "length-required", Edit: func(t *topology.Topology) { refuseMatching(t, 411, "Transfer-Encoding", "chunked") }},
	},
	More: []Case{
		{Name: "not-implemented", Edit: func(t *topology.Topology) { refuseMatching(t, 501, "Transfer-Encoding", "chunked") }},
	},
	Near: []Case{
		{Name: "gzip-coding-only", Edit: func(t *topology.Topology) { refuseMatching(t, 411, "Transfer-Encoding", "gzip") }},
	},
}
