package failure

import (
	"fmt"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyPreauth401 = Mode{
	Rule: probe.Rule{
		ID:       "proxy.preauth-401",
		Severity: probe.Critical,
		Title:    "the reverse proxy asks for credentials before it lets clients through",
		Cause:    "it authenticates users itself (Basic, Digest or Negotiate); Lync clients send credentials to the Front End only, so they ask the user again and again",
		Remedy:   "Let clients authenticate at the Front End: no authentication and no delegation on the proxy for these hosts.",
		Settings: noPreauth(),
		Sources: []string{"Deploy and configure mobility for Skype for Business Server",
			"Publish Lync 2013 with Windows 2012 R2 Web Application Proxy (Kloud)"},
		Reads:    probe.Exchanges | probe.Handshakes | probe.Expectations,
		Detect:   detectProxyPreauth401,
		Explains: whatFollowsOnSimpleURLs,
	},
	Confused: []probe.ID{"proxy.www-authenticate-stripped", "proxy.preauth-forms-page"},
	Cases: []Case{
		{Name: "basic", Edit: func(t *topology.Topology) {
			respondWith(t, topology.Response{Status: 401, Header: map[string]string{"WWW-Authenticate": `Basic realm="Remote access"`},
				Body: "<html><head><title>401 Authorization Required</title></head></html>"})
		}},
	},
	More: []Case{
		{Name: "negotiate", Edit: func(t *topology.Topology) {
			respondWith(t, topology.Response{Status: 401, Header: map[string]string{"WWW-Authenticate": "Negotiate"}})
		}},
		{Name: "web-services-only", Edit: func(t *topology.Topology) {
			r := ownRule(t, "web services", t.ExternalWeb())
			r.WebServers = nil
			r.Respond = &topology.Response{Status: 401, Header: map[string]string{"WWW-Authenticate": `Digest realm="dmz", nonce="b7c9", qop="auth"`}}
		}},
	},
	Near: []Case{{Name: "unpublished-hosts-ask", Edit: func(t *topology.Topology) {
		t.Proxy.Rules = append(t.Proxy.Rules, topology.Rule{
			Name: "everything else", Hosts: []string{"*"},
			Respond: &topology.Response{Status: 401, Header: map[string]string{"WWW-Authenticate": `Basic realm="Remote access"`}},
		})
	}}},
}

// anonymous are requests that a Front End answers without credentials.
var anonymous = []string{probe.GetRoot, probe.GetRootLegacy, probe.GetRootHTTP, probe.GetService, probe.GetServiceQuery, probe.GetHop}

func detectProxyPreauth401(v *probe.View) probe.Verdict {
	l := listenerOf(v)
	if !l.Seen() {
		return notSeenOutside
	}
	asked := false
	var evidence []probe.Evidence
	for _, host := range l.coreNames() {
		for _, x := range append(l.answers(host, anonymous...), l.plainAnswers(host)...) {
			asked = asked || x.Status != 0
			if x.Status != 401 && x.Status != 407 || fromFrontEnd(x) || probe.MakerOf(x).Product == "Exchange" || !l.isNamed(host) {
				continue
			}
			evidence = append(evidence, l.SawExchange(x, "%s, which needs no credentials, is answered %d by %s%s", x.URL, x.Status, probe.MakerOf(x).Name(), schemesOf(x)))
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// schemesOf words the challenges of an answer.
func schemesOf(x *probe.Exchange) string {
	var words []string
	for _, name := range []string{"Www-Authenticate", "Proxy-Authenticate"} {
		words = append(words, x.Header[name]...)
	}
	if len(words) == 0 {
		return ""
	}
	return fmt.Sprintf(", asking for %s", strings.Join(words, "; "))
}
