package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var networkNATToWrongHost = Mode{
	Rule: probe.Rule{
		ID:       "network.nat-to-wrong-host",
		Severity: probe.Critical,
		Title:    "the public address leads to the Front End itself, past the reverse proxy",
		Cause:    "the port forward on the firewall names the wrong inside address, or the proxy passes TLS on as it comes",
		Remedy:   "Forward TCP 443 and 80 of the public address to the reverse proxy.",
		Settings: settings(
			nginx, "stream { server { listen 443 ssl; ssl_certificate fullchain.pem; ssl_certificate_key key.pem; proxy_ssl on; proxy_pass 10.10.10.11:4443; } }  # no ssl_preread that passes TLS on to port 443 of the Front End",
		),
		Sources:  []string{"Scenarios for reverse proxy in Lync Server 2013"},
		Reads:    probe.Handshakes | probe.Exchanges,
		Detect:   detectNetworkNATToWrongHost,
		Explains: []probe.ID{"proxy.port-not-flipped", "proxy.port-80-not-flipped", "proxy.port-443-not-flipped-80-is", "meeting.lands-on-internal-site", "tls.missing-san-lyncdiscover", "tls.missing-san-external-web", "tls.missing-san-simple-url", "tls.san-missing-second-sip-domain", "tls.untrusted-internal-ca-external-listener", "tls.missing-intermediate", "meeting.wac-unpublished", "meeting.wac-wrong-port-or-offload", "proxy.default-vhost-answers", "dns.external-web-fqdn-resolves-to-front-end-internally", "frontend.external-web-fqdn-wrong-in-topology", "meeting.simple-url-not-published"},
	},
	Confused: []probe.ID{"proxy.port-not-flipped", "tls.missing-san-lyncdiscover"},
	Cases: []Case{
		{Name: "front-end-443", Edit: func(t *topology.Topology) {
			t.Paths = append(t.Paths, topology.Path{From: "external", To: topology.ProxyPublic.String(), Port: 443, Action: topology.Translate, Target: "10.10.10.11:443"},
				topology.Path{From: "external", To: topology.ProxyPublic.String(), Port: 80, Action: topology.Translate, Target: "10.10.10.11:80"})
		}},
	},
	Near: []Case{
		{Name: "forward-to-inside-address", Edit: func(t *topology.Topology) {
			t.Paths = append(t.Paths, topology.Path{From: "external", To: topology.ProxyPublic.String(), Port: 443, Action: topology.Translate, Target: "172.16.5.5:443"})
		}},
	},
}

func detectNetworkNATToWrongHost(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var own []*probe.Handshake // of Front Ends, seen inside or beside the proxy
	for _, d := range v.Domains() {
		own = append(own, v.At(probe.Internal).HandshakesFor(internalLabel+d)...)
	}
	for _, h := range v.At(probe.Proxy).Handshakes(probe.HandshakeName) {
		if strings.HasSuffix(h.Addr, ":443") || strings.HasSuffix(h.Addr, ":4443") {
			own = append(own, h)
		}
	}
	if len(own) == 0 {
		return probe.NotApplicable("the record does not show the Front End's own certificate")
	}
	for _, d := range v.Domains() {
		for _, h := range out.HandshakesFor(publicLabel + d) {
			// A certificate made for both sides may well be on both; one that lacks the public name is not meant to be.
			if len(h.Chain) == 0 || h.NameMatch.OK() || !frontEndAnswers(out, h.Host) {
				continue
			}
			for _, f := range own {
				if len(f.Chain) > 0 && f.Chain[0] == h.Chain[0] {
					return probe.Found(
						out.SawHandshake(h, "%s at %s shows a certificate for %s", h.Host, h.Addr, strings.Join(out.Leaf(h).Names, ", ")),
						probe.Evidence{Vantage: probe.Internal, Text: "that is the Front End's own certificate, as seen at " + f.Addr})
				}
			}
		}
	}
	return probe.Clear()
}
