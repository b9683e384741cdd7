package failure

import (
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendWebCertificateUnassignedOrWrong = Mode{
	Rule: probe.Rule{
		ID:       "frontend.web-certificate-unassigned-or-wrong",
		Severity: probe.Critical,
		Title:    "the external web site of the Front Ends has no usable certificate",
		Cause:    "no certificate is assigned to WebServicesExternal, the binding was lost at a renewal, or a certificate of something else took its place",
		Remedy:   "Request or import a certificate with the pool and external web names, then on every Front End: Set-CsCertificate -Type WebServicesExternal -Thumbprint <thumbprint>; check with netsh http show sslcert ipport=0.0.0.0:4443.",
		Sources:  []string{"Deploy and configure mobility for Skype for Business Server", "Preventing Lync Server certificate expiration"},
		Reads:    probe.Lookups | probe.Dials | probe.Handshakes | probe.Exchanges | probe.Expectations,
		Detect:   detectFrontendWebCertificateUnassignedOrWrong,
		Explains: []probe.ID{
			"proxy.upstream-down-502", "proxy.peer-protocol-wrong", "tls.backend-name-mismatch", "tls.backend-untrusted",
			"tls.backend-expired",
		},
	},
	Confused: []probe.ID{"tls.backend-name-mismatch", "tls.backend-untrusted", "frontend.external-site-stopped"},
	Cases: []Case{
		{Name: "unassigned", Edit: func(t *topology.Topology) { t.FrontEndPool().External.Certificate = nil }},
	},
	More: []Case{
		{Name: "of-the-management-service", Edit: func(t *topology.Topology) {
			t.FrontEndPool().External.Certificate = &topology.Certificate{CommonName: "WMSvc-SHA2-FE1", Names: []string{"wmsvc-sha2-fe1"}, Issuer: topology.SelfSigned}
		}},
		{Name: "of-something-else", Edit: func(t *topology.Topology) {
			t.FrontEndPool().External.Certificate = &topology.Certificate{Names: []string{"backup.adatum.example"}, Issuer: topology.EnterpriseCA}
		}},
		{Name: "unassigned-behind-balancer", Edit: func(t *topology.Topology) {
			throughBalancer(t)
			t.FrontEndPool().External.Certificate = nil
		}},
	},
	Near: []Case{
		{Name: "proxy-does-not-verify", Edit: func(t *topology.Topology) {
			for _, w := range t.Proxy.FrontEndServers("https") {
				w.Verify, w.Name = "none", ""
			}
			t.FrontEndPool().External.Certificate = &topology.Certificate{Names: []string{"fe.internal.example"}, Issuer: topology.SelfSigned}
		}},
	},
}

func detectFrontendWebCertificateUnassignedOrWrong(v *probe.View) probe.Verdict {
	at := v.At(probe.Proxy)
	if !at.Seen() {
		return notSeenAtProxy
	}
	var evidence []probe.Evidence
	judged := false
	for _, b := range serversBehind(v) {
		if b.scheme != "https" || b.direct || b.internalPort() {
			continue
		}
		if b.refuses() || b.cut() && refusedDirectly(v, b) {
			continue // nothing listens: another mode
		}
		judged = judged || b.connects()
		if b.cut() {
			evidence = append(evidence, at.SawHandshake(b.shakes[0], "%s takes the connection and cuts it before showing any certificate (%s)", b.addr(), b.shakes[0].Outcome.Words()))
			continue
		}
		for _, h := range b.shakes {
			leaf := at.Leaf(h)
			if leaf == nil || !b.verified || !foreign(v, b, leaf) {
				continue
			}
			evidence = append(evidence, at.SawHandshake(h, "%s shows a certificate of something else: subject %s, names %s; the proxy wants %s", b.addr(), leaf.Subject, strings.Join(leaf.Names, ", "), b.name))
			break
		}
	}
	if !judged {
		return nothingToJudge
	}
	return verdict(evidence)
}

// foreign tells whether no name in a certificate has to do with the deployment: with what the proxy dials, with the
// declared names, the SIP domains or the domain of the machines.
func foreign(v *probe.View, b behind, leaf *probe.Certificate) bool {
	e := v.Expected()
	related := func(known string) bool {
		for _, n := range append(slices.Clone(leaf.Names), leaf.CommonName) {
			n = strings.TrimPrefix(strings.ToLower(n), "*.")
			if n == strings.ToLower(known) || probe.RegistrableDomain(n) == probe.RegistrableDomain(known) && strings.Contains(n, ".") {
				return true
			}
		}
		return false
	}
	if slices.ContainsFunc(slices.Concat([]string{b.name}, e.ExternalWeb, e.InternalWeb, e.Meet, e.Dialin, v.Domains()), related) {
		return false
	}
	for _, p := range v.Places() {
		for _, x := range p.Exchanges() {
			if m := x.Header.Get("X-Ms-Server-Fqdn"); m != "" && related(m) {
				return false
			}
		}
	}
	return true
}
