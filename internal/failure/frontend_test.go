package failure_test

import (
	"net/http"
	"slices"
	"testing"

	"lyncpin/internal/failure"
	"lyncpin/probe"
)

// What follows are records written by hand, for what no lab of ours shows: the pages of other proxies, stripped marks,
// silence in odd places.

const (
	public  = "203.0.113.10:443"
	kernel  = "<HTML><HEAD><TITLE>Service Unavailable</TITLE></HEAD><BODY><h2>Service Unavailable</h2><hr><p>HTTP Error 503. The service is unavailable.</p></BODY></HTML>"
	haproxy = "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n"
)

func frontEnd(fqdn string) http.Header {
	return http.Header{"X-Ms-Server-Fqdn": {fqdn}, "Server": {"Microsoft-IIS/8.5"}}
}

func servedBy(product string) http.Header { return http.Header{"Server": {product}} }

// asked is an exchange over HTTPS at the public address.
func asked(purpose, host, path string, status int, header http.Header, body string) probe.Exchange {
	return probe.Exchange{
		Purpose: purpose, Method: "GET", URL: "https://" + host + path, Host: host, Addr: public,
		Outcome: probe.Outcome{Code: probe.OK}, Status: status, Header: header, Body: body,
	}
}

// failed is an exchange without answer.
func failed(purpose, host, path, code string) probe.Exchange {
	x := asked(purpose, host, path, 0, nil, "")
	x.Outcome.Code = code
	return x
}

// discovered is the legacy root document of a web site.
func discovered(host, location, web string) probe.Exchange {
	x := asked(probe.GetRootLegacy, host, "/", 200, frontEnd("fe1.contoso.example"), "")
	x.Document = &probe.Document{Form: "legacy-xml", AccessLocation: location, Links: map[string]string{
		"user": "https://" + web + "/Autodiscover/AutodiscoverService.svc/root/user",
	}}
	return x
}

// straight puts exchanges at an address behind the proxy.
func straight(addr string, list ...probe.Exchange) []probe.Exchange {
	for i := range list {
		list[i].Addr = addr
	}
	return list
}

func found(name, addr string) probe.Lookup {
	return probe.Lookup{Name: name, Type: "A", Outcome: probe.Outcome{Code: probe.OK}, Answers: []probe.RR{{Name: name, Type: "A", Value: addr}}}
}

func missing(name string) probe.Lookup {
	return probe.Lookup{Name: name, Type: "A", Outcome: probe.Outcome{Code: probe.NXDomain}}
}

func dialed(addr, code string) probe.Dial {
	return probe.Dial{Addr: addr, Outcome: probe.Outcome{Code: code}}
}

// outside is a section seen from the Internet in which discovery works.
func outside(list ...probe.Exchange) *probe.Section {
	root := discovered("lyncdiscover.contoso.example", "External", "lyncweb-ext.contoso.example")
	return &probe.Section{
		Vantage: probe.External,
		Lookups: []probe.Lookup{
			found("lyncdiscover.contoso.example", "203.0.113.10"), found("lyncweb-ext.contoso.example", "203.0.113.10"),
			found("meet.contoso.example", "203.0.113.10"), found("dialin.contoso.example", "203.0.113.10"),
			missing("nobody-publishes-this.contoso.example"),
		},
		Exchanges: append([]probe.Exchange{root}, list...),
	}
}

func record(sections ...*probe.Section) *probe.Record {
	rec := &probe.Record{Target: probe.Target{SIPDomains: []string{"contoso.example"}}, Sections: sections, Certificates: map[string]probe.Certificate{}}
	for _, s := range sections {
		for i := range s.Exchanges {
			s.Exchanges[i].ID = i + 1
		}
	}
	return rec
}

// behindProxy adds a view from beside the proxy, and the web servers it forwards to.
func behindProxy(rec *probe.Record, s *probe.Section, servers ...string) *probe.Record {
	s.Vantage = probe.Proxy
	rec.Sections = append(rec.Sections, s)
	for _, addr := range servers {
		rec.Target.Expected.WebServers = append(rec.Target.Expected.WebServers, probe.WebServer{Address: addr, Scheme: "https", Name: "fe.contoso.example", Trust: "enterprise"})
	}
	return rec
}

