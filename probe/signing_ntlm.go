package probe

import (
	"bytes"
	"context"
	"crypto"
	"crypto/md5" //nolint:gosec // RFC 4121 section 4.1.1.2 wants it of channel bindings
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/Azure/go-ntlmssp"
)

// logon makes a request by Windows authentication, over a connection of its own, and records the log-on: without
// credentials, with the first message, with the third. RFC 4559; [MS-NTHT] 4. The exchange is that of the last leg.
// The caller has the password's turn, and must not go on with others when it is zero.
func (w *way) logon(ctx context.Context, c *clientConn, r signedRequest) (*Exchange, []byte, *Logon) {
	l := &Logon{Client: w.client, Account: w.account.SIP, Host: c.at.host, Addr: c.at.addr.String(), Protocol: "1.1", Result: LogonFailed}
	if c.multiplexed != nil {
		l.Protocol = "2"
	}
	x, body := w.legs(ctx, c, r, l)
	l.URL = x.URL
	if l.Result == LogonGranted && ctx.Err() == nil {
		again, _ := c.do(ctx, sameConnection(r, ""))
		switch {
		case again.Status == http.StatusUnauthorized:
			l.Kept = "no"
		case again.Outcome.OK():
			l.Kept = "yes"
		}
	}
	if len(l.Exchanges) > 0 {
		o := w.o
		o.mu.Lock()
		l.ID = len(o.section.Logons) + 1
		o.section.Logons = append(o.section.Logons, *l)
		o.mu.Unlock()
	}
	if l.Result == LogonGranted && c.multiplexed == nil {
		w.logonHTTP2(ctx, c.at, r)
	}
	return x, body, l
}

// legs makes the three requests, and notes in the log-on what came of them.
func (w *way) legs(ctx context.Context, c *clientConn, r signedRequest, l *Logon) (*Exchange, []byte) {
	leg := func(r signedRequest) (*Exchange, []byte) {
		x, body := c.do(ctx, r)
		if x.ID != 0 {
			l.Exchanges = append(l.Exchanges, x.ID)
			l.Servers = append(l.Servers, x.Header.Get("X-Ms-Server-Fqdn"))
		}
		return x, body
	}
	x, body := leg(r)
	if !x.Outcome.OK() {
		return x, body
	}
	l.Offered = schemesOf(x.Header)
	for _, scheme := range []string{"NTLM", "Negotiate"} { // the former needs no Kerberos and no wrapping
		if l.Scheme == "" && slices.ContainsFunc(l.Offered, func(s string) bool { return strings.EqualFold(s, scheme) }) {
			l.Scheme = scheme
		}
	}
	if x.Status != http.StatusUnauthorized || l.Scheme == "" {
		l.Result = LogonNotOffered
		return x, body
	}

	first, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		return x, body
	}
	// The first message may go over a new connection when the server closed the old one; the third may not.
	x, body = leg(withMessage(r, l.Scheme, first))
	if !x.Outcome.OK() {
		return x, body
	}
	second := c.challenge
	if x.Status != http.StatusUnauthorized || second == nil {
		if x.Status == http.StatusUnauthorized {
			l.Result = LogonNoChallenge
		}
		return x, body
	}
	whole := false
	if w.client == ClientDesktop { // Windows sends the binding; phones do not, and so tell whether it is wanted
		second, whole = bindChannel(second, c.leaf())
	}
	third, err := ntlmssp.NewAuthenticateMessage(second, w.account.login(), string(w.account.Password), nil)
	if err != nil {
		return x, body // a challenge that nobody could answer; nothing of the password has been sent
	}
	l.Bound = whole
	x, body = leg(sameConnection(r, l.Scheme+" "+base64.StdEncoding.EncodeToString(third)))
	switch {
	case x.Status >= 200 && x.Status < 300 && x.Outcome.OK():
		l.Result = LogonGranted
		w.trial.note(saysRight)
	case x.Status == http.StatusUnauthorized:
		l.Result = LogonRefused
		w.trial.note(refusalOf(l))
	case x.Status == http.StatusForbidden && MakerOf(x).FrontEnd:
		w.trial.note(saysRight) // let in, and then told that this account may not
	case x.Outcome.Code != NotChecked:
		w.trial.note(saysNothing)
	}
	return x, body
}

// refusalOf is what a refused third leg says of the password: nothing when another machine answered than the one that
// made the challenge, for it could not know.
func refusalOf(l *Logon) passwordVerdict {
	n := len(l.Servers)
	if second, third := l.Servers[n-2], l.Servers[n-1]; second != "" && third != "" && second != third {
		return saysNothing
	}
	return saysWrong
}

// schemesOf are the schemes of a 401 in order.
func schemesOf(h http.Header) []string {
	var out []string
	for _, line := range h.Values("Www-Authenticate") {
		scheme, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if scheme = strings.TrimSuffix(scheme, ","); scheme != "" && len(out) < 16 {
			out = append(out, clean(scheme, 64))
		}
	}
	return out
}

