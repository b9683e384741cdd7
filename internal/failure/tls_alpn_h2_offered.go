package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsALPNH2Offered = Mode{
	Rule: probe.Rule{
		ID:       "tls.alpn-h2-offered",
		Severity: probe.Low,
		Title:    "the public listener offers HTTP/2",
		Cause:    "the reverse proxy has it on by default; browsers choose it, and Windows authentication does not exist over it, so participants of meetings with domain accounts may be asked for their password again and again",
		Remedy:   "Offer HTTP/1.1 only on the listeners of the Lync hosts.",
		Settings: http1Only(),
		Sources:  []string{"RFC 9113 section 9.1.1", "RFC 4559 section 6", "RFC 7301 section 3.1"},
		Reads:    probe.Handshakes,
		Detect:   detectTLSALPNH2Offered,
	},
	Cases: []Case{
		{Name: "http2-on", Edit: func(t *topology.Topology) { t.Proxy.HTTP2 = true }},
	},
	Near: []Case{
		{Name: "tls13-only", Edit: func(t *topology.Topology) { t.Proxy.MinTLS = "1.3" }},
	},
}

// http1Only is how to leave HTTP/2 out of what a listener offers.
func http1Only() []probe.Setting {
	return settings(
		pfHAProxy, "Frontend > SSL Offloading > Advanced ssl options: alpn http/1.1",
		haproxy, "bind :443 ssl crt site.pem alpn http/1.1",
		nginx, "listen 443 ssl;  # without http2, and http2 off; in stream {}: ssl_alpn http/1.1;",
		apache, "Protocols http/1.1",
		caddy, `{
	servers {
		protocols h1
	}
}`,
		arr, "IIS Manager > Bindings > https: tick Disable HTTP/2 (Windows Server 2016 and later).",
	)
}

func detectTLSALPNH2Offered(v *probe.View) probe.Verdict {
	asked := false
	for _, p := range clientPlaces(v) {
		if p.Name() == probe.Internal {
			continue // the Front End's own listener: no proxy stands between client and server
		}
		for _, h := range p.Handshakes(probe.HandshakeHTTP2) {
			asked = asked || h.Outcome.OK()
			if h.ALPN == "h2" {
				return probe.Found(p.SawHandshake(h, "%s at %s chooses h2 when it is offered", h.Host, h.Addr))
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return probe.Clear()
}