type judgement struct {
	name string
	rec  *probe.Record
	want string
}

// judge holds a mode's verdicts.
func judge(t *testing.T, id probe.ID, list []judgement) {
	t.Helper()
	m, ok := failure.Find(id)
	if !ok {
		t.Fatalf("no mode %s", id)
	}
	for _, c := range list {
		t.Run(c.name, func(t *testing.T) {
			if got := probe.Judge(&m.Rule, probe.NewView(c.rec)); got.String() != c.want {
				t.Errorf("%s: got %s (%s) %v, want %s", id, got, got.Why(), got.Evidence(), c.want)
			}
		})
	}
}

func TestAppPoolStopped(t *testing.T) {
	t.Parallel()
	const web = "lyncweb-ext.contoso.example"
	ucwa := func(header http.Header, body string) *probe.Record {
		return record(outside(asked(probe.GetUCWA, web, "/ucwa/v1/applications", 503, header, body)))
	}
	windowsProxy := func() *probe.Record {
		return record(&probe.Section{Vantage: probe.External, Exchanges: []probe.Exchange{
			asked(probe.GetRoot, "lyncdiscover.contoso.example", "/", 503, servedBy("Microsoft-HTTPAPI/2.0"), kernel),
			asked(probe.GetUCWA, web, "/ucwa/v1/applications", 503, servedBy("Microsoft-HTTPAPI/2.0"), kernel),
		}})
	}
	taken := record(outside(
		asked(probe.GetRepeat, "lyncdiscover.contoso.example", "/", 503, servedBy("Microsoft-HTTPAPI/2.0"), kernel),
		asked(probe.GetRepeat, "lyncdiscover.contoso.example", "/", 200, frontEnd("fe1.contoso.example"), ""),
	))
	judge(t, "frontend.app-pool-stopped-503", []judgement{
		{"http.sys", ucwa(servedBy("Microsoft-HTTPAPI/2.0"), ""), "found"},
		{"http.sys behind a proxy that writes its own Server header", ucwa(servedBy("nginx"), kernel), "found"},
		{"a proxy that has no server for the path", ucwa(nil, haproxy), "clear"},
		{"the Front End itself is busy", ucwa(frontEnd("fe1.contoso.example"), "busy"), "clear"},
		{"nothing but http.sys answers", windowsProxy(), "found"},
		{"Windows is the proxy, and its servers refuse", behindProxy(windowsProxy(), &probe.Section{Dials: []probe.Dial{dialed("10.10.10.11:4443", probe.Refused)}}, "10.10.10.11:4443"), "not applicable"},
		{"only one of the nodes", taken, "clear"},
	})
}

func TestOneNodeDown(t *testing.T) {
	t.Parallel()
	const host = "lyncdiscover.contoso.example"
	good := asked(probe.GetRepeat, host, "/", 200, frontEnd("fe1.contoso.example"), "")
	good.Document = discovered(host, "External", "lyncweb-ext.contoso.example").Document
	bad := func(status int) probe.Exchange {
		return asked(probe.GetRepeat, host, "/", status, servedBy("nginx"), "")
	}
	repeats := func(list ...probe.Exchange) *probe.Record { return record(outside(list...)) }
	serving := func(addr string) []probe.Exchange {
		return straight(addr, discovered(host, "External", "lyncweb-ext.contoso.example"))
	}
	both := func(first, second string) *probe.Section {
		s := &probe.Section{Dials: []probe.Dial{dialed("10.10.10.11:4443", first), dialed("10.10.10.12:4443", second)}}
		for i, code := range []string{first, second} {
			if code == probe.OK {
				s.Exchanges = append(s.Exchanges, serving([]string{"10.10.10.11:4443", "10.10.10.12:4443"}[i])...)
			}
		}
		return s
	}
	servers := []string{"10.10.10.11:4443", "10.10.10.12:4443"}
	otherPort := behindProxy(repeats(good, good), both(probe.OK, probe.Timeout), servers...)
	otherPort.Target.Expected.FrontEnds = []string{"10.10.10.11", "10.10.10.12"}
	otherPort.Sections[1].Dials = append(otherPort.Sections[1].Dials, dialed("10.10.10.12:443", probe.OK))
	judge(t, "frontend.one-node-down", []judgement{
		{"some requests fail", repeats(good, bad(502), good, bad(502)), "found"},
		{"some connections are cut", repeats(good, failed(probe.GetRepeat, host, "/", probe.Reset)), "found"},
		{"all requests fail", repeats(bad(502), bad(502)), "clear"},
		{"a limit on requests", repeats(good, good, bad(429)), "clear"},
		{"some fail though every server answers", behindProxy(repeats(good, bad(502)), both(probe.OK, probe.OK), servers...), "clear"},
		{"hidden by a proxy that tries the next", behindProxy(repeats(good, good), both(probe.OK, probe.Refused), servers...), "found"},
		{"a machine in silence", behindProxy(repeats(good, good), both(probe.OK, probe.Timeout), servers...), "found"},
		{"one port in silence", otherPort, "clear"},
		{"no server at all", behindProxy(repeats(bad(502)), both(probe.Refused, probe.Refused), servers...), "clear"},
	})
}

