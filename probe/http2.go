package probe

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/go-ntlmssp"
)

// logonOverHTTP2 logs on as browsers would where the listener of the client's application chooses HTTP/2, whose
// connections are not anybody's. The password is known to be right. [MS-NTHT] 1.5; RFC 9113 section 9.1.
func (o *observer) logonOverHTTP2(ctx context.Context, who *signedIn) {
	if !o.chosen("h2", who.at.addr.String()) {
		return
	}
	c := who.connect("h2")
	conn, id, _ := o.handshake(ctx, shake{
		purpose: HandshakeHTTP2, host: c.s.host, via: who.at.via, sni: c.s.host, addr: who.at.addr, http2: true,
	})
	if conn == nil {
		return
	}
	defer conn.Close()
	c.s.handshake = id
	secure, ok := conn.(*tls.Conn)
	if c.distrusted() != "" || !ok || secure.ConnectionState().NegotiatedProtocol != "h2" {
		return
	}
	free := make(chan net.Conn, 1)
	free <- conn
	client := &http.Transport{
		ForceAttemptHTTP2: true, MaxResponseHeaderBytes: headLimit, DisableCompression: true,
		DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
			select {
			case c := <-free:
				return c, nil
			default: // the log-on is of that connection
				return nil, net.ErrClosed
			}
		},
	}
	defer client.CloseIdleConnections()
	entropy := make([]byte, 32)
	rand.Read(entropy)
	path := "/WebTicket/WebTicketService.svc"
	h := &overHTTP2{o: o, who: who, client: client, handshake: id, url: who.at.scheme + "://" + c.authority() + path}
	h.body = ticketRequest(compactTicket, newUUID(), who.application.String(), who.account.SIP, entropy)
	h.logon(ctx, secure)
}

// chosen tells whether a listener chose a protocol in an earlier handshake.
func (o *observer) chosen(protocol, addr string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.section.Handshakes, func(h Handshake) bool {
		return h.Purpose == HandshakeHTTP2 && h.Addr == addr && h.ALPN == protocol
	})
}

// overHTTP2 is a connection of HTTP/2, over which one log-on is made.
type overHTTP2 struct {
	o         *observer
	who       *signedIn
	client    *http.Transport
	handshake int
	url       string
	body      []byte
}

// logon makes the three requests of a log-on, and records it.
func (h *overHTTP2) logon(ctx context.Context, conn *tls.Conn) {
	l := Logon{Client: h.who.client, Account: h.who.account.SIP, URL: h.url, Host: h.who.at.host, Addr: h.who.at.addr.String(), Protocol: "2", Result: LogonFailed}
	defer func() {
		if len(l.Exchanges) == 0 {
			return
		}
		h.o.mu.Lock()
		defer h.o.mu.Unlock()
		l.ID = len(h.o.section.Logons) + 1
		h.o.section.Logons = append(h.o.section.Logons, l)
	}()
	leg := func(message []byte) (*Exchange, []byte) {
		authorization := ""
		if message != nil {
			authorization = l.Scheme + " " + base64.StdEncoding.EncodeToString(message)
		}
		x, challenge := h.do(ctx, authorization)
		if x.ID != 0 {
			l.Exchanges = append(l.Exchanges, x.ID)
			l.Servers = append(l.Servers, x.Header.Get("X-Ms-Server-Fqdn"))
		}
		return x, challenge
	}
	x, _ := leg(nil)
	l.Offered = schemesOf(x.Header)
	for _, scheme := range []string{"NTLM", "Negotiate"} {
		if l.Scheme == "" && slices.ContainsFunc(l.Offered, func(s string) bool { return strings.EqualFold(s, scheme) }) {
			l.Scheme = scheme
		}
	}
	if !x.Outcome.OK() {
		return
	}
	if x.Status != http.StatusUnauthorized || l.Scheme == "" {
		l.Result = LogonNotOffered
		return
	}
	first, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		return
	}
	x, challenge := leg(first)
	if x.Status != http.StatusUnauthorized || challenge == nil {
		if x.Status == http.StatusUnauthorized {
			l.Result = LogonNoChallenge
		}
		return
	}
	bound, whole := bindChannel(challenge, conn.ConnectionState().PeerCertificates[0])
	third, err := ntlmssp.NewAuthenticateMessage(bound, h.who.account.login(), string(h.who.account.Password), nil)
	if err != nil {
		return
	}
	l.Bound = whole
	switch x, _ = leg(third); {
	case x.Outcome.OK() && x.Status >= 200 && x.Status <= 299:
		l.Result = LogonGranted
	case x.Status == http.StatusUnauthorized:
		l.Result = LogonRefused
	}
}

// do makes one request, and records it without its secrets. The challenge is the second message of a log-on, if the
// answer has one.
func (h *overHTTP2) do(ctx context.Context, authorization string) (x *Exchange, challenge []byte) {
	x = &Exchange{
		Handshake: h.handshake, Purpose: SignInTicket, Method: http.MethodPost, URL: h.url, Host: h.who.at.host, Addr: h.who.at.addr.String(),
	}
	limited, cancel := context.WithTimeout(ctx, h.o.limits.Request)
	defer cancel()
	started := time.Now()
	err := func() error {
		r, err := http.NewRequestWithContext(limited, x.Method, h.url, bytes.NewReader(h.body))
		if err != nil {
			return err
		}
		r.Header = http.Header{"Content-Type": {"text/xml; charset=utf-8"}, "Soapaction": {issueAction}, "User-Agent": {"lyncpin"}}
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		resp, err := h.client.RoundTrip(r)
		if err != nil {
			return cmp.Or(limited.Err(), err)
		}
		defer resp.Body.Close()
		x.Status, x.Header = resp.StatusCode, kept(resp.Header)
		challenge = challengeIn(x.Header)
		x.Header = h.who.secrets.scrubHeader(x.Header)
		body, err := io.ReadAll(io.LimitReader(resp.Body, h.o.limits.Body+1))
		x.Size, x.Body = len(body), textOf(h.who.secrets.scrubBody(body), bodyKept)
		if int64(len(body)) > h.o.limits.Body {
			return errTooLarge
		}
		return err
	}()
	x.Outcome = classify(err)
	x.Outcome.Text = h.who.secrets.scrub(x.Outcome.Text)
	x.Elapsed = time.Since(started)
	if !x.Outcome.OK() && over(ctx) {
		return x, nil
	}
	h.o.note(x)
	h.o.mu.Lock()
	h.o.asked[x.ID] = h.who.by + " h2"
	h.o.mu.Unlock()
	return x, challenge
}
