package pfsense

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// haproxy is the HAProxy package. Its elements have confusing names: ha_backends are the frontends, ha_pools the backends.
type haproxy struct {
	enabled   bool
	line      int
	maxconn   string
	frontends []frontend
	backends  []backend
	options   []line
}

// frontend listens, or shares the listener of another one.
type frontend struct {
	name, kind     string // kind is http, https (TLS passed through) or tcp
	line           int
	active         bool
	secondary      bool
	primary        string
	binds          []bind
	acls           []acl
	actions        []action
	defaultBackend string
	timeout        string // milliseconds
	timeoutLine    int
	closing        string
	closingLine    int
	forwardFor     bool
	certificates   []string
	clientCA       bool
	clientOptional bool
	http2          bool // offered by a word of the free text of its listeners
	options        []line
}

func (f *frontend) where() string { return "HAProxy frontend " + f.name }

// bind is an address to listen at; invalid when the backup does not say which.
type bind struct {
	addr netip.Addr
	name string // as the page has it: wan_ipv4
	port int
	tls  bool
	line int
}

type acl struct {
	name, expression, value string
	caseSensitive, not      bool
	line                    int
}

type action struct {
	kind   string
	acls   []string
	target string // of use_backend
	header string
	value  string
	line   int
}

type backend struct {
	name          string
	line          int
	servers       []server
	balance       string
	check         string
	checkMethod   string
	checkURI      string
	checkLine     int
	connect       string // milliseconds, as are the others
	timeout       string
	timeoutLine   int
	retries       string
	sticky        string
	cookie        string // the affinity cookie's name; empty when there is none
	cookieMode    string
	cookieIdle    string
	httpOnly      bool
	acls          []acl
	actions       []action
	options       []line
	serverOptions []line
}

func (b *backend) where() string { return "HAProxy backend " + b.name }

type server struct {
	name, address string
	port          int
	line          int
	portLine      int
	status        string
	tls           bool
	verify        bool
	verifyHost    string
	authority     string
	forwardTo     string
	cookie        string
}

// live tells whether a server may get requests.
func (s *server) live() bool { return s.status == "active" || s.status == "backup" || s.status == "" }

func (b *Backup) readHAProxy(e *element) *haproxy {
	frontends := e.child("ha_backends").all("item")
	if len(frontends) == 0 {
		return nil
	}
	h := &haproxy{enabled: e.has("enable"), line: e.line, maxconn: number(e.value("maxconn"))}
	h.options = b.text("HAProxy's global options", e.child("advanced"))
	for _, f := range frontends {
		h.frontends = append(h.frontends, b.readFrontend(f))
	}
	for _, p := range e.child("ha_pools").all("item") {
		h.backends = append(h.backends, b.readBackend(p))
	}
	// The oldest package lists servers at the top, and each names its backend.
	for _, s := range e.child("ha_servers").all("item") {
		name := clean(s.value("backend"))
		target := h.backend(name)
		if target == nil {
			h.backends = append(h.backends, backend{name: name, line: s.line, timeoutLine: s.line, checkLine: s.line})
			target = &h.backends[len(h.backends)-1]
		}
		target.servers = append(target.servers, readServer(s))
	}
	return h
}

// text are the understood lines of boxes.
func (b *Backup) text(what string, boxes ...*element) []line {
	kept, dropped := freeText(boxes...)
	if dropped > 0 {
		b.note("%s hold %d lines that are not understood and were left out.", what, dropped)
	}
	return kept
}

// number is a text that is a number, else "".
func number(s string) string {
	s = clean(s)
	if _, err := strconv.ParseUint(s, 10, 31); err != nil {
		return ""
	}
	return s
}

