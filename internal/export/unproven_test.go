package export_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"lyncpin/internal/export"
	"lyncpin/internal/golden"
	"lyncpin/internal/topology"
	"lyncpin/scenarios"
)

// unprovenProducts are those that no test runs.
var unprovenProducts = []string{export.Traefik, export.Envoy, export.ARR, export.PfSenseHAProxy}

// unprovenShapes are what they can say.
func unprovenShapes() []shape {
	return []shape{
		{"healthy", func(*topology.Proxy) {}},
		{"many", func(p *topology.Proxy) {
			p.Addresses = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified(), topology.ProxyPublicV6}
			p.MinTLS, p.MaxTLS = "1.0", "1.2"
			p.ResponseTimeout, p.IdleTimeout = 30*time.Minute, 1500*time.Millisecond
			p.Certificates = append(p.Certificates, topology.Certificate{Issuer: topology.PublicCA, Names: []string{"*.fabrikam.example", "xn--mnchen-3ya.example"}})
			p.Rules[0].Hosts = []string{"*.contoso.example", "meet.fabrikam.example"}
			p.Rules = append(p.Rules, topology.Rule{Name: "the rest", Hosts: []string{"*"}, Listener: "http", WebServers: []string{topology.FE1HTTP}})
		}},
		{"paths", func(p *topology.Proxy) {
			p.HTTP = 0
			p.Rules[0].Paths = []string{"/autodiscover", "/webticket/", "/ucwa*"}
			p.Rules[1].Paths = []string{"/"}
			p.Rules[1].CaseSensitive = true
		}},
	}
}

func TestUnprovenGoldens(t *testing.T) {
	t.Parallel()
	for _, product := range unprovenProducts {
		for _, s := range unprovenShapes() {
			t.Run(product+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				text, err := export.Write(product, defaults(product, proxyWith(s.edit)))
				if err != nil {
					t.Fatal(err)
				}
				formed(t, product, text)
				if !strings.Contains(text, "not proven") {
					t.Error("the text does not say that nobody has run it")
				}
				golden.Compare(t, filepath.Join("testdata", product, s.name+".txt"), []byte(text))
			})
		}
	}
}

// formed checks the form of a text with parsers from outside.
func formed(t *testing.T, product, text string) {
	t.Helper()
	if product == export.Traefik || product == export.Envoy {
		var tree map[string]any
		if err := yaml.Unmarshal([]byte(text), &tree); err != nil || len(tree) == 0 {
			t.Errorf("not YAML: %v\n%s", err, text)
		}
		return
	}
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = true
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Errorf("not XML: %v\n%s", err, text)
			return
		}
	}
}

// What the products cannot say of the healthy deployments; of all others they must have a configuration.
var unprovenLimits = map[string]string{
	"envoy baseline/lync2010":  "publishing_rules[lync web services].balance",
	"arr baseline/verify-none": "web_servers[fe1-https].verify",
}

func TestUnprovenHealthyDeployments(t *testing.T) {
	t.Parallel()
	baselines, err := scenarios.Match([]string{"baseline/*"})
	if err != nil || len(baselines) < 15 {
		t.Fatalf("%d healthy deployments, %v", len(baselines), err)
	}
	for _, product := range unprovenProducts {
		for _, s := range baselines {
			id := product + " " + s.ID
			top := s.Topology()
			text, err := export.Write(product, defaults(product, &top.Proxy))
			u, _ := errors.AsType[*export.UnsupportedError](err)
			switch limit := unprovenLimits[id]; {
			case err == nil && limit == "":
				formed(t, product, text)
			case u == nil || u.Field != limit:
				t.Errorf("%s: error %v, want one of the field %q", id, err, limit)
			}
		}
	}
}

func TestUnprovenRefuse(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*topology.Proxy){
		"lifetime":    func(p *topology.Proxy) { p.Lifetime = time.Hour },
		"http2":       func(p *topology.Proxy) { p.HTTP2 = true },
		"any_scheme":  func(p *topology.Proxy) { p.Rules[0].AnyScheme = true },
		"host_header": func(p *topology.Proxy) { p.Rules[0].HostHeader = "web-server" },
		"drop_query":  func(p *topology.Proxy) { p.Rules[0].DropQuery = true },
		"connections": func(p *topology.Proxy) { p.Rules[0].Connections = "shared" },
		"set_response_headers": func(p *topology.Proxy) {
			p.Rules[0].SetResponseHeaders = map[string]string{"X-Frame-Options": "DENY"}
		},
		"cookie.max_age": func(p *topology.Proxy) {
			p.Rules[0].Balance, p.Rules[0].Cookie = "cookie", &topology.Cookie{MaxAge: time.Hour, HTTPOnly: true}
		},
	} {
		for _, product := range unprovenProducts {
			_, err := export.Write(product, defaults(product, proxyWith(edit)))
			u, ok := errors.AsType[*export.UnsupportedError](err)
			if !ok || !strings.HasSuffix(u.Field, name) || u.Product != product {
				t.Errorf("%s with %s: error %v, want one of that field", product, name, err)
			}
		}
	}
}

// Values that would end the place they stand in must not come through.
func TestUnprovenHostileValues(t *testing.T) {
	t.Parallel()
	for _, evil := range []string{"a'b", "a`b", `a"b`, "a\nb: c", "a{{.}}b", "-->", "]]>", "<x/>", "a b", "&amp;", "a}b", "a#b"} {
		for name, edit := range map[string]func(*export.Input){
			"host":        func(in *export.Input) { in.Proxy.Rules[0].Hosts[0] = evil },
			"path":        func(in *export.Input) { in.Proxy.Rules[0].Paths = []string{"/" + evil} },
			"address":     func(in *export.Input) { in.Proxy.WebServers[0].Address = evil },
			"name":        func(in *export.Input) { in.Proxy.WebServers[0].Name = evil },
			"certificate": func(in *export.Input) { in.Proxy.Certificates[0].Names[0] = evil },
			"file":        func(in *export.Input) { in.Files.Certificates[0].FullChain = evil },
			"roots":       func(in *export.Input) { in.Files.Roots[topology.EnterpriseCA] = evil },
			"cookie": func(in *export.Input) {
				in.Proxy.Rules[0].Balance, in.Proxy.Rules[0].Cookie = "cookie", &topology.Cookie{Name: evil, HTTPOnly: true}
			},
		} {
			for _, product := range unprovenProducts {
				in := defaults(product, proxyWith(func(*topology.Proxy) {}))
				edit(&in)
				text, err := export.Write(product, in)
				if err == nil && strings.Contains(text, evil) {
					t.Errorf("%s: %s %q came through", product, name, evil)
				}
				if err == nil {
					formed(t, product, text)
				}
			}
		}
	}
}
