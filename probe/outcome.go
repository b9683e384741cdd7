package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// Codes of an Outcome. They are part of the record's format.
const (
	OK         = "ok"
	NotChecked = "not-checked"

	NXDomain   = "dns.nxdomain"
	NoData     = "dns.nodata"
	ServFail   = "dns.servfail"
	DNSRefused = "dns.refused"
	DNSOther   = "dns.other"

	Timeout     = "timeout"
	Refused     = "tcp.refused"
	Reset       = "tcp.reset"
	Unreachable = "tcp.unreachable"
	Closed      = "closed" // the peer closed without an answer

	TLSAlert          = "tls.alert"            // the peer refused the handshake with an alert
	TLSProtocol       = "tls.protocol-version" // no version in common
	TLSUnknownName    = "tls.unrecognized-name"
	TLSNoCipher       = "tls.handshake-failure"
	TLSNotTLS         = "tls.not-tls" // the peer does not speak TLS
	TLSNameMismatch   = "tls.name-mismatch"
	TLSUnknownIssuer  = "tls.unknown-issuer"
	TLSExpired        = "tls.expired"
	TLSNotYetValid    = "tls.not-yet-valid"
	TLSWrongUsage     = "tls.wrong-usage"
	TLSBadCertificate = "tls.bad-certificate"

	HTTPMalformed = "http.malformed" // bytes came that are no HTTP answer
	TooLarge      = "too-large"      // the answer passed the limit
	Other         = "other"
)

var outcomeWords = map[string]string{
	OK: "fine", NotChecked: "not checked",
	NXDomain: "NXDOMAIN", NoData: "no such record", ServFail: "SERVFAIL", DNSRefused: "REFUSED", DNSOther: "no valid DNS answer",
	Timeout: "timed out", Refused: "refused", Reset: "reset", Unreachable: "no route", Closed: "closed without an answer",
	TLSAlert: "a TLS alert", TLSProtocol: "no TLS version in common", TLSUnknownName: "the TLS alert unrecognized_name",
	TLSNoCipher: "the TLS alert handshake_failure", TLSNotTLS: "no TLS", TLSNameMismatch: "a certificate for another name",
	TLSUnknownIssuer: "a certificate of an unknown issuer", TLSExpired: "an expired certificate",
	TLSNotYetValid: "a certificate that is not valid yet", TLSWrongUsage: "a certificate that is not for servers",
	TLSBadCertificate: "a certificate that cannot be used",
	HTTPMalformed:     "an answer that is no HTTP", TooLarge: "an answer that is too large",
}

// Words are short words for the code, to stand in brackets behind what was tried: "no connection (refused)". A code that
// has none gives the system's text.
func (o Outcome) Words() string {
	return cmp.Or(outcomeWords[o.Code], o.Text, o.Code, "no outcome was recorded")
}

// errTooLarge is what the body reader returns past its limit.
var errTooLarge = errors.New("answer larger than the limit")

// malformed is an error of reading bytes that came and are no HTTP answer.
type malformed struct{ error }

func (m malformed) Unwrap() error { return m.error }

// errText bounds the text of an outcome: errors repeat what a hostile peer sent.
const errText = 300

// classify turns an error of any layer into an outcome, by type where the library has one. A nil error is OK.
func classify(err error) Outcome {
	if err == nil {
		return Outcome{Code: OK}
	}
	return Outcome{Code: codeOf(err), Text: clean(err.Error(), errText)}
}

func codeOf(err error) string {
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return TLSNameMismatch
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return TLSUnknownIssuer
	}
	if ie, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch ie.Reason {
		case x509.Expired:
			return TLSExpired
		case x509.IncompatibleUsage:
			return TLSWrongUsage
		}
		return TLSBadCertificate
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return TLSNotTLS
	}
	if a, ok := errors.AsType[tls.AlertError](err); ok {
		return codeOfAlert(a)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return Timeout
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return Timeout
	}
	switch {
	case errors.Is(err, errTooLarge):
		return TooLarge
	case errors.Is(err, errBadAnswer):
		return DNSOther
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe):
		return Closed
	}
	if n, ok := errors.AsType[syscall.Errno](err); ok {
		if code := codeOfErrno(n); code != "" {
			return code
		}
	}
	if code := codeOfText(err); code != Other {
		return code
	}
	if _, ok := errors.AsType[malformed](err); ok {
		return HTTPMalformed
	}
	return Other
}

// codeOfErrno reads the number of a system's error; empty when it is none of the network. The sockets of Windows have
// numbers of their own, which package syscall does not map to the others: "Windows Sockets Error Codes".
func codeOfErrno(n syscall.Errno) string {
	switch n {
	case syscall.ECONNREFUSED, 10061:
		return Refused
	case syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, 10054, 10053:
		return Reset
	case syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.ENETDOWN, syscall.EADDRNOTAVAIL,
		10065, 10051, 10064, 10050, 10049:
		return Unreachable
	case 10060:
		return Timeout
	}
	return ""
}

// codeOfAlert reads the alert's number: RFC 8446 section 6.
func codeOfAlert(a tls.AlertError) string {
	switch uint8(a) {
	case 70:
		return TLSProtocol
	case 112:
		return TLSUnknownName
	case 40:
		return TLSNoCipher
	}
	return TLSAlert
}

// codeOfText reads the words of the errors that crypto/tls and net/http give no type to. A received alert is a
// net.OpError "remote error" around an unexported type.
func codeOfText(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "remote error: tls: protocol version not supported"),
		strings.Contains(text, "server selected unsupported protocol version"),
		strings.Contains(text, "no supported versions satisfy"):
		return TLSProtocol
	case strings.Contains(text, "remote error: tls: unrecognized name"):
		return TLSUnknownName
	case strings.Contains(text, "remote error: tls: handshake failure"):
		return TLSNoCipher
	case strings.Contains(text, "remote error: tls:"):
		return TLSAlert
	case strings.Contains(text, "first record does not look like a TLS handshake"),
		strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return TLSNotTLS
	case strings.Contains(text, "tls: failed to parse certificate from server"),
		strings.Contains(text, "tls: server sent certificate containing RSA key"),
		strings.Contains(text, "tls: server's certificate contains an unsupported type of public key"):
		return TLSBadCertificate
	}
	return Other
}
