package lint

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// withPort is the peer's line with another port, and with TLS or without.
func (p *squidPeer) withPort(port string, tls bool) string {
	words := slices.Clone(p.words)
	words[3] = port
	if tls && !p.tls() {
		words = append(words, "ssl", "sslcafile=/etc/squid/tls/enterprise-roots.pem")
	}
	if !tls {
		words = slices.DeleteFunc(words, func(w string) bool {
			return w == "ssl" || w == "tls" || strings.HasPrefix(w, "ssl") || strings.HasPrefix(w, "tls-") || strings.HasPrefix(w, "front-end-https")
		})
	}
	return squidLine(words)
}

// squidLine is a line with its secrets left out.
func squidLine(words []string) string {
	all := slices.Clone(words)
	for i, w := range all {
		if strings.HasPrefix(w, "login=") && !goodLogin(w[len("login="):]) {
			all[i] = "login=PASSTHRU"
		}
	}
	return strings.Join(all, " ")
}

// with is the line with further words, without the options that they replace.
func (s statement) with(options ...string) string {
	words := slices.DeleteFunc(slices.Clone(s.words), func(w string) bool {
		name, _, _ := strings.Cut(w, "=")
		return slices.ContainsFunc(options, func(o string) bool { n, _, _ := strings.Cut(o, "="); return n == name })
	})
	return squidLine(append(words, options...))
}

// without is the line without options, by their names.
func (s statement) without(names ...string) string {
	return squidLine(slices.DeleteFunc(slices.Clone(s.words), func(w string) bool {
		name, _, _ := strings.Cut(w, "=")
		return slices.Contains(names, name)
	}))
}

// eachPeer makes findings of Front Ends.
func (c *squidConfig) eachPeer(find func(*squidPeer) (reason, fix string)) (found []Finding) {
	for _, p := range c.lyncPeers() {
		if reason, fix := find(p); reason != "" {
			found = append(found, p.finding(reason, fix))
		}
	}
	return found
}

func squidInternalTLS(c *squidConfig) []Finding {
	return c.eachPeer(func(p *squidPeer) (string, string) {
		if p.port != "443" || c.onlyInternal(p) {
			return "", ""
		}
		return p.host + ":443 is the Front End's internal web site. Clients outside get the internal addresses from it, and sign-in, meetings and phones fail. " +
			"The external web site is at port 4443.", p.withPort("4443", true)
	})
}

// onlyInternal tells whether none but internal names lead to a peer.
func (c *squidConfig) onlyInternal(p *squidPeer) bool {
	internal := false
	for _, x := range c.analysis {
		if slices.Contains(x.peers, p) {
			if x.role != internalHost {
				return false
			}
			internal = true
		}
	}
	return internal
}

func squidInternalPlain(c *squidConfig) []Finding {
	return c.eachPeer(func(p *squidPeer) (string, string) {
		if p.port != "80" || c.onlyInternal(p) {
			return "", ""
		}
		return p.host + ":80 is the Front End's internal web site. Discovery over HTTP gets internal addresses from it. The external web site speaks HTTP at port 8080.",
			p.withPort("8080", false)
	})
}

func squidScheme(c *squidConfig) []Finding {
	return c.eachPeer(func(p *squidPeer) (string, string) {
		switch {
		case (p.port == "4443" || p.port == "443") && !p.tls():
			return "Port " + p.port + " of the Front End speaks TLS. Squid sends it plain HTTP, and IIS answers 400 or ends the connection.", p.withPort("4443", true)
		case (p.port == "8080" || p.port == "80") && p.tls():
			return "Port " + p.port + " of the Front End speaks plain HTTP. The TLS handshake that Squid begins there fails, and clients get 503.",
				p.withPort("8080", false) + "\n# or, for what came over HTTPS:\n" + p.withPort("4443", true)
		}
		return "", ""
	})
}

// split are the peers of a question by whether they speak TLS, as their ports say.
func (x squidPublished) split() (tls, plain []*squidPeer) {
	for _, p := range x.peers {
		switch {
		case !p.lync:
		case p.port == "8080" || p.port == "80" || !p.tls() && p.port != "4443" && p.port != "443":
			plain = append(plain, p)
		default:
			tls = append(tls, p)
		}
	}
	return tls, plain
}

