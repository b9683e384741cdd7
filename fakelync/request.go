package fakelync

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// SiteName tells the two web sites apart.
type SiteName string

// The two web sites of a machine.
const (
	InternalSite SiteName = "internal"
	ExternalSite SiteName = "external"
)

// Request is one request as it arrived, and how it was answered.
type Request struct {
	// Time is when the request's header was complete.
	Time time.Time
	// Site is the web site of the listener it came in by, and Scheme is http or https.
	Site   SiteName
	Scheme string
	// Conn numbers the machine's connections from 1, over all listeners.
	Conn int
	// Client is the peer's address.
	Client string
	// SNI is the server name of the TLS handshake, TLS its version; "" and 0 without TLS or name.
	SNI string
	TLS uint16
	// Method, RequestURI, Proto, Host and Header are as received: nothing is decoded, cleaned or folded, except that
	// header names have Go's canonical case, and that credentials, tickets and the values of cookies read "…". Host is
	// not in Header.
	Method, RequestURI, Proto, Host string
	Header                          http.Header
	// TransferEncoding holds "chunked" for a chunked body.
	TransferEncoding []string
	// BodyBytes is the number of body bytes that arrived.
	BodyBytes int64
	// Status and SubStatus are those of the answer, as IIS logs them. Status 0 means that the client went away before
	// its request was complete, or that client or machine went away before a long poll was answered.
	Status, SubStatus int
	// User is the sign-in address of whom the request was from, as its ticket, its password or its connection's Windows
	// authentication said. It is empty for nobody, and for anonymous participants of meetings.
	User string
	// Logon is what the request had to do with logging on; empty means nothing.
	Logon Logon
}

// size is about how many bytes of memory the request takes in the history.
func (r *Request) size() int {
	const itself, line = 304, 96 // a Request, and what a header line costs beside its text
	n := itself + len(r.RequestURI) + len(r.Host) + len(r.Client) + len(r.SNI)
	for name, values := range r.Header {
		n += len(name) + line
		for _, v := range values {
			n += len(v)
		}
	}
	return n
}

// Logon is a step of logging on.
type Logon string

// The steps of logging on. The first four are of Windows authentication, which belongs to a connection.
const (
	LogonBegun           Logon = "begun"            // the client's first message was answered with a challenge
	LogonGranted         Logon = "granted"          // its answer to the challenge was right
	LogonRefused         Logon = "refused"          // it was wrong, out of turn, or not allowed
	LogonKept            Logon = "kept"             // nothing was sent: the connection was authenticated before
	LogonPasswordGranted Logon = "password-granted" // a password in the body was right
	LogonPasswordRefused Logon = "password-refused" // it was wrong, or its user may not sign in
)

const (
	// bodyKept is how much of a body the applications see. Token requests are forms of a few hundred bytes; the rest
	// is only counted.
	bodyKept = 64 << 10
	// maxHeaderBytes is http.sys's limit for the request line and headers together (MaxRequestBytes).
	maxHeaderBytes = 16 << 10
)

// query is a request as the machine's software looks at it.
type query struct {
	https  bool
	method string
	host   string // bare, see bareHost
	asked  string // Host as received
	// path is decoded once and free of dot segments, its case and its double slashes kept; folded is its lower case.
	path, folded string
	rawPath      string // as received
	rawQuery     string
	header       http.Header
	headerBytes  int
	body         []byte // its first bodyKept bytes
	tooLarge     bool   // the body is above the site's limit
	conn         *conn
	// user and logon are for the history, and set on the way to the answer.
	user  string
	logon Logon
	// replied is the WWW-Authenticate of an answer that grants: the last word of a negotiation.
	replied string
}

func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connKey{}).(*conn)
	e := c.entrance
	arrived := s.cfg.now()
	q := newQuery(r, c, e.tls != nil)
	n, err := q.read(r, e.site.limits.MaxBody)
	// What comes now may take longer than the whole request was allowed to. Its error is that of a connection which is
	// gone, and then nobody waits.
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	resp := response{}
	if err == nil {
		resp = e.site.answer(q)
	}
	if resp.status != 0 {
		if q.replied != "" {
			resp.set("WWW-Authenticate", q.replied)
		}
		s.stamp(&resp, e, r.Header.Get("client-request-id"))
	}
	entry := Request{
		Time: arrived, Site: e.site.name, Scheme: "http",
		Conn: c.number, Client: r.RemoteAddr, SNI: c.sni, TLS: c.version,
		Method: r.Method, RequestURI: r.RequestURI, Proto: r.Proto, Host: r.Host,
		Header: withoutSecrets(r.Header), TransferEncoding: r.TransferEncoding,
		BodyBytes: n, Status: resp.status, SubStatus: resp.sub, User: q.user, Logon: q.logon,
	}
	if q.https {
		entry.Scheme = "https"
	}
	if resp.later != nil && s.hold(w, r, c, entry, resp.later) {
		return
	}
	s.log.Add(entry)
	if resp.status == 0 {
		panic(http.ErrAbortHandler) // net/http's way to drop a connection without an answer
	}
	resp.write(w)
}

