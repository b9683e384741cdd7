package failure

import (
	"net/url"
	"slices"
	"strings"

	"net/netip"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var policyEWSNotPublished = Mode{
	Rule: probe.Rule{
		ID:       "policy.ews-not-published",
		Severity: probe.Low,
		Title:    "Exchange cannot be reached outside, while Lync can",
		Cause:    "Exchange's discovery or web services have no public record or no publishing rule; sign-in works, and calendars, free and busy times, voice mail and the history of conversations are missing",
		Remedy:   "Publish Exchange: a record for autodiscover.<SIP domain> and for the host of its web services, and /autodiscover/* and /EWS/* through the reverse proxy without authentication there (Get-WebServicesVirtualDirectory | ft ExternalUrl shows the host).",
		Settings: publishHost(),
		Sources:  []string{"Lync mobile clients and Exchange Web Services (field report)", "Autodiscover service in Exchange Server"},
		Reads:    probe.Lookups | probe.Dials | probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectPolicyEWSNotPublished,
	},
	Cases: []Case{
		{Name: "no-record", Edit: func(t *topology.Topology) {
			publishExchange(t)
			t.External.Remove(exchangeHost)
		}},
	},
	More: []Case{
		{Name: "no-rule", Edit: func(t *topology.Topology) {
			publishExchange(t)
			t.Proxy.Unpublish(exchangeHost)
		}},
		{Name: "server-down", Edit: func(t *topology.Topology) {
			publishExchange(t)
			t.App(topology.Exchange).HTTPS = 444
		}},
	},
	Near: []Case{
		{Name: "published", Edit: publishExchange},
	},
}

// Exchange as labs have it.
const (
	exchangeHost   = "mail.contoso.example"
	exchangeServer = "mail-https"
)

var exchangeInside = netip.MustParseAddr("10.10.10.50")

// publishExchange adds an Exchange server that the reverse proxy publishes.
func publishExchange(t *topology.Topology) {
	t.Apps = append(t.Apps, topology.App{
		Kind: topology.Exchange, FQDN: exchangeHost, Address: exchangeInside, HTTPS: 443,
		Certificate: &topology.Certificate{Names: []string{exchangeHost}, Issuer: topology.EnterpriseCA},
	})
	p := &t.Proxy
	c := t.ProxyCertificate()
	c.Names = append(c.Names, exchangeHost)
	p.WebServers = append(p.WebServers, topology.WebServer{
		Alias: exchangeServer, Address: exchangeInside.String(), Port: 443, Scheme: "https", Verify: topology.EnterpriseCA, Name: exchangeHost,
	})
	p.Rules = append(p.Rules, topology.Rule{Name: "exchange", Hosts: []string{exchangeHost}, Listener: "https", WebServers: []string{exchangeServer}})
	t.External.Address(topology.ProxyPublic, exchangeHost)
	t.Internal.Address(exchangeInside, exchangeHost)
}

func detectPolicyEWSNotPublished(v *probe.View) probe.Verdict {
	hosts := v.Expected().Exchange
	if len(hosts) == 0 {
		return probe.NotApplicable("no Exchange is declared")
	}
	l := listenerOf(v)
	switch {
	case !l.Seen():
		return notSeenOutside
	case !l.servesAny(""):
		return probe.NotApplicable("Lync is not reached outside either")
	}
	var evidence []probe.Evidence
	for _, host := range hosts {
		host = strings.ToLower(host)
		answers := l.ExchangesFor(host, probe.GetExchange)
		if slices.ContainsFunc(answers, fromExchange) {
			continue
		}
		if _, what := unreachable(l.Place, &url.URL{Scheme: "https", Host: host}); what != nil {
			evidence = append(evidence, *what)
			continue
		}
		for _, x := range answers {
			evidence = append(evidence, l.SawExchange(x, "%s, and not by Exchange", refusal(x)))
		}
	}
	return verdict(evidence)
}

// fromExchange tells whether an answer is Exchange's: by its marks, or because it lets in or asks for credentials.
func fromExchange(x *probe.Exchange) bool {
	return probe.MakerOf(x).Product == "Exchange" || x.Status == 200 && !probe.LooksLikeHTML(x) || x.Status == 401
}
