package proxy_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"lyncpin/proxy"
)

func ExampleLoadConfig() {
	const file = `
http: ["203.0.113.10:80"]
web_servers:
  - {alias: fe1-http, address: 10.10.10.11, scheme: http}
publishing_rules:
  - name: discovery
    hosts: [lyncdiscover.contoso.example]
    web_servers: [fe1-htp]
`
	_, err := proxy.LoadConfig("proxy.yaml", []byte(file))
	fmt.Println(err)
	cfg, err := proxy.LoadConfig("proxy.yaml", []byte(strings.Replace(file, "fe1-htp", "fe1-http", 1)))
	fmt.Println(cfg.Rules[0].Hosts, err)
	// Output:
	// proxy.yaml:8:19: publishing_rules[0].web_servers[0]: no web server "fe1-htp" (did you mean "fe1-http"?)
	// [lyncdiscover.contoso.example] <nil>
}

func ExampleConfig_Check() {
	cfg := proxy.Config{
		HTTP:       []string{"203.0.113.10:80"},
		WebServers: []proxy.WebServer{{Alias: "fe1", Address: "10.10.10.11", Scheme: "http", Port: 80}},
		Rules:      []proxy.Rule{{Hosts: []string{"lyncdiscover.contoso.example"}, WebServers: []string{"fe1"}}},
	}
	for _, warning := range cfg.Check() {
		fmt.Println(warning)
	}
	// Output:
	// web_servers[0]: fe1: port 80 of a Front End is the internal web site; clients outside need 8080
}

func TestLoadConfigOfOldAndNewProtocols(t *testing.T) {
	t.Parallel()
	cfg, err := proxy.LoadConfig("proxy.yaml", []byte(`
http: [":80"]
tls: {http2: true}
proxy_protocol: true
web_servers: [{alias: fe1, address: 10.10.10.11, scheme: http}]
publishing_rules: [{hosts: ["*"], web_servers: [fe1], http10: true, retry_silent: 30s}]
`))
	if err != nil {
		t.Fatal(err)
	}
	if r := cfg.Rules[0]; !cfg.TLS.HTTP2 || !cfg.ProxyProtocol || !r.HTTP10 || r.RetrySilent != 30*time.Second {
		t.Errorf("HTTP2 %v, ProxyProtocol %v, HTTP10 %v, RetrySilent %v", cfg.TLS.HTTP2, cfg.ProxyProtocol, r.HTTP10, r.RetrySilent)
	}
}

