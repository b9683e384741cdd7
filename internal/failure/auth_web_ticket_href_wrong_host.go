package failure

import (
	"net/url"
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var authWebTicketHrefWrongHost = Mode{
	Rule: probe.Rule{
		ID:       "auth.web-ticket-href-wrong-host",
		Severity: probe.Critical,
		Title:    "the Front End sends clients outside for their ticket to an address that is none outside",
		Cause:    "the URL of the ticket service is made of the machine's or the pool's internal name, of http or of port 4443: the external web services FQDN of the pool or Director is the machine's name, or the Host header did not arrive as the client sent it",
		Remedy:   "See what the pool takes for its external URL (Get-CsService -WebServer | ft PoolFqdn, InternalFqdn, ExternalFqdn), set the external web services FQDN, port 80/443 published and 8080/4443 listening, in Topology Builder, publish, and run Enable-CsComputer on every Front End. On the proxy, pass the Host header on as it came.",
		Settings: keepHost(),
		Sources:  []string{"UCWA 2.0: Authentication in UCWA", "[MS-OCAUTHWS] section 1.5", "UCWA with directors or multiple pools (TechNet blog)"},
		Reads:    probe.Exchanges | probe.Lookups | probe.Expectations,
		Detect:   detectAuthWebTicketHrefWrongHost,
	},
	Confused: []probe.ID{"proxy.port-not-flipped", "frontend.external-web-fqdn-wrong-in-topology"},
	Cases: []Case{
		{Name: "internal-name", Edit: func(t *topology.Topology) { t.FrontEndPool().External.WebTicketHost = t.InternalWeb() }},
	},
	More: []Case{
		{Name: "machine-name", Edit: func(t *topology.Topology) { t.FrontEndPool().External.WebTicketHost = t.FrontEndPool().Nodes[0].FQDN }},
	},
	Near: []Case{
		{Name: "said-outright", Edit: func(t *topology.Topology) { t.FrontEndPool().External.WebTicketHost = t.ExternalWeb() }},
	},
}

func detectAuthWebTicketHrefWrongHost(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	asked := false
	var evidence []probe.Evidence
	for _, x := range userChallenges(out) {
		if internalSigns(out, x.Host) {
			continue // then the internal web site answers, and all its links are like that
		}
		asked = true
		ticket := challengeOf(x).ticket
		if why := unfitOutside(v, x, ticket); why != "" {
			evidence = append(evidence, out.SawExchange(x, "%s, answered by %s, sends clients to %s, %s", x.URL, machineOf(x), ticket, why))
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// unfitOutside says what is wrong with a link that was handed out to clients outside; empty when nothing is.
func unfitOutside(v *probe.View, x *probe.Exchange, link string) string {
	if link == "" {
		return ""
	}
	u, err := url.Parse(link)
	if err != nil || u.Hostname() == "" {
		return "which is no URL"
	}
	host, e := strings.ToLower(u.Hostname()), v.Expected()
	published := host == x.Host || slices.Contains(externalWebHosts(v), host) || isOnline(host)
	switch {
	case u.Scheme != "https":
		return "which is not HTTPS"
	case u.Port() != "" && u.Port() != "443":
		return "a port that is not published"
	case holdsFold(e.InternalWeb, host) && !holdsFold(e.ExternalWeb, host):
		return "the internal web FQDN"
	case published:
		return ""
	case v.At(probe.External).Resolve(host).Missing():
		return "a name that does not exist outside"
	case len(e.ExternalWeb) > 0:
		return "which is no external web FQDN"
	}
	return "while its discovery documents name " + strings.Join(externalWebHosts(v), ", ")
}