func (b *Backup) readFrontend(e *element) frontend {
	f := frontend{
		name: clean(e.value("name")), kind: strings.ToLower(cmp.Or(clean(e.value("type")), "http")), line: e.line,
		active: e.value("status") == "active" || e.value("status") == "", secondary: e.on("secondary"), primary: clean(e.value("primary_frontend")),
		timeout: number(e.value("client_timeout")), timeoutLine: cmp.Or(e.child("client_timeout").line, e.line),
		closing: clean(e.value("httpclose")), closingLine: cmp.Or(e.child("httpclose").line, e.line),
		forwardFor: e.value("forwardfor") != "", defaultBackend: cmp.Or(clean(e.value("backend_serverpool")), clean(e.value("pool"))),
		clientOptional: e.on("sslclientcert-none"), http2: offersHTTP2(e.value("advanced_bind")),
	}
	if f.closing == "yes" { // before there were several ways to close
		f.closing = "httpclose"
	}
	offload := e.on("ssloffload")
	for _, item := range e.child("a_extaddr").all("item") {
		name := clean(item.value("extaddr"))
		if name == "custom" {
			name = clean(item.value("extaddr_custom"))
		}
		f.http2 = f.http2 || offersHTTP2(item.value("extaddr_advanced"))
		for _, p := range list(item.value("extaddr_port"), ",") {
			f.binds = append(f.binds, b.readBind(name, p, item.on("extaddr_ssl"), item.line))
		}
	}
	if len(f.binds) == 0 && !f.secondary {
		name := cmp.Or(clean(e.value("extaddr")), "wan_ipv4")
		for _, p := range list(e.value("port"), ",") {
			f.binds = append(f.binds, b.readBind(name, p, offload, e.line))
		}
	}
	certificates := []string{e.value("ssloffloadcert")}
	for _, c := range e.child("ha_certificates").all("item") {
		certificates = append(certificates, c.value("ssl_certificate"))
	}
	for _, ref := range certificates {
		if ref = clean(ref); ref != "" && ref != "none" && !slices.Contains(f.certificates, ref) {
			f.certificates = append(f.certificates, ref)
		}
	}
	f.clientCA = slices.ContainsFunc(e.child("clientcert_ca").all("item"), func(i *element) bool { return i.value("cert_ca") != "" })
	f.acls, f.actions = readACLs(e.child("ha_acls")), readActions(e.child("a_actionitems"))
	f.options = b.text("The advanced settings of HAProxy's frontend "+f.name, e.child("advanced"))
	return f
}

// offersHTTP2 tells whether the free text of a listener does.
func offersHTTP2(text string) bool {
	return slices.Contains(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }), "h2")
}

func (b *Backup) readBind(name, text string, tls bool, line int) bind {
	if p, ok := b.ports[text]; ok { // an alias
		text = p
	}
	return bind{addr: b.addressOf(name), name: name, port: port(text), tls: tls, line: line}
}

func readACLs(e *element) []acl {
	var out []acl
	for _, i := range e.all("item") {
		a := acl{
			name: clean(i.value("name")), expression: clean(i.value("expression")), value: clean(i.value("value")),
			caseSensitive: i.on("casesensitive"), not: i.on("not"), line: i.line,
		}
		if a.expression == "custom" && !understood("acl x "+a.value) && a.value != "ssl_fc" {
			a.value = "" // free text may hold anything
		}
		out = append(out, a)
	}
	return out
}

