package proxy

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"lyncpin/internal/nearest"
)

// A fieldError is a mistake in one field. The path is in the words of the file, publishing_rules[0].hosts[1].
type fieldError struct{ path, text string }

func (e *fieldError) Error() string { return e.path + ": " + e.text }

func fieldErrorf(format string, args ...any) *fieldError {
	return &fieldError{path: fmt.Sprintf(format, args...)}
}

func (e *fieldError) because(format string, args ...any) *fieldError {
	e.text = fmt.Sprintf(format, args...)
	return e
}

// validate reports the first mistake, as a *fieldError. It changes nothing.
func (c *Config) validate() error {
	if len(c.HTTPS)+len(c.HTTP) == 0 {
		return fieldErrorf("https").because("no listener: give an address under https or http")
	}
	if len(c.HTTPS) > 0 && len(c.Certificates) == 0 {
		return fieldErrorf("certificates").because("an https listener needs a certificate")
	}
	for _, l := range []struct {
		field string
		addrs []string
	}{{"https", c.HTTPS}, {"http", c.HTTP}} {
		for i, a := range l.addrs {
			if _, err := listenAddress(a); err != nil {
				return fieldErrorf("%s[%d]", l.field, i).because("%v", err)
			}
		}
	}
	if err := oneOf("forwarded", c.Forwarded, "append", "replace", "none"); err != nil {
		return err
	}
	for _, n := range []struct {
		field string
		value int
	}{{"max_header", c.MaxHeader}, {"max_fields", c.MaxFields}, {"max_connections_per_source", c.MaxConnectionsPerSource}} {
		if n.value < 0 {
			return fieldErrorf("%s", n.field).because("%d is negative", n.value)
		}
	}
	if err := versions("tls", "min", "max", c.TLS.Min, c.TLS.Max); err != nil {
		return err
	}
	for i := range c.WebServers {
		if err := c.validateWebServer(i); err != nil {
			return err
		}
	}
	for i := range c.Rules {
		if err := c.validateRule(i); err != nil {
			return err
		}
	}
	return c.validateUnknown()
}

func (c *Config) validateWebServer(i int) error {
	w := &c.WebServers[i]
	at := fmt.Sprintf("web_servers[%d]", i)
	if w.Alias == "" {
		return fieldErrorf("%s.alias", at).because("missing")
	}
	if slices.ContainsFunc(c.WebServers[:i], func(o WebServer) bool { return o.Alias == w.Alias }) {
		return fieldErrorf("%s.alias", at).because("%q is used twice", w.Alias)
	}
	if w.Address == "" {
		return fieldErrorf("%s.address", at).because("missing")
	}
	if strings.ContainsAny(w.Address, "/ []@") || strings.Count(w.Address, ":") == 1 {
		return fieldErrorf("%s.address", at).because("%q is not a host name or an IP address (the port has a field of its own)", w.Address)
	}
	if w.Port < 0 || w.Port > 65535 {
		return fieldErrorf("%s.port", at).because("%d is not a TCP port", w.Port)
	}
	if err := oneOf(at+".scheme", w.Scheme, "https", "http"); err != nil {
		return err
	}
	return versions(at, "min_tls", "max_tls", w.MinTLS, w.MaxTLS)
}

func (c *Config) validateRule(i int) error {
	r := &c.Rules[i]
	at := fmt.Sprintf("publishing_rules[%d]", i)
	if slices.ContainsFunc(c.Rules[:i], func(o Rule) bool { return o.Name != "" && o.Name == r.Name }) {
		return fieldErrorf("%s.name", at).because("%q is used twice", r.Name)
	}
	if len(r.Hosts) == 0 {
		return fieldErrorf("%s.hosts", at).because("missing (\"*\" is any host)")
	}
	for j, h := range r.Hosts {
		if err := checkHost(h); err != nil {
			return fieldErrorf("%s.hosts[%d]", at, j).because("%v", err)
		}
	}
	for j, p := range r.Paths {
		if !strings.HasPrefix(strings.TrimPrefix(p, "="), "/") {
			return fieldErrorf("%s.paths[%d]", at, j).because("%q does not begin with a slash", p)
		}
	}
	for j, s := range r.Sources {
		if _, err := parseSource(s); err != nil {
			return fieldErrorf("%s.sources[%d]", at, j).because("%v", err)
		}
	}
	for j, alias := range r.WebServers {
		if !slices.ContainsFunc(c.WebServers, func(w WebServer) bool { return w.Alias == alias }) {
			return fieldErrorf("%s.web_servers[%d]", at, j).because("no web server %q%s", alias, c.nearestAlias(alias))
		}
	}
	actions := 0
	for _, set := range []bool{len(r.WebServers) > 0, r.Respond != nil, r.Reset} {
		if set {
			actions++
		}
	}
	if actions != 1 {
		return fieldErrorf("%s", at).because("needs exactly one of web_servers, respond and reset")
	}
	for _, check := range []error{
		oneOf(at+".listener", r.Listener, "https", "http"),
		oneOf(at+".balance", r.Balance, "round-robin", "source", "cookie"),
		oneOf(at+".connections", r.Connections, "pin", "shared", "close"),
		prefix(at+".strip_prefix", r.StripPrefix),
		prefix(at+".add_prefix", r.AddPrefix),
		status(at+".respond.status", r.Respond),
		r.HealthCheck.validate(at + ".health_check"),
	} {
		if check != nil {
			return check
		}
	}
	for _, n := range []struct {
		field string
		value int64
	}{
		{"max_body", r.MaxBody}, {"max_url", int64(r.MaxURL)}, {"buffer_response", int64(r.BufferResponse)}, {"rate", int64(r.Rate)},
		{"max_requests", int64(r.MaxRequests)}, {"max_requests_per_source", int64(r.MaxRequestsPerSource)},
	} {
		if n.value < 0 {
			return fieldErrorf("%s.%s", at, n.field).because("%d is negative", n.value)
		}
	}
	for j, rep := range slices.Concat(r.ReplaceLocation, r.ReplaceBody) {
		if rep.From == "" {
			field, k := "replace_location", j
			if j >= len(r.ReplaceLocation) {
				field, k = "replace_body", j-len(r.ReplaceLocation)
			}
			return fieldErrorf("%s.%s[%d].from", at, field, k).because("missing")
		}
	}
	if r.Cookie.Name != "" && (&http.Cookie{Name: r.Cookie.Name, Value: "x"}).Valid() != nil {
		return fieldErrorf("%s.cookie.name", at).because("%q cannot be the name of a cookie", r.Cookie.Name)
	}
	return nil
}

