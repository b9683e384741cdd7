package proxy

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"lyncpin/internal/history"
)

const (
	// graceDefault lets ordinary requests finish; a long poll would take minutes.
	graceDefault = 5 * time.Second
	// maxHeaderDefault takes the largest Negotiate tokens (64 KiB) twice.
	maxHeaderDefault = 128 << 10
)

// Server is a running proxy. All methods may be called by several goroutines.
type Server struct {
	table      atomic.Pointer[table]
	log        *slog.Logger
	history    history.Log[Request]
	blocks     blocks
	departures departures
	tickets    tickets
	counts     counts
	sources    sources
	base       context.Context
	cut        context.CancelFunc // ends every request
	web        *http.Server       // for HTTP/2
	http2      *handoff           // connections for web
	sessions   sync.WaitGroup     // one per connection

	// change is held by Reload and Close.
	change    sync.Mutex
	listeners map[string]*listener       // by listenKey
	hinted    map[[sha256.Size]byte]bool // certificates that were spoken about
	closed    bool
	serving   sync.WaitGroup // one per listener
	checking  sync.WaitGroup // one per health check

	// traffic guards what follows.
	traffic  sync.Mutex
	conns    map[*clientConn]struct{}
	draining bool // no more requests
	requests sync.WaitGroup
}

// Start serves cfg and returns once every address is bound. The caller must Close the Server. The end of ctx ends the start, not the
// Server. An error in cfg names the field as the YAML file does.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Listen == nil {
		cfg.Listen = new(net.ListenConfig).Listen
	}
	if cfg.Dial == nil {
		cfg.Dial = new(net.Dialer).DialContext
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{
		log:       cfg.Log,
		base:      base,
		cut:       cut,
		listeners: map[string]*listener{},
		hinted:    map[[sha256.Size]byte]bool{},
		conns:     map[*clientConn]struct{}{},
	}
	s.http2 = newHandoff()
	s.web = &http.Server{
		Handler:                      s.newHTTP2(),
		DisableGeneralOptionsHandler: true, // "OPTIONS *" is for the web server
		ReadHeaderTimeout:            within(cfg.Timeouts.Header, headerDefault),
		IdleTimeout:                  keepAlive(cfg.Timeouts.Idle),
		MaxHeaderBytes:               max(maxHeaderDefault, cfg.MaxHeader),
		Protocols:                    http2Alone(),
		ErrorLog:                     log.New(serverErrors{cfg.Log}, "", 0),
		BaseContext:                  func(net.Listener) context.Context { return base },
		ConnContext:                  withClient,
		ConnState:                    noteState,
	}
	if err := s.apply(ctx, cfg); err != nil {
		cut()
		return nil, fmt.Errorf("proxy: %w", err)
	}
	s.serving.Go(func() { s.web.Serve(s.http2) }) // it ends when http2 is closed
	return s, nil
}

// Reload takes a new configuration over: certificates, rules, web servers and time-outs hold for the next request, and
// listeners come and go. Connections and requests in flight stay, also those of a listener that goes. Listen, Dial, Now,
// Log and Access of cfg are ignored: those given to Start remain. After an error everything is as before.
func (s *Server) Reload(cfg Config) error {
	old := s.table.Load().cfg
	cfg.Log, cfg.Access, cfg.Listen, cfg.Dial, cfg.Now = old.Log, old.Access, old.Listen, old.Dial, old.Now
	if err := s.apply(context.Background(), cfg); err != nil {
		err = fmt.Errorf("proxy: reload: %w", err)
		s.log.Error("reload failed, the old configuration stays", "error", err)
		return err
	}
	s.log.Info("reloaded", "rules", len(cfg.Rules), "web_servers", len(cfg.WebServers))
	return nil
}

var errClosed = errors.New("the server is closed")

// apply makes cfg the configuration, or returns an error and changes nothing.
func (s *Server) apply(ctx context.Context, cfg Config) error {
	s.change.Lock()
	defer s.change.Unlock()
	if s.closed {
		return errClosed
	}
	if err := cfg.validate(); err != nil {
		return err
	}
	old := s.table.Load()
	next, err := newTable(cfg, old)
	if err != nil {
		return err
	}
	fresh, err := s.bind(ctx, cfg)
	if err != nil {
		next.stop()
		return err
	}
	if next.tls != nil {
		s.tickets.use(next.tls)
	}
	s.table.Store(next)
	s.hintKeys(cfg)
	next.startChecks(s)
	s.listen(cfg, fresh)
	if old != nil {
		old.retire(next)
	}
	return nil
}

// Close stops listening, lets requests finish for Config.Grace, cuts what is left, and returns when everything has ended. It may be
// called more than once and by several goroutines.
func (s *Server) Close() error {
	s.change.Lock()
	defer s.change.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	for _, l := range s.listeners {
		l.Close()
	}
	s.http2.Close()
	s.serving.Wait() // from here on no connection is new to s.conns, but for requests over HTTP/2

	done := s.drain()
	cfg := s.table.Load().cfg
	ctx, cancel := context.WithTimeout(context.Background(), within(cfg.Grace, graceDefault))
	defer cancel()
	s.web.Shutdown(ctx) // its error is the end of the grace, which the next lines deal with
	select {
	case <-done:
	case <-ctx.Done():
	}
	s.cut()
	s.closeConns(func(*clientConn) bool { return true })
	<-done
	s.sessions.Wait()
	s.departures.close()
	s.table.Load().retire(nil)
	s.checking.Wait()
	return nil
}

// drain refuses further requests, closes the connections that have none, and returns a channel that is closed when the last request
// has ended.
func (s *Server) drain() <-chan struct{} {
	s.traffic.Lock()
	s.draining = true
	s.traffic.Unlock()
	s.closeConns(func(c *clientConn) bool { return c.resting() })
	done := make(chan struct{})
	go func() {
		s.requests.Wait()
		close(done)
	}()
	return done
}

func (s *Server) closeConns(which func(*clientConn) bool) {
	s.traffic.Lock()
	var chosen []*clientConn
	for c := range s.conns {
		if which(c) {
			chosen = append(chosen, c)
		}
	}
	s.traffic.Unlock()
	for _, c := range chosen {
		c.Close()
	}
}

// begin counts a request in, unless the server is draining.
func (s *Server) begin() bool {
	s.traffic.Lock()
	defer s.traffic.Unlock()
	if s.draining {
		return false
	}
	s.requests.Add(1)
	return true
}

// HTTPSAddrs are the addresses of the HTTPS listeners, in the order of Config.HTTPS.
func (s *Server) HTTPSAddrs() []net.Addr { return s.addrs(true) }

// HTTPAddrs are the addresses of the HTTP listeners, in the order of Config.HTTP.
func (s *Server) HTTPAddrs() []net.Addr { return s.addrs(false) }

// History is what the proxy was asked, oldest first; the newest history.DefaultLimit requests are kept. A request is in it once it
// has ended, which may be a moment after the client has the answer.
func (s *Server) History() []Request { return s.history.All() }

// http2Alone is what is spoken over connections that are handed over. They have TLS, but net/http need not know.
func http2Alone() *http.Protocols {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return p
}

func http1() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}

// keepAlive is the idle time-out for http.Server, to which zero would mean another one's value.
func keepAlive(idle time.Duration) time.Duration {
	if idle < 0 {
		return -1
	}
	return within(idle, idleDefault)
}

// listenerTLS hands every handshake the certificates of the moment.
func (s *Server) listenerTLS() *tls.Config {
	return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return s.table.Load().tls, nil
	}}
}
