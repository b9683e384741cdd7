package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	// continueWait is how long a web server may leave "Expect: 100-continue" unanswered before the body is sent all the same, as
	// RFC 9110 asks. Windows answers at once; the time is for a slow link.
	continueWait = 3 * time.Second
)

// A webServer is a WebServer made ready for use.
type webServer struct {
	WebServer // with defaults filled in
	timeouts  Timeouts
	addr      string // address and port
	dialTCP   func(ctx context.Context, network, addr string) (net.Conn, error)
	now       func() time.Time
	tls       *tls.Config
	pool      pool
	counts    *serverCounts
}

func newWebServer(w WebServer, cfg Config) *webServer {
	if w.Scheme == "" {
		w.Scheme = "https"
	}
	if w.Port == 0 {
		w.Port = 4443
		if w.Scheme == "http" {
			w.Port = 8080
		}
	}
	if w.Name == "" {
		w.Name = w.Address
	}
	if w.SNI == "" {
		w.SNI = w.Name
	}
	s := &webServer{
		WebServer: w,
		timeouts:  cfg.Timeouts,
		addr:      net.JoinHostPort(w.Address, strconv.Itoa(w.Port)),
		dialTCP:   cfg.Dial,
		now:       cfg.Now,
		counts:    new(serverCounts),
		tls: &tls.Config{
			InsecureSkipVerify: true, // verify does it, with a name that need not be the SNI
			MinVersion:         TLSOptions{Min: w.MinTLS, Max: w.MaxTLS}.minVersion(),
			MaxVersion:         w.MaxTLS,
			NextProtos:         []string{"http/1.1"},
			ClientSessionCache: tls.NewLRUClientSessionCache(0),
			// No Windows that a Front End runs on knows a post-quantum share, which makes the first packet too large
			// for some of the devices in between.
			CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		},
	}
	if !s.perHost() {
		s.tls = s.tlsFor("") // all connections have it in common
	}
	return s
}

// same reports whether w can go on in the place of o.
func (w *webServer) same(o *webServer) bool {
	a, b := w.WebServer, o.WebServer
	pools := a.RootCAs.Equal(b.RootCAs)
	a.RootCAs, b.RootCAs = nil, nil
	return pools && a == b && w.timeouts == o.timeouts
}

// at is w at another port, with a pool of its own.
func (w *webServer) at(port int) *webServer {
	other := &webServer{WebServer: w.WebServer, timeouts: w.timeouts, dialTCP: w.dialTCP, now: w.now, tls: w.tls}
	other.Port, other.addr = port, net.JoinHostPort(w.Address, strconv.Itoa(port))
	return other
}

// poolKey is the authority under which connections for host are kept. It never reaches the web server: it keeps connections made
// with different names apart.
func (w *webServer) poolKey(host string) string {
	if w.Scheme == "https" && (w.Name == "{host}" || w.SNI == "{host}") {
		return net.JoinHostPort(host, strconv.Itoa(w.Port))
	}
	return w.addr
}

// A dialError is a failure before anything was sent, so that the request may go elsewhere.
type dialError struct {
	tls bool // it was in the handshake
	err error
}

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

func (w *webServer) dialPlain(ctx context.Context, _, _ string) (net.Conn, error) {
	if limit := within(w.timeouts.Connect, connectDefault); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	conn, err := w.dialTCP(ctx, "tcp", w.addr)
	if err != nil {
		return nil, &dialError{err: err}
	}
	return quick(conn), nil
}

func (w *webServer) dialTLS(ctx context.Context, network, key string) (net.Conn, error) {
	if limit := within(w.timeouts.Connect, connectDefault); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	plain, err := w.dialPlain(ctx, network, key)
	if err != nil {
		return nil, err
	}
	conf := w.tls
	if w.perHost() {
		conf = w.tlsFor(hostname(key))
	}
	conn := tls.Client(plain, conf)
	// A handshake is deep. In a goroutine of its own it leaves a session that waits for minutes with a small stack.
	done := make(chan error, 1)
	go func() { done <- conn.Handshake() }()
	select {
	case err = <-done:
	case <-ctx.Done():
		plain.Close()
		<-done
		err = ctx.Err()
	}
	if err != nil {
		plain.Close()
		return nil, &dialError{tls: true, err: err}
	}
	return conn, nil
}

// perHost reports whether connections differ by the host that was asked for.
func (w *webServer) perHost() bool {
	return strings.Contains(w.Name, "{host}") || strings.Contains(w.SNI, "{host}")
}

// tlsFor is the configuration of connections for host.
func (w *webServer) tlsFor(host string) *tls.Config {
	conf := w.tls.Clone()
	if sni := strings.ReplaceAll(w.SNI, "{host}", host); sni != "-" && isName(sni) {
		conf.ServerName = sni
	}
	if !w.NoVerify {
		name := strings.ReplaceAll(w.Name, "{host}", host)
		conf.VerifyConnection = func(cs tls.ConnectionState) error { return w.verify(cs, name) }
	}
	return conf
}

func (w *webServer) verify(cs tls.ConnectionState, name string) error {
	others := x509.NewCertPool()
	for _, c := range cs.PeerCertificates[1:] {
		others.AddCert(c)
	}
	_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{
		DNSName:       name,
		Roots:         w.RootCAs,
		Intermediates: others,
		CurrentTime:   w.now(),
	})
	return err
}
