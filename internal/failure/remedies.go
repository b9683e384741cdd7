package failure

import (
	"maps"
	"slices"

	"lyncpin/probe"
)

// Products whose settings the remedies name.
const (
	pfSquid   = "pfSense Squid"
	pfHAProxy = "pfSense HAProxy"
	haproxy   = "HAProxy"
	nginx     = "nginx"
	squid     = "Squid"
	apache    = "Apache"
	caddy     = "Caddy"
	arr       = "IIS ARR"
)

// products are their words on the command line.
var products = map[string]string{
	"nginx": nginx, "nginx-stream": nginx, "haproxy": haproxy, "squid": squid, "apache": apache, "caddy": caddy, "arr": arr,
	"pfsense-squid": pfSquid, "pfsense-haproxy": pfHAProxy,
}

// Products are the words that RulesFor knows, sorted.
func Products() []string { return slices.Sorted(maps.Keys(products)) }

// RulesFor are Rules whose remedies show the settings of one product only, where they have some for it. An empty or unknown
// word shows all.
func RulesFor(product string) []probe.Rule {
	rules := Rules()
	name, ok := products[product]
	if !ok {
		return rules
	}
	for i, r := range rules {
		if of := slices.IndexFunc(r.Settings, func(s probe.Setting) bool { return s.Product == name }); of >= 0 {
			rules[i].Settings = r.Settings[of : of+1]
		}
	}
	return rules
}

func settings(pairs ...string) []probe.Setting {
	var out []probe.Setting
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, probe.Setting{Product: pairs[i], Text: pairs[i+1]})
	}
	return out
}

// flipPorts is how to lead 443 to 4443 and 80 to 8080, encrypted again.
func flipPorts() []probe.Setting {
	return settings(
		pfSquid, "Web Servers: one peer with port 4443, protocol HTTPS, and one with port 8080, protocol HTTP. Mappings: the ^https:// patterns to the first, the ^http:// patterns to the second.",
		pfHAProxy, "Backend for 443: server port 4443 with Encrypt(SSL) ticked. Second backend for 80: server port 8080 without it.",
		haproxy, "server fe1 10.10.10.11:4443 ssl verify required ca-file /etc/haproxy/enterprise-root.pem sni str(fe1.contoso.example)  # and, in the backend for port 80: server fe1 10.10.10.11:8080",
		nginx, "proxy_pass https://10.10.10.11:4443;  # in the server for 443; in the server for 80: proxy_pass http://10.10.10.11:8080;",
		squid, "cache_peer 10.10.10.11 parent 4443 0 no-query no-digest originserver login=PASSTHRU connection-auth=on name=fe1-https tls ssldomain=fe1.contoso.example tls-default-ca=off tls-cafile=/etc/squid/tls/enterprise-roots.pem  # with cache_peer_access fe1-https allow on-https; for port 80: cache_peer 10.10.10.11 parent 8080 0 no-query no-digest originserver login=PASSTHRU connection-auth=on name=fe1-http, with cache_peer_access fe1-http allow on-http",
		apache, "ProxyPass / https://10.10.10.11:4443/  (SSLEngine On, SSLProxyEngine On); with Listen 80, in <VirtualHost *:80>: ProxyPass / http://10.10.10.11:8080/",
		caddy, `https:// {
	reverse_proxy https://10.10.10.11:4443 {
		transport http {
			tls_server_name fe1.contoso.example
			tls_trusted_ca_certs enterprise-root.pem
		}
	}
}
http:// {
	reverse_proxy http://10.10.10.11:8080
}`,
		arr, "Create the server farm with httpPort 8080 and httpsPort 4443 under Advanced settings, and untick SSL offloading.",
	)
}

// keepHost is how to forward the Host header as the client sent it.
func keepHost() []probe.Setting {
	return settings(
		pfSquid, "Leave the peers as the package writes them: no forcedomain= in custom options.",
		pfHAProxy, "Remove actions that set the Host header.",
		haproxy, "Remove http-request set-header Host …",
		nginx, "proxy_set_header Host $http_host;  # again in every location that has a proxy_set_header of its own, for these take over nothing from above; no if ($host …) that redirects",
		squid, "https_port 443 accel vhost …  # neither no-vhost nor, on cache_peer, forcedomain=",
		apache, "ProxyPreserveHost On  # and no RequestHeader set Host",
		caddy, "Remove header_up Host {upstream_hostport} and every other header_up Host: reverse_proxy keeps the Host of the client by itself.",
		arr, "appcmd set config -section:system.webServer/proxy /preserveHostHeader:true /reverseRewriteHostInResponseHeaders:false",
	)
}

