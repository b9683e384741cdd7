package export

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"lyncpin/internal/topology"
)

// traefikText is the dynamic configuration of the file provider. What only the static configuration has stands in its head.
const traefikText = `{{head}}
#
# Put this into the static configuration (/etc/traefik/traefik.yml), for a file of the file provider cannot hold it:
#
#   entryPoints:
{{range .EntryPoints}}#     {{.Name}}:
#       address: "{{.Address}}"
#       transport:
#         respondingTimeouts:
#           readTimeout: 0s   # its 60 s would cut the upload of a presentation over a slow line
#           writeTimeout: 0s   # an answer may take as long as a poll is held
#           idleTimeout: {{seconds $.Idle}}   # a client that logged on with NTLM loses its log-on with its connection
{{end}}#   providers:
#     file:
#       directory: /etc/traefik/dynamic
#
# NTLM and Negotiate log on a connection, not a request. Traefik gives each client connection that logs on in this way upstream
# connections of its own; releases of September 2026 closed holes in that. No setting is needed for it, but HTTP/1.1 on both sides:
# see alpnProtocols and disableHTTP2.

http:
  routers:
{{- range .Routes}}
    {{.ID}}:
      entryPoints: [{{.EntryPoints}}]
      rule: {{quote .Match}}{{if not .Paths}}   # whole hosts: a path that is left out is a feature that fails{{end}}
{{- if $.Ordered}}
      priority: {{.Priority}}   # the first rule that fits counts, not the longest
{{- end}}
      service: {{.ID}}
{{- if eq .Scheme "https"}}
      tls: {}
{{- end}}
{{- end}}

  services:
{{- range .Routes}}{{$r := .}}
    {{.ID}}:
{{- if gt (len .Servers) 1}}
{{- if .Sticky}}
      weighted:
        sticky:
          cookie:
            name: {{.CookieName}}   # Lync asks for this name, without expiry
            httpOnly: {{.HTTPOnly}}   # scripts of the web app read it
{{- else}}
      highestRandomWeight:   # by the client's address: all messages of an NTLM log-on have to meet one server
{{- end}}
{{- if .Checked}}
        healthCheck: {}   # a server that does not answer is left out
{{- end}}
        services:
{{- range .Servers}}
          - name: {{$r.ID}}-{{id .Alias}}
            weight: 1
{{- end}}
{{- range .Servers}}
    {{$r.ID}}-{{id .Alias}}:
{{- template "server" server $r .}}
{{- end}}
{{- else}}
{{- template "server" server . (index .Servers 0)}}
{{- end}}
{{- end}}

  serversTransports:
{{- range .Transports}}
    {{id .Alias}}:
      disableHTTP2: true   # IIS offers HTTP/2 and refuses Windows authentication over it
{{- if eq .Scheme "https"}}{{with sni .}}
      serverName: {{quote .}}   # SNI, and the name that the certificate must carry{{end}}
{{- with roots .}}
      rootCAs: [{{quote .}}]   # the enterprise authority is in no list of the system's
{{- else}}
      insecureSkipVerify: true   # as asked: whoever answers at that address is believed
{{- end}}
{{- end}}
      forwardingTimeouts:
        dialTimeout: 5s
        responseHeaderTimeout: {{seconds $.Response}}   # a poll of a phone is held for up to 15 minutes before its answer begins
        idleConnTimeout: {{seconds $.Idle}}   # the log-on of a connection ends with it
{{- end}}
{{if .TLS}}
tls:
  options:
    default:
      minVersion: {{.MinTLS}}
      maxVersion: {{.MaxTLS}}
      alpnProtocols: [http/1.1]   # over HTTP/2 one connection serves many requests at once, and NTLM has none to log on
{{- if .StrictSNI}}
      sniStrict: true
{{- end}}
{{- with .ClientAuth}}
      clientAuth:
        clientAuthType: {{.}}
{{- end}}
  stores:
    default:
      defaultCertificate:   # for clients that send no name
        certFile: {{quote (index .Files 0).FullChain}}
        keyFile: {{quote (index .Files 0).Key}}
  certificates:
{{- range .Files}}
    - certFile: {{quote .FullChain}}   # with the intermediates: phones do not fetch them
      keyFile: {{quote .Key}}
{{- end}}
{{end -}}
{{define "server"}}
      loadBalancer:
        passHostHeader: true   # the Front End tells discovery and simple URLs apart by the Host header
        serversTransport: {{id .Server.Alias}}
        responseForwarding:
          flushInterval: -1ms   # negative: pass on every part of an answer at once: events come in pieces
{{- if .Checked}}
        healthCheck:
          path: /Autodiscover/AutodiscoverService.svc/root   # answers without a log-on
          hostname: {{.Host}}
          interval: 10s
          timeout: 5s
{{- end}}
        servers:
          - url: {{quote .URL}}{{if external .Server}}   # the external web site, not the internal one{{end}}
{{- end -}}
`

// traefikEntryPoint is a listener of the static configuration.
type traefikEntryPoint struct{ Name, Address, scheme string }

// traefikRoute is a route as a router and a service.
type traefikRoute struct {
	published
	EntryPoints, Match string
	Priority           int
	// Checked says that health checks know what to ask.
	Checked bool
}