// withoutSecrets copies a header and leaves out what would let somebody else sign in.
func withoutSecrets(h http.Header) http.Header {
	h = h.Clone()
	for i, v := range h["Authorization"] {
		scheme, _, found := strings.Cut(v, " ")
		if !found {
			scheme = ""
		}
		h["Authorization"][i] = strings.TrimSpace(scheme + " …")
	}
	for i, v := range h["X-Ms-Webticket"] {
		kind, _, found := strings.Cut(v, "=")
		if !found || kind != "cwt" && kind != "opaque" {
			h["X-Ms-Webticket"][i] = "…"
			continue
		}
		h["X-Ms-Webticket"][i] = kind + "=…"
	}
	for i, v := range h["Cookie"] {
		var names []string
		for pair := range strings.SplitSeq(v, ";") {
			name, _, _ := strings.Cut(strings.TrimSpace(pair), "=")
			names = append(names, name+"=…")
		}
		h["Cookie"][i] = strings.Join(names, "; ")
	}
	return h
}

func newQuery(r *http.Request, c *conn, https bool) *query {
	q := &query{
		conn: c, https: https, method: r.Method, host: bareHost(r.Host), asked: r.Host,
		rawPath: rawPath(r.RequestURI), rawQuery: r.URL.RawQuery, header: r.Header,
		headerBytes: len(r.Method) + len(r.RequestURI) + len(r.Proto) + len(r.Host) + len("Host: \r\n\r\n"),
	}
	for name, values := range r.Header {
		for _, v := range values {
			q.headerBytes += len(name) + len(v) + len(": \r\n")
		}
	}
	q.path = cleanPath(q.rawPath)
	q.folded = strings.ToLower(q.path)
	return q
}

// read takes the body in, keeps its beginning and counts it. The error is the client's going away.
func (q *query) read(r *http.Request, limit int64) (int64, error) {
	if r.ContentLength > limit {
		q.tooLarge = true
		return 0, nil
	}
	var kept bytes.Buffer
	body := io.LimitReader(r.Body, limit+1)
	n, err := io.Copy(&kept, io.LimitReader(body, bodyKept))
	if err == nil {
		var rest int64
		rest, err = io.Copy(io.Discard, body)
		n += rest
	}
	q.body, q.tooLarge = kept.Bytes(), n > limit
	return n, err
}

// rawPath is the path of a request target, of origin form or absolute form, as it was sent.
func rawPath(target string) string {
	target, _, _ = strings.Cut(target, "?")
	if scheme, rest, ok := strings.Cut(target, "://"); ok && !strings.Contains(scheme, "/") {
		_, path, _ := strings.Cut(rest, "/")
		return "/" + path
	}
	return target
}

// cleanPath decodes a path once and resolves its dot segments, which http.sys does before IIS sees it. Double slashes
// stay: they match no virtual directory.
func cleanPath(raw string) string {
	path, err := url.PathUnescape(raw)
	if err != nil {
		return raw
	}
	if !strings.Contains(path, "/.") {
		return path
	}
	segments := strings.Split(path, "/")
	out := segments[:0:0]
	for i, seg := range segments {
		last := i == len(segments)-1
		switch {
		case seg == "." || seg == "..":
			if seg == ".." && len(out) > 1 {
				out = out[:len(out)-1]
			}
			if last {
				out = append(out, "")
			}
		default:
			out = append(out, seg)
		}
	}
	return strings.Join(out, "/")
}

// param returns the first value of a query parameter, its name in any case as ASP.NET takes it, "" if it is absent.
func (q *query) param(name string) string {
	for pair := range strings.SplitSeq(q.rawQuery, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if k, err := url.QueryUnescape(key); err == nil && strings.EqualFold(k, name) {
			if v, err := url.QueryUnescape(value); err == nil {
				return v
			}
		}
	}
	return ""
}
