package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
)

// Clients that speak HTTP/2 are served by net/http. Each of their requests is said over again in HTTP/1.1, over a connection
// within the process, to a session of its own, so that one engine does all that rules say.

// newHTTP2 makes the handler of requests over HTTP/2.
func (s *Server) newHTTP2() http.Handler {
	onward := &httputil.ReverseProxy{
		Rewrite: rewriteHTTP2,
		Transport: &http.Transport{
			DialContext:        s.dialSession,
			DisableCompression: true,
			DisableKeepAlives:  true,
			Protocols:          http1(),
		},
		ModifyResponse: requireHTTP11,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // bodies that broke off
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text := oddHTTP2(r); text != "" {
			s.log.Info("request refused", "client", r.RemoteAddr, "status", http.StatusBadRequest, "failure", "framing", "reason", text)
			w.Header().Set("X-Proxy-Error", "framing")
			http.Error(w, "The reverse proxy says: "+text+".", http.StatusBadRequest)
			return
		}
		onward.ServeHTTP(w, r)
	})
}

// oddHTTP2 finds what net/http lets pass and what would not be the same thing in HTTP/1.1, or be two (RFC 9113, 8.1.1, 8.3.1).
func oddHTTP2(r *http.Request) string {
	length, declared := r.Header["Content-Length"]
	switch host := r.Header["Host"]; {
	case r.RequestURI == "" || r.RequestURI[0] != '/' && r.RequestURI != "*" && r.Method != http.MethodConnect:
		return "the path does not begin with a slash"
	case !validHost([]byte(r.Host)):
		return "the authority is not a name"
	case len(host) > 1 || len(host) == 1 && host[0] != r.Host:
		return "Host is not the authority"
	case len(length) > 1:
		return "there is more than one Content-Length"
	case declared && r.ContentLength == 0 && length[0] != "0":
		return "the body is not as long as Content-Length says"
	}
	return ""
}

// rewriteHTTP2 leaves everything to the session.
func rewriteHTTP2(pr *httputil.ProxyRequest) {
	uri := pr.In.RequestURI
	if strings.HasPrefix(uri, "*") {
		uri = "*"
	}
	pr.Out.URL = &url.URL{Scheme: "http", Host: "session"}
	setTarget(pr.Out.URL, uri)
	pr.Out.Trailer = pr.In.Trailer // filled in when the body has been read
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"} {
		if v := pr.In.Header[name]; v != nil {
			pr.Out.Header[name] = v
		}
	}
}

// requireHTTP11 resets what the session has refused. Whatever it answered to such a request, no client may take it for an answer.
func requireHTTP11(res *http.Response) error {
	for _, value := range res.Request.Header["Authorization"] {
		if authenticatesConnection(value) {
			return errHTTP11
		}
	}
	return nil
}

// dialSession opens a connection within the process for one request.
func (s *Server) dialSession(ctx context.Context, _, _ string) (net.Conn, error) {
	outer, ok := ctx.Value(clientKey{}).(*clientConn)
	if !ok {
		return nil, errors.New("no client")
	}
	s.traffic.Lock()
	if s.draining {
		s.traffic.Unlock()
		return nil, errClosed
	}
	s.sessions.Add(1) // Close waits only once draining
	s.traffic.Unlock()
	near, far := net.Pipe()
	c := s.newConn(far, false, nil)
	c.client, c.text, c.https, c.outer = outer.client, outer.text, outer.https, outer
	ss := newSession(s, c, c)
	go func() {
		defer s.sessions.Done()
		ss.serve()
	}()
	return near, nil
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

// A handoff is a listener for connections that were accepted elsewhere.
type handoff struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func newHandoff() *handoff {
	return &handoff{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// hand gives c to whoever accepts, or closes it when nobody does any more.
func (h *handoff) hand(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.closed:
		c.Close()
	}
}

func (h *handoff) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *handoff) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

func (h *handoff) Addr() net.Addr { return &net.TCPAddr{} }
