package failure

import (
	"net/netip"
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyServiceNotEnabled = Mode{
	Rule: probe.Rule{
		ID:       "proxy.service-not-enabled",
		Severity: probe.Critical,
		Title:    "connections to port 443 of the published address are refused",
		Cause:    "the reverse proxy is configured but not running, or could not bind the low port; more rarely, a firewall on the way refuses",
		Remedy:   "Enable and start the reverse proxy, and let it listen on ports 443 and 80 of the published address.",
		Settings: settings(
			pfSquid, "Tick Enable Squid Proxy on the General page of the package too, set System > Advanced > System Tunables: net.inet.ip.portrange.reservedhigh = 0, and restart the service.",
			pfHAProxy, "Settings > Enable HAProxy; the frontend's External address with port 443; Apply.",
			haproxy, "bind 203.0.113.10:443 ssl crt …; systemctl enable --now haproxy",
			nginx, "listen 443 ssl;  systemctl enable --now nginx",
			apache, "Listen 443; a2enmod ssl; systemctl enable --now apache2",
			caddy, "https://:443 { … } with bind 203.0.113.10 in it, or without bind; systemctl enable --now caddy",
			arr, "IIS Manager > Default Web Site > Bindings: https on 443; start the site.",
		),
		Sources:  []string{"pfSense squid package: reverse proxy generator and GUI definitions"},
		Reads:    probe.Lookups | probe.Dials | probe.Exchanges | probe.Expectations,
		Detect:   detectProxyServiceNotEnabled,
		Explains: append([]probe.ID{"meeting.wac-unpublished"}, whatFollowsOnSimpleURLs...),
	},
	Confused: []probe.ID{"network.wan-rule-missing", "dns.multiple-a-one-dead", "proxy.unmapped-tcp-reset"},
	Cases: []Case{
		{Name: "no-https-listener", Edit: func(t *topology.Topology) { t.Proxy.HTTPS = 0 }},
	},
	More: []Case{
		{Name: "high-ports-only", Edit: func(t *topology.Topology) { t.Proxy.HTTPS, t.Proxy.HTTP = 8443, 8081 }},
	},
	Near: []Case{{Name: "closed-on-another-machine", Edit: func(t *topology.Topology) {
		t.Paths = append(t.Paths, topology.Path{From: probe.External, To: topology.WebsitePublic.String(), Action: topology.Refuse})
		t.External.Address(topology.WebsitePublic, "www."+t.SIPDomains[0])
	}}},
}

func detectProxyServiceNotEnabled(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var tried, refused []*probe.Dial
	for _, host := range publishedHosts(v) {
		if slices.Contains(v.Expected().OfficeWebApps, host) {
			continue
		}
		if frontEndAnswers(out, host) && slices.ContainsFunc(out.ExchangesFor(host), func(x *probe.Exchange) bool { return overTLS(x) && fromFrontEnd(x) }) {
			return probe.Clear()
		}
		for _, a := range out.Resolve(host).Addrs {
			d := out.Dial(netip.AddrPortFrom(a, 443).String())
			if d == nil || slices.Contains(tried, d) {
				continue
			}
			tried = append(tried, d)
			if d.Outcome.Code == probe.Refused {
				refused = append(refused, d)
			}
		}
	}
	if len(tried) == 0 {
		return nothingToJudge
	}
	var evidence []probe.Evidence
	for _, d := range refused {
		if len(refused) < len(tried) {
			return probe.Clear() // another machine
		}
		evidence = append(evidence, out.SawDial(d, "%s refuses the connection: packets arrive, and nothing takes them", d.Addr))
		evidence = append(evidence, opensElsewhere(v, d.Addr)...)
		if plain := out.Dial(netip.AddrPortFrom(netip.MustParseAddrPort(d.Addr).Addr(), 80).String()); plain != nil {
			evidence = append(evidence, out.SawDial(plain, "%s: %s", plain.Addr, dialWords(plain)))
		}
	}
	return verdict(evidence)
}

// dialWords says how a connection attempt ended.
func dialWords(d *probe.Dial) string {
	if d.Outcome.OK() {
		return "takes connections"
	}
	return "gives no connection (" + d.Outcome.Words() + ")"
}
