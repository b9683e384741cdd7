package proxy

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

// mobileWait is the longest silence of a mobile client; a shorter time-out cuts its polls.
const mobileWait = 960 * time.Second

// Check is what an administrator should look at once more, in the words of the file. All of it is allowed. Nothing is dialled.
// A configuration that Start refuses has its error as the only entry.
func (c *Config) Check() []string {
	if err := c.validate(); err != nil {
		return []string{err.Error()}
	}
	var out []string
	warn := func(at, format string, args ...any) { out = append(out, at+": "+fmt.Sprintf(format, args...)) }
	for i := range c.Certificates {
		c.checkCertificate(i, warn)
	}
	for _, h := range c.keyHints() {
		warn(fmt.Sprintf("certificates[%d]", h.index), "%s", h.text)
	}
	for i, w := range c.WebServers {
		c.checkWebServer(fmt.Sprintf("web_servers[%d]", i), newWebServer(w, *c).WebServer, warn)
	}
	for i := range c.Rules {
		c.checkRule(i, warn)
	}
	for _, t := range []struct {
		field string
		value time.Duration
	}{{"response", c.Timeouts.Response}, {"idle", c.Timeouts.Idle}} {
		if t.value > 0 && t.value < mobileWait {
			warn("timeouts."+t.field, "%v cuts the polls of mobile clients, which are silent for up to %v", t.value, mobileWait)
		}
	}
	if c.TLS.HTTP2 {
		warn("tls.http2", "clients that take HTTP/2 are told to log on with NTLM and Negotiate over HTTP/1.1, and not all of them understand")
	}
	if c.Timeouts.Lifetime > 0 {
		warn("timeouts.lifetime", "every client is cut off after %v, busy or not", c.Timeouts.Lifetime)
	}
	return out
}

type warner = func(at, format string, args ...any)

func (c *Config) checkCertificate(i int, warn warner) {
	at := fmt.Sprintf("certificates[%d]", i)
	var chain []*x509.Certificate
	for _, der := range c.Certificates[i].Certificate.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			warn(at, "%v", err)
			return
		}
		chain = append(chain, cert)
	}
	if len(chain) == 0 {
		warn(at, "no certificate in it")
		return
	}
	leaf := chain[0]
	now := time.Now()
	if c.Now != nil {
		now = c.Now()
	}
	if now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		warn(at, "not valid now, but from %s to %s", leaf.NotBefore.Format(time.DateOnly), leaf.NotAfter.Format(time.DateOnly))
	}
	self := string(leaf.RawIssuer) == string(leaf.RawSubject)
	if len(chain) == 1 && !self {
		warn(at, "sent without the certificate of its issuer %q: clients that do not hold that one refuse it", leaf.Issuer.CommonName)
	}
	for j := 1; j < len(chain); j++ {
		if chain[j-1].CheckSignatureFrom(chain[j]) != nil {
			warn(at, "certificate %d of the chain did not issue certificate %d: the order is wrong or one is missing", j+1, j)
		}
	}
	if self {
		warn(at, "self-signed: no client trusts it")
	}
}

func (c *Config) checkWebServer(at string, w WebServer, warn warner) {
	switch {
	case w.Scheme == "https" && (w.Port == 8080 || w.Port == 80):
		warn(at, "%s speaks https to port %d, which takes http", w.Alias, w.Port)
	case w.Scheme == "http" && (w.Port == 4443 || w.Port == 443):
		warn(at, "%s speaks http to port %d, which takes https", w.Alias, w.Port)
	case (w.Port == 443 || w.Port == 80) && c.isFrontEnd(w):
		flipped := map[int]int{443: 4443, 80: 8080}[w.Port]
		warn(at, "%s: port %d of a Front End is the internal web site; clients outside need %d", w.Alias, w.Port, flipped)
	}
	if w.Scheme == "https" && w.NoVerify {
		warn(at, "%s: any certificate is taken", w.Alias)
	}
}

// isFrontEnd guesses from the hosts published to w, and from what else is configured at its address.
func (c *Config) isFrontEnd(w WebServer) bool {
	for _, o := range c.WebServers {
		if o.Address == w.Address && (o.Port == 4443 || o.Port == 8080 || o.Port == 0) {
			return true
		}
	}
	return slices.ContainsFunc(c.Rules, func(r Rule) bool {
		return slices.Contains(r.WebServers, w.Alias) && slices.ContainsFunc(r.Hosts, func(h string) bool {
			return slices.ContainsFunc([]string{"lync", "meet.", "dialin.", "sfb", "skype", "dirweb"}, func(p string) bool {
				return strings.HasPrefix(strings.ToLower(h), p)
			})
		})
	})
}

func (c *Config) checkRule(i int, warn warner) {
	r := &c.Rules[i]
	at := fmt.Sprintf("publishing_rules[%d]", i)
	if len(r.WebServers) > 0 {
		c.checkSchemes(at, r, warn)
		switch r.Connections {
		case "shared":
			warn(at+".connections", "shared upstream connections hand one user's NTLM session to the next client")
		case "close":
			warn(at+".connections", "a connection per request makes NTLM and Negotiate fail")
		}
		if r.HTTP10 {
			warn(at+".http10", "HTTP/1.0 takes a connection per request, which makes NTLM and Negotiate fail")
		}
		if r.RetrySilent > 0 {
			warn(at+".retry_silent", "what is silent for %v is done twice: messages are sent again, and polls end one another", r.RetrySilent)
		}
		if r.HostHeader != "" && r.HostHeader != "preserve" {
			warn(at+".host_header", "Lync web services need the Host the client sent")
		}
		if slices.Contains(r.Hosts, "*") {
			warn(at+".hosts", "any host reaches %s", strings.Join(r.WebServers, ", "))
		}
		if r.CaseSensitive && len(r.Paths) > 0 {
			warn(at+".case_sensitive", "clients differ in the case of paths, /Autodiscover and /autodiscover")
		}
	}
	for j, h := range r.Hosts {
		if len(c.HTTPS) > 0 && r.Listener != "http" && h != "*" && !c.certified(h) {
			warn(fmt.Sprintf("%s.hosts[%d]", at, j), "no certificate is for %s", h)
		}
		for k := range c.Rules[:i] {
			if o := &c.Rules[k]; o.takesAll(h) && (o.Listener == "" || o.Listener == r.Listener) {
				warn(fmt.Sprintf("%s.hosts[%d]", at, j), "publishing_rules[%d] takes every request for %s before", k, h)
				break
			}
		}
	}
}

// takesAll reports whether no request for host gets past the rule.
func (r *Rule) takesAll(host string) bool {
	var patterns []string
	for _, h := range r.Hosts {
		patterns = append(patterns, strings.ToLower(h))
	}
	return len(r.Paths) == 0 && len(r.Methods) == 0 && len(r.MatchHeaders) == 0 && len(r.Sources) == 0 &&
		hostFits(patterns, strings.ToLower(host))
}

func (c *Config) checkSchemes(at string, r *Rule, warn warner) {
	schemes := map[string]bool{}
	for _, w := range c.WebServers {
		if slices.Contains(r.WebServers, w.Alias) {
			schemes[newWebServer(w, *c).Scheme] = true
		}
	}
	if schemes["https"] && schemes["http"] {
		if r.AnyScheme {
			warn(at+".any_scheme", "requests alternate between web servers with https and with http")
		}
		return
	}
	if schemes["http"] && len(c.HTTPS) > 0 && r.Listener != "http" {
		warn(at+".web_servers", "TLS ends at the proxy and https requests go on as http; a Front End needs https to 4443")
	}
	if schemes["https"] && len(c.HTTP) > 0 && r.Listener != "https" {
		warn(at+".web_servers", "http requests go on as https; discovery over http needs a web server with http to 8080")
	}
}

// certified reports whether a client that asks for host gets a certificate for it. Of a wildcard host, its parent is asked for.
func (c *Config) certified(host string) bool {
	host = strings.ToLower(host)
	for _, cert := range c.Certificates {
		names := cert.Names
		if leaf, err := leafOf(&cert.Certificate); err == nil && len(names) == 0 {
			names = namesOf(leaf)
		}
		for _, n := range names {
			_, parent, _ := strings.Cut(host, ".")
			if n = strings.ToLower(n); n == host || n == "*."+parent {
				return true
			}
		}
	}
	return false
}
