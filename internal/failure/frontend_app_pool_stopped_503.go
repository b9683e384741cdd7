package failure

import (
	"net/url"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendAppPoolStopped503 = Mode{
	Rule: probe.Rule{
		ID:       "frontend.app-pool-stopped-503",
		Severity: probe.High,
		Title:    "an application pool of the Front Ends is stopped",
		Cause:    "IIS stopped the pool after repeated crashes (rapid-fail protection), or somebody did: Windows itself answers 503 for everything in it",
		Remedy:   "In IIS Manager on every Front End start the pool of the directory named below, and read the System event log (WAS 5002, 5059) for the reason it stopped.",
		Sources:  []string{"UCWA mobility web service does not accept connections", "Reverse Proxy and Lync/S4B server"},
		Reads:    probe.Lookups | probe.Dials | probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectFrontendAppPoolStopped503,
		Explains: []probe.ID{
			"proxy.upstream-down-502", "proxy.path-allowlist-missing-autodiscover",
			"proxy.path-allowlist-missing-webticket", "proxy.path-allowlist-missing-ucwa", "proxy.path-allowlist-missing-content-services",
			"proxy.case-sensitive-path",
		},
	},
	Confused: []probe.ID{"frontend.one-node-down", "proxy.upstream-down-502", "proxy.path-allowlist-missing-ucwa"},
	Cases: []Case{
		{Name: "ucwa", Edit: func(t *topology.Topology) { t.FrontEndPool().External.StoppedAppPools = []string{"ucwa"} }},
	},
	More: []Case{
		{Name: "discovery", Edit: func(t *topology.Topology) { t.FrontEndPool().External.StoppedAppPools = []string{"autodiscover"} }},
		{Name: "meeting-pages", Edit: func(t *topology.Topology) { t.FrontEndPool().External.StoppedAppPools = []string{"meet"} }},
		{Name: "all", Edit: func(t *topology.Topology) { t.FrontEndPool().External.StoppedAppPools = []string{"*"} }},
		{Name: "tickets", Edit: func(t *topology.Topology) { t.FrontEndPool().External.StoppedAppPools = []string{"webticket"} }},
	},
	Near: []Case{
		{Name: "one-that-nobody-asks", Edit: func(t *topology.Topology) { t.FrontEndPool().External.StoppedAppPools = []string{"rgsclients"} }},
	},
}

func detectFrontendAppPoolStopped503(v *probe.View) probe.Verdict {
	var evidence []probe.Evidence
	looked := false
	for _, p := range v.Places() {
		if p.Name() == probe.Proxy {
			continue
		}
		var told []string
		for _, x := range p.Exchanges() {
			looked = looked || fromFrontEnd(x)
			dir := directoryOf(x)
			if !poolStopped(x) || slices.Contains(told, dir) {
				continue
			}
			// A part of the answers is good: then it is a node, and not the pool.
			if good := withoutFault(p, dir, x); good || !poolIsBehind(v, p, x) {
				continue
			}
			told = append(told, dir)
			evidence = append(evidence, p.SawExchange(x, "%s answers 503 %s, as Windows does for a stopped application pool, for all of %s", x.URL, marked(x), dir))
		}
	}
	if at := v.At(probe.Proxy); len(evidence) > 0 && !looked && !at.Seen() {
		evidence = append(evidence, v.At(evidence[0].Vantage).Saw("nothing there is answered by a Front End; if Windows is the reverse proxy too, these may be its own answers for web servers that it cannot reach"))
	}
	if len(evidence) == 0 && !looked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// marked says by what the answer was known.
func marked(x *probe.Exchange) string {
	if s := x.Header.Get("Server"); strings.Contains(s, "HTTPAPI") {
		return "(Server: " + s + ", no X-MS-Server-Fqdn)"
	}
	return "with the page of http.sys"
}

// directoryOf is the virtual directory behind an answer: the first part of the path, or what the root of the host
// stands for.
func directoryOf(x *probe.Exchange) string {
	u, err := url.Parse(x.URL)
	if err != nil {
		return x.URL
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(strings.ToLower(u.Path), "/"), "/")
	switch {
	case first != "":
		return "/" + first
	case x.Purpose == probe.GetMeet:
		return "/meet"
	case x.Purpose == probe.GetDialin:
		return "/dialin"
	}
	return "/autodiscover"
}

// withoutFault tells whether another answer for the directory on the same web site is the Front End's own.
func withoutFault(p *probe.Place, dir string, bad *probe.Exchange) bool {
	return slices.ContainsFunc(p.Exchanges(), func(x *probe.Exchange) bool {
		return x.Addr == bad.Addr && directoryOf(x) == dir && fromFrontEnd(x)
	})
}

// poolIsBehind tells whether the 503 is of a pool: something else at the same address comes from the Front End, or the
// Front Ends say so when asked straight. Windows in the place of the proxy answers 503 like that too, for servers that
// it cannot reach; without a view from beside the proxy that stays open.
func poolIsBehind(v *probe.View, p *probe.Place, bad *probe.Exchange) bool {
	if slices.ContainsFunc(p.Exchanges(), func(x *probe.Exchange) bool { return addressOf(x.Addr) == addressOf(bad.Addr) && fromFrontEnd(x) }) {
		return true
	}
	if !v.At(probe.Proxy).Seen() {
		return true
	}
	return slices.ContainsFunc(serversBehind(v), func(b behind) bool { return slices.ContainsFunc(b.asked, poolStopped) })
}
