package failure

import (
	"net/netip"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var mobilityWiFiCannotReachExternalFQDN = Mode{
	Rule: probe.Rule{
		ID:       "mobility.wifi-cannot-reach-external-fqdn",
		Severity: probe.High,
		Title:    "phones on the office network do not reach the external web services that answer outside",
		Cause:    "where no other finding explains it, something else than the reverse proxy answers inside for its public address: the firewall's own page, or a filter of the Wi-Fi",
		Remedy:   "Let phones on the Wi-Fi reach the reverse proxy under the external web services FQDN: by NAT reflection on the firewall, or by an inside address of the proxy in the internal DNS. The step shown is the first that fails.",
		Settings: hairpin(),
		Sources:  []string{"Plan for Mobility for Skype for Business Server", "Lync 2010 mobility on corporate Wi-Fi"},
		Reads:    probe.Lookups | probe.Dials | probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectMobilityWiFiCannotReachExternalFQDN,
	},
	Confused: []probe.ID{"network.hairpin-nat-refused", "network.captive-portal", "dns.external-web-fqdn-resolves-to-front-end-internally"},
	Cases: []Case{
		{Name: "firewall-page-inside", Edit: func(t *topology.Topology) {
			const page = "192.0.2.1"
			t.Apps = append(t.Apps, topology.App{Kind: topology.Appliance, FQDN: "firewall.contoso.example", Address: netip.MustParseAddr(page), HTTPS: 443,
				Certificate: &topology.Certificate{Names: []string{"firewall.contoso.example"}, Issuer: topology.SelfSigned}})
			for _, from := range []string{"wifi", "internal"} {
				t.Paths = append(t.Paths, topology.Path{From: from, To: topology.ProxyPublic.String(), Port: 443, Action: topology.Translate, Target: page + ":443"})
			}
		}},
	},
	Near: []Case{
		{Name: "inside-listener", Edit: func(t *topology.Topology) {
			t.Paths = append(t.Paths, topology.Path{From: "wifi", To: topology.ProxyPublic.String(), Action: topology.Drop})
			t.Internal.Address(topology.ProxyInside, t.ExternalWeb(), t.Discovery(0), t.Discovery(1))
		}},
	},
}

func detectMobilityWiFiCannotReachExternalFQDN(v *probe.View) probe.Verdict {
	wifi, out := v.At(probe.WiFi), v.At(probe.External)
	switch {
	case !wifi.Seen():
		return notSeenOnWiFi
	case !out.Seen():
		return notSeenOutside
	}
	tried := false
	var evidence []probe.Evidence
	for _, host := range externalWebHosts(v) {
		outside := servedAt(out, host)
		if outside == nil || !wifi.Resolve(host).Asked() {
			continue
		}
		tried = true
		if servedAt(wifi, host) == nil {
			evidence = append(evidence, firstBroken(wifi, host), out.SawExchange(outside, "outside, the Front End answers for %s", host))
		}
	}
	if !tried {
		return nothingToJudge
	}
	return verdict(evidence)
}

// servedAt is an answer of a Front End to the host over HTTPS; nil when there is none.
func servedAt(p *probe.Place, host string) *probe.Exchange {
	for _, x := range p.ExchangesFor(host) {
		if overTLS(x) && fromFrontEnd(x) {
			return x
		}
	}
	return nil
}

// firstBroken is the first layer that fails on the way to a host: its name, the connection, the certificate, the answer.
func firstBroken(p *probe.Place, host string) probe.Evidence {
	r := p.Resolve(host)
	if !r.Exists() {
		return p.SawLookup(r, "%s does not resolve here (%s)", host, r.Outcome.Words())
	}
	for _, a := range r.Addrs {
		if d := p.Dial(netip.AddrPortFrom(a, 443).String()); d != nil && !d.Outcome.OK() {
			return p.SawDial(d, "%s resolves to %s, which gives no connection here (%s)", host, a, d.Outcome.Words())
		}
	}
	for _, h := range p.HandshakesFor(host) {
		switch {
		case !h.Outcome.OK():
			return p.SawHandshake(h, "%s at %s breaks the TLS handshake off (%s)", host, h.Addr, h.Outcome.Words())
		case !h.NameMatch.OK() || !p.Trust(h).OK():
			if leaf := p.Leaf(h); leaf != nil {
				return p.SawHandshake(h, "%s at %s shows a certificate for %s, issued by %s", host, h.Addr, strings.Join(leaf.Names, ", "), leaf.Issuer)
			}
		}
	}
	if list := p.ExchangesFor(host); len(list) > 0 {
		i := max(0, slices.IndexFunc(list, overTLS))
		return p.SawExchange(list[i], "%s", refusal(list[i]))
	}
	return p.SawLookup(r, "%s resolves to %s, and no answer of a Front End came from there", host, addressList(r))
}
