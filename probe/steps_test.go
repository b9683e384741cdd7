package probe_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lyncpin/internal/golden"
	"lyncpin/probe"
)

const (
	proxyTLS  = "203.0.113.10:443"
	proxyHTTP = "203.0.113.10:80"
	dnsServer = "198.51.100.53:53"
)

var ok = probe.Outcome{Code: probe.OK}

// outside is a healthy deployment seen from the Internet, in as few observations as show each kind of step.
func outside() *probe.Record {
	ext := probe.Section{
		Vantage: probe.External, Elapsed: 1200 * time.Millisecond, Resolvers: []string{dnsServer},
		Lookups: []probe.Lookup{
			address("lyncdiscover.contoso.example", "203.0.113.10"),
			{Name: "lyncdiscover.contoso.example", Type: "AAAA", Server: dnsServer, Outcome: probe.Outcome{Code: probe.NoData}, SOA: "contoso.example", Elapsed: 9 * time.Millisecond},
			missing("lyncdiscoverinternal.contoso.example"),
			address("lyncweb-ext.contoso.example", "203.0.113.10"),
			{Name: "_sip._tls.contoso.example", Type: "SRV", Server: dnsServer, Outcome: ok,
				Answers: []probe.RR{{Name: "_sip._tls.contoso.example.", Type: "SRV", Value: "0 0 443 sip.contoso.example.", TTL: 300}}},
		},
		Dials: []probe.Dial{
			{Host: "lyncweb-ext.contoso.example", Addr: proxyTLS, Outcome: ok, Elapsed: 12340 * time.Microsecond},
			{Host: "lyncdiscover.contoso.example", Addr: proxyHTTP, Outcome: ok, Elapsed: 11 * time.Millisecond},
		},
		Handshakes: []probe.Handshake{
			shaken(1, probe.HandshakeName, "lyncdiscover.contoso.example"),
			shaken(2, probe.HandshakeName, "lyncweb-ext.contoso.example"),
			shaken(3, probe.HandshakeRepeat, "lyncdiscover.contoso.example"),
			shaken(4, probe.HandshakeRepeat, "lyncdiscover.contoso.example"),
			{ID: 5, Purpose: probe.HandshakeVersion, Host: "lyncdiscover.contoso.example", Addr: proxyTLS, SNI: "lyncdiscover.contoso.example",
				Offered: "1.0", Outcome: probe.Outcome{Code: probe.TLSProtocol, Text: "remote error: tls: protocol version not supported"}},
		},
		Exchanges: []probe.Exchange{
			discovery(1, 1, probe.GetRoot),
			{ID: 2, Purpose: probe.GetRootHTTP, Method: "GET", URL: "http://lyncdiscover.contoso.example/?sipuri=user1%40contoso.example",
				Host: "lyncdiscover.contoso.example", Addr: proxyHTTP, Accept: "application/vnd.microsoft.rtc.autodiscover+xml;v=1",
				Outcome: ok, Status: 200, Header: frontEnd(), Document: &probe.Document{Form: "legacy-xml", AccessLocation: "External",
					Links: map[string]string{"redirect": "https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root"}}},
			web(3, probe.GetUser, "GET", "/Autodiscover/AutodiscoverService.svc/root/oauth/user", 401,
				"Www-Authenticate", `MsRtcOAuth href="https://lyncweb-ext.contoso.example/WebTicket/oauthtoken"`),
			web(4, probe.PostToken, "POST", "/WebTicket/oauthtoken", 400),
			web(5, probe.GetInternalOnly, "GET", "/cscp/", 404),
			discovery(6, 3, probe.GetRepeat),
			discovery(7, 4, probe.GetRepeat),
		},
		Walks: []probe.Walk{{Client: "mobile", Domain: "contoso.example", Accepted: "https://lyncdiscover.contoso.example/", Attempts: []probe.Attempt{
			{URL: "https://lyncdiscoverinternal.contoso.example/", Result: "the name does not resolve"},
			{URL: "https://lyncdiscover.contoso.example/", Exchange: 1, Result: "accepted", OK: true},
		}}},
	}
	return &probe.Record{
		Schema: probe.RecordSchema, Sections: []*probe.Section{&ext},
		Target: probe.Target{SIPDomains: []string{"contoso.example"}, Expected: probe.Expected{ExternalWeb: []string{"lyncweb-ext.contoso.example"}}},
		Certificates: map[string]probe.Certificate{"aa": {
			Subject: "CN=lyncweb-ext.contoso.example", Issuer: "CN=Public CA", Names: []string{"lyncweb-ext.contoso.example", "lyncdiscover.contoso.example"},
			NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), Key: "RSA 2048",
		}},
	}
}

