package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var meetingWacWrongPortOrOffload = Mode{
	Rule: probe.Rule{
		ID:       "meeting.wac-wrong-port-or-offload",
		Severity: probe.High,
		Title:    "the reverse proxy forwards Office Web Apps to the wrong server or port",
		Cause:    "its publishing rule was copied from Lync: requests go to the Front Ends, or to port 4443 or 80 of Office Web Apps, which listens on 443",
		Remedy:   "Forward the Office Web Apps host to port 443 of the Office Web Apps server, over HTTPS; the ports 4443 and 8080 are for the Lync hosts only.",
		Settings: settings(
			pfSquid, "Web Servers: the peer of Office Web Apps has port 443 and protocol HTTPS, and a mapping of its own.",
			pfHAProxy, "Backend of Office Web Apps: server port 443, Encrypt(SSL) ticked.",
			haproxy, "server wac1 10.10.10.20:443 ssl verify required ca-file enterprise-root.pem",
			nginx, "proxy_pass https://10.10.10.20:443;",
			apache, "ProxyPass / https://10.10.10.20/ nocanon",
			caddy, `@wac host wac.contoso.example
handle @wac {
	reverse_proxy https://10.10.10.20:443 {
		transport http {
			tls_server_name wac.contoso.example
			tls_trusted_ca_certs enterprise-root.pem
		}
	}
}`,
			arr, "The farm of Office Web Apps has httpsPort 443, and SSL offloading is off.",
		),
		Sources:  []string{"Port and protocol details for the Lync 2013 reverse proxy"},
		Reads:    probe.Dials | probe.Exchanges | probe.Expectations,
		Detect:   detectMeetingWacWrongPortOrOffload,
		Explains: []probe.ID{"proxy.upstream-down-502", "tls.backend-name-mismatch", "proxy.peer-protocol-wrong"},
	},
	Confused: []probe.ID{"meeting.wac-unpublished", "proxy.upstream-down-502"},
	Cases: []Case{
		{Name: "to-front-end", Edit: func(t *topology.Topology) {
			t.Proxy.Rule(t.App(topology.OfficeWebApps).FQDN).WebServers = []string{topology.FE1HTTPS}
		}},
	},
	More: []Case{
		{Name: "port-flipped", Edit: func(t *topology.Topology) { t.Proxy.WebServer(topology.OfficeServer).Port = 4443 }},
		{Name: "offloaded-to-80", Edit: func(t *topology.Topology) {
			w := t.Proxy.WebServer(topology.OfficeServer)
			w.Port, w.Scheme, w.Verify, w.Name = 80, "http", "", ""
		}},
	},
	Near: []Case{
		{Name: "with-port-80", Edit: func(t *topology.Topology) { t.App(topology.OfficeWebApps).HTTP = 80 }},
	},
}

func detectMeetingWacWrongPortOrOffload(v *probe.View) probe.Verdict {
	out, in, at := v.At(probe.External), v.At(probe.Internal), v.At(probe.Proxy)
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
		x := officeDiscovery(out, host)
		if x == nil {
			continue
		}
		judged = true
		inside := officeDiscovery(in, host)
		switch {
		case isOfficeDiscovery(x) || !x.Outcome.OK():
			continue
		case probe.MakerOf(x).FrontEnd && anyHostReaches(out, x.Addr):
			continue // not sent there by a rule of its own
		case probe.MakerOf(x).FrontEnd:
			evidence = append(evidence, out.SawExchange(x, "%s answers %d, and the answer is a Lync Front End's (%s)", x.URL, x.Status, probe.MakerOf(x).Marks))
		// 400 is what servers say to plain HTTP at their port for TLS.
		case (x.Status >= 500 || x.Status == 400) && passedOn(out, x) != nil && (inside == nil || isOfficeDiscovery(inside)):
			if like, _ := likeUnknown(out, x); like != nil {
				continue // not published: what a host without rule gets
			}
			evidence = append(evidence, out.SawExchange(x, "%s answers %d, from %s: it gets no answer from the server behind", x.URL, x.Status, probe.MakerOf(x).Name()),
				out.SawExchange(passedOn(out, x), "%s at the same address is answered by the Front End", passedOn(out, x).Host))
		default:
			continue
		}
		if isOfficeDiscovery(inside) {
			evidence = append(evidence, in.SawExchange(inside, "inside, %s answers with its discovery document", inside.URL))
		}
	}
	if !judged {
		return nothingToJudge
	}
	if len(evidence) > 0 && at.Seen() {
		for _, w := range v.Expected().WebServers {
			if w.Application != "office-web-apps" {
				continue
			}
			if d := at.Dial(w.Address); d != nil && !d.Outcome.OK() {
				evidence = append(evidence, at.SawDial(d, "%s, where the proxy forwards to, does not take connections (%s)", w.Address, d.Outcome.Words()))
			}
		}
	}
	return verdict(evidence)
}