func (h *HealthCheck) validate(at string) error {
	switch {
	case h == nil:
		return nil
	case h.Path != "" && !strings.HasPrefix(h.Path, "/"):
		return fieldErrorf("%s.path", at).because("%q does not begin with a slash", h.Path)
	case h.Port < 0 || h.Port > 65535:
		return fieldErrorf("%s.port", at).because("%d is not a TCP port", h.Port)
	case h.Interval < 0:
		return fieldErrorf("%s.interval", at).because("%v is negative", h.Interval)
	case h.Timeout < 0:
		return fieldErrorf("%s.timeout", at).because("%v is negative", h.Timeout)
	}
	return nil
}

func (c *Config) validateUnknown() error {
	u := c.Unknown
	if u.Respond != nil && u.Reset || u.Rule != "" && (u.Respond != nil || u.Reset) {
		return fieldErrorf("unknown").because("takes only one of respond, reset and rule")
	}
	if err := status("unknown.respond.status", u.Respond); err != nil {
		return err
	}
	if u.Rule != "" && !slices.ContainsFunc(c.Rules, func(r Rule) bool { return r.Name == u.Rule }) {
		return fieldErrorf("unknown.rule").because("no rule %q", u.Rule)
	}
	return nil
}

func (c *Config) nearestAlias(alias string) string {
	var words []string
	for _, w := range c.WebServers {
		words = append(words, w.Alias)
	}
	return nearest.Hint(alias, words)
}

func checkHost(h string) error {
	name := strings.TrimPrefix(h, "*.")
	switch {
	case h == "*" || net.ParseIP(h) != nil:
		return nil
	case name == "" || strings.ContainsAny(name, "*/: []@?#"):
		return fmt.Errorf("%q is not a host name, *.suffix or *", h)
	}
	return nil
}

// oneOf reports a value that is neither empty nor one of words.
func oneOf(path, value string, words ...string) error {
	if value == "" || slices.Contains(words, value) {
		return nil
	}
	return fieldErrorf("%s", path).because("%q is not one of %s%s", value, strings.Join(words, ", "), nearest.Hint(value, words))
}

func prefix(path, value string) error {
	if value == "" || strings.HasPrefix(value, "/") {
		return nil
	}
	return fieldErrorf("%s", path).because("%q does not begin with a slash", value)
}

func status(path string, r *Response) error {
	if r == nil || r.Status == 0 || r.Status >= 200 && r.Status <= 599 {
		return nil
	}
	return fieldErrorf("%s", path).because("%d is not a final status", r.Status)
}

func versions(at, minField, maxField string, least, most uint16) error {
	if least != 0 && most != 0 && least > most {
		return fieldErrorf("%s.%s", at, minField).because("is newer than %s", maxField)
	}
	return nil
}

// listenAddress completes a bare port.
func listenAddress(s string) (string, error) {
	if n, err := strconv.Atoi(s); err == nil {
		s = net.JoinHostPort("127.0.0.1", strconv.Itoa(n))
	}
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", fmt.Errorf("%q is not address:port", s)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", fmt.Errorf("%q is not a TCP port", port)
	}
	return s, nil
}

// within is d, or standard for zero; negative means none, which is zero to net/http.
func within(d, standard time.Duration) time.Duration {
	switch {
	case d == 0:
		return standard
	case d < 0:
		return 0
	}
	return d
}
