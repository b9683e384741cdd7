package failure_test

import (
	"fmt"
	"testing"

	"lyncpin/probe"
)

// sent is the answer that sends a client on.
func sent(purpose, from, to string) probe.Exchange {
	host := from[len("https://"):]
	for i := range host {
		if host[i] == '/' {
			host = host[:i]
			break
		}
	}
	x := asked(purpose, host, from[len("https://")+len(host):], 200, nil, "")
	x.Document = &probe.Document{Form: "ucwa-json", Links: map[string]string{"redirect": to}}
	return x
}

func TestRedirectLoop(t *testing.T) {
	t.Parallel()
	const (
		start  = "https://lyncdiscover.contoso.example/"
		cloud  = "https://webdir.online.lync.com/root"
		ground = "https://lyncweb-ext.contoso.example/root"
	)
	section := func(list ...probe.Exchange) *probe.Record {
		return record(&probe.Section{Vantage: probe.External, Exchanges: list})
	}
	var endless []probe.Exchange
	next := func(i int) string { return fmt.Sprintf("%s?hop=%d", []string{cloud, ground}[i%2], i) }
	endless = append(endless, sent(probe.GetRoot, start, next(0)))
	for i := range 11 {
		endless = append(endless, sent(probe.GetHop, next(i), next(i+1)))
	}
	judge(t, "hybrid.redirect-loop", []judgement{
		{"two deployments", section(sent(probe.GetRoot, start, cloud), sent(probe.GetHop, cloud, ground), sent(probe.GetHop, ground, cloud)), "found"},
		{"without an end", section(endless...), "found"},
		{"a host that sends to itself was asked over the wrong port", section(sent(probe.GetRoot, start, ground), sent(probe.GetHop, ground, ground)), "clear"},
		{"a way with an end", record(outside(sent(probe.GetRoot, start, cloud))), "clear"},
		{"no discovery", section(), "not applicable"},
	})
}

func TestLyncdiscoverPointsOnline(t *testing.T) {
	t.Parallel()
	alias := func() *probe.Section {
		return &probe.Section{Vantage: probe.External, Lookups: []probe.Lookup{{
			Name: "lyncdiscover.contoso.example", Type: "A", Outcome: probe.Outcome{Code: probe.OK},
			Answers: []probe.RR{
				{Name: "lyncdiscover.contoso.example", Type: "CNAME", Value: "webdir.online.lync.com."},
				{Name: "webdir.online.lync.com", Type: "A", Value: "198.51.100.80"},
			},
		}}}
	}
	inside := &probe.Section{Vantage: probe.Internal, Exchanges: []probe.Exchange{discovered("lyncdiscoverinternal.contoso.example", "Internal", "lyncweb-int.contoso.example")}}
	declared := record(alias())
	declared.Target.Expected.ExternalWeb = []string{"lyncweb-ext.contoso.example"}
	judge(t, "hybrid.lyncdiscover-points-online", []judgement{
		{"nothing on premises is known", record(alias()), "not applicable"},
		{"Front Ends inside", record(alias(), inside), "found"},
		{"servers are declared", declared, "found"},
		{"sent on from premises", record(outside(sent(probe.GetRoot, "https://lyncdiscover.contoso.example/", "https://webdir.online.lync.com/root"))), "clear"},
	})
}
