package scenarios

import (
	"errors"
	"strings"
	"time"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// Places in nginx's configuration of the healthy deployment where people put lines: in http {}, in the servers of the Lync names
// for both ports, in that for 443 and in its location, in the one of Office Web Apps, and in the server for names that are not
// published.
const (
	nginxInHTTP     = "\nhttp {\n"
	nginxInServers  = "                dialin.contoso.example;\n"
	nginxInLocation = "      proxy_ssl_name lyncweb-ext.contoso.example;\n"
	nginxInOffice   = "      proxy_ssl_name wac.contoso.example;\n"
	nginxNameless   = "    return 421;\n"

	nginxToLync      = "proxy_pass https://lync-web-services-https;"
	nginxToLyncPlain = "      # 8080 is the external web site. On 80 the internal one would answer, with internal links.\n      proxy_pass http://lync-web-services-http;"
	nginxToOffice    = "proxy_pass https://office-web-apps-https;"
	nginxVerifies    = "      proxy_ssl_verify on;\n      proxy_ssl_trusted_certificate /etc/nginx/tls/enterprise-roots.pem;\n"
	nginxServers     = "    server 10.10.10.11:4443;\n    server 10.10.10.12:4443;\n"
)

// nginxMistakes are about what the product does as it is shipped, and about what guides for other sites advise.
var nginxMistakes = []Mistake{

	// The listeners and their certificate.
	{Name: "ssl-forgotten", Title: "listen 443 without ssl", Want: "tls.plain-http-on-443",
		Edit: replace(":443 ssl", ":443")},
	{Name: "no-443", Title: "the servers listen at 8443 in place of 443", Want: "proxy.service-not-enabled",
		Edit: replace(":443 ssl", ":8443 ssl")},
	{Name: "old-protocols", Title: "ssl_protocols of a guide from before 2015", Want: "tls.only-tls10",
		Edit: replace("\n  ssl_protocols TLSv1.2 TLSv1.3;", "\n  ssl_protocols TLSv1 TLSv1.1;")},
	{Name: "old-protocols-and-ciphers", Title: "ssl_protocols of a guide from before 2015, made to work with @SECLEVEL=0", Want: "tls.only-tls10",
		Edit: replace("\n  ssl_protocols TLSv1.2 TLSv1.3;", "\n  ssl_protocols TLSv1 TLSv1.1;\n  ssl_ciphers DEFAULT@SECLEVEL=0;")},
	{Name: "chain-missing", Title: "ssl_certificate names a file that holds the certificate alone", Want: "tls.missing-intermediate",
		Topology: func(t *topology.Topology) { t.ProxyCertificate().Chain = topology.LeafOnly }},
	{Name: "chain-reversed", Title: "ssl_certificate names a file in which the root comes first", Want: "tls.wrong-chain-order",
		Topology: func(t *topology.Topology) { t.ProxyCertificate().Chain = topology.ReversedChain }},
	{Name: "client-certificates", Title: "ssl_verify_client on", Want: "tls.client-certificate-requested",
		Edit: insert("  ssl_session_cache shared:tls:10m;\n", "  ssl_verify_client on;\n  ssl_client_certificate /etc/nginx/tls/enterprise-roots.pem;\n")},
	{Name: "http2", Title: "http2 at the listeners", Want: "tls.alpn-h2-offered",
		Edit: replace(":443 ssl", ":443 ssl http2")},
	{Name: "proxy-protocol", Title: "proxy_protocol at the listeners, and no balancer in front", Want: "proxy.expects-proxy-protocol",
		Edit: replace(":443 ssl", ":443 ssl proxy_protocol", ":80 default_server;", ":80 default_server proxy_protocol;", ":80;", ":80 proxy_protocol;")},
	{Name: "handshake-rejected", Title: "ssl_reject_handshake on in the default server, where clients without SNI end", Want: "tls.sni-missing-gets-default-cert",
		Edit: replace("    ssl_certificate_key /etc/nginx/tls/lync-key.pem;\n    return 421;\n", "    ssl_certificate_key /etc/nginx/tls/lync-key.pem;\n    ssl_reject_handshake on;\n")},
	{Name: "no-80", Title: "no server listens at port 80", Want: "proxy.http80-closed",
		Edit: nginxWithout80},

	// Names.
	{Name: "second-domain-forgotten", Title: "server_name without the discovery name of the second SIP domain, in front of the stock page", Want: "proxy.default-vhost-answers",
		Edit: replace("                lyncdiscover.fabrikam.example\n", "", nginxNameless, "    return 200 \"<!DOCTYPE html><html><head><title>Welcome to nginx!</title></head></html>\";\n")},
	{Name: "web-services-forgotten", Title: "server_name with discovery and meetings, without the external web FQDN", Want: "proxy.default-vhost-answers",
		Edit: replace("                lyncweb-ext.contoso.example\n", "")},
	{Name: "dropped-names", Title: "return 444 for all other names, of which one was forgotten", Want: "proxy.unmapped-tcp-reset",
		Edit: replace("                lyncdiscover.fabrikam.example\n", "", nginxNameless, "    return 444;\n")},
	{Name: "meet-forgotten", Title: "server_name without meet", Want: "meeting.simple-url-not-published",
		Edit: replace("                meet.contoso.example\n                meet.fabrikam.example\n", "")},
	{Name: "second-meet-forgotten", Title: "server_name without the second domain's meet", Want: "meeting.per-domain-meet-missing",
		Edit: replace("                meet.fabrikam.example\n", "")},
	{Name: "dialin-forgotten", Title: "server_name without dialin", Want: "meeting.dialin-not-published",
		Edit: replace("meet.fabrikam.example\n                dialin.contoso.example;", "meet.fabrikam.example;")},
	{Name: "office-forgotten", Title: "no server for Office Web Apps", Want: "meeting.wac-unpublished",
		Edit: replace("server_name wac.contoso.example;", "server_name owa.contoso.example;")},
	{Name: "office-to-lync", Title: "Office Web Apps share the location of Lync", Want: "meeting.wac-wrong-port-or-offload",
		Edit: replace(nginxToOffice, nginxToLync, "proxy_ssl_name wac.contoso.example", "proxy_ssl_name lyncweb-ext.contoso.example")},
	{Name: "office-plain", Title: "proxy_pass http:// to port 443 of Office Web Apps", Want: "meeting.wac-wrong-port-or-offload",
		Edit: replace(nginxToOffice, "proxy_pass http://office-web-apps-https;")},

	{Name: "one-name-for-all", Title: "all names are redirected to the external web FQDN on 443", Want: "proxy.host-header-rewritten",
		Edit: insert(nginxInLocation, "      if ($host != lyncweb-ext.contoso.example) { return 301 https://lyncweb-ext.contoso.example$request_uri; }\n")},
	{Name: "redirected-to-itself", Title: "a redirect to https by X-Forwarded-Proto, which nobody sets", Want: "proxy.redirect-loop-http-https",
		Edit: insert(nginxInLocation, "      if ($http_x_forwarded_proto != https) { return 301 https://$host$request_uri; }\n")},

	// The way to the Front Ends.
	{Name: "ports-not-flipped", Title: "upstreams with ports 443 and 80", Want: "proxy.port-not-flipped",
		Edit: replace(":4443", ":443", ":8080", ":80", nginxVerifies, "")},
	{Name: "443-not-flipped", Title: "the upstream for 443 with port 443", Want: "proxy.port-443-not-flipped-80-is",
		Edit: replace(":4443", ":443", nginxVerifies, "")},
	{Name: "80-not-flipped", Title: "the upstream for 80 with port 80", Want: "proxy.port-80-not-flipped",
		Edit: replace(":8080", ":80")},
	{Name: "http-to-4443", Title: "proxy_pass http:// to port 4443", Want: "proxy.peer-protocol-wrong",
		Topology: func(t *topology.Topology) {
			p := &t.Proxy
			plain := p.Rules[0]
			p.Rules[0].Listener, p.Rules[0].WebServers, p.Rules[0].AnyScheme = "https", []string{topology.FE1HTTPS, topology.FE2HTTPS}, true
			plain.Name, plain.Listener, plain.WebServers = "lync over http", "http", []string{topology.FE1HTTP, topology.FE2HTTP}
			p.Rules = append(p.Rules, plain)
			for _, w := range p.FrontEndServers("https") {
				w.Scheme, w.Verify, w.Name = "http", "", ""
			}
		}},
	{Name: "tls-offloaded", Title: "443 and 80 share the upstream of port 8080", Want: "proxy.tls-offload-to-8080",
		Edit: replace(nginxToLync, "proxy_pass http://lync-web-services-http;")},
	{Name: "wrong-port", Title: "the upstream with port 444", Want: "proxy.upstream-down-502",
		Edit: replace(":4443", ":444")},
	{Name: "upstream-name-verified", Title: "no proxy_ssl_name: the upstream's own name is looked for in the certificate", Want: "proxy.upstream-down-502",
		Edit: replace(nginxInLocation, "")},
	{Name: "wrong-root", Title: "proxy_ssl_trusted_certificate with the public roots", Want: "tls.backend-untrusted",
		Topology: func(t *topology.Topology) {
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Verify = topology.PublicCA
			}
		}},
	{Name: "wrong-name", Title: "proxy_ssl_name with the internal name of another pool", Want: "tls.backend-name-mismatch",
		Topology: func(t *topology.Topology) {
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Name = "pool02.contoso.example"
			}
		}},

	// Heads.
	{Name: "host-default", Title: "no proxy_set_header Host: nginx sends the upstream's name", Want: "proxy.host-header-rewritten",
		Edit: replace("  proxy_set_header Host $http_host;\n", "")},
	{Name: "host-fixed", Title: "proxy_set_header Host with the name of a Front End", Want: "proxy.host-header-rewritten",
		Edit: replace("Host $http_host;", "Host fe1.contoso.example;")},
	{Name: "headers-not-inherited", Title: "one proxy_set_header in the location, which ends the inheritance of all others", Want: "proxy.host-header-rewritten",
		Edit: insert(nginxInLocation, "      proxy_set_header X-Forwarded-Proto $scheme;\n")},
	{Name: "authorization-cleared", Title: "proxy_set_header Authorization empty, for a site that has none", Want: "proxy.authorization-stripped", SignsIn: true,
		Edit: insert("  proxy_redirect off;\n", "  proxy_set_header Authorization \"\";\n")},
	{Name: "no-headers-passed", Title: "proxy_pass_request_headers off", Want: "proxy.authorization-stripped", With: []probe.ID{"meeting.join-launcher-user-agent"}, SignsIn: true,
		Edit: insert(nginxInLocation, "      proxy_pass_request_headers off;\n")},
	{Name: "challenge-hidden", Title: "proxy_hide_header WWW-Authenticate", Want: "proxy.www-authenticate-stripped", SignsIn: true,
		Edit: insert(nginxInLocation, "      proxy_hide_header WWW-Authenticate;\n")},
	{Name: "ticket-address-hidden", Title: "proxy_hide_header for all that begins with X-MS", Want: "proxy.x-ms-headers-stripped",
		Edit: insert(nginxInLocation, "      proxy_hide_header X-MS-Server-Fqdn;\n      proxy_hide_header X-MS-WebTicketURL;\n      proxy_hide_header X-MS-WebTicketSupported;\n")},
	{Name: "cookies-hardened", Title: "proxy_cookie_flags for all cookies", Want: "proxy.cookies-stripped", SignsIn: true,
		Edit: insert(nginxInLocation, "      proxy_cookie_flags ~ secure httponly samesite=strict;\n")},
	{Name: "cookies-hidden", Title: "proxy_hide_header Set-Cookie", Want: "proxy.cookies-stripped", SignsIn: true,
		Edit: insert(nginxInLocation, "      proxy_hide_header Set-Cookie;\n")},
	{Name: "no-keepalive", Title: "keepalive_timeout 0", Want: "proxy.http10-upstream", SignsIn: true,
		Edit: replace("keepalive_timeout 1200s;", "keepalive_timeout 0;")},
	{Name: "upstream-keepalive", Title: "keepalive in the upstream: connections that somebody has logged on are shared", Want: "proxy.ntlm-multiplexed", SignsIn: true, InFull: true,
		Edit: replace("Connection close;", "Connection \"\";", nginxServers, nginxServers+"    keepalive 64;\n")},

	// Sizes, times and numbers.
	{Name: "body-default", Title: "no client_max_body_size: 1 MB", Want: "proxy.body-size-413", SignsIn: true, InFull: true,
		Edit: replace("  client_max_body_size 0;\n", "")},
	{Name: "heads-default", Title: "no large_client_header_buffers: 8 KB", Want: "proxy.header-too-large", SignsIn: true, InFull: true,
		Edit: replace("  large_client_header_buffers 4 64k;\n", "")},
	{Name: "heads-small", Title: "large_client_header_buffers of a hardening guide, 1 KB", Want: "proxy.url-length-limit", SignsIn: true,
		Edit: replace("large_client_header_buffers 4 64k;", "large_client_header_buffers 4 1k;")},
	{Name: "read-timeout-default", Title: "proxy_read_timeout 60s, as it is without the line", Want: "mobility.long-poll-cut-by-idle-timeout", Hold: 200 * time.Second,
		Edit: replace("proxy_read_timeout 1200s;", "proxy_read_timeout 60s;")},
	{Name: "silence-repeated", Title: "proxy_next_upstream timeout: a silent poll goes to each Front End in turn, and ends with the last", Want: "mobility.long-poll-cut-by-idle-timeout", Hold: 200 * time.Second,
		Edit: replace("proxy_read_timeout 1200s;", "proxy_read_timeout 60s;", "proxy_next_upstream error;", "proxy_next_upstream error timeout;")},
	{Name: "rate-limit", Title: "limit_req against brute force, which answers 503", Want: "proxy.rate-limit-429",
		Edit: replace(nginxInHTTP, nginxInHTTP+"  limit_req_zone $binary_remote_addr zone=login:10m rate=1r/s;\n", nginxInLocation, nginxInLocation+"      limit_req zone=login burst=2 nodelay;\n")},
	{Name: "rate-limit-429", Title: "limit_req with limit_req_status 429", Want: "proxy.rate-limit-429",
		Edit: replace(nginxInHTTP, nginxInHTTP+"  limit_req_zone $binary_remote_addr zone=login:10m rate=30r/m;\n  limit_req_status 429;\n", nginxInLocation, nginxInLocation+"      limit_req zone=login burst=5 nodelay;\n")},
	{Name: "connection-limit", Title: "limit_conn for each address: an office has one", Want: "proxy.connection-limit", SignsIn: true, InFull: true,
		Edit: replace(nginxInHTTP, nginxInHTTP+"  limit_conn_zone $binary_remote_addr zone=address:10m;\n", nginxInLocation, nginxInLocation+"      limit_conn address 10;\n")},
	{Name: "connection-limit-429", Title: "limit_conn with limit_conn_status 429", Want: "proxy.connection-limit", SignsIn: true, InFull: true,
		Edit: replace(nginxInHTTP, nginxInHTTP+"  limit_conn_zone $binary_remote_addr zone=address:10m;\n  limit_conn_status 429;\n", nginxInLocation, nginxInLocation+"      limit_conn address 10;\n")},

	// Paths and URLs.
	{Name: "prefix", Title: "a path behind proxy_pass", Want: "proxy.path-prefix-mismatch",
		Edit: replace(nginxToLync, "proxy_pass https://lync-web-services-https/lync/;")},
	{Name: "query-dropped", Title: "$uri behind proxy_pass, without $is_args$args", Want: "proxy.query-string-dropped",
		Edit: replace(nginxToLync, "proxy_pass https://lync-web-services-https$uri;")},
	{Name: "query-rewritten", Title: "rewrite with a question mark at the end", Want: "proxy.query-string-dropped",
		Edit: insert(nginxInLocation, "      rewrite ^(.*)$ $1? break;\n")},
	{Name: "case-sensitive", Title: "location ~ with the directories as the documents write them", Want: "proxy.case-sensitive-path",
		Edit: replace("    location / {\n      # One name", "    location / {\n      return 404;\n    }\n    location ~ ^/($|Autodiscover|WebTicket|webticket|ucwa|Mcx|GroupExpansion|Abs|CertProv|user1|lwa|Reach|scheduler|DataCollabWeb|PassiveAuth|RgsClients|dialin|meet) {\n      # One name")},
	{Name: "discovery-denied", Title: "location /autodiscover denied because of the one of Exchange", Want: "proxy.path-allowlist-missing-autodiscover",
		Edit: insert(nginxInServers, "    location ~* ^/autodiscover { deny all; }\n")},
	{Name: "no-webticket", Title: "a list of locations without /WebTicket", Want: "proxy.path-allowlist-missing-webticket",
		Edit: insert(nginxInServers, "    location ~* ^/webticket { return 404; }\n")},
	{Name: "no-ucwa", Title: "a list of locations without /ucwa", Want: "proxy.path-allowlist-missing-ucwa",
		Edit: insert(nginxInServers, "    location ~* ^/ucwa { return 404; }\n")},
	{Name: "no-content", Title: "a list of locations without the address book", Want: "proxy.path-allowlist-missing-content-services",
		Edit: insert(nginxInServers, "    location ~* ^/(groupexpansion|abs) { return 404; }\n")},
	{Name: "static-files", Title: "scripts and pictures from a directory of the proxy's own", Want: "meeting.web-app-assets-blocked",
		Edit: insert(nginxInServers, "    location ~* \\.(?:js|css|png|gif|ico)$ { root /var/www/html; expires 30d; }\n")},
	{Name: "encoded-refused", Title: "URLs with %25 refused in front of Office Web Apps", Want: "proxy.percent-decoding-normalised",
		Edit: insert(nginxInOffice, "      if ($request_uri ~ %25) { return 403; }\n")},

	// What stands in front.
	{Name: "port-80-redirected", Title: "return 301 https:// on all of port 80", Want: "proxy.http80-redirects-to-https",
		Edit: replace(nginxToLyncPlain, "      return 301 https://$host$request_uri;")},
	{Name: "basic-auth", Title: "auth_basic in front", Want: "proxy.preauth-401",
		Edit: insert(nginxInLocation, "      auth_basic \"Staff only\";\n      auth_basic_user_file /etc/nginx/staff;\n")},
	{Name: "single-sign-on", Title: "a log-in page in front", Want: "proxy.preauth-forms-page",
		Edit: insert(nginxInLocation, "      if ($cookie_session = \"\") { return 302 https://login.contoso.example/?rd=https://$host$request_uri; }\n")},
	{Name: "methods", Title: "limit_except GET POST", Want: "proxy.method-blocked", SignsIn: true,
		Edit: insert(nginxInLocation, "      limit_except GET POST { deny all; }\n")},
	{Name: "methods-if", Title: "$request_method tested", Want: "proxy.method-blocked", SignsIn: true,
		Edit: insert(nginxInLocation, "      if ($request_method !~ ^(?:GET|HEAD|POST)$) { return 405; }\n")},
	{Name: "methods-dropped", Title: "return 444 for methods that are not in a list", Want: "proxy.method-blocked", SignsIn: true,
		Edit: insert(nginxInLocation, "      if ($request_method !~ ^(?:GET|HEAD|POST)$) { return 444; }\n")},
	{Name: "addresses-allowed", Title: "allow for the office's network and deny all", Want: "proxy.ip-reputation-or-geo-block",
		Edit: insert(nginxInServers, "    allow 10.0.0.0/8;\n    deny all;\n")},
	{Name: "browsers-only", Title: "$http_user_agent tested, against robots", Want: "proxy.user-agent-filtered", SignsIn: true,
		Edit: insert(nginxInLocation, "      if ($http_user_agent !~ Mozilla) { return 403; }\n")},
	{Name: "origin-refused", Title: "requests with Origin refused", Want: "proxy.origin-or-referer-filtered",
		Edit: insert(nginxInLocation, "      if ($http_origin) { return 403; }\n")},
	{Name: "xml-refused", Title: "a rule against XML in requests", Want: "proxy.waf-rule-block", SignsIn: true,
		Edit: insert(nginxInLocation, "      if ($content_type ~* xml) { return 403; }\n")},
	{Name: "expect-refused", Title: "requests with Expect refused", Want: "proxy.expect-100-417", SignsIn: true, InFull: true,
		Edit: insert(nginxInLocation, "      if ($http_expect) { return 417; }\n")},
	{Name: "sorry-page", Title: "errors of the Front End replaced by a page with status 200", Want: "proxy.error-page-with-200",
		Edit: replace(nginxInLocation, nginxInLocation+"      proxy_intercept_errors on;\n      error_page 401 403 404 500 502 503 =200 @sorry;\n", nginxInServers, nginxInServers+"    location @sorry {\n      default_type text/html;\n      return 200 \"<html><body><h1>We are back soon</h1></body></html>\";\n    }\n")},
	{Name: "own-error-pages", Title: "pages of the site's own for 401 and 404, which replace the Front End's challenges", Want: "proxy.x-ms-headers-stripped", SignsIn: true,
		Edit: replace(nginxInLocation, nginxInLocation+"      proxy_intercept_errors on;\n      error_page 401 404 @own;\n", nginxInServers, nginxInServers+"    location @own {\n      default_type text/html;\n      return 401 \"<html><body><h1>Not for you</h1></body></html>\";\n    }\n")},
	{Name: "cached", Title: "proxy_cache that ignores what the Front End says of it", Want: "proxy.caches-discovery",
		Edit: replace(nginxInHTTP, nginxInHTTP+"  proxy_cache_path /var/cache/nginx keys_zone=lync:10m;\n", nginxInLocation, nginxInLocation+"      proxy_buffering on;\n      proxy_cache lync;\n      proxy_cache_valid 200 10m;\n      proxy_ignore_headers Cache-Control Expires Set-Cookie Vary;\n")},
	{Name: "said-to-be-gzip", Title: "add_header Content-Encoding gzip", Want: "proxy.compression-broken",
		Edit: insert(nginxInLocation, "      add_header Content-Encoding gzip;\n")},

	// Near misses: what looks wrong, or is said to be wrong, and is not.
	{Name: "host-variable", Title: "$host in place of $http_host",
		Edit: replace("Host $http_host;", "Host $host;")},
	{Name: "host-with-port", Title: "$host:$server_port: the Front End looks at the name only",
		Edit: replace("Host $http_host;", "Host $host:$server_port;")},
	{Name: "no-sni-upstream", Title: "no SNI to the Front Ends, which have one certificate",
		Edit: replace("proxy_ssl_server_name on;", "proxy_ssl_server_name off;")},
	{Name: "not-verified", Title: "the Front Ends' certificate is not verified, as by default",
		Edit: replace(nginxVerifies, "")},
	{Name: "slash-behind-proxy_pass", Title: "a slash behind proxy_pass",
		Edit: replace(nginxToLync, "proxy_pass https://lync-web-services-https/;", nginxToOffice, "proxy_pass https://office-web-apps-https/;")},
	{Name: "both-ports-in-one-upstream", Title: "ports 4443 and 8080 in one upstream: nginx passes over the one that does not speak TLS",
		Edit: replace(nginxServers, "    server 10.10.10.11:4443;\n    server 10.10.10.11:8080;\n")},
	{Name: "one-server-with-a-wrong-port", Title: "one of two servers with a wrong port: nginx passes over it",
		Edit: replace("10.10.10.12:4443", "10.10.10.12:4444")},
	{Name: "http10", Title: "HTTP/1.0 to the Front Ends, as by default: what is not logged on by connection works", SignsIn: true,
		Edit: replace("  proxy_http_version 1.1;\n", "")},
	{Name: "upgrade", Title: "Connection upgrade for every request, from a recipe for web sockets", SignsIn: true,
		Edit: replace("Connection close;", "Connection upgrade;")},
	{Name: "body-10m", Title: "client_max_body_size 10m", SignsIn: true, InFull: true,
		Edit: replace("client_max_body_size 0;", "client_max_body_size 10m;")},
	{Name: "send-timeout-60s", Title: "send_timeout 60s, which is not about silent polls", Hold: 200 * time.Second,
		Edit: replace("  send_timeout 1200s;", "  send_timeout 60s;")},
	{Name: "compressed", Title: "gzip for everything", SignsIn: true,
		Edit: insert(nginxInHTTP, "  gzip on;\n  gzip_proxied any;\n  gzip_types *;\n")},
	{Name: "buffered", Title: "proxy_buffering and proxy_request_buffering on, as by default: answers that end are passed on when they end", SignsIn: true, InFull: true,
		Edit: replace("proxy_buffering off;\n  proxy_request_buffering off;", "proxy_buffering on;\n  proxy_request_buffering on;")},
	{Name: "cache-that-obeys", Title: "proxy_cache that does what the Front End says of it",
		Edit: replace(nginxInHTTP, nginxInHTTP+"  proxy_cache_path /var/cache/nginx keys_zone=lync:10m;\n", nginxInLocation, nginxInLocation+"      proxy_buffering on;\n      proxy_cache lync;\n      proxy_cache_valid 200 10m;\n")},
	{Name: "security-headers", Title: "headers that guides add to every site", SignsIn: true,
		Edit: insert(nginxInLocation, "      add_header Strict-Transport-Security \"max-age=31536000\" always;\n      add_header X-Frame-Options SAMEORIGIN always;\n      add_header X-Content-Type-Options nosniff always;\n")},
	{Name: "affinity-by-address", Title: "ip_hash in the upstream", SignsIn: true,
		Edit: replace("upstream lync-web-services-https {\n", "upstream lync-web-services-https {\n    ip_hash;\n")},
	{Name: "wide-rate-limit", Title: "limit_req wide enough for a phone",
		Edit: replace(nginxInHTTP, nginxInHTTP+"  limit_req_zone $binary_remote_addr zone=login:10m rate=100r/s;\n", nginxInLocation, nginxInLocation+"      limit_req zone=login burst=400;\n")},
	{Name: "referers", Title: "valid_referers none blocked server_names",
		Edit: insert(nginxInLocation, "      valid_referers none blocked server_names;\n      if ($invalid_referer) { return 403; }\n")},
}

// nginxWithout80 takes the servers of port 80 out, which come last.
func nginxWithout80(config string) (string, error) {
	first := strings.Index(config, "  server {\n    listen 203.0.113.10:80 default_server;")
	if first < 0 {
		return "", errors.New("no server listens at port 80")
	}
	return config[:first] + "}\n", nil
}
