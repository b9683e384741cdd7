package pfsense

import (
	"slices"
	"strings"
	"time"

	"lyncpin/internal/lint"
)

func rule(id, severity, mode, title string) lint.Rule {
	return lint.Rule{ID: id, Product: lint.PfSense, Severity: severity, Mode: mode, Title: title}
}

// Rules are the checks of a backup: PFS-SQ-… of Squid, PFS-HA-… of HAProxy, the others of the firewall around them.
func Rules() []lint.Rule {
	return slices.Concat(baseRules, squidRules, haproxyRules)
}

var baseRules = []lint.Rule{
	rule("PFS-01", lint.High, "dns.external-web-fqdn-resolves-to-front-end-internally", "a host override leads a public name to a server inside"),
	rule("PFS-02", lint.High, "dns.lyncdiscoverinternal-published-externally", "the Internet may ask the name server that knows lyncdiscoverinternal"),
	rule("PFS-03", lint.Low, "dns.split-zone-shadow-missing-names", "host overrides cover some of the public names only"),
	rule("PFS-04", lint.Critical, "network.nat-to-wrong-host", "a port forward passes the reverse proxy by"),
	rule("PFS-05", lint.Critical, "network.wan-rule-missing", "no firewall rule lets clients reach the reverse proxy"),
	rule("PFS-06", lint.High, "proxy.service-not-enabled", "the firewall's web interface has the reverse proxy's port"),
	rule("PFS-07", lint.High, "proxy.service-not-enabled", "Squid may not listen on a low port"),
	rule("PFS-08", lint.Critical, "tls.expired", "a certificate in use is not valid now"),
	rule("PFS-09", lint.Critical, "proxy.service-not-enabled", "a certificate in use is missing, damaged or without its private key"),
	rule("PFS-10", lint.High, "tls.missing-intermediate", "the chain of a certificate in use is incomplete"),
	rule("PFS-11", lint.Critical, "proxy.service-not-enabled", "the HAProxy package is not enabled"),
	rule("PFS-12", lint.Low, "", "the settings are those of the oldest Squid package"),
	rule("PFS-13", lint.High, "proxy.service-not-enabled", "two listeners have the same address and port"),
	rule("PFS-14", lint.High, "", "a line of the custom options breaks clients"),
}

var squidRules = []lint.Rule{
	rule("PFS-SQ-01", lint.Critical, "proxy.port-not-flipped", "a web server has the port of the internal web site"),
	rule("PFS-SQ-02", lint.Critical, "proxy.peer-protocol-wrong", "the protocol of a web server does not fit its port, or the request"),
	rule("PFS-SQ-03", lint.High, "proxy.service-not-enabled", "a mapping uses a web server that the package does not write"),
	rule("PFS-SQ-04", lint.High, "proxy.upstream-down-502", "a mapping names a web server that does not exist"),
	rule("PFS-SQ-05", lint.Critical, "proxy.unmapped-tcp-reset", "no mapping is for a public name"),
	rule("PFS-SQ-06", lint.Low, "proxy.unmapped-tcp-reset", "a pattern matches more than it should, or never"),
	rule("PFS-SQ-07", lint.High, "proxy.path-allowlist-missing-ucwa", "patterns leave out paths that clients need"),
	rule("PFS-SQ-08", lint.Critical, "proxy.service-not-enabled", "no certificate is chosen, or the chosen one does not exist"),
	rule("PFS-SQ-09", lint.Critical, "tls.missing-san-external-web", "the certificate cannot serve all public names"),
	rule("PFS-SQ-10", lint.High, "tls.missing-intermediate", "the intermediate certificate is missing"),
	rule("PFS-SQ-11", lint.Low, "", "old phones are in scope, and TLS 1.0 is refused"),
	rule("PFS-SQ-12", lint.Critical, "tls.client-certificate-requested", "clients are asked for a certificate"),
	rule("PFS-SQ-13", lint.Medium, "proxy.http80-closed", "discovery over plain HTTP is needed and not published"),
	rule("PFS-SQ-14", lint.Medium, "", "two entries have the same name"),
	rule("PFS-SQ-15", lint.Critical, "proxy.service-not-enabled", "Squid is not enabled"),
	rule("PFS-SQ-16", lint.Medium, "proxy.http80-redirects-to-https", "plain HTTP discovery is redirected"),
	rule("PFS-SQ-17", lint.Low, "", "the package may name a file that does not exist"),
}

var haproxyRules = []lint.Rule{
	rule("PFS-HA-01", lint.Critical, "proxy.port-not-flipped", "a server has the port of the internal web site"),
	rule("PFS-HA-02", lint.Critical, "proxy.peer-protocol-wrong", "encryption to a server does not fit its port, or the request"),
	rule("PFS-HA-03", lint.High, "tls.untrusted-internal-ca-external-listener", "TLS is passed through to the Front Ends"),
	rule("PFS-HA-04", lint.High, "mobility.long-poll-cut-by-idle-timeout", "a time-out is shorter than a long poll"),
	rule("PFS-HA-05", lint.High, "proxy.ntlm-multiplexed", "connections are closed between the legs of NTLM"),
	rule("PFS-HA-06", lint.Critical, "proxy.host-header-rewritten", "the Host header is rewritten"),
	rule("PFS-HA-07", lint.High, "frontend.hlb-affinity-lost-mcx", "several servers, and nothing keeps a client at one"),
	rule("PFS-HA-08", lint.Critical, "proxy.service-not-enabled", "an ACL does not fit the type of its frontend"),
	rule("PFS-HA-09", lint.Critical, "proxy.service-not-enabled", "a frontend shares one that does not exist or is off"),
	rule("PFS-HA-10", lint.Medium, "proxy.upstream-down-502", "the health check asks for what needs a log-on, or for nothing"),
	rule("PFS-HA-11", lint.Medium, "proxy.http80-redirects-to-https", "plain HTTP discovery is redirected"),
	rule("PFS-HA-12", lint.Critical, "proxy.default-vhost-answers", "a public name has neither an action nor a default backend"),
	rule("PFS-HA-13", lint.Critical, "tls.missing-san-external-web", "no certificate has a public name"),
	rule("PFS-HA-14", lint.High, "tls.backend-untrusted", "servers' certificates are verified, and no authority is given"),
}

// ConcernsLync tells whether one of the proxies publishes Lync, as far as can be told.
func (b *Backup) ConcernsLync(opts Options) bool {
	return b.squid != nil && b.namesOf(squidRouter{b.squid, b}, opts) != nil ||
		b.haproxy != nil && b.namesOf(haproxyRouter{b.haproxy, b}, opts) != nil
}

// Check returns what the rules find in a backup, the worst first; file is its name in findings. A proxy that does not publish Lync
// is not judged. Now is what certificates are judged at.
func (b *Backup) Check(file string, opts Options, now time.Time) []lint.Finding {
	c := &checker{Backup: b, file: file, now: now}
	if b.squid != nil {
		if n := b.namesOf(squidRouter{b.squid, b}, opts); n != nil {
			c.names = *n
			c.checkSquid(b.squid)
			c.checkBase(squidRouter{b.squid, b})
		}
	}
	if b.haproxy != nil {
		if n := b.namesOf(haproxyRouter{b.haproxy, b}, opts); n != nil {
			c.names = *n
			c.checkHAProxy(b.haproxy)
			c.checkBase(haproxyRouter{b.haproxy, b})
		}
	}
	c.checkClash()
	lint.Sort(c.found)
	return c.found
}

// checker collects findings.
type checker struct {
	*Backup
	file  string
	now   time.Time
	names names
	found []lint.Finding
}

// place says where in the backup something is.
type place struct {
	line    int
	where   string
	excerpt string // as it stands in the XML
}

// fieldAt is an excerpt of one element.
func fieldAt(name, value string) string { return "<" + name + ">" + value + "</" + name + ">" }

// add records a finding once.
func (c *checker) add(id string, at place, reason, fix string) *lint.Finding {
	f := lint.Finding{File: c.file, Line: at.line, Where: at.where, Reason: reason, Fix: fix}
	for _, r := range Rules() {
		if r.ID == id {
			f.Rule = r
		}
	}
	if at.excerpt != "" {
		f.Excerpt = []string{at.excerpt}
	}
	for i := range c.found {
		if x := &c.found[i]; x.Rule.ID == id && x.Line == f.Line && x.Reason == reason && x.Where == f.Where {
			return x
		}
	}
	c.found = append(c.found, f)
	return &c.found[len(c.found)-1]
}

// and joins words: a, b and c.
func and(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}
