package pfsense

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"lyncpin/internal/lint"
	"lyncpin/internal/topology"
)

// canaries are secrets in every place of a backup that has one, and in the free text boxes.
const canaries = `
	<system>
		<user><name>admin</name><password>CANARY-01</password><bcrypt-hash>CANARY-02</bcrypt-hash><md5-hash>CANARY-03</md5-hash><nt-hash>CANARY-04</nt-hash><authorizedkeys>CANARY-05</authorizedkeys></user>
		<authserver><ldap_bindpw>CANARY-06</ldap_bindpw><radius_secret>CANARY-07</radius_secret></authserver>
		<webgui><password>CANARY-08</password></webgui>
	</system>
	<ca><refid>c</refid><descr>x</descr><prv>CANARY-09</prv><crt>CANARY-10</crt></ca>
	<cert><refid>d</refid><descr>y</descr><prv>CANARY-11</prv><crt>LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCkNBTkFSWS0xMgo=</crt></cert>
	<ipsec><phase1><pre-shared-key>CANARY-13</pre-shared-key></phase1></ipsec>
	<openvpn><openvpn-server><shared_key>CANARY-14</shared_key><tls>CANARY-15</tls></openvpn-server></openvpn>
	<interfaces><wan><password>CANARY-16</password><wpa><passphrase>CANARY-17</passphrase></wpa></wan></interfaces>
	<virtualip><vip><mode>carp</mode><password>CANARY-18</password><subnet>203.0.113.99</subnet></vip></virtualip>
	<snmpd><rocommunity>CANARY-19</rocommunity></snmpd>
	<unbound><enable/><custom_options>@b64:CANARY-20@</custom_options></unbound>
`

const packageCanaries = `
	<squidauth><config><ldap_pass>CANARY-21</ldap_pass><radius_secret>CANARY-22</radius_secret></config></squidauth>
	<squidusers><config><username>u</username><password>CANARY-23</password></config></squidusers>
	<squidremote><config><password>CANARY-24</password></config></squidremote>
`

const haproxyCanaries = `
	<advanced>@b64:userlist CANARY-25
user admin insecure-password CANARY-26
stats auth admin:CANARY-27
timeout client 1h CANARY-28@</advanced>
	<stats_password>CANARY-29</stats_password><email_to>CANARY-30</email_to>
	<files><item><name>CANARY-31</name><content>CANARY-32</content></item></files>
`

const frontendCanaries = `
	<advanced>@b64:http-request set-header Authorization Basic\ CANARY-33
http-request auth realm CANARY-34
# CANARY-35@</advanced>
	<advanced_bind>ssl-min-ver TLSv1.2 key CANARY-36</advanced_bind>
`

const actionCanaries = `
	<item><action>http-request_set-header</action><acl></acl><http-request_set-headername>X-Api-Key</http-request_set-headername><http-request_set-headerfmt>CANARY-37</http-request_set-headerfmt></item>
	<item><action>http-request_auth</action><acl>nobody</acl><http-request_authrealm>CANARY-38</http-request_authrealm></item>
	<item><action>custom</action><acl>nobody</acl><customcustomaction>http-request set-header X-Token CANARY-39</customcustomaction></item>
	<item><action>http-request_redirect</action><acl>nobody</acl><http-request_redirectrule>location https://u:CANARY-40@x.contoso.example/?token=CANARY-41</http-request_redirectrule></item>
`

const aclCanaries = `
	<item><name>nobody</name><expression>custom</expression><value>req.hdr(Authorization) -m str CANARY-42</value></item>
`

const backendCanaries = `
	<stats_username>x</stats_username><stats_password>CANARY-43</stats_password>
	<monitor_username>CANARY-44</monitor_username><monitor_uri>/x?key=CANARY-45</monitor_uri>
	<advanced_backend>@b64:http-request set-header Cookie CANARY-46
stats auth CANARY-47@</advanced_backend>
	<haproxy_cookie_dynamic_cookie_key>CANARY-48</haproxy_cookie_dynamic_cookie_key>
`

var inBase64 = regexp.MustCompile(`(?s)@b64:(.*?)@<`)

