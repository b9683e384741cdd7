package failure

import (
	"strconv"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyCachesDiscovery = Mode{
	Rule: probe.Rule{
		ID:       "proxy.caches-discovery",
		Severity: probe.High,
		Title:    "the reverse proxy serves discovery answers from its cache",
		Cause:    "it ignores that the Front End forbids caching; clients get answers made for somebody else, or of yesterday",
		Remedy:   "Never cache these hosts.",
		Settings: neverCache(),
		Sources:  []string{"RFC 9111 section 5.2", "UCWA: Create an application"},
		Reads:    probe.Exchanges,
		Detect:   detectProxyCachesDiscovery,
		Explains: []probe.ID{"proxy.host-header-rewritten", "proxy.default-vhost-answers", "proxy.authorization-stripped", "meeting.join-launcher-user-agent"},
	},
	Confused: []probe.ID{"proxy.host-header-rewritten"},
	Cases: []Case{
		{Name: "hit", Edit: func(t *topology.Topology) {
			cachedAnswer(t, t.Discovery(0))
		}},
	},
	Near: []Case{
		{Name: "unpublished-host-cached", Edit: func(t *topology.Topology) {
			cachedAnswer(t, "static."+t.SIPDomains[0])
		}},
	},
}

func detectProxyCachesDiscovery(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	first := map[string]*probe.Exchange{} // by the identifier that the Front End gives each answer of its own
	for _, x := range out.Exchanges() {
		if x.Document == nil || !probe.MakerOf(x).FrontEnd {
			continue
		}
		if age, err := strconv.Atoi(x.Header.Get("Age")); err == nil && age > 0 {
			return probe.Found(out.SawExchange(x, "the answer of %s is %s old (Age header)", x.URL, probe.Count(age, "second", "seconds")))
		}
		for _, name := range []string{"X-Cache", "X-Cache-Status", "X-Proxy-Cache"} {
			if value := x.Header.Get(name); strings.HasPrefix(strings.ToUpper(value), "HIT") {
				return probe.Found(out.SawExchange(x, "the answer of %s came from a cache (%s: %s)", x.URL, name, value))
			}
		}
		id := x.Header.Get("Client-Request-Id")
		if id == "" {
			continue
		}
		if other := first[id]; other != nil {
			return probe.Found(
				out.SawExchange(other, "%s is answered with the identifier %s", other.URL, id),
				out.SawExchange(x, "%s, another request, gets the same one: the answer was kept", x.URL))
		}
		first[id] = x
	}
	return probe.Clear()
}

// cachedAnswer lets the proxy answer the root of a host with what it kept of an earlier answer.
func cachedAnswer(t *topology.Topology, host string) {
	service := "https://" + t.ExternalWeb() + "/Autodiscover/AutodiscoverService.svc/root"
	kept := topology.Rule{Name: "kept", Hosts: []string{host}, Listener: "https", Respond: &topology.Response{
		Status: 200,
		Header: map[string]string{"Content-Type": "application/vnd.microsoft.rtc.autodiscover+xml; v=1", "Age": "1800",
			"X-MS-Server-Fqdn": t.FrontEndPool().Nodes[0].FQDN, "client-request-id": "5f0c1d7e-2b44-4c1a-9e0f-0123456789ac"},
		Body: `<AutodiscoverResponse AccessLocation="External"><Root><Link token="Domain" href="` + service + `/domain"/><Link token="User" href="` + service + `/user"/></Root></AutodiscoverResponse>`,
	}}
	t.Proxy.Rules = append([]topology.Rule{kept}, t.Proxy.Rules...)
}

// neverCache is how to keep discovery out of caches.
func neverCache() []probe.Setting {
	return settings(
		pfSquid, "The package marks its peers proxy-only; remove refresh_pattern lines with ignore-no-cache or override-expire.",
		pfHAProxy, "Remove http-request cache-use and http-response cache-store.",
		haproxy, "Remove http-request cache-use and http-response cache-store.",
		nginx, "Remove proxy_cache and proxy_ignore_headers for these hosts.",
		squid, "send_hit deny all  # and store_miss deny all",
		apache, "CacheDisable /",
		caddy, "Remove the cache directive (cache-handler and the like) and header lines that set Cache-Control for these hosts.",
		arr, "Server farm > Caching: untick Enable disk cache, memory cache duration 0.",
	)
}
