package scenarios

import (
	"errors"
	"strings"
	"time"

	"lyncpin/internal/topology"
)

// Places in Apache's configuration of the healthy deployment where people put lines: what modules are loaded from, the whole
// server, the hosts with TLS, the host of the Lync names on 443, that on 80, and that of Office Web Apps.
const (
	apacheModules  = "</IfDefine>\n"
	apacheServer   = "TraceEnable Off\n"
	apacheTLSHosts = "  SSLEngine On\n"
	apacheToLync   = "  ProxyPass / balancer://lync-web-services-https/ nocanon\n"
	apacheToPlain  = "  ProxyPass / balancer://lync-web-services-http/ nocanon\n"
	apacheToOffice = "  ProxyPass / balancer://office-web-apps-https/ nocanon\n"
	apacheNameless = "  RewriteRule ^ - [R=421,L]\n"
	apacheMember   = "connectiontimeout=10 retry=0 disablereuse=on responsefieldsize=65536"
	apacheVerifies = "  SSLProxyVerify require\n"
	apacheNames    = "  SSLProxyCheckPeerName On\n"
	apacheEncoded  = "  AllowEncodedSlashes NoDecode\n"
)

// apacheInLync puts lines into the host of the Lync names on 443, in front of its ProxyPass, and loads the modules that they need.
func apacheInLync(lines string, modules ...string) func(string) (string, error) {
	load := ""
	for _, m := range modules {
		load += "LoadModule " + m + "_module ${LYNC_MODULES}/mod_" + m + ".so\n"
	}
	return replace(apacheModules, apacheModules+load, apacheToLync, lines+apacheToLync)
}

// apacheRefuses answers requests to Lync on 443 that a condition fits.
func apacheRefuses(condition, flags string) func(string) (string, error) {
	return apacheInLync("  RewriteEngine On\n  RewriteCond " + condition + "\n  RewriteRule ^ - [" + flags + ",L]\n")
}

