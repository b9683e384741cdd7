package failure

import (
	"fmt"
	"slices"
	"strings"

	"lyncpin/probe"
)

// simpleURL is the host of a simple URL.
type simpleURL struct {
	host string
	// purpose is probe.GetMeet or probe.GetDialin.
	purpose string
	// declared says that the operator named it; else it is a guess.
	declared bool
	// main says that it belongs to the main SIP domain, or to none.
	main bool
}

// simpleURLs are the hosts of the simple URLs, declared or guessed, meetings first.
func simpleURLs(v *probe.View) []simpleURL {
	e, domains := v.Expected(), v.Domains()
	var out []simpleURL
	add := func(host, purpose string, declared bool) {
		s := simpleURL{host: strings.ToLower(host), purpose: purpose, declared: declared, main: true}
		for _, d := range domains[1:] {
			if strings.HasSuffix(s.host, "."+d) && !strings.HasSuffix(domains[0], "."+d) {
				s.main = false
			}
		}
		if strings.HasSuffix(s.host, "."+domains[0]) {
			s.main = true
		}
		if !slices.ContainsFunc(out, func(o simpleURL) bool { return o.host == s.host && o.purpose == purpose }) {
			out = append(out, s)
		}
	}
	if len(e.Meet) == 0 && len(e.Dialin) == 0 {
		for _, d := range domains {
			add("meet."+d, probe.GetMeet, false)
		}
		add("dialin."+domains[0], probe.GetDialin, false)
		return out
	}
	for _, h := range e.Meet {
		add(h, probe.GetMeet, true)
	}
	for _, h := range e.Dialin {
		add(h, probe.GetDialin, true)
	}
	return out
}

func (s simpleURL) meeting() bool { return s.purpose == probe.GetMeet }

// inUse tells whether such a host name is used here at all: declared, or a record of its own somewhere, or named in a
// certificate of the reverse proxy, or a sibling has one of its own in the view.
func (s simpleURL) inUse(v *probe.View, p *probe.Place) bool {
	if s.declared {
		return true
	}
	for _, place := range v.Places() {
		if hasRecord(place, s.host) && servedAsDiscovery(place, s.host) {
			return true
		}
	}
	out := v.At(probe.External)
	for _, h := range out.Handshakes(probe.HandshakeName) {
		if leaf := out.Leaf(h); leaf != nil && holdsFold(leaf.Names, s.host) {
			return true
		}
	}
	// Meeting hosts come one for each SIP domain; a dial-in page is there only where there is dial-in conferencing.
	return s.meeting() && slices.ContainsFunc(simpleURLs(v), func(o simpleURL) bool {
		return o.host != s.host && hasRecord(p, o.host) && servedAsDiscovery(p, o.host)
	})
}

// hasRecord tells whether a name exists by a record of its own, and not by a wildcard.
func hasRecord(p *probe.Place, host string) bool {
	r := p.Resolve(host)
	if !r.Exists() {
		return false
	}
	_, parent, _ := strings.Cut(host, ".")
	return !commonAddress(r, p.Resolve(unknownLabel+parent))
}

// servedAsDiscovery tells whether a host is where discovery is: a meet.… elsewhere may be any product's.
func servedAsDiscovery(p *probe.Place, host string) bool {
	r := p.Resolve(host)
	for _, d := range p.Lookups() {
		if (strings.HasPrefix(d.Name, publicLabel) || strings.HasPrefix(d.Name, internalLabel)) && commonAddress(r, p.Resolve(d.Name)) {
			return true
		}
	}
	return slices.ContainsFunc(p.ExchangesFor(host), fromFrontEnd)
}

// gap is a simple URL that does not work outside, with what shows it.
type gap struct {
	simpleURL
	evidence []probe.Evidence
}

// missingOutside are the simple URLs without public record.
func missingOutside(v *probe.View) []gap {
	out := v.At(probe.External)
	var gaps []gap
	for _, s := range simpleURLs(v) {
		r := out.Resolve(s.host)
		if !r.Missing() || len(r.Aliases) > 0 || !s.inUse(v, out) {
			continue // an alias without end is a mode of its own
		}
		g := gap{simpleURL: s, evidence: []probe.Evidence{out.SawLookup(r, "%s does not exist in the public DNS (%s)", s.host, r.Outcome.Words())}}
		if in := v.At(probe.Internal).Resolve(s.host); in.Exists() {
			g.evidence = append(g.evidence, v.At(probe.Internal).SawLookup(in, "%s exists inside (%s)", s.host, addressList(in)))
		}
		gaps = append(gaps, g)
	}
	return gaps
}

// unpublishedOutside are the simple URLs that the reverse proxy does not know: what it answers for them is what it
// answers for a host that nobody publishes.
func unpublishedOutside(v *probe.View) []gap {
	out := v.At(probe.External)
	var gaps []gap
	for _, s := range simpleURLs(v) {
		if !s.inUse(v, out) || !s.declared && !servedAsDiscovery(out, s.host) {
			continue
		}
		if e := notReached(out, out.ExchangesFor(s.host, s.purpose)); len(e) > 0 {
			gaps = append(gaps, gap{simpleURL: s, evidence: e})
		}
	}
	return gaps
}

