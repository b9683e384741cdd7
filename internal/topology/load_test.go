package topology_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lyncpin/internal/topology"
)

var compareAddrs = cmpopts.EquateComparable(netip.Addr{})

// full is Healthy with every field of every kind set.
func full() *topology.Topology {
	t := topology.Healthy()
	p := t.FrontEndPool()
	p.Role, p.Product = topology.FrontEnd, "sfb2019"
	p.Redirects = map[string]string{"fabrikam.example": "https://lyncweb2-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root"}
	p.External.MinTLS, p.External.RequireSSL = "1.2", true
	p.External.StoppedAppPools = []string{"/ucwa"}
	p.Nodes[1].Stopped = []string{"external"}
	p.Nodes[0].Isolated, p.Nodes[0].ClockSkew = true, -10*time.Minute
	p.SIPAccess, p.NoAnonymous = "-", true
	p.External.WindowsAuth, p.External.ExtendedProtection = []string{"NTLM"}, "require"
	t.Users[1].Pool, t.Users[2].Online = p.Name, true
	t.Directory.HostingProviderURL = "https://webdir.online.example/Autodiscover/AutodiscoverService.svc/root"
	t.Proxy.IdleTimeout, t.Proxy.HTTP2, t.Proxy.ProxyProtocol = 90*time.Second, true, true
	t.Proxy.Rules[0].Connections, t.Proxy.Rules[0].SetResponseHeaders = "shared", map[string]string{"Via": "1.1 proxy"}
	t.Proxy.Certificates[0].Starts, t.Proxy.Certificates[0].Ends = -48*time.Hour, -90*time.Minute
	t.Proxy.Rules = append(t.Proxy.Rules, topology.Rule{
		Name: "fixed", Hosts: []string{"*"}, Paths: []string{"/a"},
		Respond: &topology.Response{Status: 302, Header: map[string]string{"Location": "https://{host}{uri}"}, Body: "first\nsecond: line\n"},
	})
	t.External.Answers = []topology.Answer{{Name: "*.contoso.example", RCode: "SERVFAIL", Delay: 1500 * time.Millisecond}}
	t.WiFi = topology.WiFi{Managed: true, View: "external"}
	t.Paths = []topology.Path{{From: "wifi", To: "203.0.113.0/24", Port: 443, Action: topology.Translate, Target: "172.16.5.5:443"},
		{From: "external", To: "203.0.113.10", Action: topology.Forget, After: 2 * time.Minute}}
	return t
}

func TestMarshalLoad(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]*topology.Topology{"healthy": topology.Healthy(), "full": full()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := topology.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := topology.Load("t.yaml", data)
			if err != nil {
				t.Fatalf("%v\n%s", err, data)
			}
			if diff := cmp.Diff(want, got, compareAddrs); diff != "" {
				t.Errorf("read back (-want +got):\n%s\n%s", diff, data)
			}
		})
	}
}

func TestLoadExtends(t *testing.T) {
	t.Parallel()
	got, err := topology.Load("t.yaml", []byte("extends: healthy\nproduct: lync2013\nusers: []\nwifi: {managed: true}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := topology.Healthy()
	want.Product, want.Users, want.WiFi.Managed = "lync2013", []topology.User{}, true
	if diff := cmp.Diff(want, got, compareAddrs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, data, want string }{
		{"unknown-field", "product: sfb2015\nsip_domain: [a.example]\n", `t.yaml:2:1: unknown field "sip_domain" (did you mean "sip_domains"?)`},
		{"unknown-nested", "proxy:\n  web_servers:\n    - alias: a\n      adress: 10.0.0.1\n", `t.yaml:4:7: unknown field "adress" (did you mean "address"?)`},
		{"unknown-far-off", "wifi:\n  colour: blue\n", `t.yaml:2:3: unknown field "colour" (known are managed, dns_view)`},
		{"unknown-in-pointer", "pools:\n- balancer: {addr: 10.0.0.1}\n", `t.yaml:2:14: unknown field "addr"`},
		{"unknown-in-flow", "users: [{sip: a@b, pasword: x}]\n", `t.yaml:1:20: unknown field "pasword" (did you mean "password"?)`},
		{"twice", "product: sfb2015\nproduct: sfb2019\n", `t.yaml:2:1: `},
		{"kind", "sip_domains: yes\n", `t.yaml:1:14: `},
		{"address", "external_dns:\n  resolver: 198.51.100.300\n", `t.yaml`},
		{"syntax", "a: [1, 2\n", `t.yaml:1:`},
		{"two-documents", "product: sfb2015\n---\nproduct: sfb2019\n", "t.yaml: more than one document"},
		{"empty", "", "t.yaml: the file is empty"},
		{"comment", "# nothing\n", "t.yaml: the file is empty"},
		{"extends", "extends: helthy\n", `t.yaml: extends "helthy"`},
		{"a-word", "healthy\n", "t.yaml:1:1: "},
		{"unknown-behind-tag", "proxy: !!map {htps: 443}\n", `t.yaml:1:14: unknown field "htps"`},
		{"unknown-behind-anchor", "proxy: &p\n  htps: 443\n", `t.yaml:2:3: unknown field "htps"`},
		{"tag-without-value", "product: !!binary\n", "t.yaml"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := topology.Load("t.yaml", []byte(tt.data))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line beginning %q", err, tt.want)
			}
		})
	}
}

func TestLoadAnchors(t *testing.T) {
	t.Parallel()
	data := `
product: sfb2015
proxy:
  certificates:
    - &public {issuer: public, names: [a.example]}
    - <<: *public
      names: [b.example]
    - *public
`
	got, err := topology.Load("t.yaml", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	want := []topology.Certificate{
		{Issuer: "public", Names: []string{"a.example"}},
		{Issuer: "public", Names: []string{"b.example"}},
		{Issuer: "public", Names: []string{"a.example"}},
	}
	if diff := cmp.Diff(want, got.Proxy.Certificates); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzLoad(f *testing.F) {
	healthy, err := topology.Marshal(full())
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(healthy), "extends: healthy\n", "a: &a [*a]\n", "proxy: {<<: {https: 1}}\n", "? [a]\n: b\n", "? |\n  k\n: v\n", "paths:\n- {to: 1}\n", "product: !!binary\n", "!!float"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		top, err := topology.Load("t.yaml", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "t.yaml") {
				t.Errorf("error without the path: %v", err)
			}
			return
		}
		_ = top.Validate() // must not panic
		out, err := topology.Marshal(top)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := topology.Load("t.yaml", out); err != nil {
			t.Errorf("what was written cannot be read: %v\n%s", err, out)
		}
	})
}

func ExampleLoad() {
	_, err := topology.Load("bench.yaml", []byte("extends: healthy\npublishing_rules: []\n"))
	fmt.Println(err)
	t, err := topology.Load("bench.yaml", []byte("extends: healthy\nproduct: lync2013\n"))
	fmt.Println(t.Product, t.SIPDomains, err)
	// Output:
	// bench.yaml:2:1: unknown field "publishing_rules" (known are extends, product, sip_domains, users, directory, plan, pools, apps, proxy, external_dns, internal_dns, wifi, paths)
	// lync2013 [contoso.example fabrikam.example] <nil>
}