// apacheMistakes are about what the product does as it is shipped, and about what guides for other sites advise.
var apacheMistakes = []Mistake{

	// The listeners and their certificate.
	{Name: "ssl-forgotten", Title: "no SSLEngine On in the hosts of port 443", Want: "tls.plain-http-on-443",
		Edit: replace(apacheTLSHosts, "")},
	{Name: "old-protocols", Title: "SSLProtocol of a guide from before 2015, made to work with @SECLEVEL=0", Want: "tls.only-tls10",
		Edit: replace("\nSSLProtocol -all +TLSv1.2 +TLSv1.3\n", "\nSSLProtocol -all +TLSv1 +TLSv1.1\nSSLCipherSuite DEFAULT@SECLEVEL=0\n")},
	{Name: "chain-missing", Title: "SSLCertificateFile holds the certificate alone", Want: "tls.missing-intermediate",
		Topology: func(t *topology.Topology) { t.ProxyCertificate().Chain = topology.LeafOnly }},
	{Name: "chain-reversed", Title: "SSLCertificateFile with the root first", Want: "tls.wrong-chain-order",
		Topology: func(t *topology.Topology) { t.ProxyCertificate().Chain = topology.ReversedChain }},
	{Name: "client-certificates", Title: "SSLVerifyClient require", Want: "tls.client-certificate-requested",
		Edit: insert(apacheTLSHosts, "  SSLVerifyClient require\n  SSLCACertificateFile /etc/apache2/tls/enterprise-roots.pem\n")},
	{Name: "http2", Title: "Protocols h2 http/1.1, as a2enmod http2 sets it", Want: "tls.alpn-h2-offered",
		Edit: replace(apacheModules, apacheModules+"LoadModule http2_module ${LYNC_MODULES}/mod_http2.so\n", "Protocols http/1.1", "Protocols h2 http/1.1")},
	{Name: "proxy-protocol", Title: "RemoteIPProxyProtocol On, and no balancer in front", Want: "proxy.expects-proxy-protocol",
		Edit: replace(apacheModules, apacheModules+"LoadModule remoteip_module ${LYNC_MODULES}/mod_remoteip.so\nRemoteIPProxyProtocol On\n")},
	{Name: "no-80", Title: "no Listen for port 80", Want: "proxy.http80-closed",
		Edit: apacheWithout80},
	{Name: "redirect", Title: "all of port 80 redirected to https", Want: "proxy.http80-redirects-to-https",
		Edit: replace(apacheToPlain, "  RewriteEngine On\n  RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]\n")},
	{Name: "redirect-loop", Title: "https is redirected to https unless X-Forwarded-Proto says so, which nobody in front sets", Want: "proxy.redirect-loop-http-https",
		Edit: apacheInLync("  RewriteEngine On\n  RewriteCond %{HTTP:X-Forwarded-Proto} !https\n  RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]\n")},

	// Names.
	{Name: "second-domain-forgotten", Title: "no ServerAlias for discovery of the second SIP domain", Want: "proxy.default-vhost-answers",
		Edit: replace("  ServerAlias lyncdiscover.fabrikam.example\n", "")},
	{Name: "stock-page", Title: "the stock page in the first host, and no ServerAlias for the external web FQDN", Want: "proxy.default-vhost-answers",
		Edit: replace("  ServerAlias lyncweb-ext.contoso.example\n", "", apacheNameless, "  ErrorDocument 200 \"<html><head><title>Apache2 Debian Default Page: It works</title></head></html>\"\n  RewriteRule ^ - [R=200,L]\n")},
	{Name: "meet-forgotten", Title: "no ServerAlias for meet", Want: "meeting.simple-url-not-published",
		Edit: replace("  ServerAlias meet.contoso.example\n  ServerAlias meet.fabrikam.example\n", "")},
	{Name: "second-meet-forgotten", Title: "no ServerAlias for the second domain's meet", Want: "meeting.per-domain-meet-missing",
		Edit: replace("  ServerAlias meet.fabrikam.example\n", "")},
	{Name: "dialin-forgotten", Title: "no ServerAlias for dialin", Want: "meeting.dialin-not-published",
		Edit: replace("  ServerAlias dialin.contoso.example\n", "")},
	{Name: "office-forgotten", Title: "no host for Office Web Apps", Want: "meeting.wac-unpublished",
		Edit: replace("  ServerName wac.contoso.example\n", "  ServerName owa.contoso.example\n")},
	{Name: "office-plain", Title: "http:// to port 443 of Office Web Apps", Want: "meeting.wac-wrong-port-or-offload",
		Edit: replace("https://10.10.10.20:443", "http://10.10.10.20:443")},
	{Name: "office-to-lync", Title: "Office Web Apps in the host of Lync", Want: "meeting.wac-wrong-port-or-offload",
		Edit: replace(apacheToOffice, apacheToLync, apacheNames, "  SSLProxyCheckPeerName Off\n")},

	// Paths and URLs.
	{Name: "paths-without-ucwa", Title: "ProxyPassMatch with a list of directories, and UCWA is not among them", Want: "proxy.path-allowlist-missing-ucwa",
		Edit: replace(apacheToLync, "  ProxyPassMatch \"(?i)^/(?:$|autodiscover|webticket|mcx|abs|groupexpansion|certprov|reach|meet|dialin|lwa|datacollabweb|scheduler|passiveauth|requesthandler|persistentchat|join|user|rgsclients).*$\" balancer://lync-web-services-https$0\n")},
	{Name: "case-sensitive", Title: "ProxyPassMatch with the directories as the documents write them", Want: "proxy.case-sensitive-path",
		Edit: replace(apacheToLync, "  ProxyPassMatch \"^/(?:$|Autodiscover|WebTicket|webticket|ucwa|Mcx|GroupExpansion|Abs|abs|CertProv|user1|lwa|Reach|scheduler|DataCollabWeb|PassiveAuth|RgsClients|RequestHandlerExt|dialin|meet).*$\" balancer://lync-web-services-https$0\n")},
	{Name: "webticket-denied", Title: "Require all denied for /WebTicket", Want: "proxy.path-allowlist-missing-webticket",
		Edit: apacheInLync("  <LocationMatch \"(?i)^/webticket\">\n    Require all denied\n  </LocationMatch>\n")},
	{Name: "discovery-for-exchange", Title: "ProxyPass /Autodiscover ! because of Exchange, which has that path too", Want: "proxy.path-allowlist-missing-autodiscover",
		Edit: apacheInLync("  ProxyPassMatch \"(?i)^/autodiscover\" !\n")},
	{Name: "static-files", Title: "scripts and pictures from a directory of the proxy's own", Want: "meeting.web-app-assets-blocked",
		Edit: apacheInLync("  ProxyPassMatch \"\\.(?:js|css|png|gif|ico|ashx)$\" !\n")},
	{Name: "prefix", Title: "a path behind the balancer's name", Want: "proxy.path-prefix-mismatch",
		Edit: replace(apacheToLync, "  ProxyPass / balancer://lync-web-services-https/lync/ nocanon\n")},
	{Name: "no-slash", Title: "ProxyPass / without a slash at the end of the other side: 500 for all but the root", Want: "proxy.upstream-down-502",
		Edit: replace(apacheToLync, "  ProxyPass / balancer://lync-web-services-https nocanon\n")},
	{Name: "query-dropped", Title: "RewriteRule with QSD, which drops the query", Want: "proxy.query-string-dropped",
		Edit: replace(apacheToLync, "  RewriteEngine On\n  RewriteRule ^(.*)$ balancer://lync-web-services-https$1 [P,QSD]\n")},
	{Name: "url-limit", Title: "LimitRequestLine 512, from a hardening guide", Want: "proxy.url-length-limit",
		Edit: replace("LimitRequestLine 65536", "LimitRequestLine 512")},
	{Name: "encoded-refused", Title: "URLs that are encoded twice refused", Want: "proxy.percent-decoding-normalised",
		Edit: insert(strings.TrimSuffix(apacheToOffice, "\n"), "\n  RewriteEngine On\n  RewriteCond %{THE_REQUEST} %25\n  RewriteRule ^ - [F,L]")},

	// Requests.
	{Name: "methods", Title: "LimitExcept GET POST", Want: "proxy.method-blocked", SignsIn: true,
		Edit: apacheInLync("  <Location />\n    <LimitExcept GET POST>\n      Require all denied\n    </LimitExcept>\n  </Location>\n")},
	{Name: "allow-methods", Title: "AllowMethods GET POST HEAD", Want: "proxy.method-blocked", SignsIn: true,
		Edit: apacheInLync("  <Location />\n    AllowMethods GET POST HEAD\n  </Location>\n", "allowmethods")},
	{Name: "networks", Title: "Require ip with the office's network", Want: "proxy.ip-reputation-or-geo-block",
		Edit: apacheInLync("  <Location />\n    Require ip 10.0.0.0/8\n  </Location>\n", "authz_host")},
	{Name: "browsers-only", Title: "HTTP_USER_AGENT tested, against robots", Want: "proxy.user-agent-filtered", SignsIn: true,
		Edit: apacheRefuses("%{HTTP_USER_AGENT} !Mozilla", "F")},
	{Name: "origin-refused", Title: "requests with Origin refused", Want: "proxy.origin-or-referer-filtered",
		Edit: apacheRefuses("%{HTTP:Origin} .", "F")},
	{Name: "xml-refused", Title: "requests with XML refused", Want: "proxy.waf-rule-block", SignsIn: true,
		Edit: apacheRefuses("%{HTTP:Content-Type} xml", "F")},
	{Name: "expect-refused", Title: "requests with Expect refused", Want: "proxy.expect-100-417", SignsIn: true, InFull: true,
		Edit: apacheRefuses("%{HTTP:Expect} .", "R=417")},
	{Name: "length-required", Title: "POST without Content-Length refused", Want: "proxy.chunked-upload-411", SignsIn: true, InFull: true,
		Edit: apacheRefuses("%{HTTP:Transfer-Encoding} chunked", "R=411")},
	{Name: "basic-auth", Title: "AuthType Basic in front", Want: "proxy.preauth-401",
		Edit: apacheInLync("  <Location />\n    AuthType Basic\n    AuthName Staff\n    AuthUserFile /etc/apache2/staff\n    Require valid-user\n  </Location>\n", "auth_basic", "authn_core", "authn_file", "authz_user")},
	{Name: "single-sign-on", Title: "a log-in page in front", Want: "proxy.preauth-forms-page",
		Edit: apacheInLync("  RewriteEngine On\n  RewriteCond %{HTTP_COOKIE} !session=\n  RewriteRule ^ https://login.contoso.example/?rd=https://%{HTTP_HOST}%{REQUEST_URI} [R=302,L]\n")},
	{Name: "body-limit-by-rule", Title: "RewriteCond on a Content-Length above 1 MB", Want: "proxy.body-size-413", SignsIn: true, InFull: true,
		Edit: apacheRefuses("%{HTTP:Content-Length} -gt1048576", "R=413")},
	{Name: "heads-default", Title: "no LimitRequestFieldSize: 8 KB", Want: "proxy.header-too-large", SignsIn: true, InFull: true,
		Edit: replace("LimitRequestFieldSize 65536\n", "")},
	{Name: "authorization-removed", Title: "RequestHeader unset Authorization, left over from a log-on of the proxy's own", Want: "proxy.authorization-stripped", SignsIn: true,
		Edit: apacheInLync("  RequestHeader unset Authorization\n")},

	// The way to the Front Ends.
	{Name: "host-not-kept", Title: "ProxyPreserveHost Off, as by default: the address is looked for in the Front End's certificate", Want: "tls.backend-name-mismatch",
		Topology: verifiedWith(topology.EnterpriseCA, "10.10.10.11"), Edit: replace("ProxyPreserveHost On", "ProxyPreserveHost Off")},
	{Name: "host-not-kept-unverified", Title: "ProxyPreserveHost Off, and names are not verified", Want: "proxy.host-header-rewritten",
		Edit: replace("ProxyPreserveHost On", "ProxyPreserveHost Off", apacheNames, "  SSLProxyCheckPeerName Off\n  SSLProxyCheckPeerCN Off\n")},
	{Name: "host-fixed", Title: "RequestHeader set Host with the name of a Front End", Want: "proxy.host-header-rewritten",
		Edit: apacheInLync("  RequestHeader set Host fe1.contoso.example\n")},
	{Name: "ports-not-flipped", Title: "members with ports 443 and 80", Want: "proxy.port-not-flipped",
		Edit: replace(":4443", ":443", ":8080", ":80", apacheVerifies, "  SSLProxyVerify none\n", apacheNames, "  SSLProxyCheckPeerName Off\n")},
	{Name: "443-not-flipped", Title: "members with ports 443 and 8080", Want: "proxy.port-443-not-flipped-80-is",
		Edit: replace(":4443", ":443", apacheVerifies, "  SSLProxyVerify none\n", apacheNames, "  SSLProxyCheckPeerName Off\n")},
	{Name: "80-not-flipped", Title: "members with ports 4443 and 80", Want: "proxy.port-80-not-flipped",
		Edit: replace(":8080", ":80")},
	{Name: "http-to-4443", Title: "http:// to port 4443", Want: "proxy.peer-protocol-wrong",
		Topology: plainTo4443},
	{Name: "tls-offloaded", Title: "443 goes to 8080 too", Want: "proxy.tls-offload-to-8080",
		Edit: replace("https://10.10.10.11:4443", "http://10.10.10.11:8080", "https://10.10.10.12:4443", "http://10.10.10.12:8080")},
	{Name: "mixed-members", Title: "one of two members behind 443 is http on 8080", Want: "proxy.mixed-scheme-peers-round-robin",
		Edit: replace("https://10.10.10.12:4443", "http://10.10.10.12:8080")},
	{Name: "wrong-port", Title: "members with port 4444, where nobody listens", Want: "proxy.upstream-down-502",
		Edit: replace(":4443", ":4444")},
	{Name: "members-disabled", Title: "status=+D left on both members after maintenance", Want: "proxy.upstream-down-502",
		Edit: replace(":4443 ", ":4443 status=+D ")},
	{Name: "no-proxy-engine", Title: "no SSLProxyEngine On", Want: "proxy.upstream-down-502",
		Edit: replace("  SSLProxyEngine On\n", "")},
	{Name: "wrong-root", Title: "SSLProxyCACertificateFile with the public roots", Want: "tls.backend-untrusted",
		Topology: verifiedWith(topology.PublicCA, "")},
	{Name: "reuse", Title: "no disablereuse: connections that somebody has logged on are shared", Want: "proxy.ntlm-multiplexed", SignsIn: true, InFull: true,
		Edit: replace(" disablereuse=on", "")},
	{Name: "keepalive-off", Title: "KeepAlive Off, to save workers", Want: "proxy.http10-upstream", SignsIn: true,
		Edit: replace("KeepAlive On", "KeepAlive Off")},

	// Time and numbers.
	{Name: "proxy-timeout", Title: "ProxyTimeout 60, as it is without the line and that of Timeout", Want: "mobility.long-poll-cut-by-idle-timeout", Hold: 200 * time.Second,
		Edit: replace("ProxyTimeout 1200", "ProxyTimeout 60")},
	{Name: "member-timeout", Title: "timeout=100 on the members", Want: "mobility.long-poll-cut-by-idle-timeout", Hold: 200 * time.Second,
		Edit: replace(apacheMember, apacheMember+" timeout=100")},

	// Answers.
	{Name: "challenge-removed", Title: "Header unset WWW-Authenticate", Want: "proxy.www-authenticate-stripped", SignsIn: true,
		Edit: apacheInLync("  Header unset WWW-Authenticate\n  Header always unset WWW-Authenticate\n")},
	{Name: "x-headers-removed", Title: "Header unset for all that begins with X-MS", Want: "proxy.x-ms-headers-stripped", SignsIn: true,
		Edit: apacheInLync("  Header unset X-MS-Server-Fqdn\n  Header unset X-MS-WebTicketURL\n  Header unset X-MS-WebTicketSupported\n")},
	{Name: "cookies-removed", Title: "Header unset Set-Cookie", Want: "proxy.cookies-stripped", SignsIn: true,
		Edit: apacheInLync("  Header unset Set-Cookie\n")},
	{Name: "cookies-hardened", Title: "Header edit Set-Cookie adds SameSite=Strict to every cookie", Want: "proxy.cookies-stripped", SignsIn: true,
		Edit: apacheInLync("  Header edit Set-Cookie ^(.*)$ \"$1; HttpOnly; Secure; SameSite=Strict\"\n")},
	{Name: "own-error-pages", Title: "ProxyErrorOverride On: the Front End's challenges are replaced", Want: "proxy.x-ms-headers-stripped", SignsIn: true,
		Edit: apacheInLync("  ProxyErrorOverride On\n  ErrorDocument 401 \"<html><body>Not for you</body></html>\"\n")},
	{Name: "maintenance-page", Title: "a maintenance page with status 200", Want: "proxy.error-page-with-200",
		Edit: apacheInLync("  ErrorDocument 200 \"<html><head><title>Maintenance</title></head><body>Back soon</body></html>\"\n  RewriteEngine On\n  RewriteRule ^ - [R=200,L]\n")},
	{Name: "cached", Title: "CacheEnable that ignores what the Front End says of it", Want: "proxy.caches-discovery",
		Edit: apacheInLync("  CacheSocache shmcb\n  CacheEnable socache /\n  CacheQuickHandler off\n  CacheIgnoreCacheControl On\n  CacheIgnoreNoLastMod On\n  CacheStoreNoStore On\n  CacheStorePrivate On\n  CacheStoreExpired On\n  CacheDefaultExpire 600\n  Header unset Expires\n  Header unset Pragma\n  Header set Cache-Control \"public, max-age=600\"\n", "cache", "cache_socache")},
	{Name: "said-to-be-gzip", Title: "Header set Content-Encoding gzip", Want: "proxy.compression-broken",
		Edit: apacheInLync("  Header set Content-Encoding gzip\n")},

	// Near misses: what looks wrong, or is said to be wrong, and is not.
	{Name: "not-verified", Title: "the Front Ends' certificate is not verified, as by default",
		Edit: replace(apacheVerifies, "  SSLProxyVerify none\n", apacheNames, "  SSLProxyCheckPeerName Off\n")},
	{Name: "slashes-default", Title: "no AllowEncodedSlashes: Lync has none in paths",
		Edit: replace(apacheEncoded, "")},
	{Name: "body-limit", Title: "LimitRequestBody 1048576, which is not for what is passed on", SignsIn: true, InFull: true,
		Edit: replace("LimitRequestBody 0", "LimitRequestBody 1048576")},
	{Name: "http10", Title: "force-proxy-request-1.0 and proxy-nokeepalive: what is not logged on by connection works", SignsIn: true,
		Edit: apacheInLync("  SetEnv force-proxy-request-1.0 1\n  SetEnv proxy-nokeepalive 1\n")},
	{Name: "canonical", Title: "ProxyPass without nocanon", SignsIn: true,
		Edit: replace(" nocanon", "")},
	{Name: "passed-by-rule", Title: "RewriteRule with P in place of ProxyPass", SignsIn: true,
		Edit: replace(apacheToLync, "  RewriteEngine On\n  RewriteRule ^(.*)$ balancer://lync-web-services-https$1 [P]\n")},
	{Name: "reverse", Title: "ProxyPassReverse, which has nothing to do where the Host is kept", SignsIn: true,
		Edit: insert(strings.TrimSuffix(apacheToLync, "\n"), "\n  ProxyPassReverse / balancer://lync-web-services-https/")},
	{Name: "keepalive-5s", Title: "KeepAliveTimeout 5, as by default: it is not about silent polls", Hold: 200 * time.Second,
		Edit: replace("KeepAliveTimeout 1200", "KeepAliveTimeout 5")},
	{Name: "hundred-requests", Title: "MaxKeepAliveRequests 100, as by default", SignsIn: true,
		Edit: replace("MaxKeepAliveRequests 0", "MaxKeepAliveRequests 100")},
	{Name: "uploads-counted", Title: "no proxy-sendchunked: Apache collects an upload and says its length", SignsIn: true, InFull: true,
		Edit: replace("SetEnv proxy-sendchunked 1\n", "")},
	{Name: "compressed", Title: "DEFLATE for everything", SignsIn: true,
		Edit: apacheInLync("  SetOutputFilter DEFLATE\n", "filter", "deflate")},
	{Name: "security-headers", Title: "headers that guides add to every site", SignsIn: true,
		Edit: apacheInLync("  Header always set Strict-Transport-Security max-age=31536000\n  Header always set X-Frame-Options SAMEORIGIN\n  Header always set X-Content-Type-Options nosniff\n")},
	{Name: "no-forwarded-headers", Title: "ProxyAddHeaders Off", SignsIn: true,
		Edit: apacheInLync("  ProxyAddHeaders Off\n")},
	{Name: "wildcard-alias", Title: "ServerAlias *.contoso.example in place of the names",
		Edit: replace("  ServerAlias lyncweb-ext.contoso.example\n  ServerAlias meet.contoso.example\n", "  ServerAlias lyncweb-ext.contoso.* meet.contoso.*\n")},
	{Name: "affinity-for-2013", Title: "a cookie for stickysession, which Lync Server 2013 and later do not need", SignsIn: true,
		Topology: func(t *topology.Topology) { t.Proxy.Rules[0].Balance = "cookie" }},
}

// apacheWithout80 takes the listeners and hosts of port 80 out, which come last.
func apacheWithout80(config string) (string, error) {
	config = strings.ReplaceAll(config, "Listen 203.0.113.10:80\nListen 172.16.5.5:80\n", "")
	first := strings.Index(config, "<VirtualHost 203.0.113.10:80")
	if first < 0 {
		return "", errors.New("no host is for port 80")
	}
	return config[:first], nil
}
