// Package lab runs a topology: name server, Front Ends, balancers, the servers beside them and the reverse proxy, all
// bound when Start returns, and hands out the places to look from.
//
//	l, err := lab.Start(ctx, topology.Healthy(), lab.Options{})
//	…
//	defer l.Close()
//	v := l.Vantage(probe.External) // resolver, dialer and roots of somebody on the Internet
//
// # Model
//
// A lab obeys its topology, right or wrong. By default it lives on a fabric of its own: the plan's addresses are mapped
// to loopback, nothing needs privileges, and hundreds of labs run beside one another. With [Options.Bind] set to [Plan]
// the servers bind the addresses of the plan themselves, with their real ports, for clients of other machines.
//
// Any part can be left out ([Options.Only]), for a real one to take its place: [Lab.Endpoints] says where the others are.
//
// # Limits
//
// Records of a view that lie in none of its zones are not served, as a name server does not know them. A balancer
// notices a dead member only by trying it. Bound to the plan, a lab cannot apply the topology's paths.
package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"lyncpin/dns"
	"lyncpin/fakelync"
	"lyncpin/internal/fabric"
	"lyncpin/internal/peer"
	"lyncpin/internal/pki"
	"lyncpin/internal/topology"
	"lyncpin/probe"
	"lyncpin/proxy"
)

// Parts of a lab.
const (
	DNS      = "dns"      // the name server with both views
	FrontEnd = "frontend" // pools, their balancers, and the apps
	Proxy    = "proxy"    // the reverse proxy
)

// Ways to bind.
const (
	Loopback = "loopback" // 127.0.0.1 and free ports, mapped by a fabric
	Plan     = "plan"     // the addresses and ports of the topology
)

// Options say how a topology is run. The zero Options run all of it on loopback.
type Options struct {
	// Only names the parts to start: DNS, FrontEnd, Proxy. Nil means all.
	Only []string
	// Bind is Loopback (also when empty) or Plan.
	Bind string
	// Authority issues the certificates; labs may share one. Nil means one of the lab's own.
	Authority *pki.Authority
	// DropTime is how long a dial into silence takes. Zero means until its context ends, as on a real network.
	// Bound to the plan it means nothing.
	DropTime time.Duration
	// Speed is how many seconds of the deployment pass in one second: of its long polls, and of the time-outs that the
	// topology sets. Zero means 1.
	Speed float64
	// Logger gets what the servers have to say. Nil discards it.
	Logger *slog.Logger
	// Candidate takes the place of the lab's own reverse proxy. Nil means that the lab's own runs.
	Candidate *Candidate
}

func (o *Options) runs(part string) bool { return o.Only == nil || slices.Contains(o.Only, part) }

func (o *Options) validate() error {
	for _, p := range o.Only {
		if !slices.Contains([]string{DNS, FrontEnd, Proxy}, p) {
			return fmt.Errorf("unknown part %q (known are %s, %s and %s)", p, DNS, FrontEnd, Proxy)
		}
	}
	if o.Bind != "" && o.Bind != Loopback && o.Bind != Plan {
		return fmt.Errorf("unknown way to bind %q (known are %s and %s)", o.Bind, Loopback, Plan)
	}
	if c := o.Candidate; c != nil {
		if err := c.validate(); err != nil {
			return err
		}
		if o.Bind == Plan {
			return errors.New("another proxy takes the place of the lab's own on loopback only")
		}
	}
	if o.Speed < 0 {
		return fmt.Errorf("speed %g is negative", o.Speed)
	}
	return nil
}

// scaled is how long something of the deployment's time takes in the lab.
func (o *Options) scaled(d time.Duration) time.Duration {
	if o.Speed == 0 {
		return d
	}
	return time.Duration(float64(d) / o.Speed)
}

// Lab is a running topology. Its methods may be called by several goroutines.
type Lab struct {
	top       *topology.Topology
	opts      Options
	net       fabric.Network
	authority *pki.Authority
	directory *fakelync.Organisation // accounts, tickets and applications, which all pools share

	mu        sync.Mutex // guards the rest while the lab starts
	dns       *dns.Server
	proxy     *proxy.Server
	peer      *peer.Peer // a product in place of proxy
	frontEnds map[string]*fakelync.Server
	behind    []interface{ Close() error } // everything but the proxy

	closeOnce sync.Once
	closeErr  error
}

// Start runs a copy of t and returns when everything is bound. If anything fails, the rest is closed again. The caller
// must Close the lab. The end of ctx ends the start, not the lab.
func Start(ctx context.Context, t *topology.Topology, opts Options) (*Lab, error) {
	if err := opts.validate(); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	if err := t.Validate(); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	l := &Lab{top: t.Clone(), opts: opts, authority: opts.Authority, frontEnds: map[string]*fakelync.Server{}}
	if l.authority == nil {
		var err error
		if l.authority, err = pki.New(time.Now()); err != nil {
			return nil, fmt.Errorf("lab: %w", err)
		}
	}
	l.directory = fakelync.NewOrganisation(l.organisation())
	var err error
	if l.net, err = l.network(); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	if err := l.startAll(ctx); err != nil {
		return nil, fmt.Errorf("lab: %w", errors.Join(err, l.Close()))
	}
	return l, nil
}

// Places of a lab besides those of a probe.
const balancerPlace = "balancer " // and the name of the pool

