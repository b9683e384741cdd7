package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
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

// errTooLarge is what the body reader returns past its limit.
var errTooLarge = errors.New("answer larger than the limit")

// classify turns an error of any layer into an outcome, by type where the library has one. A nil error is OK.
func classify(err error) Outcome {
	if err == nil {
		return Outcome{Code: OK}
	}
	// url.Error repeats the URL, which the record has already.
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	return Outcome{Code: codeOf(err), Text: err.Error()}
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
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Reset
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Unreachable
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return Closed
	}
	return codeOfText(err)
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
	case strings.Contains(text, "malformed HTTP"), strings.Contains(text, http.ErrBodyReadAfterClose.Error()),
		strings.Contains(text, "transport connection broken"):
		return HTTPMalformed
	}
	return Other
}
