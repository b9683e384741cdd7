package failure

import (
	"cmp"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendHttp8080RequiresSsl = Mode{
	Rule: probe.Rule{
		ID:       "frontend.http8080-requires-ssl",
		Severity: probe.Low,
		Title:    "discovery over HTTP is refused by the Front Ends, which demand SSL for it",
		Cause:    "\"Require SSL\" is set in IIS on the external web site or its Autodiscover directory, so clients that start with HTTP get 403",
		Remedy:   "In IIS Manager clear \"Require SSL\" for Autodiscover on the external web site of every Front End. If discovery is meant to be HTTPS only, do not publish port 80.",
		Sources:  []string{"[MS-OCDISCWS] 3.1.5.2 Root", "Autodiscover service requirements for Lync Server 2013"},
		Reads:    probe.Exchanges,
		Detect:   detectFrontendHttp8080RequiresSsl,
		Explains: []probe.ID{"proxy.http80-closed"},
	},
	Confused: []probe.ID{"proxy.http80-redirects-to-https", "proxy.http80-closed"},
	Cases: []Case{
		{Name: "whole-site", Edit: func(t *topology.Topology) { t.FrontEndPool().External.RequireSSL = true }},
	},
	Near: []Case{
		{Name: "people-sent-to-https", Edit: func(t *topology.Topology) {
			t.Proxy.Rules = append([]topology.Rule{{
				Name: "people to https", Hosts: []string{"meet.contoso.example", "meet.fabrikam.example", "dialin.contoso.example"}, Listener: "http",
				Respond: &topology.Response{Status: 301, Header: map[string]string{"Location": "https://{host}{uri}"}},
			}}, t.Proxy.Rules...)
		}},
	},
}

func detectFrontendHttp8080RequiresSsl(v *probe.View) probe.Verdict {
	out, at := v.At(probe.External), v.At(probe.Proxy)
	var evidence []probe.Evidence
	asked := out.Exchanges(probe.GetRootHTTP)
	for _, x := range asked {
		if x.Status != 403 || !strings.HasPrefix(x.Host, publicLabel) {
			continue
		}
		made := probe.MakerOf(x)
		if made.FrontEnd || made.Product == "IIS" || strings.Contains(x.Body, "SSL is required") || strings.Contains(x.Body, "403.4") {
			evidence = append(evidence, out.SawExchange(x, "%s answers 403, and the answer is the Front End's own (%s)", x.URL, cmp.Or(made.Marks, "the page of IIS")))
		}
	}
	straight := at.Exchanges(probe.GetRootHTTP)
	if slices.ContainsFunc(straight, func(x *probe.Exchange) bool { return x.Outcome.OK() && x.Status == 200 }) {
		return probe.Clear() // the Front Ends do answer: the refusal comes from elsewhere
	}
	for _, x := range straight {
		if x.Status == 403 && fromFrontEnd(x) {
			evidence = append(evidence, at.SawExchange(x, "port %s answers 403 when asked straight, without the proxy", portIn(x.Addr)))
		}
	}
	if len(asked) == 0 && len(straight) == 0 {
		return nothingToJudge
	}
	return verdict(evidence)
}

func portIn(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }
