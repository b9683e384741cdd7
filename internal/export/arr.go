package export

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"lyncpin/internal/topology"
)

// arrText is what goes into applicationHost.config. Comments of XML may hold no two hyphens in a row. That clients who log on with
// NTLM stay on one server by the affinity cookie is inferred.
const arrText = `<?xml version="1.0" encoding="UTF-8"?>
<!-- IIS Application Request Routing: reverse proxy for the web services of Lync and Skype for Business, for applicationHost.config.

Proof: {{unproven}}.
Versions: ARR 3.0 and URL Rewrite 2.1 on Windows Server 2016 or newer.
Place: the elements go into those of the same names in C:\Windows\System32\inetsrv\config\applicationHost.config. Keep a copy of it
(appcmd add backup before-lync), and put nothing into web.config: farms and the rules that lead to them are the server's.
{{- range $i, $c := .Certificates}}
Certificate {{pfx $i}}: {{c (names $c)}}
{{- end}}
Check: appcmd list config /section:webFarms, then look at Server Farms in IIS Manager. An error in the file is a 500.19 on every page.

In PowerShell as administrator, before the sites start:
{{- range $i, $c := .Certificates}}
  Import-PfxCertificate -FilePath {{pfx $i}} -CertStoreLocation Cert:\LocalMachine\My
{{- end}}
{{- if .Certificates}}
  then bind it: IIS Manager, site lync, Bindings, https, SSL certificate. Put its intermediates into Intermediate Certification
  Authorities of the computer account, for Windows sends no chain that it does not find there.
{{- end}}
{{- range .Roots}}
  certutil -addstore Root {{.}}
{{- end}}
{{- range .Names}}
  Add-Content $env:windir\System32\drivers\etc\hosts "{{.}}"
{{- end}}
  Set-ItemProperty HKLM:\SYSTEM\CurrentControlSet\Services\HTTP\Parameters MaxFieldLength 65534 -Type DWord
  Set-ItemProperty HKLM:\SYSTEM\CurrentControlSet\Services\HTTP\Parameters MaxRequestBytes 131072 -Type DWord
    (Kerberos tickets are large: above 16 KB Windows itself answers 400, before IIS sees the request; restart the machine)
  Set-WebConfigurationProperty -PSPath IIS:\ -Filter /system.applicationHost/applicationPools/applicationPoolDefaults/processModel -Name idleTimeout -Value 00:00:00
    (else the worker process ends after 20 idle minutes, and polls with it)
{{- if .Certificates}}
  Versions of TLS below {{.MinTLS}} are switched off for the whole machine, under
  HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols, and it is started again.
{{- end}}
-->
<configuration>
  <system.applicationHost>
    <sites>
      <site name="lync" id="443">
        <application path="/"><virtualDirectory path="/" physicalPath="%SystemDrive%\inetpub\lync" /></application>
        <bindings>
{{- range .Bindings}}
          <binding protocol="{{.Protocol}}" bindingInformation="{{x .Information}}"{{with .Flags}} sslFlags="{{.}}"{{end}} />
{{- end}}
          {{- if .Certificates}}
          <!-- sslFlags 4 switches HTTP/2 off (Windows Server 2019 and newer; before, EnableHttp2Tls 0 under HTTP\Parameters): over
               HTTP/2 one connection serves many requests at once, and NTLM has none to log on. 1 chooses a certificate by name. -->
          {{- end}}
        </bindings>
        <limits connectionTimeout="{{span .Idle}}" /> <!-- 2 minutes by default: idle clients would lose their connection, and their NTLM log-on with it -->
      </site>
    </sites>
  </system.applicationHost>

  <webFarms>
{{- range .Farms}}{{$f := .}}
    <webFarm name="{{.ID}}" enabled="true">
{{- range .Members}}
      <server address="{{x .Address}}" enabled="true">
        <!-- {{if .HTTPS}}The address is the name that Windows verifies the certificate against. {{end}}{{if .External}}The ports are those of the external web site, not the internal one.{{else}}Not a Front End: it has one web site.{{end}} -->
        <applicationRequestRouting{{with .HTTP}} httpPort="{{.}}"{{end}}{{with .HTTPS}} httpsPort="{{.}}"{{end}} />
      </server>
{{- end}}
      <applicationRequestRouting>
{{- if gt (len .Members) 1}}
        <loadBalancing algorithm="WeightedRoundRobin" />
        <affinity useCookie="true" cookieName="{{.Cookie}}" /> <!-- Lync asks for this name; a phone's application lives on one Front End -->
{{- end}}
        <!-- timeout: a poll of a phone is held for up to 15 minutes before its answer begins; 30 seconds by default.
             preserveHostHeader: the Front End tells discovery and simple URLs apart by it.
             reverseRewriteHostInResponseHeaders: else links and redirects to other hosts would name the one that was asked.
             minResponseBuffer: events come in pieces, and have to go on at once. -->
        <protocol httpVersion="Http11" keepAlive="true" timeout="{{span $.Response}}" preserveHostHeader="true" reverseRewriteHostInResponseHeaders="false" minResponseBuffer="0">
          <cache enabled="false" /> <!-- discovery answers differ from client to client under one URL -->
        </protocol>
      </applicationRequestRouting>
    </webFarm>
{{- end}}
  </webFarms>

  <system.webServer>
    <!-- The same for the proxy as a whole: what the farms do not say is taken from here. -->
    <proxy enabled="true" httpVersion="Http11" keepAlive="true" timeout="{{span .Response}}" preserveHostHeader="true" reverseRewriteHostInResponseHeaders="false" minResponseBuffer="0">
      <cache enabled="false" />
    </proxy>
    <security>
      <requestFiltering allowDoubleEscaping="true"> <!-- conference keys and tickets hold escapes of escapes -->
        <!-- Presentations are uploaded: 30 MB by default. URLs of meetings and join pages are long: 2048 and 4096 by default. -->
        <requestLimits maxAllowedContentLength="4294967295" maxQueryString="32768" maxUrl="32768" />
      </requestFiltering>
      <access sslFlags="None" />
      <authentication>
        <anonymousAuthentication enabled="true" /> <!-- clients log on at the Front End only -->
        <windowsAuthentication enabled="false" />
      </authentication>
    </security>
    <urlCompression doStaticCompression="false" doDynamicCompression="false" /> <!-- the Front End compresses what it wants compressed -->
    <rewrite>
      <globalRules>
{{- range .Rules}}
        <rule name="{{.ID}}" patternSyntax="ECMAScript" stopProcessing="true">
          <match url="{{x .URL}}" ignoreCase="{{not .CaseSensitive}}" />
          <conditions>
            <add input="{HTTPS}" pattern="^{{if eq .Scheme "https"}}ON{{else}}OFF{{end}}$" />
            <add input="{HTTP_HOST}" pattern="{{x .Host}}" />
          </conditions>
          <action type="Rewrite" url="{{.Upstream}}://{{.Farm}}/{R:0}" /> <!-- the query goes on as well -->
        </rule>
{{- end}}
        <rule name="nothing else is published" patternSyntax="ECMAScript" stopProcessing="true">
          <match url=".*" />
          <conditions><add input="{SERVER_PORT}" pattern="{{x .Ports}}" /></conditions>
{{- if .ResetUnknown}}
          <action type="AbortRequest" />
{{- else}}
          <action type="CustomResponse" statusCode="404" statusReason="Not Found" statusDescription="This host is not published here." />
{{- end}}
        </rule>
      </globalRules>
    </rewrite>
  </system.webServer>
</configuration>
`

