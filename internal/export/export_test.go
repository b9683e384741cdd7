package export_test

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lyncpin/internal/export"
	"lyncpin/internal/golden"
	"lyncpin/internal/topology"
)

// shape is what somebody may want to publish.
type shape struct {
	name string
	edit func(*topology.Proxy)
}

func proxyWith(edit func(*topology.Proxy)) *topology.Proxy {
	p := &topology.Healthy().Proxy
	edit(p)
	return p
}

// shapesOfGoldens show what a configuration can look like, beyond the healthy one.
func shapesOfGoldens() []shape {
	return []shape{
		{"healthy", func(*topology.Proxy) {}},
		{"affinity", func(p *topology.Proxy) { p.Rules[0].Balance = "cookie" }},
		{"source", func(p *topology.Proxy) { p.Rules[0].Balance = "source" }},
		{"reset", func(p *topology.Proxy) { p.ResetUnknown = true }},
		{"certificates", certificates},
		{"old-clients", func(p *topology.Proxy) { p.MinTLS, p.MaxTLS = "1.0", "1.2" }},
		{"offload", offload},
		{"wide", wide},
		{"narrow", narrow},
		{"rewritten", rewritten},
	}
}

// certificates are two, and each is for names of its own.
func certificates(p *topology.Proxy) {
	p.Certificates = append(p.Certificates, topology.Certificate{Issuer: topology.PublicCA, Names: []string{"*.fabrikam.example", "old.contoso.example"}})
}

// offload takes TLS off for the Front Ends, and speaks HTTP on 443 itself.
func offload(p *topology.Proxy) {
	p.PlainHTTPS = true
	p.Rules[0].WebServers = []string{topology.FE1HTTP}
	p.Rules[1].Listener = ""
}

// wide has much of everything: addresses, times, wildcards, rules for all names.
func wide(p *topology.Proxy) {
	p.Addresses = []netip.Addr{topology.ProxyPublic, topology.ProxyPublicV6, topology.ProxyInside}
	p.MaxTLS = "1.2"
	p.ResponseTimeout, p.IdleTimeout = 20*time.Second, 1500*time.Millisecond
	p.Rules[0].Hosts = []string{"*.contoso.example", "lyncdiscover.fabrikam.example", "meet.fabrikam.example"}
	p.Rules = append([]topology.Rule{{Name: "moved", Hosts: []string{"www.contoso.example"}, Respond: &topology.Response{
		Status: 301, Header: map[string]string{"Location": "https://contoso.example{uri}"}}}}, p.Rules...)
	p.Rules = append(p.Rules, topology.Rule{Name: "the rest", Hosts: []string{"*"}, Listener: "http", Respond: &topology.Response{
		Status: 302, Header: map[string]string{"Location": "https://{host}{uri}"}}})
	for i := range p.WebServers {
		if w := &p.WebServers[i]; w.Alias == topology.OfficeServer {
			w.Address, w.Verify = "localhost", "none" // a name that is known everywhere
		}
	}
}

// narrow publishes paths only.
func narrow(p *topology.Proxy) {
	p.HTTP = 0
	p.Rules[0].Paths = []string{"/autodiscover", "/webticket/", "/ucwa*", "/meet"}
	p.Rules[0].MaxBody, p.Rules[1].MaxBody = 1_000_000, 1_000_000
	p.Rules[1].Paths = []string{"/hosting"}
	p.Rules[1].CaseSensitive = true
}

// rewritten sends another Host than the client's.
func rewritten(p *topology.Proxy) {
	p.Rules[0].WebServers = []string{topology.FE1HTTPS, topology.FE1HTTP}
	p.Rules[0].HostHeader = "web-server"
	p.Rules[1].HostHeader = "office.contoso.example"
}

func defaults(product string, p *topology.Proxy) export.Input {
	return export.Input{Proxy: *p, Files: export.DefaultFiles(product, len(p.Certificates))}
}

func TestGoldens(t *testing.T) {
	t.Parallel()
	for product := range checks {
		for _, s := range shapesOfGoldens() {
			t.Run(product+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				text, err := export.Write(product, defaults(product, proxyWith(s.edit)))
				if u, ok := errors.AsType[*export.UnsupportedError](err); ok {
					text = "unsupported: " + u.Error() + "\n"
				} else if err != nil {
					t.Fatal(err)
				}
				golden.Compare(t, filepath.Join("testdata", product, s.name+".txt"), []byte(text))
			})
		}
	}
}

