package topology_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lyncpin/internal/topology"
)

type edit = func(*topology.Topology)

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		edit edit
		want string
	}{
		{"product", func(t *topology.Topology) { t.Product = "sfb2016" }, `product: "sfb2016" is not one of lync2010, lync2013, sfb2015, sfb2019 (did you mean "sfb2015"?)`},
		{"no-product", func(t *topology.Topology) { t.Product = "" }, "product: missing"},
		{"no-sip-domain", func(t *topology.Topology) { t.SIPDomains = nil }, "sip_domains: at least one"},
		{"sip-domain-twice", func(t *topology.Topology) { t.SIPDomains[1] = "CONTOSO.example" }, "sip_domains[1]: \"CONTOSO.example\" is there twice"},
		{"user", func(t *topology.Topology) { t.Users[1].SIP = "sip:user@contoso.example" }, "users[1].sip: "},
		{"user-twice", func(t *topology.Topology) { t.Users[1].SIP = "USER1@contoso.example" }, `users[1].sip: "USER1@contoso.example" is there twice`},
		{"login-twice", func(t *topology.Topology) { t.Users[1].Login = `contoso\user1` }, `users[1].login: "contoso\\user1" is there twice`},
		{"user-upn", func(t *topology.Topology) { t.Users[0].UPN = `CONTOSO\user1` }, `users[0].upn: "CONTOSO\\user1" is not a sign-in address, user@domain`},
		{"user-pool", func(t *topology.Topology) { t.Users[0].Pool = "pool1.contoso.example" }, `users[0].pool: there is no pool "pool1.contoso.example" (did you mean "pool01.contoso.example"?)`},
		{"user-at-director", func(t *topology.Topology) {
			t.Pools = append(t.Pools, topology.Pool{Name: "dir1.contoso.example", Role: topology.Director})
			t.Users[0].Pool = "dir1.contoso.example"
		}, `users[0].pool: "dir1.contoso.example" is a Director`},
		{"user-online-with-pool", func(t *topology.Topology) { t.Users[0].Pool, t.Users[0].Online = "pool01.contoso.example", true }, "users[0].pool: a user who is homed online has none"},
		{"lockout", func(t *topology.Topology) { t.Directory.LockoutThreshold = -1 }, "directory.lockout_threshold: -1 is negative"},
		{"applications", func(t *topology.Topology) { t.Directory.MaxApplications = -1 }, "directory.max_applications: -1 is negative"},
		{"hosting-provider", func(t *topology.Topology) { t.Directory.HostingProviderURL = "webdir.online.example" }, `directory.hosting_provider_url: "webdir.online.example" is not an https or http URL`},
		{"sip-port", func(t *topology.Topology) { t.Pools[0].SIP = 443 }, "the registrar of fe1.contoso.example would listen at 10.10.10.11:443, where the internal site"},
		{"sip-access", func(t *topology.Topology) { t.Pools[0].SIPAccess = "sip.contoso.example" }, `pools[0].sip_access: "sip.contoso.example" is not host:port`},
		{"sip-access-port", func(t *topology.Topology) { t.Pools[0].SIPAccess = "sip.contoso.example:https" }, `pools[0].sip_access: "https" is not a port`},
		{"authorization-uri", func(t *topology.Topology) { t.Pools[0].AuthorizationURI = "adfs" }, `pools[0].authorization_uri: "adfs" is not an https or http URL`},
		{"ntlm", func(t *topology.Topology) { t.Pools[0].External.NTLM = "v3" }, `pools[0].external.ntlm: "v3" is not one of v2, deny (did you mean "v2"?)`},
		{"extended-protection", func(t *topology.Topology) { t.Pools[0].External.ExtendedProtection = "required" }, `pools[0].external.extended_protection: "required" is not one of require (did you mean "require"?)`},
		{"windows-auth", func(t *topology.Topology) { t.Pools[0].External.WindowsAuth = []string{"NTLM", "Negociate"} }, `pools[0].external.windows_auth[1]: "Negociate" is not one of`},
		{"grant", func(t *topology.Topology) { t.Pools[0].External.Grants = []string{"pasword"} }, `(did you mean "password"?)`},
		{"web-ticket-host", func(t *topology.Topology) { t.Pools[0].External.WebTicketHost = "https://a.example" }, `pools[0].external.web_ticket_host: "https://a.example" is not a host name`},
		{"site-max-body", func(t *topology.Topology) { t.Pools[0].External.MaxBody = -1 }, "pools[0].external.max_body: -1 is negative"},
		{"no-pool", func(t *topology.Topology) { t.Pools = nil }, "pools: at least one"},
		{"role", func(t *topology.Topology) { t.Pools[0].Role = "frontend" }, `pools[0].role: "frontend" is not one of front-end, director (did you mean "front-end"?)`},
		{"redirect", func(t *topology.Topology) { t.Pools[0].Redirects = map[string]string{"a.example": "b.example/root"} }, `pools[0].redirects.a.example: "b.example/root" is not an https or http URL`},
		{"node-twice", func(t *topology.Topology) { t.Pools[0].Nodes[1].FQDN = "FE1.contoso.example" }, `pools[0].nodes[1].fqdn: "FE1.contoso.example" is there twice`},
		{"node-address", func(t *topology.Topology) { t.Pools[0].Nodes[0].Address = netip.Addr{} }, "pools[0].nodes[0].address: missing"},
		{"nodes-at-one-address", func(t *topology.Topology) { t.Pools[0].Nodes[1].Address = topology.FE1Inside }, "10.10.10.11:443, where the internal site of fe1.contoso.example does"},
		{"stopped", func(t *topology.Topology) { t.Pools[0].Nodes[0].Stopped = []string{"extern"} }, `pools[0].nodes[0].stopped[0]: "extern" is not one of internal, external (did you mean "external"?)`},
		{"balancer-on-node", func(t *topology.Topology) { t.Pools[0].Balancer.Address = topology.FE1Inside }, "pools[0].balancer: the balancer of pool01.contoso.example would listen at 10.10.10.11:80"},
		{"balancer-port", func(t *topology.Topology) { t.Pools[0].Balancer.Ports[443] = 0 }, "pools[0].balancer.ports.443: 0 is not a port"},
		{"same-port-twice", func(t *topology.Topology) { t.Pools[0].External.HTTP = 443 }, "pools[0].nodes[0]: the external site"},
		{"site-without-fqdn", func(t *topology.Topology) { t.Pools[0].External.WebFQDN = "" }, "pools[0].external.web_fqdn: missing"},
		{"site-port", func(t *topology.Topology) { t.Pools[0].External.HTTPS = 44443443 }, "pools[0].external.https: 44443443 is not a port"},
		{"tls-word", func(t *topology.Topology) { t.Pools[0].External.MinTLS = "1.4" }, `pools[0].external.min_tls: "1.4" is not one of`},
		{"tls-range", func(t *topology.Topology) { t.Proxy.MinTLS, t.Proxy.MaxTLS = "1.3", "1.2" }, "proxy.min_tls: 1.3 is above max_tls, 1.2"},
		{"certificate-nameless", func(t *topology.Topology) { t.ProxyCertificate().Names = nil }, "proxy.certificates[0]: neither a common name nor names"},
		{"certificate-issuer", func(t *topology.Topology) { t.ProxyCertificate().Issuer = "enterprize" }, `(did you mean "enterprise"?)`},
		{"certificate-times", func(t *topology.Topology) { t.ProxyCertificate().Starts, t.ProxyCertificate().Ends = 2, 1 }, "proxy.certificates[0].ends: "},
		{"app-kind", func(t *topology.Topology) { t.Apps[0].Kind = "owa" }, `apps[0].kind: "owa" is not one of`},
		{"app-redirect", func(t *topology.Topology) { t.Apps[0].Redirect = "lyncdiscover.contoso.example" }, `apps[0].redirect: "lyncdiscover.contoso.example" is not an https or http URL`},
		{"app-address-taken", func(t *topology.Topology) { t.Apps[0].Address = topology.BalancerInside }, "apps[0].https: wac.contoso.example would listen at 10.10.10.10:443"},
		{"no-resolver", func(t *topology.Topology) { t.External.Resolver = netip.Addr{} }, "external_dns.resolver: missing"},
		{"one-resolver", func(t *topology.Topology) { t.Internal.Resolver = t.External.Resolver }, "internal_dns.resolver: "},
		{"record-type", func(t *topology.Topology) { t.External.Records[0].Type = "CNAM" }, `external_dns.records[0].type: "CNAM" is not one of`},
		{"record-a", func(t *topology.Topology) { t.External.Add("a.example", "A", "2001:db8::1") }, `"2001:db8::1" is not an IPv4 address`},
		{"record-aaaa", func(t *topology.Topology) { t.External.Add("a.example", "AAAA", "192.0.2.1") }, `"192.0.2.1" is not an IPv6 address`},
		{"record-cname", func(t *topology.Topology) { t.External.Add("a.example", "CNAME", "b c") }, `"b c" is not a host name`},
		{"record-srv", func(t *topology.Topology) { t.External.Add("_sip._tls.a.example", "SRV", "443 sip.a.example") }, `is not "priority weight port host"`},
		{"answer-rcode", func(t *topology.Topology) { t.External.Answers = []topology.Answer{{Name: "*", RCode: "SERVFAL"}} }, `external_dns.answers[0].rcode: "SERVFAL" is not one of`},
		{"proxy-without-address", func(t *topology.Topology) { t.Proxy.Addresses = nil }, "proxy.addresses: at least one"},
		{"proxy-without-certificate", func(t *topology.Topology) { t.Proxy.Certificates = nil }, "proxy.certificates: the https listener needs one"},
		{"proxy-on-app", func(t *topology.Topology) { t.Proxy.Addresses[0] = topology.EdgePublic }, "proxy.addresses[0]: the reverse proxy would listen at 203.0.113.20:443, where sip.contoso.example does"},
		{"alias-unknown", func(t *topology.Topology) { t.Proxy.Rules[0].WebServers[0] = "fe1-http5" }, `proxy.publishing_rules[0].web_servers[0]: there is no web server "fe1-http5" (did you mean "fe1-https"?)`},
		{"alias-twice", func(t *topology.Topology) { t.Proxy.WebServers[1].Alias = topology.FE1HTTPS }, `proxy.web_servers[1].alias: "fe1-https" is used twice`},
		{"scheme", func(t *topology.Topology) { t.Proxy.WebServers[0].Scheme = "htps" }, `proxy.web_servers[0].scheme: "htps" is not one of https, http (did you mean "https"?)`},
		{"verify", func(t *topology.Topology) { t.Proxy.WebServers[0].Verify = "self" }, `proxy.web_servers[0].verify: "self" is not one of`},
		{"idle-timeout", func(t *topology.Topology) { t.Proxy.IdleTimeout = -1 }, "proxy.idle_timeout: -1ns is negative"},
		{"http2-without-tls", func(t *topology.Topology) { t.Proxy.HTTP2, t.Proxy.PlainHTTPS = true, true }, "proxy.http2: it is offered in the TLS handshake"},
		{"client-certificates", func(t *topology.Topology) { t.Proxy.ClientCertificates = "requires" }, `proxy.client_certificates: "requires" is not one of request, require (did you mean "require"?)`},
		{"connections", func(t *topology.Topology) { t.Proxy.Rules[0].Connections = "share" }, `proxy.publishing_rules[0].connections: "share" is not one of pin, shared, close (did you mean "shared"?)`},
		{"balance", func(t *topology.Topology) { t.Proxy.Rules[0].Balance = "cookies" }, `(did you mean "cookie"?)`},
		{"cookie-unused", func(t *topology.Topology) { t.Proxy.Rules[0].Cookie = &topology.Cookie{} }, "proxy.publishing_rules[0].cookie: only balance: cookie sets one"},
		{"lower-case-and-no-query", func(t *topology.Topology) { t.Proxy.Rules[0].LowerCase, t.Proxy.Rules[0].DropQuery = true, true }, "proxy.publishing_rules[0].lower_case: drop_query or normalize says already"},
		{"retry-silent", func(t *topology.Topology) { t.Proxy.Rules[0].RetrySilent = -1 }, "proxy.publishing_rules[0].retry_silent: -1ns is negative"},
		{"rule-max-body", func(t *topology.Topology) { t.Proxy.Rules[0].MaxBody = -1 }, "proxy.publishing_rules[0].max_body: -1 is negative"},
		{"normalize-and-drop", func(t *topology.Topology) { t.Proxy.Rules[0].Normalize, t.Proxy.Rules[0].DropQuery = true, true }, "proxy.publishing_rules[0].normalize: "},
		{"rule-listener", func(t *topology.Topology) { t.Proxy.Rules[0].Listener = "tls" }, `proxy.publishing_rules[0].listener: "tls"`},
		{"rule-without-end", func(t *topology.Topology) { t.Proxy.Rules[0].WebServers = nil }, "proxy.publishing_rules[0]: needs either web_servers or respond"},
		{"rule-with-two-ends", func(t *topology.Topology) { t.Proxy.Rules[0].Respond = &topology.Response{Status: 200} }, "proxy.publishing_rules[0]: needs either web_servers or respond"},
		{"rule-path", func(t *topology.Topology) { t.Proxy.Rules[0].Paths = []string{"meet"} }, `proxy.publishing_rules[0].paths[0]: "meet" does not begin with a slash`},
		{"wifi", func(t *topology.Topology) { t.WiFi.View = "guest" }, `wifi.dns_view: "guest" is not one of internal, external`},
		{"path-place", func(t *topology.Topology) {
			t.Paths = []topology.Path{{From: "wlan", To: "203.0.113.10", Action: "drop"}}
		}, `paths[0].from: "wlan" is not one of`},
		{"path-to", func(t *topology.Topology) { t.Paths = []topology.Path{{To: "proxy", Action: "drop"}} }, `paths[0].to: "proxy" is neither an address nor a prefix`},
		{"path-action", func(t *topology.Topology) { t.Paths = []topology.Path{{To: "203.0.113.10", Action: "droop"}} }, `(did you mean "drop"?)`},
		{"forget-without-time", func(t *topology.Topology) {
			t.Paths = []topology.Path{{To: "203.0.113.10", Action: topology.Forget}}
		}, "paths[0].after: missing: how long a connection may be idle"},
		{"time-without-forget", func(t *topology.Topology) {
			t.Paths = []topology.Path{{To: "203.0.113.10", Action: topology.MTU, After: 1}}
		}, "paths[0].after: only forget has one"},
		{"path-target", func(t *topology.Topology) {
			t.Paths = []topology.Path{{To: "203.0.113.10", Action: "translate", Target: "10.0.0.1"}}
		}, `paths[0].target: "10.0.0.1" is not address:port`},
		{"path-no-target", func(t *topology.Topology) {
			t.Paths = []topology.Path{{To: "203.0.113.10", Action: "drop", Target: "10.0.0.1:1"}}
		}, "paths[0].target: only translate has one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			top := topology.Healthy()
			tt.edit(top)
			err := top.Validate()
			if err == nil || !strings.HasPrefix(err.Error(), "topology: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

// What is merely wrong can be run.
func TestValidateAllowsWrongness(t *testing.T) {
	t.Parallel()
	tests := map[string]edit{
		"healthy":             func(*topology.Topology) {},
		"full":                func(t *topology.Topology) { *t = *full() },
		"no-records":          func(t *topology.Topology) { t.External.Records = nil },
		"no-zones":            func(t *topology.Topology) { t.External.Zones = nil },
		"wildcard-record":     func(t *topology.Topology) { t.External.Set("*.contoso.example", "A", "203.0.113.80") },
		"record-outside":      func(t *topology.Topology) { t.External.Set("meet.elsewhere.example", "A", "203.0.113.80") },
		"private-outside":     func(t *topology.Topology) { t.External.Address(topology.FE1Inside, t.Discovery(0)) },
		"no-certificate":      func(t *topology.Topology) { t.Pools[0].External.Certificate = nil },
		"wrong-names":         func(t *topology.Topology) { t.ProxyCertificate().Names = []string{"firewall", "203.0.113.10"} },
		"no-listeners":        func(t *topology.Topology) { t.Proxy.HTTPS, t.Proxy.HTTP = 0, 0 },
		"plain-https":         func(t *topology.Topology) { t.Proxy.PlainHTTPS, t.Proxy.Certificates = true, nil },
		"no-rules":            func(t *topology.Topology) { t.Proxy.Rules = nil },
		"rule-without-hosts":  func(t *topology.Topology) { t.Proxy.Rules[0].Hosts = nil },
		"port-nobody-listens": func(t *topology.Topology) { t.Proxy.WebServers[0].Port = 443 },
		"dead-address":        func(t *topology.Topology) { t.Proxy.WebServers[0].Address = "10.10.10.99" },
		"by-name":             func(t *topology.Topology) { t.Proxy.WebServers[0].Address = "fe1.contoso.example" },
		"off-frees-sip-port": func(t *topology.Topology) {
			t.Pools[0].Nodes[0].Stopped = []string{"internal", "external"}
			t.Pools[0].Nodes[1].Address = topology.FE1Inside
		},
		"no-edge":           func(t *topology.Topology) { t.Pools[0].SIPAccess = "-" },
		"edge-by-address":   func(t *topology.Topology) { t.Pools[0].SIPAccess = "203.0.113.20:443" },
		"skewed":            func(t *topology.Topology) { t.Pools[0].Nodes[0].ClockSkew = -time.Hour },
		"user-of-no-domain": func(t *topology.Topology) { t.Users[0].SIP = "user1@tailspin.example" },
		"stopped-frees-ports": func(t *topology.Topology) {
			t.Pools[0].Nodes[0].Stopped, t.Pools[0].External.HTTPS = []string{"internal"}, 443
			t.Pools[0].Nodes = t.Pools[0].Nodes[:1]
		},
		"pool-without-nodes": func(t *topology.Topology) { t.Pools[0].Nodes, t.Pools[0].Balancer = nil, nil },
		"ipv6":               func(t *topology.Topology) { t.Proxy.Addresses = append(t.Proxy.Addresses, topology.ProxyPublicV6) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			top := topology.Healthy()
			change(top)
			if err := top.Validate(); err != nil {
				t.Errorf("got %v, want none", err)
			}
		})
	}
}

func TestClone(t *testing.T) {
	t.Parallel()
	original := full()
	copied := original.Clone()
	if diff := cmp.Diff(original, copied, compareAddrs); diff != "" {
		t.Fatalf("copy (-want +got):\n%s", diff)
	}
	scribble(reflect.ValueOf(copied))
	if diff := cmp.Diff(full(), original, compareAddrs); diff != "" {
		t.Errorf("the original has changed with its copy (-want +got):\n%s", diff)
	}
}

// scribble changes everything that can be reached through v.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scribble(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scribble(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			v.SetMapIndex(k, reflect.Zero(v.Type().Elem()))
		}
	case reflect.String:
		v.SetString("scribble")
	case reflect.Int, reflect.Int64:
		v.SetInt(-1)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	top := topology.Healthy()
	top.Proxy.Addresses = append(top.Proxy.Addresses, topology.ProxyPublicV6, topology.ProxyPublic)
	var got []string
	for _, a := range top.Addresses() {
		got = append(got, a.String())
	}
	want := []string{"10.10.10.10", "10.10.10.11", "10.10.10.12", "10.10.10.20", "10.10.10.53", "172.16.5.5", "198.51.100.53",
		"203.0.113.10", "203.0.113.20", "2001:db8::10"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !slices.Equal(top.Proxy.Addresses[:2], []netip.Addr{topology.ProxyPublic, topology.ProxyInside}) {
		t.Error("Addresses has reordered the topology's own")
	}
}

func BenchmarkClone(b *testing.B) {
	t := topology.Healthy()
	for b.Loop() {
		t.Clone()
	}
}

func ExampleTopology_Validate() {
	t := topology.Healthy()
	t.External.Remove(t.Discovery(0)) // wrong, and as good a topology as any
	fmt.Println(t.Validate())
	t.Proxy.Rules[0].WebServers = []string{"fe1-https", "fe3-https"}
	fmt.Println(t.Validate())
	// Output:
	// <nil>
	// topology: proxy.publishing_rules[0].web_servers[1]: there is no web server "fe3-https" (did you mean "fe1-https"?)
}
