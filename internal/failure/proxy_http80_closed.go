package failure

import (
	"net/netip"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyHTTP80Closed = Mode{
	Rule: probe.Rule{
		ID:       "proxy.http80-closed",
		Severity: probe.Low,
		Title:    "port 80 of the discovery name is closed outside",
		Cause:    "the reverse proxy does not listen on port 80, or something on the way lets only 443 through; clients that discover over HTTP, because the certificate lacks the name or they are old, find nothing",
		Remedy:   "Publish port 80 for the discovery names and forward it to 8080; or leave it closed, when every discovery name is in the certificate.",
		Settings: settings(
			pfSquid, "Services > Squid Reverse Proxy > General: Enable HTTP Reverse Proxy with port 80. Web Servers: a peer with port 8080, HTTP; Mappings: the ^http:// patterns to it.",
			pfHAProxy, "A frontend with port 80 and a backend with server port 8080, both without SSL.",
			haproxy, "frontend lync-http: bind :80, use_backend lync-http; backend lync-http: server fe1 10.10.10.11:8080",
			nginx, "server { listen 80; server_name lyncdiscover.contoso.example; location / { proxy_pass http://10.10.10.11:8080; proxy_set_header Host $host; } }",
			squid, "http_port 80 accel vhost name=http1  # with acl on-http myportname http1, http_access allow on-http lync-host, and the cache_peer on 8080",
			apache, "Listen 80, and <VirtualHost *:80> with ProxyPreserveHost On and ProxyPass / http://10.10.10.11:8080/",
			caddy, "http://lyncdiscover.contoso.example { reverse_proxy http://10.10.10.11:8080 }",
			arr, "IIS Manager > Default Web Site > Bindings: port 80 of the type http; the server farm's httpPort 8080.",
		),
		Sources: []string{"Port and protocol details for the Lync 2013 reverse proxy", "Autodiscover service requirements for Lync Server 2013"},
		Reads:   probe.Dials | probe.Exchanges | probe.Lookups,
		Detect:  detectProxyHTTP80Closed,
	},
	Confused: []probe.ID{"proxy.http80-redirects-to-https"},
	Cases: []Case{
		{Name: "no-listener", Edit: func(t *topology.Topology) {
			t.Proxy.HTTP = 0
			t.Proxy.Rules[0].Listener = "https"
			t.Proxy.Rules[0].WebServers = []string{topology.FE1HTTPS, topology.FE2HTTPS}
		}},
	},
	More: []Case{
		{Name: "filtered-on-the-way", Edit: func(t *topology.Topology) {
			t.Paths = append(t.Paths, topology.Path{From: probe.External, To: topology.ProxyPublic.String(), Port: 80, Action: topology.Drop})
		}},
		{Name: "other-port", Edit: func(t *topology.Topology) { t.Proxy.HTTP = 8080 }},
	},
	Near: []Case{{Name: "closed-where-nothing-is-published", Edit: func(t *topology.Topology) {
		t.Paths = append(t.Paths, topology.Path{From: probe.External, To: topology.EdgePublic.String(), Port: 80, Action: topology.Refuse})
	}}},
}

func detectProxyHTTP80Closed(v *probe.View) probe.Verdict {
	return besideDiscovery(v, func(out *probe.Place, host string, plain *probe.Dial) []probe.Evidence {
		if plain.Outcome.OK() {
			return nil
		}
		seen := out.SawDial(plain, "%s answers discovery on port 443, but port 80 gives no connection (%s)", host, plain.Outcome.Words())
		return append([]probe.Evidence{seen}, opensElsewhere(v, plain.Addr)...)
	})
}

// besideDiscovery judges port 80 of the addresses at which a discovery name answers on port 443.
func besideDiscovery(v *probe.View, judge func(out *probe.Place, host string, plain *probe.Dial) []probe.Evidence) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	asked := false
	var evidence []probe.Evidence
	for _, host := range discoveryNames(v) {
		if !answersDiscovery(out, host) {
			continue
		}
		for _, a := range out.Resolve(host).Addrs {
			plain := out.Dial(netip.AddrPortFrom(a, 80).String())
			if d := out.Dial(netip.AddrPortFrom(a, 443).String()); d == nil || !d.Outcome.OK() || plain == nil {
				continue
			}
			asked = true
			evidence = append(evidence, judge(out, host, plain)...)
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// opensElsewhere is evidence that an address that is closed outside takes connections at another place: then it is
// listened at, and the way from outside is at fault.
func opensElsewhere(v *probe.View, addr string) []probe.Evidence {
	for _, p := range v.Places() {
		if d := p.Dial(addr); p.Name() != probe.External && d != nil && d.Outcome.OK() {
			return []probe.Evidence{p.SawDial(d, "%s does take connections here, so something on the way from outside holds them back", addr)}
		}
	}
	return nil
}
