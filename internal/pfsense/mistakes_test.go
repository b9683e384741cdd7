package pfsense

import (
	"slices"
	"strings"
	"testing"
)

// mistake is an edit of a backup that is right: pairs of old and new text.
type mistake struct {
	name, backup string
	edits        []string
	want         []string // IDs, all that are found
}

var fabrikamPattern = `<row><uri>^https://lyncdiscover\.fabrikam\.example/</uri></row>`

var mistakesInBackups = []mistake{
	{"port 443", "squid", []string{"<port>4443<", "<port>443<"}, []string{"PFS-SQ-01"}},
	{"port 80", "squid", []string{"<port>8080<", "<port>80<"}, []string{"PFS-SQ-01"}},
	{"https to 8080", "squid", []string{"<port>4443<", "<port>8080<"}, []string{"PFS-SQ-02"}},
	{"http to 4443", "squid", []string{"<ip>10.10.10.11</ip><port>4443</port><protocol>HTTPS<", "<ip>10.10.10.11</ip><port>4443</port><protocol>HTTP<"}, []string{"PFS-SQ-02"}},
	{"both schemes in turn", "squid", []string{"<peers>FE1_4443<", "<peers>FE1_4443,FE1_8080<"}, []string{"PFS-SQ-02"}},
	{"web server off", "squid", []string{"<enable>on</enable><name>FE1_4443<", "<enable></enable><name>FE1_4443<"}, []string{"PFS-SQ-03"}},
	{"listener off", "squid", []string{"<reverse_http>on<", "<reverse_http><"}, []string{"PFS-SQ-03"}},
	{"web server renamed", "squid", []string{"<peers>FE1_4443<", "<peers>FE1<"}, []string{"PFS-SQ-04"}},
	{"second domain not mapped", "squid", []string{fabrikamPattern, ""}, []string{"PFS-SQ-05"}},
	{"mapping off", "squid", []string{"<enable>on</enable><name>SFB_TLS<", "<enable></enable><name>SFB_TLS<"}, []string{"PFS-SQ-05"}},
	{"not anchored", "squid", []string{"^https://dialin", "https://dialin"}, []string{"PFS-SQ-06"}},
	{"dots not escaped", "squid", []string{`dialin\.contoso\.example`, `dialin.contoso.example`}, []string{"PFS-SQ-06"}},
	{"http pattern for https", "squid", []string{"^https://dialin", "^http://dialin"}, []string{"PFS-SQ-05", "PFS-SQ-06"}},
	{"bracket left open", "squid", []string{`^https://dialin\.contoso\.example/`, `^https://(dialin\.contoso\.example/`}, []string{"PFS-SQ-05", "PFS-SQ-06"}},
	{"path list", "squid", []string{`^https://lyncweb-ext\.contoso\.example/.*$`, `^https://lyncweb-ext\.contoso\.example/(autodiscover|webticket|ucwa|reach|lwa|groupexpansion|certprov|datacollabweb)/`}, []string{"PFS-SQ-07"}},
	{"root only", "squid", []string{`^https://lyncdiscover\.contoso\.example/<`, `^https://lyncdiscover\.contoso\.example/$<`}, []string{"PFS-SQ-07"}},
	{"no certificate", "squid", []string{"<reverse_ssl_cert>5f0000000000b<", "<reverse_ssl_cert>none<"}, []string{"PFS-SQ-08"}},
	{"certificate gone", "squid", []string{"<refid>5f0000000000b<", "<refid>5f0000000000c<"}, []string{"PFS-SQ-08"}},
	{"certificate expired", "squid", []string{"@good@", "@expired@"}, []string{"PFS-SQ-09"}},
	{"certificate too short", "squid", []string{"@good@", "@short@"}, []string{"PFS-SQ-09"}},
	{"certificate self-signed", "squid", []string{"@good@", "@self@", "@intermediate@", ""}, []string{"PFS-SQ-09"}},
	{"certificate damaged", "squid", []string{"@good@", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"}, []string{"PFS-SQ-09"}},
	{"no key", "squid", []string{"@key@", ""}, []string{"PFS-SQ-09"}},
	{"no intermediate", "squid", []string{"@intermediate@", ""}, []string{"PFS-SQ-10"}},
	{"another intermediate", "squid", []string{"@intermediate@", "@short@"}, []string{"PFS-SQ-10"}},
	{"old phones", "squid", []string{`<row><uri>^https://dialin`, `<row><uri>^https://lyncweb-ext\.contoso\.example/Mcx/</uri></row><row><uri>^https://dialin`}, []string{"PFS-SQ-11"}},
	{"client certificates", "squid", []string{"<reverse_check_clientca><", "<reverse_check_clientca>on<"}, []string{"PFS-SQ-12"}},
	{"plain discovery needed", "squid", []string{"@good@", "@short@", "<reverse_http>on<", "<reverse_http><"}, []string{"PFS-SQ-03", "PFS-SQ-09", "PFS-SQ-13"}},
	{"mapping twice", "squid", []string{"<name>SFB_HTTP<", "<name>SFB_TLS<"}, []string{"PFS-SQ-14"}},
	{"web server twice", "squid", []string{"<name>MAIL_443<", "<name>FE1_4443<", "<peers>MAIL_443<", "<peers>FE1_4443<"}, []string{"PFS-SQ-14"}},
	{"squid off", "squid", []string{"<enable_squid>on<", "<enable_squid><"}, []string{"PFS-SQ-15"}},
	{"redirect", "squid", []string{"</installedpackages>", `<squidreverseredir><config><enable>on</enable><name>tls</name><protocol>HTTP</protocol><row><uri>.contoso.example</uri></row><pathregex>^/</pathregex><redirurl>https://lyncdiscover.contoso.example/</redirurl></config></squidreverseredir></installedpackages>`}, []string{"PFS-SQ-16"}},
	{"small primes", "squid", []string{"<reverse_ip>", "<dhparams_size>2048</dhparams_size><reverse_ip>"}, []string{"PFS-SQ-17"}},

	{"port 443", "haproxy", []string{"<port>4443<", "<port>443<"}, []string{"PFS-HA-01"}},
	{"port 80", "haproxy", []string{"<port>8080<", "<port>80<"}, []string{"PFS-HA-01"}},
	{"plain to 4443", "haproxy", []string{"<port>4443</port><ssl>yes<", "<port>4443</port><ssl><"}, []string{"PFS-HA-02"}},
	{"offload to 8080", "haproxy", []string{"<port>4443</port><ssl>yes<", "<port>8080</port><ssl><"}, []string{"PFS-HA-02"}},
	{"short time-outs", "haproxy", []string{"<server_timeout>1800000<", "<server_timeout><"}, []string{"PFS-HA-04"}},
	{"a time-out in the advanced lines", "haproxy", []string{"<ssloffloadcert>60a1b2c3d4e5f<", "<advanced>dGltZW91dCBjbGllbnQgMW0=</advanced><ssloffloadcert>60a1b2c3d4e5f<"}, []string{"PFS-HA-04"}},
	{"connections closed", "haproxy", []string{"<httpclose>http-keep-alive<", "<httpclose>forceclose<"}, []string{"PFS-HA-05"}},
	{"host rewritten", "haproxy", []string{"<item><action>use_backend</action><acl>mail<", "<item><action>http-request_replace-header</action><http-request_replace-headername>host</http-request_replace-headername></item><item><action>use_backend</action><acl>mail<"}, []string{"PFS-HA-06"}},
	{"no affinity", "haproxy", []string{"<persist_cookie_enabled>yes<", "<persist_cookie_enabled><"}, []string{"PFS-HA-07"}},
	{"sni in http mode", "haproxy", []string{"<name>simple</name><expression>host_matches<", "<name>simple</name><expression>ssl_sni_matches<"}, []string{"PFS-HA-08", "PFS-HA-12"}},
	{"pool not named", "haproxy", []string{"<value>lyncdiscover.fabrikam.example<", "<value>lyncdiscover.tailspin.example<"}, []string{"PFS-HA-12", "PFS-HA-13"}},
	{"backend gone", "haproxy", []string{"<name>be_ext<", "<name>be_external<"}, []string{"PFS-HA-12"}},
	{"shares a frontend that is off", "haproxy", []string{"<name>fe_plain</name><status>active</status>", "<name>fe_plain</name><status>active</status><secondary>yes</secondary><primary_frontend>gone</primary_frontend>",
		"<expression>host_starts_with</expression><value>lyncdiscover.<", "<expression>host_matches</expression><value>lyncdiscover.contoso.example<"}, []string{"PFS-HA-09"}},
	{"check needs an account", "haproxy", []string{"<check_type>SSL<", "<monitor_uri>/WebTicket/WebTicketService.svc</monitor_uri><check_type>HTTP<"}, []string{"PFS-HA-10"}},
	{"check without an address", "haproxy", []string{"<check_type>SSL<", "<check_type>HTTP<"}, []string{"PFS-HA-10"}},
	{"redirect of all", "haproxy", []string{"<action>http-request_redirect</action><acl>others<", "<action>http-request_redirect</action><acl><"}, []string{"PFS-HA-11"}},
	{"certificate too short", "haproxy", []string{"@good@", "@short@"}, []string{"PFS-HA-13"}},
	{"verifies with no authority", "haproxy", []string{"<ssl>yes</ssl><cookie>", "<ssl>yes</ssl><sslserververify>yes</sslserververify><cookie>"}, []string{"PFS-HA-14"}},
	{"passed through", "haproxy", []string{"<name>fe_public</name><desc></desc><status>active</status><type>http<", "<name>fe_public</name><desc></desc><status>active</status><type>https<",
		"<expression>host_matches<", "<expression>ssl_sni_matches<", "<name>simple</name><expression>host_starts_with<", "<name>simple</name><expression>ssl_sni_starts_with<"}, []string{"PFS-HA-03"}},
	{"certificate expired", "haproxy", []string{"@good@", "@expired@"}, []string{"PFS-08"}},
	{"no key", "haproxy", []string{"@key@", ""}, []string{"PFS-09"}},
	{"authority gone", "haproxy", []string{"<refid>60a1b2c3d4e60<", "<refid>60a1b2c3d4e61<"}, []string{"PFS-10"}},
	{"package off", "haproxy", []string{"<enable/>", ""}, []string{"PFS-11"}},
	{"http/2", "haproxy", []string{"<forwardfor>yes<", "<advanced_bind>alpn h2,http/1.1</advanced_bind><forwardfor>yes<"}, []string{"PFS-14"}},

	{"override to the front end", "squid", []string{"<aliases></aliases>", "<aliases><item><host>lyncweb-ext</host><domain>contoso.example</domain></item><item><host>lyncdiscover</host><domain>contoso.example</domain></item><item><host>lyncdiscover</host><domain>fabrikam.example</domain></item><item><host>meet</host><domain>contoso.example</domain></item><item><host>meet</host><domain>fabrikam.example</domain></item><item><host>dialin</host><domain>contoso.example</domain></item></aliases>"}, []string{"PFS-01"}},
	{"name server open", "squid", []string{"<filter>", "<filter><rule><type>pass</type><interface>wan</interface><protocol>tcp/udp</protocol><destination><network>wanip</network><port>53</port></destination></rule>"}, []string{"PFS-02"}},
	{"an override for one", "squid", []string{"<aliases></aliases>", "<aliases></aliases></hosts><hosts><host>lyncdiscover</host><domain>contoso.example</domain><ip>203.0.113.10</ip>"}, []string{"PFS-03"}},
	{"port forward", "squid", []string{"<nat>", "<nat><rule><interface>wan</interface><protocol>tcp</protocol><destination><network>wanip</network><port>443</port></destination><target>10.10.10.11</target><local-port>443</local-port></rule>"}, []string{"PFS-04"}},
	{"no rule", "squid", []string{"<address>80 443<", "<address>80 8443<"}, []string{"PFS-05"}},
	{"rule disabled", "haproxy", []string{"<rule><type>pass</type>", "<rule><disabled></disabled><type>pass</type>"}, []string{"PFS-05"}},
	{"web interface at the same port", "squid", []string{"<port>8443</port>", "<port></port>"}, []string{"PFS-06"}},
	{"low ports", "squid", []string{"<value>0<", "<value>1023<"}, []string{"PFS-07"}},
}

func TestMistakesAreFound(t *testing.T) {
	t.Parallel()
	found := map[string]bool{"PFS-12": true, "PFS-13": true} // in the goldens
	for _, m := range mistakesInBackups {
		for _, id := range m.want {
			found[id] = true
		}
		t.Run(m.backup+" "+m.name, func(t *testing.T) {
			t.Parallel()
			text := readText(t, m.backup+"-right.xml")
			for i := 0; i < len(m.edits); i += 2 {
				if !strings.Contains(text, m.edits[i]) {
					t.Fatalf("the backup holds no %q", m.edits[i])
				}
				text = strings.ReplaceAll(text, m.edits[i], m.edits[i+1])
			}
			b, err := Parse("config.xml", filled(t, text))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range b.Check("config.xml", Options{}, issued) {
				if !slices.Contains(got, f.Rule.ID) {
					got = append(got, f.Rule.ID)
				}
				if f.Line == 0 || f.Reason == "" || f.Fix == "" {
					t.Errorf("%s lacks a line, a reason or a fix: %+v", f.Rule.ID, f)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, m.want) {
				t.Errorf("found %v, want %v\n%s", got, m.want, findings(t, "config.xml", filled(t, text)))
			}
		})
	}
	for _, r := range Rules() {
		if !found[r.ID] {
			t.Errorf("no backup shows %s", r.ID)
		}
	}
}

// Other ways to write what is right.
func TestOtherRightBackupsAreSilent(t *testing.T) {
	t.Parallel()
	rows := "<row><uri>^https://lyncdiscover\\.contoso\\.example/</uri></row>\n\t\t\t\t" + fabrikamPattern
	for _, m := range []mistake{
		{"any name below the domains", "squid", []string{rows, `<row><uri>^https://[a-z-]+\.(contoso|fabrikam)\.example/</uri></row>`}, nil},
		{"all names below the domains", "squid", []string{rows, `<row><uri>^https://.*\.contoso\.example/</uri></row><row><uri>^https://.*\.fabrikam\.example/</uri></row>`}, nil},
		{"either scheme", "squid", []string{`<row><uri>^https://dialin`, `<row><uri>^http(s)?://dialin`}, nil},
		{"a port in the pattern", "squid", []string{`<row><uri>^https://dialin\.contoso\.example/`, `<row><uri>^https://dialin\.contoso\.example(:443)?/`}, nil},
		{"listener of another port behind a port forward to the firewall", "squid", []string{"<reverse_https_port>443<", "<reverse_https_port>8444<", "80 443", "80 443 8444",
			"<nat>", "<nat><rule><interface>wan</interface><protocol>tcp</protocol><destination><network>wanip</network><port>443</port></destination><target>127.0.0.1</target><local-port>8444</local-port></rule>"}, nil},
		{"a port forward of another address", "squid", []string{"<nat>", "<nat><rule><interface>wan</interface><protocol>tcp</protocol><destination><address>203.0.113.20</address><port>443</port></destination><target>10.10.10.21</target><local-port>443</local-port></rule>"}, nil},
		{"a rule for any port", "haproxy", []string{"<port>443</port></destination>", "</destination>"}, nil},
		{"chain in the certificate", "squid", []string{"@good@", "@chain@", "@intermediate@", ""}, nil},
		{"a default backend", "haproxy", []string{"<item><action>use_backend</action><acl>simple</acl><use_backendbackend>be_ext</use_backendbackend></item>", "<item><action>use_backend</action><acl></acl><use_backendbackend>be_ext</use_backendbackend></item>"}, nil},
		{"hosts by their end", "haproxy", []string{"<name>simple</name><expression>host_starts_with</expression><value>meet.<", "<name>simple</name><expression>host_ends_with</expression><value>.example<"}, nil},
		{"a regular expression", "haproxy", []string{"<name>simple</name><expression>host_starts_with</expression><value>meet.<", `<name>simple</name><expression>host_regex</expression><value>^meet\.(contoso|fabrikam)\.example$<`}, nil},
		{"one server", "haproxy", []string{"<persist_cookie_enabled>yes<", "<persist_cookie_enabled><", "<status>active</status><name>fe2<", "<status>inactive</status><name>fe2<"}, nil},
		{"no plain HTTP", "haproxy", []string{"<name>fe_plain</name><status>active<", "<name>fe_plain</name><status>disabled<"}, nil},
	} {
		t.Run(m.backup+" "+m.name, func(t *testing.T) {
			t.Parallel()
			text := readText(t, m.backup+"-right.xml")
			for i := 0; i < len(m.edits); i += 2 {
				if !strings.Contains(text, m.edits[i]) {
					t.Fatalf("the backup holds no %q", m.edits[i])
				}
				text = strings.ReplaceAll(text, m.edits[i], m.edits[i+1])
			}
			if got := findings(t, "config.xml", filled(t, text)); got != "" {
				t.Errorf("a backup that is right is complained about:\n%s", got)
			}
		})
	}
}

// A backup that somebody cut the certificates out of before giving it away is not complained about, and that they are gone is said.
func TestCertificatesTakenOut(t *testing.T) {
	t.Parallel()
	for backup, in := range map[string]string{"squid": "REDACTED", "haproxy": ""} {
		t.Run(backup, func(t *testing.T) {
			t.Parallel()
			text := strings.NewReplacer("@good@", in, "@key@", in, "@intermediate@", in).Replace(readText(t, backup+"-right.xml"))
			got := findings(t, "config.xml", filled(t, text))
			if !strings.HasPrefix(got, "note: Certificates were taken out") || strings.Count(got, "\n") > 1 {
				t.Errorf("got %s, want a note that certificates were taken out", got)
			}
		})
	}
}
