package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"lyncpin/internal/topology"
)

const (
	// appTimeout bounds a request to an app, and a connection's rest: what asks is a probe, not a person.
	appTimeout = 2 * time.Minute
	// greetingSize is how much the Access Edge reads before it finds that nobody speaks SIP.
	greetingSize = 1024
)

// app is a server that is not a Front End, over HTTP.
type app struct {
	http    *http.Server
	running sync.WaitGroup // one per listener
	conns   sync.WaitGroup // one per connection; grows only while a listener is running
}

func (l *Lab) startApp(ctx context.Context, a *topology.App) error {
	var cert *tls.Certificate
	if a.Certificate != nil {
		c, err := l.issue(a.Certificate)
		if err != nil {
			return err
		}
		cert = &c
	}
	var listeners []net.Listener
	for _, port := range []int{a.HTTPS, a.HTTP} {
		if port == 0 {
			continue
		}
		addr := hostPort(a.Address, port)
		ln, err := l.net.Listen(ctx, "tcp", addr)
		if err != nil {
			for _, other := range listeners {
				other.Close()
			}
			return fmt.Errorf("listen %s: %w", addr, err)
		}
		if port == a.HTTPS {
			ln = tls.NewListener(ln, appTLS(cert))
		}
		listeners = append(listeners, ln)
	}
	if a.Kind == topology.AccessEdge {
		edge := newStreams(ctx)
		for _, ln := range listeners {
			edge.serve(ln, speakSIP)
		}
		l.keep(edge)
		return nil
	}
	s := newApp(l.appHandler(a))
	for _, ln := range listeners {
		s.running.Go(func() { s.serve(ln) })
	}
	l.keep(s)
	return nil
}

var errNoCertificate = errors.New("lab: no certificate is assigned")

// appTLS is the configuration of an HTTPS binding; without a certificate every handshake is reset, as in Windows.
func appTLS(cert *tls.Certificate) *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS10, NextProtos: []string{"http/1.1"}}
	if cert != nil {
		cfg.Certificates = []tls.Certificate{*cert}
		return cfg
	}
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		reset(hello.Conn)
		return nil, errNoCertificate
	}
	return cfg
}

// startRegistrar starts what desktop clients in the office sign in to, as far as its door.
func (l *Lab) startRegistrar(ctx context.Context, p *topology.Pool, n *topology.Node) error {
	var cert *tls.Certificate
	if p.Internal.Certificate != nil {
		c, err := l.issue(p.Internal.Certificate)
		if err != nil {
			return err
		}
		cert = &c
	}
	addr := hostPort(n.Address, p.SIP)
	ln, err := l.net.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen %s: %w", addr, err)
	}
	s := newStreams(ctx)
	s.serve(tls.NewListener(ln, appTLS(cert)), speakSIP)
	l.keep(s)
	return nil
}

// speakSIP is the Access Edge or a registrar as a web client meets it: it completes the handshake, hears that nobody speaks SIP, and
// hangs up without a word.
func speakSIP(_ context.Context, conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(appTimeout)) // Close of the server ends it at any rate
	buf := make([]byte, greetingSize)
	conn.Read(buf) // whatever it says
}

func newApp(handler http.Handler) *app {
	s := &app{}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	s.http = &http.Server{
		Handler:                      handler,
		Protocols:                    protocols,
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            appTimeout,
		ReadTimeout:                  appTimeout,
		IdleTimeout:                  appTimeout,
		ErrorLog:                     discard(),
		ConnState:                    s.countConn,
	}
	return s
}

// serve ends with the listener; its error says nothing else.
func (s *app) serve(ln net.Listener) { _ = s.http.Serve(ln) }

// countConn keeps conns. net/http calls it with StateNew before Serve goes on, and with StateClosed last in the
// connection's own goroutine, after its handler.
func (s *app) countConn(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.conns.Done()
	}
}

// Close cuts all connections and waits. It may be called more than once and by several goroutines. Answers are made
// without waiting for anything, so none is worth a grace.
func (s *app) Close() error {
	err := s.http.Close()
	s.running.Wait()
	s.conns.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
