package fakelync

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// fieldError says which field of a Config is wrong. The steps name it as the YAML file does.
type fieldError struct {
	steps []any // string keys and int indexes
	err   error
}

func (e *fieldError) Error() string {
	var b strings.Builder
	for i, step := range e.steps {
		switch s := step.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", s)
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			fmt.Fprint(&b, s)
		}
	}
	return b.String() + ": " + e.err.Error()
}

func (e *fieldError) Unwrap() error { return e.err }

// at names the field err is about.
func at(err error, steps ...any) error {
	if err == nil {
		return nil
	}
	return &fieldError{steps: steps, err: err}
}

// validate returns the first field that cannot be served, as a *fieldError.
func (c *Config) validate() error {
	if _, ok := c.Product.traits(); !ok {
		return at(fmt.Errorf("unknown product %q (want %s, %s, %s or %s)", c.Product, Lync2010, Lync2013, SfB2015, SfB2019), "product")
	}
	if err := checkHost(c.FQDN); err != nil {
		return at(err, "fqdn")
	}
	if len(c.SIPDomains) == 0 {
		return at(errors.New("at least one is needed"), "sip_domains")
	}
	for i, d := range c.SIPDomains {
		if err := checkHost(d); err != nil {
			return at(err, "sip_domains", i)
		}
		if slices.ContainsFunc(c.SIPDomains[:i], func(o string) bool { return strings.EqualFold(o, d) }) {
			return at(fmt.Errorf("%q is there twice", d), "sip_domains", i)
		}
	}
	if c.DefaultDocument != "" && !slices.Contains([]Document{LegacyXML, LegacyJSON, UCWAXML, UCWAJSON}, c.DefaultDocument) {
		return at(fmt.Errorf("unknown document %q", c.DefaultDocument), "default_document")
	}
	if c.IdleTimeout < 0 {
		return at(fmt.Errorf("%v is negative", c.IdleTimeout), "idle_timeout")
	}
	if c.Pool != "" && c.Organisation != nil && len(c.Organisation.cfg.Pools) > 0 && c.Organisation.pool(c.Pool) == nil {
		return at(fmt.Errorf("there is no pool %q", c.Pool), "pool")
	}
	for _, u := range []struct{ value, field string }{{c.AuthorizationURI, "authorization_uri"}, {c.PassiveURI, "passive_uri"}} {
		if u.value != "" {
			if err := checkURL(u.value); err != nil {
				return at(err, u.field)
			}
		}
	}
	for i, u := range c.SimpleURLs {
		if err := u.validate(); err != nil {
			return prefix(err, "simple_urls", i)
		}
	}
	for _, domain := range slices.Sorted(maps.Keys(c.Redirects)) {
		if err := checkRedirect(domain, c.Redirects[domain]); err != nil {
			return at(err, "redirects", domain)
		}
	}
	return cmp.Or(prefix(c.Internal.validate(), string(InternalSite)), prefix(c.External.validate(), string(ExternalSite)))
}

// prefix puts steps before those of a *fieldError.
func prefix(err error, steps ...any) error {
	if fe, ok := errors.AsType[*fieldError](err); ok {
		return &fieldError{steps: append(steps, fe.steps...), err: fe.err}
	}
	return err
}

