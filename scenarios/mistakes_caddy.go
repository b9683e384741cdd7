package scenarios

import (
	"errors"
	"strings"
	"time"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// Places in Caddy's configuration of the healthy deployment where people put lines: the global options, the site of port 443 in
// front of its matchers, in front of its routes, the Lync names' handler there, its reverse_proxy, and its transport.
const (
	caddyGlobal    = "\tauto_https off\n"
	caddyServers   = "\t\tprotocols h1\n"
	caddySite      = "\tbind 203.0.113.10 172.16.5.5\n\ttls "
	caddyRoute     = "\troute {\n\t\thandle @lync-web-services-https {\n"
	caddyHandle    = "\t\thandle @lync-web-services-https {\n"
	caddyToLync    = "\t\t\treverse_proxy https://10.10.10.11:4443 https://10.10.10.12:4443 {\n"
	caddyTransport = "\t\t\t\t\t# One name for all of them: it must be in the certificate of each.\n"
	caddyLyncName  = "\t\t\t\t\ttls_server_name lyncweb-ext.contoso.example\n"
	caddyRoots     = "\t\t\t\t\ttls_trusted_ca_certs /etc/caddy/tls/enterprise-roots.pem\n"
	caddyToPlain   = "\t\t\t# 8080 is the external web site. On 80 the internal one would answer, with internal links.\n\t\t\treverse_proxy http://10.10.10.11:8080 http://10.10.10.12:8080 {\n"
	caddyHosts     = "host lyncdiscover.contoso.example lyncdiscover.fabrikam.example lyncweb-ext.contoso.example meet.contoso.example meet.fabrikam.example dialin.contoso.example"
	caddyByName    = "https://lyncdiscover.contoso.example:443, https://lyncdiscover.fabrikam.example:443, https://lyncweb-ext.contoso.example:443, https://meet.contoso.example:443, https://meet.fabrikam.example:443, https://dialin.contoso.example:443, https://wac.contoso.example:443 {"
	caddyOnlyHTTPS = "@lync-web-services-https {\n\t\t" + caddyHosts
)

// caddyPaths publishes some paths on 443 only; the rest goes where unknown hosts go.
func caddyPaths(matcher string) func(string) (string, error) {
	return replace(caddyOnlyHTTPS, caddyOnlyHTTPS+"\n\t\t"+matcher)
}

// caddyRefuses answers requests to Lync on 443 that a matcher takes.
func caddyRefuses(matcher, answer string) func(string) (string, error) {
	return insert(caddyHandle, "\t\t\t@refused "+matcher+"\n\t\t\t"+answer+"\n")
}

// caddyMistakes are about what guides for other sites advise, and what is carried over from other products.
var caddyMistakes = []Mistake{

	// The listeners and their certificate.
	{Name: "tls-internal", Title: "tls internal: certificates of Caddy's own authority, one for each name", Want: "tls.untrusted-internal-ca-external-listener",
		With: []probe.ID{"tls.sni-missing-gets-default-cert"},
		Edit: replace("\ttls /etc/caddy/tls/lync-fullchain.pem /etc/caddy/tls/lync-key.pem {\n", "\ttls internal {\n", caddyGlobal, "\tauto_https disable_redirects\n\tskip_install_trust\n",
			"https://:443 {", caddyByName)},
	{Name: "http-on-443", Title: "http:// in front of :443, with tls removed for a balancer that is not there", Want: "tls.plain-http-on-443",
		Edit: replace("https://:443 {", "http://:443 {", "\ttls /etc/caddy/tls/lync-fullchain.pem /etc/caddy/tls/lync-key.pem {\n\t\tprotocols tls1.2 tls1.3\n\t\talpn http/1.1\n\t}\n", "",
			caddyGlobal, caddyGlobal+"\thttps_port 8443\n")},
	{Name: "chain-missing", Title: "tls with a file that holds the certificate alone", Want: "tls.missing-intermediate",
		Topology: func(t *topology.Topology) { t.ProxyCertificate().Chain = topology.LeafOnly }},
	{Name: "client-certificates", Title: "client_auth with mode require", Want: "tls.client-certificate-requested",
		Edit: replace("\t\talpn http/1.1\n", "\t\talpn http/1.1\n\t\tclient_auth {\n\t\t\tmode require\n\t\t}\n")},
	{Name: "http2", Title: "protocols h1 h2, as by default", Want: "tls.alpn-h2-offered",
		Edit: replace(caddyServers, "\t\tprotocols h1 h2\n", "\t\talpn http/1.1\n", "\t\talpn h2 http/1.1\n")},
	{Name: "no-default-sni", Title: "no default_sni, and sites by name: who asks for no name gets no certificate", Want: "tls.sni-missing-gets-default-cert",
		Edit: replace("\tdefault_sni lyncweb-ext.contoso.example\n", "", "https://:443 {", caddyByName)},
	{Name: "other-port", Title: "the site at :8443 in place of :443", Want: "proxy.service-not-enabled",
		Edit: replace("https://:443 {", "https://:8443 {")},
	{Name: "no-80", Title: "no site for port 80", Want: "proxy.http80-closed",
		Edit: caddyWithout80},
	{Name: "redirect", Title: "port 80 redirected, as Caddy does by default", Want: "proxy.http80-redirects-to-https",
		Edit: replace("\t\thandle @lync-web-services-http {\n", "\t\tredir https://{host}{uri} permanent\n\t\thandle @lync-web-services-http {\n")},
	{Name: "redirect-loop", Title: "redir on 443 unless X-Forwarded-Proto says https, which nobody in front sets", Want: "proxy.redirect-loop-http-https",
		Edit: insert(caddyHandle, "\t\t\t@plain not header X-Forwarded-Proto https\n\t\t\tredir @plain https://{host}{uri}\n")},

	// Names and paths.
	{Name: "unknown-hosts-200", Title: "no handler for unknown names, which get an empty 200, and one name was forgotten", Want: "proxy.default-vhost-answers",
		Edit: replace("lyncdiscover.fabrikam.example ", "", "\t\thandle {\n\t\t\trespond 421\n\t\t}\n", "")},
	{Name: "web-services-forgotten", Title: "host without the external web FQDN", Want: "proxy.default-vhost-answers",
		Edit: replace(" lyncweb-ext.contoso.example meet", " meet")},
	{Name: "abort-unknown", Title: "abort for names that are not published, and discovery of the second domain is one of them", Want: "proxy.unmapped-tcp-reset",
		Edit: replace("lyncdiscover.fabrikam.example ", "", "respond 421", "abort")},
	{Name: "meet-forgotten", Title: "host without meet", Want: "meeting.simple-url-not-published",
		Edit: replace(" meet.contoso.example meet.fabrikam.example", "")},
	{Name: "second-meet-forgotten", Title: "host without the second domain's meet", Want: "meeting.per-domain-meet-missing",
		Edit: replace(" meet.fabrikam.example", "")},
	{Name: "dialin-forgotten", Title: "host without dialin", Want: "meeting.dialin-not-published",
		Edit: replace(" dialin.contoso.example", "")},
	{Name: "office-forgotten", Title: "no handler for Office Web Apps", Want: "meeting.wac-unpublished",
		Edit: replace("host wac.contoso.example", "host owa.contoso.example")},
	{Name: "office-plain", Title: "http:// to port 443 of Office Web Apps", Want: "meeting.wac-wrong-port-or-offload",
		Edit: replace("https://10.10.10.20:443", "http://10.10.10.20:443", "\t\t\t\t\ttls\n\t\t\t\t\ttls_server_name wac.contoso.example\n"+caddyRoots, "")},
	{Name: "paths-without-ucwa", Title: "path lists directories, and UCWA is not among them", Want: "proxy.path-allowlist-missing-ucwa",
		Edit: caddyPaths("path / /autodiscover* /webticket* /mcx* /abs* /groupexpansion* /certprov* /reach* /meet* /dialin* /lwa* /datacollabweb* /scheduler* /passiveauth* /requesthandler* /persistentchat* /join* /user* /fe*")},
	{Name: "no-webticket", Title: "/WebTicket refused", Want: "proxy.path-allowlist-missing-webticket",
		Edit: caddyRefuses("path /webticket*", "respond @refused 404")},
	{Name: "discovery-for-exchange", Title: "/autodiscover led to Exchange, whose names have it too", Want: "proxy.path-allowlist-missing-autodiscover",
		Edit: caddyRefuses("path /autodiscover*", "respond @refused 403")},
	{Name: "case-sensitive", Title: "path_regexp with the directories as the documents write them", Want: "proxy.case-sensitive-path",
		Edit: caddyPaths("path_regexp ^/($|Autodiscover|WebTicket|webticket|ucwa|Mcx|GroupExpansion|Abs|CertProv|user1|lwa|Reach|scheduler|DataCollabWeb|PassiveAuth|RgsClients|dialin|meet)")},
	{Name: "static-files", Title: "file_server for scripts and pictures", Want: "meeting.web-app-assets-blocked",
		Edit: insert(caddyHandle, "\t\t\t@static path *.js *.css *.png *.gif *.ico\n\t\t\thandle @static {\n\t\t\t\troot * /var/www/html\n\t\t\t\tfile_server\n\t\t\t}\n")},

	// Requests.
	{Name: "query-dropped", Title: "rewrite with {path}?, which drops the query", Want: "proxy.query-string-dropped",
		Edit: insert(caddyHandle, "\t\t\trewrite * {path}?\n")},
	{Name: "prefix", Title: "rewrite that puts a prefix in front", Want: "proxy.path-prefix-mismatch",
		Edit: insert(caddyHandle, "\t\t\trewrite * /lync{uri}\n")},
	{Name: "strip-prefix", Title: "uri strip_prefix (or handle_path) takes /Autodiscover away, which the Front End needs", Want: "proxy.path-prefix-mismatch",
		Edit: insert(caddyHandle, "\t\t\turi strip_prefix /Autodiscover\n")},
	{Name: "encoded-refused", Title: "URLs that are encoded twice refused", Want: "proxy.percent-decoding-normalised",
		Edit: replace("\t\thandle @office-web-apps-https {\n", "\t\thandle @office-web-apps-https {\n\t\t\t@refused expression `{uri}.contains(\"%25\")`\n\t\t\trespond @refused 403\n")},
	{Name: "url-limit", Title: "URLs above 512 characters refused", Want: "proxy.url-length-limit",
		Edit: caddyRefuses("expression `size({uri}) > 512`", "respond @refused 414")},
	{Name: "networks", Title: "not remote_ip with the office's network leads to respond 403", Want: "proxy.ip-reputation-or-geo-block",
		Edit: caddyRefuses("not remote_ip 10.0.0.0/8", "respond @refused 403")},
	{Name: "browsers-only", Title: "not header User-Agent *Mozilla* leads to respond 403", Want: "proxy.user-agent-filtered", SignsIn: true,
		Edit: caddyRefuses("not header User-Agent *Mozilla*", "respond @refused 403")},
	{Name: "methods", Title: "not method GET HEAD POST", Want: "proxy.method-blocked", SignsIn: true,
		Edit: caddyRefuses("not method GET HEAD POST", "respond @refused 405")},
	{Name: "origin-refused", Title: "requests with Origin refused", Want: "proxy.origin-or-referer-filtered",
		Edit: caddyRefuses("header Origin *", "respond @refused 403")},
	{Name: "xml-refused", Title: "requests with XML refused", Want: "proxy.waf-rule-block", SignsIn: true,
		Edit: caddyRefuses("header Content-Type *xml*", "respond @refused 403")},
	{Name: "expect-refused", Title: "requests with Expect refused", Want: "proxy.expect-100-417", SignsIn: true, InFull: true,
		Edit: caddyRefuses("header Expect *", "respond @refused 417")},
	{Name: "basic-auth", Title: "basicauth in front", Want: "proxy.preauth-401",
		Edit: insert(caddyHandle, "\t\t\tbasicauth {\n\t\t\t\tstaff $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n\t\t\t}\n")},
	{Name: "single-sign-on", Title: "a log-in page in front", Want: "proxy.preauth-forms-page",
		Edit: insert(caddyHandle, "\t\t\t@stranger not header Cookie *session=*\n\t\t\tredir @stranger https://login.contoso.example/?rd=https://{host}{uri} 302\n")},
	{Name: "body-limit", Title: "request_body with max_size 1MB", Want: "proxy.body-size-413", SignsIn: true, InFull: true,
		With: []probe.ID{"proxy.connection-limit"}, // Caddy takes it for a failure of the Front End, which it then leaves alone
		Edit: insert(caddyHandle, "\t\t\trequest_body {\n\t\t\t\tmax_size 1MB\n\t\t\t}\n")},
	{Name: "header-limit", Title: "max_header_size 8KB", Want: "proxy.header-too-large", SignsIn: true, InFull: true,
		Edit: replace("max_header_size 128KB", "max_header_size 8KB")},
	{Name: "authorization-removed", Title: "header_up -Authorization", Want: "proxy.authorization-stripped", SignsIn: true,
		Edit: insert(caddyToLync, "\t\t\t\theader_up -Authorization\n")},

	// The way to the Front Ends.
	{Name: "host-upstream", Title: "header_up Host {upstream_hostport}, as recipes for TLS to web servers have it", Want: "proxy.host-header-rewritten",
		Edit: insert(caddyToLync, "\t\t\t\theader_up Host {upstream_hostport}\n")},
	{Name: "ports-not-flipped", Title: "reverse_proxy to 443 and 80", Want: "proxy.port-not-flipped",
		Edit: replace(":4443", ":443", ":8080", ":80", caddyLyncName+caddyRoots, "\t\t\t\t\ttls_insecure_skip_verify\n")},
	{Name: "443-not-flipped", Title: "reverse_proxy to 443 and 8080", Want: "proxy.port-443-not-flipped-80-is",
		Edit: replace(":4443", ":443", caddyLyncName+caddyRoots, "\t\t\t\t\ttls_insecure_skip_verify\n")},
	{Name: "80-not-flipped", Title: "reverse_proxy to 4443 and 80", Want: "proxy.port-80-not-flipped",
		Edit: replace(":8080", ":80")},
	{Name: "http-to-4443", Title: "http:// to port 4443", Want: "proxy.peer-protocol-wrong",
		Topology: plainTo4443},
	{Name: "tls-offloaded", Title: "443 goes to 8080 too", Want: "proxy.tls-offload-to-8080",
		Edit: replace("https://10.10.10.11:4443", "http://10.10.10.11:8080", "https://10.10.10.12:4443", "http://10.10.10.12:8080",
			"\t\t\t\t\ttls\n"+caddyTransport+caddyLyncName+caddyRoots, "")},
	{Name: "wrong-port", Title: "reverse_proxy to 4444, where nobody listens", Want: "proxy.upstream-down-502",
		Edit: replace(":4443", ":4444")},
	{Name: "health-check", Title: "health_uri / expects 200 of the Front End's root, which has none", Want: "proxy.upstream-down-502",
		Edit: insert(caddyToLync, "\t\t\t\thealth_uri /nothing\n\t\t\t\thealth_status 200\n\t\t\t\thealth_interval 10ms\n")},
	{Name: "no-roots", Title: "no tls_trusted_ca_certs: the enterprise's certificates are not trusted", Want: "tls.backend-untrusted",
		Topology: verifiedWith(topology.PublicCA, ""), Edit: replace("\t\t\t\t\ttls_trusted_ca_certs /etc/caddy/tls/public-roots.pem\n", "")},
	{Name: "no-server-name", Title: "no tls_server_name: Caddy looks for the address in the certificate", Want: "tls.backend-name-mismatch",
		Topology: verifiedWith(topology.EnterpriseCA, "10.10.10.11")},
	{Name: "wrong-server-name", Title: "tls_server_name with a name that the Front Ends' certificates do not have", Want: "tls.backend-name-mismatch",
		Topology: verifiedWith(topology.EnterpriseCA, "lync.contoso.example")},
	{Name: "keepalive", Title: "keepalive, as by default: connections that somebody has logged on are shared", Want: "proxy.ntlm-multiplexed", SignsIn: true, InFull: true,
		Edit: replace("\t\t\t\t\tkeepalive off\n", "\t\t\t\t\tkeepalive 2m\n")},

	// Time and numbers.
	{Name: "header-timeout", Title: "response_header_timeout 60s", Want: "mobility.long-poll-cut-by-idle-timeout", Hold: 200 * time.Second,
		Edit: replace("response_header_timeout 1200s", "response_header_timeout 60s")},
	{Name: "read-timeout", Title: "read_timeout 30s in the transport", Want: "mobility.long-poll-cut-by-idle-timeout", Hold: 200 * time.Second,
		Edit: insert(caddyTransport, "\t\t\t\t\tread_timeout 30s\n")},
	{Name: "write-timeout", Title: "timeouts with write 60s, from a hardening guide", Want: "mobility.long-poll-cut-by-idle-timeout", Hold: 200 * time.Second,
		Edit: insert("\t\t\tread_header 30s\n", "\t\t\twrite 60s\n")},

	// Answers.
	{Name: "challenge-removed", Title: "header_down -WWW-Authenticate", Want: "proxy.www-authenticate-stripped", SignsIn: true,
		Edit: insert(caddyToLync, "\t\t\t\theader_down -WWW-Authenticate\n")},
	{Name: "x-headers-removed", Title: "header_down -X-*, to say less of the server", Want: "proxy.x-ms-headers-stripped", SignsIn: true,
		Edit: insert(caddyToLync, "\t\t\t\theader_down -X-*\n")},
	{Name: "cookies-removed", Title: "header_down -Set-Cookie", Want: "proxy.cookies-stripped", SignsIn: true,
		Edit: insert(caddyToLync, "\t\t\t\theader_down -Set-Cookie\n")},
	{Name: "samesite-added", Title: "header_down adds SameSite=Strict to every cookie", Want: "proxy.cookies-stripped", SignsIn: true,
		Edit: insert(caddyToLync, "\t\t\t\theader_down Set-Cookie (.*) \"$1; SameSite=Strict\"\n")},
	{Name: "sorry-page", Title: "handle_response replaces errors by a page with status 200", Want: "proxy.error-page-with-200",
		Edit: insert(caddyToLync, "\t\t\t\t@errors status 4xx 5xx\n\t\t\t\thandle_response @errors {\n\t\t\t\t\theader Content-Type text/html\n\t\t\t\t\trespond \"<html><head><title>Maintenance</title></head><body>Back soon</body></html>\" 200\n\t\t\t\t}\n")},
	{Name: "said-to-be-gzip", Title: "header_down Content-Encoding gzip", Want: "proxy.compression-broken",
		Edit: insert(caddyToLync, "\t\t\t\theader_down Content-Encoding gzip\n")},
	{Name: "connection-close", Title: "header_down Connection close, from a time when keep-alive was feared", Want: "proxy.http10-upstream", SignsIn: true,
		Edit: insert(caddyToLync, "\t\t\t\theader_down Connection close\n")},

	// Near misses: what looks wrong, or is said to be wrong, and is not.
	{Name: "not-verified", Title: "tls_insecure_skip_verify",
		Edit: replace(caddyTransport+caddyLyncName+caddyRoots, "\t\t\t\t\ttls_insecure_skip_verify\n")},
	{Name: "no-header-timeout", Title: "no response_header_timeout: Caddy waits as long as the client does", Hold: 200 * time.Second,
		Edit: replace("\t\t\t\t\tresponse_header_timeout 1200s\n", "")},
	{Name: "idle-30s", Title: "timeouts with idle 30s, which is about clients that ask for nothing", Hold: 200 * time.Second,
		Edit: replace("idle 1200s", "idle 30s")},
	{Name: "encode", Title: "encode gzip", SignsIn: true,
		Edit: insert(caddyHandle, "\t\t\tencode gzip\n")},
	{Name: "transport-compression", Title: "compression on in the transport, as by default", SignsIn: true,
		Edit: replace("\t\t\t\t\tcompression off\n", "")},
	{Name: "flush", Title: "flush_interval -1", SignsIn: true, InFull: true,
		Edit: insert(caddyToLync, "\t\t\t\tflush_interval -1\n")},
	{Name: "security-headers", Title: "headers that guides add to every site", SignsIn: true,
		Edit: insert(caddyHandle, "\t\t\theader {\n\t\t\t\tStrict-Transport-Security max-age=31536000\n\t\t\t\tX-Content-Type-Options nosniff\n\t\t\t\tX-Frame-Options SAMEORIGIN\n\t\t\t\t-Server\n\t\t\t}\n")},
	{Name: "forwarded-headers", Title: "header_up lines from a recipe, which Caddy would send anyway", SignsIn: true,
		Edit: insert(caddyToLync, "\t\t\t\theader_up X-Real-IP {remote_host}\n\t\t\t\theader_up X-Forwarded-Proto {scheme}\n\t\t\t\theader_up Host {host}\n")},
	{Name: "body-30m", Title: "request_body with max_size 30MB", SignsIn: true, InFull: true,
		Edit: insert(caddyHandle, "\t\t\trequest_body {\n\t\t\t\tmax_size 30MB\n\t\t\t}\n")},
	{Name: "one-wrong-port", Title: "one of two Front Ends with a wrong port: Caddy passes over it",
		Edit: replace("10.10.10.12:4443", "10.10.10.12:4444")},
	{Name: "paths-in-any-case", Title: "path with all directories: it ignores case",
		Edit: caddyPaths("path / /autodiscover* /webticket* /ucwa* /mcx* /abs* /groupexpansion* /certprov* /reach* /meet* /dialin* /lwa* /datacollabweb* /scheduler* /passiveauth* /requesthandler* /persistentchat* /join* /user* /fe* /rgsclients*")},
	{Name: "by-address", Title: "lb_policy ip_hash", SignsIn: true,
		Edit: replace("lb_policy round_robin", "lb_policy ip_hash")},
}

// caddyWithout80 takes the site of port 80 out, which comes last.
func caddyWithout80(config string) (string, error) {
	first := strings.Index(config, "http://:80 {")
	if first < 0 {
		return "", errors.New("no site listens at port 80")
	}
	return config[:first], nil
}