// plainHeaders are those whose values are no secret.
var plainHeaders = []string{"host", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-forwarded-for", "connection", "front-end-https"}

func readActions(e *element) []action {
	var out []action
	for _, i := range e.all("item") {
		a := action{kind: clean(i.value("action")), acls: strings.Fields(clean(i.value("acl"))), line: i.line}
		a.target = clean(i.value("use_backendbackend"))
		a.header = clean(i.value(a.kind + "name"))
		for _, field := range []string{"rule", "fmt", "replace", "customaction"} {
			a.value = cmp.Or(a.value, clean(i.value(a.kind+field)))
		}
		switch {
		case a.kind == "custom" && !understood(a.value):
			a.value = ""
		case a.kind == "http-request_redirect":
			a.value = address(a.value)
		case a.header != "" && !slices.Contains(plainHeaders, strings.ToLower(a.header)):
			a.value = ""
		}
		out = append(out, a)
	}
	return out
}

func (b *Backup) readBackend(e *element) backend {
	out := backend{
		name: clean(e.value("name")), line: e.line, balance: clean(e.value("balance")), check: clean(e.value("check_type")),
		checkMethod: clean(e.value("httpcheck_method")), checkURI: address(e.value("monitor_uri")), checkLine: cmp.Or(e.child("check_type").line, e.line),
		connect: number(e.value("connection_timeout")), timeout: number(e.value("server_timeout")),
		timeoutLine: cmp.Or(e.child("server_timeout").line, e.line), retries: number(e.value("retries")),
		sticky: clean(e.value("persist_sticky_type")), httpOnly: e.on("persist_cookie_httponly"), cookieIdle: clean(e.value("haproxy_cookie_maxidle")),
		cookieMode: clean(e.value("persist_cookie_mode")),
	}
	if out.sticky == "none" {
		out.sticky = ""
	}
	if e.on("persist_cookie_enabled") {
		out.cookie = clean(e.value("persist_cookie_name"))
	}
	out.acls, out.actions = readACLs(e.child("a_acl")), readActions(e.child("a_actionitems"))
	out.options = b.text("The advanced settings of HAProxy's backend "+out.name, e.child("advanced_backend"))
	out.serverOptions = b.text("The servers' settings of HAProxy's backend "+out.name, e.child("advanced"))
	for _, s := range e.child("ha_servers").all("item") {
		out.servers = append(out.servers, readServer(s))
	}
	return out
}

func readServer(e *element) server {
	return server{
		name: clean(e.value("name")), address: clean(e.value("address")), port: port(cmp.Or(e.value("port"), e.value("svrport"))), line: e.line,
		portLine: cmp.Or(e.child("port").line, e.line), status: clean(e.value("status")), tls: e.on("ssl"), verify: e.on("sslserververify"),
		verifyHost: clean(e.value("verifyhost")), authority: clean(e.value("ssl-server-ca")), forwardTo: clean(e.value("forwardto")),
		cookie: clean(e.value("cookie")),
	}
}

func (h *haproxy) backend(name string) *backend {
	for i := range h.backends {
		if h.backends[i].name == name {
			return &h.backends[i]
		}
	}
	return nil
}

func (h *haproxy) frontend(name string) *frontend {
	for i := range h.frontends {
		if h.frontends[i].name == name {
			return &h.frontends[i]
		}
	}
	return nil
}

// listener is a primary frontend with those that share it, in the order in which they are written.
type listener struct {
	*frontend
	members []*frontend
}

// listeners are the primary frontends that are written.
func (h *haproxy) listeners() []listener {
	var out []listener
	for i := range h.frontends {
		f := &h.frontends[i]
		if !f.active || f.secondary {
			continue
		}
		l := listener{frontend: f}
		for j := range h.frontends {
			if m := &h.frontends[j]; m.active && (m == f || m.secondary && m.primary == f.name) {
				l.members = append(l.members, m)
			}
		}
		out = append(out, l)
	}
	return out
}

// modes of ACL expressions; those that are not here fit every kind of frontend.
func modeOf(expression string) string {
	switch {
	case strings.HasPrefix(expression, "host_"), strings.HasPrefix(expression, "path_"), strings.HasPrefix(expression, "ssl_c_"), expression == "url_parameter":
		return "http"
	case strings.HasPrefix(expression, "ssl_sni_"):
		return "https"
	case strings.HasPrefix(expression, "traffic_is_"):
		return "tcp"
	}
	return ""
}

// fits tells whether the package writes an ACL for a kind of frontend.
func (a *acl) fits(kind string) bool { m := modeOf(a.expression); return m == "" || m == kind }

// truth is what can be said of a condition.
type truth int

const (
	no truth = iota
	maybe
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// request is one that is sent through a proxy in thought. Path begins with a slash.
type request struct {
	host, path string
	https      bool
}

func (r request) url() string {
	if r.https {
		return "https://" + r.host + r.path
	}
	return "http://" + r.host + r.path
}

// matches tells whether one ACL line matches, before "not".
func (a *acl) matches(r request) truth {
	value, subject := a.value, ""
	kind, how, _ := strings.Cut(a.expression, "_")
	switch {
	case kind == "host":
		subject = r.host
	case kind == "path":
		subject = r.path
	case strings.HasPrefix(a.expression, "ssl_sni_"):
		subject, how = r.host, strings.TrimPrefix(a.expression, "ssl_sni_")
	case a.expression == "custom":
		return customMatches(a.value, r)
	default:
		return maybe
	}
	return match(how, value, subject, a.caseSensitive)
}

// match compares as HAProxy's methods do. The words of several values are one value here, as the package writes them unquoted:
// HAProxy reads them as several.
func match(how, values, subject string, caseSensitive bool) truth {
	if how == "regex" {
		p := haproxyPattern(values, caseSensitive)
		if p.err != nil {
			return maybe
		}
		return truthOf(p.matches(subject))
	}
	if !caseSensitive {
		values, subject = strings.ToLower(values), strings.ToLower(subject)
	}
	for _, v := range strings.Fields(values) {
		var hit bool
		switch how {
		case "starts_with":
			hit = strings.HasPrefix(subject, v)
		case "ends_with":
			hit = strings.HasSuffix(subject, v)
		case "matches":
			hit = subject == v
		case "contains":
			hit = strings.Contains(subject, v)
		case "dir":
			hit = strings.Contains(subject+"/", "/"+strings.Trim(v, "/")+"/")
		default:
			return maybe
		}
		if hit {
			return yes
		}
	}
	return no
}

// ways of HAProxy's own words for methods.
var ways = map[string]string{"": "matches", "_beg": "starts_with", "_end": "ends_with", "_sub": "contains", "_dom": "contains", "_dir": "dir", "_reg": "regex"}

// customMatches understands the usual forms of HAProxy's own language: hdr(host) -i NAME, path_beg /x, ssl_fc.
func customMatches(text string, r request) truth {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return maybe
	}
	if fields[0] == "ssl_fc" {
		return truthOf(r.https)
	}
	subject, suffix := r.path, ""
	if name, ok := strings.CutSuffix(fields[0], "(host)"); ok {
		subject, suffix = r.host, strings.TrimPrefix(name, "hdr")
	} else if suffix, ok = strings.CutPrefix(fields[0], "path"); !ok {
		return maybe
	}
	how, known := ways[suffix]
	if !known {
		return maybe
	}
	fold := len(fields) > 1 && fields[1] == "-i"
	values := fields[1:]
	if fold {
		values = fields[2:]
	}
	best := no
	for _, v := range values {
		best = max(best, match(how, v, subject, !fold))
	}
	return best
}

// holds tells whether all the ACLs that an action names match. Lines of one name are alternatives; "not" is the name's.
func holds(names []string, acls []acl, kind string, r request) truth {
	result := yes
	for _, name := range names {
		best, negated, known := no, false, false
		for i := range acls {
			a := &acls[i]
			if a.name != name {
				continue
			}
			negated = negated || a.not
			if a.fits(kind) {
				known = true
				best = max(best, a.matches(r))
			}
		}
		if !known {
			return no // HAProxy refuses what names it
		}
		if negated {
			best = yes - best
		}
		result = min(result, best)
	}
	return result
}

// decision is what a frontend does with a request.
type decision struct {
	backend  string // "" when none gets it
	redirect *action
	refused  *action
	// unsure says that it hangs on what cannot be judged here.
	unsure bool
}

// decide sends a request through a listener in thought.
func (l *listener) decide(r request) decision {
	var acls []acl
	for _, m := range l.members {
		acls = append(acls, m.acls...)
	}
	var d decision
	for _, m := range l.members {
		for i := range m.actions {
			a := &m.actions[i]
			redirects := a.kind == "http-request_redirect" || a.kind == "custom" && strings.Contains(a.value, "redirect")
			refuses := a.kind == "http-request_deny" || a.kind == "http-request_tarpit" || a.kind == "http-request_auth" || a.kind == "tcp-request_content_reject"
			if !redirects && !refuses {
				continue
			}
			switch condition := holds(a.acls, acls, l.kind, r); {
			case condition == maybe:
				d.unsure = true
			case condition == yes && redirects:
				d.redirect = a
				return d
			case condition == yes:
				d.refused = a
				return d
			}
		}
	}
	for _, m := range l.members {
		for i := range m.actions {
			a := &m.actions[i]
			if a.kind != "use_backend" || len(a.acls) == 0 {
				continue
			}
			switch holds(a.acls, acls, l.kind, r) {
			case maybe:
				d.unsure = true
			case yes:
				d.backend = a.target
				return d
			}
		}
	}
	for _, m := range l.members { // the last one counts
		for i := range m.actions {
			if a := &m.actions[i]; a.kind == "use_backend" && len(a.acls) == 0 {
				d.backend = a.target
			}
		}
		if m.defaultBackend != "" {
			d.backend = m.defaultBackend
		}
	}
	return d
}

// silence is a time-out of the form's field, 30 s when it is empty, or of a line of free text that comes after it.
func silence(field, word string, options []line) time.Duration {
	ms, err := strconv.ParseInt(field, 10, 64)
	if err != nil || ms == 0 {
		ms = defaultMilliseconds
	}
	out := time.Duration(ms) * time.Millisecond
	for _, o := range options {
		if rest, ok := strings.CutPrefix(o.text, "timeout "+word+" "); ok {
			out = haproxyTime(rest)
		}
	}
	return out
}

// defaultMilliseconds is what the package writes for an empty time-out.
const defaultMilliseconds = 30000

// haproxyTime reads a time as HAProxy writes it; without a unit it is in milliseconds.
func haproxyTime(s string) time.Duration {
	digits := strings.TrimRight(s, "usmhd")
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil {
		return 0
	}
	units := map[string]time.Duration{"us": time.Microsecond, "": time.Millisecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
	return time.Duration(n) * units[s[len(digits):]]
}