// keepApart are lines that send to a peer what came to one listener, and nothing else.
func (c *squidConfig) keepApart(p *squidPeer, tls bool) string {
	name, port := "plain", "80"
	if tls {
		name, port = "tls", "443"
	}
	for _, l := range c.listeners {
		if l.tls == tls {
			port = l.port
		}
	}
	return fmt.Sprintf("acl came_%s localport %s\ncache_peer_access %s allow came_%s\ncache_peer_access %s deny all", name, port, p.name, name, p.name)
}

func squidMixed(c *squidConfig) (found []Finding) {
	for _, x := range c.analysis {
		tls, plain := x.split()
		if len(tls) == 0 || len(plain) == 0 {
			continue
		}
		wrong := plain[0]
		if c.separated() {
			continue
		}
		found = append(found, wrong.finding(fmt.Sprintf("Requests%s that come to %s %s may go to %s (port %s) and to %s (port %s). The Front End gives other answers over the wrong scheme, now and then or whenever the first peer is slow.",
			x.forName(), x.listener.words[0], x.listener.port, tls[0].name, tls[0].port, plain[0].name, plain[0].port), c.keepApart(tls[0], true)+"\n"+c.keepApart(plain[0], false)))
	}
	return firstPerLine(found)
}

// separated tells whether only lists that this package cannot judge tell the peers apart.
func (c *squidConfig) separated() bool {
	for _, x := range c.analysis {
		tls, plain := x.split()
		if len(tls) > 0 && len(plain) > 0 && slices.ContainsFunc(append(tls, plain...), func(p *squidPeer) bool { return slices.Contains(x.sure, p) && slices.Contains(x.peers, p) }) {
			sureTLS := slices.ContainsFunc(tls, func(p *squidPeer) bool { return slices.Contains(x.sure, p) })
			surePlain := slices.ContainsFunc(plain, func(p *squidPeer) bool { return slices.Contains(x.sure, p) })
			if sureTLS && surePlain {
				return false
			}
		}
	}
	return true
}

func (x squidPublished) forName() string {
	if !x.named() {
		return ""
	}
	return " for " + x.host
}

func squidOffload(c *squidConfig) (found []Finding) {
	for _, x := range c.analysis {
		tls, plain := x.split()
		if x.tls && len(tls) == 0 && len(plain) > 0 && !plain[0].tls() {
			found = append(found, plain[0].finding(fmt.Sprintf("Requests over HTTPS%s go to %s:%s as plain HTTP. The Front End asks for TLS at sign-in, and discovery there gives only a redirect to HTTPS.",
				x.forName(), plain[0].host, plain[0].port), plain[0].withPort("4443", true)))
		}
	}
	return firstPerLine(found)
}

func squidUpgrade(c *squidConfig) (found []Finding) {
	for _, x := range c.analysis {
		tls, plain := x.split()
		if !x.tls && x.role == discoverHost && x.listener.port == "80" && x.allowed.allowed == always && len(plain) == 0 && len(tls) > 0 && tls[0].tls() {
			found = append(found, x.listener.finding(fmt.Sprintf("Who asks for discovery over HTTP expects a redirect to HTTPS in the answer, which the Front End gives at port 8080. %s leads to port %s, whose whole answer then crosses the Internet in plain text.",
				tls[0].name, tls[0].port), strings.Replace(tls[0].withPort("8080", false), "name="+tls[0].name, "name="+tls[0].name+"_plain", 1)))
		}
	}
	return firstPerLine(found)
}

func squidDirect(c *squidConfig) (found []Finding) {
	lines := c.all("always_direct")
	for _, x := range c.analysis {
		if v := c.access(lines, 1, false, x.squidAsked); v.allowed == always && v.by.line > 0 && slices.ContainsFunc(x.peers, func(p *squidPeer) bool { return p.lync }) {
			found = append(found, v.by.finding("Squid asks DNS for the public name and connects there, at the public port: to itself, as a rule.", "never_direct allow all"))
		}
	}
	c.lyncListeners(func(l squidListener) {
		if l.has("allow-direct") {
			found = append(found, l.finding("Squid may ask DNS for the public name and connect there, at the public port: to itself, as a rule.", l.without("allow-direct")))
		}
	})
	return firstPerLine(found)
}

