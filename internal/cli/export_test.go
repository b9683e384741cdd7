package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lyncpin/internal/topology"
	"lyncpin/probe"
	"lyncpin/scenarios"
)

// What was seen of a healthy deployment says how to publish it: as its own proxy does.
func TestExportFromRecordOfHealthyDeployment(t *testing.T) {
	t.Parallel()
	cases := map[string]string{ // what is wrong with exporting it, "" for nothing
		"two-nodes-two-domains":      "",
		"standard-edition":           "",
		"pool-behind-vip":            "",
		"http-only-discovery":        "",
		"simple-urls-below-web-fqdn": "",
		"verify-none":                "",
		"director":                   "web services of several pools",
	}
	var ids []string
	for name := range cases {
		ids = append(ids, "baseline/"+name)
	}
	slices.Sort(ids)
	list, err := scenarios.Match(ids)
	if err != nil || len(list) != len(cases) {
		t.Fatalf("%d scenarios, error %v", len(list), err)
	}
	for i, r := range scenarios.Run(t.Context(), list, scenarios.Options{KeepRecords: true}) {
		if r.Err != nil || r.Record == nil {
			t.Fatalf("%s: no record: %v", r.ID, r.Err)
		}
		top := list[i].Topology()
		s := &site{office: map[string]*topology.WebServer{}}
		a := &app{env: Env{Stderr: &bytes.Buffer{}}}
		err := a.fromRecord(s, r.Record)
		if want := cases[strings.TrimPrefix(r.ID, "baseline/")]; want != "" {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want one with %q", r.ID, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", r.ID, err)
			continue
		}
		got, err := s.proxy()
		if err != nil {
			t.Errorf("%s: %v", r.ID, err)
			continue
		}
		if diff := cmp.Diff(publishes(&top.Proxy), publishes(got)); diff != "" {
			t.Errorf("%s (-its own proxy +exported):\n%s", r.ID, diff)
		}
	}
}

// publishes are the hosts of each rule with where they lead to, without names of rules and aliases.
func publishes(p *topology.Proxy) []string {
	var out []string
	for _, r := range p.Rules {
		var servers []string
		for _, alias := range r.WebServers {
			w := *p.WebServer(alias)
			w.Alias = ""
			if w.Scheme != r.Listener && r.Listener != "" {
				continue
			}
			text, _ := json.Marshal(w) // no field of it fails
			servers = append(servers, string(text))
		}
		slices.Sort(servers)
		for _, h := range r.Hosts {
			out = append(out, h+" "+r.Listener+" "+strings.Join(servers, " "))
		}
	}
	slices.Sort(out)
	return out
}

// A record that lacks something is completed by flags, and the message names the flag.
func TestExportRecordLacks(t *testing.T) {
	t.Parallel()
	x := func(purpose, host string) probe.Exchange {
		return probe.Exchange{Purpose: purpose, Host: host, Status: 200, Outcome: probe.Outcome{Code: probe.OK}}
	}
	rec := probe.Record{Schema: probe.RecordSchema, Target: probe.Target{SIPDomains: []string{"contoso.example"}}, Sections: []*probe.Section{{
		Vantage: probe.External,
		Exchanges: []probe.Exchange{
			x(probe.GetRoot, "lyncdiscover.contoso.example"), x(probe.GetService, "web.contoso.example"),
			x(probe.GetMeet, "meet.contoso.example"), x(probe.GetOfficeWebApps, "wac.contoso.example"),
			{Purpose: probe.GetDialin, Host: "dialin.contoso.example", Status: 404, Outcome: probe.Outcome{Code: probe.OK}},
		},
	}}}
	file := filepath.Join(t.TempDir(), "record.json")
	save := func() {
		data, err := json.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) (int, string, string) {
		var out, talk bytes.Buffer
		code := Main(t.Context(), append([]string{"export", "envoy", "--record", file}, args...), Env{
			Stdin: strings.NewReader(""), Stdout: &out, Stderr: &talk, Getenv: func(string) string { return "" }})
		return code, out.String(), talk.String()
	}
	save()
	fe, wac := "--front-end=10.10.10.11=fe1.contoso.example", "--office-web-apps=wac.contoso.example=10.10.10.20"
	for _, tc := range []struct {
		args []string
		want string
	}{
		{nil, "give --front-end ADDRESS=NAME"},
		{[]string{fe}, "give --office-web-apps wac.contoso.example=ADDRESS"},
	} {
		if code, out, talk := run(tc.args...); code != exitUsage || out != "" || !strings.Contains(talk, tc.want) {
			t.Errorf("%q: code %d, output %q, talk %q, want %q", tc.args, code, out, talk, tc.want)
		}
	}
	code, out, talk := run(fe, wac)
	if code != exitClear || !strings.Contains(out, "'lyncdiscover.contoso.example', 'web.contoso.example', 'meet.contoso.example'") || strings.Contains(out, "dialin") {
		t.Errorf("code %d, talk %q, output:\n%s", code, talk, out)
	}
	rec.Sections[0].Vantage = probe.Internal
	save()
	if code, _, talk := run(fe, wac); code != exitUsage || !strings.Contains(talk, "nothing in it was seen from outside") {
		t.Errorf("code %d, talk %q", code, talk)
	}
}
