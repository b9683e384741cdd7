package export

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"text/template"
	"time"

	"lyncpin/internal/topology"
)

// envoyText is a static bootstrap of the API's version 3.
const envoyText = `{{head}}
#
# NTLM and Negotiate log on a connection, not a request. Envoy's pools are shared by all clients, which would hand one user's session
# to the next; connection_pool_per_downstream_connection below gives each client connection its own.
# Where several web servers share the work, clients are kept by their address: all messages of a log-on have to meet one server.

static_resources:
  listeners:
{{- range .Listeners}}
  - name: {{.Name}}
    address:
      socket_address: {address: {{quote .Address}}, port_value: {{.Port}}}
{{- with .More}}
    additional_addresses:
{{- range .}}
    - address:
        socket_address: {address: {{quote .Addr.String}}, port_value: {{.Port}}}
{{- end}}
{{- end}}
{{- if .TLS}}
    listener_filters:
    - name: envoy.filters.listener.tls_inspector   # reads the name that the client asks for
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector
{{- end}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: {{.Scheme}}
          codec_type: HTTP1   # over HTTP/2 one connection serves many requests at once, and NTLM has none to log on
          use_remote_address: true   # the client's address, for X-Forwarded-For and for keeping it on one server
          normalize_path: false   # paths go on as they came: conference keys hold escapes
          path_with_escaped_slashes_action: KEEP_UNCHANGED
          max_request_headers_kb: 96   # Kerberos tickets are large; the default is 60
          stream_idle_timeout: {{seconds $.Idle}}   # its 5 minutes would end the polls of phones, which are silent for up to 15
          request_timeout: 0s   # uploads take as long as they take
          common_http_protocol_options:
            idle_timeout: {{seconds $.Idle}}   # a client that logged on with NTLM loses its log-on with its connection
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            name: {{.Name}}
            ignore_port_in_host_matching: true   # a Host header may hold the port; it goes on as it came
            virtual_hosts:
{{- range .Hosts}}
            - name: {{.Name}}
              domains: [{{.Domains}}]
              routes:
{{- range .Routes}}
              - match: {{.Match}}
                route:
                  cluster: {{.ID}}
                  timeout: 0s   # its 15 seconds would end every poll with 504
                  idle_timeout: {{seconds $.Response}}   # but a server that has died is noticed
{{- if gt (len .Servers) 1}}
                  retry_policy:   # nothing was sent yet: the next server is asked
                    retry_on: connect-failure
                    num_retries: {{len (slice .Servers 1)}}
                    retry_host_predicate:
                    - name: envoy.retry_host_predicates.previous_hosts
                      typed_config:
                        "@type": type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate
                    host_selection_retry_max_attempts: 5
                  hash_policy:
{{- if .Sticky}}
                  - cookie: {name: {{.CookieName}}, path: /, ttl: 0s}   # without expiry
{{- else}}
                  - connection_properties: {source_ip: true}
{{- end}}
{{- end}}
{{- end}}
{{- end}}
{{- if .TLS}}
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [http/1.1]
            tls_params:
              tls_minimum_protocol_version: {{$.MinTLS}}
              tls_maximum_protocol_version: {{$.MaxTLS}}   # its default for servers, said aloud
            tls_certificates:   # chosen by the name asked for; the first for clients that send none
{{- range $.Files}}
            - certificate_chain: {filename: {{quote .FullChain}}}   # with the intermediates: phones do not fetch them
              private_key: {filename: {{quote .Key}}}
{{- end}}
{{- end}}
{{- end}}

  clusters:
{{- range .Clusters}}{{$c := .}}
  - name: {{.ID}}
    type: {{if .Named}}STRICT_DNS{{else}}STATIC{{end}}
    connect_timeout: 5s
    connection_pool_per_downstream_connection: true   # NTLM: a client has its own connections to the servers
    lb_policy: {{if gt (len .Servers) 1}}RING_HASH   # by what hash_policy of the route says{{else}}ROUND_ROBIN{{end}}
    circuit_breakers:
      thresholds:   # a held poll is a connection and a request; the default of 1024 is reached by a thousand phones
      - {max_connections: 65536, max_pending_requests: 65536, max_requests: 65536, max_retries: 64}
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        common_http_protocol_options: {idle_timeout: {{seconds $.Idle}}}   # the log-on of a connection ends with it
        explicit_http_config: {http_protocol_options: {}}   # HTTP/1.1: IIS refuses Windows authentication over HTTP/2
    load_assignment:
      cluster_name: {{.ID}}
      endpoints:
      - lb_endpoints:
{{- range .Servers}}
        - endpoint:
            address:
              socket_address: {address: {{quote .Address}}, port_value: {{.Port}}}{{if external .}}   # the external web site, not the internal one{{end}}
{{- if eq .Scheme "https"}}
          metadata: {filter_metadata: {envoy.transport_socket_match: {server: {{id .Alias}}}}}
{{- end}}
{{- end}}
{{- if eq .Upstream "https"}}
    transport_socket_matches:   # each server has a name of its own to be verified
{{- range $w := .Servers}}
    - name: {{id .Alias}}
      match: {server: {{id .Alias}}}
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
{{- with sni $w}}
          sni: {{quote .}}   # IIS may need it to find the certificate
{{- end}}
          common_tls_context:
            alpn_protocols: [http/1.1]
{{- with roots $w}}
            validation_context:   # without it any certificate is believed
              trusted_ca: {filename: {{quote .}}}
              match_typed_subject_alt_names:
              - {{san $w}}
{{- else}}
            # no validation_context, as asked: whoever answers at that address is believed
{{- end}}
{{- end}}
{{- end}}
{{- end}}
`

