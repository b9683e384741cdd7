package proxy

import (
	"context"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// maxHops is how many proxies a request may have passed. More is a loop: a web server's name that leads back here.
const maxHops = 20

// An exchange is one request on its way through.
type exchange struct {
	table      *table
	rule       *rule // nil when none fits
	node       *node // the last one tried
	conn       *clientConn
	out        *recorder
	scheme     string
	host       string // in the form of hostname
	path       string // raw, as it came
	query      string // with its question mark
	clientText string
	cookie     string // value of the affinity cookie
	pinned     bool
	// multiplexed says that the client speaks HTTP/2, whose requests share one connection.
	multiplexed bool
	abort       context.CancelCauseFunc
	failure     *failure // what the proxy answered itself, and why
	began       time.Time
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// serve is the handler of every listener.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	conn := r.Context().Value(clientKey{}).(*clientConn)
	if !s.begin() {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer s.requests.Done()
	if conn.announced && conn.client.IsValid() { // net/http knows the balancer's only
		r.RemoteAddr = netip.AddrPortFrom(conn.client, 0).String()
	}
	ex := &exchange{
		table:      s.table.Load(),
		conn:       conn,
		out:        &recorder{ResponseWriter: w},
		scheme:     "http",
		host:       hostname(r.Host),
		clientText: conn.clientText(),
		began:      time.Now(),

		multiplexed: r.ProtoMajor >= 2,
	}
	if conn.https {
		ex.scheme = "https"
	}
	if r.ContentLength != 0 {
		http.NewResponseController(w).EnableFullDuplex() // or net/http reads the body before it answers; HTTP/1 has it
	}
	ex.path, ex.query = target(r.RequestURI)
	defer s.finish(ex, r) // also when the forwarder aborts by a panic
	ctx, abort := context.WithCancelCause(context.WithValue(r.Context(), exchangeKey{}, ex))
	defer abort(nil)
	ex.abort = abort
	s.route(ex, r.WithContext(ctx))
}

// route finds the rule and does what it says.
func (s *Server) route(ex *exchange, r *http.Request) {
	if r.Method == http.MethodConnect {
		ex.refuse(failNotAProxy())
		return
	}
	rule, known := ex.table.match(r, ex)
	ex.rule = rule
	if fail := ex.table.limit(r, ex, known); fail != nil {
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
		ex.failure = &failure{code: "reset"}
		panic(http.ErrAbortHandler)
	case rule.Respond != nil:
		ex.respond(rule.Respond)
	default:
		s.pass(ex, r)
	}
}

// match finds the rule for r; known reports whether any rule has its host.
func (t *table) match(r *http.Request, ex *exchange) (found *rule, known bool) {
	p := normalPath(r.URL.Path)
	for _, rule := range t.rules {
		if rule.fits(r, ex.scheme, ex.host, p, ex.conn.client) {
			return rule, true
		}
		known = known || hostFits(rule.hosts, ex.host)
	}
	return t.unknown, known
}

// limit applies what can be decided before anything is sent. It is where a request without a rule ends.
func (t *table) limit(r *http.Request, ex *exchange, known bool) *failure {
	rule := ex.rule
	switch {
	case rule == nil && known:
		return failUnknownPath(ex)
	case rule == nil:
		return failUnknownHost(ex)
	case headerSize(r) > t.maxHeader():
		return failTooLarge(http.StatusRequestHeaderFieldsTooLarge, "header-size", "the header fields are larger than the proxy allows")
	case rule.MaxURL > 0 && len(r.RequestURI) > rule.MaxURL:
		return failTooLarge(http.StatusRequestURITooLong, "url-length", "the URL is longer than the publishing rule allows")
	case rule.MaxBody > 0 && r.ContentLength > rule.MaxBody:
		return failTooLarge(http.StatusRequestEntityTooLarge, "body-size", "the request body is larger than the publishing rule allows")
	case rule.VerifyNormalization && (stillEscaped(ex.path) || stillEscaped(ex.query)):
		return failNormalization()
	case hops(r.Header) >= maxHops:
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

// headerSize is what the fields took on the wire, about.
func headerSize(r *http.Request) int {
	const framing = len(": \r\n")
	n := len("Host") + len(r.Host) + framing
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + framing
		}
	}
	return n
}

// hops counts the proxies a request says it has passed.
func hops(h http.Header) int {
	n := 0
	for _, v := range h["X-Forwarded-For"] {
		n += 1 + strings.Count(v, ",")
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
	h := ex.out.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	for name, value := range maps.All(a.Headers) {
		h.Set(name, ex.fill(value))
	}
	status := a.Status
	if status == 0 {
		status = http.StatusOK
	}
	ex.out.WriteHeader(status)
	ex.out.Write([]byte(a.Body)) // HEAD and 304 send none; the client may have left
}
