package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendSimpleURLNotRegistered = Mode{
	Rule: probe.Rule{
		ID:       "frontend.simple-url-not-registered",
		Severity: probe.High,
		Title:    "the Front Ends do not know the host of a simple URL",
		Cause:    "the meeting or dial-in URL was added or changed, and Enable-CsComputer was not run afterwards, so IIS answers 404 for it",
		Remedy:   "Run Enable-CsComputer on every Front End and Director, and check the URL with Get-CsSimpleUrlConfiguration.",
		Sources:  []string{"DNS requirements for simple URLs"},
		Reads:    probe.Lookups | probe.Exchanges | probe.Expectations,
		Detect:   detectFrontendSimpleURLNotRegistered,
		Explains: []probe.ID{"meeting.simple-url-not-published", "meeting.dialin-not-published", "meeting.per-domain-meet-missing"},
	},
	Confused: []probe.ID{"proxy.host-header-rewritten", "meeting.simple-url-not-published", "meeting.per-domain-meet-missing"},
	Cases: []Case{
		{Name: "second-domain", Edit: func(t *topology.Topology) {
			unregister(t, "meet."+t.SIPDomains[1])
		}},
	},
	More: []Case{
		{Name: "main-meeting-url", Edit: func(t *topology.Topology) {
			unregister(t, "meet."+t.SIPDomains[0])
		}},
		{Name: "dialin", Edit: func(t *topology.Topology) {
			unregister(t, "dialin."+t.SIPDomains[0])
		}},
		{Name: "all", Edit: func(t *topology.Topology) { t.FrontEndPool().SimpleURLs = nil }},
	},
	Near: []Case{
		{Name: "below-web-fqdn", Edit: func(t *topology.Topology) {
			// https://lyncweb-ext.contoso.example/meet: no host of its own
			withoutSimpleHosts(t)
			t.Plan.Meet, t.Plan.Dialin = []string{t.ExternalWeb()}, []string{t.ExternalWeb()}
		}},
	},
	MoreNear: []Case{
		{Name: "one-host-for-all-below-a-path", Edit: func(t *topology.Topology) {
			name := "lync.contoso.example"
			withoutSimpleHosts(t)
			t.External.Address(topology.ProxyPublic, name)
			t.Internal.Address(topology.BalancerInside, name)
			t.Proxy.Rules[0].Hosts = append(t.Proxy.Rules[0].Hosts, name)
			t.ProxyCertificate().Names = append(t.ProxyCertificate().Names, name)
			t.FrontEndPool().Internal.Certificate.Names = append(t.FrontEndPool().Internal.Certificate.Names, name)
			t.Plan.Meet, t.Plan.Dialin = []string{name}, []string{name}
		}},
	},
}

// withoutSimpleHosts takes the hosts of the simple URLs out of everything: the URLs live below another host.
func withoutSimpleHosts(t *topology.Topology) {
	hosts := t.FrontEndPool().SimpleURLs
	t.FrontEndPool().SimpleURLs = nil
	t.FrontEndPool().Internal.Certificate.WithoutNames(hosts...)
	t.FrontEndPool().External.Certificate.WithoutNames(hosts...)
	t.External.Remove(hosts...)
	t.Internal.Remove(hosts...)
	t.Proxy.Unpublish(hosts...)
	t.ProxyCertificate().WithoutNames(hosts...)
}

// unregister makes the pool forget a simple URL.
func unregister(t *topology.Topology, host string) {
	var kept []string
	for _, u := range t.FrontEndPool().SimpleURLs {
		if !strings.EqualFold(u, host) {
			kept = append(kept, u)
		}
	}
	t.FrontEndPool().SimpleURLs = kept
}

func detectFrontendSimpleURLNotRegistered(v *probe.View) probe.Verdict {
	var evidence []probe.Evidence
	judged := false
	for _, s := range simpleURLs(v) {
		straight, asked := unknownStraight(v, s)
		for _, p := range v.Places() {
			if p.Name() == probe.Proxy {
				continue
			}
			for _, x := range p.ExchangesFor(s.host, s.purpose) {
				judged = judged || fromFrontEnd(x)
				switch {
				case !x.Outcome.OK() || x.Status != 404 || !fromFrontEnd(x):
					continue
				case asked && straight == nil: // the Front Ends know it: the name was changed on the way
					continue
				case !wholeHost(v, p, s):
					continue
				}
				evidence = append(evidence, p.SawExchange(x, "%s answers 404, and the answer is the Front End's own (%s)", x.URL, probe.MakerOf(x).Marks))
			}
		}
		if straight != nil && len(evidence) > 0 {
			evidence = append(evidence, *straight)
		}
	}
	if !judged {
		return nothingToJudge
	}
	return verdict(evidence)
}

// unknownStraight is evidence that a web server, asked without the proxy, does not know the meeting host; asked tells
// whether any was.
func unknownStraight(v *probe.View, s simpleURL) (evidence *probe.Evidence, asked bool) {
	at := v.At(probe.Proxy)
	for _, x := range at.ExchangesFor(s.host, probe.GetMeet, probe.GetDialin) {
		asked = asked || fromFrontEnd(x)
		if x.Status == 404 && fromFrontEnd(x) {
			e := at.SawExchange(x, "%s, asked straight at %s, answers 404 for %s too", probe.MakerOf(x).Name(), x.Addr, s.host)
			return &e, true
		}
	}
	return nil, asked
}

// wholeHost tells whether the host itself is the simple URL, and not a path below it, for which a 404 at the root is
// as it should be: by its label, or because its like answers there. A guessed name must be a real one.
func wholeHost(v *probe.View, p *probe.Place, s simpleURL) bool {
	if !s.declared && !(hasRecord(p, s.host) && servedAsDiscovery(p, s.host)) {
		return false
	}
	label, _, _ := strings.Cut(s.host, ".")
	if strings.HasPrefix(label, "meet") || strings.HasPrefix(label, "dialin") || strings.HasPrefix(label, "join") {
		return true
	}
	for _, other := range simpleURLs(v) {
		for _, x := range p.ExchangesFor(other.host, other.purpose) {
			if other.host != s.host && x.Status == 200 && fromFrontEnd(x) {
				return true
			}
		}
	}
	return false
}
