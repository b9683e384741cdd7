package grid

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"lyncpin/internal/export"
	"lyncpin/internal/peer"
	"lyncpin/internal/pki"
	"lyncpin/internal/topology"
	"lyncpin/proxy"
)

// world is what all columns share: names, certificates and the plan.
type world struct {
	authority   *pki.Authority
	plan        topology.Proxy
	front, back tls.Certificate
}

// column is a proxy with what was seen through it.
type column struct {
	name, version string
	// tunnel says that bytes pass as they are, on a connection that no other client uses.
	tunnel bool
	seen   map[string]*Observation // by case
}

// Observation is what one case showed in one column.
type Observation struct {
	received []seen
	heard    []heard // by step
	tunnel   bool
}

// running is a started proxy.
type running struct {
	dialer
	version string
	close   func() error
}

// newWorld publishes one Front End of the healthy deployment: what connections are shared shows only where there is one.
func newWorld() (*world, error) {
	t := topology.Healthy()
	p := t.Proxy
	p.Addresses = p.Addresses[:1]
	lync := p.Rules[0]
	lync.WebServers = []string{topology.FE1HTTPS, topology.FE1HTTP}
	p.Rules = []topology.Rule{lync}
	var servers []topology.WebServer
	for _, s := range p.WebServers {
		if s.Alias == topology.FE1HTTPS || s.Alias == topology.FE1HTTP {
			servers = append(servers, s)
		}
	}
	p.WebServers = servers
	w := &world{plan: p}
	var err error
	if w.authority, err = pki.New(time.Now()); err != nil {
		return nil, err
	}
	if w.front, err = w.authority.Issue(pki.Spec{Issuer: pki.Public, Names: append([]string{unpublished, frontAddress}, p.Certificates[0].Names...)}); err != nil {
		return nil, err
	}
	external := t.FrontEndPool().External.Certificate
	w.back, err = w.authority.Issue(pki.Spec{CommonName: external.CommonName, Names: append([]string{frontAddress, unpublished}, external.Names...), Issuer: pki.Enterprise})
	return w, err
}

// unpublished is a name of the certificate that no rule publishes.
const unpublished = "reach.contoso.example"

// available tells whether a column can be started here.
func available(name string) bool {
	if name == Ours || name == Direct {
		return true
	}
	_, err := peer.Find(name)
	return err == nil && slices.Contains(export.Products(), name)
}

// runColumn starts a proxy with a backend behind it and sends all cases through.
func (w *world) runColumn(ctx context.Context, name string, cases []Case, step func()) (_ *column, err error) {
	back, err := startBackend(cases, &tls.Config{Certificates: []tls.Certificate{w.back}, NextProtos: []string{"http/1.1"}})
	if err != nil {
		return nil, err
	}
	defer back.close()
	run, err := w.start(ctx, name, back)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, run.close()) }()
	col := &column{name: name, version: run.version, tunnel: name == Direct || name == export.NginxStream, seen: map[string]*Observation{}}
	var mu sync.Mutex
	do := func(c *Case) {
		o := run.send(ctx, c, back)
		o.tunnel = col.tunnel
		mu.Lock()
		defer mu.Unlock()
		col.seen[c.ID] = o
		step()
	}
	for i := range cases { // one after the other, and before there are connections in a pool
		if cases[i].Alone && ctx.Err() == nil {
			do(&cases[i])
			back.hangUp()
			wait(ctx, hangUpWait)
		}
	}
	var group sync.WaitGroup
	slots := make(chan struct{}, inFlight)
	for i := range cases {
		if cases[i].Alone || ctx.Err() != nil {
			continue
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			do(&cases[i])
		})
	}
	group.Wait()
	return col, ctx.Err()
}

// hangUpWait is how long a proxy on the same machine takes to learn that its connections have ended; before that it would send
// the next request into the void.
const hangUpWait = 20 * time.Millisecond

// inFlight is how many requests a column has at a time: slow ones overlap, and two processors are not overwhelmed.
const inFlight = 6

// start starts the proxy of a column.
func (w *world) start(ctx context.Context, name string, back *backend) (*running, error) {
	r := &running{close: func() error { return nil }}
	r.roots = w.authority.Roots(pki.Public)
	var err error
	switch name {
	case Direct:
		r.tls, r.plain, r.roots = back.address(back.tls), back.address(back.plain), w.authority.Roots(pki.Enterprise)
	case Ours:
		err = w.startOurs(ctx, r, back)
	default:
		err = w.startProduct(ctx, r, name, back)
	}
	return r, err
}

