package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyAuthorizationStripped = Mode{
	Rule: probe.Rule{
		ID:       "proxy.authorization-stripped",
		Severity: probe.Critical,
		Title:    "the reverse proxy takes the Authorization header out of requests",
		Cause:    "a security policy, or an authentication of the proxy's own, keeps credentials and tokens from the Front End, which asks for them again and again",
		Remedy:   "Pass Authorization through unchanged, whatever its scheme: NTLM, Negotiate, Bearer.",
		Settings: settings(
			pfSquid, "Leave login=PASSTHRU connection-auth=on on the peers, as the package writes them; no request_header_access Authorization.",
			pfHAProxy, "Remove actions that delete the request header Authorization.",
			haproxy, "Remove http-request del-header Authorization.",
			nginx, `Remove proxy_set_header Authorization "";`,
			squid, "cache_peer 10.10.10.11 parent 4443 0 no-query originserver login=PASSTHRU …  # without login= Authorization is taken out; and no request_header_access Authorization deny",
			apache, "Remove RequestHeader unset Authorization.",
			caddy, "Remove header_up -Authorization and request_header -Authorization.",
			arr, "Remove server variables that set HTTP_AUTHORIZATION; Anonymous only on the proxy's site.",
		),
		Sources:  []string{"UCWA 2.0: Authentication in UCWA", "[MS-NTHT] section 3.1", "Squid: cache_peer login=PASSTHRU"},
		Reads:    probe.SignIns | probe.Logons | probe.Exchanges,
		Detect:   detectProxyAuthorizationStripped,
		Explains: []probe.ID{"proxy.ntlm-multiplexed"},
	},
	SignsIn:  true,
	Confused: []probe.ID{"proxy.ntlm-multiplexed", "proxy.x-ms-headers-stripped"},
	Cases: []Case{
		{Name: "every-scheme", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].RemoveRequestHeaders = []string{"Authorization"} }},
	},
	More: []Case{
		{Name: "tokens-only", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].RemoveRequestHeaders = []string{"Authorization: Bearer"}
		}},
		{Name: "windows-only", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].RemoveRequestHeaders = []string{"Authorization: Negotiate", "Authorization: NTLM"}
		}},
	},
	Near: []Case{
		{Name: "basic-credentials-only", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].RemoveRequestHeaders = []string{"Authorization: Basic"}
		}},
	},
}

func detectProxyAuthorizationStripped(v *probe.View) probe.Verdict {
	if len(signingPlaces(v)) == 0 {
		return nobodySignedIn
	}
	var evidence []probe.Evidence
	for _, s := range ticketIgnored(v, probe.ClientWeb) {
		evidence = append(evidence, s.at.SawStep(s.SignInStep, "%s got a token for %s, and %s answers 401 to it as if none had been sent", s.client, s.account, s.answer.URL))
	}
	tokens := len(evidence) > 0
	ignored, heard := 0, false
	for _, p := range clientPlaces(v) {
		for _, l := range p.Logons() {
			switch {
			case l.Protocol == "2" || straight(v, p, &l):
			case l.Result == probe.LogonNoChallenge:
				ignored++
				evidence = append(evidence, p.SawLogon(&l, "%s offers Windows authentication, and answers the first message of %s with no challenge", l.URL, l.Scheme))
			case l.Result == probe.LogonGranted || l.Result == probe.LogonRefused:
				heard = true
			}
		}
	}
	same, asked := straightHears(v, tokens)
	switch {
	case len(evidence) == 0 || asked && !same:
		return probe.Clear()
	case same, tokens && ignored > 0:
		return probe.Found(evidence...)
	case tokens && heard:
		return probe.Unknown("tokens are ignored and Windows authentication is not: look from beside the proxy as well, to tell what the proxy removes from what the Front End refuses")
	}
	return probe.Unknown("one kind of credentials is ignored, and there is nothing to compare with: look from beside the proxy as well")
}

// straightHears tells whether Front Ends that are asked straight take the same credentials; asked is false when nobody
// asked them.
func straightHears(v *probe.View, tokens bool) (same, asked bool) {
	p := v.At(probe.Proxy)
	if tokens {
		for _, s := range stepsNamed(v, probe.StepUser) {
			if s.at.Name() == probe.Proxy && s.client == probe.ClientWeb {
				return s.Result == probe.StepOK, true
			}
		}
		return false, false
	}
	for _, l := range p.Logons() {
		asked = true
		same = same || l.Result == probe.LogonGranted || l.Result == probe.LogonRefused
	}
	return same, asked
}
