// Package load simulates mobile clients, up to tens of thousands in one process: each signs in, makes its application, holds
// its long poll, sets its presence, writes to another, goes and comes again, and signs out. What counts first is correctness: the wrong web site, the
// wrong user, a poll that was lost or cut, an event out of order. Latencies and a series per second come with it.
//
//	target := load.Target{Domain: "contoso.example", Routes: map[string]string{"": "127.0.0.1:8443"}, Roots: roots, Accounts: accounts}
//	result, err := load.Run(ctx, target, load.Low())
//
// # Model
//
// A client is one connection and one goroutine for as long as its poll waits, and nothing else: no buffer, no timer but its
// own. What it does beside the poll goes over a second connection that lasts no longer than the work. Clients come at the
// plan's rate; the first and the second write to one another, the third and the fourth, and so on. When the time is over
// everybody waits for the events on their way, and signs out. Who signs out and in again in between does likewise: the two of
// a pair write nothing until it is back, so that nothing is lost that is not the fault of what is loaded.
//
// Whatever a client gets that is not its own, or does not get in time, is a [Fault] of the [Result]. Nothing of a password,
// a ticket or a token stands in it.
//
// # Limits
//
// Nobody is dialled but loopback and the prefixes of [Target.Allowed]: the check is on the address that is dialled, whatever
// the name was. Clients speak HTTP/1.1 and UCWA in JSON. TLS sessions are resumed from one cache of the process, which makes
// the second connections cheaper than those of real phones.
package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrRefused is the error of a dial to an address that is neither loopback nor allowed.
var ErrRefused = errors.New("neither loopback nor an address of the bench file")

const (
	// requestTime is how long any answer but a poll's may take.
	requestTime = 30 * time.Second
	// sessions is how many TLS sessions are kept: one for each host and no more are of use.
	sessions = 16
	// descriptorsBeside is what the process needs beside its clients: files, the runtime, connections that close.
	descriptorsBeside = 256
)

// Descriptors is how many file descriptors a load of so many clients needs: the polls, and second connections of a tenth of
// the clients at a time.
func Descriptors(clients int) int { return clients + clients/10 + descriptorsBeside }

// run is one load.
type run struct {
	target Target
	plan   Plan
	name   string // tells its messages from those of another run
	began  time.Time
	tls    *tls.Config
	byHost sync.Map // the same with the server's name, *tls.Config
	dialer net.Dialer

	stats   *stats
	clients []*client
	// quiet says that nobody begins anything new, leaving that everybody signs out.
	quiet, leaving atomic.Bool
	alive          sync.WaitGroup // clients that are not done
	work           sync.WaitGroup // second connections
	tried          atomic.Int64   // clients whose first sign-in came to its end, good or bad
	unsettled      atomic.Int64   // messages, invitations and changes of presence of which no event has told
}

// Run loads the target as the plan says, and returns what came of it. The error is that it could not be tried: the plan or
// the target makes no sense. When ctx ends early, the clients are cut off, and the result is of the time until then, with
// Interrupted set.
func Run(ctx context.Context, target Target, plan Plan) (*Result, error) {
	plan = plan.complete()
	if err := errors.Join(plan.Validate(), target.validate(plan.Clients)); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	r := newRun(target, plan)
	ticking := make(chan struct{})
	var ticker sync.WaitGroup
	ticker.Go(func() { r.stats.tick(r.began, ticking, plan.Progress) })
	interrupted := r.phases(ctx)
	close(ticking)
	ticker.Wait()
	return r.result(interrupted), nil
}

