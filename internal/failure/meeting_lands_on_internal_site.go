package failure

import (
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var meetingLandsOnInternalSite = Mode{
	Rule: probe.Rule{
		ID:       "meeting.lands-on-internal-site",
		Severity: probe.High,
		Title:    "meeting links from outside end on the internal web site",
		Cause:    "the publishing rule of the meeting host forwards to port 443 of the Front Ends instead of 4443, so guests are sent to internal names",
		Remedy:   "Forward the meeting hosts to port 4443 of the Front Ends, as the other hosts are.",
		Settings: flipPorts(),
		Sources:  []string{"Configuring pfSense as a reverse proxy for Lync web services", "Scenarios for reverse proxy in Lync Server 2013"},
		Reads:    probe.Exchanges | probe.Expectations,
		Detect:   detectMeetingLandsOnInternalSite,
	},
	Confused: []probe.ID{"proxy.port-not-flipped"},
	Cases: []Case{
		{Name: "all-meeting-hosts", Edit: func(t *topology.Topology) {
			meetingsTo443(t, "meet."+t.SIPDomains[0], "meet."+t.SIPDomains[1])
		}},
	},
	More: []Case{
		{Name: "second-domain", Edit: func(t *topology.Topology) { meetingsTo443(t, "meet."+t.SIPDomains[1]) }},
		{Name: "with-dialin", Edit: func(t *topology.Topology) {
			meetingsTo443(t, "meet."+t.SIPDomains[0], "meet."+t.SIPDomains[1], "dialin."+t.SIPDomains[0])
		}},
	},
	Near: []Case{
		{Name: "rule-of-its-own", Edit: func(t *topology.Topology) {
			hosts := []string{"meet." + t.SIPDomains[0], "meet." + t.SIPDomains[1]}
			t.Proxy.Unpublish(hosts...)
			t.Proxy.Rules = append(t.Proxy.Rules, topology.Rule{
				Name: "meetings", Hosts: hosts, WebServers: []string{topology.FE1HTTPS, topology.FE2HTTPS, topology.FE1HTTP, topology.FE2HTTP},
			})
		}},
	},
}

// meetingsTo443 gives the hosts a rule of their own that forwards to the internal web site.
func meetingsTo443(t *topology.Topology, hosts ...string) {
	t.Proxy.Unpublish(hosts...)
	t.Proxy.WebServers = append(t.Proxy.WebServers, topology.WebServer{
		Alias: "fe1-meetings", Address: topology.FE1Inside.String(), Port: 443, Scheme: "https", Verify: topology.PublicCA, Name: "fe1.contoso.example",
	})
	t.Proxy.Rules = append(t.Proxy.Rules, topology.Rule{Name: "meetings", Hosts: hosts, Listener: "https", WebServers: []string{"fe1-meetings"}})
}

func detectMeetingLandsOnInternalSite(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var external []probe.Evidence
	for _, d := range v.Domains() {
		for _, s := range out.SignsOf(publicLabel+d, probe.GetRootLegacy, probe.GetRoot) {
			if s.Site == probe.ExternalSite {
				external = append(external, s.Evidence)
			}
		}
		if internalSigns(out, publicLabel+d) {
			return probe.Clear() // not the meeting hosts alone
		}
	}
	if len(external) == 0 {
		return nothingToJudge
	}
	internal := handedOutBy(v)
	var evidence []probe.Evidence
	for _, s := range simpleURLs(v) {
		var here []probe.Evidence
		for _, sign := range out.SignsOf(s.host, probe.GetInternalOnly) {
			if sign.Site == probe.InternalSite {
				here = append(here, sign.Evidence)
			}
		}
		for _, x := range out.ExchangesFor(s.host, s.purpose) {
			if !fromFrontEnd(x) {
				continue
			}
			for _, host := range internal {
				if strings.Contains(strings.ToLower(x.Body+" "+x.Header.Get("Location")), "://"+host) {
					here = append(here, out.SawExchange(x, "the page of %s leads to %s, an internal name", x.URL, host))
					break
				}
			}
		}
		evidence = append(evidence, here...)
	}
	if len(evidence) == 0 {
		return probe.Clear()
	}
	return probe.Found(append(evidence, external[0])...)
}

// handedOutBy are the names that only the internal web site hands out.
func handedOutBy(v *probe.View) []string {
	outside := handedOut(v.Places(), probe.ExternalSite)
	names := v.Expected().InternalWeb
	for host := range handedOut(v.Places(), probe.InternalSite) {
		names = append(names, host)
	}
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		_, both := outside[strings.ToLower(n)]
		return both
	})
	for i := range names {
		names[i] = strings.ToLower(names[i])
	}
	slices.Sort(names)
	return slices.Compact(names)
}
