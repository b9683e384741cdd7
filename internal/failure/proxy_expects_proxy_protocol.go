package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyExpectsProxyProtocol = Mode{
	Rule: probe.Rule{
		ID:       "proxy.expects-proxy-protocol",
		Severity: probe.Critical,
		Title:    "the reverse proxy waits for a PROXY header of a balancer in front, and cuts every client that sends none",
		Cause:    "the listener was set up for a balancer that announces clients with the PROXY protocol, and either clients reach the proxy past it, or it does not send the header",
		Remedy:   "Take the option off the listener, or have the balancer in front send the header, and let no other way lead to the listener.",
		Settings: settings(
			pfHAProxy, "Frontend > External address > Advanced: no accept-proxy.",
			haproxy, "bind 203.0.113.10:443 ssl crt /etc/haproxy/site.pem alpn http/1.1  # without accept-proxy, and no tcp-request connection expect-proxy; likewise on port 80",
			nginx, "listen 443 ssl;  # without proxy_protocol; likewise listen 80. It counts for the address and port in all servers",
			squid, "http_port 80 accel vhost  # without require-proxy-header, and no proxy_protocol_access",
			apache, "RemoteIPProxyProtocol Off  # or remove the line: one of them counts for all virtual hosts of that address and port",
			caddy, "Remove proxy_protocol from listener_wrappers in the global options: tls alone stays there, or nothing.",
			"F5, KEMP LoadMaster, cloud balancers", "Switch the PROXY protocol on or off alike at the balancer and at the listener behind it.",
		),
		Sources:  []string{"The PROXY protocol, versions 1 and 2, section 2", "Configuration requirements for reverse proxy in Lync Server 2013"},
		Reads:    probe.Handshakes,
		Detect:   detectProxyExpectsProxyProtocol,
		Explains: append([]probe.ID{"proxy.http80-closed", "meeting.wac-unpublished"}, whatFollowsOnSimpleURLs...),
	},
	Confused: []probe.ID{"proxy.unmapped-tcp-reset", "tls.plain-http-on-443", "proxy.service-not-enabled", "proxy.ip-reputation-or-geo-block"},
	Cases: []Case{
		{Name: "no-balancer", Edit: func(t *topology.Topology) { t.Proxy.ProxyProtocol = true }},
	},
	Near: []Case{
		{Name: "unknown-hosts-cut", Edit: func(t *topology.Topology) { t.Proxy.ResetUnknown = true }},
	},
}

func detectProxyExpectsProxyProtocol(v *probe.View) probe.Verdict {
	asked := false
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		for _, h := range p.Handshakes(probe.HandshakeProxied) {
			asked = true
			if h.Outcome.OK() {
				evidence = append(evidence, p.SawHandshake(h, "%s cuts every TLS handshake; behind a PROXY header it comes off", h.Addr))
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}
