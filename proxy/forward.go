package proxy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// flushAfter is how long bytes of an answer with a known length wait for more. Flushing them at once would cost every small
// answer a second write and TLS record. Answers of unknown length are flushed at once.
const flushAfter = 5 * time.Millisecond

// newForwarder makes the engine: it rewrites, sends by upstream, and streams back.
func newForwarder(s *Server) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      upstream{},
		ModifyResponse: modifyResponse,
		ErrorHandler:   passFailure,
		BufferPool:     new(buffers),
		FlushInterval:  flushAfter,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // bodies that broke off
	}
}

// pass sends r to a web server and its answer back.
func (s *Server) pass(ex *exchange, r *http.Request) {
	if c, err := r.Cookie(ex.rule.Cookie.name()); err == nil {
		ex.cookie = c.Value
	}
	if r.ContentLength != 0 {
		r.Body = ex.requestBody(r.Body)
	}
	s.forward.ServeHTTP(ex.out, r)
}

// requestBody limits the size of a body, and its silence.
func (ex *exchange) requestBody(body io.ReadCloser) io.ReadCloser {
	if ex.rule.MaxBody > 0 {
		body = http.MaxBytesReader(ex.out, body, ex.rule.MaxBody)
	}
	return &watchedBody{ReadCloser: body, patience: ex.patience(), silent: errClientSilent, fire: func() {
		ex.abort(errClientSilent)
		// What is left of the body will not come: nothing may wait for it.
		http.NewResponseController(ex.out).SetReadDeadline(time.Now())
	}}
}

func (ex *exchange) patience() time.Duration { return within(ex.table.cfg.Timeouts.Idle, idleDefault) }

// rewrite makes the request for the web server out of the client's. Which web server it is upstream decides.
func rewrite(pr *httputil.ProxyRequest) {
	ex := exchangeOf(pr.In.Context())
	out, rule := pr.Out, ex.rule
	out.URL = &url.URL{}
	setTarget(out.URL, rule.target(ex))
	out.Trailer = pr.In.Trailer // filled in when the body has been read
	switch ex.table.cfg.Forwarded {
	case "none":
	case "replace":
		pr.SetXForwarded()
	default:
		out.Header["X-Forwarded-For"] = pr.In.Header["X-Forwarded-For"]
		pr.SetXForwarded()
	}
	for _, f := range rule.removeRequest {
		f.remove(out.Header)
	}
	for name, value := range rule.SetRequestHeaders {
		out.Header.Set(name, ex.fill(value))
	}
}

// target is the request target sent on.
func (r *rule) target(ex *exchange) string {
	path := ex.path
	if n := len(r.StripPrefix); n > 0 && len(path) >= n && strings.EqualFold(path[:n], r.StripPrefix) {
		path = path[n:]
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
	}
	if r.AddPrefix != "" {
		path = strings.TrimSuffix(r.AddPrefix, "/") + path
	}
	if r.URI == "" {
		return path + ex.query
	}
	decoded, err := url.PathUnescape(path)
	if err != nil {
		decoded = path
	}
	return strings.NewReplacer(
		"{path}", path,
		"{query}", ex.query,
		"{normalized}", (&url.URL{Path: normalPath(decoded)}).EscapedPath(),
		"{lower}", strings.ToLower(path),
	).Replace(r.URI)
}

// setTarget makes u produce uri byte for byte. Where that begins with two slashes, package url would take
// Opaque for an authority; then the path goes the ordinary way.
func setTarget(u *url.URL, uri string) {
	if !strings.HasPrefix(uri, "//") {
		u.Opaque = uri
		return
	}
	path, query, found := strings.Cut(uri, "?")
	u.RawPath, u.RawQuery, u.ForceQuery = path, query, found
	var err error
	if u.Path, err = url.PathUnescape(path); err != nil {
		u.Path = path
	}
}

// upstream chooses the web server and the connection, and tries the next web server when one cannot be connected to.
type upstream struct{}

