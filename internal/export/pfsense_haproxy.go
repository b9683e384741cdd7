package export

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"text/template"

	"lyncpin/internal/topology"
)

// pfsenseHAProxyText is the package's element of a backup. The package calls frontends ha_backends, and backends ha_pools. The number
// in configversion is inferred: without one the package takes the element for one of its oldest form, and rewrites it.
const pfsenseHAProxyText = `<?xml version="1.0" encoding="UTF-8"?>
<!-- HAProxy package of pfSense: reverse proxy for the web services of Lync and Skype for Business, as a fragment of config.xml.

Proof: {{unproven}}.
Versions: the packages haproxy and haproxy-devel of pfSense 2.4 and newer.
Place: below installedpackages of a backup, in the place of the haproxy element that is there. Diagnostics, Backup and Restore: download,
edit, restore, keep the one you downloaded. What the old element publishes besides Lync has to be copied into this one.
Everything here can be clicked as well: names of elements are near those of the pages.
{{- range $i, $c := .Certificates}}
REFID-{{$i}}: write the refid of the cert element whose certificate is for {{c (names $c)}}. Its caref has to lead to its
  authorities (System, Certificates, Authorities), or phones get no intermediates.
{{- end}}
{{- range .Authorities}}
{{.ID}}: write the refid of the ca element with the roots of {{c .File}}.
{{- end}}
In Base64: {{range $i, $b := .Boxes}}{{if $i}}; {{end}}{{$b}}{{end}}.
Besides: Firewall, Rules, WAN passes TCP to the listeners' addresses and ports; the web GUI is on another port than 443.
Check: Services, HAProxy, Settings: an invalid configuration is shown there, and the old one goes on running.
-->
<haproxy>
  <enable/>
  <configversion>00.54</configversion>
  <maxconn>10000</maxconn> <!-- a held poll is a connection; 1000 phones take more than 1000 -->
  <advanced>{{box .Global}}</advanced> <!-- {{.Global}}: Kerberos tickets are large; above 15 KB the default answers 400 -->
  <ha_backends>
{{- range .Frontends}}
    <item>
      <name>{{.Name}}</name>
      <desc>Lync web services, {{.Scheme}}</desc>
      <status>active</status>
      <type>http</type> <!-- not https, which passes TLS on: phones would see the Front End's own certificate -->
      <httpclose>http-keep-alive</httpclose> <!-- NTLM logs on a connection, which has to stay -->
      <forwardfor>yes</forwardfor>
      <client_timeout>{{$.Idle}}</client_timeout> <!-- 30 seconds when empty: phones hold polls that are silent for up to 15 minutes -->
      <a_extaddr>
{{- range .Listeners}}
        <item><extaddr>{{.Word}}</extaddr>{{with .Custom}}<extaddr_custom>{{.}}</extaddr_custom>{{end}}<extaddr_port>{{.Port}}</extaddr_port>{{if .TLS}}<extaddr_ssl>yes</extaddr_ssl>{{end}}</item>
{{- end}}
      </a_extaddr>
{{- if .TLS}}
      <ssloffload>yes</ssloffload>
      <ssloffloadcert>REFID-0</ssloffloadcert>
{{- with $.More}}
      <ha_certificates>
{{- range .}}
        <item><ssl_certificate>{{.}}</ssl_certificate></item>
{{- end}}
      </ha_certificates>
{{- end}}
      <dcertadv>{{$.TLSOptions}}</dcertadv> <!-- no HTTP/2: one connection would serve many requests at once, and NTLM has none to log on -->
{{- end}}
      <ha_acls> <!-- rows of one name: one of them has to fit. No host, no backend: HAProxy answers 503 -->
{{- range .Rows}}
        <item><name>{{.Name}}</name><expression>{{.Expression}}</expression>{{if .CaseSensitive}}<casesensitive>yes</casesensitive>{{end}}<value>{{x .Value}}</value></item>
{{- end}}
      </ha_acls>
      <a_actionitems>
{{- range .Actions}}
        <item><action>use_backend</action><acl>{{.ACL}}</acl><use_backendbackend>{{.Backend}}</use_backendbackend></item>
{{- end}}
      </a_actionitems>
    </item>
{{- end}}
  </ha_backends>
  <ha_pools>
{{- range .Pools}}{{$pool := .}}
    <item>
      <name>{{.ID}}</name>
      <balance>{{if eq .Balance "source"}}source{{else}}roundrobin{{end}}</balance>
      <check_type>{{if gt (len .Servers) 1}}Basic{{else}}none{{end}}</check_type> <!-- connects only: pages may want a log-on{{if eq (len .Servers) 1}}; one server needs no check{{end}} -->
      <checkinter>10000</checkinter>
      <connection_timeout>5000</connection_timeout>
      <server_timeout>{{$.Response}}</server_timeout> <!-- 30 seconds when empty: 504 to every poll -->
      <retries>3</retries>
      <advanced_backend>{{box $.Backend}}</advanced_backend>
{{- if and (gt (len .Servers) 1) (ne .Balance "source")}}
      <persist_cookie_enabled>yes</persist_cookie_enabled> <!-- a phone's application lives on one Front End -->
      <persist_cookie_name>{{.CookieName}}</persist_cookie_name> <!-- the name Lync asks for, without expiry{{if not .HTTPOnly}}, and readable for scripts{{end}} -->
      <persist_cookie_mode>set</persist_cookie_mode>
{{- if .HTTPOnly}}
      <persist_cookie_httponly>yes</persist_cookie_httponly>
{{- end}}
{{- else if gt (len .Servers) 1}}
      <persist_sticky_type>stick_sourceipv4</persist_sticky_type> <!-- a phone's application lives on one Front End -->
      <persist_stick_expire>30m</persist_stick_expire>
      <persist_stick_tablesize>50k</persist_stick_tablesize>
{{- end}}
      <ha_servers>
{{- range .Servers}}
        <item>
          <status>active</status>
          <name>{{id .Alias}}</name>
          <address>{{.Address}}</address>
          <port>{{.Port}}</port>{{if external .}} <!-- the external web site, not the internal one -->{{end}}
{{- if eq .Scheme "https"}}
          <ssl>yes</ssl>
{{- with authority .}}
          <sslserververify>yes</sslserververify>
          <ssl-server-ca>{{.}}</ssl-server-ca>
{{- else}}
          <sslserververify></sslserververify> <!-- as asked: whoever answers at that address is believed -->
{{- end}}
{{- with sni .}}
          <verifyhost>{{.}}</verifyhost>
          <advanced>sni str({{.}})</advanced> <!-- IIS may need it to find the certificate -->
{{- end}}
{{- end}}
{{- if gt (len $pool.Servers) 1}}
          <cookie>{{machine .}}</cookie>
{{- end}}
        </item>
{{- end}}
      </ha_servers>
    </item>
{{- end}}
  </ha_pools>
</haproxy>
`

