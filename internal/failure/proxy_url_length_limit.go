package failure

import (
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyURLLengthLimit = Mode{
	Rule: probe.Rule{
		ID:       "proxy.url-length-limit",
		Severity: probe.Medium,
		Title:    "the reverse proxy refuses long URLs",
		Cause:    "a limit of URLs or queries below 2 KB; access tokens of presentations and some searches make URLs longer than that",
		Remedy:   "Lift the limit of URLs and queries to 8 KB or more for the Lync and Office Web Apps hosts.",
		Settings: requestSizes(),
		Sources:  []string{"RFC 9110 sections 4.1 and 15.5.15", "IIS: requestLimits (maxUrl 4096, maxQueryString 2048)"},
		Reads:    probe.Exchanges | probe.Expectations,
		Detect:   detectProxyURLLengthLimit,
	},
	Confused: []probe.ID{"proxy.percent-decoding-normalised"},
	Cases: []Case{
		{Name: "one-kilobyte", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].MaxURL = 1024 }},
	},
	More: []Case{
		{Name: "for-office-web-apps", Edit: func(t *topology.Topology) {
			t.Proxy.Rule(t.App(topology.OfficeWebApps).FQDN).MaxURL = 1024
		}},
	},
	Near: []Case{
		{Name: "four-kilobytes", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].MaxURL = 4096 }},
	},
}

func detectProxyURLLengthLimit(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	asked := false
	judge := func(x, short *probe.Exchange, refused bool) {
		asked = true
		if refused && (cutOff(x) || slices.Contains([]int{400, 403, 404, 414}, x.Status)) {
			evidence = append(evidence, l.SawExchange(x, "%s", refusal(x)),
				l.SawExchange(short, "%s is answered %d", short.URL, short.Status))
		}
	}
	for _, x := range l.Exchanges(probe.GetLongURL) {
		for _, short := range l.answers(x.Host, probe.GetServiceQuery) {
			if short.Addr == x.Addr && fromFrontEnd(short) {
				judge(x, short, stopped(x) && !isIISPage(x))
			}
		}
	}
	for _, host := range v.Expected().OfficeWebApps {
		short := officeDiscovery(l.Place, host)
		for _, x := range l.ExchangesFor(host, probe.GetOfficeWebApps) {
			if strings.Contains(x.URL, "access_token=") && isOfficeDiscovery(short) && short.Addr == x.Addr && !escapesRefused(l.Place, host, short) {
				judge(x, short, refusedOnTheWay(x, short))
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// escapesRefused tells whether the same URL without the long part is refused already.
func escapesRefused(p *probe.Place, host string, short *probe.Exchange) bool {
	return slices.ContainsFunc(p.ExchangesFor(host, probe.GetOfficeWebApps), func(x *probe.Exchange) bool {
		return strings.HasSuffix(x.URL, "%252D2") && refusedOnTheWay(x, short)
	})
}
