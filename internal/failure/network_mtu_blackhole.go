package failure

import (
	"fmt"
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var networkMTUBlackhole = Mode{
	Rule: probe.Rule{
		ID:       "network.mtu-blackhole",
		Severity: probe.Medium,
		Title:    "large packets get lost on the way: connections come about, and the TLS handshake stops",
		Cause:    "part of the way carries smaller packets than the ends believe (VPN, PPPoE, some mobile networks), and a firewall drops the ICMP messages that would tell them",
		Remedy:   "Let ICMP type 3 code 4 (fragmentation needed; for IPv6, packet too big) pass at every firewall, or limit the segment size (MSS) of TCP connections to 1200 bytes on the outer interface.",
		Settings: settings(
			pfSquid, "Interfaces > WAN: MSS 1240; Firewall > Rules > WAN: pass ICMP, subtype Destination Unreachable.",
			pfHAProxy, "Interfaces > WAN: MSS 1240; Firewall > Rules > WAN: pass ICMP, subtype Destination Unreachable.",
			haproxy, "bind :443 ssl crt site.pem mss 1200; or for the machine: sysctl -w net.ipv4.tcp_mtu_probing=1",
			nginx, "sysctl -w net.ipv4.tcp_mtu_probing=1; or: iptables -t mangle -A POSTROUTING -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200",
			apache, "sysctl -w net.ipv4.tcp_mtu_probing=1; or: iptables -t mangle -A POSTROUTING -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200",
			caddy, "sysctl -w net.ipv4.tcp_mtu_probing=1; or: iptables -t mangle -A POSTROUTING -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200",
			arr, "netsh interface ipv4 set subinterface \"Ethernet\" mtu=1280 store=persistent",
		),
		Sources: []string{"RFC 1191 section 6", "RFC 2923 section 2.1"},
		Reads:   probe.Dials | probe.Handshakes | probe.Exchanges,
		Detect:  detectNetworkMTUBlackhole,
	},
	Confused: []probe.ID{"proxy.service-not-enabled", "network.wan-rule-missing"},
	Cases: []Case{
		{Name: "outside", Edit: func(t *topology.Topology) {
			manyNames(t)
			t.Paths = append(t.Paths, topology.Path{From: probe.External, To: topology.ProxyPublic.String(), Action: topology.MTU})
		}},
	},
	More: []Case{
		{Name: "on-the-wifi", Edit: func(t *topology.Topology) {
			manyNames(t)
			t.WiFi.View = "external"
			t.Paths = append(t.Paths, topology.Path{From: probe.WiFi, To: topology.ProxyPublic.String(), Action: topology.MTU})
		}},
	},
	Near: []Case{
		{Name: "on-a-way-without-certificates", Edit: func(t *topology.Topology) {
			t.Paths = append(t.Paths, topology.Path{From: probe.External, To: topology.ProxyPublic.String(), Port: 8080, Action: topology.MTU})
		}},
	},
}

// manyNames makes the proxy's certificate too large for a packet, as those of public authorities with RSA keys are anyway.
func manyNames(t *topology.Topology) {
	c := t.ProxyCertificate()
	for i := range 40 {
		c.Names = append(c.Names, fmt.Sprintf("www%d.contoso.example", i+1))
	}
}

func detectNetworkMTUBlackhole(v *probe.View) probe.Verdict {
	asked, undecided := false, ""
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		told := map[string]bool{}
		for _, h := range p.Handshakes(probe.HandshakeName) {
			d := p.Dial(h.Addr)
			if d == nil || !d.Outcome.OK() {
				continue
			}
			asked = true
			if h.Outcome.Code != probe.Timeout || len(h.Chain) > 0 || told[h.Addr] {
				continue
			}
			// A machine that answers shortly lives: what is long gets lost.
			short := shortAnswer(p, h.Addr)
			if short == nil {
				continue
			}
			told[h.Addr] = true
			whole := completeElsewhere(v, p, h.Addr)
			if whole == nil && slices.ContainsFunc(p.Handshakes(), func(o *probe.Handshake) bool { return o.Addr == h.Addr && len(o.Chain) > 0 }) {
				undecided = fmt.Sprintf("%s answers some TLS handshakes and not others: large packets get lost on the way, or the listener does not understand what newer clients offer; a view from another place would tell", h.Addr)
				continue
			}
			evidence = append(evidence, p.SawHandshake(h, "%s takes the connection, and then the TLS handshake, whose parts are larger than a packet, stops (%s)", h.Addr, h.Outcome.Words()), *short)
			if whole != nil {
				evidence = append(evidence, *whole)
			}
		}
	}
	switch {
	case !asked:
		return nothingToJudge
	case len(evidence) == 0 && undecided != "":
		return probe.Unknown(undecided)
	}
	return verdict(evidence)
}

// completeElsewhere is evidence that the same handshake succeeds from another place; nil when there is none.
func completeElsewhere(v *probe.View, here *probe.Place, addr string) *probe.Evidence {
	for _, p := range v.Places() {
		for _, h := range p.Handshakes(probe.HandshakeName) {
			if p.Name() != here.Name() && h.Addr == addr && h.Outcome.OK() {
				e := p.SawHandshake(h, "the same handshake with %s succeeds here", addr)
				return &e
			}
		}
	}
	return nil
}

// shortAnswer is evidence that an address gives answers that fit into a packet: a TLS alert, or an answer over HTTP. It
// is nil when there is none.
func shortAnswer(p *probe.Place, addr string) *probe.Evidence {
	for _, h := range p.Handshakes(probe.HandshakeVersion, probe.HandshakeUnknown, probe.HandshakeNoSNI) {
		if alerts := []string{probe.TLSAlert, probe.TLSProtocol, probe.TLSUnknownName, probe.TLSNoCipher}; h.Addr == addr && slices.Contains(alerts, h.Outcome.Code) {
			e := p.SawHandshake(h, "asked for something it does not want, %s answers at once, in a few bytes (%s)", addr, h.Outcome.Words())
			return &e
		}
	}
	for _, x := range p.Exchanges() {
		if addressOf(x.Addr) == addressOf(addr) && !overTLS(x) && x.Status != 0 {
			e := p.SawExchange(x, "%s answers %d: what is short arrives from that address", x.URL, x.Status)
			return &e
		}
	}
	return nil
}
