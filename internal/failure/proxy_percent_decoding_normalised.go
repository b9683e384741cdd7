package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyPercentDecodingNormalised = Mode{
	Rule: probe.Rule{
		ID:       "proxy.percent-decoding-normalised",
		Severity: probe.High,
		Title:    "the reverse proxy refuses or changes URLs with encoded characters",
		Cause:    "it decodes URLs to verify them; those of presentations hold an encoded URL that holds encoded characters itself, so participants outside wait for slides that never come",
		Remedy:   "Pass path and query on as they came, without decoding, verifying or encoding them again.",
		Settings: settings(
			pfSquid, "No url_rewrite_program, and no uri_whitespace or urlpath_regex rules that refuse %25, in custom options.",
			pfHAProxy, "Remove http-request normalize-uri and deny rules on % in the path or query.",
			haproxy, "Remove http-request normalize-uri … and deny rules on %25.",
			nginx, "proxy_pass https://10.10.10.20:443;  # without a URI part: nginx then sends the URL as it came",
			squid, "Remove http_access deny lines with url_regex and urlpath_regex on %: they see a URL that was decoded once.",
			apache, "AllowEncodedSlashes NoDecode and ProxyPass / https://10.10.10.20/ nocanon; no RewriteCond %{THE_REQUEST} on %",
			caddy, "Remove rewrite and uri for these hosts, and matchers that refuse % in {uri}: reverse_proxy passes the path as it came.",
			arr, "Request Filtering > Edit Feature Settings: tick Allow double escaping.",
		),
		Sources: []string{"TMG and Office Web Apps: Verify Normalization (field report)", "[MS-WOPI] section 2.1", "RFC 3986 section 2.4"},
		Reads:   probe.Exchanges | probe.Expectations,
		Detect:  detectProxyPercentDecodingNormalised,
	},
	Confused: []probe.ID{"meeting.wac-unpublished", "proxy.url-length-limit"},
	Cases: []Case{
		{Name: "verify-normalization", Edit: func(t *topology.Topology) {
			t.Proxy.Rule(t.App(topology.OfficeWebApps).FQDN).VerifyNormalization = true
		}},
	},
	Near: []Case{
		{Name: "verified-for-lync-only", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].VerifyNormalization = true }},
	},
}

func detectProxyPercentDecodingNormalised(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	asked := false
	for _, host := range v.Expected().OfficeWebApps {
		discovery := officeDiscovery(out, host)
		if !isOfficeDiscovery(discovery) {
			continue // all of it is missing: another mode
		}
		for _, x := range out.ExchangesFor(host, probe.GetOfficeWebApps) {
			if !strings.HasSuffix(x.URL, "%252D2") || x.Addr != discovery.Addr {
				continue
			}
			asked = true
			if refusedOnTheWay(x, discovery) {
				evidence = append(evidence,
					out.SawExchange(x, "%s", refusal(x)),
					out.SawExchange(discovery, "%s, without encoded characters, is answered by Office Web Apps", discovery.URL))
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// refusedOnTheWay tells whether the answer, 4xx or 5xx or none, did not come from the server that gave the other.
func refusedOnTheWay(x, other *probe.Exchange) bool {
	if cutOff(x) {
		return true
	}
	return x.Status >= 400 && officeMade(other) && !officeMade(x)
}

// officeMade knows the answers of Office Web Apps by their marks, or else by the product that serves them.
func officeMade(x *probe.Exchange) bool {
	for name := range x.Header {
		if strings.HasPrefix(name, "X-Office") {
			return true
		}
	}
	return false
}