func address(name, ip string) probe.Lookup {
	return probe.Lookup{Name: name, Type: "A", Server: dnsServer, Outcome: ok, Elapsed: 8 * time.Millisecond,
		Answers: []probe.RR{{Name: name + ".", Type: "A", Value: ip, TTL: 300}}}
}

func missing(name string) probe.Lookup {
	return probe.Lookup{Name: name, Type: "A", Server: dnsServer, Outcome: probe.Outcome{Code: probe.NXDomain}, SOA: "contoso.example"}
}

func shaken(id int, purpose, host string) probe.Handshake {
	return probe.Handshake{ID: id, Purpose: purpose, Host: host, Addr: proxyTLS, SNI: host, Offered: "1.3", Version: "1.2", Outcome: ok,
		Chain: []string{"aa", "bb"}, NameMatch: ok, Public: ok, Enterprise: probe.Outcome{Code: probe.NotChecked}, Elapsed: 31 * time.Millisecond}
}

func frontEnd(pairs ...string) http.Header {
	h := http.Header{"X-Ms-Server-Fqdn": {"fe1.contoso.example"}, "Server": {"Microsoft-IIS/8.5"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func discovery(id, handshake int, purpose string) probe.Exchange {
	return probe.Exchange{ID: id, Handshake: handshake, Purpose: purpose, Method: "GET", URL: "https://lyncdiscover.contoso.example/",
		Host: "lyncdiscover.contoso.example", Addr: proxyTLS, Accept: "application/json", Outcome: ok, Status: 200, Header: frontEnd(),
		Document: &probe.Document{Form: "ucwa-json", Links: map[string]string{"user": "https://lyncweb-ext.contoso.example/u"}}, Elapsed: 20 * time.Millisecond}
}

func web(id int, purpose, method, path string, status int, header ...string) probe.Exchange {
	return probe.Exchange{ID: id, Handshake: 2, Purpose: purpose, Method: method, URL: "https://lyncweb-ext.contoso.example" + path,
		Host: "lyncweb-ext.contoso.example", Addr: proxyTLS, Outcome: ok, Status: status, Header: frontEnd(header...), Elapsed: 15 * time.Millisecond}
}

// stepCases are edits of the healthy record: each breaks one layer.
var stepCases = []struct {
	name   string
	edit   func(*probe.Record, *probe.Section)
	failed []string // IDs of failed observations, groups left out
}{
	{name: "healthy", edit: func(*probe.Record, *probe.Section) {}},
	{name: "name-missing", edit: func(_ *probe.Record, s *probe.Section) {
		s.Lookups[3], s.Dials[0].Host = missing("lyncweb-ext.contoso.example"), "lyncdiscover.contoso.example"
		s.Handshakes = append(s.Handshakes[:1], s.Handshakes[2:]...)
		s.Exchanges = append(s.Exchanges[:2], s.Exchanges[5:]...)
	}, failed: []string{"external/lookup/lyncweb-ext.contoso.example/A"}},
	{name: "name-for-inside-in-a-user-document", edit: func(_ *probe.Record, s *probe.Section) {
		x := web(8, probe.SignInUser, "GET", "/Autodiscover/AutodiscoverService.svc/root/user", 200)
		x.Document = &probe.Document{Form: "legacy-xml", AccessLocation: "External", Links: map[string]string{
			"internal/ucwa": "https://lyncweb-int.contoso.example/ucwa/v1/applications", "ucwa": "https://lyncweb-ext.contoso.example/ucwa/v1/applications"}}
		s.Exchanges = append(s.Exchanges, x)
		s.Lookups = append(s.Lookups, missing("lyncweb-int.contoso.example"))
	}},
	{name: "port-443-refused", edit: func(_ *probe.Record, s *probe.Section) {
		s.Dials[0].Outcome = probe.Outcome{Code: probe.Refused, Text: "connect: connection refused"}
		s.Handshakes, s.Exchanges = nil, s.Exchanges[1:2]
		s.Walks[0].Accepted, s.Walks[0].Attempts[1] = "", probe.Attempt{URL: "https://lyncdiscover.contoso.example/", Result: "no connection: refused"}
	}, failed: []string{"external/dial/203.0.113.10:443", "external/dial/203.0.113.10:443/lyncweb-ext.contoso.example", "external/walk/mobile/contoso.example"}},
	{name: "port-80-closed", edit: func(_ *probe.Record, s *probe.Section) {
		s.Dials[1].Outcome = probe.Outcome{Code: probe.Timeout}
		s.Exchanges = append(s.Exchanges[:1], s.Exchanges[2:]...)
	}},
	{name: "handshake-refused", edit: func(_ *probe.Record, s *probe.Section) {
		s.Handshakes[1] = probe.Handshake{ID: 2, Purpose: probe.HandshakeName, Host: "lyncweb-ext.contoso.example", Addr: proxyTLS, SNI: "lyncweb-ext.contoso.example",
			Offered: "1.3", Outcome: probe.Outcome{Code: probe.Reset, Text: "read: connection reset by peer"}}
		s.Exchanges = append(s.Exchanges[:2], s.Exchanges[5:]...)
	}, failed: []string{"external/handshake/2"}},
	{name: "name-not-in-certificate", edit: func(rec *probe.Record, s *probe.Section) {
		c := rec.Certificates["aa"]
		c.Names = c.Names[:1]
		rec.Certificates["aa"] = c
		s.Handshakes[0].NameMatch = probe.Outcome{Code: probe.TLSNameMismatch, Text: "x509: no"}
	}, failed: []string{"external/handshake/1", "external/handshake/1/name"}},
	{name: "not-trusted", edit: func(_ *probe.Record, s *probe.Section) {
		s.Handshakes[0].Public = probe.Outcome{Code: probe.TLSUnknownIssuer, Text: "x509: certificate signed by unknown authority"}
	}, failed: []string{"external/handshake/1", "external/handshake/1/trust"}},
	{name: "trusted-inside", edit: func(_ *probe.Record, s *probe.Section) {
		s.Vantage, s.ManagedDevices = probe.Internal, true
		s.Handshakes[0].Public = probe.Outcome{Code: probe.TLSUnknownIssuer, Text: "x509: certificate signed by unknown authority"}
		s.Lookups[2] = address("lyncdiscoverinternal.contoso.example", "203.0.113.10")
	}},
	{name: "bad-gateway", edit: func(_ *probe.Record, s *probe.Section) {
		s.Exchanges[0].Status, s.Exchanges[0].Document = 502, nil
		s.Exchanges[0].Header = http.Header{"Server": {"nginx"}}
	}, failed: []string{"external/exchange/1"}},
	{name: "no-answer", edit: func(_ *probe.Record, s *probe.Section) {
		s.Exchanges[2].Outcome, s.Exchanges[2].Status = probe.Outcome{Code: probe.Closed, Text: "EOF"}, 0
		s.Exchanges[4].Outcome, s.Exchanges[4].Status = probe.Outcome{Code: probe.Reset}, 0 // /cscp/: nobody needs it
	}, failed: []string{"external/exchange/3"}},
	{name: "ended-early", edit: func(_ *probe.Record, s *probe.Section) {
		*s = probe.Section{Vantage: s.Vantage, Incomplete: "context deadline exceeded", Lookups: s.Lookups[:1]}
	}},
}

func TestSteps(t *testing.T) {
	t.Parallel()
	for _, c := range stepCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rec := outside()
			c.edit(rec, rec.Sections[0])
			steps := probe.Diagnose(rec, nil).Steps
			var dump bytes.Buffer
			var failed []string
			ids := map[string]bool{}
			walkSteps(steps, 0, func(s *probe.Step, depth int) {
				fmt.Fprintf(&dump, "%s%s [%s] %s: %s (%g ms)\n", strings.Repeat("  ", depth), s.ID, s.State, s.Name, s.Detail, s.Milliseconds)
				if s.Curl != "" {
					fmt.Fprintf(&dump, "%s  %s\n", strings.Repeat("  ", depth), s.Curl)
				}
				if ids[s.ID] {
					t.Errorf("the ID %s is there twice", s.ID)
				}
				ids[s.ID] = true
				group := strings.Contains(s.ID, "/host/") || strings.Count(s.ID, "/") == 0 || s.ID == "external/walks"
				if s.State == probe.Failed && !group {
					failed = append(failed, s.ID)
				}
			})
			golden.Compare(t, "testdata/steps/"+c.name+".txt", dump.Bytes())
			if got, want := fmt.Sprint(failed), fmt.Sprint(c.failed); got != want {
				t.Errorf("failed steps = %s, want %s", got, want)
			}
		})
	}
}

