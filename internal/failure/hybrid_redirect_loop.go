package failure

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var hybridRedirectLoop = Mode{
	Rule: probe.Rule{
		ID:       "hybrid.redirect-loop",
		Severity: probe.High,
		Title:    "discovery sends clients around in a circle",
		Cause:    "one deployment sends the users on to the other, and that one sends them back: the servers on premises take them for homed online and the online service for homed on premises",
		Remedy:   "Decide where the users are homed and make both sides agree: move them with Move-CsUser, check the hosting provider (Get-CsHostingProvider, Get-CsUser | ft HostingProvider) and the tenant's shared SIP address space (Set-CsTenantFederationConfiguration -SharedSipAddressSpace $true).",
		Sources:  []string{"UCWA 2.0: Root URL", "Plan hybrid connectivity"},
		Reads:    probe.Exchanges,
		Detect:   detectHybridRedirectLoop,
		Explains: []probe.ID{
			"proxy.tls-offload-to-8080", "proxy.port-443-not-flipped-80-is", "dns.external-web-fqdn-missing",
			"frontend.external-web-fqdn-wrong-in-topology", "dns.internal-web-fqdn-exposed", "hybrid.lyncdiscover-points-online",
		},
	},
	Confused: []probe.ID{"proxy.tls-offload-to-8080"},
	Cases: []Case{
		{Name: "premises-and-online", Edit: func(t *topology.Topology) {
			onlineService(t)
			t.FrontEndPool().Redirects = map[string]string{t.SIPDomains[0]: "https://" + onlineHost + "/Autodiscover/AutodiscoverService.svc/root"}
			t.App(topology.OnlineService).Redirect = "https://" + t.ExternalWeb() + "/Autodiscover/AutodiscoverService.svc/root?originalDomain=" + t.SIPDomains[0]
		}},
	},
	More: []Case{
		{Name: "second-domain", Edit: func(t *topology.Topology) {
			onlineService(t)
			t.FrontEndPool().Redirects = map[string]string{t.SIPDomains[1]: "https://" + onlineHost + "/Autodiscover/AutodiscoverService.svc/root"}
			t.App(topology.OnlineService).Redirect = "https://" + t.Discovery(1) + "/"
		}},
	},
	Near: []Case{
		{Name: "one-hop", Edit: func(t *topology.Topology) {
			onlineService(t)
			t.Plan.Hybrid = true
			t.FrontEndPool().Redirects = map[string]string{t.SIPDomains[1]: "https://" + onlineHost + "/Autodiscover/AutodiscoverService.svc/root"}
		}},
	},
}

// The online service as labs have it. The name is the real one, by which the service is known.
const onlineHost = "webdir.online.lync.com"

var onlineAddress = netip.MustParseAddr("198.51.100.80")

// onlineService adds the online service to the world.
func onlineService(t *topology.Topology) {
	t.Apps = append(t.Apps, topology.App{
		Kind: topology.OnlineService, FQDN: onlineHost, Address: onlineAddress, HTTPS: 443, HTTP: 80,
		Certificate: &topology.Certificate{Names: []string{onlineHost, "*.online.lync.com", "lyncdiscover." + t.SIPDomains[0], "lyncdiscover." + t.SIPDomains[1]}, Issuer: topology.PublicCA},
	})
	for _, view := range []*topology.View{&t.External, &t.Internal} {
		view.Zones = append(view.Zones, "online.lync.com")
		view.Address(onlineAddress, onlineHost)
	}
}

// loopLength is how many hops without an end are a circle too: Exchange and others stop there.
const loopLength = 10

func detectHybridRedirectLoop(v *probe.View) probe.Verdict {
	var evidence []probe.Evidence
	judged := false
	for _, p := range v.Places() {
		for _, d := range v.Domains() {
			for _, x := range p.Exchanges(probe.GetRoot, probe.GetRootLegacy) {
				if p.Name() == probe.Proxy || x.Host != publicLabel+d && x.Host != internalLabel+d || x.Document == nil {
					continue
				}
				judged = true
				if chain := circle(p, x); chain != nil {
					evidence = append(evidence, p.SawExchange(x, "discovery for %s goes around: %s", d, strings.Join(chain, " → ")))
					break // one for each domain and place
				}
			}
		}
	}
	if !judged {
		return nothingToJudge
	}
	return verdict(evidence)
}

// circle follows redirect links from an answer, and returns the URLs passed when they come back to one passed before
// or have no end. The circle must go through two hosts: a host that sends clients to itself has been asked the wrong
// way by its proxy.
func circle(p *probe.Place, x *probe.Exchange) []string {
	passed := []string{x.URL}
	for x != nil {
		next := x.Document.Redirect()
		if next == "" {
			return nil
		}
		if i := slices.Index(passed, next); i >= 0 || len(passed) > loopLength {
			hosts := map[string]bool{}
			for _, u := range passed[max(i, 0):] {
				hosts[hostIn(u)] = true
			}
			if len(hosts) < 2 {
				return nil
			}
			return append(passed, next)
		}
		passed = append(passed, next)
		x = answerTo(p, next)
	}
	return nil
}

// answerTo is the redirecting answer to a URL; nil when there is none.
func answerTo(p *probe.Place, link string) *probe.Exchange {
	for _, x := range p.ExchangesFor(hostIn(link), probe.GetHop, probe.GetRoot, probe.GetRootLegacy) {
		if x.Document != nil && x.Status == 200 && x.URL == link {
			return x
		}
	}
	return nil
}

func hostIn(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}