// wholeChain is how to install the certificate with its intermediates.
func wholeChain() []probe.Setting {
	return settings(
		pfSquid, "Paste the issuing CA's certificate (PEM) into Intermediate CA Certificate (If Needed).",
		pfHAProxy, "Import the issuing CA under System > Cert. Manager > CAs, so that the certificate links to it.",
		haproxy, "bind :443 ssl crt site.pem, where site.pem is the certificate, then the intermediates, then the key.",
		nginx, "ssl_certificate fullchain.pem;  # certificate first, then the intermediates",
		squid, "https_port 443 accel vhost tls-cert=fullchain.pem tls-key=key.pem  # in fullchain.pem the certificate first, then the intermediates",
		apache, "SSLCertificateFile fullchain.pem  (2.4.8 or later)",
		caddy, "tls fullchain.pem key.pem  # fullchain.pem: the certificate first, then the intermediates",
		arr, "Put the intermediates into Intermediate Certification Authorities of the computer account, and bind the certificate again.",
	)
}

// listenerCertificate is where the certificate of the public listener is set.
func listenerCertificate() []probe.Setting {
	return settings(
		pfSquid, "Services > Squid Reverse Proxy > General: Reverse SSL Certificate.",
		pfHAProxy, "Frontend > SSL Offloading > Certificate.",
		haproxy, "bind :443 ssl crt /etc/haproxy/site.pem",
		nginx, "listen 443 ssl; ssl_certificate fullchain.pem; ssl_certificate_key key.pem;  # in stream {}: no ssl_preread in their place",
		squid, "https_port 443 accel vhost tls-cert=fullchain.pem tls-key=key.pem",
		apache, "SSLCertificateFile fullchain.pem, SSLCertificateKeyFile key.pem",
		caddy, "tls fullchain.pem key.pem  # in the site of port 443, in place of tls internal; default_sni lyncweb-ext.contoso.example in the global options",
		arr, "IIS Manager > Default Web Site > Bindings > https > SSL certificate.",
	)
}

// publishAll is how to publish every path.
func publishAll() []probe.Setting {
	return settings(
		pfSquid, `Mapping: ^https://lyncweb-ext\.contoso\.example/ with no path and no end anchor.`,
		pfHAProxy, "Remove path ACLs; match on the host name only.",
		haproxy, "use_backend lync if { hdr(host) -i lyncweb-ext.contoso.example }  # no path condition",
		nginx, "location / { … }  # one location for everything: none for single paths or kinds of files, no deny",
		squid, "http_access allow on-https lync-host  # lync-host being acl lync-host dstdomain -n lyncweb-ext.contoso.example; no urlpath_regex and no url_regex beside it, nor in cache_peer_access",
		apache, "ProxyPass / … for everything; no ProxyPass … ! before it, and no <Location> that denies",
		caddy, "Remove path and path_regexp from the matchers of these hosts, and handle and respond blocks for single paths: match on host only.",
		arr, "URL rewrite pattern: (.*) with the condition on {HTTP_HOST} only.",
	)
}

// publishHost is how to publish one more host name.
func publishHost() []probe.Setting {
	return settings(
		pfSquid, `Mappings: add ^https://HOST/ (dots escaped) to the group of the 4443 peer.`,
		pfHAProxy, "Frontend > Access Control lists: Host matches HOST; Actions: use the Lync backend.",
		haproxy, "acl lync hdr(host) -i HOST",
		nginx, "server_name … HOST;  # in stream {}: a line with HOST in the map of names",
		squid, "acl lync-host dstdomain -n HOST  # one more line of the acl that http_access allow and cache_peer_access go by",
		apache, "ServerAlias HOST",
		caddy, "@lync host lyncdiscover.contoso.example lyncweb-ext.contoso.example HOST  # or: HOST among the addresses in front of the site block",
		arr, "URL rewrite rule with condition {HTTP_HOST} = HOST to the server farm.",
	)
}

// noPreauth is how to let clients authenticate at the Front End only.
func noPreauth() []probe.Setting {
	return settings(
		pfSquid, "No authentication on the reverse listener; leave login=PASSTHRU connection-auth=on as the package writes it.",
		pfHAProxy, "Remove http-request auth and any Lua or OAuth log-in in front of these hosts.",
		haproxy, "Remove http-request auth …",
		nginx, "auth_basic off; auth_request off;  # for these hosts, and no if that returns 302 to a log-in page",
		squid, "http_access allow lync-host  # and so for every published name, before the http_access lines with an acl … proxy_auth; or remove these",
		apache, "Remove AuthType, Require valid-user and RewriteRules to a log-in page for these hosts.",
		caddy, "Remove basicauth (basic_auth) and forward_auth for these hosts.",
		arr, "Authentication: Anonymous only on the proxy's site.",
	)
}