func newRun(target Target, plan Plan) *run {
	r := &run{
		target: target, plan: plan, name: strconv.FormatUint(rand.Uint64(), 36), began: time.Now(),
		tls: &tls.Config{RootCAs: target.Roots, MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(sessions),
			CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}}, // those of the phones that there are
	}
	r.stats = newStats(r.began)
	r.dialer = net.Dialer{Timeout: requestTime, KeepAlive: -1, ControlContext: r.permit}
	r.dialer.SetMultipathTCP(false)
	r.clients = make([]*client, plan.Clients)
	pairs := make([]pair, (plan.Clients+1)/2)
	for i := range r.clients {
		r.clients[i] = &client{run: r, index: i, account: &target.Accounts[i], pair: &pairs[i/2], side: i % 2}
		pairs[i/2].clients[i%2] = r.clients[i]
	}
	return r
}

// permit is asked with the address that a socket is about to connect to.
func (r *run) permit(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !r.target.allows(at.Addr()) {
		return fmt.Errorf("%s is %w", address, ErrRefused)
	}
	return nil
}

// phases lets the clients come, stay and leave. It reports whether the context ended before.
func (r *run) phases(ctx context.Context) (interrupted bool) {
	ctx, cut := context.WithCancel(ctx)
	defer cut()
	pause := time.Duration(float64(time.Second) / r.plan.SignIns)
	pace := time.NewTicker(max(pause, time.Microsecond))
	defer pace.Stop()
	for _, c := range r.clients {
		if !wait(ctx, pace.C) {
			break
		}
		r.alive.Add(1)
		go c.begin(ctx)
	}
	until(ctx, requestTime, func() bool { return int(r.tried.Load()) == len(r.clients) })
	if wait(ctx, time.After(r.plan.WarmUp)) {
		r.stats.warm.Store(true)
		wait(ctx, time.After(r.plan.Duration))
	}
	interrupted = ctx.Err() != nil
	r.quiet.Store(true)
	if !interrupted && until(ctx, r.patience(), func() bool { return r.unsettled.Load() <= 0 }) {
		for _, c := range r.clients {
			c.lose()
		}
	}
	r.leaving.Store(true)
	for _, c := range r.clients {
		if !wait(ctx, pace.C) {
			break
		}
		c.leave(ctx)
	}
	gone := make(chan struct{})
	go func() {
		r.alive.Wait()
		r.work.Wait()
		close(gone)
	}()
	if !wait(ctx, gone) || interrupted {
		r.cutOff()
		<-gone
		return true
	}
	return false
}

// until waits until something is so, and at most so long. It returns false when the run is cut off.
func until(ctx context.Context, limit time.Duration, so func() bool) bool {
	over, look := time.After(limit), time.NewTicker(10*time.Millisecond)
	defer look.Stop()
	for !so() && ctx.Err() == nil {
		select {
		case <-over:
			return true
		case <-look.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// patience is how much later than expected something may come before it counts as lost.
func (r *run) patience() time.Duration { return r.plan.Grace + time.Duration(r.stats.slowest.Load()) }

// cutOff ends everything at once.
func (r *run) cutOff() {
	for _, c := range r.clients {
		c.abandon()
	}
}

// wait waits for either, and reports whether it was not the end of the context.
func wait[T any](ctx context.Context, c <-chan T) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case <-c:
		return true
	case <-ctx.Done():
		return false
	}
}

// since is the time of the run.
func (r *run) since() time.Duration { return time.Since(r.began) }

// address is where a host is reached.
func (r *run) address(host string) string {
	at := net.JoinHostPort(host, "443")
	if name, port, err := net.SplitHostPort(host); err == nil {
		host, at = name, net.JoinHostPort(name, port)
	}
	for _, name := range []string{at, host, ""} {
		if route := r.target.Routes[strings.ToLower(name)]; route != "" {
			return route
		}
	}
	return at
}

// site says what is wrong with a host that an answer leads to; empty when nothing is.
func (r *run) site(host string) string {
	name := strings.ToLower(host)
	switch {
	case slices.Contains(r.target.InternalHosts, name):
		return "a link of the internal web site: " + host
	case !slices.Contains(r.target.Hosts, name):
		return "a link to a host that is none of the external web site's: " + host
	}
	return ""
}
