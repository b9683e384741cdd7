package probe

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"time"
)

// endpoint is where a client that signs in connects to.
type endpoint struct {
	scheme string
	host   string // Host of the requests
	name   string // SNI, and what the certificate must be for; empty for host
	via    string // the name that has the address, as overrides know it; empty for name
	addr   netip.AddrPort
	trust  string // a WebServer's Trust; empty outside and for the device's own
}

// clientConn is a connection of a client that signs in: its own, never shared, with one host at one address. Over HTTPS it
// carries requests only when the certificate verified for this vantage. It is not for several goroutines at once.
type clientConn struct {
	s       *session
	at      endpoint
	by      string   // who asks; keeps the record in the same order whatever the timing
	secrets *secrets // what must not come into the record
	// made is when the connection was made. firstByte is the time from the last request to the first byte of its answer,
	// zero when none came.
	made      time.Time
	firstByte time.Duration
	// challenge is the second NTLM message of the last answer; nil when it had none.
	challenge []byte
	// multiplexed is the connection as HTTP/2 has it; nil where HTTP/1.1 is spoken.
	multiplexed *http.ClientConn
}

// newClientConn returns a connection that is made with its first request. The caller must close it.
func (o *observer) newClientConn(at endpoint, by string, hidden *secrets) *clientConn {
	s := o.newSession(at.scheme, cmp.Or(at.name, at.host), at.addr, HandshakeSignIn)
	s.via = at.via
	return &clientConn{s: s, at: at, by: by, secrets: hidden}
}

// takeClientConn returns the connection that everybody's requests to the host go over, for what need not have its own. It is
// closed when its certificate did not verify, so that the next attempt says so. The caller must release its session.
func (o *observer) takeClientConn(ctx context.Context, at endpoint, by string, hidden *secrets) *clientConn {
	c := &clientConn{s: o.take(ctx, at.scheme, at.host, at.addr), at: at, by: by, secrets: hidden}
	if c.s.conn != nil && c.distrusted() != "" {
		c.s.close()
	}
	return c
}

func (c *clientConn) close() { c.s.close() }

// signedRequest is a request of a client that signs in.
type signedRequest struct {
	purpose string
	method  string // empty for GET
	target  string // path and query, as sent
	accept  string
	header  http.Header   // sent as it is, and never recorded
	body    []byte        // nil for none; a POST then has the length zero
	chunked bool          // the body goes in chunks, without its length
	expect  bool          // the body waits for 100 (Continue), but not for long
	same    bool          // only over the connection as it is: no new one is made
	timeout time.Duration // from the request to the end of the answer; zero means Limits.Request
}

const (
	inOneGo       = 16 << 10    // of a body: a server reads that much before it answers
	chunkSize     = 8 << 10     // of chunked bodies
	continueAfter = time.Second // without 100 (Continue) the body is sent all the same: RFC 9110 section 10.1.1
)

// do sends a request, records the exchange without its secrets, and returns it with the whole body of the answer. A
// connection that the server had closed since the last answer is made again, once, unless the request forbids it. An
// exchange that has no ID was not made: Outcome says why, with the code NotChecked when the certificate did not verify.
// Several at once, each with a connection of its own, are fine.
func (c *clientConn) do(ctx context.Context, r signedRequest) (*Exchange, []byte) {
	x := Exchange{
		Purpose: r.purpose, Method: cmp.Or(r.method, http.MethodGet), Host: c.at.host, Addr: c.at.addr.String(), Accept: r.accept,
		URL: c.secrets.scrub(c.at.scheme + "://" + c.authority() + r.target),
	}
	started := time.Now()
	reused := c.s.conn != nil && c.s.used
	body, outcome := c.try(ctx, r, &x)
	if reused && !r.same && (outcome.Code == Closed || outcome.Code == Reset) && x.Status == 0 {
		c.s.close()
		body, outcome = c.try(ctx, r, &x)
	}
	x.Elapsed = time.Since(started)
	x.Handshake = c.s.handshake
	x.Outcome = Outcome{Code: outcome.Code, Text: c.secrets.scrub(outcome.Text)}
	if x.Outcome.Code == NotChecked || !x.Outcome.OK() && over(ctx) {
		return &x, nil
	}
	c.challenge = challengeIn(x.Header)
	shown := c.secrets.scrubBody(body)
	most := bodyKept
	if r.purpose == GetMeeting || r.purpose == GetMeetingPhone {
		most = pageKept
	}
	x.Body = textOf(shown, most)
	x.Header = c.secrets.scrubHeader(x.Header)
	x.Document = parseDocument(x.Header.Get("Content-Type"), shown)
	o := c.s.o
	o.note(&x)
	o.mu.Lock()
	o.asked[x.ID] = c.by
	o.mu.Unlock()
	return &x, body
}

func (c *clientConn) authority() string {
	if c.at.name != "" && c.at.name != c.at.host { // a name that a proxy hands through
		return c.at.host
	}
	return urlHost(c.at.host, c.at.scheme, c.at.addr.Port())
}

