package scenarios

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// Places of Squid's configuration at which lines are put in.
const (
	squidRules  = "http_access allow on-https lync-web-services-host\n"
	squidLimits = "request_body_max_size 0 KB\n"
	squidVerify = "tls-default-ca=off tls-cafile=/etc/squid/tls/enterprise-roots.pem"
	squidTrust  = "sslflags=DONT_VERIFY_PEER,DONT_VERIFY_DOMAIN"
)

// squidDenies denies requests on 443 that an acl takes, with a status.
func squidDenies(acl, status string) func(string) (string, error) {
	return replace(squidRules, "acl refused "+acl+"\ndeny_info "+status+":ERR_ACCESS_DENIED refused\nhttp_access deny on-https refused\n"+squidRules)
}

// squidPaths publishes only paths of a pattern on 443.
func squidPaths(pattern string) func(string) (string, error) {
	return replace("http_access allow on-https lync-web-services-host", "acl lync-path "+pattern+"\nhttp_access allow on-https lync-web-services-host lync-path")
}

// squidMistakes are in the order in which a request meets them: listener, rules, limits, web server, answer, time.
var squidMistakes = []Mistake{
	// Listeners.
	{Name: "http-port-443", Title: "http_port for 443", Want: "tls.plain-http-on-443",
		Edit: replace("https_port", "http_port", " tls-cert=/etc/squid/tls/lync-fullchain.pem tls-key=/etc/squid/tls/lync-key.pem tls-min-version=1.2", "")},
	{Name: "old-tls-only", Title: "options=NO_TLSv1_2,NO_TLSv1_3, from a guide for Lync 2010 phones", Want: "tls.only-tls10",
		Edit: replace("tls-min-version=1.2\nh", "options=NO_TLSv1_2,NO_TLSv1_3 cipher=DEFAULT@SECLEVEL=0\nh", "tls-min-version=1.2\nacl", "options=NO_TLSv1_2,NO_TLSv1_3 cipher=DEFAULT@SECLEVEL=0\nacl")},
	{Name: "client-certificates", Title: "clientca= on https_port: every client must show a certificate", Want: "tls.client-certificate-requested",
		Edit: replace("tls-key=/etc/squid/tls/lync-key.pem", "tls-key=/etc/squid/tls/lync-key.pem clientca=/etc/squid/tls/enterprise-roots.pem")},
	{Name: "certificate-without-chain", Title: "tls-cert names a file with the certificate and no intermediates", Want: "tls.missing-intermediate",
		Topology: func(t *topology.Topology) { t.ProxyCertificate().Chain = topology.LeafOnly }},
	{Name: "no-port-80", Title: "no http_port", Want: "proxy.http80-closed",
		Topology: func(t *topology.Topology) { t.Proxy.HTTP = 0 }},
	{Name: "redirect-to-https", Title: "deny_info 301 for all of port 80", Want: "proxy.http80-redirects-to-https",
		Edit: replace(squidRules, "deny_info 301:https://%H%R on-http\nhttp_access deny on-http\n"+squidRules)},
	{Name: "no-vhost", Title: "no-vhost defaultsite=: every request gets that Host", Want: "proxy.host-header-rewritten",
		With: []probe.ID{"meeting.wac-unpublished"}, // for its requests have that Host, too
		Edit: replace("accel vhost", "accel no-vhost defaultsite=lyncweb-ext.contoso.example")},

	// Names and paths.
	{Name: "one-name-only", Title: "discovery is not among the names", Want: "proxy.default-vhost-answers",
		Edit: replace("acl lync-web-services-host dstdomain -n lyncdiscover.contoso.example\n", "")},
	{Name: "second-domain-forgotten", Title: "discovery of the second SIP domain is not among the names", Want: "proxy.default-vhost-answers",
		Edit: replace("acl lync-web-services-host dstdomain -n lyncdiscover.fabrikam.example\n", "")},
	{Name: "meet-forgotten", Title: "the meeting URLs are not among the names", Want: "meeting.simple-url-not-published",
		Edit: replace("acl lync-web-services-host dstdomain -n meet.contoso.example\n", "", "acl lync-web-services-host dstdomain -n meet.fabrikam.example\n", "")},
	{Name: "dialin-forgotten", Title: "the dial-in page is not among the names", Want: "meeting.dialin-not-published",
		Edit: replace("acl lync-web-services-host dstdomain -n dialin.contoso.example\n", "")},
	{Name: "reset", Title: "deny_info TCP_RESET, and discovery is not among the names", Want: "proxy.unmapped-tcp-reset",
		Edit: replace("acl lync-web-services-host dstdomain -n lyncdiscover.contoso.example\n", "", "deny_info 421:ERR_ACCESS_DENIED all", "deny_info TCP_RESET all")},
	{Name: "anchored", Title: "url_regex with an end anchor: the root is published and nothing below it", Want: "proxy.default-vhost-answers",
		Edit: squidPaths("url_regex -i ^https://[^/]+/?$")},
	{Name: "paths-without-ucwa", Title: "urlpath_regex lists directories, and UCWA is not among them", Want: "proxy.path-allowlist-missing-ucwa",
		Edit: squidPaths("urlpath_regex -i ^/([?]|$) ^/(autodiscover|webticket|mcx|abs|groupexpansion|certprov|reach|meet|dialin|lwa|datacollabweb|scheduler|passiveauth|requesthandlerext|persistentchat)")},
	{Name: "case-sensitive-paths", Title: "urlpath_regex without -i", Want: "proxy.case-sensitive-path",
		Edit: squidPaths("urlpath_regex ^/([?]|$) ^/(Autodiscover|WebTicket|ucwa|Mcx|abs|GroupExpansion|CertProv|Reach|meet|dialin|lwa|DataCollabWeb|Scheduler|PassiveAuth|RequestHandlerExt|PersistentChat)")},

	// Requests.
	{Name: "methods", Title: "acl method GET POST: no PUT, no DELETE", Want: "proxy.method-blocked", SignsIn: true,
		Edit: squidDenies("method PUT DELETE PATCH", "405")},
	{Name: "methods-reset", Title: "deny_info TCP_RESET for PUT and DELETE", Want: "proxy.method-blocked", SignsIn: true,
		Edit: replace(squidRules, "acl other method PUT DELETE\ndeny_info TCP_RESET other\nhttp_access deny other\n"+squidRules)},
	{Name: "networks", Title: "an acl of src with the office's network in front of all that is published", Want: "proxy.ip-reputation-or-geo-block",
		Edit: replace(squidRules, "acl office src 10.0.0.0/8\nhttp_access deny !office\n"+squidRules)},
	{Name: "browsers-only", Title: "an acl of browser denies what does not call itself Mozilla", Want: "proxy.user-agent-filtered", SignsIn: true,
		Edit: replace(squidRules, "acl browsers browser Mozilla\nhttp_access deny on-https !browsers\n"+squidRules)},
	{Name: "basic-auth", Title: "proxy_auth in front of the Front End's own log-on", Want: "proxy.preauth-401",
		Edit: replace(squidRules, "auth_param basic program /usr/lib/squid/basic_fake_auth\nacl known proxy_auth REQUIRED\nhttp_access deny on-https !known\n"+squidRules)},
	{Name: "authorization-removed", Title: "request_header_access Authorization deny all", Want: "proxy.authorization-stripped", SignsIn: true,
		Edit: replace(squidLimits, squidLimits+"request_header_access Authorization deny all\n")},
	{Name: "no-login", Title: "cache_peer without login=PASSTHRU: Authorization is taken out", Want: "proxy.authorization-stripped", SignsIn: true,
		Edit: replace("login=PASSTHRU ", "")},
	{Name: "login-of-its-own", Title: "cache_peer with login=user:password, which takes the place of what clients send", Want: "proxy.authorization-stripped", SignsIn: true,
		Edit: replace("login=PASSTHRU", "login=guest:guest")},
	{Name: "paranoid-headers", Title: "request_header_access All deny all after a list of harmless ones, as a recipe for privacy has it", Want: "proxy.x-ms-headers-stripped", SignsIn: true,
		Edit: replace(squidLimits, squidLimits+`request_header_access Allow allow all
request_header_access Authorization allow all
request_header_access Cache-Control allow all
request_header_access Content-Length allow all
request_header_access Content-Type allow all
request_header_access Date allow all
request_header_access Host allow all
request_header_access If-Modified-Since allow all
request_header_access Accept allow all
request_header_access Accept-Charset allow all
request_header_access Accept-Encoding allow all
request_header_access Accept-Language allow all
request_header_access Connection allow all
request_header_access User-Agent allow all
request_header_access Cookie allow all
request_header_access All deny all
`)},
	{Name: "origin-denied", Title: "requests with Origin are denied", Want: "proxy.origin-or-referer-filtered",
		Edit: squidDenies("req_header Origin .", "403")},
	{Name: "soap-denied", Title: "requests that carry XML are denied", Want: "proxy.waf-rule-block", SignsIn: true,
		Edit: squidDenies("req_mime_type -i xml", "403")},
	{Name: "expect-denied", Title: "requests with Expect are denied", Want: "proxy.expect-100-417", SignsIn: true, InFull: true,
		Edit: squidDenies("req_header Expect .", "417")},
	{Name: "double-encoding-denied", Title: "URLs that are encoded twice are denied: url_regex sees them decoded once", Want: "proxy.percent-decoding-normalised",
		Edit: replace(squidRules, "acl encoded url_regex %[0-9A-Fa-f][0-9A-Fa-f]\nhttp_access deny encoded\n"+squidRules)},
	{Name: "url-limit", Title: "URLs above 512 characters are denied", Want: "proxy.url-length-limit",
		Edit: squidDenies("url_regex ^.{512}", "414")},
	{Name: "small-header", Title: "request_header_max_size 8 KB: long tickets get 400", Want: "proxy.header-too-large", SignsIn: true, InFull: true,
		Edit: replace("request_header_max_size 128 KB", "request_header_max_size 8 KB")},
	{Name: "body-limit", Title: "request_body_max_size 1 MB", Want: "proxy.body-size-413", SignsIn: true, InFull: true,
		Edit: replace(squidLimits, "request_body_max_size 1 MB\n")},

	// Web servers.
	{Name: "ports-not-flipped", Title: "cache_peer with 443 and 80", Want: "proxy.port-not-flipped",
		Edit: replace("parent 4443", "parent 443", "parent 8080", "parent 80", squidVerify, squidTrust)},
	{Name: "only-443-not-flipped", Title: "cache_peer with 443 and 8080", Want: "proxy.port-443-not-flipped-80-is",
		Edit: replace("parent 4443", "parent 443", squidVerify, squidTrust)},
	{Name: "only-80-not-flipped", Title: "cache_peer with 4443 and 80", Want: "proxy.port-80-not-flipped",
		Edit: replace("parent 8080", "parent 80")},
	{Name: "no-tls-to-4443", Title: "cache_peer with 4443 and without tls", Want: "proxy.peer-protocol-wrong", Topology: plainTo4443},
	{Name: "offload", Title: "TLS ends at Squid: 443 goes to 8080 too", Want: "proxy.tls-offload-to-8080",
		Edit: replace("parent 4443", "parent 8080", "round-robin tls ", "round-robin #")},
	{Name: "mixed-peers", Title: "both kinds of cache_peer take both listeners", Want: "proxy.mixed-scheme-peers-round-robin",
		Edit: replace("fe1-http allow on-http ", "fe1-http allow ", "fe2-http allow on-http ", "fe2-http allow ")},
	{Name: "wrong-port", Title: "cache_peer with 4444, where nobody listens", Want: "proxy.upstream-down-502",
		Edit: replace("parent 4443", "parent 4444")},
	{Name: "wrong-root", Title: "tls-cafile with the public roots, and Front Ends with certificates of the enterprise", Want: "tls.backend-untrusted",
		Topology: verifiedWith(topology.PublicCA, "")},
	{Name: "wrong-name", Title: "ssldomain with a name that the Front Ends' certificates do not have", Want: "tls.backend-name-mismatch",
		Topology: verifiedWith(topology.EnterpriseCA, "lync.contoso.example")},
	{Name: "no-ssldomain", Title: "cache_peer by address and without ssldomain: no certificate is for the address", Want: "proxy.upstream-down-502",
		Edit: replace("ssldomain=fe1.contoso.example ", "", "ssldomain=fe2.contoso.example ", "")},
	{Name: "connection-auth-off", Title: "connection-auth=off: offers of NTLM and Negotiate are taken out", Want: "proxy.www-authenticate-stripped", SignsIn: true,
		Edit: replace("connection-auth=on", "connection-auth=off")},
	{Name: "servers-not-persistent", Title: "server_persistent_connections off: each leg of a Windows log-on comes on a connection of its own", Want: "proxy.http10-upstream", SignsIn: true,
		Edit: replace(squidLimits, squidLimits+"server_persistent_connections off\n")},

	// Answers.
	{Name: "challenge-removed", Title: "reply_header_access WWW-Authenticate deny all", Want: "proxy.www-authenticate-stripped",
		Edit: replace(squidLimits, squidLimits+"reply_header_access WWW-Authenticate deny all\n")},
	{Name: "cookies-removed", Title: "reply_header_access Set-Cookie deny all", Want: "proxy.cookies-stripped", SignsIn: true,
		Edit: replace(squidLimits, squidLimits+"reply_header_access Set-Cookie deny all\n")},
	{Name: "x-headers-removed", Title: "reply_header_access Other deny all to say less of the server", Want: "proxy.x-ms-headers-stripped", SignsIn: true,
		Edit: replace(squidLimits, squidLimits+"reply_header_access Other deny all\n")},
	{Name: "maintenance", Title: "a maintenance page with status 200", Want: "proxy.error-page-with-200",
		Edit: squidDenies("src all", "200")},

	// Time.
	{Name: "read-timeout", Title: "read_timeout 1 minute", Want: "mobility.long-poll-cut-by-idle-timeout", SignsIn: true, Hold: holdTime,
		Edit: replace("read_timeout 1200 seconds", "read_timeout 1 minute")},
	{Name: "client-lifetime", Title: "client_lifetime 2 minutes, which counts for each request", Want: "mobility.long-poll-cut-by-idle-timeout", SignsIn: true, Hold: holdTime,
		Edit: replace("read_timeout 1200 seconds", "read_timeout 1200 seconds\nclient_lifetime 2 minutes")},

	// Near misses: they look wrong, and all is well.
	{Name: "verify-none", Title: "near: sslflags=DONT_VERIFY_PEER towards the Front Ends: unsafe, and it works",
		Edit: replace(squidVerify, squidTrust)},
	{Name: "cache-as-told", Title: "near: a cache that obeys the Front End, which forbids to keep what matters",
		SignsIn: true, Edit: replace("send_hit deny all\nstore_miss deny all\n", "")},
	{Name: "cache-forced", Title: "near: refresh_pattern overrides what it can, and the Front End's no-cache counts all the same",
		SignsIn: true, Edit: replace("send_hit deny all\nstore_miss deny all\n", "refresh_pattern . 1440 100% 10080 override-expire override-lastmod ignore-no-store ignore-private ignore-reload\n")},
	{Name: "defaultsite", Title: "near: defaultsite without vhost: in Squid 5 the client's Host is kept",
		SignsIn: true, Edit: replace("accel vhost", "accel defaultsite=lyncweb-ext.contoso.example")},
	{Name: "forcedomain", Title: "near: forcedomain, which Squid 5 takes and does not obey for accelerated sites",
		SignsIn: true, Edit: replace("name=fe1-https", "name=fe1-https forcedomain=fe1.contoso.example", "name=fe2-https", "name=fe2-https forcedomain=fe2.contoso.example")},
	{Name: "no-persistent-connections", Title: "near: client_persistent_connections off: slow, but a Windows log-on keeps its connection",
		SignsIn: true, Edit: replace(squidLimits, squidLimits+"client_persistent_connections off\n")},
	{Name: "cache-deny-all", Title: "near: cache deny all, as every guide has it",
		SignsIn: true, Edit: replace("send_hit deny all\nstore_miss deny all\n", "cache deny all\n")},
	{Name: "header-default", Title: "near: request_header_max_size left at 64 KB",
		SignsIn: true, InFull: true, Edit: replace("request_header_max_size 128 KB\n", "")},
	{Name: "no-round-robin", Title: "near: no round-robin: the first Front End gets all",
		SignsIn: true, Edit: replace(" round-robin", "")},
	{Name: "one-server-down", Title: "near: one of two peers has a port where nobody listens, and the other is tried",
		SignsIn: true, Edit: replace("10.10.10.12 parent 4443", "10.10.10.12 parent 4444")},
	{Name: "anonymous", Title: "near: via off, forwarded_for delete and no X-Cache lines",
		SignsIn: true, Edit: replace("forwarded_for on", "forwarded_for delete\nvia off\nreply_header_access X-Cache deny all\nreply_header_access X-Cache-Lookup deny all\nreply_header_access Via deny all")},
	{Name: "collapsed", Title: "near: collapsed_forwarding on",
		SignsIn: true, InFull: true, Edit: replace(squidLimits, squidLimits+"collapsed_forwarding on\n")},
	{Name: "front-end-https", Title: "near: front-end-https=on, as pfSense's package writes it",
		SignsIn: true, Edit: replace("name=fe1-https", "front-end-https=on name=fe1-https", "name=fe2-https", "front-end-https=on name=fe2-https")},
	{Name: "short-client-idle", Title: "near: client_idle_pconn_timeout of 30 seconds between two requests",
		SignsIn: true, Edit: replace("client_idle_pconn_timeout 1200 seconds", "client_idle_pconn_timeout 30 seconds")},
}
