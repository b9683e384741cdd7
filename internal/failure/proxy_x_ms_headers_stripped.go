package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyXMSHeadersStripped = Mode{
	Rule: probe.Rule{
		ID:       "proxy.x-ms-headers-stripped",
		Severity: probe.Critical,
		Title:    "the reverse proxy takes headers away that tickets travel in",
		Cause:    "a list of allowed headers, or a filter of unknown ones, drops X-MS-WebTicket from requests or X-MS-WebTicketURL from answers, so phones and desktop clients never get in",
		Remedy:   "Pass all headers through in both directions, those beginning with X-MS- above all.",
		Settings: settings(
			pfSquid, "No request_header_access or reply_header_access lines in custom options.",
			pfHAProxy, "Remove actions that delete X-MS- headers.",
			haproxy, "Remove http-request and http-response del-header lines for X-MS-, also x- with -m beg: names are lower case there.",
			nginx, "Remove proxy_pass_request_headers off, proxy_set_header X-MS-WebTicket \"\" and proxy_hide_header X-MS- lines; proxy_intercept_errors off;",
			squid, "Remove request_header_access All deny all, and reply_header_access Other deny all: Other is every header that Squid does not know.",
			apache, "Remove RequestHeader unset and Header unset for X-MS- names, and ProxyErrorOverride On, which takes headers with the error pages.",
			caddy, "Remove header_up -X-MS-…, header_down -X-MS-… and handle_response blocks that write the answer anew.",
			arr, "Remove outbound rules for RESPONSE_X_MS_ and server variables HTTP_X_MS_ names.",
		),
		Sources: []string{"[MS-OCDISCWS] section 3.1.5.3", "[MS-OCAUTHWS] section 1.5"},
		Reads:   probe.SignIns | probe.Exchanges,
		Detect:  detectProxyXMSHeadersStripped,
	},
	SignsIn:  true,
	Confused: []probe.ID{"proxy.authorization-stripped", "proxy.www-authenticate-stripped"},
	Cases: []Case{
		{Name: "tickets-in-requests", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].RemoveRequestHeaders = []string{"X-MS-*"} }},
		{Name: "ticket-address-in-answers", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].RemoveResponseHeaders = []string{"X-MS-*"} }},
	},
	Near: []Case{
		{Name: "server-names-hidden", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].RemoveResponseHeaders = []string{"X-MS-Server-Fqdn", "X-Ms-diagnostics"}
		}},
	},
}

func detectProxyXMSHeadersStripped(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	var evidence []probe.Evidence
	asked := false
	for _, x := range out.Exchanges(probe.GetUserLegacy) {
		bare := x.Header.Get("X-Ms-Webticketurl") == "" && len(x.Header["Www-Authenticate"]) == 0
		// A page of the proxy's own takes the place of the Front End's when it asks for nothing. nginx, proxy_intercept_errors.
		if x.Status != 401 || !fromFrontEnd(x) && !isIISPage(x) && !bare || !ownName(v, x.Host) {
			continue
		}
		asked = true
		if bare {
			evidence = append(evidence, out.SawExchange(x, "%s is answered 401 by %s, without X-MS-WebTicketURL", x.URL, probe.MakerOf(x).Name()))
		}
	}
	for _, client := range []string{probe.ClientMobile2013, probe.ClientDesktop, probe.ClientMobile2010} {
		for _, s := range ticketIgnored(v, client) {
			// The same kind of ticket in the other header, or past the proxy, is taken.
			if !came(v, s.at.Name(), probe.ClientWeb, probe.StepUser) && !came(v, probe.Proxy, client, probe.StepUser) {
				continue
			}
			evidence = append(evidence, s.at.SawStep(s.SignInStep, "%s got a ticket for %s, and %s answers 401 to it as if none had been sent", s.client, s.account, s.answer.URL))
		}
	}
	switch {
	case len(evidence) > 0:
		return probe.Found(evidence...)
	case len(signingPlaces(v)) == 0:
		return nobodySignedIn
	case !asked && len(stepsNamed(v, probe.StepUser)) == 0:
		return nothingToJudge
	}
	return probe.Clear()
}
