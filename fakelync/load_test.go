package fakelync_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lyncpin/fakelync"
)

const wholeFile = `product: sfb-2015
fqdn: fe1.corp.contoso.example
sip_domains: [contoso.example, fabrikam.example]
internal:
  http: 8000
  https: ":8443"
  web_fqdn: lyncweb-int.contoso.example
  certificate: fe1.pem
external:
  http: 0.0.0.0:8080
  https: "[::1]:4443"
  web_fqdn: lyncweb-ext.contoso.example
  published_port: 443
  web_ticket_host: lyncweb-ext.contoso.example
  certificate: fe1.pem
  key: fe1.pem
  min_tls: 1.0
  max_tls: "1.2"
  require_sni: true
  host_names: [lyncweb-ext.contoso.example]
  require_ssl: true
  stopped_app_pools: [ucwa]
  failed_apps: ["*"]
  filtering: {deny_sequences: ["'"], deny_verbs: [OPTIONS], allow_double_escaping: true, max_body: 1, max_url: 2, max_query: 3}
  windows_auth: [NTLM]
  grants: [password]
  ntlm: v2
  extended_protection: require
simple_urls:
  - {kind: meet, host: meet.contoso.example}
  - kind: dialin
    host: lync.contoso.example
    path: /contoso/dialin
redirects:
  online.example: https://webdir.online.example/Autodiscover/AutodiscoverService.svc/root
default_document: legacy-json
idle_timeout: 30s
pool: pool01.corp.contoso.example
isolated: true
no_token_certificate: true
no_anonymous: true
old_join_launcher: true
authorization_uri: https://login.contoso.example/authorize
passive_uri: https://adfs.contoso.example/passive
`

