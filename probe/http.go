package probe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	bodyKept    = 4 << 10   // of a body in the record: enough for any discovery document and to know a log-in page
	headLimit   = 256 << 10 // of a head: twice what the largest Negotiate answer needs
	informative = 8         // 1xx answers before the real one
)

// session is a connection to one address as one host. Requests go one after the other; the connection is made
// again when the server closed it.
type session struct {
	o         *observer
	scheme    string
	host      string
	addr      netip.AddrPort
	handshook string // purpose of the handshakes
	conn      net.Conn
	reader    *bufio.Reader
	budget    *io.LimitedReader
	handshake int
	used      bool // an answer has come over this connection
}

// open returns a session, connected, or the outcome that says why not.
func (o *observer) open(ctx context.Context, scheme, host string, addr netip.AddrPort, purpose string) (*session, Outcome) {
	s := &session{o: o, scheme: scheme, host: host, addr: addr, handshook: purpose}
	return s, s.dial(ctx)
}

// take returns an idle session with the address as the client's own handshake made it, or a new one.
func (o *observer) take(ctx context.Context, scheme, host string, addr netip.AddrPort) *session {
	key := scheme + " " + host + " " + addr.String()
	o.mu.Lock()
	s := o.idle[key]
	delete(o.idle, key)
	o.mu.Unlock()
	if s == nil {
		s, _ = o.open(ctx, scheme, host, addr, HandshakeName)
	}
	return s
}

// release keeps a session for the next request to the same host, and closes it when there is one already.
func (s *session) release() {
	if s.conn == nil {
		return
	}
	key := s.scheme + " " + s.host + " " + s.addr.String()
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	if s.o.idle[key] != nil {
		s.close()
		return
	}
	s.o.idle[key] = s
}

func (s *session) dial(ctx context.Context) Outcome {
	s.close()
	var outcome Outcome
	if s.scheme == "https" {
		s.conn, s.handshake, outcome = s.o.handshake(ctx, shake{purpose: s.handshook, host: s.host, sni: s.host, addr: s.addr})
	} else {
		s.conn, outcome = s.o.connect(ctx, s.host, s.addr)
	}
	if s.conn == nil {
		return outcome
	}
	s.used = false
	s.budget = &io.LimitedReader{R: s.conn}
	s.reader = bufio.NewReader(s.budget)
	return outcome
}

func (s *session) close() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// request is what to ask.
type request struct {
	purpose string
	method  string // empty for GET
	target  string // path and query, as sent
	host    string // Host header; empty for the session's
	accept  string
	form    bool // an empty form as the body
}

// do sends one request, records the exchange and returns it. A connection that the server had closed since the
// last answer is made again, once; so is a first one that is missing.
func (s *session) do(ctx context.Context, r request) *Exchange {
	x := Exchange{
		Purpose: r.purpose, Method: r.method, Host: s.host, Addr: s.addr.String(), Accept: r.accept,
	}
	if x.Method == "" {
		x.Method = http.MethodGet
	}
	if r.host != "" {
		x.Host = strings.ToLower(r.host)
	}
	x.URL = s.scheme + "://" + urlHost(x.Host, s.scheme, s.addr.Port()) + r.target
	started := time.Now()
	reused := s.conn != nil && s.used
	x.Outcome = s.try(ctx, r, &x)
	if reused && (x.Outcome.Code == Closed || x.Outcome.Code == Reset) && x.Status == 0 {
		s.close()
		x.Outcome = s.try(ctx, r, &x)
	}
	x.Elapsed = time.Since(started)
	x.Handshake = s.handshake

	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	x.ID = len(s.o.section.Exchanges) + 1
	s.o.section.Exchanges = append(s.o.section.Exchanges, x)
	return &x
}