func squidOrigin(c *squidConfig) []Finding {
	return c.eachPeer(func(p *squidPeer) (string, string) {
		switch {
		case p.word(2) == "sibling":
			return "A sibling is asked for what it has in its cache. Squid never sends it a request of a client's.", strings.Replace(p.with("originserver"), " sibling ", " parent ", 1)
		case !p.has("originserver"):
			return "Without \"originserver\" Squid writes whole URLs and asks for a proxy's way of speaking, which IIS does not know.", p.with("originserver")
		}
		return "", ""
	})
}

func squidVerifyNone(c *squidConfig) []Finding {
	return c.eachPeer(func(p *squidPeer) (string, string) {
		if p.tls() && !p.verifies() {
			return "Whoever gets between the proxy and the Front End can read and change everything.", statement{words: strings.Fields(p.without("sslflags", "tls-flags"))}.with("sslcafile=/etc/squid/tls/enterprise-roots.pem", "ssldomain="+p.certificateName())
		}
		return "", ""
	})
}

func (p *squidPeer) verifies() bool {
	return !strings.Contains(p.option("sslflags", "tls-flags", "flags"), "DONT_VERIFY_PEER")
}

// certificateName is what to write for the name in the Front End's certificate.
func (p *squidPeer) certificateName() string {
	if _, err := netip.ParseAddr(p.host); err == nil {
		return "fe1.contoso.example"
	}
	return p.host
}

func squidNoRoots(c *squidConfig) []Finding {
	return c.eachPeer(func(p *squidPeer) (string, string) {
		if p.tls() && p.verifies() && p.option("sslcafile", "tls-cafile", "cafile", "sslcapath", "tls-capath", "capath") == "" {
			return "Squid verifies the Front End's certificate with the roots of the system, which as a rule has not the internal authority that issued it. Then every request ends in 503. " +
				"It is right where the internal root was added to the system's.", p.with("sslcafile=/etc/squid/tls/enterprise-roots.pem")
		}
		return "", ""
	})
}

func squidNoName(c *squidConfig) []Finding {
	return c.eachPeer(func(p *squidPeer) (string, string) {
		_, err := netip.ParseAddr(p.host)
		if p.tls() && p.verifies() && err == nil && p.option("ssldomain", "tls-domain") == "" && !strings.Contains(p.option("sslflags", "tls-flags", "flags"), "DONT_VERIFY_DOMAIN") {
			return "Squid compares the names in the certificate with " + p.host + ", which is in none. Every request ends in 503.", p.with("ssldomain=" + p.certificateName())
		}
		return "", ""
	})
}

func squidTwice(c *squidConfig) (found []Finding) {
	for i, p := range c.peers {
		if slices.ContainsFunc(c.peers[:i], func(q *squidPeer) bool { return q.name == p.name && (q.lync || p.lync) }) {
			found = append(found, p.finding(fmt.Sprintf("A peer's name is its address unless \"name=\" gives another; there are two of %s, and Squid does not start.", p.name), p.with("name="+strings.ReplaceAll(p.name, ".", "_")+"_"+p.port)))
		}
	}
	return found
}

func squidAffinity(c *squidConfig) (found []Finding) {
	for _, x := range c.analysis {
		tls, _ := x.split()
		if !x.tls || len(tls) < 2 || x.role == internalHost {
			continue
		}
		hosts := map[string]bool{}
		for _, p := range tls {
			hosts[p.host] = true
		}
		turns := slices.IndexFunc(tls, func(p *squidPeer) bool {
			return p.has("round-robin") || p.has("weighted-round-robin") || p.has("carp")
		})
		if len(hosts) > 1 && turns >= 0 && !tls[turns].has("sourcehash") {
			p := tls[turns]
			found = append(found, p.finding(fmt.Sprintf("Requests of a client go to %d Front Ends in turn. Lync Server 2010's mobile service and web application keep their sessions on one and fail elsewhere; "+
				"from 2013 on the Front Ends pass requests on to the right one, at a price.", len(hosts)),
				strings.NewReplacer("weighted-round-robin", "sourcehash", "round-robin", "sourcehash", " carp", " sourcehash").Replace(squidLine(p.words))))
		}
	}
	return firstPerLine(found)
}
