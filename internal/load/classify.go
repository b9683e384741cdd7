package load

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// isTimeout tells whether time was over.
func isTimeout(err error) bool {
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// describe names the class of a connection's error in a few words that are the same each time.
func describe(err error) string {
	if alert, ok := errors.AsType[tls.AlertError](err); ok {
		return "TLS: " + alert.Error()
	}
	if ve, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		if he, ok := errors.AsType[x509.HostnameError](ve.Err); ok {
			return "certificate: not for " + he.Host
		}
		return "certificate: " + ve.Err.Error()
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "TLS: what came is none"
	}
	switch {
	case errors.Is(err, ErrRefused):
		return ErrRefused.Error()
	case isTimeout(err):
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, syscall.EMFILE):
		return "too many open files in this process"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "no free local port"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed"
	}
	return err.Error()
}
