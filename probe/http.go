package probe

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	pageKept    = 16 << 10             // of a meeting's join page, which says at its end what it takes the client for
	bodyKept    = 4 << 10              // of a body in the record: enough for any discovery document and to know a log-in page
	headLimit   = 64 << 10             // of a head: IIS and the proxies send at most a quarter of it
	informative = 8                    // 1xx answers before the real one
	maxSilence  = 2                    // requests to one host and address that may go without an answer
	together    = 4                    // requests at once to one address nearby: a proxy counts connections, in front and behind
	togetherFar = 12                   // the same where most of them are on their way
	farAway     = 6 * time.Millisecond // of connecting: one more request at once for each
	lanesFar    = 8                    // connections for the requests to one host there, which two dozen make in three trips
	patience    = time.Second / 2      // how long one waits for its turn: a server that hangs must not hold up the rest
)

// session is a connection to one address as one host. Requests go one after the other; the connection is made
// again when the server closed it.
type session struct {
	o         *observer
	scheme    string
	host      string
	via       string // the name that has the address, as overrides know it; empty for host
	addr      netip.AddrPort
	handshook string // purpose of the handshakes
	conn      net.Conn
	reader    *bufio.Reader
	budget    *limited
	handshake int
	used      bool   // an answer has come over this connection
	answered  bool   // an answer has come over any connection of the session
	silence   int    // requests that timed out
	like      int    // the handshake that the record has in place of good ones of this session; zero for their own
	interim   func() // called for every 1xx answer; may be nil
	// cookies are those of all answers, by name, as a client sends them back to the same server.
	cookies map[string]string
}

// slot holds the session of one host and address from request to request. One goroutine at a time has it, so that
// how many connections there are does not depend on timing.
type slot struct {
	taken     chan struct{} // full while somebody has it
	session   *session
	first     once // the first attempt to connect
	reached   bool // by that
	handshake int  // of it; zero over HTTP
}

// take returns the session with the address as the client's own handshake makes it, connected when that can be. The
// caller must release it, and take no other before.
func (o *observer) take(ctx context.Context, scheme, host string, addr netip.AddrPort) *session {
	sl := o.slot(scheme, host, addr)
	tried := sl.connect(ctx)
	s := sl.session
	s.hold()
	if s.conn == nil && !tried && !s.hopeless() {
		s.dial(ctx)
	}
	return s
}

// approach makes sure that the first attempt to connect to the address has ended, and tells with reached whether
// it led there. The session is not taken.
func (o *observer) approach(ctx context.Context, scheme, host string, addr netip.AddrPort) *slot {
	sl := o.slot(scheme, host, addr)
	sl.connect(ctx)
	return sl
}

// connect makes sure that the first attempt to connect has ended, and tells whether the caller made it.
func (sl *slot) connect(ctx context.Context) (tried bool) {
	sl.first.do(func() {
		tried = true
		sl.session.hold()
		defer sl.session.release()
		sl.session.dial(ctx)
		sl.reached, sl.handshake = sl.session.conn != nil, sl.session.handshake
	})
	return tried
}

// hold waits until nobody else has the session, which may be closed. The caller must release it.
func (s *session) hold() { s.o.slot(s.scheme, s.host, s.addr).taken <- struct{}{} }

// release lets others use the session.
func (s *session) release() { <-s.o.slot(s.scheme, s.host, s.addr).taken }

func (o *observer) slot(scheme, host string, addr netip.AddrPort) *slot {
	key := scheme + " " + host + " " + addr.String()
	o.mu.Lock()
	defer o.mu.Unlock()
	sl := o.slots[key]
	if sl == nil {
		sl = &slot{taken: make(chan struct{}, 1), session: o.newSession(scheme, host, addr, HandshakeName), first: newOnce()}
		o.slots[key] = sl
	}
	return sl
}

// newSession returns a session that is not connected yet and belongs to the caller alone.
func (o *observer) newSession(scheme, host string, addr netip.AddrPort, purpose string) *session {
	return &session{o: o, scheme: scheme, host: host, addr: addr, handshook: purpose}
}

// hopeless tells that the server has been silent so often that asking more would only cost time.
func (s *session) hopeless() bool {
	return s.silence >= maxSilence || s.silence > 0 && !s.answered
}