// TestNothingIsLeftOutSilently sets fields that no product's file has words for.
func TestNothingIsLeftOutSilently(t *testing.T) {
	t.Parallel()
	cases := []struct {
		field string
		edit  func(*topology.Proxy)
	}{
		{"lifetime", func(p *topology.Proxy) { p.Lifetime = time.Hour }},
		{"proxy_protocol", func(p *topology.Proxy) { p.ProxyProtocol = true }},
		{"publishing_rules[lync web services].add_prefix", func(p *topology.Proxy) { p.Rules[0].AddPrefix = "/x" }},
		{"publishing_rules[lync web services].rate", func(p *topology.Proxy) { p.Rules[0].Rate = 60 }},
		{"publishing_rules[office web apps].match_headers", func(p *topology.Proxy) { p.Rules[1].MatchHeaders = map[string]string{"Accept": "*"} }},
		{"publishing_rules[lync web services].buffer_response", func(p *topology.Proxy) { p.Rules[0].BufferResponse = 4096 }},
	}
	for product := range checks {
		for _, c := range cases {
			t.Run(product+"/"+c.field, func(t *testing.T) {
				t.Parallel()
				_, err := export.Write(product, defaults(product, proxyWith(c.edit)))
				u, ok := errors.AsType[*export.UnsupportedError](err)
				if !ok || u.Field != c.field || u.Product != product {
					t.Errorf("error = %v, want one about %s of %s", err, c.field, product)
				}
			})
		}
	}
}

// TestHostileValues puts what means something to a product where names and paths belong.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	values := []string{"a\nb", "a;b", "a{b", "a}b", `a"b`, "a'b", "a`b", "a b", "a#b", "a$b", "a\\b", "a%{b", "a\x00b", "a\tb"}
	places := []struct {
		field string
		put   func(p *topology.Proxy, value string)
	}{
		{"hosts", func(p *topology.Proxy, v string) { p.Rules[0].Hosts[0] = v }},
		{"paths", func(p *topology.Proxy, v string) { p.Rules[0].Paths = []string{"/" + v} }},
		{"host_header", func(p *topology.Proxy, v string) { p.Rules[0].HostHeader = v }},
		{"address", func(p *topology.Proxy, v string) { p.WebServers[0].Address = v }},
		{"name", func(p *topology.Proxy, v string) { p.WebServers[0].Name = v }},
		{"certificates[0].names", func(p *topology.Proxy, v string) { p.Certificates[0].Names[0] = v }},
	}
	for product := range checks {
		for _, at := range places {
			for _, v := range values {
				t.Run(fmt.Sprintf("%s/%s/%q", product, at.field, v), func(t *testing.T) {
					t.Parallel()
					text, err := export.Write(product, defaults(product, proxyWith(func(p *topology.Proxy) { at.put(p, v) })))
					if err == nil || !strings.Contains(err.Error(), at.field) {
						t.Errorf("error = %v, want one about %s; text:\n%s", err, at.field, text)
					}
				})
			}
		}
	}
}

func TestHostileFilesAndAnswers(t *testing.T) {
	t.Parallel()
	in := defaults(export.Nginx, proxyWith(func(*topology.Proxy) {}))
	in.Files.Certificates[0].Key = "/etc/key; include /etc/shadow"
	if _, err := export.Write(export.Nginx, in); err == nil || !strings.Contains(err.Error(), "files of certificates[0]") {
		t.Errorf("error = %v, want one about the files", err)
	}
	in = defaults(export.Nginx, proxyWith(func(p *topology.Proxy) {
		p.Rules[0].WebServers, p.Rules[0].Respond = nil, &topology.Response{Header: map[string]string{"X-A": `a"; return 200 $http_authorization`}}
	}))
	if _, err := export.Write(export.Nginx, in); err == nil || !strings.Contains(err.Error(), "respond.header.X-A") {
		t.Errorf("error = %v, want one about the header", err)
	}
}