func TestExternalSiteStopped(t *testing.T) {
	t.Parallel()
	at := func(internal, external string) *probe.Record {
		rec := behindProxy(record(), &probe.Section{Dials: []probe.Dial{dialed("10.10.10.11:4443", external), dialed("10.10.10.11:443", internal)}}, "10.10.10.11:4443")
		rec.Target.Expected.FrontEnds = []string{"10.10.10.11"}
		return rec
	}
	judge(t, "frontend.external-site-stopped", []judgement{
		{"refused beside a site that runs", at(probe.OK, probe.Refused), "found"},
		{"silence is a firewall's", at(probe.OK, probe.Timeout), "clear"},
		{"nothing runs on the machine", at(probe.Refused, probe.Refused), "clear"},
		{"no view from beside the proxy", record(outside()), "not applicable"},
	})
}

func TestWebCertificate(t *testing.T) {
	t.Parallel()
	at := func(code string, names ...string) *probe.Record {
		h := probe.Handshake{ID: 1, Purpose: probe.HandshakeName, Host: "fe.contoso.example", Addr: "10.10.10.11:4443", Outcome: probe.Outcome{Code: code}}
		rec := behindProxy(record(), &probe.Section{Dials: []probe.Dial{dialed("10.10.10.11:4443", probe.OK)}}, "10.10.10.11:4443")
		if len(names) > 0 {
			h.Chain = []string{"leaf"}
			rec.Certificates["leaf"] = probe.Certificate{Subject: "CN=" + names[0], CommonName: names[0], Names: names}
		}
		rec.Sections[0].Handshakes = []probe.Handshake{h}
		return rec
	}
	unverified := at(probe.OK, "wmsvc-fe1")
	unverified.Target.Expected.WebServers[0].Name = ""
	judge(t, "frontend.web-certificate-unassigned-or-wrong", []judgement{
		{"cut before any certificate", at(probe.Reset), "found"},
		{"another version of TLS", at(probe.TLSProtocol), "clear"},
		{"plain HTTP", at(probe.TLSNotTLS), "clear"},
		{"of the management service", at(probe.OK, "wmsvc-fe1"), "found"},
		{"of the pool, without the name dialled", at(probe.OK, "pool01.contoso.example"), "clear"},
		{"a wildcard of the domain", at(probe.OK, "*.contoso.example"), "clear"},
		{"nobody verifies", unverified, "clear"},
	})
}

func TestHTTPRequiresSSL(t *testing.T) {
	t.Parallel()
	plain := func(header http.Header, body string) *probe.Record {
		x := asked(probe.GetRootHTTP, "lyncdiscover.contoso.example", "/", 403, header, body)
		x.URL, x.Addr = "http://lyncdiscover.contoso.example/", "203.0.113.10:80"
		return record(outside(x))
	}
	judge(t, "frontend.http8080-requires-ssl", []judgement{
		{"the Front End refuses", plain(frontEnd("fe1.contoso.example"), ""), "found"},
		{"its page through a proxy that strips marks", plain(servedBy("nginx"), "<h2>403.4 - Forbidden: SSL is required to view this resource.</h2>"), "found"},
		{"a proxy refuses", plain(servedBy("nginx"), "<h1>403 Forbidden</h1>"), "clear"},
	})
}