func withMessage(r signedRequest, scheme string, message []byte) signedRequest {
	return withAuthorization(r, scheme+" "+base64.StdEncoding.EncodeToString(message))
}

func withAuthorization(r signedRequest, value string) signedRequest {
	r.header = r.header.Clone()
	if r.header == nil {
		r.header = http.Header{}
	}
	if value != "" {
		r.header.Set("Authorization", value)
	}
	return r
}

// sameConnection is the request with these credentials, or none, over the connection as it is.
func sameConnection(r signedRequest, authorization string) signedRequest {
	r = withAuthorization(r, authorization)
	r.same = true
	return r
}

var signature = []byte("NTLMSSP\x00")

// maxChallenge bounds a second message; those of Windows have about 300 bytes.
const maxChallenge = 16 << 10

// challengeIn is the second NTLM message in the header of a 401; nil when there is none. Within Negotiate it comes bare
// or inside a SPNEGO token, whose other parts lie in front of and behind it; offsets count from the message's start.
func challengeIn(h http.Header) []byte {
	for _, line := range h.Values("Www-Authenticate") {
		scheme, token, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.EqualFold(scheme, "NTLM") && !strings.EqualFold(scheme, "Negotiate") || len(token) > maxChallenge {
			continue
		}
		message, err := base64.StdEncoding.DecodeString(strings.TrimSpace(token))
		if at := bytes.Index(message, signature); err == nil && at >= 0 {
			return message[at:]
		}
	}
	return nil
}

// Of a second message: [MS-NLMP] 2.2.1.2, 2.2.2.1.
const (
	targetInfoAt     = 40 // the field: length, room, offset
	challengeHead    = 48
	avEOL            = 0
	avChannelBinding = 10
	avPairHead       = 4
)

var errChallenge = errors.New("no NTLM challenge")

// bindChannel adds the channel binding of a TLS connection to what a challenge says of its target, which the response
// repeats under its own proof: [MS-NLMP] 3.1.5.1.2. The library that makes the response sends no MIC, so the challenge
// may be another than the one that came. Without a certificate, or when the challenge has no such list, it is returned
// as it is, and false.
func bindChannel(challenge []byte, leaf *x509.Certificate) ([]byte, bool) {
	pairs, err := targetInfo(challenge)
	hash := endPoint(leaf)
	if err != nil || hash == nil {
		return challenge, false
	}
	info := slices.Clone(pairs)
	info = binary.LittleEndian.AppendUint16(info, avChannelBinding)
	info = binary.LittleEndian.AppendUint16(info, uint16(len(hash)))
	info = append(append(info, hash...), 0, 0, 0, 0) // MsvAvEOL
	out := append(slices.Clone(challenge), info...)
	binary.LittleEndian.PutUint16(out[targetInfoAt:], uint16(len(info)))
	binary.LittleEndian.PutUint16(out[targetInfoAt+2:], uint16(len(info)))
	binary.LittleEndian.PutUint32(out[targetInfoAt+4:], uint32(len(challenge)))
	return out, true
}

// targetInfo is the list of pairs of a challenge without its end.
func targetInfo(challenge []byte) ([]byte, error) {
	if len(challenge) < challengeHead || len(challenge) > maxChallenge {
		return nil, errChallenge
	}
	size := int(binary.LittleEndian.Uint16(challenge[targetInfoAt:]))
	offset := binary.LittleEndian.Uint32(challenge[targetInfoAt+4:])
	if size == 0 || uint64(offset)+uint64(size) > uint64(len(challenge)) {
		return nil, errChallenge
	}
	info := challenge[offset : int(offset)+size]
	for at := 0; at+avPairHead <= len(info); {
		id, length := binary.LittleEndian.Uint16(info[at:]), int(binary.LittleEndian.Uint16(info[at+2:]))
		if id == avEOL {
			return info[:at], nil
		}
		at += avPairHead + length
	}
	return nil, errChallenge
}

// endPoint is the MD5 of the channel bindings structure for tls-server-end-point, which holds the hash of the server's
// certificate: RFC 5929 section 4.1, RFC 2744 section 3.11, [MS-NLMP] 2.2.2.1. Nil without a certificate.
func endPoint(leaf *x509.Certificate) []byte {
	if leaf == nil {
		return nil
	}
	hash := crypto.SHA256 // also in place of MD5 and SHA-1
	switch leaf.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		hash = crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		hash = crypto.SHA512
	}
	h := hash.New()
	h.Write(leaf.Raw)
	return channelBindings(append([]byte("tls-server-end-point:"), h.Sum(nil)...))
}

// channelBindings is the MD5 of the structure that holds the data and no addresses.
func channelBindings(data []byte) []byte {
	structure := make([]byte, 16)
	structure = binary.LittleEndian.AppendUint32(structure, uint32(len(data)))
	sum := md5.Sum(append(structure, data...)) //nolint:gosec
	return sum[:]
}