func (c *clientConn) try(ctx context.Context, r signedRequest, x *Exchange) ([]byte, Outcome) {
	s := c.s
	if c.at.scheme != "https" && (len(r.header) > 0 || len(r.body) > 0) {
		return nil, Outcome{Code: NotChecked, Text: neverOverPlain}
	}
	if s.conn == nil && r.same {
		return nil, Outcome{Code: NotChecked, Text: "the server closed the connection after its last answer"}
	}
	if outcome := c.open(ctx); !outcome.OK() {
		return nil, outcome
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(r.timeout, s.o.limits.Request))
	defer cancel()
	deadline, _ := ctx.Deadline()
	if err := s.conn.SetDeadline(deadline); err != nil {
		return nil, classify(err)
	}
	conn := s.conn
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	body, keep, err := c.roundTrip(ctx, r, x)
	if !stop() || !keep || err != nil {
		s.close()
	}
	return body, classify(err)
}

// open makes sure that the connection is there, and may carry what is secret.
func (c *clientConn) open(ctx context.Context) Outcome {
	s := c.s
	if s.conn != nil {
		return Outcome{Code: OK}
	}
	if outcome := s.dial(ctx); s.conn == nil {
		return outcome
	}
	s.o.mu.Lock()
	s.o.shook[s.handshake] = c.by
	s.o.mu.Unlock()
	c.made = time.Now()
	if why := c.distrusted(); why != "" {
		s.close()
		return Outcome{Code: NotChecked, Text: why}
	}
	return c.begin(ctx)
}

// roundTrip writes the request and reads the answer. A large body is written while the answer is awaited, for a server
// may refuse it before it has read it.
func (c *clientConn) roundTrip(ctx context.Context, r signedRequest, x *Exchange) (body []byte, keep bool, err error) {
	s := c.s
	c.firstByte = 0
	asked := time.Now()
	defer func() {
		if first := s.budget.first; !first.Before(asked) {
			c.firstByte = first.Sub(asked)
		}
	}()
	if c.multiplexed != nil {
		return c.roundTripHTTP2(ctx, r, x)
	}
	head := c.head(r, x.Method)
	whole := len(r.body) <= inOneGo && !r.expect && !r.chunked
	if whole {
		head = append(head, r.body...)
	}
	if _, err := s.conn.Write(head); err != nil {
		return nil, false, err
	}
	if whole {
		return s.readAnswer(x)
	}

	proceed := make(chan struct{}, informative)
	s.interim = func() {
		if r.expect && x.Continued == 0 {
			x.Continued = time.Since(asked)
		}
		proceed <- struct{}{}
	}
	defer func() { s.interim = nil }()
	ended, end := context.WithCancel(ctx)
	sent := make(chan bool, 1)
	go func() {
		if r.expect {
			limit := time.NewTimer(continueAfter)
			defer limit.Stop()
			select {
			case <-proceed:
			case <-limit.C:
			case <-ended.Done():
				sent <- false
				return
			}
		}
		sent <- c.writeBody(r) == nil
	}()
	body, keep, err = s.readAnswer(x)
	end()
	select {
	case all := <-sent:
		keep = keep && all
	default: // answered before all was sent
		keep = false
		s.conn.SetWriteDeadline(time.Unix(1, 0))
		<-sent
	}
	return body, keep, err
}

// head is the request up to its body.
func (c *clientConn) head(r signedRequest, method string) []byte {
	var head bytes.Buffer
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n",
		method, r.target, c.authority(), cmp.Or(r.header.Get("User-Agent"), "lyncpin"))
	if r.accept != "" {
		fmt.Fprintf(&head, "Accept: %s\r\n", r.accept)
	}
	r.header.WriteSubset(&head, map[string]bool{"User-Agent": true})
	switch {
	case r.chunked:
		head.WriteString("Transfer-Encoding: chunked\r\n")
	case len(r.body) > 0 || method == http.MethodPost || method == http.MethodPut:
		fmt.Fprintf(&head, "Content-Length: %d\r\n", len(r.body))
	}
	if r.expect {
		head.WriteString("Expect: 100-continue\r\n")
	}
	head.WriteString("\r\n")
	return head.Bytes()
}

func (c *clientConn) writeBody(r signedRequest) error {
	if !r.chunked {
		_, err := c.s.conn.Write(r.body)
		return err
	}
	for chunk := range slices.Chunk(r.body, chunkSize) {
		if _, err := fmt.Fprintf(c.s.conn, "%x\r\n%s\r\n", len(chunk), chunk); err != nil {
			return err
		}
	}
	_, err := io.WriteString(c.s.conn, "0\r\n\r\n")
	return err
}

// distrusted says why nothing secret may go over the connection: its certificate did not verify here. It is empty when
// it did, and for plain HTTP, over which nothing secret goes anyway.
func (c *clientConn) distrusted() string {
	o := c.s.o
	o.mu.Lock()
	defer o.mu.Unlock()
	if c.at.scheme != "https" {
		return ""
	}
	h := o.section.Handshakes[c.s.handshake-1]
	trust := h.Public
	managed := o.v.Managed
	switch c.at.trust {
	case "public":
		managed = false
	case "enterprise":
		managed = true
	}
	if managed && h.Enterprise.OK() {
		trust = h.Enterprise
	}
	switch {
	case !h.NameMatch.OK():
		return "the certificate of " + h.Addr + " is not for " + h.Host
	case !trust.OK():
		return "the certificate of " + h.Host + " is not trusted here: " + trust.Words()
	}
	return ""
}

// leaf is the server's own certificate; nil over HTTP and without a connection.
func (c *clientConn) leaf() *x509.Certificate {
	conn, ok := c.s.conn.(*tls.Conn)
	if !ok {
		return nil
	}
	if chain := conn.ConnectionState().PeerCertificates; len(chain) > 0 {
		return chain[0]
	}
	return nil
}
