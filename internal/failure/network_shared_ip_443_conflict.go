package failure

import (
	"net/netip"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var networkSharedIP443Conflict = Mode{
	Rule: probe.Rule{
		ID:       "network.shared-ip-443-conflict",
		Severity: probe.Critical,
		Title:    "the Access Edge has taken port 443 of the only public address",
		Cause:    "the Access Edge and the reverse proxy both need port 443, and all names lead to one address: only one of them can have it",
		Remedy:   "Give the reverse proxy a public address of its own and set the records of the web names to it; or split connections on port 443 by the server name (SNI) before either of them ends TLS.",
		Settings: settings(
			pfHAProxy, "Frontend of type ssl/https(TCP mode) on port 443: ACL Server Name Indication TLS extension matches sip.contoso.example: backend of the Access Edge; default backend: the reverse proxy on another port.",
			haproxy, "frontend in-443 mode tcp: tcp-request inspect-delay 5s; tcp-request content accept if { req_ssl_hello_type 1 }; use_backend edge if { req_ssl_sni -i sip.contoso.example }; default_backend proxy",
			nginx, "stream { map $ssl_preread_server_name $to { sip.contoso.example edge; default proxy; } server { listen 443; ssl_preread on; proxy_pass $to; } }",
		),
		Sources: []string{"Edge Server environmental requirements", "Port and protocol details for the Lync 2013 reverse proxy"},
		Reads:   probe.Lookups | probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:  detectNetworkSharedIP443Conflict,
		Explains: []probe.ID{
			"dns.lyncdiscover-points-to-access-edge", "tls.missing-san-lyncdiscover", "tls.missing-san-external-web", "tls.missing-san-simple-url",
			"tls.san-missing-second-sip-domain", "meeting.simple-url-not-published", "meeting.dialin-not-published", "meeting.per-domain-meet-missing",
			"meeting.wac-unpublished", "meeting.wac-wrong-port-or-offload", "proxy.unmapped-tcp-reset", "proxy.http80-closed",
		},
	},
	Confused: []probe.ID{"dns.lyncdiscover-points-to-access-edge", "tls.missing-san-lyncdiscover"},
	Cases: []Case{
		{Name: "access-edge-has-it", Edit: func(t *topology.Topology) {
			for _, view := range []*topology.View{&t.External, &t.Internal} {
				view.Address(topology.ProxyPublic, "sip.contoso.example", "sip.fabrikam.example")
			}
			t.Paths = append(t.Paths, topology.Path{From: probe.External, To: topology.ProxyPublic.String(), Port: 443, Action: topology.Translate,
				Target: netip.AddrPortFrom(topology.EdgePublic, 443).String()})
		}},
	},
	Near: []Case{
		{Name: "edge-on-another-port", Edit: func(t *topology.Topology) {
			for _, view := range []*topology.View{&t.External, &t.Internal} {
				view.Address(topology.ProxyPublic, "sip.contoso.example", "sip.fabrikam.example")
				for i, d := range t.SIPDomains {
					view.Remove("_sip._tls." + d)
					view.Add("_sip._tls."+d, "SRV", "0 0 5061 sip."+t.SIPDomains[i])
				}
			}
			t.Paths = append(t.Paths, topology.Path{To: topology.ProxyPublic.String(), Port: 5061, Action: topology.Translate,
				Target: netip.AddrPortFrom(topology.EdgePublic, 443).String()})
		}},
	},
}

func detectNetworkSharedIP443Conflict(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	// All names must have the one address of the Access Edge: a single record there is a mistake in the DNS.
	var shared *probe.Resolution
	several := false
	for _, host := range publishedHosts(v) {
		r := out.Resolve(host)
		if !r.Exists() {
			continue
		}
		if len(r.Addrs) != 1 || shared != nil && !commonAddress(shared, r) {
			return probe.Clear()
		}
		if shared == nil {
			shared = r
		}
		several = several || !strings.HasPrefix(host, publicLabel)
	}
	if !several {
		return nothingToJudge
	}
	edge := ""
	for _, d := range v.Domains() {
		for _, name := range edgeNames(out, d) {
			if edge == "" && commonAddress(shared, out.Resolve(name)) {
				edge = name
			}
		}
	}
	if edge == "" {
		return probe.Clear()
	}
	addr := netip.AddrPortFrom(shared.Addrs[0], 443).String()
	var taken *probe.Handshake
	for _, h := range listenerHandshakes(v) {
		leaf := out.Leaf(h)
		if h.Addr != addr || leaf == nil || h.NameMatch.OK() || !holdsFold(leaf.Names, edge) {
			continue
		}
		taken = h
	}
	for _, x := range out.Exchanges() {
		if x.Addr == addr && x.Status != 0 {
			return probe.Clear() // whatever it is, it speaks HTTP
		}
	}
	if taken == nil {
		return probe.Clear()
	}
	return probe.Found(
		out.SawLookup(shared, "all published names and %s have the one address %s", edge, shared.Addrs[0]),
		out.SawHandshake(taken, "what answers there on port 443 is the Access Edge: its certificate is for %s, and no HTTP request gets an answer", strings.Join(out.Leaf(taken).Names, ", ")))
}