// trustBackend is how the proxy is made to trust the Front End's certificate.
func trustBackend() []probe.Setting {
	return settings(
		pfSquid, "Tick Ignore Internal Certificate Validation, or import the enterprise root.",
		pfHAProxy, "Backend server: SSL checks with the enterprise CA chosen, or off in a lab.",
		haproxy, "server fe1 10.10.10.11:4443 ssl verify required ca-file enterprise-root.pem sni str(fe1.contoso.example) verifyhost fe1.contoso.example",
		nginx, "proxy_ssl_verify on; proxy_ssl_verify_depth 3; proxy_ssl_trusted_certificate enterprise-root.pem; proxy_ssl_name lyncweb-ext.contoso.example; proxy_ssl_server_name on;  # the name must be in the Front End's certificate; without proxy_ssl_name it is the upstream's own",
		squid, "cache_peer 10.10.10.11 parent 4443 0 no-query no-digest originserver login=PASSTHRU connection-auth=on name=fe1-https tls ssldomain=fe1.contoso.example tls-default-ca=off tls-cafile=/etc/squid/tls/enterprise-roots.pem",
		apache, "SSLProxyCACertificateFile enterprise-root.pem; ProxyPreserveHost On, for the Host that is sent on is the name that is looked for; where the certificate lacks it: SSLProxyCheckPeerName off",
		caddy, `reverse_proxy https://10.10.10.11:4443 {
	transport http {
		tls_server_name fe1.contoso.example
		tls_trusted_ca_certs enterprise-root.pem
	}
}`,
		arr, "Enterprise root into Trusted Root Certification Authorities of the computer account; the farm's server name must be in the certificate.",
	)
}

// hairpin is how devices inside reach the external web FQDN.
func hairpin() []probe.Setting {
	return settings(
		pfSquid, "System > Advanced > Firewall & NAT: NAT reflection Pure NAT with automatic outbound NAT; or a DNS Resolver host override of the external names to the proxy's inside address.",
		pfHAProxy, "As for Squid: NAT reflection, or a host override to the address HAProxy listens on inside.",
	)
}

// openWAN is how packets from outside reach the listener.
func openWAN() []probe.Setting {
	return settings(
		pfSquid, "Firewall > Rules > WAN: pass TCP to WAN address, ports 80 and 443 (the listener, not the Front End). System > Advanced > System Tunables: net.inet.ip.portrange.reservedhigh = 0.",
		pfHAProxy, "Firewall > Rules > WAN: pass TCP to WAN address, ports 80 and 443. Move the web GUI off 443.",
	)
}

// tlsVersions is where the listener's protocol versions are set.
func tlsVersions() []probe.Setting {
	return settings(
		pfSquid, "Services > Squid Reverse Proxy > General: Compatibility mode Modern or Intermediate.",
		pfHAProxy, "Frontend advanced SSL options: ssl-min-ver TLSv1.2",
		haproxy, "ssl-default-bind-options ssl-min-ver TLSv1.2  # and no ssl-max-ver below TLSv1.3",
		nginx, "ssl_protocols TLSv1.2 TLSv1.3;",
		squid, "https_port 443 accel vhost … tls-min-version=1.2  # and no options=NO_TLSv1_2",
		apache, "SSLProtocol -all +TLSv1.2 +TLSv1.3",
		caddy, `tls fullchain.pem key.pem {
	protocols tls1.2 tls1.3
}`,
		arr, `Enable TLS 1.2 Server under HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols and restart.`,
	)
}

// bearSilence is how long silence is borne. Deploy and configure mobility for Skype for Business Server: 960 s; the rest
// is rounded up.
func bearSilence() []probe.Setting {
	return settings(
		pfSquid, "Services > Squid Proxy Server > General > Advanced Features > Custom Options: read_timeout 20 minutes",
		pfHAProxy, "Frontend: Client timeout 1200000; backend: Server timeout 1200000 (both are 30000 when left empty).",
		haproxy, "timeout server 20m  # and timeout client 20m",
		nginx, "proxy_read_timeout 1200s; send_timeout 1200s;  # in stream {}: proxy_timeout 1200s;",
		squid, "read_timeout 20 minutes  # and client_lifetime 1 day, which is the default",
		apache, "ProxyTimeout 1200  (or timeout=1200 on each ProxyPass)",
		caddy, `{
	servers {
		timeouts {
			write 0  # the default; it counts from the request on, and cuts long polls too
		}
	}
}
# and in the sites:
reverse_proxy https://10.10.10.11:4443 {
	transport http {
		response_header_timeout 1200s  # without the line there is no limit; read_timeout likewise
	}
}`,
		arr, "appcmd set config -section:webFarms /[name='lync'].applicationRequestRouting.protocol.timeout:00:20:00 /commit:apphost",
		"Web Application Proxy", "Get-WebApplicationProxyApplication | Set-WebApplicationProxyApplication -InactiveTransactionsTimeoutSec 1200",
		"KEMP LoadMaster", "Virtual service > Standard Options: Idle Connection Timeout 1800",
		"F5", "tmsh modify ltm profile tcp lync-tcp idle-timeout 1800",
		"NetScaler", "set lb vserver lync-443 -cltTimeout 1800; set service fe1-4443 -svrTimeout 1800",
		"Sophos UTM", "Webserver Protection > Real Webservers > Advanced: Timeout 1200",
	)
}