func (s *Site) validate() error {
	if s.bound() || s.WebFQDN != "" {
		if err := checkHost(s.WebFQDN); err != nil {
			return at(err, "web_fqdn")
		}
	}
	if s.WebTicketHost != "" {
		if err := checkHost(s.WebTicketHost); err != nil {
			return at(err, "web_ticket_host")
		}
	}
	if s.PublishedPort < 0 || s.PublishedPort > 65535 {
		return at(fmt.Errorf("%d is no port", s.PublishedPort), "published_port")
	}
	if err := cmp.Or(at(checkTLS(s.MinTLS), "min_tls"), at(checkTLS(s.MaxTLS), "max_tls")); err != nil {
		return err
	}
	if low, high := s.tlsRange(); low > high {
		return at(fmt.Errorf("%s is above the highest version, %s", tls.VersionName(low), tls.VersionName(high)), "min_tls")
	}
	for i, h := range s.HostNames {
		if err := checkHost(h); err != nil {
			return at(err, "host_names", i)
		}
	}
	if err := checkApps(s.StoppedAppPools, "stopped_app_pools"); err != nil {
		return err
	}
	if err := checkApps(s.FailedApps, "failed_apps"); err != nil {
		return err
	}
	if f := s.Filtering; f.MaxBody < 0 || f.MaxURL < 0 || f.MaxQuery < 0 {
		return at(errors.New("a limit is negative"), "filtering")
	}
	if i := slices.IndexFunc(s.WindowsAuth, notToken); i >= 0 {
		return at(fmt.Errorf("%q is no authentication scheme", s.WindowsAuth[i]), "windows_auth", i)
	}
	if !slices.Contains([]string{"", "v2", "deny"}, s.NTLM) {
		return at(fmt.Errorf("unknown policy %q (want v2 or deny, or leave it out)", s.NTLM), "ntlm")
	}
	if !slices.Contains([]string{"", "require"}, s.ExtendedProtection) {
		return at(fmt.Errorf("unknown setting %q (want require, or leave it out)", s.ExtendedProtection), "extended_protection")
	}
	if i := slices.IndexFunc(s.Grants, notToken); i >= 0 {
		return at(fmt.Errorf("%q is no grant type", s.Grants[i]), "grants", i)
	}
	return nil
}

func checkTLS(version uint16) error {
	if version != 0 && (version < tls.VersionTLS10 || version > tls.VersionTLS13) {
		return fmt.Errorf("unknown TLS version %#04x", version)
	}
	return nil
}

// bound reports whether the site has a listener.
func (s *Site) bound() bool { return s.HTTP != "" || s.HTTPS != "" }

// tlsRange is MinTLS and MaxTLS with their defaults. A limit set alone moves the other out of its way.
func (s *Site) tlsRange() (low, high uint16) {
	low, high = s.MinTLS, s.MaxTLS
	if low == 0 {
		low = tls.VersionTLS10
	}
	if high == 0 {
		high = max(tls.VersionTLS12, low)
	}
	return low, high
}

func (u SimpleURL) validate() error {
	switch u.Kind {
	case Meet, Dialin, Admin, Scheduler:
	default:
		return at(fmt.Errorf("unknown kind %q (want %s, %s, %s or %s)", u.Kind, Meet, Dialin, Admin, Scheduler), "kind")
	}
	if err := checkHost(u.Host); err != nil {
		return at(err, "host")
	}
	if u.Path != "" && (!strings.HasPrefix(u.Path, "/") || strings.HasSuffix(u.Path, "/") || strings.ContainsAny(u.Path, "?#% ")) {
		return at(fmt.Errorf("%q must start with a slash, not end with one, and be a plain path", u.Path), "path")
	}
	return nil
}

func checkApps(names []string, field string) error {
	for i, name := range names {
		if name != allApps && !slices.ContainsFunc(Applications(), func(a string) bool { return strings.EqualFold(a, name) }) {
			return at(fmt.Errorf("unknown virtual directory %q (want %q or one of %s)", name, allApps, strings.Join(Applications(), ", ")), field, i)
		}
	}
	return nil
}

func checkRedirect(domain, target string) error {
	if err := checkHost(domain); err != nil {
		return err
	}
	if err := checkURL(target); err != nil {
		return fmt.Errorf("next hop %w", err)
	}
	return nil
}

// checkURL accepts an absolute http or https URL that can stand in quotes in a header.
func checkURL(target string) error {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Fragment != "" || u.User != nil || strings.ContainsAny(target, "\" ") {
		return fmt.Errorf("%q is no http or https URL", target)
	}
	return nil
}

// checkHost accepts a host name of letters, digits, hyphens, underscores and dots, without port.
func checkHost(host string) error {
	switch {
	case host == "":
		return errors.New("a host name is needed")
	case len(host) > 253, strings.HasPrefix(host, "."), strings.HasSuffix(host, "."), strings.Contains(host, ".."):
		return fmt.Errorf("%q is no host name", host)
	}
	for _, r := range host {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.') {
			return fmt.Errorf("%q is no host name", host)
		}
	}
	return nil
}

// notToken reports whether s cannot stand in a challenge header.
func notToken(s string) bool {
	return s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == ',' })
}

// bareHost is a Host header as names are compared: lower case, without port and without the root dot.
func bareHost(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// isAddress reports whether a bare host is an IP address.
func isAddress(host string) bool {
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}