// atOnce is how many requests may be on their way to an address. Over a long way a server sees as few of them at a time as
// over a short one.
func (o *observer) atOnce(addr string) int {
	if o.limits.AtOnce > 0 {
		return o.limits.AtOnce
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return min(together+int(o.distance[addr]/farAway), togetherFar)
}

// doAll sends requests: nearby over the session, which is nobody's between them; over a long way several at a time, over
// connections of their own, and what those leave over the session.
func (sl *slot) doAll(ctx context.Context, list []request) {
	s := sl.session
	queue := make(chan request, len(list))
	for _, r := range list {
		queue <- r
	}
	close(queue)
	var asking sync.WaitGroup
	for range min(s.o.atOnce(s.addr.String())-together, lanesFar, len(list)) {
		asking.Go(func() {
			lane := s.o.newSession(s.scheme, s.host, s.addr, s.handshook)
			lane.like = sl.handshake
			defer lane.close()
			if lane.dial(ctx); lane.conn == nil {
				return // the others ask
			}
			for !lane.hopeless() {
				r, more := <-queue
				if !more {
					return
				}
				lane.do(ctx, r)
			}
		})
	}
	asking.Wait()
	for r := range queue {
		s.hold()
		s.do(ctx, r)
		s.release()
	}
}

func (s *session) dial(ctx context.Context) Outcome {
	s.close()
	var outcome Outcome
	if s.scheme == "https" {
		s.conn, s.handshake, outcome = s.o.handshake(ctx, shake{purpose: s.handshook, host: s.host, via: s.via, sni: s.host, addr: s.addr, http2: s.handshook == HandshakeHTTP2})
	} else {
		s.conn, outcome = s.o.connect(ctx, cmp.Or(s.via, s.host), s.addr)
	}
	if s.conn == nil {
		if outcome.Code == Timeout {
			s.silence++
		}
		return outcome
	}
	if s.like != 0 && s.handshake != 0 {
		s.o.unrecord(s.handshake)
		s.handshake = s.like
	}
	s.used = false
	s.budget = &limited{conn: s.conn}
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
	shown   string // the target as records have it; empty for target
	host    string // Host header; empty for the session's
	accept  string
	form    bool     // an empty form as the body
	fields  []string // further header lines, "Name: value"
	gzip    bool     // the answer may be compressed
}

// do sends one request, records the exchange and returns it. A connection that the server had closed since the
// last answer is made again, once; so is a first one that is missing. A server that stays silent is not asked again,
// and what was not asked or was cut off by the end of the run is no observation.
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
	x.URL = s.scheme + "://" + s.authority(r) + cmp.Or(r.shown, r.target)
	if s.hopeless() {
		x.Outcome = Outcome{Code: NotChecked, Text: "the server has been silent too often"}
		return &x
	}
	defer s.o.wait(ctx, x.Addr, slices.Contains(leading, r.purpose))()
	started := time.Now()
	reused := s.conn != nil && s.used
	x.Outcome = s.try(ctx, r, &x)
	if reused && (x.Outcome.Code == Closed || x.Outcome.Code == Reset) && x.Status == 0 {
		s.close()
		x.Outcome = s.try(ctx, r, &x)
	}
	x.Elapsed = time.Since(started)
	x.Handshake = s.handshake
	switch {
	case !x.Outcome.OK() && over(ctx):
		return &x
	case x.Outcome.Code == Timeout:
		s.silence++
	case x.Status != 0:
		s.answered = true
	}

	s.o.note(&x)
	return &x
}

// unrecord takes a good handshake out of the record: how many of its kind there are is a matter of distance.
func (o *observer) unrecord(handshake int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.section.Handshakes[handshake-1].Purpose = leftOut
}

// note numbers an exchange and appends it to the section.
func (o *observer) note(x *Exchange) {
	o.mu.Lock()
	defer o.mu.Unlock()
	x.ID = len(o.section.Exchanges) + 1
	o.section.Exchanges = append(o.section.Exchanges, *x)
}

// leading are the purposes of requests whose answers others wait for.
var leading = []string{GetRoot, GetRootLegacy, GetHop, GetUser}

// wait lets a few requests at once go to an address, half as many more of those that lead on, and returns what to call
// after the answer. A request that has waited long enough goes anyway.
func (o *observer) wait(ctx context.Context, addr string, leads bool) (done func()) {
	bound := o.atOnce(addr)
	if leads {
		addr, bound = "leading "+addr, max(1, bound/2)
	}
	o.mu.Lock()
	turns := o.turns[addr]
	if turns == nil {
		turns = make(chan struct{}, bound)
		o.turns[addr] = turns
	}
	o.mu.Unlock()
	leave := func() { <-turns }
	select {
	case turns <- struct{}{}:
		return leave
	default:
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case turns <- struct{}{}:
		return leave
	case <-limit.C:
	case <-ctx.Done():
	}
	return func() {}
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
	conn := s.conn
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	keep, err := s.roundTrip(r, x)
	if !stop() || !keep || err != nil {
		s.close()
	}
	return classify(err)
}

// roundTrip writes the request and reads the answer; keep tells whether the connection can serve again.
func (s *session) roundTrip(r request, x *Exchange) (keep bool, err error) {
	var head bytes.Buffer
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: lyncpin\r\n", x.Method, r.target, s.authority(r))
	if r.accept != "" {
		fmt.Fprintf(&head, "Accept: %s\r\n", r.accept)
	}
	for _, f := range r.fields {
		head.WriteString(f + "\r\n")
	}
	if r.gzip {
		head.WriteString("Accept-Encoding: gzip\r\n")
	}
	if r.form {
		head.WriteString("Content-Type: application/x-www-form-urlencoded;charset=UTF-8\r\nContent-Length: 0\r\n")
	}
	head.WriteString("\r\n")
	if _, err := s.conn.Write(head.Bytes()); err != nil {
		return false, err
	}
	body, keep, err := s.readAnswer(x)
	if r.gzip && err == nil {
		err = s.o.unzip(x, body)
	}
	return keep, err
}

