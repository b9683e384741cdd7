package fakelync

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"lyncpin/internal/history"
)

const (
	// closeGrace is how long Close lets requests in flight finish. Answers are made without waiting for anything, so
	// what is still running after that is an upload nobody will miss.
	closeGrace = 250 * time.Millisecond
	// connectionTimeout is the default of IIS for idle connections and for a request to arrive.
	connectionTimeout = 2 * time.Minute
	// parserHeaderBytes is what net/http may read of a header; it lies well above maxHeaderBytes so that http.sys's own
	// limit answers, not net/http's.
	parserHeaderBytes = 64 << 10
)

// historyBytes is about how much memory the history may take: the ten thousand requests that it holds at most, where
// each has a header as clients send it, and fewer where headers are long.
const historyBytes = 16 << 20

// Server is a running machine. Its methods may be called by several goroutines.
type Server struct {
	cfg       Config
	entrances []*entrance
	addrs     Addrs
	http      *http.Server
	base      context.Context // ends when the machine stops
	cut       context.CancelFunc
	polls     polls
	log       history.Log[Request]
	numbers   atomic.Int64 // connections accepted
	answers   atomic.Int64 // answers given, for X-MS-Correlation-Id

	running   sync.WaitGroup // two per listener
	conns     sync.WaitGroup // one per connection; grows only while a listener is running
	closeOnce sync.Once
	closeErr  error
}

// Addrs are the bound addresses, "" where a binding is missing.
type Addrs struct {
	InternalHTTP, InternalHTTPS, ExternalHTTP, ExternalHTTPS string
}

// Start checks cfg, binds its listeners and serves them; when it returns they are bound. The caller must Close the
// server. The end of ctx ends the start, not the server. A Config with no listener at all is a machine whose sites are
// both stopped, and starts.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("fakelync: %w", err)
	}
	s := &Server{cfg: cfg, log: history.Log[Request]{Size: (*Request).size, Bytes: historyBytes}}
	if err := s.bind(ctx); err != nil {
		return nil, errors.Join(err, s.closeListeners())
	}
	s.base, s.cut = context.WithCancel(context.WithoutCancel(ctx))
	idle := cfg.IdleTimeout
	if idle == 0 {
		idle = connectionTimeout
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	s.http = &http.Server{
		Handler:                      http.HandlerFunc(s.serveHTTP),
		Protocols:                    &protocols,
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            connectionTimeout,
		ReadTimeout:                  connectionTimeout,
		IdleTimeout:                  idle,
		MaxHeaderBytes:               parserHeaderBytes,
		ErrorLog:                     slog.NewLogLogger(cfg.logHandler(), slog.LevelWarn),
		BaseContext:                  func(net.Listener) context.Context { return s.base },
		ConnContext:                  func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
		ConnState:                    s.countConn,
	}
	for _, e := range s.entrances {
		s.running.Go(e.listen)
		s.running.Go(e.serve)
	}
	return s, nil
}

// connKey is where a request's context holds its *conn.
type connKey struct{}

func (c *Config) logHandler() slog.Handler {
	if c.Log != nil {
		return c.Log.Handler()
	}
	return slog.DiscardHandler
}

func (c *Config) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// bind binds the listeners that are configured, in the order of Addrs.
func (s *Server) bind(ctx context.Context) error {
	listen := s.cfg.Listen
	if listen == nil {
		listen = (&net.ListenConfig{}).Listen
	}
	internal, external := newSites(&s.cfg)
	for _, b := range []struct {
		site  *site
		https bool
		addr  string
		bound *string
	}{
		{internal, false, s.cfg.Internal.HTTP, &s.addrs.InternalHTTP},
		{internal, true, s.cfg.Internal.HTTPS, &s.addrs.InternalHTTPS},
		{external, false, s.cfg.External.HTTP, &s.addrs.ExternalHTTP},
		{external, true, s.cfg.External.HTTPS, &s.addrs.ExternalHTTPS},
	} {
		if b.addr == "" {
			continue
		}
		ln, err := listen(ctx, "tcp", b.addr)
		if err != nil {
			return fmt.Errorf("fakelync: %s site: listen %s: %w", b.site.name, b.addr, err)
		}
		*b.bound = ln.Addr().String()
		s.entrances = append(s.entrances, newEntrance(s, ln, b.site, b.https))
	}
	return nil
}

