package failure_test

import (
	"testing"

	"lyncpin/probe"
)

const (
	meetHost    = "meet.contoso.example"
	unknownHost = "nobody-publishes-this.contoso.example"
	squid       = "<html><head><title>ERROR: The requested URL could not be retrieved</title></head><body>Generated Sun, 22 Nov 2026 11:00:00 GMT</body></html>"
	squidLater  = "<html><head><title>ERROR: The requested URL could not be retrieved</title></head><body>Generated Sun, 22 Nov 2026 11:00:01 GMT</body></html>"
	welcome     = "<html><head><title>Welcome to nginx!</title></head></html>"
)

func TestMeetingHostNotPublished(t *testing.T) {
	t.Parallel()
	pair := func(meet, unknown probe.Exchange) *probe.Record { return record(outside(meet, unknown)) }
	wildcard := pair(asked(probe.GetMeet, meetHost, "/", 503, nil, haproxy), asked(probe.GetUnknownHost, unknownHost, "/", 503, nil, haproxy))
	wildcard.Sections[0].Lookups[4] = found(unknownHost, "203.0.113.10")
	elsewhere := pair(asked(probe.GetMeet, meetHost, "/", 200, servedBy("Jitsi"), "<title>Jitsi</title>"), asked(probe.GetUnknownHost, unknownHost, "/", 503, nil, haproxy))
	elsewhere.Sections[0].Lookups[2] = found(meetHost, "203.0.113.77")
	elsewhere.Sections[0].Exchanges[1].Addr = "203.0.113.77:443"
	down := record(&probe.Section{
		Vantage: probe.External, Lookups: outside().Lookups,
		Exchanges: []probe.Exchange{
			asked(probe.GetRoot, "lyncdiscover.contoso.example", "/", 503, nil, haproxy),
			asked(probe.GetMeet, meetHost, "/", 503, nil, haproxy),
			asked(probe.GetUnknownHost, unknownHost, "/", 503, nil, haproxy),
		},
	})
	stripped := asked(probe.GetMeet, meetHost, "/", 200, servedBy("nginx"), "<title>Skype for Business Web App</title>")
	judge(t, "meeting.simple-url-not-published", []judgement{
		{"HAProxy has no backend for it", pair(asked(probe.GetMeet, meetHost, "/", 503, nil, haproxy), asked(probe.GetUnknownHost, unknownHost, "/", 503, nil, haproxy)), "found"},
		{"Squid's page, a second later", pair(asked(probe.GetMeet, meetHost, "/", 403, servedBy("squid/5.9"), squid), asked(probe.GetUnknownHost, unknownHost, "/", 403, servedBy("squid/5.9"), squidLater)), "found"},
		{"cut, as Squid of pfSense does", pair(failed(probe.GetMeet, meetHost, "/", probe.Reset), failed(probe.GetUnknownHost, unknownHost, "/", probe.Reset)), "found"},
		{"the default site", pair(asked(probe.GetMeet, meetHost, "/", 200, servedBy("nginx"), welcome), asked(probe.GetUnknownHost, unknownHost, "/", 200, servedBy("nginx"), welcome)), "found"},
		{"a page of its own beside a default site", pair(stripped, asked(probe.GetUnknownHost, unknownHost, "/", 200, servedBy("nginx"), welcome)), "clear"},
		{"unknown names get no TLS, and this one 404", record(outside(asked(probe.GetMeet, meetHost, "/", 404, servedBy("nginx"), ""))), "found"},
		{"unknown names get no TLS, and this one 502", record(outside(asked(probe.GetMeet, meetHost, "/", 502, servedBy("nginx"), ""))), "clear"},
		{"its application pool is stopped", pair(asked(probe.GetMeet, meetHost, "/", 503, servedBy("nginx"), kernel), asked(probe.GetUnknownHost, unknownHost, "/", 404, servedBy("nginx"), "")), "clear"},
		{"a guessed name that a wildcard made", wildcard, "clear"},
		{"a guessed name that is another product's", elsewhere, "clear"},
		{"everything fails", down, "clear"},
	})
}

func TestMeetingHostWithoutRecord(t *testing.T) {
	t.Parallel()
	without := func(hosts ...string) *probe.Record {
		s := outside()
		for i := range s.Lookups {
			for _, h := range hosts {
				if s.Lookups[i].Name == h {
					s.Lookups[i] = missing(h)
				}
			}
		}
		return record(s)
	}
	silent := without(meetHost)
	silent.Sections[0].Lookups[2].Outcome.Code = probe.ServFail
	inside := without(meetHost, "dialin.contoso.example")
	inside.Sections = append(inside.Sections, &probe.Section{
		Vantage: probe.Internal, Lookups: []probe.Lookup{found("lyncdiscoverinternal.contoso.example", "10.10.10.11"), found(meetHost, "10.10.10.11")},
	})
	judge(t, "meeting.simple-url-dns-missing", []judgement{
		{"its like exists", without(meetHost), "found"},
		{"neither exists: such names are not used", without(meetHost, "dialin.contoso.example"), "clear"},
		{"it exists inside", inside, "found"},
		{"no dial-in conferencing", without("dialin.contoso.example"), "clear"},
		{"the name server failed", silent, "clear"},
	})
}

func TestOfficeWebApps(t *testing.T) {
	t.Parallel()
	const host = "wac.contoso.example"
	at := func(x probe.Exchange, unknown ...probe.Exchange) *probe.Record {
		s := outside(append(unknown, x)...)
		s.Lookups = append(s.Lookups, found(host, "203.0.113.10"))
		rec := record(s)
		rec.Target.Expected.OfficeWebApps = []string{host}
		return rec
	}
	wac := func(status int, product, body string) probe.Exchange {
		return asked(probe.GetOfficeWebApps, host, "/hosting/discovery", status, servedBy(product), body)
	}
	lync := asked(probe.GetOfficeWebApps, host, "/hosting/discovery", 404, frontEnd("fe1.contoso.example"), "")
	anyHost := asked(probe.GetUnknownHost, unknownHost, "/", 404, frontEnd("fe1.contoso.example"), "")
	failing := at(wac(502, "nginx", ""))
	failing.Sections = append(failing.Sections, &probe.Section{Vantage: probe.Internal, Exchanges: straight("10.10.10.20:443", wac(503, "Microsoft-HTTPAPI/2.0", ""))})
	judge(t, "meeting.wac-unpublished", []judgement{
		{"its discovery document", at(wac(200, "Microsoft-IIS/8.5", "<wopi-discovery/>")), "clear"},
		{"the default site has no such page", at(wac(404, "nginx", "<title>404 Not Found</title>"), asked(probe.GetUnknownHost, unknownHost, "/", 200, servedBy("nginx"), welcome)), "found"},
		{"its own error", at(wac(404, "Microsoft-IIS/8.5", ""), asked(probe.GetUnknownHost, unknownHost, "/", 200, servedBy("nginx"), welcome)), "clear"},
		{"every host goes to Lync", at(lync, anyHost), "found"},
	})
	judge(t, "meeting.wac-wrong-port-or-offload", []judgement{
		{"Lync answers", at(lync), "found"},
		{"every host goes to Lync", at(lync, anyHost), "clear"},
		{"no server behind", at(wac(502, "nginx", "")), "found"},
		{"it fails inside too", failing, "clear"},
		{"nobody publishes it", at(wac(503, "", haproxy), asked(probe.GetUnknownHost, unknownHost, "/", 503, servedBy(""), haproxy)), "clear"},
	})
}
