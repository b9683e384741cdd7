package lint

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// eachListener makes findings of the listeners that lead to Lync.
func (c *squidConfig) eachListener(find func(squidListener) (reason, fix string)) (found []Finding) {
	c.lyncListeners(func(l squidListener) {
		if reason, fix := find(l); reason != "" {
			found = append(found, l.finding(reason, fix))
		}
	})
	return found
}

// site is a public name of Lync's, the web services' first.
func (c *squidConfig) site() string {
	for _, role := range []hostRole{webHost, discoverHost, meetHost} {
		for _, h := range c.hosts {
			if hostRoleOf(h) == role {
				return h
			}
		}
	}
	if len(c.hosts) > 0 {
		return c.hosts[0]
	}
	return "lyncweb-ext.contoso.example"
}

func squidNoAccel(c *squidConfig) []Finding {
	if slices.ContainsFunc(c.listeners, func(l squidListener) bool { return l.accelerates() && (l.tls || l.port == "80") }) {
		// Beside a reverse proxy an ordinary listener is one for people inside.
		return c.eachListener(func(l squidListener) (string, string) {
			if l.tls && !l.accelerates() && !l.has("intercept") && !l.has("tproxy") && !l.has("ssl-bump") {
				return "Without \"accel\" Squid expects to be asked as a proxy and answers 400 to requests for a server.", l.with("accel", "vhost", "defaultsite="+c.site())
			}
			return "", ""
		})
	}
	return c.eachListener(func(l squidListener) (string, string) {
		if !l.accelerates() && !l.has("intercept") && !l.has("tproxy") {
			return "Without \"accel\" Squid expects to be asked as a proxy and answers 400 to requests for a server.", l.with("accel", "vhost", "defaultsite="+c.site())
		}
		return "", ""
	})
}

func squidHostChanged(c *squidConfig) []Finding {
	const reason = "The Front End tells the external web site, discovery and meetings apart by the name that the client asked for. With another one it answers for that, and links lead to internal names."
	found := c.eachPeer(func(p *squidPeer) (string, string) {
		if p.has("forcedomain") {
			return reason, p.without("forcedomain")
		}
		return "", ""
	})
	found = append(found, c.eachListener(func(l squidListener) (string, string) {
		if l.has("no-vhost") {
			return "Every request is taken for " + l.options["defaultsite"] + ". " + reason, l.without("no-vhost")
		}
		return "", ""
	})...)
	for _, l := range c.lines {
		if (l.words[0] == "request_header_replace" || l.words[0] == "header_replace" || l.words[0] == "request_header_access") && strings.EqualFold(l.word(1), "Host") && l.word(2) != "allow" {
			found = append(found, l.finding(reason, deleteLine))
		}
	}
	return found
}

func squidDefaultSite(c *squidConfig) []Finding {
	return c.eachListener(func(l squidListener) (string, string) {
		site, _ := cutPort(l.options["defaultsite"])
		_, err := netip.ParseAddr(site)
		if site != "" && (err == nil || !strings.Contains(site, ".") || strings.HasSuffix(site, ".local") || strings.HasSuffix(site, ".lan") || site == "localhost" || strings.HasSuffix(site, ".localdomain")) {
			return fmt.Sprintf("Requests without a name are taken for %s, for which the Front End has no web site.", site), l.with("defaultsite=" + c.site())
		}
		return "", ""
	})
}

func squidNoCertificate(c *squidConfig) []Finding {
	return c.eachListener(func(l squidListener) (string, string) {
		if l.words[0] == "https_port" && !l.has("cert") && !l.has("tls-cert") && !l.has("generate-host-certificates") {
			return "A TLS listener needs a certificate with its intermediates, and a key; Squid does not start without.", l.with("tls-cert=/etc/squid/tls/lync-fullchain.pem", "tls-key=/etc/squid/tls/lync-key.pem")
		}
		return "", ""
	})
}

func squidPlain443(c *squidConfig) []Finding {
	return c.eachListener(func(l squidListener) (string, string) {
		if !l.tls && l.port == "443" {
			return "Clients begin a TLS handshake at port 443 and get plain HTTP.", strings.Replace(l.with("tls-cert=/etc/squid/tls/lync-fullchain.pem", "tls-key=/etc/squid/tls/lync-key.pem"), "http_port", "https_port", 1)
		}
		return "", ""
	})
}

func squidNo80(c *squidConfig) (found []Finding) {
	if slices.ContainsFunc(c.listeners, func(l squidListener) bool { return !l.tls && l.port == "80" }) || len(c.lyncPeers()) == 0 {
		return nil
	}
	found = c.eachListener(func(l squidListener) (string, string) {
		if !l.tls || l.port != "443" {
			return "", ""
		}
		return "Nothing listens at port 80. Clients ask for discovery there as well, and are told by the Front End's port 8080 to use HTTPS; without it they wait for a time-out. " +
				"Where the certificate has the discovery name this is slow and no more.",
			fmt.Sprintf("http_port %s accel vhost defaultsite=%s\ncache_peer %s parent 8080 0 no-query no-digest originserver login=PASSTHRU name=lync_8080", strings.TrimSuffix(l.address, "443")+"80", c.site(), c.lyncPeers()[0].host)
	})
	return found[:min(1, len(found))]
}

func squidNoTLS12(c *squidConfig) []Finding {
	return c.eachListener(func(l squidListener) (string, string) {
		if !l.tls {
			return "", ""
		}
		options := parts(strings.ToUpper(l.options["options"]+","+l.options["tls-options"]), ",:")
		only := map[string]string{"2": "SSLv2", "3": "SSLv3", "4": "TLS 1.0", "5": "TLS 1.1"}[l.options["version"]]
		switch {
		case slices.Contains(options, "NO_TLSV1_2"):
			return "Phones and browsers of today ask for TLS 1.2 at least, and Lync's clients speak nothing newer.", l.with("options=NO_SSLv3,NO_TLSv1,NO_TLSv1_1")
		case only != "":
			return "Phones and browsers of today ask for TLS 1.2 at least; this listener speaks " + only + " and nothing else.", l.without("version") + " options=NO_SSLv3,NO_TLSv1,NO_TLSv1_1"
		case l.options["tls-min-version"] == "1.3":
			return "Lync's and Skype for Business's clients, and Windows before 11, speak TLS 1.2.", l.with("tls-min-version=1.2")
		}
		return "", ""
	})
}

func squidOldTLS(c *squidConfig) []Finding {
	return c.eachListener(func(l squidListener) (string, string) {
		if v := l.options["tls-min-version"]; v == "1.0" || v == "1.1" {
			return "No client that is still in use needs less than TLS 1.2, but for Lync 2010 on Windows of its time.", l.with("tls-min-version=1.2")
		}
		return "", ""
	})
}

func squidClientCertificate(c *squidConfig) []Finding {
	return c.eachListener(func(l squidListener) (string, string) {
		if !l.tls || !l.has("clientca") && !l.has("tls-clientca") || strings.Contains(l.options["sslflags"], "DELAYED_AUTH") {
			return "", ""
		}
		return "Phones have no certificate to show, and the handshake ends there.", l.without("clientca", "tls-clientca", "sslflags", "crlfile")
	})
}
