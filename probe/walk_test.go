package probe

import (
	"strings"
	"testing"
)

// seen makes a section by hand: what each name has at each scheme.
type seen struct{ Section }

func (s *seen) name(host, ip string) *seen {
	l := Lookup{Name: host, Type: "A", Outcome: Outcome{Code: OK}, Answers: []RR{{Name: host, Type: "A", Value: ip}}}
	if ip == "" {
		l.Outcome, l.Answers = Outcome{Code: NXDomain}, nil
	}
	s.Lookups = append(s.Lookups, l)
	return s
}

func (s *seen) trusted(host string, name, trust string) *seen {
	s.Handshakes = append(s.Handshakes, Handshake{ID: len(s.Handshakes) + 1, Purpose: HandshakeName, Host: host,
		Outcome: Outcome{Code: OK}, NameMatch: Outcome{Code: name}, Public: Outcome{Code: trust}, Enterprise: Outcome{Code: OK}})
	return s
}

func (s *seen) got(purpose, url, accept string, status int, d *Document) *seen {
	x := Exchange{ID: len(s.Exchanges) + 1, Purpose: purpose, URL: url, Host: hostOf(url), Accept: accept, Status: status, Document: d,
		Outcome: Outcome{Code: OK}}
	s.Exchanges = append(s.Exchanges, x)
	return s
}

// healthy gives a name a good document in both forms over HTTPS.
func (s *seen) healthy(host string) *seen {
	return s.name(host, proxyIP).trusted(host, OK, OK).
		got(GetRoot, "https://"+host+"/", acceptUCWAJSON, 200, withUser("ucwa-json")).
		got(GetRootLegacy, "https://"+host+"/", acceptLegacyXML, 200, withUser("legacy-xml"))
}

func withUser(form string) *Document {
	return &Document{Form: form, Links: map[string]string{"user": "https://" + webFQDN + "/u"}}
}

func leadsTo(form, url string) *Document {
	return &Document{Form: form, Links: map[string]string{"redirect": url}}
}

const insideDiscovery = "lyncdiscoverinternal.contoso.example"

