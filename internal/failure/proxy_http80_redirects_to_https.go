package failure

import (
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyHTTP80RedirectsToHTTPS = Mode{
	Rule: probe.Rule{
		ID:       "proxy.http80-redirects-to-https",
		Severity: probe.Low,
		Title:    "discovery over HTTP is redirected to HTTPS and not answered",
		Cause:    "the reverse proxy redirects all of port 80; the Front End would answer 200 with a document that names the next address, and some clients follow nothing else",
		Remedy:   "Exempt the discovery names from the redirect and forward their port 80 to 8080.",
		Settings: settings(
			pfSquid, "Mappings: add ^http://lyncdiscover\\.contoso\\.example/ to the group of the 8080 peer, and switch off Redirect HTTP to HTTPS for it.",
			pfHAProxy, "Frontend 80: put an ACL Host matches lyncdiscover.contoso.example with the 8080 backend before the redirect action.",
			haproxy, "http-request redirect scheme https unless { ssl_fc } or { hdr_beg(host) -i lyncdiscover. }",
			nginx, "server { listen 80; server_name lyncdiscover.contoso.example; location / { proxy_pass http://10.10.10.11:8080; proxy_set_header Host $http_host; } }  # and no return 301 for that name",
			squid, "http_access allow on-http discovery  # with acl discovery dstdomain -n lyncdiscover.contoso.example, before the http_access deny of the redirect",
			apache, "A <VirtualHost *:80> with ServerName lyncdiscover.contoso.example and ProxyPass / http://10.10.10.11:8080/",
			caddy, `{
	auto_https disable_redirects
}
# and a site of its own:
http:// {
	reverse_proxy http://10.10.10.11:8080
}`,
			arr, "Put a rule for {HTTP_HOST} lyncdiscover.* with Stop processing before the redirect rule.",
		),
		Sources: []string{"[MS-OCDISCWS] 3.1.5.2 Root", "Troubleshooting Lync/Skype for Business reverse proxy (F5 DevCentral)"},
		Reads:   probe.Exchanges,
		Detect:  detectProxyHTTP80RedirectsToHTTPS,
	},
	Confused: []probe.ID{"proxy.http80-closed", "proxy.port-80-not-flipped", "frontend.http8080-requires-ssl"},
	Cases: []Case{
		{Name: "global-301", Edit: func(t *topology.Topology) {
			splitByListener(t)
			redirectPlain(&t.Proxy.Rules[2], 301)
		}},
	},
	More: []Case{
		{Name: "308", Edit: func(t *topology.Topology) {
			splitByListener(t)
			redirectPlain(&t.Proxy.Rules[2], 308)
		}},
	},
	Near: []Case{{Name: "discovery-exempt", Edit: func(t *topology.Topology) {
		splitByListener(t)
		plain := t.Proxy.Rules[2]
		plain.Name, plain.Hosts = "redirect pages", []string{t.Plan.Meet[0], t.Plan.Dialin[0]}
		redirectPlain(&plain, 301)
		t.Proxy.Rules = append([]topology.Rule{plain}, t.Proxy.Rules...)
	}}},
}

// redirectPlain makes a rule of port 80 redirect to HTTPS.
func redirectPlain(r *topology.Rule, status int) {
	r.WebServers = nil
	r.Respond = &topology.Response{Status: status, Header: map[string]string{"Location": "https://{host}{uri}"}}
}

func detectProxyHTTP80RedirectsToHTTPS(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	asked := false
	var evidence []probe.Evidence
	for _, host := range discoveryNames(v) {
		for _, x := range out.ExchangesFor(host, probe.GetRootHTTP) {
			asked = asked || x.Status != 0
			to := locationOf(x)
			if to == nil || to.Scheme != "https" || !sameParent(to.Hostname(), host) || asksForLogin(x) {
				continue
			}
			evidence = append(evidence, out.SawExchange(x, "%s is answered %d with Location %s, not 200 with a discovery document", x.URL, x.Status, to.Redacted()))
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// sameParent tells whether two hosts are siblings or the same: a portal or another site is neither.
func sameParent(a, b string) bool {
	_, pa, _ := strings.Cut(strings.ToLower(a), ".")
	_, pb, _ := strings.Cut(strings.ToLower(b), ".")
	return pa == pb
}