// Addresses that clients have where they stand: a network on the Internet, the office's and its wireless one.
var clients = map[string]netip.Addr{
	probe.External: netip.MustParseAddr("192.0.2.50"),
	probe.Internal: netip.MustParseAddr("10.10.20.50"),
	probe.WiFi:     netip.MustParseAddr("10.10.30.50"),
}

func (l *Lab) network() (fabric.Network, error) {
	if l.opts.Bind == Plan {
		return &fabric.Direct{}, nil
	}
	cfg := fabric.Config{
		Places:   map[string]netip.Addr{},
		Outside:  []string{probe.External},
		DropTime: l.opts.DropTime,
		Real:     l.opts.Candidate.Real(l.top),
	}
	for place, addr := range clients {
		cfg.Places[place] = addr
	}
	if n := len(l.top.Proxy.Addresses); n > 0 {
		cfg.Places[probe.Proxy] = l.top.Proxy.Addresses[n-1] // the inside one comes last
	}
	for _, p := range l.top.Pools {
		if p.Balancer != nil {
			cfg.Places[balancerPlace+p.Name] = p.Balancer.Address
		}
	}
	for _, p := range l.top.Paths {
		converted, err := path(p)
		if err != nil {
			return nil, err
		}
		converted.After = l.opts.scaled(p.After)
		cfg.Paths = append(cfg.Paths, converted)
	}
	return fabric.New(cfg)
}

// path converts a path that Validate has let pass.
func path(p topology.Path) (fabric.Path, error) {
	out := fabric.Path{From: p.From, Port: p.Port, Action: p.Action}
	var err error
	if strings.Contains(p.To, "/") {
		out.To, err = netip.ParsePrefix(p.To)
	} else {
		var addr netip.Addr
		if addr, err = netip.ParseAddr(p.To); err == nil {
			out.To = netip.PrefixFrom(addr, addr.BitLen())
		}
	}
	if err == nil && p.Action == topology.Translate {
		out.Target, err = netip.ParseAddrPort(p.Target)
	}
	return out, err
}

// startAll starts the parts side by side.
func (l *Lab) startAll(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group sync.WaitGroup
	var first error
	start := func(what string, begin func(context.Context) error) {
		group.Go(func() {
			err := begin(ctx)
			if err == nil {
				return
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			if first == nil { // the others fail because of it
				first = fmt.Errorf("%s: %w", what, err)
			}
			cancel()
		})
	}
	if l.opts.runs(DNS) {
		start("name server", l.startDNS)
	}
	if l.opts.runs(FrontEnd) {
		for i := range l.top.Pools {
			p := &l.top.Pools[i]
			for j := range p.Nodes {
				start(p.Nodes[j].FQDN, func(ctx context.Context) error { return l.startNode(ctx, p, &p.Nodes[j]) })
				if p.SIP != 0 && !p.Nodes[j].Off() {
					start("registrar of "+p.Nodes[j].FQDN, func(ctx context.Context) error { return l.startRegistrar(ctx, p, &p.Nodes[j]) })
				}
			}
			if p.Balancer != nil {
				start("balancer of "+p.Name, func(ctx context.Context) error { return l.startBalancer(ctx, p) })
			}
		}
		for i := range l.top.Apps {
			a := &l.top.Apps[i]
			start(a.FQDN, func(ctx context.Context) error { return l.startApp(ctx, a) })
		}
	}
	published := l.opts.runs(Proxy) && (l.top.Proxy.HTTPS != 0 || l.top.Proxy.HTTP != 0)
	if published && l.opts.Candidate == nil {
		start("reverse proxy", l.startProxy)
	}
	group.Wait()
	if first == nil && published && l.opts.Candidate != nil {
		return l.startCandidate(ctx) // last: it is told where the others are
	}
	return first
}

// keep remembers a server for Close.
func (l *Lab) keep(s interface{ Close() error }) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.behind = append(l.behind, s)
}

// Close stops everything and waits for it. It may be called more than once and by several goroutines.
func (l *Lab) Close() error {
	l.closeOnce.Do(func() {
		var errs []error
		if l.proxy != nil {
			errs = append(errs, l.proxy.Close()) // first: it holds connections to the others
		}
		if l.peer != nil {
			errs = append(errs, l.peer.Close())
		}
		results := make([]error, len(l.behind))
		var group sync.WaitGroup
		for i, s := range l.behind {
			group.Go(func() { results[i] = s.Close() })
		}
		group.Wait()
		errs = append(errs, results...)
		l.closeErr = errors.Join(append(errs, l.net.Close())...)
	})
	return l.closeErr
}

// Topology is a copy of what the lab runs.
func (l *Lab) Topology() *topology.Topology { return l.top.Clone() }

// FrontEnds are the nodes of all pools by FQDN; empty when they were not started. The map is the caller's own.
func (l *Lab) FrontEnds() map[string]*fakelync.Server {
	out := map[string]*fakelync.Server{}
	for name, s := range l.frontEnds {
		out[name] = s
	}
	return out
}

// Proxy is the lab's own reverse proxy, nil when it was not started.
func (l *Lab) Proxy() *proxy.Server { return l.proxy }

// DNS is the name server, nil when it was not started. Its views are named "external" and "internal".
func (l *Lab) DNS() *dns.Server { return l.dns }
