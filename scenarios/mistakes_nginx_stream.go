package scenarios

import (
	"time"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// Places in the configuration of nginx's stream {} where people put lines.
const (
	streamInServer = "    proxy_connect_timeout 10s;\n"
	streamVerifies = "    proxy_ssl_verify on;\n    proxy_ssl_verify_depth 3;\n    proxy_ssl_trusted_certificate /etc/nginx/tls/enterprise-roots.pem;\n"
	streamTakesOff = "    ssl_certificate /etc/nginx/tls/lync-fullchain.pem;\n    ssl_certificate_key /etc/nginx/tls/lync-key.pem;\n"
)

// passedOn is an edit that leaves TLS to the Front Ends, as shorter guides to stream {} do.
var passedOn = replace(":443 ssl;", ":443;", streamTakesOff, "    ssl_preread on;\n", "$ssl_server_name", "$ssl_preread_server_name", "    proxy_ssl on;\n", "")

var nginxStreamMistakes = []Mistake{
	{Name: "passed-on", Title: "ssl_preread: TLS is passed on to the Front Ends, whose certificate is the enterprise's", Want: "tls.untrusted-internal-ca-external-listener", With: []probe.ID{"tls.sni-missing-gets-default-cert"},
		Edit: passedOn},
	{Name: "passed-on-to-443", Title: "ssl_preread: TLS is passed on to port 443 of the Front Ends", Want: "network.nat-to-wrong-host",
		Edit: func(config string) (string, error) {
			config, err := passedOn(config)
			if err != nil {
				return "", err
			}
			return replace(":4443;", ":443;")(config)
		}},
	{Name: "chain-missing", Title: "ssl_certificate names a file that holds the certificate alone", Want: "tls.missing-intermediate",
		Topology: func(t *topology.Topology) { t.ProxyCertificate().Chain = topology.LeafOnly }},
	{Name: "old-protocols", Title: "ssl_protocols of a guide from before 2015", Want: "tls.only-tls10",
		Edit: replace("\n  ssl_protocols TLSv1.2 TLSv1.3;", "\n  ssl_protocols TLSv1 TLSv1.1;")},
	{Name: "client-certificates", Title: "ssl_verify_client on", Want: "tls.client-certificate-requested",
		Edit: insert(streamInServer, "    ssl_verify_client on;\n    ssl_client_certificate /etc/nginx/tls/enterprise-roots.pem;\n")},
	{Name: "http2-offered", Title: "ssl_alpn h2 http/1.1", Want: "tls.alpn-h2-offered",
		Edit: insert(streamInServer, "    ssl_alpn h2 http/1.1;\n")},
	{Name: "second-domain-forgotten", Title: "the map of names lacks the second SIP domain's", Want: "proxy.unmapped-tcp-reset",
		Edit: replace("    lyncdiscover.fabrikam.example lync-web-services-https;\n", "")},
	{Name: "meet-forgotten", Title: "the map of names lacks meet", Want: "meeting.simple-url-not-published",
		Edit: replace("    meet.contoso.example lync-web-services-https;\n", "", "    meet.fabrikam.example lync-web-services-https;\n", "")},
	{Name: "office-forgotten", Title: "the map of names leads all to Lync, Office Web Apps included", Want: "meeting.wac-unpublished",
		Edit: replace("    wac.contoso.example office-web-apps-https;\n", "    default lync-web-services-https;\n", "    wac.contoso.example wac.contoso.example;\n", "    default lyncweb-ext.contoso.example;\n")},
	{Name: "443-not-flipped", Title: "the upstream with port 443", Want: "proxy.port-443-not-flipped-80-is",
		Edit: replace(":4443;", ":443;", streamVerifies, "")},
	{Name: "ports-not-flipped", Title: "upstreams with ports 443 and 80", Want: "proxy.port-not-flipped",
		Edit: replace(":4443;", ":443;", ":8080;", ":80;", streamVerifies, "")},
	{Name: "not-encrypted-again", Title: "no proxy_ssl on: plain HTTP to port 4443", Want: "proxy.unmapped-tcp-reset",
		Edit: replace("    proxy_ssl on;\n", "")},
	{Name: "wrong-port", Title: "the upstream with port 444", Want: "proxy.upstream-down-502",
		Topology: func(t *topology.Topology) {
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Port = 444
			}
		}},
	{Name: "no-name", Title: "no proxy_ssl_name: the upstream's own name is looked for in the certificate", Want: "proxy.unmapped-tcp-reset",
		Edit: replace("    proxy_ssl_name $lync_name;\n", "")},
	{Name: "wrong-root", Title: "proxy_ssl_trusted_certificate with the public roots", Want: "tls.backend-untrusted",
		Topology: func(t *topology.Topology) {
			for i := range t.Proxy.WebServers {
				if w := &t.Proxy.WebServers[i]; w.Scheme == "https" {
					w.Verify = topology.PublicCA
				}
			}
		}},
	{Name: "proxy-protocol", Title: "proxy_protocol on, which IIS does not know", Want: "proxy.unmapped-tcp-reset",
		Edit: insert(streamInServer, "    proxy_protocol on;\n")},
	{Name: "accepts-proxy-protocol", Title: "proxy_protocol at the listener, and no balancer in front", Want: "proxy.expects-proxy-protocol",
		Edit: replace(":443 ssl", ":443 ssl proxy_protocol")},
	{Name: "connection-limit", Title: "limit_conn for each address: an office has one", Want: "proxy.connection-limit", SignsIn: true, InFull: true,
		Edit: replace("stream {\n", "stream {\n  limit_conn_zone $binary_remote_addr zone=address:10m;\n", streamInServer, streamInServer+"    limit_conn address 16;\n")},
	{Name: "silence-60s", Title: "proxy_timeout 60s, from a guide for web sites", Want: "mobility.long-poll-cut-by-idle-timeout", Hold: 200 * time.Second,
		Edit: replace("proxy_timeout 1200s;", "proxy_timeout 60s;")},
	{Name: "port-80-redirected", Title: "return 301 https:// on all of port 80", Want: "proxy.http80-redirects-to-https",
		Edit: replace(nginxToLyncPlain, "      return 301 https://$host$request_uri;")},
	{Name: "80-not-flipped", Title: "the upstream for 80 with port 80", Want: "proxy.port-80-not-flipped",
		Edit: replace(":8080;", ":80;")},

	{Name: "affinity-by-address", Title: "hash $remote_addr consistent in the upstream", SignsIn: true,
		Edit: replace("upstream lync-web-services-https {\n", "upstream lync-web-services-https {\n    hash $remote_addr consistent;\n")},
	{Name: "other-names-too", Title: "the map of names has a default: what is not published reaches the Front Ends, which refuse it",
		Edit: replace("    lyncdiscover.contoso.example lync-web-services-https;\n", "    default lync-web-services-https;\n    lyncdiscover.contoso.example lync-web-services-https;\n", "    lyncdiscover.contoso.example lyncweb-ext.contoso.example;\n", "    default lyncweb-ext.contoso.example;\n")},
	{Name: "not-verified", Title: "the Front Ends' certificate is not verified, as by default", SignsIn: true,
		Edit: replace(streamVerifies, "")},
	{Name: "no-sni-upstream", Title: "no SNI to the Front Ends, which have one certificate",
		Edit: replace("proxy_ssl_server_name on;", "proxy_ssl_server_name off;")},
}
