package failure

import (
	"net/netip"
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyIPReputationOrGeoBlock = Mode{
	Rule: probe.Rule{
		ID:       "proxy.ip-reputation-or-geo-block",
		Severity: probe.High,
		Title:    "the reverse proxy refuses everything that comes from here, whatever host and path",
		Cause:    "a rule on the client's address, such as a list of allowed networks, of countries or of bad reputation, or one that refuses everybody; phones and guests come from any network",
		Remedy:   "Ask from another network: if that passes, it is the address. Let every address reach the Lync hosts, and let the Front End decide who signs in.",
		Settings: settings(
			pfSquid, "Services > Squid Proxy Server > ACLs: no Banned Hosts Addresses, and Allowed Subnets empty or with all networks; Firewall > pfBlockerNG: an alias of the Lync addresses in Custom DST, or Permit Inbound in front.",
			pfHAProxy, "Frontend > Access Control lists: remove ACLs of the kind Source IP and the http-request deny or tcp-request reject actions with them; Firewall > pfBlockerNG: no deny lists for ports 443 and 80 of the WAN address.",
			haproxy, "Remove http-request deny … { src … } and tcp-request connection reject … { src … } from the frontends of these hosts.",
			nginx, "allow all;  # in the servers of these hosts, in place of allow 10.0.0.0/8; deny all; and no if ($geoip_country_code …), if ($remote_addr …) or geo map that returns 403",
			squid, "http_access allow on-https lync-host  # in front of every http_access deny with an acl of src, and with no acl of src in it",
			apache, "Require all granted  # in the virtual hosts of these names, in place of Require ip, Require all denied, and Deny from",
			caddy, "Remove remote_ip and client_ip from the matchers of these hosts, and the respond 403 or abort that they lead to.",
			arr, "IP Address and Domain Restrictions: no entries for the site, and Access for unspecified clients: Allow.",
		),
		Sources:  []string{"RFC 9110 section 15.5.4", "Configuration requirements for reverse proxy in Lync Server 2013"},
		Reads:    probe.Lookups | probe.Dials | probe.Exchanges | probe.Handshakes | probe.Expectations,
		Detect:   detectProxyIPReputationOrGeoBlock,
		Explains: append([]probe.ID{"network.hairpin-nat-refused", "proxy.default-vhost-answers", "meeting.wac-unpublished"}, whatFollowsOnSimpleURLs...),
	},
	Confused: []probe.ID{"proxy.default-vhost-answers", "proxy.user-agent-filtered", "proxy.preauth-401", "network.wan-rule-missing"},
	Cases: []Case{
		{Name: "all-refused", Edit: func(t *topology.Topology) { refuseAll(t, "https", 403) }},
	},
	More: []Case{
		{Name: "on-port-80-too", Edit: func(t *topology.Topology) { refuseAll(t, "", 403) }},
	},
	Near: []Case{
		{Name: "unknown-hosts-refused", Edit: func(t *topology.Topology) {
			answerUnknownHosts(t, topology.Response{Status: 403, Body: "<html><head><title>403 Forbidden</title></head></html>"})
		}},
	},
}

// refuseAll puts a rule in front that refuses every request at the listener, as a rule on addresses does to those it is meant for.
func refuseAll(t *topology.Topology, listener string, status int) {
	p := &t.Proxy
	p.Rules = append([]topology.Rule{{
		Name: "networks that are not allowed", Hosts: []string{"*"}, Listener: listener,
		Respond: &topology.Response{Status: status, Body: "<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>"},
	}}, p.Rules...)
}

func detectProxyIPReputationOrGeoBlock(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	if cut := cutBeforeTLS(v); len(cut) > 0 {
		if x := servedElsewhere(v, cut); x != nil {
			return probe.Found(append(sawCut(l.Place, cut), *x)...)
		}
		return probe.Unknown(cut[0] + " takes connections and cuts them before TLS, whatever they begin with: a rule on addresses at the level of TCP does that, and so does a proxy that passes TCP on to where nobody answers; its log tells, and so does this tool in another network")
	}
	var refused []*probe.Exchange
	hosts, sure := 0, false
	for _, host := range slices.Concat(l.coreNames(), l.simpleNames()) {
		list := l.answers(host)
		if len(list) == 0 {
			continue
		}
		if !l.isNamed(host) || slices.ContainsFunc(list, func(x *probe.Exchange) bool { return x.Status != 403 || !turnedAway(x) }) {
			return probe.Clear()
		}
		hosts++
		refused = append(refused, list...)
		sure = sure || slices.ContainsFunc(list, func(x *probe.Exchange) bool { return x.Purpose == probe.GetMeetingPhone })
	}
	if hosts < 2 {
		return nothingToJudge
	}
	evidence := []probe.Evidence{l.SawExchange(refused[0], "%s; so are all %d requests over TLS, to %d hosts, and no Front End made these answers", refusal(refused[0]), len(refused), hosts)}
	if x := servedElsewhere(v, l.addrs); x != nil {
		evidence, sure = append(evidence, *x), true
	}
	if !sure {
		return probe.Unknown(evidence[0].Text + "; whether that is for the address they come from, or for what this tool calls itself, shows when a browser in the same network asks, and this tool in another")
	}
	return probe.Found(append(evidence, besideProxy(v)...)...)
}

// cutBeforeTLS are the published addresses, when at all of them connections to port 443 are cut before TLS begins, also behind a PROXY
// header; none otherwise.
func cutBeforeTLS(v *probe.View) []string {
	out := v.At(probe.External)
	var cut []string
	for _, host := range slices.Concat(discoveryNames(v), externalWebHosts(v)) {
		for _, a := range out.Resolve(host).Addrs {
			d := out.Dial(netip.AddrPortFrom(a, 443).String())
			switch {
			case d == nil || slices.Contains(cut, a.String()):
			case d.Outcome.Code == probe.Reset, d.Outcome.OK() && cutsAll(out, d.Addr):
				cut = append(cut, a.String())
			default:
				return nil
			}
		}
	}
	return cut
}

// cutsAll tells whether an address cut every TLS handshake, one behind a PROXY header among them.
func cutsAll(p *probe.Place, addr string) bool {
	headed := false
	for _, h := range p.Handshakes() {
		if h.Addr == addr && !isCut(h.Outcome.Code) {
			return false
		}
		headed = headed || h.Addr == addr && h.Purpose == probe.HandshakeProxied
	}
	return headed
}

// sawCut is evidence of connections that were cut.
func sawCut(p *probe.Place, addrs []string) []probe.Evidence {
	var evidence []probe.Evidence
	for _, a := range addrs {
		evidence = append(evidence, p.Saw("%s cuts every connection to port 443 before TLS begins", a))
	}
	return evidence
}

// servedElsewhere is evidence that clients at another place get answers of the Front End at the same addresses; nil when there is none.
func servedElsewhere(v *probe.View, addrs []string) *probe.Evidence {
	for _, p := range clientPlaces(v) {
		if p.Name() == probe.External {
			continue
		}
		for _, x := range p.Exchanges() {
			if overTLS(x) && slices.Contains(addrs, addressOf(x.Addr)) && fromFrontEnd(x) {
				e := p.SawExchange(x, "from there, %s at the same address is answered by the Front End", x.URL)
				return &e
			}
		}
	}
	return nil
}
