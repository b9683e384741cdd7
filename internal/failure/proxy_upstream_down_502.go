package failure

import (
	"fmt"
	"slices"
	"time"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyUpstreamDown502 = Mode{
	Rule: probe.Rule{
		ID:       "proxy.upstream-down-502",
		Severity: probe.Critical,
		Title:    "the reverse proxy gets no answer from the Front End",
		Cause:    "the web server it forwards to is down, has another address or port, the proxy does not get on with its certificate, or its health check takes a healthy one out; from outside these look the same",
		Remedy:   "From the machine of the proxy, connect to the web server as it is entered there: address, port, TLS, certificate. Correct what fails first, and ask again with the view from beside the proxy.",
		Settings: settings(
			pfSquid, "Web Servers: peer IP and port 4443. Status > System Logs shows why the peer is dead.",
			pfHAProxy, "Backend: server address and port 4443; Stats page: the server must be up.",
			haproxy, "server fe1 10.10.10.11:4443 ssl verify required ca-file /etc/haproxy/enterprise-root.pem sni str(fe1.contoso.example) check  # not disabled, no send-proxy, no check on another port; the stats socket says why it is down: show stat",
			nginx, "proxy_pass https://10.10.10.11:4443;  # error.log names the cause. connect() failed: address, port, firewall. SSL_do_handshake() failed: the port does not speak TLS, or proxy_ssl_protocols. certificate verify error: proxy_ssl_trusted_certificate. does not match: proxy_ssl_name. prematurely closed: http:// to port 4443",
			squid, "cache_peer 10.10.10.11 parent 4443 0 no-query no-digest originserver … tls ssldomain=fe1.contoso.example; cache.log names the cause: connection failed, certificate verify failed, Detected DEAD Parent.",
			apache, "ProxyPass / https://10.10.10.11:4443/ (both with a slash; SSLProxyEngine On; no status=+D on BalancerMember); the error log names the cause (AH01114, AH01084 …).",
			caddy, "reverse_proxy https://10.10.10.11:4443; no unhealthy_status 4xx, and health_uri one that answers 200. journalctl -u caddy names the cause: dial tcp …, tls: …, no upstreams available.",
			arr, "Server farm: httpsPort 4443; Monitoring and Management must show the server as available.",
		),
		Sources: []string{"Load balancing requirements for Skype for Business", "Using ARR for reverse proxy with Lync 2013 (Wesselius)",
			"Port and protocol details for the Lync 2013 reverse proxy"},
		Reads:    probe.Lookups | probe.Dials | probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectProxyUpstreamDown502,
		Explains: append([]probe.ID{"meeting.simple-url-dns-missing"}, whatFollowsOnSimpleURLs...),
	},
	Confused: []probe.ID{"frontend.external-site-stopped", "network.firewall-proxy-to-fe-blocked", "tls.backend-untrusted",
		"tls.backend-name-mismatch", "proxy.peer-protocol-wrong", "frontend.one-node-down", "frontend.app-pool-stopped-503"},
	Cases: []Case{
		{Name: "wrong-port", Edit: func(t *topology.Topology) {
			for _, w := range append(t.Proxy.FrontEndServers("https"), t.Proxy.FrontEndServers("http")...) {
				w.Port = 4444
			}
		}},
	},
	More: []Case{
		{Name: "wrong-port-https-only", Edit: func(t *topology.Topology) {
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Port = 4444
			}
		}},
		{Name: "web-services-rule-only", Edit: func(t *topology.Topology) {
			t.Proxy.WebServers = append(t.Proxy.WebServers, topology.WebServer{
				Alias: "old", Address: topology.FE1Inside.String(), Port: 4445, Scheme: "https", Verify: "none"})
			ownRule(t, "web services", t.ExternalWeb()).WebServers = []string{"old"}
		}},
	},
	Near: []Case{
		{Name: "one-web-server-wrong", Edit: func(t *topology.Topology) {
			t.Proxy.WebServers = append(t.Proxy.WebServers, topology.WebServer{
				Alias: "spare", Address: topology.FE1Inside.String(), Port: 4445, Scheme: "https", Verify: "none"})
		}},
	},
	MoreNear: []Case{
		{Name: "unpublished-hosts-fail", Edit: func(t *topology.Topology) {
			answerUnknownHosts(t, topology.Response{Status: 503, Body: "<html><body>No server is available.</body></html>"})
		}},
	},
}

