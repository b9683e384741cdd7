package failure

import (
	"slices"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var tlsSNIMissingGetsDefaultCert = Mode{
	Rule: probe.Rule{
		ID:       "tls.sni-missing-gets-default-cert",
		Severity: probe.High,
		Title:    "clients that send no server name get another certificate",
		Cause:    "several certificates share the address, and the default one is not that of the Lync names; old phones, devices and some load balancers send no SNI",
		Remedy:   "Make the certificate with the Lync names the default of the listener.",
		Settings: settings(
			pfSquid, "One certificate serves the whole listener: use one with all names.",
			pfHAProxy, "Frontend > SSL Offloading: the Lync certificate as Certificate, the others as additional ones.",
			haproxy, "bind :443 ssl crt lync.pem crt www.pem  # the first is the default; no strict-sni",
			nginx, "listen 443 ssl default_server;  # with the certificate of the Lync names, and without ssl_reject_handshake on; in stream {}: not ssl_preread, which has nothing to go by",
			apache, "The first VirtualHost of the address is the default: put the Lync names there.",
			caddy, "default_sni lyncweb-ext.contoso.example  # in the global options",
			arr, "Bind the certificate to 0.0.0.0:443 without Require Server Name Indication.",
		),
		Sources: []string{"RFC 6066 section 3", "Configuring the Web Application Proxy as a reverse proxy for Lync Server"},
		Reads:   probe.Handshakes,
		Detect:  detectTLSSNIMissingGetsDefaultCert,
	},
	Confused: []probe.ID{"tls.missing-san-lyncdiscover"},
	Cases: []Case{
		{Name: "another-default", Edit: func(t *topology.Topology) {
			t.Proxy.Certificates = append([]topology.Certificate{{Names: []string{"www." + t.SIPDomains[0]}, Issuer: topology.PublicCA}}, t.Proxy.Certificates...)
		}},
	},
	More: []Case{
		{Name: "strict-sni", Edit: func(t *topology.Topology) {
			t.Proxy.StrictSNI = true
		}},
	},
	Near: []Case{
		{Name: "lync-is-default", Edit: func(t *topology.Topology) {
			t.Proxy.Certificates = append(t.Proxy.Certificates, topology.Certificate{Names: []string{"www." + t.SIPDomains[0]}, Issuer: topology.PublicCA})
		}},
	},
}

func detectTLSSNIMissingGetsDefaultCert(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	checked := false
	for _, bare := range out.Handshakes(probe.HandshakeNoSNI) {
		if strings.HasPrefix(bare.Host, internalLabel) {
			continue
		}
		for _, h := range out.HandshakesFor(bare.Host) {
			if h.Addr != bare.Addr || !h.Outcome.OK() || !h.NameMatch.OK() {
				continue
			}
			checked = true
			switch {
			case !bare.Outcome.OK() && failsWithSNI(out, h, bare.Outcome.Code): // now and then, with a name or without
			case !bare.Outcome.OK() && bare.Outcome.Code != probe.Timeout:
				evidence = append(evidence, out.SawHandshake(bare, "without SNI %s refuses the handshake (%s); with SNI %s it works", bare.Addr, bare.Outcome.Text, h.SNI))
			case bare.Outcome.OK() && !bare.NameMatch.OK():
				evidence = append(evidence, out.SawHandshake(bare, "without SNI %s shows a certificate for %s; with SNI %s the right one", bare.Addr, strings.Join(out.Leaf(bare).Names, ", "), h.SNI))
			}
		}
	}
	if !checked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// failsWithSNI tells whether other handshakes like the one that came off end as code says.
func failsWithSNI(p *probe.Place, like *probe.Handshake, code string) bool {
	return slices.ContainsFunc(p.Handshakes(), func(h *probe.Handshake) bool {
		return h.Addr == like.Addr && strings.EqualFold(h.SNI, like.SNI) && h.Outcome.Code == code
	})
}