// readAnswer reads the final answer into the exchange, and returns its whole body.
func (s *session) readAnswer(x *Exchange) (body []byte, keep bool, err error) {
	resp, err := s.readHead(x.Method)
	if err != nil {
		return nil, false, err
	}
	defer resp.Body.Close()
	x.Status = resp.StatusCode
	x.Header = kept(resp.Header)
	for _, c := range resp.Cookies() {
		if s.cookies == nil {
			s.cookies = map[string]string{}
		}
		s.cookies[c.Name] = c.Value
	}
	if resp.Close { // net/http takes the field out
		x.Header["Connection"] = []string{"close"}
	}
	s.budget.left += s.o.limits.Body
	body, err = io.ReadAll(io.LimitReader(resp.Body, s.o.limits.Body+1))
	x.Size = len(body)
	x.Body = textOf(body, bodyKept)
	switch {
	case int64(len(body)) > s.o.limits.Body:
		return nil, false, errTooLarge
	case err != nil:
		return nil, false, s.readError(err)
	}
	x.Document = parseDocument(resp.Header.Get("Content-Type"), body)
	s.used = true
	// Bytes beyond the answer would be taken for the next one.
	return body, !resp.Close && resp.StatusCode != http.StatusSwitchingProtocols && s.reader.Buffered() == 0, nil
}

// readHead reads the head of the final answer.
func (s *session) readHead(method string) (*http.Response, error) {
	s.budget.left, s.budget.first = headLimit, time.Time{}
	for range informative {
		resp, err := http.ReadResponse(s.reader, &http.Request{Method: method})
		if err != nil {
			return nil, s.readError(err)
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, nil
		}
		resp.Body.Close()
		if s.interim != nil {
			s.interim()
		}
	}
	return nil, malformed{errors.New("interim answers without end")}
}

// readError says why an answer could not be read. Readers of lines hide an error that comes within a line.
func (s *session) readError(err error) error {
	if s.budget.err != nil {
		return s.budget.err
	}
	return malformed{err}
}

// limited reads a connection up to a limit, and remembers why it ended.
type limited struct {
	conn net.Conn
	left int64
	err  error
	// first is when the first byte of the answer came.
	first time.Time
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		l.err = errTooLarge
		return 0, l.err
	}
	n, err := l.conn.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	if n > 0 && l.first.IsZero() {
		l.first = time.Now()
	}
	if err != nil {
		l.err = err
	}
	return n, err
}

// kept is the header as a record has it. Of cookies it keeps the name and the attributes, for they may be secrets;
// one without a name is all value.
func kept(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		for _, v := range values {
			if name == "Set-Cookie" || name == "Set-Cookie2" {
				pair, attributes, more := strings.Cut(v, ";")
				cookie, _, named := strings.Cut(pair, "=")
				if v = "…"; named {
					v = cookie + "=…"
				}
				if more {
					v += ";" + attributes
				}
			}
			out[name] = append(out[name], clean(v, headLimit))
		}
	}
	return out
}

// textOf is the start of a body, up to so many bytes, when it is text; a body of other bytes is no evidence anybody could read.
func textOf(body []byte, most int) string {
	if len(body) > most {
		body = body[:most]
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

// authority is the host as URL and Host header have it. A request for another name than the server's own is one that
// a proxy hands through, so it has no port.
func (s *session) authority(r request) string {
	if r.host != "" {
		return strings.ToLower(r.host)
	}
	return urlHost(s.host, s.scheme, s.addr.Port())
}

// urlHost is the host with its port, unless that is the scheme's own.
func urlHost(host, scheme string, port uint16) string {
	if scheme == "https" && port == 443 || scheme == "http" && port == 80 {
		if strings.Contains(host, ":") {
			return "[" + host + "]"
		}
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// errBadURL is the reason not to follow a link.
var errBadURL = errors.New("not a URL that a client would follow")

// link is a URL that a client would follow, taken apart.
type link struct {
	scheme, host string // in lower case
	port         uint16
	target       string // path and query, fit for a request line
}

// String is the URL in the form in which exchanges have it.
func (l link) String() string { return l.scheme + "://" + urlHost(l.host, l.scheme, l.port) + l.target }

// followable takes a URL apart when a client would follow it: http or https, a valid host and port, no credentials.
func followable(rawURL string) (link, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.User != nil {
		return link{}, errBadURL
	}
	l := link{scheme: u.Scheme, host: strings.ToLower(u.Hostname()), target: escaped(u.RequestURI())}
	switch u.Scheme {
	case "https":
		l.port = 443
	case "http":
		l.port = 80
	default:
		return link{}, errBadURL
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return link{}, errBadURL
		}
		l.port = uint16(n)
	}
	if !validName(l.host) && !isAddress(l.host) {
		return link{}, errBadURL
	}
	return l, nil
}

// escaped makes a path and query fit for a request line: url.Parse lets blanks and other bytes into a query.
func escaped(target string) string {
	var out strings.Builder
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&out, "%%%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}
