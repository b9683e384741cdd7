package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyHTTP10Upstream = Mode{
	Rule: probe.Rule{
		ID:       "proxy.http10-upstream",
		Severity: probe.High,
		Title:    "the reverse proxy ends the connection after every answer",
		Cause:    "it speaks HTTP/1.0 without keep-alive, to the Front End or to clients; Windows log-ons take several requests on one connection, so they never come to an end",
		Remedy:   "Speak HTTP/1.1 with keep-alive on both sides.",
		Settings: settings(
			pfSquid, "No server_persistent_connections off or client_persistent_connections off in custom options.",
			pfHAProxy, "Backend: remove option httpclose and http-server-close.",
			haproxy, "Remove option httpclose, option forceclose and option http-server-close.",
			nginx, `keepalive_timeout 1200s;  # not 0; and proxy_http_version 1.1; proxy_set_header Connection "";`,
			squid, "server_persistent_connections on  # and client_persistent_connections on: both are the defaults",
			apache, "Remove SetEnv force-proxy-request-1.0, proxy-nokeepalive, force-response-1.0 and nokeepalive; KeepAlive On.",
			caddy, "versions 1.1 in transport http; remove header Connection close and header_down Connection close",
			arr, "Server farm > Proxy: HTTP version Pass through or HTTP/1.1, Keep alive ticked.",
		),
		Sources:  []string{"nginx: proxy_http_version", "RFC 9112 section 9.3", "[MS-NTHT] section 1.3"},
		Reads:    probe.SignIns | probe.Logons | probe.Exchanges,
		Detect:   detectProxyHTTP10Upstream,
		Explains: []probe.ID{"proxy.ntlm-multiplexed"},
	},
	SignsIn:  true,
	Confused: []probe.ID{"proxy.ntlm-multiplexed"},
	Cases: []Case{
		{Name: "both-sides", Edit: func(t *topology.Topology) {
			r := &t.Proxy.Rules[0]
			r.HTTP10 = true
			r.SetResponseHeaders = map[string]string{"Connection": "close"}
		}},
	},
	Near: []Case{
		{Name: "office-web-apps-only", Edit: func(t *topology.Topology) {
			r := t.Proxy.Rule(t.App(topology.OfficeWebApps).FQDN)
			r.HTTP10 = true
			r.SetResponseHeaders = map[string]string{"Connection": "close"}
		}},
	},
}

func detectProxyHTTP10Upstream(v *probe.View) probe.Verdict {
	if len(signingPlaces(v)) == 0 {
		return nobodySignedIn
	}
	var evidence []probe.Evidence
	asked := false
	for _, p := range clientPlaces(v) {
		list := p.Logons()
		for i := range list {
			l := &list[i]
			if l.Protocol == "2" || straight(v, p, l) || len(l.Exchanges) < 2 {
				continue
			}
			asked = true
			if len(evidence) > 0 {
				break // they are all alike
			}
			// The challenge is the answer before the last, or the last when nothing came after it.
			for _, id := range l.Exchanges[1:] {
				x := p.Exchange(id)
				if l.Result != probe.LogonGranted && x != nil && x.Status == 401 && fromFrontEnd(x) && endsConnection(x) {
					evidence = append(evidence, p.SawExchange(x, "%s: the challenge comes with Connection: close, and the log-on ends with it", wordsOf(logon{l, p})))
					break
				}
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	for _, x := range v.At(probe.Proxy).Exchanges(probe.SignInTicket) {
		if x.Status == 401 && endsConnection(x) {
			return probe.Clear() // the Front End itself does so
		}
	}
	return verdict(evidence)
}

// endsConnection tells whether the server said that it closes the connection.
func endsConnection(x *probe.Exchange) bool {
	return strings.EqualFold(x.Header.Get("Connection"), "close")
}