// traefikServer is a web server of a route.
type traefikServer struct {
	*traefikRoute
	Server *topology.WebServer
	URL    string
}

// Host is what health checks ask for.
func (s traefikServer) Host() string { return s.Hosts[0] }

func writeTraefik(in Input) (string, error) {
	p, err := newPlan(Traefik, in, "certificates", "strict_sni", "client_certificates", "paths", "balance", "cookie")
	if err != nil {
		return "", err
	}
	all, err := p.published()
	if err != nil {
		return "", err
	}
	least, most := p.versions()
	data := struct {
		TLS            bool
		Files          []CertificateFiles
		EntryPoints    []traefikEntryPoint
		Routes         []*traefikRoute
		Ordered        bool
		Transports     []*topology.WebServer
		Response, Idle time.Duration
		MinTLS, MaxTLS string
		StrictSNI      bool
		ClientAuth     string
	}{
		EntryPoints: p.traefikEntryPoints(), Response: p.response, Idle: p.idle, StrictSNI: p.StrictSNI,
		MinTLS: traefikVersion(least), MaxTLS: traefikVersion(most),
		ClientAuth: map[string]string{topology.RequestCertificate: "RequestClientCert", topology.RequireCertificate: "RequireAnyClientCert"}[p.ClientCertificates],
	}
	_, data.Files = p.served()
	data.TLS = len(data.Files) > 0
	for i, r := range all {
		route := &traefikRoute{published: r, Priority: 10 * (len(all) - i), Match: traefikMatch(r)}
		route.Checked = len(r.Servers) > 1 && r.frontEnds() && !strings.Contains(r.Hosts[0], "*")
		var points []string
		for _, e := range data.EntryPoints {
			if e.scheme == r.Scheme {
				points = append(points, e.Name)
			}
		}
		route.EntryPoints = strings.Join(points, ", ")
		data.Routes = append(data.Routes, route)
		data.Ordered = data.Ordered || len(r.Paths) > 0 || slices.ContainsFunc(r.Hosts, func(h string) bool { return strings.Contains(h, "*") })
		for _, w := range r.Servers {
			if !slices.Contains(data.Transports, w) {
				data.Transports = append(data.Transports, w)
			}
		}
	}
	ids := p.serverIDs()
	return execute(Traefik, traefikText, template.FuncMap{
		"head": func() string {
			return p.headOf(productText{
				title:    "Traefik",
				versions: "3.6 and later where several web servers share the work (highestRandomWeight), else 2.11 and later, the newest patch",
				place:    "a directory of the file provider, such as /etc/traefik/dynamic/lync.yml",
				check:    "the log of traefik names a file that it refuses",
				limits:   []string{"hold times of listeners here: they are in its static configuration, see below"},
			})
		},
		"id": func(alias string) string { return ids[alias] },
		"server": func(r *traefikRoute, w *topology.WebServer) traefikServer {
			return traefikServer{r, w, w.Scheme + "://" + endpoint(w)}
		},
		"sni":   serverName,
		"roots": p.rootsOf,
	}, data)
}

// traefikEntryPoints names the listeners web and websecure, as the product's own examples do. One at all addresses of a port is
// the only one there, for IPv4 and IPv6.
func (p *plan) traefikEntryPoints() []traefikEntryPoint {
	var out []traefikEntryPoint
	for _, scheme := range p.schemes() {
		name := map[string]string{https: "websecure", http: "web"}[scheme]
		listeners := p.listeners(scheme)
		n := 0
		for _, l := range listeners {
			e := traefikEntryPoint{Name: name, Address: l.at.String(), scheme: scheme}
			if slices.ContainsFunc(listeners, func(all listener) bool { return all.at.Port() == l.at.Port() && all.at.Addr().IsUnspecified() }) {
				e.Address = fmt.Sprintf(":%d", l.at.Port())
			}
			if slices.ContainsFunc(out, func(other traefikEntryPoint) bool { return other.Address == e.Address }) {
				continue
			}
			if n++; n > 1 {
				e.Name += strconv.Itoa(n)
			}
			out = append(out, e)
		}
	}
	return out
}

// traefikMatch is a router's rule.
func traefikMatch(r published) string {
	var hosts []string
	for _, h := range r.Hosts {
		switch suffix, wild := strings.CutPrefix(h, "*."); {
		case h == "*":
			hosts = append(hosts, "PathPrefix(`/`)")
		case wild:
			hosts = append(hosts, fmt.Sprintf("HostRegexp(`^.+\\.%s$`)", strings.ReplaceAll(suffix, ".", `\.`)))
		default:
			hosts = append(hosts, fmt.Sprintf("Host(`%s`)", h))
		}
	}
	match := strings.Join(hosts, " || ")
	if len(r.Paths) == 0 {
		return match
	}
	fold := "(?i)"
	if r.CaseSensitive {
		fold = ""
	}
	return fmt.Sprintf("(%s) && PathRegexp(`%s%s`)", match, fold, pathPattern(r.route, "(?:/|$)"))
}

// traefikVersion is the product's word for a version such as 1.2.
func traefikVersion(v string) string { return "VersionTLS" + strings.ReplaceAll(v, ".", "") }
