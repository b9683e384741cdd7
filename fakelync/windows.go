package fakelync

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// windowsUser is whom Windows authentication says the request is from, or nil with the refusal. Authentication belongs to
// the connection (RFC 4559, 6): its messages count on the connection they came by only, and a connection once
// authenticated stays so, as IIS leaves it by default (authPersistSingleRequest). size is that of the page of the 401.
func (s *site) windowsUser(q *query, size int) (u *User, refusal response) {
	scheme, token, _ := strings.Cut(q.header.Get("Authorization"), " ")
	i := slices.IndexFunc(s.windowsSchemes(), func(offered string) bool { return strings.EqualFold(offered, scheme) })
	if i < 0 || !strings.EqualFold(scheme, "NTLM") && !strings.EqualFold(scheme, "Negotiate") {
		if q.conn.user != nil {
			q.logon, q.user = LogonKept, q.conn.user.SIP
			return s.admitted(q.conn.user)
		}
		return nil, s.windowsChallenge(size)
	}
	scheme = s.windowsSchemes()[i]
	pending := q.conn.pending
	q.conn.pending, q.conn.user = nil, nil
	message, err := base64.StdEncoding.DecodeString(strings.TrimSpace(token))
	if pending == nil || ntlmType(message) == ntlmNegotiate {
		pending = &handshake{}
	}
	if err != nil || strings.EqualFold(scheme, "NTLM") && ntlmType(message) == 0 {
		return s.refuse(q, scheme, nil, size)
	}
	var nonce [8]byte
	rand.Read(nonce[:])
	reply, answer, err := pending.next(message, s.ntlmNames(), nonce, s.now())
	switch {
	case err != nil:
		return s.refuse(q, scheme, reply, size)
	case answer == nil:
		q.conn.pending, q.logon = pending, LogonBegun
		r := s.windowsChallenge(size)
		r.set("WWW-Authenticate", scheme+" "+base64.StdEncoding.EncodeToString(reply))
		return nil, r
	case s.organisation.cfg.DirectoryDown:
		q.logon = LogonRefused
		return nil, s.directoryFailure()
	}
	u = s.organisation.byLogin(answer.domain, answer.user)
	session := s.prove(q, pending.ntlm, answer, u)
	if session == nil {
		return s.refuse(q, scheme, nil, size)
	}
	final, err := pending.finish(session)
	if err != nil {
		return s.refuse(q, scheme, nil, size)
	}
	q.conn.user, q.user, q.logon = u, u.SIP, LogonGranted
	if len(final) > 0 {
		q.replied = scheme + " " + base64.StdEncoding.EncodeToString(final)
	}
	return s.admitted(u)
}

// logsOn tells whether the request carries a message of Windows authentication.
func (q *query) logsOn() bool {
	scheme, _, _ := strings.Cut(q.header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "NTLM") || strings.EqualFold(scheme, "Negotiate")
}

// admitted is a user whom Windows knows, if Lync lets them in.
func (s *site) admitted(u *User) (*User, response) {
	if r, refused := s.barred(u); refused {
		return nil, r
	}
	return u, response{}
}

// refuse is the 401 after a message that leads nowhere: no challenge to answer, only the schemes again. reply is the
// last word of a negotiation.
func (s *site) refuse(q *query, scheme string, reply []byte, size int) (*User, response) {
	q.logon = LogonRefused
	r := s.windowsChallenge(size)
	r.sub = 1 // 401.1, logon failed
	if len(reply) > 0 {
		r.set("WWW-Authenticate", scheme+" "+base64.StdEncoding.EncodeToString(reply))
	}
	return nil, r
}

// prove checks the client's answer against the account and the machine's policies. It is nil where Windows says no, and
// does not say why.
func (s *site) prove(q *query, x *ntlmExchange, a *ntlmAnswer, u *User) *ntlmSession {
	if a.anonymous() || u == nil {
		return nil
	}
	var session *ntlmSession
	right := s.organisation.passwordIs(u, func(password string) bool {
		var err error
		session, err = x.verify(a, password)
		return err == nil
	})
	switch {
	case !right, s.conf.NTLM == "deny", s.conf.NTLM == "v2" && !session.v2:
		return nil
	case s.conf.ExtendedProtection == "require" && q.https && !(session.v2 && s.bound(session.binding)):
		return nil
	}
	return session
}

// bound reports whether a channel binding is that of a TLS connection with this site's certificate (RFC 5929, 4.1).
func (s *site) bound(binding []byte) bool {
	if len(s.conf.Certificate.Certificate) == 0 {
		return false
	}
	return hmac.Equal(binding, channelBinding(endPoint(s.conf.Certificate.Certificate[0])))
}

// endPoint is the tls-server-end-point token of a certificate: its hash by its own signature's algorithm, SHA-256 in
// place of MD5 and SHA-1.
func endPoint(der []byte) []byte {
	const prefix = "tls-server-end-point:"
	algorithm := x509.UnknownSignatureAlgorithm
	if leaf, err := x509.ParseCertificate(der); err == nil {
		algorithm = leaf.SignatureAlgorithm
	}
	switch algorithm {
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		sum := sha512.Sum384(der)
		return append([]byte(prefix), sum[:]...)
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		sum := sha512.Sum512(der)
		return append([]byte(prefix), sum[:]...)
	}
	sum := sha256.Sum256(der)
	return append([]byte(prefix), sum[:]...)
}

// directoryFailure is the answer to a log-on while no domain controller can be reached (failure catalogue of the Mobility
// service, id 28001).
func (s *site) directoryFailure() response {
	r := s.page(http.StatusInternalServerError, 0)
	s.diagnose(&r, directoryError)
	return r
}

// windowsSchemes are the schemes offered, in order.
func (s *site) windowsSchemes() []string {
	if len(s.conf.WindowsAuth) > 0 {
		return s.conf.WindowsAuth
	}
	return []string{"Negotiate", "NTLM"}
}

// ntlmNames are the machine's names. The NetBIOS domain is that of the first account, else it is inferred from the
// machine's own name, as Windows proposes it.
func (s *site) ntlmNames() ntlmNames {
	computer, domain, _ := strings.Cut(s.machine.FQDN, ".")
	netbios, _, _ := strings.Cut(domain, ".")
	for _, u := range s.organisation.cfg.Users {
		if d, _, ok := strings.Cut(u.Login, `\`); ok {
			netbios = d
			break
		}
	}
	const longest = 15 // of a NetBIOS name
	if len(computer) > longest {
		computer = computer[:longest]
	}
	return ntlmNames{
		domain: strings.ToUpper(netbios), computer: strings.ToUpper(computer),
		dnsDomain: domain, dnsComputer: s.machine.FQDN,
	}
}
