package failure

import (
	"slices"
	"strconv"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyCacheMixesInternalExternal = Mode{
	Rule: probe.Rule{
		ID:       "proxy.cache-mixes-internal-external",
		Severity: probe.High,
		Title:    "a cache gives clients outside the answers that were made for those inside",
		Cause:    "one cache serves the internal and the external web site, and keeps answers by path alone; whoever asks first decides what all others get",
		Remedy:   "Never cache these hosts, and let inside and outside requests go through listeners of their own.",
		Settings: neverCache(),
		Sources:  []string{"RFC 9111 sections 2 and 4.1", "UCWA: Create an application"},
		Reads:    probe.Exchanges | probe.Expectations,
		Detect:   detectProxyCacheMixesInternalExternal,
		Explains: slices.Concat(whatFollowsFromWrongSite, []probe.ID{
			"proxy.caches-discovery", "proxy.port-not-flipped", "proxy.port-443-not-flipped-80-is", "proxy.mixed-scheme-peers-round-robin",
		}),
	},
	Confused: []probe.ID{"proxy.mixed-scheme-peers-round-robin", "proxy.caches-discovery", "proxy.port-not-flipped"},
	Cases: []Case{
		{Name: "internal-answer-kept", Edit: func(t *topology.Topology) { internalAnswerKept(t, t.Discovery(0)) }},
	},
	More: []Case{
		{Name: "internal-answer-kept-in-json", Edit: func(t *topology.Topology) {
			internalAnswerKept(t, t.Discovery(0))
			kept := t.Proxy.Rules[0].Respond
			kept.Header["Content-Type"] = "application/json"
			kept.Body = `{"_links":{"self":{"href":"https://` + t.InternalWeb() + `/Autodiscover/AutodiscoverService.svc/root"},"user":{"href":"https://` + t.InternalWeb() + `/Autodiscover/AutodiscoverService.svc/root/oauth/user"}}}`
		}},
	},
	Near: []Case{
		{Name: "unpublished-host-kept", Edit: func(t *topology.Topology) { internalAnswerKept(t, "static."+t.SIPDomains[0]) }},
	},
}

func detectProxyCacheMixesInternalExternal(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	made := map[string]bool{} // by the identifier that the Front End gives each answer of its own
	for _, x := range out.Exchanges() {
		if x.Document == nil || !fromFrontEnd(x) {
			continue
		}
		id := x.Header.Get("Client-Request-Id")
		kept := keptBy(x)
		if kept == "" && id != "" && made[id] {
			kept = "client-request-id " + id + ", which another answer has too"
		}
		made[id] = true
		if kept != "" && out.SiteOf(x) == probe.InternalSite {
			evidence = append(evidence, out.SawExchange(x, "%s, and it was kept: %s", siteWords(x, probe.InternalSite), kept))
		}
	}
	return verdict(evidence)
}

// keptBy is the header by which an answer says that it comes from a cache; empty when it does not.
func keptBy(x *probe.Exchange) string {
	if age, err := strconv.Atoi(x.Header.Get("Age")); err == nil && age > 0 {
		return "Age: " + x.Header.Get("Age")
	}
	for _, name := range []string{"X-Cache", "X-Cache-Status", "X-Proxy-Cache"} {
		if value := x.Header.Get(name); strings.HasPrefix(strings.ToUpper(value), "HIT") {
			return name + ": " + value
		}
	}
	return ""
}

// internalAnswerKept lets the proxy answer the root of a host with what it kept of the internal web site's.
func internalAnswerKept(t *topology.Topology, host string) {
	service := "https://" + t.InternalWeb() + "/Autodiscover/AutodiscoverService.svc/root"
	kept := topology.Rule{Name: "kept", Hosts: []string{host}, Listener: "https", Respond: &topology.Response{
		Status: 200,
		Header: map[string]string{"Content-Type": "application/vnd.microsoft.rtc.autodiscover+xml; v=1", "Age": "420",
			"X-MS-Server-Fqdn": t.FrontEndPool().Nodes[0].FQDN, "client-request-id": "0d3c7c52-8f7e-4d1b-a7c3-0123456789ac"},
		Body: `<AutodiscoverResponse AccessLocation="Internal"><Root><Link token="Domain" href="` + service + `/domain"/><Link token="User" href="` + service + `/user"/></Root></AutodiscoverResponse>`,
	}}
	t.Proxy.Rules = append([]topology.Rule{kept}, t.Proxy.Rules...)
}
