package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Counters is what a Server has counted since Start. Nothing is ever reset, but a listener, rule or web server that a reload takes
// away is forgotten, and counts from zero should it come back. What keeps its name keeps its figures, whatever else changes. The names
// in maps and fields do not change from version to version; new ones may come.
type Counters struct {
	// Listeners are those of the configuration, HTTPS first, in its order.
	Listeners []ListenerCounters
	// Handshakes are the TLS handshakes with clients that succeeded, Resumed those of them that went on with an earlier session.
	Handshakes, Resumed uint64
	// HandshakeFailures are those that did not, by reason: "left" (the client ended the connection), "timeout", "not-tls", "plain-http",
	// "version" or "cipher" (nothing in common), "name" (no certificate for it), "client-certificate" (none, or not a good one), "alert"
	// (the client refused, most often the certificate), "other". All of them are there, also with zero.
	HandshakeFailures map[string]uint64
	// Rules are those of the configuration, in its order, and after them, with an empty name, the requests that no rule took.
	Rules []RuleCounters
	// WebServers are those of the configuration, in its order.
	WebServers []WebServerCounters
	// Polls are the requests that wait for their answer right now and have done so for more than half a second.
	Polls int64
	// Refusals are the requests and connections that the proxy itself refused or had to give up, by the word that the log, the history and
	// X-Proxy-Error have for it, e.g. "unknown-host", "framing", "refused" or "response-timeout". A word is there once it has happened.
	Refusals map[string]uint64
}

// ListenerCounters is what one listener has taken.
type ListenerCounters struct {
	// Address is as configured, with a bare port completed; Scheme is "https" or "http".
	Address, Scheme string
	// Accepted are all connections, Open those of now.
	Accepted uint64
	Open     int64
}

// RuleCounters is what became of the requests of one publishing rule. A request counts when it has ended.
type RuleCounters struct {
	// Name is the rule's; empty stands for all requests that no rule took.
	Name string
	// Statuses are the requests by the first digit of the status that the client was sent; those at 0 got none, and at 1 are connections
	// that were upgraded.
	Statuses [6]uint64
	// Abandoned are the requests whose client left before it had the whole answer.
	Abandoned uint64
	// BytesIn and BytesOut are the sizes of bodies, without framing, from clients and to them. Those of an upgraded connection are
	// added when it ends.
	BytesIn, BytesOut uint64
}

// WebServerCounters is what one web server was asked, and how fast.
type WebServerCounters struct {
	// Alias is the web server's.
	Alias string
	// Latency is from the end of a request to the first byte of its answer. Requests without an answer are not in it.
	Latency Histogram
	// Idle are the connections that are kept for whoever comes next. Those that belong to one client are not in it.
	Idle int
	// Made are the connections that were opened for requests, Taken the requests that went over one that was there already, and Stale
	// the kept connections that turned out to have ended.
	Made, Taken, Stale uint64
}

// Histogram is how many durations were how long.
type Histogram struct {
	// Bounds are ascending, and the same in every Histogram.
	Bounds []time.Duration
	// Counts[i] are those up to and with Bounds[i] that are longer than the bound before; the last are longer than all bounds.
	Counts []uint64
	// Sum is all of them together.
	Sum time.Duration
}

// Count is how many durations there were.
func (h Histogram) Count() uint64 {
	var n uint64
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// latencyBounds go from a good local network to the longest poll of a mobile client.
var latencyBounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second,
	10 * time.Second, 30 * time.Second, 60 * time.Second, 300 * time.Second, responseDefault,
}

// counts is what belongs to no listener, rule or web server. The zero counts has counted nothing.
type counts struct {
	handshakes, resumed atomic.Uint64
	failed              [len(handshakeReasons)]atomic.Uint64
	polls               atomic.Int64
	unrouted            ruleCounts // requests that no rule took

	mu       sync.Mutex // only refusals need it
	refusals map[string]uint64
}

type listenerCounts struct {
	accepted atomic.Uint64
	open     atomic.Int64
}

type ruleCounts struct {
	statuses  [6]atomic.Uint64
	abandoned atomic.Uint64
	in, out   atomic.Uint64
}

type serverCounts struct {
	latency            [len(latencyBounds) + 1]atomic.Uint64
	latencySum         atomic.Int64 // in nanoseconds
	made, taken, stale atomic.Uint64
}