// withCanaries is a right backup of the proxy with secrets everywhere.
func withCanaries(t *testing.T, name string) string {
	t.Helper()
	text := string(filled(t, readText(t, name)))
	put := func(before, what string) {
		text = strings.Replace(text, before, before+what, 1)
	}
	put("<pfsense>", canaries)
	put("<installedpackages>", packageCanaries)
	put("<haproxy>", haproxyCanaries)
	put("<name>fe_public</name>", frontendCanaries)
	put("<a_actionitems>", actionCanaries)
	put("<ha_acls>", aclCanaries)
	put("<name>be_ext</name>", backendCanaries)
	put("<squid>\n\t\t\t<config>", "<custom_options>@b64:auth_param basic program CANARY-49\ncache_peer x login=u:CANARY-50\n@</custom_options><custom_options_squid3>http_access allow CANARY-51</custom_options_squid3>")
	put("<squidreversegeneral>\n\t\t\t<config>", "<reverse_password>CANARY-52</reverse_password>")
	return inBase64.ReplaceAllStringFunc(text, func(s string) string {
		return base64.StdEncoding.EncodeToString([]byte(inBase64.FindStringSubmatch(s)[1])) + "<"
	})
}

// said is everything that the package ever says of a backup.
func said(data []byte) string {
	var out bytes.Buffer
	b, err := Parse("config.xml", data)
	if err != nil {
		return err.Error()
	}
	fmt.Fprintf(&out, "%+v\n", *b) // what is kept
	if b.squid != nil {
		fmt.Fprintf(&out, "%+v\n", *b.squid)
	}
	if b.haproxy != nil {
		fmt.Fprintf(&out, "%+v\n", *b.haproxy)
	}
	found := b.Check("config.xml", Options{}, issued)
	results := []lint.Result{{File: "config.xml", Product: lint.PfSense, Lync: true, Findings: found}}
	for _, write := range []func() error{
		func() error { return lint.WriteText(&out, results, lint.TextOptions{}) },
		func() error { return lint.WriteJSON(&out, results) },
		func() error { return lint.WriteSARIF(&out, results, Rules(), "1") },
	} {
		if err := write(); err != nil {
			return err.Error()
		}
	}
	files := Files{FullChain: []string{"a"}, Key: []string{"b"}, Combined: []string{"c"}, Root: "d"}
	for _, from := range []string{FromSquid, FromHAProxy} {
		t, err := Translate(b, from, Options{}, issued)
		if err != nil {
			fmt.Fprintln(&out, err)
			continue
		}
		fmt.Fprintln(&out, t.Notes)
		data, err := topology.Marshal(t.Deployment)
		fmt.Fprintln(&out, string(data), err)
	}
	fmt.Fprintln(&out, b.Notes)
	text, notes, err := Squid(b, files)
	fmt.Fprintln(&out, text, notes, err)
	text, notes, err = HAProxy(b, Options{}, files)
	fmt.Fprintln(&out, text, notes, err)
	return out.String()
}

func TestNoSecretIsKept(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"squid-right.xml", "haproxy-right.xml", "haproxy-15.xml", "squid-recipe.xml"} {
		text := strings.ReplaceAll(withCanaries(t, name), "canary", "CANARY-60")
		for encoding, data := range map[string][]byte{
			"utf-8":      []byte(text),
			"iso-8859-1": []byte(strings.Replace(text, "<?xml version=\"1.0\"?>", "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<!-- \xfc -->", 1)),
			"bom":        []byte("\xef\xbb\xbf" + text),
			"utf-16":     inUTF16(text),
			"cut off":    []byte(text[:len(text)-400]),
			"ampersand":  []byte(strings.ReplaceAll(text, "CANARY", "&CANARY")),
			"open tag":   []byte(strings.ReplaceAll(text, "CANARY", "<CANARY")),
		} {
			t.Run(name+" "+encoding, func(t *testing.T) {
				t.Parallel()
				got := said(data)
				if encoded := base64.StdEncoding.EncodeToString([]byte("CANARY")); strings.Contains(got, "CANARY") || strings.Contains(got, encoded[:7]) {
					at := max(0, strings.Index(got, "CANARY"))
					t.Errorf("a secret comes out: …%s", got[max(0, at-200):min(len(got), at+60)])
				}
				if key := certificates(t)["key"]; strings.Contains(got, key[:40]) {
					t.Error("the private key comes out")
				}
			})
		}
	}
}

func inUTF16(text string) []byte {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

// A finding's text in JSON must not need a reader that forgives.
func TestFindingsAreJSON(t *testing.T) {
	t.Parallel()
	b, err := Parse("x", backup(t, "squid-recipe.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(b.Check("x", Options{}, issued)); err != nil {
		t.Error(err)
	}
}