// pemFile writes the tests' certificate with its key into a directory.
func pemFile(t *testing.T, dir string) {
	t.Helper()
	cert := certificate()
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	if err := os.WriteFile(filepath.Join(dir, "fe1.pem"), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLoadConfigReadsEveryField(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pemFile(t, dir)
	got, err := fakelync.LoadConfig(filepath.Join(dir, "lab.yaml"), []byte(wholeFile))
	if err != nil {
		t.Fatal(err)
	}
	want := fakelync.Config{
		Product:    fakelync.SfB2015,
		FQDN:       "fe1.corp.contoso.example",
		SIPDomains: []string{"contoso.example", "fabrikam.example"},
		Internal:   fakelync.Site{HTTP: "127.0.0.1:8000", HTTPS: "127.0.0.1:8443", WebFQDN: "lyncweb-int.contoso.example"},
		External: fakelync.Site{
			HTTP: "0.0.0.0:8080", HTTPS: "[::1]:4443", WebFQDN: "lyncweb-ext.contoso.example",
			PublishedPort: 443, WebTicketHost: "lyncweb-ext.contoso.example", MinTLS: tls.VersionTLS10, MaxTLS: tls.VersionTLS12,
			RequireSNI: true, HostNames: []string{"lyncweb-ext.contoso.example"}, RequireSSL: true,
			StoppedAppPools: []string{"ucwa"}, FailedApps: []string{"*"},
			Filtering:   fakelync.RequestFiltering{DenySequences: []string{"'"}, DenyVerbs: []string{"OPTIONS"}, AllowDoubleEscaping: true, MaxBody: 1, MaxURL: 2, MaxQuery: 3},
			WindowsAuth: []string{"NTLM"}, Grants: []string{"password"}, NTLM: "v2", ExtendedProtection: "require",
		},
		SimpleURLs: []fakelync.SimpleURL{
			{Kind: fakelync.Meet, Host: "meet.contoso.example"},
			{Kind: fakelync.Dialin, Host: "lync.contoso.example", Path: "/contoso/dialin"},
		},
		Redirects:       map[string]string{"online.example": "https://webdir.online.example/Autodiscover/AutodiscoverService.svc/root"},
		DefaultDocument: fakelync.LegacyJSON,
		IdleTimeout:     30 * time.Second,
		Pool:            "pool01.corp.contoso.example", Isolated: true, NoTokenCertificate: true, NoAnonymous: true, OldJoinLauncher: true,
		AuthorizationURI: "https://login.contoso.example/authorize", PassiveURI: "https://adfs.contoso.example/passive",
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(fakelync.Site{}, "Certificate")); diff != "" {
		t.Errorf("LoadConfig (-want +got):\n%s", diff)
	}
	for name, cert := range map[string]tls.Certificate{"internal": got.Internal.Certificate, "external": got.External.Certificate} {
		if len(cert.Certificate) != 1 || cert.PrivateKey == nil {
			t.Errorf("the %s certificate is not loaded", name)
		}
	}
}

// TestLoadConfigOfAccounts signs in to what a file says.
func TestLoadConfigOfAccounts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pemFile(t, dir)
	const file = `fqdn: fe1.corp.contoso.example
sip_domains: [contoso.example]
external: {https: 0, web_fqdn: lyncweb-ext.contoso.example, certificate: fe1.pem}
users:
  - {sip: user1@contoso.example, login: CONTOSO\user1, password: Lab-only-1, pool: pool02.corp.contoso.example}
  - {sip: clerk@contoso.example, login: CONTOSO\clerk, password: Lab-only-3, not_enabled: true}
pools:
  - {name: pool01.corp.contoso.example, external_web: lyncweb-ext.contoso.example}
  - {name: pool02.corp.contoso.example, external_web: lyncweb2-ext.contoso.example, sip_external: "sip.contoso.example:443"}
organisation: {lockout_threshold: 2, speed: 10}
`
	cfg, err := fakelync.LoadConfig(filepath.Join(dir, "lab.yaml"), []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	srv := start(t, cfg)
	if got := byPassword(t, srv, extHTTPS, compact, "clerk@contoso.example", `CONTOSO\clerk`, "Lab-only-3"); got.status != 500 || !strings.Contains(got.body, "28000") {
		t.Errorf("who is not enabled: %d %s", got.status, got.body)
	}
	ticket := ticketOf(t, srv, extHTTPS, "user1", "Lab-only-1")
	got := ask(t, srv, extHTTPS, request{target: rootTarget + "/user", host: webExt, header: acceptLegacyXML + "X-MS-WebTicket: " + ticket + "\r\n"})
	if !strings.Contains(got.body, `"Redirect" href="https://lyncweb2-ext.contoso.example/`) {
		t.Errorf("the home pool is not named: %d %s", got.status, got.body)
	}
	for range 2 {
		byPassword(t, srv, extHTTPS, compact, "user1@contoso.example", `CONTOSO\user1`, "wrong")
	}
	if got := byPassword(t, srv, extHTTPS, compact, "user1@contoso.example", `CONTOSO\user1`, "Lab-only-1"); !strings.Contains(got.body, "28034") {
		t.Errorf("after two wrong passwords: %d %s", got.status, got.body)
	}
}

func TestLoadConfigNamesThePlace(t *testing.T) {
	t.Parallel()
	const head = "fqdn: fe1.corp.contoso.example\nsip_domains: [contoso.example]\n"
	for _, tc := range []struct {
		name, file, want string
	}{
		{"empty", "", `lab.yaml:1:1: fqdn: a host name is needed`},
		{"missing-field", "sip_domains: [contoso.example]\n", `lab.yaml:1:1: fqdn: a host name is needed`},
		{"missing-field-of-site", head + "external:\n  http: 8080\n", `lab.yaml:4:3: external.web_fqdn: a host name is needed`},
		{"unknown-field", head + "external:\n  htp: 8080\n", `lab.yaml:4:3: unknown field "htp"`},
		{"text-for-list", head + "external: {host_names: a.example}\n", `lab.yaml:3:24: external.host_names: string was used where sequence is expected`},
		{"list-for-text", "fqdn: [fe1]\n", `lab.yaml:1:7: fqdn: want text`},
		{"text-for-number", head + "external: {published_port: https}\n", `lab.yaml:3:28: external.published_port: want a whole number`},
		{"text-for-bool", head + "external: {require_sni: maybe}\n", `lab.yaml:3:25: external.require_sni: want true or false`},
		{"duplicate", "fqdn: a\nfqdn: b\n", `lab.yaml:2:1: mapping key "fqdn" already defined at [1:1]`},
		{"syntax", "fqdn: \"x\n", `lab.yaml:1:7: could not find end character of double-quoted text`},
		{"two-documents", head + "---\nfqdn: b\n", `lab.yaml:4:5: a second document`},
		{"second-domain", "fqdn: fe1\nsip_domains:\n  - contoso.example\n  - con toso\n", `lab.yaml:4:5: sip_domains[1]: "con toso" is no host name`},
		{"domain-with-dots", head + "redirects:\n  online.example: ftp://x\n", `lab.yaml:4:19: redirects.online.example: next hop "ftp://x" is no http or https URL`},
		{"simple-url", head + "simple_urls:\n  - {kind: meat, host: meet.contoso.example}\n", `lab.yaml:4:12: simple_urls[0].kind: unknown kind "meat" (want meet, dialin, admin or scheduler)`},
		{"tls", head + "external: {http: 8080, web_fqdn: a.example, min_tls: 1.4}\n", `lab.yaml:3:54: external.min_tls: unknown TLS version "1.4" (want 1.0, 1.1, 1.2 or 1.3)`},
		{"address", head + "external: {http: a:b:c}\n", `lab.yaml:3:18: external.http: "a:b:c" is no listener address (want a port or host:port)`},
		{"port", head + "external: {http: 99999}\n", `lab.yaml:3:18: external.http: "99999" is no port`},
		{"idle", head + "idle_timeout: 30\n", `lab.yaml:3:15: idle_timeout: "30" is no duration such as 30s`},
		{"key-alone", head + "internal: {key: fe1.key}\n", `lab.yaml:3:17: internal.key: there is no certificate it belongs to`},
		{"ntlm", head + "external: {http: 8080, web_fqdn: a.example, ntlm: v3}\n", `lab.yaml:3:51: external.ntlm: unknown policy "v3" (want v2 or deny, or leave it out)`},
		{"extended-protection", head + "external: {http: 8080, web_fqdn: a.example, extended_protection: on}\n", `lab.yaml:3:66: external.extended_protection: unknown setting "on" (want require, or leave it out)`},
		{"user", head + "users:\n  - {sip: \"sip:user1@contoso.example\", password: x}\n", `lab.yaml:4:11: users[0].sip: "sip:user1@contoso.example" is no address such as user1@contoso.example (without sip:)`},
		{"login", head + "users:\n  - {sip: user1@contoso.example, login: user1, password: x}\n", `lab.yaml:4:41: users[0].login: "user1" is no Windows account such as CONTOSO\user1`},
		{"no-password", head + "users:\n  - {sip: user1@contoso.example}\n", `lab.yaml:4:6: users[0].password: a password is needed; invent one`},
		{"twice", head + "users:\n  - {sip: a@contoso.example, password: x}\n  - {sip: A@contoso.example, password: x}\n", `lab.yaml:5:11: users[1].sip: "A@contoso.example" is there twice`},
		{"home", head + "users:\n  - {sip: a@contoso.example, password: x, pool: p.example}\n", `lab.yaml:4:49: users[0].pool: there is no pool "p.example"`},
		{"sip-access", head + "pools:\n  - {name: p.example, sip_external: sip.contoso.example}\n", `lab.yaml:4:37: pools[0].sip_external: "sip.contoso.example" is no host:port`},
		{"lockout", head + "organisation: {lockout_threshold: -1}\n", `lab.yaml:3:35: organisation.lockout_threshold: -1 is negative`},
		{"passive", head + "passive_uri: page\n", `lab.yaml:3:14: passive_uri: "page" is no http or https URL`},
		{"no-listener", head, `lab.yaml:1:1: external: neither site has a listener (want http or https, for example 8080)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := fakelync.LoadConfig("lab.yaml", []byte(tc.file))
			if err == nil || err.Error() != tc.want {
				t.Errorf("LoadConfig = %v\nwant         %s", err, tc.want)
			}
		})
	}
	_, err := fakelync.LoadConfig("lab.yaml", []byte(head+"external: {http: 8080, web_fqdn: a.example, certificate: absent.pem}\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "lab.yaml:3:58: external.certificate: open absent.pem: ") {
		t.Errorf("a missing certificate file: %v", err)
	}
}

func FuzzLoadConfig(f *testing.F) {
	f.Add(strings.ReplaceAll(wholeFile, "  certificate: fe1.pem\n", ""))
	f.Add("fqdn: [1]\n")
	f.Add("a: &a [*a]\nredirects: {x: *a}")
	f.Add("- ? :\n")
	f.Fuzz(func(t *testing.T, file string) {
		if strings.Contains(file, "certificate") {
			return // would open whatever file it names
		}
		cfg, err := fakelync.LoadConfig("lab.yaml", []byte(file))
		switch {
		case err != nil && !strings.HasPrefix(err.Error(), "lab.yaml:"):
			t.Errorf("LoadConfig(%q) = %v, which names no place", file, err)
		case err == nil && (cfg.FQDN == "" || len(cfg.SIPDomains) == 0):
			t.Errorf("LoadConfig(%q) accepts a machine without a name or domain", file)
		}
	})
}