func detectProxyUpstreamDown502(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	asked := false
	hosts := slices.Concat(l.coreNames(), l.simpleNames())
	for _, host := range hosts {
		list := l.answers(host)
		asked = asked || len(list) > 0
		if x := forwardingFailed(l, list); x != nil && l.isNamed(host) && (cutOff(x) || !isDefaultAnswer(l, x)) {
			evidence = append(evidence, l.SawExchange(x, "%s%s, and so is every other request to that host: no Front End made these answers", refusal(x), afterWaiting(x)))
		}
	}
	for _, host := range discoveryNames(v) {
		list := l.plainAnswers(host)
		asked = asked || len(list) > 0
		if x := forwardingFailed(l, list); x != nil {
			evidence = append(evidence, l.SawExchange(x, "%s%s: no Front End made that answer", refusal(x), afterWaiting(x)))
		}
	}
	switch {
	case !asked:
		return nothingToJudge
	case len(evidence) == 0:
		return probe.Clear()
	}
	p := v.At(probe.Proxy)
	for _, w := range v.Expected().WebServers {
		for _, addr := range reachedAt(p, w.Address) {
			if d := p.Dial(addr); d != nil && !d.Outcome.OK() && w.Application != topology.OfficeWebApps {
				evidence = append(evidence, p.SawDial(d, "%s, a web server of the proxy, %s", addr, dialWords(d)))
			}
		}
	}
	if x := outOfService(l); x != nil && !noWebServer(v) {
		if e := besideProxy(v); len(e) > 0 {
			evidence = append(evidence, l.SawExchange(x, "that 503 came at once, though the web servers answer when they are asked straight: the proxy may hold them for down. Its health check asks for a path or expects a status that they do not give, as 200 for /, or asks another port, or they were switched off there"))
			evidence = append(evidence, e...)
		}
	}
	return probe.Found(evidence...)
}

// outOfService is a 503 that came at once from HAProxy or Caddy, when all answers over TLS are such; nil otherwise. nginx says
// 502 in that case, and is not told; Apache and Squid also say 503 when a connection fails.
func outOfService(l *listener) *probe.Exchange {
	var show *probe.Exchange
	for _, host := range l.coreNames() {
		for _, x := range l.answers(host) {
			if product := probe.MakerOf(x).Product; x.Status != 503 || x.Elapsed > 2*time.Second || product != "HAProxy" && product != "Caddy" {
				return nil
			}
			show = x
		}
	}
	return show
}

// forwardingFailed returns an exchange that shows it, when all of a host's requests ended in an error of forwarding:
// a 5xx of the proxy's own, or no answer at all within the time the probe gives.
func forwardingFailed(l *listener, list []*probe.Exchange) *probe.Exchange {
	var show *probe.Exchange
	for _, x := range list {
		switch {
		case fromMiddle(x) && x.Status >= 500:
			if show == nil || show.Status == 0 {
				show = x
			}
		case x.Status == 0 && x.Outcome.Code == probe.Timeout, cutOff(x) && cutLikeForwarding(l, x):
			if show == nil {
				show = x
			}
		default:
			return nil
		}
	}
	return show
}

// cutLikeForwarding tells whether a connection cut in place of an answer is the fault of forwarding: no host gets an answer of
// a Front End, and hosts that nobody publishes get one, or there is nobody to forward to.
func cutLikeForwarding(l *listener, x *probe.Exchange) bool {
	u := l.unknownAnswer(x.Addr)
	return u != nil && (u.Status != 0 || noWebServer(l.view)) && !l.servesAny("")
}

// noWebServer tells whether, beside the proxy, none of its web servers for HTTPS takes connections.
func noWebServer(v *probe.View) bool {
	p := v.At(probe.Proxy)
	tried := false
	for _, w := range v.Expected().WebServers {
		if w.Scheme != "https" || w.Application == topology.OfficeWebApps {
			continue
		}
		for _, addr := range reachedAt(p, w.Address) {
			d := p.Dial(addr)
			if d == nil || d.Outcome.OK() {
				return false
			}
			tried = true
		}
	}
	return tried
}

// afterWaiting tells a connection refused from one that timed out, as far as time can tell.
func afterWaiting(x *probe.Exchange) string {
	if x.Elapsed > 2*time.Second && x.Status != 0 {
		return fmt.Sprintf(" after a wait of %d s", int(x.Elapsed.Round(time.Second)/time.Second))
	}
	return ""
}