// try makes one attempt on the connection as it is.
func (s *session) try(ctx context.Context, r request, x *Exchange) Outcome {
	if s.conn == nil {
		if outcome := s.dial(ctx); s.conn == nil {
			return outcome
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.limits.Request)
	defer cancel()
	deadline, _ := ctx.Deadline()
	if err := s.conn.SetDeadline(deadline); err != nil {
		return classify(err)
	}
	stop := context.AfterFunc(ctx, func() { s.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	keep, err := s.roundTrip(r, x)
	if !keep || err != nil {
		s.close()
	}
	return classify(err)
}

// roundTrip writes the request and reads the answer; keep tells whether the connection can serve again.
func (s *session) roundTrip(r request, x *Exchange) (keep bool, err error) {
	var head bytes.Buffer
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: lyncpin\r\n", x.Method, r.target, urlHost(x.Host, s.scheme, s.addr.Port()))
	if r.accept != "" {
		fmt.Fprintf(&head, "Accept: %s\r\n", r.accept)
	}
	if r.form {
		head.WriteString("Content-Type: application/x-www-form-urlencoded;charset=UTF-8\r\nContent-Length: 0\r\n")
	}
	head.WriteString("\r\n")
	if _, err := s.conn.Write(head.Bytes()); err != nil {
		return false, err
	}
	s.budget.N = headLimit + s.o.limits.Body
	var resp *http.Response
	for range informative {
		if resp, err = http.ReadResponse(s.reader, &http.Request{Method: x.Method}); err != nil {
			if s.budget.N <= 0 {
				return false, errTooLarge
			}
			return false, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			break
		}
	}
	defer resp.Body.Close()
	x.Status = resp.StatusCode
	x.Header = withoutCookies(resp.Header)
	body, err := io.ReadAll(io.LimitReader(resp.Body, s.o.limits.Body+1))
	x.Size = len(body)
	x.Body = textOf(body)
	if int64(len(body)) > s.o.limits.Body {
		return false, errTooLarge
	}
	if err != nil {
		if s.budget.N <= 0 {
			return false, errTooLarge
		}
		return false, err
	}
	x.Document = parseDocument(resp.Header.Get("Content-Type"), body)
	s.used = true
	return !resp.Close && resp.StatusCode != http.StatusSwitchingProtocols, nil
}

// withoutCookies copies a header; of cookies it keeps the name and the attributes, for they may be secrets.
func withoutCookies(h http.Header) http.Header {
	out := h.Clone()
	for i, c := range out["Set-Cookie"] {
		pair, attributes, _ := strings.Cut(c, ";")
		name, _, _ := strings.Cut(pair, "=")
		out["Set-Cookie"][i] = name + "=…;" + attributes
	}
	return out
}

// textOf is the start of a body when it is text; a body of other bytes is no evidence anybody could read.
func textOf(body []byte) string {
	if len(body) > bodyKept {
		body = body[:bodyKept]
		for len(body) > 0 && !utf8.RuneStart(body[len(body)-1]) {
			body = body[:len(body)-1]
		}
		if n := len(body); n > 0 && body[n-1] >= utf8.RuneSelf {
			body = body[:n-1]
		}
	}
	if !utf8.Valid(body) || bytes.IndexByte(body, 0) >= 0 {
		return ""
	}
	return string(body)
}

// urlHost is the host with its port, unless that is the scheme's own or a Front End's published form of it.
func urlHost(host, scheme string, port uint16) string {
	if scheme == "https" && (port == 443 || port == 4443) || scheme == "http" && (port == 80 || port == 8080) {
		if strings.Contains(host, ":") {
			return "[" + host + "]"
		}
		return host
	}
	return net.JoinHostPort(host, fmt.Sprint(port))
}

// errBadURL is the reason not to follow a link.
var errBadURL = errors.New("not a URL that a client would follow")

// followable takes a link apart when a client would follow it: http or https, a valid host, no credentials.
func followable(link string) (*url.URL, error) {
	u, err := url.Parse(link)
	if err != nil {
		return nil, errBadURL
	}
	host := strings.ToLower(u.Hostname())
	if !slices.Contains([]string{"http", "https"}, u.Scheme) || u.User != nil || (!validName(host) && !isAddress(host)) {
		return nil, errBadURL
	}
	return u, nil
}

// portOf is the port of a URL.
func portOf(u *url.URL) uint16 {
	var port uint16
	if _, err := fmt.Sscanf(u.Port(), "%d", &port); err == nil && port != 0 {
		return port
	}
	if u.Scheme == "http" {
		return 80
	}
	return 443
}