func walkSteps(steps []probe.Step, depth int, visit func(*probe.Step, int)) {
	for i := range steps {
		visit(&steps[i], depth)
		walkSteps(steps[i].Steps, depth+1, visit)
	}
}

func TestEvidenceNamesAStep(t *testing.T) {
	t.Parallel()
	rec := outside()
	p := probe.NewView(rec).At(probe.External)
	ids := map[string]bool{}
	walkSteps(probe.Diagnose(rec, nil).Steps, 0, func(s *probe.Step, _ int) { ids[s.ID] = true })
	var all []probe.Evidence
	for _, l := range p.Lookups() {
		if l.Type == "A" {
			all = append(all, p.SawLookup(p.Resolve(strings.ToUpper(l.Name)), "it"))
		}
	}
	for _, d := range p.Dials() {
		all = append(all, p.SawDial(&d, "it"))
	}
	for _, h := range p.Handshakes() {
		all = append(all, p.SawHandshake(h, "it"))
	}
	for _, x := range p.Exchanges() {
		all = append(all, p.SawExchange(x, "it"))
	}
	for _, e := range all {
		if !ids[e.Step] {
			t.Errorf("evidence refers to step %s, which is not in the tree", e.Step)
		}
	}
}

// The proxy may reach only what it forwards to, and need not verify: a healthy record from beside it has no red mark.
func TestStepsBesideTheProxy(t *testing.T) {
	t.Parallel()
	rec := outside()
	rec.Target.Expected.WebServers = []probe.WebServer{{Address: "10.10.10.11:4443", Scheme: "https", Name: "fe1.contoso.example", Trust: "enterprise"}}
	h := shaken(1, probe.HandshakeName, "fe1.contoso.example")
	h.Addr, h.Public, h.Enterprise = "10.10.10.11:4443", probe.Outcome{Code: probe.TLSUnknownIssuer}, ok
	x := discovery(1, 1, probe.GetRoot)
	x.Addr = h.Addr
	rec.Sections = []*probe.Section{{
		Vantage: probe.Proxy, Handshakes: []probe.Handshake{h}, Exchanges: []probe.Exchange{x},
		Dials: []probe.Dial{
			{Host: "fe1.contoso.example", Addr: "10.10.10.11:4443", Outcome: ok},
			{Host: "10.10.10.11", Addr: "10.10.10.11:443", Outcome: probe.Outcome{Code: probe.Timeout}},
		},
	}}
	want := `curl -sk -i --http1.1 --path-as-is -A lyncpin -H 'Host: lyncdiscover.contoso.example'` +
		` --resolve fe1.contoso.example:4443:10.10.10.11 -H 'Accept: application/json' 'https://fe1.contoso.example:4443/'`
	walkSteps(probe.Diagnose(rec, nil).Steps, 0, func(s *probe.Step, _ int) {
		if s.State == probe.Failed || s.State == probe.NotTried {
			t.Errorf("%s is %s: %s", s.ID, s.State, s.Detail)
		}
		if s.ID == "proxy/exchange/1" && s.Curl != want {
			t.Errorf("curl = %s\nwant   %s", s.Curl, want)
		}
	})
}

