package failure

import (
	"fmt"
	"slices"
	"strings"

	"lyncpin/probe"
)

// Verdicts for a vantage that the record lacks.
var (
	notSeenOutside = probe.NotApplicable("the record has no view from outside")
	notSeenInside  = probe.NotApplicable("the record has no view from inside")
	notSeenOnWiFi  = probe.NotApplicable("the record has no view from the office Wi-Fi")
	notSeenAtProxy = probe.NotApplicable("the record has no view from beside the proxy")
	nothingToJudge = probe.NotApplicable("the step that this is about was not reached")
)

// Discovery labels.
const (
	publicLabel   = "lyncdiscover."
	internalLabel = "lyncdiscoverinternal."
	unknownLabel  = "nobody-publishes-this."
)

// unsure is the verdict when a name could not be looked up: SERVFAIL or a time-out never means that it is absent.
// The mode dns.servfail names the cause, so this rule does not apply.
func unsure(r *probe.Resolution) probe.Verdict {
	return probe.NotApplicable(fmt.Sprintf("%s could not be looked up: %s", r.Name, r.Outcome.Words()))
}

// verdict is Found when there is evidence, else Clear.
func verdict(evidence []probe.Evidence) probe.Verdict {
	if len(evidence) == 0 {
		return probe.Clear()
	}
	return probe.Found(evidence...)
}

// externalWebHosts are the hosts of the external web services: the declared ones, and those that discovery
// answers of the external web site named outside. Those of the online service, to which users may be sent on, are its own.
func externalWebHosts(v *probe.View) []string {
	return probe.Once(v, "external web hosts", findExternalWebHosts)
}

func findExternalWebHosts(v *probe.View) []string {
	hosts := slices.Clone(v.Expected().ExternalWeb)
	out := v.At(probe.External)
	signs := map[string]bool{} // of the internal site, by host: many exchanges are with the same
	for _, x := range out.Exchanges(probe.GetRoot, probe.GetRootLegacy, probe.GetHop) {
		if !strings.HasPrefix(x.Host, publicLabel) && x.Purpose != probe.GetHop || x.Document == nil || x.Document.Redirect() != "" {
			continue
		}
		if _, known := signs[x.Host]; !known {
			signs[x.Host] = internalSigns(out, x.Host)
		}
		if !signs[x.Host] {
			hosts = append(hosts, x.Document.Hosts()...)
		}
	}
	slices.Sort(hosts)
	return slices.DeleteFunc(slices.Compact(hosts), isOnline)
}

// internalSigns tells whether anything shows that the internal web site answers for the host.
func internalSigns(p *probe.Place, host string) bool {
	return slices.ContainsFunc(p.ExchangesFor(host), func(x *probe.Exchange) bool { return p.SiteOf(x) == probe.InternalSite })
}

// simpleHosts are the hosts of the simple URLs, declared or guessed.
func simpleHosts(v *probe.View) []string {
	e := v.Expected()
	hosts := slices.Concat(e.Meet, e.Dialin)
	if len(hosts) == 0 {
		for _, d := range v.Domains() {
			hosts = append(hosts, "meet."+d)
		}
		hosts = append(hosts, "dialin."+v.Domains()[0])
	}
	return hosts
}

// publishedHosts are all host names that clients outside use, the most important first, each once.
func publishedHosts(v *probe.View) []string {
	return probe.Once(v, "published hosts", findPublishedHosts)
}

func findPublishedHosts(v *probe.View) []string {
	var all, hosts []string
	for _, d := range v.Domains() {
		all = append(all, publicLabel+d)
	}
	for _, h := range slices.Concat(all, externalWebHosts(v), simpleHosts(v), v.Expected().OfficeWebApps) {
		if h = strings.ToLower(h); !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// listenerHandshakes are the clients' own handshakes outside with published hosts.
func listenerHandshakes(v *probe.View) []*probe.Handshake {
	out := v.At(probe.External)
	var list []*probe.Handshake
	for _, host := range publishedHosts(v) {
		list = append(list, out.HandshakesFor(host)...)
	}
	return list
}

// judgeCertificates finds what say has to say of the certificates shown outside, "shows …", one sentence for each
// certificate however many hosts show it. Nothing said is clear.
func judgeCertificates(v *probe.View, say func(*probe.Handshake, *probe.Certificate) string) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	var seen []string
	for _, h := range listenerHandshakes(v) {
		leaf := out.Leaf(h)
		if leaf == nil || slices.Contains(seen, h.Chain[0]) {
			continue
		}
		seen = append(seen, h.Chain[0])
		if what := say(h, leaf); what != "" {
			evidence = append(evidence, out.SawHandshake(h, "%s at %s %s", h.Host, h.Addr, what))
		}
	}
	return verdict(evidence)
}

// isSubjectSent tells whether the chain as sent holds a certificate with that subject behind the leaf.
func isSubjectSent(v *probe.View, h *probe.Handshake, subject string) bool {
	for _, key := range h.Chain[1:] {
		if c := v.Certificate(key); c != nil && c.Subject == subject {
			return true
		}
	}
	return false
}

// answersDiscovery tells whether the host gave a discovery document over HTTPS.
func answersDiscovery(p *probe.Place, host string) bool {
	return slices.ContainsFunc(p.ExchangesFor(host, probe.GetRoot, probe.GetRootLegacy), func(x *probe.Exchange) bool { return x.Document != nil })
}

// insidePlace is where phones or machines inside stand: the Wi-Fi view, else the internal one.
func insidePlace(v *probe.View) *probe.Place {
	if w := v.At(probe.WiFi); w.Seen() {
		return w
	}
	return v.At(probe.Internal)
}

// addressList writes addresses one after the other.
func addressList(r *probe.Resolution) string {
	var out []string
	for _, a := range r.Addrs {
		out = append(out, a.String())
	}
	return strings.Join(out, ", ")
}

// commonAddress tells whether two resolutions share an address.
func commonAddress(a, b *probe.Resolution) bool {
	for _, x := range a.Addrs {
		if slices.Contains(b.Addrs, x) {
			return true
		}
	}
	return false
}
