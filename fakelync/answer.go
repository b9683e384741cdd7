package fakelync

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// response is a whole answer, or the zero response for none: the connection is dropped. sub is the sub-status IIS logs;
// kernel marks what http.sys says without IIS. later stands in the place of all else for an answer that is not due yet.
type response struct {
	status, sub int
	kernel      bool
	header      http.Header
	body        []byte
	later       wait
}

// set sets a header with its name written as it is given: many of these names are not in Go's canonical case.
func (r *response) set(name, value string) { r.header[name] = []string{value} }

// add appends a header line.
func (r *response) add(name, value string) { r.header[name] = append(r.header[name], value) }

func (r *response) write(w http.ResponseWriter) {
	for name, values := range r.header {
		w.Header()[name] = values
	}
	if len(r.body) == 0 {
		w.Header()["Content-Type"] = nil // an empty answer has no type; nil keeps net/http from guessing one
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	w.WriteHeader(r.status)
	w.Write(r.body) // an error means that the client left, and nobody is there to be told
}

// iis begins an answer of IIS: the site's custom headers, which stand on every answer of the worker process, errors
// included. Captures show them on 200 and 401; that 403, 404 and 500 carry them too is inferred from how IIS adds
// custom headers.
func (s *site) iis(status int) response {
	r := response{status: status, header: make(http.Header, 12)}
	r.set("Server", s.traits.server)
	r.set("X-MS-Server-Fqdn", s.machine.FQDN)
	r.set("X-Powered-By", "ASP.NET")
	r.set("X-Content-Type-Options", "nosniff")
	return r
}

// page begins an answer with IIS's error page. Its title holds the sub-status, as the detailed pages do.
func (s *site) page(status, sub int) response {
	return s.pageOf(status, sub, 0)
}

// pageOf is page with a body of at least size bytes.
func (s *site) pageOf(status, sub, size int) response {
	r := s.iis(status)
	r.sub = sub
	r.set("Content-Type", "text/html")
	code := strconv.Itoa(status)
	if sub != 0 {
		code += "." + strconv.Itoa(sub)
	}
	title := code + " - " + reason(status, sub)
	r.body = fill("<!DOCTYPE html>\r\n<html>\r\n<head><title>"+title+"</title></head>\r\n"+
		"<body>\r\n<h1>Server Error</h1>\r\n<h2>"+title+"</h2>\r\n", "</body>\r\n</html>\r\n", size)
	return r
}

// fill joins head and tail with a comment between them that makes the whole size bytes long, or with nothing if it is
// as long already.
func fill(head, tail string, size int) []byte {
	const open, end = "<!--", "-->\r\n"
	if missing := size - len(head) - len(tail) - len(open) - len(end); missing >= 0 {
		head += open + strings.Repeat(" ", missing) + end
	}
	return []byte(head + tail)
}

// reason is the title IIS gives a status.
func reason(status, sub int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "Unauthorized: Access is denied due to invalid credentials."
	case status == http.StatusForbidden && sub == 4:
		return "Forbidden: SSL is required to view this resource."
	case status == http.StatusForbidden:
		return "Forbidden: Access is denied."
	case status == http.StatusNotFound && sub != 0:
		return "Not Found: The request filtering module denied the request."
	case status == http.StatusNotFound:
		return "File or directory not found."
	case status == http.StatusMethodNotAllowed:
		return "HTTP verb used to access this page is not allowed."
	case status == http.StatusInternalServerError:
		return "Internal server error."
	}
	return http.StatusText(status) + "."
}

// aspNet begins an answer made by ASP.NET, with the cache headers of the given Cache-Control.
func (s *site) aspNet(status int, contentType, cacheControl string) response {
	r := s.iis(status)
	r.set("X-AspNet-Version", s.traits.aspNet)
	r.set("Content-Type", contentType)
	r.set("Cache-Control", cacheControl)
	return r
}

// html is a page made by an ASP.NET application. Cache-Control: private is in [MS-CONFBAS] 4.1.
func (s *site) html(body string) response {
	r := s.aspNet(http.StatusOK, "text/html; charset=utf-8", "private")
	r.body = []byte(body)
	return r
}

// kernel is an answer of http.sys, which knows nothing of sites and their headers.
func kernel(status int, title, text string) response {
	r := response{status: status, kernel: true, header: make(http.Header, 5)}
	r.set("Server", "Microsoft-HTTPAPI/2.0")
	r.set("Content-Type", "text/html; charset=us-ascii")
	r.set("Connection", "close")
	r.body = fmt.Appendf(nil, "<HTML><HEAD><TITLE>%s</TITLE></HEAD>\r\n<BODY><h2>%s</h2>\r\n<hr><p>HTTP Error %d. %s</p>\r\n</BODY></HTML>\r\n",
		title, title, status, text)
	return r
}

// The answers of http.sys.
func headerTooLong() response {
	return kernel(http.StatusBadRequest, "Bad Request - Request Too Long", "The size of the request headers is too long.")
}

func invalidHostname() response {
	return kernel(http.StatusBadRequest, "Bad Request - Invalid Hostname", "The request hostname is invalid.")
}

func serviceUnavailable() response {
	return kernel(http.StatusServiceUnavailable, "Service Unavailable", "The service is unavailable.")
}
