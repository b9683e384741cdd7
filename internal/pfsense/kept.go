package pfsense

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
)

// What is kept of a backup. Everything else, and so every secret, is dropped while it is read: what is not named here is
// never in memory after the parser.

var sections = map[string][]string{
	// Sections, and what is kept below them; nil keeps all elements.
	"version":    nil,
	"cert":       nil,
	"ca":         nil,
	"interfaces": nil,
	"virtualip":  nil,
	"unbound":    nil,
	"dnsmasq":    nil,
	"nat":        nil,
	"filter":     nil,
	"sysctl":     nil,
	"aliases":    nil,
	"system":     {"hostname", "domain", "webgui", "cert", "ca"},
	"installedpackages": {"squid", "squidreverse", "squidreversegeneral", "squidreversepeer", "squidreverseuri", "squidreverseredir",
		"haproxy"},
}

// keeps tells whether an element is kept below the path, which begins below the root.
func keeps(path []string, name string) bool {
	if len(path) == 0 {
		_, known := sections[name]
		return known
	}
	if len(path) == 1 {
		list := sections[path[0]]
		return list == nil || slices.Contains(list, name)
	}
	return true
}

// stored are the elements whose text is kept.
var stored = words(`
	version hostname domain protocol port
	refid descr crt caref
	ipaddr ipaddrv6 subnet if mode interface
	host ip Protocol
	type disabled network address any local-port target tunable value name not ipprotocol
	enable_squid xforward_mode
	custom_options custom_options_squid3 custom_options2_squid3 custom_options3_squid3
	reverse_interface reverse_ip reverse_external_fqdn deny_info_tcp_reset reverse_http reverse_http_port reverse_http_defsite
	reverse_https reverse_https_port reverse_https_defsite reverse_ssl_cert reverse_int_ca reverse_ignore_ssl_valid
	reverse_check_clientca reverse_ssl_clientca reverse_compatibility_mode dhparams_size disable_session_reuse
	reverse_owa reverse_owa_ip reverse_owa_autodiscover reverse_cache_peer reverse_uri reverse_acl
	enable peers uri vhost pathregex redirurl
	configversion maxconn nbthread
	status secondary primary_frontend forwardfor httpclose extaddr backend_serverpool max_connections client_timeout advanced_bind
	ssloffload ssloffloadcert ssl_certificate cert_ca sslclientcert-none
	extaddr_custom extaddr_port extaddr_ssl extaddr_advanced
	expression casesensitive action acl use_backendbackend use_serverserver
	http-request_redirectrule http-request_set-headername http-request_set-headerfmt http-request_add-headername
	http-request_replace-headername http-request_replace-headerreplace http-request_replace-valuename http-request_replace-valuereplace
	http-request_del-headername http-response_del-headername http-response_set-headername
	http-request_set-pathfmt http-request_set-urifmt http-request_set-queryfmt customcustomaction
	balance check_type checkinter httpcheck_method monitor_uri connection_timeout server_timeout retries
	persist_sticky_type persist_cookie_enabled persist_cookie_name persist_cookie_mode persist_cookie_httponly persist_stick_expire
	haproxy_cookie_maxidle haproxy_cookie_maxlife
	forwardto address ssl checkssl weight sslserververify verifyhost ssl-server-ca cookie
	advanced advanced_backend pool svrport backend`)

func words(list string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(list) {
		out[w] = true
	}
	return out
}

// clean is a text of one line, of bounded length, without what a terminal or a configuration file would take for something else.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	const most = 4096
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return strings.TrimSpace(s)
}

var userInfo = regexp.MustCompile(`//[^/@\s]*@`)

// address is a URL without a user's name, password and query.
func address(s string) string {
	s, _, _ = strings.Cut(userInfo.ReplaceAllString(clean(s), "//"), "?")
	return s
}

// decoded is text of a box that newer versions store in base64 and older ones as it is.
func decoded(s string) string {
	joined := strings.Join(strings.Fields(s), "")
	if data, err := base64.StdEncoding.DecodeString(joined); err == nil && len(joined)%4 == 0 {
		return string(data)
	}
	return s
}

// harmless are lines of free text that are understood: HAProxy's and Squid's. What they may say is spelled out, so that nothing
// else comes through.
var harmless = []*regexp.Regexp{
	regexp.MustCompile(`^timeout [a-z-]+ [0-9]+(us|ms|s|m|h|d)?$`),
	regexp.MustCompile(`^(no )?option [a-z0-9-]+$`),
	regexp.MustCompile(`^http-reuse (never|safe|aggressive|always)$`),
	regexp.MustCompile(`^balance [a-z-]+$`),
	regexp.MustCompile(`^(retries|maxconn|fullconn|tune\.[a-z0-9.-]+) [0-9]+$`),
	regexp.MustCompile(`^acl [\w.-]+ (hdr|hdr_beg|hdr_end|hdr_dom|hdr_reg|hdr_sub)\(host\)( -i)?( [A-Za-z0-9.*_^$\\|()-]+)+$`),
	regexp.MustCompile(`^acl [\w.-]+ path(_beg|_end|_reg|_sub|_dir)?( -i)?( /[A-Za-z0-9./_-]*)+$`),
	regexp.MustCompile(`^(use_backend|default_backend) [\w.-]+( if( !?[\w.-]+)+)?$`),
	regexp.MustCompile(`^(http-request )?redirect scheme https( code 30[0-9])?( if( !?[\w.-]+| !?\{ ssl_fc \})+)?$`),
	regexp.MustCompile(`^http-request set-header Host [A-Za-z0-9.:_-]+$`),
	regexp.MustCompile(`^http-re(quest|sponse) del-header [A-Za-z0-9-]+$`),
	regexp.MustCompile(`^(forward|connect|peer_connect|read|write|request|request_start|server_idle_pconn|client_idle_pconn|pconn)_timeout [0-9]+( (second|minute|hour)s?)?$`),
	regexp.MustCompile(`^(client_lifetime|pconn_lifetime) [0-9]+ (second|minute|hour|day)s?$`),
	regexp.MustCompile(`^(request|reply)_(header|body)_max_size [0-9]+( [KMG]B)?$`),
	regexp.MustCompile(`^(client|server)_persistent_connections (on|off)$`),
	regexp.MustCompile(`^(half_closed_clients|via) (on|off)$`),
	regexp.MustCompile(`^(cache|send_hit|store_miss) (allow|deny) all$`),
	regexp.MustCompile(`^re(quest|ply)_header_access [A-Za-z-]+ deny all$`),
}

// line is one of a box of free text.
type line struct {
	text string
	at   int // of the element
}

// freeText are the lines of boxes that are understood, and how many were left out.
func freeText(boxes ...*element) (kept []line, dropped int) {
	for _, box := range boxes {
		for _, l := range strings.FieldsFunc(decoded(box.text), func(r rune) bool { return r == '\n' || r == '\r' }) {
			l, _, _ = strings.Cut(l, " #")
			l = strings.Join(strings.Fields(clean(l)), " ")
			switch {
			case l == "" || strings.HasPrefix(l, "#"):
			case understood(l):
				kept = append(kept, line{l, box.line})
			default:
				dropped++
			}
		}
	}
	return kept, dropped
}

// understood tells whether a line of free text says one of the harmless things, and nothing else.
func understood(l string) bool {
	return slices.ContainsFunc(harmless, func(re *regexp.Regexp) bool { return re.MatchString(l) })
}
