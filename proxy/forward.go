package proxy

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

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

// maxHeld is the largest body that is held: to be sent twice, or for text to be replaced in. Web pages and documents are far
// smaller; downloads should stream.
const maxHeld = 4 << 20

var (
	errNoWebServer  = errors.New("no web server is up")
	errHTTP11       = errors.New("connection-bound authentication over HTTP/2")
	errUnmeasured   = errors.New("a body of unknown length")
	errClientSilent = errors.New("the client stopped in the middle of its request")
	errServerSilent = errors.New("the web server stopped in the middle of its answer")
)