// Texts of the package's boxes.
const (
	pfsenseGlobal  = "tune.bufsize 131072"
	pfsenseBackend = "option abortonclose\nhttp-reuse never"
)

// pfsenseFrontend is the listeners of one scheme.
type pfsenseFrontend struct {
	Name, Scheme string
	TLS          bool
	Listeners    []pfsenseListener
	Rows         []pfsenseRow
	Actions      []pfsenseAction
}

// pfsenseListener is an address as the package names it: a word, or custom and the address.
type pfsenseListener struct {
	Word, Custom string
	Port         uint16
	TLS          bool
}

// pfsenseRow is one line of access control lists.
type pfsenseRow struct {
	Name, Expression, Value string
	CaseSensitive           bool
}

// pfsenseAction chooses a backend.
type pfsenseAction struct{ ACL, Backend string }

// pfsenseAuthority is a placeholder and the file whose roots are meant.
type pfsenseAuthority struct{ ID, File string }

func writePfSenseHAProxy(in Input) (string, error) {
	p, err := newPlan(PfSenseHAProxy, in, "certificates", "strict_sni", "paths", "balance", "cookie")
	if err != nil {
		return "", err
	}
	all, err := p.published()
	if err != nil {
		return "", err
	}
	certificates, _ := p.served()
	var more []string
	for i := 1; i < len(certificates); i++ {
		more = append(more, fmt.Sprintf("REFID-%d", i))
	}
	var authorities []pfsenseAuthority
	for _, issuer := range []string{topology.EnterpriseCA, topology.PublicCA} {
		for i := range p.WebServers {
			if w := &p.WebServers[i]; verifies(w) && w.Verify == issuer {
				authorities = append(authorities, pfsenseAuthority{pfsenseCA(issuer), path.Base(p.files.Roots[issuer])})
				break
			}
		}
	}
	data := struct {
		Certificates    []topology.Certificate
		More, Boxes     []string
		Authorities     []pfsenseAuthority
		Frontends       []pfsenseFrontend
		Pools           []published
		Response, Idle  int64
		Global, Backend string
		TLSOptions      string
	}{
		Certificates: certificates, More: more, Authorities: authorities, Pools: all, Frontends: p.pfsenseFrontends(all),
		Response: max(p.response, p.idle).Milliseconds(), Idle: p.idle.Milliseconds(),
		Global: pfsenseGlobal, Backend: pfsenseBackend, TLSOptions: p.pfsenseTLS(),
		Boxes: []string{
			pfsenseGlobal + " (large tickets)",
			strings.ReplaceAll(pfsenseBackend, "\n", ", ") + " (a phone that leaves frees its poll; a client's connection to the Front End is its own)",
		},
	}
	ids := p.serverIDs()
	return execute(PfSenseHAProxy, pfsenseHAProxyText, template.FuncMap{
		"unproven": func() string { return unproven },
		// One value for both ports of a machine: browsers keep one cookie for http and https.
		"machine": func(w *topology.WebServer) string {
			i := slices.IndexFunc(p.WebServers, func(other topology.WebServer) bool { return other.Address == w.Address })
			return ids[p.WebServers[i].Alias]
		},
		"x":   escapeXML,
		"c":   inXMLComment,
		"id":  func(alias string) string { return ids[alias] },
		"box": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"sni": serverName,
		"authority": func(w *topology.WebServer) string {
			if !verifies(w) {
				return ""
			}
			return pfsenseCA(w.Verify)
		},
	}, data)
}