func TestExternalWebNames(t *testing.T) {
	t.Parallel()
	inside := func(location, web, redirect string) *probe.Section {
		x := discovered("lyncdiscoverinternal.contoso.example", location, web)
		if redirect != "" {
			x.Document.Links = map[string]string{"redirect": redirect}
		}
		return &probe.Section{Vantage: probe.Internal, Exchanges: straight("10.10.10.11:443", x)}
	}
	moved := outside()
	moved.Exchanges[0].Document.Links = map[string]string{"redirect": "https://webdir.online.lync.com/"}
	single := outside()
	single.Exchanges[0].Document.Links["user"] = "https://fe1.contoso.example/x"
	judge(t, "frontend.external-web-fqdn-equals-internal", []judgement{
		{"one name on both sites", record(outside(), inside("Internal", "lyncweb-ext.contoso.example", "")), "found"},
		{"two names", record(outside(), inside("Internal", "lyncweb-int.contoso.example", "")), "clear"},
		{"both send users to the same service", record(moved, inside("Internal", "", "https://webdir.online.lync.com/")), "not applicable"},
		{"the name of the machine", record(single), "found"},
		{"nothing to compare with", record(outside()), "not applicable"},
	})

	gone := func(names ...string) *probe.Record {
		s := outside()
		s.Lookups = slices.DeleteFunc(s.Lookups, func(l probe.Lookup) bool { return l.Name == "lyncweb-ext.contoso.example" })
		s.Lookups = append(s.Lookups, missing("lyncweb-ext.contoso.example"))
		s.Handshakes = []probe.Handshake{{ID: 1, Purpose: probe.HandshakeName, Host: "lyncdiscover.contoso.example", Addr: public, Outcome: probe.Outcome{Code: probe.OK}, Chain: []string{"leaf"}}}
		rec := record(s)
		rec.Certificates["leaf"] = probe.Certificate{Names: names}
		return rec
	}
	declared := gone("lyncdiscover.contoso.example")
	declared.Target.Expected.ExternalWeb = []string{"lyncweb-ext.contoso.example"}
	internalSite := gone("lyncdiscover.contoso.example")
	internalSite.Sections[0].Exchanges[0].Document.AccessLocation = "Internal"
	judge(t, "frontend.external-web-fqdn-wrong-in-topology", []judgement{
		{"prepared for nowhere", gone("lyncdiscover.contoso.example"), "found"},
		{"in the certificate", gone("lyncdiscover.contoso.example", "lyncweb-ext.contoso.example"), "clear"},
		{"declared", declared, "clear"},
		{"the internal site answers", internalSite, "not applicable"},
	})
}

func TestSimpleURLNotRegistered(t *testing.T) {
	t.Parallel()
	unknown := asked(probe.GetMeet, "meet.contoso.example", "/", 404, frontEnd("fe1.contoso.example"), "")
	wildcard := outside(unknown)
	wildcard.Lookups[4] = found("nobody-publishes-this.contoso.example", "203.0.113.10")
	known := asked(probe.GetMeet, "meet.contoso.example", "/", 200, frontEnd("fe1.contoso.example"), "")
	judge(t, "frontend.simple-url-not-registered", []judgement{
		{"the Front End does not know it", record(outside(unknown)), "found"},
		{"a wildcard record made the name", record(wildcard), "clear"},
		{"a proxy does not know it", record(outside(asked(probe.GetMeet, "meet.contoso.example", "/", 404, servedBy("nginx"), ""))), "not applicable"},
		{"straight it is known", behindProxy(record(outside(unknown)), &probe.Section{Exchanges: straight("10.10.10.11:4443", known)}, "10.10.10.11:4443"), "clear"},
	})
}
