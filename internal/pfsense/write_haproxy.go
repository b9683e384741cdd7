package pfsense

import (
	"cmp"
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// HAProxy writes what the package's generator makes of the backup: the frontends that publish something of Lync, their ACLs and
// actions, and the backends that these use. Notes say what is left out, in sentences.
func HAProxy(b *Backup, opts Options, files Files) (text string, notes []string, err error) {
	h := b.haproxy
	if h == nil {
		return "", nil, errors.New("the HAProxy package has no frontend in the backup")
	}
	w := &writer{}
	w.line("# The HAProxy package's configuration, translated from the backup of %s.", cmp.Or(word(b.name), "a pfSense firewall"))
	w.line("# Certificates with their keys are not in here: %s.", and(files.Combined))
	w.line("global")
	if h.maxconn != "" {
		w.line("\tmaxconn %s", h.maxconn)
	}
	w.options(h.options, "tune.", "maxconn ")
	used := b.written(opts)
	var backends []string
	for _, l := range used.listeners {
		backends = append(backends, b.writeFrontend(w, l, used, files)...)
	}
	if left := len(h.listeners()) - len(used.listeners); left > 0 {
		w.note("%d frontends that publish nothing of Lync are left out.", left)
	}
	for i := range h.backends {
		if x := &h.backends[i]; slices.Contains(backends, x.name) {
			w.backend(x, kindOf(used.listeners, x.name), files)
		}
	}
	return w.String(), w.notes, nil
}

// used are the listeners of HAProxy that a translation writes, and where it has them listen.
type used struct {
	listeners    []listener
	addr         netip.Addr
	https, http  int      // ports; zero means none
	certificates []string // references, those of the listeners in their order
}

// written chooses the frontends that publish Lync: for HTTPS and for plain HTTP, one port each.
func (b *Backup) written(opts Options) used {
	var u used
	n := b.namesOf(haproxyRouter{b.haproxy, b}, opts)
	var addrs []netip.Addr
	for _, l := range b.haproxy.listeners() {
		concerns := n == nil
		for _, host := range hostsOf(n) {
			for _, https := range []bool{true, false} {
				d := l.decide(request{host: host, path: "/", https: https})
				concerns = concerns || l.serves(https) && (d.backend != "" || d.redirect != nil || d.refused != nil)
			}
		}
		if !concerns {
			continue
		}
		u.listeners = append(u.listeners, l)
		for _, x := range l.binds {
			secure := x.tls || l.kind != "http" && x.port != 80
			switch {
			case secure && (u.https == 0 || x.port == 443):
				u.https = x.port
				addrs = append([]netip.Addr{x.addr}, addrs...)
			case !secure && (u.http == 0 || x.port == 80):
				u.http = x.port
				addrs = append(addrs, x.addr)
			}
		}
		for _, m := range l.members {
			for _, ref := range m.certificates {
				if !slices.Contains(u.certificates, ref) {
					u.certificates = append(u.certificates, ref)
				}
			}
		}
	}
	u.addr = b.publicAddress(addrs)
	return u
}

func hostsOf(n *names) []string {
	if n == nil {
		return nil
	}
	return n.all()
}

// options writes lines of free text that begin with one of the words; none means all.
func (w *writer) options(lines []line, beginnings ...string) {
	for _, o := range lines {
		if len(beginnings) == 0 || slices.ContainsFunc(beginnings, func(p string) bool { return strings.HasPrefix(o.text, p) }) {
			w.line("\t%s", o.text)
		}
	}
}

// modeWord is HAProxy's mode for a type of frontend.
func modeWord(kind string) string {
	if kind == "http" {
		return "http"
	}
	return "tcp"
}

func (b *Backup) writeFrontend(w *writer, l listener, u used, files Files) (backends []string) {
	w.line("frontend %s", word(l.name))
	for _, x := range l.binds {
		secure := x.tls && l.kind == "http"
		p := u.http
		if x.tls || l.kind != "http" && x.port != 80 {
			p = u.https
		}
		if x.port != p || x.port == 0 {
			w.note("The listener %s port %d of the frontend %q is left out.", x.name, x.port, l.name)
			continue
		}
		text := "\tbind " + netip.AddrPortFrom(u.addr, uint16(x.port)).String()
		if secure {
			text += " ssl"
			for i := range files.Combined[:min(len(files.Combined), max(1, len(u.certificates)))] {
				text += " crt " + files.Combined[i]
			}
			if l.clientCA {
				text += " ca-file " + files.Root + " verify " + map[bool]string{true: "optional", false: "required"}[l.clientOptional]
			}
			if l.http2 {
				text += " alpn h2,http/1.1"
			}
		}
		w.line("%s", text)
	}
	w.line("\tmode %s", modeWord(l.kind))
	if l.kind == "http" {
		if slices.Contains([]string{"http-keep-alive", "httpclose", "http-server-close", "forceclose", "http-tunnel"}, l.closing) {
			closing := l.closing
			if closing == "forceclose" || closing == "http-tunnel" { // words that HAProxy no longer knows
				w.note("The option %s of the frontend %q is one that HAProxy no longer has.", closing, l.name)
				closing = map[string]string{"forceclose": "httpclose", "http-tunnel": "http-keep-alive"}[closing]
			}
			w.line("\toption %s", closing)
		}
		if l.forwardFor {
			w.line("\toption forwardfor")
			w.line("\thttp-request set-header X-Forwarded-Proto http if !{ ssl_fc }")
			w.line("\thttp-request set-header X-Forwarded-Proto https if { ssl_fc }")
		}
	}
	w.line("\ttimeout client %s", cmp.Or(nonZero(l.timeout), "30000"))
	w.options(l.options)
	inspects := false
	for _, m := range l.members {
		for i := range m.acls {
			inspects = w.acl(&m.acls[i], l.kind) || inspects
		}
	}
	if inspects {
		w.line("\ttcp-request inspect-delay 5s")
		w.line("\ttcp-request content accept if { req.ssl_hello_type 1 }")
	}
	for _, m := range l.members {
		for i := range m.actions {
			w.action(&m.actions[i], l)
		}
	}
	uses := func(format, name, condition string) {
		if b.haproxy.backend(name) == nil {
			w.note("The backend %q does not exist; what goes there is left out.", name)
			return
		}
		w.line("\t"+format+" %s%s", word(name), condition)
		backends = append(backends, name)
	}
	last := ""
	for _, m := range l.members {
		for i := range m.actions {
			a := &m.actions[i]
			if a.kind != "use_backend" {
				continue
			}
			if len(a.acls) == 0 {
				last = a.target
				continue
			}
			if condition, ok := l.condition(a); ok {
				uses("use_backend", a.target, condition)
			} else {
				w.note("An action of the frontend %q is left out: it names an ACL that is not written.", m.name)
			}
		}
		last = cmp.Or(m.defaultBackend, last)
	}
	if last != "" {
		uses("default_backend", last, "")
	}
	return backends
}

// nonZero is a number that is not 0, else "".
func nonZero(s string) string {
	if strings.Trim(s, "0") == "" {
		return ""
	}
	return s
}

// haproxyValue are values that can stand in a line as they are: without quotes, comments, variables, and flags that read files.
var haproxyValue = regexp.MustCompile(`^[^\s"'#$-][^"'#$\n]*\$?$`)

// fetches are what HAProxy compares for the package's expressions.
var fetches = map[string]string{"host": "hdr(host)", "path": "path", "ssl_sni": "req.ssl_sni"}

var methods = map[string]string{"starts_with": "beg", "ends_with": "end", "matches": "str", "regex": "reg", "contains": "sub", "dir": "dir"}

// syntax is an ACL in HAProxy's words, "" when it is not written.
func (a *acl) syntax(kind string) string {
	if !a.fits(kind) || !regexp.MustCompile(`^[\w.-]+$`).MatchString(a.name) {
		return ""
	}
	subject, how, _ := strings.Cut(a.expression, "_")
	if rest, ok := strings.CutPrefix(a.expression, "ssl_sni_"); ok {
		subject, how = "ssl_sni", rest
	}
	fold := " -i"
	if a.caseSensitive {
		fold = ""
	}
	switch {
	case a.expression == "custom" && (a.value == "ssl_fc" || a.value != "" && understood("acl x "+a.value)):
		return a.value
	case fetches[subject] != "" && methods[how] != "" && haproxyValue.MatchString(a.value):
		return fetches[subject] + " -m " + methods[how] + fold + " " + a.value
	case a.expression == "source_ip" && regexp.MustCompile(`^[0-9a-fA-F.:/ ]+$`).MatchString(a.value):
		return "src " + a.value
	}
	return ""
}

// acl writes one, and tells whether the TLS greeting must be waited for.
func (w *writer) acl(a *acl, kind string) bool {
	text := a.syntax(kind)
	if text == "" {
		w.note("The ACL %q (%s) is left out.", a.name, word(a.expression))
		return false
	}
	w.line("\tacl %s %s", a.name, text)
	return strings.HasPrefix(a.expression, "ssl_sni_")
}

// condition is that of an action; not ok when it names an ACL that is not written.
func (l *listener) condition(a *action) (text string, ok bool) {
	for _, name := range a.acls {
		known, not := false, ""
		for _, m := range l.members {
			for i := range m.acls {
				if x := &m.acls[i]; x.name == name {
					known = known || x.syntax(l.kind) != ""
					if x.not {
						not = "!"
					}
				}
			}
		}
		if !known {
			return "", false
		}
		text += " " + not + name
	}
	if text != "" {
		text = " if" + text
	}
	return text, true
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

// action writes one that chooses no backend.
func (w *writer) action(a *action, l listener) {
	condition, ok := l.condition(a)
	text := ""
	switch {
	case a.kind == "use_backend":
		return
	case a.kind == "custom" && a.value != "":
		text = a.value
	case a.kind == "http-request_redirect" && regexp.MustCompile(`^(scheme|location|prefix) [\w:/.%\[\],-]+( code 30[0-9])?$`).MatchString(a.value):
		text = "http-request redirect " + a.value
	case a.kind == "http-request_deny":
		text = "http-request deny"
	case strings.HasSuffix(a.kind, "_del-header") && headerName.MatchString(a.header):
		text = strings.Replace(a.kind, "_", " ", 1) + " " + a.header
	case a.kind == "http-request_set-header" && headerName.MatchString(a.header) && regexp.MustCompile(`^[\w.:%\[\]()-]+$`).MatchString(a.value):
		text = "http-request set-header " + a.header + " " + a.value
	}
	if text == "" || !ok || l.kind != "http" {
		w.note("An action %s is left out.", word(a.kind))
		return
	}
	w.line("\t%s%s", text, condition)
}

// kindOf is the type of the first frontend that uses a backend.
func kindOf(listeners []listener, backend string) string {
	for _, l := range listeners {
		for _, m := range l.members {
			if m.defaultBackend == backend || slices.ContainsFunc(m.actions, func(a action) bool { return a.target == backend }) {
				return l.kind
			}
		}
	}
	return "http"
}

var balances = []string{"roundrobin", "static-rr", "leastconn", "source"}

func (w *writer) backend(b *backend, kind string, files Files) {
	w.line("backend %s", word(b.name))
	w.line("\tmode %s", modeWord(kind))
	if slices.Contains(balances, b.balance) {
		w.line("\tbalance %s", b.balance)
	}
	w.line("\ttimeout connect %s", cmp.Or(nonZero(b.connect), "30000"))
	w.line("\ttimeout server %s", cmp.Or(nonZero(b.timeout), "30000"))
	w.line("\tretries %s", cmp.Or(b.retries, "3"))
	switch {
	case b.cookie != "" && headerName.MatchString(strings.ReplaceAll(b.cookie, "_", "-")) && kind == "http":
		mode := map[string]string{"passive": "", "passive-silent": " indirect", "reset": " rewrite", "set": " insert", "set-silent": " insert indirect",
			"insert-only": " insert preserve", "insert-only-silent": " insert indirect preserve"}[b.cookieMode]
		if b.httpOnly {
			mode += " httponly"
		}
		w.line("\tcookie %s%s nocache", b.cookie, mode)
	case strings.HasPrefix(b.sticky, "stick_source"):
		w.line("\tstick-table type ip size 50k expire 30m")
		w.line("\tstick on src")
	case b.sticky != "":
		w.note("The stickiness %s of the backend %q is left out.", word(b.sticky), b.name)
	}
	if b.check == "HTTP" && kind == "http" {
		uri := b.checkURI
		if !regexp.MustCompile(`^/[\w./-]*$`).MatchString(uri) {
			uri = "/"
		}
		w.line("\toption httpchk %s %s", cmp.Or(word(b.checkMethod), "OPTIONS"), uri)
	}
	w.options(b.options)
	for i := range b.servers {
		w.server(b, &b.servers[i], files)
	}
}

func (w *writer) server(b *backend, s *server, files Files) {
	if !s.live() {
		return
	}
	if s.forwardTo != "" || !validHost(s.address) || s.port == 0 {
		w.note("The server %q of the backend %q is left out: it has no address and port.", s.name, b.name)
		return
	}
	address := s.address
	if a, err := netip.ParseAddr(address); err == nil && a.Is6() {
		address = "[" + address + "]"
	}
	text := "\tserver " + cmp.Or(word(s.name), "server") + " " + address + ":" + strconv.Itoa(s.port)
	switch {
	case !s.tls:
	case !s.verify:
		text += " ssl verify none"
	case s.authority != "":
		text += " ssl verify required ca-file " + files.Root
		if hostLike(strings.ToLower(s.verifyHost)) {
			text += " verifyhost " + s.verifyHost
		}
	default: // the system's, inferred
		text += " ssl verify required ca-file @system-ca"
	}
	if s.cookie != "" && b.cookie != "" {
		text += " cookie " + word(s.cookie)
	}
	if b.check != "" && b.check != "none" {
		text += " check"
	}
	if s.status == "backup" {
		text += " backup"
	}
	w.line("%s", text)
}
