package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyHTTP2FrontendBreaksNTLM = Mode{
	Rule: probe.Rule{
		ID:       "proxy.http2-frontend-breaks-ntlm",
		Severity: probe.Medium,
		Title:    "Windows log-ons fail for clients that speak HTTP/2, and work for others",
		Cause:    "the public listener offers HTTP/2, over which many requests share a connection, so an authentication that belongs to the connection cannot work",
		Remedy:   "Offer HTTP/1.1 only on the listeners of the Lync hosts.",
		Settings: http1Only(),
		Sources:  []string{"RFC 9113 section 9.1.1", "RFC 4559 section 6"},
		Reads:    probe.SignIns | probe.Logons | probe.Exchanges,
		Detect:   detectProxyHTTP2FrontendBreaksNTLM,
		Explains: []probe.ID{"tls.alpn-h2-offered"},
	},
	SignsIn:  true,
	Confused: []probe.ID{"proxy.ntlm-multiplexed", "tls.alpn-h2-offered"},
	Cases: []Case{
		{Name: "http2-on", Edit: func(t *topology.Topology) { t.Proxy.HTTP2 = true }},
	},
	Near: []Case{
		{Name: "tls13-only", Edit: func(t *topology.Topology) { t.Proxy.MinTLS = "1.3" }},
	},
}

func detectProxyHTTP2FrontendBreaksNTLM(v *probe.View) probe.Verdict {
	if len(signingPlaces(v)) == 0 {
		return nobodySignedIn
	}
	tried := false
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		var fine, failed *probe.Logon
		list := p.Logons()
		for i := range list {
			switch l := &list[i]; {
			case straight(v, p, l):
			case l.Protocol == "2":
				tried = true
				if l.Result == probe.LogonRefused || l.Result == probe.LogonFailed || l.Result == probe.LogonNoChallenge {
					failed = l
				}
			case l.Result == probe.LogonGranted:
				fine = l
			}
		}
		if fine != nil && failed != nil {
			evidence = append(evidence,
				p.SawLogon(failed, "%s over HTTP/2: not logged on", wordsOf(logon{failed, p})),
				p.SawLogon(fine, "%s over HTTP/1.1: granted", wordsOf(logon{fine, p})))
		}
	}
	if !tried {
		return nothingToJudge
	}
	return verdict(evidence)
}