// arrBinding is where the site listens.
type arrBinding struct {
	Protocol, Information string
	Flags                 int
}

// arrFarm is the web servers of a publishing rule. A server of it has a port for each scheme.
type arrFarm struct {
	ID, Cookie string
	Members    []*arrMember
}

// arrMember is a server by the name that its certificate is verified against. Machine is its address.
type arrMember struct {
	Address, Machine string
	HTTP, HTTPS      int
	External         bool
}

// arrRule is a route.
type arrRule struct {
	published
	Farm, URL, Host string
}

func writeARR(in Input) (string, error) {
	p, err := newPlan(ARR, in, "certificates", "paths", "cookie", "reset_unknown")
	if err != nil {
		return "", err
	}
	all, err := p.published()
	if err != nil {
		return "", err
	}
	least, _ := p.versions()
	data := struct {
		Certificates   []topology.Certificate
		Roots, Names   []string
		Bindings       []arrBinding
		Farms          []*arrFarm
		Rules          []arrRule
		Response, Idle time.Duration
		MinTLS, Ports  string
		ResetUnknown   bool
	}{Response: p.response, Idle: p.idle, MinTLS: least, Ports: p.arrPorts(), ResetUnknown: p.ResetUnknown, Bindings: p.arrBindings()}
	data.Certificates, _ = p.served()
	for _, r := range all {
		if r.Sticky() && r.HTTPOnly() {
			return "", p.cannotRule(r.route, "cookie.http_only", "there is no setting for it")
		}
		// A farm belongs to a rule, whose routes differ in the scheme.
		id := strings.TrimSuffix(r.ID, "-"+r.Scheme)
		i := slices.IndexFunc(data.Farms, func(f *arrFarm) bool { return f.ID == id })
		if i < 0 {
			i = len(data.Farms)
			data.Farms = append(data.Farms, &arrFarm{ID: id, Cookie: r.CookieName()})
		}
		for _, w := range r.Servers {
			if err := p.arrJoin(data.Farms[i], w); err != nil {
				return "", err
			}
			if roots := inXMLComment(p.rootsOf(w)); roots != "" && !slices.Contains(data.Roots, roots) {
				data.Roots = append(data.Roots, roots)
			}
		}
		data.Rules = append(data.Rules, arrRule{r, id, arrURL(r), arrHost(r)})
	}
	for _, f := range data.Farms {
		for _, m := range f.Members {
			if line := m.Machine + " " + m.Address; isAddress(m.Machine) && !isAddress(m.Address) && !slices.Contains(data.Names, line) {
				data.Names = append(data.Names, line)
			}
		}
	}
	return execute(ARR, arrText, template.FuncMap{
		"unproven": func() string { return unproven },
		"x":        escapeXML,
		"c":        inXMLComment,
		"span":     arrSpan,
		"pfx": func(i int) string {
			combined := p.files.Certificates[i].Combined
			return inXMLComment(strings.TrimSuffix(combined, path.Ext(combined)) + ".pfx")
		},
	}, data)
}