// envoyListener is a listener, at one address or more, and what it publishes.
type envoyListener struct {
	Name, Scheme, Address string
	Port                  uint16
	More                  []netip.AddrPort
	TLS                   bool
	Hosts                 []envoyHost
}

// envoyHost is a virtual host: names that have the same routes.
type envoyHost struct {
	Name, Domains string
	Routes        []envoyRoute
}

// envoyRoute is a publishing rule, or one path of it.
type envoyRoute struct {
	published
	Match string
}

// envoyCluster is the web servers of a route.
type envoyCluster struct {
	published
	// Named says that a server is given by name.
	Named bool
}

func writeEnvoy(in Input) (string, error) {
	p, err := newPlan(Envoy, in, "certificates", "paths", "balance", "cookie")
	if err != nil {
		return "", err
	}
	all, err := p.published()
	if err != nil {
		return "", err
	}
	least, most := p.versions()
	data := struct {
		Files          []CertificateFiles
		Listeners      []envoyListener
		Clusters       []envoyCluster
		Response, Idle time.Duration
		MinTLS, MaxTLS string
	}{Response: p.response, Idle: p.idle, MinTLS: envoyVersion(least), MaxTLS: envoyVersion(most)}
	_, data.Files = p.served()
	byID := map[string]published{}
	for _, r := range all {
		if r.Sticky() && !r.HTTPOnly() {
			return "", p.cannotRule(r.route, "balance", "its cookies are always HttpOnly, and scripts have to read that of Lync; the balance source needs none")
		}
		byID[r.ID] = r
		named := slices.ContainsFunc(r.Servers, func(w *topology.WebServer) bool { return !isAddress(w.Address) })
		data.Clusters = append(data.Clusters, envoyCluster{r, named})
	}
	for _, scheme := range p.schemes() {
		l := envoyListener{Name: scheme, Scheme: scheme, TLS: scheme == https}
		for i, s := range p.sites(scheme) {
			if len(s.routes) == 0 {
				continue
			}
			h := envoyHost{Name: fmt.Sprintf("%s-%d", scheme, i+1)}
			for j, name := range s.hosts {
				if j > 0 {
					h.Domains += ", "
				}
				h.Domains += "'" + name + "'"
			}
			for _, r := range s.routes {
				h.Routes = append(h.Routes, envoyRoutes(byID[r.id])...)
			}
			l.Hosts = append(l.Hosts, h)
		}
		for _, at := range p.listeners(scheme) {
			l.More = append(l.More, at.at)
		}
		l.Address, l.Port, l.More = l.More[0].Addr().String(), l.More[0].Port(), l.More[1:]
		data.Listeners = append(data.Listeners, l)
	}
	ids := p.serverIDs()
	return execute(Envoy, envoyText, template.FuncMap{
		"head": func() string {
			return p.headOf(productText{
				title: "Envoy", versions: "Envoy 1.28 and later", place: "/etc/envoy/envoy.yaml", check: "envoy --mode validate -c /etc/envoy/envoy.yaml",
				limits: []string{"set a cookie for affinity that scripts can read"},
			})
		},
		"id":    func(alias string) string { return ids[alias] },
		"sni":   serverName,
		"roots": p.rootsOf,
		"san": func(w *topology.WebServer) string {
			if name := serverName(w); name != "" {
				return fmt.Sprintf("{san_type: DNS, matcher: {exact: '%s'}}", name)
			}
			return fmt.Sprintf("{san_type: IP_ADDRESS, matcher: {exact: '%s'}}", cmp.Or(w.Name, w.Address))
		},
	}, data)
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// envoyRoutes are a route for each path.
func envoyRoutes(r published) []envoyRoute {
	if len(r.Paths) == 0 {
		return []envoyRoute{{r, `{prefix: "/"}   # whole hosts: a path that is left out is a feature that fails`}}
	}
	fold := ""
	if !r.CaseSensitive {
		fold = ", case_sensitive: false"
	}
	var out []envoyRoute
	for _, path := range r.Paths {
		word := "path_separated_prefix"
		prefix, open := strings.CutSuffix(path, "*")
		if open || strings.HasSuffix(prefix, "/") {
			word = "prefix"
		}
		out = append(out, envoyRoute{r, fmt.Sprintf("{%s: '%s'%s}", word, prefix, fold)})
	}
	return out
}

// envoyVersion is the product's word for a version such as 1.2.
func envoyVersion(v string) string { return "TLSv" + strings.ReplaceAll(v, ".", "_") }
