package failure

import (
	"fmt"
	"slices"
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
	if len(evidence) == 0 {
		evidence = preauthOfTickets(l)
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// preauthOfTickets is evidence that those who have a ticket are asked for a password on the way, the first time on each
// host. A Front End offers no Basic and no Digest there.
func preauthOfTickets(l *listener) []probe.Evidence {
	var evidence []probe.Evidence
	for _, host := range l.webNames() {
		for _, x := range l.ExchangesFor(host, probe.SignInTicket, probe.SignInUser, probe.SignInApplication, probe.SignInUCWA, probe.SignInMcx) {
			if x.Status == 401 && fromMiddle(x) && !madeByUCWA(x) && asksForPassword(x) {
				evidence = append(evidence, l.SawExchange(x, "%s%s", refusal(x), schemesOf(x)))
				break
			}
		}
	}
	return evidence
}

// asksForPassword tells whether all that the challenge offers is Basic or Digest.
func asksForPassword(x *probe.Exchange) bool {
	lines := x.Header["Www-Authenticate"]
	return len(lines) > 0 && !slices.ContainsFunc(lines, func(line string) bool {
		scheme, _, _ := strings.Cut(line, " ")
		return !strings.EqualFold(scheme, "Basic") && !strings.EqualFold(scheme, "Digest")
	})
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
