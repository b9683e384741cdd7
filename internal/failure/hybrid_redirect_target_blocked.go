package failure

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var hybridRedirectTargetBlocked = Mode{
	Rule: probe.Rule{
		ID:       "hybrid.redirect-target-blocked",
		Severity: probe.High,
		Title:    "users are sent on to the online service, and it cannot be reached from here",
		Cause:    "the firewall, a proxy for outgoing traffic or the name servers of this network do not let clients reach the online service; users homed there stop at \"signing in\"",
		Remedy:   "Let clients of this network resolve and reach the endpoints of the online service on TCP 443 without authentication on the way (*.lync.com, *.online.lync.com, login.microsoftonline.com, *.outlook.com); the list is published as Microsoft 365 URLs and IP address ranges.",
		Sources:  []string{"[MS-OCDISCWS] section 3.1.5.2", "Microsoft 365 URLs and IP address ranges", "Plan hybrid connectivity"},
		Reads:    probe.Exchanges | probe.Lookups | probe.Dials | probe.Handshakes,
		Detect:   detectHybridRedirectTargetBlocked,
	},
	SignsIn:  true,
	Confused: []probe.ID{"hybrid.retired-online-service", "hybrid.redirect-loop"},
	Cases: []Case{
		{Name: "guest-firewall", Edit: func(t *topology.Topology) {
			sentOnline(t)
			for _, from := range []string{probe.Internal, probe.WiFi} {
				t.Paths = append(t.Paths, topology.Path{From: from, To: onlineAddress.String(), Action: topology.Drop})
			}
		}},
	},
	More: []Case{
		{Name: "users-homed-online", Edit: func(t *topology.Topology) {
			onlineService(t)
			homedOnline(t)
			t.Paths = append(t.Paths, topology.Path{From: probe.External, To: onlineAddress.String(), Action: topology.Drop})
		}},
		{Name: "not-resolved-inside", Edit: func(t *topology.Topology) {
			sentOnline(t)
			t.Internal.Remove(onlineHost)
		}},
		{Name: "refused", Edit: func(t *topology.Topology) {
			sentOnline(t)
			for _, from := range []string{probe.Internal, probe.WiFi} {
				t.Paths = append(t.Paths, topology.Path{From: from, To: onlineAddress.String(), Port: 443, Action: topology.Refuse})
			}
		}},
	},
	Near: []Case{
		{Name: "reached", Edit: func(t *topology.Topology) {
			sentOnline(t)
			t.Plan.Hybrid = true
		}},
	},
}

// sentOnline has users of the second SIP domain sent on to the online service.
func sentOnline(t *topology.Topology) {
	onlineService(t)
	t.FrontEndPool().Redirects = map[string]string{t.SIPDomains[1]: "https://" + onlineHost + "/Autodiscover/AutodiscoverService.svc/root"}
}

func detectHybridRedirectTargetBlocked(v *probe.View) probe.Verdict {
	return ledNowhere(v, sendingOn, func(x *probe.Exchange) string { return x.Document.Redirect() }, "%s sends users on to %s")
}

// ledNowhere finds the hosts that answers lead clients to and that cannot be reached where the clients are: each host once
// for a place, with a format that says which answer leads to which URL.
func ledNowhere(v *probe.View, answers func(*probe.Place) []*probe.Exchange, leads func(*probe.Exchange) string, format string) probe.Verdict {
	judged := false
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		told := map[string]bool{}
		for _, x := range answers(p) {
			target, err := url.Parse(leads(x))
			if err != nil || target.Hostname() == "" || told[target.Hostname()] {
				continue
			}
			told[target.Hostname()] = true
			tried, what := unreachable(p, target)
			judged = judged || tried
			if what != nil {
				evidence = append(evidence, *what, p.SawExchange(x, format, x.URL, target))
			}
		}
	}
	if !judged {
		return nothingToJudge
	}
	return verdict(evidence)
}

// sendingOn are the answers of servers on premises at a place that send users on to the online service.
func sendingOn(p *probe.Place) []*probe.Exchange {
	return slices.DeleteFunc(p.Exchanges(), func(x *probe.Exchange) bool {
		return x.Document.Redirect() == "" || isOnline(x.Host) || !isOnline(hostIn(x.Document.Redirect()))
	})
}

// unreachable is evidence that the host of a URL cannot be reached at a place; tried tells whether somebody wanted to.
func unreachable(p *probe.Place, target *url.URL) (tried bool, what *probe.Evidence) {
	host := strings.ToLower(target.Hostname())
	r := p.Resolve(host)
	if r.Missing() {
		e := p.SawLookup(r, "%s does not exist here (%s)", host, r.Outcome.Words())
		return true, &e
	}
	for _, x := range p.ExchangesFor(host) {
		if x.Status != 0 {
			return true, nil
		}
	}
	for _, h := range p.HandshakesFor(host) {
		if h.Outcome.OK() {
			return true, nil
		}
		e := p.SawHandshake(h, "TLS with %s at %s fails (%s)", host, h.Addr, h.Outcome.Words())
		tried, what = true, &e
	}
	for _, a := range r.Addrs {
		d := p.Dial(netip.AddrPortFrom(a, portOf(target)).String())
		if d == nil {
			continue
		}
		if tried = true; d.Outcome.OK() {
			return true, what
		}
		e := p.SawDial(d, "%s at %s takes no connection from here (%s)", host, d.Addr, d.Outcome.Words())
		what = &e
	}
	return tried, what
}

// portOf is the port of a URL, named or not.
func portOf(u *url.URL) uint16 {
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		return uint16(n)
	}
	return map[string]uint16{"https": 443, "http": 80}[u.Scheme]
}
