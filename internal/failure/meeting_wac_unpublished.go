package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var meetingWacUnpublished = Mode{
	Rule: probe.Rule{
		ID:       "meeting.wac-unpublished",
		Severity: probe.High,
		Title:    "Office Web Apps cannot be reached from outside",
		Cause:    "its name has no public record or no publishing rule, so participants outside never see PowerPoint slides",
		Remedy:   "Add a public record for the Office Web Apps host, its name to the proxy's certificate, and a publishing rule that forwards 443 to 443 of that server (not 4443), for all paths.",
		Settings: settings(
			pfSquid, "Web Servers: a peer with the address of Office Web Apps, port 443, HTTPS. Mapping: ^https://wac\\.contoso\\.example/ to it.",
			pfHAProxy, "A backend with the address of Office Web Apps, port 443, Encrypt(SSL); in the frontend: Host matches wac.contoso.example uses it.",
			haproxy, "use_backend wac if { hdr(host) -i wac.contoso.example }; backend wac: server wac1 10.10.10.20:443 ssl verify required ca-file enterprise-root.pem",
			nginx, "server { server_name wac.contoso.example; location / { proxy_pass https://10.10.10.20:443; proxy_set_header Host $host; } }",
			apache, "<VirtualHost *:443> ServerName wac.contoso.example, AllowEncodedSlashes NoDecode, ProxyPass / https://10.10.10.20/ nocanon",
			caddy, `@wac host wac.contoso.example
handle @wac {
	reverse_proxy https://10.10.10.20:443 {
		transport http {
			tls_server_name wac.contoso.example
			tls_trusted_ca_certs enterprise-root.pem
		}
	}
}`,
			arr, "A server farm of its own for Office Web Apps with httpsPort 443, and a rule with {HTTP_HOST} = wac.contoso.example.",
		),
		Sources:  []string{"Configuration requirements for reverse proxy in Lync Server 2013", "Configuring Office Web Apps location in Lync 2013"},
		Reads:    probe.Lookups | probe.Exchanges | probe.Expectations,
		Detect:   detectMeetingWacUnpublished,
		Explains: []probe.ID{"tls.missing-san-external-web"},
	},
	Confused: []probe.ID{"meeting.wac-wrong-port-or-offload"},
	Cases: []Case{
		{Name: "no-record", Edit: func(t *topology.Topology) { t.External.Remove(t.App(topology.OfficeWebApps).FQDN) }},
	},
	More: []Case{
		{Name: "no-rule", Edit: func(t *topology.Topology) { t.Proxy.Unpublish(t.App(topology.OfficeWebApps).FQDN) }},
		{Name: "connection-reset", Edit: func(t *topology.Topology) {
			t.Proxy.ResetUnknown = true
			t.Proxy.Unpublish(t.App(topology.OfficeWebApps).FQDN)
		}},
		{Name: "caught-by-the-lync-rule", Edit: func(t *topology.Topology) {
			t.Proxy.Unpublish(t.App(topology.OfficeWebApps).FQDN)
			t.Proxy.Rules[0].Hosts = []string{"*"}
		}},
		{Name: "default-site-answers", Edit: func(t *topology.Topology) {
			t.Proxy.Unpublish(t.App(topology.OfficeWebApps).FQDN)
			welcomeSite(t)
		}},
	},
	Near: []Case{
		{Name: "no-office-web-apps", Edit: func(t *topology.Topology) {
			host := t.App(topology.OfficeWebApps).FQDN
			t.External.Remove(host)
			t.Internal.Remove(host)
			t.Proxy.Unpublish(host)
			t.Plan.OfficeWebApps = nil
		}},
	},
}

func detectMeetingWacUnpublished(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	hosts := v.Expected().OfficeWebApps
	switch {
	case !out.Seen():
		return notSeenOutside
	case len(hosts) == 0:
		return probe.NotApplicable("no Office Web Apps host is declared")
	}
	var evidence []probe.Evidence
	judged := false
	for _, host := range hosts {
		var here []probe.Evidence
		r, x := out.Resolve(host), officeDiscovery(out, host)
		switch {
		case r.Missing() && len(r.Aliases) == 0:
			here = append(here, out.SawLookup(r, "%s does not exist in the public DNS (%s)", host, r.Outcome.Words()))
		case x != nil && fromFrontEnd(x) && anyHostReaches(out, x.Addr) && !internalSigns(out, publicLabel+v.Domains()[0]):
			here = append(here, out.SawExchange(x, "%s answers %d from a Lync Front End, where this address leads every host without a rule", x.URL, x.Status))
		case x != nil && !isOfficeDiscovery(x):
			here = notReached(out, []*probe.Exchange{x})
		}
		judged = judged || r.Missing() || x != nil
		if in := officeDiscovery(v.At(probe.Internal), host); len(here) > 0 && isOfficeDiscovery(in) {
			here = append(here, v.At(probe.Internal).SawExchange(in, "inside, %s answers with its discovery document", in.URL))
		}
		evidence = append(evidence, here...)
	}
	if !judged {
		return nothingToJudge
	}
	return verdict(evidence)
}
