package failure

import (
	"fmt"
	"net/netip"
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var networkCaptivePortal = Mode{
	Rule: probe.Rule{
		ID:       "network.captive-portal",
		Severity: probe.Medium,
		Title:    "on the office network every host leads to one log-in page",
		Cause:    "a captive portal or log-in page of the Wi-Fi stands between the phone and everything else until somebody logs in",
		Remedy:   "Log in to the Wi-Fi, or exempt the Lync hosts from the portal.",
		Sources:  []string{"Troubleshooting Skype for Business for Android"},
		Reads:    probe.Handshakes | probe.Exchanges,
		Detect:   detectNetworkCaptivePortal,
		Explains: []probe.ID{"tls.internal-ca-lyncdiscoverinternal-byod", "dns.external-web-fqdn-resolves-to-front-end-internally", "network.hairpin-nat-refused", "tls.self-signed-or-appliance-default"},
	},
	Confused: []probe.ID{"proxy.preauth-forms-page", "tls.internal-ca-lyncdiscoverinternal-byod"},
	Cases: []Case{
		{Name: "all-web-traffic", Edit: func(t *topology.Topology) {
			t.Apps = append(t.Apps, topology.App{Kind: topology.Appliance, FQDN: "wifi.contoso.example", Address: netip.MustParseAddr("192.0.2.1"), HTTPS: 443, HTTP: 80,
				Certificate: &topology.Certificate{Names: []string{"wifi.contoso.example"}, Issuer: topology.OtherCA}})
			for _, port := range []int{443, 80} {
				t.Paths = append(t.Paths, topology.Path{From: "wifi", To: "0.0.0.0/0", Port: port, Action: topology.Translate, Target: fmt.Sprintf("192.0.2.1:%d", port)})
			}
		}},
	},
	Near: []Case{
		{Name: "portal-not-in-the-way", Edit: func(t *topology.Topology) {
			t.Apps = append(t.Apps, topology.App{Kind: topology.Appliance, FQDN: "wifi.contoso.example", Address: netip.MustParseAddr("192.0.2.1"), HTTPS: 443, HTTP: 80,
				Certificate: &topology.Certificate{Names: []string{"wifi.contoso.example"}, Issuer: topology.OtherCA}})
		}},
	},
}

func detectNetworkCaptivePortal(v *probe.View) probe.Verdict {
	wifi := v.At(probe.WiFi)
	if !wifi.Seen() {
		return notSeenOnWiFi
	}
	out := v.At(probe.External)
	addresses := map[string]bool{}
	leaf := ""
	var evidence []probe.Evidence
	for _, x := range wifi.Exchanges(probe.GetRoot, probe.GetService, probe.GetMeet) {
		if !x.Outcome.OK() || x.Document != nil || probe.MakerOf(x).FrontEnd || x.Status >= 400 || x.Status == 200 && !probe.LooksLikeHTML(x) {
			return probe.Clear()
		}
		h := handshakeOf(wifi, x)
		if h == nil || len(h.Chain) == 0 || h.NameMatch.OK() || leaf != "" && h.Chain[0] != leaf {
			return probe.Clear()
		}
		leaf = h.Chain[0]
		if !addresses[x.Addr] {
			addresses[x.Addr] = true
			evidence = append(evidence, wifi.SawExchange(x, "%s (%s) answers %d with a page, under a certificate for %s", x.URL, x.Addr, x.Status, wifi.Leaf(h).CommonName))
		}
	}
	// One page at several addresses, or a certificate nobody sees outside, is the network's and not a server's.
	foreign := out.Seen() && !slices.ContainsFunc(out.Handshakes(), func(h *probe.Handshake) bool { return len(h.Chain) > 0 && h.Chain[0] == leaf })
	if len(addresses) == 0 || len(addresses) == 1 && !foreign {
		return probe.Clear()
	}
	return probe.Found(evidence...)
}

// handshakeOf is the handshake of the connection that the exchange went over; nil for HTTP.
func handshakeOf(p *probe.Place, x *probe.Exchange) *probe.Handshake {
	for _, h := range p.Handshakes() {
		if h.ID == x.Handshake {
			return h
		}
	}
	return nil
}
