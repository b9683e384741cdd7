package lab

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"lyncpin/internal/export"
	"lyncpin/internal/fabric"
	"lyncpin/internal/peer"
	"lyncpin/internal/pki"
	"lyncpin/internal/topology"
)

// Candidate is a reverse proxy that is not the lab's own: a product that the lab starts, or one at an address. One of
// Product and At is given.
type Candidate struct {
	// Product is what to start, a product of internal/peer. Its configuration is written from the topology.
	Product string
	// Edit changes the configuration before it is started, as an administrator would. Nil leaves it as it is written.
	Edit func(config string) (string, error)
	// Text is a whole configuration in place of the one that would be written. It names certificates by the paths of
	// export.DefaultFiles. Empty means to write one.
	Text string
	// At are the addresses of a proxy that already runs, by the port of the plan (443 and 80).
	At map[int]netip.AddrPort
	// FrontEnds is an address of this machine that the proxy at At reaches: the first Front End is bound there, with the
	// plan's ports. Invalid means that all servers behind the proxy are bound at the plan's own addresses.
	FrontEnds netip.Addr
	// Roots are what any device trusts besides the lab's public root, in PEM: the proxy at At may have a certificate that
	// the lab did not issue. The lab's own servers still have.
	Roots []byte
}

func (c *Candidate) validate() error {
	switch {
	case len(c.Roots) > 0 && !x509.NewCertPool().AppendCertsFromPEM(c.Roots):
		return errors.New("the roots hold no certificate in PEM form")
	case c.Product != "" && c.At != nil:
		return errors.New("a proxy is started, or it is at an address, not both")
	case c.Product == "" && c.At == nil:
		return errors.New("neither a product to start nor the address of a proxy")
	case c.Product != "" && !slices.Contains(peer.Products(), c.Product):
		return fmt.Errorf("unknown product %q", c.Product)
	}
	return nil
}

// Real are the addresses of this machine that servers of the plan are bound at, by the plan's: a proxy on another machine must reach
// them. None for a nil Candidate, and when the lab starts the proxy.
func (c *Candidate) Real(t *topology.Topology) map[netip.Addr]netip.Addr {
	if c == nil || c.At == nil {
		return nil
	}
	if c.FrontEnds.IsValid() {
		return map[netip.Addr]netip.Addr{t.FrontEndPool().Nodes[0].Address: c.FrontEnds}
	}
	out := map[netip.Addr]netip.Addr{}
	for _, w := range t.Proxy.WebServers {
		if addr, err := netip.ParseAddr(w.Address); err == nil {
			out[addr] = addr
		}
	}
	return out
}

// trusted adds the candidate's roots to a pool, which is the caller's own.
func (c *Candidate) trusted(pool *x509.CertPool) *x509.CertPool {
	if c != nil {
		pool.AppendCertsFromPEM(c.Roots)
	}
	return pool
}

// startCandidate puts another proxy in the place of the lab's own. Everything else must run.
func (l *Lab) startCandidate(ctx context.Context) error {
	c := l.opts.Candidate
	net := l.net.(*fabric.Fabric) // validate has refused the plan's own addresses
	if c.At != nil {
		for _, plan := range l.listeners() {
			if real, ok := c.At[int(plan.Port())]; ok {
				if _, err := net.Adopt("tcp", plan.String(), real); err != nil {
					return err
				}
			}
		}
		return nil
	}
	text, files, err := l.configuration(ctx)
	if err != nil {
		return err
	}
	ways := &ways{streams: newStreams(ctx), net: net}
	l.keep(ways)
	p, err := peer.Start(ctx, peer.Config{
		Product: c.Product, Text: text, Files: files, Listen: l.listeners(), WebServer: ways.to, Speed: l.opts.Speed,
	})
	if err != nil {
		return err
	}
	l.peer = p
	for _, plan := range l.listeners() {
		if _, err := net.Adopt("tcp", plan.String(), p.Addr(plan)); err != nil {
			return err
		}
	}
	return nil
}

// listeners are the addresses that the topology's proxy listens at.
func (l *Lab) listeners() []netip.AddrPort {
	var out []netip.AddrPort
	for _, a := range l.top.Proxy.Addresses {
		for _, port := range []int{l.top.Proxy.HTTPS, l.top.Proxy.HTTP} {
			if port != 0 {
				out = append(out, netip.AddrPortFrom(a, uint16(port)))
			}
		}
	}
	return out
}

// configuration is the text to start the candidate with, and the files that it names.
func (l *Lab) configuration(ctx context.Context) (string, map[string][]byte, error) {
	c := l.opts.Candidate
	paths := export.DefaultFiles(c.Product, len(l.top.Proxy.Certificates))
	files := map[string][]byte{}
	for i := range l.top.Proxy.Certificates {
		cert, err := l.issue(&l.top.Proxy.Certificates[i])
		if err != nil {
			return "", nil, err
		}
		key, err := pki.KeyPEM(cert)
		if err != nil {
			return "", nil, err
		}
		f := paths.Certificates[i]
		files[f.FullChain], files[f.Key] = pki.FullChainPEM(cert), key
		files[f.Combined] = slices.Concat(pki.FullChainPEM(cert), key)
	}
	for issuer, path := range paths.Roots {
		files[path] = l.authority.RootPEM(issuer)
	}
	text := c.Text
	if text == "" {
		var err error
		if text, err = export.Write(c.Product, export.Input{Proxy: l.resolved(ctx), Files: paths}); err != nil {
			return "", nil, err
		}
	}
	if c.Edit != nil {
		edited, err := c.Edit(text)
		if err != nil {
			return "", nil, err
		}
		text = edited
	}
	return text, files, nil
}

// resolved is the topology's proxy with the addresses of its web servers in place of names, which a product could look up in
// the system's name servers only. A name that is not found stays.
func (l *Lab) resolved(ctx context.Context) topology.Proxy {
	p := l.top.Clone().Proxy
	for i := range p.WebServers {
		w := &p.WebServers[i]
		if _, err := netip.ParseAddr(w.Address); err == nil {
			continue
		}
		found, err := l.resolver().LookupNetIP(ctx, "ip", rooted(w.Address))
		if err == nil && len(found) > 0 {
			w.Name = cmp.Or(w.Name, w.Address)
			w.Address = found[0].Unmap().String()
		}
	}
	return p
}

// ProxyText is the configuration of the product in the place of the lab's proxy, as it was started; empty when there is none.
func (l *Lab) ProxyText() string {
	if l.peer == nil {
		return ""
	}
	return l.peer.Text()
}

// ProxyLog is what that product has said, also after Close.
func (l *Lab) ProxyLog() string {
	if l.peer == nil {
		return ""
	}
	return l.peer.Log()
}
