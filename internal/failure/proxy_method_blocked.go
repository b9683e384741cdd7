package failure

import (
	"fmt"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyMethodBlocked = Mode{
	Rule: probe.Rule{
		ID:       "proxy.method-blocked",
		Severity: probe.High,
		Title:    "the reverse proxy lets only some HTTP methods through",
		Cause:    "a filter allows GET, perhaps POST, and little else; tickets and messages need POST, presence and push need PUT, and who leaves needs DELETE",
		Remedy:   "Allow all methods for the Lync hosts: GET, POST, PUT, DELETE, OPTIONS, HEAD.",
		Settings: settings(
			pfHAProxy, "Remove ACLs on the method (METH_GET and the like).",
			pfSquid, "Remove http_access deny lines with an acl of type method, or allow PUT, DELETE and OPTIONS there.",
			haproxy, "Remove http-request deny and silent-drop if !METH_GET, and ACLs on method.",
			nginx, "Remove limit_except … { deny all; } and tests of $request_method, with return 405 or return 444.",
			squid, "http_access allow lync-host  # before every http_access deny with an acl … method, or remove these",
			apache, "Remove <LimitExcept> and AllowMethods.",
			caddy, `Remove matchers on method, and "not method" ones that lead to respond 405 or abort.`,
			arr, "Request Filtering > HTTP Verbs: no deny entries; Allow unlisted verbs.",
		),
		Sources: []string{"UCWA: Create an application", "UCWA: Authentication in UCWA"},
		Reads:   probe.Exchanges,
		Detect:  detectProxyMethodBlocked,
	},
	SignsIn:  true,
	Confused: []probe.ID{"proxy.path-allowlist-missing-webticket"},
	Cases: []Case{
		{Name: "get-only", Edit: func(t *topology.Topology) {
			allowMethods(t, "GET", "HEAD")
		}},
	},
	More: []Case{
		{Name: "get-and-post-only", Edit: func(t *topology.Topology) {
			allowMethods(t, "GET", "HEAD", "POST", "OPTIONS")
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
		if methodPasses(out, post) {
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
	told := map[string]bool{}
	dropped := unansweredMethods(out)
	for _, x := range out.Exchanges() {
		if x.Method != "PUT" && x.Method != "DELETE" {
			continue
		}
		asked = true
		if told[x.Method] || !slices.Contains(methodRefusals, x.Status) && !slices.Contains(dropped, x) || reachedFrontEnd(x) || isIISPage(x) || methodPasses(out, x) {
			continue
		}
		if other := otherMethodPasses(out, x); other != nil {
			told[x.Method] = true
			evidence = append(evidence,
				out.SawExchange(x, "%s", refusal(x)),
				out.SawExchange(other, "a %s of %s is answered by the Front End", other.Method, other.URL))
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// methodRefusals are the statuses by which products refuse a method. RFC 9110 sections 15.5.4, 15.5.6 and 15.6.2; a 404
// is what some filters say.
var methodRefusals = []int{403, 404, 405, 501}

// unansweredMethods are the PUTs and DELETEs that got no answer, the connection cut or silent, where no GET of that host fared
// so. One alone may be chance.
func unansweredMethods(p *probe.Place) []*probe.Exchange {
	var out []*probe.Exchange
	for _, x := range p.Exchanges() {
		if (x.Method == "PUT" || x.Method == "DELETE") && unanswered(x) &&
			!slices.ContainsFunc(p.ExchangesFor(x.Host), func(o *probe.Exchange) bool {
				return o.Method == "GET" && o.Purpose != probe.SignInEvents && unanswered(o)
			}) {
			out = append(out, x)
		}
	}
	if len(out) < 2 {
		return nil
	}
	return out
}

// unanswered tells whether a request came to no answer: the connection was cut, or nothing more was heard.
func unanswered(x *probe.Exchange) bool {
	return cutOff(x) || x.Status == 0 && x.Outcome.Code == probe.Timeout
}

// methodPasses tells whether another request with the same method reached a Front End at the same address.
func methodPasses(p *probe.Place, x *probe.Exchange) bool {
	return slices.ContainsFunc(p.ExchangesFor(x.Host), func(o *probe.Exchange) bool {
		return o.Method == x.Method && o.Addr == x.Addr && o.Status != 0 && reachedFrontEnd(o)
	})
}

// otherMethodPasses is a request with another method for the same resource, or one below it, that a Front End served; nil
// when there is none.
func otherMethodPasses(p *probe.Place, x *probe.Exchange) *probe.Exchange {
	path, _, _ := strings.Cut(x.URL, "?")
	for _, o := range p.ExchangesFor(x.Host) {
		if o.Method != x.Method && o.Addr == x.Addr && o.Status >= 200 && o.Status < 300 && strings.HasPrefix(o.URL, path) && reachedFrontEnd(o) {
			return o
		}
	}
	return nil
}

// allowMethods publishes with those methods only, and answers 405 to the others.
func allowMethods(t *topology.Topology, methods ...string) {
	lync := t.Proxy.Rules[0]
	refuse := topology.Rule{Name: "other methods", Hosts: lync.Hosts, Respond: &topology.Response{Status: 405, Body: "method not allowed"}}
	t.Proxy.Rules[0].Methods = methods
	t.Proxy.Rules = append(t.Proxy.Rules, refuse)
}
