package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyBodySize413 = Mode{
	Rule: probe.Rule{
		ID:       "proxy.body-size-413",
		Severity: probe.Medium,
		Title:    "the reverse proxy refuses large request bodies",
		Cause:    "a limit on the size of requests, often the default (nginx 1 MB); presentations, pictures and long conversations do not pass",
		Remedy:   "Lift the limit of request bodies for the Lync hosts, to at least the 30 MB that IIS takes.",
		Settings: requestSizes(),
		Sources:  []string{"RFC 9110 section 15.5.14", "nginx: client_max_body_size", "UCWA 2.0: Errors (EntityTooLarge)"},
		Reads:    probe.SignIns | probe.Exchanges | probe.Handshakes,
		Detect: unusual{
			purpose: probe.UploadLarge, what: "with a body of 2 MB", own: []int{413}, plain: probe.SignInUCWA,
		}.judge,
		Explains: []probe.ID{"proxy.chunked-upload-411", "proxy.expect-100-417"},
	},
	SignsIn: true, InFull: true,
	Confused: []probe.ID{"proxy.chunked-upload-411", "proxy.expect-100-417", "proxy.header-too-large", "meeting.content-upload-limit"},
	Cases: []Case{
		{Name: "one-megabyte", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].MaxBody = 1 << 20 }},
	},
	Near: []Case{
		{Name: "thirty-megabytes", Edit: func(t *topology.Topology) { t.Proxy.Rules[0].MaxBody = 30 << 20 }},
	},
}

// requestSizes is how large requests may be: bodies, heads and URLs.
func requestSizes() []probe.Setting {
	return settings(
		pfSquid, "Custom options: request_body_max_size 0 and request_header_max_size 128 KB",
		pfHAProxy, "Global advanced pass thru: tune.bufsize 65536",
		haproxy, "tune.bufsize 65536  # a whole head must fit; no http-request deny or return by req.body_size, url_len or the header Content-Length",
		nginx, "client_max_body_size 0; large_client_header_buffers 4 64k;",
		squid, "request_body_max_size 0 KB  # and request_header_max_size 128 KB; no http_access deny by the length of url_regex",
		apache, "LimitRequestFieldSize 65536, LimitRequestLine 65536; no RewriteCond %{HTTP:Content-Length}; with ModSecurity: SecRequestBodyLimit 1073741824  # LimitRequestBody is not for what ProxyPass takes",
		caddy, `{
	servers {
		max_header_size 128KB  # 1 MB without the line
	}
}
# In the sites: no request_body { max_size … }, and no matcher that refuses long URLs or a Content-Length.`,
		arr, "Request Filtering > Edit Feature Settings: maximum allowed content length 4294967295, maximum URL length and maximum query string 65536; in web.config uploadReadAheadSize 10485760.",
	)
}