func pfsenseCA(issuer string) string { return "REFID-" + strings.ToUpper(issuer) + "-CA" }

// pfsenseFrontends are one for each scheme.
func (p *plan) pfsenseFrontends(all []published) []pfsenseFrontend {
	var out []pfsenseFrontend
	for _, scheme := range p.schemes() {
		f := pfsenseFrontend{Name: "lync-" + scheme, Scheme: scheme, TLS: scheme == https}
		for _, l := range p.listeners(scheme) {
			one := pfsenseListener{Word: "custom", Custom: l.at.Addr().String(), Port: l.at.Port(), TLS: l.tls}
			switch l.at.Addr() {
			case netip.IPv4Unspecified():
				one.Word, one.Custom = "any_ipv4", ""
			case netip.IPv6Unspecified():
				one.Word, one.Custom = "any_ipv6", ""
			}
			f.Listeners = append(f.Listeners, one)
		}
		for _, r := range all {
			if r.Scheme != scheme {
				continue
			}
			acl := r.ID
			for _, h := range r.Hosts {
				f.Rows = append(f.Rows, pfsenseHost(r.ID, h))
			}
			if len(r.Paths) > 0 {
				acl += " " + r.ID + "-path"
				f.Rows = append(f.Rows, pfsenseRow{r.ID + "-path", "path_regex", pathPattern(r.route, "(?:/|$)"), r.CaseSensitive})
			}
			f.Actions = append(f.Actions, pfsenseAction{acl, r.ID})
		}
		out = append(out, f)
	}
	return out
}

// pfsenseHost is the row for a host.
func pfsenseHost(name, host string) pfsenseRow {
	switch suffix, wild := strings.CutPrefix(host, "*"); {
	case host == "*":
		return pfsenseRow{name, "host_regex", ".*", false}
	case wild:
		return pfsenseRow{name, "host_ends_with", suffix, false}
	}
	return pfsenseRow{name, "host_matches", host, false}
}

// pfsenseTLS are the advanced options of the listener.
func (p *plan) pfsenseTLS() string {
	least, most := p.versions()
	options := fmt.Sprintf("alpn http/1.1 ssl-min-ver TLSv%s ssl-max-ver TLSv%s", least, most)
	if p.StrictSNI {
		options += " strict-sni"
	}
	return options
}
