package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// A failure is an answer of the proxy's own.
type failure struct {
	status int
	code   string // for the log, the history and the field X-Proxy-Error
	text   string // for the page; never anything the client or the web server sent
	detail string // for the page unless hops are hidden, and the log: the words of the error
}

func failNotAProxy() *failure {
	return &failure{http.StatusMethodNotAllowed, "connect", "this is a reverse proxy: it opens no connections on request", ""}
}

func failUnknownHost(ex *exchange) *failure {
	return &failure{http.StatusMisdirectedRequest, "unknown-host", "no publishing rule has this host name: " + ex.host, ""}
}

func failUnknownPath(ex *exchange) *failure {
	return &failure{http.StatusNotFound, "unknown-path", "the publishing rules for " + ex.host + " do not take this request", ""}
}

func failTooLarge(status int, code, text string) *failure {
	return &failure{status, code, text, ""}
}

func failNormalization() *failure {
	return &failure{http.StatusBadRequest, "normalization", "the URL still has percent escapes after being decoded once", ""}
}

func failHTTP11() *failure {
	return &failure{http.StatusHTTPVersionNotSupported, "http11-required", "NTLM and Negotiate log a connection on, which needs HTTP/1.1", ""}
}

func failLoop() *failure {
	return &failure{
		http.StatusLoopDetected, "loop",
		fmt.Sprintf("the request has passed %d proxies: a web server's address probably leads back to this proxy", maxHops), "",
	}
}

// classify puts an error of the engine into words. One place knows the types of errors; what it does not know keeps its words.
func classify(ex *exchange, err error) *failure {
	fail := func(status int, code, text string) *failure {
		return &failure{status, code, text, err.Error()}
	}
	if tooMuch, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &failure{
			http.StatusRequestEntityTooLarge, "body-size",
			fmt.Sprintf("the request body is larger than the %d bytes the publishing rule allows", tooMuch.Limit), "",
		}
	}
	if border, ok := errors.AsType[*borderError](err); ok {
		return &failure{border.status, border.code, border.text, ""}
	}
	switch {
	case errors.Is(err, errUnmeasured):
		return fail(http.StatusLengthRequired, "length-required", "the request does not say how long its body is, and that is longer than the proxy holds")
	case errors.Is(err, errNoWebServer):
		return fail(http.StatusServiceUnavailable, "no-web-server", "no web server of the publishing rule is enabled and healthy")
	case errors.Is(err, errClientSilent):
		return fail(http.StatusRequestTimeout, "client-silent", "the request body stopped coming")
	case errors.Is(err, errServerSilent):
		return fail(http.StatusGatewayTimeout, "answer-silent", "the web server stopped in the middle of its answer")
	case errors.Is(err, context.Canceled):
		return fail(statusClientGone, "client-gone", "the client left")
	}
	if dial, ok := errors.AsType[*dialError](err); ok {
		if dial.tls {
			return classifyTLS(err, fail)
		}
		return classifyDial(err, fail)
	}
	if timeout(err) {
		return fail(http.StatusGatewayTimeout, "response-timeout", "the web server did not answer in time")
	}
	if errors.Is(err, errNotHTTP) {
		return &failure{http.StatusBadGateway, "not-http", "the web server's answer is not HTTP: it may want https on this port", ""}
	}
	return fail(http.StatusBadGateway, "no-answer", "the web server closed the connection without an answer")
}

func classifyDial(err error, fail func(int, string, string) *failure) *failure {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return fail(http.StatusBadGateway, "unresolvable", "the web server's name cannot be resolved on the proxy")
	}
	switch {
	case timeout(err):
		return fail(http.StatusGatewayTimeout, "connect-timeout", "the web server's address did not take the connection in time")
	case refused(err):
		return fail(http.StatusBadGateway, "refused", "the web server's address refused the connection")
	}
	return fail(http.StatusBadGateway, "unreachable", "the web server cannot be reached")
}

func classifyTLS(err error, fail func(int, string, string) *failure) *failure {
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return fail(http.StatusBadGateway, "tls-name", "the web server's certificate is for another name")
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fail(http.StatusBadGateway, "tls-untrusted", "the web server's certificate was issued by somebody the proxy does not trust")
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return fail(http.StatusBadGateway, "tls-expired", "the web server's certificate has expired or is not valid yet")
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return &failure{http.StatusBadGateway, "tls-absent", "the web server does not speak TLS on this port: it may want http", ""}
	}
	if timeout(err) {
		return fail(http.StatusGatewayTimeout, "tls-timeout", "the TLS handshake with the web server did not end in time")
	}
	return fail(http.StatusBadGateway, "tls", "the TLS handshake with the web server failed")
}

func timeout(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

// refused also knows the number Windows has for it, which package syscall lacks a name for.
func refused(err error) bool {
	const wsaConnRefused = syscall.Errno(10061)
	errno, ok := errors.AsType[syscall.Errno](err)
	return ok && (errno == syscall.ECONNREFUSED || errno == wsaConnRefused)
}

// refuse answers with a page that names the hop.
func (ex *exchange) refuse(f *failure) {
	ex.failure = f
	h := http.Header{
		"Server":        {"lyncpin-proxy"},
		"X-Proxy-Error": {f.code},
		"Content-Type":  {"text/html; charset=utf-8"},
		"Cache-Control": {"no-store"},
	}
	switch f.status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", "10")
	case http.StatusMethodNotAllowed:
		h.Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	case http.StatusRequestTimeout:
		h.Set("Connection", "close")
	}
	ex.ss.own(f.status, h, ex.page(f))
}

func (ex *exchange) page(f *failure) string {
	title := fmt.Sprintf("%d %s", f.status, http.StatusText(f.status))
	var b strings.Builder
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html><head><title>%s</title></head><body>\n<h1>%s</h1>\n", title, title)
	fmt.Fprintf(&b, "<p>The reverse proxy says: %s.</p>\n", html.EscapeString(f.text))
	if !ex.table.cfg.HideHops {
		var rows [][2]string
		if ex.rule != nil {
			rows = append(rows, [2]string{"Publishing rule", ex.rule.Name})
		}
		if ex.node != nil {
			w := ex.node.server
			rows = append(rows, [2]string{"Web server", w.Alias}, [2]string{"Address", w.Scheme + "://" + w.addr})
		}
		if f.detail != "" {
			rows = append(rows, [2]string{"Detail", f.detail})
		}
		if len(rows) > 0 {
			b.WriteString("<dl>\n")
			for _, r := range rows {
				fmt.Fprintf(&b, "<dt>%s</dt><dd>%s</dd>\n", r[0], html.EscapeString(r[1]))
			}
			b.WriteString("</dl>\n")
		}
	}
	b.WriteString("<hr><p>lyncpin-proxy</p>\n</body></html>\n")
	return b.String()
}