func (s *Server) closeListeners() error {
	var errs []error
	for _, e := range s.entrances {
		errs = append(errs, e.Close())
	}
	return errors.Join(errs...)
}

// countConn counts connections down that net/http has closed. It calls this with StateClosed last in the connection's
// own goroutine, after its handler. A connection that was taken from it goes on, see polls.
func (s *Server) countConn(_ net.Conn, state http.ConnState) {
	if state == http.StateClosed {
		s.conns.Done()
	}
}

// Close stops listening, gives requests in flight a quarter of a second, cuts what is left, and waits until every
// handler has returned. It may be called more than once and by several goroutines.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		s.cut()
		s.polls.stop()
		ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
		defer cancel()
		if s.http.Shutdown(ctx) != nil {
			s.closeErr = s.http.Close()
		}
		s.polls.cut()
	})
	s.running.Wait()
	s.conns.Wait()
	return s.closeErr
}

// Addrs returns the bound addresses. They stay what they were after Close.
func (s *Server) Addrs() Addrs { return s.addrs }

// History returns what was asked so far, in the order of answering. A request is in it before its answer is sent. The
// newest ten thousand are kept, or fewer where they take more than 16 MiB.
func (s *Server) History() []Request { return s.log.All() }

// Connection is what the history tells about one connection.
type Connection struct {
	// Conn, Client and Site are those of its requests.
	Conn   int
	Client string
	Site   SiteName
	// Users are the addresses of those its requests came from, in the order of their first request.
	Users []string
	// Requests counts its requests, Authentications the log-ons by Windows authentication that were granted on it.
	Requests, Authentications int
}

// Connections returns the connections in the history, in the order of their numbers.
func (s *Server) Connections() []Connection {
	var all []Connection
	for _, r := range s.History() {
		i, ok := slices.BinarySearchFunc(all, r.Conn, func(c Connection, n int) int { return c.Conn - n })
		if !ok {
			all = slices.Insert(all, i, Connection{Conn: r.Conn, Client: r.Client, Site: r.Site})
		}
		c := &all[i]
		c.Requests++
		if r.Logon == LogonGranted {
			c.Authentications++
		}
		if r.User != "" && !slices.Contains(c.Users, r.User) {
			c.Users = append(c.Users, r.User)
		}
	}
	return all
}

// firstCorrelation is just below the smallest X-MS-Correlation-Id seen in traffic: decimal numbers above 2^31.
const firstCorrelation = 1 << 31

// maxEchoedID is the longest client-request-id that is sent back: several GUIDs with a prefix fit.
const maxEchoedID = 128

// stamp adds what every answer of the machine carries whatever it says: the clock, and from Skype for Business 2015 on
// the two tracing ids. That a client's own id comes back is inferred from clients that ask for it.
// id is that id.
func (s *Server) stamp(resp *response, e *entrance, id string) {
	resp.set("Date", s.cfg.now().UTC().Format(http.TimeFormat))
	if resp.kernel || !e.site.traits.modern {
		return
	}
	resp.set("X-MS-Correlation-Id", strconv.FormatInt(firstCorrelation+s.answers.Add(1), 10))
	if id == "" || len(id) > maxEchoedID {
		id = newGUID()
	}
	resp.set("client-request-id", id)
	if e.tls != nil {
		resp.set("Strict-Transport-Security", "max-age=315360000") // Set-CsWebServiceConfiguration, HstsMaxAgeInSeconds
	}
}

// newGUID returns a random GUID in the form IIS logs use.
func newGUID() string {
	var b [16]byte
	rand.Read(b[:])
	return guid(b)
}

// guid writes 16 bytes as a GUID of version 4.
func guid(b [16]byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
