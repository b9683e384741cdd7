package proxy

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// hostname brings a Host field into the form hosts are compared in: no port, no brackets, no final dot, lower case.
func hostname(hostport string) string {
	host := hostport
	if strings.Contains(hostport, ":") {
		if h, _, err := net.SplitHostPort(hostport); err == nil {
			host = h
		}
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// hostFits reports whether host, in the form of hostname, is one of the patterns, which are lower case.
func hostFits(patterns []string, host string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if p == "*" || p == host {
			return true
		}
		suffix, wild := strings.CutPrefix(p, "*")
		return wild && len(host) > len(suffix) && strings.HasSuffix(host, suffix)
	})
}

// normalPath resolves what web servers resolve: backslashes, double slashes and dot segments. It keeps a final slash, for
// "/meet/" and "/meet" are two paths. The path is decoded.
func normalPath(p string) string {
	if !strings.HasPrefix(p, "/") {
		return p // the asterisk of OPTIONS
	}
	p = strings.ReplaceAll(p, `\`, "/")
	clean := path.Clean(p)
	if clean != "/" && (strings.HasSuffix(p, "/") || strings.HasSuffix(p, "/.") || strings.HasSuffix(p, "/..")) {
		clean += "/"
	}
	return clean
}

// pathFits reports whether p, in the form of normalPath, is within one pattern. No patterns fit everything.
func pathFits(patterns []string, p string, caseSensitive bool) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(pattern string) bool {
		return onePathFits(pattern, p, caseSensitive)
	})
}

func onePathFits(pattern, p string, caseSensitive bool) bool {
	if !caseSensitive {
		pattern, p = strings.ToLower(pattern), strings.ToLower(p)
	}
	if whole, ok := strings.CutPrefix(pattern, "="); ok {
		return p == whole
	}
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(p, prefix)
	}
	rest, ok := strings.CutPrefix(p, pattern)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(pattern, "/"))
}

// globFits reports whether s fits pattern, in which "*" stands for anything. Case does not matter.
func globFits(pattern, s string) bool {
	pattern, s = strings.ToLower(pattern), strings.ToLower(s)
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(s, part)
		if !found {
			return false
		}
		s = after
	}
	return strings.HasSuffix(s, last)
}

// headersFit reports whether h has a fitting field for each of want.
func headersFit(want map[string]string, h *head) bool {
	for name, pattern := range want {
		values := h.values(name)
		if !slices.ContainsFunc(values, func(v string) bool { return globFits(pattern, v) }) {
			return false
		}
	}
	return true
}

// parseSource reads a network or an address.
func parseSource(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither a network nor an address", s)
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// fits reports whether the rule takes this request. p is its path in the form of normalPath.
func (r *rule) fits(ex *exchange, p string) bool {
	if r.Listener != "" && r.Listener != ex.scheme {
		return false
	}
	if len(r.Methods) > 0 && !slices.Contains(r.Methods, ex.method) {
		return false
	}
	if len(r.sources) > 0 && !slices.ContainsFunc(r.sources, func(n netip.Prefix) bool { return n.Contains(ex.conn.client) }) {
		return false
	}
	return hostFits(r.hosts, ex.host) && pathFits(r.Paths, p, r.CaseSensitive) && headersFit(r.MatchHeaders, &ex.ss.head)
}

// A fieldPattern says which header fields a rule removes.
type fieldPattern struct {
	name   string // canonical; a prefix if prefix is set
	prefix bool
	value  string // lower case; the value must begin so
}

func newFieldPattern(s string) fieldPattern {
	name, value, _ := strings.Cut(s, ":")
	name, prefix := strings.CutSuffix(strings.TrimSpace(name), "*")
	return fieldPattern{
		name:   http.CanonicalHeaderKey(name),
		prefix: prefix,
		value:  strings.ToLower(strings.TrimSpace(value)),
	}
}

// fits reports whether a field is one of those.
func (f fieldPattern) fits(name, value string) bool {
	if f.prefix {
		name = name[:min(len(name), len(f.name))]
	}
	return strings.EqualFold(name, f.name) && len(value) >= len(f.value) && strings.EqualFold(value[:len(f.value)], f.value)
}
