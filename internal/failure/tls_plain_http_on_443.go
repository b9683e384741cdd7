package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsPlainHTTPOn443 = Mode{
	Rule: probe.Rule{
		ID:       "tls.plain-http-on-443",
		Severity: probe.Critical,
		Title:    "port 443 outside speaks HTTP without TLS",
		Cause:    "the port was forwarded to a plain HTTP listener, or TLS is not switched on there",
		Remedy:   "Switch TLS on for the listener on port 443, with the public certificate, and encrypt again to port 4443.",
		Settings: settings(
			pfSquid, "Services > Squid Reverse Proxy > General: Enable HTTPS Reverse Proxy with port 443 and a certificate; the HTTP listener has port 80.",
			pfHAProxy, "Frontend: tick SSL Offloading at the External address with port 443, and choose the certificate.",
			haproxy, "bind :443 ssl crt /etc/haproxy/site.pem alpn http/1.1",
			nginx, "listen 443 ssl; ssl_certificate fullchain.pem; ssl_certificate_key key.pem;",
			squid, "https_port 443 accel vhost tls-cert=fullchain.pem tls-key=key.pem  # and no http_port 443",
			apache, "SSLEngine on, SSLCertificateFile fullchain.pem, SSLCertificateKeyFile key.pem  (in <VirtualHost *:443>)",
			caddy, "https://lyncweb-ext.contoso.example { tls fullchain.pem key.pem … }  # and no http:// in front of a name with port 443",
			arr, "IIS Manager > Default Web Site > Bindings: port 443 of the type https, with the certificate.",
		),
		Sources: []string{"Configuration requirements for reverse proxy in Lync Server 2013"},
		Reads:   probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:  detectTLSPlainHTTPOn443,
	},
	Confused: []probe.ID{"tls.only-tls10", "proxy.service-not-enabled"},
	Cases: []Case{
		{Name: "no-tls", Edit: func(t *topology.Topology) {
			t.Proxy.PlainHTTPS = true
		}},
	},
	Near: []Case{
		{Name: "newest-version-only", Edit: func(t *topology.Topology) {
			t.Proxy.MinTLS = "1.3"
		}},
	},
}

func detectTLSPlainHTTPOn443(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	seen := map[string]bool{}
	for _, h := range listenerHandshakes(v) {
		if h.Outcome.Code == probe.TLSNotTLS && !seen[h.Addr] {
			seen[h.Addr] = true
			evidence = append(evidence, out.SawHandshake(h, "%s answers a TLS handshake for %s with plain text: %s", h.Addr, h.Host, h.Outcome.Text))
		}
	}
	return verdict(evidence)
}