func TestCurl(t *testing.T) {
	t.Parallel()
	const start = "curl -sk -i --http1.1 --path-as-is -A lyncpin "
	cases := []struct {
		name string
		x    probe.Exchange
		want string
	}{
		{name: "without-accept", x: probe.Exchange{Method: "GET", URL: "http://a.example/", Addr: "192.0.2.1:80"},
			want: start + "--resolve a.example:80:192.0.2.1 -H Accept: 'http://a.example/'"},
		{name: "ipv6", x: probe.Exchange{Method: "GET", URL: "https://a.example/?q={1}", Addr: "[2001:db8::1]:443"},
			want: start + "--resolve 'a.example:443:[2001:db8::1]' -H Accept: -g 'https://a.example/?q={1}'"},
		{name: "other-port", x: probe.Exchange{Method: "GET", URL: "https://a.example/", Addr: "192.0.2.1:4443"},
			want: start + "--connect-to a.example:443:192.0.2.1:4443 -H Accept: 'https://a.example/'"},
		{name: "quotes", x: probe.Exchange{Method: "GET", URL: "https://a.example/';id;'", Accept: "'$(id)"},
			want: start + `-H 'Accept: '\''$(id)' 'https://a.example/'\'';id;'\'''`},
		{name: "password", x: probe.Exchange{Method: "GET", URL: "https://me:secret@a.example/"}},
		{name: "option", x: probe.Exchange{Method: "GET", URL: "-o/etc/motd"}},
		{name: "other-scheme", x: probe.Exchange{Method: "GET", URL: "file:///etc/passwd"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.x.ID = 1
			rec := &probe.Record{Sections: []*probe.Section{{Vantage: probe.External, Exchanges: []probe.Exchange{c.x}}}}
			walkSteps(probe.Diagnose(rec, nil).Steps, 0, func(s *probe.Step, _ int) {
				if s.ID == "external/exchange/1" && s.Curl != c.want {
					t.Errorf("curl = %s\nwant   %s", s.Curl, c.want)
				}
			})
		})
	}
}

