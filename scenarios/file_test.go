package scenarios_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lyncpin/internal/topology"
	"lyncpin/probe"
	"lyncpin/scenarios"
)

// healthyWith is what the edits of a file must come to.
func healthyWith(edit func(*topology.Topology)) *topology.Topology {
	t := topology.Healthy()
	edit(t)
	return t
}

func TestLoadEdits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, edits string
		want        func(*topology.Topology)
	}{
		{"set a number", `- set: {path: proxy.https, value: 8443}`, func(t *topology.Topology) { t.Proxy.HTTPS = 8443 }},
		{"set below a web server", `- set: {path: "proxy.web_servers[fe1-https].port", value: 443}`,
			func(t *topology.Topology) { t.Proxy.WebServer(topology.FE1HTTPS).Port = 443 }},
		{"set below a rule of several words", `- set: {path: "proxy.publishing_rules[lync web services].host_header", value: web-server}`,
			func(t *topology.Topology) { t.Proxy.Rules[0].HostHeader = "web-server" }},
		{"set by number", `- set: {path: "pools[0].nodes[1].stopped", value: [external]}`,
			func(t *topology.Topology) { t.Pools[0].Nodes[1].Stopped = []string{"external"} }},
		{"set an address", `- set: {path: "pools[pool01.contoso.example].balancer.address", value: 10.10.10.99}`,
			func(t *topology.Topology) { t.Pools[0].Balancer.Address = netip.MustParseAddr("10.10.10.99") }},
		{"set a duration", `- set: {path: "proxy.certificates[0].ends", value: -24h}`,
			func(t *topology.Topology) { t.Proxy.Certificates[0].Ends = -24 * 3600e9 }},
		{"set a key of a mapping", `- set: {path: "pools[0].balancer.ports[4443]", value: 443}`,
			func(t *topology.Topology) { t.Pools[0].Balancer.Ports[4443] = 443 }},
		{"set a new key", `- set: {path: "pools[0].redirects[fabrikam.example]", value: "https://lyncweb2-ext.contoso.example/"}`,
			func(t *topology.Topology) {
				t.Pools[0].Redirects = map[string]string{"fabrikam.example": "https://lyncweb2-ext.contoso.example/"}
			}},
		{"set a text in a list", `- set: {path: "sip_domains[fabrikam.example]", value: tailspin.example}`,
			func(t *topology.Topology) { t.SIPDomains[1] = "tailspin.example" }},
		{"set a group", `- set: {path: wifi, value: {managed: true, dns_view: external}}`,
			func(t *topology.Topology) { t.WiFi = topology.WiFi{Managed: true, View: "external"} }},
		{"add to a list", `- add: {path: paths, value: {from: external, to: 203.0.113.10, port: 80, action: drop}}`,
			func(t *topology.Topology) {
				t.Paths = append(t.Paths, topology.Path{From: "external", To: "203.0.113.10", Port: 80, Action: "drop"})
			}},
		{"remove an entry", `- remove: {path: "proxy.certificates[0].names[wac.contoso.example]"}`,
			func(t *topology.Topology) { t.Proxy.Certificates[0].WithoutNames("wac.contoso.example") }},
		{"remove a group", `- remove: {path: "pools[0].balancer"}`, func(t *topology.Topology) { t.Pools[0].Balancer = nil }},
		{"remove a key", `- remove: {path: "pools[0].balancer.ports[80]"}`,
			func(t *topology.Topology) { delete(t.Pools[0].Balancer.Ports, 80) }},
		{"remove a record", `- remove_record: {view: external, name: Meet.contoso.example.}`,
			func(t *topology.Topology) { t.External.Remove("meet.contoso.example") }},
		{"set a record", `- set_record: {view: internal, name: meet.contoso.example, type: a, value: 10.10.10.12}`,
			func(t *topology.Topology) { t.Internal.Set("meet.contoso.example", "A", "10.10.10.12") }},
		{"add a record", `- add_record: {view: external, name: _test._tcp.contoso.example, type: SRV, value: 0 0 443 sip.contoso.example}`,
			func(t *topology.Topology) {
				t.External.Add("_test._tcp.contoso.example", "SRV", "0 0 443 sip.contoso.example")
			}},
		{"in order", "- set: {path: proxy.https, value: 1}\n  - set: {path: proxy.https, value: 2}",
			func(t *topology.Topology) { t.Proxy.HTTPS = 2 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := scenarios.Load("a.yaml", []byte("edits:\n  "+tt.edits+"\nexpect: {found: []}\n"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(marshal(t, healthyWith(tt.want)), marshal(t, s.Topology())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func marshal(t *testing.T, top *topology.Topology) string {
	t.Helper()
	data, err := topology.Marshal(top)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLoad(t *testing.T) {
	t.Parallel()
	s, err := scenarios.Load("dir/two-faults.yaml", []byte(`
extends: baseline/standard-edition
faults: [dns.lyncdiscover-missing, tls.expired/since-a-day, dns.lyncdiscover-missing/near/by-cname]
`))
	if err != nil {
		t.Fatal(err)
	}
	if want := []probe.ID{"dns.lyncdiscover-missing", "tls.expired"}; !slices.Equal(s.Want, want) {
		t.Errorf("without expect it wants %v, want the modes of its faults, %v", s.Want, want)
	}
	if s.ID != "two-faults" || s.Kind != scenarios.KindFile {
		t.Errorf("%s, %s; want the file's name and kind", s.ID, s.Kind)
	}
	if top := s.Topology(); len(top.FrontEndPool().Nodes) != 1 || top.ProxyCertificate().Ends == 0 {
		t.Error("base and faults are not in the topology")
	}
}

func TestLoadSignIn(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		signIn     bool
		hold       time.Duration
	}{
		{"nobody", "", false, 0},
		{"somebody", "sign_in: true\n", true, 0},
		{"hold", "hold: 3m\n", true, 3 * time.Minute},
		{"both", "sign_in: true\nhold: 200s\n", true, 200 * time.Second},
		{"said-to-be-nobody", "sign_in: false\n", false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := scenarios.Load("a.yaml", []byte(tt.text+"expect: {found: []}\n"))
			if err != nil || s.SignIn != tt.signIn || s.Hold != tt.hold {
				t.Errorf("signs in %v, holds for %s, %v; want %v, %s", s.SignIn, s.Hold, err, tt.signIn, tt.hold)
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"empty", "", "a.yaml:1:1: the file is empty"},
		{"comment", "# nothing\n", "a.yaml:1:1: the file is empty"},
		{"no mapping", "- a\n", "a.yaml:1:1: want fields here: edits, expect, extends, faults, hold, name, sign_in"},
		{"not YAML", "a: [\n", "a.yaml:1:"},
		{"two documents", "faults: [tls.expired]\n---\nfaults: [tls.expired]\n", "a.yaml:3:1: a second document"},
		{"unknown field", "faults: [tls.expired]\nfautls: []\n", `a.yaml:2:1: unknown field "fautls": did you mean "faults"?`},
		{"field like nothing", "zzz: 1\n", `a.yaml:1:1: unknown field "zzz": known are edits, expect, extends, faults, hold, name, sign_in`},
		{"field twice", "name: a\nname: b\n", `a.yaml:2:1: `},
		{"base", "extends: baseline/standart-edition\n", `a.yaml:1:10: unknown deployment "baseline/standart-edition": did you mean "baseline/standard-edition"?`},
		{"fault", "faults:\n  - tls.expird\n", `a.yaml:2:5: unknown fault "tls.expird": did you mean "tls.expired"?`},
		{"case", "faults: [tls.expired/since-a-dya]\n", `a.yaml:1:10: unknown fault "tls.expired/since-a-dya": did you mean "tls.expired/since-a-day"?`},
		{"sign_in", "sign_in: maybe\n", "a.yaml:1:10: want true or false here"},
		{"hold no time", "hold: 200\n", `a.yaml:1:7: "200" is not a duration, such as 200s`},
		{"hold too long", "hold: 2h\n", "a.yaml:1:7: a long poll is held for up to 30m0s, not for 2h0m0s"},
		{"hold negative", "hold: -1s\n", "a.yaml:1:7: a long poll is held for up to 30m0s, not for -1s"},
		{"hold by nobody", "sign_in: false\nhold: 200s\nexpect: {found: []}\n", "a.yaml:1:1: hold needs somebody who signs in: sign_in is false"},
		{"no list", "faults: tls.expired\n", "a.yaml:1:9: want a list here"},
		{"no text", "faults: [[a]]\n", "a.yaml:1:10: want a text here"},
		{"mode", "expect: {absent: [dns.servfali]}\n", `a.yaml:1:19: unknown mode "dns.servfali": did you mean "dns.servfail"?`},
		{"mode twice", "expect: {found: [dns.servfail], absent: [dns.servfail]}\n", "a.yaml:1:42: dns.servfail is listed twice"},
		{"expect nothing", "expect: {absent: []}\n", "expect says nothing"},
		{"no expect", "name: a\n", "a.yaml:1:1: expect is missing"},
		{"operation", "edits:\n  - sett: {path: a, value: 1}\n", `a.yaml:2:5: unknown field "sett": did you mean "set"?`},
		{"two operations", "edits:\n  - set: {path: proxy.https, value: 1}\n    remove: {path: proxy.http}\n", "a.yaml:2:5: want one edit in each entry of the list, and here are 2"},
		{"no value", "edits: [{set: {path: proxy.https}}]\n", "value is missing"},
		{"path field", "edits: [{remove: {path: proxy.web_server}}]\nexpect: {found: []}\n", `a.yaml:1:31: unknown field "web_server": did you mean "web_servers"?`},
		{"path field in quotes", "edits: [{remove: {path: \"proxy.web_server\"}}]\nexpect: {found: []}\n", `a.yaml:1:32: unknown field "web_server"`},
		{"path entry", "edits: [{remove: {path: 'proxy.web_servers[fe1-htps]'}}]\nexpect: {found: []}\n", `a.yaml:1:44: unknown entry "fe1-htps": did you mean "fe1-https"?`},
		{"path number", "edits: [{remove: {path: 'pools[7]'}}]\nexpect: {found: []}\n", "a.yaml:1:32: there is no entry 7: the list has 1, counted from 0"},
		{"path below a text", "edits: [{remove: {path: product.name}}]\nexpect: {found: []}\n", `there are no fields below this one, so no "name"`},
		{"path below nothing", "extends: baseline/standard-edition\nedits: [{set: {path: 'pools[0].balancer.address', value: 10.10.10.10}}]\nexpect: {found: []}\n", "set it as a whole"},
		{"path open", "edits: [{remove: {path: 'pools[0'}}]\n", "a.yaml:1:31: path \"pools[0\": the bracket is not closed"},
		{"path empty", "edits: [{remove: {path: .}}]\n", "the name of a field is missing"},
		{"value kind", "edits: [{set: {path: proxy.https, value: many}}]\nexpect: {found: []}\n", "a.yaml:1:42: want a whole number here"},
		{"value null", "edits: [{set: {path: proxy.https, value: null}}]\nexpect: {found: []}\n", "use remove to empty a field"},
		{"value field", "edits: [{set: {path: wifi, value: {mangaed: true}}}]\nexpect: {found: []}\n", `a.yaml:1:36: unknown field "mangaed": did you mean "managed"?`},
		{"value address", "edits: [{set: {path: 'apps[0].address', value: here}}]\nexpect: {found: []}\n", "a.yaml:1:48: "},
		{"add to no list", "edits: [{add: {path: proxy.https, value: 1}}]\nexpect: {found: []}\n", "this is no list, so nothing can be added: use set"},
		{"view", "edits: [{remove_record: {view: externl, name: meet.contoso.example}}]\n", `a.yaml:1:32: unknown view "externl": did you mean "external"?`},
		{"record", "edits: [{remove_record: {view: external, name: met.contoso.example}}]\nexpect: {found: []}\n", `a.yaml:1:48: unknown record "met.contoso.example": did you mean "meet.contoso.example"?`},
		{"record type", "edits: [{set_record: {view: external, name: a.contoso.example, type: B, value: x}}]\n", `unknown record type "B": known are A, AAAA`},
		{"record value", "edits: [{set_record: {view: external, name: a.contoso.example, type: A, value: 2001:db8::10}}]\n", "is no address for a record of type A"},
		{"SRV value", "edits: [{set_record: {view: external, name: a.contoso.example, type: SRV, value: sip.contoso.example}}]\n", "want priority, weight, port and host"},
		{"impossible", "edits: [{set: {path: product, value: lync2017}}]\nexpect: {found: []}\n", "a.yaml:1:1: no lab can run the edited deployment: "},
		{"does not fit", "edits: [{remove: {path: sip_domains}}]\nfaults: [dns.lyncdiscover-missing-one-sip-domain]\n", "a.yaml:2:10: this does not fit the deployment as it is here"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := scenarios.Load("a.yaml", []byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got  %v\nwant %s", err, tt.want)
			}
			if _, ok := errors.AsType[*scenarios.FileError](err); !ok || strings.Contains(err.Error(), "\n") {
				t.Errorf("%T %q: want one line with a place", err, err)
			}
		})
	}
}

// The examples of the package can be read, and the scenarios in them are what they say.
func TestFiles(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("testdata/*.yaml")
	if len(files) == 0 {
		t.Fatal("no files: was testdata moved?")
	}
	var list []scenarios.Scenario
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := scenarios.Load(name, data)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	for _, r := range scenarios.Run(t.Context(), list, scenarios.Options{}) {
		if !r.OK {
			t.Errorf("%s: %s; found %v", r.ID, r.Problem, r.Found)
		}
	}
}

func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	if len(files) == 0 {
		f.Fatal("no seeds: was testdata moved?")
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("edits: [{set: {path: 'pools[0].nodes[fe2.contoso.example].address', value: !!seq }}]"))
	f.Add([]byte("faults: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := scenarios.Load("a.yaml", data)
		if err != nil {
			if _, ok := errors.AsType[*scenarios.FileError](err); !ok {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		if err := s.Topology().Validate(); err != nil {
			t.Errorf("a scenario that no lab can run: %v", err)
		}
	})
}
