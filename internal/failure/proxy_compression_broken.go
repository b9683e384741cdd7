package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyCompressionBroken = Mode{
	Rule: probe.Rule{
		ID:       "proxy.compression-broken",
		Severity: probe.Medium,
		Title:    "answers that come compressed cannot be unpacked",
		Cause:    "the reverse proxy rewrites compressed bodies as if they were plain, compresses twice, or says that a plain body is compressed; clients that accept compression read garbage",
		Remedy:   "Switch off compression and body rewriting for the Lync hosts; the Front End compresses by itself what is worth it.",
		Settings: settings(
			pfHAProxy, "Remove compression algo lines and filters that rewrite bodies.",
			haproxy, "Remove compression algo … and filter compression for these backends.",
			nginx, `gzip off; no add_header Content-Encoding …; and with sub_filter, if it must be: proxy_set_header Accept-Encoding "";`,
			apache, "Remove AddOutputFilterByType DEFLATE and SUBSTITUTE, or RequestHeader unset Accept-Encoding with the latter.",
			caddy, "Remove encode and replace for these hosts, and header_down lines for Content-Encoding; in transport http: compression off",
			arr, "Outbound rules: remove them, or set HTTP_ACCEPT_ENCODING to empty; Compression: untick dynamic compression on the proxy's site.",
		),
		Sources: []string{"RFC 9110 section 8.4", "nginx: ngx_http_sub_module"},
		Reads:   probe.Exchanges,
		Detect:  detectProxyCompressionBroken,
	},
	Cases: []Case{
		{Name: "plain-body-said-to-be-gzip", Edit: func(t *topology.Topology) {
			wronglyLabelled(t, t.ExternalWeb(), "gzip")
		}},
	},
	Near: []Case{
		{Name: "on-a-host-nobody-asks", Edit: func(t *topology.Topology) { wronglyLabelled(t, "static."+t.SIPDomains[0], "gzip") }},
	},
	MoreNear: []Case{
		{Name: "said-to-be-as-it-is", Edit: func(t *topology.Topology) { wronglyLabelled(t, t.ExternalWeb(), "identity") }},
	},
}

func detectProxyCompressionBroken(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	asked := false
	var evidence []probe.Evidence
	for _, x := range l.Exchanges(probe.GetGzip) {
		for _, plain := range l.answers(x.Host, probe.GetService) {
			if plain.Addr != x.Addr || plain.Document == nil {
				continue
			}
			asked = true
			if x.Outcome.Code == probe.HTTPMalformed && x.Status == 200 {
				evidence = append(evidence,
					l.SawExchange(x, "%s, asked for with Accept-Encoding: gzip, cannot be unpacked: %s", x.URL, x.Outcome.Text),
					l.SawExchange(plain, "%s, asked for without that, is a discovery document", plain.URL))
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// wronglyLabelled has the proxy name an encoding for every answer to clients that accept gzip.
func wronglyLabelled(t *topology.Topology, host, encoding string) {
	p := &t.Proxy
	r := p.Rules[0]
	r.Name, r.Hosts = "compressed", []string{host}
	r.MatchHeaders = map[string]string{"Accept-Encoding": "*gzip*"}
	r.SetResponseHeaders = map[string]string{"Content-Encoding": encoding}
	p.Rules = append([]topology.Rule{r}, p.Rules...)
}