// certificateFiles writes what testdata/proxy.yaml names into dir.
func certificateFiles(t *testing.T, dir string) {
	t.Helper()
	a := newAuthority(t)
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	block := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	web := a.issue(t, nil, published, "lyncdiscover.contoso.example", "meet.contoso.example", "dialin.contoso.example", "wac.contoso.example")
	key, err := x509.MarshalECPrivateKey(web.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	write("lyncweb.pem", block("CERTIFICATE", web.Certificate[0]))
	write("lyncweb.key", block("EC PRIVATE KEY", key))
	write("issuing-ca.pem", block("CERTIFICATE", a.cert.Raw))
	write("internal-ca.pem", block("CERTIFICATE", a.cert.Raw))
	mail := a.issue(t, nil, "mail.contoso.example")
	pfx, err := pkcs12.Modern.Encode(mail.PrivateKey, mail.Leaf, []*x509.Certificate{a.cert}, "not a secret")
	if err != nil {
		t.Fatal(err)
	}
	write("mail.pfx", pfx)
	write("mail.password", []byte("not a secret\r\n"))
}

func TestLoadConfigWithFiles(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/proxy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificateFiles(t, dir)
	cfg, err := proxy.LoadConfig(filepath.Join(dir, "proxy.yaml"), data)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(cfg.Certificates); n != 2 {
		t.Fatalf("%d certificates, want 2", n)
	}
	for i, c := range cfg.Certificates {
		if n := len(c.Certificate.Certificate); n != 2 {
			t.Errorf("certificate %d is sent with %d certificates, want leaf and issuer", i, n)
		}
	}
	if got := cfg.Rules[0]; got.Balance != "cookie" || got.HealthCheck.Interval != 10*time.Second || len(got.WebServers) != 3 {
		t.Errorf("first rule: %+v", got)
	}
	if got := cfg.Check(); len(got) != 0 {
		t.Errorf("warnings:\n%s", strings.Join(got, "\n"))
	}
	cfg.HTTPS, cfg.HTTP = []string{"127.0.0.1:0"}, []string{"127.0.0.1:0"}
	cfg.Dial = refuse(make(chan string, 64))
	s, err := proxy.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestLoadConfigErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certificateFiles(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "wrong.password"), []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	const http = "http: [8080]\n"
	const server = http + "web_servers:\n  - {alias: fe1, address: 10.10.10.11}\n"
	for _, tc := range []struct{ name, file, want string }{
		{"empty", "", `: https: no listener: give an address under https or http`},
		{"not-yaml", "http: [8080\n", `:1:7: sequence end token ']' not found`},
		{"twice", http + http, `:2:1: mapping key "http" already defined at [1:1]`},
		{"unknown-field", http + "publishing_rule: []\n", `:2:1: unknown field "publishing_rule" (did you mean "publishing_rules"?)`},
		{"wrong-kind", http + "max_header: big\n", `:2:13: "big" is not a number`},
		{"address", "http: [localhost]\n", `:1:8: http[0]: "localhost" is not address:port`},
		{"port", "http: ['70000']\n", `:1:8: http[0]: "70000" is not a TCP port`},
		{"no-certificate", "https: [8443]\n", `: certificates: an https listener needs a certificate`},
		{"no-file", "https: [8443]\ncertificates:\n  - cert: nothing.pem\n", `:3:11: certificates[0].cert: open`},
		{"no-key", "https: [8443]\ncertificates:\n  - cert: lyncweb.pem\n", `:3:11: certificates[0].cert: lyncweb.pem: tls: `},
		{"wrong-password", "https: [8443]\ncertificates:\n  - {pfx: mail.pfx, password_file: wrong.password}\n", `:3:11: certificates[0].pfx: mail.pfx: pkcs12: `},
		{"both-kinds", "https: [8443]\ncertificates:\n  - {pfx: mail.pfx, cert: lyncweb.pem}\n", `:3:6: certificates[0]: needs either cert or pfx`},
		{"ca", http + "web_servers:\n  - {alias: a, address: b, ca: lyncweb.key}\n", `:3:32: web_servers[0].ca: lyncweb.key holds no certificate in PEM`},
		{"alias-missing", http + "web_servers:\n  - {address: 10.10.10.11}\n", `:3:6: web_servers[0].alias: missing`},
		{"address-with-port", http + "web_servers:\n  - {alias: a, address: 'b:443'}\n", `:3:25: web_servers[0].address: "b:443" is not a host name or an IP address (the port has a field of its own)`},
		{"scheme", http + "web_servers:\n  - {alias: a, address: b, scheme: htps}\n", `:3:36: web_servers[0].scheme: "htps" is not one of https, http (did you mean "https"?)`},
		{"version", http + "tls: {min: 1.4}\n", `:2:12: tls.min: "1.4" is not one of 1.0, 1.1, 1.2, 1.3`},
		{"versions", http + "tls: {min: 1.3, max: 1.2}\n", `:2:12: tls.min: is newer than max`},
		{"duration", http + "timeouts: {idle: 960}\n", `:2:18: timeouts.idle: "960" is not a duration (did you mean "960s"?)`},
		{"no-hosts", server + "publishing_rules:\n  - {name: lync, web_servers: [fe1]}\n", `:5:6: publishing_rules[0].hosts: missing ("*" is any host)`},
		{"host", server + "publishing_rules:\n  - {hosts: ['https://x/'], web_servers: [fe1]}\n", `:5:14: publishing_rules[0].hosts[0]: "https://x/" is not a host name, *.suffix or *`},
		{"path", server + "publishing_rules:\n  - {hosts: [a], paths: [meet], web_servers: [fe1]}\n", `:5:26: publishing_rules[0].paths[0]: "meet" does not begin with a slash`},
		{"no-action", server + "publishing_rules:\n  - {hosts: [a]}\n", `:5:6: publishing_rules[0]: needs exactly one of web_servers, respond and reset`},
		{"two-actions", server + "publishing_rules:\n  - {hosts: [a], web_servers: [fe1], reset: true}\n", `:5:6: publishing_rules[0]: needs exactly one of web_servers, respond and reset`},
		{"source", server + "publishing_rules:\n  - {hosts: [a], sources: [lan], web_servers: [fe1]}\n", `:5:28: publishing_rules[0].sources[0]: "lan" is neither a network nor an address`},
		{"unknown-rule", server + "unknown: {rule: www}\n", `:4:17: unknown.rule: no rule "www"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := proxy.LoadConfig(filepath.Join(dir, "proxy.yaml"), []byte(tc.file))
			if err == nil {
				t.Fatalf("no error, want %s", tc.want)
			}
			if got := strings.TrimPrefix(err.Error(), filepath.Join(dir, "proxy.yaml")); !strings.HasPrefix(got, tc.want) {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if strings.Contains(err.Error(), "not a secret") {
				t.Error("the error holds the password")
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	fine := func() proxy.Config {
		cert := a.issue(t, nil, published)
		cert.Certificate = append(cert.Certificate, a.cert.Raw)
		return proxy.Config{
			HTTPS:        []string{"443"},
			HTTP:         []string{"80"},
			Certificates: []proxy.Certificate{{Certificate: cert}},
			WebServers: []proxy.WebServer{
				{Alias: "fe1", Address: "10.10.10.11"}, {Alias: "fe1-http", Address: "10.10.10.11", Scheme: "http"},
				{Alias: "wac", Address: "wac.contoso.example", Port: 443},
			},
			Rules: []proxy.Rule{{Hosts: []string{published}, WebServers: []string{"fe1", "fe1-http"}}},
		}
	}
	for _, tc := range []struct {
		name, want string // "" for silence
		edit       func(*proxy.Config)
	}{
		{"fine", "", func(*proxy.Config) {}},
		{"mistake", `publishing_rules[0].hosts: missing ("*" is any host)`, func(c *proxy.Config) { c.Rules[0].Hosts = nil }},
		{"port-443", "web_servers[0]: fe1: port 443 of a Front End is the internal web site; clients outside need 4443", func(c *proxy.Config) { c.WebServers[0].Port = 443 }},
		{"port-80", "web_servers[1]: fe1-http: port 80 of a Front End is the internal web site; clients outside need 8080", func(c *proxy.Config) { c.WebServers[1].Port = 80 }},
		{"https-to-8080", "web_servers[0]: fe1 speaks https to port 8080, which takes http", func(c *proxy.Config) { c.WebServers[0].Port = 8080 }},
		{"http-to-4443", "web_servers[1]: fe1-http speaks http to port 4443, which takes https", func(c *proxy.Config) { c.WebServers[1].Port = 4443 }},
		{"no-verify", "web_servers[0]: fe1: any certificate is taken", func(c *proxy.Config) { c.WebServers[0].NoVerify = true }},
		{"offload", "publishing_rules[0].web_servers: TLS ends at the proxy and https requests go on as http; a Front End needs https to 4443", func(c *proxy.Config) { c.Rules[0].WebServers = []string{"fe1-http"} }},
		{"offload-http-only", "", func(c *proxy.Config) {
			c.Rules[0].WebServers, c.Rules[0].Listener = []string{"fe1-http"}, "http"
		}},
		{"encrypted-80", "publishing_rules[0].web_servers: http requests go on as https; discovery over http needs a web server with http to 8080", func(c *proxy.Config) { c.Rules[0].WebServers = []string{"fe1"} }},
		{"any-scheme", "publishing_rules[0].any_scheme: requests alternate between web servers with https and with http", func(c *proxy.Config) { c.Rules[0].AnyScheme = true }},
		{"shared", "publishing_rules[0].connections: shared upstream connections hand one user's NTLM session to the next client", func(c *proxy.Config) { c.Rules[0].Connections = "shared" }},
		{"close", "publishing_rules[0].connections: a connection per request makes NTLM and Negotiate fail", func(c *proxy.Config) { c.Rules[0].Connections = "close" }},
		{"http10", "publishing_rules[0].http10: HTTP/1.0 takes a connection per request, which makes NTLM and Negotiate fail", func(c *proxy.Config) { c.Rules[0].HTTP10 = true }},
		{"retry-silent", "publishing_rules[0].retry_silent: what is silent for 30s is done twice: messages are sent again, and polls end one another", func(c *proxy.Config) { c.Rules[0].RetrySilent = 30 * time.Second }},
		{"http2", "tls.http2: clients that take HTTP/2 are told to log on with NTLM and Negotiate over HTTP/1.1, and not all of them understand", func(c *proxy.Config) { c.TLS.HTTP2 = true }},
		{"host-header", "publishing_rules[0].host_header: Lync web services need the Host the client sent", func(c *proxy.Config) { c.Rules[0].HostHeader = "web-server" }},
		{"any-host", "publishing_rules[0].hosts: any host reaches fe1, fe1-http", func(c *proxy.Config) { c.Rules[0].Hosts = []string{"*"} }},
		{"uncertified", "publishing_rules[0].hosts[0]: no certificate is for meet.contoso.example", func(c *proxy.Config) { c.Rules[0].Hosts[0] = "meet.contoso.example" }},
		{"shadowed", "publishing_rules[1].hosts[0]: publishing_rules[0] takes every request for lyncweb-ext.contoso.example before", func(c *proxy.Config) { c.Rules = append(c.Rules, c.Rules[0]) }},
		{"not-shadowed", "", func(c *proxy.Config) {
			c.Rules = append(c.Rules, c.Rules[0])
			c.Rules[0].Paths = []string{"/m"}
		}},
		{"case", "publishing_rules[0].case_sensitive: clients differ in the case of paths, /Autodiscover and /autodiscover", func(c *proxy.Config) {
			c.Rules[0].Paths, c.Rules[0].CaseSensitive = []string{"/Mcx", "/"}, true
		}},
		{"response", "timeouts.response: 1m0s cuts the polls of mobile clients, which are silent for up to 16m0s", func(c *proxy.Config) { c.Timeouts.Response = time.Minute }},
		{"lifetime", "timeouts.lifetime: every client is cut off after 5m0s, busy or not", func(c *proxy.Config) { c.Timeouts.Lifetime = 5 * time.Minute }},
		{"chain", `certificates[0]: sent without the certificate of its issuer "Contoso Test CA": clients that do not hold that one refuse it`, func(c *proxy.Config) {
			c.Certificates[0].Certificate.Certificate = c.Certificates[0].Certificate.Certificate[:1]
		}},
		{"chain-order", "certificates[0]: certificate 2 of the chain did not issue certificate 1: the order is wrong or one is missing", func(c *proxy.Config) {
			c.Certificates[0].Certificate.Certificate[1] = newAuthority(t).cert.Raw
		}},
		{"self-signed", "certificates[0]: self-signed: no client trusts it", func(c *proxy.Config) {
			c.Certificates[0].Certificate.Certificate = c.Certificates[0].Certificate.Certificate[1:]
		}},
		{"expired", fmt.Sprintf("certificates[0]: not valid now, but from %s to %s", a.cert.NotBefore.Format(time.DateOnly), a.cert.NotAfter.Format(time.DateOnly)), func(c *proxy.Config) {
			c.Now = func() time.Time { return time.Now().Add(48 * time.Hour) }
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := fine()
			tc.edit(&cfg)
			if got := strings.Join(cfg.Check(), "\n"); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func FuzzLoadConfig(f *testing.F) {
	data, err := os.ReadFile("testdata/proxy.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("http: [8080]\nrules:\n  - {hosts: ['*'], respond: {status: 503}}\n"))
	f.Add([]byte("http: &a [*a]\n"))
	f.Add([]byte("publishing_rules:\n  - hosts: [a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := proxy.LoadConfig("fuzz.yaml", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fuzz.yaml:") {
				t.Errorf("error without the file: %v", err)
			}
			return
		}
		cfg.Check()
	})
}