// Counters reads all counters. They go on meanwhile, so that two of them may be a request apart.
func (s *Server) Counters() Counters {
	c := &s.counts
	out := Counters{
		Handshakes:        c.handshakes.Load(),
		Resumed:           c.resumed.Load(),
		HandshakeFailures: map[string]uint64{},
		Polls:             c.polls.Load(),
		Refusals:          map[string]uint64{},
	}
	for i, reason := range handshakeReasons {
		out.HandshakeFailures[reason] = c.failed[i].Load()
	}
	c.mu.Lock()
	for code, n := range c.refusals {
		out.Refusals[code] = n
	}
	c.mu.Unlock()
	s.change.Lock()
	t := s.table.Load()
	for _, p := range t.cfg.places() {
		if l := s.listeners[p.key]; l != nil {
			scheme := "http"
			if p.https {
				scheme = "https"
			}
			out.Listeners = append(out.Listeners, ListenerCounters{p.addr, scheme, l.counts.accepted.Load(), l.counts.open.Load()})
		}
	}
	s.change.Unlock()
	for _, r := range t.rules {
		out.Rules = append(out.Rules, r.counts.read(r.Name))
	}
	out.Rules = append(out.Rules, c.unrouted.read(""))
	for _, w := range t.cfg.WebServers {
		out.WebServers = append(out.WebServers, t.servers[w.Alias].read())
	}
	return out
}

func (r *ruleCounts) read(name string) RuleCounters {
	out := RuleCounters{Name: name, Abandoned: r.abandoned.Load(), BytesIn: r.in.Load(), BytesOut: r.out.Load()}
	for i := range r.statuses {
		out.Statuses[i] = r.statuses[i].Load()
	}
	return out
}

func (w *webServer) read() WebServerCounters {
	c := w.counts
	out := WebServerCounters{
		Alias: w.Alias, Idle: w.pool.size(), Made: c.made.Load(), Taken: c.taken.Load(), Stale: c.stale.Load(),
		Latency: Histogram{Bounds: latencyBounds[:len(latencyBounds):len(latencyBounds)], Sum: time.Duration(c.latencySum.Load())},
	}
	for i := range c.latency {
		out.Latency.Counts = append(out.Latency.Counts, c.latency[i].Load())
	}
	return out
}

// answered notes how long the first byte of an answer took.
func (c *serverCounts) answered(d time.Duration) {
	i := 0
	for i < len(latencyBounds) && d > latencyBounds[i] {
		i++
	}
	c.latency[i].Add(1)
	c.latencySum.Add(int64(d))
}

// ended counts a request that has ended.
func (c *counts) ended(ex *exchange) {
	r := ex.counts()
	r.statuses[min(max(ex.status/100, 0), 5)].Add(1)
	if n := ex.ss.body.taken; n > 0 {
		r.in.Add(uint64(n))
	}
	if ex.bytes > 0 {
		r.out.Add(uint64(ex.bytes))
	}
	switch f := ex.failure; {
	case f == nil:
	case f.status == statusClientGone:
		r.abandoned.Add(1)
	default:
		c.refused(f.code)
	}
}

// counts are those of the rule that took the request.
func (ex *exchange) counts() *ruleCounts {
	if ex.rule == nil || ex.rule.counts == nil {
		return &ex.s.counts.unrouted
	}
	return ex.rule.counts
}

func (c *counts) refused(code string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refusals == nil {
		c.refusals = map[string]uint64{}
	}
	c.refusals[code]++
}

// shook counts a handshake that succeeded.
func (c *counts) shook(resumed bool) {
	c.handshakes.Add(1)
	if resumed {
		c.resumed.Add(1)
	}
}

const (
	shakeOther = iota
	shakeLeft
	shakeTimeout
	shakeNotTLS
	shakePlainHTTP
	shakeVersion
	shakeCipher
	shakeName
	shakeClientCertificate
	shakeAlert
)

var handshakeReasons = [...]string{
	shakeOther: "other", shakeLeft: "left", shakeTimeout: "timeout", shakeNotTLS: "not-tls", shakePlainHTTP: "plain-http",
	shakeVersion: "version", shakeCipher: "cipher", shakeName: "name", shakeClientCertificate: "client-certificate", shakeAlert: "alert",
}

// shakeWords tell what crypto/tls has no types for. A test holds them against what it says.
var shakeWords = []struct {
	begins string
	reason int
}{
	{"tls: client offered only unsupported versions", shakeVersion},
	{"tls: no cipher suite supported by both client and server", shakeCipher},
	{"tls: no certificates configured", shakeName},
	{"tls: client didn't provide a certificate", shakeClientCertificate},
}

// handshakeReason is the place of err in handshakeReasons.
func handshakeReason(err error) int {
	if r, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		if saysHTTP(r.RecordHeader) {
			return shakePlainHTTP
		}
		return shakeNotTLS
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return shakeClientCertificate
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return shakeAlert
	}
	switch {
	case timeout(err):
		return shakeTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, net.ErrClosed):
		return shakeLeft
	}
	for _, w := range shakeWords {
		if strings.HasPrefix(err.Error(), w.begins) {
			return w.reason
		}
	}
	return shakeOther
}