// notReached is evidence that none of the answers of a host came from behind the proxy, although the proxy passes
// other hosts on.
func notReached(p *probe.Place, answers []*probe.Exchange) []probe.Evidence {
	var evidence []probe.Evidence
	for _, x := range answers {
		if fromFrontEnd(x) {
			return nil
		}
		other := passedOn(p, x)
		if other == nil || poolStopped(x) {
			continue
		}
		like, known := likeUnknown(p, x)
		switch {
		case like != nil:
			evidence = append(evidence, p.SawExchange(x, "%s %s, just as a host that nobody publishes does (%s)", x.URL, saysOf(x), like.Host))
		case !known && refusesHost(x):
			evidence = append(evidence, p.SawExchange(x, "%s %s, which is not the Front End's answer", x.URL, saysOf(x)))
		default:
			continue
		}
		evidence = append(evidence, p.SawExchange(other, "%s at the same address is answered by the Front End", other.Host))
	}
	return evidence
}

// passedOn is an answer of the Front End to another host at the same address; nil when there is none.
func passedOn(p *probe.Place, x *probe.Exchange) *probe.Exchange {
	for _, o := range p.Exchanges() {
		if o.Addr == x.Addr && !strings.EqualFold(o.Host, x.Host) && fromFrontEnd(o) {
			return o
		}
	}
	return nil
}

// anyHostReaches tells whether the address passes a host that nobody publishes on to a Front End.
func anyHostReaches(p *probe.Place, addr string) bool {
	return slices.ContainsFunc(p.Exchanges(probe.GetUnknownHost), func(u *probe.Exchange) bool { return u.Addr == addr && fromFrontEnd(u) })
}

// saysOf puts an answer into words.
func saysOf(x *probe.Exchange) string {
	if !x.Outcome.OK() {
		return fmt.Sprintf("gets no answer (%s)", x.Outcome.Words())
	}
	return fmt.Sprintf("answers %d, from %s", x.Status, probe.MakerOf(x).Name())
}

// refusesHost tells the answers by which a proxy says that it does not know a host.
func refusesHost(x *probe.Exchange) bool {
	return isCut(x.Outcome.Code) || x.Outcome.OK() && slices.Contains([]int{400, 403, 404, 410, 421}, x.Status)
}

// likeUnknown is the answer to a host that nobody publishes, at the same address, when it is the same answer. known
// tells whether such a host was answered at all.
func likeUnknown(p *probe.Place, x *probe.Exchange) (like *probe.Exchange, known bool) {
	for _, u := range p.Exchanges(probe.GetUnknownHost) {
		if u.Addr != x.Addr || u.Status == 0 && !cutOff(u) {
			continue
		}
		known = true
		if !fromFrontEnd(u) && (alike(u, x) || alikeElsewhere(u, x)) {
			return u, true
		}
	}
	return nil, known
}

// alikeElsewhere compares the answer to a path with what the root of an unknown host got: a default site has its own
// page at the root, and not at the path.
func alikeElsewhere(u, x *probe.Exchange) bool {
	to, from := locationOf(x), locationOf(u)
	switch {
	case x.Purpose != probe.GetOfficeWebApps || probe.MakerOf(u).Product != probe.MakerOf(x).Product:
		return false
	case to != nil && from != nil:
		return to.Host == from.Host
	}
	return u.Status == 200 && x.Status == 404
}

// split sorts gaps: those of one of several SIP domains while the main domain's meeting URL works, and all others.
func split(v *probe.View, gaps []gap) (general, perDomain []gap) {
	out := v.At(probe.External)
	mainWorks := slices.ContainsFunc(simpleURLs(v), func(s simpleURL) bool {
		return s.meeting() && s.main && out.Resolve(s.host).Exists() && slices.ContainsFunc(out.ExchangesFor(s.host, s.purpose), fromFrontEnd)
	})
	for _, g := range gaps {
		if g.meeting() && !g.main && mainWorks {
			perDomain = append(perDomain, g)
		} else {
			general = append(general, g)
		}
	}
	return general, perDomain
}

// evidenceOf joins what shows the gaps.
func evidenceOf(gaps []gap) []probe.Evidence {
	var out []probe.Evidence
	for _, g := range gaps {
		out = append(out, g.evidence...)
	}
	return out
}

// officeDiscovery is the answer of Office Web Apps to the request for its discovery document; nil when it was not
// asked.
func officeDiscovery(p *probe.Place, host string) *probe.Exchange {
	for _, x := range p.ExchangesFor(host, probe.GetOfficeWebApps) {
		if strings.HasSuffix(x.URL, "/hosting/discovery") {
			return x
		}
	}
	return nil
}

// isOfficeDiscovery tells whether the answer is that document.
func isOfficeDiscovery(x *probe.Exchange) bool {
	return x != nil && x.Outcome.OK() && x.Status == 200 && strings.Contains(x.Body, "wopi-discovery")
}