func TestStepsAreBounded(t *testing.T) {
	t.Parallel()
	s := &probe.Section{Vantage: probe.External}
	for i := range 3000 {
		s.Exchanges = append(s.Exchanges, probe.Exchange{ID: i + 1, Method: "GET", URL: "http://a.example/" + strings.Repeat("x", 10000), Host: "a.example"})
	}
	count, longest := 0, 0
	walkSteps(probe.Diagnose(&probe.Record{Sections: []*probe.Section{s, s}}, nil).Steps, 0, func(s *probe.Step, _ int) {
		count++
		longest = max(longest, len(s.Name), len(s.Detail), len(s.Curl))
	})
	if count > 1000 || longest > 5000 {
		t.Errorf("%d steps, the longest text %d bytes; want at most 1000 and 5000", count, longest)
	}
}

// A certificate of the organisation's own is good where devices know its roots, and nowhere else.
func TestStepsTrustAsThePlaceDoes(t *testing.T) {
	t.Parallel()
	unknown := probe.Outcome{Code: probe.TLSUnknownIssuer}
	cases := []struct {
		name, vantage string
		managed       bool
		public        probe.Outcome
		enterprise    probe.Outcome
		want          string
	}{
		{"phones", probe.WiFi, false, unknown, ok, probe.Failed},
		{"managed-phones", probe.WiFi, true, unknown, ok, probe.Passed},
		{"outside", probe.External, false, unknown, ok, probe.Failed},
		{"inside", probe.Internal, true, unknown, ok, probe.Passed},
		{"inside-unmanaged", probe.Internal, false, unknown, ok, probe.Failed},
		{"inside-foreign", probe.Internal, true, unknown, unknown, probe.Failed},
		{"inside-roots-not-known", probe.Internal, true, unknown, probe.Outcome{Code: probe.NotChecked}, probe.Noted},
		{"inside-expired", probe.Internal, true, probe.Outcome{Code: probe.TLSExpired}, probe.Outcome{Code: probe.NotChecked}, probe.Failed},
		{"public", probe.WiFi, false, ok, unknown, probe.Passed},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rec := outside()
			h := shaken(1, probe.HandshakeName, "lyncdiscoverinternal.contoso.example")
			h.Addr, h.Public, h.Enterprise = "10.10.10.10:443", c.public, c.enterprise
			rec.Sections = []*probe.Section{{Vantage: c.vantage, ManagedDevices: c.managed, Handshakes: []probe.Handshake{h}}}
			states := map[string]string{}
			walkSteps(probe.Diagnose(rec, nil).Steps, 0, func(s *probe.Step, _ int) { states[s.ID] = s.State })
			if got := states[c.vantage+"/handshake/1/trust"]; got != c.want {
				t.Errorf("trust is %s, want %s", got, c.want)
			}
			if got := states[c.vantage+"/handshake/1"]; (got == probe.Failed) != (c.want == probe.Failed) {
				t.Errorf("the handshake is %s, and its trust %s", got, c.want)
			}
		})
	}
}