func TestWalks(t *testing.T) {
	t.Parallel()
	hopURL := "https://" + webFQDN + "/Autodiscover/AutodiscoverService.svc/root"
	cases := []struct {
		name    string
		vantage string // External when empty
		managed bool
		client  string // mobile when empty
		seen    func(*seen)
		want    string // accepted URL
		why     string // result of the last attempt but for the accepted one
	}{
		{name: "internal-first", seen: func(s *seen) { s.healthy(insideDiscovery).healthy(discovery) }, want: "https://" + insideDiscovery + "/"},
		{name: "public-second", seen: func(s *seen) { s.name(insideDiscovery, "").healthy(discovery) }, want: "https://" + discovery + "/", why: "no answer"},
		{name: "web-asks-public-only", client: "web", seen: func(s *seen) { s.healthy(insideDiscovery).name(discovery, "") }, why: "does not resolve"},
		{name: "resolver-failed", client: "web", seen: func(s *seen) {
			s.Lookups = append(s.Lookups, Lookup{Name: discovery, Type: "A", Outcome: Outcome{Code: ServFail}})
		}, why: "could not be resolved: SERVFAIL"},
		{name: "name-mismatch", client: "web", seen: func(s *seen) { s.healthy(discovery).Handshakes[0].NameMatch.Code = TLSNameMismatch }, why: "not for this name"},
		{name: "not-trusted", client: "web", seen: func(s *seen) { s.healthy(discovery).Handshakes[0].Public.Code = TLSUnknownIssuer }, why: "not trusted here"},
		{name: "trusted-by-managed", managed: true, vantage: Internal, client: "web", seen: func(s *seen) { s.healthy(discovery).Handshakes[0].Public.Code = TLSUnknownIssuer },
			want: "https://" + discovery + "/"},
		{name: "legacy-client-ucwa-answer", seen: func(s *seen) { s.healthy(discovery).Exchanges[1].Document = withUser("ucwa-json") }, why: "no answer"},
		{name: "https-preferred", seen: func(s *seen) {
			s.healthy(discovery).got(GetRootHTTP, "http://"+discovery+"/", acceptLegacyXML, 200, withUser("legacy-xml"))
		}, want: "https://" + discovery + "/", why: "accepted"},
		{name: "http-only", seen: func(s *seen) {
			s.name(discovery, proxyIP).trusted(discovery, TLSNameMismatch, OK).trusted(webFQDN, OK, OK).
				got(GetRootHTTP, "http://"+discovery+"/", acceptLegacyXML, 200, leadsTo("legacy-xml", hopURL)).
				got(GetHop, hopURL, acceptLegacyXML, 200, withUser("legacy-xml"))
		}, want: "http://" + discovery + "/"},
		{name: "hop-of-other-client", seen: func(s *seen) {
			s.name(discovery, proxyIP).trusted(discovery, OK, OK).trusted(webFQDN, OK, OK).
				got(GetRootLegacy, "https://"+discovery+"/", acceptLegacyXML, 200, leadsTo("legacy-xml", hopURL)).
				got(GetHop, hopURL, acceptUCWAJSON, 200, withUser("ucwa-json")).
				got(GetHop, hopURL, acceptLegacyXML, 200, withUser("legacy-xml"))
		}, want: "https://" + discovery + "/", why: "no answer"},
		{name: "hop-written-otherwise", client: "web", seen: func(s *seen) {
			s.name(discovery, proxyIP).trusted(discovery, OK, OK).trusted(webFQDN, OK, OK).
				got(GetRoot, "https://"+discovery+"/", acceptUCWAJSON, 200, leadsTo("ucwa-json", strings.Replace(hopURL, webFQDN, strings.ToUpper(webFQDN)+":443", 1))).
				got(GetHop, hopURL, acceptUCWAJSON, 200, withUser("ucwa-json"))
		}, want: "https://" + discovery + "/"},
		{name: "hop-not-trusted", client: "web", seen: func(s *seen) {
			s.name(discovery, proxyIP).trusted(discovery, OK, OK).trusted(webFQDN, OK, TLSExpired).
				got(GetRoot, "https://"+discovery+"/", acceptUCWAJSON, 200, leadsTo("ucwa-json", hopURL)).got(GetHop, hopURL, acceptUCWAJSON, 200, withUser("ucwa-json"))
		}, why: "redirected to " + webFQDN + ": the certificate is not trusted"},
		{name: "hop-silent", client: "web", seen: func(s *seen) {
			s.name(discovery, proxyIP).trusted(discovery, OK, OK).got(GetRoot, "https://"+discovery+"/", acceptUCWAJSON, 200, leadsTo("ucwa-json", hopURL))
		}, why: "gave no answer"},
		{name: "circle", client: "web", seen: func(s *seen) {
			s.name(discovery, proxyIP).trusted(discovery, OK, OK).trusted(webFQDN, OK, OK).
				got(GetRoot, "https://"+discovery+"/", acceptUCWAJSON, 200, leadsTo("ucwa-json", hopURL)).
				got(GetHop, hopURL, acceptUCWAJSON, 200, leadsTo("ucwa-json", "https://"+discovery+"/"))
		}, why: "in a circle"},
		{name: "file-link", client: "web", seen: func(s *seen) {
			s.name(discovery, proxyIP).trusted(discovery, OK, OK).got(GetRoot, "https://"+discovery+"/", acceptUCWAJSON, 200, leadsTo("ucwa-json", "file:///etc/passwd"))
		}, why: "no URL that a client would follow"},
		{name: "other-domain-302", client: "web", seen: func(s *seen) {
			s.healthy(discovery).Exchanges[0].Status = 302
			s.Exchanges[0].Header = map[string][]string{"Location": {"https://portal.fabrikam.example/"}}
		}, why: "redirected (302) to another domain"},
		{name: "status-503", client: "web", seen: func(s *seen) { s.healthy(discovery).Exchanges[0].Status = 503 }, why: "HTTP 503"},
		{name: "no-user-link", client: "web", seen: func(s *seen) { s.healthy(discovery).Exchanges[0].Document = leadsTo("ucwa-json", "") }, why: "no user link"},
		{name: "no-document", client: "web", seen: func(s *seen) { s.healthy(discovery).Exchanges[0].Document = nil }, why: "no discovery document"},
		{name: "refused", client: "web", seen: func(s *seen) {
			s.name(discovery, "192.0.2.1")
			s.Dials = []Dial{{Addr: "192.0.2.11:443", Outcome: Outcome{Code: Timeout}}, {Addr: "192.0.2.1:443", Outcome: Outcome{Code: Refused}}}
		}, why: "no connection: refused"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &seen{}
			s.Vantage, s.ManagedDevices = External, c.managed
			if c.vantage != "" {
				s.Vantage = c.vantage
			}
			c.seen(s)
			if c.client == "" {
				c.client = "mobile"
			}
			for _, w := range walksOf(&s.Section, Target{SIPDomains: []string{testDomain}}) {
				if w.Client != c.client {
					continue
				}
				last := w.Attempts[len(w.Attempts)-1].Result
				if c.why == "accepted" {
					last = w.Attempts[len(w.Attempts)-2].Result
				}
				if w.Accepted != c.want || c.why != "" && !strings.Contains(last, c.why) {
					t.Errorf("accepted %q, %q; want %q, %q\n%+v", w.Accepted, last, c.want, c.why, w.Attempts)
				}
			}
		})
	}
}

// Desktop clients go on with SRV records; the others know no other way. Beside the proxy no client stands.
func TestWalksOfEveryClient(t *testing.T) {
	t.Parallel()
	target := Target{SIPDomains: []string{testDomain, "fabrikam.example"}}
	var got []string
	for _, w := range walksOf(&Section{Vantage: External}, target) {
		got = append(got, w.Client+" "+w.Domain+" "+w.Fallback)
	}
	want := "desktop contoso.example srv,store-app contoso.example ,mobile contoso.example ,web contoso.example ," +
		"desktop fabrikam.example srv,store-app fabrikam.example ,mobile fabrikam.example ,web fabrikam.example "
	if strings.Join(got, ",") != want {
		t.Errorf("got %q, want %q", strings.Join(got, ","), want)
	}
	if walks := walksOf(&Section{Vantage: Proxy}, target); walks != nil {
		t.Errorf("beside the proxy: %+v, want none", walks)
	}
}
