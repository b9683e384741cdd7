package proxy

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxHops is how many proxies a request may have passed. More is a loop: a web server's name that leads back here.
const maxHops = 20

// An exchange is one request on its way through. What it holds outlives the head it was made of.
type exchange struct {
	s          *Server
	ss         *session
	table      *table
	rule       *rule // nil when none fits
	node       *node // the last one tried
	conn       *clientConn
	method     string
	uri        string // the request target, as it came
	hostField  string
	scheme     string
	host       string // in the form of hostname
	path       string // raw, as it came
	query      string // with its question mark
	upgrade    string // empty without
	length     int64  // of the body; -1 when unknown
	clientText string
	cookie     string // value of the affinity cookie
	pinned     bool
	keeps      bool     // the connection to the web server may be used again
	status     int      // final, of what the client was sent; zero before
	bytes      int64    // of the body the client was sent
	failure    *failure // what the proxy answered itself, and why
	began      time.Time
}

func (ex *exchange) server() *webServer { return ex.node.server }

// bodyPatience is how long the client may be silent inside its body; zero is for ever.
func (ex *exchange) bodyPatience() time.Duration {
	t := &ex.table.cfg.Timeouts
	if t.Body != 0 {
		return within(t.Body, 0)
	}
	if t.Idle > 0 {
		return min(t.Idle, bodyDefault)
	}
	return bodyDefault
}

func (ex *exchange) patience() time.Duration { return within(ex.table.cfg.Timeouts.Idle, idleDefault) }

// route finds the rule and does what it says.
func (s *Server) route(ex *exchange) {
	if ex.method == http.MethodConnect {
		ex.ss.keep = false
		ex.refuse(failNotAProxy())
		return
	}
	if ex.conn.outer != nil && ex.ss.authenticates() {
		ex.refuse(failHTTP11()) // which the client is told in a word of HTTP/2
		return
	}
	decoded, err := url.PathUnescape(ex.path)
	if err != nil {
		ex.refuse(&failure{http.StatusBadRequest, "escape", "the path has a percent sign that escapes nothing", ""})
		return
	}
	rule, known := ex.table.match(ex, normalPath(decoded))
	ex.rule = rule
	if fail := ex.table.limit(ex, known); fail != nil {
		ex.refuse(fail)
		return
	}
	fail, release := rule.limits.enter(rule, ex)
	if fail != nil {
		ex.refuse(fail)
		return
	}
	defer release()
	switch {
	case rule.Reset:
		ex.conn.reset()
		ex.failure, ex.ss.keep = &failure{code: "reset"}, false
	case rule.Respond != nil:
		ex.respond(rule.Respond)
	default:
		ex.ss.carry()
	}
}

// match finds the rule for the decoded path p; known reports whether any rule has its host.
func (t *table) match(ex *exchange, p string) (found *rule, known bool) {
	for _, rule := range t.rules {
		if rule.fits(ex, p) {
			return rule, true
		}
		known = known || hostFits(rule.hosts, ex.host)
	}
	return t.unknown, known
}

// limit applies what can be decided before anything is sent. It is where a request without a rule ends.
func (t *table) limit(ex *exchange, known bool) *failure {
	rule := ex.rule
	switch {
	case rule == nil && known:
		return failUnknownPath(ex)
	case rule == nil:
		return failUnknownHost(ex)
	case ex.ss.head.size > t.maxHeader():
		return failTooLarge(http.StatusRequestHeaderFieldsTooLarge, "header-size", "the header fields are larger than the proxy allows")
	case rule.MaxURL > 0 && len(ex.uri) > rule.MaxURL:
		return failTooLarge(http.StatusRequestURITooLong, "url-length", "the URL is longer than the publishing rule allows")
	case rule.MaxBody > 0 && ex.length > rule.MaxBody:
		return failTooLarge(http.StatusRequestEntityTooLarge, "body-size", "the request body is larger than the publishing rule allows")
	case rule.VerifyNormalization && (stillEscaped(ex.path) || stillEscaped(ex.query)):
		return failNormalization()
	case ex.ss.head.hops() >= maxHops:
		return failLoop()
	}
	return nil
}

func (t *table) maxHeader() int {
	if t.cfg.MaxHeader == 0 {
		return maxHeaderDefault
	}
	return t.cfg.MaxHeader
}

// hops counts the proxies a request says it has passed.
func (h *head) hops() int {
	n := 0
	for i := range h.fields {
		if f := &h.fields[i]; f.kind == kindForwardedFor {
			n += 1 + bytes.Count(f.value, []byte(","))
		}
	}
	return n
}

// target splits a request target into path and query, byte for byte. Of an absolute URL, which a client may send to any server,
// only these two are left.
func target(uri string) (path, query string) {
	if _, rest, ok := strings.Cut(uri, "://"); ok && !strings.HasPrefix(uri, "/") {
		i := strings.IndexAny(rest, "/?")
		if i < 0 {
			return "/", ""
		}
		uri = rest[i:]
	}
	i := strings.IndexByte(uri, '?')
	if i < 0 {
		return uri, ""
	}
	if i == 0 {
		return "/", uri
	}
	return uri[:i], uri[i:]
}

// stillEscaped reports whether s, decoded once, has percent escapes left.
func stillEscaped(s string) bool {
	once, err := url.PathUnescape(s)
	if err != nil {
		return true
	}
	for i := 0; i+2 < len(once); i++ {
		if once[i] == '%' && isHex(once[i+1]) && isHex(once[i+2]) {
			return true
		}
	}
	return false
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// fill puts the values of the exchange into the placeholders of s.
func (ex *exchange) fill(s string) string {
	if !strings.Contains(s, "{") {
		return s
	}
	return strings.NewReplacer(
		"{host}", ex.host,
		"{uri}", ex.path+ex.query,
		"{path}", ex.path,
		"{scheme}", ex.scheme,
		"{client}", ex.clientText,
	).Replace(s)
}

// respond sends a fixed answer.
func (ex *exchange) respond(a *Response) {
	h := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	for name, value := range a.Headers {
		h.Set(name, ex.fill(value))
	}
	status := a.Status
	if status == 0 {
		status = http.StatusOK
	}
	ex.ss.own(status, h, a.Body)
}
