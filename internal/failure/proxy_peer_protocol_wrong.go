package failure

import (
	"net"
	"net/netip"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyPeerProtocolWrong = Mode{
	Rule: probe.Rule{
		ID:       "proxy.peer-protocol-wrong",
		Severity: probe.Critical,
		Title:    "the reverse proxy speaks the wrong protocol to the web server",
		Cause:    "a web server on the HTTPS port is entered as HTTP, or one on the plain port as HTTPS",
		Remedy:   "Set the web server of port 4443 to HTTPS and that of port 8080 to HTTP.",
		Settings: flipPorts(),
		Sources:  []string{"pfSense squid package: reverse proxy generator and GUI definitions", "Scenarios for reverse proxy in Lync Server 2013"},
		Reads:    probe.Lookups | probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectProxyPeerProtocolWrong,
		Explains: []probe.ID{"proxy.upstream-down-502", "meeting.simple-url-not-published", "meeting.dialin-not-published", "meeting.per-domain-meet-missing", "proxy.unmapped-tcp-reset"},
	},
	Confused: []probe.ID{"proxy.upstream-down-502", "tls.backend-untrusted", "tls.backend-name-mismatch"},
	Cases: []Case{
		{Name: "4443-as-http", Edit: func(t *topology.Topology) {
			splitByListener(t)
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Scheme, w.Verify, w.Name = "http", "", ""
			}
		}},
	},
	More: []Case{
		{Name: "8080-as-https", Edit: func(t *topology.Topology) {
			splitByListener(t)
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Port = 8080
			}
		}},
		{Name: "port-80-to-4443", Edit: func(t *topology.Topology) {
			splitByListener(t)
			for _, w := range t.Proxy.FrontEndServers("http") {
				w.Port = 4443
			}
		}},
	},
	Near: []Case{{Name: "unusual-ports-right-protocols", Edit: func(t *topology.Topology) {
		s := &t.FrontEndPool().External
		s.HTTPS, s.HTTP = 8443, 8081
		for _, w := range t.Proxy.FrontEndServers("https") {
			w.Port = 8443
		}
		for _, w := range t.Proxy.FrontEndServers("http") {
			w.Port = 8081
		}
	}}},
}

func detectProxyPeerProtocolWrong(v *probe.View) probe.Verdict {
	p := v.At(probe.Proxy)
	if !p.Seen() {
		return notSeenAtProxy
	}
	encrypted := map[string]bool{} // by ip:port
	for _, h := range p.Handshakes() {
		if h.Outcome.OK() {
			encrypted[h.Addr] = true
		}
	}
	var evidence []probe.Evidence
	for _, w := range v.Expected().WebServers {
		if w.Application == topology.OfficeWebApps {
			continue // its publishing is a mode of meetings
		}
		for _, addr := range reachedAt(p, w.Address) {
			if w.Scheme == "https" {
				for _, h := range p.Handshakes(probe.HandshakeName) {
					if h.Addr == addr && h.Outcome.Code == probe.TLSNotTLS {
						evidence = append(evidence, p.SawHandshake(h, "%s is entered as HTTPS, but does not speak TLS: it answers plain HTTP", addr))
						break
					}
				}
				continue
			}
			for _, x := range p.Exchanges(probe.GetRootHTTP) {
				if x.Addr != addr || fromFrontEnd(x) || !cutOff(x) && x.Outcome.Code != probe.HTTPMalformed && (x.Status != 400 || fromKernel(x)) {
					continue
				}
				e := p.SawExchange(x, "%s is entered as HTTP, but a plain request gets no answer there", addr)
				if encrypted[addr] {
					e = p.SawExchange(x, "%s is entered as HTTP, but speaks TLS: a plain request gets no answer there, a handshake does", addr)
				}
				evidence = append(evidence, e)
				break
			}
		}
	}
	return verdict(evidence)
}

// reachedAt are the ip:port forms of a web server's address, as the place resolves it.
func reachedAt(p *probe.Place, address string) []string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return []string{address}
	}
	var out []string
	for _, a := range p.Resolve(host).Addrs {
		out = append(out, net.JoinHostPort(a.String(), port))
	}
	return out
}
