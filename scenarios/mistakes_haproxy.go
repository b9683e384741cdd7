package scenarios

import (
	"cmp"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// Places of HAProxy's configuration at which lines are put in.
const (
	haproxyOn443  = "frontend lync-https\n"
	haproxyOn80   = "frontend lync-http\n"
	haproxyTo4443 = "backend lync-web-services-https\n"
	haproxyTo8080 = "backend lync-web-services-http\n"
	haproxyToAll  = "  balance roundrobin\n"
	haproxyVerify = "verify required ca-file /etc/haproxy/tls/enterprise-roots.pem"
	haproxySSL    = " ssl ssl-min-ver TLSv1.2 alpn http/1.1"
)

// haproxyPaths publishes some directories only on 443, and the root.
func haproxyPaths(list string) func(string) (string, error) {
	return replace("use_backend lync-web-services-https if lync-web-services-https-host",
		"acl lync-path path /\n  acl lync-path path_beg "+list+"\n  use_backend lync-web-services-https if lync-web-services-https-host lync-path")
}

// haproxyMistakes are in the order in which a request meets them: listener, frontend, backend, server, answer.
var haproxyMistakes = []Mistake{
	// Listeners.
	{Name: "bind-without-ssl", Title: "bind :443 without ssl and crt", Want: "tls.plain-http-on-443",
		Edit: replace(":443 ssl crt /etc/haproxy/tls/lync.pem alpn http/1.1", ":443")},
	{Name: "old-tls-only", Title: "ssl-max-ver TLSv1.1, from a guide for Lync 2010 phones", Want: "tls.only-tls10",
		Edit: replace("ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.3", "ssl-min-ver TLSv1.0 ssl-max-ver TLSv1.1\n  ssl-default-bind-ciphers DEFAULT@SECLEVEL=0")},
	{Name: "client-certificates", Title: "bind with ca-file and verify required: every client must show a certificate", Want: "tls.client-certificate-requested",
		Edit: replace("crt /etc/haproxy/tls/lync.pem", "crt /etc/haproxy/tls/lync.pem ca-file /etc/haproxy/tls/enterprise-roots.pem verify required")},
	{Name: "strict-sni", Title: "strict-sni: clients that send no server name are cut off", Want: "tls.sni-missing-gets-default-cert",
		Edit: replace("alpn http/1.1\n  bind", "alpn http/1.1 strict-sni\n  bind", "alpn http/1.1\n  # lync", "alpn http/1.1 strict-sni\n  # lync")},
	{Name: "accept-proxy", Title: "accept-proxy on the binds, and no balancer in front", Want: "proxy.expects-proxy-protocol",
		Edit: replace(":443 ssl crt", ":443 accept-proxy ssl crt", ".10:80\n", ".10:80 accept-proxy\n", ".5:80\n", ".5:80 accept-proxy\n")},
	{Name: "http2", Title: "alpn h2,http/1.1 on the listener", Want: "tls.alpn-h2-offered",
		Edit: replace("lync.pem alpn http/1.1", "lync.pem alpn h2,http/1.1")},
	{Name: "pem-without-chain", Title: "the file of crt holds the certificate and its key, and no intermediates", Want: "tls.missing-intermediate",
		Topology: func(t *topology.Topology) { t.ProxyCertificate().Chain = topology.LeafOnly }},
	{Name: "tcp-mode", Title: "mode tcp: TLS is passed through to the Front End, with its certificate of the enterprise", Want: "tls.untrusted-internal-ca-external-listener",
		With: []probe.ID{"meeting.wac-unpublished"}, // no rule for a name is left
		Edit: replace(":443 ssl crt /etc/haproxy/tls/lync.pem alpn http/1.1", ":443", haproxyOn443, haproxyOn443+"  mode tcp\n  use_backend lync-web-services-https\n",
			haproxyTo4443, haproxyTo4443+"  mode tcp\n", "4443"+haproxySSL, "4443 #")},
	{Name: "no-port-80", Title: "no frontend for port 80", Want: "proxy.http80-closed",
		Topology: func(t *topology.Topology) { t.Proxy.HTTP = 0 }},
	{Name: "redirect-to-https", Title: "http-request redirect scheme https on port 80", Want: "proxy.http80-redirects-to-https",
		Edit: replace(haproxyOn80, haproxyOn80+"  http-request redirect scheme https code 301\n")},
	{Name: "redirect-loop", Title: "redirect scheme https unless X-Forwarded-Proto says https, which nobody in front sets", Want: "proxy.redirect-loop-http-https",
		Edit: replace(haproxyOn443, haproxyOn443+"  http-request redirect scheme https unless { req.hdr(X-Forwarded-Proto) https }\n")},

	// Names and paths.
	{Name: "one-name-only", Title: "an ACL for the web services FQDN and none for discovery", Want: "proxy.default-vhost-answers",
		Edit: replace("  acl lync-web-services-https-host req.hdr(host),field(1,:) -i lyncdiscover.contoso.example\n", "")},
	{Name: "second-domain-forgotten", Title: "no ACL for discovery of the second SIP domain", Want: "proxy.default-vhost-answers",
		Edit: replace("  acl lync-web-services-https-host req.hdr(host),field(1,:) -i lyncdiscover.fabrikam.example\n", "")},
	{Name: "meet-forgotten", Title: "no ACL for the meeting URL", Want: "meeting.simple-url-not-published",
		Edit: replace("  acl lync-web-services-https-host req.hdr(host),field(1,:) -i meet.contoso.example\n", "", "  acl lync-web-services-https-host req.hdr(host),field(1,:) -i meet.fabrikam.example\n", "")},
	{Name: "dialin-forgotten", Title: "no ACL for the dial-in page", Want: "meeting.dialin-not-published",
		Edit: replace("  acl lync-web-services-https-host req.hdr(host),field(1,:) -i dialin.contoso.example\n", "")},
	{Name: "silent-drop", Title: "names that no ACL knows are rejected, and discovery is one of them", Want: "proxy.unmapped-tcp-reset",
		Edit: replace("  acl lync-web-services-https-host req.hdr(host),field(1,:) -i lyncdiscover.contoso.example\n", "",
			"http-request return status 421", "http-request reject")},
	{Name: "paths-without-ucwa", Title: "path_beg lists directories, and UCWA is not among them", Want: "proxy.path-allowlist-missing-ucwa",
		Edit: haproxyPaths("-i /autodiscover /webticket /mcx /abs /groupexpansion /certprov /reach /meet /dialin /lwa /datacollabweb /scheduler /passiveauth /requesthandlerext /persistentchat")},
	{Name: "case-sensitive-paths", Title: "path_beg without -i", Want: "proxy.case-sensitive-path",
		Edit: haproxyPaths("/Autodiscover /WebTicket /ucwa /Mcx /abs /GroupExpansion /CertProv /Reach /meet /dialin /lwa /DataCollabWeb /Scheduler /PassiveAuth /RequestHandlerExt /PersistentChat")},

	// Requests.
	{Name: "methods", Title: "http-request deny unless METH_GET or METH_POST: no PUT, no DELETE", Want: "proxy.method-blocked", SignsIn: true,
		Edit: replace(haproxyOn443, haproxyOn443+"  http-request deny deny_status 405 unless METH_GET or METH_POST\n")},
	{Name: "methods-dropped", Title: "http-request silent-drop for PUT and DELETE", Want: "proxy.method-blocked", SignsIn: true,
		Edit: insert(haproxyOn443, "  http-request silent-drop if { method PUT DELETE }\n")},
	{Name: "basic-auth", Title: "http-request auth in front of the Front End's own log-on", Want: "proxy.preauth-401",
		Edit: replace(haproxyOn443, "userlist lync\n  user guest insecure-password guest\n\n"+haproxyOn443+"  http-request auth realm Lync unless { http_auth(lync) }\n")},
	{Name: "addresses-denied", Title: "http-request deny for all but the office's network", Want: "proxy.ip-reputation-or-geo-block",
		Edit: replace(haproxyOn443, haproxyOn443+"  http-request deny unless { src 10.0.0.0/8 }\n", haproxyOn80, haproxyOn80+"  http-request deny unless { src 10.0.0.0/8 }\n")},
	{Name: "browsers-only", Title: "http-request deny for what does not call itself Mozilla", Want: "proxy.user-agent-filtered", SignsIn: true,
		Edit: insert(haproxyOn443, "  http-request deny unless { req.hdr(User-Agent) -m sub Mozilla }\n")},
	{Name: "rate-limit", Title: "a stick table allows ten requests in ten seconds from one address", Want: "proxy.rate-limit-429",
		Edit: replace(haproxyOn443, haproxyOn443+"  stick-table type ip size 100k expire 30s store http_req_rate(10s)\n  http-request track-sc0 src\n  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 10 }\n")},
	{Name: "tarpit", Title: "http-request tarpit for those who come often: 500 after a while", Want: "proxy.rate-limit-429",
		Edit: replace(haproxyOn443, haproxyOn443+"  timeout tarpit 1s\n  stick-table type ip size 100k expire 30s store http_req_rate(10s)\n  http-request track-sc0 src\n  http-request tarpit if { sc_http_req_rate(0) gt 10 }\n")},
	{Name: "small-bufsize", Title: "tune.bufsize 8192: long tickets get 400", Want: "proxy.header-too-large", SignsIn: true, InFull: true,
		Edit: replace("tune.bufsize 131072", "tune.bufsize 8192")},
	{Name: "body-limit", Title: "bodies above 1 MB are denied", Want: "proxy.body-size-413", SignsIn: true, InFull: true,
		Edit: replace(haproxyOn443, haproxyOn443+"  http-request deny deny_status 413 if { req.body_size gt 1048576 }\n")},
	{Name: "length-required", Title: "POST without Content-Length is denied", Want: "proxy.chunked-upload-411", SignsIn: true, InFull: true,
		Edit: replace(haproxyOn443, haproxyOn443+"  http-request return status 411 if METH_POST !{ req.hdr(Content-Length) -m found }\n")},
	{Name: "expect-denied", Title: "requests with Expect are denied", Want: "proxy.expect-100-417", SignsIn: true, InFull: true,
		Edit: replace(haproxyOn443, haproxyOn443+"  http-request return status 417 if { req.hdr(Expect) -m found }\n")},
	{Name: "url-limit", Title: "URLs above 512 characters are denied", Want: "proxy.url-length-limit",
		Edit: replace(haproxyOn443, haproxyOn443+"  http-request return status 414 if { url_len gt 512 }\n")},
	{Name: "origin-denied", Title: "requests that come from a web page of another host are denied", Want: "proxy.origin-or-referer-filtered",
		Edit: replace(haproxyOn443, haproxyOn443+"  http-request deny if { req.hdr(Origin) -m found }\n")},
	{Name: "soap-denied", Title: "a filter of media types knows forms and JSON only", Want: "proxy.waf-rule-block", SignsIn: true,
		Edit: replace(haproxyOn443, haproxyOn443+"  http-request deny if METH_POST !{ req.hdr(Content-Type) -m beg -i application/json application/x-www-form-urlencoded }\n")},
	{Name: "authorization-removed", Title: "http-request del-header Authorization, left over from a basic log-on", Want: "proxy.authorization-stripped", SignsIn: true,
		Edit: replace(haproxyTo4443, haproxyTo4443+"  http-request del-header Authorization\n")},
	{Name: "query-dropped", Title: "http-request set-uri %[path]: the query is gone", Want: "proxy.query-string-dropped",
		Edit: replace(haproxyTo4443, haproxyTo4443+"  http-request set-uri %[path]\n")},
	{Name: "double-encoding-denied", Title: "URLs that are encoded twice are denied", Want: "proxy.percent-decoding-normalised",
		Edit: replace(haproxyToAll, haproxyToAll+"  http-request deny if { url_sub %25 }\n")},
	{Name: "prefix-added", Title: "http-request set-path /lync%[path]", Want: "proxy.path-prefix-mismatch",
		Edit: replace(haproxyTo4443, haproxyTo4443+"  http-request set-path /lync%[path]\n")},
	{Name: "host-replaced", Title: "http-request set-header Host with the Front End's name", Want: "proxy.host-header-rewritten",
		Edit: replace(haproxyTo4443, haproxyTo4443+"  http-request set-header Host fe1.contoso.example\n")},

	// Web servers.
	{Name: "ports-not-flipped", Title: "servers on 443 and 80", Want: "proxy.port-not-flipped",
		Edit: replace(":4443", ":443", ":8080", ":80", haproxyVerify, "verify none")},
	{Name: "only-443-not-flipped", Title: "servers on 443 and 8080", Want: "proxy.port-443-not-flipped-80-is",
		Edit: replace(":4443", ":443", haproxyVerify, "verify none")},
	{Name: "only-80-not-flipped", Title: "servers on 4443 and 80", Want: "proxy.port-80-not-flipped",
		Edit: replace(":8080", ":80")},
	{Name: "no-tls-to-4443", Title: "the servers on 4443 without ssl", Want: "proxy.peer-protocol-wrong",
		Topology: plainTo4443},
	{Name: "offload", Title: "TLS ends at HAProxy: 443 goes to 8080 too", Want: "proxy.tls-offload-to-8080",
		Edit: replace(":4443 ssl", ":8080 #")},
	{Name: "one-server-offloaded", Title: "one of two servers behind 443 is http on 8080", Want: "proxy.mixed-scheme-peers-round-robin",
		Edit: replace("10.10.10.12:4443 ssl", "10.10.10.12:8080 #")},
	{Name: "wrong-port", Title: "servers on 4444, where nobody listens", Want: "proxy.upstream-down-502",
		Edit: replace(":4443", ":4444")},
	{Name: "check-on-wrong-port", Title: "check with a port where nobody listens: both servers are taken out", Want: "proxy.upstream-down-502",
		Edit: replace("inter 10s check-sni", "inter 10ms fall 1 port 8061 check-sni", "inter 10s", "inter 10ms")},
	{Name: "httpchk", Title: "option httpchk GET / expects 200 of the Front End's root, which has none", Want: "proxy.upstream-down-502",
		Edit: replace(haproxyToAll, haproxyToAll+"  option httpchk GET /\n  http-check expect status 200\n", "inter 10s", "inter 10ms fall 1")},
	{Name: "servers-disabled", Title: "both servers left disabled after maintenance", Want: "proxy.upstream-down-502",
		Edit: replace("4443 ssl", "4443 disabled ssl")},
	{Name: "send-proxy", Title: "send-proxy to servers that do not know it", Want: "proxy.upstream-down-502",
		Edit: replace(":4443 ssl", ":4443 send-proxy ssl")},
	{Name: "wrong-root", Title: "ca-file with the public roots, and Front Ends with certificates of the enterprise", Want: "tls.backend-untrusted",
		Topology: verifiedWith(topology.PublicCA, "")},
	{Name: "wrong-name", Title: "sni and verifyhost with a name that the Front Ends' certificates do not have", Want: "tls.backend-name-mismatch",
		Topology: verifiedWith(topology.EnterpriseCA, "lync.contoso.example")},

	// Time and connections.
	{Name: "connections-of-one-source", Title: "503 for more than eight connections of one address", Want: "proxy.connection-limit", SignsIn: true, InFull: true,
		Edit: replace(haproxyOn443, haproxyOn443+"  stick-table type ip size 100k expire 30s store conn_cur\n  http-request track-sc0 src\n  http-request deny deny_status 503 if { sc_conn_cur(0) gt 8 }\n")},
	{Name: "connections-429", Title: "429 for more than eight connections of one address", Want: "proxy.connection-limit", SignsIn: true, InFull: true,
		Edit: insert(haproxyOn443, "  stick-table type ip size 100k expire 30s store conn_cur\n  http-request track-sc0 src\n  http-request deny deny_status 429 if { sc_conn_cur(0) gt 8 }\n")},
	{Name: "stock-timeouts", Title: "timeouts of 50 seconds, as Debian's stock file has them", Want: "mobility.long-poll-cut-by-idle-timeout", SignsIn: true, Hold: holdTime,
		Edit: replace("timeout client 1200s", "timeout client 50000", "timeout server 1200s", "timeout server 50000")},
	{Name: "server-timeout", Title: "timeout server of one minute, and clients are waited for longer", Want: "mobility.long-poll-cut-by-idle-timeout", SignsIn: true, Hold: holdTime,
		Edit: replace("timeout server 1200s", "timeout server 1m")},
	{Name: "httpclose", Title: "option httpclose: no connection lives longer than an answer", Want: "proxy.http10-upstream", SignsIn: true,
		Edit: replace("option abortonclose", "option abortonclose\n  option httpclose")},
	{Name: "http-server-close", Title: "option http-server-close: each leg of a Windows log-on comes on a connection of its own", Want: "proxy.ntlm-multiplexed", SignsIn: true,
		Edit: replace("option abortonclose", "option abortonclose\n  option http-server-close")},
	{Name: "no-affinity", Title: "no cookie for the mobile sessions of Lync Server 2010", Want: "frontend.hlb-affinity-lost-mcx", SignsIn: true, Topology: lync2010,
		Edit: replace("  cookie MS-WSMAN insert", "  #")},

	// Answers.
	{Name: "challenge-removed", Title: "http-response del-header WWW-Authenticate", Want: "proxy.www-authenticate-stripped",
		Edit: replace(haproxyTo4443, haproxyTo4443+"  http-response del-header WWW-Authenticate\n")},
	{Name: "x-headers-removed", Title: "http-response del-header x- -m beg, to say less of the server", Want: "proxy.x-ms-headers-stripped", SignsIn: true,
		Edit: replace(haproxyTo4443, haproxyTo4443+"  http-response del-header x- -m beg\n")},
	{Name: "cookies-removed", Title: "http-response del-header Set-Cookie", Want: "proxy.cookies-stripped", SignsIn: true,
		Edit: replace(haproxyTo4443, haproxyTo4443+"  http-response del-header Set-Cookie\n")},
	{Name: "samesite-added", Title: "replace-header adds SameSite=Strict to every cookie", Want: "proxy.cookies-stripped", SignsIn: true,
		Edit: replace(haproxyTo4443, haproxyTo4443+"  http-response replace-header Set-Cookie (.*) \"\\1; SameSite=Strict\"\n")},
	{Name: "maintenance-page", Title: "a maintenance page with status 200", Want: "proxy.error-page-with-200",
		Edit: replace(haproxyTo4443, haproxyTo4443+"  http-request return status 200 content-type text/html string \"<html><head><title>Maintenance</title></head><body>Back soon</body></html>\"\n")},
	{Name: "cache", Title: "an object cache, and the Front End's word against it is removed", Want: "proxy.caches-discovery",
		Edit: replace("\nfrontend lync-https", "\ncache lync\n  total-max-size 64\n  max-age 3600\n\nfrontend lync-https",
			haproxyTo4443, haproxyTo4443+"  http-response del-header Pragma\n  http-response del-header Expires\n  http-response set-header Cache-Control \"public, max-age=3600\"\n  http-request cache-use lync\n  http-response cache-store lync\n")},

	// Near misses: they look wrong, and all is well.
	{Name: "client-timeout", Title: "near: timeout client of 100 seconds alone, which does not count while the server is waited for",
		SignsIn: true, Hold: holdTime, Edit: replace("timeout client 1200s", "timeout client 100s")},
	{Name: "reuse-always", Title: "near: http-reuse always, for connections that are signed in are never shared",
		SignsIn: true, InFull: true, Edit: replace("http-reuse never", "http-reuse always")},
	{Name: "keep-alive-10s", Title: "near: timeout http-keep-alive of 10 seconds between two requests",
		SignsIn: true, Hold: holdTime, Edit: replace("timeout http-keep-alive 1200s", "timeout http-keep-alive 10s")},
	{Name: "compression", Title: "near: compression algo gzip for text, HTML and JSON",
		SignsIn: true, Edit: replace(haproxyToAll, haproxyToAll+"  compression algo gzip\n  compression type text/html text/plain application/json\n")},
	{Name: "stock-bufsize", Title: "near: tune.bufsize left at 16384, which takes what an unchanged Front End takes",
		SignsIn: true, InFull: true, Edit: replace("  tune.bufsize 131072\n", "")},
	{Name: "cache-as-told", Title: "near: an object cache that obeys the Front End, which forbids to keep what matters",
		SignsIn: true, Edit: replace("\nfrontend lync-https", "\ncache lync\n  total-max-size 64\n  max-age 3600\n\nfrontend lync-https",
			haproxyTo4443, haproxyTo4443+"  http-request cache-use lync\n  http-response cache-store lync\n")},
	{Name: "verifyhost-beside-sni", Title: "near: a wrong verifyhost beside a right sni, which is what counts",
		Edit: replace("verifyhost fe1.contoso.example", "verifyhost lync.contoso.example", "verifyhost fe2.contoso.example", "verifyhost lync.contoso.example")},
	{Name: "sni-of-client", Title: "near: sni req.hdr(host), for the Front Ends' certificates carry the published names",
		Edit: replace("sni str(fe1.contoso.example)", "sni req.hdr(host)", "sni str(fe2.contoso.example)", "sni req.hdr(host)")},
	{Name: "one-server-down", Title: "near: one of two servers has a port where nobody listens, and option redispatch tries the other",
		SignsIn: true, Edit: replace("10.10.10.12:4443", "10.10.10.12:4444")},
	{Name: "no-sni", Title: "near: no sni towards the Front Ends, whose sites have one certificate",
		Edit: replace("sni str(fe1.contoso.example) ", "", "sni str(fe2.contoso.example) ", "")},
	{Name: "verify-none", Title: "near: verify none towards the Front Ends: unsafe, and it works",
		Edit: replace(haproxyVerify, "verify none")},
	{Name: "buffered-requests", Title: "near: option http-buffer-request",
		SignsIn: true, InFull: true, Edit: replace("option forwardfor", "option forwardfor\n  option http-buffer-request")},
	{Name: "security-headers", Title: "near: Strict-Transport-Security and X-Content-Type-Options in every answer",
		SignsIn: true, Edit: replace(haproxyTo4443, haproxyTo4443+"  http-response set-header Strict-Transport-Security max-age=31536000\n  http-response set-header X-Content-Type-Options nosniff\n  http-response del-header Server\n")},
	{Name: "tls12-only", Title: "near: ssl-max-ver TLSv1.2", Edit: replace("ssl-max-ver TLSv1.3", "ssl-max-ver TLSv1.2")},
	{Name: "host-with-hdr", Title: "near: hdr(host) compared whole, as most examples do",
		SignsIn: true, Edit: replace("req.hdr(host),field(1,:)", "hdr(host)")},
	{Name: "no-abortonclose", Title: "near: no option abortonclose", SignsIn: true, Hold: holdTime, Edit: replace("  option abortonclose\n", "")},
}

// verifiedWith is a proxy that verifies the Front Ends with the roots of an issuer, and for a name if there is one.
func verifiedWith(issuer, name string) func(*topology.Topology) {
	return func(t *topology.Topology) {
		for _, w := range t.Proxy.FrontEndServers("https") {
			w.Verify, w.Name = issuer, cmp.Or(name, w.Name)
		}
	}
}

// plainTo4443 enters the Front Ends' port for TLS as one without it.
func plainTo4443(t *topology.Topology) {
	for _, w := range t.Proxy.FrontEndServers("https") {
		w.Scheme, w.Verify = "http", ""
	}
	both := &t.Proxy.Rules[0]
	plain := topology.Rule{Name: "lync on port 80", Hosts: both.Hosts, Listener: "http", WebServers: []string{topology.FE1HTTP, topology.FE2HTTP}}
	both.Listener, both.WebServers = "https", []string{topology.FE1HTTPS, topology.FE2HTTPS}
	t.Proxy.Rules = append(t.Proxy.Rules, plain)
}
