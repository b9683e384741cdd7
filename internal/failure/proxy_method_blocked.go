package failure

import (
	"fmt"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyMethodBlocked = Mode{
	Rule: probe.Rule{
		ID:       "proxy.method-blocked",
		Severity: probe.High,
		Title:    "the reverse proxy lets only some HTTP methods through",
		Cause:    "a filter allows GET and little else; tickets, presence and messages need POST, PUT and DELETE",
		Remedy:   "Allow all methods for the Lync hosts: GET, POST, PUT, DELETE, OPTIONS, HEAD.",
		Settings: settings(
			pfHAProxy, "Remove ACLs on the method (METH_GET and the like).",
			haproxy, "Remove http-request deny if !METH_GET",
			nginx, "Remove limit_except … { deny all; }",
			apache, "Remove <LimitExcept> and AllowMethods.",
			arr, "Request Filtering > HTTP Verbs: no deny entries; Allow unlisted verbs.",
		),
		Sources: []string{"UCWA: Create an application", "UCWA: Authentication in UCWA"},
		Reads:   probe.Exchanges,
		Detect:  detectProxyMethodBlocked,
	},
	Confused: []probe.ID{"proxy.path-allowlist-missing-webticket"},
	Cases: []Case{
		{Name: "get-only", Edit: func(t *topology.Topology) {
			allowMethods(t, "GET", "HEAD")
		}},
	},
	Near: []Case{
		{Name: "all-that-clients-use", Edit: func(t *topology.Topology) {
			allowMethods(t, "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
		}},
	},
}

func detectProxyMethodBlocked(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	asked := false
	for _, post := range out.Exchanges(probe.PostToken) {
		asked = true
		if probe.MakerOf(post).FrontEnd || post.Status != 0 && post.Status < 400 || post.Status == 429 || post.Status >= 500 && post.Status != 501 {
			continue
		}
		for _, get := range out.ExchangesFor(post.Host, probe.GetWebTicket) {
			if get.Addr == post.Addr && probe.MakerOf(get).FrontEnd {
				what := fmt.Sprintf("HTTP %d from %s", post.Status, probe.MakerOf(post).Name())
				if post.Status == 0 {
					what = "no answer (" + post.Outcome.Words() + ")"
				}
				evidence = append(evidence,
					out.SawExchange(post, "a POST to %s ends in %s", post.URL, what),
					out.SawExchange(get, "a GET of %s is answered by the Front End", get.URL))
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// allowMethods publishes with those methods only, and answers 405 to the others.
func allowMethods(t *topology.Topology, methods ...string) {
	lync := t.Proxy.Rules[0]
	refuse := topology.Rule{Name: "other methods", Hosts: lync.Hosts, Respond: &topology.Response{Status: 405, Body: "method not allowed"}}
	t.Proxy.Rules[0].Methods = methods
	t.Proxy.Rules = append(t.Proxy.Rules, refuse)
}