func (w *world) startOurs(ctx context.Context, r *running, back *backend) error {
	tlsBack, plainBack := back.address(back.tls), back.address(back.plain)
	s, err := proxy.Start(ctx, proxy.Config{
		HTTPS: []string{"127.0.0.1:0"}, HTTP: []string{"127.0.0.1:0"},
		Certificates: []proxy.Certificate{{Certificate: w.front}},
		WebServers: []proxy.WebServer{
			{Alias: topology.FE1HTTPS, Address: "127.0.0.1", Port: int(tlsBack.Port()), Scheme: "https", Name: "fe1.contoso.example", RootCAs: w.authority.Roots(pki.Enterprise)},
			{Alias: topology.FE1HTTP, Address: "127.0.0.1", Port: int(plainBack.Port()), Scheme: "http"},
		},
		Rules: []proxy.Rule{{Hosts: w.plan.Rules[0].Hosts, WebServers: w.plan.Rules[0].WebServers}},
		Grace: -1, // nobody is left to wait for
	})
	if err != nil {
		return err
	}
	r.close = s.Close
	r.version = moduleVersion()
	r.tls = s.HTTPSAddrs()[0].(*net.TCPAddr).AddrPort()
	r.plain = s.HTTPAddrs()[0].(*net.TCPAddr).AddrPort()
	return nil
}

// moduleVersion is this program's.
func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func (w *world) startProduct(ctx context.Context, r *running, name string, back *backend) error {
	var err error
	if r.version, err = peer.Version(ctx, name); err != nil {
		return err
	}
	in := export.Input{Proxy: w.plan, Files: export.DefaultFiles(name, len(w.plan.Certificates))}
	text, err := export.Write(name, in)
	if err != nil {
		return err
	}
	files, err := w.files(in.Files)
	if err != nil {
		return err
	}
	https := netip.AddrPortFrom(w.plan.Addresses[0], uint16(w.plan.HTTPS))
	http := netip.AddrPortFrom(w.plan.Addresses[0], uint16(w.plan.HTTP))
	p, err := peer.Start(ctx, peer.Config{Product: name, Text: text, Files: files, Listen: []netip.AddrPort{https, http},
		WebServer: func(plan netip.AddrPort) netip.AddrPort { return w.webServer(plan, back) }})
	if err != nil {
		return err
	}
	r.tls, r.plain, r.close = p.Addr(https), p.Addr(http), p.Close
	if !r.tls.IsValid() || !r.plain.IsValid() {
		return errors.Join(fmt.Errorf("it does not listen at %s and %s", https, http), p.Close())
	}
	return nil
}

// webServer is where the plan's web server really is.
func (w *world) webServer(plan netip.AddrPort, back *backend) netip.AddrPort {
	for _, s := range w.plan.WebServers {
		if s.Address != plan.Addr().String() || s.Port != int(plan.Port()) {
			continue
		}
		if s.Scheme == "https" {
			return back.address(back.tls)
		}
		return back.address(back.plain)
	}
	return netip.AddrPort{}
}

// files are what the configuration names, by path.
func (w *world) files(f export.Files) (map[string][]byte, error) {
	key, err := pki.KeyPEM(w.front)
	if err != nil {
		return nil, err
	}
	chain := pki.FullChainPEM(w.front)
	out := map[string][]byte{}
	for _, c := range f.Certificates {
		out[c.FullChain], out[c.Key], out[c.Combined] = chain, key, slices.Concat(chain, key)
	}
	for issuer, path := range f.Roots {
		out[path] = w.authority.RootPEM(issuer)
	}
	return out, nil
}

// send does all steps of a case.
func (r *running) send(ctx context.Context, c *Case, back *backend) *Observation {
	o := &Observation{}
	lines := map[int]*line{}
	defer func() {
		for _, l := range lines {
			l.close()
		}
	}()
	for i := range c.Steps {
		client := c.Steps[i].Client
		l := lines[client]
		reused := l != nil
		if l == nil {
			short, cancel := context.WithTimeout(ctx, clientWait)
			conn, err := r.dial(short, c)
			cancel()
			if err != nil {
				o.heard = append(o.heard, heard{end: endRefused, err: err.Error()})
				continue
			}
			l = newLine(conn)
			lines[client] = l
		}
		h := l.say(ctx, c, i)
		h.reused = reused
		o.heard = append(o.heard, h)
	}
	settle, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	o.received = back.received(settle, c.ID)
	return o
}

// settleWait is how long the backend may go on after the client has all: as long as the longest hold.
const settleWait = 4 * time.Second
