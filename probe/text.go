package probe

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Count is a number with its noun: "1 step", "2 steps".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// hostOf is the host of a URL in lower case, without the port; empty when it is no absolute URL.
func hostOf(rawURL string) string {
	if host, ok := plainHost(rawURL); ok {
		return strings.ToLower(host)
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// plainHost is the host of an http or https URL that has nothing unusual about it, for which cutting is enough; ok is false for all
// others. Rules ask for the hosts of the same links again and again.
func plainHost(rawURL string) (host string, ok bool) {
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok || scheme != "https" && scheme != "http" {
		return "", false
	}
	host, rest = rest, ""
	if end := strings.IndexByte(host, '/'); end >= 0 {
		host, rest = host[:end], host[end:]
	}
	for _, c := range []byte(host) {
		if c != '-' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return "", false
		}
	}
	for _, c := range []byte(rest) {
		if c <= ' ' || c == '%' || c == '#' || c >= 0x7f {
			return "", false
		}
	}
	return host, true
}

// validName tells whether s can be asked of a name server: RFC 1035 section 2.3.4 lengths, and the characters of
// host names and service labels. Names come from hostile documents too.
func validName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range label {
			if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
				return false
			}
		}
	}
	return true
}

// clean makes text that came over the network fit for a record: valid UTF-8, for JSON holds nothing else, and at most
// most bytes of it.
func clean(s string, most int) string {
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// srvText is an SRV record in zone-file form.
func srvText(r *net.SRV) string {
	return fmt.Sprintf("%d %d %d %s", r.Priority, r.Weight, r.Port, r.Target)
}

// sameDomain tells whether two hosts are in the same registrable domain, as far as names alone can tell: the
// public suffix list knows .co.uk; a suffix that it does not know counts as one label.
func sameDomain(a, b string) bool {
	return RegistrableDomain(a) == RegistrableDomain(b)
}

// RegistrableDomain is the part of a host name that its owner registered: contoso.example of
// lync.contoso.example. A name that has none is returned as it is.
func RegistrableDomain(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	d, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return host
	}
	return d
}