// RoundTrip is called by the forwarder alone.
func (upstream) RoundTrip(req *http.Request) (*http.Response, error) {
	ex := exchangeOf(req.Context())
	nodes, err := ex.rule.candidates(req.Context(), ex)
	if err != nil {
		return nil, err
	}
	if ex.rule.RetrySilent > 0 && len(nodes) > 0 {
		return ex.insist(req, nodes)
	}
	err = errNoWebServer
	for _, n := range nodes {
		var res *http.Response
		res, err = ex.attempt(req, n)
		if _, unsent := errors.AsType[*dialError](err); !unsent || req.Context().Err() != nil {
			return res, err
		}
		n.failed.Store(time.Now().UnixNano())
		ex.conn.unpin(n.server)
	}
	return nil, err
}

// attempt sends req to one web server.
func (ex *exchange) attempt(req *http.Request, n *node) (*http.Response, error) {
	return ex.addressed(req, n)()
}

// addressed makes req one for that web server, ready to be sent by the function returned.
func (ex *exchange) addressed(req *http.Request, n *node) (send func() (*http.Response, error)) {
	ex.node = n
	w := n.server
	out := req.WithContext(req.Context())
	u := *req.URL
	u.Scheme, u.Host = w.Scheme, w.poolKey(ex.host)
	out.URL = &u
	out.Host = ex.hostHeader(req.Host, w)
	if req.Body != nil {
		out.Body = &attemptBody{Reader: req.Body}
	}
	t := ex.transport(req.Header, w)
	if t == w.old {
		if err := complete(out); err != nil {
			return func() (*http.Response, error) { return nil, err }
		}
	}
	return func() (*http.Response, error) { return t.RoundTrip(out) }
}

func (ex *exchange) hostHeader(asked string, w *webServer) string {
	switch h := ex.rule.HostHeader; h {
	case "", "preserve":
		return asked
	case "web-server":
		return w.Address
	default:
		_, port, _ := net.SplitHostPort(w.addr)
		return strings.NewReplacer("{address}", w.Address, "{port}", port).Replace(ex.fill(h))
	}
}

// transport is the pool of connections this request may use. A connection is made the client's own before the first leg of its
// authentication is sent, for afterwards it would be too late.
func (ex *exchange) transport(h http.Header, w *webServer) *http.Transport {
	switch {
	case ex.rule.HTTP10:
		return w.old
	case ex.rule.Connections == "shared":
		return w.shared
	case ex.rule.Connections == "close":
		return w.single
	case ex.multiplexed:
		if authenticates(h) {
			return w.single
		}
		return w.shared
	}
	own, _ := ex.conn.pinned(w)
	if own || authenticates(h) {
		ex.pinned = true
		return ex.conn.pin(w)
	}
	return w.shared
}

// An attemptBody survives an attempt that failed before the body was read.
type attemptBody struct{ io.Reader }

func (attemptBody) Close() error { return nil }

var (
	errNoWebServer  = errors.New("no web server is up")
	errClientSilent = errors.New("the client stopped in the middle of its request")
	errServerSilent = errors.New("the web server stopped in the middle of its answer")
)

// A watchedBody fires when one Read takes longer than patience; zero is for ever. That Read fails with silent, whatever came of it: a
// web server that ends its answer because it was cut off must not make it look whole.
type watchedBody struct {
	io.ReadCloser
	patience time.Duration
	silent   error
	fire     func()
	timer    *time.Timer
}

func (b *watchedBody) Read(p []byte) (int, error) {
	if b.patience <= 0 {
		return b.ReadCloser.Read(p)
	}
	if b.timer == nil {
		b.timer = time.AfterFunc(b.patience, b.fire)
	} else {
		b.timer.Reset(b.patience)
	}
	n, err := b.ReadCloser.Read(p)
	if !b.timer.Stop() {
		return n, b.silent
	}
	return n, err
}

// buffers is a pool of the buffers answers are copied through.
type buffers struct{ pool sync.Pool }

// bufferSize is what ReverseProxy takes by itself, and two TLS records.
const bufferSize = 32 << 10

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, bufferSize)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

// passFailure answers for a web server that did not.
func passFailure(_ http.ResponseWriter, r *http.Request, err error) {
	ex := exchangeOf(r.Context())
	if cause := context.Cause(r.Context()); cause != nil {
		err = cause
	}
	fail := classify(ex, err)
	if fail.code == "client-gone" || ex.out.status != 0 {
		ex.failure = fail
		panic(http.ErrAbortHandler)
	}
	ex.refuse(fail)
}