// arrJoin makes a web server a member of a farm, or its other port when it is one.
func (p *plan) arrJoin(f *arrFarm, w *topology.WebServer) error {
	at := fmt.Sprintf("web_servers[%s].", w.Alias)
	name := w.Address
	if w.Scheme == https {
		if !verifies(w) {
			return p.cannot(at+"verify", "Windows verifies every certificate; say which authority and name")
		}
		name = cmp.Or(w.Name, w.Address)
		if strings.Contains(name, "--") {
			return p.cannot(at+"name", "comments of XML, which tell what to type, hold no two hyphens in a row")
		}
	}
	i := slices.IndexFunc(f.Members, func(m *arrMember) bool { return m.Machine == w.Address })
	if i < 0 {
		if slices.ContainsFunc(f.Members, func(m *arrMember) bool { return m.Address == name }) {
			return p.cannot(at+"name", "a farm holds each name once: give each server the name of its own machine")
		}
		i = len(f.Members)
		f.Members = append(f.Members, &arrMember{Address: name, Machine: w.Address})
	}
	m := f.Members[i]
	port := &m.HTTP
	if w.Scheme == https {
		port, m.Address = &m.HTTPS, name
	}
	if *port != 0 && *port != w.Port {
		return p.cannot(at+"port", "a farm holds each server once, with one port for each scheme")
	}
	*port = w.Port
	m.External = m.External || external(w)
	return nil
}

// arrPorts is a pattern for the ports of the listeners.
func (p *plan) arrPorts() string {
	var ports []string
	for _, scheme := range p.schemes() {
		for _, l := range p.listeners(scheme) {
			if port := strconv.Itoa(int(l.at.Port())); !slices.Contains(ports, port) {
				ports = append(ports, port)
			}
		}
	}
	return "^(" + strings.Join(ports, "|") + ")$"
}

// arrBindings are one for each listener, and for each name of a further certificate.
func (p *plan) arrBindings() []arrBinding {
	const noHTTP2, sni = 4, 1
	var out []arrBinding
	for _, scheme := range p.schemes() {
		for _, l := range p.listeners(scheme) {
			at := strings.TrimSuffix(l.at.String(), fmt.Sprintf(":%d", l.at.Port()))
			if l.at.Addr().IsUnspecified() {
				at = "*"
			}
			add := func(host string, flags int) {
				b := arrBinding{scheme, fmt.Sprintf("%s:%d:%s", at, l.at.Port(), host), flags}
				if !slices.Contains(out, b) { // all addresses, of IPv4 and of IPv6, are one binding
					out = append(out, b)
				}
			}
			if !l.tls {
				add("", 0)
				continue
			}
			add("", noHTTP2)
			for _, c := range p.Certificates[1:] {
				for _, name := range c.Names {
					add(name, noHTTP2|sni)
				}
			}
		}
	}
	return out
}

// arrHost is a pattern for the Host header, which may hold a port.
func arrHost(r published) string {
	var hosts []string
	for _, h := range r.Hosts {
		switch suffix, wild := strings.CutPrefix(h, "*."); {
		case h == "*":
			return ".*"
		case wild:
			hosts = append(hosts, `.+\.`+strings.ReplaceAll(suffix, ".", `\.`))
		default:
			hosts = append(hosts, strings.ReplaceAll(h, ".", `\.`))
		}
	}
	return "^(" + strings.Join(hosts, "|") + `)(:\d+)?$`
}

// arrURL is a pattern for the path, which URL Rewrite gives without its first slash.
func arrURL(r published) string {
	if len(r.Paths) == 0 {
		return ".*"
	}
	// {R:0} is what the pattern fits, so it has to fit the whole path.
	rule := *r.Rule
	rule.Paths = nil
	for _, p := range r.Paths {
		if p == "/" || p == "/*" {
			return ".*"
		}
		rule.Paths = append(rule.Paths, strings.TrimPrefix(p, "/"))
	}
	return pathPattern(route{Rule: &rule}, "(?:/|$)") + ".*"
}

// arrSpan is a duration as hours, minutes and seconds.
func arrSpan(d time.Duration) string {
	s := seconds(d)
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

// escapeXML is a text that can stand in an attribute or an element.
func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}

// inXMLComment writes hyphens that follow one another apart, which no comment may hold.
func inXMLComment(s string) string {
	for strings.Contains(s, "--") {
		s = strings.ReplaceAll(s, "--", "- -")
	}
	return s
}
